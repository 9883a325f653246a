//! The strangler-fig proxy of cutline.
//!
//! Empty so far. It will stand in front of a running monolith, send a
//! percentage of each stage's requests to its candidate (or mirror them in
//! shadow mode), compare the answers, and promote or roll back on evidence.
