//! Django: URL configurations with their includes, function and class-based
//! views, Django REST framework's view sets and routers.

use rustc_hash::FxHashSet;
use smol_str::{SmolStr, format_smolstr};

use super::flask::view_classes;
use super::survey::{Call, Key, Spot, Survey, each_assignment, template};
use super::{Framework, Route, RouteKind, class_handlers};
use crate::graph::{ClassId, FuncId};
use crate::modules::{FileId, ModuleRef, Symbol};
use crate::syntax::facts::{ExprId, ExprKind, ScopeId};

pub(super) struct Django;

/// What a view set's method answers: method, on one object.
const ACTIONS: &[(&str, &str, bool)] = &[
    ("list", "GET", false),
    ("create", "POST", false),
    ("retrieve", "GET", true),
    ("update", "PUT", true),
    ("partial_update", "PATCH", true),
    ("destroy", "DELETE", true),
];

impl Framework for Django {
    fn name(&self) -> &'static str {
        "django"
    }

    fn routes(&self, survey: &Survey<'_>, found: &mut Vec<Route>) {
        if !survey.imports("django") && !survey.imports("rest_framework") {
            return;
        }
        commands(survey, found);
        let confs: Vec<(FileId, Vec<Spot>)> = survey
            .modules
            .iter()
            .map(|(file, _)| (file, patterns(survey, file)))
            .filter(|(_, lists)| !lists.is_empty())
            .collect();
        let mut included = Vec::new();
        for call in survey.calls.iter().filter(|call| call.name == "include") {
            included.extend(
                survey
                    .arg(&call.spot, 0, "arg")
                    .and_then(|arg| conf(survey, &arg)),
            );
        }
        for (file, lists) in &confs {
            if !included.contains(file) {
                for list in lists {
                    expand(survey, list, "", 0, &mut Expansion::of(found));
                }
            }
        }
    }
}

/// `manage.py NAME`: the class `Command` of `management/commands/NAME.py`.
fn commands(survey: &Survey<'_>, found: &mut Vec<Route>) {
    for (file, facts) in survey.modules.iter() {
        let path = facts.path.as_str();
        let name = path
            .rsplit_once("management/commands/")
            .map(|(_, name)| name);
        let Some(name) = name.and_then(|name| name.strip_suffix(".py")) else {
            continue;
        };
        let classes = survey.program.classes.iter();
        let handlers = classes
            .filter(|class| class.file == file && facts.scope(class.scope).name == "Command")
            .filter_map(|class| class.methods.get("handle"));
        for handler in handlers {
            let (file, line) = survey.place(*handler);
            found.push(Route {
                kind: RouteKind::Command,
                method: SmolStr::default(),
                path: name.into(),
                handler: *handler,
                file,
                line,
                framework: "django",
            });
        }
    }
}

/// What a module assigns or adds to its `urlpatterns`.
fn patterns(survey: &Survey<'_>, file: FileId) -> Vec<Spot> {
    let facts = survey.modules.facts(file);
    let mut lists = Vec::new();
    let body = &facts.scope(ScopeId::MODULE).body;
    each_assignment(body, &mut |_, target, value| {
        if matches!(&facts.expr(target).kind, ExprKind::Name(name) if name == "urlpatterns") {
            lists.push(survey.spot(file, ScopeId::MODULE, value));
        }
    });
    lists
}

/// The URL configuration that `include("app.urls")` or `include(urls)` names.
fn conf(survey: &Survey<'_>, arg: &Spot) -> Option<FileId> {
    if let ExprKind::Tuple(parts) = survey.kind(arg) {
        return conf(survey, &survey.part(arg, *parts.first()?));
    }
    let module = match survey.symbol(arg) {
        Some(Symbol::Module(module)) => Some(module),
        _ => survey
            .texts(arg)
            .iter()
            .find_map(|path| survey.modules.absolute(arg.file, path)),
    };
    match module {
        Some(ModuleRef::File(file)) => Some(file),
        _ => None,
    }
}

