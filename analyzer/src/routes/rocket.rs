//! Rocket: attribute routes below where they are mounted, and catchers.

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::survey::{
    Attribute, Call, Chains, Seen, Spot, Survey, attributes, join_nested, template,
};
use super::{Framework, Route, RouteKind};
use crate::graph::FuncId;
use crate::syntax::facts::ExprKind;

pub(super) struct Rocket;

impl Framework for Rocket {
    fn name(&self) -> &'static str {
        "rocket"
    }

    fn routes(&self, survey: &Survey<'_>, found: &mut Vec<Route>) {
        let attributes: Vec<Attribute> = attributes(survey)
            .into_iter()
            .filter(|attribute| attribute.framework == "rocket")
            .collect();
        if attributes.is_empty() {
            return;
        }
        let chains = Chains::new(survey, |_| false);
        let listed = Listed {
            survey,
            chains: &chains,
        };
        let mut mounted: FxHashMap<FuncId, Vec<SmolStr>> = FxHashMap::default();
        let mut catchers: Vec<(FuncId, &Call)> = Vec::new();
        for call in chains.calls() {
            let position = match call.name.as_str() {
                "mount" | "register" => 1,
                // 0.4 registers catchers without a base.
                _ => continue,
            };
            let base = survey.arg(&call.spot, 0, "");
            let given = survey
                .arg(&call.spot, position, "")
                .or_else(|| base.clone());
            let (Some(base), Some(given)) = (base, given) else {
                continue;
            };
            let mut handlers = Vec::new();
            listed.functions(&given, &mut Seen::default(), &mut handlers);
            if call.name == "register" {
                catchers.extend(handlers.into_iter().map(|func| (func, call)));
                continue;
            }
            let mut bases = survey.texts(&base);
            // `uri!("/api")`.
            if bases.is_empty()
                && let Some(inner) = survey.arg(&base, 0, "")
            {
                bases = survey.texts(&inner);
            }
            for func in handlers {
                mounted.entry(func).or_default().extend(bases.clone());
            }
        }
        for attribute in &attributes {
            let mut bases = mounted.get(&attribute.handler).cloned().unwrap_or_default();
            bases.sort();
            bases.dedup();
            if bases.is_empty() {
                bases.push(SmolStr::default());
            }
            let path = attribute.path.split('?').next().unwrap_or_default();
            for base in bases {
                let base = base.trim_end_matches('/');
                for method in &attribute.methods {
                    found.push(Route {
                        kind: RouteKind::Http,
                        method: method.clone(),
                        path: rest(&template(&join_nested(base, path), true)),
                        handler: attribute.handler,
                        file: attribute.file,
                        line: attribute.line,
                        framework: "rocket",
                    });
                }
            }
        }
        for (handler, call) in catchers {
            found.push(Route {
                kind: RouteKind::Hook,
                method: SmolStr::default(),
                path: "catch".into(),
                handler,
                file: call.spot.file,
                line: call.line,
                framework: "rocket",
            });
        }
    }
}

/// `<path..>` stands for what is left of the path.
fn rest(path: &str) -> SmolStr {
    path.replace("..}", "}").into()
}

struct Listed<'s, 'a> {
    survey: &'s Survey<'a>,
    chains: &'s Chains<'s, 'a>,
}

impl Listed<'_, '_> {
    /// The functions in `routes![…]` and its kin, through names, functions
    /// and joined lists.
    fn functions(&self, spot: &Spot, seen: &mut Seen, found: &mut Vec<FuncId>) {
        let survey = self.survey;
        if seen.len() > 2_000 || !seen.insert(spot.key()) {
            return;
        }
        match survey.kind(spot) {
            ExprKind::Call { callee, args } => {
                let callee = survey.part(spot, *callee);
                let name = match survey.kind(&callee) {
                    ExprKind::Name(name) | ExprKind::Attr { name, .. } => name.as_str(),
                    _ => "",
                };
                if name.ends_with("routes!") || name.ends_with("catchers!") {
                    for arg in args {
                        found.extend(self.chains.handlers(&survey.part(spot, arg.value)));
                    }
                    return;
                }
                let called = self.chains.called(&callee);
                for value in called.iter().flat_map(|func| self.chains.returns(*func)) {
                    self.functions(&value, seen, found);
                }
                if called.is_empty() {
                    let base = match survey.kind(&callee) {
                        ExprKind::Attr { base, .. } => Some(*base),
                        _ => None,
                    };
                    let args = args.iter().map(|arg| arg.value);
                    for part in base.into_iter().chain(args) {
                        self.functions(&survey.part(spot, part), seen, found);
                    }
                }
            }
            ExprKind::List(parts) | ExprKind::Tuple(parts) => {
                for part in parts {
                    self.functions(&survey.part(spot, *part), seen, found);
                }
            }
            ExprKind::Name(_) | ExprKind::Attr { .. } => {
                for given in self.chains.given(spot) {
                    self.functions(&given, seen, found);
                }
            }
            _ => {}
        }
    }
}
