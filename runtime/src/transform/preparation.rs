//! [`Preparation`]: what is declared; [`fit()`] makes it a [`Fitted`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::column::Column;
use super::fault::{Fault, TransformError};
use super::fitted::{Applied, Fitted, Sides, Tables};
use super::frame::Frame;
use super::step::{FittedKind, FittedStep, Kind, Only, Step};

/// How rows become a model's columns, step by step:
///
/// ```toml
/// label = "churned"
/// ids = ["customer_id"]
///
/// [[step]]
/// kind = "split"
/// by = "stratified"
/// column = "churned"
/// seed = 7
///
/// [[step]]
/// kind = "scale"
/// columns = ["age"]
/// ```
///
/// What comes after a `split` is learnt from the rows that train the model and
/// done to all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preparation {
    /// The column to be predicted; no feature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Columns that say whose row it is; no features.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<String>,
    /// In order.
    #[serde(default)]
    pub step: Vec<Step>,
}

impl Preparation {
    /// The columns that a step is meant for which names none.
    fn columns_for(&self, step: &Step, frame: &Frame) -> Vec<String> {
        let numbers = matches!(step.kind, Kind::Scale(_));
        // What is done to rows that are trained on can ask for the label too.
        let features = numbers || step.only.is_none();
        let feature = |name: &str| {
            self.label.as_deref() != Some(name) && !self.ids.iter().any(|id| id == name)
        };
        let columns = frame.columns();
        columns
            .filter(|(_, column)| !numbers || matches!(column, Column::Int(_) | Column::Float(_)))
            .filter(|(name, _)| !features || feature(name))
            .map(|(name, _)| name.to_owned())
            .collect()
    }
}

/// Learns every step from `rows` (and the `others` that steps name), each from
/// what the steps before it made, and gives the rows as they are afterwards.
///
/// What comes out is a function of what goes in. [`Fitted::apply`] on the same
/// rows gives the same, except for steps that are done only when fitting.
pub fn fit(
    preparation: &Preparation,
    rows: Frame,
    others: Tables,
) -> Result<(Fitted, Applied), TransformError> {
    let mut fitted = Fitted::new(preparation, &rows, &others);
    let numbered = || preparation.step.iter().zip(1..);
    let mut sides = Sides::new(others);
    for (step, number) in numbered().filter(|(step, _)| step.table.is_some()) {
        fitted.keep(step, learn_aside(step, number, &mut sides)?);
    }
    let mut applied = Applied::of(rows);
    for (step, number) in numbered().filter(|(step, _)| step.table.is_none()) {
        let whole = step.of_all(|| preparation.columns_for(step, &applied.frame));
        if let Some(learnt) = learn(&whole, number, &mut sides, &mut applied)? {
            fitted.keep(step, learnt);
        }
    }
    fitted.finish(preparation, &applied.frame);
    Ok((fitted, applied))
}

/// Fits a step to another table and does it at once.
fn learn_aside(
    step: &Step,
    number: usize,
    sides: &mut Sides,
) -> Result<FittedStep, TransformError> {
    let learnt = sides.table(step.table.as_deref().unwrap_or_default());
    let learnt = learnt
        .and_then(|frame| step.kind.fit(frame))
        .map_err(|fault| step.at(number, fault))?;
    let learnt = step.learnt(number, learnt);
    sides.apply(&learnt)?;
    Ok(learnt)
}

/// Fits a step to the rows and does it at once. A split leaves nothing to do
/// again.
fn learn(
    step: &Step,
    number: usize,
    sides: &mut Sides,
    applied: &mut Applied,
) -> Result<Option<FittedStep>, TransformError> {
    let at = |fault| step.at(number, fault);
    check(step, applied).map_err(at)?;
    if let Kind::Split(split) = &step.kind {
        applied.parts = Some(split.rows(&applied.frame)?);
        return Ok(None);
    }
    let trained_on = match &applied.parts {
        Some(parts) => &applied.frame.take(&parts.train).map_err(at)?,
        None => &applied.frame,
    };
    let learnt = step.kind.fit(trained_on).map_err(at)?;
    let learnt = step.learnt(number, learnt);
    let n_rows = applied.frame.n_rows();
    sides.index(&learnt)?;
    learnt.apply(applied, sides)?;
    match applied.parts.is_some() && applied.frame.n_rows() != n_rows {
        true => Err(at(Fault::declared(
            "step",
            "rows come or go after the split: move it before",
        ))),
        false => Ok(Some(learnt)),
    }
}

fn check(step: &Step, applied: &Applied) -> Result<(), Fault> {
    match (&step.kind, &step.into) {
        (Kind::Split(_), _) if applied.parts.is_some() => {
            Err(Fault::declared("step", "rows can be split only once"))
        }
        (_, Some(_)) => Err(Fault::declared(
            "into",
            "says where the result of another `table` goes: name that too",
        )),
        _ => Ok(()),
    }
}

impl Step {
    /// It is done to rows that are served, too.
    pub(super) fn is_frozen(&self) -> bool {
        self.only != Some(Only::Fit)
    }

    fn learnt(&self, number: usize, kind: FittedKind) -> FittedStep {
        FittedStep {
            number,
            kind,
            table: self.table.clone(),
            into: self.into.clone(),
        }
    }

    fn at(&self, number: usize, fault: Fault) -> TransformError {
        TransformError::Step {
            number,
            kind: self.kind.word(),
            fault,
        }
    }
}

/// By name.
pub(super) fn named<'a>(
    tables: &'a BTreeMap<String, Frame>,
    name: &str,
) -> Result<&'a Frame, Fault> {
    tables.get(name).ok_or_else(|| Fault::NoTable {
        table: name.to_owned(),
    })
}

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod tests;
