//! [`Predictions`]: the labels and scores of two answers, side by side.

use serde::{Deserialize, Serialize};

/// What the two sides predicted, where the rules name labels or scores.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Predictions {
    /// Labels that stood on both sides.
    pub labels: u64,
    /// Of those, the ones that are not the same.
    pub flipped: u64,
    /// From what to what, at most [`MOST_FLIPS`] of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flips: Vec<Flip>,
    /// Scores that stood on both sides.
    pub scores: u64,
    /// The monolith's and the candidate's, the first [`MOST_SCORES`] of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pairs: Vec<(f64, f64)>,
}

/// A label that became another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Flip {
    /// The monolith's.
    pub from: String,
    /// The candidate's.
    pub to: String,
}

/// As many flips of one pair of answers are kept; all are counted.
pub const MOST_FLIPS: usize = 64;

/// As many scores of one pair of answers are kept; all are counted.
pub const MOST_SCORES: usize = 1_024;

impl Predictions {
    pub(super) fn label(&mut self, from: &str, to: &str) {
        self.labels += 1;
        if from == to {
            return;
        }
        self.flipped += 1;
        if self.flips.len() < MOST_FLIPS {
            self.flips.push(Flip {
                from: from.to_owned(),
                to: to.to_owned(),
            });
        }
    }

    /// Both must be finite.
    pub(super) fn score(&mut self, control: f64, candidate: f64) {
        self.scores += 1;
        if self.pairs.len() < MOST_SCORES {
            self.pairs.push((control, candidate));
        }
    }
}
