//! [`Split`]: which rows train a model and which test it.
//!
//! The same rows as scikit-learn 1.5 chooses: `ShuffleSplit` (so
//! `train_test_split`), `StratifiedShuffleSplit` and `GroupShuffleSplit` of
//! `sklearn/model_selection/_split.py`, for any seed and sizes.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::categories::Categories;
use super::column::Column;
use super::fault::Fault;
use super::frame::Frame;
use super::random_state::RandomState;

/// How rows are split, as declared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Split {
    /// The way.
    #[serde(default)]
    pub by: By,
    /// The classes, groups or times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// How much is for the test.
    #[serde(default = "quarter")]
    pub test: Size,
    /// How much is trained on; without it the rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train: Option<Size>,
    /// The same rows for the same seed.
    #[serde(default)]
    pub seed: u32,
}

/// How rows are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// Each row alike.
    #[default]
    Random,
    /// Both parts have each class of `column` as often.
    Stratified,
    /// The rows of one group of `column` stay together; sizes count groups.
    Grouped,
    /// The latest by `column` are for the test; without it, the last.
    Time,
}

/// A number of rows, or a share above 0 and below 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Size {
    /// So many.
    Rows(usize),
    /// Of all: rounded up for the test, down for training.
    Share(f64),
}

/// The rows of both parts, counted from 0, in the order they are used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// To train on.
    pub train: Vec<usize>,
    /// To test with.
    pub test: Vec<usize>,
}

/// Why rows cannot be split.
#[derive(Debug, Error)]
pub enum SplitError {
    /// The column is missing, or has missing values.
    #[error(transparent)]
    Column(#[from] Fault),
    /// No column is declared where one is needed.
    #[error("`by = \"{by}\"` needs `column`")]
    NoColumn {
        /// The way.
        by: &'static str,
    },
    /// A size is no share or more than there is.
    #[error(
        "`{key}` is {size}: write a share above 0 and below 1, or fewer than the {n} there are"
    )]
    Size {
        /// `test` or `train`.
        key: &'static str,
        /// What is declared.
        size: String,
        /// Rows or groups.
        n: usize,
    },
    /// A part would be empty.
    #[error("{n} rows or groups give {train} to train on and {test} to test with: both need one")]
    Empty {
        /// Rows or groups.
        n: usize,
        /// For training.
        train: usize,
        /// For the test.
        test: usize,
    },
    /// Both parts together are more than there is.
    #[error("{train} rows to train on and {test} to test with are more than the {n} there are")]
    TooMany {
        /// Rows or groups.
        n: usize,
        /// For training.
        train: usize,
        /// For the test.
        test: usize,
    },
    /// A class is too small, or a part smaller than the number of classes.
    #[error("{what} has {n} rows, at least {least} are needed to stratify")]
    Classes {
        /// The class or part.
        what: String,
        /// What there is.
        n: usize,
        /// What is needed.
        least: usize,
    },
    /// Too few or too many folds.
    #[error("{k} folds of {n} rows: at least 2 folds, and a row for each, are needed")]
    Folds {
        /// Folds asked for.
        k: usize,
        /// Rows, or those of the largest class.
        n: usize,
    },
}

impl Split {
    /// The rows of both parts.
    pub fn rows(&self, frame: &Frame) -> Result<Parts, SplitError> {
        let random = &mut RandomState::new(self.seed);
        match self.by {
            By::Random => shuffled(self.sizes(frame.n_rows())?, random),
            By::Stratified => {
                let classes = classes(frame, self.column("stratified")?)?;
                stratified(&classes, self.sizes(frame.n_rows())?, random)
            }
            By::Grouped => {
                let groups = classes(frame, self.column("grouped")?)?;
                grouped(&groups, self.sizes(n_classes(&groups))?, random)
            }
            By::Time => self.latest(frame),
        }
    }

    /// How many of `n` are for training and for the test.
    pub fn sizes(&self, n: usize) -> Result<Sizes, SplitError> {
        Sizes::of(n, self.test, self.train)
    }

    fn column(&self, by: &'static str) -> Result<&str, SplitError> {
        self.column.as_deref().ok_or(SplitError::NoColumn { by })
    }

    fn latest(&self, frame: &Frame) -> Result<Parts, SplitError> {
        let sizes = self.sizes(frame.n_rows())?;
        let mut rows: Vec<usize> = (0..frame.n_rows()).collect();
        if let Some(name) = &self.column {
            let times = classes(frame, name)?;
            rows.sort_by_key(|row| times[*row]);
        }
        let (train, test) = rows.split_at(sizes.train.min(rows.len()));
        Ok(Parts {
            train: train.to_vec(),
            test: test.iter().copied().take(sizes.test).collect(),
        })
    }
}

/// How many rows, or groups, both parts have of `n`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    n: usize,
    train: usize,
    test: usize,
}

impl Sizes {
    /// As `_validate_shuffle_split` has it.
    pub fn of(n: usize, test: Size, train: Option<Size>) -> Result<Sizes, SplitError> {
        let n_test = test.of(n, "test", f64::ceil)?;
        let n_train = match train {
            Some(train) => train.of(n, "train", f64::floor)?,
            None => n.saturating_sub(n_test),
        };
        match (n_train, n_test) {
            (0, test) | (test, 0) => Err(SplitError::Empty {
                n,
                train: n_train,
                test: test.max(n_test),
            }),
            (train, test) if train + test > n => Err(SplitError::TooMany { n, train, test }),
            (train, test) => Ok(Sizes { n, train, test }),
        }
    }
}

