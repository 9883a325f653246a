//! `cutline import-model`

mod document;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use cutline_runtime::function::Services;
use cutline_runtime::host::Opened;
use cutline_runtime::pipeline::{Function, Input, Pipeline};
use cutline_runtime::store::artifact::{ArtifactId, Description, Making};
use cutline_runtime::store::registry::{Alias, ModelName, ModelVersion, Registered, RegistryError};
use cutline_runtime::transform::Fitted;
use indexmap::IndexMap;
use serde_json::json;

use super::pipeline::{PipelineArgs, block_on};
use crate::console::Console;
use crate::error::{CommandError, Kind};
use document::Document;

/// Puts a model that the monolith trained into the registry, and lets it serve.
///
/// A joblib or pickle file is read by the monolith's own Python, with a script
/// that comes with cutline; it needs nothing beyond what the monolith has.
/// LightGBM's text (.txt), XGBoost's JSON (.json) and ONNX (.onnx) are read as
/// they are. A step that is not known is refused by name.
#[derive(Args)]
pub(crate) struct ImportModelArgs {
    #[command(flatten)]
    pipeline: PipelineArgs,
    /// What the model is called in the registry.
    model: ModelName,
    /// The file: .joblib, .pkl, LightGBM's .txt, XGBoost's .json, or .onnx.
    file: PathBuf,
    /// Of a model that was trained on arrays: the names of its columns, in
    /// order, with commas between them [default: the features of the
    /// preprocessing before it, if it makes as many].
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    columns: Vec<String>,
    /// The monolith's Python.
    #[arg(long, value_name = "PROGRAM", default_value = "python3")]
    python: PathBuf,
    /// A further file of the monolith with something fitted that is done to rows
    /// before the model sees them, such as a scaler; several in their order.
    #[arg(long, value_name = "FILE")]
    before: Vec<PathBuf>,
    /// Where in the file the model is, if it holds other things too.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// Of two classes, the probability from which on the second is the answer
    /// [default: the model's own way].
    #[arg(long, value_name = "P")]
    threshold: Option<f64>,
    /// Of which version the fitted preprocessing is used before it, as v3; or
    /// last, what preprocessing made last; or none [default: that of the version
    /// that serves, where one does].
    #[arg(long, value_name = "VERSION")]
    preprocessing: Option<String>,
    /// What the monolith measured of it, as JSON: an object of numbers, by names
    /// of metrics (roc-auc or auc, log-loss, f1, …); others are kept as they are.
    #[arg(long, value_name = "FILE")]
    metrics: Option<PathBuf>,
}

/// Registers it and moves the champion.
pub(crate) fn import_model(args: &ImportModelArgs, console: &Console) -> Result<(), CommandError> {
    if let Some(threshold) = args
        .threshold
        .filter(|threshold| !(0.0..=1.0).contains(threshold))
    {
        let message = format!("the threshold {threshold} is no probability");
        return Err(CommandError::message(Kind::Usage, message).hint("write a number from 0 to 1"));
    }
    let document = document::read(args)?;
    let measured = measured(args)?;
    block_on(register(args, document, measured, console))?
}

/// What the monolith measured, by our names where they mean the same.
fn measured(args: &ImportModelArgs) -> Result<IndexMap<String, f64>, CommandError> {
    let mut metrics = IndexMap::new();
    if let Some(file) = &args.metrics {
        let shown = file.display();
        let wrong = |error: anyhow::Error| CommandError::new(Kind::Configuration, error);
        let text = fs::read_to_string(file)
            .with_context(|| format!("cannot read {shown}"))
            .map_err(wrong)?;
        let read: IndexMap<String, f64> = serde_json::from_str(&text)
            .with_context(|| format!("{shown} is no JSON object of numbers"))
            .map_err(wrong)?;
        metrics.extend(
            read.into_iter()
                .map(|(name, value)| (our_name(&name), value)),
        );
    }
    // What is said here counts.
    metrics.extend(
        args.threshold
            .map(|threshold| ("threshold".to_owned(), threshold)),
    );
    Ok(metrics)
}

/// scikit-learn's names with underscores, and short ones that people use.
fn our_name(name: &str) -> String {
    let name = name.to_lowercase().replace('_', "-");
    match name.as_str() {
        "auc" | "auroc" => "roc-auc".to_owned(),
        "logloss" => "log-loss".to_owned(),
        "average-precision" | "auc-pr" => "pr-auc".to_owned(),
        "brier-score" | "brier-score-loss" => "brier".to_owned(),
        "f1-score" => "f1".to_owned(),
        "lift-top-decile" => "top-decile-lift".to_owned(),
        _ => name,
    }
}

