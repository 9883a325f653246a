//! What a name like `load_latest_model` says by its verb and its object
//! together: neither alone tells a stage.

use super::tokens;
use crate::stages::Stage;

/// What is done.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    Load,
    Save,
    Make,
    Check,
    Compute,
    Show,
    Split,
    Send,
    Run,
}

/// To what.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Object {
    Model,
    Data,
    Features,
    Config,
    Metrics,
    Predictions,
    Version,
    Page,
    Pipeline,
    Client,
    Store,
}

const VERBS: &[(Verb, &[&str])] = &[
    (
        Verb::Load,
        &[
            "load", "get", "read", "fetch", "open", "retrieve", "query", "find", "loads", "reads",
            "gets", "fetches", "loading", "reading", "select", "download", "cargar", "obtener",
            "leer", "lade",
        ],
    ),
    (
        Verb::Save,
        &[
            "save",
            "write",
            "dump",
            "store",
            "persist",
            "saves",
            "writes",
            "saving",
            "stores",
            "insert",
            "export",
            "log",
            "guardar",
            "serialize",
        ],
    ),
    (
        Verb::Make,
        &[
            "create",
            "build",
            "make",
            "init",
            "initialize",
            "construct",
            "define",
            "new",
            "creates",
            "builds",
            "setup",
            "compile",
            "generate",
            "crear",
        ],
    ),
    (
        Verb::Check,
        &[
            "check",
            "validate",
            "verify",
            "test",
            "ensure",
            "checks",
            "validates",
            "validating",
            "assert",
            "compare",
            "validation",
            "inspect",
            "is",
            "has",
            "validar",
        ],
    ),
    (
        Verb::Compute,
        &[
            "compute",
            "calculate",
            "calc",
            "measure",
            "extract",
            "add",
            "apply",
            "select",
            "process",
            "prepare",
            "computes",
            "calculates",
            "convert",
            "format",
            "calcular",
            "summarize",
        ],
    ),
    (
        Verb::Show,
        &[
            "show",
            "display",
            "list",
            "print",
            "render",
            "plot",
            "view",
            "draw",
            "visualize",
            "displays",
            "shows",
        ],
    ),
    (
        Verb::Split,
        &[
            "split",
            "splits",
            "dividir",
            "division",
            "divide",
            "partition",
        ],
    ),
    (
        Verb::Send,
        &[
            "upload", "push", "send", "publish", "post", "uploads", "put",
        ],
    ),
    (
        Verb::Run,
        &[
            "run", "execute", "start", "main", "runs", "launch", "trigger", "schedule",
        ],
    ),
];

