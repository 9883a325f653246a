//! *training* fits a model on prepared rows.
//!
//! `step` lists what is fitted on these rows alone, such as scaling; it is kept
//! with the model. `search` tries parameters by cross-validation, and trains
//! with the best. It makes the model, with all that was tried.

use std::sync::Arc;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::{Value, json};

use super::bundle::Bundle;
use super::tables::{apart, frame};
use super::truth::{labels, values};
use crate::function::{Facts, Invocation, Invoked, Kind, StageContext, StageError, StageFn, Stop};
use crate::model::search::{self, Scoring, SearchSpec};
use crate::model::{
    self, Checked, Event, Model, ModelError, ModelSpec, Progress, Target, TrainingSet,
};
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
    search: Option<Search>,
}

/// Which parameters to try.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Search {
    /// The values to try, by parameter.
    grid: IndexMap<String, Vec<Value>>,
    #[serde(default = "five")]
    folds: usize,
    /// Shuffles the rows before they are split; they stay in order without it.
    seed: Option<u64>,
    /// What the best is best in.
    metric: String,
}

fn five() -> usize {
    5
}

/// What is learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Task {
    Classification,
    Regression,
}

#[derive(Clone)]
struct Training {
    preparation: Preparation,
    model: Checked<ModelSpec>,
    search: Option<Searching>,
    task: Option<Task>,
}

/// A search that can be done.
#[derive(Clone)]
struct Searching {
    spec: SearchSpec,
    scoring: &'static dyn Scoring,
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
    let searching = |search| searching(params, model.params().clone(), search);
    let search = file.search.map(searching).transpose()?;
    let task = task(model.params(), file.task).map_err(|why| params.problem("task", why))?;
    Ok(Arc::new(Training {
        preparation,
        model,
        search,
        task,
    }))
}

fn searching(params: &Params, model: ModelSpec, search: Search) -> Result<Searching, Problem> {
    let scoring = search::named(&search.metric).ok_or_else(|| {
        let names: Vec<&str> = search::ALL.iter().map(|scoring| scoring.name()).collect();
        let said = format!(
            "there is no metric {:?}: write one of {}",
            search.metric,
            names.join(", ")
        );
        params.problem("search.metric", &said)
    })?;
    if search.folds < 2 {
        return Err(params.problem("search.folds", "there have to be 2 at least"));
    }
    let spec = SearchSpec {
        model,
        grid: search.grid,
        folds: search.folds,
        seed: search.seed,
    };
    spec.n_combinations()
        .map_err(|error| params.problem("search.grid", &error.to_string()))?;
    Ok(Searching { spec, scoring })
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
        let (this, told) = (self.clone(), Told::of(ctx));
        let bundle = apart("training", move || this.fit(rows, &told)).await?;
        let document = serde_json::to_vec(&bundle)
            .map_err(|error| StageError::of("the model cannot be written", error))?;
        let description = Description {
            kind: "model".to_owned(),
            ..Description::default()
        };
        ctx.put("", description, document).await?;
        let mut facts = Facts::from_iter([
            ("rows".to_owned(), json!(n_rows)),
            ("features".to_owned(), json!(bundle.steps.features().len())),
        ]);
        if let Some(search) = &bundle.search {
            facts.insert("chosen".to_owned(), search["chosen"].clone());
            facts.insert("score".to_owned(), search["mean"].clone());
        }
        Ok(facts)
    }

    fn fit(self, rows: Frame, told: &Told) -> Result<Bundle, StageError> {
        let preparation = self.preparation;
        let wrong = |error| StageError::of("the rows cannot be trained on", error);
        let (steps, applied) = transform::fit(&preparation, rows, Tables::new()).map_err(wrong)?;
        let matrix = steps.matrix(&applied.frame).map_err(wrong)?;
        let target = match &preparation.label {
            Some(label) => target(&applied.frame, label, self.task)?,
            None => Target::None,
        };
        let wrong = |error| match error {
            ModelError::Stopped => StageError::stopped(),
            error => StageError::of("the model cannot be fitted", error),
        };
        let (model, search) = match &self.search {
            None => {
                let model = model::fit(&self.model, matrix.view(), &target, None, told);
                (model.map_err(wrong)?, None)
            }
            Some(searching) => {
                let data = TrainingSet::new(matrix.view(), &target, None).map_err(wrong)?;
                let (model, tried) = searching.best(&data, told).map_err(wrong)?;
                (model, Some(tried))
            }
        };
        Ok(Bundle {
            label: preparation.label,
            steps,
            model,
            search,
        })
    }
}

impl Searching {
    /// The best, trained on all rows, and all that was tried.
    fn best(&self, data: &TrainingSet<'_>, told: &Told) -> Result<(Model, Value), ModelError> {
        let found = search::search(&self.spec, data, self.scoring, told)?;
        let best = &found.candidates[found.best];
        let tried = json!({
            "metric": self.scoring.name(),
            "folds": self.spec.folds,
            "chosen": best.model,
            "mean": best.mean,
            "candidates": found.candidates,
        });
        Ok((found.model, tried))
    }
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

/// Progress goes to the log of this function, which may be asked to stop.
struct Told {
    function: String,
    stop: Stop,
}

impl Told {
    fn of(ctx: &StageContext) -> Told {
        Told {
            function: ctx.function().to_owned(),
            stop: ctx.stop().clone(),
        }
    }
}

impl Progress for Told {
    fn tell(&self, event: Event) {
        let function = self.function.as_str();
        match event {
            Event::Step {
                what: "candidate",
                done,
                most,
                objective,
            } => tracing::info!(function, done, most, objective, "searching"),
            event => tracing::debug!(function, ?event, "training"),
        }
    }

    fn is_stopped(&self) -> bool {
        self.stop.is_asked()
    }
}
