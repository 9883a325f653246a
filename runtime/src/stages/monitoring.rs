//! *monitoring* looks at what was asked and answered lately: whether it is what
//! the model was trained on, whether the data is as good, how long the answers
//! took, and, once labels arrive, how good they were.
//!
//! Inputs: `log`, the predictions of an inference function; `reference`, a
//! table, or a version of a model, for the rows it was trained on; and where
//! they are known, `labels`. It makes the report as JSON, and as a page under
//! `page`. Where a limit is crossed, it makes an `event` and sends its message,
//! once for each limit and span of time; at all other times it sends nothing.

mod columns;
mod labels;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::{Value, json};

use self::columns::{asked, columns, outputs, profile, profile_asked};
use self::labels::{Join, Known, of_json};
use super::brain::Brain;
use super::tables::{apart, frame};
use crate::drift::{
    self, Answer, Column, ColumnDrift, Crossed, Distribution, DriftReport, DriftSpec, Event,
    Latency, LiveReport, Performance, QualityLimits, Quantiles, Window,
};
use crate::function::{Facts, Invocation, Invoked, Kind, StageContext, StageError, StageFn};
use crate::log::Entry;
use crate::metrics::{Bootstrap, Limit, Metric};
use crate::page;
use crate::pipeline::{Input, Params, Problem};
use crate::store::artifact::Description;
use crate::store::clock::Timestamp;
use crate::store::registry::ModelVersion;
use crate::transform::Frame;

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
    /// The width of the spans it is parted in.
    step: Option<String>,
    /// Fewer rows say nothing.
    #[serde(default = "thirty")]
    at_least: usize,
    #[serde(default)]
    drift: DriftSpec,
    #[serde(default)]
    quality: QualityLimits,
    labels: Option<Join>,
    #[serde(default)]
    metrics: Vec<Metric>,
    #[serde(default)]
    bootstrap: Bootstrap,
    /// By how much a metric may be worse than when the model was evaluated.
    #[serde(default)]
    worse_by: f64,
    #[serde(default = "no_drift")]
    limits: IndexMap<String, Limit>,
}

fn a_day() -> String {
    "1day".to_owned()
}

fn thirty() -> usize {
    30
}

fn no_drift() -> IndexMap<String, Limit> {
    let none = Limit {
        min: None,
        max: Some(0.0),
    };
    IndexMap::from([("drifted".to_owned(), none)])
}

#[derive(Clone)]
struct Monitoring {
    window: Duration,
    step: Duration,
    at_least: usize,
    drift: DriftSpec,
    quality: QualityLimits,
    labels: Option<Join>,
    metrics: Vec<Metric>,
    bootstrap: Bootstrap,
    worse_by: f64,
    limits: IndexMap<String, Limit>,
}

/// So many spans a report has at most.
const MOST_STEPS: u128 = 1_000;

fn configure(params: &Params) -> Result<Arc<dyn StageFn>, Problem> {
    let file: File = params.read()?;
    let window = duration(params, "window", &file.window)?;
    let step = match &file.step {
        Some(step) => duration(params, "step", step)?,
        None => (window / 24).max(Duration::from_secs(1)),
    };
    if window.as_millis() / step.as_millis() > MOST_STEPS {
        let said = format!("a window has {MOST_STEPS} steps at most: make them longer");
        return Err(params.problem("step", &said));
    }
    for (name, limit) in &file.limits {
        let said = match (drift::check_figure(name), limit.min, limit.max) {
            (Err(error), ..) => error.to_string(),
            (_, None, None) => format!("{name} has no limit: write {{ max = 0.5 }} or min"),
            _ => continue,
        };
        return Err(params.problem("limits", &said));
    }
    Ok(Arc::new(Monitoring {
        window,
        step,
        at_least: file.at_least,
        drift: file.drift,
        quality: file.quality,
        labels: file.labels,
        metrics: file.metrics,
        bootstrap: file.bootstrap,
        worse_by: file.worse_by,
        limits: file.limits,
    }))
}

