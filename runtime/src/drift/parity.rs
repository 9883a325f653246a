//! The same figures as Evidently's and SciPy's; `runtime/tests/parity/drift.py`
//! says how the data was made.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Data {
    numbers: Vec<Given<f64>>,
    categories: Vec<Given<String>>,
    large: Vec<Made>,
    tails: Vec<Tail>,
}

#[derive(Deserialize)]
struct Given<T> {
    reference: Vec<T>,
    current: Vec<T>,
    usual: Test,
    scores: BTreeMap<String, (f64, bool)>,
}

#[derive(Deserialize)]
struct Made {
    make: (usize, usize, f64, f64),
    usual: Test,
    scores: BTreeMap<String, (f64, bool)>,
}

#[derive(Deserialize)]
struct Tail {
    n: f64,
    x: f64,
    p: f64,
}

fn data() -> Data {
    serde_json::from_str(include_str!("../../tests/parity/data/drift.json")).unwrap()
}

#[track_caller]
fn check(
    reference: &Column,
    current: &Column,
    usual: Test,
    scores: &BTreeMap<String, (f64, bool)>,
) {
    assert_eq!(Test::usual(reference, current), usual);
    for (name, (score, drifted)) in scores {
        let test = Test::by_name(name).unwrap();
        let found = test.run(reference, current, None).unwrap();
        let apart = (found.score - score).abs();
        assert!(
            apart <= 1e-9 * score.abs().max(1.0),
            "{name}: {} {score}",
            found.score
        );
        assert_eq!(found.drifted, *drifted, "{name}");
    }
}

#[test]
fn numbers() {
    for case in data().numbers {
        let [reference, current] = [case.reference, case.current].map(Column::numbers);
        check(&reference, &current, case.usual, &case.scores);
    }
}

#[test]
fn categories() {
    let column = |words: Vec<String>| Column::words(words.iter().map(|word| Some(word.as_str())));
    for case in data().categories {
        let [reference, current] = [case.reference, case.current].map(column);
        check(&reference, &current, case.usual, &case.scores);
    }
}

#[test]
fn large_samples() {
    let spread = |n: usize, scale: f64, shift: f64| {
        Column::numbers(
            (0..n).map(move |i| (i as f64 * 0.618_033_988_749_894_9) % 1.0 * scale + shift),
        )
    };
    for case in data().large {
        let (n, m, scale, shift) = case.make;
        check(
            &spread(n, 1.0, 0.0),
            &spread(m, scale, shift),
            case.usual,
            &case.scores,
        );
    }
}

#[test]
fn the_tail_of_kolmogorovs_distribution() {
    for Tail { n, x, p } in data().tails {
        let found = kolmogorov::upper_tail(n, x);
        assert!((found - p).abs() <= 1e-10, "n {n}, x {x}: {found} {p}");
    }
}
