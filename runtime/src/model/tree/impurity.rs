//! How mixed the targets of a node are, and how much a split sorts them.
//!
//! Breiman, Friedman, Olshen and Stone, *Classification and Regression Trees*
//! (1984): Gini and entropy for classes, squared error for values. Each formula
//! is written in the order of scikit-learn's `_criterion.pyx`, since splits
//! that are equally good are told apart by rounding.

use super::Criterion;

/// The targets of the rows of one node, divided into a left and a right part.
pub(super) trait Impurity {
    /// Begins with a node that has these rows.
    fn enter(&mut self, rows: &[u32]);

    /// The weight of the node's rows.
    fn weight(&self) -> f64;

    /// How mixed the node is, zero if it is pure.
    fn impurity(&self) -> f64;

    /// What a leaf of these rows says: `n_values` numbers, put at the end.
    fn value(&self, values: &mut Vec<f64>);

    /// Puts every row to the right again.
    fn restart(&mut self);

    /// Moves a row to the left.
    fn move_left(&mut self, row: u32);

    /// The weights of the left and of the right part.
    fn weights(&self) -> (f64, f64);

    /// How good the division is: larger is better, and comparable within one
    /// node only.
    fn gain(&self) -> f64;

    /// How mixed the parts are, when `left` are the rows moved so far.
    fn parts(&self, left: &[u32]) -> (f64, f64);

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
    weight: f64,
    weight_left: f64,
}

/// Rows that have a number each.
pub(super) struct Values<'a> {
    of: &'a [f64],
    weights: &'a [f64],
    total: f64,
    squares: f64,
    left: f64,
    weight: f64,
    weight_left: f64,
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
            weight: 0.0,
            weight_left: 0.0,
        }
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
    fn enter(&mut self, rows: &[u32]) {
        self.total.fill(0.0);
        self.weight = 0.0;
        for row in rows {
            let weight = self.weights[*row as usize];
            self.total[self.of[*row as usize] as usize] += weight;
            self.weight += weight;
        }
        self.restart();
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

    fn restart(&mut self) {
        self.left.fill(0.0);
        self.weight_left = 0.0;
    }

    fn move_left(&mut self, row: u32) {
        let weight = self.weights[row as usize];
        self.left[self.of[row as usize] as usize] += weight;
        self.weight_left += weight;
    }

    fn weights(&self) -> (f64, f64) {
        (self.weight_left, self.weight - self.weight_left)
    }

    fn gain(&self) -> f64 {
        let (left, right) = self.both();
        -(self.weight - self.weight_left) * right - self.weight_left * left
    }

    fn parts(&self, _: &[u32]) -> (f64, f64) {
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
            weight: 0.0,
            weight_left: 0.0,
        }
    }

    fn squares(&self, rows: &[u32]) -> f64 {
        rows.iter().fold(0.0, |sum, row| {
            let value = self.of[*row as usize];
            sum + self.weights[*row as usize] * value * value
        })
    }
}

impl Impurity for Values<'_> {
    fn enter(&mut self, rows: &[u32]) {
        (self.total, self.weight) = (0.0, 0.0);
        for row in rows {
            let weight = self.weights[*row as usize];
            self.total += weight * self.of[*row as usize];
            self.weight += weight;
        }
        self.squares = self.squares(rows);
        self.restart();
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

    fn restart(&mut self) {
        (self.left, self.weight_left) = (0.0, 0.0);
    }

    fn move_left(&mut self, row: u32) {
        let weight = self.weights[row as usize];
        self.left += weight * self.of[row as usize];
        self.weight_left += weight;
    }

    fn weights(&self) -> (f64, f64) {
        (self.weight_left, self.weight - self.weight_left)
    }

    fn gain(&self) -> f64 {
        let right = self.total - self.left;
        self.left * self.left / self.weight_left + right * right / (self.weight - self.weight_left)
    }

    fn parts(&self, left: &[u32]) -> (f64, f64) {
        let squares = self.squares(left);
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

    #[test]
    fn a_split_that_sorts_the_classes_leaves_nothing_mixed() {
        for criterion in [Criterion::Gini, Criterion::Entropy] {
            let mut classes = Classes::new(&[0, 0, 1, 1], 2, &[1.0; 4], criterion);
            classes.enter(&[0, 1, 2, 3]);
            assert!(classes.impurity() > 0.4);
            classes.move_left(0);
            let half_way = classes.gain();
            classes.move_left(1);
            assert!(classes.gain() > half_way);
            assert_eq!(classes.parts(&[0, 1]), (0.0, 0.0));
        }
    }

    #[test]
    fn a_weight_of_two_is_a_row_twice() {
        let values = [1.0, 5.0, 5.0, 9.0];
        let mut twice = Values::new(&values, &[1.0; 4]);
        twice.enter(&[0, 1, 2, 3]);
        let mut weighted = Values::new(&values, &[1.0, 2.0, 0.0, 1.0]);
        weighted.enter(&[0, 1, 3]);
        assert_eq!(twice.impurity(), weighted.impurity());
        assert_eq!(twice.weight(), weighted.weight());
    }
}
