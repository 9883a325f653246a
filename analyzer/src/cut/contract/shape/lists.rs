//! Lists: what their parts have in common, and whether each part is still at
//! the place of the row that it tells of.

use super::{Follow, Shape};
use crate::cut::contract::code::{At, each_stmt};
use crate::syntax::facts::{ExprKind, Stmt, StmtKind};

/// Mappings within mappings that are looked into.
const MAX_DEPTH: u32 = 4;

impl Follow<'_, '_> {
    /// A list that is written out, which has no part for each row.
    pub(super) fn written(&mut self, parts: Vec<Shape>) -> Shape {
        let parts = parts.into_iter().map(|part| match part {
            Shape::Model(asked) => Shape::Other(asked.type_of()),
            part => part,
        });
        let parts: Vec<Shape> = parts.collect();
        let all_dicts = parts.iter().all(|part| matches!(part, Shape::Dict(_)));
        let mut parts = parts.into_iter();
        let Some(mut common) = parts.next() else {
            return Shape::List(None);
        };
        for part in parts {
            common = match (common, part) {
                (common, part) if common == part => common,
                (Shape::Dict(common), Shape::Dict(part)) if all_dicts => {
                    // The mappings themselves stay as they are.
                    let fields = self.dicts[common].clone();
                    let copy = self.new_dict(fields);
                    self.join(copy, Shape::Dict(part))
                }
                (common, part) if common.is_value() || part.is_value() => {
                    let ty = self.type_of(&common);
                    let ty = ty.filter(|ty| self.type_of(&part).as_ref() == Some(ty));
                    let constant = |shape: &Shape| matches!(shape, Shape::Const(_) | Shape::Ty(_));
                    match ty {
                        // Nothing is worked out in a list of constants.
                        Some(ty) if constant(&common) && constant(&part) => Shape::Ty(ty),
                        ty => Shape::Other(ty),
                    }
                }
                (common, _) => common,
            };
        }
        Shape::List(Some(Box::new(common)))
    }

    /// `[…]` of a list.
    pub(super) fn of_list(&mut self, element: Shape, index: At) -> Shape {
        match self.code.kind(index) {
            ExprKind::Number(first) if first == "0" => self.first(element, 0),
            ExprKind::Slice(parts) if parts.iter().all(Option::is_none) => {
                Shape::List(Some(Box::new(element)))
            }
            ExprKind::Slice(_) => Shape::List(Some(Box::new(self.scatter(element)))),
            _ => self.later(element),
        }
    }

    /// One of a list that is not the first.
    pub(super) fn later(&mut self, element: Shape) -> Shape {
        match element {
            Shape::Const(_) | Shape::Model(_) | Shape::Ty(_) => {
                Shape::Other(self.type_of(&element))
            }
            element => element,
        }
    }

    /// What is of each row in a list is of the first one in the list's first.
    pub(super) fn first(&mut self, element: Shape, depth: u32) -> Shape {
        match element {
            Shape::Model(asked) => Shape::Model(asked.first()),
            Shape::Dict(id) if depth < MAX_DEPTH && !self.scattered.contains(&id) => {
                let mut fields = self.dicts[id].clone();
                for field in fields.values_mut() {
                    field.shape = self.first(field.shape.clone(), depth + 1);
                }
                self.new_dict(fields)
            }
            Shape::Record(class) => match self.built.get(&class).copied() {
                Some(built) => self.first(Shape::Dict(built), depth),
                None => Shape::Record(class),
            },
            element => element,
        }
    }

    /// An element that may be at another place in its list than its row.
    pub(super) fn scatter(&mut self, element: Shape) -> Shape {
        match element {
            Shape::Model(asked) => Shape::Other(asked.type_of()),
            Shape::Dict(id) => {
                self.scattered.insert(id);
                Shape::Dict(id)
            }
            Shape::Record(class) => {
                self.scattered.extend(self.built.get(&class));
                Shape::Record(class)
            }
            Shape::List(Some(inner)) => Shape::List(Some(Box::new(self.scatter(*inner)))),
            Shape::Tuple(parts) => {
                Shape::Tuple(parts.into_iter().map(|part| self.scatter(part)).collect())
            }
            element => element,
        }
    }
}

/// Each step of the loop runs to its end.
pub(super) fn is_whole(body: &[Stmt]) -> bool {
    let mut whole = true;
    each_stmt(body, &mut |stmt| {
        whole &= !matches!(stmt.kind, StmtKind::Leave | StmtKind::Return(_));
    });
    whole
}

/// A comprehension has an element for each step of one loop.
pub(super) fn is_one_loop(body: &[Stmt]) -> bool {
    let mut loops = 0;
    let mut filters = false;
    each_stmt(body, &mut |stmt| match stmt.kind {
        StmtKind::Loop { .. } => loops += 1,
        StmtKind::If { .. } => filters = true,
        _ => {}
    });
    loops == 1 && !filters
}
