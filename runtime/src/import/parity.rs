//! Predictions beside those of the libraries themselves.
