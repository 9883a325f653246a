//! What is scaffolded, as data: what `scaffold.json` holds.

use serde::Serialize;

use crate::stages::Stage;

/// Python apps and what is between them.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Scaffold {
    /// The function that a run goes through: `file:qualname`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The queue that a run begins with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub begins: Option<String>,
    /// What a run's first message has to say: parameters that the code does not.
    pub values: Vec<String>,
    /// One for each stage that stays Python.
    pub apps: Vec<App>,
    /// Queues and containers.
    pub crossings: Vec<Crossing>,
    /// What is not moved, and why.
    pub left: Vec<String>,
}

/// An app of one stage.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct App {
    /// Its stage.
    pub stage: Stage,
    /// Its functions.
    pub functions: Vec<Function>,
    /// What has to be, or can be, set.
    pub settings: Vec<Setting>,
    /// Modules of the monolith that come along, by their paths.
    pub modules: Vec<String>,
    /// Other files of the repository that these name, to be copied as they are.
    pub copies: Vec<String>,
    /// Names of files in the code that several of the repository have.
    pub unclear: Vec<String>,
    /// Libraries that are imported and that no requirement names.
    pub unnamed: Vec<String>,
    /// What is written for it: path in its folder, and text.
    #[serde(skip)]
    pub files: Vec<(String, String)>,
}

/// A function of an app.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Function {
    /// What it is called.
    pub name: String,
    /// A queue, or a route.
    pub trigger: String,
    /// What of the monolith it calls: `file:qualname`.
    pub calls: Vec<String>,
}

/// A setting of an app.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Setting {
    /// Its name: an environment variable.
    pub name: String,
    /// `secret`, `environment` or `argument`.
    pub kind: &'static str,
    /// The app refuses to work without it.
    pub needed: bool,
    /// Where the code reads it, or where the secret stood: `file:line`.
    pub from: Vec<String>,
}

/// What is between two stages.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Crossing {
    /// Upstream; nothing where runs begin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Stage>,
    /// Downstream.
    pub to: Stage,
    /// Its queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// Its container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// What crosses here, from the split report.
    pub passes: Vec<String>,
}
