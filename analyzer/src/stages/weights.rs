//! The learnt weights, as `examples/fit_stages.rs` prints them.

use super::model::Weights;

/// Without neighbours.
pub(crate) static ALONE: Weights = Weights {
    families: [[0.7; 9]; super::features::FAMILIES],
    facts: [[0.0; 9]; super::features::FACTS],
    bias: [0.0; 9],
    temperature: 1.0,
};

/// With neighbours.
pub(crate) static TOGETHER: Weights = Weights {
    families: [[0.7; 9]; super::features::FAMILIES],
    facts: [[0.0; 9]; super::features::FACTS],
    bias: [0.0; 9],
    temperature: 1.0,
};
