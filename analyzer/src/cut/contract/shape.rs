//! What a handler takes from a request and gives back, by following the
//! request's data and the response's mappings through the functions that the
//! handler calls. Statements are taken in order, branches one after the other;
//! a mapping that a callee fills is the caller's mapping. Functions are
//! followed to a bounded depth; what lies beyond is not claimed.

mod asked;
mod branches;
mod calls;
mod expressions;
mod lists;
mod statements;
mod taken;
mod which;

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;
use rustc_hash::FxHashMap;
use serde_json::Value;
use smol_str::SmolStr;

use asked::Asked;
pub(super) use which::is_several;

use super::code::{At, Code};
use super::predicted::Predicted;
use super::records::{class_in, is_record};
use crate::cut::Making;
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
    /// This value; null is as little known as `Unknown`.
    Const(Value),
    /// What a model said.
    Model(Asked),
    /// Worked out of other values.
    Other(Option<SmolStr>),
    /// What is answered where something is wrong.
    Refused,
    /// The request's data at this path; `[]` stands for each element.
    Request(SmolStr),
    /// A frame whose rows are the request's data at this path: all of their
    /// fields, or those that were picked by name.
    Rows(SmolStr, Columns),
    /// The number of a loop's step, from 0.
    Step,
    /// A mapping made here.
    Dict(usize),
    List(Option<Box<Shape>>),
    Tuple(Vec<Shape>),
    Record(ClassId),
}

/// Which fields of a request's rows a frame has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Columns {
    All,
    Named,
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
    /// What instances of record classes are made with, an index into `dicts`.
    pub(super) built: FxHashMap<ClassId, usize>,
    predicted: Predicted,
    /// Paths of the request whose values may be others where they are used.
    changed: BTreeSet<SmolStr>,
    /// Fields that the code adds to the request's data.
    added: BTreeSet<SmolStr>,
    /// Paths of the request's data that are handed on as a whole, to whom
    /// other fields than those taken may matter.
    whole: BTreeSet<SmolStr>,
    /// Paths of the request's data whose elements, or names, are gone over or
    /// counted.
    iterated: BTreeSet<SmolStr>,
    /// Mappings that are not in their list at the place of their row.
    scattered: BTreeSet<usize>,
    stack: Vec<FuncId>,
    n_calls: usize,
}

type Env = FxHashMap<SmolStr, Shape>;

/// What a function is given: what its parameters hold, and which objects they
/// are.
#[derive(Debug, Default)]
pub(super) struct Given {
    env: Env,
    objects: FxHashMap<SmolStr, SmolStr>,
}

struct Frame {
    func: FuncId,
    env: Env,
    /// Which objects names stand for.
    objects: FxHashMap<SmolStr, SmolStr>,
    returns: Vec<Shape>,
    in_loop: bool,
    /// What is done here is done in each step of the loop around it.
    each_step: bool,
}

fn ty(text: &str) -> Shape {
    Shape::Ty(text.into())
}

impl<'c, 'a> Follow<'c, 'a> {
    pub(super) fn new(code: &'c Code<'a>, predicted: Predicted) -> Follow<'c, 'a> {
        Follow {
            code,
            taken: BTreeMap::new(),
            dicts: Vec::new(),
            built: FxHashMap::default(),
            predicted,
            changed: BTreeSet::new(),
            added: BTreeSet::new(),
            whole: BTreeSet::new(),
            iterated: BTreeSet::new(),
            scattered: BTreeSet::new(),
            stack: Vec::new(),
            n_calls: 0,
        }
    }

