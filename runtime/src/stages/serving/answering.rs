//! [`Answering`]: a version that answers, and writes down what it said.

use std::sync::Arc;
use std::time::Instant;

use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

use super::batches::Batches;
use super::loaded::Loaded;
use crate::face::{Cell, Metadata, Predicted, Refusal, Refused, Rows, Version};
use crate::log::{Entry, PredictionLog};
use crate::store::clock::{Clock, Timestamp};

/// A version that one request has.
pub(super) struct Answering {
    pub(super) loaded: Arc<Loaded>,
    /// So many rows of several requests are predicted together.
    pub(super) most_together: usize,
    pub(super) log: Option<PredictionLog>,
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
        Box::pin(self.answer(rows))
    }
}

impl Answering {
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
        if let Some(log) = &self.log {
            let said = Written {
                at: self.clock.now(),
                model: self.loaded.full_name(),
                seconds: start.elapsed().as_secs_f64(),
                labels: predicted.labels.clone(),
                scores: last_of_each(&predicted.probabilities),
                left_out: predicted.left_out_rows().to_vec(),
                rows,
            };
            log.append_later(said.labels.len(), move || said.entries());
        }
        Ok(predicted)
    }
}

impl Answering {
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
    model: String,
    seconds: f64,
    rows: Rows,
    labels: Vec<Value>,
    scores: Vec<f64>,
    /// Rows of the request that were not answered, in order.
    left_out: Vec<usize>,
}

impl Written {
    fn entries(self) -> Vec<Entry> {
        let request = format!("{:016x}", rand::random::<u64>());
        let rows = self.rows.iter().enumerate();
        let answered = rows.filter(|(row, _)| self.left_out.binary_search(row).is_err());
        let entries = answered.zip(&self.labels).enumerate();
        let entry = |(index, ((_, row), label)): (usize, ((usize, &[Cell]), &Value))| {
            let cells = self
                .rows
                .columns()
                .iter()
                .cloned()
                .zip(row.iter().map(plain));
            let mut said = Map::from_iter([("label".to_owned(), label.clone())]);
            if let Some(score) = self.scores.get(index) {
                said.insert("score".to_owned(), (*score).into());
            }
            Entry {
                at: self.at,
                request: request.clone(),
                model: self.model.clone(),
                row: cells.collect(),
                said,
                seconds: self.seconds,
            }
        };
        entries.map(entry).collect()
    }
}

fn last_of_each(probabilities: &[Vec<f64>]) -> Vec<f64> {
    let last = probabilities.iter().filter_map(|row| row.last());
    last.copied().collect()
}

/// As the log writes it.
fn plain(cell: &Cell) -> Value {
    match cell {
        Cell::Missing => Value::Null,
        Cell::Number(number) => (*number).into(),
        Cell::Text(text) => (**text).into(),
    }
}
