//! [`Step`]: one transformation, row by row.

use std::sync::Arc;

use super::cell::Cell;
use super::check::{Names, Place};
use super::document::TransformWritten;
use super::error::{ImportError, PredictError};
use super::imported::Kind;
use super::{
    beside, bins, encode, expand, function, impute, power, project, scale, select, sequence,
};

/// A checked transformation. It is only given rows of the width that it was
/// checked for.
pub(super) trait Step: Send + Sync {
    /// Adds what becomes of `row` to `out`.
    fn apply<'r>(&'r self, row: &[Cell<'r>], out: &mut Vec<Cell<'r>>) -> Result<(), PredictError>;

    /// What the step takes in each of its columns; `None` where it does not mind.
    fn takes(&self) -> Vec<Option<Kind>>;

    /// Which columns it looks at.
    fn uses(&self) -> Vec<bool> {
        vec![true; self.takes().len()]
    }
}

/// A step with the columns that it makes.
pub(super) type Made = (Box<dyn Step>, Names);

/// Checks a transformation of rows of `names`.
pub(super) fn transform(
    written: TransformWritten,
    names: &Names,
    at: &Place,
) -> Result<Made, ImportError> {
    match written {
        TransformWritten::Bins(written) => bins::checked(written, names, at),
        TransformWritten::Columns(written) => beside::columns(written, names, at),
        TransformWritten::Encode(written) => encode::ordinal(written, names, at),
        TransformWritten::Function(written) => Ok(function::checked(&written, names)),
        TransformWritten::Impute(written) => impute::checked(written, names, at),
        TransformWritten::MinMax(written) => scale::min_max(written, names, at),
        TransformWritten::Normalize(written) => Ok(scale::normalize(&written, names)),
        TransformWritten::OneHot(written) => encode::one_hot(written, names, at),
        TransformWritten::Passthrough => Ok(passthrough(names)),
        TransformWritten::Polynomial(written) => expand::checked(written, names, at),
        TransformWritten::Power(written) => power::checked(written, names, at),
        TransformWritten::Project(written) => project::checked(written, names, at),
        TransformWritten::Scale(written) => scale::checked(written, names, at),
        TransformWritten::Select(written) => select::checked(written, names, at),
        TransformWritten::Sequence(written) => sequence::sequence(written, names, at),
        TransformWritten::Union(written) => beside::union(written, names, at),
    }
}

/// The number of a cell, which may be missing.
pub(super) fn number(cell: Cell<'_>, name: &Arc<str>) -> Result<f64, PredictError> {
    match cell {
        Cell::Number(number) => Ok(number),
        Cell::Text(text) => Err(PredictError::NotANumber {
            column: name.to_string(),
            value: shown(Cell::Text(text)),
        }),
    }
}

/// The number of a cell, where neither a missing nor an infinite one is taken.
pub(super) fn finite(cell: Cell<'_>, name: &Arc<str>) -> Result<f64, PredictError> {
    let number = number(cell, name)?;
    let column = || name.to_string();
    match number {
        _ if number.is_nan() => Err(PredictError::Missing { column: column() }),
        _ if number.is_infinite() => Err(PredictError::TooLarge { column: column() }),
        _ => Ok(number),
    }
}

/// All numbers of a row, where neither missing nor infinite ones are taken.
pub(super) fn all_finite(row: &[Cell<'_>], names: &Names) -> Result<Vec<f64>, PredictError> {
    row.iter()
        .zip(names)
        .map(|(cell, name)| finite(*cell, name))
        .collect()
}

/// A value as an error shows it.
pub(super) fn shown(cell: Cell<'_>) -> String {
    const MOST_SHOWN: usize = 80;
    let whole = cell.to_string();
    match whole.char_indices().nth(MOST_SHOWN) {
        Some((end, _)) => format!("{}…", &whole[..end]),
        None => whole,
    }
}

/// A step that makes each column of the same column, number by number.
pub(super) struct Elementwise<F> {
    pub(super) names: Names,
    pub(super) function: F,
}

impl<F: Fn(usize, f64) -> f64 + Send + Sync> Step for Elementwise<F> {
    fn apply<'r>(&'r self, row: &[Cell<'r>], out: &mut Vec<Cell<'r>>) -> Result<(), PredictError> {
        for (index, (cell, name)) in row.iter().zip(&self.names).enumerate() {
            out.push(Cell::Number((self.function)(index, number(*cell, name)?)));
        }
        Ok(())
    }

    fn takes(&self) -> Vec<Option<Kind>> {
        vec![Some(Kind::Number); self.names.len()]
    }
}

/// A step of a function of column and number.
pub(super) fn elementwise(
    names: &Names,
    function: impl Fn(usize, f64) -> f64 + Send + Sync + 'static,
) -> Made {
    let step = Elementwise {
        names: names.clone(),
        function,
    };
    (Box::new(step), names.clone())
}

struct Passthrough {
    width: usize,
}

/// The step that changes nothing.
pub(super) fn passthrough(names: &Names) -> Made {
    (Box::new(Passthrough { width: names.len() }), names.clone())
}

impl Step for Passthrough {
    fn apply<'r>(&'r self, row: &[Cell<'r>], out: &mut Vec<Cell<'r>>) -> Result<(), PredictError> {
        out.extend_from_slice(row);
        Ok(())
    }

    fn takes(&self) -> Vec<Option<Kind>> {
        vec![None; self.width]
    }
}
