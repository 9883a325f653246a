//! [`Fitted`]: a preparation with all that it learnt, frozen.

use std::collections::BTreeMap;
use std::sync::Arc;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::column::Type;
use super::fault::{Fault, TransformError};
use super::frame::Frame;
use super::join::Indexed;
use super::preparation::{Preparation, named};
use super::split::Parts;
use super::step::{FittedKind, FittedStep, Step};

/// Tables besides the rows that are prepared, by name.
pub type Tables = BTreeMap<String, Frame>;

/// The document that says how rows are prepared, exactly as when it was fitted.
/// Numbers in it come back to the last bit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fitted {
    format: u32,
    inputs: Vec<Input>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    tables: BTreeMap<String, Vec<Input>>,
    steps: Vec<FittedStep>,
    features: Vec<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    label: Option<Arc<str>>,
}

/// The form of the documents written here.
const FORMAT: u32 = 1;

/// A column of a table that goes in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Its name.
    pub name: Arc<str>,
    /// What it holds.
    #[serde(rename = "type")]
    pub ty: Type,
    /// A step needs it: without it rows cannot be prepared.
    pub required: bool,
}

/// Prepared rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// The rows as they are now.
    pub frame: Frame,
    /// Which steps took rows out.
    pub dropped: Vec<Dropped>,
    /// The rows that train a model and those that test it, where the
    /// preparation was fitted to these and splits them.
    pub parts: Option<Parts>,
}

/// Rows that a step took out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// The step, counted from 1.
    pub step: usize,
    /// Its kind.
    pub kind: &'static str,
    /// The rule, where the step has several. A row may fail more than one.
    pub rule: String,
    /// How many rows.
    pub rows: usize,
}

/// The other tables, ready: what is done to them is done, and what is joined
/// is indexed. Made once, it serves any number of rows.
#[derive(Clone, Debug, Default)]
pub struct Sides {
    tables: Tables,
    /// By the number of the step that joins it.
    indexed: BTreeMap<usize, Indexed>,
}

impl Fitted {
    /// The columns that rows have to have, and those they may have.
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// The names of the tables that have to be handed to [`Fitted::ready`].
    pub fn tables(&self) -> impl Iterator<Item = &str> {
        self.tables.keys().map(String::as_str)
    }

    /// The columns of the matrix in order.
    pub fn features(&self) -> &[Arc<str>] {
        &self.features
    }

    /// The column that is to be predicted, where one was named.
    pub fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }

    fn check(&self) -> Result<(), TransformError> {
        match self.format {
            FORMAT => Ok(()),
            found => Err(TransformError::Format {
                found,
                known: FORMAT,
            }),
        }
    }

    /// Does all that is done to other tables. Fails where one is missing or
    /// has other columns than when fitted, and where the document was written
    /// in a form that is not known here.
    pub fn ready(&self, others: Tables) -> Result<Sides, TransformError> {
        self.check()?;
        let mut sides = Sides::new(others);
        for (table, inputs) in &self.tables {
            let at = |fault| TransformError::Input {
                table: table.clone(),
                fault,
            };
            let frame = named(&sides.tables, table)
                .and_then(|frame| conform(frame, inputs))
                .map_err(at)?;
            sides.tables.insert(table.clone(), frame);
        }
        for step in self.steps.iter().filter(|step| step.table.is_some()) {
            sides.apply(step)?;
        }
        for step in self.steps.iter().filter(|step| step.table.is_none()) {
            sides.index(step)?;
        }
        Ok(sides)
    }

    /// Prepares rows. Columns that were not there when fitted are left out;
    /// types may be narrower than they were.
    pub fn apply(&self, rows: &Frame, sides: &Sides) -> Result<Applied, TransformError> {
        let rows = conform(rows, &self.inputs).map_err(|fault| TransformError::Input {
            table: "rows".to_owned(),
            fault,
        })?;
        let mut applied = Applied::of(rows);
        for step in self.steps.iter().filter(|step| step.table.is_none()) {
            step.apply(&mut applied, sides)?;
        }
        Ok(applied)
    }

    /// The features of prepared rows, NaN where missing.
    pub fn matrix(&self, frame: &Frame) -> Result<Array2<f64>, TransformError> {
        let mut matrix = Array2::zeros((frame.n_rows(), self.features.len()));
        for (mut to, name) in matrix.columns_mut().into_iter().zip(&self.features) {
            let column = frame.column(name).map_err(TransformError::Matrix)?;
            let values = column.numbers(name).map_err(TransformError::Matrix)?;
            to.iter_mut()
                .zip(values.values())
                .for_each(|(to, value)| *to = *value);
        }
        Ok(matrix)
    }

    pub(super) fn new(preparation: &Preparation, rows: &Frame, others: &Tables) -> Fitted {
        let used = |name: &&String| {
            preparation.step.iter().any(|step| {
                let joined =
                    matches!(&step.kind, super::step::Kind::Join(join) if join.with == **name);
                joined || step.table.as_ref() == Some(*name)
            })
        };
        let names = others.keys().filter(used).cloned();
        Fitted {
            format: FORMAT,
            inputs: inputs(rows),
            tables: names
                .map(|name| (name.clone(), inputs(&others[&name])))
                .collect(),
            steps: Vec::new(),
            features: Vec::new(),
            label: preparation.label.as_deref().map(Arc::from),
        }
    }

    /// Keeps a step that is done again, in the order declared.
    pub(super) fn keep(&mut self, declared: &Step, learnt: FittedStep) {
        if declared.is_frozen() {
            let place = self
                .steps
                .partition_point(|step| step.number < learnt.number);
            self.steps.insert(place, learnt);
        }
    }

    /// When all steps are kept: what is needed, and what comes out.
    pub(super) fn finish(&mut self, preparation: &Preparation, frame: &Frame) {
        let mut made: Vec<&str> = Vec::new();
        for step in self.steps.iter().filter(|step| step.table.is_none()) {
            for name in step.kind.reads() {
                let input = self.inputs.iter_mut().find(|input| *input.name == *name);
                if let Some(input) = input.filter(|_| !made.contains(&name)) {
                    input.required = true;
                }
            }
            made.extend(step.kind.makes());
        }
        let aside = |name: &&str| {
            preparation.label.as_deref() == Some(*name)
                || preparation.ids.iter().any(|id| id == name)
        };
        self.features = frame
            .names()
            .filter(|name| !aside(name))
            .map(Arc::from)
            .collect();
    }
}

