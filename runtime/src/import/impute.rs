//! SimpleImputer of `sklearn.impute`, of numbers and of categories.

use super::cell::Cell;
use super::check::{Names, Place};
use super::document::Scalar;
use super::encode::value;
use super::error::{ImportError, PredictError};
use super::imported::Kind;
use super::step::{Made, Step};

/// What counts as missing; of the columns that are kept, what is filled in; and
/// the columns that get one more, 1 where they were missing.
#[derive(serde::Deserialize)]
pub(super) struct ImputeWritten {
    width: usize,
    missing: Option<Scalar>,
    kept: Vec<usize>,
    fill: Vec<Option<Scalar>>,
    indicated: Vec<usize>,
}

struct Impute {
    width: usize,
    missing: Option<Scalar>,
    kept: Vec<(usize, Option<Scalar>)>,
    indicated: Vec<usize>,
}

pub(super) fn checked(
    written: ImputeWritten,
    names: &Names,
    at: &Place,
) -> Result<Made, ImportError> {
    let width = names.len();
    at.length("width", written.width, width)?;
    at.length("fill", written.fill.len(), written.kept.len())?;
    at.columns(written.kept.len().saturating_add(written.indicated.len()))?;
    at.indices("a kept column", &written.kept, width)?;
    at.indices("an indicated column", &written.indicated, width)?;
    let made = written.kept.iter().chain(&written.indicated);
    let made = made.map(|column| names[*column].clone()).collect();
    let step = Impute {
        width,
        missing: written.missing,
        kept: written.kept.into_iter().zip(written.fill).collect(),
        indicated: written.indicated,
    };
    Ok((Box::new(step), made))
}

impl Step for Impute {
    fn apply<'r>(&'r self, row: &[Cell<'r>], out: &mut Vec<Cell<'r>>) -> Result<(), PredictError> {
        let missing = value(self.missing.as_ref());
        for (column, fill) in &self.kept {
            let cell = row[*column];
            out.push(if cell.is(missing) {
                value(fill.as_ref())
            } else {
                cell
            });
        }
        let indicated = self.indicated.iter();
        out.extend(indicated.map(|column| Cell::Number(f64::from(row[*column].is(missing)))));
        Ok(())
    }

    fn takes(&self) -> Vec<Option<Kind>> {
        let mut takes = vec![None; self.width];
        for (column, fill) in &self.kept {
            takes[*column] = fill.as_ref().map(|fill| match fill {
                Scalar::Text(_) => Kind::Text,
                Scalar::Bool(_) | Scalar::Int(_) | Scalar::Float { .. } => Kind::Number,
            });
        }
        takes
    }
}
