//! [`Rules`]: what counts as a difference, as `[stage.X.compare]` says it.

use std::collections::BTreeSet;

use http::HeaderName;
use http::header::CONTENT_TYPE;
use prost_reflect::MessageDescriptor;

use super::field::Field;
use super::paths::{Path, Paths};
use super::redact::Redact;
use crate::route::Weight;

/// What counts as a difference between two answers of one route.
///
/// Built from nothing by [`Rules::default`], which compares the status, the
/// Content-Type and the body, exactly in its meaning.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// Answers are compared at all.
    pub enabled: bool,
    /// The name of the comparator; None chooses it by Content-Type.
    pub comparator: Option<&'static str>,
    /// Headers that are compared.
    pub headers: Vec<HeaderName>,
    /// The status is not compared.
    pub ignore_status: bool,
    /// The body is not compared.
    pub ignore_body: bool,
    /// What the places of a body are held to.
    pub(super) places: Paths<Place>,
    /// Where no path says otherwise.
    pub tolerance: Tolerance,
    /// A missing member and `null` are the same, everywhere.
    pub null_is_missing: bool,
    /// How white space in text counts.
    pub whitespace: Whitespace,
    /// How far pictures may be apart.
    pub image: ImageTolerance,
    /// What bodies in Protocol Buffers are, which do not say it themselves.
    pub protobuf: Option<MessageDescriptor>,
    /// Some path names a label.
    pub labels: bool,
    /// Some path names a score.
    pub scores: bool,
    /// Of an answer's body, as it came and decoded; more is not compared.
    pub body: usize,
    /// What never counts as noise, and noise in general.
    pub noise: NoiseRules,
    /// Of the requests in `split` and `candidate`, how many are copied to the
    /// side that does not answer; None where nobody says.
    pub other: Option<Weight>,
    /// Of the pairs, how many are kept with both bodies, in 1 of 10,000.
    pub sample: u32,
    /// What is blackened before a request or an answer is kept.
    pub redact: Redact,
    pub(super) n_rules: u32,
}

/// What is learnt as noise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoiseRules {
    /// Of the safe requests, how many the monolith is asked twice, in 1 of
    /// 10,000; 0: never, and nothing is learnt.
    pub sample: u32,
    /// What always counts.
    pub strict: BTreeSet<Field>,
}

/// How far apart two numbers may be and still be one: within any of the three.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tolerance {
    /// `|a − b| ≤ abs`.
    pub abs: f64,
    /// `|a − b| ≤ rel · max(|a|, |b|)`.
    pub rel: f64,
    /// At most so many double-precision numbers apart.
    pub ulps: u64,
}

/// How far apart two pictures may be, in levels from 0 to 255; without either
/// they must be the same in every point.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ImageTolerance {
    /// Of one channel at one point.
    pub max: Option<f64>,
    /// Of one channel, on average over all points.
    pub mean: Option<f64>,
}

/// How white space in text counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Whitespace {
    /// All of it but the kind of line ends.
    #[default]
    Keep,
    /// Not at the ends of a line, nor lines of nothing else.
    Trim,
    /// As one blank, and not at the ends of a line, nor lines of nothing else.
    Collapse,
}

/// What is said of one place. Of several that say a thing, the one that was
/// written last counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Place {
    pub(super) ignore: bool,
    pub(super) null_is_missing: bool,
    pub(super) label: bool,
    pub(super) score: bool,
    pub(super) tolerance: Option<(u32, Tolerance)>,
    pub(super) unordered: Option<(u32, Match)>,
}

/// How the items of an unordered array are brought together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Match {
    /// By what they are.
    Whole,
    /// By what they have here.
    Key(Vec<Box<str>>),
}

impl Default for Rules {
    fn default() -> Rules {
        Rules {
            enabled: true,
            comparator: None,
            headers: vec![CONTENT_TYPE],
            ignore_status: false,
            ignore_body: false,
            places: Paths::default(),
            tolerance: Tolerance::default(),
            null_is_missing: false,
            whitespace: Whitespace::default(),
            image: ImageTolerance::default(),
            protobuf: None,
            labels: false,
            scores: false,
            body: 1 << 20,
            noise: NoiseRules {
                sample: 100,
                strict: BTreeSet::new(),
            },
            other: None,
            sample: 100,
            redact: Redact::default(),
            n_rules: 0,
        }
    }
}

impl Rules {
    /// The names that `comparator` may have.
    pub fn comparators() -> impl Iterator<Item = &'static str> + Clone {
        super::formats::ALL.iter().map(|own| own.name())
    }

    /// Leaves a field out of the comparison.
    pub fn ignore(&mut self, field: &Field) {
        match field {
            Field::Status => self.ignore_status = true,
            Field::Header(name) => self.headers.retain(|own| own.as_str() != &**name),
            Field::Body(pointer) if pointer.is_empty() => self.ignore_body = true,
            Field::Body(pointer) => {
                if let Ok(path) = Path::parse(pointer) {
                    self.places.at(&path).ignore = true;
                }
            }
        }
    }

    /// Numbers at `path` may be so far apart.
    pub fn tolerate(&mut self, path: &Path, tolerance: Tolerance) {
        self.n_rules += 1;
        self.places.at(path).tolerance = Some((self.n_rules, tolerance));
    }

    /// The order of the array at `path` does not count. `key` is where, within
    /// an item, stands what tells it from the others; it names one place.
    pub fn unordered(&mut self, path: &Path, key: Option<&Path>) {
        self.n_rules += 1;
        let names = key.and_then(Path::names);
        let how = match names {
            Some(names) => Match::Key(names.into_iter().map(Into::into).collect()),
            None => Match::Whole,
        };
        self.places.at(path).unordered = Some((self.n_rules, how));
    }

    /// A missing member and `null` are the same at `path`.
    pub fn null_is_missing_at(&mut self, path: &Path) {
        self.places.at(path).null_is_missing = true;
    }

    /// At `path` stands what was predicted.
    pub fn label(&mut self, path: &Path) {
        self.places.at(path).label = true;
        self.labels = true;
    }

    /// At `path` stands how sure or how much.
    pub fn score(&mut self, path: &Path) {
        self.places.at(path).score = true;
        self.scores = true;
    }

    /// Some path names a label or a score.
    pub(super) fn predicts(&self) -> bool {
        self.labels || self.scores
    }
}
