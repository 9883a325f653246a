//! Rows asked in blocks: a tree that is in the cache answers for a whole block,
//! and blocks are answered by as many threads as there are.

use ndarray::{ArrayView2, Axis};
use rayon::prelude::*;

/// How many rows a tree answers for before the next tree is asked.
const BLOCK: usize = 64;

/// Of every row `n_said` numbers, which `say` adds to zeros. It is given the
/// rows of a block, one after the other, with every cell changed by `cell`.
pub(super) fn ask(
    x: ArrayView2<'_, f64>,
    n_said: usize,
    cell: impl Fn(f64) -> f64 + Sync,
    say: impl Fn(&[f64], &mut [f64]) + Sync,
) -> Vec<f64> {
    let mut said = vec![0.0; x.nrows() * n_said];
    let block = |(rows, said): (ArrayView2<'_, f64>, &mut [f64])| {
        let cells: Vec<f64> = rows.iter().map(|value| cell(*value)).collect();
        say(&cells, said);
    };
    if x.nrows() <= BLOCK {
        block((x, &mut said));
        return said;
    }
    let n_blocks = x.nrows().div_ceil(BLOCK);
    let blocks = (0..n_blocks).into_par_iter().map(|at| {
        let end = ((at + 1) * BLOCK).min(x.nrows());
        x.slice_axis(Axis(0), (at * BLOCK..end).into())
    });
    blocks
        .zip(said.par_chunks_mut(BLOCK * n_said))
        .for_each(block);
    said
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    #[test]
    fn every_row_is_answered_for_in_its_place() {
        for n in [0, 1, BLOCK, BLOCK + 1, 5 * BLOCK - 1] {
            let x = Array2::from_shape_fn((n, 2), |(row, column)| (row * 2 + column) as f64);
            let said = ask(
                x.t().as_standard_layout().t(),
                1,
                |cell| -cell,
                |rows, said| {
                    for (row, said) in rows.chunks(2).zip(said) {
                        *said += row[0] + row[1];
                    }
                },
            );
            let expected: Vec<f64> = (0..n).map(|row| -(row as f64 * 4.0 + 1.0)).collect();
            assert_eq!(said, expected);
        }
    }
}
