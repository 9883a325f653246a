//! `[stage.X.rollout]` as written.
//!
//! ```toml
//! [stage.inference.rollout]
//! steps    = ["shadow", 1, 5, 25, 50, 100, "reverse-shadow"]
//! limits   = { mismatch = 0.001, errors = 0.001, latency_ratio = 1.5 }
//! sure     = 0.99
//! evidence = "requests"
//! confirm  = [50, 100]
//! min_time = "10m"
//! ```

mod check;

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::{Deserialize, Deserializer};
use toml::Spanned;

pub(super) use check::{Predictions, no_candidate, policy};

use super::values::Time;

/// How the stage goes to its candidate by itself, as the evidence says. Without
/// it, the stage is moved by people alone.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RolloutFile {
    /// In this order: `"shadow"`, percentages, `"reverse-shadow"`.
    /// `["shadow", 1, 5, 25, 50, 100, "reverse-shadow"]` unless told.
    #[schemars(with = "Option<Vec<NumberOrName>>")]
    pub(super) steps: Option<Spanned<Vec<Spanned<NumberOrName>>>>,
    /// What counts as good.
    #[schemars(with = "Option<RolloutLimitsFile>")]
    pub(super) limits: Option<Spanned<RolloutLimitsFile>>,
    /// How sure a decision has to be, of the whole rollout; 0.99 unless told.
    #[schemars(with = "Option<f64>")]
    pub(super) sure: Option<Spanned<f64>>,
    /// What decisions rest on: `"requests"` unless told, or whole runs of a
    /// rare and expensive stage.
    #[schemars(with = "Option<EvidenceFile>")]
    pub(super) evidence: Option<EvidenceFile>,
    /// Steps that a person has to confirm before they are entered.
    #[serde(default)]
    #[schemars(with = "Vec<NumberOrName>")]
    pub(super) confirm: Vec<Spanned<NumberOrName>>,
    /// How long each step lasts at least; as long as its evidence takes unless
    /// told.
    #[schemars(with = "Option<String>")]
    pub(super) min_time: Option<Time>,
    /// When the candidate's share is taken back without evidence.
    #[serde(default)]
    #[schemars(with = "HardFile")]
    pub(super) hard: Option<Spanned<HardFile>>,
}

/// What counts as good; `"none"` in place of a number does not judge it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RolloutLimitsFile {
    /// Of the share of answers that differ, over what the monolith differs from
    /// itself; 0.001 unless told.
    #[schemars(with = "Option<NumberOrName>")]
    pub(super) mismatch: Option<Spanned<NumberOrName>>,
    /// Of the candidate's error rate, over the monolith's; 0.001 unless told.
    #[schemars(with = "Option<NumberOrName>")]
    pub(super) errors: Option<Spanned<NumberOrName>>,
    /// Of the candidate's latency to the monolith's; 1.5 unless told.
    #[schemars(with = "Option<NumberOrName>")]
    pub(super) latency_ratio: Option<Spanned<NumberOrName>>,
    /// Which quantile of the latency; 0.99 unless told.
    #[schemars(with = "Option<f64>")]
    pub(super) latency_quantile: Option<Spanned<f64>>,
    /// Of the share of predicted labels that differ; not judged unless told.
    #[schemars(with = "Option<NumberOrName>")]
    pub(super) label_flips: Option<Spanned<NumberOrName>>,
    /// Of the distance between the distributions of both sides' scores
    /// (Kolmogorov and Smirnov's, 0 to 1); not judged unless told.
    #[schemars(with = "Option<NumberOrName>")]
    pub(super) score_drift: Option<Spanned<NumberOrName>>,
}

/// When the candidate's share is taken back without evidence. An open circuit
/// always does.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HardFile {
    /// Failures in a row; 20 unless told.
    pub(super) in_a_row: Option<u32>,
    /// Of the requests of the latest seconds, over the monolith's share; 0.5
    /// unless told.
    pub(super) share: Option<f64>,
    /// Of at least so many requests; 20 unless told.
    pub(super) least: Option<u64>,
}

/// A number, or a name that stands in its place.
#[derive(Clone, Debug, JsonSchema)]
#[serde(untagged)]
pub(super) enum NumberOrName {
    Number(f64),
    Name(String),
}

/// What decisions rest on.
#[derive(Debug, JsonSchema)]
#[serde(untagged)]
pub(super) enum EvidenceFile {
    /// `"requests"`, or `"runs"` for three runs with equal metrics.
    Named(NamedEvidence),
    Runs(RunsFile),
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum NamedEvidence {
    Requests,
    Runs,
}

/// Whole runs of a rare and expensive stage.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RunsFile {
    /// Runs of both sides before a person is asked to confirm.
    #[schemars(with = "u32")]
    runs: Spanned<u32>,
    /// How far metrics may differ, by name; the others must be equal.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, f64>")]
    metrics: BTreeMap<String, Spanned<f64>>,
}

impl<'de> Deserialize<'de> for NumberOrName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<NumberOrName, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = NumberOrName;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number or a name")
            }

            fn visit_i64<E>(self, number: i64) -> Result<NumberOrName, E> {
                Ok(NumberOrName::Number(number as f64))
            }

            fn visit_f64<E>(self, number: f64) -> Result<NumberOrName, E> {
                Ok(NumberOrName::Number(number))
            }

            fn visit_str<E>(self, name: &str) -> Result<NumberOrName, E> {
                Ok(NumberOrName::Name(name.to_owned()))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl<'de> Deserialize<'de> for EvidenceFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<EvidenceFile, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = EvidenceFile;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"requests\", \"runs\" or { runs = 3 }")
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<EvidenceFile, E> {
                match name {
                    "requests" => Ok(EvidenceFile::Named(NamedEvidence::Requests)),
                    "runs" => Ok(EvidenceFile::Named(NamedEvidence::Runs)),
                    _ => Err(E::unknown_variant(name, &["requests", "runs"])),
                }
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                map: A,
            ) -> Result<EvidenceFile, A::Error> {
                RunsFile::deserialize(MapAccessDeserializer::new(map)).map(EvidenceFile::Runs)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests;
