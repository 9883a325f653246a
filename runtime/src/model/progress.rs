//! [`Progress`]: how far a training is, told while it runs; and whether it
//! should go on.

use super::ModelError;

/// Is told how far a training is. It may be called from several threads, and
/// must not block: the training waits for it.
pub trait Progress: Sync {
    /// Takes note of what has happened.
    fn tell(&self, event: Event);

    /// Whether the training is not wanted any more. It is asked between trees,
    /// rounds, folds and candidates, and what is being trained then ends with
    /// [`ModelError::Stopped`].
    fn is_stopped(&self) -> bool {
        false
    }
}

/// What happens while a model is trained.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    /// A step was made: an iteration, a tree, a candidate of a search.
    Step {
        /// What was made.
        what: &'static str,
        /// How many of them are made.
        done: usize,
        /// How many there will be at most.
        most: usize,
        /// What the training makes small, after this step, where it is known.
        objective: Option<f64>,
    },
    /// The last iteration came before the optimum. The model is usable, but a
    /// higher `max_iter`, or scaled columns, would make it better.
    Unconverged {
        /// The kind of model.
        kind: &'static str,
        /// How many iterations were made.
        iterations: usize,
        /// What is left, in the unit of `tol`.
        left: f64,
    },
}

/// Says whether to go on.
pub(super) fn go_on(progress: &dyn Progress) -> Result<(), ModelError> {
    match progress.is_stopped() {
        true => Err(ModelError::Stopped),
        false => Ok(()),
    }
}

/// Tells nobody; stops with the one it is for.
pub(super) struct Quiet<'a>(pub(super) &'a dyn Progress);

impl Progress for Quiet<'_> {
    fn tell(&self, _: Event) {}

    fn is_stopped(&self) -> bool {
        self.0.is_stopped()
    }
}

/// Nobody listens.
impl Progress for () {
    fn tell(&self, _: Event) {}
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use ndarray::Array2;

    use super::*;
    use crate::model::search::{self, search};
    use crate::model::{Checked, Label, Labels, Target, TrainingSet, fit};

    /// Wants no more once it has been asked so often.
    struct Patience {
        most: usize,
        asked: AtomicUsize,
        told: AtomicUsize,
    }

    impl Patience {
        fn of(most: usize) -> Patience {
            Patience {
                most,
                asked: AtomicUsize::new(0),
                told: AtomicUsize::new(0),
            }
        }
    }

    impl Progress for Patience {
        fn tell(&self, _: Event) {
            self.told.fetch_add(1, Ordering::Relaxed);
        }

        fn is_stopped(&self) -> bool {
            self.asked.fetch_add(1, Ordering::Relaxed) >= self.most
        }
    }

    fn data() -> (Array2<f64>, Target) {
        let x = Array2::from_shape_fn((60, 2), |(row, column)| {
            ((row * 7 + column * 3) % 13) as f64
        });
        let labels: Vec<Label> = (0..60).map(|row| Label::Int(row % 2)).collect();
        (x, Target::Labels(Labels::new(&labels)))
    }

    #[test]
    fn a_training_stops_between_trees_and_rounds() {
        let (x, y) = data();
        for json in [
            r#"{ "kind": "random-forest", "n_estimators": 1000 }"#,
            r#"{ "kind": "isolation-forest", "n_estimators": 1000 }"#,
            r#"{ "kind": "gradient-boosting", "max_iter": 1000 }"#,
        ] {
            let spec = Checked::new(serde_json::from_str(json).unwrap()).unwrap();
            let patience = Patience::of(3);
            let fitted = fit(&spec, x.view(), &y, None, &patience);
            assert!(matches!(fitted, Err(ModelError::Stopped)), "{json}");
            assert!(patience.asked.into_inner() < 100, "{json}");
        }
    }

    #[test]
    fn a_search_stops_between_folds_and_candidates_and_within_a_fold() {
        let (x, y) = data();
        let data = TrainingSet::new(x.view(), &y, None).unwrap();
        // Seven folds are asked for: five of the first candidate, two of the next.
        for (model, most, n_candidates) in [
            (
                r#"{ "kind": "logistic-regression" }, "grid": { "c": [0.1, 1.0] }"#,
                7,
                1,
            ),
            (
                r#"{ "kind": "random-forest" }, "grid": { "max_depth": [1, 2] }"#,
                20,
                0,
            ),
        ] {
            let spec = serde_json::from_str(&format!(r#"{{ "model": {model} }}"#)).unwrap();
            let patience = Patience::of(most);
            let accuracy = search::named("accuracy").unwrap();
            let found = search(&spec, &data, accuracy, &patience);
            assert!(matches!(found, Err(ModelError::Stopped)), "{model}");
            assert_eq!(patience.told.into_inner(), n_candidates, "{model}");
        }
    }
}
