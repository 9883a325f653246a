//! [`Preparation`]: what is declared; [`fit()`] makes it a [`Fitted`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::fault::{Fault, TransformError};
use super::fitted::{Applied, Fitted, Sides, Tables};
use super::frame::Frame;
use super::split::Split;
use super::step::{FittedStep, Only, Step};

/// How rows become a model's columns, step by step:
///
/// ```toml
/// label = "churned"
/// ids = ["customer_id"]
/// split = { by = "stratified", column = "churned", test = 0.25, seed = 7 }
///
/// [[step]]
/// kind = "scale"
/// columns = ["age"]
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preparation {
    /// The column to be predicted; no feature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Columns that say whose row it is; no features.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<String>,
    /// Which of the prepared rows test the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<Split>,
    /// In order.
    #[serde(default)]
    pub step: Vec<Step>,
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
        let learnt = learn(step, number, &mut sides, None)?;
        fitted.keep(step, learnt);
    }
    let mut applied = Applied::of(rows);
    for (step, number) in numbered().filter(|(step, _)| step.table.is_none()) {
        let learnt = learn(step, number, &mut sides, Some(&mut applied))?;
        fitted.keep(step, learnt);
    }
    fitted.finish(preparation, &applied.frame);
    Ok((fitted, applied))
}

/// Fits one step and does it at once.
fn learn(
    step: &Step,
    number: usize,
    sides: &mut Sides,
    rows: Option<&mut Applied>,
) -> Result<FittedStep, TransformError> {
    let at = |fault| TransformError::Step {
        number,
        kind: step.kind.word(),
        fault,
    };
    check(step).map_err(at)?;
    let frame = match (&rows, &step.table) {
        (Some(rows), _) => rows.frame.clone(),
        (None, table) => sides
            .table(table.as_deref().unwrap_or_default())
            .map_err(at)?
            .clone(),
    };
    let learnt = FittedStep {
        number,
        kind: step.kind.fit(&frame).map_err(at)?,
        table: step.table.clone(),
        into: step.into.clone(),
    };
    match rows {
        Some(rows) => {
            sides.index(&learnt)?;
            learnt.apply(rows, sides)?;
        }
        None => sides.apply(&learnt)?,
    }
    Ok(learnt)
}

fn check(step: &Step) -> Result<(), Fault> {
    match (&step.table, &step.into) {
        (None, Some(_)) => Err(Fault::declared(
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
