//! [`Step`]: one transformation as declared, and as fitted.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::aggregate::Aggregate;
use super::align::Align;
use super::bin::{Bin, FittedBin};
use super::cast::Cast;
use super::clip::{Clip, FittedClip};
use super::date_parts::DateParts;
use super::derive::Derive;
use super::drop::DropColumns;
use super::drop_duplicates::DropDuplicates;
use super::drop_missing::DropMissing;
use super::fault::Fault;
use super::filter::Filter;
use super::frame::Frame;
use super::hash::Hash;
use super::impute::{FittedImpute, Impute};
use super::join::{Indexed, Join};
use super::log::Log;
use super::one_hot::{FittedOneHot, OneHot};
use super::ordinal::{FittedOrdinal, Ordinal};
use super::rename::Rename;
use super::scale::{FittedScale, Scale};
use super::select::Select;
use super::split::Split;

/// A step of a preparation, as declared:
///
/// ```toml
/// [[step]]
/// kind = "impute"
/// columns = ["age"]
/// with = "median"
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// What is done.
    #[serde(flatten)]
    pub kind: Kind,
    /// The table it is done to; without it, the rows that are prepared. What
    /// is done to other tables is done before, in its order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// The table that results; without it, the same. Only where `table` is
    /// said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub into: Option<String>,
    /// It is done when fitted and never again: to rows that are only trained
    /// on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Only>,
}

/// When a step is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Only {
    /// When fitted.
    Fit,
}

/// All kinds of steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[allow(missing_docs, reason = "each file says what its step does")]
pub enum Kind {
    Aggregate(Aggregate),
    Align(Align),
    Bin(Bin),
    Cast(Cast),
    Clip(Clip),
    DateParts(DateParts),
    Derive(Derive),
    Drop(DropColumns),
    DropDuplicates(DropDuplicates),
    DropMissing(DropMissing),
    Filter(Filter),
    Hash(Hash),
    Impute(Impute),
    Join(Join),
    Log(Log),
    OneHot(OneHot),
    Ordinal(Ordinal),
    Rename(Rename),
    Scale(Scale),
    Select(Select),
    Split(Split),
}

/// A step with all that it learnt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct FittedStep {
    /// Its place as declared, counted from 1.
    pub(super) number: usize,
    #[serde(flatten)]
    pub(super) kind: FittedKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) table: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) into: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(super) enum FittedKind {
    Aggregate(Aggregate),
    Align(Align),
    Bin(FittedBin),
    Cast(Cast),
    Clip(FittedClip),
    DateParts(DateParts),
    Derive(Derive),
    Drop(DropColumns),
    DropDuplicates(DropDuplicates),
    Filter(Filter),
    Hash(Hash),
    Impute(FittedImpute),
    Join(Join),
    Log(Log),
    OneHot(FittedOneHot),
    Ordinal(FittedOrdinal),
    Rename(Rename),
    Scale(FittedScale),
    Select(Select),
}

/// Rows that a step took out, by rule.
pub(super) type Gone = Vec<(String, usize)>;

impl Step {
    /// With the columns named that a step is meant for which names none.
    pub(super) fn of_all(&self, columns: impl FnOnce() -> Vec<String>) -> Cow<'_, Step> {
        let mut step = self.clone();
        let open = match &mut step.kind {
            Kind::DropMissing(step) => &mut step.columns,
            Kind::Scale(step) => &mut step.columns,
            _ => return Cow::Borrowed(self),
        };
        if open.is_some() {
            return Cow::Borrowed(self);
        }
        *open = Some(columns());
        Cow::Owned(step)
    }
}

impl Kind {
    /// Learns from a frame what has to be learnt.
    pub(super) fn fit(&self, frame: &Frame) -> Result<FittedKind, Fault> {
        Ok(match self {
            Kind::Aggregate(step) => FittedKind::Aggregate(step.clone()),
            Kind::Align(step) => FittedKind::Align(step.fit(frame)),
            Kind::Bin(step) => FittedKind::Bin(step.fit(frame)?),
            Kind::Cast(step) => FittedKind::Cast(step.clone()),
            Kind::Clip(step) => FittedKind::Clip(step.fit(frame)?),
            Kind::DateParts(step) => FittedKind::DateParts(step.clone()),
            Kind::Derive(step) => FittedKind::Derive(step.clone()),
            Kind::Drop(step) => FittedKind::Drop(step.fit(frame)?),
            Kind::DropDuplicates(step) => FittedKind::DropDuplicates(step.clone()),
            Kind::DropMissing(step) => FittedKind::Filter(step.fit()?),
            Kind::Filter(step) => FittedKind::Filter(step.clone()),
            Kind::Hash(step) => FittedKind::Hash(step.clone()),
            Kind::Impute(step) => FittedKind::Impute(step.fit(frame)?),
            Kind::Join(step) => FittedKind::Join(step.clone()),
            Kind::Log(step) => FittedKind::Log(step.clone()),
            Kind::OneHot(step) => FittedKind::OneHot(step.fit(frame)?),
            Kind::Ordinal(step) => FittedKind::Ordinal(step.fit(frame)?),
            Kind::Rename(step) => FittedKind::Rename(step.clone()),
            Kind::Scale(step) => FittedKind::Scale(step.fit(frame)?),
            Kind::Select(step) => FittedKind::Select(step.clone()),
            Kind::Split(_) => {
                return Err(Fault::declared(
                    "table",
                    "only the rows that are prepared can be split",
                ));
            }
        })
    }

