//! [`GradientBoosting`]: trees on histograms, each mending what those before
//! it left.

mod bins;
mod boosted;
mod fit;
mod grow;
mod histogram;
mod loss;
mod split;

use serde::{Deserialize, Serialize};

pub use boosted::Boosted;

use self::grow::Growth;
use self::loss::{Loss, Targets};
use self::split::Rules;
use super::columns::check_n_rows;
use super::lesson::{Goal, Lesson};
use crate::model::params::require;
use crate::model::{Algorithm, ClassWeight, ModelError, Progress, TrainingSet};

const KIND: &str = "gradient-boosting";

/// With more rows, boosting stops early unless it is told not to.
const MANY_ROWS: usize = 10_000;

/// Gradient boosting on histograms (Ke et al., *LightGBM*, 2017): of labels it
/// learns log-odds, of values their mean.
///
/// Keys, defaults and algorithm are those of scikit-learn 1.5's
/// `HistGradientBoosting`; without early stopping, and with up to 200,000 rows,
/// so is the model, but for the last bits. A cell that is NaN is missing, and
/// goes to the side that fits it better.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GradientBoosting {
    /// How far each tree goes, above 0.
    pub learning_rate: f64,
    /// How many rounds at most, of one tree each, or of one for each class if
    /// there are more than two.
    pub max_iter: usize,
    /// How many leaves a tree has at most.
    pub max_leaf_nodes: usize,
    /// How many splits lead to a leaf at most; none: as many as it takes.
    pub max_depth: Option<usize>,
    /// No leaf has fewer rows.
    pub min_samples_leaf: usize,
    /// How much what leaves say is drawn to zero.
    pub l2_regularization: f64,
    /// How many bins the values of a feature are sorted into, from 2 to 255.
    pub max_bins: usize,
    /// Whether it stops when rows that are held back are told no better; none:
    /// with more than 10,000 rows.
    pub early_stopping: Option<bool>,
    /// The share of rows held back, above 0 and below 1.
    pub validation_fraction: f64,
    /// Of so many rounds none has to be better for it to stop.
    pub n_iter_no_change: usize,
    /// By how much the loss has to fall to be better.
    pub tol: f64,
    /// How much rows of each class count.
    pub class_weight: Option<ClassWeight>,
    /// What draws the rows that are held back.
    pub seed: u32,
}

impl Default for GradientBoosting {
    fn default() -> Self {
        GradientBoosting {
            learning_rate: 0.1,
            max_iter: 100,
            max_leaf_nodes: 31,
            max_depth: None,
            min_samples_leaf: 20,
            l2_regularization: 0.0,
            max_bins: bins::MOST,
            early_stopping: None,
            validation_fraction: 0.1,
            n_iter_no_change: 10,
            tol: 1e-7,
            class_weight: None,
            seed: 0,
        }
    }
}

impl GradientBoosting {
    fn growth(&self) -> Growth {
        Growth {
            max_leaf_nodes: self.max_leaf_nodes,
            max_depth: self.max_depth.unwrap_or(usize::MAX),
            learning_rate: self.learning_rate,
            rules: Rules {
                min_samples_leaf: u32::try_from(self.min_samples_leaf).unwrap_or(u32::MAX),
                l2_regularization: self.l2_regularization,
            },
        }
    }

    fn stops_early(&self, n_rows: usize) -> bool {
        self.early_stopping.unwrap_or(n_rows > MANY_ROWS)
    }
}

impl Algorithm for GradientBoosting {
    type Fitted = Boosted;

    fn check(&self) -> Result<(), ModelError> {
        let positive = |value: f64| value.is_finite() && value > 0.0;
        let not_negative = |value: f64| value.is_finite() && value >= 0.0;
        let share = |value: f64| value > 0.0 && value < 1.0;
        let bins = self.max_bins;
        let depth = self.max_depth.unwrap_or(1);
        let all = [
            (
                positive(self.learning_rate),
                "learning_rate",
                self.learning_rate,
                "above 0",
            ),
            (
                self.max_leaf_nodes > 1,
                "max_leaf_nodes",
                self.max_leaf_nodes as f64,
                "at least 2",
            ),
            (depth > 0, "max_depth", depth as f64, "at least 1"),
            (
                self.min_samples_leaf > 0,
                "min_samples_leaf",
                self.min_samples_leaf as f64,
                "at least 1",
            ),
            (
                not_negative(self.l2_regularization),
                "l2_regularization",
                self.l2_regularization,
                "finite and not negative",
            ),
            (
                (2..=bins::MOST).contains(&bins),
                "max_bins",
                bins as f64,
                "from 2 to 255",
            ),
            (
                share(self.validation_fraction),
                "validation_fraction",
                self.validation_fraction,
                "above 0 and below 1",
            ),
            (
                self.n_iter_no_change > 0,
                "n_iter_no_change",
                self.n_iter_no_change as f64,
                "at least 1",
            ),
            (
                not_negative(self.tol),
                "tol",
                self.tol,
                "finite and not negative",
            ),
        ];
        all.into_iter()
            .try_for_each(|(holds, key, value, expected)| {
                require(holds, KIND, key, value, expected)
            })
    }

    fn train(
        &self,
        data: &TrainingSet<'_>,
        progress: &dyn Progress,
    ) -> Result<Boosted, ModelError> {
        check_n_rows(data.x().nrows())?;
        no_infinity(data)?;
        let lesson = Lesson::of(data, KIND, self.class_weight.as_ref())?;
        let weighted = data.weights().is_some() || self.class_weight.is_some();
        let weights = weighted.then_some(lesson.weights);
        match lesson.goal {
            Goal::Values(of) => {
                let targets = Targets { of, weights };
                let boosted = fit::fit(self, data.x(), Loss::Squared, targets, progress)?;
                Ok(boosted.with_classes(None))
            }
            Goal::Classes(labels) => {
                let loss = match labels.classes().len() {
                    2 => Loss::Binomial,
                    n => Loss::Multinomial(n),
                };
                let of = labels.codes().iter().map(|code| f64::from(*code)).collect();
                let targets = Targets { of, weights };
                let boosted = fit::fit(self, data.x(), loss, targets, progress)?;
                Ok(boosted.with_classes(Some(labels.classes().clone())))
            }
        }
    }
}

fn no_infinity(data: &TrainingSet<'_>) -> Result<(), ModelError> {
    let x = data.x();
    let infinite = x.indexed_iter().find(|(_, cell)| cell.is_infinite());
    match infinite {
        Some(((row, column), value)) => Err(ModelError::NotFinite {
            row,
            column,
            value: *value,
        }),
        None => Ok(()),
    }
}
