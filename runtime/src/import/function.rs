//! FunctionTransformer of `sklearn.preprocessing`, of NumPy's own functions.

use super::check::Names;
use super::step::{Made, elementwise};

/// A function by its name in NumPy.
#[derive(serde::Deserialize)]
pub(super) struct FunctionWritten {
    name: Function,
}

#[derive(Clone, Copy, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Function {
    Abs,
    Cbrt,
    Exp,
    Expm1,
    Log,
    Log10,
    Log1p,
    Log2,
    Sqrt,
    Square,
}

pub(super) fn checked(written: &FunctionWritten, names: &Names) -> Made {
    let function = written.name.of();
    elementwise(names, move |_, x| function(x))
}

impl Function {
    fn of(self) -> fn(f64) -> f64 {
        match self {
            Function::Abs => f64::abs,
            Function::Cbrt => f64::cbrt,
            Function::Exp => f64::exp,
            Function::Expm1 => f64::exp_m1,
            Function::Log => f64::ln,
            Function::Log10 => f64::log10,
            Function::Log1p => f64::ln_1p,
            Function::Log2 => f64::log2,
            Function::Sqrt => f64::sqrt,
            Function::Square => |x| x * x,
        }
    }
}