    /// What `func` returns when it is given this.
    /// What is handed over, but not known, is `Unknown` there.
    pub(super) fn function(&mut self, func: FuncId, given: Given) -> Shape {
        self.n_calls += 1;
        if self.stack.contains(&func) || self.stack.len() >= MAX_DEPTH || self.n_calls > MAX_CALLS {
            given.env.values().for_each(|shape| self.hand_on(shape));
            return Shape::Unknown;
        }
        let (file, scope) = self.code.scope_of(func);
        let definition = self.code.facts(file).scope(scope);
        let mut frame = Frame {
            func,
            env: given.env,
            objects: given.objects,
            returns: Vec::new(),
            in_loop: false,
            each_step: true,
        };
        self.name_params(func, &mut frame);
        for param in &definition.params {
            let given = frame.env.get(&param.name);
            if given.is_some_and(|given| !given.is_unknown()) {
                continue;
            }
            // A default is what it is where a function calls this one.
            let defaults = given.is_none() && !self.stack.is_empty();
            let declared = param
                .annotation
                .map(|annotation| self.declared(file, scope, annotation));
            let shape = declared
                .filter(|shape| *shape != Shape::Unknown)
                .or_else(|| {
                    let expr = param.default?;
                    let default = At { file, scope, expr };
                    self.code
                        .literal(default)
                        .and_then(|_| self.literal_type(file, expr))
                });
            let default = param.default.filter(|_| defaults);
            let default = default.and_then(|expr| self.literal_value(file, expr));
            let shape = default.map(Shape::Const).or(shape);
            if let Some(shape) = shape {
                frame.env.insert(param.name.clone(), shape);
            }
        }
        self.stack.push(func);
        self.block(file, scope, &definition.body, &mut frame);
        self.stack.pop();
        let mut returns = frame.returns.into_iter();
        let mut returned = returns.next().unwrap_or(Shape::Unknown);
        for shape in returns {
            returned = self.join(returned, shape);
        }
        if (returned.is_unknown() || returned == Shape::Other(None))
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

    /// The value of a literal.
    fn literal_value(&self, file: FileId, expr: ExprId) -> Option<Value> {
        Some(match &self.code.facts(file).expr(expr).kind {
            ExprKind::Str(text) => Value::from(text.as_str()),
            ExprKind::Bool(truth) => Value::from(*truth),
            ExprKind::Number(text) => asked::number(text)?,
            ExprKind::None => Value::Null,
            ExprKind::Unary {
                op: UnaryOp::Neg,
                operand,
            } => match self.literal_value(file, *operand)? {
                Value::Number(number) => match number.as_i64() {
                    Some(number) => Value::from(number.checked_neg()?),
                    None => Value::from(-number.as_f64()?),
                },
                _ => return None,
            },
            _ => return None,
        })
    }

    /// Both can be: mappings are merged, the better known wins otherwise. What
    /// is now one value and now another is worked out.
    fn join(&mut self, a: Shape, b: Shape) -> Shape {
        if a != b {
            self.replaced(&a, &b);
            self.replaced(&b, &a);
        }
        match (a, b) {
            (a, b) if a == b => a,
            (Shape::Refused, other) | (other, Shape::Refused) => other,
            // One or the other; what a variable begins as is no such value.
            (Shape::Const(Value::Null), value @ Shape::Const(_))
            | (value @ Shape::Const(_), Shape::Const(Value::Null)) => {
                Shape::Other(self.type_of(&value))
            }
            (Shape::Const(Value::Null), other) | (other, Shape::Const(Value::Null)) => other,
            (Shape::Dict(id), request @ Shape::Request(_))
            | (request @ Shape::Request(_), Shape::Dict(id))
                if self.dicts[id].is_empty() =>
            {
                request
            }
            (Shape::Dict(a), Shape::Dict(b)) if a != b => {
                let more = self.dicts[b].clone();
                for (name, field) in more {
                    self.put(a, name, field);
                }
                Shape::Dict(a)
            }
            (Shape::Dict(a), _) => Shape::Dict(a),
            (_, Shape::Dict(b)) => Shape::Dict(b),
            (a, b) if a.is_value() || b.is_value() => match (a.is_plain(), b.is_plain()) {
                (true, true) => Shape::Other(self.type_of(&a).or_else(|| self.type_of(&b))),
                (false, _) => a,
                _ => b,
            },
            (Shape::Unknown, other) | (other, Shape::Unknown) => other,
            (a, _) => a,
        }
    }

    /// A field of a mapping, which may have been filled elsewhere with another
    /// value.
    fn put(&mut self, dict: usize, name: SmolStr, field: Field) {
        let Some(known) = self.dicts[dict].get_mut(&name) else {
            self.dicts[dict].insert(name, field);
            return;
        };
        if known.shape.is_unknown() && !field.shape.is_value() {
            known.shape = field.shape;
            return;
        }
        let before = known.shape.clone();
        if before == field.shape {
            return;
        }
        if before.is_value() || field.shape.is_value() {
            let joined = self.join(before, field.shape);
            if let Some(known) = self.dicts[dict].get_mut(&name) {
                known.shape = joined;
            }
        } else {
            self.replaced(&before, &field.shape);
        }
    }

    /// The mapping is not in its list at the place of its row.
    pub(super) fn is_scattered(&self, dict: usize) -> bool {
        self.scattered.contains(&dict)
    }

    /// Which model says a value, or each of a list of them.
    pub(super) fn model(shape: &Shape) -> Option<&SmolStr> {
        match shape {
            Shape::Model(asked) => Some(asked.model()),
            Shape::List(Some(element)) => Self::model(element),
            _ => None,
        }
    }

    /// How a value is made; nothing where that is not known.
    pub(super) fn making(&self, shape: &Shape) -> Option<Making> {
        Some(match shape {
            Shape::Const(value) if !value.is_null() => Making::Constant {
                value: value.clone(),
            },
            Shape::Request(path) if self.is_changed(path) => Making::Otherwise,
            Shape::Request(path) => Making::Request {
                field: path.to_string(),
            },
            Shape::Model(asked) => asked.making(),
            Shape::Other(_) | Shape::Step => Making::Otherwise,
            Shape::List(Some(element)) => match &**element {
                Shape::Model(asked) => match asked.of_all_rows() {
                    Some(all) => all.making(),
                    None => Making::Otherwise,
                },
                Shape::Other(_) | Shape::Const(_) | Shape::Step | Shape::Ty(_) => Making::Otherwise,
                Shape::List(_) => {
                    self.making(element)?;
                    Making::Otherwise
                }
                _ => return None,
            },
            _ => return None,
        })
    }

    pub(super) fn type_of(&self, shape: &Shape) -> Option<SmolStr> {
        Some(match shape {
            Shape::Unknown | Shape::Refused => return None,
            Shape::Ty(text) => text.clone(),
            Shape::Const(value) => SmolStr::new_static(asked::type_of(value)?),
            Shape::Model(asked) => return asked.type_of(),
            Shape::Other(text) => return text.clone(),
            Shape::Request(path) => return self.taken.get(path)?.ty.clone(),
            Shape::Dict(_) => "dict".into(),
            Shape::Step => "int".into(),
            Shape::Rows(..) | Shape::List(_) | Shape::Tuple(_) => "list".into(),
            Shape::Record(class) => {
                let class = self.code.ctx.program.class(*class);
                self.code.facts(class.file).scope(class.scope).name.clone()
            }
        })
    }
}

impl Shape {
    /// Nothing is known of it.
    pub(super) fn is_unknown(&self) -> bool {
        matches!(self, Shape::Unknown | Shape::Const(Value::Null))
    }

