//! What would break, or cost, at a cut.

use cutline_analyzer::report::{FindingEntry, Report};

use crate::Sheet;
use crate::support::Share;
use crate::truth::{Hazard, Truth};

/// Not every truth lists them.
pub(crate) fn hazards(truth: &Truth, report: &Report, sheet: &Sheet) {
    if truth.hazards.is_empty() {
        return;
    }
    let is_found = |expected: &Hazard| report.findings.iter().any(|found| same(expected, found));
    let is_true = |found: &FindingEntry| truth.hazards.iter().any(|one| same(one, found));
    let recall: Share = truth.hazards.iter().map(is_found).collect();
    let precision: Share = report.findings.iter().map(is_true).collect();
    sheet.line("hazards", format!("precision {precision}, recall {recall}"));
    let missing = truth.hazards.iter().filter(|hazard| !is_found(hazard));
    sheet.list(
        "missing",
        missing.map(|hazard| {
            let Hazard {
                hazard,
                name,
                file,
                line,
                why,
                ..
            } = hazard;
            format!("{hazard} {name} at {file}:{line}: {why}")
        }),
    );
    let extra = report.findings.iter().filter(|found| !is_true(found));
    sheet.list(
        "extra  ",
        extra.map(|found| format!("{} in {}: {}", found.hazard, found.function, found.message)),
    );
}

/// The same rule, at a function that has part in it, on its line, or at the top
/// of its file, where a global is, about the same thing.
fn same(expected: &Hazard, found: &FindingEntry) -> bool {
    let defined = format!("{}:<module>", expected.file);
    let is_global = !expected.name.is_empty() && found.function == defined;
    let at_line = expected.file == found.place.file && expected.line == found.place.line;
    expected.hazard == found.hazard
        && (at_line || is_global || expected.functions.contains(&found.function))
        && found.message.contains(&expected.name)
}
