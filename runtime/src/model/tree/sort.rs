//! Rows put in order by a value, equal values always in the same order.
//!
//! Introsort (Musser 1997) with the median of three as pivot and partition in
//! three, step by step as scikit-learn's `_splitter.pyx` has it: sums over rows
//! are rounded in the order that it leaves equal values in.

/// A row of a node, and its value of the feature that is looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Item {
    pub(super) value: f32,
    pub(super) row: u32,
}

/// Puts items in ascending order of their values, none of which is NaN.
pub(super) fn sort(items: &mut [Item]) {
    let depth = (items.len().max(1) as f64).ln() / std::f64::consts::LN_2;
    introsort(items, 2 * depth as usize);
}

fn introsort(mut items: &mut [Item], mut depth: usize) {
    while items.len() > 1 {
        if depth == 0 {
            return heapsort(items);
        }
        depth -= 1;
        let pivot = median(items);
        let (mut left, mut at, mut right) = (0, 0, items.len());
        while at < right {
            let value = items[at].value;
            if value < pivot {
                items.swap(at, left);
                at += 1;
                left += 1;
            } else if value > pivot {
                right -= 1;
                items.swap(at, right);
            } else {
                at += 1;
            }
        }
        let (rest, greater) = items.split_at_mut(right);
        introsort(&mut rest[..left], depth);
        items = greater;
    }
}

/// The median of the first, the middle and the last value.
fn median(items: &[Item]) -> f32 {
    let n = items.len();
    let (a, b, c) = (items[0].value, items[n / 2].value, items[n - 1].value);
    a.min(b).max(a.max(b).min(c))
}

fn heapsort(items: &mut [Item]) {
    let n = items.len();
    for root in (0..n / 2).rev() {
        sift_down(items, root);
    }
    for end in (1..n).rev() {
        items.swap(0, end);
        sift_down(&mut items[..end], 0);
    }
}

/// Moves the largest value of a heap whose root may be too small to the root.
fn sift_down(items: &mut [Item], mut root: usize) {
    loop {
        let mut largest = root;
        for child in [2 * root + 1, 2 * root + 2] {
            if child < items.len() && items[largest].value < items[child].value {
                largest = child;
            }
        }
        if largest == root {
            return;
        }
        items.swap(root, largest);
        root = largest;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_row_stays_with_its_value_and_values_ascend(
            values in prop::collection::vec(prop_oneof![-9.0_f32..9.0, Just(1.0)], 0..200),
            depth in 0_usize..20,
        ) {
            let items = values.iter().zip(0..).map(|(value, row)| Item { value: *value, row });
            let mut items: Vec<Item> = items.collect();
            introsort(&mut items, depth);
            prop_assert!(items.is_sorted_by(|a, b| a.value <= b.value));
            prop_assert!(items.iter().all(|item| values[item.row as usize] == item.value));
            items.sort_unstable_by_key(|item| item.row);
            prop_assert!(items.iter().map(|item| item.row).eq(0..values.len() as u32));
        }
    }
}
