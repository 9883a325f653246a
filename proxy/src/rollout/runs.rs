//! [`Run`]: one run of a rare and expensive stage on both sides.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One run of both sides on the same input.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Run {
    /// By which it is found again.
    pub id: String,
    /// The candidate's run came to no end.
    pub failed: bool,
    /// The artifacts that differ, as the comparison has it.
    pub differing: Vec<String>,
    /// The metrics of both sides, by name; None where a side has none of that
    /// name.
    pub metrics: BTreeMap<String, (Option<f64>, Option<f64>)>,
}

/// What is wrong with a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// The candidate's run came to no end.
    Failed,
    /// An artifact differs.
    Artifact(String),
    /// A metric differs by more than is tolerated, or a side has none.
    Metric {
        /// Its name.
        name: String,
        /// The monolith's.
        monolith: Option<f64>,
        /// The candidate's.
        candidate: Option<f64>,
        /// How far they may differ.
        tolerance: f64,
    },
}

impl Run {
    /// The first thing that is wrong with it, where metrics may differ by
    /// `tolerance`, absolutely, and not at all where it names none.
    pub fn fault(&self, tolerance: &BTreeMap<String, f64>) -> Option<Fault> {
        if self.failed {
            return Some(Fault::Failed);
        }
        if let Some(artifact) = self.differing.first() {
            return Some(Fault::Artifact(artifact.clone()));
        }
        // A metric that is tolerated to differ must be there.
        let absent = tolerance
            .keys()
            .filter(|name| !self.metrics.contains_key(*name))
            .map(|name| (name, (None, None)));
        let there = self.metrics.iter().map(|(name, sides)| (name, *sides));
        there.chain(absent).find_map(|(name, sides)| {
            let tolerance = tolerance.get(name).copied().unwrap_or(0.0);
            let alike = match sides {
                (Some(monolith), Some(candidate)) => {
                    monolith == candidate || (monolith - candidate).abs() <= tolerance
                }
                _ => false,
            };
            (!alike).then(|| Fault::Metric {
                name: name.clone(),
                monolith: sides.0,
                candidate: sides.1,
                tolerance,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(auc: (Option<f64>, Option<f64>), tolerance: &[(&str, f64)]) -> Option<Fault> {
        let run = Run {
            metrics: BTreeMap::from([("auc".to_owned(), auc)]),
            ..Run::default()
        };
        let tolerance = tolerance
            .iter()
            .map(|(name, by)| ((*name).to_owned(), *by))
            .collect();
        run.fault(&tolerance)
    }

    #[test]
    fn a_metric_is_equal_or_within_its_tolerance() {
        assert_eq!(check((Some(0.9), Some(0.9)), &[]), None);
        assert_eq!(check((Some(0.9), Some(0.904)), &[("auc", 0.005)]), None);
        assert!(check((Some(0.9), Some(0.904)), &[]).is_some());
        assert!(check((Some(0.9), Some(0.91)), &[("auc", 0.005)]).is_some());
        assert!(check((Some(f64::NAN), Some(0.9)), &[("auc", 0.005)]).is_some());
    }

    #[test]
    fn a_metric_that_one_side_lacks_is_a_fault() {
        assert!(check((Some(0.9), None), &[("auc", 1.0)]).is_some());
        assert!(check((Some(0.9), Some(0.9)), &[("f1", 1.0)]).is_some());
    }

    #[test]
    fn a_failed_run_and_an_artifact_that_differs_are_faults() {
        let failed = Run {
            failed: true,
            ..Run::default()
        };
        assert_eq!(failed.fault(&BTreeMap::new()), Some(Fault::Failed));
        let differing = Run {
            differing: vec!["model.pkl".to_owned()],
            ..Run::default()
        };
        let fault = differing.fault(&BTreeMap::new());
        assert_eq!(fault, Some(Fault::Artifact("model.pkl".to_owned())));
    }
}
