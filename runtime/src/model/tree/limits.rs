//! When a tree stops, as it is written and checked.

use serde::{Deserialize, Serialize};

use super::grow::Limits;
use crate::model::ModelError;
use crate::model::params::require;

/// How many features a node looks at, drawn anew for each.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum MaxFeatures {
    /// By a rule.
    Rule(Rule),
    /// So many, of all at most.
    Count(usize),
    /// This share of them, above 0 and up to 1, rounded down to one at least.
    Share(f64),
}

/// A rule for how many features a node looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// All of them.
    All,
    /// The square root of their number, rounded down.
    Sqrt,
    /// The binary logarithm of their number, rounded down.
    Log2,
}

/// What the kinds of trees have in common.
pub(super) struct Stopping {
    pub(super) kind: &'static str,
    pub(super) max_depth: Option<usize>,
    pub(super) min_samples_split: usize,
    pub(super) min_samples_leaf: usize,
    pub(super) max_features: MaxFeatures,
    pub(super) min_impurity_decrease: f64,
}

impl MaxFeatures {
    /// All of them.
    pub const ALL: MaxFeatures = MaxFeatures::Rule(Rule::All);

    /// Their square root.
    pub const SQRT: MaxFeatures = MaxFeatures::Rule(Rule::Sqrt);

    fn of(self, n_features: usize) -> usize {
        let n = n_features as f64;
        let most = match self {
            MaxFeatures::Rule(Rule::All) => n_features,
            MaxFeatures::Rule(Rule::Sqrt) => n.sqrt() as usize,
            MaxFeatures::Rule(Rule::Log2) => n.log2() as usize,
            MaxFeatures::Count(count) => count,
            MaxFeatures::Share(share) => (share * n) as usize,
        };
        most.clamp(1, n_features.max(1))
    }

    fn is_usable(self) -> bool {
        match self {
            MaxFeatures::Rule(_) => true,
            MaxFeatures::Count(count) => count > 0,
            MaxFeatures::Share(share) => share > 0.0 && share <= 1.0,
        }
    }
}

impl Stopping {
    pub(super) fn check(&self) -> Result<(), ModelError> {
        let Stopping {
            kind,
            max_depth,
            min_samples_split,
            min_samples_leaf,
            max_features,
            min_impurity_decrease,
        } = *self;
        let depth = max_depth.unwrap_or(1);
        require(depth > 0, kind, "max_depth", depth, "at least 1")?;
        let split = min_samples_split;
        require(split > 1, kind, "min_samples_split", split, "at least 2")?;
        let leaf = min_samples_leaf;
        require(leaf > 0, kind, "min_samples_leaf", leaf, "at least 1")?;
        require(
            max_features.is_usable(),
            kind,
            "max_features",
            format!("{max_features:?}"),
            "\"all\", \"sqrt\", \"log2\", a count, or a share above 0 and up to 1",
        )?;
        let decrease = min_impurity_decrease;
        require(
            decrease.is_finite() && decrease >= 0.0,
            kind,
            "min_impurity_decrease",
            decrease,
            "finite and not negative",
        )
    }

    pub(super) fn limits(&self, n_features: usize) -> Limits {
        Limits {
            max_depth: self.max_depth.unwrap_or(usize::MAX),
            min_samples_split: self.min_samples_split,
            min_samples_leaf: self.min_samples_leaf,
            max_features: self.max_features.of(n_features),
            min_impurity_decrease: self.min_impurity_decrease,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_counted_as_it_is_written() {
        for (written, of_20) in [
            ("\"all\"", 20),
            ("\"sqrt\"", 4),
            ("\"log2\"", 4),
            ("3", 3),
            ("30", 20),
            ("0.5", 10),
            ("0.01", 1),
        ] {
            let max_features: MaxFeatures = serde_json::from_str(written).unwrap();
            assert_eq!(max_features.of(20), of_20, "{written}");
            assert_eq!(serde_json::to_string(&max_features).unwrap(), written);
        }
    }

    #[test]
    fn what_cannot_be_is_named() {
        let stopping = Stopping {
            kind: "decision-tree",
            max_depth: None,
            min_samples_split: 2,
            min_samples_leaf: 1,
            max_features: MaxFeatures::Share(1.5),
            min_impurity_decrease: 0.0,
        };
        let said = stopping.check().unwrap_err().to_string();
        assert!(said.contains("`max_features`"), "{said}");
        let stopping = Stopping {
            max_features: MaxFeatures::ALL,
            min_samples_split: 1,
            ..stopping
        };
        let said = stopping.check().unwrap_err().to_string();
        assert!(said.contains("`min_samples_split` is 1"), "{said}");
    }
}