fn duration(params: &Params, key: &str, text: &str) -> Result<Duration, Problem> {
    let read = humantime::parse_duration(text).ok();
    read.filter(|read| read.as_millis() > 0)
        .ok_or_else(|| params.problem(key, &format!("{text:?} is no time: write 1h or 7days")))
}

impl StageFn for Monitoring {
    fn name(&self) -> &'static str {
        KIND.name
    }

    fn invoke<'a>(&'a self, ctx: &'a StageContext, _: Invocation) -> Invoked<'a> {
        Box::pin(self.watch(ctx))
    }
}

/// The model that is watched, where the reference is one.
struct Watched {
    version: ModelVersion,
    brain: Brain,
}

impl Monitoring {
    async fn watch(&self, ctx: &StageContext) -> Result<Facts, StageError> {
        let window = u64::try_from(self.window.as_millis()).unwrap_or(u64::MAX);
        let since = Timestamp::from_millis(ctx.now().millis().saturating_sub(window));
        let entries = ctx.predictions("log", since).await?;
        if entries.len() < self.at_least {
            return self.too_few(ctx, entries.len()).await;
        }
        let reference = frame(ctx, "reference").await?;
        let watched = watched(ctx).await?;
        let labels = match ctx.inputs().any(|input| input == "labels") {
            true => Some(frame(ctx, "labels").await?),
            false => None,
        };
        let this = self.clone();
        let report = apart("monitoring", move || {
            this.report(&reference, &entries, watched.as_ref(), labels.as_ref())
        })
        .await?;
        keep(ctx, &report).await?;
        let figures = report.figures();
        gauges(ctx.function(), &figures);
        let raised = self.raise(ctx, &report.crossed).await?;
        Ok(facts(&report, &figures, raised))
    }

    /// Too few predictions are no reason to say anything but that.
    async fn too_few(&self, ctx: &StageContext, n_rows: usize) -> Result<Facts, StageError> {
        let figures = IndexMap::from([("rows".to_owned(), n_rows as f64)]);
        gauges(ctx.function(), &figures);
        let crossed = drift::crossed(&figures, &self.limits);
        let raised = self.raise(ctx, &crossed).await?;
        let why = format!(
            "{n_rows} predictions are too few to tell; {} would do",
            self.at_least
        );
        Ok(Facts::from_iter([
            ("rows".to_owned(), json!(n_rows)),
            ("drifted".to_owned(), Value::Null),
            ("why".to_owned(), json!(why)),
            ("raised".to_owned(), json!(raised)),
        ]))
    }

    fn report(
        &self,
        reference: &Frame,
        entries: &[Entry],
        watched: Option<&Watched>,
        labels: Option<&Frame>,
    ) -> Result<LiveReport, StageError> {
        let was = columns(reference);
        let is = asked(&was, entries);
        let outputs = watched.map(|watched| predicted(&watched.brain, reference, entries));
        let both = outputs.as_ref().and_then(|outputs| outputs.as_ref().ok());
        let both = both.map(|[was, is]| (was, is));
        let mut drift: DriftReport = drift::compare(&self.drift, &was, &is, both);
        if let Some(Err(why)) = outputs {
            drift.predictions = Some(untestable(why));
        }
        let (before, now) = (profile(reference, &is), profile_asked(entries, &is));
        drift.problems = drift::problems(&before, &now, &self.quality);
        drift.rows = [reference.n_rows() as u64, entries.len() as u64];
        let mut report = LiveReport {
            drift,
            latency: Quantiles::of(&latency(entries)),
            windows: windows(entries, self.step),
            performance: self.performance(entries, watched, labels)?,
            crossed: Vec::new(),
        };
        report.crossed = drift::crossed(&report.figures(), &self.limits);
        Ok(report)
    }

