//! [`Boosted`]: what boosting has learnt.

use std::sync::Arc;

use ndarray::{Array1, ArrayView2};
use serde::{Deserialize, Serialize};

use super::KIND;
use super::loss::Loss;
use crate::model::tree::forest::say;
use crate::model::tree::nodes::Nodes;
use crate::model::tree::rows::ask;
use crate::model::{Label, ModelError, Prediction, Predictor};

/// Trees whose answers add up: to a value, to the log-odds of the second of two
/// classes, or to a number for each of several classes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Boosted {
    pub(super) n_features: usize,
    pub(super) classes: Option<Arc<[Label]>>,
    /// What is said before any tree, for each output.
    pub(super) baseline: Vec<f64>,
    /// For each round one tree for each output.
    pub(super) trees: Vec<Nodes>,
}

impl Boosted {
    /// How many rounds of boosting there were.
    pub fn n_rounds(&self) -> usize {
        self.trees.len() / self.baseline.len().max(1)
    }

    /// The trees, round by round, and in each one for each output.
    pub fn trees(&self) -> &[Nodes] {
        &self.trees
    }

    pub(super) fn with_classes(self, classes: Option<Arc<[Label]>>) -> Self {
        Boosted { classes, ..self }
    }

    fn loss(&self) -> Loss {
        match self.classes.as_ref().map(|classes| classes.len()) {
            None => Loss::Squared,
            Some(2) => Loss::Binomial,
            Some(n) => Loss::Multinomial(n),
        }
    }

    fn add_block(&self, rows: &[f64], said: &mut [f64]) {
        let n_outputs = self.baseline.len();
        for said in said.chunks_mut(n_outputs) {
            said.copy_from_slice(&self.baseline);
        }
        for round in self.trees.chunks(n_outputs) {
            for (output, tree) in round.iter().enumerate() {
                let answers = said.iter_mut().skip(output).step_by(n_outputs);
                for (row, said) in rows.chunks(self.n_features).zip(answers) {
                    *said += tree.say(row)[0];
                }
            }
        }
    }
}

impl Predictor for Boosted {
    fn n_features(&self) -> usize {
        self.n_features
    }

    fn classes(&self) -> Option<&Arc<[Label]>> {
        self.classes.as_ref()
    }

    fn takes_missing(&self) -> bool {
        true
    }

    fn check(&self) -> Result<(), ModelError> {
        let shape = |problem: &str| ModelError::Shape {
            kind: KIND,
            problem: problem.to_owned(),
        };
        let n_outputs = self.loss().n_outputs();
        if self.n_features == 0 || n_outputs == 0 || self.baseline.len() != n_outputs {
            return Err(shape(
                "it has no features, or no number for each class to begin with",
            ));
        }
        if !self.trees.len().is_multiple_of(n_outputs) {
            return Err(shape("a round has not one tree for each class"));
        }
        if self.trees.iter().any(|tree| tree.n_values != 1) {
            return Err(shape("a leaf has more than one number"));
        }
        match self.trees.iter().all(|tree| tree.knows(self.n_features)) {
            true => Ok(()),
            false => Err(shape("a split asks for a feature that there is not")),
        }
    }

    fn predict_checked(&self, x: ArrayView2<'_, f64>) -> Prediction {
        let (loss, n_outputs) = (self.loss(), self.baseline.len());
        let said = ask(
            x,
            n_outputs,
            |cell| cell,
            |rows, said| self.add_block(rows, said),
        );
        let mut meant = Vec::with_capacity(said.len());
        for outputs in said.chunks(n_outputs) {
            loss.mean_of(outputs, &mut meant);
        }
        Prediction {
            scores: (loss == Loss::Binomial).then(|| Array1::from(said)),
            ..say(meant, self.classes.as_ref())
        }
    }
}