/// Lists that are expanded, each under each prefix: those that include each
/// other have more ways than can be gone.
const MAX_EXPANDED: usize = 20_000;

struct Expansion<'f> {
    found: &'f mut Vec<Route>,
    seen: FxHashSet<(FileId, ExprId, SmolStr)>,
}

impl<'f> Expansion<'f> {
    fn of(found: &'f mut Vec<Route>) -> Expansion<'f> {
        Expansion {
            found,
            seen: FxHashSet::default(),
        }
    }
}

fn expand(survey: &Survey<'_>, list: &Spot, prefix: &str, depth: u32, found: &mut Expansion<'_>) {
    let key = (list.file, list.expr, prefix.into());
    if depth > 12 || found.seen.len() >= MAX_EXPANDED || !found.seen.insert(key) {
        return;
    }
    match survey.kind(list) {
        ExprKind::List(parts) | ExprKind::Tuple(parts) => {
            for part in parts {
                expand(survey, &survey.part(list, *part), prefix, depth + 1, found);
            }
        }
        ExprKind::Starred(inner) => {
            expand(survey, &survey.part(list, *inner), prefix, depth + 1, found);
        }
        ExprKind::Binary { left, right, .. } => {
            for side in [*left, *right] {
                expand(survey, &survey.part(list, side), prefix, depth + 1, found);
            }
        }
        ExprKind::Attr { base, name } if name == "urls" => {
            router(survey, &survey.part(list, *base), prefix, found.found);
        }
        ExprKind::Name(_) => {
            if let Some(definition) = survey.definition(list) {
                expand(survey, &definition, prefix, depth + 1, found);
            }
        }
        ExprKind::Call { callee, args } => {
            let callee = survey.part(list, *callee);
            let name = survey.facts(list).dotted(callee.expr).unwrap_or_default();
            let paths = survey.paths(&callee);
            let name = match paths.first() {
                Some(path) => path.rsplit('.').next().unwrap_or_default(),
                None => name.rsplit('.').next().unwrap_or_default(),
            };
            match name {
                "path" | "re_path" | "url" => pattern(survey, list, name, prefix, depth, found),
                // `i18n_patterns(…)`, `format_suffix_patterns(…)`.
                _ => {
                    for arg in args {
                        expand(
                            survey,
                            &survey.part(list, arg.value),
                            prefix,
                            depth + 1,
                            found,
                        );
                    }
                }
            }
        }
        _ => {}
    }
}

fn pattern(
    survey: &Survey<'_>,
    call: &Spot,
    name: &str,
    prefix: &str,
    depth: u32,
    found: &mut Expansion<'_>,
) {
    let given = survey.arg(call, 0, if name == "path" { "route" } else { "regex" });
    let (Some(given), Some(view)) = (given, survey.arg(call, 1, "view")) else {
        return;
    };
    for text in survey.texts(&given) {
        let text = match name {
            "path" => text,
            _ => regex(&text),
        };
        let whole = format!("{prefix}{text}");
        if let Some(args) = include_args(survey, &view) {
            match conf(survey, &args) {
                Some(file) => {
                    for list in patterns(survey, file) {
                        expand(survey, &list, &whole, depth + 1, found);
                    }
                }
                None => expand_included(survey, &args, &whole, depth + 1, found),
            }
            continue;
        }
        if matches!(survey.kind(&view), ExprKind::Attr { name, .. } if name == "urls") {
            expand(survey, &view, &whole, depth + 1, found);
            continue;
        }
        answers(survey, call, &view, &template(&whole, false), found.found);
    }
}

/// `include((patterns, "name"))` takes the first of the pair.
fn expand_included(
    survey: &Survey<'_>,
    args: &Spot,
    prefix: &str,
    depth: u32,
    found: &mut Expansion<'_>,
) {
    match survey.kind(args) {
        ExprKind::Tuple(parts) => {
            if let Some(first) = parts.first() {
                expand(survey, &survey.part(args, *first), prefix, depth, found);
            }
        }
        _ => expand(survey, args, prefix, depth, found),
    }
}

fn include_args(survey: &Survey<'_>, view: &Spot) -> Option<Spot> {
    let ExprKind::Call { callee, .. } = survey.kind(view) else {
        return None;
    };
    let name = survey.facts(view).dotted(*callee)?;
    (name.rsplit('.').next() == Some("include"))
        .then(|| survey.arg(view, 0, "arg"))
        .flatten()
}

fn answers(survey: &Survey<'_>, at: &Spot, view: &Spot, path: &SmolStr, found: &mut Vec<Route>) {
    let classes = view_classes(survey, view);
    for class in &classes {
        let mut add = |method: &str, handler| {
            if allows(survey, *class, method) {
                found.push(route(survey, at, method, path.clone(), handler));
            }
        };
        let actions = mapped(survey, view);
        for (method, action) in &actions {
            if let Some(func) = action_of(survey, *class, action) {
                add(&method.to_uppercase(), func);
            }
        }
        if actions.is_empty() {
            let handlers = class_handlers(survey, *class);
            if handlers.is_empty() {
                for (method, func) in generic(survey, *class) {
                    add(method, func);
                }
            }
            handlers
                .iter()
                .for_each(|(method, func)| add(method, *func));
        }
    }
    if classes.is_empty() {
        for func in survey.functions(view) {
            for method in allowed(survey, func) {
                found.push(route(survey, at, &method, path.clone(), func));
            }
        }
    }
}

fn route(survey: &Survey<'_>, at: &Spot, method: &str, path: SmolStr, handler: FuncId) -> Route {
    Route {
        kind: RouteKind::Http,
        method: method.into(),
        path,
        handler,
        file: at.file,
        line: survey.line(at),
        framework: "django",
    }
}

/// False if the class's `http_method_names` leave the method out.
fn allows(survey: &Survey<'_>, class: ClassId, method: &str) -> bool {
    let names = survey.class_value(class, "http_method_names");
    let names = names.map(|names| survey.list(&names)).unwrap_or_default();
    names.is_empty() || names.iter().any(|name| name.eq_ignore_ascii_case(method))
}

/// `as_view({"get": "list"})`.
fn mapped(survey: &Survey<'_>, view: &Spot) -> Vec<(SmolStr, SmolStr)> {
    let Some(arg) = survey.arg(view, 0, "actions") else {
        return Vec::new();
    };
    let ExprKind::Dict(entries) = survey.kind(&arg) else {
        return Vec::new();
    };
    let text = |expr| survey.text(&survey.part(&arg, expr));
    let pairs = entries.iter();
    pairs
        .filter_map(|(key, value)| Some((text((*key)?)?, text(*value)?)))
        .collect()
}

/// A generic view answers through what it overrides, or by what it inherits.
fn generic(survey: &Survey<'_>, class: ClassId) -> Vec<(&'static str, FuncId)> {
    let rest = ACTIONS.iter().filter_map(|(action, method, _)| {
        action_of(survey, class, action).map(|func| (*method, func))
    });
    let is_rest = survey
        .program
        .library_bases(class)
        .iter()
        .any(|base| base.starts_with("rest_framework"));
    if is_rest {
        let mut rest: Vec<_> = rest.collect();
        rest.sort_unstable();
        rest.dedup_by_key(|(method, _)| *method);
        return rest;
    }
    let first = |names: &[&str]| names.iter().find_map(|name| survey.method(class, name));
    let reads = first(&[
        "list",
        "retrieve",
        "get_queryset",
        "get_object",
        "get_context_data",
        "get_redirect_url",
    ]);
    let writes = first(&["create", "perform_create", "form_valid"]);
    let changes = first(&["update", "perform_update"]);
    let removes = first(&["destroy", "perform_destroy"]);
    let pairs = [
        ("GET", reads),
        ("POST", writes),
        ("PUT", changes),
        ("DELETE", removes),
    ];
    let pairs = pairs.into_iter();
    let found: Vec<_> = pairs
        .filter_map(|(method, func)| Some((method, func?)))
        .collect();
    match found.is_empty() {
        true => inherited(survey, class),
        false => found,
    }
}

/// What a class answers whose body only names a model or a template.
fn inherited(survey: &Survey<'_>, class: ClassId) -> Vec<(&'static str, FuncId)> {
    let bases = survey.program.library_bases(class);
    let views = bases.iter().filter(|base| base.starts_with("django."));
    let mut names = views.filter_map(|base| base.rsplit('.').next());
    let methods: &[&str] = names
        .find_map(|name| match name {
            "ListView" | "DetailView" | "TemplateView" | "RedirectView" => Some(&["GET"][..]),
            "CreateView" | "UpdateView" | "DeleteView" | "FormView" => Some(&["GET", "POST"][..]),
            _ => None,
        })
        .unwrap_or_default();
    let func = survey.program.module_func(survey.program.class(class).file);
    methods
        .iter()
        .filter_map(|method| Some((*method, func?)))
        .collect()
}

/// The methods a function view's decorators leave; `ANY` without such.
fn allowed(survey: &Survey<'_>, func: FuncId) -> Vec<SmolStr> {
    for decoration in &survey.decorations {
        if decoration.function != Some(func) {
            continue;
        }
        for path in survey.decorator_paths(&decoration.decorator) {
            match path.rsplit('.').next().unwrap_or_default() {
                "api_view" | "require_http_methods" => {
                    let given = survey.arg(&decoration.decorator, 0, "http_method_names");
                    let listed = given.map(|list| survey.list(&list)).unwrap_or_default();
                    return match listed.is_empty() {
                        true => vec!["GET".into()],
                        false => listed
                            .iter()
                            .map(|name| name.to_uppercase().into())
                            .collect(),
                    };
                }
                "require_GET" | "require_safe" => return vec!["GET".into()],
                "require_POST" => return vec!["POST".into()],
                _ => {}
            }
        }
    }
    vec!["ANY".into()]
}

// ---- routers

/// Everything registered on the router that `base` is.
fn router(survey: &Survey<'_>, base: &Spot, prefix: &str, found: &mut Vec<Route>) {
    let keys: Vec<Key> = survey.owners(base).iter().map(|owner| owner.key).collect();
    for call in survey.calls.iter().filter(|call| call.name == "register") {
        let on = call.base.as_ref().map(|base| survey.owners(base));
        if on.is_some_and(|on| on.iter().any(|owner| keys.contains(&owner.key))) {
            registered(survey, call, prefix, found);
        }
    }
}

fn registered(survey: &Survey<'_>, call: &Call, prefix: &str, found: &mut Vec<Route>) {
    let (Some(name), Some(view_set)) = (
        survey.arg(&call.spot, 0, "prefix"),
        survey.arg(&call.spot, 1, "viewset"),
    ) else {
        return;
    };
    for name in survey.texts(&name) {
        let name = regex(&name);
        let many = match name.is_empty() {
            true => prefix.to_owned(),
            false => format!("{prefix}{}/", name.trim_end_matches('/')),
        };
        for class in survey.classes(&view_set) {
            let key = ["lookup_url_kwarg", "lookup_field"];
            let key = key.iter().find_map(|name| survey.class_value(class, name));
            let key = key.and_then(|key| survey.text(&key));
            let one = format!("{many}{{{}}}/", key.as_deref().unwrap_or("pk"));
            for (action, method, detail) in ACTIONS {
                let func = action_of(survey, class, action);
                if let Some(func) = func.filter(|_| allows(survey, class, method)) {
                    let path = template(if *detail { &one } else { &many }, false);
                    found.push(route(survey, &call.spot, method, path, func));
                }
            }
            extra_actions(survey, call, class, (&many, &one), found);
        }
    }
}

/// Who answers an action: the class's own method; if the action comes from the
/// library, what the class hooks into it, or else the file that declares it.
fn action_of(survey: &Survey<'_>, class: ClassId, action: &str) -> Option<FuncId> {
    survey.method(class, action).or_else(|| {
        let bases = survey.program.library_bases(class);
        let names = bases
            .iter()
            .filter(|base| base.starts_with("rest_framework"));
        let mut names = names.filter_map(|base| base.rsplit('.').next());
        names
            .any(|base| inherits(base, action))
            .then(|| hooked(survey, class, action))
            .flatten()
    })
}

/// True if Django REST framework's class `base` has the action.
fn inherits(base: &str, action: &str) -> bool {
    let mixin = match action {
        "list" => "List",
        "create" => "Create",
        "retrieve" => "Retrieve",
        "update" | "partial_update" => "Update",
        _ => "Destroy",
    };
    match base {
        "ModelViewSet" => true,
        "ReadOnlyModelViewSet" => matches!(action, "list" | "retrieve"),
        // `ListModelMixin`, `RetrieveUpdateDestroyAPIView`.
        _ => (base.ends_with("ModelMixin") || base.ends_with("APIView")) && base.contains(mixin),
    }
}

fn hooked(survey: &Survey<'_>, class: ClassId, action: &str) -> Option<FuncId> {
    let own: &[&str] = match action {
        "create" => &["perform_create"],
        "update" | "partial_update" => &["perform_update"],
        "destroy" => &["perform_destroy"],
        _ => &[],
    };
    let shared = [
        "get_queryset",
        "get_object",
        "get_serializer_class",
        "get_permissions",
    ];
    let mut names = own.iter().chain(&shared);
    names
        .find_map(|name| survey.method(class, name))
        .or_else(|| survey.program.module_func(survey.program.class(class).file))
}

/// Methods under `@action(detail=…, methods=[…], url_path=…)`.
fn extra_actions(
    survey: &Survey<'_>,
    call: &Call,
    class: ClassId,
    (many, one): (&str, &str),
    found: &mut Vec<Route>,
) {
    let mro = &survey.program.class(class).mro;
    for decoration in &survey.decorations {
        let Some(func) = decoration.function else {
            continue;
        };
        let owner = survey.program.function(func).class;
        let is_action = || {
            let paths = survey.decorator_paths(&decoration.decorator);
            paths.iter().any(|path| path.ends_with("decorators.action"))
        };
        if !owner.is_some_and(|owner| mro.contains(&owner)) || !is_action() {
            continue;
        }
        let named = |name| survey.named(&decoration.decorator, name);
        let detail = named("detail");
        let detail = detail.is_some_and(|spot| matches!(survey.kind(&spot), ExprKind::Bool(true)));
        let own = named("url_path").and_then(|path| survey.text(&path));
        let own = own.map_or_else(|| survey.name(func), |path| regex(&path));
        let methods = named("methods").map(|list| survey.list(&list));
        let methods = methods.unwrap_or_else(|| vec!["get".into()]);
        let below = if detail { one } else { many };
        for method in methods {
            let path = template(&format!("{below}{own}/"), false);
            found.push(route(
                survey,
                &call.spot,
                &method.to_uppercase(),
                path,
                func,
            ));
        }
    }
}

/// A regular expression as a path: named groups become `{name}`, others
/// `{}`; anchors and escapes go.
pub(super) fn regex(pattern: &str) -> SmolStr {
    let mut out = String::new();
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        if first == '(' {
            let group = &rest[..group_len(rest)];
            let name = group
                .strip_prefix("(?P<")
                .and_then(|named| named.split('>').next());
            if !group.starts_with("(?:") {
                out.push_str(&format_smolstr!("{{{}}}", name.unwrap_or_default()));
            }
            rest = &rest[group.len()..];
            continue;
        }
        if !matches!(first, '^' | '$' | '\\' | '?') {
            out.push(first);
        }
        rest = &rest[first.len_utf8()..];
    }
    out.into()
}

/// Length of the group that `text` begins with.
fn group_len(text: &str) -> usize {
    let mut depth = 0_i32;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + c.len_utf8();
        }
    }
    text.len()
}
