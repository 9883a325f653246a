//! [`DriftReport`]: every column and the predictions compared, as a document.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::column::{Column, Counts};
use super::quality::Problem;
use super::shares::{histogram, sturges};
use super::test::{Outcome, Test};

/// How columns are compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct DriftSpec {
    /// The test of each column that has one of its own; for all others it is
    /// chosen by size and kind.
    pub tests: IndexMap<String, Test>,
    /// The threshold of each column that has one of its own.
    pub thresholds: IndexMap<String, f64>,
    /// Such a share of the columns has to drift for the whole to have drifted.
    pub share: f64,
}

/// What came of comparing current rows with a reference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DriftReport {
    /// Rows on both sides: the reference's, the current ones.
    pub rows: [u64; 2],
    /// As large a share of the columns drifted as the specification names, or
    /// the predictions did.
    pub drifted: bool,
    /// The share of the columns compared that drifted.
    pub share: f64,
    /// Each column, in the reference's order.
    pub columns: Vec<ColumnDrift>,
    /// What the model predicted, where it is compared.
    pub predictions: Option<ColumnDrift>,
    /// What is wrong with the data.
    #[serde(default)]
    pub problems: Vec<Problem>,
}

/// One column compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ColumnDrift {
    /// Its name.
    pub column: String,
    /// What the test says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Why there is nothing to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub untestable: Option<String>,
    /// Both samples, to be drawn.
    pub distribution: Distribution,
}

/// Two samples in shares of each; an empty one has shares of 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Distribution {
    /// Numbers in equally wide bins over both samples.
    Bins {
        /// One more than there are bins.
        edges: Vec<f64>,
        /// The reference's share of each bin.
        reference: Vec<f64>,
        /// The current share of each bin.
        current: Vec<f64>,
    },
    /// The most frequent values; the last may be `other`.
    Values {
        /// As they are written.
        names: Vec<String>,
        /// The reference's share of each value.
        reference: Vec<f64>,
        /// The current share of each value.
        current: Vec<f64>,
    },
    /// One side numbers, the other words.
    Mixed,
}

/// So many values are drawn by themselves.
const MOST_VALUES: usize = 12;

impl Default for DriftSpec {
    fn default() -> DriftSpec {
        DriftSpec {
            tests: IndexMap::new(),
            thresholds: IndexMap::new(),
            share: 0.5,
        }
    }
}

/// Compares the columns of a reference with current ones of the same name, and
/// the predictions of both.
pub fn compare(
    spec: &DriftSpec,
    reference: &IndexMap<String, Column>,
    current: &IndexMap<String, Column>,
    predictions: Option<(&Column, &Column)>,
) -> DriftReport {
    let columns: Vec<ColumnDrift> = reference
        .iter()
        .filter_map(|(name, column)| Some(spec.column(name, column, current.get(name)?)))
        .collect();
    let drifted = |column: &&ColumnDrift| column.outcome.is_some_and(|outcome| outcome.drifted);
    let tested = columns
        .iter()
        .filter(|column| column.outcome.is_some())
        .count();
    let n_drifted = columns.iter().filter(drifted).count();
    let share = n_drifted as f64 / tested.max(1) as f64;
    let predictions = predictions.map(|(was, is)| spec.column("prediction", was, is));
    DriftReport {
        rows: [reference, current].map(longest),
        drifted: (n_drifted > 0 && share >= spec.share) || predictions.iter().any(|p| drifted(&p)),
        share,
        columns,
        predictions,
        problems: Vec::new(),
    }
}

fn longest(columns: &IndexMap<String, Column>) -> u64 {
    columns.values().map(Column::len).max().unwrap_or(0) as u64
}

impl DriftSpec {
    fn column(&self, name: &str, reference: &Column, current: &Column) -> ColumnDrift {
        let usual = || Test::usual(reference, current);
        let test = self.tests.get(name).copied().unwrap_or_else(usual);
        let outcome = test.run(reference, current, self.thresholds.get(name).copied());
        ColumnDrift {
            column: name.to_string(),
            untestable: outcome.err().map(|why| why.to_string()),
            outcome: outcome.ok(),
            distribution: Distribution::of(reference, current),
        }
    }
}

