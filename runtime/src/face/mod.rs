//! How a stage answers over HTTP: one file per face.
