//! What runs functions: [`open`] reads a pipeline, [`Local`] hosts it in one
//! process, and [`Answering`] lets clients ask it.
//!
//! A message is taken, its work is done at most once at a time and recorded in
//! the ledger, the next message is sent, and only then is the message taken
//! out. Whatever dies between two of these, the message comes again; work that
//! was recorded is not done again, and a message that is sent twice finds its
//! work recorded. So nothing is lost, and nothing is doubled.

mod answering;
mod faces;
mod figures;
mod guard;
pub(crate) mod handler;
pub mod handover;
mod http;
mod local;
mod open;
mod serve;
mod shadow;
mod tls;
mod told;
mod traced;
mod work;

use std::time::Duration;

pub use answering::{Answering, Listening};
pub use faces::check_faces;
pub use figures::{FIGURES, Figure, FigureKind, Render};
pub use guard::Guard;
pub use handler::Early;
pub use http::{Http, ROUTES, ROUTES_OF_INFERENCE};
pub use local::{Local, Running};
pub use open::{OpenError, Opened, open};
pub use tls::{Certificate, NoCertificate, Secured};

use crate::queue::retry::Retry;
use crate::spans::Tracing;

/// How a host works.
#[derive(Clone, Debug)]
pub struct Settings {
    /// For how long a message is hidden, and work is ours, at a time; renewed
    /// while the work lasts.
    pub visibility: Duration,
    /// How often is tried.
    pub retry: Retry,
    /// Invocations of one function at once.
    pub at_once: usize,
    /// The longest that a message may lie before it is seen.
    pub poll: Duration,
    /// Where spans of requests and invocations go.
    pub tracing: Tracing,
}

#[cfg(test)]
mod tests;

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            visibility: Duration::from_secs(60),
            retry: Retry::default(),
            at_once: 1,
            poll: Duration::from_millis(500),
            tracing: Tracing::default(),
        }
    }
}
