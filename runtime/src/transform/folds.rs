//! Folds for cross-validation: `KFold` and `StratifiedKFold` of scikit-learn
//! 1.5 (`sklearn/model_selection/_split.py`), the same rows for the same seed.

use super::random_state::RandomState;
use super::split::{Parts, SplitError, n_classes, rows_by_class};

/// `k` folds of `n` rows, in order, or shuffled where there is a seed. Rows
/// within a part are in order.
pub fn k_fold(n: usize, k: usize, seed: Option<u32>) -> Result<Vec<Parts>, SplitError> {
    if k < 2 || k > n {
        return Err(SplitError::Folds { k, n });
    }
    let mut rows: Vec<usize> = (0..n).collect();
    if let Some(seed) = seed {
        RandomState::new(seed).shuffle(&mut rows);
    }
    let mut fold_of = vec![0; n];
    let mut rows = rows.into_iter();
    for fold in 0..k {
        let size = n / k + usize::from(fold < n % k);
        rows.by_ref().take(size).for_each(|row| fold_of[row] = fold);
    }
    Ok(parts(&fold_of, k))
}

/// `k` folds, each with every class about as often. `classes` are numbers from
/// 0.
pub fn stratified_k_fold(
    classes: &[usize],
    k: usize,
    seed: Option<u32>,
) -> Result<Vec<Parts>, SplitError> {
    let classes = by_appearance(classes);
    let rows_of = rows_by_class(&classes);
    let largest = rows_of.iter().map(Vec::len).max().unwrap_or(0);
    if k < 2 || k > largest {
        return Err(SplitError::Folds { k, n: largest });
    }
    let mut random = seed.map(RandomState::new);
    let sorted: Vec<usize> = rows_of
        .iter()
        .enumerate()
        .flat_map(|(class, rows)| vec![class; rows.len()])
        .collect();
    let mut fold_of = vec![0; classes.len()];
    for (class, rows) in rows_of.iter().enumerate() {
        let allotted = |fold| {
            sorted
                .iter()
                .skip(fold)
                .step_by(k)
                .filter(|other| **other == class)
                .count()
        };
        let mut folds: Vec<usize> = (0..k).flat_map(|fold| vec![fold; allotted(fold)]).collect();
        if let Some(random) = &mut random {
            random.shuffle(&mut folds);
        }
        rows.iter()
            .zip(folds)
            .for_each(|(row, fold)| fold_of[*row] = fold);
    }
    Ok(parts(&fold_of, k))
}

/// Classes numbered in the order in which they first appear.
fn by_appearance(classes: &[usize]) -> Vec<usize> {
    let mut numbers = vec![None; n_classes(classes)];
    let mut next = 0;
    let number = |class: &usize| {
        *numbers[*class].get_or_insert_with(|| {
            next += 1;
            next - 1
        })
    };
    classes.iter().map(number).collect()
}

fn parts(fold_of: &[usize], k: usize) -> Vec<Parts> {
    let part = |fold| {
        let (test, train) = (0..fold_of.len()).partition(|row| fold_of[*row] == fold);
        Parts { train, test }
    };
    (0..k).map(part).collect()
}
