//! What cutting a crossing costs.
//!
//! Prices are in units of the cheapest cut: a call that passes a few plain
//! values and becomes a request. They order alternatives; they are not hours.

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::crossings::Edge;
use super::{Advice, Crossing, CutLine};
use crate::catalog::Access;
use crate::effects::ResourceKind;
use crate::graph::data::Via;
use crate::graph::{FuncId, Held};
use crate::hazards::{Context, Finding, Severity};
use crate::modules::FileId;
use crate::syntax::facts::{ArgKind, ExprKind, Param};

/// A call, or plain values: one request or message.
const SMALL: f64 = 1.0;
/// A frame, array or model in memory: it needs a format, a place to lie, and
/// somebody who deletes it.
const OBJECT: f64 = 3.0;
/// Memory that both sides share: it needs an owner, and readers a protocol.
const SHARED_STATE: f64 = 5.0;
/// A queue in memory: the shape is right already, the transport changes.
const QUEUE: f64 = 2.0;
/// A file: a handover already, which moves to a blob that both sides reach.
const FILE: f64 = 2.0;
/// A table that one stage writes: its owner is clear, readers get a view.
const TABLE: f64 = 2.0;
/// A table that several stages write: who owns which row must be settled.
const TABLE_OF_SEVERAL: f64 = 4.0;
/// An environment variable: both sides are configured.
const SETTING: f64 = 0.5;
/// Call of a function that both sides will have as a library: its import
/// changes.
const LIBRARY: f64 = 0.5;
/// A finding that raises the price of the boundary.
const HAZARD: f64 = 1.0;
/// A finding that must be mended before the cut.
const BLOCKING_HAZARD: f64 = 5.0;
/// Share of its price that the same name costs over the same line each
/// further time: the format is there, only another call site changes.
const REPETITION: f64 = 0.1;

/// Types that hold data sets or tensors; models the catalog knows.
const FRAMES: [&str; 8] = [
    "pandas.",
    "polars.",
    "numpy.",
    "pyspark.",
    "torch.",
    "tensorflow.",
    "scipy.sparse",
    "xgboost.DMatrix",
];

/// Looks that pricing needs for every edge.
pub(super) struct Prices<'a> {
    ctx: &'a Context<'a>,
    findings: &'a [Finding],
    /// Table by name: it has writers in several stages.
    tables: FxHashMap<SmolStr, bool>,
    libraries: FxHashMap<FuncId, Advice>,
    calls: FxHashMap<(FuncId, FuncId), Vec<usize>>,
    /// Calls by what they call and where they stand.
    calls_at: FxHashMap<(FuncId, FileId, u32), Vec<usize>>,
}

