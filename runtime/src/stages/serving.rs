//! [`Serving`]: an inference function as faces ask it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value};
use tokio::sync::Mutex;

use super::brain::{Brain, Said, by_cells};
use super::inference::{Inference, Threshold, read};
use super::tables::frame;
use crate::face::{
    self, Cell, Metadata, ModelVersions, Predicted, Predictor, Refusal, Refused, Rows,
};
use crate::function::{Services, StageContext, StageError};
use crate::log::{Entry, PredictionLog};
use crate::pipeline::{Function, Input, Problem};
use crate::queue::Message;
use crate::store::artifact::ArtifactId;
use crate::transform::{Column, Fitted, Frame, Sides, Tables, Type};

/// Answers with the version that an alias points to, whichever that is.
pub struct Serving {
    function: Arc<Function>,
    services: Services,
    inference: Inference,
    log: Option<PredictionLog>,
    loaded: ArcSwapOption<Loaded>,
    /// Held by whoever looks for a new version, or new tables.
    looking: Mutex<()>,
}

/// A version with all it needs to answer.
#[derive(Clone)]
pub(super) struct Loaded {
    pub(super) model: String,
    pub(super) version: String,
    id: ArtifactId,
    /// What is done to rows before the model sees them.
    steps: Option<Fitted>,
    sides: Sides,
    /// When the tables beside the rows were read.
    read: Instant,
    brain: Arc<Brain>,
    threshold: Option<f64>,
    metadata: Arc<Metadata>,
}

impl Serving {
    /// For an inference function; with a log, what it says is written there.
    ///
    /// # Errors
    /// When the function's parameters are not those of inference, or it has no
    /// model.
    pub fn new(
        function: Arc<Function>,
        services: Services,
        log: Option<PredictionLog>,
    ) -> Result<Serving, Problem> {
        let inference = read(&function.params)?;
        if !matches!(function.inputs.get(MODEL), Some(Input::Model(_))) {
            let message = "inference needs one called model, such as { model = { model = \"NAME@champion\" } }";
            return Err(function.params.problem("input", message));
        }
        Ok(Serving {
            function,
            services,
            inference,
            log,
            loaded: ArcSwapOption::empty(),
            looking: Mutex::default(),
        })
    }

    /// Looks where the alias points now, and whether the tables are too old.
    ///
    /// # Errors
    /// When the version cannot be loaded; the one before goes on answering.
    pub async fn refresh(&self) -> Result<(), StageError> {
        let _looking = self.looking.lock().await;
        let (ctx, max_age) = (self.context(), self.inference.max_age);
        let known = self.loaded.load_full();
        let found = Loaded::refreshed(&ctx, &self.inference, known.as_deref()).await;
        if let (Err(_), Some(known)) = (&found, &known)
            && !known.is_fresh(max_age)
        {
            self.loaded.store(Some(Arc::new(known.reread(&ctx).await?)));
        }
        if let Some(found) = found? {
            if known.is_none_or(|known| known.version != found.version) {
                tracing::info!(
                    function = self.function.name,
                    version = found.version,
                    "serves"
                );
            }
            self.loaded.store(Some(Arc::new(found)));
        }
        Ok(())
    }

    fn context(&self) -> StageContext {
        let message = Message::new(format!("{}-serving", self.function.name));
        StageContext::new(Arc::clone(&self.function), self.services.clone(), message)
    }

    /// What answers now, its tables no older than they may be.
    async fn current(&self) -> Result<Arc<Loaded>, Refusal> {
        let seen = self.loaded.load_full();
        let is_fresh = |loaded: &Arc<Loaded>| loaded.is_fresh(self.inference.max_age);
        if let Some(loaded) = seen.clone().filter(is_fresh) {
            return Ok(loaded);
        }
        let refreshed = self.refresh().await;
        let loaded = self.loaded.load_full();
        let is_as_before = match (&seen, &loaded) {
            (Some(seen), Some(loaded)) => Arc::ptr_eq(seen, loaded),
            _ => false,
        };
        match (loaded, refreshed) {
            // Where a newer version is broken, this one still has new tables.
            (Some(loaded), Err(_)) if !is_as_before => Ok(loaded),
            (Some(loaded), Ok(())) => Ok(loaded),
            (_, Err(error)) => Err(Refusal::new(Refused::Unavailable, error.whole())),
            (None, Ok(())) => Err(Refusal::new(Refused::Unavailable, "no model serves yet")),
        }
    }

