//! [`Comparison`]: what came of comparing two answers.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::field::Field;
use super::predictions::Predictions;
use crate::outcome::Failure;

/// What came of comparing two answers to one request. Bounded in size,
/// whatever the answers are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// What it comes to.
    pub verdict: Verdict,
    /// By field and kind, at most [`MOST_DIFFERENCES`], in the order in which
    /// they were found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Difference>,
    /// Places that differ in fields beyond those.
    #[serde(default)]
    pub left_out: u64,
    /// What differs and does not count: the two sides' codings or charsets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<Remark>,
    /// What the two sides predicted, where the rules name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predictions: Option<Box<Predictions>>,
}

/// As many kinds of differences of one pair are told apart.
pub const MOST_DIFFERENCES: usize = 64;

/// What a comparison comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The two say the same.
    Match,
    /// They do not.
    Mismatch,
    /// It cannot be said.
    Unavailable(Unavailable),
}

impl Verdict {
    /// As they are counted and recorded.
    pub(crate) const NAMES: [&str; 3] = ["match", "mismatch", "unavailable"];

    pub(crate) fn name(&self) -> &'static str {
        Verdict::NAMES[self.place()]
    }

    /// Its place among the names.
    pub(crate) fn place(&self) -> usize {
        match self {
            Verdict::Match => 0,
            Verdict::Mismatch => 1,
            Verdict::Unavailable(_) => 2,
        }
    }
}

/// Why it cannot be said whether two answers are the same: what each side
/// lacks, at least one something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unavailable {
    /// What the monolith's answer lacks.
    pub monolith: Option<Lack>,
    /// What the candidate's answer lacks.
    pub candidate: Option<Lack>,
}

/// Why an answer cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lack {
    /// There is none.
    NoReply(Failure),
    /// Its body ended before its end.
    Broken,
    /// Its body, as it came or decoded, is longer than what is compared.
    TooLong,
    /// Its body is in a coding that is not known.
    Coding,
    /// Its document is nested deeper than what is compared.
    TooDeep,
    /// To compare it takes more steps than one comparison may.
    TooMuchWork,
}

/// One field that differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// What it is in, alike for all items of an array.
    pub field: Field,
    /// In what way.
    pub kind: Kind,
    /// The first place, exactly; a JSON Pointer, where it is in the body.
    pub place: String,
    /// What the monolith has there, shortened; empty where it has nothing.
    pub control: String,
    /// What the candidate has there, shortened; empty where it has nothing.
    pub candidate: String,
    /// At so many places of this pair.
    pub count: u64,
    /// How far apart, where all are numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numbers: Option<Numbers>,
    /// The monolith differs from itself like this: it does not count.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub noise: bool,
}

/// In what way two fields differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Two values of one type, no numbers.
    Value,
    /// Two numbers.
    Number,
    /// The candidate lacks it.
    Missing,
    /// Only the candidate has it.
    Extra,
    /// The candidate lacks it, the monolith has null.
    MissingForNull,
    /// The candidate has null, the monolith lacks it.
    NullForMissing,
    /// The candidate has null, the monolith a value.
    Null,
    /// The monolith has null, the candidate a value.
    NotNull,
    /// One side writes as text what the other writes as a number or a truth.
    Quoted,
    /// A value of another type.
    Type,
    /// The same items in another order.
    Order,
    /// The same kind of document in another media type, or another kind.
    Encoding,
    /// One side's body is not what its headers say.
    Unreadable,
}

/// How far numbers are apart: over all places, the candidate's minus the
/// monolith's. All are finite.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Numbers {
    /// The least difference, with its sign.
    pub least: f64,
    /// The greatest difference, with its sign.
    pub greatest: f64,
    /// The greatest of `|a − b| / max(|a|, |b|)`.
    pub relative: f64,
    /// The largest of the numbers themselves, without its sign.
    pub size: f64,
    /// The least and the greatest of candidate / monolith, where the monolith
    /// has no zero.
    pub ratio: Option<(f64, f64)>,
    /// The fewest decimals the monolith writes.
    pub decimals_control: u32,
    /// The most decimals the candidate writes.
    pub decimals_candidate: u32,
}

/// What differs and does not count.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Remark {
    /// What of the answer.
    pub what: Aspect,
    /// The monolith's.
    pub control: String,
    /// The candidate's.
    pub candidate: String,
}

/// In what two answers may differ that say the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aspect {
    /// How the body is compressed.
    ContentCoding,
    /// How its text is encoded.
    Charset,
    /// Which document it is.
    MediaType,
}

impl Comparison {
    /// Whether any difference counts.
    pub fn differs(&self) -> bool {
        self.left_out > 0 || self.differences.iter().any(|difference| !difference.noise)
    }
}

/// `the candidate: no reply (connect)`
impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.monolith, self.candidate) {
            (Some(monolith), Some(candidate)) if monolith == candidate => {
                write!(f, "both: {monolith}")
            }
            (Some(monolith), Some(candidate)) => {
                write!(f, "the monolith: {monolith}; the candidate: {candidate}")
            }
            (Some(lack), None) => write!(f, "the monolith: {lack}"),
            (None, Some(lack)) => write!(f, "the candidate: {lack}"),
            (None, None) => f.write_str("neither"),
        }
    }
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Lack::NoReply(failure) => write!(f, "no reply ({})", failure.name()),
            Lack::Broken => f.write_str("the body broke off"),
            Lack::TooLong => f.write_str("the body is too long"),
            Lack::Coding => f.write_str("the body is in an unknown coding"),
            Lack::TooDeep => f.write_str("the document is nested too deep"),
            Lack::TooMuchWork => f.write_str("the document takes too long to compare"),
        }
    }
}

impl Difference {
    /// The largest difference, where all are numbers.
    pub fn magnitude(&self) -> Option<f64> {
        self.numbers.map(|numbers| numbers.largest())
    }
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 13] = [
        Kind::Value,
        Kind::Number,
        Kind::Missing,
        Kind::Extra,
        Kind::MissingForNull,
        Kind::NullForMissing,
        Kind::Null,
        Kind::NotNull,
        Kind::Quoted,
        Kind::Type,
        Kind::Order,
        Kind::Encoding,
        Kind::Unreadable,
    ];

    /// As it is printed.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Value => "value",
            Kind::Number => "number",
            Kind::Missing => "missing",
            Kind::Extra => "extra",
            Kind::MissingForNull => "missing-for-null",
            Kind::NullForMissing => "null-for-missing",
            Kind::Null => "null",
            Kind::NotNull => "not-null",
            Kind::Quoted => "quoted",
            Kind::Type => "type",
            Kind::Order => "order",
            Kind::Encoding => "encoding",
            Kind::Unreadable => "unreadable",
        }
    }
}

impl Numbers {
    /// The largest difference, without its sign.
    pub fn largest(&self) -> f64 {
        self.least.abs().max(self.greatest.abs())
    }

    /// Those of more places.
    #[must_use]
    pub fn and(self, other: Numbers) -> Numbers {
        Numbers {
            least: self.least.min(other.least),
            greatest: self.greatest.max(other.greatest),
            relative: self.relative.max(other.relative),
            size: self.size.max(other.size),
            ratio: self
                .ratio
                .zip(other.ratio)
                .map(|(own, other)| (own.0.min(other.0), own.1.max(other.1))),
            decimals_control: self.decimals_control.min(other.decimals_control),
            decimals_candidate: self.decimals_candidate.max(other.decimals_candidate),
        }
    }
}
