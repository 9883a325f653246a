//! [`Rows`]: what is to be predicted, whichever face it came through.

use std::ops::Deref;
use std::sync::Arc;

use serde_json::Value;

use super::predictor::{Kind, Refusal};

/// A value of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// There is none: JSON's null, an empty field.
    Missing,
    /// A number; a boolean is 0 or 1.
    Number(f64),
    /// A text.
    Text(Box<str>),
}

/// Names of columns, no two the same. Clones are one.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Columns(Arc<[String]>);

/// Rows of named columns.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Rows {
    columns: Columns,
    cells: Vec<Cell>,
    n_rows: usize,
}

impl Columns {
    /// Of these names.
    ///
    /// # Errors
    /// When one is there twice.
    pub fn new(names: Vec<String>) -> Result<Columns, Refusal> {
        let mut sorted: Vec<&String> = names.iter().collect();
        sorted.sort_unstable();
        match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(twice) => Err(Refusal::column(twice[0], "it is there twice")),
            None => Ok(Columns(names.into())),
        }
    }
}

impl Deref for Columns {
    type Target = [String];

    fn deref(&self) -> &[String] {
        &self.0
    }
}

impl Rows {
    /// No rows yet of these columns.
    #[must_use]
    pub fn new(columns: Columns) -> Rows {
        Rows {
            columns,
            cells: Vec::new(),
            n_rows: 0,
        }
    }

    /// Adds a row, which must be as long as there are columns.
    pub fn push(&mut self, row: impl IntoIterator<Item = Cell>) -> Result<(), Refusal> {
        let start = self.cells.len();
        self.cells.extend(row);
        let n_cells = self.cells.len() - start;
        if n_cells != self.columns.len() {
            self.cells.truncate(start);
            let n_columns = self.columns.len();
            let message = format!("it has {n_cells} values where there are {n_columns} columns");
            return Err(Refusal::row(self.n_rows, message));
        }
        self.n_rows += 1;
        Ok(())
    }

    /// Adds rows of the same columns.
    pub(crate) fn append(&mut self, others: &Rows) {
        debug_assert_eq!(self.columns, others.columns);
        self.cells.extend_from_slice(&others.cells);
        self.n_rows += others.n_rows;
    }

    /// The names of the columns.
    pub fn columns(&self) -> &Columns {
        &self.columns
    }

    /// How many rows there are.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// The rows, in order.
    pub fn iter(&self) -> impl Iterator<Item = &[Cell]> {
        let width = self.columns.len();
        (0..self.n_rows).map(move |row| &self.cells[row * width..(row + 1) * width])
    }
}

impl Cell {
    /// A scalar of JSON; lists and objects are none.
    pub(super) fn of_json(value: &Value) -> Option<Cell> {
        match value {
            Value::Null => Some(Cell::Missing),
            Value::Bool(bool) => Some(Cell::Number(f64::from(*bool))),
            Value::Number(number) => number.as_f64().map(Cell::Number),
            Value::String(text) => Some(Cell::Text(text.as_str().into())),
            Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// A field of a form, a query or a CSV file, where everything is text: what
    /// is wanted as a number is read as one if it is one. An empty field is
    /// missing.
    pub(super) fn of_text(text: &str, kind: Option<Kind>) -> Cell {
        let trimmed = text.trim();
        match kind {
            _ if trimmed.is_empty() => Cell::Missing,
            Some(Kind::Text) => Cell::Text(text.into()),
            Some(Kind::Number) | None => number(trimmed).unwrap_or_else(|| Cell::Text(text.into())),
        }
    }
}

fn number(text: &str) -> Option<Cell> {
    // Rust reads "nan" and "infinity" too, which are words in a field.
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
    let flag = || match text {
        "true" | "True" => Some(1.0),
        "false" | "False" => Some(0.0),
        _ => None,
    };
    number.or_else(flag).map(Cell::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_as_wide_as_their_columns() {
        let columns = Columns::new(vec!["a".into(), "b".into()]).unwrap();
        let mut rows = Rows::new(columns);
        rows.push([Cell::Number(1.0), Cell::Missing]).unwrap();
        let refusal = rows.push([Cell::Missing]).unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "row 1: it has 1 values where there are 2 columns"
        );
        assert_eq!(rows.iter().count(), 1);
        assert!(Columns::new(vec!["a".into(), "a".into()]).is_err());
    }

    #[test]
    fn texts_are_numbers_where_numbers_are_wanted() {
        let number = |text| Cell::of_text(text, Some(Kind::Number));
        assert_eq!(number(" 1.5 "), Cell::Number(1.5));
        assert_eq!(number("True"), Cell::Number(1.0));
        assert_eq!(number(""), Cell::Missing);
        assert_eq!(number("inf"), Cell::Text("inf".into()));
        assert_eq!(Cell::of_text("1", Some(Kind::Text)), Cell::Text("1".into()));
    }
}
