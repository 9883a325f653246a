//! The best of several parameters, by cross-validation.
//!
//! Each combination of a grid is trained on all folds but one and scored on that
//! one, for each fold; the one with the best mean is trained again on all rows.

mod folds;
mod grid;
mod scoring;

use indexmap::IndexMap;
use ndarray::{Array1, Axis};
use serde::{Deserialize, Serialize};

pub use folds::folds_of;
pub use scoring::{ALL, Scoring, named};

use super::progress::{Quiet, go_on};
use super::{Checked, Event, Model, ModelError, ModelSpec, Progress, Target, TrainingSet};

/// What to try, and how to tell what is best.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchSpec {
    /// The model, with the parameters that are not searched.
    pub model: ModelSpec,
    /// For each key the values to try; every combination is tried, the last key
    /// varying first.
    pub grid: IndexMap<String, Vec<serde_json::Value>>,
    /// In how many folds rows are split. 5. Classes are spread over folds alike.
    #[serde(default = "five")]
    pub folds: usize,
    /// What rows are shuffled by before they are split; by default they stay in
    /// their order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
}

/// One combination, and how good it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Candidate {
    /// Its parameters.
    pub model: ModelSpec,
    /// Its score on each fold; higher is better.
    pub scores: Vec<f64>,
    /// The scores' mean.
    pub mean: f64,
}

/// What a search found.
#[derive(Clone, Debug, PartialEq)]
pub struct Searched {
    /// All that was tried, in the order of the grid.
    pub candidates: Vec<Candidate>,
    /// The place of the best among them, the first of equals.
    pub best: usize,
    /// The best, trained on all rows.
    pub model: Model,
}

fn five() -> usize {
    5
}

impl SearchSpec {
    /// How many combinations there are, each of which could be trained.
    ///
    /// # Errors
    /// By the key that the model has not, or whose value it cannot be.
    pub fn n_combinations(&self) -> Result<usize, ModelError> {
        grid::combinations(&self.model, &self.grid).map(|specs| specs.len())
    }
}

/// Tries every combination. Before any is trained, all are checked; then the
/// first that cannot be trained ends the search, and so does who wants no more.
pub fn search(
    spec: &SearchSpec,
    data: &TrainingSet<'_>,
    scoring: &dyn Scoring,
    progress: &dyn Progress,
) -> Result<Searched, ModelError> {
    let specs = grid::combinations(&spec.model, &spec.grid)?;
    let fold_of = folds_of(data.y(), data.x().nrows(), spec.folds, spec.seed)?;
    let most = specs.len();
    let mut candidates: Vec<Candidate> = Vec::with_capacity(most);
    for (tried, spec_of_one) in specs.iter().enumerate() {
        let by_fold = |fold| {
            go_on(progress)?;
            score_without(spec_of_one, data, &fold_of, fold, scoring, &Quiet(progress))
        };
        let scores = (0..spec.folds)
            .map(by_fold)
            .collect::<Result<Vec<_>, _>>()?;
        let mean = scores.iter().sum::<f64>() / scores.len() as f64;
        let model = spec_of_one.params().clone();
        candidates.push(Candidate {
            model,
            scores,
            mean,
        });
        let (done, objective) = (tried + 1, Some(mean));
        progress.tell(Event::Step {
            what: "candidate",
            done,
            most,
            objective,
        });
    }
    let mut best = 0;
    for (place, candidate) in candidates.iter().enumerate() {
        if candidate.mean > candidates[best].mean || candidates[best].mean.is_nan() {
            best = place;
        }
    }
    let model = specs[best].fit_telling(data, progress)?;
    Ok(Searched {
        candidates,
        best,
        model,
    })
}