    /// As documents name it.
    pub fn word(&self) -> &'static str {
        match self {
            Kind::Aggregate(_) => "aggregate",
            Kind::Align(_) => "align",
            Kind::Bin(_) => "bin",
            Kind::Cast(_) => "cast",
            Kind::Clip(_) => "clip",
            Kind::DateParts(_) => "date-parts",
            Kind::Derive(_) => "derive",
            Kind::Drop(_) => "drop",
            Kind::DropDuplicates(_) => "drop-duplicates",
            Kind::DropMissing(_) => "drop-missing",
            Kind::Filter(_) => "filter",
            Kind::Hash(_) => "hash",
            Kind::Impute(_) => "impute",
            Kind::Join(_) => "join",
            Kind::Log(_) => "log",
            Kind::OneHot(_) => "one-hot",
            Kind::Ordinal(_) => "ordinal",
            Kind::Rename(_) => "rename",
            Kind::Scale(_) => "scale",
            Kind::Select(_) => "select",
            Kind::Split(_) => "split",
        }
    }
}

impl FittedKind {
    /// Does to a frame what was learnt. A join is given the table it joins.
    pub(super) fn apply(&self, frame: &mut Frame, other: Option<&Indexed>) -> Result<Gone, Fault> {
        let plain = |done: Result<(), Fault>| done.map(|()| Vec::new());
        let alone = |done: Result<usize, Fault>| Ok(vec![(String::new(), done?)]);
        match self {
            FittedKind::Aggregate(step) => plain(step.apply(frame)),
            FittedKind::Align(step) => plain(step.apply(frame)),
            FittedKind::Bin(step) => plain(step.apply(frame)),
            FittedKind::Cast(step) => plain(step.apply(frame)),
            FittedKind::Clip(step) => plain(step.apply(frame)),
            FittedKind::DateParts(step) => plain(step.apply(frame)),
            FittedKind::Derive(step) => plain(step.apply(frame)),
            FittedKind::Drop(step) => {
                step.apply(frame);
                Ok(Vec::new())
            }
            FittedKind::DropDuplicates(step) => alone(step.apply(frame)),
            FittedKind::Filter(step) => step.apply(frame).map(|(gone, _)| gone),
            FittedKind::Hash(step) => plain(step.apply(frame)),
            FittedKind::Impute(step) => plain(step.apply(frame)),
            FittedKind::Join(step) => match other {
                Some(other) => alone(step.apply(frame, other)),
                None => Err(Fault::NoTable {
                    table: step.with.clone(),
                }),
            },
            FittedKind::Log(step) => plain(step.apply(frame)),
            FittedKind::OneHot(step) => plain(step.apply(frame)),
            FittedKind::Ordinal(step) => plain(step.apply(frame)),
            FittedKind::Rename(step) => plain(step.apply(frame)),
            FittedKind::Scale(step) => plain(step.apply(frame)),
            FittedKind::Select(step) => plain(step.apply(frame)),
        }
    }

    /// The columns without which it fails.
    pub(super) fn reads(&self) -> Vec<&str> {
        match self {
            FittedKind::Aggregate(step) => step.reads(),
            FittedKind::Align(_) | FittedKind::Drop(_) => Vec::new(),
            FittedKind::Bin(step) => step.reads(),
            FittedKind::Cast(step) => step.reads(),
            FittedKind::Clip(step) => step.reads(),
            FittedKind::DateParts(step) => step.reads(),
            FittedKind::Derive(step) => step.reads(),
            FittedKind::DropDuplicates(step) => step.reads(),
            FittedKind::Filter(step) => step.reads(),
            FittedKind::Hash(step) => step.reads(),
            FittedKind::Impute(step) => step.reads(),
            FittedKind::Join(step) => step.reads(),
            FittedKind::Log(step) => step.reads(),
            FittedKind::OneHot(step) => step.reads(),
            FittedKind::Ordinal(step) => step.reads(),
            FittedKind::Rename(step) => step.reads(),
            FittedKind::Scale(step) => step.reads(),
            FittedKind::Select(step) => step.reads(),
        }
    }

    /// The columns that are there afterwards whether or not they were before.
    pub(super) fn makes(&self) -> Vec<&str> {
        match self {
            FittedKind::Align(step) => step.columns.iter().flatten().map(|name| &**name).collect(),
            FittedKind::Bin(step) => step.name.iter().map(|name| &**name).collect(),
            FittedKind::Derive(step) => step.columns.keys().map(|name| &**name).collect(),
            _ => Vec::new(),
        }
    }

    /// As documents name it.
    pub(super) fn word(&self) -> &'static str {
        match self {
            FittedKind::Aggregate(_) => "aggregate",
            FittedKind::Align(_) => "align",
            FittedKind::Bin(_) => "bin",
            FittedKind::Cast(_) => "cast",
            FittedKind::Clip(_) => "clip",
            FittedKind::DateParts(_) => "date-parts",
            FittedKind::Derive(_) => "derive",
            FittedKind::Drop(_) => "drop",
            FittedKind::DropDuplicates(_) => "drop-duplicates",
            FittedKind::Filter(_) => "filter",
            FittedKind::Hash(_) => "hash",
            FittedKind::Impute(_) => "impute",
            FittedKind::Join(_) => "join",
            FittedKind::Log(_) => "log",
            FittedKind::OneHot(_) => "one-hot",
            FittedKind::Ordinal(_) => "ordinal",
            FittedKind::Rename(_) => "rename",
            FittedKind::Scale(_) => "scale",
            FittedKind::Select(_) => "select",
        }
    }
}