    /// It is known how it comes to be.
    fn is_value(&self) -> bool {
        matches!(
            self,
            Shape::Const(_) | Shape::Model(_) | Shape::Other(_) | Shape::Step
        )
    }

    /// It has no parts that matter.
    fn is_plain(&self) -> bool {
        self.is_value() || matches!(self, Shape::Unknown | Shape::Ty(_))
    }

    /// The type of a plain value.
    fn plain_type(&self) -> Option<SmolStr> {
        match self {
            Shape::Ty(text) => Some(text.clone()),
            Shape::Const(value) => asked::type_of(value).map(SmolStr::new_static),
            Shape::Other(text) => text.clone(),
            Shape::Step => Some("int".into()),
            _ => None,
        }
    }

    /// The value of a status of HTTP says that something is wrong.
    fn is_error_status(&self) -> bool {
        matches!(self, Shape::Const(value) if value.as_u64().is_some_and(|status| (400..600).contains(&status)))
    }
}

/// `answer, 201` is an answer; `answer, 400` is none.
fn without_status(shape: Shape) -> Shape {
    match shape {
        Shape::Tuple(parts) => match parts.as_slice() {
            [_, status, ..] if status.is_error_status() => Shape::Refused,
            [Shape::Refused, ..] => Shape::Refused,
            [Shape::Dict(id), status] if status.plain_type().as_deref() == Some("int") => {
                Shape::Dict(*id)
            }
            _ => Shape::Tuple(parts),
        },
        other => other,
    }
}

/// `int` or `float`.
pub(super) fn number_type(text: &str) -> &'static str {
    let is_float = text.contains(['.', 'e', 'E']) && !text.starts_with("0x");
    if is_float { "float" } else { "int" }
}
