//! Sums over rows on all threads, the same bit for bit on any number of them.

use std::ops::Range;

use ndarray::parallel::prelude::*;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, Slice};

/// How many rows are taken at once: enough that handing them over costs
/// nothing, few enough that a hundred columns of them stay in a core's cache.
const ROWS: usize = 1024;

/// What `of` makes of at most 1024 rows at a time, put together by `join` in the
/// order of rows. Where rows are cut follows from their number alone, and so
/// does each rounding. At most one result for each thread and halving is held.
pub(crate) fn fold<T: Send>(
    n_rows: usize,
    of: &(impl Fn(Range<usize>) -> T + Sync),
    join: &(impl Fn(T, T) -> T + Sync),
) -> T {
    fold_within(0..n_rows, of, join)
}

/// Fills `out` by what `of` writes for the same rows of `x`, at most 1024 at a
/// time; a few rows do not leave the thread.
pub(crate) fn fill(
    x: ArrayView2<'_, f64>,
    out: &mut Array2<f64>,
    of: impl Fn(ArrayView2<'_, f64>, ArrayViewMut2<'_, f64>) + Sync,
) {
    if x.nrows() <= ROWS {
        return of(x, out.view_mut());
    }
    let pieces = x.axis_chunks_iter(Axis(0), ROWS).into_par_iter();
    let filled = pieces.zip(out.axis_chunks_iter_mut(Axis(0), ROWS));
    filled.for_each(|(x, out)| of(x, out));
}

/// These rows of `x`.
pub(crate) fn within(x: ArrayView2<'_, f64>, rows: Range<usize>) -> ArrayView2<'_, f64> {
    x.slice_axis_move(Axis(0), Slice::from(rows))
}

fn fold_within<T: Send>(
    rows: Range<usize>,
    of: &(impl Fn(Range<usize>) -> T + Sync),
    join: &(impl Fn(T, T) -> T + Sync),
) -> T {
    if rows.len() <= ROWS {
        return of(rows);
    }
    let pieces = rows.len().div_ceil(ROWS);
    let middle = rows.start + pieces / 2 * ROWS;
    let (first, second) = rayon::join(
        || fold_within(rows.start..middle, of, join),
        || fold_within(middle..rows.end, of, join),
    );
    join(first, second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_is_taken_once_and_in_order() {
        for n_rows in [0, 1, ROWS - 1, ROWS, ROWS + 1, 7 * ROWS + 3] {
            let rows = fold(n_rows, &|rows| rows.collect::<Vec<_>>(), &|mut a, b| {
                a.extend(b);
                a
            });
            assert!(rows.into_iter().eq(0..n_rows));
        }
    }

    #[test]
    fn threads_do_not_change_a_bit() {
        let term = |row: usize| 1.0 / (row as f64 + 0.3);
        let sum = || fold(50_000, &|rows| rows.map(term).sum::<f64>(), &|a, b| a + b);
        let on = |n| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n).build();
            pool.unwrap().install(sum).to_bits()
        };
        assert_eq!(on(1), on(3));
    }
}
