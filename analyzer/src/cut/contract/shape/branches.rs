//! Branches: each begins with what was known before, and what differs after
//! them is one or the other.

use super::{Env, Follow, Frame, Shape};
use crate::modules::FileId;
use crate::syntax::facts::{ScopeId, Stmt, StmtKind};
use rustc_hash::FxHashMap;
use smol_str::{SmolStr, format_smolstr};

impl Follow<'_, '_> {
    pub(super) fn branches(
        &mut self,
        (file, scope): (FileId, ScopeId),
        test: &Shape,
        (then, other): (&[Stmt], &[Stmt]),
        frame: &mut Frame,
    ) {
        let before = frame.env.clone();
        let (objects, each_step) = (frame.objects.clone(), frame.each_step);
        frame.each_step = false;
        self.block(file, scope, then, frame);
        let after = std::mem::replace(&mut frame.env, before.clone());
        let after_objects = std::mem::replace(&mut frame.objects, objects);
        self.block(file, scope, other, frame);
        frame.each_step = each_step;
        match (leaves(then), leaves(other)) {
            (true, _) => {}
            (false, true) => (frame.env, frame.objects) = (after, after_objects),
            (false, false) => {
                self.merge(test, after, &before, frame);
                merge_objects(after_objects, frame);
            }
        }
    }

    fn merge(&mut self, test: &Shape, after: Env, before: &Env, frame: &mut Frame) {
        let mut after: Vec<(SmolStr, Shape)> = after.into_iter().collect();
        after.sort_by(|a, b| a.0.cmp(&b.0));
        for (name, then) in after {
            let Some(other) = frame.env.get(&name).cloned() else {
                frame.env.insert(name, then);
                continue;
            };
            let merged = match before.get(&name) {
                _ if then.is_value() || other.is_value() => self.either(test, then, other),
                Some(known) if *known == other => {
                    self.replaced(&then, &other);
                    then
                }
                Some(known) if *known == then => {
                    self.replaced(&other, &then);
                    other
                }
                _ => self.join(then, other),
            };
            frame.env.insert(name, merged);
        }
    }

    /// `then` where the test holds, else `other`.
    pub(super) fn either(&mut self, test: &Shape, then: Shape, other: Shape) -> Shape {
        if let (Shape::Model(asked), Shape::Const(yes), Shape::Const(no)) = (test, &then, &other)
            && yes != no
            && !then.is_unknown()
            && !other.is_unknown()
            && let Some(named) = asked
                .of_type("bool")
                .and_then(|tested| tested.named(yes, no))
        {
            return Shape::Model(named);
        }
        self.join(then, other)
    }
}

/// A name stands for one or the other.
fn merge_objects(after: FxHashMap<SmolStr, SmolStr>, frame: &mut Frame) {
    for (name, then) in after {
        match frame.objects.get_mut(&name) {
            Some(other) if *other == then => {}
            Some(other) => *other = format_smolstr!("{then} or {other}"),
            None => {
                frame.objects.insert(name, then);
            }
        }
    }
}

/// Nothing follows after it.
fn leaves(block: &[Stmt]) -> bool {
    block.last().is_some_and(|last| match &last.kind {
        StmtKind::Return(_) | StmtKind::Raise(_) | StmtKind::Leave => true,
        StmtKind::If { then, other, .. } => leaves(then) && leaves(other),
        _ => false,
    })
}
