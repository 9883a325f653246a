//! [`Weight`]: a percentage in basis points.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A percentage from 0 to 100 with two decimals, kept in basis points.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "f64", into = "f64")]
pub struct Weight(u16);

/// Why a number is no weight.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum WeightError {
    /// Outside 0 to 100, or no number at all.
    #[error("{0} is no percentage: write a number from 0 to 100")]
    Range(f64),
    /// Finer than a basis point.
    #[error("{0} % is finer than a hundredth of a percent, which is the finest step")]
    TooFine(f64),
}

impl Weight {
    /// Nothing.
    pub const ZERO: Weight = Weight(0);
    /// Everything.
    pub const FULL: Weight = Weight(10_000);

    /// From hundredths of a percent; more than all is all.
    pub fn from_basis_points(basis_points: u16) -> Weight {
        Weight(basis_points.min(Weight::FULL.0))
    }

    /// In hundredths of a percent.
    pub fn basis_points(self) -> u16 {
        self.0
    }

    /// From a percentage.
    pub fn from_percent(percent: f64) -> Result<Weight, WeightError> {
        if !(0.0..=100.0).contains(&percent) {
            return Err(WeightError::Range(percent));
        }
        let basis_points = (percent * 100.0).round();
        if (percent * 100.0 - basis_points).abs() > 1e-6 {
            return Err(WeightError::TooFine(percent));
        }
        Ok(Weight(basis_points as u16))
    }

    /// As a percentage.
    pub fn percent(self) -> f64 {
        f64::from(self.0) / 100.0
    }
}

impl TryFrom<f64> for Weight {
    type Error = WeightError;

    fn try_from(percent: f64) -> Result<Weight, WeightError> {
        Weight::from_percent(percent)
    }
}

impl From<Weight> for f64 {
    fn from(weight: Weight) -> f64 {
        weight.percent()
    }
}

/// `25 %`, `0.05 %`.
impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.percent())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_decimals_are_kept() {
        for basis_points in 0..=10_000 {
            let weight = Weight::from_basis_points(basis_points);
            assert_eq!(Weight::from_percent(weight.percent()), Ok(weight));
        }
    }

    #[test]
    fn what_is_no_percentage_says_why() {
        let error = |percent| Weight::from_percent(percent).unwrap_err().to_string();
        assert_eq!(
            error(101.0),
            "101 is no percentage: write a number from 0 to 100"
        );
        assert_eq!(
            error(-1.0),
            "-1 is no percentage: write a number from 0 to 100"
        );
        assert_eq!(
            error(f64::NAN),
            "NaN is no percentage: write a number from 0 to 100"
        );
        assert_eq!(
            error(0.001),
            "0.001 % is finer than a hundredth of a percent, which is the finest step"
        );
    }
}
