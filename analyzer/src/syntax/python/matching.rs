//! `match` as nested `If`s.
//!
//! The subject is evaluated once, into a temporary unless it is a name. A
//! case's test is an `Opaque` of the subject and everything its pattern
//! evaluates (values, classes), then its guard. What the pattern captures is
//! assigned first thing in the body, as a path from the subject: `Attr`,
//! `Item`, or `Opaque` for "some part of it".

use smol_str::SmolStr;
use tree_sitter::Node;

use super::build::{Lower, line};
use super::compound::{Arm, nested};
use super::kinds::{Field, Kind, field, kind};
use crate::syntax::facts::{ExprId, ExprKind, Stmt, StmtKind};

/// Further down, a capture is "some part" of the value there: a path is
/// written out once per capture.
const LONGEST_PATH: usize = 8;

/// A step from a value to a part of it.
#[derive(Clone)]
enum Step<'t> {
    Attr(SmolStr),
    Item(usize),
    Key(Node<'t>),
    Some,
}

/// What a pattern evaluates and binds.
#[derive(Default)]
struct Pattern<'t> {
    parts: Vec<ExprId>,
    captures: Vec<(Node<'t>, Vec<Step<'t>>)>,
    /// It can fail to match.
    refutable: bool,
}

impl<'t> Lower<'t> {
    pub(super) fn match_statement(&mut self, node: Node<'t>, body: &mut Vec<Stmt>) {
        let subject = self.subject(node, body);
        let mut arms = Vec::new();
        let mut other = Vec::new();
        let cases = field(node, Field::Body).map(|block| self.children(block));
        for case in cases.unwrap_or_default() {
            let mut pattern = self.case_patterns(case);
            let mut then = self.captures(&pattern, &subject);
            if let Some(guard) = field(case, Field::Guard) {
                pattern.parts.extend(self.first_expr(guard));
                pattern.refutable = true;
            }
            then.append(&mut self.block_of(case, Field::Consequence));
            if !pattern.refutable {
                other = then;
                break;
            }
            let mut parts = vec![self.push(case, ExprKind::Name(subject.clone()))];
            parts.append(&mut pattern.parts);
            let test = self.push(case, ExprKind::Opaque(parts.into()));
            let line = line(case);
            arms.push(Arm { test, then, line });
        }
        self.nest(node, arms.len());
        body.append(&mut nested(arms, other));
    }

    /// The name under which the cases see the subject.
    fn subject(&mut self, node: Node<'t>, body: &mut Vec<Stmt>) -> SmolStr {
        let subjects = self.fields(node, Field::Subject);
        let has_comma = |token: &Node<'t>| kind(*token) == Kind::Comma;
        let is_tuple = self.tokens(node).iter().any(has_comma);
        let value = match *subjects.as_slice() {
            [only] if !is_tuple => {
                let only = self.unwrapped(only);
                if kind(only) == Kind::Identifier {
                    return self.name(only);
                }
                self.expr(only)
            }
            ref several => self.tuple(node, several),
        };
        let name = self.temporary();
        let target = self.push(node, ExprKind::Name(name.clone()));
        body.push(assign(target, value, line(node)));
        name
    }

    /// `case a, b` is a sequence without brackets.
    fn case_patterns(&mut self, case: Node<'t>) -> Pattern<'t> {
        let mut pattern = Pattern::default();
        let tokens = self.tokens(case);
        let is_sequence = tokens.iter().any(|token| kind(*token) == Kind::Comma);
        let patterns: Vec<_> = tokens
            .into_iter()
            .filter(|token| kind(*token) == Kind::CasePattern)
            .collect();
        match *patterns.as_slice() {
            [only] if !is_sequence => self.pattern(only, &[], &mut pattern),
            ref several => self.sequence(several, &[], &mut pattern),
        }
        pattern
    }

    /// Adds to `found` what the pattern `node` says of the part at `path`.
    fn pattern(&mut self, node: Node<'t>, path: &[Step<'t>], found: &mut Pattern<'t>) {
        self.deeper(node, |this| this.pattern_kind(node, path, found));
    }

