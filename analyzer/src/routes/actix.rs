//! Actix Web: attribute routes, scopes and resources, functions that
//! configure a part of the application.

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::survey::{
    Attribute, Call, Chains, Key, Mounts, Spot, Survey, attributes, is_rust, join, template,
};
use super::{Framework, Route, RouteKind, is_http_method};
use crate::graph::FuncId;
use crate::syntax::facts::ExprKind;

pub(super) struct Actix;

impl Framework for Actix {
    fn name(&self) -> &'static str {
        "actix"
    }

    fn routes(&self, survey: &Survey<'_>, found: &mut Vec<Route>) {
        let attributes: Vec<Attribute> = attributes(survey)
            .into_iter()
            .filter(|attribute| attribute.framework == "actix")
            .collect();
        let is_used = |call: &Call| {
            matches!(
                call.name.as_str(),
                "configure" | "scope" | "resource" | "to"
            ) && is_rust(survey, call.spot.file)
        };
        if attributes.is_empty() && !survey.calls.iter().any(is_used) {
            return;
        }
        let chains = Chains::new(survey, starts);
        let mut application = Application {
            survey,
            chains: &chains,
            mounts: Mounts::default(),
            registered: FxHashMap::default(),
        };
        let mut calls = Vec::new();
        for call in chains.calls() {
            let Some(base) = &call.base else { continue };
            match call.name.as_str() {
                "service" | "configure" => {
                    let parents = chains.roots(base);
                    if parents.is_empty() {
                        continue;
                    }
                    for arg in survey.args(&call.spot) {
                        let given = survey.part(&call.spot, arg.value);
                        match call.name.as_str() {
                            "service" => application.service(&parents, &given, 0),
                            _ => application.configure(&parents, &given),
                        }
                    }
                }
                "route" | "to" | "default_service" => calls.push((call, chains.roots(base))),
                name if is_http_method(name) => calls.push((call, chains.roots(base))),
                _ => {}
            }
        }
        chains.link(&mut application.mounts);
        application.alone();
        for (call, roots) in calls.iter().filter(|(_, roots)| !roots.is_empty()) {
            application.add(call, roots, found);
        }
        for attribute in &attributes {
            application.attribute(attribute, found);
        }
    }
}

/// `App::new()`, `web::scope("/api")`, `web::resource("/x")`.
fn starts(path: &str) -> bool {
    let mut parts = path.rsplit('.');
    let made = parts.next().unwrap_or_default();
    let by = parts.next().unwrap_or_default();
    match made {
        "new" => matches!(by, "App" | "Scope" | "Resource"),
        "scope" | "resource" => matches!(by, "web" | "utoipa_actix_web" | "scope"),
        _ => false,
    }
}

struct Application<'s, 'a> {
    survey: &'s Survey<'a>,
    chains: &'s Chains<'s, 'a>,
    mounts: Mounts,
    /// What the handlers of attributes are registered in.
    registered: FxHashMap<FuncId, Vec<Key>>,
}

impl Application<'_, '_> {
    /// `.service(handler)`, `.service(web::scope("/x"))`, or several.
    fn service(&mut self, parents: &[Key], given: &Spot, steps: u32) {
        let survey = self.survey;
        let several = match survey.kind(given) {
            ExprKind::Tuple(parts) => Some(parts.to_vec()),
            ExprKind::Call { callee, args } => {
                let name = survey.facts(given).dotted(*callee).unwrap_or_default();
                let values = args.iter().map(|arg| arg.value);
                name.ends_with("services!").then(|| values.collect())
            }
            _ => None,
        };
        if let Some(parts) = several.filter(|_| steps < 8) {
            for part in parts {
                self.service(parents, &survey.part(given, part), steps + 1);
            }
            return;
        }
        let children = self.chains.roots(given);
        for child in &children {
            for prefix in self.own(*child) {
                for parent in parents {
                    self.mounts.add(*child, *parent, &prefix);
                }
            }
        }
        if children.is_empty() {
            for handler in self.chains.handlers(given) {
                self.registered.entry(handler).or_default().extend(parents);
            }
        }
    }

    /// `.configure(routes)`, `.configure(|config| …)`.
    fn configure(&mut self, parents: &[Key], given: &Spot) {
        for func in self.chains.handlers(given) {
            for parent in parents {
                self.mounts.add(Key::Param(func, 0), *parent, "");
            }
        }
    }

    /// What a scope or resource is made with.
    fn own(&self, key: Key) -> Vec<SmolStr> {
        let made = self.survey.construction(key);
        let path = made.and_then(|made| self.survey.arg(&made, 0, ""));
        let texts = path
            .map(|path| self.survey.texts(&path))
            .unwrap_or_default();
        match texts.is_empty() {
            true => vec![SmolStr::default()],
            false => texts,
        }
    }

    /// A scope that nobody is seen to register stands for itself.
    fn alone(&mut self) {
        for call in self.chains.calls() {
            let key = Key::Site(call.spot.file, call.spot.expr);
            let path = match call.name.as_str() {
                "scope" | "resource" | "new" => self.chains.path(&call.callee),
                _ => None,
            };
            if path.is_some_and(|path| starts(&path)) && !self.mounts.hangs(key) {
                for prefix in self.own(key) {
                    if !prefix.is_empty() {
                        self.mounts.add(key, Key::Unknown, &prefix);
                    }
                }
            }
        }
    }

