//! *inference* answers with what the version behind an alias says.
//!
//! Its `model` input is the alias; all other inputs are tables that the
//! version's preparation joins. Faces ask [`Serving`], which follows the alias:
//! once it moves, requests that come later are answered by the new version, and
//! none fails over it. Triggered by a queue, it predicts the rows of its `rows`
//! input and keeps them as an artifact; rows that its preparation does not take are
//! left out and counted.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::serving::Loaded;
use super::tables::{frame, keep};
use crate::face::Refusal;
use crate::function::{Facts, Invocation, Invoked, Kind, StageContext, StageError, StageFn};
use crate::pipeline::{Params, Problem};
use crate::transform::Column;

pub(super) const KIND: Kind = Kind {
    name: "inference",
    configure,
};

/// How an inference function answers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// Of two classes, the second is the answer from this probability on: a
    /// number, or `"best"`, the version's own from its evaluation.
    #[serde(default)]
    threshold: Option<Written>,
    /// How old the tables beside the rows may be.
    #[serde(default = "a_second")]
    max_age: String,
    /// How many rows of several requests are predicted together; 1 is none.
    #[serde(default = "sixty_four")]
    max_batch_size: usize,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Written {
    Number(f64),
    Word(String),
}

/// From which probability on the second of two classes is the answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Threshold {
    /// The model's own way.
    Own,
    /// This one.
    At(f64),
    /// The one that the version's evaluation found best.
    Best,
}

/// How an inference function answers, checked.
#[derive(Clone, Debug)]
pub(super) struct Inference {
    pub(super) threshold: Threshold,
    pub(super) max_age: Duration,
    pub(super) max_batch_size: usize,
}

fn a_second() -> String {
    "1s".to_owned()
}

fn sixty_four() -> usize {
    64
}

fn configure(params: &Params) -> Result<Arc<dyn StageFn>, Problem> {
    read(params).map(|inference| Arc::new(inference) as Arc<dyn StageFn>)
}

pub(super) fn read(params: &Params) -> Result<Inference, Problem> {
    let file: File = params.read()?;
    let threshold = match file.threshold {
        None => Threshold::Own,
        Some(Written::Word(word)) if word == "best" => Threshold::Best,
        Some(Written::Number(number)) if (0.0..=1.0).contains(&number) => Threshold::At(number),
        Some(_) => {
            return Err(params.problem("threshold", "write a number from 0 to 1, or \"best\""));
        }
    };
    let max_age = humantime::parse_duration(&file.max_age).map_err(|_| {
        params.problem(
            "max_age",
            &format!("{:?} is no time: write 1s or 5m", file.max_age),
        )
    })?;
    let max_batch_size = file.max_batch_size;
    if !(1..=MOST_TOGETHER).contains(&max_batch_size) {
        let message = format!("write a number from 1 to {MOST_TOGETHER}");
        return Err(params.problem("max_batch_size", &message));
    }
    Ok(Inference {
        threshold,
        max_age,
        max_batch_size,
    })
}

/// What is predicted together is predicted at one go, while others wait.
const MOST_TOGETHER: usize = 4096;

impl StageFn for Inference {
    fn name(&self) -> &'static str {
        KIND.name
    }

    fn invoke<'a>(&'a self, ctx: &'a StageContext, _: Invocation) -> Invoked<'a> {
        Box::pin(self.predict(ctx))
    }
}

impl Inference {
    async fn predict(&self, ctx: &StageContext) -> Result<Facts, StageError> {
        let registered = ctx.model("model").await?.ok_or_else(|| {
            StageError::passing("no version serves yet", "the alias points nowhere")
        })?;
        let loaded = Loaded::load(ctx, self, &registered, ctx.function()).await?;
        let rows = frame(ctx, "rows").await?;
        let refused = |refusal: Refusal| StageError::of("the rows cannot be predicted", refusal);
        let (prepared, left_out) = loaded.prepare(rows).map_err(refused)?;
        let said = loaded.said(&prepared).map_err(refused)?;
        let n_rows = said.labels.len();
        let labels = said.labels.iter().map(|label| match label {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        });
        let wrong = |error| StageError::of("the predictions cannot be kept", error);
        let mut table = prepared
            .with("label", Column::texts(labels.map(Some)))
            .map_err(wrong)?;
        if let Some(scores) = loaded.positive(&said) {
            table = table.with("score", Column::floats(scores)).map_err(wrong)?;
        }
        keep(ctx, "", table).await?;
        Ok(Facts::from_iter([
            ("rows".to_owned(), json!(n_rows)),
            ("version".to_owned(), json!(loaded.version())),
            (
                "left-out".to_owned(),
                json!(left_out.map_or(0, |left_out| left_out.rows.len())),
            ),
        ]))
    }
}
