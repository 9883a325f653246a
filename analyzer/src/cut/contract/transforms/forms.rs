//! The short form of an expression: `ratio(a, b)`, a column, a transformer.

use smol_str::{SmolStr, format_smolstr};

use super::{Bound, Env, Forms, MAX_DEPTH};
use crate::cut::contract::code::At;
use crate::graph::{FuncId, Held};
use crate::syntax::facts::{Arg, ArgKind, BinaryOp, ExprId, ExprKind, UnaryOp};

impl Forms<'_, '_> {
    /// The short form of a value; a column's name for the column itself.
    pub(in crate::cut::contract) fn form(&self, at: At, env: &Env, depth: u32) -> Option<SmolStr> {
        if depth > MAX_DEPTH {
            return None;
        }
        let sub = |expr: ExprId| self.form(at.part(expr), env, depth + 1);
        match self.code.kind(at) {
            ExprKind::Item { base: _, index } => {
                let index = at.part(*index);
                if let ExprKind::Name(name) = self.code.kind(index)
                    && let Some(bound) = env.get(name)
                {
                    return self.bound_text(bound, 0);
                }
                match self.code.kind(index) {
                    ExprKind::Str(name) => Some(name.clone()),
                    ExprKind::Name(_) | ExprKind::Attr { .. } => {
                        match self.code.texts(index).as_slice() {
                            [only] => Some(only.text.clone()),
                            _ => None,
                        }
                    }
                    _ => None,
                }
            }
            ExprKind::Name(name) => match env.get(name) {
                Some(Bound::Text(text)) => Some(text.clone()),
                Some(Bound::Expr(at, env)) => self.form(*at, &env.clone(), depth + 1),
                None => {
                    let value = self.last_value(at)?;
                    self.form(value, env, depth + 1)
                }
            },
            ExprKind::Number(text) => Some(text.clone()),
            ExprKind::Unary {
                op: UnaryOp::Neg,
                operand,
            } => Some(format_smolstr!("-{}", sub(*operand)?)),
            ExprKind::Binary { op, left, right } => {
                let word = match op {
                    BinaryOp::Div => "ratio",
                    BinaryOp::Sub => "difference",
                    BinaryOp::Mul => "product",
                    BinaryOp::Add => "sum",
                    _ => return None,
                };
                let above = sub(*left)?;
                let below = match op {
                    BinaryOp::Div => self.unguarded(at.part(*right), env, depth + 1)?,
                    _ => sub(*right)?,
                };
                Some(format_smolstr!("{word}({above}, {below})"))
            }
            ExprKind::Call { callee, args } => {
                self.call_form(at, at.part(*callee), args, env, depth)
            }
            _ => None,
        }
    }

    pub(in crate::cut::contract) fn bound_text(
        &self,
        bound: &Bound,
        depth: u32,
    ) -> Option<SmolStr> {
        match bound {
            Bound::Text(text) => Some(text.clone()),
            Bound::Expr(..) if depth > MAX_DEPTH => None,
            Bound::Expr(at, env) => match self.code.kind(*at) {
                ExprKind::Name(name) if env.contains_key(name) => {
                    self.bound_text(&env[name], depth + 1)
                }
                _ => match self.code.texts(*at).as_slice() {
                    [only] => Some(only.text.clone()),
                    _ => None,
                },
            },
        }
    }

