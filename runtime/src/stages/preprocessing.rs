//! *preprocessing* fits a declared preparation on a table, and splits it.
//!
//! The first input is the rows; the others are tables that steps join. It makes
//! `train` and `test` where it splits, or else the prepared table; and
//! `transform`, what was fitted, for serving.

use std::sync::Arc;

use serde_json::json;

use super::tables::{apart, frame, keep};
use crate::function::{Facts, Invocation, Invoked, Kind, StageContext, StageError, StageFn};
use crate::pipeline::{Params, Problem};
use crate::store::artifact::Description;
use crate::transform::{self, Preparation, Tables};

pub(super) const KIND: Kind = Kind {
    name: "preprocessing",
    configure,
};

struct Preprocessing {
    preparation: Preparation,
}

fn configure(params: &Params) -> Result<Arc<dyn StageFn>, Problem> {
    let preparation = params.read()?;
    Ok(Arc::new(Preprocessing { preparation }))
}

impl StageFn for Preprocessing {
    fn name(&self) -> &'static str {
        KIND.name
    }

    fn invoke<'a>(&'a self, ctx: &'a StageContext, _: Invocation) -> Invoked<'a> {
        Box::pin(self.prepare(ctx))
    }
}

impl Preprocessing {
    async fn prepare(&self, ctx: &StageContext) -> Result<Facts, StageError> {
        let mut inputs = ctx.inputs();
        let rows = inputs.next().ok_or_else(|| {
            StageError::data("preprocessing has no input: write input = { artifact = \"…\" }")
        })?;
        let rows = frame(ctx, rows).await?;
        let mut others = Tables::new();
        for name in inputs {
            others.insert(name.to_owned(), frame(ctx, name).await?);
        }
        let n_in = rows.n_rows();
        let preparation = self.preparation.clone();
        let (fitted, applied) = apart("preprocessing", move || {
            transform::fit(&preparation, rows, others)
                .map_err(|error| StageError::of("the rows cannot be prepared", error))
        })
        .await?;
        let document = serde_json::to_vec(&fitted)
            .map_err(|error| StageError::of("what was fitted cannot be written", error))?;
        let description = Description {
            kind: "transform".to_owned(),
            ..Description::default()
        };
        ctx.put("transform", description, document).await?;
        let dropped: usize = applied.dropped.iter().map(|dropped| dropped.rows).sum();
        let mut facts = Facts::from_iter([
            ("rows".to_owned(), json!(n_in)),
            ("dropped".to_owned(), json!(dropped)),
            ("features".to_owned(), json!(fitted.features().len())),
        ]);
        match applied.parts {
            None => {
                keep(ctx, "", applied.frame).await?;
            }
            Some(parts) => {
                for (port, rows) in [("train", &parts.train), ("test", &parts.test)] {
                    let part = applied.frame.take(rows);
                    let part =
                        part.map_err(|error| StageError::of("the rows cannot be split", error))?;
                    facts.insert(port.to_owned(), json!(part.n_rows()));
                    keep(ctx, port, part).await?;
                }
            }
        }
        Ok(facts)
    }
}
