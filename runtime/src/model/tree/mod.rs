//! Models made of trees: a decision tree, a random forest, gradient boosting on
//! histograms, and the isolation forest.
//!
//! [`DecisionTree`] and [`RandomForest`] share how they grow (`grow`, with
//! `features`, `impurity` and `limits`); [`IsolationForest`] parts at random;
//! [`GradientBoosting`] has rooms of its own in `boosting`. All of them keep a
//! tree as [`Nodes`].

mod boosting;
mod columns;
mod decision;
mod document;
mod features;
mod forest;
mod grow;
mod impurity;
mod isolation;
mod lesson;
mod limits;
mod nodes;
#[cfg(test)]
mod parity;
mod random;
mod rows;

pub use boosting::{Boosted, GradientBoosting};
pub use decision::{Criterion, DecisionTree};
pub use forest::{Forest, RandomForest};
pub use isolation::{Isolation, IsolationForest};
pub use limits::{MaxFeatures, Rule};
pub use nodes::Nodes;
