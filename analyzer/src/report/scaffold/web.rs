//! The monolith's web application: what answers the requests of its routes.

use std::collections::{BTreeMap, BTreeSet};

use crate::line::Analysis;
use crate::modules::{FileId, Symbol};
use crate::routes::{Route, RouteKind};
use crate::syntax::FileFacts;
use crate::syntax::facts::{ExprId, ExprKind, ParamKind, ScopeId, ScopeKind, StmtKind};
use crate::syntax::walk::{each_expr, each_stmt};

use super::layout::Layout;

/// How an application is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Wsgi,
    Asgi,
    Django,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Wsgi => "wsgi",
            Kind::Asgi => "asgi",
            Kind::Django => "django",
        }
    }

    fn of(constructor: &str) -> Option<Kind> {
        match constructor.rsplit('.').next()? {
            "Flask" | "APIFlask" | "OpenAPI" | "Bottle" => Some(Kind::Wsgi),
            "FastAPI" | "Starlette" | "Quart" | "Litestar" => Some(Kind::Asgi),
            _ => None,
        }
    }

    /// How a framework's routes are asked; nothing where no adapter does it.
    pub(super) fn of_framework(framework: &str) -> Option<Kind> {
        match framework {
            "flask" | "bottle" => Some(Kind::Wsgi),
            "fastapi" | "starlette" | "quart" | "litestar" => Some(Kind::Asgi),
            "django" => Some(Kind::Django),
            _ => None,
        }
    }
}

/// The application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Web {
    pub(super) kind: Kind,
    /// `module:name`; Django's is its settings module.
    pub(super) what: String,
    /// It is made by calling that.
    pub(super) is_made: bool,
    /// What it needs: its own file and those of its routes.
    pub(super) files: BTreeSet<FileId>,
    /// What it imports, and so whose routes it can have.
    reached: BTreeSet<FileId>,
}

/// The application that answers the tree's HTTP routes.
pub(super) fn web(analysis: &Analysis, layout: &Layout) -> Option<Web> {
    let asked = analysis.routes.iter().filter(|route| is_asked(route));
    let handlers: BTreeSet<FileId> = asked
        .clone()
        .map(|route| analysis.program.function(route.handler).file)
        .chain(asked.clone().map(|route| route.file))
        .filter(|file| layout.path(*file).ends_with(".py"))
        .collect();
    let kinds: Vec<Kind> = asked
        .filter_map(|route| Kind::of_framework(route.framework))
        .collect();
    if kinds.contains(&Kind::Django) {
        return django(analysis, layout);
    }
    let apps = Apps::of(analysis);
    let mut found: Vec<(bool, usize, String, &App)> = Vec::new();
    for app in apps.found.iter().filter(|app| kinds.contains(&app.kind)) {
        let reached = layout.closure([app.file]);
        let sees = handlers.intersection(&reached).count();
        let path = layout.path(app.file).to_owned();
        found.push((app.is_made, sees, path, app));
    }
    // What sees most of the routes; of these, what is made rather than there.
    found.sort_by(|a, b| (b.1, b.0, &a.2).cmp(&(a.1, a.0, &b.2)));
    let (.., app) = found.into_iter().next()?;
    let reached = layout.closure([app.file]);
    let mut files: BTreeSet<FileId> = handlers.intersection(&reached).copied().collect();
    files.insert(app.file);
    Some(Web {
        reached,
        kind: app.kind,
        what: format!("{}:{}", layout.module(app.file), app.name),
        is_made: app.is_made,
        files,
    })
}

pub(super) fn is_asked(route: &Route) -> bool {
    route.kind == RouteKind::Http
}

struct App {
    kind: Kind,
    file: FileId,
    name: String,
    is_made: bool,
}

struct Apps {
    found: Vec<App>,
}

