//! Where centres start: at rows, drawn by a seeded generator.

use std::ops::Range;

use ndarray::{Array1, Array2, Axis};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::RngCore;

use super::super::rows::fold;
use super::lloyd::Rows;

/// The first row is drawn by weight, each further one by weight times the square
/// of its distance to the nearest before it; of `2 + ln k` draws the one that
/// leaves rows nearest to centres is taken (Arthur and Vassilvitskii 2007, and
/// their remark on greedy choice, which scikit-learn follows).
pub(super) fn far_apart(rows: &Rows<'_>, k: usize, rng: &mut ChaCha8Rng) -> Array2<f64> {
    let trials = 2 + (k as f64).ln() as usize;
    let mut centers = Array2::zeros((0, rows.x.ncols()));
    let first = draw(&weights(rows), rng);
    let mut nearest = distances(rows, first);
    push(&mut centers, rows.row(first));
    while centers.nrows() < k {
        let odds = weights(rows) * &nearest;
        let candidates = (0..trials).map(|_| {
            let row = draw(&odds, rng);
            let mut left = distances(rows, row);
            left.zip_mut_with(&nearest, |own, before| *own = own.min(*before));
            let sum = (weights(rows) * &left).sum();
            (row, left, sum)
        });
        // Never none: there is at least one trial.
        let best = candidates.reduce(|best, other| if other.2 < best.2 { other } else { best });
        let Some((row, left, _)) = best else { break };
        push(&mut centers, rows.row(row));
        nearest = left;
    }
    centers
}

/// Different rows, as likely as their weights.
pub(super) fn drawn(rows: &Rows<'_>, k: usize, rng: &mut ChaCha8Rng) -> Array2<f64> {
    let mut odds = weights(rows);
    let mut centers = Array2::zeros((0, rows.x.ncols()));
    for _ in 0..k {
        let row = draw(&odds, rng);
        odds[row] = 0.0;
        push(&mut centers, rows.row(row));
    }
    centers
}

/// A place, as likely as its share of the odds; where all odds are 0, any.
fn draw(odds: &Array1<f64>, rng: &mut ChaCha8Rng) -> usize {
    // 53 bits: a double from 0 to below 1.
    let uniform = (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    let total = odds.sum();
    if !(total > 0.0 && total.is_finite()) {
        return (uniform * odds.len() as f64) as usize;
    }
    let mut left = uniform * total;
    let mut last = 0;
    for (place, share) in odds.iter().enumerate().filter(|(_, share)| **share > 0.0) {
        last = place;
        left -= share;
        if left < 0.0 {
            break;
        }
    }
    last
}

fn distances(rows: &Rows<'_>, from: usize) -> Array1<f64> {
    let center = rows.row(from);
    let of = |range: Range<usize>| {
        let apart = rows.block(range) - &center;
        apart
            .rows()
            .into_iter()
            .map(|row| row.dot(&row))
            .collect::<Vec<_>>()
    };
    fold(rows.x.nrows(), &of, &|mut a, b| {
        a.extend(b);
        a
    })
    .into()
}

fn weights(rows: &Rows<'_>) -> Array1<f64> {
    let one = || Array1::ones(rows.x.nrows());
    rows.weights.map_or_else(one, |weights| weights.to_owned())
}

fn push(centers: &mut Array2<f64>, row: Array1<f64>) {
    let pushed = centers.push(Axis(0), row.view());
    debug_assert!(pushed.is_ok(), "rows are as long as centres");
}
