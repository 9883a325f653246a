//! Times a preparation: one row as served, and a table to scale.
//!
//! `cargo run --release -p cutline-runtime --example prepare_rows`
//!
//! The row is prepared as the Flask fixture's customers are, with both history
//! tables joined; the table is 100,000 × 20, standardised.

#![allow(clippy::print_stdout, reason = "an example prints its result")]

use std::time::{Duration, Instant};

use cutline_runtime::transform::{Column, Frame, Preparation, RandomState, Tables, fit};

const CHURN: &str = include_str!("../tests/parity/prepare_churn.toml");

fn main() -> Result<(), Box<dyn std::error::Error>> {
    one_row()?;
    scale()
}

fn one_row() -> Result<(), Box<dyn std::error::Error>> {
    let preparation: Preparation = toml::from_str(CHURN)?;
    let (fitted, _) = fit(&preparation, customers(2_000)?, history(2_000)?)?;
    let sides = fitted.ready(history(2_000)?)?;
    let row = customers(2_000)?.take(&[1_234])?;
    let best = best_of(2_000, || {
        let applied = fitted.apply(&row, &sides)?;
        Ok(fitted.matrix(&applied.frame)?.len())
    })?;
    println!("one row, {} features: {best:?}", fitted.features().len());
    Ok(())
}

fn scale() -> Result<(), Box<dyn std::error::Error>> {
    let (n_rows, n_columns) = (100_000, 20);
    let mut random = RandomState::new(7);
    let names: Vec<String> = (0..n_columns).map(|number| format!("x{number}")).collect();
    let mut frame = Frame::new(n_rows);
    for name in &names {
        let values = (0..n_rows).map(|_| random.standard_normal()).collect();
        frame = frame.with(name, Column::floats(values))?;
    }
    let step = format!("[[step]]\nkind = 'scale'\ncolumns = {names:?}");
    let preparation: Preparation = toml::from_str(&step)?;
    let best = best_of(20, || {
        let (fitted, applied) = fit(&preparation, frame.clone(), Tables::new())?;
        Ok(fitted.matrix(&applied.frame)?.len())
    })?;
    println!("scale {n_rows} × {n_columns}, fit and matrix: {best:?}");
    Ok(())
}

fn customers(n: usize) -> Result<Frame, Box<dyn std::error::Error>> {
    let mut random = RandomState::new(1);
    let mut between = |low: f64, high: f64| -> Column {
        Column::floats(
            (0..n)
                .map(|_| low + (high - low) * random.random_sample())
                .collect(),
        )
    };
    let choice = |of: &[&'static str]| Column::texts((0..n).map(|row| Some(of[row % of.len()])));
    Ok(Frame::new(n)
        .with("customer_id", ids(n))?
        .with("signup_date", choice(&["2023-01-05", "2024-02-29"]))?
        .with("age", between(18.0, 90.0))?
        .with("plan", choice(&["basic", "standard", "premium"]))?
        .with("region", choice(&["north", "south", "east", "west"]))?
        .with("tenure_months", between(0.0, 60.0))?
        .with("monthly_charges", between(10.0, 90.0))?
        .with("total_charges", between(10.0, 4_000.0))?
        .with("support_tickets", between(0.0, 5.0))?
        .with(
            "churned",
            Column::ints((0..n).map(|row| Some(i64::from(row.is_multiple_of(3))))),
        )?)
}

fn history(n: usize) -> Result<Tables, Box<dyn std::error::Error>> {
    let flags = || Column::ints((0..n).map(|row| Some(i64::from(row.is_multiple_of(7)))));
    let minutes = Column::floats((0..n).map(|row| row as f64 / 10.0).collect());
    let calls = Frame::new(n)
        .with("customer_id", ids(n))?
        .with("minutes", minutes)?;
    let payments = Frame::new(n).with("customer_id", ids(n))?;
    Ok(Tables::from([
        ("calls".to_owned(), calls.with("dropped", flags())?),
        ("payments".to_owned(), payments.with("late", flags())?),
    ]))
}

fn ids(n: usize) -> Column {
    Column::ints((0..n as i64).map(Some))
}

/// The shortest of `n` runs.
fn best_of<T>(
    n: usize,
    mut run: impl FnMut() -> Result<T, Box<dyn std::error::Error>>,
) -> Result<Duration, Box<dyn std::error::Error>> {
    let mut best = Duration::MAX;
    for _ in 0..n {
        let start = Instant::now();
        std::hint::black_box(run()?);
        best = best.min(start.elapsed());
    }
    Ok(best)
}
