//! Calls, flows and crossings.

use std::collections::BTreeSet;

use cutline_analyzer::report::Report;

use crate::Sheet;
use crate::support::{Comparison, Share};
use crate::truth::{Crossing, Flow, Truth};

pub(crate) fn calls(truth: &Truth, report: &Report, sheet: &Sheet) {
    let found: BTreeSet<_> = report
        .calls
        .iter()
        .map(|call| (call.caller.clone(), call.callee.clone()))
        .collect();
    let expected = |source: Option<&str>| -> BTreeSet<_> {
        let calls = truth.calls.iter();
        calls
            .filter(|call| source.is_none_or(|source| call.source == source))
            .map(|call| (call.caller.clone(), call.callee.clone()))
            .collect()
    };
    let comparison = Comparison::new(&expected(None), &found);
    sheet.line("calls", &comparison);
    for source in ["recorded", "by hand"] {
        let part = Comparison::new(&expected(Some(source)), &found);
        sheet.line(&format!("  {source}"), format!("recall {}", part.recall));
    }
    let arrow = |(from, to): (String, String)| format!("{from} -> {to}");
    sheet.list("missing", comparison.missing.into_iter().map(arrow));
    sheet.list("extra  ", comparison.extra.into_iter().map(arrow));
}

/// Recall of the true flows and number of false ones. Precision has no value:
/// the truth holds some flows, not all.
pub(crate) fn flows(truth: &Truth, report: &Report, sheet: &Sheet) {
    let by_via: BTreeSet<_> = report
        .flows
        .iter()
        .map(|flow| (flow.from.as_str(), flow.to.as_str(), flow.via))
        .collect();
    let by_ends: BTreeSet<_> = by_via.iter().map(|(from, to, _)| (*from, *to)).collect();
    let via_found =
        |flow: &Flow| by_via.contains(&(flow.from.as_str(), flow.to.as_str(), flow.via));
    let ends_found = |flow: &Flow| by_ends.contains(&(flow.from.as_str(), flow.to.as_str()));
    let (real, unreal): (Vec<_>, Vec<_>) = truth.flows.iter().partition(|flow| flow.exists);
    let share = |of: &[&Flow], is_found: &dyn Fn(&Flow) -> bool| -> Share {
        of.iter().map(|flow| is_found(flow)).collect()
    };
    sheet.line(
        "flows by (from, to, via)",
        format!("recall {}", share(&real, &via_found)),
    );
    sheet.line(
        "flows by (from, to)",
        format!("recall {}", share(&real, &ends_found)),
    );
    sheet.line(
        "flows that are none, reported",
        format!(
            "{}; by (from, to) {}",
            share(&unreal, &via_found),
            share(&unreal, &ends_found)
        ),
    );
    sheet.line(
        "flows reported in all",
        format!(
            "{} (the truth is a sample: no precision)",
            report.flows.len()
        ),
    );
    let missing = real.into_iter().filter(|flow| !via_found(flow));
    sheet.list("missing", missing.map(described));
    let wrong = unreal.into_iter().filter(|flow| via_found(flow));
    sheet.list("wrong  ", wrong.map(described));
}

fn described(flow: &Flow) -> String {
    let Flow {
        from,
        to,
        name,
        file,
        line,
        why,
        ..
    } = flow;
    let via = format!("{:?}", flow.via).to_lowercase();
    let why = if why.is_empty() {
        String::new()
    } else {
        format!(": {why}")
    };
    format!("{from} -> {to} by {via} {name} at {file}:{line}{why}")
}

/// A crossing is found when one between the same stages has its name, or its
/// writer and reader.
pub(crate) fn crossings(truth: &Truth, report: &Report, sheet: &Sheet) {
    let found = &report.crossings;
    let same = |expected: &Crossing, found: &cutline_analyzer::report::CrossingEntry| {
        (expected.from, expected.to) == (found.from_stage, found.to_stage)
            && (same_name(&expected.name, &found.name)
                || (&expected.writer, &expected.reader) == (&found.from, &found.to))
    };
    let precision: Share = found
        .iter()
        .map(|found| truth.crossings.iter().any(|expected| same(expected, found)))
        .collect();
    let is_found = |expected: &&Crossing| found.iter().any(|found| same(expected, found));
    let recall: Share = truth
        .crossings
        .iter()
        .map(|crossing| is_found(&crossing))
        .collect();
    sheet.line(
        "crossings",
        format!("precision {precision}, recall {recall}"),
    );
    let boundaries = Comparison::new(
        &truth
            .crossings
            .iter()
            .map(|crossing| (crossing.from, crossing.to))
            .collect(),
        &found
            .iter()
            .map(|found| (found.from_stage, found.to_stage))
            .collect(),
    );
    sheet.line("  boundaries", &boundaries);
    let missing = truth
        .crossings
        .iter()
        .filter(|crossing| !is_found(crossing));
    sheet.list(
        "missing",
        missing.map(
            |Crossing {
                 from,
                 to,
                 via,
                 name,
                 writer,
                 reader,
             }| { format!("{from} -> {to} by {via} {name}: {writer} -> {reader}") },
        ),
    );
    let extra = found
        .iter()
        .filter(|found| !truth.crossings.iter().any(|expected| same(expected, found)));
    sheet.list(
        "extra  ",
        extra.map(|found| {
            let (from, to) = (found.from_stage, found.to_stage);
            let (via, name) = (&found.via, &found.name);
            format!(
                "{from} -> {to} by {via} {name}: {} -> {}",
                found.from, found.to
            )
        }),
    );
}

/// Of paths, the last part has to agree.
fn same_name(expected: &str, found: &str) -> bool {
    let last = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
    !expected.is_empty() && (expected == found || last(expected) == last(found))
}