async fn register(
    args: &ImportModelArgs,
    document: Document,
    metrics: IndexMap<String, f64>,
    console: &Console,
) -> Result<(), CommandError> {
    let Opened {
        services, pipeline, ..
    } = args.pipeline.open().await?;
    let (registry, artifacts) = (services.space.registry(), services.space.artifacts());
    let failed = "the model cannot be registered";
    // Of one that nobody vouches for, nothing is taken over.
    let serving = match registry.serving(&args.model, Alias::Champion).await {
        Err(RegistryError::Unsigned { .. }) => None,
        found => found.context(failed)?,
    };
    let (preprocessing, rows) = match args.preprocessing.as_deref() {
        Some("last") => prepared_last(args, &pipeline, &services).await?,
        _ => (
            preprocessing(args, &services, serving.as_ref()).await?,
            None,
        ),
    };
    let features = features(&services, preprocessing).await?;
    let document = document::named(args, document, features.as_deref())?;
    let description = Description {
        kind: document.kind.to_owned(),
        name: args.model.to_string(),
        ..Description::default()
    };
    let kind = document.kind.to_owned();
    let made = Making {
        function: "import-model".to_owned(),
        code: services.code.to_string(),
        parameters: IndexMap::from([("file".to_owned(), json!(file_name(&args.file)))]),
        inputs: Vec::new(),
        at: services.space.clock().now(),
    };
    let parameters = made.parameters.clone();
    let model = artifacts
        .put(description, made, document.bytes)
        .await
        .context(failed)?;
    let version = ModelVersion {
        model: model.id,
        kind: Some(kind),
        passed: None,
        preprocessing,
        schema: json!({}),
        metrics,
        // What is known of no rows names itself.
        data: rows
            .or(serving.as_ref().map(|serving| serving.version.data))
            .unwrap_or(model.id),
        code: services.code.to_string(),
        parameters,
        card: None,
    };
    let by = "cutline import-model";
    let registered = registry
        .register(&args.model, version, by)
        .await
        .context(failed)?;
    let seen = registry
        .alias(&args.model, Alias::Champion)
        .await
        .context(failed)?;
    let why = file_name(&args.file);
    let moved = registry.point(
        &args.model,
        Alias::Champion,
        seen.as_ref(),
        registered.number,
        by,
        &why,
    );
    moved.await.context(failed)?;
    console.print(&format!(
        "{} {} serves: {why}\n",
        args.model, registered.number
    ))
}

/// What is done to rows before this model sees them.
async fn preprocessing(
    args: &ImportModelArgs,
    services: &Services,
    serving: Option<&Registered>,
) -> Result<Option<ArtifactId>, CommandError> {
    let wanted = match args.preprocessing.as_deref() {
        Some("none") => return Ok(None),
        None => return Ok(serving.and_then(|serving| serving.version.preprocessing)),
        Some(version) => version,
    };
    let number = wanted.parse();
    let number =
        number.map_err(|error| CommandError::new(Kind::Usage, anyhow::Error::new(error)))?;
    let found = services.space.registry().version(&args.model, number).await;
    let found = found.map_err(|error| CommandError::new(Kind::Usage, error))?;
    Ok(found.version.preprocessing)
}

/// The columns that it makes, in order.
async fn features(
    services: &Services,
    preprocessing: Option<ArtifactId>,
) -> Result<Option<Vec<String>>, CommandError> {
    let Some(id) = preprocessing else {
        return Ok(None);
    };
    let failed = "the preprocessing cannot be read";
    let read = services.space.artifacts().read(&id, "").await;
    let fitted: Fitted = serde_json::from_slice(&read.context(failed)?).context(failed)?;
    let features = fitted.features().iter();
    Ok(Some(features.map(|name| name.to_string()).collect()))
}

/// The transform that the model's deployment would take, as it was made last, and
/// the rows that were prepared with it.
async fn prepared_last(
    args: &ImportModelArgs,
    pipeline: &Pipeline,
    services: &Services,
) -> Result<(Option<ArtifactId>, Option<ArtifactId>), CommandError> {
    let deploys = |function: &&Function| {
        let alias = function.output.alias.as_ref();
        alias.is_some_and(|alias| alias.model == args.model)
    };
    let mut functions = pipeline.functions.iter();
    let deployment = functions.find(deploys);
    let transform = deployment.and_then(|function| function.inputs.get("transform"));
    let Some(Input::Artifact(name)) = transform else {
        let message = format!("no deployment of {} takes a transform", args.model);
        return Err(CommandError::message(Kind::Configuration, message)
            .hint("write input.transform of the function whose output is the model's alias"));
    };
    let rows = name.strip_suffix("-transform");
    let rows = rows.map(|artifact| format!("{artifact}-train"));
    for queue in pipeline.queues() {
        let told = services.space.runs().told(queue).await;
        let told = told.context("the data folder cannot be read")?;
        let made = told.map(|told| told.artifacts).unwrap_or_default();
        if let Some(transform) = made.get(name) {
            let rows = rows.as_ref().and_then(|rows| made.get(rows));
            return Ok((Some(*transform), rows.copied()));
        }
    }
    let message = format!("nothing made {name} yet");
    Err(CommandError::message(Kind::Usage, message).hint(
        "let preprocessing run once: `cutline queue send QUEUE … --until preprocessing`, then `cutline run`",
    ))
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}