    fn is_resource(&self, key: Key) -> bool {
        let made = self.survey.construction(key);
        let call = made.and_then(|made| self.survey.call_at(&made));
        call.is_some_and(|call| {
            let path = self.chains.path(&call.callee).unwrap_or_default();
            path.ends_with("resource") || path.ends_with("Resource.new")
        })
    }

    fn add(&self, call: &Call, roots: &[Key], found: &mut Vec<Route>) {
        let survey = self.survey;
        let first = survey.arg(&call.spot, 0, "");
        let Some(first) = first else { return };
        let resources: Vec<Key> = roots
            .iter()
            .copied()
            .filter(|key| self.is_resource(*key))
            .collect();
        let (roots, paths, answered) = match call.name.as_str() {
            "default_service" => {
                for (_, handler) in self.methods(&first) {
                    found.push(Route {
                        kind: RouteKind::Hook,
                        method: SmolStr::default(),
                        path: "default_service".into(),
                        ..route(call, handler)
                    });
                }
                return;
            }
            "route" => match survey.arg(&call.spot, 1, "") {
                Some(answers) => (roots, survey.texts(&first), self.methods(&answers)),
                None => (&*resources, vec![SmolStr::default()], self.methods(&first)),
            },
            name => {
                let method = match name {
                    "to" => "ANY".to_owned(),
                    name => name.to_uppercase(),
                };
                let handlers = self.chains.handlers(&first).into_iter();
                let answered = handlers
                    .map(|func| (SmolStr::from(&*method), func))
                    .collect();
                (&*resources, vec![SmolStr::default()], answered)
            }
        };
        if roots.is_empty() {
            return;
        }
        for path in paths {
            for prefix in self.mounts.all_prefixes(roots) {
                for (method, handler) in &answered {
                    found.push(Route {
                        method: method.clone(),
                        path: bare(&template(&join(&prefix, &path), true)),
                        line: survey.line(&first),
                        ..route(call, *handler)
                    });
                }
            }
        }
    }

    /// `web::get().to(handler)`, `web::route().method(Method::PUT).to(…)`,
    /// `web::route().guard(guard::Get())`.
    fn methods(&self, spot: &Spot) -> Vec<(SmolStr, FuncId)> {
        let survey = self.survey;
        let mut at = spot.clone();
        let (mut methods, mut handlers) = (Vec::new(), Vec::new());
        for _ in 0..32 {
            let ExprKind::Call { callee, .. } = survey.kind(&at) else {
                match self.chains.given(&at).pop() {
                    Some(given) => {
                        at = given;
                        continue;
                    }
                    None => break,
                }
            };
            let callee = survey.part(&at, *callee);
            let (name, base) = match survey.kind(&callee) {
                ExprKind::Attr { base, name } => (name, Some(survey.part(&at, *base))),
                ExprKind::Name(name) => (name, None),
                _ => break,
            };
            match name.as_str() {
                "to" | "to_async" => {
                    if let Some(handler) = survey.arg(&at, 0, "") {
                        handlers = self.chains.handlers(&handler);
                    }
                }
                "method" | "guard" => {
                    if let Some(method) = survey.arg(&at, 0, "") {
                        methods.extend(method_of(survey, &method));
                    }
                }
                name if is_http_method(name) => methods.push(name.to_uppercase().into()),
                _ => {}
            }
            match base {
                Some(base) if matches!(survey.kind(&base), ExprKind::Call { .. }) => at = base,
                _ => break,
            }
        }
        if methods.is_empty() {
            methods.push("ANY".into());
        }
        let pairs = handlers.iter().flat_map(|handler| {
            methods
                .iter()
                .map(move |method: &SmolStr| (method.clone(), *handler))
        });
        pairs.collect()
    }

    fn attribute(&self, attribute: &Attribute, found: &mut Vec<Route>) {
        let mut prefixes = match self.registered.get(&attribute.handler) {
            Some(keys) => self.mounts.all_prefixes(keys),
            None => vec![SmolStr::default()],
        };
        prefixes.sort();
        for prefix in prefixes {
            for method in &attribute.methods {
                found.push(Route {
                    kind: RouteKind::Http,
                    method: method.clone(),
                    path: bare(&template(&join(&prefix, &attribute.path), true)),
                    handler: attribute.handler,
                    file: attribute.file,
                    line: attribute.line,
                    framework: "actix",
                });
            }
        }
    }
}

/// `Method::PUT`, `guard::Put()`.
fn method_of(survey: &Survey<'_>, spot: &Spot) -> Option<SmolStr> {
    let facts = survey.facts(spot);
    let expr = match survey.kind(spot) {
        ExprKind::Call { callee, .. } => *callee,
        _ => spot.expr,
    };
    let path = facts.dotted(expr)?;
    let name = path.rsplit('.').next()?.to_lowercase();
    is_http_method(&name).then(|| name.to_uppercase().into())
}

fn route(call: &Call, handler: FuncId) -> Route {
    Route {
        kind: RouteKind::Http,
        method: SmolStr::default(),
        path: SmolStr::default(),
        handler,
        file: call.spot.file,
        line: call.line,
        framework: "actix",
    }
}

/// A template whose patterns, `{tail:.*}`, hold braces, without what is left
/// of them: `{id:\d{4}}`.
fn bare(path: &str) -> SmolStr {
    path.replace("}}", "}").into()
}