    /// A divisor without what keeps it from zero.
    pub(super) fn unguarded(&self, at: At, env: &Env, depth: u32) -> Option<SmolStr> {
        let sub = |expr: ExprId| at.part(expr);
        let is_plain = |expr: ExprId| match self.code.kind(sub(expr)) {
            ExprKind::Number(_) => true,
            ExprKind::Name(name) => {
                matches!(env.get(name), Some(Bound::Expr(at, _)) if matches!(self.code.kind(*at), ExprKind::Number(_)))
                    || self.code.literal(sub(expr)).is_some()
            }
            ExprKind::Attr { .. } => self.code.literal(sub(expr)).is_some(),
            _ => false,
        };
        match self.code.kind(at) {
            ExprKind::Call { callee, args } => {
                let ExprKind::Attr { base, name } = self.code.kind(sub(*callee)) else {
                    return self.form(at, env, depth);
                };
                match (name.as_str(), args.as_ref()) {
                    ("maximum", [first, second])
                        if self.is_parameter_or(second.value, at, env, &is_plain) =>
                    {
                        self.form(sub(first.value), env, depth)
                    }
                    ("replace" | "clip", _) => self.form(sub(*base), env, depth),
                    _ => self.form(at, env, depth),
                }
            }
            ExprKind::Binary {
                op: BinaryOp::Add,
                left,
                right,
            } if is_plain(*right) => self.form(sub(*left), env, depth),
            _ => self.form(at, env, depth),
        }
    }

    /// A number, or a parameter that is one unless the caller says another.
    pub(super) fn is_parameter_or(
        &self,
        expr: ExprId,
        at: At,
        env: &Env,
        is_plain: &dyn Fn(ExprId) -> bool,
    ) -> bool {
        is_plain(expr)
            || matches!(self.code.kind(at.part(expr)), ExprKind::Name(name) if !env.contains_key(name))
    }

    pub(super) fn call_form(
        &self,
        at: At,
        callee: At,
        args: &[Arg],
        env: &Env,
        depth: u32,
    ) -> Option<SmolStr> {
        if let Some((func, bound)) = self.callee_of(at, callee, args, env) {
            return self.returned(func, &bound, depth + 1);
        }
        let (base, name) = match self.code.kind(callee) {
            ExprKind::Attr { base, name } => (Some(at.part(*base)), name.clone()),
            ExprKind::Name(name) => (None, name.clone()),
            _ => return None,
        };
        let external = self.code.external(callee);
        let word = |path: &str| {
            let entry = self.code.ctx.catalog.call(path)?;
            entry.transform.clone()
        };
        let paths = self.code.library_paths(at);
        let mut words: Vec<SmolStr> = paths
            .iter()
            .chain(&external)
            .filter_map(|path| word(path))
            .collect();
        words.dedup();
        let on_module = external.is_some();
        let subject = || -> Option<SmolStr> {
            match base {
                Some(base) if !on_module => self.form(base, env, depth + 1),
                _ => self.form(at.part(args.first()?.value), env, depth + 1),
            }
        };
        let word = words.first().cloned().or_else(|| by_method(&name));
        match word.as_deref() {
            // Types say what a cast does.
            Some("cast") => subject(),
            Some("log") => Some(format_smolstr!("{name}({})", subject()?)),
            Some("date-parts") if name == "to_datetime" => subject(),
            Some("aggregate" | "join") => None,
            Some(word) => Some(format_smolstr!("{word}({})", subject()?)),
            None if matches!(
                name.as_str(),
                "copy" | "round" | "pop" | "Series" | "asarray" | "reset_index"
            ) =>
            {
                if name == "pop" {
                    return match self.code.texts(at.part(args.first()?.value)).as_slice() {
                        [only] => Some(only.text.clone()),
                        _ => None,
                    };
                }
                subject()
            }
            None if matches!(
                name.as_str(),
                "sqrt" | "exp" | "square" | "abs" | "sin" | "cos" | "tanh"
            ) =>
            {
                Some(format_smolstr!("{name}({})", subject()?))
            }
            None if matches!(
                name.as_str(),
                "div" | "divide" | "sub" | "subtract" | "mul" | "multiply"
            ) =>
            {
                let word = match name.as_str() {
                    "div" | "divide" => "ratio",
                    "sub" | "subtract" => "difference",
                    _ => "product",
                };
                let parts: Vec<ExprId> = match base {
                    Some(base) if !on_module => std::iter::once(base.expr)
                        .chain(args.iter().map(|arg| arg.value))
                        .collect(),
                    _ => args.iter().map(|arg| arg.value).collect(),
                };
                let [a, b] = parts.get(..2)? else { return None };
                let (a, b) = (
                    self.form(at.part(*a), env, depth + 1)?,
                    self.form(at.part(*b), env, depth + 1)?,
                );
                Some(format_smolstr!("{word}({a}, {b})"))
            }
            None => None,
        }
    }

