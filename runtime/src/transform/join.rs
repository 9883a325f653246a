//! `join`: the columns of another table by key, as pandas' `merge`.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::fault::Fault;
use super::frame::Frame;
use super::keys::Keys;

/// Rows keep their order; one that finds several is there several times. As in
/// pandas, a missing key finds a missing key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// The other table.
    pub with: String,
    /// The columns that make the key, in both tables.
    pub on: Vec<Arc<str>>,
    /// What becomes of a row that finds none.
    #[serde(default)]
    pub how: How,
}

/// Which rows stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// All; what is not found is missing.
    #[default]
    Left,
    /// Those that find one.
    Inner,
}

/// A table ready to be joined: its rows by key.
#[derive(Clone, Debug)]
pub(super) struct Indexed {
    frame: Frame,
    rows: FxHashMap<Box<[u8]>, Vec<usize>>,
}

impl Join {
    pub(super) fn index(&self, other: &Frame) -> Result<Indexed, Fault> {
        let keys = Keys::of(other, &self.on)?;
        let mut rows: FxHashMap<Box<[u8]>, Vec<usize>> = FxHashMap::default();
        let mut bytes = Vec::new();
        for row in 0..other.n_rows() {
            keys.write(row, &mut bytes);
            match rows.get_mut(bytes.as_slice()) {
                Some(rows) => rows.push(row),
                None => drop(rows.insert(bytes.as_slice().into(), vec![row])),
            }
        }
        Ok(Indexed {
            frame: other.clone(),
            rows,
        })
    }

    pub(super) fn reads(&self) -> Vec<&str> {
        self.on.iter().map(|name| &**name).collect()
    }

    /// How many rows went.
    pub(super) fn apply(&self, frame: &mut Frame, other: &Indexed) -> Result<usize, Fault> {
        let (left, right, lost) = self.pairs(frame, other)?;
        let mut joined = frame.gather(&left);
        for (name, column) in other.frame.columns() {
            if !self.on.iter().any(|key| **key == *name) {
                joined.add(&name.into(), column.gather(&right))?;
            }
        }
        *frame = joined;
        Ok(lost)
    }

    /// Which rows stand side by side, and how many of the left have none.
    #[allow(
        clippy::type_complexity,
        reason = "two columns of rows, as gather takes them"
    )]
    fn pairs(
        &self,
        frame: &Frame,
        other: &Indexed,
    ) -> Result<(Vec<Option<usize>>, Vec<Option<usize>>, usize), Fault> {
        let keys = Keys::of(frame, &self.on)?;
        let (mut left, mut right, mut lost) = (Vec::new(), Vec::new(), 0);
        let mut bytes = Vec::new();
        for row in 0..frame.n_rows() {
            keys.write(row, &mut bytes);
            match (other.rows.get(bytes.as_slice()), self.how) {
                (Some(found), _) => {
                    left.extend(found.iter().map(|_| Some(row)));
                    right.extend(found.iter().copied().map(Some));
                }
                (None, How::Left) => {
                    left.push(Some(row));
                    right.push(None);
                }
                (None, How::Inner) => lost += 1,
            }
        }
        Ok((left, right, lost))
    }
}

#[cfg(test)]
mod tests {
    use super::super::column::Column;
    use super::*;

    fn check(how: How) -> (Frame, usize) {
        let mut frame = Frame::new(3)
            .with("id", Column::ints([Some(3), None, Some(1)]))
            .unwrap();
        let other = Frame::new(3)
            .with("id", Column::floats(vec![1.0, 1.0, f64::NAN]))
            .unwrap()
            .with("x", Column::ints([Some(7), Some(8), Some(9)]))
            .unwrap();
        let join = Join {
            with: "other".into(),
            on: vec!["id".into()],
            how,
        };
        let lost = join
            .apply(&mut frame, &join.index(&other).unwrap())
            .unwrap();
        (frame, lost)
    }

    #[test]
    fn every_row_found_stands_beside_its_own() {
        let (frame, lost) = check(How::Left);
        assert_eq!(lost, 0);
        assert_eq!(
            *frame.column("id").unwrap(),
            Column::ints([Some(3), None, Some(1), Some(1)])
        );
        assert_eq!(
            *frame.column("x").unwrap(),
            Column::ints([None, Some(9), Some(7), Some(8)])
        );
    }

    #[test]
    fn inner_loses_what_finds_nothing() {
        let (frame, lost) = check(How::Inner);
        assert_eq!(lost, 1);
        assert_eq!(
            *frame.column("x").unwrap(),
            Column::ints([Some(9), Some(7), Some(8)])
        );
    }
}
