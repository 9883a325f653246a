//! Lloyd's algorithm (1982, "Least squares quantization in PCM"): rows go to
//! their nearest centre, centres to the mean of their rows, until both stay. How
//! it stops, and where a centre without rows goes, is as in scikit-learn's
//! `_kmeans_single_lloyd`.

use std::ops::Range;

use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, Zip};

use super::super::TrainingSet;
use super::super::rows::{fold, within};

/// Rows and their weights, with the means they are seen from: far from 0, small
/// distances would be lost in rounding.
pub(super) struct Rows<'a> {
    pub(super) x: ArrayView2<'a, f64>,
    pub(super) weights: Option<ArrayView1<'a, f64>>,
    pub(super) means: Array1<f64>,
}

/// Where centres came to rest.
pub(super) struct Settled {
    pub(super) centers: Array2<f64>,
    pub(super) inertia: f64,
    /// The squares of their last moves.
    pub(super) moved: f64,
}

/// Rows gone to their nearest centres.
struct Assigned {
    codes: Vec<u32>,
    sums: Array2<f64>,
    counts: Array1<f64>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(data: &TrainingSet<'a>) -> Rows<'a> {
        let x = data.x();
        let sums = |rows| within(x, rows).sum_axis(Axis(0));
        let means = fold(x.nrows(), &sums, &|a, b| a + b) / x.nrows() as f64;
        Rows {
            x,
            weights: data.weights(),
            means,
        }
    }

    /// These rows, seen from the means.
    pub(super) fn block(&self, rows: Range<usize>) -> Array2<f64> {
        &within(self.x.reborrow(), rows) - &self.means
    }

    pub(super) fn row(&self, row: usize) -> Array1<f64> {
        &self.x.row(row) - &self.means
    }

    pub(super) fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[row])
    }

    /// The mean of the columns' variances.
    pub(super) fn variance(&self) -> f64 {
        let squares = |rows| self.block(rows).iter().map(|cell| cell * cell).sum::<f64>();
        fold(self.x.nrows(), &squares, &|a, b| a + b) / self.x.len() as f64
    }

    fn assign(&self, centers: &Array2<f64>) -> Assigned {
        let of = |rows: Range<usize>| {
            let block = self.block(rows.clone());
            let codes = nearest(&block, centers);
            let mut sums = Array2::zeros(centers.dim());
            let mut counts = Array1::zeros(centers.nrows());
            for ((row, cells), code) in rows.zip(block.rows()).zip(&codes) {
                let weight = self.weight(row);
                sums.row_mut(*code as usize).scaled_add(weight, &cells);
                counts[*code as usize] += weight;
            }
            Assigned {
                codes,
                sums,
                counts,
            }
        };
        fold(self.x.nrows(), &of, &|mut a, b| {
            a.codes.extend(b.codes);
            a.sums += &b.sums;
            a.counts += &b.counts;
            a
        })
    }

    /// For each row the square of its distance to the centre of its code.
    fn distances(&self, centers: &Array2<f64>, codes: &[u32]) -> Vec<f64> {
        let of = |rows: Range<usize>| {
            let block = self.block(rows.clone());
            let apart = |(cells, code): (ArrayView1<'_, f64>, &u32)| {
                let apart = &cells - &centers.row(*code as usize);
                apart.dot(&apart)
            };
            block
                .rows()
                .into_iter()
                .zip(&codes[rows])
                .map(apart)
                .collect::<Vec<_>>()
        };
        fold(self.x.nrows(), &of, &|mut a, b| {
            a.extend(b);
            a
        })
    }
}

/// Moves centres until no row changes its centre or they move by `still`.
pub(super) fn settle(rows: &Rows<'_>, start: Array2<f64>, still: f64, max_iter: usize) -> Settled {
    let mut centers = start;
    let mut codes = Vec::new();
    let (mut moved, mut same) = (f64::INFINITY, false);
    for _ in 0..max_iter {
        let mut assigned = rows.assign(&centers);
        fill_empty(rows, &centers, &mut assigned);
        let next = means(&centers, &assigned);
        moved = (&next - &centers).iter().map(|step| step * step).sum();
        centers = next;
        same = assigned.codes == codes;
        codes = assigned.codes;
        if same || moved <= still {
            break;
        }
    }
    if same {
        moved = 0.0;
    } else {
        codes = rows.assign(&centers).codes;
    }
    let distances = rows.distances(&centers, &codes).into_iter().enumerate();
    let inertia = distances
        .map(|(row, distance)| distance * rows.weight(row))
        .sum();
    Settled {
        centers,
        inertia,
        moved,
    }
}

/// For each row its nearest centre, the first of equals. The square of the row
/// itself is the same for all centres and left out.
pub(super) fn nearest(block: &Array2<f64>, centers: &Array2<f64>) -> Vec<u32> {
    let squares: Array1<f64> = centers.rows().into_iter().map(|c| c.dot(&c)).collect();
    let mut distances = Array2::zeros((block.nrows(), centers.nrows()));
    distances += &squares;
    general_mat_mul(-2.0, block, &centers.t(), 1.0, &mut distances);
    let code = |row: ArrayView1<'_, f64>| {
        let mut best = (0, f64::INFINITY);
        for (code, distance) in row.iter().enumerate() {
            if *distance < best.1 {
                best = (code as u32, *distance);
            }
        }
        best.0
    };
    distances.rows().into_iter().map(code).collect()
}

/// Gives each centre without rows the row that is farthest from its own.
fn fill_empty(rows: &Rows<'_>, centers: &Array2<f64>, assigned: &mut Assigned) {
    let counts = assigned.counts.iter().enumerate();
    let empty: Vec<usize> = counts
        .filter(|(_, count)| **count == 0.0)
        .map(|(c, _)| c)
        .collect();
    if empty.is_empty() {
        return;
    }
    let distances = rows.distances(centers, &assigned.codes);
    let mut farthest: Vec<usize> = (0..distances.len()).collect();
    farthest.sort_by(|a, b| distances[*b].total_cmp(&distances[*a]));
    for (empty, row) in empty.into_iter().zip(farthest) {
        let (old, weight, cells) = (
            assigned.codes[row] as usize,
            rows.weight(row),
            rows.row(row),
        );
        assigned.sums.row_mut(old).scaled_add(-weight, &cells);
        assigned.counts[old] -= weight;
        assigned.sums.row_mut(empty).assign(&(cells * weight));
        assigned.counts[empty] = weight;
    }
}

/// The means of rows; a centre that none counts for stays.
fn means(centers: &Array2<f64>, assigned: &Assigned) -> Array2<f64> {
    let mut means = assigned.sums.clone();
    Zip::from(means.rows_mut())
        .and(&assigned.counts)
        .and(centers.rows())
        .for_each(|mut mean, count, center| match *count > 0.0 {
            true => mean /= *count,
            false => mean.assign(&center),
        });
    means
}