    /// The function of the tree that a call runs, with its parameters bound;
    /// `functools.partial` adds the arguments it holds.
    pub(in crate::cut::contract) fn callee_of(
        &self,
        at: At,
        callee: At,
        args: &[Arg],
        env: &Env,
    ) -> Option<(FuncId, Env)> {
        let held = self.code.ctx.call_graph.held(callee.file, callee.expr);
        let mut funcs: Vec<FuncId> = held
            .iter()
            .filter_map(|held| match held {
                Held::Function(func) => Some(*func),
                _ => None,
            })
            .collect();
        let mut given: Vec<(At, &[Arg], Env)> = vec![(at, args, env.clone())];
        if let Some(place) = self.code.value(callee)
            && let ExprKind::Call {
                callee: inner,
                args: held_args,
            } = self.code.kind(place)
            && self
                .code
                .facts(place.file)
                .dotted(*inner)
                .is_some_and(|path| path.ends_with("partial"))
            && let Some((first, rest)) = held_args.split_first()
        {
            let held = self.code.ctx.call_graph.held(place.file, first.value);
            funcs = held
                .iter()
                .filter_map(|held| match held {
                    Held::Function(func) => Some(*func),
                    _ => None,
                })
                .collect();
            given.insert(0, (place, rest, Env::default()));
        }
        if funcs.is_empty() {
            let graph = self.code.ctx.call_graph;
            let calls = graph.seen_through_of(at.file, at.expr);
            funcs = calls.map(|call| call.callee).collect();
            funcs.sort_unstable();
            funcs.dedup();
        }
        let [func] = funcs.as_slice() else {
            return None;
        };
        Some((*func, self.bind(*func, given)))
    }

    /// What the parameters of `func` stand for where it is `given` arguments,
    /// each list with the place and the environment it stands in.
    pub(in crate::cut::contract) fn bind(
        &self,
        func: FuncId,
        given: Vec<(At, &[Arg], Env)>,
    ) -> Env {
        let params = crate::cut::price::params(self.code.ctx, func);
        let mut bound = Env::default();
        let mut position = 0;
        for (place, args, env) in given {
            for arg in args {
                let name = match arg.kind {
                    ArgKind::Named => arg.name.clone(),
                    ArgKind::Positional => {
                        position += 1;
                        params.get(position - 1).map(|param| param.name.clone())
                    }
                    _ => None,
                };
                if let Some(name) = name {
                    let at = place.part(arg.value);
                    bound.insert(name, Bound::Expr(at, env.clone()));
                }
            }
        }
        let (file, scope) = self.code.scope_of(func);
        for param in params {
            if let Some(expr) = param.default
                && !bound.contains_key(&param.name)
            {
                let at = At { file, scope, expr };
                bound.insert(param.name.clone(), Bound::Expr(at, Env::default()));
            }
        }
        bound
    }

    pub(in crate::cut::contract) fn returned(
        &self,
        func: FuncId,
        env: &Env,
        depth: u32,
    ) -> Option<SmolStr> {
        self.form(self.code.only_return(func)?, env, depth)
    }
}

/// Something is done to a column.
pub(super) fn is_form(form: &str) -> bool {
    form.contains('(')
}

/// Methods of frames that nothing types.
pub(super) fn by_method(name: &str) -> Option<SmolStr> {
    Some(match name {
        "fillna" | "ffill" | "bfill" | "interpolate" => "fill".into(),
        "clip" => "clip".into(),
        "astype" => "cast".into(),
        "log" | "log1p" | "log2" | "log10" => "log".into(),
        _ => return None,
    })
}
