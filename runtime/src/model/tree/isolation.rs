//! [`IsolationForest`]: how soon a row is alone when values are parted at
//! random.

use ndarray::{Array1, ArrayView2};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::columns::{Columns, NEAR, single};
use super::features::Features;
use super::forest::add;
use super::lesson::Lesson;
use super::nodes::{Nodes, Place};
use super::random::{RandomState, Xorshift};
use super::rows::ask;
use crate::model::params::require;
use crate::model::progress::go_on;
use crate::model::{Algorithm, ModelError, Prediction, Predictor, Progress, Target, TrainingSet};

const KIND: &str = "isolation-forest";

/// An isolation forest (Liu, Ting and Zhou 2008): trees that part a sample of
/// the rows at random thresholds. What is soon alone is an anomaly.
///
/// With the same `seed` and without weights the trees are scikit-learn 1.5's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IsolationForest {
    /// How many trees.
    pub n_estimators: usize,
    /// How many rows a tree parts, of all at most.
    pub max_samples: usize,
    /// The share of the rows trained on that is to be called anomalous, above 0
    /// and up to a half; none: the score of 0.5 of the paper decides.
    pub contamination: Option<f64>,
    /// What draws the trees' seeds.
    pub seed: u32,
}

/// A trained isolation forest.
///
/// A row's score is what scikit-learn's `score_samples` says: from -1 for an
/// anomaly up to 0. Its value is 1 where the score lies below the offset, which
/// calls the row anomalous, and 0 elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Isolation {
    n_features: usize,
    /// Scores below it are anomalies.
    offset: f64,
    /// How many splits isolate a row of the sample on average.
    mean_length: f64,
    /// At each leaf: how many splits isolate a row that comes to it.
    trees: Vec<Nodes>,
}

impl Default for IsolationForest {
    fn default() -> Self {
        IsolationForest {
            n_estimators: 100,
            max_samples: 256,
            contamination: None,
            seed: 0,
        }
    }
}

impl Algorithm for IsolationForest {
    type Fitted = Isolation;

    fn check(&self) -> Result<(), ModelError> {
        let n = self.n_estimators;
        require(n > 0, KIND, "n_estimators", n, "at least 1")?;
        let samples = self.max_samples;
        require(samples > 0, KIND, "max_samples", samples, "at least 1")?;
        let share = self.contamination.unwrap_or(0.5);
        let usable = share > 0.0 && share <= 0.5;
        require(
            usable,
            KIND,
            "contamination",
            share,
            "above 0 and up to 0.5",
        )
    }

    fn train(
        &self,
        data: &TrainingSet<'_>,
        progress: &dyn Progress,
    ) -> Result<Isolation, ModelError> {
        data.finite()?;
        let columns = Columns::new(data.x())?;
        let candidates = match data.weights() {
            Some(weights) => Lesson::rows(&weights.to_vec()),
            None => (0..columns.n_rows() as u32).collect(),
        };
        let n_samples = self.max_samples.min(candidates.len());
        let mut random = RandomState::new(self.seed);
        let seeds: Vec<u32> = (0..self.n_estimators).map(|_| random.seed()).collect();
        let tree = |seed: &u32| {
            go_on(progress)?;
            Ok(part(&columns, &candidates, n_samples, *seed))
        };
        let trees: Result<Vec<Nodes>, ModelError> = seeds.par_iter().map(tree).collect();
        let mut forest = Isolation {
            n_features: columns.n_features(),
            offset: -0.5,
            mean_length: mean_length(n_samples),
            trees: trees?,
        };
        if let Some(share) = self.contamination {
            forest.offset = quantile(forest.scores(data.x()), share);
        }
        Ok(forest)
    }
}

/// A node whose rows are still to be parted.
struct Open {
    place: Place,
    start: usize,
    end: usize,
    depth: usize,
    n_constant: usize,
}

