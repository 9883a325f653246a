//! [`Loaded`]: a version with all it needs to answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::brain::{Brain, Said, by_cells};
use super::super::inference::{Inference, Threshold};
use super::super::tables::frame;
use super::batches::Batches;
use super::columns::{column, with};
use crate::face::{self, LeftOut, Metadata, Predicted, Refusal, Refused, Rows};
use crate::function::{StageContext, StageError};
use crate::store::artifact::ArtifactId;
use crate::store::registry::{Registered, VersionNumber};
use crate::transform::{Column, Dropped, Fitted, Frame, Sides, Tables, Type};

/// A version with all it needs to answer.
#[derive(Clone)]
pub(in crate::stages) struct Loaded {
    /// Model and version, as the log names them.
    full_name: Arc<str>,
    /// Rows that it answered.
    pub(super) answered: metrics::Counter,
    id: ArtifactId,
    number: VersionNumber,
    /// What is done to rows before the model sees them.
    steps: Option<Fitted>,
    sides: Sides,
    /// When the tables beside the rows were read.
    read: Instant,
    brain: Arc<Brain>,
    threshold: Option<f64>,
    metadata: Metadata,
    /// Rows that are to be predicted together.
    pub(super) batches: Arc<Batches>,
}

impl Loaded {
    /// A version for answering by the name of `function`.
    pub(in crate::stages) async fn load(
        ctx: &StageContext,
        inference: &Inference,
        registered: &Registered,
        function: &str,
    ) -> Result<Loaded, StageError> {
        let version = &registered.version;
        let brain = Brain::of(ctx, version).await?;
        let steps = match version.preprocessing {
            None => None,
            Some(id) => Some(steps(&ctx.content(&id).await?)?),
        };
        let read = Instant::now();
        let sides = sides(ctx, steps.as_ref()).await?;
        let number = registered.number.to_string();
        let of_version = version.metrics.get("threshold").copied();
        Ok(Loaded {
            metadata: metadata(function, &number, steps.as_ref(), &brain)?,
            threshold: match inference.threshold {
                // Whoever imported the model said how it answers.
                Threshold::Own => brain.imported().and(of_version),
                Threshold::At(threshold) => Some(threshold),
                Threshold::Best => of_version,
            },
            full_name: format!("{} {number}", registered.model).into(),
            answered: answered(function, registered),
            id: registered.id,
            number: registered.number,
            steps,
            sides,
            read,
            brain: Arc::new(brain),
            batches: Arc::default(),
        })
    }

    /// What it takes and gives.
    pub(super) fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Its number, as `v3`.
    pub(in crate::stages) fn version(&self) -> &str {
        &self.metadata.version
    }

    pub(super) fn number(&self) -> VersionNumber {
        self.number
    }

    /// Model and version, as the log names them.
    pub(super) fn full_name(&self) -> &Arc<str> {
        &self.full_name
    }

    /// Whether rows become a table on the way, which costs much the same for
    /// one as for many.
    pub(super) fn is_by_table(&self) -> bool {
        self.steps.is_some() || self.brain.imported().is_none()
    }

    /// Whether it is that version.
    pub(super) fn is(&self, registered: &Registered) -> bool {
        self.id == registered.id
    }

    /// The same, with the tables beside the rows as they are now.
    pub(super) async fn reread(&self, ctx: &StageContext) -> Result<Loaded, StageError> {
        let read = Instant::now();
        let sides = sides(ctx, self.steps.as_ref()).await?;
        Ok(Loaded {
            sides,
            read,
            ..self.clone()
        })
    }

    /// Whether the tables beside the rows, if there are any, are new enough.
    pub(super) fn is_fresh(&self, max_age: Duration) -> bool {
        let mut tables = self.steps.iter().flat_map(Fitted::tables);
        tables.next().is_none() || self.read.elapsed() <= max_age
    }

    /// Rows as the model takes them, and those that are not usable.
    pub(in crate::stages) fn prepare(
        &self,
        rows: Frame,
    ) -> Result<(Frame, Option<LeftOut>), Refusal> {
        let Some(steps) = &self.steps else {
            return Ok((rows, None));
        };
        let n_rows = rows.n_rows();
        let applied = steps.apply(&rows.numbered(), &self.sides);
        let applied =
            applied.map_err(|error| Refusal::new(Refused::BadRequest, error.to_string()))?;
        let left = applied.frame.numbers().unwrap_or_default();
        if !left.is_sorted_by(|one, next| one < next) {
            let message = "a row has several rows of a table that is joined to it: aggregate that table first";
            return Err(Refusal::new(Refused::Failed, message));
        }
        let left_out = (left.len() < n_rows).then(|| LeftOut {
            rows: (0..n_rows)
                .filter(|row| left.binary_search(row).is_err())
                .collect(),
            why: rules(&applied.dropped),
        });
        Ok((applied.frame, left_out))
    }

    /// What the model says of prepared rows, by the threshold.
    pub(in crate::stages) fn said(&self, prepared: &Frame) -> Result<Said, Refusal> {
        Ok(self.judged(self.brain.predict(prepared)?))
    }

