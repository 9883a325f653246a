//! Calls, flows and crossings.

use std::collections::BTreeSet;

use cutline_analyzer::report::{CrossingEntry, FlowEntry, Report};

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
    let (real, unreal): (Vec<_>, Vec<_>) = truth.flows.iter().partition(|flow| flow.exists);
    let is_found = |flow: &Flow, is_same: Same| report.flows.iter().any(|one| is_same(flow, one));
    let recall =
        |is_same: Same| -> Share { real.iter().map(|flow| is_found(flow, is_same)).collect() };
    sheet.line(
        "flows by (from, to, via)",
        format!("recall {}", recall(same_way)),
    );
    sheet.line(
        "flows by (from, to)",
        format!("recall {}", recall(same_ends)),
    );
    // Where a true flow goes the same way, only the name tells them apart.
    let is_wrong = |flow: &Flow, is_same: Same| {
        let has_twin = real.iter().any(|real| is_same(flow, &entry(real)));
        is_found(flow, if has_twin { same_name_too } else { is_same })
    };
    let wrong =
        |is_same: Same| -> Share { unreal.iter().map(|flow| is_wrong(flow, is_same)).collect() };
    let (by_way, by_ends) = (wrong(same_way), wrong(same_ends));
    sheet.line(
        "flows that are none, reported",
        format!("{by_way}; by (from, to) {by_ends}"),
    );
    sheet.line(
        "flows reported in all",
        format!(
            "{} (the truth is a sample: no precision)",
            report.flows.len()
        ),
    );
    let missing = real.iter().filter(|flow| !is_found(flow, same_way));
    sheet.list("missing", missing.map(|flow| described(flow)));
    let wrong = unreal.iter().filter(|flow| is_wrong(flow, same_way));
    sheet.list("wrong  ", wrong.map(|flow| described(flow)));
}

/// Whether a flow of the truth is one of the report.
type Same = fn(&Flow, &FlowEntry) -> bool;

fn same_ends(expected: &Flow, found: &FlowEntry) -> bool {
    expected.from == found.from && expected.to == found.to
}

fn same_way(expected: &Flow, found: &FlowEntry) -> bool {
    same_ends(expected, found) && expected.via == found.via
}

fn same_name_too(expected: &Flow, found: &FlowEntry) -> bool {
    same_way(expected, found) && same_name(&expected.name, &found.name)
}

fn entry(flow: &Flow) -> FlowEntry {
    FlowEntry {
        from: flow.from.clone(),
        to: flow.to.clone(),
        via: flow.via,
        name: flow.name.clone(),
        file: flow.file.clone(),
        line: flow.line,
    }
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
    let same = |expected: &Crossing, found: &CrossingEntry| {
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
