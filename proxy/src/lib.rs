//! The strangler-fig proxy of cutline: it stands in front of a running
//! monolith and moves it, stage by stage, without a client noticing.
//!
//! ```text
//! RequestHead + RouteTable -> Decision -> Outcome (answers the client)
//!   shadow: Outcome x 2 + Rules -> Comparison
//! ```
//!
//! `RoutesFile` is `routes.toml` as written; checked once, it is a
//! [`RouteTable`], and nothing after that checks a weight again.
//! [`decide()`] says which side answers a request and what is mirrored, from
//! nothing but the table and the request's head. `forward` acts on it.
//!
//! [`Control`] changes the table while requests pass: the file declares, the
//! [`Journal`] decides. [`Admin`] is where it is asked to.

mod access;
pub mod admin;
pub mod compare;
pub mod config;
pub mod control;
pub mod decide;
mod forward;
pub mod journal;
mod listen;
mod methods;
pub mod metrics;
pub mod outcome;
mod refuse;
pub mod rollout;
pub mod route;
mod service;
pub mod spans;
mod state;
mod tls;
mod verdict;

pub use access::ACCESS_LOG;
pub use admin::Admin;
pub use compare::{Comparison, compare};
pub use config::{Config, Problem, RoutesFile};
pub use control::{Control, StateFolder};
pub use decide::{Decision, RequestHead, decide};
pub use journal::Journal;
pub use listen::{Handed, Handle, Known, Offer, Proxy, Running, TakeOver};
pub use outcome::Outcome;
pub use route::RouteTable;
pub use spans::{LostSpans, Tracing};
