//! The learnt weights, as `examples/fit_stages.rs` prints them.

use super::model::Weights;

/// Without neighbours.
pub(crate) static ALONE: Weights = Weights {
    families: [
        1.2, 0.8, 1.2, 0.6, 0.6, 0.4, 0.5, 0.8, 0.8, 0.5, 0.0, 0.0, 0.0, 0.0,
    ],
    bias: [0.0; 9],
    shared: [0.0; 10],
    none: [0.0; 10],
    temperature: 1.0,
};

/// With neighbours.
pub(crate) static TOGETHER: Weights = Weights {
    families: [
        1.2, 0.8, 1.2, 0.6, 0.6, 0.4, 0.5, 0.8, 0.8, 0.5, 1.5, 1.0, 1.0, 0.5,
    ],
    bias: [0.0; 9],
    shared: [0.0; 10],
    none: [0.0; 10],
    temperature: 1.0,
};
