//! Systems of linear equations, small ones: a row and column for each feature.

use linfa_linalg::cholesky::CholeskyInplace;
use linfa_linalg::triangular::{SolveTriangularInplace, UPLO};
use ndarray::{Array1, Array2, ArrayView1, Axis};

/// Solves `matrix · x = right` for a symmetric, positive definite matrix by its
/// Cholesky factor. None where the matrix is not positive definite, or where a
/// pivot falls below `rank` of its diagonal element: rounding, then, is about to
/// take over.
pub(super) fn cholesky(
    mut matrix: Array2<f64>,
    right: ArrayView1<'_, f64>,
    rank: f64,
) -> Option<Array1<f64>> {
    let diagonal = matrix.diag().to_owned();
    matrix.cholesky_inplace_dirty().ok()?;
    let mut pivots = matrix.diag().into_iter().zip(&diagonal);
    if !pivots.all(|(pivot, element)| pivot * pivot > rank * element) {
        return None;
    }
    let mut solution = right.to_owned().insert_axis(Axis(1));
    matrix
        .solve_triangular_inplace(&mut solution, UPLO::Lower)
        .ok()?;
    let upper = matrix.t();
    upper
        .solve_triangular_inplace(&mut solution, UPLO::Upper)
        .ok()?;
    let solution = solution.remove_axis(Axis(1));
    solution.iter().all(|x| x.is_finite()).then_some(solution)
}

/// The same for a matrix that may be singular to rounding: as much of its
/// diagonal is added as it needs (Levenberg 1944). None if no amount helps.
pub(super) fn damped(matrix: &Array2<f64>, right: ArrayView1<'_, f64>) -> Option<Array1<f64>> {
    let floor = matrix.diag().mean().unwrap_or(0.0) * f64::EPSILON;
    let doublings = [0.0, 1e-14, 1e-11, 1e-8, 1e-5, 1e-2, 1.0];
    doublings.into_iter().find_map(|damping| {
        let mut damped = matrix.clone();
        if damping > 0.0 {
            damped
                .diag_mut()
                .mapv_inplace(|d| d + damping * d.max(floor));
        }
        cholesky(damped, right, 0.0)
    })
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn a_system_is_solved() {
        let matrix = array![[4.0, 2.0], [2.0, 3.0]];
        let solution = cholesky(matrix.clone(), array![8.0, 8.0].view(), 0.0).unwrap();
        assert!(
            (solution - array![1.0, 2.0])
                .iter()
                .all(|d| d.abs() < 1e-15)
        );
    }

    #[test]
    fn a_singular_matrix_is_told_and_can_be_damped() {
        let matrix = array![[1.0, 1.0], [1.0, 1.0]];
        let right = array![2.0, 2.0];
        assert_eq!(cholesky(matrix.clone(), right.view(), 1e-12), None);
        let solution = damped(&matrix, right.view()).unwrap();
        assert!(
            (matrix.dot(&solution) - right)
                .iter()
                .all(|d| d.abs() < 1e-6)
        );
        assert_eq!(damped(&array![[f64::NAN]], array![1.0].view()), None);
    }
}
