//! How mixed the targets of a node are, and how much a split sorts them.
//!
//! Breiman, Friedman, Olshen and Stone, *Classification and Regression Trees*
//! (1984): Gini and entropy for classes, squared error for values. Each formula
//! is written in the order of scikit-learn's `_criterion.pyx`, since splits
//! that are equally good are told apart by rounding.

use super::Criterion;
use super::sort::Item;

/// The targets of the rows of one node, divided into a left and a right part.
pub(super) trait Impurity {
    /// Begins with a node that has these rows.
    fn enter(&mut self, rows: &[Item]);

    /// Says which rows have no value of the feature that is looked at.
    fn set_missing(&mut self, rows: &[Item]);

    /// The weight of the node's rows.
    fn weight(&self) -> f64;

    /// How mixed the node is, zero if it is pure.
    fn impurity(&self) -> f64;

    /// What a leaf of these rows says: `n_values` numbers, put at the end.
    fn value(&self, values: &mut Vec<f64>);

    /// Puts every row to the right, but for those without a value if they go
    /// left.
    fn all_right(&mut self, missing_left: bool);

    /// Puts every row to the left, but for those without a value if they go
    /// right.
    fn all_left(&mut self, missing_left: bool);

    /// Moves a row to the left.
    fn move_left(&mut self, row: u32);

    /// Moves a row to the right.
    fn move_right(&mut self, row: u32);

    /// The weights of the left and of the right part.
    fn weights(&self) -> (f64, f64);

    /// How good the division is: larger is better, and comparable within one
    /// node only.
    fn gain(&self) -> f64;

    /// How mixed the parts are, when `left` are the rows on the left.
    fn parts<'a>(&self, left: impl Iterator<Item = &'a Item>) -> (f64, f64);

    /// How many numbers a leaf says.
    fn n_values(&self) -> usize;
}

/// Rows that belong to classes.
pub(super) struct Classes<'a> {
    of: &'a [u32],
    weights: &'a [f64],
    criterion: Criterion,
    total: Vec<f64>,
    left: Vec<f64>,
    missing: Vec<f64>,
    weight: f64,
    weight_left: f64,
    weight_missing: f64,
}

/// Rows that have a number each.
pub(super) struct Values<'a> {
    of: &'a [f64],
    weights: &'a [f64],
    total: f64,
    squares: f64,
    left: f64,
    missing: f64,
    weight: f64,
    weight_left: f64,
    weight_missing: f64,
}

impl<'a> Classes<'a> {
    /// `of` has a class below `n` for each row, `weights` a weight.
    pub(super) fn new(of: &'a [u32], n: usize, weights: &'a [f64], criterion: Criterion) -> Self {
        Classes {
            of,
            weights,
            criterion,
            total: vec![0.0; n],
            left: vec![0.0; n],
            missing: vec![0.0; n],
            weight: 0.0,
            weight_left: 0.0,
            weight_missing: 0.0,
        }
    }

    /// Sums up the rows of each class, and says what they weigh.
    fn sum(&mut self, rows: &[Item], sums: fn(&mut Self) -> &mut Vec<f64>) -> f64 {
        let (of, weights) = (self.of, self.weights);
        let sums = sums(self);
        sums.fill(0.0);
        let mut all = 0.0;
        for item in rows {
            let weight = weights[item.row as usize];
            sums[of[item.row as usize] as usize] += weight;
            all += weight;
        }
        all
    }

    fn both(&self) -> (f64, f64) {
        let right = self.weight - self.weight_left;
        let pairs = self.left.iter().zip(&self.total);
        match self.criterion {
            Criterion::Entropy => pairs.fold((0.0, 0.0), |sum, (left, total)| {
                (
                    sum.0 - surprise(*left, self.weight_left),
                    sum.1 - surprise(total - left, right),
                )
            }),
            Criterion::Gini => {
                let squares = pairs.fold((0.0, 0.0), |sum, (left, total)| {
                    let right = total - left;
                    (sum.0 + left * left, sum.1 + right * right)
                });
                (
                    1.0 - squares.0 / (self.weight_left * self.weight_left),
                    1.0 - squares.1 / (right * right),
                )
            }
        }
    }
}

