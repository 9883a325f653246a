//! *training* fits a model on prepared rows.
//!
//! `step` lists what is fitted on these rows alone, such as scaling; it is kept
//! with the model. It makes the model.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;

use super::bundle::Bundle;
use super::tables::{apart, frame};
use super::truth::{labels, values};
use crate::function::{Facts, Invocation, Invoked, Kind, StageContext, StageError, StageFn};
use crate::model::{self, Checked, Event, ModelSpec, Progress, Target};
use crate::pipeline::{Params, Problem};
use crate::store::artifact::Description;
use crate::transform::{self, Frame, Preparation, Tables};

pub(super) const KIND: Kind = Kind {
    name: "training",
    configure,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    label: Option<String>,
    #[serde(default)]
    ids: Vec<String>,
    #[serde(default)]
    step: Vec<transform::Step>,
    model: ModelSpec,
    /// Whether classes or numbers are learnt, for models that can do both.
    task: Option<Task>,
}

/// What is learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Task {
    Classification,
    Regression,
}

struct Training {
    preparation: Preparation,
    model: Checked<ModelSpec>,
    task: Option<Task>,
}

fn configure(params: &Params) -> Result<Arc<dyn StageFn>, Problem> {
    let file: File = params.read()?;
    let model =
        Checked::new(file.model).map_err(|error| params.problem("model", &error.to_string()))?;
    let preparation = Preparation {
        label: file.label,
        ids: file.ids,
        step: file.step,
    };
    let task = task(model.params(), file.task).map_err(|why| params.problem("task", why))?;
    Ok(Arc::new(Training {
        preparation,
        model,
        task,
    }))
}

/// What the model learns; None where the label's values say.
fn task(spec: &ModelSpec, asked: Option<Task>) -> Result<Option<Task>, &'static str> {
    let own = match spec {
        ModelSpec::GaussianNaiveBayes(_) | ModelSpec::LogisticRegression(_) => Task::Classification,
        ModelSpec::ElasticNet(_)
        | ModelSpec::Lasso(_)
        | ModelSpec::LinearRegression(_)
        | ModelSpec::Ridge(_) => Task::Regression,
        ModelSpec::DecisionTree(_)
        | ModelSpec::GradientBoosting(_)
        | ModelSpec::IsolationForest(_)
        | ModelSpec::KMeans(_)
        | ModelSpec::RandomForest(_) => return Ok(asked),
    };
    match asked {
        Some(asked) if asked != own => Err("this kind of model learns the other: leave it out"),
        _ => Ok(Some(own)),
    }
}

impl StageFn for Training {
    fn name(&self) -> &'static str {
        KIND.name
    }

    fn invoke<'a>(&'a self, ctx: &'a StageContext, _: Invocation) -> Invoked<'a> {
        Box::pin(self.train(ctx))
    }
}

impl Training {
    async fn train(&self, ctx: &StageContext) -> Result<Facts, StageError> {
        let input = ctx.inputs().next().unwrap_or("input");
        let rows = frame(ctx, input).await?;
        let n_rows = rows.n_rows();
        let (preparation, spec, task) = (self.preparation.clone(), self.model.clone(), self.task);
        let bundle = apart("training", move || fit(preparation, &spec, task, rows)).await?;
        let document = serde_json::to_vec(&bundle)
            .map_err(|error| StageError::of("the model cannot be written", error))?;
        let description = Description {
            kind: "model".to_owned(),
            ..Description::default()
        };
        ctx.put("", description, document).await?;
        Ok(Facts::from_iter([
            ("rows".to_owned(), json!(n_rows)),
            ("features".to_owned(), json!(bundle.steps.features().len())),
        ]))
    }
}

fn fit(
    preparation: Preparation,
    spec: &Checked<ModelSpec>,
    task: Option<Task>,
    rows: Frame,
) -> Result<Bundle, StageError> {
    let wrong = |error| StageError::of("the rows cannot be trained on", error);
    let (steps, applied) = transform::fit(&preparation, rows, Tables::new()).map_err(wrong)?;
    let matrix = steps.matrix(&applied.frame).map_err(wrong)?;
    let target = match &preparation.label {
        Some(label) => target(&applied.frame, label, task)?,
        None => Target::None,
    };
    let model = model::fit(spec, matrix.view(), &target, None, &Told)
        .map_err(|error| StageError::of("the model cannot be fitted", error))?;
    Ok(Bundle {
        label: preparation.label,
        steps,
        model,
    })
}

/// Unless it is said, a column of fractions is numbers, and any other classes.
fn target(frame: &Frame, label: &str, task: Option<Task>) -> Result<Target, StageError> {
    let has_fractions = || {
        let column = frame
            .column(label)
            .ok()
            .and_then(|column| column.numbers(label).ok());
        column.is_some_and(|numbers| numbers.values().iter().any(|value| value.fract() != 0.0))
    };
    let is_regression = match task {
        Some(task) => task == Task::Regression,
        None => has_fractions(),
    };
    match is_regression {
        true => values(frame, label).map(Target::Values),
        false => labels(frame, label).map(Target::Labels),
    }
}

/// Progress goes to the log.
struct Told;

impl Progress for Told {
    fn tell(&self, event: Event) {
        tracing::debug!(?event, "training");
    }
}