    /// None where there are no labels, or none that belongs to a prediction.
    fn performance(
        &self,
        entries: &[Entry],
        watched: Option<&Watched>,
        labels: Option<&Frame>,
    ) -> Result<Option<Performance>, StageError> {
        let Some(labels) = labels else {
            return Ok(None);
        };
        let join = self.labels.as_ref().ok_or_else(|| {
            StageError::data("the input labels is joined by nothing: write labels = { by = [\"customer_id\"], column = \"churned\" }")
        })?;
        let known = join.known(labels, entries)?;
        if known.len() == 0 {
            return Ok(None);
        }
        let classes = watched.map(|watched| watched.brain.classes());
        let before = self.metrics(watched, classes.as_deref());
        let predictions = match before
            .first()
            .is_some_and(|(metric, _)| metric.is_of_classes())
        {
            true => in_classes(&known, classes.as_deref())?,
            false => known.numbers()?,
        };
        Ok(Some(drift::performance(
            &predictions,
            &before,
            self.worse_by,
            &self.bootstrap,
        )))
    }

    /// What is measured, each with what it was when the model was evaluated.
    /// Unless told otherwise: all that was measured then.
    fn metrics(
        &self,
        watched: Option<&Watched>,
        classes: Option<&[Value]>,
    ) -> Vec<(Metric, Option<f64>)> {
        let then = watched.map(|watched| &watched.version.metrics);
        let was = |metric: &Metric| then.and_then(|then| then.get(metric.name())).copied();
        let measured = then.into_iter().flat_map(IndexMap::keys);
        let mut metrics = match self.metrics.is_empty() {
            true => measured.filter_map(|name| name.parse().ok()).collect(),
            false => self.metrics.clone(),
        };
        if metrics.is_empty() {
            let of_numbers = classes.is_some_and(<[Value]>::is_empty);
            metrics.push(if of_numbers {
                Metric::Rmse
            } else {
                Metric::Accuracy
            });
        }
        let each = metrics.into_iter().map(|metric| (metric, was(&metric)));
        each.collect()
    }

    /// Makes an event of the limits that none was made of in this span, and
    /// says whether there is one. Where there is none, nobody is told.
    async fn raise(&self, ctx: &StageContext, crossed: &[Crossed]) -> Result<bool, StageError> {
        let now = DateTime::from_timestamp_millis(ctx.now().millis().cast_signed());
        let from = now.and_then(|now| drift::window_start(now, self.window));
        let from = from.unwrap_or(DateTime::<Utc>::UNIX_EPOCH);
        let mut first = Vec::new();
        for one in crossed {
            let what = format!("{}-{}", one.figure, from.timestamp_millis());
            if ctx.first(&what).await? {
                first.push(one.clone());
            }
        }
        if first.is_empty() {
            ctx.send_nothing();
            return Ok(false);
        }
        for one in &first {
            tracing::warn!(function = ctx.function(), "{}", one.says());
        }
        let event = Event {
            function: ctx.function().to_owned(),
            from,
            crossed: first,
        };
        put(ctx, "event", "event", json_of(&event)?).await?;
        Ok(true)
    }
}

fn in_classes(
    known: &Known<'_>,
    classes: Option<&[Value]>,
) -> Result<crate::metrics::Predictions, StageError> {
    let names: Vec<String> = classes.into_iter().flatten().map(of_json).collect();
    known.classes(&names)
}

async fn watched(ctx: &StageContext) -> Result<Option<Watched>, StageError> {
    let Input::Model(_) = ctx.input("reference")? else {
        return Ok(None);
    };
    let Some(registered) = ctx.model("reference").await? else {
        return Ok(None);
    };
    let version = registered.version;
    let brain = Brain::of(ctx, &version).await?;
    Ok(Some(Watched { version, brain }))
}

/// What the model says of the rows it was trained on, and what it said lately;
/// of two classes the probability of the second.
fn predicted(brain: &Brain, reference: &Frame, entries: &[Entry]) -> Result<[Column; 2], String> {
    let said = brain
        .predict(reference)
        .map_err(|error| error.to_string())?;
    let scores: Option<Vec<f64>> = entries
        .iter()
        .map(|entry| entry.said.get("score")?.as_f64())
        .collect();
    match scores {
        Some(scores) if brain.classes().len() == 2 && !said.probabilities.is_empty() => {
            let was = said
                .probabilities
                .iter()
                .filter_map(|row| row.last().copied());
            Ok([Column::numbers(was), Column::numbers(scores)])
        }
        _ if brain.classes().is_empty() => {
            let now = entries.iter().filter_map(|entry| entry.said.get("label"));
            Ok([outputs(said.labels.iter()), outputs(now)])
        }
        _ => {
            let words = |labels: Vec<String>| {
                Column::words(labels.iter().map(|label| Some(label.as_str())))
            };
            let now = entries.iter().filter_map(|entry| entry.said.get("label"));
            let was = said.labels.iter().map(of_json).collect();
            Ok([words(was), words(now.map(of_json).collect())])
        }
    }
}

