//! PowerTransformer of `sklearn.preprocessing` (Yeo and Johnson 2000, "A new
//! family of power transformations to improve normality or symmetry"; Box and
//! Cox 1964, "An analysis of transformations").

use super::check::{Names, Place};
use super::document::Real;
use super::error::ImportError;
use super::scale::{self, ScaleWritten};
use super::sequence::in_sequence;
use super::step::{Made, elementwise};

/// A power per column, and the scaling behind it.
#[derive(serde::Deserialize)]
pub(super) struct PowerWritten {
    method: Method,
    lambdas: Vec<Real>,
    scale: Option<ScaleWritten>,
}

#[derive(Clone, Copy, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Method {
    BoxCox,
    YeoJohnson,
}

pub(super) fn checked(
    written: PowerWritten,
    names: &Names,
    at: &Place,
) -> Result<Made, ImportError> {
    let lambdas = at.per_column("lambdas", written.lambdas, names.len())?;
    let function = match written.method {
        Method::BoxCox => box_cox,
        Method::YeoJohnson => yeo_johnson,
    };
    let power = elementwise(names, move |index, x| function(x, lambdas[index]));
    match written.scale {
        None => Ok(power),
        Some(scale) => Ok(in_sequence(
            vec![power, scale::checked(scale, names, at)?],
            names,
        )),
    }
}

fn yeo_johnson(x: f64, lambda: f64) -> f64 {
    if x >= 0.0 {
        match lambda.abs() < f64::EPSILON {
            true => x.ln_1p(),
            false => ((x + 1.0).powf(lambda) - 1.0) / lambda,
        }
    } else {
        match (lambda - 2.0).abs() > f64::EPSILON {
            true => -((-x + 1.0).powf(2.0 - lambda) - 1.0) / (2.0 - lambda),
            false => -(-x).ln_1p(),
        }
    }
}

/// As SciPy's `boxcox`.
fn box_cox(x: f64, lambda: f64) -> f64 {
    if lambda.abs() < 1e-19 || (lambda * x.ln()).abs() < 1e-289 {
        return x.ln();
    }
    match lambda * x.ln() < 709.78 {
        true => (lambda * x.ln()).exp_m1() / lambda,
        false => lambda.signum() * (lambda * x.ln() - lambda.abs().ln()).exp() - 1.0 / lambda,
    }
}