const OBJECTS: &[(Object, &[&str])] = &[
    (
        Object::Model,
        &[
            "model",
            "models",
            "classifier",
            "regressor",
            "estimator",
            "network",
            "net",
            "modelo",
            "modelos",
            "checkpoint",
            "weights",
            "modell",
        ],
    ),
    (
        Object::Data,
        &[
            "data",
            "dataset",
            "datasets",
            "df",
            "dataframe",
            "csv",
            "table",
            "records",
            "rows",
            "images",
            "image",
            "file",
            "files",
            "text",
            "texts",
            "datos",
            "sample",
            "samples",
            "parquet",
            "documents",
            "events",
            "transactions",
            "daten",
        ],
    ),
    (
        Object::Features,
        &[
            "feature",
            "features",
            "column",
            "columns",
            "encoder",
            "scaler",
            "vectorizer",
            "preprocessor",
            "embedding",
            "embeddings",
            "vocab",
            "tokenizer",
            "variables",
            "labels",
            "target",
        ],
    ),
    (
        Object::Config,
        &[
            "config",
            "configs",
            "configuration",
            "params",
            "parameters",
            "settings",
            "yaml",
            "json",
            "env",
            "secrets",
            "secret",
            "credentials",
            "cfg",
            "conf",
            "options",
            "args",
            "arguments",
            "directories",
            "directory",
            "dir",
            "folder",
            "path",
            "paths",
            "logger",
        ],
    ),
    (
        Object::Metrics,
        &[
            "metric",
            "metrics",
            "score",
            "scores",
            "report",
            "performance",
            "accuracy",
            "results",
            "statistics",
            "stats",
            "evaluation",
            "reports",
        ],
    ),
    (
        Object::Predictions,
        &[
            "prediction",
            "predictions",
            "response",
            "recommendations",
            "forecast",
            "forecasts",
            "preds",
            "inference",
        ],
    ),
    (
        Object::Version,
        &[
            "version",
            "versions",
            "stage",
            "alias",
            "registry",
            "artifact",
            "artifacts",
            "deployment",
            "release",
            "service",
        ],
    ),
    (
        Object::Page,
        &[
            "page", "pages", "user", "users", "form", "home", "index", "template", "view", "menu",
            "account", "project", "projects", "header", "footer", "sidebar", "message", "email",
        ],
    ),
    (
        Object::Pipeline,
        &[
            "pipeline",
            "pipelines",
            "flow",
            "workflow",
            "dag",
            "job",
            "jobs",
            "task",
            "tasks",
            "step",
            "steps",
        ],
    ),
    (
        Object::Client,
        &[
            "client",
            "session",
            "connection",
            "engine",
            "cursor",
            "spark",
            "context",
            "producer",
            "consumer",
        ],
    ),
    (
        Object::Store,
        &[
            "db",
            "database",
            "databases",
            "tables",
            "schema",
            "indexes",
            "bucket",
            "collection",
            "warehouse",
        ],
    ),
];

