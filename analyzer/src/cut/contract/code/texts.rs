//! Which texts a list holds, and which literal an expression stands for.

use smol_str::{SmolStr, format_smolstr};

use super::{At, Code, MAX_DEPTH, Text, each_stmt};
use crate::syntax::facts::{BinaryOp, ExprId, ExprKind, StmtKind, UnaryOp};

impl Code<'_> {
    /// The texts that a list, or a single text, at `at` holds, each with the
    /// place of its literal.
    pub(in crate::cut::contract) fn texts(&self, at: At) -> Vec<Text> {
        self.texts_inner(at, 0)
    }

    pub(super) fn texts_inner(&self, at: At, depth: u32) -> Vec<Text> {
        if depth > MAX_DEPTH {
            return Vec::new();
        }
        let each = |parts: &[ExprId]| {
            let parts = parts.iter();
            parts
                .flat_map(|expr| self.texts_inner(at.part(*expr), depth + 1))
                .collect::<Vec<Text>>()
        };
        match self.kind(at) {
            ExprKind::Str(text) => vec![Text {
                text: text.clone(),
                file: at.file,
                line: self.line(at),
            }],
            ExprKind::List(parts) | ExprKind::Tuple(parts) | ExprKind::Set(parts) => each(parts),
            ExprKind::Starred(part) => each(&[*part]),
            ExprKind::Dict(entries) => {
                let keys: Vec<ExprId> = entries.iter().filter_map(|(key, _)| *key).collect();
                each(&keys)
            }
            ExprKind::Binary {
                op: BinaryOp::Add,
                left,
                right,
            } => {
                let mut found = each(&[*left]);
                let more = each(&[*right]);
                // Two single texts are one longer text.
                if found.len() == 1
                    && more.len() == 1
                    && matches!(self.kind(at.part(*left)), ExprKind::Str(_))
                {
                    return self.held_texts(at);
                }
                found.extend(more);
                found
            }
            ExprKind::Call { callee, args } => match (self.kind(at.part(*callee)), args.as_ref()) {
                (ExprKind::Name(name), [only])
                    if matches!(name.as_str(), "list" | "tuple" | "set" | "sorted") =>
                {
                    each(&[only.value])
                }
                (ExprKind::Attr { base, name }, [])
                    if matches!(name.as_str(), "keys" | "items" | "copy") =>
                {
                    each(&[*base])
                }
                _ => self.held_texts(at),
            },
            ExprKind::Comprehension { scope, .. } => self.element_texts(
                At {
                    scope: *scope,
                    ..at
                },
                depth,
            ),
            ExprKind::Name(_) | ExprKind::Attr { .. } => match self.bound(at, depth) {
                Some(places) => {
                    let mut found: Vec<Text> = places
                        .iter()
                        .flat_map(|(place, _)| self.texts_inner(*place, depth + 1))
                        .collect();
                    found.dedup();
                    if found.is_empty() {
                        self.held_texts(at)
                    } else {
                        found
                    }
                }
                None => self.held_texts(at),
            },
            _ => Vec::new(),
        }
    }

    /// `[name for name in LIST if …]` can hold what `LIST` holds.
    pub(super) fn element_texts(&self, at: At, depth: u32) -> Vec<Text> {
        let mut found = Vec::new();
        let mut element = None;
        each_stmt(&self.facts(at.file).scope(at.scope).body, &mut |stmt| {
            if let StmtKind::Expr(expr) = &stmt.kind
                && let ExprKind::Yield(Some(value)) = &self.facts(at.file).expr(*expr).kind
            {
                element = Some(*value);
            }
        });
        if let Some(expr) = element
            && matches!(
                self.kind(at.part(expr)),
                ExprKind::Name(_) | ExprKind::Str(_)
            )
        {
            found = self.texts_inner(at.part(expr), depth + 1);
        }
        found
    }

    pub(super) fn held_texts(&self, at: At) -> Vec<Text> {
        let texts = self.ctx.call_graph.texts(at.file, at.expr).into_iter();
        texts
            .filter(|text| !text.contains('{'))
            .map(|text| Text {
                text,
                file: at.file,
                line: self.line(at),
            })
            .collect()
    }

    /// The literal that `at` stands for, as Python writes it, with its place.
    pub(in crate::cut::contract) fn literal(&self, at: At) -> Option<Text> {
        self.literal_inner(at, 0)
    }

    pub(super) fn literal_inner(&self, at: At, depth: u32) -> Option<Text> {
        if depth > MAX_DEPTH {
            return None;
        }
        let sub = |expr: ExprId| self.literal_inner(at.part(expr), depth + 1);
        let here = |text: SmolStr| {
            Some(Text {
                text,
                file: at.file,
                line: self.line(at),
            })
        };
        match self.kind(at) {
            ExprKind::Str(text) => here(text.clone()),
            ExprKind::Number(text) => here(text.clone()),
            ExprKind::Bool(true) => here("True".into()),
            ExprKind::Bool(false) => here("False".into()),
            ExprKind::None => here("None".into()),
            ExprKind::Unary {
                op: UnaryOp::Neg,
                operand,
            } => {
                let inner = sub(*operand)?;
                Some(Text {
                    text: format_smolstr!("-{}", inner.text),
                    ..inner
                })
            }
            ExprKind::List(parts) | ExprKind::Tuple(parts) => {
                let parts: Option<Vec<SmolStr>> =
                    parts.iter().map(|part| Some(sub(*part)?.text)).collect();
                here(format_smolstr!("[{}]", parts?.join(", ")))
            }
            ExprKind::Name(_) | ExprKind::Attr { .. } => {
                let bound = self.bound(at, depth)?;
                let [(place, false)] = bound.as_slice() else {
                    return None;
                };
                self.literal_inner(*place, depth + 1)
            }
            // What a mapping gives when nobody set the key.
            ExprKind::Call { callee, args } => match (self.kind(at.part(*callee)), args.as_ref()) {
                (ExprKind::Attr { base, name }, [key, default]) if name == "get" => {
                    let set = self.set_default(at.part(*base), at.part(key.value), depth);
                    set.or_else(|| sub(default.value))
                }
                (ExprKind::Attr { base, name }, [key]) if name == "get" => {
                    self.set_default(at.part(*base), at.part(key.value), depth)
                }
                (ExprKind::Name(name), [only])
                    if matches!(name.as_str(), "int" | "float" | "str" | "bool") =>
                {
                    sub(only.value)
                }
                _ => None,
            },
            ExprKind::Item { base, index } => {
                self.set_default(at.part(*base), at.part(*index), depth)
            }
            _ => None,
        }
    }

    /// `base[key]` where the code of the class or function around it says
    /// `base.setdefault(key, literal)`, `base[key] = literal`, or `base` is a
    /// dict literal with that key.
    pub(super) fn set_default(&self, base: At, key: At, depth: u32) -> Option<Text> {
        let key = self.literal_inner(key, depth + 1)?.text;
        let path = self.facts(base.file).dotted(base.expr)?;
        if let Some(place) = self.value(base)
            && let ExprKind::Dict(entries) = self.kind(place)
        {
            // The last of a key counts, and what is spread may have it too.
            for (entry, value) in entries.iter().rev() {
                let entry = (*entry)?;
                let is_key =
                    matches!(self.kind(place.part(entry)), ExprKind::Str(text) if *text == key);
                if is_key {
                    return self.literal_inner(place.part(*value), depth + 1);
                }
            }
            return None;
        }
        let (mut found, mut is_open) = (Vec::new(), false);
        for scope in self.scopes_around(base.file, base.scope) {
            each_stmt(&self.facts(base.file).scope(scope).body, &mut |stmt| {
                let at = |expr: ExprId| At {
                    file: base.file,
                    scope,
                    expr,
                };
                let is_key = |expr: ExprId| matches!(self.kind(at(expr)), ExprKind::Str(text) if *text == key);
                let is_base =
                    |expr: ExprId| self.facts(base.file).dotted(expr).as_deref() == Some(&path);
                match &stmt.kind {
                    StmtKind::Expr(expr) => {
                        if let ExprKind::Call { callee, args } = self.kind(at(*expr))
                            && let ExprKind::Attr { base, name } = self.kind(at(*callee))
                            && is_base(*base)
                        {
                            is_open |= name == "update";
                            if let ("setdefault", [entry, value]) = (name.as_str(), args.as_ref())
                                && is_key(entry.value)
                            {
                                found.push(at(value.value));
                            }
                        }
                    }
                    StmtKind::Assign { targets, value, .. } => {
                        for target in targets {
                            if let ExprKind::Item { base, index } = self.kind(at(*target))
                                && is_base(*base)
                                && is_key(*index)
                            {
                                found.push(at(*value));
                            }
                        }
                    }
                    _ => {}
                }
            });
        }
        match found.as_slice() {
            [only] if !is_open => self.literal_inner(*only, depth + 1),
            _ => None,
        }
    }
}
