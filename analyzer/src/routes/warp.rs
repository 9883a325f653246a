//! warp: filters joined by `and`, told apart by `or`, answered by `map` and
//! `and_then`.

use std::cell::{Cell, RefCell};

use rustc_hash::FxHashSet;
use smol_str::{SmolStr, format_smolstr};

use super::survey::{Call, Chains, Spot, Survey, join};
use super::{Framework, Route, RouteKind, is_http_method};
use crate::graph::FuncId;
use crate::modules::FileId;
use crate::syntax::facts::{BinaryOp, ExprId, ExprKind};

/// Filters that are read in all; functions that call each other have more
/// than can be read.
const MAX_READ: u32 = 50_000;
/// Ways that one filter can match; the rest is dropped.
const MAX_WAYS: usize = 500;

pub(super) struct Warp;

impl Framework for Warp {
    fn name(&self) -> &'static str {
        "warp"
    }

    fn routes(&self, survey: &Survey<'_>, found: &mut Vec<Route>) {
        if !survey.imports("warp") {
            return;
        }
        let chains = Chains::new(survey, |_| false);
        let filters = Filters {
            survey,
            chains: &chains,
            seen: RefCell::default(),
            left: Cell::new(MAX_READ),
        };
        let ways = |spot: &Spot| filters.ways(spot, 0);
        let mut all = Vec::new();
        for call in chains.calls().filter(|call| call.name == "serve") {
            let path = chains.path(&call.callee).unwrap_or_default();
            let given = survey
                .arg(&call.spot, 0, "")
                .filter(|_| path == "warp.serve");
            all.extend(given.iter().flat_map(ways));
        }
        // What no server is seen to serve stands for itself.
        let inner = inner(survey, &chains);
        for call in chains.calls().filter(|call| is_answer(call)) {
            let place = (call.spot.file, call.spot.expr);
            let is_new = !filters.seen.borrow().contains(&place);
            if is_new && !inner.contains(&place) {
                all.extend(ways(&call.spot));
            }
        }
        for way in all {
            let (Some((handler, file, line)), true) = (way.answer, way.is_filter) else {
                continue;
            };
            let is_socket = way.is_socket;
            found.push(Route {
                kind: match is_socket {
                    true => RouteKind::WebSocket,
                    false => RouteKind::Http,
                },
                method: match (is_socket, way.method) {
                    (true, _) => SmolStr::default(),
                    (false, Some(method)) => method,
                    (false, None) => "ANY".into(),
                },
                path: match way.path.is_empty() {
                    true => "/".into(),
                    false => way.path,
                },
                handler,
                file,
                line,
                framework: "warp",
            });
        }
    }
}

fn is_answer(call: &Call) -> bool {
    matches!(call.name.as_str(), "map" | "and_then" | "then") && call.base.is_some()
}

/// Steps of longer chains, which are read as a whole.
fn inner(survey: &Survey<'_>, chains: &Chains<'_, '_>) -> FxHashSet<(FileId, ExprId)> {
    let outer = chains.calls().filter(|call| is_answer(call));
    let outer = outer.filter(|call| survey.args(&call.spot).len() == 1);
    outer
        .filter_map(|call| call.base.as_ref())
        .map(|base| (base.file, base.expr))
        .collect()
}

/// One way in which a filter can match.
#[derive(Clone, Debug, Default)]
struct Way {
    path: SmolStr,
    method: Option<SmolStr>,
    /// Who answers, and where that is said.
    answer: Option<(FuncId, FileId, u32)>,
    is_socket: bool,
    /// It says something of a path or method, as no other chain does.
    is_filter: bool,
}

struct Filters<'s, 'a> {
    survey: &'s Survey<'a>,
    chains: &'s Chains<'s, 'a>,
    /// Answers that were read as a part of something.
    seen: RefCell<FxHashSet<(FileId, ExprId)>>,
    left: Cell<u32>,
}

