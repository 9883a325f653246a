//! Against `tests/parity/transform.py`'s data: the same rows in the same order.

use proptest::prelude::*;
use serde::Deserialize;

use super::super::folds::{k_fold, stratified_k_fold};
use super::*;

#[derive(Deserialize)]
struct Data {
    random: Numbers,
    small: Vec<Small>,
    large: Vec<Large>,
}

#[derive(Deserialize)]
struct Numbers {
    seeds: std::collections::BTreeMap<u32, Drawn>,
    key_123: Vec<f64>,
}

#[derive(Deserialize)]
struct Drawn {
    samples: Vec<f64>,
    normal: Vec<f64>,
    permutation: Vec<usize>,
    choice: Vec<usize>,
    below: Vec<u64>,
    far_below: Vec<u64>,
}

#[derive(Deserialize)]
struct Small {
    n: usize,
    seed: u32,
    test: f64,
    labels: Vec<i64>,
    groups: Vec<i64>,
    random: [Vec<usize>; 2],
    ordered: [Vec<usize>; 2],
    stratified: [Vec<usize>; 2],
    stratified_counts: [Vec<usize>; 2],
    grouped: [Vec<usize>; 2],
    folds: Vec<Vec<usize>>,
    plain_folds: Vec<Vec<usize>>,
    stratified_folds: Vec<Vec<usize>>,
    plain_stratified_folds: Vec<Vec<usize>>,
}

#[derive(Deserialize)]
struct Large {
    n: usize,
    seed: u32,
    random: [String; 2],
    stratified: [String; 2],
}

fn data() -> Data {
    let text = include_str!("../../../tests/parity/data/transform_splits.json");
    serde_json::from_str(text).unwrap()
}

fn split(by: By, column: Option<&str>, seed: u32) -> Split {
    Split {
        by,
        column: column.map(str::to_owned),
        test: Size::Share(0.25),
        train: None,
        seed,
    }
}

fn check(split: &Split, frame: &Frame, [train, test]: &[Vec<usize>; 2]) {
    let parts = split.rows(frame).unwrap();
    assert_eq!(parts.train, *train, "train, {split:?}");
    assert_eq!(parts.test, *test, "test, {split:?}");
}

#[test]
fn numbers_are_numpys() {
    let random = data().random;
    for (seed, drawn) in random.seeds {
        let new = || RandomState::new(seed);
        let many =
            |n: usize, draw: &mut dyn FnMut() -> f64| (0..n).map(|_| draw()).collect::<Vec<_>>();
        let mut state = new();
        assert_eq!(many(5, &mut || state.random_sample()), drawn.samples);
        let mut state = new();
        for (ours, theirs) in many(5, &mut || state.standard_normal())
            .iter()
            .zip(&drawn.normal)
        {
            assert!(
                (ours - theirs).abs() <= 1e-15 * theirs.abs(),
                "{ours} {theirs}"
            );
        }
        assert_eq!(new().permutation(23), drawn.permutation);
        assert_eq!(new().choice(50, 7), drawn.choice);
        let mut state = new();
        assert_eq!(
            (0..8).map(|_| state.interval(9)).collect::<Vec<_>>(),
            drawn.below
        );
        let mut state = new();
        let far = (1 << 40) - 1;
        assert_eq!(
            (0..8).map(|_| state.interval(far)).collect::<Vec<_>>(),
            drawn.far_below
        );
    }
    let mut state = RandomState::from_key(&[1, 2, 3]);
    let samples: Vec<f64> = (0..3).map(|_| state.random_sample()).collect();
    assert_eq!(samples, random.key_123);
}