/// Trains on what is not of this fold, and scores on what is.
fn score_without(
    spec: &Checked<ModelSpec>,
    data: &TrainingSet<'_>,
    fold_of: &[usize],
    fold: usize,
    scoring: &dyn Scoring,
    progress: &dyn Progress,
) -> Result<f64, ModelError> {
    let rows = 0..fold_of.len();
    let (held, kept): (Vec<usize>, Vec<usize>) = rows.partition(|row| fold_of[*row] == fold);
    let weights_of = |rows: &[usize]| -> Option<Array1<f64>> {
        data.weights().map(|weights| weights.select(Axis(0), rows))
    };
    let (x, y, weights) = (
        data.x().select(Axis(0), &kept),
        data.y().select(&kept),
        weights_of(&kept),
    );
    let part = TrainingSet::new(x.view(), &y, weights.as_ref().map(Array1::view))?;
    let model = spec.fit_telling(&part, progress)?;
    let said = model.predict(data.x().select(Axis(0), &held).view())?;
    let truth: Target = data.y().select(&held);
    let weights = weights_of(&held).unwrap_or_else(|| Array1::ones(held.len()));
    scoring.score(&truth, &said, weights.view())
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;
    use crate::model::{Label, Labels};

    /// Labels that follow the first column, and noise beside it.
    fn data() -> (Array2<f64>, Target) {
        let cell = |(row, column): (usize, usize)| ((row * 7 + column * 13) % 11) as f64 - 5.0;
        let x = Array2::from_shape_fn((40, 3), cell);
        let noisy = |(row, x): (usize, &f64)| Label::Bool(*x > 0.0 || row % 9 == 0);
        let labels: Vec<Label> = x.column(0).iter().enumerate().map(noisy).collect();
        (x, Target::Labels(Labels::new(&labels)))
    }

    fn spec(json: &str) -> SearchSpec {
        serde_json::from_str(json).unwrap()
    }

    fn searched(json: &str, scoring: &str) -> Result<Searched, ModelError> {
        let (x, y) = data();
        let set = TrainingSet::new(x.view(), &y, None)?;
        search(&spec(json), &set, named(scoring).unwrap(), &())
    }

    #[test]
    fn the_best_of_all_combinations_is_trained_on_all_rows() {
        let json = r#"{ "model": { "kind": "logistic-regression" }, "seed": 3,
            "grid": { "c": [1e-6, 1.0], "fit_intercept": [true, false] } }"#;
        let found = searched(json, "neg-log-loss").unwrap();
        assert_eq!(
            (found.candidates.len(), found.candidates[0].scores.len()),
            (4, 5)
        );
        let means: Vec<f64> = found.candidates.iter().map(|own| own.mean).collect();
        assert!(
            means.iter().all(|mean| *mean <= means[found.best]),
            "{means:?}"
        );
        assert!(found.best >= 2, "{means:?}");
        let (x, y) = data();
        let again = Checked::new(found.candidates[found.best].model.clone()).unwrap();
        let set = TrainingSet::new(x.view(), &y, None).unwrap();
        assert_eq!(again.fit_telling(&set, &()).unwrap(), found.model);
        assert_eq!(searched(json, "neg-log-loss").unwrap(), found);
    }

    #[test]
    fn a_grid_is_checked_before_anything_is_trained() {
        for (grid, said) in [
            (r#"{ "cc": [1] }"#, "`grid.cc`: unknown field `cc`"),
            (r#"{ "c": [] }"#, "`grid.c`: there is no value to try"),
            (r#"{ "c": [1.0, -1.0] }"#, "`c` is -1"),
            (r#"{ "kind": ["ridge"] }"#, "`grid.kind`"),
        ] {
            let json =
                format!(r#"{{ "model": {{ "kind": "logistic-regression" }}, "grid": {grid} }}"#);
            let error = searched(&json, "accuracy").unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn folds_need_rows_of_each_class() {
        let (x, _) = data();
        let mut labels = vec![Label::Int(0); 40];
        labels[3] = Label::Int(1);
        let y = Target::Labels(Labels::new(&labels));
        let set = TrainingSet::new(x.view(), &y, None).unwrap();
        let json = r#"{ "model": { "kind": "logistic-regression" }, "grid": { "c": [1.0] } }"#;
        let error = search(&spec(json), &set, named("accuracy").unwrap(), &());
        let error = error.unwrap_err().to_string();
        assert!(
            error.contains("5 rows of class 1, and there are 1"),
            "{error}"
        );
    }

    #[test]
    fn weights_count_in_scores() {
        let (x, y) = data();
        let weights = Array1::from_shape_fn(40, |row| if row % 9 == 0 { 0.0 } else { 1.0 });
        let set = TrainingSet::new(x.view(), &y, Some(weights.view())).unwrap();
        let json = r#"{ "model": { "kind": "logistic-regression" }, "grid": { "c": [100.0] } }"#;
        let found = search(&spec(json), &set, named("accuracy").unwrap(), &()).unwrap();
        assert!(array![found.candidates[0].mean][0] > 0.95);
    }
}
