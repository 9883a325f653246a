//! The selectors of `sklearn.feature_selection`: whatever they chose by, what
//! they chose is columns.

use super::cell::Cell;
use super::check::{Names, Place};
use super::error::{ImportError, PredictError};
use super::imported::Kind;
use super::step::{Made, Step};

/// The chosen columns, in order.
#[derive(serde::Deserialize)]
pub(super) struct SelectWritten {
    width: usize,
    columns: Vec<usize>,
}

struct Select {
    width: usize,
    columns: Vec<usize>,
}

pub(super) fn checked(
    written: SelectWritten,
    names: &Names,
    at: &Place,
) -> Result<Made, ImportError> {
    at.length("width", written.width, names.len())?;
    at.columns(written.columns.len())?;
    at.indices("a column", &written.columns, names.len())?;
    let made = written
        .columns
        .iter()
        .map(|column| names[*column].clone())
        .collect();
    Ok((
        Box::new(Select {
            width: names.len(),
            columns: written.columns,
        }),
        made,
    ))
}

impl Step for Select {
    fn apply<'r>(&'r self, row: &[Cell<'r>], out: &mut Vec<Cell<'r>>) -> Result<(), PredictError> {
        out.extend(self.columns.iter().map(|column| row[*column]));
        Ok(())
    }

    fn takes(&self) -> Vec<Option<Kind>> {
        vec![None; self.width]
    }
}