#[test]
fn small_splits_are_scikit_learns() {
    for case in data().small {
        let frame = Frame::new(case.n)
            .with("label", Column::ints(case.labels.into_iter().map(Some)))
            .unwrap()
            .with("group", Column::ints(case.groups.into_iter().map(Some)))
            .unwrap();
        let test = Size::Share(case.test);
        let with = |by, column| Split {
            test,
            ..split(by, column, case.seed)
        };
        check(&with(By::Random, None), &frame, &case.random);
        check(&with(By::Time, None), &frame, &case.ordered);
        check(
            &with(By::Stratified, Some("label")),
            &frame,
            &case.stratified,
        );
        check(&with(By::Grouped, Some("group")), &frame, &case.grouped);
        let counts = Split {
            test: Size::Rows(5),
            train: Some(Size::Rows(case.n / 2)),
            ..split(By::Stratified, Some("label"), case.seed)
        };
        check(&counts, &frame, &case.stratified_counts);

        let labels = classes(&frame, "label").unwrap();
        let tests = |folds: Result<Vec<Parts>, SplitError>| -> Vec<Vec<usize>> {
            folds.unwrap().into_iter().map(|parts| parts.test).collect()
        };
        assert_eq!(tests(k_fold(case.n, 4, Some(case.seed))), case.folds);
        assert_eq!(tests(k_fold(case.n, 3, None)), case.plain_folds);
        assert_eq!(
            tests(stratified_k_fold(&labels, 2, Some(case.seed))),
            case.stratified_folds
        );
        assert_eq!(
            tests(stratified_k_fold(&labels, 2, None)),
            case.plain_stratified_folds
        );
    }
}

#[test]
fn large_splits_are_scikit_learns() {
    // FNV-1a over the rows, as the script has it.
    let digest = |rows: &[usize]| {
        let step = |hash: u64, row: &usize| (hash ^ *row as u64).wrapping_mul(0x100_0000_01b3);
        rows.iter().fold(0xcbf2_9ce4_8422_2325, step).to_string()
    };
    for case in data().large {
        let label = |row: usize| i64::from(row * 7919 % 97 < 11) + i64::from(row.is_multiple_of(5));
        let labels = Column::ints((0..case.n).map(|row| Some(label(row))));
        let frame = Frame::new(case.n).with("label", labels).unwrap();
        for (by, column, expected) in [
            (By::Random, None, &case.random),
            (By::Stratified, Some("label"), &case.stratified),
        ] {
            let parts = split(by, column, case.seed).rows(&frame).unwrap();
            assert_eq!(
                [digest(&parts.train), digest(&parts.test)],
                *expected,
                "{by:?} {}",
                case.n
            );
        }
    }
}

#[test]
fn the_latest_rows_are_for_the_test() {
    let times = Column::ints([Some(3), Some(1), Some(2), Some(1)]);
    let frame = Frame::new(4).with("at", times).unwrap();
    let parts = split(By::Time, Some("at"), 0).rows(&frame).unwrap();
    assert_eq!(parts.train, [1, 3, 2]);
    assert_eq!(parts.test, [0]);
}

#[test]
fn errors_say_what_is_needed() {
    let frame = Frame::new(3)
        .with("label", Column::ints([Some(0), Some(0), Some(1)]))
        .unwrap();
    let error = |split: Split| split.rows(&frame).unwrap_err().to_string();
    let stratified = split(By::Stratified, Some("label"), 0);
    assert_eq!(
        error(stratified.clone()),
        "class number 1 has 1 rows, at least 2 are needed to stratify"
    );
    assert_eq!(
        error(split(By::Grouped, None, 0)),
        "`by = \"grouped\"` needs `column`"
    );
    let share = Split {
        test: Size::Share(1.5),
        ..stratified
    };
    assert_eq!(
        error(share),
        "`test` is 1.5: write a share above 0 and below 1, or fewer than the 3 there are"
    );
}

proptest! {
    #[test]
    fn each_row_is_in_one_part(labels in prop::collection::vec(0..4i64, 0..60), test in 0.0..1.2f64, seed: u32) {
        let n = labels.len();
        let frame = Frame::new(n).with("label", Column::ints(labels.into_iter().map(Some))).unwrap();
        for by in [By::Random, By::Stratified, By::Grouped, By::Time] {
            let split = Split { test: Size::Share(test), ..split(by, Some("label"), seed) };
            if let Ok(parts) = split.rows(&frame) {
                let mut rows = [parts.train, parts.test].concat();
                rows.sort_unstable();
                prop_assert_eq!(rows, (0..n).collect::<Vec<_>>());
            }
        }
    }
}