impl Size {
    fn of(self, n: usize, key: &'static str, round: fn(f64) -> f64) -> Result<usize, SplitError> {
        match self {
            Size::Rows(rows) if (1..n).contains(&rows) => Ok(rows),
            Size::Share(share) if share > 0.0 && share < 1.0 => {
                Ok(round(share * n as f64) as usize)
            }
            Size::Rows(rows) => Err(SplitError::Size {
                key,
                size: rows.to_string(),
                n,
            }),
            Size::Share(share) => Err(SplitError::Size {
                key,
                size: share.to_string(),
                n,
            }),
        }
    }
}

/// Rows in random order: `ShuffleSplit`.
pub fn shuffled(sizes: Sizes, random: &mut RandomState) -> Result<Parts, SplitError> {
    let rows = random.permutation(sizes.n);
    let (test, rest) = rows.split_at(sizes.test);
    Ok(Parts {
        train: rest.iter().copied().take(sizes.train).collect(),
        test: test.to_vec(),
    })
}

/// Each class as often in both parts: `StratifiedShuffleSplit`. `classes` are
/// numbers from 0, in the order of the sorted labels.
pub fn stratified(
    classes: &[usize],
    sizes: Sizes,
    random: &mut RandomState,
) -> Result<Parts, SplitError> {
    let rows_of = rows_by_class(classes);
    let counts: Vec<usize> = rows_of.iter().map(Vec::len).collect();
    check_classes(&counts, sizes)?;
    let n_train = approximate_mode(&counts, sizes.train, random);
    let left: Vec<usize> = counts
        .iter()
        .zip(&n_train)
        .map(|(count, taken)| count.saturating_sub(*taken))
        .collect();
    let n_test = approximate_mode(&left, sizes.test, random);
    let mut parts = Parts {
        train: Vec::new(),
        test: Vec::new(),
    };
    for (rows, (n_train, n_test)) in rows_of.iter().zip(n_train.into_iter().zip(n_test)) {
        let mut order = random
            .permutation(rows.len())
            .into_iter()
            .map(|place| rows[place]);
        parts.train.extend(order.by_ref().take(n_train));
        parts.test.extend(order.take(n_test));
    }
    random.shuffle(&mut parts.train);
    random.shuffle(&mut parts.test);
    Ok(parts)
}

/// Whole groups: `GroupShuffleSplit`. `groups` are numbers from 0, in the
/// order of the sorted keys; `sizes` count groups.
pub fn grouped(
    groups: &[usize],
    sizes: Sizes,
    random: &mut RandomState,
) -> Result<Parts, SplitError> {
    let chosen = shuffled(sizes, random)?;
    let rows = |part: &[usize]| {
        let mut is_in = vec![false; sizes.n];
        part.iter().for_each(|group| is_in[*group] = true);
        (0..groups.len())
            .filter(|row| is_in.get(groups[*row]) == Some(&true))
            .collect()
    };
    Ok(Parts {
        train: rows(&chosen.train),
        test: rows(&chosen.test),
    })
}

fn check_classes(counts: &[usize], sizes: Sizes) -> Result<(), SplitError> {
    let few = |what: String, n, least| Err(SplitError::Classes { what, n, least });
    if let Some((class, n)) = counts.iter().enumerate().find(|(_, count)| **count < 2) {
        return few(format!("class number {class}"), *n, 2);
    }
    let parts = [("train", sizes.train), ("test", sizes.test)];
    match parts.into_iter().find(|(_, n)| *n < counts.len()) {
        Some((part, n)) => few(format!("the {part} part"), n, counts.len()),
        None => Ok(()),
    }
}

/// The likeliest numbers of each class among `n_draws` drawn without putting
/// back: the mode of the multivariate hypergeometric distribution, near enough;
/// ties are drawn. scikit-learn's `_approximate_mode`.
fn approximate_mode(counts: &[usize], n_draws: usize, random: &mut RandomState) -> Vec<usize> {
    let total = counts.iter().sum::<usize>() as f64;
    let exact: Vec<f64> = counts
        .iter()
        .map(|count| *count as f64 / total * n_draws as f64)
        .collect();
    let mut drawn: Vec<usize> = exact.iter().map(|share| share.floor() as usize).collect();
    let rest: Vec<f64> = exact.iter().map(|share| share - share.floor()).collect();
    let mut missing = n_draws.saturating_sub(drawn.iter().sum());
    let mut values = rest.clone();
    values.sort_by(|a, b| b.total_cmp(a));
    values.dedup();
    for value in values {
        if missing == 0 {
            break;
        }
        let tied: Vec<usize> = (0..rest.len())
            .filter(|class| rest[*class] == value)
            .collect();
        let more = missing.min(tied.len());
        for place in random.choice(tied.len(), more) {
            drawn[tied[place]] += 1;
        }
        missing -= more;
    }
    drawn
}

/// For each row the number of its value among the sorted ones.
pub fn classes(frame: &Frame, name: &str) -> Result<Vec<usize>, SplitError> {
    let column: &Column = frame.column(name)?;
    let categories = Categories::seen(name, column)?;
    let mut bytes = Vec::new();
    let class = |row| {
        let missing = || {
            Fault::value(
                name,
                row,
                "a missing value",
                "cannot be split by: drop the row",
            )
        };
        Ok(categories
            .number(column, row, &mut bytes)
            .ok_or_else(missing)?)
    };
    (0..column.len()).map(class).collect()
}

pub(super) fn n_classes(classes: &[usize]) -> usize {
    classes.iter().max().map_or(0, |most| most + 1)
}

pub(super) fn rows_by_class(classes: &[usize]) -> Vec<Vec<usize>> {
    let mut rows_of = vec![Vec::new(); n_classes(classes)];
    for (row, class) in classes.iter().enumerate() {
        rows_of[*class].push(row);
    }
    rows_of
}

fn quarter() -> Size {
    Size::Share(0.25)
}

#[cfg(test)]
mod tests;
