//! Times single-row predictions of an imported model.
//!
//! `cargo run --release -p cutline-runtime --example time_import -- DOCUMENT`
//!
//! DOCUMENT is what `cutline import-model` writes; its inputs are numbers.

#![allow(clippy::print_stdout, reason = "an example prints its result")]

use std::hint::black_box;
use std::time::Instant;

use cutline_runtime::import::{Cell, Imported};

const N_ROWS: usize = 20_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args()
        .nth(1)
        .ok_or("usage: time_import DOCUMENT")?;
    let start = Instant::now();
    let imported = Imported::read(&std::fs::read(path)?)?;
    println!("read in {:.1?}", start.elapsed());
    let width = imported.inputs().len();
    // Weyl's sequence: spread over the range, and the same on every machine.
    let spread = |index: usize| (index as f64 * 0.618_033_988_749_895).fract() * 4.0 - 2.0;
    let cells: Vec<Cell<'_>> = (0..N_ROWS * width)
        .map(|index| Cell::Number(spread(index)))
        .collect();
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let start = Instant::now();
        for row in cells.chunks_exact(width) {
            black_box(imported.predict([row]).map_err(|(_, error)| error)?);
        }
        best = best.min(start.elapsed().as_secs_f64());
    }
    println!(
        "{:.2} µs for a row of {width}, the best of 5 rounds of {N_ROWS}",
        best / N_ROWS as f64 * 1e6
    );
    Ok(())
}
