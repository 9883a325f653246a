//! [`Words`]: what a column of anything but numbers is like.

use std::hash::BuildHasher;

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Serialize};

use super::sketch::Distinct;

/// What a column of words is like.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Words {
    /// Values that are there.
    pub count: u64,
    /// Null ones.
    pub missing: u64,
    /// How often each value occurs, of the first 1,000 that came.
    pub counts: IndexMap<String, u64>,
    /// Values that are not among them.
    pub others: u64,
    distinct: Distinct,
}

/// So many values are counted by name; more make identifiers, not categories.
const MOST_NAMED: usize = 1_000;

impl Words {
    /// One more value.
    pub fn add(&mut self, value: Option<&str>) {
        match value {
            Some(value) => self.add_times(value, 1),
            None => self.missing += 1,
        }
    }

    /// Those of another column, too.
    pub fn merge(&mut self, other: &Words) {
        for (value, times) in &other.counts {
            self.add_times(value, *times);
        }
        self.count = self.count.saturating_add(other.others);
        self.others = self.others.saturating_add(other.others);
        self.missing = self.missing.saturating_add(other.missing);
        self.distinct.merge(&other.distinct);
    }

    /// How many distinct values, and whether that is exact: above 1,000 it is
    /// told to about 2 %.
    pub fn distinct(&self) -> (u64, bool) {
        match self.others {
            0 => (self.counts.len() as u64, true),
            _ => (self.distinct.count().0, false),
        }
    }

    fn add_times(&mut self, value: &str, times: u64) {
        self.count = self.count.saturating_add(times);
        self.distinct.add(FxBuildHasher.hash_one(value));
        if let Some(count) = self.counts.get_mut(value) {
            *count = count.saturating_add(times);
        } else if self.counts.len() < MOST_NAMED {
            self.counts.insert(value.to_string(), times);
        } else {
            self.others = self.others.saturating_add(times);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: impl IntoIterator<Item = String>) -> Words {
        let mut words = Words::default();
        values.into_iter().for_each(|value| words.add(Some(&value)));
        words
    }

    #[test]
    fn names_are_counted_as_long_as_they_are_few() {
        let mut words = of(["a", "b", "a"].map(String::from));
        words.merge(&of(["c", "a"].map(String::from)));
        assert_eq!(
            (words.count, words.counts["a"], words.distinct()),
            (5, 3, (3, true))
        );
        let many = of((0..3_000).map(|id| format!("id-{id}")));
        assert_eq!((many.counts.len(), many.others), (1_000, 2_000));
        let (distinct, exact) = many.distinct();
        assert!(!exact && (2_850..3_150).contains(&distinct), "{distinct}");
    }
}