/// Parts a sample of the candidates until each row is alone, or until as many
/// splits lead there as a balanced tree would have.
fn part(columns: &Columns, candidates: &[u32], n_samples: usize, seed: u32) -> Nodes {
    let sample = RandomState::new(seed).sample(candidates.len() as u32, n_samples as u32);
    let mut rows: Vec<u32> = sample.iter().map(|at| candidates[*at as usize]).collect();
    rows.sort_unstable();
    let mut random = Xorshift::of_tree(RandomState::new(seed).seed());
    let mut features = Features::new(columns.n_features());
    let mut nodes = Nodes::new(1);
    let max_depth = (n_samples.max(2) as f64).log2().ceil() as usize;
    let mut open = vec![Open {
        place: Place::Root,
        start: 0,
        end: rows.len(),
        depth: 0,
        n_constant: 0,
    }];
    while let Some(node) = open.pop() {
        let own = &mut rows[node.start..node.end];
        let found = match node.depth < max_depth && own.len() > 1 {
            true => draw(columns, own, &mut features, node.n_constant, &mut random),
            false => None,
        };
        let Some((feature, threshold, n_constant)) = found else {
            let length = node.depth as f64 + mean_length(own.len());
            nodes.leaf(node.place, |values| values.push(length));
            continue;
        };
        let n_left = divide(columns.column(feature), own, threshold);
        let split = nodes.split(node.place, feature, threshold, false);
        let at = node.start + n_left;
        let child = |place, start, end| Open {
            place,
            start,
            end,
            depth: node.depth + 1,
            n_constant,
        };
        open.push(child(Place::Right(split), at, node.end));
        open.push(child(Place::Left(split), node.start, at));
    }
    nodes
}

/// A feature that varies and a threshold within it, both at random, and how
/// many features are known to be constant then.
fn draw(
    columns: &Columns,
    rows: &[u32],
    features: &mut Features,
    n_constant: usize,
    random: &mut Xorshift,
) -> Option<(usize, f64, usize)> {
    let mut found = None;
    let mut drawing = features.draw(1, n_constant);
    while let Some(feature) = drawing.next(random) {
        let column = columns.column(feature);
        let values = rows.iter().map(|row| column[*row as usize]);
        let (low, high) = values.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        if high <= low + NEAR {
            drawing.is_constant();
            continue;
        }
        drawing.varies();
        let (low, high) = (f64::from(low), f64::from(high));
        let threshold = random.uniform(low, high);
        let threshold = if threshold == high { low } else { threshold };
        found = Some((feature, threshold));
    }
    let n_constant = drawing.end();
    found.map(|(feature, threshold)| (feature, threshold, n_constant))
}

/// Puts the rows up to the threshold in front, and says how many they are.
fn divide(column: &[f32], rows: &mut [u32], threshold: f64) -> usize {
    let mut n_left = 0;
    for at in 0..rows.len() {
        if f64::from(column[rows[at] as usize]) <= threshold {
            rows.swap(at, n_left);
            n_left += 1;
        }
    }
    n_left
}

/// How many splits isolate one of `n` rows on average: the mean length of an
/// unsuccessful search in a binary search tree (equation 1 of the paper).
fn mean_length(n: usize) -> f64 {
    const EULER: f64 = 0.577_215_664_901_532_9;
    match n {
        0 | 1 => 0.0,
        2 => 1.0,
        _ => {
            let n = n as f64;
            2.0 * ((n - 1.0).ln() + EULER) - 2.0 * (n - 1.0) / n
        }
    }
}

/// Between the two numbers next to a share, in proportion, as NumPy's
/// `percentile` has it.
fn quantile(mut numbers: Vec<f64>, share: f64) -> f64 {
    numbers.sort_unstable_by(f64::total_cmp);
    let last = numbers.len().saturating_sub(1);
    let at = share * last as f64;
    let below = at.floor() as usize;
    let (Some(low), Some(high)) = (numbers.get(below), numbers.get((below + 1).min(last))) else {
        return 0.0;
    };
    let part = at - at.floor();
    match part < 0.5 {
        true => low + (high - low) * part,
        false => high - (high - low) * (1.0 - part),
    }
}

