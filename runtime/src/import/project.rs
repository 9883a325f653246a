//! PCA of `sklearn.decomposition`.

use super::cell::Cell;
use super::check::{Names, Place};
use super::document::Real;
use super::error::{ImportError, PredictError};
use super::imported::Kind;
use super::numbers::dot;
use super::step::{Made, Step, all_finite};

/// The components as rows, what the columns are centred by, and the standard
/// deviations where they are whitened.
#[derive(serde::Deserialize)]
pub(super) struct ProjectWritten {
    components: Vec<Vec<Real>>,
    mean: Vec<Real>,
    divide: Option<Vec<Real>>,
}

struct Project {
    names: Names,
    components: Vec<Vec<f64>>,
    /// The projection of the mean.
    center: Vec<f64>,
    divide: Option<Vec<f64>>,
}

pub(super) fn checked(
    written: ProjectWritten,
    names: &Names,
    at: &Place,
) -> Result<Made, ImportError> {
    let components = at.rows("components", written.components, names.len())?;
    let mean = at.per_column("mean", written.mean, names.len())?;
    let divide = written.divide;
    let divide = divide
        .map(|divide| at.per_column("divide", divide, components.len()))
        .transpose()?;
    let made = (0..components.len())
        .map(|index| format!("component {index}").into())
        .collect();
    let center = components
        .iter()
        .map(|component| dot(&mean, component))
        .collect();
    Ok((
        Box::new(Project {
            names: names.clone(),
            components,
            center,
            divide,
        }),
        made,
    ))
}

impl Step for Project {
    fn apply<'r>(&'r self, row: &[Cell<'r>], out: &mut Vec<Cell<'r>>) -> Result<(), PredictError> {
        let row = all_finite(row, &self.names)?;
        for (index, component) in self.components.iter().enumerate() {
            // Centred behind the projection, as scikit-learn does from 1.5 on.
            let x = dot(&row, component) - self.center[index];
            let x = self.divide.as_ref().map_or(x, |divide| x / divide[index]);
            out.push(Cell::Number(x));
        }
        Ok(())
    }

    fn takes(&self) -> Vec<Option<Kind>> {
        vec![Some(Kind::Number); self.names.len()]
    }
}
