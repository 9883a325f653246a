//! What a handler takes from a request and gives back, by following the
//! request's data and the response's mappings through the functions that the
//! handler calls. Statements are taken in order, branches one after the other;
//! a mapping that a callee fills is the caller's mapping. Functions are
//! followed to a bounded depth; what lies beyond is not claimed.

mod calls;
mod expressions;
mod statements;

use std::collections::BTreeMap;

use indexmap::IndexMap;
use rustc_hash::FxHashMap;
use smol_str::{SmolStr, format_smolstr};

use super::code::{At, Code};
use super::records::{class_in, is_record};
use crate::graph::{ClassId, FuncId};
use crate::modules::FileId;
use crate::syntax::facts::{ExprId, ExprKind, ScopeId, UnaryOp};

const MAX_DEPTH: usize = 8;
/// Calls followed for one handler.
const MAX_CALLS: usize = 400;

/// What a value is, as far as a contract cares.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    Unknown,
    /// A plain value of this type.
    Ty(SmolStr),
    /// The request's data at this path; `[]` stands for each element.
    Request(SmolStr),
    /// A frame whose rows are the request's data at this path.
    Rows(SmolStr),
    /// A mapping made here.
    Dict(usize),
    List(Option<Box<Shape>>),
    Tuple(Vec<Shape>),
    Record(ClassId),
}

/// A field with what is known of it.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) shape: Shape,
    pub(super) file: FileId,
    pub(super) line: u32,
}

/// A request's field: its type, and whether that was only guessed.
#[derive(Clone, Debug)]
pub(super) struct Taken {
    pub(super) ty: Option<SmolStr>,
    weak: bool,
    pub(super) file: FileId,
    pub(super) line: u32,
}

/// Follows one handler.
pub(super) struct Follow<'c, 'a> {
    pub(super) code: &'c Code<'a>,
    pub(super) taken: BTreeMap<SmolStr, Taken>,
    pub(super) dicts: Vec<IndexMap<SmolStr, Field>>,
    stack: Vec<FuncId>,
    n_calls: usize,
}

type Env = FxHashMap<SmolStr, Shape>;

struct Frame {
    func: FuncId,
    env: Env,
    returns: Vec<Shape>,
}

fn ty(text: &str) -> Shape {
    Shape::Ty(text.into())
}

impl<'c, 'a> Follow<'c, 'a> {
    pub(super) fn new(code: &'c Code<'a>) -> Follow<'c, 'a> {
        Follow {
            code,
            taken: BTreeMap::new(),
            dicts: Vec::new(),
            stack: Vec::new(),
            n_calls: 0,
        }
    }

    /// What `func` returns when its parameters hold `args`.
    pub(super) fn function(&mut self, func: FuncId, args: Env) -> Shape {
        self.n_calls += 1;
        if self.stack.contains(&func) || self.stack.len() >= MAX_DEPTH || self.n_calls > MAX_CALLS {
            return Shape::Unknown;
        }
        let (file, scope) = self.code.scope_of(func);
        let definition = self.code.facts(file).scope(scope);
        let mut frame = Frame {
            func,
            env: args,
            returns: Vec::new(),
        };
        for param in &definition.params {
            if frame.env.contains_key(&param.name) {
                continue;
            }
            let declared = param
                .annotation
                .map(|annotation| self.declared(file, scope, annotation));
            let shape = declared
                .filter(|shape| *shape != Shape::Unknown)
                .or_else(|| {
                    let default = param.default?;
                    self.code
                        .literal(At {
                            file,
                            scope,
                            expr: default,
                        })
                        .and_then(|_| self.literal_type(file, default))
                });
            if let Some(shape) = shape {
                frame.env.insert(param.name.clone(), shape);
            }
        }
        self.stack.push(func);
        self.block(file, scope, &definition.body, &mut frame);
        self.stack.pop();
        let mut returned = Shape::Unknown;
        for shape in frame.returns {
            returned = self.join(returned, shape);
        }
        if returned == Shape::Unknown
            && let Some(annotation) = definition.returns
        {
            returned = self.declared(file, scope, annotation);
        }
        returned
    }

