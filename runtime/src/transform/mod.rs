//! Transformations, fitted once and then frozen: one file per transformer.
//!
//! ```text
//! Preparation + Frame -> fit() -> Fitted + Applied
//! Fitted + tables -> ready() -> Sides
//! Fitted + Sides + Frame -> apply() -> Applied -> matrix() -> Array2<f64>
//! Split + Frame -> rows() -> Parts
//! ```
//!
//! A [`Preparation`] is declared, in steps. Fitting learns what each step has
//! to learn (medians, categories, limits) and gives a [`Fitted`], a document
//! that serving uses as it is. A [`Frame`] is a table in memory, made of Arrow's
//! record batches; what is missing is missing as in pandas, and what a step
//! makes has a type that follows from types alone, so that a single row is
//! prepared as a whole table is.

mod aggregate;
mod align;
mod batches;
mod bin;
mod cast;
mod categories;
mod clip;
mod column;
mod date_parts;
mod derive;
mod drop;
mod drop_duplicates;
mod drop_missing;
mod expression;
mod fault;
mod filter;
mod fitted;
mod folds;
mod frame;
mod hash;
mod impute;
mod join;
mod keys;
mod log;
mod moment;
mod one_hot;
mod ordinal;
mod preparation;
mod random_state;
mod real;
mod rename;
mod scalar;
mod scale;
mod select;
mod split;
mod stats;
mod step;

pub use column::{Column, Type};
pub use expression::{Expression, ExpressionError};
pub use fault::{Fault, TransformError};
pub use fitted::{Applied, Dropped, Fitted, Input, Sides, Tables};
pub use folds::{k_fold, stratified_k_fold};
pub use frame::Frame;
pub use preparation::{Preparation, fit};
pub use random_state::RandomState;
pub use scalar::Scalar;
pub use split::{
    By, Parts, Size, Sizes, Split, SplitError, classes, grouped, shuffled, stratified,
};
pub use step::{Kind, Only, Step};

/// The steps as they are declared.
pub mod steps {
    pub use super::aggregate::{Aggregate, Of, Statistic};
    pub use super::align::Align;
    pub use super::bin::{Bin, Closed, Labels, Numbers, Outside, Quantiles, Same};
    pub use super::cast::{Cast, Invalid};
    pub use super::clip::{Clip, Limit};
    pub use super::date_parts::{DateParts, Part};
    pub use super::derive::Derive;
    pub use super::drop::DropColumns;
    pub use super::drop_duplicates::{DropDuplicates, Keep};
    pub use super::filter::Filter;
    pub use super::hash::Hash;
    pub use super::impute::{Impute, With};
    pub use super::join::{How, Join};
    pub use super::log::Log;
    pub use super::one_hot::{Frequency, Missing, OneHot, Unknown};
    pub use super::ordinal::Ordinal;
    pub use super::rename::Rename;
    pub use super::scale::{Against, Scale};
    pub use super::select::Select;
}
