//! Ordinary least squares.
//!
//! The normal equations are solved by Cholesky where columns are far from
//! depending on each other. Where they are not, an orthogonal factor of the rows,
//! made block by block (Demmel, Grigori, Hoemmen and Langou 2012,
//! "Communication-optimal parallel and sequential QR and LU factorizations"),
//! and the singular values of what is left give the solution, of more than one
//! the smallest, as scikit-learn's `LinearRegression` does.

use linfa_linalg::qr::QRInto;
use linfa_linalg::svd::SVDInto;
use ndarray::{Array1, Array2, ArrayView2, Axis, Slice, concatenate};
use serde::{Deserialize, Serialize};

use super::super::rows::fold;
use super::super::solve::cholesky;
use super::super::{Algorithm, ModelError, Progress, TrainingSet};
use super::Linear;
use super::moments::{Centred, Moments};

const KIND: &str = "linear-regression";

/// What of a column the others must leave unexplained for the normal equations
/// to be good to ten digits.
const INDEPENDENT: f64 = 1e-6;

/// How to train [`Linear`] by least squares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinearRegression {
    /// Whether there is an intercept. true.
    pub fit_intercept: bool,
}

impl Default for LinearRegression {
    fn default() -> LinearRegression {
        LinearRegression {
            fit_intercept: true,
        }
    }
}

impl Algorithm for LinearRegression {
    type Fitted = Linear;

    fn check(&self) -> Result<(), ModelError> {
        Ok(())
    }

    fn train(&self, data: &TrainingSet<'_>, _: &dyn Progress) -> Result<Linear, ModelError> {
        let centred = Centred::new(data, self.fit_intercept, KIND)?;
        let (rows, columns) = centred.dim();
        let quick = match rows > columns {
            true => by_normal_equations(centred.moments()),
            false => None,
        };
        let coefficients = quick.or_else(|| by_singular_values(&centred, 0.0));
        match coefficients {
            Some(coefficients) => Linear::through(&centred.means, coefficients, KIND),
            None => Err(ModelError::Overflow {
                kind: KIND,
                what: "a sum of squares",
            }),
        }
    }
}

/// None where columns nearly depend on each other.
fn by_normal_equations(moments: Moments) -> Option<Array1<f64>> {
    // Columns of length 1: rank is then not a question of units.
    let lengths = moments.gram.diag().mapv(f64::sqrt);
    if lengths.iter().any(|length| *length <= 0.0) {
        return None;
    }
    let by_row = moments.gram / lengths.view().insert_axis(Axis(1));
    let solution = cholesky(
        by_row / &lengths,
        (moments.xy / &lengths).view(),
        INDEPENDENT,
    )?;
    Some(solution / lengths)
}

/// The coefficients, as small as can be, that make `|x w - y|² + alpha |w|²`
/// small. None where a sum of squares overflows.
pub(super) fn by_singular_values(centred: &Centred<'_>, alpha: f64) -> Option<Array1<f64>> {
    let (rows, columns) = centred.dim();
    let factor = fold(rows, &|rows| triangle(centred.block(rows)), &|a, b| {
        let both = concatenate(Axis(0), &[a?.view(), b?.view()]).ok()?;
        triangle(both)
    })?;
    let x = factor.slice_axis(Axis(1), Slice::from(..columns));
    let y = factor.column(columns);
    let (left, lengths, right) = singular(x)?;
    let longest = lengths.fold(0.0, |longest: f64, length| longest.max(*length));
    let least = longest * f64::EPSILON * rows.max(columns) as f64;
    let share = |length: f64| match length > least {
        true => length / (length * length + alpha),
        false => 0.0,
    };
    Some(right.dot(&(left.dot(&y) * lengths.mapv(share))))
}

/// The upper triangle `r` with `rᵀ r = rowsᵀ rows`; rows themselves where they
/// are fewer than columns.
fn triangle(rows: Array2<f64>) -> Option<Array2<f64>> {
    if !rows.iter().all(|cell| cell.is_finite()) {
        return None;
    }
    match rows.nrows() > rows.ncols() {
        true => rows.qr_into().ok().map(|factors| factors.into_r()),
        false => Some(rows),
    }
}

/// Left vectors as rows, singular values, right vectors as columns. None where a
/// cell is not finite: the search for singular values would not end.
fn singular(matrix: ArrayView2<'_, f64>) -> Option<(Array2<f64>, Array1<f64>, Array2<f64>)> {
    let largest = matrix.fold(f64::MIN_POSITIVE, |most: f64, cell| most.max(cell.abs()));
    // In a unit in which no square overflows.
    let scaled = &matrix / largest;
    if !scaled.iter().all(|cell| cell.is_finite()) {
        return None;
    }
    let (left, lengths, right) = scaled.svd_into(true, true).ok()?;
    Some((
        left?.reversed_axes(),
        lengths * largest,
        right?.reversed_axes(),
    ))
}
