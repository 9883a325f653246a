//! *training* fits a model on prepared rows.
//!
//! `step` lists what is fitted on these rows alone, such as scaling; it is kept
//! with the model. It makes the model.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;

use super::bundle::Bundle;
use super::tables::{apart, frame};
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
}

struct Training {
    preparation: Preparation,
    model: Checked<ModelSpec>,
}

fn configure(params: &Params) -> Result<Arc<dyn StageFn>, Problem> {
    let file: File = params.read()?;
    let model = Checked::new(file.model).map_err(|error| params.problem("model", &error.to_string()))?;
    let preparation = Preparation {
        label: file.label,
        ids: file.ids,
        split: None,
        step: file.step,
    };
    Ok(Arc::new(Training { preparation, model }))
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
        let (preparation, spec) = (self.preparation.clone(), self.model.clone());
        let bundle = apart("training", move || fit(preparation, &spec, rows)).await?;
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
    rows: Frame,
) -> Result<Bundle, StageError> {
    let wrong = |error| StageError::of("the rows cannot be trained on", error);
    let (steps, applied) = transform::fit(&preparation, rows, Tables::new()).map_err(wrong)?;
    let matrix = steps.matrix(&applied.frame).map_err(wrong)?;
    let target = match &preparation.label {
        Some(label) => target(&applied.frame, label, spec)?,
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

/// Progress goes to the log.
struct Told;

impl Progress for Told {
    fn tell(&self, event: &Event) {
        tracing::debug!(?event, "training");
    }
}