impl Impurity for Classes<'_> {
    fn enter(&mut self, rows: &[Item]) {
        self.weight = self.sum(rows, |classes| &mut classes.total);
    }

    fn set_missing(&mut self, rows: &[Item]) {
        self.weight_missing = self.sum(rows, |classes| &mut classes.missing);
    }

    fn weight(&self) -> f64 {
        self.weight
    }

    fn impurity(&self) -> f64 {
        let classes = self.total.iter();
        match self.criterion {
            Criterion::Entropy => -classes.map(|n| surprise(*n, self.weight)).sum::<f64>(),
            Criterion::Gini => {
                let squares = classes.fold(0.0, |sum, n| sum + n * n);
                1.0 - squares / (self.weight * self.weight)
            }
        }
    }

    fn value(&self, values: &mut Vec<f64>) {
        values.extend(self.total.iter().map(|n| n / self.weight));
    }

    fn all_right(&mut self, missing_left: bool) {
        match missing_left {
            true => self.left.copy_from_slice(&self.missing),
            false => self.left.fill(0.0),
        }
        self.weight_left = if missing_left {
            self.weight_missing
        } else {
            0.0
        };
    }

    fn all_left(&mut self, missing_left: bool) {
        self.left.copy_from_slice(&self.total);
        self.weight_left = self.weight;
        if !missing_left {
            for (left, missing) in self.left.iter_mut().zip(&self.missing) {
                *left -= missing;
            }
            self.weight_left -= self.weight_missing;
        }
    }

    fn move_left(&mut self, row: u32) {
        let weight = self.weights[row as usize];
        self.left[self.of[row as usize] as usize] += weight;
        self.weight_left += weight;
    }

    fn move_right(&mut self, row: u32) {
        let weight = self.weights[row as usize];
        self.left[self.of[row as usize] as usize] -= weight;
        self.weight_left -= weight;
    }

    fn weights(&self) -> (f64, f64) {
        (self.weight_left, self.weight - self.weight_left)
    }

    fn gain(&self) -> f64 {
        let (left, right) = self.both();
        -(self.weight - self.weight_left) * right - self.weight_left * left
    }

    fn parts<'a>(&self, _: impl Iterator<Item = &'a Item>) -> (f64, f64) {
        self.both()
    }

    fn n_values(&self) -> usize {
        self.total.len()
    }
}

/// What a class adds to the entropy, in bits and negative.
fn surprise(n: f64, of: f64) -> f64 {
    if n <= 0.0 {
        return 0.0;
    }
    let share = n / of;
    share * (share.ln() / std::f64::consts::LN_2)
}

impl<'a> Values<'a> {
    /// `of` has a number for each row, `weights` a weight.
    pub(super) fn new(of: &'a [f64], weights: &'a [f64]) -> Self {
        Values {
            of,
            weights,
            total: 0.0,
            squares: 0.0,
            left: 0.0,
            missing: 0.0,
            weight: 0.0,
            weight_left: 0.0,
            weight_missing: 0.0,
        }
    }

    /// The sum of the rows' values, and what they weigh.
    fn sum(&self, rows: &[Item]) -> (f64, f64) {
        rows.iter().fold((0.0, 0.0), |(sum, all), item| {
            let weight = self.weights[item.row as usize];
            (sum + weight * self.of[item.row as usize], all + weight)
        })
    }
}

