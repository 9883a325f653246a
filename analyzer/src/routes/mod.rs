//! Where the outside world enters: HTTP routes, commands, schedules, steps.

use smol_str::SmolStr;

use crate::graph::FuncId;
use crate::modules::FileId;

/// A way in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// What kind of way.
    pub kind: RouteKind,
    /// `GET`, `POST`, …; `ANY` where the framework takes all; empty for what
    /// is not HTTP.
    pub method: SmolStr,
    /// Path template with `{name}` for parameters; a command's or job's name.
    pub path: SmolStr,
    /// Who answers.
    pub handler: FuncId,
    /// Where it is declared: the file.
    pub file: FileId,
    /// The line.
    pub line: u32,
    /// The framework: `flask`, `fastapi`, `celery`, …
    pub framework: &'static str,
}

/// Kinds of [`Route`].
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum RouteKind {
    /// An HTTP route.
    Http,
    /// A WebSocket.
    WebSocket,
    /// A command of a command-line interface.
    Command,
    /// A scheduled or queued job, or a background thread.
    Job,
    /// A step of a pipeline framework.
    Step,
    /// A script's main block.
    Script,
    /// A hook of the framework: start-up, before each request.
    Hook,
}
