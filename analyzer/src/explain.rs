//! What cutline knows, by name: stages, hazards, libraries.

use crate::catalog::Catalog;

/// Something that can be explained.
#[derive(Clone, Debug)]
pub struct Topic {
    /// `stage`, `hazard` or `library`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// What there is to say, in Markdown.
    pub text: String,
}

const STAGES: [(&str, &str); 9] = [
    ("ingestion", "Gets raw data from outside."),
    (
        "preprocessing",
        "Validates, cleans and splits data, and builds features.",
    ),
    ("training", "Builds, fits, tunes and persists a model."),
    ("evaluation", "Measures a model, or gates one."),
    (
        "deployment",
        "Registers, promotes, packages, ships and provisions.",
    ),
    (
        "inference",
        "Loads a model for serving, predicts, handles a prediction request.",
    ),
    ("monitoring", "Watches a live model or its data."),
    (
        "shared",
        "Called from two or more stages, orchestrating them, or generic.",
    ),
    ("none", "Outside the pipeline."),
];

/// Everything that can be explained: stages, then libraries by name.
pub fn topics(catalog: &Catalog) -> Vec<Topic> {
    let stages = STAGES.iter().map(|(name, text)| Topic {
        kind: "stage",
        name: (*name).to_owned(),
        text: (*text).to_owned(),
    });
    let mut names: Vec<_> = catalog.libraries().into_keys().collect();
    names.dedup();
    let libraries = names.into_iter().map(|name| Topic {
        kind: "library",
        text: format!("Calls of `{name}` are known to the catalog."),
        name: name.to_string(),
    });
    stages.chain(libraries).collect()
}