    fn pattern_kind(&mut self, node: Node<'t>, path: &[Step<'t>], found: &mut Pattern<'t>) {
        let children = self.children(node);
        match kind(node) {
            Kind::CasePattern => match *children.as_slice() {
                [only] if kind(only) == Kind::DottedName => self.name_pattern(only, path, found),
                [only] => self.pattern(only, path, found),
                // `_`, which is no named node
                _ => {}
            },
            Kind::AsPattern => {
                if let [inner, name] = *children.as_slice() {
                    self.pattern(inner, path, found);
                    found.captures.push((name, path.to_vec()));
                }
            }
            Kind::DottedName => self.name_pattern(node, path, found),
            Kind::TuplePattern if self.tokens(node).len() == 3 && children.len() == 1 => {
                self.pattern(children[0], path, found);
            }
            Kind::ListPattern | Kind::TuplePattern => self.sequence(&children, path, found),
            Kind::UnionPattern => self.union(&children, path, found),
            Kind::ClassPattern => self.class_pattern(&children, path, found),
            Kind::DictPattern => self.mapping(&children, path, found),
            Kind::SplatPattern => self.splat(node, path, found),
            _ => {
                found.refutable = true;
                found.parts.push(self.expr(node));
            }
        }
    }

    /// A bare name captures, `_` drops, a dotted one is compared.
    fn name_pattern(&mut self, node: Node<'t>, path: &[Step<'t>], found: &mut Pattern<'t>) {
        match *self.children(node) {
            [name] if self.text_of(name) == "_" => {}
            [name] => found.captures.push((name, path.to_vec())),
            _ => {
                found.refutable = true;
                found.parts.push(self.expr(node));
            }
        }
    }

    fn sequence(&mut self, parts: &[Node<'t>], path: &[Step<'t>], found: &mut Pattern<'t>) {
        found.refutable = true;
        let mut after_star = false;
        for (idx, part) in parts.iter().enumerate() {
            let inner = self.inside_case(*part);
            after_star |= kind(inner) == Kind::SplatPattern;
            let step = match after_star {
                true => Step::Some,
                false => Step::Item(idx),
            };
            self.pattern(inner, &extended(path, step), found);
        }
    }

    /// The pattern that `node` wraps, `*rest` for one.
    fn inside_case(&mut self, node: Node<'t>) -> Node<'t> {
        match *self.children(node) {
            [only] if kind(node) == Kind::CasePattern => only,
            _ => node,
        }
    }

    /// `a | b`: matches when one does, and all bind the same names.
    fn union(&mut self, parts: &[Node<'t>], path: &[Step<'t>], found: &mut Pattern<'t>) {
        let mut all_refutable = true;
        let before = found.refutable;
        for part in parts {
            found.refutable = false;
            self.pattern(*part, path, found);
            all_refutable &= found.refutable;
        }
        found.refutable = before || all_refutable;
    }

    fn class_pattern(&mut self, children: &[Node<'t>], path: &[Step<'t>], found: &mut Pattern<'t>) {
        found.refutable = true;
        let Some((class, parts)) = children.split_first() else {
            return;
        };
        found.parts.push(self.expr(*class));
        for part in parts {
            let inner = self.inside_case(*part);
            match *self.children(inner) {
                [name, value] if kind(inner) == Kind::KeywordPattern => {
                    let step = Step::Attr(self.name(name));
                    self.pattern(value, &extended(path, step), found);
                }
                // `name=_`: the underscore is no named node
                [_] if kind(inner) == Kind::KeywordPattern => {}
                _ => self.pattern(inner, &extended(path, Step::Some), found),
            }
        }
    }

    fn mapping(&mut self, children: &[Node<'t>], path: &[Step<'t>], found: &mut Pattern<'t>) {
        found.refutable = true;
        let mut key = None;
        for child in children {
            match (kind(*child), key.take()) {
                (Kind::SplatPattern, _) => self.splat(*child, path, found),
                (_, None) => {
                    found.parts.push(self.expr(*child));
                    key = Some(*child);
                }
                (_, Some(key)) => self.pattern(*child, &extended(path, Step::Key(key)), found),
            }
        }
    }

    fn splat(&mut self, node: Node<'t>, path: &[Step<'t>], found: &mut Pattern<'t>) {
        if let Some(name) = self.first_child(node) {
            found.captures.push((name, path.to_vec()));
        }
    }

    /// Assignments of what `pattern` captures.
    fn captures(&mut self, pattern: &Pattern<'t>, subject: &SmolStr) -> Vec<Stmt> {
        let mut body = Vec::with_capacity(pattern.captures.len());
        for (name, path) in &pattern.captures {
            let mut value = self.push(*name, ExprKind::Name(subject.clone()));
            for step in path {
                value = self.step(*name, value, step);
            }
            let target = self.expr(*name);
            body.push(assign(target, value, line(*name)));
        }
        body
    }

    fn step(&mut self, node: Node<'t>, base: ExprId, step: &Step<'t>) -> ExprId {
        let kind = match step {
            Step::Attr(name) => ExprKind::Attr {
                base,
                name: name.clone(),
            },
            Step::Item(idx) => {
                let idx = ExprKind::Number(smol_str::format_smolstr!("{idx}"));
                let index = self.push(node, idx);
                ExprKind::Item { base, index }
            }
            Step::Key(key) => {
                let index = self.expr(*key);
                ExprKind::Item { base, index }
            }
            Step::Some => ExprKind::Opaque([base].into()),
        };
        self.push(node, kind)
    }
}

fn extended<'t>(path: &[Step<'t>], step: Step<'t>) -> Vec<Step<'t>> {
    let mut path = path.to_vec();
    if path.len() < LONGEST_PATH {
        path.push(step);
    } else {
        path.truncate(LONGEST_PATH - 1);
        path.push(Step::Some);
    }
    path
}

fn assign(target: ExprId, value: ExprId, line: u32) -> Stmt {
    let kind = StmtKind::Assign {
        targets: vec![target],
        value,
        annotation: None,
    };
    Stmt { kind, line }
}