    /// What was said, by the threshold.
    fn judged(&self, mut said: Said) -> Said {
        if let (Some(threshold), [no, yes]) = (self.threshold, &self.metadata.classes[..]) {
            for (label, probabilities) in said.labels.iter_mut().zip(&said.probabilities) {
                let is_yes = probabilities.get(1).is_some_and(|yes| *yes >= threshold);
                *label = if is_yes { yes.clone() } else { no.clone() };
            }
        }
        said
    }

    /// Of two classes, how likely the second is.
    pub(in crate::stages) fn positive(&self, said: &Said) -> Option<Vec<f64>> {
        let is_of_two = self.metadata.classes.len() == 2 && !said.probabilities.is_empty();
        is_of_two.then(|| said.probabilities.iter().map(|row| row[1]).collect())
    }

    pub(super) fn predict(&self, rows: &Rows) -> Result<Predicted, Refusal> {
        let (said, left_out) = match (&self.steps, self.brain.imported()) {
            // Nothing is done to the rows: they go to the model as they are.
            (None, Some(imported)) => (self.judged(by_cells(imported, rows)?), None),
            _ => {
                let (prepared, left_out) = self.prepare(self.frame(rows)?)?;
                (self.said(&prepared)?, left_out)
            }
        };
        Ok(Predicted {
            labels: said.labels,
            probabilities: said.probabilities,
            scores: said.scores,
            left_out,
        })
    }

    /// Rows as a table, each column of the type that it had in training. One
    /// that is not there is missing throughout.
    fn frame(&self, rows: &Rows) -> Result<Frame, Refusal> {
        let mut frame = Frame::new(rows.n_rows());
        for (place, name) in rows.columns().iter().enumerate() {
            let cells = || rows.iter().map(|row| &row[place]);
            let column = column(self.ty(name), cells).map_err(|row| Refusal {
                column: Some(name.clone()),
                ..Refusal::row(row, "it is a text, and the model takes a number there")
            })?;
            frame = with(frame, name, column)?;
        }
        let steps = self
            .steps
            .as_ref()
            .into_iter()
            .flat_map(|steps| steps.inputs());
        for input in steps {
            if input.required && !rows.columns().iter().any(|name| **name == *input.name) {
                let missing = Column::missing(input.ty, rows.n_rows());
                frame = with(frame, &input.name, missing)?;
            }
        }
        Ok(frame)
    }

    fn ty(&self, name: &str) -> Option<Type> {
        let steps = self.steps.as_ref()?;
        let input = steps.inputs().iter().find(|input| *input.name == *name)?;
        Some(input.ty)
    }
}

fn answered(function: &str, registered: &Registered) -> metrics::Counter {
    let labels = [
        ("function", function.to_owned()),
        ("model", registered.model.to_string()),
        ("version", registered.number.to_string()),
    ];
    metrics::counter!("cutline_predictions_total", &labels)
}

/// The rules that rows did not keep to, or the kinds of steps that have none.
fn rules(dropped: &[Dropped]) -> String {
    let mut rules: Vec<&str> = Vec::new();
    for dropped in dropped {
        let rule = match &*dropped.rule {
            "" => dropped.kind,
            rule => rule,
        };
        if !rules.contains(&rule) {
            rules.push(rule);
        }
    }
    rules.join(", ")
}

fn steps(document: &[u8]) -> Result<Fitted, StageError> {
    let wrong = "what was fitted with the model is damaged, or of a later cutline";
    serde_json::from_slice(document).map_err(|error| StageError::of(wrong, error))
}

/// The tables that steps join.
async fn sides(ctx: &StageContext, steps: Option<&Fitted>) -> Result<Sides, StageError> {
    let Some(steps) = steps else {
        return Ok(Sides::default());
    };
    let mut tables = Tables::new();
    for table in steps.tables() {
        tables.insert(table.to_owned(), frame(ctx, table).await?);
    }
    let ready = steps.ready(tables);
    ready.map_err(|error| StageError::of("the tables beside the rows do not fit", error))
}

/// What is predicted is none of the inputs, though it was among the rows that
/// were prepared.
fn metadata(
    name: &str,
    version: &str,
    steps: Option<&Fitted>,
    brain: &Brain,
) -> Result<Metadata, StageError> {
    let labels = [brain.label(), steps.and_then(Fitted::label)];
    let column = |name: &str, is_text: bool, required: bool| face::Column {
        name: name.to_owned(),
        kind: if is_text {
            face::Kind::Text
        } else {
            face::Kind::Number
        },
        required,
    };
    let inputs: Vec<face::Column> = match steps {
        Some(steps) => {
            let inputs = steps.inputs().iter();
            inputs
                .filter(|input| !labels.contains(&Some(&*input.name)))
                .map(|input| column(&input.name, input.ty == Type::String, input.required))
                .collect()
        }
        None => {
            let inputs = brain.inputs().into_iter();
            inputs
                .map(|(name, is_text)| column(&name, is_text, true))
                .collect()
        }
    };
    let wrong = |refusal: Refusal| StageError::of("the version takes no rows", refusal);
    Metadata::new(name, version, inputs, brain.classes()).map_err(wrong)
}
