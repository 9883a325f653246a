//! In which order to extract the stages.
//!
//! Greedy: each step takes the stage whose extraction costs least against
//! what is still in the monolith. A cost is the price of the lines between
//! the two, what the stage writes, and lines that are blocked; a stage that
//! answers HTTP and writes nothing goes earlier, since its traffic can be
//! compared and moved by percent without a risk to data.

use std::collections::{BTreeMap, BTreeSet};

use super::{CutLine, Step};
use crate::catalog::Access;
use crate::effects::ResourceKind;
use crate::graph::FuncId;
use crate::hazards::{Context, Finding};
use crate::routes::RouteKind;
use crate::stages::Stage;

/// A blocked line: its finding has to be mended first.
const BLOCKED: f64 = 10.0;
/// Each thing that the stage writes has to change its owner.
const WRITE: f64 = 1.0;
/// Share of the cost of a stage that answers HTTP and writes nothing.
const SAFE_TO_COMPARE: f64 = 0.5;
/// A stage without any HTTP route cannot be moved by percent; its share of
/// cost on top.
const NO_ROUTE: f64 = 1.25;

/// The steps: every stage that has a function, once.
pub(super) fn order(
    ctx: &Context<'_>,
    findings: &[Finding],
    stages: &[Stage],
    lines: &[CutLine],
) -> Vec<Step> {
    let facts = Facts::new(ctx, findings, stages);
    let mut left: BTreeSet<Stage> = stages
        .iter()
        .copied()
        .filter(|stage| stage.is_pipeline())
        .collect();
    let mut steps = Vec::new();
    while !left.is_empty() {
        let cost = |stage: &Stage| facts.cost(*stage, &left, lines);
        let next = left
            .iter()
            .copied()
            .min_by(|a, b| cost(a).total_cmp(&cost(b)).then(a.cmp(b)));
        let Some(next) = next else { break };
        steps.push(Step {
            stage: next,
            reasons: facts.reasons(next, &left, lines),
        });
        left.remove(&next);
    }
    steps
}

#[derive(Default)]
struct Facts {
    /// Routes of each stage, as `POST /predict`.
    routes: BTreeMap<Stage, Vec<String>>,
    n_routes: usize,
    /// Things each stage writes.
    writes: BTreeMap<Stage, BTreeSet<String>>,
    n_findings: BTreeMap<Stage, usize>,
}

impl Facts {
    fn new(ctx: &Context<'_>, findings: &[Finding], stages: &[Stage]) -> Facts {
        let mut facts = Facts::default();
        let stage = |func: FuncId| {
            stages
                .get(func.0 as usize)
                .copied()
                .filter(|stage| stage.is_pipeline())
        };
        for route in ctx
            .routes
            .iter()
            .filter(|route| route.kind == RouteKind::Http)
        {
            facts.n_routes += 1;
            let reached = stage(route.handler).or_else(|| only_reached(ctx, stages, route.handler));
            if let Some(stage) = reached {
                let text = format!("{} {}", route.method, route.path);
                facts.routes.entry(stage).or_default().push(text);
            }
        }
        for routes in facts.routes.values_mut() {
            routes.sort();
        }
        for resource in &ctx.effects.resources {
            if matches!(
                resource.kind,
                ResourceKind::Global | ResourceKind::Environment | ResourceKind::Secret
            ) {
                continue;
            }
            for access in &resource.accesses {
                if !matches!(
                    access.access,
                    Access::Write | Access::Append | Access::Delete
                ) {
                    continue;
                }
                for stage in access.actors().into_iter().filter_map(stage) {
                    facts
                        .writes
                        .entry(stage)
                        .or_default()
                        .insert(resource.identity.to_string());
                }
            }
        }
        for finding in findings {
            if let Some(stage) = stage(finding.function) {
                *facts.n_findings.entry(stage).or_default() += 1;
            }
        }
        facts
    }

    fn n_writes(&self, stage: Stage) -> usize {
        self.writes.get(&stage).map_or(0, BTreeSet::len)
    }

