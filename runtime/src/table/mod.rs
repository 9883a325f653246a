//! Tables in batches: one file per format, and what is expected of their rows.
