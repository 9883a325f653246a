//! Apps of Azure Functions in Python, one for each stage that stays Python: the
//! monolith's own code, driven by queues, blobs and requests.
//!
//! A run goes the way that the monolith's own function goes through the stages
//! ([`way`]). Each app calls that function; what stages before it were asked is
//! answered with what they said, and where a later one is asked the run is
//! handed over. So arguments, conditions and loops are the monolith's own, and
//! need not be known here. What is needed and not known is a parameter of that
//! function, which a message or a setting says, refused by name where none does.

mod app;
mod arguments;
mod between;
mod calls;
mod copied;
mod document;
mod files;
mod function_app;
mod layout;
mod lexed;
mod names;
mod parts;
mod paths;
mod requirements;
mod settings;
mod steps;
#[cfg(test)]
mod tests;
mod touched;
mod way;
mod web;

use std::collections::BTreeSet;

pub use copied::Secrets;
pub use document::{App, Crossing, Function, Scaffold, Setting};

use super::document::Report;
use crate::hazards::secrets;
use crate::line::{Analysis, with_stack};
use crate::routes::RouteKind;
use crate::source::SourceTree;
use crate::stages::Stage;
use app::Apps;
use layout::Layout;
use names::Names;
use paths::is_reserved;

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// The stages that are to be Python apps.
    pub python: BTreeSet<Stage>,
    /// `requirements.txt` and `pyproject.toml`, path and text, the first wins.
    pub requirements: Vec<(String, String)>,
}

/// Why nothing can be scaffolded.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ScaffoldError {
    /// No function and no route leads into a stage.
    #[error(
        "nothing to scaffold: no function of the code calls two stages, no script belongs to one, and no route of Flask, FastAPI or Django is answered by one"
    )]
    Nothing,
    /// A secret cannot be taken out of what is copied.
    #[error(
        "{place}: a secret stands here, and cannot be taken out of the copy that the apps get: read it from an environment variable first"
    )]
    Secret {
        /// `file:line`
        place: String,
    },
}

impl ScaffoldError {
    fn secret(file: &str, line: u32) -> ScaffoldError {
        let place = format!("{file}:{line}");
        ScaffoldError::Secret { place }
    }
}

/// The stages that runs pass, in order.
#[must_use]
pub fn passed(analysis: &Analysis) -> Vec<Stage> {
    with_stack(|| way::way(analysis, &Layout::of(analysis)).stages())
}

/// Every stage that a Python app can be made for.
#[must_use]
pub fn stages(analysis: &Analysis) -> BTreeSet<Stage> {
    let layout = Layout::of(analysis);
    let mut stages: BTreeSet<Stage> = passed(analysis).into_iter().collect();
    if let Some(web) = web::web(analysis, &layout) {
        let asked = analysis.routes.iter().filter(|route| web.answers(route));
        let asked = asked.map(|route| analysis.stages.stage(route.handler));
        stages.extend(asked.filter(|stage| stage.is_pipeline()));
    }
    stages
}

/// The apps of `wish`.
///
/// # Errors
/// When there is nothing to make one of, or a secret would be copied.
pub fn scaffold(
    tree: &SourceTree,
    analysis: &Analysis,
    report: &Report,
    wish: &Wish,
) -> Result<Scaffold, ScaffoldError> {
    with_stack(|| scaffold_here(tree, analysis, report, wish))
}

fn scaffold_here(
    tree: &SourceTree,
    analysis: &Analysis,
    report: &Report,
    wish: &Wish,
) -> Result<Scaffold, ScaffoldError> {
    let layout = Layout::of(analysis);
    let way = way::way(analysis, &layout);
    let web = web::web(analysis, &layout);
    let secrets = secrets(&analysis.modules);
    let apps = Apps {
        tree,
        analysis,
        report,
        wish,
        layout: &layout,
        way: &way,
        web: web.as_ref(),
        secrets: &secrets,
    };
    let mut names = Names::default();
    let between = apps.between(&mut names);
    let mut scaffold = Scaffold {
        run: way.whole.as_ref().map(|driver| apps.id(driver.func)),
        begins: between.begins.clone(),
        values: apps.values(),
        left: left(report, &apps),
        ..Scaffold::default()
    };
    for stage in &wish.python {
        if let Some(app) = apps.app(*stage, &between)? {
            scaffold.apps.push(app);
        }
    }
    if scaffold.apps.is_empty() {
        return Err(ScaffoldError::Nothing);
    }
    scaffold.crossings = between.crossings(report, &scaffold.apps);
    Ok(scaffold)
}

/// What no app does, by name.
fn left(report: &Report, apps: &Apps<'_>) -> Vec<String> {
    let mut left = Vec::new();
    for stage in &apps.wish.python {
        let has = report.functions.iter().any(|entry| entry.stage == *stage);
        if has && !apps.has(*stage) {
            left.push(format!(
                "{stage}: nothing starts it on its own: no function that a run goes through asks it, and no route is its own"
            ));
        }
    }
    for (entry, route) in report.routes.iter().zip(&apps.analysis.routes) {
        let why = match apps.web {
            // A task of a request belongs to its route.
            _ if route.kind == RouteKind::Job
                && route.framework != "fastapi"
                && !apps.starts(route.handler) =>
            {
                "no app starts it: let what keeps the time put a message into the first queue"
            }
            _ if route.kind == RouteKind::WebSocket => "Azure Functions answer no WebSocket",
            _ if route.kind != RouteKind::Http => continue,
            _ if !entry.stage.is_pipeline() && entry.fat => {
                "it spans several stages: a message in the first queue starts them instead"
            }
            _ if !entry.stage.is_pipeline() => "its handler belongs to no stage",
            _ if !apps.wish.python.contains(&entry.stage) => continue,
            _ if is_reserved(&entry.path) => {
                "the host keeps paths that begin so for itself: give it another"
            }
            Some(web) if web.answers(route) => continue,
            Some(_) => "the application that is scaffolded does not answer it",
            None => "the application that answers it was not found",
        };
        let name = format!("{} {}", entry.method, entry.path);
        let place = format!("{}:{}", entry.place.file, entry.place.line);
        left.push(format!("{}: {why} ({place})", name.trim()));
    }
    for func in &apps.way.between {
        let does = apps.does(*func);
        if !does.is_empty() {
            left.push(format!(
                "{} itself {}: that happens again in each stage",
                apps.id(*func),
                does.join(", ")
            ));
        }
    }
    for skipped in &report.skipped {
        left.push(format!("{} was not read: {}", skipped.file, skipped.reason));
    }
    left
}