impl Filters<'_, '_> {
    fn ways(&self, spot: &Spot, steps: u32) -> Vec<Way> {
        if steps > 60 || self.left.get() == 0 {
            return Vec::new();
        }
        self.left.set(self.left.get() - 1);
        let survey = self.survey;
        let inner = |expr: ExprId| self.ways(&survey.part(spot, expr), steps + 1);
        match survey.kind(spot) {
            ExprKind::Call { callee, .. } => self.call(spot, *callee, steps),
            ExprKind::Await(base) => inner(*base),
            ExprKind::Conditional { then, other, .. } => {
                inner(*then).into_iter().chain(inner(*other)).collect()
            }
            ExprKind::Name(_) | ExprKind::Attr { .. } => {
                let given = self.chains.given(spot).into_iter();
                given
                    .flat_map(|given| self.ways(&given, steps + 1))
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    fn call(&self, spot: &Spot, callee: ExprId, steps: u32) -> Vec<Way> {
        let survey = self.survey;
        let callee = survey.part(spot, callee);
        let arg = survey.arg(spot, 0, "");
        let path = self.chains.path(&callee).unwrap_or_default();
        if let Some(name) = path.strip_prefix("warp.") {
            return self.filter(spot, name, arg.as_ref());
        }
        let ExprKind::Attr { base, name } = survey.kind(&callee) else {
            return self.of_function(&callee, steps);
        };
        let base = survey.part(spot, *base);
        match name.as_str() {
            "and" => {
                let below = self.ways(&base, steps + 1);
                let added = arg
                    .map(|arg| self.ways(&arg, steps + 1))
                    .unwrap_or_default();
                match added.is_empty() {
                    true => below,
                    false => product(&below, &added),
                }
            }
            "or" => {
                let mut below = self.ways(&base, steps + 1);
                below.extend(
                    arg.map(|arg| self.ways(&arg, steps + 1))
                        .unwrap_or_default(),
                );
                below.truncate(MAX_WAYS);
                below
            }
            "map" | "and_then" | "then" => {
                self.seen.borrow_mut().insert((spot.file, spot.expr));
                let mut below = self.ways(&base, steps + 1);
                if !below.iter().any(|way| way.is_filter) {
                    return below;
                }
                let handlers = arg
                    .map(|arg| self.chains.handlers(&arg))
                    .unwrap_or_default();
                if let Some(handler) = handlers.first() {
                    for way in &mut below {
                        way.answer = Some((*handler, spot.file, survey.line(spot)));
                    }
                }
                below
            }
            _ => {
                let made = self.of_function(&callee, steps);
                match made.is_empty() {
                    true => self.ways(&base, steps + 1),
                    false => made,
                }
            }
        }
    }

    fn of_function(&self, callee: &Spot, steps: u32) -> Vec<Way> {
        let mut found = Vec::new();
        for func in self.chains.called(callee) {
            for value in self.chains.returns(func) {
                found.extend(self.ways(&value, steps + 1));
            }
        }
        found.truncate(MAX_WAYS);
        found
    }

    /// `warp::get()`, `warp::path("x")`, `warp::path!("x" / u32)`.
    fn filter(&self, spot: &Spot, name: &str, arg: Option<&Spot>) -> Vec<Way> {
        let survey = self.survey;
        let way = |path: SmolStr| Way {
            path,
            is_filter: true,
            ..Way::default()
        };
        let last = name.rsplit('.').next().unwrap_or(name);
        match name {
            "path!" | "path.path!" => {
                let mut path = String::new();
                for arg in survey.args(spot) {
                    self.segments(&survey.part(spot, arg.value), &mut path);
                }
                vec![way(path.into())]
            }
            "path" | "path.path" => {
                let texts = arg.map(|arg| survey.texts(arg)).unwrap_or_default();
                let texts = texts.iter().map(|text| way(format_smolstr!("/{text}")));
                texts.collect()
            }
            "path.param" => vec![way("/{param}".into())],
            "path.tail" => vec![way("/{tail}".into())],
            "ws" | "ws.ws" => vec![Way {
                is_socket: true,
                ..way(SmolStr::default())
            }],
            _ if is_http_method(last) && name.matches('.').count() < 2 => vec![Way {
                method: Some(last.to_uppercase().into()),
                ..way(SmolStr::default())
            }],
            "path.end" => vec![way(SmolStr::default())],
            _ => vec![Way::default()],
        }
    }

    /// `"a" / u32 / "b"`.
    fn segments(&self, spot: &Spot, path: &mut String) {
        let survey = self.survey;
        let mut parts = Vec::new();
        let mut at = spot.expr;
        while let ExprKind::Binary {
            op: BinaryOp::Div,
            left,
            right,
        } = survey.facts(spot).expr(at).kind
        {
            parts.push(right);
            at = left;
        }
        parts.push(at);
        for part in parts.into_iter().rev() {
            let part = survey.part(spot, part);
            match survey.kind(&part) {
                ExprKind::Str(text) => path.push_str(&format!("/{text}")),
                ExprKind::Opaque(_) => {}
                _ => {
                    let ty = survey.facts(&part).dotted(part.expr).unwrap_or_default();
                    let ty = ty.rsplit('.').next().unwrap_or_default();
                    path.push_str(&format!("/{{{ty}}}"));
                }
            }
        }
    }
}

fn product(below: &[Way], added: &[Way]) -> Vec<Way> {
    let mut found = Vec::new();
    for before in below {
        for after in added {
            if found.len() < MAX_WAYS {
                found.push(Way {
                    path: join(&before.path, &after.path),
                    method: after.method.clone().or_else(|| before.method.clone()),
                    answer: after.answer.or(before.answer),
                    is_socket: before.is_socket || after.is_socket,
                    is_filter: before.is_filter || after.is_filter,
                });
            }
        }
    }
    found
}
