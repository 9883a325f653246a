//! [`StageFn`]: one responsibility, run as often as need be with the same
//! result. It sees a [`StageContext`], nothing more: no backend, no cloud.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Later.
pub struct StageContext;
/// Later.
#[derive(Debug)]
pub struct StageError;

use crate::pipeline::{Params, Problem};

/// A stage with its parameters.
pub trait StageFn: Send + Sync {
    /// The name of its kind, as in `functions.toml`.
    fn name(&self) -> &'static str;

    /// Does the work once. It may be called again with the same invocation, at
    /// the same time even, and must then make the same.
    ///
    /// # Errors
    /// Why it could not be done, and whether another try may help.
    fn invoke<'a>(&'a self, ctx: &'a StageContext, input: Invocation) -> Invoked<'a>;
}

/// What [`StageFn::invoke`] gives.
pub type Invoked<'a> = Pin<Box<dyn Future<Output = Result<Facts, StageError>> + Send + 'a>>;

/// A kind of stage: its name, and how its parameters make a function.
#[derive(Clone, Copy)]
pub struct Kind {
    /// As in `stage = "…"`.
    pub name: &'static str,
    /// Reads the parameters.
    pub configure: fn(&Params) -> Result<Arc<dyn StageFn>, Problem>,
}

/// Small facts of an invocation, for people, answers and the ledger: rows,
/// versions, metrics. What it made stands beside them, by name.
pub type Facts = serde_json::Map<String, serde_json::Value>;

/// What a message says: which artifacts, and fields such as a batch's name. It
/// never carries data.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Invocation {
    /// Artifact ids by the names that bindings use.
    #[serde(default)]
    pub artifacts: BTreeMap<String, String>,
    /// Everything else.
    #[serde(default)]
    pub fields: Facts,
    /// How often the message has been given out, this time included.
    #[serde(skip)]
    pub dequeue_count: u32,
}

impl Invocation {
    /// A field as text, for paths.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<String> {
        match self.fields.get(name)? {
            serde_json::Value::String(text) => Some(text.clone()),
            serde_json::Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }
}
