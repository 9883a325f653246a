//! *deployment* registers a version, and lets it serve where it passed.
//!
//! Inputs: `model`, and as far as they are bound `transform`, `evaluation` and
//! `data`. The alias it moves is its output. A version that did not pass its
//! gate, or of which the message says that it is to wait, is registered and
//! serves nobody.

use std::sync::Arc;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::json;

use super::bundle::Bundle;
use super::evaluation::Report;
use crate::function::{Facts, Invocation, Invoked, Kind, StageContext, StageError, StageFn};
use crate::pipeline::{Params, Problem};
use crate::store::artifact::ArtifactId;
use crate::store::registry::{ModelVersion, RegistryError, SigningError};

pub(super) const KIND: Kind = Kind {
    name: "deployment",
    configure,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Deployment {
    /// Deploy what did not pass, too.
    #[serde(default)]
    force: bool,
    /// Also where the message says `true` under this name.
    force_if: Option<String>,
    /// Register the version and let it serve nobody where the message says
    /// `true` under this name.
    hold_if: Option<String>,
}

fn configure(params: &Params) -> Result<Arc<dyn StageFn>, Problem> {
    Ok(Arc::new(params.read::<Deployment>()?))
}

impl StageFn for Deployment {
    fn name(&self) -> &'static str {
        KIND.name
    }

    fn invoke<'a>(&'a self, ctx: &'a StageContext, input: Invocation) -> Invoked<'a> {
        Box::pin(self.deploy(ctx, input))
    }
}

impl Deployment {
    async fn deploy(&self, ctx: &StageContext, input: Invocation) -> Result<Facts, StageError> {
        let (registry, alias) = ctx.registry()?;
        let failed = |error: RegistryError| match error {
            RegistryError::Signing(SigningError::Secret(why)) if why.may_pass => {
                StageError::passing("the model cannot be deployed", why)
            }
            RegistryError::Conflict { .. }
            | RegistryError::NoVersion { .. }
            | RegistryError::Unsigned { .. }
            | RegistryError::Signing(_) => StageError::of("the model cannot be deployed", error),
            error => StageError::passing("the model cannot be deployed", error),
        };
        let version = version(ctx).await?;
        let report = report(ctx).await?;
        let by = ctx.function();
        let registered = registry
            .register(&alias.model, version, by)
            .await
            .map_err(failed)?;
        let mut facts = Facts::from_iter([
            ("version".to_owned(), json!(registered.number.to_string())),
            ("live".to_owned(), json!(false)),
        ]);
        let says = |name: &Option<String>| {
            let value = name
                .as_ref()
                .and_then(|name| input.message.values.get(name));
            value.is_some_and(|value| value == "true")
        };
        if says(&self.hold_if) {
            tracing::info!(version = %registered.number, "registered; the message says that it waits");
            return Ok(facts);
        }
        let passed = report.as_ref().is_none_or(|report| report.judgement.passed);
        if !passed && !self.force && !says(&self.force_if) {
            tracing::warn!(version = %registered.number, "did not pass its gate; it is registered and serves nobody");
            return Ok(facts);
        }
        let seen = registry
            .alias(&alias.model, alias.alias)
            .await
            .map_err(failed)?;
        let why = format!("message {}", input.message.id);
        let (model, number) = (&alias.model, registered.number);
        let is_there = seen.as_ref().is_some_and(|seen| seen.to == number);
        // Who moved it for this message may have died before he could say so,
        // and others have moved it on since: that holds.
        let history = registry.history(model, alias.alias).await;
        let moved_before = history
            .map_err(failed)?
            .iter()
            .any(|step| step.to == number && step.by == by && step.why == why);
        if !is_there && !moved_before {
            let moved = registry
                .point(model, alias.alias, seen.as_ref(), number, by, &why)
                .await;
            moved.map_err(failed)?;
        }
        facts.insert("live".to_owned(), json!(true));
        Ok(facts)
    }
}

async fn version(ctx: &StageContext) -> Result<ModelVersion, StageError> {
    let model = ctx.artifact("model").await?;
    let bundle = Bundle::read(&*ctx.content(&model.id).await?)?;
    let data = match bound(ctx, "data").await? {
        Some(data) => data,
        None => model.made.inputs.first().copied().unwrap_or(model.id),
    };
    let (mut metrics, mut card, mut passed) = (IndexMap::new(), None, None);
    if let Some(report) = report(ctx).await? {
        card = report.card;
        passed = Some(report.judgement.passed);
        for measure in report.evaluation.measures {
            metrics.extend(
                measure
                    .value
                    .map(|value| (measure.metric.name().to_owned(), value)),
            );
        }
        if let Some(curves) = report.evaluation.curves {
            metrics.insert("threshold".to_owned(), curves.best_threshold);
        }
    }
    Ok(ModelVersion {
        model: model.id,
        // Whatever its artifact says, it was read as one.
        kind: Some("model".to_owned()),
        preprocessing: bound(ctx, "transform").await?,
        schema: json!({ "features": bundle.steps.features(), "label": bundle.label }),
        metrics,
        passed,
        card,
        data,
        code: model.made.code,
        parameters: model.made.parameters,
    })
}

async fn report(ctx: &StageContext) -> Result<Option<Report>, StageError> {
    let Some(id) = bound(ctx, "evaluation").await? else {
        return Ok(None);
    };
    let document = ctx.content(&id).await?;
    let read = serde_json::from_slice(&document);
    read.map(Some)
        .map_err(|error| StageError::of("the evaluation's document is damaged", error))
}

/// The artifact behind an input that need not be bound.
async fn bound(ctx: &StageContext, input: &str) -> Result<Option<ArtifactId>, StageError> {
    match ctx.inputs().any(|bound| bound == input) {
        true => ctx.artifact(input).await.map(|artifact| Some(artifact.id)),
        false => Ok(None),
    }
}
