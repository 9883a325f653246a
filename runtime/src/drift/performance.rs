//! How good the live model is, once it is known what came of its predictions.

use serde::{Deserialize, Serialize};

use crate::metrics::{Bootstrap, Measure, Metric, Predictions};

/// How good a model is now, beside how good it was; a document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Performance {
    /// How many predictions have their truth.
    pub rows: usize,
    /// In the order they were asked for.
    pub metrics: Vec<Live>,
}

/// One metric, now and before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// What it is now.
    pub now: Measure,
    /// What it was, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<f64>,
    /// It is shown to be worse than before by more than is allowed: the whole
    /// interval is.
    pub fell: bool,
}

/// Measures predictions that have their truth by now. `before` are the metrics
/// to measure, with what each was at the last evaluation; `allowed` is by how
/// much one may be worse, in its own unit.
pub fn performance(
    predictions: &Predictions,
    before: &[(Metric, Option<f64>)],
    allowed: f64,
    bootstrap: &Bootstrap,
) -> Performance {
    let metrics: Vec<Metric> = before.iter().map(|(metric, _)| *metric).collect();
    let now = Measure::all(&metrics, predictions, bootstrap);
    let live = |(now, &(metric, before)): (Measure, &(Metric, Option<f64>))| {
        let fell = match (before, now.interval) {
            (Some(before), Some(interval)) => {
                let ends = [interval.low, interval.high].map(|end| metric.gain(end, before));
                ends[0].max(ends[1]) < -allowed
            }
            _ => false,
        };
        Live { now, before, fell }
    };
    Performance {
        rows: predictions.n_rows(),
        metrics: now.into_iter().zip(before).map(live).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Regressed;

    #[test]
    fn a_metric_falls_where_the_whole_interval_is_worse() {
        let truth: Vec<f64> = (0..60).map(f64::from).collect();
        let predicted = truth.iter().map(|truth| truth + 2.0 + (truth % 3.0) / 10.0);
        let rows = Regressed::new(truth.clone(), predicted.collect()).unwrap();
        let fell = |before: Option<f64>, allowed: f64| {
            let rows = Predictions::Numbers(rows.clone());
            let live = performance(
                &rows,
                &[(Metric::Mae, before)],
                allowed,
                &Bootstrap::default(),
            );
            live.metrics[0].fell
        };
        assert!(fell(Some(1.0), 0.5));
        assert!(!fell(Some(1.0), 1.5));
        assert!(!fell(Some(3.0), 0.0));
        assert!(!fell(None, 0.0));
    }
}