impl Isolation {
    /// Scores below this are anomalies.
    pub fn offset(&self) -> f64 {
        self.offset
    }

    /// scikit-learn's `score_samples`.
    fn scores(&self, x: ArrayView2<'_, f64>) -> Vec<f64> {
        let to_single = |cell| f64::from(single(cell));
        let lengths = ask(x, 1, to_single, |rows, said| {
            for tree in &self.trees {
                for (row, said) in rows.chunks(self.n_features).zip(said.chunks_mut(1)) {
                    add(said, tree.say(row));
                }
            }
        });
        let usual = self.trees.len() as f64 * self.mean_length;
        // One row alone is isolated from the start.
        let share = |length: f64| if usual == 0.0 { 1.0 } else { length / usual };
        let score = |length| -(2.0_f64.powf(-share(length)));
        lengths.into_iter().map(score).collect()
    }
}

impl Predictor for Isolation {
    fn n_features(&self) -> usize {
        self.n_features
    }

    fn check(&self) -> Result<(), ModelError> {
        let problem = match self {
            Isolation { trees, .. } if trees.is_empty() => "it has no trees",
            Isolation { n_features: 0, .. } => "it has no features",
            Isolation { trees, .. } if trees.iter().any(|tree| tree.n_values != 1) => {
                "a leaf has more than one number"
            }
            Isolation {
                trees, n_features, ..
            } if !trees.iter().all(|tree| tree.knows(*n_features)) => {
                "a split asks for a feature that there is not"
            }
            _ => return Ok(()),
        };
        Err(ModelError::Shape {
            kind: KIND,
            problem: problem.to_owned(),
        })
    }

    fn predict_checked(&self, x: ArrayView2<'_, f64>) -> Prediction {
        let scores = self.scores(x);
        let is_anomaly = |score: &f64| if *score < self.offset { 1.0 } else { 0.0 };
        Prediction {
            target: Target::Values(scores.iter().map(is_anomaly).collect()),
            probabilities: None,
            scores: Some(Array1::from(scores)),
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::model::Checked;

    fn fitted(x: &Array2<f64>, params: IsolationForest) -> Isolation {
        let data = TrainingSet::new(x.view(), &Target::None, None).unwrap();
        Checked::new(params)
            .unwrap()
            .fit_telling(&data, &())
            .unwrap()
    }

    #[test]
    fn what_lies_apart_is_an_anomaly() {
        let mut x = Array2::from_shape_fn((200, 2), |(row, column)| {
            ((row * 7 + column * 3) % 20) as f64 / 20.0
        });
        x[[17, 0]] = 50.0;
        x[[17, 1]] = -50.0;
        let prediction = fitted(&x, IsolationForest::default()).predict_checked(x.view());
        let Target::Values(values) = prediction.target else {
            panic!("values are said")
        };
        assert_eq!(values[17], 1.0);
        let scores = prediction.scores.unwrap();
        assert!(
            scores
                .iter()
                .enumerate()
                .all(|(row, score)| row == 17 || *score > scores[17])
        );
    }

    #[test]
    fn as_many_are_called_anomalous_as_was_said() {
        let x = Array2::from_shape_fn((100, 1), |(row, _)| (row as f64).powi(2));
        let params = IsolationForest {
            contamination: Some(0.1),
            ..IsolationForest::default()
        };
        let Target::Values(values) = fitted(&x, params).predict_checked(x.view()).target else {
            panic!("values are said")
        };
        assert!((8.0..=10.0).contains(&values.sum()), "{}", values.sum());
    }

    #[test]
    fn rows_that_are_all_the_same_are_no_anomalies() {
        for n in [1, 2, 50] {
            let x = Array2::from_elem((n, 3), 1.5);
            let scores = fitted(&x, IsolationForest::default()).scores(x.view());
            assert!(scores.iter().all(|score| score.is_finite()));
        }
    }
}