/// A verb with an object, and what they hint at.
type Purpose = (Verb, Object, &'static [(Stage, f64)]);

const PURPOSES: &[Purpose] = {
    use Object::*;
    use Stage::{
        Deployment, Evaluation, Inference, Ingestion, Monitoring, None, Preprocessing, Shared,
        Training,
    };
    use Verb::*;
    &[
        (Load, Model, &[(Inference, 0.9)]),
        (Load, Data, &[(Ingestion, 0.9)]),
        (Load, Features, &[(Preprocessing, 0.4), (Inference, 0.2)]),
        (Load, Config, &[(Shared, 1.2)]),
        (Load, Metrics, &[(Evaluation, 0.5), (Monitoring, 0.3)]),
        (Load, Predictions, &[(Inference, 0.7)]),
        (Load, Version, &[(Deployment, 0.6), (Inference, 0.2)]),
        (Load, Page, &[(None, 0.9)]),
        (Load, Pipeline, &[(Shared, 0.3)]),
        (Load, Client, &[(Shared, 0.9)]),
        (Save, Model, &[(Training, 1.0)]),
        (Save, Data, &[(Preprocessing, 0.4), (Ingestion, 0.4)]),
        (Save, Features, &[(Preprocessing, 0.8)]),
        (Save, Config, &[(Shared, 1.0)]),
        (Save, Metrics, &[(Evaluation, 1.0)]),
        (Save, Predictions, &[(Inference, 0.9), (Monitoring, 0.3)]),
        (Save, Version, &[(Deployment, 0.5), (Training, 0.3)]),
        (Save, Page, &[(None, 0.7)]),
        (Make, Model, &[(Training, 1.2)]),
        (Make, Data, &[(Preprocessing, 0.6), (Ingestion, 0.3)]),
        (Make, Features, &[(Preprocessing, 1.2)]),
        (Make, Config, &[(Shared, 1.0)]),
        (Make, Metrics, &[(Evaluation, 0.9)]),
        (Make, Predictions, &[(Inference, 1.0)]),
        (Make, Version, &[(Deployment, 0.8)]),
        (Make, Page, &[(None, 0.9)]),
        (Make, Pipeline, &[(Shared, 0.2)]),
        (Make, Client, &[(Shared, 0.9)]),
        (Check, Model, &[(Evaluation, 0.7), (Deployment, 0.2)]),
        (Check, Data, &[(Preprocessing, 0.9)]),
        (Check, Features, &[(Preprocessing, 0.9)]),
        (Check, Config, &[(Shared, 0.5)]),
        (Check, Metrics, &[(Evaluation, 0.9)]),
        (Check, Version, &[(Deployment, 0.5)]),
        (Check, Page, &[(None, 0.8)]),
        (Compute, Model, &[(Training, 0.4)]),
        (Compute, Data, &[(Preprocessing, 0.9)]),
        (Compute, Features, &[(Preprocessing, 1.2)]),
        (Compute, Metrics, &[(Evaluation, 1.1)]),
        (Compute, Predictions, &[(Inference, 0.8)]),
        (Show, Model, &[(Evaluation, 0.3), (Deployment, 0.2)]),
        (Show, Data, &[(None, 0.5)]),
        (Show, Features, &[(None, 0.3), (Evaluation, 0.3)]),
        (Show, Metrics, &[(Evaluation, 0.8)]),
        (Show, Predictions, &[(Inference, 0.5)]),
        (Show, Page, &[(None, 1.0)]),
        (Show, Version, &[(Deployment, 0.6)]),
        (Split, Data, &[(Preprocessing, 1.2)]),
        (Split, Features, &[(Preprocessing, 1.0)]),
        (Send, Data, &[(Ingestion, 0.7)]),
        (Send, Model, &[(Deployment, 1.0)]),
        (Send, Version, &[(Deployment, 0.8)]),
        (Send, Page, &[(None, 0.5)]),
        (Make, Store, &[(Ingestion, 0.7)]),
        (Load, Store, &[(Ingestion, 0.3), (Shared, 0.4)]),
        (Save, Store, &[(Ingestion, 0.6)]),
        (Send, Store, &[(Ingestion, 0.7)]),
        (Check, Store, &[(Ingestion, 0.3), (Shared, 0.2)]),
        (Run, Pipeline, &[(Shared, 0.9)]),
        (Run, Model, &[(Training, 0.5)]),
        (Run, Predictions, &[(Inference, 1.0)]),
    ]
};

/// Words between a verb and its object.
const GAP: usize = 3;

/// What the first verb with an object near it hints at.
pub(in crate::stages) fn purposes(text: &str) -> Vec<(Stage, f64)> {
    let tokens = tokens(text);
    for (at, word) in tokens.iter().enumerate() {
        let Some(verb) = meaning(VERBS, word) else {
            continue;
        };
        // The last word is what the others qualify: `load_model_config`.
        let near = tokens[at + 1..].iter().take(GAP).rev();
        if let Some(object) = near.filter_map(|word| meaning(OBJECTS, word)).next() {
            return of(verb, object).to_vec();
        }
    }
    let last = tokens.last().and_then(|word| meaning(OBJECTS, word));
    match last {
        Some(Object::Pipeline) if tokens.len() > 1 => vec![(Stage::Shared, 0.9)],
        _ => Vec::new(),
    }
}

fn of(verb: Verb, object: Object) -> &'static [(Stage, f64)] {
    let mut all = PURPOSES.iter();
    all.find(|(v, o, _)| *v == verb && *o == object)
        .map_or(&[], |(_, _, hints)| hints)
}

fn meaning<T: Copy>(table: &[(T, &[&str])], word: &str) -> Option<T> {
    let mut rows = table.iter();
    rows.find(|(_, words)| words.contains(&word))
        .map(|(meaning, _)| *meaning)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verb_and_object_together_tell() {
        assert_eq!(purposes("load_latest_model"), [(Stage::Inference, 0.9)]);
        assert_eq!(purposes("save_model"), [(Stage::Training, 1.0)]);
        assert_eq!(purposes("load_model_config"), [(Stage::Shared, 1.2)]);
        assert!(purposes("model").is_empty() && purposes("load").is_empty());
    }
}