impl<'a> Prices<'a> {
    pub(super) fn new(
        ctx: &'a Context<'a>,
        findings: &'a [Finding],
        libraries: FxHashMap<FuncId, Advice>,
    ) -> Prices<'a> {
        let mut calls: FxHashMap<_, Vec<usize>> = FxHashMap::default();
        let mut calls_at: FxHashMap<_, Vec<usize>> = FxHashMap::default();
        for (idx, call) in ctx.call_graph.seen_through.iter().enumerate() {
            calls
                .entry((call.caller, call.callee))
                .or_default()
                .push(idx);
            calls_at
                .entry((call.callee, call.file, call.line))
                .or_default()
                .push(idx);
        }
        let tables = ctx.effects.resources.iter();
        let tables = tables
            .filter(|resource| resource.kind == ResourceKind::Table)
            .map(|resource| {
                let mut writers: Vec<_> = resource
                    .accesses
                    .iter()
                    .filter(|access| {
                        matches!(
                            access.access,
                            Access::Write | Access::Append | Access::Delete
                        )
                    })
                    .flat_map(|access| access.actors())
                    .map(|func| ctx.stages.stage(func))
                    .filter(|stage| stage.is_pipeline())
                    .collect();
                writers.sort_unstable();
                writers.dedup();
                (resource.identity.clone(), writers.len() > 1)
            })
            .collect();
        Prices {
            ctx,
            findings,
            tables,
            libraries,
            calls,
            calls_at,
        }
    }

    /// The crossing with its price, hazards included.
    pub(super) fn crossing(&self, edge: &Edge) -> Crossing {
        let (price, becomes) = self.kind(edge);
        let hazards: f64 = self
            .findings
            .iter()
            .filter(|finding| concerns(finding, edge))
            .map(|finding| match finding.severity {
                Severity::Note => 0.0,
                Severity::Costs => HAZARD,
                Severity::Blocks => BLOCKING_HAZARD,
            })
            .sum();
        Crossing {
            from: edge.from,
            to: edge.to,
            via: edge.via,
            name: edge.name.clone(),
            file: edge.file,
            line: edge.line,
            price: price + hazards,
            becomes,
        }
    }

    fn kind(&self, edge: &Edge) -> (f64, &'static str) {
        match edge.via {
            None if self.libraries.contains_key(&edge.to) => (LIBRARY, "a library call"),
            None => (SMALL, "a trigger"),
            Some(Via::Argument) if self.libraries.contains_key(&edge.to) => {
                (LIBRARY, "a library call")
            }
            Some(Via::Return) if self.libraries.contains_key(&edge.from) => {
                (LIBRARY, "a library call")
            }
            Some(Via::Argument | Via::Return) if self.passes_object(edge) => (OBJECT, "a blob"),
            Some(Via::Argument | Via::Return) => (SMALL, "a message"),
            Some(Via::Attribute | Via::Item) => (SHARED_STATE, "a message"),
            Some(Via::Global) => (SHARED_STATE, "a queue or a store that one side owns"),
            Some(Via::File) => (FILE, "a blob"),
            Some(Via::Table) => match self.tables.get(&edge.name) {
                Some(true) => (TABLE_OF_SEVERAL, "a table with one owner"),
                _ => (TABLE, "a table that one side owns"),
            },
            Some(Via::Queue) => (QUEUE, "a queue message"),
            Some(Via::Environment) => (SETTING, "a setting"),
            Some(Via::Request) => (SMALL, "the request that it is"),
        }
    }

    /// A frame, array or model passes. Between functions that do not call
    /// each other the place of the flow tells.
    fn passes_object(&self, edge: &Edge) -> bool {
        let (caller, callee) = match edge.via {
            Some(Via::Return) => (edge.to, edge.from),
            _ => (edge.from, edge.to),
        };
        let calls = self.calls.get(&(caller, callee)).into_iter().flatten();
        let mut calls: Vec<_> = calls
            .map(|idx| &self.ctx.call_graph.seen_through[*idx])
            .collect();
        calls.retain(|call| (call.file, call.line) == (edge.file, edge.line));
        if calls.is_empty() {
            let at_place = self.calls_at.get(&(edge.to, edge.file, edge.line));
            let at_place = at_place.into_iter().flatten();
            calls.extend(at_place.map(|idx| &self.ctx.call_graph.seen_through[*idx]));
        }
        calls.iter().any(|call| {
            let facts = self.ctx.modules.facts(call.file);
            // A call that a framework makes stands nowhere in the code.
            let Some(expr) = facts.exprs.get(call.expr.0 as usize) else {
                return false;
            };
            let passed = match (&expr.kind, edge.via) {
                (_, Some(Via::Return)) => Some(call.expr),
                (ExprKind::Call { args, .. }, _) => {
                    let params = params(self.ctx, call.callee);
                    let position = params.iter().position(|param| param.name == edge.name);
                    let named = args
                        .iter()
                        .find(|arg| arg.name.as_ref() == Some(&edge.name));
                    named
                        .or_else(|| {
                            args.get(position?)
                                .filter(|arg| arg.kind == ArgKind::Positional)
                        })
                        .map(|arg| arg.value)
                }
                _ => None,
            };
            passed.is_some_and(|expr| {
                let held = self.ctx.call_graph.held(call.file, expr);
                held.iter().any(|held| match held {
                    Held::Object(path, _) => is_data(self.ctx, path),
                    _ => false,
                })
            })
        })
    }
}

