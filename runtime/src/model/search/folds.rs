//! Rows split in folds, as scikit-learn's `KFold` and `StratifiedKFold` split
//! them where nothing is shuffled.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use super::super::{Labels, ModelError, Target};

const KIND: &str = "cross-validation";

/// For each row its fold. Folds are equally large, within one; of labels each
/// class is spread over them alike. Fails with less than two folds, or with
/// fewer rows, or rows of a class, than folds.
pub fn folds_of(
    target: &Target,
    rows: usize,
    folds: usize,
    seed: Option<u64>,
) -> Result<Vec<usize>, ModelError> {
    if folds < 2 {
        let (key, value) = ("folds", folds.to_string());
        return Err(ModelError::Parameter {
            kind: KIND,
            key,
            value,
            expected: "at least 2",
        });
    }
    enough(rows, folds, String::new)?;
    let mut rng = seed.map(ChaCha8Rng::seed_from_u64);
    match target {
        Target::Labels(labels) => stratified(labels, folds, rng.as_mut()),
        Target::Values(_) | Target::None => {
            let mut fold_of: Vec<usize> = (0..folds)
                .flat_map(|fold| {
                    let size = rows / folds + usize::from(fold < rows % folds);
                    std::iter::repeat_n(fold, size)
                })
                .collect();
            shuffle(&mut fold_of, rng.as_mut());
            Ok(fold_of)
        }
    }
}

/// Rows sorted by class are dealt out like cards; within a class, those dealt to
/// the first fold come first.
fn stratified(
    labels: &Labels,
    folds: usize,
    mut rng: Option<&mut ChaCha8Rng>,
) -> Result<Vec<usize>, ModelError> {
    let mut fold_of = vec![0; labels.codes().len()];
    let mut dealt = 0;
    for class in by_appearance(labels) {
        let is_own = |row: &usize| labels.codes()[*row] as usize == class;
        let own: Vec<usize> = (0..fold_of.len()).filter(is_own).collect();
        enough(own.len(), folds, || {
            format!(" of class {}", labels.classes()[class])
        })?;
        let mut of_class: Vec<usize> = (dealt..dealt + own.len()).map(|n| n % folds).collect();
        of_class.sort_unstable();
        shuffle(&mut of_class, rng.as_deref_mut());
        dealt += own.len();
        for (row, fold) in own.into_iter().zip(of_class) {
            fold_of[row] = fold;
        }
    }
    Ok(fold_of)
}

/// Classes that have rows, in the order in which they are first met.
fn by_appearance(labels: &Labels) -> Vec<usize> {
    let mut met = vec![false; labels.classes().len()];
    let codes = labels.codes().iter().map(|code| *code as usize);
    codes
        .filter(|code| !std::mem::replace(&mut met[*code], true))
        .collect()
}

fn enough(found: usize, needed: usize, of: impl Fn() -> String) -> Result<(), ModelError> {
    match found >= needed {
        true => Ok(()),
        false => Err(ModelError::TooFewRows {
            kind: KIND,
            needed,
            of: of(),
            found,
        }),
    }
}

/// Fisher and Yates's shuffle; the seed, not the machine, says what comes of it.
fn shuffle(values: &mut [usize], rng: Option<&mut ChaCha8Rng>) {
    let Some(rng) = rng else { return };
    for last in (1..values.len()).rev() {
        // A multiple of 2⁶⁴ that is not one of `last + 1` favours some places by
        // less than one in 2³² for any table that fits in memory.
        let other = (u128::from(rng.next_u64()) * (last as u128 + 1)) >> 64;
        values.swap(last, other as usize);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::Label;
    use super::*;

    fn labels(codes: &[i64]) -> Target {
        Target::Labels(Labels::new(
            &codes.iter().map(|c| Label::Int(*c)).collect::<Vec<_>>(),
        ))
    }

    #[test]
    fn unshuffled_they_are_scikit_learns() {
        // KFold(3) over seven rows; StratifiedKFold(2) over two classes.
        let plain = folds_of(&Target::None, 7, 3, None).unwrap();
        assert_eq!(plain, [0, 0, 0, 1, 1, 2, 2]);
        let spread = folds_of(&labels(&[1, 0, 1, 1, 0, 0, 1]), 7, 2, None).unwrap();
        assert_eq!(spread, [0, 0, 0, 1, 0, 1, 1]);
    }

    #[test]
    fn too_few_are_told() {
        let error = folds_of(&Target::None, 3, 4, None).unwrap_err().to_string();
        assert!(
            error.contains("at least 4 rows, and there are 3"),
            "{error}"
        );
        assert!(
            folds_of(&Target::None, 3, 1, None)
                .unwrap_err()
                .to_string()
                .contains("`folds` is 1")
        );
    }

    proptest! {
        #[test]
        fn folds_and_classes_in_them_are_even(
            codes in prop::collection::vec(0..3_i64, 30..200), folds in 2..6_usize, seed in any::<Option<u64>>(),
        ) {
            let target = labels(&codes);
            let Ok(fold_of) = folds_of(&target, codes.len(), folds, seed) else { return Ok(()) };
            for class in [None, Some(0), Some(1), Some(2)] {
                let own = |row: &usize| class.is_none_or(|class| codes[*row] == class);
                let mut sizes = vec![0; folds];
                for row in (0..codes.len()).filter(own) {
                    sizes[fold_of[row]] += 1;
                }
                let (least, most) = (sizes.iter().min(), sizes.iter().max());
                prop_assert!(most.unwrap() - least.unwrap() <= 1, "{sizes:?}");
            }
            prop_assert_eq!(folds_of(&target, codes.len(), folds, seed).unwrap(), fold_of);
        }
    }
}
