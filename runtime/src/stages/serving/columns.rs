//! Rows of a request as columns of a table, each of the type that it had in
//! training.

use crate::face::{Cell, Refusal};
use crate::transform::{Column, Frame, Type};

pub(super) fn with(frame: Frame, name: &str, column: Column) -> Result<Frame, Refusal> {
    let with = frame.with(name, column);
    with.map_err(|error| Refusal::column(name, error.to_string()))
}

/// The cells as a column of a type; the row of one that cannot be.
pub(super) fn column<'a, I: Iterator<Item = &'a Cell>>(
    ty: Option<Type>,
    cells: impl Fn() -> I,
) -> Result<Column, usize> {
    let is_text = cells().any(|cell| matches!(cell, Cell::Text(_)));
    match ty {
        Some(Type::String) => Ok(texts(cells())),
        Some(Type::Timestamp) | None if is_text => Ok(texts(cells())),
        _ => {
            if let Some(row) = cells().position(|cell| matches!(cell, Cell::Text(_))) {
                return Err(row);
            }
            Ok(numbers(ty, cells()))
        }
    }
}

fn texts<'a>(cells: impl Iterator<Item = &'a Cell>) -> Column {
    Column::texts(cells.map(|cell| match cell {
        Cell::Missing => None,
        Cell::Number(number) => Some(number.to_string()),
        Cell::Text(text) => Some(text.to_string()),
    }))
}

/// Numbers are whole, or truth values, where they were in training and are now.
fn numbers<'a>(ty: Option<Type>, cells: impl Iterator<Item = &'a Cell>) -> Column {
    let numbers: Vec<Option<f64>> = cells
        .map(|cell| match cell {
            Cell::Number(number) => Some(*number),
            Cell::Missing | Cell::Text(_) => None,
        })
        .collect();
    let is_whole = numbers
        .iter()
        .flatten()
        .all(|number| number.fract() == 0.0 && number.abs() < 9e15);
    match ty {
        Some(Type::Int64) if is_whole => Column::ints(
            numbers
                .iter()
                .map(|number| number.map(|number| number as i64)),
        ),
        Some(Type::Bool) if is_whole => Column::bools(
            numbers
                .iter()
                .map(|number| number.map(|number| number != 0.0)),
        ),
        _ => Column::floats(
            numbers
                .iter()
                .map(|number| number.unwrap_or(f64::NAN))
                .collect(),
        ),
    }
}
