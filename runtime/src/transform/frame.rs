//! [`Frame`]: named columns of one length, in order.

use std::sync::Arc;

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use super::column::Column;
use super::fault::Fault;

/// A table in memory. Cloning shares its values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Frame {
    columns: IndexMap<Arc<str>, Column, FxBuildHasher>,
    n_rows: usize,
    /// Of each row its number in the table it came from, where that is asked.
    origin: Option<Arc<[usize]>>,
}

impl Frame {
    /// No columns yet, of `n_rows` rows.
    pub fn new(n_rows: usize) -> Frame {
        Frame {
            columns: IndexMap::default(),
            n_rows,
            origin: None,
        }
    }

    /// With its rows numbered from 0: whatever is done to them, each keeps its
    /// number.
    #[must_use]
    pub fn numbered(mut self) -> Frame {
        self.origin = Some((0..self.n_rows).collect());
        self
    }

    /// The numbers of the rows that are there, where they were numbered.
    pub fn numbers(&self) -> Option<&[usize]> {
        self.origin.as_deref()
    }

    /// The same rows without columns.
    pub(super) fn bare(&self) -> Frame {
        Frame {
            columns: IndexMap::default(),
            n_rows: self.n_rows,
            origin: self.origin.clone(),
        }
    }

    /// With another column at the end, or in the place of the one that has
    /// the name. Fails where it has another length.
    pub fn with(mut self, name: &str, column: Column) -> Result<Frame, Fault> {
        if column.len() != self.n_rows {
            return Err(Fault::Length {
                column: name.to_owned(),
                found: column.len(),
                expected: self.n_rows,
            });
        }
        self.set(name, column);
        Ok(self)
    }

    /// How many rows.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// The columns' names in order.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.columns.keys().map(|name| &**name)
    }

    /// Names and columns in order.
    pub fn columns(&self) -> impl ExactSizeIterator<Item = (&str, &Column)> {
        self.columns.iter().map(|(name, column)| (&**name, column))
    }

    /// The column of that name, if there is one.
    pub fn get(&self, name: &str) -> Option<&Column> {
        self.columns.get(name)
    }

    /// The column of that name; the error says which there are.
    pub fn column(&self, name: &str) -> Result<&Column, Fault> {
        self.get(name).ok_or_else(|| Fault::NoColumn {
            column: name.to_owned(),
            known: listed(self.names()),
        })
    }

    /// The rows of those numbers, in that order. Fails where there is no such
    /// row.
    pub fn take(&self, rows: &[usize]) -> Result<Frame, Fault> {
        match rows.iter().find(|row| **row >= self.n_rows) {
            Some(&row) => Err(Fault::NoRow {
                row,
                n_rows: self.n_rows,
            }),
            None => {
                let rows: Vec<Option<usize>> = rows.iter().copied().map(Some).collect();
                Ok(self.gather(&rows))
            }
        }
    }

    pub(super) fn gather(&self, rows: &[Option<usize>]) -> Frame {
        let gathered = self
            .columns
            .iter()
            .map(|(name, column)| (name.clone(), column.gather(rows)));
        let origin = self.origin.as_ref().and_then(|origin| {
            let number = |row: &Option<usize>| row.map(|row| origin[row]);
            rows.iter().map(number).collect()
        });
        Frame {
            columns: gathered.collect(),
            n_rows: rows.len(),
            origin,
        }
    }

    /// The rows for which `keep` holds; how many are gone.
    pub(super) fn retain(&mut self, keep: &[bool]) -> usize {
        let kept = keep
            .iter()
            .enumerate()
            .filter_map(|(row, keep)| keep.then_some(Some(row)));
        let rows: Vec<Option<usize>> = kept.collect();
        let gone = self.n_rows - rows.len();
        if gone > 0 {
            *self = self.gather(&rows);
        }
        gone
    }

    /// Puts a column, which must have as many values as there are rows, in
    /// the place of the one with that name, or at the end.
    pub(super) fn set(&mut self, name: &str, column: Column) {
        debug_assert_eq!(column.len(), self.n_rows, "{name}");
        match self.columns.get_mut(name) {
            Some(place) => *place = column,
            None => {
                self.columns.insert(name.into(), column);
            }
        }
    }

    /// Puts a new column at the end.
    pub(super) fn add(&mut self, name: &Arc<str>, column: Column) -> Result<(), Fault> {
        debug_assert_eq!(column.len(), self.n_rows, "{name}");
        match self.columns.insert(name.clone(), column) {
            None => Ok(()),
            Some(_) => Err(Fault::Twice {
                column: name.to_string(),
            }),
        }
    }

    /// Takes a column out; the order of the others stays.
    pub(super) fn remove(&mut self, name: &str) -> Option<Column> {
        self.columns.shift_remove(name)
    }

    /// Every column goes through `name`, which says its new name.
    pub(super) fn rename(&mut self, name: impl Fn(&str) -> Option<Arc<str>>) -> Result<(), Fault> {
        let mut renamed = self.bare();
        for (old, column) in std::mem::take(&mut self.columns) {
            let new = name(&old).unwrap_or(old);
            renamed.add(&new, column)?;
        }
        *self = renamed;
        Ok(())
    }
}

/// At most a dozen names, for a person.
fn listed<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    const MOST: usize = 12;
    let more = names.len().saturating_sub(MOST);
    let shown: Vec<String> = names.take(MOST).map(|name| format!("`{name}`")).collect();
    match (shown.is_empty(), more) {
        (true, _) => "no columns".to_owned(),
        (_, 0) => shown.join(", "),
        (_, more) => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> Frame {
        Frame::new(3)
            .with("age", Column::ints([Some(1), None, Some(3)]))
            .unwrap()
            .with("plan", Column::texts([Some("a"), Some("b"), None]))
            .unwrap()
    }

    #[test]
    fn a_missing_column_is_named_with_those_there_are() {
        let error = frame().column("aeg").unwrap_err();
        assert_eq!(
            error.to_string(),
            "column `aeg` is missing; the table has `age`, `plan`"
        );
    }

    #[test]
    fn rows_are_taken_in_the_order_asked_for() {
        let taken = frame().take(&[2, 0]).unwrap();
        assert_eq!(taken.n_rows(), 2);
        assert_eq!(
            *taken.column("age").unwrap(),
            Column::ints([Some(3), Some(1)])
        );
    }

    #[test]
    fn rows_keep_their_numbers() {
        assert_eq!(frame().numbers(), None);
        let mut numbered = frame().numbered();
        numbered.retain(&[true, false, true]);
        numbered
            .rename(|name| (name == "age").then(|| "years".into()))
            .unwrap();
        assert_eq!(numbered.numbers(), Some(&[0, 2][..]));
        assert_eq!(numbered.take(&[1]).unwrap().numbers(), Some(&[2][..]));
    }

    #[test]
    fn a_column_of_another_length_is_refused() {
        let error = frame().with("x", Column::floats(vec![1.0])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "column `x` has 1 values where the table has 3 rows"
        );
    }
}
