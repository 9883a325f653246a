//! Pipeline of scikit-learn: transformations in a row, and a model behind them.

use super::answer::{Answer, Model, model};
use super::cell::Cell;
use super::check::{Names, Place};
use super::document::{ModelWritten, TransformWritten};
use super::error::{ImportError, PredictError};
use super::imported::Kind;
use super::step::{Made, Step, transform};

/// Transformations in a row.
#[derive(serde::Deserialize)]
pub(super) struct SequenceWritten {
    steps: Vec<NamedStep>,
}

/// Transformations in a row, and a model behind them.
#[derive(serde::Deserialize)]
pub(super) struct PipelineWritten {
    steps: Vec<NamedStep>,
    name: String,
    model: Box<ModelWritten>,
}

#[derive(serde::Deserialize)]
struct NamedStep {
    name: String,
    transform: TransformWritten,
}

struct Sequence {
    width: usize,
    steps: Vec<Box<dyn Step>>,
}

pub(super) fn sequence(
    written: SequenceWritten,
    names: &Names,
    at: &Place,
) -> Result<Made, ImportError> {
    let (sequence, made) = steps(written.steps, names, at)?;
    Ok((Box::new(sequence), made))
}

fn steps(
    written: Vec<NamedStep>,
    names: &Names,
    at: &Place,
) -> Result<(Sequence, Names), ImportError> {
    let mut made = names.clone();
    let mut steps = Vec::new();
    for step in written {
        let (step, next) = transform(step.transform, &made, &at.of(&step.name)?)?;
        steps.push(step);
        made = next;
    }
    Ok((
        Sequence {
            width: names.len(),
            steps,
        },
        made,
    ))
}

/// Checked steps, one after the other.
pub(super) fn in_sequence(steps: Vec<Made>, names: &Names) -> Made {
    let made = steps.last().map_or(names, |(_, made)| made).clone();
    let steps = steps.into_iter().map(|(step, _)| step).collect();
    (
        Box::new(Sequence {
            width: names.len(),
            steps,
        }),
        made,
    )
}

impl Step for Sequence {
    fn apply<'r>(&'r self, row: &[Cell<'r>], out: &mut Vec<Cell<'r>>) -> Result<(), PredictError> {
        let Some((last, first)) = self.steps.split_last() else {
            out.extend_from_slice(row);
            return Ok(());
        };
        let mut from = row.to_vec();
        let mut to = Vec::new();
        for step in first {
            to.clear();
            step.apply(&from, &mut to)?;
            std::mem::swap(&mut from, &mut to);
        }
        last.apply(&from, out)
    }

    /// What the first step takes that minds: the others are asked as long as
    /// columns stay where they are.
    fn takes(&self) -> Vec<Option<Kind>> {
        let mut takes = vec![None; self.width];
        for step in &self.steps {
            let next = step.takes();
            if next.len() != takes.len() {
                break;
            }
            takes
                .iter_mut()
                .zip(next)
                .for_each(|(known, next)| *known = known.or(next));
        }
        takes
    }

    fn uses(&self) -> Vec<bool> {
        self.steps
            .first()
            .map_or_else(|| vec![true; self.width], |first| first.uses())
    }
}

struct Pipeline {
    steps: Sequence,
    model: Box<dyn Model>,
}

pub(super) fn pipeline(
    written: PipelineWritten,
    names: &Names,
    at: &Place,
) -> Result<Box<dyn Model>, ImportError> {
    let (steps, made) = steps(written.steps, names, at)?;
    let model = model(*written.model, &made, &at.of(&written.name)?)?;
    Ok(Box::new(Pipeline { steps, model }))
}

impl Model for Pipeline {
    fn answer(&self, row: &[Cell<'_>]) -> Result<Answer, PredictError> {
        let mut out = Vec::new();
        self.steps.apply(row, &mut out)?;
        self.model.answer(&out)
    }

    fn classes(&self) -> Option<&[super::Label]> {
        self.model.classes()
    }

    fn takes(&self) -> Vec<Option<Kind>> {
        self.steps.takes()
    }

    fn uses(&self) -> Vec<bool> {
        self.steps.uses()
    }
}
