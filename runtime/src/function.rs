//! [`StageFn`]: one responsibility, run as often as need be with the same
//! result. It sees a [`StageContext`], nothing more: no backend, no cloud.

mod context;
mod error;
#[cfg(test)]
pub(crate) mod sample;
mod stop;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

pub use context::{Made, Services, StageContext};
pub use error::StageError;
pub(crate) use error::whole;
pub use stop::Stop;

use crate::pipeline::{Params, Problem};
use crate::queue::Message;

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

/// One call of a function.
#[derive(Clone, Debug, PartialEq)]
pub struct Invocation {
    /// What it was asked to do. It names artifacts, and never carries data.
    pub message: Message,
    /// How often the message was received, this time included.
    pub dequeue_count: u32,
}