    async fn answer(&self, rows: Rows) -> Result<Predicted, Refusal> {
        let start = Instant::now();
        if rows.n_rows() > MOST_ROWS {
            let message = format!(
                "{} rows are more than {MOST_ROWS}: send them in parts, or as a table to a function that a queue triggers",
                rows.n_rows()
            );
            return Err(Refusal::new(Refused::BadRequest, message));
        }
        let loaded = self.current().await?;
        let (predicted, rows) = match rows.n_rows() <= AT_HAND {
            true => (loaded.predict(&rows)?, rows),
            false => {
                let loaded = Arc::clone(&loaded);
                let predicting = tokio::task::spawn_blocking(move || {
                    loaded.predict(&rows).map(|predicted| (predicted, rows))
                });
                let broken =
                    |error| Refusal::new(Refused::Failed, format!("the model broke off: {error}"));
                predicting.await.map_err(broken)??
            }
        };
        if let Some(log) = &self.log {
            self.write_down(log, &loaded, &rows, &predicted, start.elapsed());
        }
        Ok(predicted)
    }

    fn write_down(
        &self,
        log: &PredictionLog,
        loaded: &Loaded,
        rows: &Rows,
        predicted: &Predicted,
        took: Duration,
    ) {
        let at = self.services.space.clock().now();
        let request = format!("{:016x}", rand::random::<u64>());
        for (index, row) in rows.iter().enumerate() {
            let cells = rows.columns().iter().cloned().zip(row.iter().map(plain));
            let mut said = Map::new();
            said.insert("label".to_owned(), predicted.labels[index].clone());
            if let Some(score) = predicted
                .probabilities
                .get(index)
                .and_then(|row| row.last())
            {
                said.insert("score".to_owned(), (*score).into());
            }
            log.append(Entry {
                at,
                request: request.clone(),
                model: format!("{} {}", loaded.model, loaded.version),
                row: cells.collect(),
                said,
                seconds: took.as_secs_f64(),
            });
        }
    }
}

/// One request has no more rows.
const MOST_ROWS: usize = 100_000;

/// So many rows are predicted where they come in; more, on another thread.
const AT_HAND: usize = 64;

impl Predictor for Serving {
    fn models(&self) -> Vec<ModelVersions> {
        let loaded = self.loaded.load();
        let versions = loaded.iter().map(|loaded| loaded.version.clone());
        vec![ModelVersions {
            name: self.function.name.clone(),
            versions: versions.collect(),
            ready: loaded.is_some(),
        }]
    }

    fn metadata(&self, _model: &str, version: Option<&str>) -> Result<Arc<Metadata>, Refusal> {
        let loaded = self.loaded.load_full();
        let loaded =
            loaded.ok_or_else(|| Refusal::new(Refused::Unavailable, "no model serves yet"))?;
        match version {
            Some(version) if version != loaded.version => Err(Refusal::new(
                Refused::NotFound,
                format!("version {version} does not serve: {} does", loaded.version),
            )),
            _ => Ok(Arc::clone(&loaded.metadata)),
        }
    }

    fn predict<'a>(
        &'a self,
        _model: &'a str,
        _version: Option<&'a str>,
        rows: Rows,
    ) -> BoxFuture<'a, Result<Predicted, Refusal>> {
        Box::pin(self.answer(rows))
    }
}

impl Loaded {
    /// The version that serves, if any does.
    pub(super) async fn load(
        ctx: &StageContext,
        inference: &Inference,
    ) -> Result<Option<Loaded>, StageError> {
        Loaded::refreshed(ctx, inference, None).await
    }