impl Impurity for Values<'_> {
    fn enter(&mut self, rows: &[Item]) {
        (self.total, self.weight) = self.sum(rows);
        self.squares = rows.iter().fold(0.0, |sum, item| {
            let value = self.of[item.row as usize];
            sum + self.weights[item.row as usize] * value * value
        });
    }

    fn set_missing(&mut self, rows: &[Item]) {
        (self.missing, self.weight_missing) = self.sum(rows);
    }

    fn weight(&self) -> f64 {
        self.weight
    }

    fn impurity(&self) -> f64 {
        let mean = self.total / self.weight;
        self.squares / self.weight - mean * mean
    }

    fn value(&self, values: &mut Vec<f64>) {
        values.push(self.total / self.weight);
    }

    fn all_right(&mut self, missing_left: bool) {
        (self.left, self.weight_left) = match missing_left {
            true => (self.missing, self.weight_missing),
            false => (0.0, 0.0),
        };
    }

    fn all_left(&mut self, missing_left: bool) {
        (self.left, self.weight_left) = match missing_left {
            true => (self.total, self.weight),
            false => (self.total - self.missing, self.weight - self.weight_missing),
        };
    }

    fn move_left(&mut self, row: u32) {
        let weight = self.weights[row as usize];
        self.left += weight * self.of[row as usize];
        self.weight_left += weight;
    }

    fn move_right(&mut self, row: u32) {
        let weight = self.weights[row as usize];
        self.left -= weight * self.of[row as usize];
        self.weight_left -= weight;
    }

    fn weights(&self) -> (f64, f64) {
        (self.weight_left, self.weight - self.weight_left)
    }

    fn gain(&self) -> f64 {
        let right = self.total - self.left;
        self.left * self.left / self.weight_left + right * right / (self.weight - self.weight_left)
    }

    fn parts<'a>(&self, left: impl Iterator<Item = &'a Item>) -> (f64, f64) {
        let squares = left.fold(0.0, |sum, item| {
            let value = self.of[item.row as usize];
            sum + self.weights[item.row as usize] * value * value
        });
        let (weight_left, weight_right) = self.weights();
        let (mean_left, mean_right) = (
            self.left / weight_left,
            (self.total - self.left) / weight_right,
        );
        (
            squares / weight_left - mean_left * mean_left,
            (self.squares - squares) / weight_right - mean_right * mean_right,
        )
    }

    fn n_values(&self) -> usize {
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(rows: &[u32]) -> Vec<Item> {
        let item = |row: &u32| Item {
            value: 0.0,
            row: *row,
        };
        rows.iter().map(item).collect()
    }

    #[test]
    fn a_split_that_sorts_the_classes_leaves_nothing_mixed() {
        for criterion in [Criterion::Gini, Criterion::Entropy] {
            let mut classes = Classes::new(&[0, 0, 1, 1], 2, &[1.0; 4], criterion);
            classes.enter(&items(&[0, 1, 2, 3]));
            classes.all_right(false);
            assert!(classes.impurity() > 0.4);
            classes.move_left(0);
            let half_way = classes.gain();
            classes.move_left(1);
            assert!(classes.gain() > half_way);
            assert_eq!(classes.parts([].iter()), (0.0, 0.0));
        }
    }

    #[test]
    fn a_weight_of_two_is_a_row_twice() {
        let values = [1.0, 5.0, 5.0, 9.0];
        let mut twice = Values::new(&values, &[1.0; 4]);
        twice.enter(&items(&[0, 1, 2, 3]));
        let mut weighted = Values::new(&values, &[1.0, 2.0, 0.0, 1.0]);
        weighted.enter(&items(&[0, 1, 3]));
        assert_eq!(twice.impurity(), weighted.impurity());
        assert_eq!(twice.weight(), weighted.weight());
    }

    #[test]
    fn what_is_taken_from_either_end_is_the_same() {
        let values = [1.0, 2.0, 4.0, 8.0];
        let mut sums = Values::new(&values, &[1.0; 4]);
        sums.enter(&items(&[0, 1, 2, 3]));
        sums.set_missing(&items(&[3]));
        for missing_left in [false, true] {
            sums.all_right(missing_left);
            sums.move_left(0);
            let from_left = (sums.gain(), sums.weights());
            sums.all_left(missing_left);
            sums.move_right(2);
            sums.move_right(1);
            assert_eq!((sums.gain(), sums.weights()), from_left);
        }
    }
}
