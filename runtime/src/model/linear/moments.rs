//! What the linear models learn from: means, and sums of products about them.

use std::ops::Range;

use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, Slice};

use super::super::rows::{fold, within};
use super::super::{ModelError, TrainingSet};

/// Rows with their values, seen from the means.
pub(super) struct Centred<'a> {
    x: ArrayView2<'a, f64>,
    y: ArrayView1<'a, f64>,
    weights: Option<ArrayView1<'a, f64>>,
    pub(super) means: Means,
}

/// Weighted means; 0 where there is no intercept to take them up.
pub(super) struct Means {
    pub(super) x: Array1<f64>,
    pub(super) y: f64,
}

/// Weighted sums of products of what is seen from the means.
pub(super) struct Moments {
    /// Of columns with columns.
    pub(super) gram: Array2<f64>,
    /// Of columns with the value.
    pub(super) xy: Array1<f64>,
    /// Of the value with itself.
    pub(super) yy: f64,
}

impl<'a> Centred<'a> {
    /// Fails if the target holds no values, or a cell is NaN or infinite.
    pub(super) fn new(
        data: &TrainingSet<'a>,
        intercept: bool,
        kind: &'static str,
    ) -> Result<Centred<'a>, ModelError> {
        data.finite()?;
        let (x, y, weights) = (data.x(), data.values(kind)?, data.weights());
        let means = match intercept {
            true => means(x, y, weights),
            false => Means {
                x: Array1::zeros(x.ncols()),
                y: 0.0,
            },
        };
        Ok(Centred {
            x,
            y,
            weights,
            means,
        })
    }

    pub(super) fn dim(&self) -> (usize, usize) {
        self.x.dim()
    }

    /// What all rows count together.
    pub(super) fn total(&self) -> f64 {
        let rows = self.x.nrows() as f64;
        self.weights.map_or(rows, |weights| weights.sum())
    }

    pub(super) fn moments(&self) -> Moments {
        let width = self.x.ncols() + 1;
        let products = fold(
            self.x.nrows(),
            &|rows| {
                let block = self.block(rows);
                let mut products = Array2::zeros((width, width));
                general_mat_mul(1.0, &block.t(), &block, 0.0, &mut products);
                products
            },
            &|a, b| a + b,
        );
        let columns = Slice::from(..width - 1);
        Moments {
            gram: products.slice_each_axis(|_| columns).to_owned(),
            xy: products
                .column(width - 1)
                .slice_axis(Axis(0), columns)
                .to_owned(),
            yy: products[(width - 1, width - 1)],
        }
    }

    /// These rows, the value in the last column, times the root of their weight:
    /// their products are weighted products.
    pub(super) fn block(&self, rows: Range<usize>) -> Array2<f64> {
        let (columns, last) = (Slice::from(..self.x.ncols()), self.x.ncols());
        let place = Slice::from(rows.clone());
        let mut block = Array2::zeros((rows.len(), last + 1));
        let mut x = block.slice_axis_mut(Axis(1), columns);
        x.assign(&within(self.x.reborrow(), rows));
        x -= &self.means.x;
        block
            .column_mut(last)
            .assign(&(&self.y.slice_axis(Axis(0), place) - self.means.y));
        if let Some(weights) = self.weights {
            let roots = weights.slice_axis(Axis(0), place).mapv(f64::sqrt);
            block *= &roots.insert_axis(Axis(1));
        }
        block
    }
}

fn means(
    x: ArrayView2<'_, f64>,
    y: ArrayView1<'_, f64>,
    weights: Option<ArrayView1<'_, f64>>,
) -> Means {
    let sums = |rows: Range<usize>| {
        let place = Slice::from(rows.clone());
        let (x, y) = (within(x, rows), y.slice_axis(Axis(0), place));
        match weights.map(|weights| weights.slice_axis_move(Axis(0), place)) {
            Some(weights) => (weights.dot(&x), weights.dot(&y), weights.sum()),
            None => (x.sum_axis(Axis(0)), y.sum(), y.len() as f64),
        }
    };
    let (x, y, total) = fold(x.nrows(), &sums, &|a, b| (a.0 + b.0, a.1 + b.1, a.2 + b.2));
    Means {
        x: x / total,
        y: y / total,
    }
}
