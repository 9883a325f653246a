//! VotingClassifier and VotingRegressor of `sklearn.ensemble`.

use super::answer::{Answer, Class, Label, Model, labels, model};
use super::cell::Cell;
use super::check::{Names, Place};
use super::document::{ModelWritten, Real, Scalar};
use super::error::{Flaw, ImportError, PredictError};
use super::imported::Kind;
use super::numbers::argmax;

/// Models that vote by class, or by probability where `soft`.
#[derive(serde::Deserialize)]
pub(super) struct VotingClassifierWritten {
    classes: Vec<Option<Scalar>>,
    soft: bool,
    voters: Vec<Voter>,
    weights: Option<Vec<Real>>,
}

/// Models whose values are averaged.
#[derive(serde::Deserialize)]
pub(super) struct VotingRegressorWritten {
    voters: Vec<Voter>,
    weights: Option<Vec<Real>>,
}

#[derive(serde::Deserialize)]
struct Voter {
    name: String,
    model: ModelWritten,
}

struct Voters {
    models: Vec<Box<dyn Model>>,
    weights: Option<Vec<f64>>,
}

impl Voters {
    fn new(
        voters: Vec<Voter>,
        weights: Option<Vec<Real>>,
        names: &Names,
        at: &Place,
    ) -> Result<Voters, ImportError> {
        at.not_empty("voters", &voters)?;
        let weights = weights
            .map(|weights| at.per_column("weights", weights, voters.len()))
            .transpose()?;
        let checked = |voter: Voter| model(voter.model, names, &at.of(&voter.name)?);
        let models = voters.into_iter().map(checked).collect::<Result<_, _>>()?;
        Ok(Voters { models, weights })
    }

    fn weight(&self, voter: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |weights| weights[voter])
    }

    fn total(&self) -> f64 {
        (0..self.models.len()).fold(0.0, |sum, voter| sum + self.weight(voter))
    }

    fn takes(&self) -> Vec<Option<Kind>> {
        let all = self.models.iter().map(|model| model.takes());
        all.reduce(|one, other| one.into_iter().zip(other).map(|(a, b)| a.or(b)).collect())
            .unwrap_or_default()
    }

    fn uses(&self) -> Vec<bool> {
        let all = self.models.iter().map(|model| model.uses());
        all.reduce(|one, other| one.into_iter().zip(other).map(|(a, b)| a || b).collect())
            .unwrap_or_default()
    }
}

struct Classifier {
    classes: Vec<Label>,
    voters: Voters,
    soft: bool,
}

pub(super) fn classifier(
    written: VotingClassifierWritten,
    names: &Names,
    at: &Place,
) -> Result<Box<dyn Model>, ImportError> {
    let classes = labels(written.classes, at)?;
    let voters = Voters::new(written.voters, written.weights, names, at)?;
    for model in &voters.models {
        let of_model = model.classes().ok_or_else(|| {
            at.flaw(Flaw::Role {
                what: "a classifier",
            })
        })?;
        at.length("a voter's classes", of_model.len(), classes.len())?;
    }
    Ok(Box::new(Classifier {
        classes,
        voters,
        soft: written.soft,
    }))
}

impl Model for Classifier {
    fn answer(&self, row: &[Cell<'_>]) -> Result<Answer, PredictError> {
        let mut votes = vec![0.0; self.classes.len()];
        for (voter, model) in self.voters.models.iter().enumerate() {
            let Answer::Class(class) = model.answer(row)? else {
                continue;
            };
            let weight = self.voters.weight(voter);
            match self.soft {
                true => votes
                    .iter_mut()
                    .zip(&class.probabilities)
                    .for_each(|(sum, p)| *sum += p * weight),
                false => votes[class.index] += weight,
            }
        }
        let index = argmax(&votes);
        let total = self.voters.total();
        let probabilities = match self.soft {
            true => votes.iter().map(|sum| sum / total).collect(),
            false => Vec::new(),
        };
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
        self.voters.takes()
    }

    fn uses(&self) -> Vec<bool> {
        self.voters.uses()
    }
}

struct Regressor {
    voters: Voters,
}

pub(super) fn regressor(
    written: VotingRegressorWritten,
    names: &Names,
    at: &Place,
) -> Result<Box<dyn Model>, ImportError> {
    let voters = Voters::new(written.voters, written.weights, names, at)?;
    match voters.models.iter().all(|model| model.classes().is_none()) {
        true => Ok(Box::new(Regressor { voters })),
        false => Err(at.flaw(Flaw::Role {
            what: "a regressor",
        })),
    }
}

impl Model for Regressor {
    fn answer(&self, row: &[Cell<'_>]) -> Result<Answer, PredictError> {
        let mut sum = 0.0;
        for (voter, model) in self.voters.models.iter().enumerate() {
            if let Answer::Value(value) = model.answer(row)? {
                sum += value * self.voters.weight(voter);
            }
        }
        Ok(Answer::Value(sum / self.voters.total()))
    }

    fn classes(&self) -> Option<&[Label]> {
        None
    }

    fn takes(&self) -> Vec<Option<Kind>> {
        self.voters.takes()
    }

    fn uses(&self) -> Vec<bool> {
        self.voters.uses()
    }
}
