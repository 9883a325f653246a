//! [`Lesson`]: what a tree learns, taken from a training set.

use std::borrow::Cow;

use crate::model::class_weight::row_weights;
use crate::model::{ClassWeight, Labels, ModelError, Target, TrainingSet};

/// What there is to learn of each row, and how much the row counts.
pub(super) struct Lesson<'a> {
    pub(super) goal: Goal<'a>,
    pub(super) weights: Vec<f64>,
}

/// The target decides what kind of tree it will be.
pub(super) enum Goal<'a> {
    Classes(Cow<'a, Labels>),
    Values(Vec<f64>),
}

impl<'a> Lesson<'a> {
    /// Labels and values can be learnt. Weights of classes are refused where
    /// there are none.
    pub(super) fn of(
        data: &TrainingSet<'a>,
        kind: &'static str,
        class_weight: Option<&ClassWeight>,
    ) -> Result<Self, ModelError> {
        match data.y() {
            Target::Labels(_) => {
                let labels = data.labels(kind)?;
                let weights = row_weights(class_weight, &labels, data.weights())?;
                let weights = weights.map_or_else(|| weights_of(data), |w| w.to_vec());
                let goal = Goal::Classes(labels);
                Ok(Lesson { goal, weights })
            }
            Target::Values(values) if class_weight.is_none() => Ok(Lesson {
                goal: Goal::Values(values.to_vec()),
                weights: weights_of(data),
            }),
            Target::Values(_) => Err(ModelError::Parameter {
                kind,
                key: "class_weight",
                value: "given".to_owned(),
                expected: "absent where values are learnt",
            }),
            Target::None => Err(ModelError::Target {
                kind,
                expected: "labels or values",
                found: "none",
            }),
        }
    }

    /// The rows that count, in order.
    pub(super) fn rows(weights: &[f64]) -> Vec<u32> {
        let rows = weights.iter().enumerate();
        rows.filter(|(_, weight)| **weight > 0.0)
            .map(|(row, _)| row as u32)
            .collect()
    }
}

/// How much each row counts by itself.
fn weights_of(data: &TrainingSet<'_>) -> Vec<f64> {
    match data.weights() {
        Some(weights) => weights.to_vec(),
        None => vec![1.0; data.x().nrows()],
    }
}
