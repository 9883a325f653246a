//! ColumnTransformer and FeatureUnion of scikit-learn: transformations beside
//! each other.

use super::cell::Cell;
use super::check::{Names, Place};
use super::document::{Real, TransformWritten};
use super::error::{ImportError, PredictError};
use super::imported::Kind;
use super::step::{Made, Step, number, transform};

/// Transformations beside each other, each of columns of its own.
#[derive(serde::Deserialize)]
pub(super) struct ColumnsWritten {
    width: usize,
    parts: Vec<ColumnsPart>,
}

#[derive(serde::Deserialize)]
struct ColumnsPart {
    name: String,
    columns: Vec<usize>,
    weight: Option<Real>,
    transform: TransformWritten,
}

/// Transformations beside each other, each of all columns.
#[derive(serde::Deserialize)]
pub(super) struct UnionWritten {
    parts: Vec<UnionPart>,
}

#[derive(serde::Deserialize)]
struct UnionPart {
    name: String,
    weight: Option<Real>,
    transform: TransformWritten,
}

struct Part {
    /// The columns it is given; `None` is all.
    columns: Option<Vec<usize>>,
    /// What its columns are multiplied by, with their names.
    weight: Option<(f64, Names)>,
    step: Box<dyn Step>,
}

struct Beside {
    width: usize,
    parts: Vec<Part>,
}

pub(super) fn columns(
    written: ColumnsWritten,
    names: &Names,
    at: &Place,
) -> Result<Made, ImportError> {
    at.length("width", written.width, names.len())?;
    let (mut parts, mut all) = (Vec::new(), Names::new());
    for part in written.parts {
        let at = at.of(&part.name)?;
        at.columns(part.columns.len())?;
        at.indices("a column", &part.columns, names.len())?;
        let own = part
            .columns
            .iter()
            .map(|column| names[*column].clone())
            .collect();
        let (step, made) = transform(part.transform, &own, &at)?;
        at.columns(all.len() + made.len())?;
        all.extend_from_slice(&made);
        let weight = part.weight.map(|weight| (weight.0, made));
        parts.push(Part {
            columns: Some(part.columns),
            weight,
            step,
        });
    }
    Ok((
        Box::new(Beside {
            width: names.len(),
            parts,
        }),
        all,
    ))
}

pub(super) fn union(written: UnionWritten, names: &Names, at: &Place) -> Result<Made, ImportError> {
    let (mut parts, mut all) = (Vec::new(), Names::new());
    for part in written.parts {
        let at = at.of(&part.name)?;
        let (step, made) = transform(part.transform, names, &at)?;
        at.columns(all.len() + made.len())?;
        all.extend_from_slice(&made);
        let weight = part.weight.map(|weight| (weight.0, made));
        parts.push(Part {
            columns: None,
            weight,
            step,
        });
    }
    Ok((
        Box::new(Beside {
            width: names.len(),
            parts,
        }),
        all,
    ))
}

impl Step for Beside {
    fn apply<'r>(&'r self, row: &[Cell<'r>], out: &mut Vec<Cell<'r>>) -> Result<(), PredictError> {
        let mut own = Vec::new();
        for part in &self.parts {
            let start = out.len();
            match &part.columns {
                None => part.step.apply(row, out)?,
                Some(columns) => {
                    own.clear();
                    own.extend(columns.iter().map(|column| row[*column]));
                    part.step.apply(&own, out)?;
                }
            }
            if let Some((weight, names)) = &part.weight {
                for (cell, name) in out[start..].iter_mut().zip(names) {
                    *cell = Cell::Number(number(*cell, name)? * weight);
                }
            }
        }
        Ok(())
    }

    fn takes(&self) -> Vec<Option<Kind>> {
        let mut takes = vec![None; self.width];
        for part in &self.parts {
            let all: Vec<usize> = (0..self.width).collect();
            let columns = part.columns.as_ref().unwrap_or(&all);
            for (column, kind) in columns.iter().zip(part.step.takes()) {
                takes[*column] = takes[*column].or(kind);
            }
        }
        takes
    }

    fn uses(&self) -> Vec<bool> {
        let mut uses = vec![false; self.width];
        for part in &self.parts {
            match &part.columns {
                None => uses.fill(true),
                Some(columns) => columns.iter().for_each(|column| uses[*column] = true),
            }
        }
        uses
    }
}
