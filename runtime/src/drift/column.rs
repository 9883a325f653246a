//! [`Column`]: one feature's values, as the tests take them.

use indexmap::IndexMap;

/// The values of one feature in one sample.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    /// Numbers, all finite.
    Numbers(Vec<f64>),
    /// How often each word occurs.
    Words(Counts),
}

/// How often each value occurs, in the order they came.
pub type Counts = IndexMap<String, u64>;

/// The numbers that can be compared: missing ones (NaN) are left out, and so
/// are infinite ones, as Evidently does.
pub fn finite(values: impl IntoIterator<Item = f64>) -> Vec<f64> {
    values
        .into_iter()
        .filter(|value| value.is_finite())
        .collect()
}

impl Column {
    /// Numbers without what [`finite()`] leaves out.
    pub fn numbers(values: impl IntoIterator<Item = f64>) -> Column {
        Column::Numbers(finite(values))
    }

    /// Words without missing ones.
    pub fn words<'a>(values: impl IntoIterator<Item = Option<&'a str>>) -> Column {
        let mut counts = Counts::new();
        for value in values.into_iter().flatten() {
            match counts.get_mut(value) {
                Some(count) => *count += 1,
                None => {
                    counts.insert(value.to_string(), 1);
                }
            }
        }
        Column::Words(counts)
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        match self {
            Column::Numbers(values) => values.len(),
            Column::Words(counts) => counts.values().sum::<u64>() as usize,
        }
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
