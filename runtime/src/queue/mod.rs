//! Queues with at-least-once delivery: one file per backend.