    /// The version that serves, of which `known` may have parts; None where
    /// none serves, or `known` is as it should be.
    async fn refreshed(
        ctx: &StageContext,
        inference: &Inference,
        known: Option<&Loaded>,
    ) -> Result<Option<Loaded>, StageError> {
        let Some(registered) = ctx.model(MODEL).await? else {
            return Ok(None);
        };
        if let Some(known) = known.filter(|known| known.id == registered.id) {
            return match known.is_fresh(inference.max_age) {
                true => Ok(None),
                false => known.reread(ctx).await.map(Some),
            };
        }
        let version = &registered.version;
        let kind = ctx.described(&version.model).await?.description.kind;
        let brain = Brain::read(&kind, &ctx.content(&version.model).await?)?;
        let steps = match version.preprocessing {
            None => None,
            Some(id) => Some(steps(&ctx.content(&id).await?)?),
        };
        let read = Instant::now();
        let sides = sides(ctx, steps.as_ref()).await?;
        let (model, number) = (registered.model.to_string(), registered.number.to_string());
        Ok(Some(Loaded {
            metadata: Arc::new(metadata(&model, &number, steps.as_ref(), &brain)),
            threshold: match inference.threshold {
                Threshold::Own => None,
                Threshold::At(threshold) => Some(threshold),
                Threshold::Best => version.metrics.get("threshold").copied(),
            },
            model,
            version: number,
            id: registered.id,
            steps,
            sides,
            read,
            brain: Arc::new(brain),
        }))
    }

    /// The same, with the tables beside the rows as they are now.
    async fn reread(&self, ctx: &StageContext) -> Result<Loaded, StageError> {
        let read = Instant::now();
        let sides = sides(ctx, self.steps.as_ref()).await?;
        Ok(Loaded {
            sides,
            read,
            ..self.clone()
        })
    }

    /// Whether the tables beside the rows, if there are any, are new enough.
    fn is_fresh(&self, max_age: Duration) -> bool {
        let mut tables = self.steps.iter().flat_map(Fitted::tables);
        tables.next().is_none() || self.read.elapsed() <= max_age
    }

    /// Rows as the model takes them.
    pub(super) fn prepare(&self, rows: &Frame) -> Result<Frame, Refusal> {
        let Some(steps) = &self.steps else {
            return Ok(rows.clone());
        };
        let bad =
            |error: &dyn std::fmt::Display| Refusal::new(Refused::BadRequest, error.to_string());
        let applied = steps
            .apply(rows, &self.sides)
            .map_err(|error| bad(&error))?;
        if let Some(dropped) = applied.dropped.iter().find(|dropped| dropped.rows > 0) {
            let message = format!(
                "{} of {} rows are not usable: {}",
                dropped.rows,
                rows.n_rows(),
                dropped.rule
            );
            return Err(bad(&message));
        }
        Ok(applied.frame)
    }

    /// What the model says of prepared rows, by the threshold.
    pub(super) fn said(&self, prepared: &Frame) -> Result<Said, Refusal> {
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
    pub(super) fn positive(&self, said: &Said) -> Option<Vec<f64>> {
        let is_of_two = self.metadata.classes.len() == 2 && !said.probabilities.is_empty();
        is_of_two.then(|| said.probabilities.iter().map(|row| row[1]).collect())
    }

    fn predict(&self, rows: &Rows) -> Result<Predicted, Refusal> {
        let said = match (&self.steps, self.brain.imported()) {
            // Nothing is done to the rows: they go to the model as they are.
            (None, Some(imported)) => self.judged(by_cells(imported, rows)?),
            _ => self.said(&self.prepare(&self.frame(rows)?)?)?,
        };
        Ok(Predicted {
            version: self.version.clone(),
            labels: said.labels,
            probabilities: said.probabilities,
            scores: said.scores,
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

/// What the alias is called among the inputs.
const MODEL: &str = "model";

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
fn metadata(name: &str, version: &str, steps: Option<&Fitted>, brain: &Brain) -> Metadata {
    let column = |name: &str, is_text: bool, required: bool| face::Column {
        name: name.to_owned(),
        kind: if is_text {
            face::Kind::Text
        } else {
            face::Kind::Number
        },
        required,
    };
    let inputs = match steps {
        Some(steps) => {
            let inputs = steps.inputs().iter();
            inputs
                .filter(|input| brain.label() != Some(&*input.name))
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
    Metadata {
        name: name.to_owned(),
        version: version.to_owned(),
        inputs,
        classes: brain.classes(),
    }
}

fn with(frame: Frame, name: &str, column: Column) -> Result<Frame, Refusal> {
    let with = frame.with(name, column);
    with.map_err(|error| Refusal::column(name, error.to_string()))
}

/// The cells as a column of a type; the row of one that cannot be.
fn column<'a, I: Iterator<Item = &'a Cell>>(
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

/// As the log writes it.
fn plain(cell: &Cell) -> Value {
    match cell {
        Cell::Missing => Value::Null,
        Cell::Number(number) => (*number).into(),
        Cell::Text(text) => (**text).into(),
    }
}
