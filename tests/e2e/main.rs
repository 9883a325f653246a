//! The parts joined, on the fixtures: one test binary.

#[path = "../support/mod.rs"]
mod support;

mod answers;
#[cfg(feature = "runtime")]
mod backup;
#[cfg(all(unix, feature = "runtime"))]
mod bad_input;
mod behind_the_proxy;
mod browser;
#[cfg(feature = "runtime")]
mod custom_stage;
mod dashboard;
#[cfg(feature = "demo")]
mod demo;
mod fixtures;
#[cfg(feature = "runtime")]
mod generated;
#[cfg(all(unix, feature = "runtime"))]
mod killed;
mod nothing_lost;
mod other_protocols;
#[cfg(feature = "runtime")]
mod parity;
mod planted;
#[cfg(all(unix, feature = "runtime"))]
mod postgres;
mod proxy_control;
#[cfg(feature = "analyzer")]
mod reports;
#[cfg(feature = "runtime")]
mod runtime_docs;
mod spans;
#[cfg(feature = "runtime")]
mod stages;
#[cfg(feature = "runtime")]
mod tumor;
