//! *evaluation* measures a model on rows it was not trained on, and says
//! whether it is good enough.
//!
//! Inputs: `model` (an artifact, the version behind an alias, or a file), `test`,
//! and, where the gate compares, `current`, the version
//! that serves now. It makes the measures, and the model card as a page under
//! `card` and in Markdown under `card-markdown`. Its fact `passed` is what the
//! gate says.

mod card;
mod subject;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;

use self::subject::Subject;
use super::bundle::Bundle;
use super::tables::{apart, frame};
use super::truth::{class_names, predictions};
use crate::function::{Facts, Invocation, Invoked, Kind, StageContext, StageError, StageFn};
use crate::metrics::{self, Evaluation, EvaluationSpec, Gate, Judgement};
use crate::page;
use crate::pipeline::{Input, Params, Problem};
use crate::store::artifact::{Artifact, ArtifactId, Description};
use crate::transform::Frame;

pub(super) const KIND: Kind = Kind {
    name: "evaluation",
    configure,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    metrics: Vec<metrics::Metric>,
    #[serde(default)]
    bootstrap: metrics::Bootstrap,
    #[serde(default)]
    gate: Gate,
    /// Columns whose values part the rows.
    #[serde(default)]
    slices: Vec<String>,
}

struct Measuring {
    spec: EvaluationSpec,
    gate: Gate,
    slices: Vec<String>,
}

/// What an evaluation keeps.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Report {
    /// What was measured.
    pub(super) evaluation: Evaluation,
    /// What the gate says.
    pub(super) judgement: Judgement,
    /// The model card, as a page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) card: Option<ArtifactId>,
}

fn configure(params: &Params) -> Result<Arc<dyn StageFn>, Problem> {
    let file: File = params.read()?;
    file.gate
        .check()
        .map_err(|error| params.problem("gate", &error.to_string()))?;
    Ok(Arc::new(Measuring {
        spec: EvaluationSpec {
            metrics: file.metrics,
            bootstrap: file.bootstrap,
        },
        gate: file.gate,
        slices: file.slices,
    }))
}

impl StageFn for Measuring {
    fn name(&self) -> &'static str {
        KIND.name
    }

    fn invoke<'a>(&'a self, ctx: &'a StageContext, _: Invocation) -> Invoked<'a> {
        Box::pin(self.evaluate(ctx))
    }
}

impl Measuring {
    async fn evaluate(&self, ctx: &StageContext) -> Result<Facts, StageError> {
        let subject = Subject::of(ctx).await?;
        let test = frame(ctx, "test").await?;
        let current = self.current(ctx).await?;
        let (spec, gate, slices) = (self.spec.clone(), self.gate.clone(), self.slices.clone());
        let (mut report, subject) = apart("evaluating", move || {
            let bundle = &subject.bundle;
            let report = measured(&spec, &gate, &slices, bundle, current.as_ref(), &test)?;
            Ok((report, subject))
        })
        .await?;
        let card = card::card(ctx, &subject, &report).await?;
        let markdown = page::model_card_markdown(&card);
        put(ctx, "card-markdown", "model-card", markdown.into_bytes()).await?;
        let html = page::model_card_html(&card);
        let page = put(ctx, "card", "page", html.into_bytes()).await?;
        report.card = Some(page.id);
        let document = serde_json::to_vec_pretty(&report)
            .map_err(|error| StageError::of("the measures cannot be written", error))?;
        put(ctx, "", "evaluation", document).await?;
        Ok(facts(&report))
    }

    /// The version that serves, where the gate asks for it.
    async fn current(&self, ctx: &StageContext) -> Result<Option<Bundle>, StageError> {
        let is_bound = ctx.inputs().any(|input| input == "current");
        if self.gate.against_current.is_empty() || !is_bound {
            return Ok(None);
        }
        let Input::Model(_) = ctx.input("current")? else {
            return Err(StageError::data(
                "the input current is no model: write current = { model = \"NAME@champion\" }",
            ));
        };
        match ctx.model("current").await? {
            None => Ok(None),
            Some(registered) => {
                let document = ctx.content(&registered.version.model).await?;
                Bundle::read(&*document).map(Some)
            }
        }
    }
}

async fn put(
    ctx: &StageContext,
    port: &str,
    kind: &str,
    content: Vec<u8>,
) -> Result<Artifact, StageError> {
    let description = Description {
        kind: kind.to_owned(),
        ..Description::default()
    };
    ctx.put(port, description, content).await
}

fn measured(
    spec: &EvaluationSpec,
    gate: &Gate,
    slices: &[String],
    bundle: &Bundle,
    current: Option<&Bundle>,
    test: &Frame,
) -> Result<Report, StageError> {
    let predicted = predictions(bundle, test)?;
    let now = current
        .map(|current| predictions(current, test))
        .transpose()?;
    let parts = slices.iter().map(|column| {
        let wrong = |error| StageError::of("the test rows cannot be parted", error);
        let values = test.column(column).map_err(wrong)?;
        let texts: Vec<Option<String>> = values
            .scalars()
            .map(|value| value.map(|value| value.to_string()))
            .collect();
        let slices = metrics::by_value(texts.iter().map(Option::as_deref), MOST_SLICES);
        Ok((column.clone(), slices))
    });
    let parts = parts.collect::<Result<Vec<_>, StageError>>()?;
    Ok(Report {
        evaluation: metrics::evaluate(spec, &predicted, &class_names(bundle), &parts),
        judgement: metrics::judge(gate, &predicted, now.as_ref(), &spec.bootstrap),
        card: None,
    })
}

/// Values of a column that are looked at by themselves.
const MOST_SLICES: usize = 20;

fn facts(report: &Report) -> Facts {
    let mut facts = Facts::new();
    facts.insert("passed".to_owned(), json!(report.judgement.passed));
    facts.insert("rows".to_owned(), json!(report.evaluation.rows));
    for measure in &report.evaluation.measures {
        facts.insert(measure.metric.name().to_owned(), json!(measure.value));
    }
    let against = report
        .judgement
        .reasons
        .iter()
        .filter(|reason| !reason.passed);
    let against: Vec<&str> = against.map(|reason| reason.why.as_str()).collect();
    if !against.is_empty() {
        facts.insert("why".to_owned(), json!(against.join("; ")));
    }
    facts
}
