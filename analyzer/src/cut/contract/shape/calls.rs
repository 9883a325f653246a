//! Calls: of the tree's functions, which are entered; of builtins and
//! methods; of libraries.

use smol_str::{SmolStr, format_smolstr};

use super::{Env, Field, Follow, Frame, MAX_DEPTH, Shape, ty};
use crate::cut::contract::code::At;
use crate::cut::contract::records::is_record;
use crate::graph::{FuncId, Held};
use crate::syntax::facts::{Arg, ArgKind, ExprId, ExprKind};

impl Follow<'_, '_> {
    pub(super) fn call(
        &mut self,
        at: At,
        callee: ExprId,
        args: &[Arg],
        frame: &mut Frame,
    ) -> Shape {
        let callee_at = at.part(callee);
        if let Some(path) = self.code.external(callee_at)
            && is_request_data(&path)
        {
            return Shape::Request(SmolStr::default());
        }
        let shapes: Vec<Shape> = args
            .iter()
            .map(|arg| self.expr(at.part(arg.value), frame))
            .collect();
        for (arg, shape) in args.iter().zip(&shapes) {
            if arg.kind == ArgKind::SpreadNamed {
                self.note_shape(shape, "dict", false);
            }
        }
        let callee_kind = self.code.kind(callee_at).clone();
        if let ExprKind::Attr { base, name } = &callee_kind {
            let base_shape = self.expr(at.part(*base), frame);
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

    pub(super) fn bound_args(&self, callee: FuncId, args: &[Arg], shapes: &[Shape]) -> Env {
        let params = crate::cut::price::params(self.code.ctx, callee);
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

    pub(super) fn builtin(
        &mut self,
        at: At,
        name: &str,
        args: &[Arg],
        shapes: &[Shape],
    ) -> Option<Shape> {
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
                let wanted = args.get(1).map(|arg| at.part(arg.value));
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

    pub(super) fn method(
        &mut self,
        at: At,
        base: &Shape,
        name: &str,
        args: &[Arg],
        shapes: &[Shape],
    ) -> Option<Shape> {
        let key = args.first().map(|arg| at.part(arg.value));
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
    pub(super) fn library(&mut self, at: At, args: &[Arg], shapes: &[Shape]) -> Shape {
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

pub(super) fn is_request_data(path: &str) -> bool {
    let Some((owner, data)) = path.rsplit_once('.') else {
        return false;
    };
    matches!(owner, "flask.request" | "quart.request" | "bottle.request")
        && matches!(
            data,
            "json" | "get_json" | "form" | "args" | "values" | "forms" | "query"
        )
}
