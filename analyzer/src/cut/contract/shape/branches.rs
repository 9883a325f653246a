//! Branches: each begins with what was known before, and what differs after
//! them is one or the other.

use super::{Env, Follow, Frame, Shape};
use crate::modules::FileId;
use crate::syntax::facts::{ScopeId, Stmt, StmtKind};
use smol_str::SmolStr;

impl Follow<'_, '_> {
    pub(super) fn branches(
        &mut self,
        (file, scope): (FileId, ScopeId),
        test: &Shape,
        (then, other): (&[Stmt], &[Stmt]),
        frame: &mut Frame,
    ) {
        let before = frame.env.clone();
        self.block(file, scope, then, frame);
        let after = std::mem::replace(&mut frame.env, before.clone());
        self.block(file, scope, other, frame);
        match (leaves(then), leaves(other)) {
            (true, _) => {}
            (false, true) => frame.env = after,
            (false, false) => self.merge(test, after, &before, frame),
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
                Some(known) if *known == other => then,
                Some(known) if *known == then => other,
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

/// Nothing follows after it.
fn leaves(block: &[Stmt]) -> bool {
    block.last().is_some_and(|last| match &last.kind {
        StmtKind::Return(_) | StmtKind::Raise(_) => true,
        StmtKind::If { then, other, .. } => leaves(then) && leaves(other),
        _ => false,
    })
}