    fn declared(&self, file: FileId, scope: ScopeId, annotation: ExprId) -> Shape {
        match class_in(self.code, file, scope, annotation) {
            Some((class, false)) if is_record(self.code, class) => Shape::Record(class),
            Some((class, true)) if is_record(self.code, class) => {
                Shape::List(Some(Box::new(Shape::Record(class))))
            }
            _ => match self.code.type_text(file, annotation).as_deref() {
                Some(text @ ("int" | "float" | "str" | "bool" | "dict" | "list" | "datetime")) => {
                    ty(text)
                }
                Some(text) if text.starts_with("dict[") => ty("dict"),
                Some(text) if text.starts_with("list[") => ty("list"),
                _ => Shape::Unknown,
            },
        }
    }

    fn literal_type(&self, file: FileId, expr: ExprId) -> Option<Shape> {
        Some(match &self.code.facts(file).expr(expr).kind {
            ExprKind::Str(_) | ExprKind::Format(_) => ty("str"),
            ExprKind::Bool(_) => ty("bool"),
            ExprKind::Number(text) => ty(number_type(text)),
            ExprKind::Unary {
                op: UnaryOp::Neg,
                operand,
            } => return self.literal_type(file, *operand),
            ExprKind::Dict(_) => ty("dict"),
            ExprKind::List(_) => ty("list"),
            _ => return None,
        })
    }

    /// Both can be: mappings are merged, the better known wins otherwise.
    fn join(&mut self, a: Shape, b: Shape) -> Shape {
        match (a, b) {
            (Shape::Unknown, other) | (other, Shape::Unknown) => other,
            (Shape::Dict(a), Shape::Dict(b)) if a != b => {
                let more = self.dicts[b].clone();
                for (name, field) in more {
                    let known = self.dicts[a].entry(name).or_insert_with(|| field.clone());
                    if known.shape == Shape::Unknown {
                        known.shape = field.shape;
                    }
                }
                Shape::Dict(a)
            }
            (Shape::Dict(a), _) => Shape::Dict(a),
            (_, Shape::Dict(b)) => Shape::Dict(b),
            (a, _) => a,
        }
    }

    /// Says of the request's data at `path` that it is of this type.
    fn note(&mut self, path: &SmolStr, ty: &str, weak: bool) {
        if let Some(taken) = self.taken.get_mut(path)
            && (taken.ty.is_none()
                || (taken.weak && !weak)
                // Any value can be tested: the weakest of weak hints.
                || (taken.weak && taken.ty.as_deref() == Some("bool")))
        {
            taken.ty = Some(ty.into());
            taken.weak = weak;
        }
    }

    fn note_shape(&mut self, shape: &Shape, ty: &str, weak: bool) {
        if let Shape::Request(path) = shape {
            let path = path.clone();
            self.note(&path, ty, weak);
        }
    }

    /// The field `key` of the request's data at `path` is used.
    pub(super) fn take(&mut self, path: &str, key: &str, file: FileId, line: u32) -> SmolStr {
        let path: SmolStr = if path.is_empty() {
            key.into()
        } else {
            format_smolstr!("{path}.{key}")
        };
        self.taken.entry(path.clone()).or_insert(Taken {
            ty: None,
            weak: true,
            file,
            line,
        });
        path
    }

    pub(super) fn type_of(&self, shape: &Shape) -> Option<SmolStr> {
        Some(match shape {
            Shape::Unknown => return None,
            Shape::Ty(text) => text.clone(),
            Shape::Request(path) => return self.taken.get(path)?.ty.clone(),
            Shape::Dict(_) => "dict".into(),
            Shape::Rows(_) | Shape::List(_) | Shape::Tuple(_) => "list".into(),
            Shape::Record(class) => {
                let class = self.code.ctx.program.class(*class);
                self.code.facts(class.file).scope(class.scope).name.clone()
            }
        })
    }
}

/// `answer, 201` is an answer.
fn without_status(shape: Shape) -> Shape {
    match shape {
        Shape::Tuple(parts) if matches!(parts.as_slice(), [Shape::Dict(_), Shape::Ty(status)] if status == "int") => {
            parts.into_iter().next().unwrap_or(Shape::Unknown)
        }
        other => other,
    }
}

/// `int` or `float`.
pub(super) fn number_type(text: &str) -> &'static str {
    let is_float = text.contains(['.', 'e', 'E']) && !text.starts_with("0x");
    if is_float { "float" } else { "int" }
}
