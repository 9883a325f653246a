//! *monitoring* compares what was asked lately with what the model was trained
//! on.
//!
//! Inputs: `log`, the predictions of an inference function, and `reference`, a
//! table, or a version of a model, for the rows it was trained on. It makes the report as JSON, and as a page under `page`. Its fact
//! `drifted` says what came of it.

use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::{Value, json};

use super::tables::{apart, frame};
use crate::drift::{self, Column, DriftSpec};
use crate::function::{Facts, Invocation, Invoked, Kind, StageContext, StageError, StageFn};
use crate::log::Entry;
use crate::page;
use crate::pipeline::{Params, Problem};
use crate::store::artifact::Description;
use crate::store::clock::Timestamp;
use crate::transform::{self, Frame};

pub(super) const KIND: Kind = Kind {
    name: "monitoring",
    configure,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// How far back the predictions reach.
    #[serde(default = "a_day")]
    window: String,
    /// Fewer rows say nothing.
    #[serde(default = "thirty")]
    at_least: usize,
    #[serde(default)]
    drift: DriftSpec,
}

fn a_day() -> String {
    "1day".to_owned()
}

fn thirty() -> usize {
    30
}

struct Monitoring {
    window: Duration,
    at_least: usize,
    drift: DriftSpec,
}

fn configure(params: &Params) -> Result<Arc<dyn StageFn>, Problem> {
    let file: File = params.read()?;
    let window = humantime::parse_duration(&file.window).map_err(|_| {
        params.problem(
            "window",
            &format!("{:?} is no time: write 1h or 7days", file.window),
        )
    })?;
    Ok(Arc::new(Monitoring {
        window,
        at_least: file.at_least,
        drift: file.drift,
    }))
}

impl StageFn for Monitoring {
    fn name(&self) -> &'static str {
        KIND.name
    }

    fn invoke<'a>(&'a self, ctx: &'a StageContext, _: Invocation) -> Invoked<'a> {
        Box::pin(self.watch(ctx))
    }
}

impl Monitoring {
    async fn watch(&self, ctx: &StageContext) -> Result<Facts, StageError> {
        let window = u64::try_from(self.window.as_millis()).unwrap_or(u64::MAX);
        let since = Timestamp::from_millis(ctx.now().millis().saturating_sub(window));
        let entries = ctx.predictions("log", since).await?;
        if entries.len() < self.at_least {
            return Ok(Facts::from_iter([
                ("rows".to_owned(), json!(entries.len())),
                ("drifted".to_owned(), Value::Null),
                (
                    "why".to_owned(),
                    json!(format!(
                        "{} predictions are too few to tell; {} would do",
                        entries.len(),
                        self.at_least
                    )),
                ),
            ]));
        }
        let reference = frame(ctx, "reference").await?;
        let (spec, n_rows) = (self.drift.clone(), entries.len());
        let report = apart("monitoring", move || {
            let reference = columns(&reference);
            Ok(drift::compare(
                &spec,
                &reference,
                &asked(&reference, &entries),
                None,
            ))
        })
        .await?;
        let document = serde_json::to_vec_pretty(&report)
            .map_err(|error| StageError::of("the report cannot be written", error))?;
        let kind = |kind: &str| Description {
            kind: kind.to_owned(),
            ..Description::default()
        };
        ctx.put("", kind("drift-report"), document).await?;
        let title = format!("Drift of {}", ctx.function());
        ctx.put("page", kind("page"), page::drift_html(&title, &report))
            .await?;
        metrics::gauge!("cutline_drift_share", "function" => ctx.function().to_owned())
            .set(report.share);
        let drifted = report
            .columns
            .iter()
            .filter(|column| column.outcome.is_some_and(|outcome| outcome.drifted));
        let drifted: Vec<&str> = drifted.map(|column| column.column.as_str()).collect();
        Ok(Facts::from_iter([
            ("rows".to_owned(), json!(n_rows)),
            ("drifted".to_owned(), json!(report.drifted)),
            ("columns".to_owned(), json!(drifted)),
            ("share".to_owned(), json!(report.share)),
        ]))
    }
}

/// The columns of a table, as the tests take them.
fn columns(frame: &Frame) -> IndexMap<String, Column> {
    let each = frame.columns().map(|(name, column)| {
        let column = match column.ty() {
            transform::Type::String => {
                let words: Vec<Option<String>> = column
                    .scalars()
                    .map(|value| value.map(|value| value.to_string()))
                    .collect();
                Column::words(words.iter().map(Option::as_deref))
            }
            _ => {
                let numbers = column
                    .scalars()
                    .map(|value| value.and_then(|value| value.number()).unwrap_or(f64::NAN));
                Column::numbers(numbers)
            }
        };
        (name.to_owned(), column)
    });
    each.collect()
}

/// The columns of what was asked, of the reference's kinds.
fn asked(reference: &IndexMap<String, Column>, entries: &[Entry]) -> IndexMap<String, Column> {
    let each = reference.iter().filter_map(|(name, kind)| {
        let values = || entries.iter().map(|entry| entry.row.get(name));
        values().flatten().next()?;
        let column = match kind {
            Column::Numbers(_) => Column::numbers(
                values().map(|value| value.and_then(Value::as_f64).unwrap_or(f64::NAN)),
            ),
            Column::Words(_) => Column::words(values().map(|value| value.and_then(Value::as_str))),
        };
        Some((name.clone(), column))
    });
    each.collect()
}