fn untestable(why: String) -> ColumnDrift {
    ColumnDrift {
        column: "prediction".to_owned(),
        outcome: None,
        untestable: Some(why),
        distribution: Distribution::Mixed,
    }
}

/// Of requests, each of which may have had many rows.
fn latency(entries: &[Entry]) -> Latency {
    let (mut latency, mut seen) = (Latency::default(), HashSet::new());
    for entry in entries {
        if seen.insert(entry.request.as_str()) {
            latency.add(took(entry));
        }
    }
    latency
}

fn took(entry: &Entry) -> Duration {
    Duration::try_from_secs_f64(entry.seconds).unwrap_or_default()
}

/// The answers in spans of this width, those without any left out.
fn windows(entries: &[Entry], step: Duration) -> Vec<Window> {
    let mut windows: Vec<Window> = Vec::new();
    for entry in entries {
        let Some(at) = DateTime::from_timestamp_millis(entry.at.millis().cast_signed()) else {
            continue;
        };
        let said = entry.said.get("label");
        let label = said
            .filter(|label| !label.is_number() || label.is_i64())
            .map(of_json);
        let score = entry.said.get("score").or(said).and_then(Value::as_f64);
        let answer = Answer {
            at,
            label: label.as_deref(),
            score,
            took: took(entry),
            failed: false,
        };
        if windows.last_mut().is_some_and(|last| last.add(&answer)) {
            continue;
        }
        if let Some(mut window) = Window::around(at, step) {
            window.add(&answer);
            windows.push(window);
        }
    }
    windows
}

async fn keep(ctx: &StageContext, report: &LiveReport) -> Result<(), StageError> {
    put(ctx, "", "drift-report", json_of(report)?).await?;
    let page = page::live_html(&format!("Monitoring of {}", ctx.function()), report);
    put(ctx, "page", "page", page.into_bytes()).await
}

async fn put(
    ctx: &StageContext,
    port: &str,
    kind: &str,
    content: Vec<u8>,
) -> Result<(), StageError> {
    let description = Description {
        kind: kind.to_owned(),
        ..Description::default()
    };
    ctx.put(port, description, content).await.map(|_| ())
}

fn json_of(document: &impl serde::Serialize) -> Result<Vec<u8>, StageError> {
    serde_json::to_vec_pretty(document)
        .map_err(|error| StageError::of("the report cannot be written", error))
}

fn gauges(function: &str, figures: &IndexMap<String, f64>) {
    for (name, value) in figures {
        let labels = [("function", function.to_owned()), ("figure", name.clone())];
        metrics::gauge!("cutline_monitoring", &labels).set(*value);
    }
}

fn facts(report: &LiveReport, figures: &IndexMap<String, f64>, raised: bool) -> Facts {
    let drifted = report
        .drift
        .columns
        .iter()
        .filter(|column| column.outcome.is_some_and(|outcome| outcome.drifted));
    let drifted: Vec<&str> = drifted.map(|column| column.column.as_str()).collect();
    let crossed: Vec<String> = report.crossed.iter().map(Crossed::says).collect();
    let mut facts = Facts::from_iter([
        ("rows".to_owned(), json!(report.drift.rows[1])),
        ("drifted".to_owned(), json!(report.drift.drifted)),
        ("columns".to_owned(), json!(drifted)),
        ("share".to_owned(), json!(report.drift.share)),
        ("crossed".to_owned(), json!(crossed)),
        ("raised".to_owned(), json!(raised)),
    ]);
    let more = figures
        .iter()
        .filter(|(name, _)| name.parse::<Metric>().is_ok());
    facts.extend(more.map(|(name, value)| (name.clone(), json!(value))));
    facts
}
