//! Functions and their stages.

use std::collections::BTreeMap;

use cutline_analyzer::report::Report;
use cutline_analyzer::stages::Stage;

use crate::Sheet;
use crate::support::Share;
use crate::truth::Truth;

/// Pairs of stages printed as confused most often.
const N_WORST: usize = 8;

pub(crate) fn stages(truth: &Truth, report: &Report, sheet: &Sheet) {
    let found: BTreeMap<_, _> = report
        .functions
        .iter()
        .map(|function| (function.id.as_str(), function))
        .collect();
    let (mut functions, mut all) = (Share::default(), Share::default());
    let mut per_stage: BTreeMap<Stage, Share> = BTreeMap::new();
    let mut confused: BTreeMap<(Stage, Stage), Vec<String>> = BTreeMap::new();
    let mut missing = Vec::new();
    for expected in &truth.functions {
        let found = found.get(expected.function.as_str());
        let is_right = found.is_some_and(|found| found.stage == expected.stage);
        functions.add(found.is_some());
        all.add(is_right);
        per_stage.entry(expected.stage).or_default().add(is_right);
        match found {
            None => missing.push(expected.function.clone()),
            Some(found) if !is_right => confused
                .entry((expected.stage, found.stage))
                .or_default()
                .push(format!("{} ({:.2})", expected.function, found.confidence)),
            Some(_) => {}
        }
    }
    sheet.line("functions found", functions);
    sheet.list("missing", missing);
    sheet.line("stages", all);
    let values: Vec<_> = per_stage
        .values()
        .filter_map(|share| share.value())
        .collect();
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    sheet.line("  mean over stages", format!("{mean:.3}"));
    for (stage, share) in &per_stage {
        sheet.line(&format!("    {stage}"), share);
    }
    let mut confused: Vec<_> = confused.into_iter().collect();
    confused.sort_by_key(|(_, functions)| std::cmp::Reverse(functions.len()));
    for ((expected, found), functions) in
        confused
            .into_iter()
            .take(if sheet.verbose { usize::MAX } else { N_WORST })
    {
        sheet.line(&format!("  {expected} taken for {found}"), functions.len());
        sheet.list("      ", functions);
    }
}
