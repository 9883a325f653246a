//! For each bin of each feature, what its rows come to.

use rayon::prelude::*;

use super::bins::Binned;

/// With fewer rows times features it does not pay to share the work.
const ALONE: usize = 1 << 15;

/// Bins of one feature: those of values, and that of what is missing.
pub(super) const BINS: usize = 256;

/// What the rows of a bin come to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sum {
    pub(super) gradient: f64,
    pub(super) hessian: f64,
    pub(super) n: u32,
}

/// The sums of a node, `BINS` for each feature.
pub(super) type Histogram = Vec<Sum>;

/// Gradients and hessians of a loss, one for each row, in single precision as
/// scikit-learn holds them. Without hessians each is one.
#[derive(Clone, Debug)]
pub(super) struct Slopes {
    pub(super) gradients: Vec<f32>,
    pub(super) hessians: Option<Vec<f32>>,
}

impl Slopes {
    pub(super) fn new(n_rows: usize, constant: bool) -> Self {
        Slopes {
            gradients: vec![0.0; n_rows],
            hessians: (!constant).then(|| vec![0.0; n_rows]),
        }
    }

    /// Those of all rows together.
    pub(super) fn sum(&self) -> (f64, f64) {
        let sum = |slopes: &[f32]| slopes.iter().map(|slope| f64::from(*slope)).sum();
        let n_rows = self.gradients.len() as f64;
        let hessian = self.hessians.as_deref().map_or(n_rows, sum);
        (sum(&self.gradients), hessian)
    }

    /// Those of these rows, in their order, put into `found`.
    fn of(&self, rows: &[u32], found: &mut Slopes) {
        let of = |slopes: &[f32], found: &mut Vec<f32>| {
            found.clear();
            found.extend(rows.iter().map(|row| slopes[*row as usize]));
        };
        of(&self.gradients, &mut found.gradients);
        if let (Some(slopes), Some(found)) = (&self.hessians, &mut found.hessians) {
            of(slopes, found);
        }
    }
}

/// Sums over rows, feature by feature, each in the order of the rows: threads
/// do not change a bit. `ordered` is room to work in.
pub(super) fn sum(
    binned: &Binned,
    slopes: &Slopes,
    rows: &[u32],
    ordered: &mut Slopes,
    histogram: &mut Histogram,
) {
    slopes.of(rows, ordered);
    histogram.clear();
    histogram.resize(binned.n_features() * BINS, Sum::default());
    let feature = |(feature, sums): (usize, &mut [Sum])| {
        sum_feature(binned.column(feature), rows, ordered, sums);
    };
    match rows.len() * binned.n_features() < ALONE {
        true => histogram.chunks_mut(BINS).enumerate().for_each(feature),
        false => histogram.par_chunks_mut(BINS).enumerate().for_each(feature),
    }
}

fn sum_feature(codes: &[u8], rows: &[u32], ordered: &Slopes, sums: &mut [Sum]) {
    let Some(sums) = sums.first_chunk_mut::<BINS>() else {
        return;
    };
    let items = rows.iter().zip(&ordered.gradients);
    match &ordered.hessians {
        Some(hessians) => {
            for ((row, gradient), hessian) in items.zip(hessians) {
                let sum = &mut sums[usize::from(codes[*row as usize])];
                sum.gradient += f64::from(*gradient);
                sum.hessian += f64::from(*hessian);
                sum.n += 1;
            }
        }
        None => {
            for (row, gradient) in items {
                let sum = &mut sums[usize::from(codes[*row as usize])];
                sum.gradient += f64::from(*gradient);
                sum.n += 1;
            }
            for sum in sums {
                sum.hessian = f64::from(sum.n);
            }
        }
    }
}

/// Makes a node's histogram that of one child, by taking the other child away.
pub(super) fn subtract(node: &mut [Sum], child: &[Sum]) {
    for (sum, taken) in node.iter_mut().zip(child) {
        sum.gradient -= taken.gradient;
        sum.hessian -= taken.hessian;
        sum.n -= taken.n;
    }
}
