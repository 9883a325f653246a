//! Verdicts against labels.

use std::collections::BTreeMap;

use cutline_analyzer::report::Report;
use cutline_analyzer::stages::Stage;

use crate::labels::Labels;
use crate::support::Share;

const N_BINS: usize = 10;

/// What became of some labels.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    verdicts: Vec<Verdict>,
}

/// What became of one label.
#[derive(Debug)]
struct Verdict {
    id: String,
    label: Stage,
    sure: bool,
    /// The report's stage and confidence; absent when it lacks the function.
    found: Option<(Stage, f64)>,
}

impl Verdict {
    fn is_right(&self) -> bool {
        self.found.is_some_and(|(stage, _)| stage == self.label)
    }
}

impl Tally {
    pub(crate) fn new(labels: &Labels, report: &Report) -> Tally {
        let functions = report.functions.iter();
        let found: BTreeMap<_, _> = functions
            .map(|function| (function.id.as_str(), (function.stage, function.confidence)))
            .collect();
        let verdicts = labels.functions.iter().map(|label| {
            let id = format!("{}:{}", label.file, label.qualname);
            Verdict {
                label: label.stage,
                sure: label.sure,
                found: found.get(id.as_str()).copied(),
                id,
            }
        });
        Tally {
            verdicts: verdicts.collect(),
        }
    }

    pub(crate) fn add(&mut self, other: Tally) {
        self.verdicts.extend(other.verdicts);
    }

    /// Accuracy over all, over sure ones, and as the mean over stages. A
    /// function that the report lacks counts as wrong.
    pub(crate) fn line(&self) -> String {
        let all: Share = self.verdicts.iter().map(Verdict::is_right).collect();
        let sure = self.verdicts.iter().filter(|verdict| verdict.sure);
        let sure: Share = sure.map(Verdict::is_right).collect();
        let lacking = self
            .verdicts
            .iter()
            .filter(|verdict| verdict.found.is_none());
        let (mean, n_lacking) = (self.mean_over_stages(), lacking.count());
        format!(
            "accuracy {all}, sure {sure}, mean over stages {mean:.3}, not in the report {n_lacking}"
        )
    }

    fn mean_over_stages(&self) -> f64 {
        let mut per_stage: BTreeMap<Stage, Share> = BTreeMap::new();
        for verdict in &self.verdicts {
            let share = per_stage.entry(verdict.label).or_default();
            share.add(verdict.is_right());
        }
        let values: Vec<_> = per_stage
            .values()
            .filter_map(|share| share.value())
            .collect();
        values.iter().sum::<f64>() / values.len().max(1) as f64
    }

    pub(crate) fn print_misses(&self) {
        for verdict in self.verdicts.iter().filter(|verdict| !verdict.is_right()) {
            let Verdict { id, label, .. } = verdict;
            let unsure = if verdict.sure { "" } else { ", unsure" };
            match verdict.found {
                Some((stage, confidence)) => {
                    println!("    {id}: {label}{unsure}, taken for {stage} ({confidence:.2})");
                }
                None => println!("    {id}: {label}{unsure}, not in the report"),
            }
        }
    }

    /// Rows are labels, columns what the report says.
    pub(crate) fn print_confusion(&self) {
        let short = |stage: Stage| stage.name().chars().take(6).collect::<String>();
        let columns = Stage::ALL
            .map(|stage| format!("{:>7}", short(stage)))
            .concat();
        println!("{:<14}{columns}{:>7}{:>8}", "label", "absent", "recall");
        for label in Stage::ALL {
            let row: Vec<_> = self
                .verdicts
                .iter()
                .filter(|verdict| verdict.label == label)
                .collect();
            let n = |found: Option<Stage>| {
                let of_row = row.iter();
                of_row
                    .filter(|verdict| verdict.found.map(|(stage, _)| stage) == found)
                    .count()
            };
            let cells = Stage::ALL
                .map(|stage| format!("{:>7}", n(Some(stage))))
                .concat();
            let recall: Share = row.iter().map(|verdict| verdict.is_right()).collect();
            let recall = recall
                .value()
                .map_or("-".to_owned(), |value| format!("{value:.3}"));
            println!("{:<14}{cells}{:>7}{recall:>8}", label.name(), n(None));
        }
        let precision = Stage::ALL.map(|stage| {
            let said = self.verdicts.iter();
            let said =
                said.filter(|verdict| verdict.found.is_some_and(|(found, _)| found == stage));
            let share: Share = said.map(Verdict::is_right).collect();
            let value = share
                .value()
                .map_or("-".to_owned(), |value| format!("{value:.3}"));
            format!("{value:>7}")
        });
        println!("{:<14}{}\n", "precision", precision.concat());
    }

    /// Whether a confidence is how often such a verdict is right, over the
    /// functions that the report has.
    pub(crate) fn print_calibration(&self) {
        let verdicts: Vec<_> = self
            .verdicts
            .iter()
            .filter_map(|verdict| {
                verdict
                    .found
                    .map(|(_, confidence)| (confidence, verdict.is_right()))
            })
            .collect();
        let n = verdicts.len().max(1) as f64;
        let (mut error, mut squares) = (0.0, 0.0);
        let mut bins = [(Share::default(), 0.0); N_BINS];
        for (confidence, is_right) in verdicts {
            let bin = &mut bins[((confidence * N_BINS as f64) as usize).min(N_BINS - 1)];
            bin.0.add(is_right);
            bin.1 += confidence;
            squares += (confidence - f64::from(u8::from(is_right))).powi(2);
        }
        println!("confidence      n    mean  accuracy");
        for (number, (share, sum)) in bins.into_iter().enumerate() {
            let Some(accuracy) = share.value() else {
                continue;
            };
            let mean = sum / share.of as f64;
            let (low, high) = (
                number as f64 / N_BINS as f64,
                (number + 1) as f64 / N_BINS as f64,
            );
            error += share.of as f64 / n * (mean - accuracy).abs();
            println!(
                "{low:.1} to {high:.1} {:>7} {mean:>7.3} {accuracy:>9.3}",
                share.of
            );
        }
        println!(
            "expected calibration error {error:.3}, Brier score {:.3}",
            squares / n
        );
    }
}