    fn cost(&self, stage: Stage, left: &BTreeSet<Stage>, lines: &[CutLine]) -> f64 {
        let mut cost = 1.0 + WRITE * self.n_writes(stage) as f64;
        for line in lines_of(stage, left, lines) {
            cost += line.price;
            if line.blocked.is_some() {
                cost += BLOCKED;
            }
        }
        match (self.routes.contains_key(&stage), self.n_writes(stage)) {
            (true, 0) => cost * SAFE_TO_COMPARE,
            (true, _) => cost,
            (false, _) => cost * NO_ROUTE,
        }
    }

    fn reasons(&self, stage: Stage, left: &BTreeSet<Stage>, lines: &[CutLine]) -> Vec<String> {
        let mut reasons = Vec::new();
        let count = |inwards: bool| {
            let lines = lines_of(stage, left, lines);
            let lines = lines.filter(|line| (line.to == stage) == inwards);
            lines.fold((0, 0.0), |(n, price), line| {
                (n + line.crossings.len(), price + line.price)
            })
        };
        let ((n_in, price_in), (n_out, price_out)) = (count(true), count(false));
        reasons.push(match (n_in, n_out) {
            (0, 0) => "no crossing to what is left in the monolith".to_owned(),
            _ => format!(
                "{} in and {} out to what is left in the monolith, price {:.1}",
                n_of(n_in, "crossing"),
                n_out,
                price_in + price_out
            ),
        });
        if let Some(routes) = self.routes.get(&stage) {
            let shown = routes
                .iter()
                .take(3)
                .cloned()
                .collect::<Vec<_>>()
                .join(", ");
            let more = if routes.len() > 3 { ", …" } else { "" };
            reasons.push(format!(
                "serves {} of {}: {shown}{more}",
                routes.len(),
                n_of(self.n_routes, "HTTP route")
            ));
        } else if self.n_routes > 0 {
            reasons.push("serves no HTTP route of its own".to_owned());
        }
        reasons.push(match self.writes.get(&stage) {
            None => "no write outside memory".to_owned(),
            Some(writes) => {
                let shown = writes
                    .iter()
                    .take(3)
                    .cloned()
                    .collect::<Vec<_>>()
                    .join(", ");
                let more = if writes.len() > 3 { ", …" } else { "" };
                format!("writes {}: {shown}{more}", n_of(writes.len(), "thing"))
            }
        });
        if let Some(n) = self.n_findings.get(&stage) {
            reasons.push(n_of(*n, "finding"));
        }
        for line in lines_of(stage, left, lines).filter(|line| line.blocked.is_some()) {
            reasons.push(format!("{} | {} is blocked", line.from, line.to));
        }
        reasons
    }
}

fn n_of(n: usize, what: &str) -> String {
    match n {
        1 => format!("1 {what}"),
        _ => format!("{n} {what}s"),
    }
}

fn lines_of<'a>(
    stage: Stage,
    left: &'a BTreeSet<Stage>,
    lines: &'a [CutLine],
) -> impl Iterator<Item = &'a CutLine> {
    lines.iter().filter(move |line| {
        (line.from == stage && left.contains(&line.to))
            || (line.to == stage && left.contains(&line.from))
    })
}

/// The only stage that a handler without one reaches by calls.
fn only_reached(ctx: &Context<'_>, stages: &[Stage], handler: FuncId) -> Option<Stage> {
    let mut found = BTreeSet::new();
    let mut seen = BTreeSet::from([handler]);
    let mut todo = vec![handler];
    while let Some(func) = todo.pop() {
        if let Some(stage) = stages
            .get(func.0 as usize)
            .filter(|stage| stage.is_pipeline())
        {
            found.insert(*stage);
            if found.len() > 1 {
                return None;
            }
        }
        let calls = &ctx.call_graph.seen_through;
        let start = calls.partition_point(|call| call.caller < func);
        for call in calls[start..].iter().take_while(|call| call.caller == func) {
            if seen.insert(call.callee) {
                todo.push(call.callee);
            }
        }
    }
    found.first().copied()
}
