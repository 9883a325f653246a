//! Linear models, and what becomes of their scores.

use super::super::node::Node;
use super::super::tensor::{Data, Tensor, Wrong};
use super::arithmetic::logistic;
use super::{Op, need, of, unary};

pub(super) fn op(node: &Node<'_>) -> Result<Option<Box<dyn Op>>, Wrong> {
    match &*node.0.op_type {
        "LinearClassifier" => classifier(node).map(Some),
        "LinearRegressor" => regressor(node).map(Some),
        _ => Ok(None),
    }
}

/// What `post_transform` makes of a row's scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transform {
    None,
    Logistic,
    Softmax,
    /// Scores that are 0 stay 0.
    SoftmaxZero,
}

impl Transform {
    pub(super) fn of(node: &Node<'_>) -> Result<Transform, Wrong> {
        match &*node.text("post_transform", "NONE") {
            "NONE" => Ok(Transform::None),
            "LOGISTIC" => Ok(Transform::Logistic),
            "SOFTMAX" => Ok(Transform::Softmax),
            "SOFTMAX_ZERO" => Ok(Transform::SoftmaxZero),
            other => Err(format!("post_transform = {other}")),
        }
    }

    pub(super) fn apply(self, scores: &mut [f32]) {
        match self {
            Transform::None => {}
            Transform::Logistic => scores
                .iter_mut()
                .for_each(|score| *score = logistic(*score)),
            Transform::Softmax => softmax(scores, |_| true),
            Transform::SoftmaxZero => softmax(scores, |score| score.abs() > 1e-7),
        }
    }
}

fn softmax(scores: &mut [f32], takes: impl Fn(f32) -> bool) {
    let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = if takes(*score) {
            (*score - most).exp()
        } else {
            0.0
        };
        sum += *score;
    }
    scores.iter_mut().for_each(|score| *score /= sum);
}

/// Rows of coefficients, each with its intercept.
struct Scores {
    coefficients: Vec<f32>,
    intercepts: Vec<f32>,
}

impl Scores {
    fn of(node: &Node<'_>, rows: usize) -> Result<Scores, Wrong> {
        let coefficients = node.floats("coefficients").to_vec();
        let intercepts = match node.floats("intercepts") {
            [] => vec![0.0; rows],
            given => given.to_vec(),
        };
        let whole = rows > 0 && !coefficients.is_empty() && coefficients.len().is_multiple_of(rows);
        match whole && intercepts.len() == rows {
            true => Ok(Scores {
                coefficients,
                intercepts,
            }),
            false => Err(format!(
                "{} coefficients with {} intercepts for {rows} scores",
                coefficients.len(),
                intercepts.len()
            )),
        }
    }

    fn rows(&self, x: &Tensor) -> Result<Vec<Vec<f32>>, Wrong> {
        let width = self.coefficients.len() / self.intercepts.len();
        if x.width() != width {
            return Err(format!("{} columns where {width} are needed", x.width()));
        }
        let numbers = x.f32s()?;
        let row = |x: &[f32]| {
            let scores = self.coefficients.chunks(width).zip(&self.intercepts);
            scores
                .map(|(w, intercept)| x.iter().zip(w).map(|(x, w)| x * w).sum::<f32>() + intercept)
                .collect()
        };
        Ok(numbers.chunks(width).map(row).collect())
    }
}

fn regressor(node: &Node<'_>) -> Result<Box<dyn Op>, Wrong> {
    let targets = usize::try_from(node.int("targets", 1)).unwrap_or(0);
    let (scores, transform) = (Scores::of(node, targets)?, Transform::of(node)?);
    Ok(unary(move |x| {
        let mut rows = scores.rows(x)?;
        rows.iter_mut().for_each(|row| transform.apply(row));
        let n = rows.len();
        Tensor::new(vec![n, targets], Data::F32(rows.concat()))
    }))
}

fn classifier(node: &Node<'_>) -> Result<Box<dyn Op>, Wrong> {
    let classes = node.classes().ok_or("no classes")?;
    let n_scores = match node.floats("intercepts").len() {
        0 => classes.len(),
        n => n,
    };
    if n_scores != classes.len() && (n_scores, classes.len()) != (1, 2) {
        return Err(format!("{n_scores} scores for {} classes", classes.len()));
    }
    let (scores, transform) = (Scores::of(node, n_scores)?, Transform::of(node)?);
    Ok(of(move |inputs| {
        let mut rows = scores.rows(need(inputs, 0)?)?;
        let mut picked = Vec::with_capacity(rows.len());
        for row in &mut rows {
            // The first of the highest, before the scores are transformed.
            picked.push(match &**row {
                [only] => usize::from(*only > 0.0),
                all => first_highest(all),
            });
            transform.apply(row);
            if let [only] = **row {
                *row = match transform {
                    Transform::None => vec![-only, only],
                    _ => vec![1.0 - only, only],
                };
            }
        }
        let n = rows.len();
        let labels = Tensor::new(vec![n], classes.pick(&picked)?)?;
        let scores = Tensor::new(vec![n, classes.len()], Data::F32(rows.concat()))?;
        Ok(vec![labels, scores])
    }))
}

/// The place of the highest score, the first of several.
pub(super) fn first_highest(scores: &[f32]) -> usize {
    let mut best = 0;
    for (place, score) in scores.iter().enumerate() {
        if *score > scores[best] {
            best = place;
        }
    }
    best
}
