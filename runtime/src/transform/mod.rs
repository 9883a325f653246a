//! Transformations, fitted once and then frozen: one file per transformer.
mod batches;
mod column;
mod expression;
mod fault;
mod frame;
mod moment;
mod real;
mod scalar;
mod split {
    #[derive(Debug, thiserror::Error)]
    #[error("")]
    pub struct SplitError;
}
pub use column::{Column, Type};
pub use expression::{Expression, ExpressionError};
pub use fault::{Fault, TransformError};
pub use frame::Frame;
pub use scalar::Scalar;