impl FittedStep {
    /// Does the step to the rows that are prepared.
    pub(super) fn apply(&self, applied: &mut Applied, sides: &Sides) -> Result<(), TransformError> {
        let other = sides.indexed.get(&self.number);
        let gone = self
            .kind
            .apply(&mut applied.frame, other)
            .map_err(|fault| self.at(fault))?;
        let gone = gone.into_iter().filter(|(_, rows)| *rows > 0);
        applied.dropped.extend(gone.map(|(rule, rows)| Dropped {
            step: self.number,
            kind: self.kind.word(),
            rule,
            rows,
        }));
        Ok(())
    }

    fn at(&self, fault: Fault) -> TransformError {
        TransformError::Step {
            number: self.number,
            kind: self.kind.word(),
            fault,
        }
    }
}

impl Sides {
    pub(super) fn new(tables: Tables) -> Sides {
        Sides {
            tables,
            indexed: BTreeMap::new(),
        }
    }

    pub(super) fn table(&self, name: &str) -> Result<&Frame, Fault> {
        named(&self.tables, name)
    }

    /// Does a step to the table it names.
    pub(super) fn apply(&mut self, step: &FittedStep) -> Result<(), TransformError> {
        let name = step.table.as_deref().unwrap_or_default();
        let done = || {
            let mut frame = self.table(name)?.clone();
            let other = match &step.kind {
                FittedKind::Join(join) => Some(join.index(self.table(&join.with)?)?),
                _ => None,
            };
            step.kind.apply(&mut frame, other.as_ref())?;
            Ok(frame)
        };
        let frame = done().map_err(|fault| step.at(fault))?;
        let into = step.into.as_deref().unwrap_or(name);
        self.tables.insert(into.to_owned(), frame);
        Ok(())
    }

    /// Indexes the table that a step joins to the rows.
    pub(super) fn index(&mut self, step: &FittedStep) -> Result<(), TransformError> {
        if let FittedKind::Join(join) = &step.kind {
            let indexed = self.table(&join.with).and_then(|frame| join.index(frame));
            let indexed = indexed.map_err(|fault| step.at(fault))?;
            self.indexed.insert(step.number, indexed);
        }
        Ok(())
    }
}

impl Applied {
    pub(super) fn of(frame: Frame) -> Applied {
        Applied {
            frame,
            dropped: Vec::new(),
            parts: None,
        }
    }
}

fn inputs(frame: &Frame) -> Vec<Input> {
    let input = |(name, column): (&str, &super::column::Column)| Input {
        name: name.into(),
        ty: column.ty(),
        required: false,
    };
    frame.columns().map(input).collect()
}

/// The columns of `inputs` that are there, in their order and of their types.
fn conform(frame: &Frame, inputs: &[Input]) -> Result<Frame, Fault> {
    let mut conformed = frame.bare();
    for input in inputs {
        match frame.get(&input.name) {
            Some(column) => conformed.add(&input.name, column.widen(&input.name, input.ty)?)?,
            None if input.required => {
                return Err(Fault::Lacks {
                    column: input.name.to_string(),
                    expected: input.ty,
                });
            }
            None => {}
        }
    }
    Ok(conformed)
}
