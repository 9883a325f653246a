//! [`Test`]: every statistic by its name, and the one to take.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::column::Column;
use super::jensen_shannon::jensen_shannon;
use super::kolmogorov_smirnov::kolmogorov_smirnov;
use super::shares::Tally;
use super::{chi_square, normed_wasserstein, psi, z_test};

/// How two samples of a feature are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Test {
    /// The population stability index.
    Psi,
    /// The two-sample Kolmogorov-Smirnov test; of numbers.
    Ks,
    /// Pearson's χ² test; of values that repeat.
    ChiSquare,
    /// The test of one share: the first value against all others.
    Z,
    /// The Wasserstein distance in the reference's standard deviations; of
    /// numbers.
    Wasserstein,
    /// The Jensen-Shannon distance.
    JensenShannon,
}

/// What a test says.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Which test.
    pub test: Test,
    /// A p-value, or a distance: [`Test::is_p_value`].
    pub score: f64,
    /// From where on it counts as drift.
    pub threshold: f64,
    /// Whether it does.
    pub drifted: bool,
}

/// Why two samples cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Untestable {
    /// No values on one side.
    #[error("the {0} sample has no values")]
    Empty(&'static str),
    /// Numbers on one side, words on the other.
    #[error("one sample holds numbers and the other words; give both the same type")]
    Kinds,
    /// The test knows only numbers.
    #[error("{0} compares numbers, and these are words; use chi-square, jensen-shannon or psi")]
    Words(Test),
    /// The test has no value for these.
    #[error("{0} has no value for these samples")]
    NoValue(Test),
}

/// There is no test of this name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no test {0:?}; the tests are {names}", names = Test::ALL.map(Test::name).join(", "))]
pub struct NoTest(pub String);

/// Up to so many values in the reference, tests are taken, and above distances:
/// of large samples every difference is significant.
const MOST_TESTED: usize = 1_000;
/// Numbers with at most so many distinct values are taken as categories.
const MOST_CATEGORIES: usize = 5;

impl Test {
    /// All of them.
    pub const ALL: [Test; 6] = [
        Test::Psi,
        Test::Ks,
        Test::ChiSquare,
        Test::Z,
        Test::Wasserstein,
        Test::JensenShannon,
    ];