impl Distribution {
    /// Of two samples.
    pub fn of(reference: &Column, current: &Column) -> Distribution {
        match (reference, current) {
            (Column::Numbers(reference), Column::Numbers(current)) => bins(reference, current),
            (Column::Words(reference), Column::Words(current)) => values(reference, current),
            _ => Distribution::Mixed,
        }
    }
}

fn bins(reference: &[f64], current: &[f64]) -> Distribution {
    let edges = match reference.is_empty() && current.is_empty() {
        true => Vec::new(),
        false => sturges(reference, current),
    };
    let shares = |values: &[f64]| in_shares(histogram(values, &edges));
    Distribution::Bins {
        reference: shares(reference),
        current: shares(current),
        edges,
    }
}

fn values(reference: &Counts, current: &Counts) -> Distribution {
    let mut both: IndexMap<&str, [f64; 2]> = IndexMap::new();
    for (side, counts) in [reference, current].into_iter().enumerate() {
        for (name, count) in counts {
            both.entry(name).or_default()[side] += *count as f64;
        }
    }
    both.sort_by(|_, a, _, b| (b[0] + b[1]).total_cmp(&(a[0] + a[1])));
    if both.len() > MOST_VALUES {
        let rest = both.split_off(MOST_VALUES - 1);
        let sum = |side: usize| rest.values().map(|counts| counts[side]).sum::<f64>();
        let other = both.entry("other").or_default();
        *other = [other[0] + sum(0), other[1] + sum(1)];
    }
    let side = |side: usize| in_shares(both.values().map(|counts| counts[side]).collect());
    Distribution::Values {
        reference: side(0),
        current: side(1),
        names: both.keys().map(ToString::to_string).collect(),
    }
}

fn in_shares(counts: Vec<f64>) -> Vec<f64> {
    let sum: f64 = counts.iter().sum();
    counts
        .into_iter()
        .map(|count| count / sum.max(1.0))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(shift: f64) -> IndexMap<String, Column> {
        let numbers =
            |times: f64| Column::numbers((0..50).map(|row| f64::from(row) * times + shift));
        let word = if shift > 0.0 { "pro" } else { "free" };
        let words = (0..50).map(|row| Some(if row < 30 { word } else { "team" }));
        IndexMap::from([
            ("age".to_string(), numbers(1.0)),
            ("income".to_string(), numbers(1_000.0)),
            ("plan".to_string(), Column::words(words)),
        ])
    }

    #[test]
    fn columns_and_predictions_are_compared() {
        let (reference, current) = (columns(0.0), columns(40.0));
        let scores = Column::numbers((0..50).map(|row| f64::from(row % 10) / 10.0));
        let report = compare(
            &DriftSpec::default(),
            &reference,
            &current,
            Some((&scores, &scores)),
        );
        let drifted: Vec<bool> = report
            .columns
            .iter()
            .map(|c| c.outcome.unwrap().drifted)
            .collect();
        assert_eq!(drifted, [true, false, true]);
        assert!(report.drifted && report.share > 0.6);
        assert!(
            !report
                .predictions
                .as_ref()
                .unwrap()
                .outcome
                .unwrap()
                .drifted
        );
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<DriftReport>(&text).unwrap(), report);
        let calm = compare(&DriftSpec::default(), &reference, &reference, None);
        assert!(!calm.drifted);
    }

    #[test]
    fn a_column_may_have_its_own_test_and_one_that_cannot_be_tested_says_why() {
        let spec: DriftSpec =
            toml::from_str("tests = { age = \"psi\", plan = \"ks\" }\nthresholds = { age = 99.0 }")
                .unwrap();
        let report = compare(&spec, &columns(0.0), &columns(40.0), None);
        let age = report.columns[0].outcome.unwrap();
        assert_eq!((age.test, age.drifted), (Test::Psi, false));
        let why = report.columns[2].untestable.as_deref().unwrap();
        assert!(
            why.starts_with("ks compares numbers, and these are words"),
            "{why}"
        );
    }

    #[test]
    fn many_values_are_drawn_as_others() {
        let names: Vec<String> = (0..40).map(|id| format!("v{id}")).collect();
        let many = Column::words(names.iter().map(|name| Some(name.as_str())));
        let Distribution::Values {
            names, reference, ..
        } = Distribution::of(&many, &many)
        else {
            panic!()
        };
        assert_eq!(names.len(), MOST_VALUES);
        assert!((reference.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }
}
