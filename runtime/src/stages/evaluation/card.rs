//! The model card of what was evaluated: what the model is, what it was made
//! from and how good it is.

use serde_json::Value;

use super::Report;
use super::subject::{Subject, short};
use crate::function::{StageContext, StageError};
use crate::page::{Fact, ModelCard};
use crate::pipeline::Input;
use crate::stages::bundle::Bundle;
use crate::store::artifact::Artifact;

/// The card. The same model and test rows have the same one, so no time stands
/// there: when a model was made is in its lineage. Of one that came as a file,
/// only the file is known.
pub(super) async fn card(
    ctx: &StageContext,
    subject: &Subject,
    report: &Report,
) -> Result<ModelCard, StageError> {
    let bundle = &subject.bundle;
    let made = subject.artifact.as_ref().map(|artifact| &artifact.made);
    let mut data = Vec::new();
    for id in made.iter().flat_map(|made| &made.inputs) {
        let rows = ctx.described(id).await?;
        data.push(fact("Trained on", table(&rows)));
    }
    data.push(fact("Tested on", tested(ctx, report).await?));
    if let Some(label) = &bundle.label {
        data.push(fact("Predicts", label.clone()));
    }
    let features = bundle.steps.features();
    let names: Vec<String> = features.iter().map(ToString::to_string).collect();
    data.push(fact(&format!("{} features", names.len()), names.join(", ")));
    let parameters = made.iter().flat_map(|made| &made.parameters);
    Ok(ModelCard {
        name: subject.name.clone(),
        version: subject.version.clone(),
        about: about(bundle),
        details: match &subject.artifact {
            Some(artifact) => details(artifact),
            None => vec![fact("File", subject.name.clone())],
        },
        data,
        parameters: parameters
            .map(|(name, value)| fact(name, plain(value)))
            .collect(),
        evaluation: report.evaluation.clone(),
        judgement: Some(report.judgement.clone()).filter(|said| !said.reasons.is_empty()),
    })
}

fn details(artifact: &Artifact) -> Vec<Fact> {
    let made = &artifact.made;
    vec![
        fact("Artifact", artifact.id.to_string()),
        fact("Trained by", format!("{} ({})", made.function, made.code)),
    ]
}

async fn tested(ctx: &StageContext, report: &Report) -> Result<String, StageError> {
    match ctx.input("test")? {
        Input::Artifact(_) => ctx.artifact("test").await.map(|test| table(&test)),
        _ => Ok(format!("{} rows", report.evaluation.rows)),
    }
}

fn about(bundle: &Bundle) -> String {
    let of_classes = bundle.model.classes().map(|classes| {
        let names: Vec<String> = classes.iter().map(ToString::to_string).collect();
        names.join(", ")
    });
    match (&bundle.label, of_classes) {
        (Some(label), Some(classes)) => format!("Predicts {label}, one of {classes}."),
        (Some(label), None) => format!("Predicts {label}, a number."),
        (None, _) => String::new(),
    }
}

fn table(artifact: &Artifact) -> String {
    let name = &artifact.description.name;
    match artifact.description.rows {
        Some(rows) => format!("{name}, {rows} rows ({})", short(&artifact.id)),
        None => format!("{name} ({})", short(&artifact.id)),
    }
}

fn fact(name: &str, value: String) -> Fact {
    Fact {
        name: name.to_owned(),
        value,
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