    /// As it is written in documents.
    pub fn name(self) -> &'static str {
        match self {
            Test::Psi => "psi",
            Test::Ks => "ks",
            Test::ChiSquare => "chi-square",
            Test::Z => "z",
            Test::Wasserstein => "wasserstein",
            Test::JensenShannon => "jensen-shannon",
        }
    }

    /// As people call its score.
    pub fn title(self) -> &'static str {
        match self {
            Test::Psi => "PSI",
            Test::Ks => "Kolmogorov-Smirnov p",
            Test::ChiSquare => "χ² p",
            Test::Z => "z-test p",
            Test::Wasserstein => "Wasserstein distance, normed",
            Test::JensenShannon => "Jensen-Shannon distance",
        }
    }

    /// The test of this name.
    pub fn by_name(name: &str) -> Result<Test, NoTest> {
        let found = Test::ALL.into_iter().find(|test| test.name() == name);
        found.ok_or_else(|| NoTest(name.to_string()))
    }

    /// Whether its score is a p-value, so that drift lies below the threshold,
    /// and not a distance.
    pub fn is_p_value(self) -> bool {
        matches!(self, Test::Ks | Test::ChiSquare | Test::Z)
    }

    /// 0.05 for a p-value, 0.1 for a distance.
    pub fn usual_threshold(self) -> f64 {
        if self.is_p_value() { 0.05 } else { 0.1 }
    }

    /// The test Evidently takes where none is named: up to 1,000 values in the
    /// reference Kolmogorov-Smirnov for numbers, χ² for categories and z for two
    /// of them; above, Wasserstein for numbers and Jensen-Shannon for
    /// categories. Numbers with at most 5 distinct values are categories.
    pub fn usual(reference: &Column, current: &Column) -> Test {
        let n_values = Tally::of_values(reference, current).map_or(0, |tally| tally.len());
        let numbers = matches!(reference, Column::Numbers(_)) && n_values > MOST_CATEGORIES;
        match (reference.len() <= MOST_TESTED, numbers) {
            (true, true) => Test::Ks,
            (true, false) if n_values > 2 => Test::ChiSquare,
            (true, false) => Test::Z,
            (false, true) => Test::Wasserstein,
            (false, false) => Test::JensenShannon,
        }
    }

    /// Compares two samples.
    pub fn run(
        self,
        reference: &Column,
        current: &Column,
        threshold: Option<f64>,
    ) -> Result<Outcome, Untestable> {
        let score = self.score(reference, current)?;
        let threshold = threshold.unwrap_or(self.usual_threshold());
        let drifted = match self {
            Test::Ks => score <= threshold,
            Test::ChiSquare | Test::Z => score < threshold,
            Test::Psi | Test::Wasserstein | Test::JensenShannon => score >= threshold,
        };
        Ok(Outcome {
            test: self,
            score,
            threshold,
            drifted,
        })
    }

    /// The p-value, or the distance; a finite number.
    pub fn score(self, reference: &Column, current: &Column) -> Result<f64, Untestable> {
        for (side, column) in [("reference", reference), ("current", current)] {
            if column.is_empty() {
                return Err(Untestable::Empty(side));
            }
        }
        let score = match self {
            Test::Psi => Some(psi::of_tally(&self.tally(reference, current)?)),
            Test::JensenShannon => {
                let tally = self.tally(reference, current)?;
                Some(jensen_shannon(&tally.reference, &tally.current))
            }
            Test::ChiSquare => {
                let tally = self.tally(reference, current)?;
                chi_square(&tally.reference, &tally.current)
            }
            Test::Z => {
                let tally = self.tally(reference, current)?;
                z_test(
                    first_and_rest(&tally.reference),
                    first_and_rest(&tally.current),
                )
            }
            Test::Ks => {
                let (reference, current) = self.numbers(reference, current)?;
                kolmogorov_smirnov(reference, current).map(|ks| ks.p_value)
            }
            Test::Wasserstein => {
                let (reference, current) = self.numbers(reference, current)?;
                normed_wasserstein(reference, current)
            }
        };
        let finite = score.filter(|score| score.is_finite());
        finite.ok_or(Untestable::NoValue(self))
    }

    fn tally(self, reference: &Column, current: &Column) -> Result<Tally, Untestable> {
        let tally = match self {
            Test::Psi | Test::JensenShannon => Tally::binned(reference, current),
            _ => Tally::of_values(reference, current),
        };
        tally.ok_or(Untestable::Kinds)
    }

    fn numbers<'a>(
        self,
        reference: &'a Column,
        current: &'a Column,
    ) -> Result<(&'a [f64], &'a [f64]), Untestable> {
        match (reference, current) {
            (Column::Numbers(reference), Column::Numbers(current)) => Ok((reference, current)),
            (Column::Words(_), Column::Words(_)) => Err(Untestable::Words(self)),
            _ => Err(Untestable::Kinds),
        }
    }
}

fn first_and_rest(counts: &[f64]) -> [f64; 2] {
    let first = counts.first().copied().unwrap_or(0.0);
    [first, counts.iter().skip(1).sum()]
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(n: usize, distinct: usize) -> Column {
        Column::numbers((0..n).map(|row| (row % distinct) as f64))
    }

    #[test]
    fn the_test_goes_by_size_and_kind() {
        let words = |n: usize| Column::words((0..n).map(|row| Some(["a", "b", "c"][row % 3])));
        for (reference, test) in [
            (numbers(1_000, 6), Test::Ks),
            (numbers(1_000, 5), Test::ChiSquare),
            (numbers(1_000, 2), Test::Z),
            (numbers(1_001, 6), Test::Wasserstein),
            (numbers(1_001, 5), Test::JensenShannon),
            (words(1_000), Test::ChiSquare),
            (words(1_001), Test::JensenShannon),
        ] {
            assert_eq!(Test::usual(&reference, &reference), test);
            assert_eq!(Test::by_name(test.name()), Ok(test));
        }
        let says = Test::by_name("kl").unwrap_err().to_string();
        assert!(
            says.ends_with("the tests are psi, ks, chi-square, z, wasserstein, jensen-shannon")
        );
    }

    #[test]
    fn what_cannot_be_compared_is_said() {
        let words = Column::words([Some("a"), None]);
        let some = numbers(3, 3);
        let none = Column::numbers([f64::NAN]);
        let why = |test: Test, a: &Column, b: &Column| test.score(a, b).unwrap_err();
        assert_eq!(why(Test::Ks, &some, &none), Untestable::Empty("current"));
        assert_eq!(why(Test::Psi, &some, &words), Untestable::Kinds);
        assert_eq!(why(Test::Ks, &words, &words), Untestable::Words(Test::Ks));
        assert_eq!(
            why(Test::ChiSquare, &words, &words),
            Untestable::NoValue(Test::ChiSquare)
        );
    }
}
