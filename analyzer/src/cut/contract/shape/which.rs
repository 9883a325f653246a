//! Which object a value is, such as the model that is asked: a text that is the
//! same for the same object, as far as the code says, and another for another.

use std::hash::{Hash, Hasher};

use rustc_hash::{FxHashMap, FxHasher};
use smol_str::{SmolStr, format_smolstr};

use super::{Follow, Frame};
use crate::cut::contract::code::At;
use crate::graph::FuncId;
use crate::modules::Symbol;
use crate::syntax::facts::{Arg, ArgKind, ExprKind};

/// Names are followed through this many others.
const MAX_DEPTH: u32 = 6;
/// Longer texts are hashed.
const MAX_LEN: usize = 160;
/// Before what a loop goes over: now one object, now another.
const EACH: &str = "each of ";

/// It is several objects, one after the other.
pub(in crate::cut::contract) fn is_several(object: &str) -> bool {
    object.contains(EACH)
}

impl Follow<'_, '_> {
    pub(super) fn object(&self, at: At, frame: &Frame) -> SmolStr {
        self.object_in(at, Some(frame), 0)
    }

    fn object_in(&self, at: At, frame: Option<&Frame>, depth: u32) -> SmolStr {
        let sub = |expr| self.object_in(at.part(expr), frame, depth + 1);
        let here = || format_smolstr!("{}#{:?}", at.file.0, at.expr);
        if depth > MAX_DEPTH {
            return here();
        }
        let text = match self.code.kind(at) {
            ExprKind::Name(name) => {
                if let Some(object) = frame.and_then(|frame| frame.objects.get(name)) {
                    return object.clone();
                }
                match (self.variable(at), self.code.value(at)) {
                    (Some(variable), _) => variable,
                    (None, Some(place)) => return self.object_in(place, None, depth + 1),
                    (None, None) => name.clone(),
                }
            }
            ExprKind::Attr { base, name } => match self.variable(at) {
                Some(variable) => variable,
                None => format_smolstr!("{}.{name}", sub(*base)),
            },
            ExprKind::Item { base, index } => format_smolstr!("{}[{}]", sub(*base), sub(*index)),
            ExprKind::Call { callee, args } => {
                let args: Vec<SmolStr> = args.iter().map(|arg| sub(arg.value)).collect();
                format_smolstr!("{}({})", sub(*callee), args.join(", "))
            }
            ExprKind::Str(text) => format_smolstr!("{text:?}"),
            ExprKind::Number(text) => text.clone(),
            ExprKind::Await(inner) | ExprKind::Starred(inner) => return sub(*inner),
            kind => {
                let mut parts = Vec::new();
                kind.parts(|part| parts.push(sub(part)));
                format_smolstr!("{}<{}>", here(), parts.join(", "))
            }
        };
        shortened(text)
    }

    /// A variable of a module of the tree.
    fn variable(&self, at: At) -> Option<SmolStr> {
        let path = self.code.facts(at.file).dotted(at.expr)?;
        match self.code.ctx.modules.symbol(at.file, at.scope, &path)? {
            Symbol::Variable(file, name) => Some(format_smolstr!("{}:{name}", file.0)),
            _ => None,
        }
    }

    /// A name stands for what is assigned to it.
    pub(super) fn name_object(&self, target: At, value: At, frame: &mut Frame) {
        let object = self.object(value, frame);
        self.bind_object(target, object, frame);
    }

    /// A name stands for each of what a loop goes over.
    pub(super) fn name_each(&self, target: At, iter: At, frame: &mut Frame) {
        let object = format_smolstr!("{EACH}{}", self.object(iter, frame));
        self.bind_object(target, object, frame);
    }

    fn bind_object(&self, target: At, object: SmolStr, frame: &mut Frame) {
        match self.code.kind(target) {
            ExprKind::Name(name) => {
                frame.objects.insert(name.clone(), object);
            }
            ExprKind::Tuple(names) | ExprKind::List(names) => {
                for (idx, name) in names.iter().enumerate() {
                    let part = format_smolstr!("{object}[{idx}]");
                    self.bind_object(target.part(*name), part, frame);
                }
            }
            _ => {}
        }
    }

    /// Parameters that nobody gives an object stand for themselves, or for
    /// their default.
    pub(super) fn name_params(&self, func: FuncId, frame: &mut Frame) {
        let (file, scope) = self.code.scope_of(func);
        for param in &self.code.facts(file).scope(scope).params {
            if frame.objects.contains_key(&param.name) {
                continue;
            }
            let default = param.default.map(|expr| At { file, scope, expr });
            let object = match default {
                Some(default) => self.object_in(default, None, 0),
                None => format_smolstr!("{}/{:?}:{}", file.0, scope, param.name),
            };
            frame.objects.insert(param.name.clone(), object);
        }
    }

    /// Which objects the parameters of `callee` stand for.
    pub(super) fn bound_objects(
        &self,
        callee: FuncId,
        callee_at: At,
        args: &[Arg],
        frame: &Frame,
    ) -> FxHashMap<SmolStr, SmolStr> {
        let params = crate::cut::price::params(self.code.ctx, callee);
        let mut objects = FxHashMap::default();
        for (idx, arg) in args.iter().enumerate() {
            let name = match arg.kind {
                ArgKind::Named => arg.name.clone(),
                ArgKind::Positional => params.get(idx).map(|param| param.name.clone()),
                _ => None,
            };
            if let Some(name) = name {
                objects.insert(name, self.object(callee_at.part(arg.value), frame));
            }
        }
        if let ExprKind::Attr { base, .. } = self.code.kind(callee_at)
            && self.code.ctx.program.function(callee).class.is_some()
        {
            let object = self.object(callee_at.part(*base), frame);
            objects.insert(SmolStr::new_static("self"), object);
        }
        objects
    }
}

fn shortened(text: SmolStr) -> SmolStr {
    if text.len() <= MAX_LEN {
        return text;
    }
    let several = if is_several(&text) { EACH } else { "" };
    let mut hasher = FxHasher::default();
    text.hash(&mut hasher);
    format_smolstr!("{several}{:x}", hasher.finish())
}
