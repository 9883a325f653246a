//! What a handler takes from a request and gives back, by following the
//! request's data and the response's mappings through the functions that the
//! handler calls. Statements are taken in order, branches one after the other;
//! a mapping that a callee fills is the caller's mapping. Functions are
//! followed to a bounded depth; what lies beyond is not claimed.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use rustc_hash::FxHashMap;
use smol_str::{SmolStr, format_smolstr};

use super::code::{At, Code};
use super::records::{class_in, fields, is_record};
use crate::graph::{ClassId, FuncId, Held};
use crate::modules::FileId;
use crate::syntax::facts::{
    Arg, ArgKind, BinaryOp, Builds, ExprId, ExprKind, LoopHead, ScopeId, Stmt, StmtKind, UnaryOp,
};

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

    fn block(&mut self, file: FileId, scope: ScopeId, body: &[Stmt], frame: &mut Frame) {
        for stmt in body {
            let at = |expr: ExprId| At { file, scope, expr };
            match &stmt.kind {
                StmtKind::Expr(expr) | StmtKind::Assert(expr) => {
                    self.expr(at(*expr), frame);
                }
                StmtKind::Assign { targets, value, .. } => {
                    let shape = self.expr(at(*value), frame);
                    for target in targets {
                        self.bind(at(*target), shape.clone(), frame);
                    }
                }
                StmtKind::Augment { value, target, .. } => {
                    self.expr(at(*value), frame);
                    self.expr(at(*target), frame);
                }
                StmtKind::Return(Some(value)) => {
                    let shape = self.expr(at(*value), frame);
                    frame.returns.push(without_status(shape));
                }
                StmtKind::If { test, then, other } => {
                    let tested = self.expr(at(*test), frame);
                    self.note_shape(&tested, "bool", true);
                    self.block(file, scope, then, frame);
                    self.block(file, scope, other, frame);
                }
                StmtKind::Loop { head, body, other } => {
                    match head {
                        LoopHead::For { target, iter } => {
                            let iter = self.expr(at(*iter), frame);
                            let element = self.element(&iter);
                            self.bind(at(*target), element, frame);
                        }
                        LoopHead::While(test) => {
                            self.expr(at(*test), frame);
                        }
                    }
                    self.block(file, scope, body, frame);
                    self.block(file, scope, other, frame);
                }
                StmtKind::With { items, body } => {
                    for (context, target) in items {
                        self.expr(at(*context), frame);
                        if let Some(target) = target {
                            self.bind(at(*target), Shape::Unknown, frame);
                        }
                    }
                    self.block(file, scope, body, frame);
                }
                StmtKind::Try {
                    body,
                    handlers,
                    other,
                    finally,
                } => {
                    self.block(file, scope, body, frame);
                    for handler in handlers {
                        // What an error answers is no part of the contract.
                        let n_returns = frame.returns.len();
                        self.block(file, scope, &handler.body, frame);
                        frame.returns.truncate(n_returns);
                    }
                    self.block(file, scope, other, frame);
                    self.block(file, scope, finally, frame);
                }
                _ => {}
            }
        }
    }

    fn bind(&mut self, target: At, shape: Shape, frame: &mut Frame) {
        match self.code.kind(target) {
            ExprKind::Name(name) => {
                frame.env.insert(name.clone(), shape);
            }
            ExprKind::Tuple(names) | ExprKind::List(names) => {
                let parts = match shape {
                    Shape::Tuple(parts) => parts,
                    _ => Vec::new(),
                };
                for (idx, name) in names.iter().enumerate() {
                    let part = parts.get(idx).cloned().unwrap_or(Shape::Unknown);
                    self.bind(
                        At {
                            expr: *name,
                            ..target
                        },
                        part,
                        frame,
                    );
                }
            }
            ExprKind::Item { base, index } => {
                let base = self.expr(
                    At {
                        expr: *base,
                        ..target
                    },
                    frame,
                );
                if let Shape::Dict(id) = base {
                    let line = self.code.line(target);
                    for key in self.code.texts(At {
                        expr: *index,
                        ..target
                    }) {
                        let field = Field {
                            shape: shape.clone(),
                            file: target.file,
                            line,
                        };
                        let known = self.dicts[id]
                            .entry(key.text)
                            .or_insert_with(|| field.clone());
                        if matches!(known.shape, Shape::Unknown)
                            || matches!((&known.shape, &shape), (Shape::Ty(a), Shape::Dict(_)) if a == "bool")
                        {
                            *known = field;
                        }
                    }
                }
            }
            _ => {}
        }
    }

    fn element(&mut self, iter: &Shape) -> Shape {
        match iter {
            Shape::Request(path) => {
                let path = path.clone();
                self.note(&path, "list", false);
                Shape::Request(format_smolstr!("{path}[]"))
            }
            Shape::List(Some(element)) => (**element).clone(),
            _ => Shape::Unknown,
        }
    }

    fn expr(&mut self, at: At, frame: &mut Frame) -> Shape {
        let sub = |expr: ExprId| At { expr, ..at };
        match self.code.kind(at) {
            ExprKind::Str(_) | ExprKind::Number(_) | ExprKind::Bool(_) => self
                .literal_type(at.file, at.expr)
                .unwrap_or(Shape::Unknown),
            ExprKind::Format(parts) => {
                for part in parts {
                    self.expr(sub(*part), frame);
                }
                ty("str")
            }
            ExprKind::Name(name) => match frame.env.get(name) {
                Some(shape) => shape.clone(),
                None => self.constant(at),
            },
            ExprKind::Attr { base, name } => {
                if let Some(path) = self.code.external(at)
                    && is_request_data(&path)
                {
                    return Shape::Request(SmolStr::default());
                }
                match self.expr(sub(*base), frame) {
                    Shape::Record(class) => {
                        let fields = fields(self.code, class);
                        let Some(field) = fields.into_iter().find(|field| field.name == *name)
                        else {
                            return Shape::Unknown;
                        };
                        match field.holds {
                            Some((class, false)) => Shape::Record(class),
                            Some((class, true)) => {
                                Shape::List(Some(Box::new(Shape::Record(class))))
                            }
                            None => field.ty.map_or(Shape::Unknown, Shape::Ty),
                        }
                    }
                    _ => self.constant(at),
                }
            }
            ExprKind::Item { base, index } => self.item(at, *base, *index, frame),
            ExprKind::Call { callee, args } => self.call(at, *callee, args, frame),
            ExprKind::List(parts) | ExprKind::Set(parts) => {
                let mut first = None;
                for part in parts {
                    let shape = self.expr(sub(*part), frame);
                    first = first.or(Some(Box::new(shape)));
                }
                Shape::List(first)
            }
            ExprKind::Tuple(parts) => Shape::Tuple(
                parts
                    .iter()
                    .map(|part| self.expr(sub(*part), frame))
                    .collect(),
            ),
            ExprKind::Dict(entries) => self.dict(at, entries, frame),
            ExprKind::Lambda(scope) => {
                let body = &self.code.facts(at.file).scope(*scope).body;
                let n_returns = frame.returns.len();
                self.block(at.file, *scope, body, frame);
                frame.returns.truncate(n_returns);
                Shape::Unknown
            }
            ExprKind::Comprehension { builds, scope } => {
                self.comprehension(at, *builds, *scope, frame)
            }
            ExprKind::Binary { op, left, right } => {
                let (left, right) = (self.expr(sub(*left), frame), self.expr(sub(*right), frame));
                match (self.type_of(&left), self.type_of(&right)) {
                    (Some(a), Some(b)) if a == b && *op != BinaryOp::Div => Shape::Ty(a),
                    (Some(a), Some(b)) if (a == "float" || b == "float") && a != "str" => {
                        ty("float")
                    }
                    (Some(a), _) if a == "str" => Shape::Ty(a),
                    (Some(a), Some(b)) if a == "int" && b == "int" => ty("float"),
                    _ => Shape::Unknown,
                }
            }
            ExprKind::Unary { op, operand } => {
                let inner = self.expr(sub(*operand), frame);
                match op {
                    UnaryOp::Not => {
                        self.note_shape(&inner, "bool", true);
                        ty("bool")
                    }
                    _ => inner,
                }
            }
            ExprKind::Either(parts) => {
                let shapes: Vec<Shape> = parts
                    .iter()
                    .map(|part| self.expr(sub(*part), frame))
                    .collect();
                let known = shapes.iter().find_map(|shape| match shape {
                    Shape::Request(_) => None,
                    other => self.type_of(other),
                });
                if let (Some(known), Some(first)) = (known, shapes.first()) {
                    self.note_shape(first, &known, true);
                }
                let request = shapes
                    .iter()
                    .find(|shape| matches!(shape, Shape::Request(_)));
                let shape =
                    request.or_else(|| shapes.iter().find(|shape| **shape != Shape::Unknown));
                shape.cloned().unwrap_or(Shape::Unknown)
            }
            ExprKind::Compare { operands, .. } => {
                let shapes: Vec<Shape> = operands
                    .iter()
                    .map(|operand| self.expr(sub(*operand), frame))
                    .collect();
                if let [left, right] = shapes.as_slice() {
                    // `"rows" in body`
                    if let (Shape::Request(path), ExprKind::Str(key)) =
                        (right, self.code.kind(sub(operands[0])))
                    {
                        let (path, line) = (path.clone(), self.code.line(at));
                        self.take(&path, key, at.file, line);
                    } else if let Shape::Ty(known) = right
                        && self.literal_type(at.file, operands[1]).is_some()
                    {
                        self.note_shape(left, known, true);
                    }
                }
                ty("bool")
            }
            ExprKind::Conditional { test, then, other } => {
                self.expr(sub(*test), frame);
                let then = self.expr(sub(*then), frame);
                let other = self.expr(sub(*other), frame);
                self.join(then, other)
            }
            ExprKind::Await(inner) | ExprKind::Starred(inner) => self.expr(sub(*inner), frame),
            ExprKind::Walrus { target, value } => {
                let shape = self.expr(sub(*value), frame);
                self.bind(sub(*target), shape.clone(), frame);
                shape
            }
            kind => {
                let mut parts = Vec::new();
                kind.parts(|part| parts.push(part));
                for part in parts {
                    self.expr(sub(part), frame);
                }
                Shape::Unknown
            }
        }
    }

    /// The type of a constant, or of an object that the graph knows.
    fn constant(&self, at: At) -> Shape {
        if let Some(place) = self.code.value(at) {
            if let Some(shape) = self.literal_type(place.file, place.expr) {
                return shape;
            }
            if let ExprKind::Call { callee, .. } = self.code.kind(place)
                && let Some(name) = self.code.facts(place.file).dotted(*callee)
                && matches!(
                    name.as_str(),
                    "int" | "float" | "str" | "bool" | "dict" | "list"
                )
            {
                return ty(&name);
            }
        }
        for held in self.code.ctx.call_graph.held(at.file, at.expr) {
            match held {
                Held::Instance(class) if is_record(self.code, class) => {
                    return Shape::Record(class);
                }
                Held::Text(_) => return ty("str"),
                _ => {}
            }
        }
        Shape::Unknown
    }

    fn item(&mut self, at: At, base: ExprId, index: ExprId, frame: &mut Frame) -> Shape {
        let index = At { expr: index, ..at };
        let base_shape = self.expr(At { expr: base, ..at }, frame);
        match base_shape {
            Shape::Request(path) | Shape::Rows(path)
                if path.is_empty() && self.is_number(index) =>
            {
                Shape::Request("[]".into())
            }
            Shape::Request(path) => {
                if self.is_number(index) {
                    self.note(&path, "list", false);
                    return Shape::Request(format_smolstr!("{path}[]"));
                }
                let mut last = Shape::Unknown;
                for key in self.code.texts(index) {
                    last = Shape::Request(self.take(&path, &key.text, key.file, key.line));
                }
                last
            }
            Shape::Rows(path) => {
                let names = match self.code.kind(index) {
                    ExprKind::Compare { .. } | ExprKind::Call { .. } => Vec::new(),
                    _ => self.code.texts(index),
                };
                for key in names {
                    self.take(&path, &key.text, key.file, key.line);
                }
                Shape::Rows(path)
            }
            Shape::Dict(id) => {
                let keys = self.code.texts(index);
                let field = keys.first().and_then(|key| self.dicts[id].get(&key.text));
                field.map_or(Shape::Unknown, |field| field.shape.clone())
            }
            Shape::List(Some(element)) if self.is_number(index) => *element,
            Shape::Tuple(parts) => match self.code.kind(index) {
                ExprKind::Number(idx) => idx
                    .parse::<usize>()
                    .ok()
                    .and_then(|idx| parts.get(idx).cloned())
                    .unwrap_or(Shape::Unknown),
                _ => Shape::Unknown,
            },
            _ => {
                self.expr(index, frame);
                Shape::Unknown
            }
        }
    }

    fn is_number(&self, at: At) -> bool {
        matches!(
            self.code.kind(at),
            ExprKind::Number(_) | ExprKind::Slice(_) | ExprKind::Unary { .. }
        )
    }

    fn dict(&mut self, at: At, entries: &[(Option<ExprId>, ExprId)], frame: &mut Frame) -> Shape {
        let mut made: IndexMap<SmolStr, Field> = IndexMap::new();
        for (key, value) in entries {
            let shape = self.expr(At { expr: *value, ..at }, frame);
            match key {
                Some(key) => {
                    let key_at = At { expr: *key, ..at };
                    for key in self.code.texts(key_at) {
                        made.insert(
                            key.text,
                            Field {
                                shape: shape.clone(),
                                file: at.file,
                                line: self.code.line(key_at),
                            },
                        );
                    }
                }
                None => match shape {
                    Shape::Dict(id) => made.extend(self.dicts[id].clone()),
                    Shape::Record(class) => {
                        for field in fields(self.code, class) {
                            let shape = field.ty.map_or(Shape::Unknown, Shape::Ty);
                            made.insert(
                                field.name,
                                Field {
                                    shape,
                                    file: field.file,
                                    line: field.line,
                                },
                            );
                        }
                    }
                    _ => {}
                },
            }
        }
        self.new_dict(made)
    }

    fn new_dict(&mut self, fields: IndexMap<SmolStr, Field>) -> Shape {
        self.dicts.push(fields);
        Shape::Dict(self.dicts.len() - 1)
    }

    fn comprehension(
        &mut self,
        at: At,
        builds: Builds,
        scope: ScopeId,
        frame: &mut Frame,
    ) -> Shape {
        let body = &self.code.facts(at.file).scope(scope).body;
        self.block(at.file, scope, body, frame);
        let mut element = None;
        super::code::each_stmt(body, &mut |stmt| {
            if let StmtKind::Expr(expr) = &stmt.kind
                && let ExprKind::Yield(Some(value)) = &self.code.facts(at.file).expr(*expr).kind
            {
                element = Some(At {
                    file: at.file,
                    scope,
                    expr: *value,
                });
            }
        });
        let Some(element) = element else {
            return Shape::Unknown;
        };
        match (builds, self.code.kind(element)) {
            (Builds::Dict, ExprKind::Tuple(pair)) if pair.len() == 2 => {
                let value = self.expr(
                    At {
                        expr: pair[1],
                        ..element
                    },
                    frame,
                );
                let keys = self.code.texts(At {
                    expr: pair[0],
                    ..element
                });
                if keys.is_empty() {
                    return ty("dict");
                }
                let line = self.code.line(at);
                let fields = keys.into_iter().map(|key| {
                    (
                        key.text,
                        Field {
                            shape: value.clone(),
                            file: at.file,
                            line,
                        },
                    )
                });
                let fields = fields.collect();
                self.new_dict(fields)
            }
            (Builds::Dict, _) => ty("dict"),
            _ => {
                let shape = self.expr(element, frame);
                Shape::List(Some(Box::new(shape)))
            }
        }
    }

    fn call(&mut self, at: At, callee: ExprId, args: &[Arg], frame: &mut Frame) -> Shape {
        let callee_at = At { expr: callee, ..at };
        if let Some(path) = self.code.external(callee_at)
            && is_request_data(&path)
        {
            return Shape::Request(SmolStr::default());
        }
        let shapes: Vec<Shape> = args
            .iter()
            .map(|arg| {
                self.expr(
                    At {
                        expr: arg.value,
                        ..at
                    },
                    frame,
                )
            })
            .collect();
        for (arg, shape) in args.iter().zip(&shapes) {
            if arg.kind == ArgKind::SpreadNamed {
                self.note_shape(shape, "dict", false);
            }
        }
        let callee_kind = self.code.kind(callee_at).clone();
        if let ExprKind::Attr { base, name } = &callee_kind {
            let base_shape = self.expr(At { expr: *base, ..at }, frame);
            if let Some(shape) = self.method(at, &base_shape, name, args, &shapes) {
                return shape;
            }
        }
        let callees: Vec<FuncId> = self
            .code
            .ctx
            .call_graph
            .seen_through_at(frame.func, at.file, at.expr)
            .map(|call| call.callee)
            .collect();
        let held = self.code.ctx.call_graph.held(at.file, callee);
        if let Some(class) = held.iter().find_map(|held| match held {
            Held::Class(class) if is_record(self.code, *class) => Some(*class),
            _ => None,
        }) {
            return Shape::Record(class);
        }
        if let ExprKind::Name(name) = &callee_kind
            && callees.is_empty()
            && let Some(shape) = self.builtin(at, name, args, &shapes)
        {
            return shape;
        }
        if !callees.is_empty() {
            let mut returned = Shape::Unknown;
            for callee in callees.into_iter().take(MAX_DEPTH) {
                let bound = self.bound_args(callee, args, &shapes);
                let shape = self.function(callee, bound);
                returned = self.join(returned, shape);
            }
            return returned;
        }
        self.library(at, args, &shapes)
    }

    fn bound_args(&self, callee: FuncId, args: &[Arg], shapes: &[Shape]) -> Env {
        let params = super::super::price::params(self.code.ctx, callee);
        let mut env = Env::default();
        for (idx, (arg, shape)) in args.iter().zip(shapes).enumerate() {
            if *shape == Shape::Unknown {
                continue;
            }
            let name = match arg.kind {
                ArgKind::Named => arg.name.clone(),
                ArgKind::Positional => params.get(idx).map(|param| param.name.clone()),
                _ => None,
            };
            if let Some(name) = name {
                env.insert(name, shape.clone());
            }
        }
        // A default says what the request's field is expected to be.
        env
    }

    fn builtin(&mut self, at: At, name: &str, args: &[Arg], shapes: &[Shape]) -> Option<Shape> {
        let first = shapes.first().cloned().unwrap_or(Shape::Unknown);
        Some(match name {
            "int" | "float" | "str" | "bool" => {
                self.note_shape(&first, name, false);
                ty(name)
            }
            "len" => ty("int"),
            "round" if args.len() > 1 => ty("float"),
            "round" => ty("int"),
            "sum" => match &first {
                Shape::List(Some(element)) => match self.type_of(element) {
                    Some(kind) if kind == "float" => ty("float"),
                    _ => ty("int"),
                },
                _ => ty("int"),
            },
            "abs" | "max" | "min" | "next" => first,
            "any" | "all" => ty("bool"),
            "sorted" | "list" => match first {
                Shape::List(element) => Shape::List(element),
                Shape::Request(path) => Shape::Request(path),
                _ => Shape::List(None),
            },
            "dict" => match first {
                Shape::Dict(id) => Shape::Dict(id),
                _ => ty("dict"),
            },
            "zip" | "enumerate" => {
                let elements = shapes.iter().map(|shape| self.element(shape)).collect();
                Shape::List(Some(Box::new(Shape::Tuple(elements))))
            }
            "isinstance" => {
                let wanted = args.get(1).map(|arg| At {
                    expr: arg.value,
                    ..at
                });
                if let Some(ExprKind::Name(name)) = wanted.map(|wanted| self.code.kind(wanted))
                    && matches!(
                        name.as_str(),
                        "list" | "dict" | "str" | "int" | "float" | "bool"
                    )
                {
                    let name = name.clone();
                    self.note_shape(&first, &name, false);
                }
                ty("bool")
            }
            _ => return None,
        })
    }

    fn method(
        &mut self,
        at: At,
        base: &Shape,
        name: &str,
        args: &[Arg],
        shapes: &[Shape],
    ) -> Option<Shape> {
        let key = args.first().map(|arg| At {
            expr: arg.value,
            ..at
        });
        match (base, name) {
            (Shape::Request(path), "get" | "pop" | "setdefault" | "getlist" | "get_list") => {
                let mut last = Shape::Unknown;
                for key in key.map(|key| self.code.texts(key)).unwrap_or_default() {
                    let field = self.take(path, &key.text, key.file, key.line);
                    let default = args
                        .get(1)
                        .filter(|arg| arg.name.as_deref() != Some("type"));
                    if default.is_some()
                        && let Some(Shape::Ty(kind)) = shapes.get(1)
                    {
                        self.note(&field, kind, true);
                    } else if let Some(Shape::Dict(_)) = shapes.get(1) {
                        self.note(&field, "dict", false);
                    } else if let Some(Shape::List(_)) = shapes.get(1) {
                        self.note(&field, "list", false);
                    }
                    if let Some(kind) = self.code.arg(args, "type", None)
                        && let Some(kind) = self.code.type_text(at.file, kind)
                    {
                        self.note(&field, &kind, false);
                    }
                    if name.starts_with("getlist") {
                        self.note(&field, "list", false);
                    }
                    last = Shape::Request(field);
                }
                Some(last)
            }
            (Shape::Request(path), "items" | "keys" | "values") => {
                self.note(path, "dict", false);
                Some(Shape::Unknown)
            }
            (
                Shape::Request(path),
                "strip" | "lower" | "upper" | "split" | "replace" | "startswith" | "endswith",
            ) => {
                self.note(path, "str", false);
                Some(ty(if name == "split" { "list" } else { "str" }))
            }
            (Shape::Request(path), "copy") => Some(Shape::Request(path.clone())),
            (
                Shape::Rows(path),
                "copy" | "astype" | "fillna" | "dropna" | "reset_index" | "drop_duplicates"
                | "reindex" | "head",
            ) => Some(Shape::Rows(path.clone())),
            (Shape::Dict(id), "get") => {
                let key = key.map(|key| self.code.texts(key)).unwrap_or_default();
                let field = key.first().and_then(|key| self.dicts[*id].get(&key.text));
                Some(field.map_or(Shape::Unknown, |field| field.shape.clone()))
            }
            (Shape::Dict(id), "copy") => {
                let fields = self.dicts[*id].clone();
                Some(self.new_dict(fields))
            }
            (Shape::Dict(id), "update") => {
                if let Some(Shape::Dict(other)) = shapes.first() {
                    let more = self.dicts[*other].clone();
                    self.dicts[*id].extend(more);
                }
                for (arg, shape) in args.iter().zip(shapes) {
                    if let Some(name) = &arg.name {
                        let field = Field {
                            shape: shape.clone(),
                            file: at.file,
                            line: self.code.line(at),
                        };
                        self.dicts[*id].insert(name.clone(), field);
                    }
                }
                Some(Shape::Unknown)
            }
            (Shape::Record(class), "model_dump" | "dict" | "_asdict") => {
                Some(Shape::Record(*class))
            }
            (_, "isoformat" | "strftime" | "hexdigest") => Some(ty("str")),
            (_, "total_seconds") => Some(ty("float")),
            (_, "to_dict") if shapes.is_empty() => Some(ty("dict")),
            (_, "tolist" | "to_list" | "fetchall") => Some(Shape::List(None)),
            _ => None,
        }
    }

    /// A call of a library: answers, frames, and what the request's data is
    /// used as.
    fn library(&mut self, at: At, args: &[Arg], shapes: &[Shape]) -> Shape {
        let first = shapes.first().cloned().unwrap_or(Shape::Unknown);
        for path in self.code.library_paths(at) {
            let last = path.rsplit('.').next().unwrap_or(&path);
            match (path.as_str(), last) {
                (
                    _,
                    "jsonify" | "make_response" | "JSONResponse" | "JsonResponse"
                    | "ORJSONResponse" | "Response",
                ) => {
                    if args.first().is_none_or(|arg| {
                        arg.kind == ArgKind::Named || arg.kind == ArgKind::SpreadNamed
                    }) {
                        let content = args
                            .iter()
                            .position(|arg| arg.name.as_deref() == Some("content"));
                        if let Some(idx) = content {
                            return shapes[idx].clone();
                        }
                        let fields = args.iter().zip(shapes).filter_map(|(arg, shape)| {
                            let field = Field {
                                shape: shape.clone(),
                                file: at.file,
                                line: self.code.line(at),
                            };
                            Some((arg.name.clone()?, field))
                        });
                        let fields = fields.collect();
                        return self.new_dict(fields);
                    }
                    return first;
                }
                (_, "DataFrame" | "from_records" | "json_normalize" | "from_dict") => {
                    if let Shape::Request(path) = &first {
                        let path = path.clone();
                        self.note(&path, "list", false);
                        return Shape::Rows(if path.ends_with("[]") {
                            path
                        } else {
                            format_smolstr!("{path}[]")
                        });
                    }
                    if let Shape::List(Some(element)) = &first
                        && let Shape::Request(path) = &**element
                    {
                        return Shape::Rows(path.clone());
                    }
                }
                (_, "loads") => {
                    if let Shape::Request(path) = &first {
                        return Shape::Request(path.clone());
                    }
                }
                _ => {}
            }
            if let Some(entry) = self.code.ctx.catalog.call(&path) {
                use crate::catalog::Matter;
                let named = |effect: &&crate::catalog::EffectEntry| {
                    matches!(
                        effect.on,
                        Matter::File | Matter::Table | Matter::Blob | Matter::Environment
                    ) && effect.position == Some(0)
                };
                if entry.effects.iter().any(|effect| named(&effect)) {
                    self.note_shape(&first, "str", true);
                }
                match entry.returns.as_deref() {
                    Some(kind @ ("dict" | "str" | "list" | "int" | "float" | "bool")) => {
                        return ty(kind);
                    }
                    Some("self") if matches!(first, Shape::Rows(_)) => return first,
                    _ => {}
                }
            }
            if path.contains("metrics.") && last.ends_with("_score") {
                return ty("float");
            }
            if path.starts_with("os.path.") {
                self.note_shape(&first, "str", true);
            }
        }
        Shape::Unknown
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

fn is_request_data(path: &str) -> bool {
    let Some((owner, data)) = path.rsplit_once('.') else {
        return false;
    };
    matches!(owner, "flask.request" | "quart.request" | "bottle.request")
        && matches!(
            data,
            "json" | "get_json" | "form" | "args" | "values" | "forms" | "query"
        )
}
