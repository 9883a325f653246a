//! What `cutline scaffold` joins: Python apps, which the analyzer writes, and
//! apps of the custom handler, which the runtime's manifests are.

mod readme;
mod rust;
mod written;

use std::collections::{BTreeMap, BTreeSet};

use cutline_analyzer::report::scaffold::{Scaffold, Secrets};
use cutline_analyzer::stages::Stage;
use serde::Serialize;

use readme::readme;
pub(crate) use rust::{Expressed, RustApp, apps};
pub(crate) use written::{said, write_all};

/// `scaffold.json`.
#[derive(Serialize)]
pub(crate) struct Document<'s> {
    /// Tells such a folder from the monolith's own code: comes first.
    written_by: &'static str,
    schema: u32,
    name: &'s str,
    target: &'static str,
    #[serde(flatten)]
    python: &'s Scaffold,
    /// Apps of the custom handler.
    handlers: Vec<&'s RustApp>,
    /// Why stages that functions.toml could say stay Python, and others.
    why: &'s BTreeMap<Stage, String>,
    /// All that was written, so that the next one knows what is no longer.
    files: &'s [String],
}

/// What was decided for each stage.
pub(crate) struct Decided {
    pub(crate) name: String,
    pub(crate) python: Scaffold,
    pub(crate) rust: Vec<RustApp>,
    /// Why a stage is a Python app.
    pub(crate) why: BTreeMap<Stage, String>,
    /// What is not done, by name.
    pub(crate) left: Vec<String>,
    /// What may stand in no file that is copied.
    pub(crate) secrets: Secrets,
}

impl Decided {
    pub(crate) fn document<'s>(&'s self, files: &'s [String]) -> Document<'s> {
        Document {
            written_by: "cutline scaffold",
            schema: 1,
            name: &self.name,
            target: "azure",
            python: &self.python,
            handlers: self.rust.iter().collect(),
            why: &self.why,
            files,
        }
    }
}

/// Which stages are Python apps, and why.
///
/// What functions.toml says is an app of the custom handler, unless it is
/// forced to be Python; and since a run is handed over from one Python app to
/// the next, so is each stage that a message starts, if another on the way of a
/// run is Python.
pub(crate) fn python(
    expressed: &Expressed,
    possible: &BTreeSet<Stage>,
    passed: &[Stage],
    forced: &[Stage],
) -> BTreeMap<Stage, String> {
    let mut why: BTreeMap<Stage, String> = BTreeMap::new();
    for stage in possible {
        if forced.contains(stage) {
            why.insert(*stage, "--python says so".to_owned());
        } else if let Some(open) = expressed.open(*stage) {
            why.insert(*stage, open.to_owned());
        }
    }
    let first = passed.iter().find(|stage| why.contains_key(stage)).copied();
    if let Some(first) = first {
        for stage in passed {
            if expressed.is_started_by_queue(*stage) && possible.contains(stage) {
                why.entry(*stage).or_insert_with(|| {
                    format!("a run hands over from app to app, and {first} is Python")
                });
            }
        }
    }
    why
}
