//! The rows of a node, put apart by their values of one feature.
//!
//! Both functions leave rows in the order in which scikit-learn's
//! `DensePartitioner` leaves them, since sums over them are rounded in it.

use super::sort::Item;

/// Reads the values of rows, those without one at the end, and says how many
/// these are.
pub(super) fn read_with_missing(column: &[f32], items: &mut [Item]) -> usize {
    let (mut at, mut end) = (0, items.len());
    while at < end {
        let last = column[items[end - 1].row as usize];
        if last.is_nan() {
            end -= 1;
            continue;
        }
        if column[items[at].row as usize].is_nan() {
            items.swap(at, end - 1);
            end -= 1;
        }
        items[at].value = column[items[at].row as usize];
        at += 1;
    }
    items.len() - end
}

/// Puts rows up to the threshold first, and those without a value last.
pub(super) fn part(column: &[f32], items: &mut [Item], threshold: f64, n_missing: usize) {
    let value = |item: &Item| column[item.row as usize];
    let (mut at, mut end) = (0, items.len());
    let mut behind = items.len() - n_missing;
    while at + 1 < behind {
        if n_missing > 0 {
            if value(&items[end - 1]).is_nan() {
                end -= 1;
                continue;
            }
            if value(&items[at]).is_nan() {
                items.swap(at, end - 1);
                end -= 1;
            }
        }
        if f64::from(value(&items[at])) <= threshold {
            at += 1;
        } else {
            behind -= 1;
            items.swap(at, behind);
        }
    }
    // The row where both ends met was not looked at. (scikit-learn 1.5 leaves it
    // there even if it has no value, and one that has among those without.)
    let n_present = items.len() - n_missing;
    let (present, missing) = items.split_at_mut(n_present);
    let met = present.get_mut(at).filter(|item| value(item).is_nan());
    let strayed = missing.iter_mut().find(|item| !value(item).is_nan());
    if let (Some(met), Some(strayed)) = (met, strayed) {
        std::mem::swap(met, strayed);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rows_lie_where_their_values_say(
            column in prop::collection::vec(
                prop_oneof![2 => -2.0_f32..2.0, 1 => Just(f32::NAN)], 1..30),
            threshold in -2.0..2.0_f64,
        ) {
            let items = (0..column.len() as u32).map(|row| Item { value: 0.0, row });
            let mut items: Vec<Item> = items.collect();
            let n_missing = read_with_missing(&column, &mut items);
            let (present, missing) = items.split_at(items.len() - n_missing);
            prop_assert!(present.iter().all(|item| item.value == column[item.row as usize]));
            prop_assert!(missing.iter().all(|item| column[item.row as usize].is_nan()));

            items.reverse();
            part(&column, &mut items, threshold, n_missing);
            let values: Vec<f32> = items.iter().map(|item| column[item.row as usize]).collect();
            let (present, missing) = values.split_at(values.len() - n_missing);
            prop_assert!(missing.iter().all(|value| value.is_nan()));
            let n_left = present.partition_point(|value| f64::from(*value) <= threshold);
            prop_assert!(present[..n_left].iter().all(|value| f64::from(*value) <= threshold));
            prop_assert!(present[n_left..].iter().all(|value| f64::from(*value) > threshold));
        }
    }
}