impl Apps {
    fn of(analysis: &Analysis) -> Apps {
        let mut found = Vec::new();
        let mut variables: BTreeMap<(FileId, String), Kind> = BTreeMap::new();
        for (file, facts) in analysis.modules.iter() {
            for (name, kind) in made_in(facts, ScopeId::MODULE) {
                variables.insert((file, name.clone()), kind);
                found.push(App {
                    kind,
                    file,
                    name,
                    is_made: false,
                });
            }
        }
        for (file, facts) in analysis.modules.iter() {
            for (id, scope) in facts.scopes() {
                let needs = scope.params.iter().any(|param| {
                    param.default.is_none()
                        && !matches!(param.kind, ParamKind::Rest | ParamKind::RestNamed)
                });
                let is_plain = scope.kind == ScopeKind::Function
                    && scope.parent == Some(ScopeId::MODULE)
                    && !scope.is_async
                    && !needs;
                if let (true, Some(kind)) = (is_plain, gives(analysis, &variables, file, id)) {
                    found.push(App {
                        kind,
                        file,
                        name: scope.name.to_string(),
                        is_made: true,
                    });
                }
            }
        }
        Apps { found }
    }
}

/// Variables of a scope that hold an application.
fn made_in(facts: &FileFacts, scope: ScopeId) -> BTreeMap<String, Kind> {
    let mut made = BTreeMap::new();
    each_stmt(&facts.scope(scope).body, &mut |stmt| {
        if let StmtKind::Assign { targets, value, .. } = &stmt.kind
            && let Some(kind) = constructed(facts, *value)
        {
            for target in targets {
                if let ExprKind::Name(name) = &facts.expr(*target).kind {
                    made.insert(name.to_string(), kind);
                }
            }
        }
    });
    made
}

fn constructed(facts: &FileFacts, expr: ExprId) -> Option<Kind> {
    match &facts.expr(expr).kind {
        ExprKind::Call { callee, .. } => Kind::of(&facts.dotted(*callee)?),
        _ => None,
    }
}

/// The kind of application that a function returns, if it returns one.
fn gives(
    analysis: &Analysis,
    variables: &BTreeMap<(FileId, String), Kind>,
    file: FileId,
    scope: ScopeId,
) -> Option<Kind> {
    let facts = analysis.modules.facts(file);
    let own = made_in(facts, scope);
    let elsewhere = |path: &str| {
        let Symbol::Variable(at, name) = analysis.modules.symbol(file, ScopeId::MODULE, path)?
        else {
            return None;
        };
        variables.get(&(at, name.to_string())).copied()
    };
    let mut aliases: BTreeMap<String, Kind> = own;
    let mut given = None;
    each_stmt(&facts.scope(scope).body, &mut |stmt| match &stmt.kind {
        StmtKind::Assign { targets, value, .. } => {
            let kind = facts.dotted(*value).and_then(|path| elsewhere(&path));
            if let (Some(kind), [target]) = (kind, targets.as_slice())
                && let ExprKind::Name(name) = &facts.expr(*target).kind
            {
                aliases.insert(name.to_string(), kind);
            }
        }
        StmtKind::Return(Some(value)) => {
            let path = facts.dotted(*value);
            let named = path.and_then(|path| aliases.get(&path).copied().or(elsewhere(&path)));
            given = named.or(constructed(facts, *value)).or(given);
        }
        _ => {}
    });
    given
}

/// Django's settings, as its own entry points name them. It imports what its
/// settings list, so that all of the tree's modules come along.
fn django(analysis: &Analysis, layout: &Layout) -> Option<Web> {
    let mut settings = None;
    for (_, facts) in analysis.modules.iter() {
        for (id, _) in facts.scopes() {
            each_expr(facts, id, &mut |expr| {
                if let ExprKind::Call { args, .. } = &facts.expr(expr).kind
                    && let [key, value, ..] = &args[..]
                    && let (ExprKind::Str(key), ExprKind::Str(value)) =
                        (&facts.expr(key.value).kind, &facts.expr(value.value).kind)
                    && key == "DJANGO_SETTINGS_MODULE"
                {
                    settings.get_or_insert(value.to_string());
                }
            });
        }
    }
    let files = analysis.modules.iter().map(|(file, _)| file);
    let files: BTreeSet<FileId> = files
        .filter(|file| layout.path(*file).ends_with(".py"))
        .collect();
    Some(Web {
        kind: Kind::Django,
        what: settings?,
        is_made: false,
        reached: files.clone(),
        files,
    })
}

impl Web {
    /// The adapter can ask it for this route.
    pub(super) fn answers(&self, route: &Route) -> bool {
        is_asked(route)
            && Kind::of_framework(route.framework) == Some(self.kind)
            && self.reached.contains(&route.file)
    }
}
