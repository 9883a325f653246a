//! CalibratedClassifierCV of `sklearn.calibration`.

use std::cmp::Ordering;

use super::answer::{Answer, Class, Label, Model, labels, model};
use super::cell::Cell;
use super::check::{Names, Place};
use super::document::{ModelWritten, Real, Scalar};
use super::error::{Flaw, ImportError, PredictError};
use super::imported::Kind;
use super::numbers::{argmax, expit, normalize};

/// Classifiers whose calibrated probabilities are averaged.
#[derive(serde::Deserialize)]
pub(super) struct CalibratedWritten {
    classes: Vec<Option<Scalar>>,
    parts: Vec<PartWritten>,
}

/// A classifier, what of it is calibrated, and the calibration of each class; of
/// two classes one, of the second.
#[derive(serde::Deserialize)]
struct PartWritten {
    model: ModelWritten,
    response: Response,
    calibrators: Vec<CalibratorWritten>,
}

#[derive(Clone, Copy, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Response {
    Probabilities,
    Scores,
}

#[derive(serde::Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum CalibratorWritten {
    Sigmoid { a: Real, b: Real },
    Isotonic { x: Vec<Real>, y: Vec<Real> },
}

struct Calibrated {
    classes: Vec<Label>,
    parts: Vec<Part>,
}

struct Part {
    model: Box<dyn Model>,
    response: Response,
    calibrators: Vec<Calibrator>,
}

enum Calibrator {
    /// Platt 1999, "Probabilistic outputs for support vector machines".
    Sigmoid { a: f64, b: f64 },
    /// Points with rising `x`, with lines between them.
    Isotonic { points: Vec<(f64, f64)> },
}

pub(super) fn checked(
    written: CalibratedWritten,
    names: &Names,
    at: &Place,
) -> Result<Box<dyn Model>, ImportError> {
    let classes = labels(written.classes, at)?;
    at.not_empty("parts", &written.parts)?;
    let mut parts = Vec::new();
    for (index, part) in written.parts.into_iter().enumerate() {
        let at = at.of(&index.to_string())?;
        let model = model(part.model, names, &at)?;
        let of_model = model.classes().ok_or_else(|| {
            at.flaw(Flaw::Role {
                what: "a classifier",
            })
        })?;
        at.length("the calibrated classes", of_model.len(), classes.len())?;
        let n_calibrators = if classes.len() == 2 { 1 } else { classes.len() };
        at.length("calibrators", part.calibrators.len(), n_calibrators)?;
        let calibrators = part
            .calibrators
            .into_iter()
            .map(|written| Calibrator::new(written, &at));
        let calibrators = calibrators.collect::<Result<_, _>>()?;
        parts.push(Part {
            model,
            response: part.response,
            calibrators,
        });
    }
    Ok(Box::new(Calibrated { classes, parts }))
}

impl Model for Calibrated {
    fn answer(&self, row: &[Cell<'_>]) -> Result<Answer, PredictError> {
        let mut probabilities = vec![0.0; self.classes.len()];
        for part in &self.parts {
            let own = part.probabilities(row, self.classes.len())?;
            probabilities
                .iter_mut()
                .zip(own)
                .for_each(|(sum, own)| *sum += own);
        }
        let n_parts = self.parts.len() as f64;
        probabilities.iter_mut().for_each(|sum| *sum /= n_parts);
        let index = argmax(&probabilities);
        Ok(Answer::Class(Class {
            index,
            probabilities,
            scores: Vec::new(),
        }))
    }

    fn classes(&self) -> Option<&[Label]> {
        Some(&self.classes)
    }

    fn takes(&self) -> Vec<Option<Kind>> {
        self.parts
            .first()
            .map(|part| part.model.takes())
            .unwrap_or_default()
    }

    fn uses(&self) -> Vec<bool> {
        self.parts
            .first()
            .map(|part| part.model.uses())
            .unwrap_or_default()
    }
}

impl Part {
    fn probabilities(&self, row: &[Cell<'_>], n_classes: usize) -> Result<Vec<f64>, PredictError> {
        let Answer::Class(class) = self.model.answer(row)? else {
            return Ok(vec![0.0; n_classes]);
        };
        let responses = match self.response {
            Response::Scores => &class.scores[..],
            Response::Probabilities if n_classes == 2 => {
                class.probabilities.get(1..).unwrap_or(&[])
            }
            Response::Probabilities => &class.probabilities[..],
        };
        let calibrated = self.calibrators.iter().zip(responses);
        let mut shares: Vec<f64> = calibrated
            .map(|(one, response)| one.of(*response))
            .collect();
        if n_classes == 2 {
            let positive = shares.first().copied().unwrap_or(f64::NAN);
            return Ok(vec![1.0 - positive, positive]);
        }
        shares.resize(n_classes, 0.0);
        normalize(&mut shares);
        Ok(shares)
    }
}

impl Calibrator {
    fn new(written: CalibratorWritten, at: &Place) -> Result<Calibrator, ImportError> {
        let (x, y) = match written {
            CalibratorWritten::Sigmoid { a, b } => {
                return Ok(Calibrator::Sigmoid { a: a.0, b: b.0 });
            }
            CalibratorWritten::Isotonic { x, y } => (x, y),
        };
        at.not_empty("x", &x)?;
        at.length("y", y.len(), x.len())?;
        let points: Vec<(f64, f64)> = x.iter().zip(y).map(|(x, y)| (x.0, y.0)).collect();
        match points
            .iter()
            .zip(&points[1..])
            .find(|(low, high)| low.0.partial_cmp(&high.0) != Some(Ordering::Less))
        {
            None => Ok(Calibrator::Isotonic { points }),
            Some((_, high)) => Err(at.flaw(Flaw::Number {
                what: "an x that does not rise",
                found: high.0,
            })),
        }
    }

    fn of(&self, response: f64) -> f64 {
        match self {
            Calibrator::Sigmoid { a, b } => expit(-(a * response + b)),
            Calibrator::Isotonic { points } => interpolated(points, response),
        }
    }
}

/// NumPy's `interp` of `x` clipped to the points.
fn interpolated(points: &[(f64, f64)], x: f64) -> f64 {
    let above = points.partition_point(|point| point.0 <= x);
    match (
        above.checked_sub(1).map(|below| points[below]),
        points.get(above),
    ) {
        (None, None) => f64::NAN,
        (None, Some(first)) => first.1,
        (Some(last), None) => last.1,
        (Some(low), Some(high)) => (high.1 - low.1) / (high.0 - low.0) * (x - low.0) + low.1,
    }
}
