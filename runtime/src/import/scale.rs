//! StandardScaler, RobustScaler, MaxAbsScaler, MinMaxScaler and Normalizer of
//! `sklearn.preprocessing`.

use super::cell::Cell;
use super::check::{Names, Place};
use super::document::{Real, numbers};
use super::error::{Flaw, ImportError, PredictError};
use super::imported::Kind;
use super::numbers::pairwise_sum;
use super::step::{Made, Step, all_finite, elementwise};

/// `(x - subtract) / divide`, either of them perhaps not.
#[derive(serde::Deserialize)]
pub(super) struct ScaleWritten {
    pub(super) subtract: Option<Vec<Real>>,
    pub(super) divide: Option<Vec<Real>>,
}

/// `x * multiply + add`, then perhaps within bounds.
#[derive(serde::Deserialize)]
pub(super) struct MinMaxWritten {
    multiply: Vec<Real>,
    add: Vec<Real>,
    clip: Option<(Real, Real)>,
}

/// Each row by its norm.
#[derive(serde::Deserialize)]
pub(super) struct NormalizeWritten {
    norm: Norm,
}

#[derive(Clone, Copy, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Norm {
    L1,
    L2,
    Max,
}

pub(super) fn checked(
    written: ScaleWritten,
    names: &Names,
    at: &Place,
) -> Result<Made, ImportError> {
    let width = names.len();
    let list = |what, reals: Option<Vec<Real>>| {
        reals
            .map(|reals| at.per_column(what, reals, width))
            .transpose()
    };
    let subtract = list("subtract", written.subtract)?;
    let divide = list("divide", written.divide)?;
    Ok(elementwise(names, move |index, x| {
        let x = subtract.as_ref().map_or(x, |subtract| x - subtract[index]);
        divide.as_ref().map_or(x, |divide| x / divide[index])
    }))
}

pub(super) fn min_max(
    written: MinMaxWritten,
    names: &Names,
    at: &Place,
) -> Result<Made, ImportError> {
    let width = names.len();
    at.length("multiply", written.multiply.len(), width)?;
    at.length("add", written.add.len(), width)?;
    let (multiply, add) = (numbers(written.multiply), numbers(written.add));
    let clip = written.clip.map(|(low, high)| (low.0, high.0));
    if let Some((low, _)) =
        clip.filter(|(low, high)| low.partial_cmp(high).is_none_or(|order| order.is_gt()))
    {
        return Err(at.flaw(Flaw::Number {
            what: "the lower bound",
            found: low,
        }));
    }
    Ok(elementwise(names, move |index, x| {
        let x = x * multiply[index] + add[index];
        clip.map_or(x, |(low, high)| x.clamp(low, high))
    }))
}

struct Normalize {
    names: Names,
    norm: Norm,
}

pub(super) fn normalize(written: &NormalizeWritten, names: &Names) -> Made {
    let step = Normalize {
        names: names.clone(),
        norm: written.norm,
    };
    (Box::new(step), names.clone())
}

impl Step for Normalize {
    fn apply<'r>(&'r self, row: &[Cell<'r>], out: &mut Vec<Cell<'r>>) -> Result<(), PredictError> {
        let row = all_finite(row, &self.names)?;
        let of = |function: fn(f64) -> f64| row.iter().copied().map(function);
        let norm = match self.norm {
            Norm::L1 => pairwise_sum(&of(f64::abs).collect::<Vec<_>>()),
            Norm::L2 => pairwise_sum(&of(|x| x * x).collect::<Vec<_>>()).sqrt(),
            Norm::Max => of(f64::abs).fold(0.0, f64::max),
        };
        // A norm that is next to nothing counts as none.
        let norm = if norm < 10.0 * f64::EPSILON {
            1.0
        } else {
            norm
        };
        out.extend(row.iter().map(|x| Cell::Number(x / norm)));
        Ok(())
    }

    fn takes(&self) -> Vec<Option<Kind>> {
        vec![Some(Kind::Number); self.names.len()]
    }
}
