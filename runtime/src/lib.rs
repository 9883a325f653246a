//! The stage functions of cutline.
//!
//! The seven stages as single-purpose, idempotent, stateless functions that
//! talk through queues and blobs. The kernels (`table`, `transform`, `model`,
//! `metrics`, `drift`) know no stage, queue or blob: numbers in, numbers out.
//!
//! A stage of one's own is a [`StageFn`] with its [`Kind`]: listed beside
//! [`stages::ALL`], it is what `stage = "…"` names, and [`host`] runs it as it
//! runs the seven.

// The contracts of backends name it as those who use it do.
#[cfg(test)]
extern crate self as cutline_runtime;

#[cfg(feature = "azure")]
pub mod azure;
pub mod drift;
pub mod face;
pub mod function;
pub mod host;
pub mod import;
pub mod log;
pub mod manifest;
pub mod metrics;
pub mod model;
pub mod page;
pub mod pipeline;
pub mod queue;
pub mod secret;
pub mod spans;
pub mod stages;
pub mod store;
pub mod table;
pub mod transform;

pub use function::{
    Facts, Invocation, Invoked, Kind, Services, StageContext, StageError, StageFn, Stop,
};
pub use host::{Local, Opened, Settings, open};
pub use pipeline::{Params, Pipeline, Problem};
pub use spans::Tracing;
pub use store::artifact::{Artifact, Description};
