//! The parts joined, on the fixtures: one test binary.

#[path = "../support/mod.rs"]
mod support;

mod answers;
#[cfg(feature = "azure")]
mod azure;
#[cfg(feature = "runtime")]
mod backup;
#[cfg(all(unix, feature = "runtime"))]
mod bad_input;
mod behind_the_proxy;
mod browser;
#[cfg(all(unix, feature = "azure"))]
mod cloud;
#[cfg(feature = "runtime")]
mod custom_stage;
mod dashboard;
#[cfg(all(unix, feature = "demo"))]
mod demo;
#[cfg(feature = "runtime")]
mod faces;
#[cfg(all(unix, feature = "runtime"))]
mod faces_tls;
mod fixtures;
#[cfg(all(target_os = "linux", feature = "runtime"))]
mod full_disk;
#[cfg(feature = "runtime")]
mod generated;
#[cfg(all(unix, feature = "demo"))]
mod guides;
#[cfg(feature = "azure")]
mod handler;
#[cfg(feature = "runtime")]
mod handover;
#[cfg(feature = "runtime")]
mod import_model;
#[cfg(all(unix, feature = "demo"))]
mod infrastructure;
#[cfg(all(unix, feature = "runtime"))]
mod killed;
#[cfg(all(unix, feature = "demo"))]
mod migration;
mod nothing_lost;
#[cfg(feature = "runtime")]
mod once;
mod other_protocols;
#[cfg(feature = "runtime")]
mod parity;
mod planted;
#[cfg(all(unix, feature = "runtime"))]
mod postgres;
#[cfg(all(unix, feature = "demo"))]
mod production;
mod proxy_control;
#[cfg(feature = "analyzer")]
mod reports;
#[cfg(all(unix, feature = "runtime"))]
mod rows_out;
#[cfg(feature = "runtime")]
mod run_spans;
#[cfg(feature = "runtime")]
mod run_watched;
#[cfg(feature = "runtime")]
mod runtime_docs;
#[cfg(all(feature = "analyzer", feature = "runtime"))]
mod scaffold;
mod spans;
#[cfg(feature = "runtime")]
mod stages;
#[cfg(feature = "runtime")]
mod telemetry;
#[cfg(feature = "runtime")]
mod tumor;
#[cfg(all(feature = "insights", feature = "runtime"))]
mod whole_trace;
