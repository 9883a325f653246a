//! `drop-duplicates`: one row of each key, as pandas' `drop_duplicates`.

use serde::{Deserialize, Serialize};

use super::fault::Fault;
use super::frame::Frame;
use super::keys::Keys;

/// Rows keep their order. Missing values are equal to each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DropDuplicates {
    /// The columns that make the key; without them all there are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<String>,
    /// Which row stays.
    #[serde(default)]
    pub keep: Keep,
}

/// Which of the rows of a key stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keep {
    /// The first.
    #[default]
    First,
    /// The last.
    Last,
}

impl DropDuplicates {
    pub(super) fn reads(&self) -> Vec<&str> {
        self.by.iter().map(String::as_str).collect()
    }

    /// How many rows went.
    pub(super) fn apply(&self, frame: &mut Frame) -> Result<usize, Fault> {
        let all: Vec<String> = frame.names().map(str::to_owned).collect();
        let by = if self.by.is_empty() { &all } else { &self.by };
        let groups = Keys::of(frame, by)?.groups(frame.n_rows());
        let mut kept = groups.first;
        if self.keep == Keep::Last {
            for (row, group) in groups.of.iter().enumerate() {
                kept[*group] = row;
            }
        }
        let mut keep = vec![false; frame.n_rows()];
        for row in kept {
            keep[row] = true;
        }
        Ok(frame.retain(&keep))
    }
}

#[cfg(test)]
mod tests {
    use super::super::column::Column;
    use super::*;

    #[test]
    fn the_last_row_of_each_key_stays_in_its_place() {
        let frame = Frame::new(4)
            .with("id", Column::ints([Some(1), None, Some(1), None]))
            .unwrap()
            .with("x", Column::ints((0..4).map(Some)))
            .unwrap();
        for (keep, rows) in [
            (Keep::First, [Some(0), Some(1)]),
            (Keep::Last, [Some(2), Some(3)]),
        ] {
            let mut frame = frame.clone();
            let by = vec!["id".to_owned()];
            assert_eq!(DropDuplicates { by, keep }.apply(&mut frame).unwrap(), 2);
            assert_eq!(*frame.column("x").unwrap(), Column::ints(rows));
        }
    }
}
