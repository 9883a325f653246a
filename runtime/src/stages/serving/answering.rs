//! [`Answering`]: a version that answers, and writes down what it said.

use std::sync::Arc;
use std::time::Instant;

use futures_util::future::BoxFuture;
use metrics::Histogram;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::super::inference::KIND;
use super::batches::Batches;
use super::loaded::Loaded;
use crate::face::{Cell, Metadata, Predicted, Refusal, Refused, Rows, Version};
use crate::log::{Entry, Lines, PredictionLog};
use crate::spans::{self, Span};
use crate::store::clock::{Clock, Timestamp};

/// A version that one request has.
pub(super) struct Answering {
    pub(super) loaded: Arc<Loaded>,
    /// So many rows of several requests are predicted together.
    pub(super) most_together: usize,
    pub(super) log: Option<PredictionLog>,
    /// How long requests took, in seconds.
    pub(super) took: Histogram,
    pub(super) clock: Arc<dyn Clock>,
}

/// One request has no more rows.
const MOST_ROWS: usize = 100_000;

/// So many rows are predicted where they come in; more, on another thread.
const AT_HAND: usize = 64;

impl Version for Answering {
    fn metadata(&self) -> &Metadata {
        self.loaded.metadata()
    }

    fn predict(&self, rows: Rows) -> BoxFuture<'_, Result<Predicted, Refusal>> {
        match spans::call(&self.metadata().name) {
            Some(span) => Box::pin(self.recorded(rows, span)),
            None => Box::pin(self.answer(rows)),
        }
    }
}

impl Answering {
    /// The invocation is a span.
    async fn recorded(&self, rows: Rows, mut span: Span) -> Result<Predicted, Refusal> {
        let metadata = self.metadata();
        span.say("cutline.function", metadata.name.clone());
        span.say("cutline.stage", KIND.name);
        span.say("cutline.version", Arc::clone(self.loaded.full_name()));
        span.say("cutline.rows", rows.n_rows() as i64);
        let predicted = self.answer(rows).await;
        span.say(
            "cutline.end",
            if predicted.is_ok() { "done" } else { "refused" },
        );
        if let Err(refusal) = &predicted
            && refusal.refused.status().is_server_error()
        {
            span.fail("refused");
        }
        predicted
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
        let (predicted, rows) = self.predicted(rows).await;
        let predicted = predicted?;
        let seconds = start.elapsed().as_secs_f64();
        self.loaded
            .answered
            .increment(predicted.labels.len() as u64);
        self.took.record(seconds);
        if let Some(log) = &self.log {
            let said = Written {
                at: self.clock.now(),
                model: Arc::clone(self.loaded.full_name()),
                seconds,
                labels: predicted.labels.clone(),
                scores: last_of_each(&predicted.probabilities),
                left_out: predicted.left_out_rows().to_vec(),
                rows,
            };
            log.append_later(said.labels.len(), move |lines| said.write(lines));
        }
        Ok(predicted)
    }

    async fn predicted(&self, rows: Rows) -> (Result<Predicted, Refusal>, Rows) {
        let loaded = Arc::clone(&self.loaded);
        let most = self.most_together;
        if loaded.is_by_table() && rows.n_rows() < most {
            return Batches::predict(loaded, rows, most).await;
        }
        if rows.n_rows() <= AT_HAND {
            return (loaded.predict(&rows), rows);
        }
        let predicting = tokio::task::spawn_blocking(move || (loaded.predict(&rows), rows));
        predicting.await.unwrap_or_else(|error| {
            let message = format!("the model broke off: {error}");
            (Err(Refusal::new(Refused::Failed, message)), Rows::default())
        })
    }
}

/// What the log's entries are made of, when there is time.
struct Written {
    at: Timestamp,
    model: Arc<str>,
    seconds: f64,
    rows: Rows,
    labels: Vec<Value>,
    scores: Vec<f64>,
    /// Rows of the request that were not answered, in order.
    left_out: Vec<usize>,
}

impl Written {
    fn write(&self, lines: &mut Lines) {
        let request = format!("{:016x}", rand::random::<u64>());
        let rows = self.rows.iter().enumerate();
        let answered = rows.filter(|(row, _)| self.left_out.binary_search(row).is_err());
        for (index, ((_, cells), label)) in answered.zip(&self.labels).enumerate() {
            lines.push(&Entry {
                at: self.at,
                request: &*request,
                model: &*self.model,
                row: Row {
                    columns: self.rows.columns(),
                    cells,
                },
                said: Said {
                    label,
                    score: self.scores.get(index).copied(),
                },
                seconds: self.seconds,
            });
        }
    }
}

/// A row by column, as the log writes it.
struct Row<'a> {
    columns: &'a [String],
    cells: &'a [Cell],
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.columns.iter().zip(self.cells.iter().map(Plain)))
    }
}

struct Plain<'a>(&'a Cell);

impl Serialize for Plain<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Cell::Missing => serializer.serialize_unit(),
            Cell::Number(number) => serializer.serialize_f64(*number),
            Cell::Text(text) => serializer.serialize_str(text),
        }
    }
}

#[derive(Serialize)]
struct Said<'a> {
    label: &'a Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
}

fn last_of_each(probabilities: &[Vec<f64>]) -> Vec<f64> {
    let last = probabilities.iter().filter_map(|row| row.last());
    last.copied().collect()
}
