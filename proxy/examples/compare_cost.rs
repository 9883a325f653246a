//! Measures what one comparison takes: `cargo run --release -p cutline-proxy
//! --example compare_cost`.
//!
//! Each line is the median of 21 rounds, in microseconds of one thread.

#![allow(clippy::print_stdout, reason = "it prints what it measured")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cutline_proxy::compare::{Path, Rules, Tolerance, compare};
use cutline_proxy::outcome::{Captured, Outcome, Reply};
use cutline_proxy::route::Side;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};

const ROUNDS: usize = 21;
const TIMES: u32 = 2_000;

fn main() {
    let small = answer(2, 0.0, false);
    let large = answer(28, 0.0, false);
    let exact = Rules::default();
    println!("{:<52} {:>7} {:>9}", "pair", "bytes", "µs");
    for (size, text, n_rows) in [("small", &small, 2), ("large", &large, 28)] {
        let spaced = answer(n_rows, 0.0, true);
        let off = answer(n_rows, 1e-9, false);
        line(&format!("{size}: the same bytes"), text, text, &exact);
        line(&format!("{size}: other white space"), text, &spaced, &exact);
        line(
            &format!("{size}: within a tolerance by path"),
            text,
            &off,
            &tolerant(),
        );
        line(
            &format!("{size}: labels and scores, the same bytes"),
            text,
            text,
            &predicting(),
        );
        line(&format!("{size}: every score differs"), text, &off, &exact);
    }
}

fn tolerant() -> Rules {
    let mut rules = Rules::default();
    let tolerance = Tolerance {
        abs: 1e-6,
        ..Tolerance::default()
    };
    rules.tolerate(&path("/customers/*/score"), tolerance);
    rules
}

fn predicting() -> Rules {
    let mut rules = Rules::default();
    rules.label(&path("/customers/*/label"));
    rules.score(&path("/customers/*/score"));
    rules
}

fn path(text: &str) -> Path {
    Path::parse(text).unwrap_or_default()
}

/// A prediction for so many customers.
fn answer(n_rows: u32, off: f64, spaced: bool) -> String {
    let rows = (0..n_rows).map(|row| {
        let score = 0.5 + f64::from(row) / 64.0 + off;
        format!(
            r#"{{"id":{},"label":"churn","score":{score},"why":"tenure"}}"#,
            10_233 + row
        )
    });
    let rows: Vec<_> = rows.collect();
    let gap = if spaced { " " } else { "" };
    let customers = rows.join(&format!(",{gap}"));
    format!(r#"{{"model":"churn-2026-11",{gap}"version":7,"customers":[{customers}],"ok":true}}"#)
}

fn outcome(side: Side, text: &str) -> Outcome {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Outcome {
        side,
        to_head: Duration::from_millis(1),
        result: Ok(Reply {
            status: StatusCode::OK,
            headers,
            body: Captured::Whole(vec![Bytes::copy_from_slice(text.as_bytes())]),
        }),
    }
}

fn line(name: &str, control: &str, candidate: &str, rules: &Rules) {
    let bytes = control.len();
    let (control, candidate) = (
        outcome(Side::Monolith, control),
        outcome(Side::Candidate, candidate),
    );
    let mut rounds: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..TIMES {
                black_box(compare(black_box(&control), black_box(&candidate), rules));
            }
            start.elapsed() / TIMES
        })
        .collect();
    rounds.sort();
    let median = rounds[ROUNDS / 2].as_secs_f64() * 1e6;
    println!("{name:<52} {bytes:>7} {median:>9.2}");
}
