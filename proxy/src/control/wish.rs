//! What a share becomes when somebody asks for a mode, a percentage, or both.

use crate::config::default_weight;
use crate::route::{Mode, Share, Weight, WeightError};

/// What is asked of a stage's share. What is not named is left to
/// [`Wish::share`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Wish {
    /// Who answers.
    pub mode: Option<Mode>,
    /// Of what the mode says.
    pub percent: Option<f64>,
}

/// Why a wish cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum WishError {
    /// It names neither mode nor percent.
    #[error("neither mode nor percent is named")]
    Nothing,
    /// All goes one way in that mode.
    #[error("mode {} has no percentage: one side answers everything", .0.name())]
    NoPercent(Mode),
    /// The percentage is none.
    #[error(transparent)]
    Percent(#[from] WeightError),
}

impl Wish {
    /// The share that is wished for where `now` holds. A mode without a percent
    /// keeps the stage's percent where it is in that mode already, and begins
    /// with the mode's own otherwise: 0 for `split`, 100 for the shadow modes.
    pub fn share(self, now: Share) -> Result<Share, WishError> {
        let mode = match self {
            Wish {
                mode: None,
                percent: None,
            } => return Err(WishError::Nothing),
            Wish { mode, .. } => mode.unwrap_or(now.mode),
        };
        let weight = match self.percent {
            Some(_) if matches!(mode, Mode::Monolith | Mode::Candidate) => {
                return Err(WishError::NoPercent(mode));
            }
            Some(percent) => Weight::from_percent(percent)?,
            None if mode == now.mode => now.weight,
            None => default_weight(mode),
        };
        Ok(Share { mode, weight })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(now: (Mode, u16), mode: Option<Mode>, percent: Option<f64>) -> String {
        let now = Share {
            mode: now.0,
            weight: Weight::from_basis_points(now.1),
        };
        match (Wish { mode, percent }).share(now) {
            Ok(share) => format!("{} {}", share.mode.name(), share.weight),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_is_not_named_stays_or_is_the_modes_own() {
        let split = (Mode::Split, 1_000);
        assert_eq!(check(split, None, Some(25.0)), "split 25 %");
        assert_eq!(check(split, Some(Mode::Split), None), "split 10 %");
        assert_eq!(check(split, Some(Mode::Shadow), None), "shadow 100 %");
        assert_eq!(check(split, Some(Mode::Shadow), Some(0.5)), "shadow 0.5 %");
        assert_eq!(
            check((Mode::Shadow, 10_000), Some(Mode::Split), None),
            "split 0 %"
        );
    }

    #[test]
    fn what_makes_no_sense_says_why() {
        let monolith = (Mode::Monolith, 0);
        assert_eq!(
            check(monolith, None, None),
            "neither mode nor percent is named"
        );
        assert_eq!(
            check(monolith, None, Some(10.0)),
            "mode monolith has no percentage: one side answers everything"
        );
        assert_eq!(
            check(monolith, Some(Mode::Split), Some(101.0)),
            "101 is no percentage: write a number from 0 to 100"
        );
    }
}