/// Parameters that arguments by position reach, the receiver left out.
pub(super) fn params<'a>(ctx: &Context<'a>, func: FuncId) -> &'a [Param] {
    let function = ctx.program.function(func);
    let params = &ctx
        .modules
        .facts(function.file)
        .scope(function.scope)
        .params;
    let receiver = function.class.is_some()
        && params
            .first()
            .is_some_and(|param| matches!(param.name.as_str(), "self" | "cls"));
    &params[usize::from(receiver)..]
}

fn is_data(ctx: &Context<'_>, path: &str) -> bool {
    ctx.catalog.ty(path).is_some_and(|ty| ty.estimator)
        || FRAMES.iter().any(|prefix| path.starts_with(prefix))
}

/// The finding is about this boundary, or stands where the crossing does.
pub(super) fn concerns(finding: &Finding, edge: &Edge) -> bool {
    match finding.between {
        Some((a, b))
            if (a, b) != (edge.from_stage, edge.to_stage)
                && (b, a) != (edge.from_stage, edge.to_stage) =>
        {
            return false;
        }
        _ => {}
    }
    let place = (edge.file, edge.line);
    (finding.file, finding.line) == place
        || finding
            .related
            .iter()
            .any(|(file, line, _)| (*file, *line) == place)
        || (finding.between.is_some()
            && (finding.function == edge.from || finding.function == edge.to))
}

/// The price of a line: the dearest use of each name in full, each further
/// use of it at a share. At least the price of any one crossing.
pub(super) fn line_price(crossings: &[Crossing]) -> f64 {
    let mut groups: indexmap::IndexMap<(Option<Via>, &SmolStr), (f64, f64)> =
        indexmap::IndexMap::new();
    for crossing in crossings {
        let (dearest, sum) = groups.entry((crossing.via, &crossing.name)).or_default();
        *dearest = crossing.price.max(*dearest);
        *sum += crossing.price;
    }
    groups
        .values()
        .map(|(dearest, sum)| dearest + REPETITION * (sum - dearest))
        .sum()
}

/// Groups edges into lines, dearest first.
pub(super) fn lines(prices: &Prices<'_>, edges: &[Edge]) -> Vec<CutLine> {
    let mut by_stages: std::collections::BTreeMap<_, Vec<&Edge>> =
        std::collections::BTreeMap::new();
    for edge in edges {
        by_stages
            .entry((edge.from_stage, edge.to_stage))
            .or_default()
            .push(edge);
    }
    let mut lines: Vec<CutLine> = by_stages
        .into_iter()
        .map(|((from, to), edges)| {
            let mut crossings: Vec<Crossing> =
                edges.iter().map(|edge| prices.crossing(edge)).collect();
            crossings.sort_by(|a, b| b.price.total_cmp(&a.price));
            CutLine {
                from,
                to,
                price: line_price(&crossings),
                blocked: blocked(prices, &edges),
                crossings,
            }
        })
        .collect();
    lines.sort_by(|a, b| {
        b.price
            .total_cmp(&a.price)
            .then((a.from, a.to).cmp(&(b.from, b.to)))
    });
    lines
}

fn blocked(prices: &Prices<'_>, edges: &[&Edge]) -> Option<String> {
    let mut blocking: Vec<&Finding> = prices
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Blocks)
        .filter(|finding| edges.iter().any(|edge| concerns(finding, edge)))
        .collect();
    blocking.sort_by_key(|finding| (finding.file, finding.line, finding.hazard));
    let first = blocking.first()?;
    let path = &prices.ctx.modules.facts(first.file).path;
    let more = match blocking.len() - 1 {
        0 => String::new(),
        n => format!(" (and {n} more)"),
    };
    Some(format!(
        "{} at {path}:{}: {}{more}",
        first.hazard, first.line, first.message
    ))
}
