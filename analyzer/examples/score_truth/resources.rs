//! Routes, and resources with who touches them.

use std::collections::BTreeSet;

use cutline_analyzer::report::{Report, ResourceEntry, RouteEntry};
use cutline_analyzer::routes::RouteKind;
use cutline_analyzer::stages::Stage;

use crate::Sheet;
use crate::support::{Comparison, Share};
use crate::truth::{Resource, Route, Truth};

pub(crate) fn routes(truth: &Truth, report: &Report, sheet: &Sheet) {
    let found: Vec<_> = report
        .routes
        .iter()
        .filter(|route| route.kind == RouteKind::Http)
        .collect();
    let expected = truth
        .routes
        .iter()
        .map(|route| [&route.method, &route.path, &route.handler].map(String::clone));
    let reported = found
        .iter()
        .map(|route| [&route.method, &route.path, &route.handler].map(String::clone));
    let comparison = Comparison::new(&expected.collect(), &reported.collect());
    sheet.line("HTTP routes", &comparison);
    sheet.list(
        "missing",
        comparison.missing.iter().map(|route| route.join(" ")),
    );
    sheet.list(
        "extra  ",
        comparison.extra.iter().map(|route| route.join(" ")),
    );
    let mut exact = Share::default();
    let mut jaccards = Vec::new();
    let mut wrong = Vec::new();
    for route in &truth.routes {
        let expected: BTreeSet<_> = route.stages.iter().copied().collect();
        let spanned = found
            .iter()
            .find(|found| same_route(route, found))
            .map(|found| spans(found));
        exact.add(spanned.as_ref() == Some(&expected));
        jaccards.push(
            spanned
                .as_ref()
                .map_or(0.0, |found| jaccard(&expected, found)),
        );
        if spanned.as_ref() != Some(&expected) {
            let Route { method, path, .. } = route;
            wrong.push(format!(
                "{method} {path}: {expected:?}, reported {spanned:?}"
            ));
        }
    }
    let mean = jaccards.iter().sum::<f64>() / jaccards.len().max(1) as f64;
    sheet.line(
        "  stages of routes",
        format!("exact {exact}, Jaccard {mean:.3}"),
    );
    sheet.list("stages ", wrong);
}

fn same_route(expected: &Route, found: &RouteEntry) -> bool {
    expected.method == found.method && expected.path == found.path
}

/// The pipeline's stages among those the route reaches.
fn spans(route: &RouteEntry) -> BTreeSet<Stage> {
    let stages = route.stages.iter().copied();
    stages.filter(|stage| stage.is_pipeline()).collect()
}

/// Two empty sets agree.
fn jaccard(a: &BTreeSet<Stage>, b: &BTreeSet<Stage>) -> f64 {
    match a.union(b).count() {
        0 => 1.0,
        n_union => a.intersection(b).count() as f64 / n_union as f64,
    }
}

/// Precision is over the kinds the truth lists: it leaves out others.
pub(crate) fn resources(truth: &Truth, report: &Report, sheet: &Sheet) {
    let kinds: BTreeSet<_> = truth
        .resources
        .iter()
        .map(|resource| resource.kind)
        .collect();
    let found: Vec<_> = report
        .resources
        .iter()
        .filter(|found| kinds.contains(&found.kind))
        .collect();
    let is_found = |expected: &&Resource| found.iter().any(|found| same_resource(expected, found));
    let is_true = |found: &&&ResourceEntry| {
        let mut expected = truth.resources.iter();
        expected.any(|expected| same_resource(expected, found))
    };
    let recall: Share = truth
        .resources
        .iter()
        .map(|resource| is_found(&resource))
        .collect();
    let precision: Share = found.iter().map(|found| is_true(&found)).collect();
    sheet.line(
        "resources",
        format!("precision {precision}, recall {recall}"),
    );
    for kind in &kinds {
        let of_kind = truth
            .resources
            .iter()
            .filter(|resource| resource.kind == *kind);
        let share: Share = of_kind.map(|resource| is_found(&resource)).collect();
        let name = format!("{kind:?}").to_lowercase();
        sheet.line(&format!("    {name}"), format!("recall {share}"));
    }
    let missing = truth
        .resources
        .iter()
        .filter(|resource| !is_found(resource));
    sheet.list(
        "missing",
        missing.map(|resource| format!("{:?} {}", resource.kind, resource.identity)),
    );
    let extra = found.iter().filter(|found| !is_true(found));
    sheet.list(
        "extra  ",
        extra.map(|found| format!("{:?} {}", found.kind, found.identity)),
    );
    accesses(truth, &found, sheet);
}

/// Who does what to the resources that were found.
fn accesses(truth: &Truth, found: &[&ResourceEntry], sheet: &Sheet) {
    let (mut expected, mut reported) = (BTreeSet::new(), BTreeSet::new());
    for resource in &truth.resources {
        let of = format!("{:?} {}", resource.kind, resource.identity);
        for access in &resource.accesses {
            expected.insert(format!("{of}: {:?} by {}", access.access, access.function));
        }
        for found in found.iter().filter(|found| same_resource(resource, found)) {
            for access in &found.accesses {
                let by = format!("{}:{}", access.file, access.qualname);
                reported.insert(format!("{of}: {:?} by {by}", access.access));
            }
        }
    }
    let comparison = Comparison::new(&expected, &reported);
    sheet.line("  accesses", &comparison);
    sheet.list("missing", comparison.missing);
    sheet.list("extra  ", comparison.extra);
}

/// By last part where one of the two does not know the whole path.
fn same_resource(expected: &Resource, found: &ResourceEntry) -> bool {
    let (a, b) = (plain(&expected.identity), plain(&found.identity));
    let is_open = a.contains('{') || b.contains('{');
    expected.kind == found.kind && (a == b || (is_open && same_part(last(a), last(b))))
}

fn plain(identity: &str) -> &str {
    identity.trim_start_matches("./")
}

fn last(identity: &str) -> &str {
    identity.rsplit('/').next().unwrap_or(identity)
}

/// What stands in braces is a name for something unknown: `{version}.json` may
/// be `v{}.json`, and neither need be `train.json`.
fn same_part(a: &str, b: &str) -> bool {
    match (known_ends(a), known_ends(b)) {
        (None, None) => a == b,
        (Some(("", "")), Some(("", ""))) => true,
        (Some(("", "")), Some(_)) | (Some(_), Some(("", ""))) => false,
        (Some((a_start, a_end)), Some((b_start, b_end))) => {
            (a_start.starts_with(b_start) || b_start.starts_with(a_start))
                && (a_end.ends_with(b_end) || b_end.ends_with(a_end))
        }
        _ => false,
    }
}

/// What stands before the first brace and after the last.
fn known_ends(part: &str) -> Option<(&str, &str)> {
    let (start, _) = part.split_once('{')?;
    let (_, end) = part.rsplit_once('}')?;
    Some((start, end))
}
