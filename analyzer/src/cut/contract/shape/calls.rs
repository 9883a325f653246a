//! Calls: of the tree's functions, which are entered; of builtins and
//! methods; of libraries.

use indexmap::IndexMap;
use smol_str::{SmolStr, format_smolstr};

use super::asked::Asked;
use super::{Columns, Env, Field, Follow, Frame, Given, MAX_DEPTH, Shape, ty};
use crate::cut::Making;
use crate::cut::contract::code::At;
use crate::cut::contract::records::{fields, is_record};
use crate::graph::{ClassId, FuncId, Held};
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
            if matches!(arg.kind, ArgKind::Spread | ArgKind::SpreadNamed) {
                self.hand_on(shape);
            }
            if arg.kind == ArgKind::SpreadNamed {
                self.note_shape(shape, "dict", false);
            }
        }
        let shape = self.answer(at, callee_at, args, &shapes, frame);
        let worked = |shape: &Shape| match shape {
            Shape::List(Some(element)) => matches!(**element, Shape::Model(_) | Shape::Other(_)),
            shape => matches!(shape, Shape::Model(_) | Shape::Other(_)),
        };
        match shape {
            Shape::Unknown if shapes.iter().any(worked) => Shape::Other(None),
            shape => shape,
        }
    }

    fn answer(
        &mut self,
        at: At,
        callee_at: At,
        args: &[Arg],
        shapes: &[Shape],
        frame: &mut Frame,
    ) -> Shape {
        let callee_kind = self.code.kind(callee_at).clone();
        let callees: Vec<FuncId> = self
            .code
            .ctx
            .call_graph
            .seen_through_at(frame.func, at.file, at.expr)
            .map(|call| call.callee)
            .collect();
        if let ExprKind::Attr { base, name } = &callee_kind {
            let base_shape = self.expr(at.part(*base), frame);
            if callees.is_empty()
                && let object = self.object(at.part(*base), frame)
                && let Some(asked) = Asked::by(name, object, self.predicted)
            {
                self.hand_to(name, shapes);
                return Shape::Model(asked);
            }
            if let Some(shape) = self.appended(at.part(*base), name, shapes, frame) {
                return shape;
            }
            if let Some(shape) = self.method(at, &base_shape, name, args, shapes) {
                return shape;
            }
        }
        let held = self.code.ctx.call_graph.held(at.file, callee_at.expr);
        if let Some(class) = held.iter().find_map(|held| match held {
            Held::Class(class) if is_record(self.code, *class) => Some(*class),
            _ => None,
        }) {
            self.build(class, at, args, shapes);
            return Shape::Record(class);
        }
        if let ExprKind::Name(name) = &callee_kind
            && callees.is_empty()
            && let Some(shape) = self.builtin(at, name, args, shapes)
        {
            return shape;
        }
        if !callees.is_empty() {
            let mut returned: Option<Shape> = None;
            for callee in callees.into_iter().take(MAX_DEPTH) {
                let given = Given {
                    env: self.bound_args(callee, args, shapes),
                    objects: self.bound_objects(callee, callee_at, args, frame),
                };
                let shape = self.function(callee, given);
                returned = Some(match returned {
                    Some(returned) => self.join(returned, shape),
                    None => shape,
                });
            }
            return returned.unwrap_or(Shape::Unknown);
        }
        let shape = self.library(at, args, shapes);
        if !matches!(shape, Shape::Rows(..)) {
            let name = match &callee_kind {
                ExprKind::Name(name) | ExprKind::Attr { name, .. } => name.as_str(),
                _ => "",
            };
            self.hand_to(name, shapes);
        }
        shape
    }

    /// `rows.append(row)` to a list that is made here, or what else changes it.
    fn appended(
        &mut self,
        list: At,
        method: &str,
        shapes: &[Shape],
        frame: &mut Frame,
    ) -> Option<Shape> {
        let ExprKind::Name(name) = self.code.kind(list) else {
            return None;
        };
        let Some(Shape::List(known)) = frame.env.get(name).cloned() else {
            return None;
        };
        let element = match (known, shapes, method) {
            (known, [element], "append") => {
                let element = match frame.each_step {
                    true => element.clone(),
                    false => self.scatter(element.clone()),
                };
                match known {
                    Some(known) => self.join(*known, element),
                    None => element,
                }
            }
            (Some(known), _, "extend" | "insert" | "pop" | "remove" | "reverse" | "sort") => {
                self.scatter(*known)
            }
            _ => return None,
        };
        let list = Shape::List(Some(Box::new(element)));
        frame.env.insert(name.clone(), list);
        Some(Shape::Unknown)
    }

    /// Notes what an instance of a record class is made with.
    fn build(&mut self, class: ClassId, at: At, args: &[Arg], shapes: &[Shape]) {
        let declared = fields(self.code, class);
        let mut made = IndexMap::new();
        for (idx, (arg, shape)) in args.iter().zip(shapes).enumerate() {
            let name = match arg.kind {
                ArgKind::Named => arg.name.clone(),
                ArgKind::Positional => declared.get(idx).map(|field| field.name.clone()),
                ArgKind::SpreadNamed => {
                    if let Shape::Dict(id) = shape {
                        made.extend(self.dicts[*id].clone());
                    }
                    None
                }
                ArgKind::Spread => None,
            };
            if let Some(name) = name {
                let field = Field {
                    shape: shape.clone(),
                    file: at.file,
                    line: self.code.line(at.part(arg.value)),
                };
                made.insert(name, field);
            }
        }
        let all = args
            .iter()
            .all(|arg| matches!(arg.kind, ArgKind::Named | ArgKind::Positional));
        for field in declared.iter().filter(|_| all) {
            if let Some(default) = field.default
                && let Some(value) = self.literal_value(default.file, default.expr)
            {
                let (file, line) = (field.file, field.line);
                let shape = Shape::Const(value);
                let default = Field { shape, file, line };
                made.entry(field.name.clone()).or_insert(default);
            }
        }
        let Shape::Dict(made) = self.new_dict(made) else {
            return;
        };
        match self.built.get(&class).copied() {
            Some(known) => {
                self.join(Shape::Dict(known), Shape::Dict(made));
            }
            None => {
                self.built.insert(class, made);
            }
        }
    }

    pub(super) fn bound_args(&self, callee: FuncId, args: &[Arg], shapes: &[Shape]) -> Env {
        let params = crate::cut::price::params(self.code.ctx, callee);
        let mut env = Env::default();
        for (idx, (arg, shape)) in args.iter().zip(shapes).enumerate() {
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
                match &first {
                    Shape::Model(asked) => match asked.of_type(name) {
                        Some(asked) => Shape::Model(asked),
                        None => Shape::Other(Some(name.into())),
                    },
                    Shape::Other(_) => Shape::Other(Some(name.into())),
                    // A number stays the number that it is.
                    Shape::Request(_) if matches!(name, "int" | "float") => first,
                    first if first.plain_type().as_deref() == Some(name) => first.clone(),
                    _ => ty(name),
                }
            }
            "len" => {
                self.go_over(&first);
                ty("int")
            }
            "range" if args.len() == 1 => Shape::List(Some(Box::new(Shape::Step))),
            "round" if matches!(first, Shape::Model(_) | Shape::Other(_)) => rounded(shapes),
            "list" | "tuple" if matches!(first, Shape::Model(_) | Shape::Other(_)) => first,
            "round" if matches!(first, Shape::Request(_)) => {
                self.change(&first);
                first
            }
            "round" if args.len() > 1 => ty("float"),
            "round" => ty("int"),
            "sum" => Shape::Other(match &first {
                Shape::List(Some(element)) => match self.type_of(element) {
                    Some(kind) if kind == "float" => Some(kind),
                    _ => Some("int".into()),
                },
                _ => Some("int".into()),
            }),
            "abs" | "max" | "min" if first.is_plain() => Shape::Other(self.type_of(&first)),
            "abs" | "max" | "min" => {
                shapes.iter().for_each(|shape| self.change(shape));
                first
            }
            "next" => first,
            "sorted" if matches!(first, Shape::Model(_) | Shape::Other(_)) => {
                Shape::Other(Some("list".into()))
            }
            "any" | "all" => ty("bool"),
            "sorted" | "reversed" | "list" => match first {
                Shape::List(Some(element)) if name != "list" => {
                    Shape::List(Some(Box::new(self.scatter(*element))))
                }
                Shape::List(element) => Shape::List(element),
                Shape::Request(path) => {
                    let same = Shape::Request(path);
                    if name != "list" {
                        self.change(&same);
                    }
                    same
                }
                _ => Shape::List(None),
            },
            "dict" => match first {
                Shape::Dict(id) => Shape::Dict(id),
                first => {
                    self.hand_on(&first);
                    ty("dict")
                }
            },
            "zip" | "enumerate" => {
                let counted = (name == "enumerate").then(|| match args.len() {
                    1 => Shape::Step,
                    _ => ty("int"),
                });
                let mut elements: Vec<Shape> = counted.into_iter().collect();
                for shape in shapes {
                    elements.push(self.element(shape));
                }
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
        if let Some(shape) = self.method_of_model(at, base, name, args, shapes) {
            return Some(shape);
        }
        match (base, name) {
            (Shape::Request(path), "get" | "pop" | "setdefault" | "getlist" | "get_list") => {
                let mut last = Shape::Unknown;
                for key in key.map(|key| self.code.texts(key)).unwrap_or_default() {
                    if self.is_added(path, &key.text) {
                        last = Shape::Other(None);
                        continue;
                    }
                    let field = self.take(path, &key.text, key.file, key.line);
                    let default = args
                        .get(1)
                        .filter(|arg| arg.name.as_deref() != Some("type"));
                    if default.is_some()
                        && let Some(kind) = shapes.get(1).and_then(Shape::plain_type)
                    {
                        self.note(&field, &kind, true);
                        self.replaced(&Shape::Request(field.clone()), &shapes[1]);
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
                self.hand_on(base);
                Some(Shape::Unknown)
            }
            (
                Shape::Request(path),
                "strip" | "lower" | "upper" | "split" | "replace" | "startswith" | "endswith",
            ) => {
                self.note(path, "str", false);
                let kind = match name {
                    "split" => "list",
                    "startswith" | "endswith" => "bool",
                    _ => "str",
                };
                Some(Shape::Other(Some(kind.into())))
            }
            (Shape::Request(path), "copy") => Some(Shape::Request(path.clone())),
            (
                Shape::Rows(path, columns),
                "copy" | "astype" | "fillna" | "dropna" | "reset_index" | "drop_duplicates"
                | "reindex" | "head",
            ) => {
                let named = self.code.arg(args, "columns", None).is_some();
                let columns = if named { Columns::Named } else { *columns };
                Some(Shape::Rows(path.clone(), columns))
            }
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
            (_, "to_dict") if shapes.is_empty() => {
                self.hand_on(base);
                Some(ty("dict"))
            }
            (_, "tolist" | "to_list" | "fetchall") => {
                self.hand_on(base);
                Some(Shape::List(None))
            }
            (Shape::Other(_), _) => Some(Shape::Other(None)),
            _ => {
                self.hand_on(base);
                None
            }
        }
    }

    /// A method of what a model said, or of a mapping that is asked for it.
    fn method_of_model(
        &self,
        at: At,
        base: &Shape,
        name: &str,
        args: &[Arg],
        shapes: &[Shape],
    ) -> Option<Shape> {
        let given = shapes.first();
        Some(match (base, name) {
            (Shape::Model(asked), "astype") => {
                let kind = args
                    .first()
                    .and_then(|arg| self.code.type_text(at.file, arg.value));
                let typed = kind.and_then(|kind| match asked.of_type(&kind)?.making() {
                    Making::Model(_) if kind == "int" || kind == "float" => Some(asked.clone()),
                    _ => None,
                });
                let plain = typed.filter(|asked| asked.type_of().as_deref() != Some("bool"));
                plain.map_or(Shape::Other(None), Shape::Model)
            }
            (Shape::Model(asked), _) => {
                let given = match given {
                    Some(Shape::Const(value)) => Some(value),
                    _ => None,
                };
                let same = asked.method(name, given);
                same.map_or(Shape::Other(None), Shape::Model)
            }
            (Shape::Other(_), "tolist" | "to_list") => Shape::Other(Some("list".into())),
            (_, "get") if matches!(given, Some(Shape::Model(_))) => {
                let ExprKind::Call { callee, .. } = self.code.kind(at) else {
                    return None;
                };
                let ExprKind::Attr { base, .. } = self.code.kind(at.part(*callee)) else {
                    return None;
                };
                let names = self.names(at.part(*base));
                match given {
                    Some(Shape::Model(asked)) => asked
                        .looked_up(names)
                        .map_or(Shape::Other(None), Shape::Model),
                    _ => Shape::Other(None),
                }
            }
            _ => return None,
        })
    }

    /// Which columns a frame is made with.
    fn columns_of(&self, args: &[Arg]) -> Columns {
        match self.code.arg(args, "columns", None) {
            Some(_) => Columns::Named,
            None => Columns::All,
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
                    | "ORJSONResponse" | "Response" | "json_response",
                ) => {
                    let refused = |(arg, shape): (&Arg, &Shape)| {
                        let status = match arg.kind {
                            ArgKind::Named => {
                                let name = arg.name.as_deref();
                                matches!(name, Some("status" | "status_code"))
                            }
                            _ => last != "jsonify",
                        };
                        status && shape.is_error_status()
                    };
                    if first == Shape::Refused || args.iter().zip(shapes).any(refused) {
                        return Shape::Refused;
                    }
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
                        let path = match path.ends_with("[]") {
                            true => path,
                            false => format_smolstr!("{path}[]"),
                        };
                        return Shape::Rows(path, self.columns_of(args));
                    }
                    if let Shape::List(Some(element)) = &first
                        && let Shape::Request(path) = &**element
                    {
                        return Shape::Rows(path.clone(), self.columns_of(args));
                    }
                }
                (_, "loads") => {
                    if let Shape::Request(path) = &first {
                        return Shape::Request(path.clone());
                    }
                }
                ("numpy.round" | "numpy.around", _)
                    if matches!(first, Shape::Model(_) | Shape::Other(_)) =>
                {
                    return rounded(shapes);
                }
                ("numpy.array" | "numpy.asarray" | "numpy.ravel", _)
                    if let Shape::Model(asked) = &first =>
                {
                    let method = if last == "ravel" { last } else { "copy" };
                    let same = asked.method(method, None);
                    return same.map_or(Shape::Other(None), Shape::Model);
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
                    Some("self") if matches!(first, Shape::Rows(..)) => return first,
                    _ => {}
                }
            }
            if path.contains("metrics.") && last.ends_with("_score") {
                return ty("float");
            }
            if path.starts_with("os.path.") {
                self.note_shape(&first, "str", true);
            }
            if NUMBERS.iter().any(|library| path.starts_with(library)) {
                return Shape::Other(None);
            }
        }
        Shape::Unknown
    }
}

/// `round(value, 4)`, `np.round(value, decimals=4)`.
fn rounded(shapes: &[Shape]) -> Shape {
    let digits = shapes.get(1);
    let asked = match (shapes.first(), digits) {
        (Some(Shape::Model(asked)), Some(Shape::Const(digits))) => {
            asked.rounded(digits.as_u64().and_then(|digits| digits.try_into().ok()))
        }
        _ => None,
    };
    asked.map_or(Shape::Other(Some("float".into())), Shape::Model)
}

/// Libraries that work values out.
const NUMBERS: [&str; 8] = [
    "datetime.",
    "math.",
    "numpy.",
    "scipy.",
    "sklearn.metrics.",
    "statistics.",
    "time.",
    "torch.",
];

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
