//! What two answers to one request have in common.
//!
//! [`compare()`] is pure: two [`Outcome`]s and the [`Rules`] of their route give
//! a [`Comparison`], the same each time. Status, headers and the body's meaning
//! are compared; a body is read by one of the comparators in `formats`, chosen
//! by its Content-Type, and what was read is walked by `walk` along with the
//! rules. Bodies are never too large, too deep or too clever for it: what goes
//! beyond the bounds is [`Verdict::Unavailable`], never a guess.

mod arrays;
mod coding;
mod comparison;
mod field;
mod formats;
mod found;
mod node;
pub mod noise;
mod number;
mod pair;
mod paths;
mod predictions;
pub mod redact;
mod rules;
mod says;
mod secrets;
mod sketch;
mod summary;
mod walk;

pub use comparison::{
    Aspect, Comparison, Difference, Kind, Lack, MOST_DIFFERENCES, Numbers, Remark, Unavailable,
    Verdict,
};
pub use field::{Field, NoField};
pub use noise::Noise;
pub use paths::{NoPath, Path};
pub use predictions::{Flip, MOST_FLIPS, MOST_SCORES, Predictions};
pub use rules::{ImageTolerance, NoiseRules, Rules, Tolerance, Whitespace};
pub use sketch::{MOST_BINS, Sketch};
pub use summary::{Example, FieldSummary, MOST_FIELDS, PredictionSummary, Summary};

use pair::Pair;

use crate::outcome::{Outcome, Reply};

/// What a pair of answers has in common. `control` is the monolith's, whoever
/// answered the client; to learn what noise is, both are.
///
/// A difference in status or headers is a mismatch even where the bodies cannot
/// be compared.
pub fn compare(control: &Outcome, candidate: &Outcome, rules: &Rules) -> Comparison {
    let (control, candidate) = match (&control.result, &candidate.result) {
        (Ok(control), Ok(candidate)) => (control, candidate),
        (control, candidate) => {
            let lack =
                |result: &Result<Reply, _>| result.as_ref().err().copied().map(Lack::NoReply);
            return Comparison::unavailable(Unavailable {
                monolith: lack(control),
                candidate: lack(candidate),
            });
        }
    };
    let mut pair = Pair::new(rules);
    let lacking = pair.compare(control, candidate).err();
    let verdict = match lacking {
        _ if !pair.found.is_empty() => Verdict::Mismatch,
        Some(lacking) => Verdict::Unavailable(lacking),
        None => Verdict::Match,
    };
    Comparison {
        verdict,
        differences: pair.found.differences,
        left_out: pair.found.left_out,
        remarks: pair.remarks,
        predictions: pair.predictions,
    }
}

impl Comparison {
    fn unavailable(lacking: Unavailable) -> Comparison {
        Comparison {
            verdict: Verdict::Unavailable(lacking),
            differences: Vec::new(),
            left_out: 0,
            remarks: Vec::new(),
            predictions: None,
        }
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
