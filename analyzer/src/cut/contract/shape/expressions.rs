//! The shape of an expression.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde_json::Value;
use smol_str::{SmolStr, format_smolstr};

use super::asked::{Asked, Index};
use super::calls::is_request_data;
use super::lists::is_one_loop;
use super::{Columns, Field, Follow, Frame, Shape, ty};
use crate::cut::contract::code::{At, each_stmt};
use crate::cut::contract::records::{fields, is_record};
use crate::graph::Held;
use crate::syntax::facts::{
    BinaryOp, Builds, CompareOp, ExprId, ExprKind, ScopeId, StmtKind, UnaryOp,
};

impl Follow<'_, '_> {
    pub(super) fn expr(&mut self, at: At, frame: &mut Frame) -> Shape {
        let sub = |expr: ExprId| at.part(expr);
        match self.code.kind(at) {
            ExprKind::Str(_) | ExprKind::Number(_) | ExprKind::Bool(_) | ExprKind::None => {
                let value = self.literal_value(at.file, at.expr).map(Shape::Const);
                value
                    .or_else(|| self.literal_type(at.file, at.expr))
                    .unwrap_or(Shape::Unknown)
            }
            ExprKind::Format(parts) => {
                for part in parts {
                    self.expr(sub(*part), frame);
                }
                Shape::Other(Some("str".into()))
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
                if let Some(status) = self
                    .code
                    .facts(at.file)
                    .dotted(at.expr)
                    .and_then(|path| status(&path))
                {
                    return Shape::Const(status.into());
                }
                match self.expr(sub(*base), frame) {
                    Shape::Model(asked) if name == "values" => Shape::Model(asked),
                    Shape::Model(_) => Shape::Other(None),
                    rows @ Shape::Rows(..)
                        if !matches!(name.as_str(), "empty" | "index" | "shape") =>
                    {
                        self.hand_on(&rows);
                        self.constant(at)
                    }
                    Shape::Other(_) => match self.constant(at) {
                        Shape::Unknown => Shape::Other(None),
                        known => known,
                    },
                    Shape::Record(class) => {
                        if let Some(made) = self.built.get(&class)
                            && let Some(field) = self.dicts[*made].get(name)
                            && !field.shape.is_unknown()
                        {
                            return field.shape.clone();
                        }
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
                let parts = parts.iter().map(|part| self.expr(sub(*part), frame));
                let parts = parts.collect();
                self.written(parts)
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
                self.hand_on(&left);
                self.hand_on(&right);
                Shape::Other(match (self.type_of(&left), self.type_of(&right)) {
                    (Some(a), Some(b)) if a == b && *op != BinaryOp::Div => Some(a),
                    (Some(a), Some(b)) if (a == "float" || b == "float") && a != "str" => {
                        Some("float".into())
                    }
                    (Some(a), _) if a == "str" => Some(a),
                    (Some(a), Some(b)) if a == "int" && b == "int" => Some("float".into()),
                    _ => None,
                })
            }
            ExprKind::Unary { op, operand } => {
                let inner = self.expr(sub(*operand), frame);
                match op {
                    UnaryOp::Not => {
                        self.note_shape(&inner, "bool", true);
                        Shape::Other(Some("bool".into()))
                    }
                    _ if inner.is_value() => {
                        let value = self.literal_value(at.file, at.expr).map(Shape::Const);
                        value.unwrap_or_else(|| Shape::Other(self.type_of(&inner)))
                    }
                    _ => {
                        self.change(&inner);
                        inner
                    }
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
                for (idx, shape) in shapes.iter().enumerate() {
                    for other in shapes.iter().skip(idx + 1).filter(|other| *other != shape) {
                        self.replaced(shape, other);
                        self.replaced(other, shape);
                    }
                }
                let request = shapes
                    .iter()
                    .find(|shape| matches!(shape, Shape::Request(_)));
                let nothing = |shape: &&Shape| shape.is_unknown() || **shape == Shape::Other(None);
                let shape = request.or_else(|| shapes.iter().find(|shape| !nothing(shape)));
                match shape {
                    // One of several.
                    Some(shape) if shape.is_value() => Shape::Other(self.type_of(shape)),
                    shape => shape.cloned().unwrap_or(Shape::Unknown),
                }
            }
            ExprKind::Compare { operands, ops } => {
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
                        if !self.is_added(&path, key) {
                            self.take(&path, key, at.file, line);
                        }
                    } else if let Some(known) = right.plain_type()
                        && self.literal_type(at.file, operands[1]).is_some()
                    {
                        self.note_shape(left, &known, true);
                    }
                }
                if let [left, right] = shapes.as_slice()
                    && !left.is_unknown()
                    && !right.is_unknown()
                    && !matches!(self.code.kind(sub(operands[0])), ExprKind::Str(_))
                {
                    self.go_over(left);
                    self.go_over(right);
                }
                match (shapes.as_slice(), ops.as_ref()) {
                    ([Shape::Model(asked), other], [op]) => compared(asked, *op, other),
                    ([other, Shape::Model(asked)], [op]) => match turned(*op) {
                        Some(op) => compared(asked, op, other),
                        None => Shape::Other(Some("bool".into())),
                    },
                    _ => Shape::Other(Some("bool".into())),
                }
            }
            ExprKind::Conditional { test, then, other } => {
                let test = self.expr(sub(*test), frame);
                let then = self.expr(sub(*then), frame);
                let other = self.expr(sub(*other), frame);
                self.either(&test, then, other)
            }
            ExprKind::Await(inner) | ExprKind::Starred(inner) => self.expr(sub(*inner), frame),
            ExprKind::Walrus { target, value } => {
                let shape = self.expr(sub(*value), frame);
                self.name_object(sub(*target), sub(*value), frame);
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
    pub(super) fn constant(&self, at: At) -> Shape {
        if let Some(place) = self.code.value(at) {
            if self.is_fixed(at, place)
                && let Some(value) = self.literal_value(place.file, place.expr)
            {
                return Shape::Const(value);
            }
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

    /// A name of a module that no function binds anew.
    fn is_fixed(&self, at: At, place: At) -> bool {
        let ExprKind::Name(name) = self.code.kind(at) else {
            return false;
        };
        let mut scopes = self.code.facts(place.file).scopes();
        place.scope == ScopeId::MODULE && !scopes.any(|(_, scope)| scope.globals.contains(name))
    }

    pub(super) fn item(&mut self, at: At, base: ExprId, index: ExprId, frame: &mut Frame) -> Shape {
        let index = at.part(index);
        let base_shape = self.expr(at.part(base), frame);
        match base_shape {
            Shape::Request(path) | Shape::Rows(path, _)
                if path.is_empty() && self.is_number(index) =>
            {
                Shape::Request("[]".into())
            }
            Shape::Request(path) => {
                if let ExprKind::Slice(_) = self.code.kind(index) {
                    let part = Shape::Request(path);
                    self.change(&part);
                    return part;
                }
                if self.is_number(index) {
                    self.note(&path, "list", false);
                    return Shape::Request(format_smolstr!("{path}[]"));
                }
                let mut last = Shape::Unknown;
                for key in self.code.texts(index) {
                    last = match self.is_added(&path, &key.text) {
                        true => Shape::Other(None),
                        false => Shape::Request(self.take(&path, &key.text, key.file, key.line)),
                    };
                }
                last
            }
            Shape::Rows(path, columns) => {
                let names = match self.code.kind(index) {
                    ExprKind::Compare { .. } | ExprKind::Call { .. } => Vec::new(),
                    _ => self.code.texts(index),
                };
                let columns = match names.is_empty() {
                    true => columns,
                    false => Columns::Named,
                };
                for key in names {
                    if !self.is_added(&path, &key.text) {
                        self.take(&path, &key.text, key.file, key.line);
                    }
                }
                Shape::Rows(path, columns)
            }
            Shape::Dict(id) => {
                let keys = self.code.texts(index);
                let field = keys.first().and_then(|key| self.dicts[id].get(&key.text));
                field.map_or(Shape::Unknown, |field| field.shape.clone())
            }
            Shape::List(Some(element)) if self.is_number(index) => self.of_list(*element, index),
            Shape::Tuple(parts) => match self.code.kind(index) {
                ExprKind::Number(idx) => idx
                    .parse::<usize>()
                    .ok()
                    .and_then(|idx| parts.get(idx).cloned())
                    .unwrap_or(Shape::Unknown),
                _ => Shape::Unknown,
            },
            Shape::Model(asked) => {
                let part = self
                    .index(index, frame)
                    .and_then(|index| asked.part(&index));
                part.map_or(Shape::Other(None), Shape::Model)
            }
            base_shape => match (self.expr(index, frame), base_shape) {
                (Shape::Model(asked), _) => {
                    let named = asked.looked_up(self.names(at.part(base)));
                    named.map_or(Shape::Other(None), Shape::Model)
                }
                (Shape::Other(_), _) | (_, Shape::Other(_)) => Shape::Other(None),
                _ => Shape::Unknown,
            },
        }
    }

    /// The parts of an index of numbers.
    fn index(&mut self, at: At, frame: &mut Frame) -> Option<Vec<Index>> {
        Some(match self.code.kind(at) {
            ExprKind::Slice(parts) if parts.iter().all(Option::is_none) => vec![Index::All],
            ExprKind::Tuple(parts) => {
                let parts = parts.iter().map(|part| self.index(at.part(*part), frame));
                parts.collect::<Option<Vec<_>>>()?.concat()
            }
            _ => match self.expr(at, frame) {
                Shape::Const(Value::Number(number)) => {
                    vec![Index::Number(number.as_u64()?.try_into().ok()?)]
                }
                Shape::Step => vec![Index::Step],
                _ => return None,
            },
        })
    }

    /// What a constant list or mapping gives for its indices or keys.
    pub(super) fn names(&self, at: At) -> BTreeMap<String, Value> {
        let place = match self.code.kind(at) {
            ExprKind::List(_) | ExprKind::Tuple(_) | ExprKind::Dict(_) => at,
            _ => match self.code.value(at) {
                Some(place) => place,
                None => return BTreeMap::new(),
            },
        };
        let value = |expr: ExprId| self.literal_value(place.file, expr);
        let key = |expr: ExprId| match value(expr)? {
            Value::String(text) => Some(text),
            Value::Null => None,
            other => Some(other.to_string()),
        };
        let names: Option<BTreeMap<String, Value>> = match self.code.kind(place) {
            ExprKind::List(parts) | ExprKind::Tuple(parts) => {
                let parts = parts.iter().enumerate();
                parts
                    .map(|(idx, part)| Some((idx.to_string(), value(*part)?)))
                    .collect()
            }
            ExprKind::Dict(entries) => entries
                .iter()
                .map(|(name, part)| Some((key((*name)?)?, value(*part)?)))
                .collect(),
            _ => None,
        };
        names.unwrap_or_default()
    }

    pub(super) fn is_number(&self, at: At) -> bool {
        matches!(
            self.code.kind(at),
            ExprKind::Number(_) | ExprKind::Slice(_) | ExprKind::Unary { .. }
        )
    }

    pub(super) fn dict(
        &mut self,
        at: At,
        entries: &[(Option<ExprId>, ExprId)],
        frame: &mut Frame,
    ) -> Shape {
        let mut made: IndexMap<SmolStr, Field> = IndexMap::new();
        for (key, value) in entries {
            let shape = self.expr(at.part(*value), frame);
            match key {
                Some(key) => {
                    let key_at = at.part(*key);
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
                    whole @ Shape::Request(_) => self.hand_on(&whole),
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

    pub(super) fn new_dict(&mut self, fields: IndexMap<SmolStr, Field>) -> Shape {
        self.dicts.push(fields);
        Shape::Dict(self.dicts.len() - 1)
    }

    pub(super) fn comprehension(
        &mut self,
        at: At,
        builds: Builds,
        scope: ScopeId,
        frame: &mut Frame,
    ) -> Shape {
        let body = &self.code.facts(at.file).scope(scope).body;
        self.block(at.file, scope, body, frame);
        let mut element = None;
        each_stmt(body, &mut |stmt| {
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
                let value = self.expr(element.part(pair[1]), frame);
                let keys = self.code.texts(element.part(pair[0]));
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
                let mut shape = self.expr(element, frame);
                if !is_one_loop(body) {
                    shape = self.scatter(shape);
                }
                Shape::List(Some(Box::new(shape)))
            }
        }
    }
}

fn compared(asked: &Asked, op: CompareOp, other: &Shape) -> Shape {
    let number = match other {
        Shape::Const(Value::Number(number)) => number.as_f64(),
        Shape::Const(_) | Shape::Model(_) => return Shape::Other(Some("bool".into())),
        _ => None,
    };
    let tested = asked.compared(op, number);
    tested.map_or(Shape::Other(Some("bool".into())), Shape::Model)
}

/// `0.5 <= p` is `p >= 0.5`.
fn turned(op: CompareOp) -> Option<CompareOp> {
    Some(match op {
        CompareOp::Lt => CompareOp::Gt,
        CompareOp::Le => CompareOp::Ge,
        CompareOp::Gt => CompareOp::Lt,
        CompareOp::Ge => CompareOp::Le,
        CompareOp::Eq | CompareOp::Ne => op,
        _ => return None,
    })
}

/// The number of `HTTPStatus.BAD_REQUEST`, `status.HTTP_404_NOT_FOUND`.
fn status(path: &str) -> Option<u16> {
    let (owner, name) = path.rsplit_once('.')?;
    if let Some(number) = name.strip_prefix("HTTP_") {
        return number.get(..3)?.parse().ok();
    }
    let number = match name {
        "BAD_REQUEST" => 400,
        "UNAUTHORIZED" => 401,
        "FORBIDDEN" => 403,
        "NOT_FOUND" => 404,
        "METHOD_NOT_ALLOWED" => 405,
        "CONFLICT" => 409,
        "REQUEST_ENTITY_TOO_LARGE" | "CONTENT_TOO_LARGE" => 413,
        "UNSUPPORTED_MEDIA_TYPE" => 415,
        "UNPROCESSABLE_ENTITY" | "UNPROCESSABLE_CONTENT" => 422,
        "TOO_MANY_REQUESTS" => 429,
        "INTERNAL_SERVER_ERROR" => 500,
        "NOT_IMPLEMENTED" => 501,
        "BAD_GATEWAY" => 502,
        "SERVICE_UNAVAILABLE" => 503,
        "GATEWAY_TIMEOUT" => 504,
        _ => return None,
    };
    owner.ends_with("HTTPStatus").then_some(number)
}
