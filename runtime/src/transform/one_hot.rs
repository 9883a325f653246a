//! `one-hot`: a column of 0 and 1 for each category.
//!
//! Names and order are those of pandas' `get_dummies`, which are those of
//! scikit-learn's `OneHotEncoder` too: `plan_basic`, by column, sorted or as
//! listed. What is rare is joined as `OneHotEncoder` does by `min_frequency` and
//! `max_categories`.

mod infrequent;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::categories::Categories;
use super::column::Column;
use super::fault::Fault;
use super::frame::Frame;
use super::ordinal::unseen;
use super::scalar::Scalar;
pub use infrequent::Frequency;

/// As declared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OneHot {
    /// Which columns.
    pub columns: Vec<String>,
    /// By column its categories in order; those of other columns are the
    /// values there are, sorted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub categories: BTreeMap<String, Vec<Scalar>>,
    /// A value that was not seen.
    #[serde(default)]
    pub unknown: Unknown,
    /// A missing value.
    #[serde(default)]
    pub missing: Missing,
    /// Leaves the first category of each column out.
    #[serde(default)]
    pub drop_first: bool,
    /// Categories seen less often share the column `NAME_infrequent`; a missing
    /// value that is a category is one of them.
    #[serde(default, alias = "min_count", skip_serializing_if = "Option::is_none")]
    pub min_frequency: Option<Frequency>,
    /// How many columns are made at the most, the one of the infrequent among
    /// them: the least frequent categories share that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_categories: Option<usize>,
}

/// What becomes of a value that was not seen when fitted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unknown {
    /// An error that names column, row and value.
    Error,
    /// All zeros.
    #[default]
    Ignore,
    /// As the rare ones; all zeros where there are none.
    Infrequent,
}

/// What becomes of a missing value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    /// All zeros, as pandas.
    #[default]
    Zeros,
    /// A category of its own, `NAME_nan`, where one was missing when fitted,
    /// as scikit-learn; else like a value that was not seen.
    Category,
    /// An error.
    Error,
}

/// As learnt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FittedOneHot {
    columns: Vec<Encoded>,
    unknown: Unknown,
    missing: Missing,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Encoded {
    column: Arc<str>,
    categories: Categories,
    /// The slot of each category; the first slot has no column where the first
    /// is dropped.
    slots: Vec<Option<usize>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    missing: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    infrequent: Option<usize>,
    /// By slot the column made; None for the one that is dropped.
    names: Vec<Option<Arc<str>>>,
}

impl OneHot {
    pub(super) fn fit(&self, frame: &Frame) -> Result<FittedOneHot, Fault> {
        let columns = self
            .columns
            .iter()
            .map(|name| self.encoded(name, frame.column(name)?));
        Ok(FittedOneHot {
            columns: columns.collect::<Result<_, Fault>>()?,
            unknown: self.unknown,
            missing: self.missing,
        })
    }

    fn encoded(&self, name: &str, column: &Column) -> Result<Encoded, Fault> {
        let categories: Categories = match self.categories.get(name) {
            Some(listed) => listed.clone().into(),
            None => Categories::seen(name, column)?,
        };
        let has_missing = self.missing == Missing::Category && column.n_missing() > 0;
        let mut counts = counts(&categories, column);
        counts.extend(has_missing.then(|| column.n_missing()));
        let (least, most) = (self.min_frequency, self.max_categories);
        let rare = infrequent::infrequent(&counts, column.len(), least, most)?;
        let mut names: Vec<String> = Vec::new();
        let mut slot = |of: &dyn fmt::Display| {
            names.push(format!("{name}_{of}"));
            names.len() - 1
        };
        let values = categories.values().iter().zip(&rare);
        let own: Vec<Option<usize>> = values
            .map(|(value, rare)| (!rare).then(|| slot(value)))
            .collect();
        let is_alone = has_missing && !rare[categories.values().len()];
        let missing = is_alone.then(|| slot(&"nan"));
        let infrequent = rare.contains(&true).then(|| slot(&"infrequent"));
        let missing = missing.or(infrequent.filter(|_| has_missing));
        let kept =
            |(slot, name): (usize, String)| (slot > 0 || !self.drop_first).then(|| name.into());
        Ok(Encoded {
            column: name.into(),
            categories,
            slots: own.into_iter().map(|own| own.or(infrequent)).collect(),
            missing,
            infrequent,
            names: names.into_iter().enumerate().map(kept).collect(),
        })
    }
}

/// How often each category is seen.
fn counts(categories: &Categories, column: &Column) -> Vec<usize> {
    let mut counts = vec![0; categories.values().len()];
    let mut bytes = Vec::new();
    for row in 0..column.len() {
        if let Some(number) = categories.number(column, row, &mut bytes) {
            counts[number] += 1;
        }
    }
    counts
}

impl FittedOneHot {
    pub(super) fn reads(&self) -> Vec<&str> {
        self.columns
            .iter()
            .map(|encoded| &*encoded.column)
            .collect()
    }

    pub(super) fn apply(&self, frame: &mut Frame) -> Result<(), Fault> {
        for encoded in &self.columns {
            let column = frame.column(&encoded.column)?;
            let slots = self.slots(encoded, column)?;
            frame.remove(&encoded.column);
            for (slot, name) in encoded.names.iter().enumerate() {
                let Some(name) = name else { continue };
                let is = |of: &Option<usize>| f64::from(u8::from(*of == Some(slot)));
                frame.add(name, Column::floats(slots.iter().map(is).collect()))?;
            }
        }
        Ok(())
    }

    fn slots(&self, encoded: &Encoded, column: &Column) -> Result<Vec<Option<usize>>, Fault> {
        let mut bytes = Vec::new();
        let slot = |row| match encoded.categories.number(column, row, &mut bytes) {
            Some(number) => Ok(encoded.slots.get(number).copied().flatten()),
            None if column.is_missing(row) => match (self.missing, encoded.missing) {
                (Missing::Zeros, _) => Ok(None),
                (Missing::Category, Some(slot)) => Ok(Some(slot)),
                (Missing::Category, None) => self.unseen(encoded, column, row),
                (Missing::Error, _) => Err(unseen(&encoded.column, column, row)),
            },
            None => self.unseen(encoded, column, row),
        };
        (0..column.len()).map(slot).collect()
    }

    fn unseen(
        &self,
        encoded: &Encoded,
        column: &Column,
        row: usize,
    ) -> Result<Option<usize>, Fault> {
        match self.unknown {
            Unknown::Error => Err(unseen(&encoded.column, column, row)),
            Unknown::Ignore => Ok(None),
            Unknown::Infrequent => Ok(encoded.infrequent),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(values: &[Option<&str>]) -> Frame {
        let column = Column::texts(values.iter().copied());
        Frame::new(values.len()).with("plan", column).unwrap()
    }

    fn one_hot() -> OneHot {
        OneHot {
            columns: vec!["plan".into()],
            categories: BTreeMap::new(),
            unknown: Unknown::Ignore,
            missing: Missing::Zeros,
            drop_first: false,
            min_frequency: None,
            max_categories: None,
        }
    }

    /// Each column made, with its values.
    fn check(declared: &OneHot, fit: &[Option<&str>], apply: &[Option<&str>]) -> String {
        let fitted = declared.fit(&frame(fit)).unwrap();
        let text = serde_json::to_string(&fitted).unwrap();
        assert_eq!(serde_json::from_str::<FittedOneHot>(&text).unwrap(), fitted);
        let mut frame = frame(apply);
        if let Err(fault) = fitted.apply(&mut frame) {
            return fault.to_string();
        }
        let shown = frame.columns().map(|(name, column)| {
            let values = column.numbers(name).unwrap();
            let digits: String = values
                .values()
                .iter()
                .map(|value| format!("{value}"))
                .collect();
            format!("{name} {digits}")
        });
        shown.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn categories_are_sorted_and_the_unknown_is_nothing() {
        let fit = [Some("b"), None, Some("a")];
        let apply = [Some("a"), Some("b"), None, Some("z")];
        insta::assert_snapshot!(check(&one_hot(), &fit, &apply), @"plan_a 1000, plan_b 0100");
    }

    #[test]
    fn an_unknown_category_can_be_an_error() {
        let declared = OneHot {
            unknown: Unknown::Error,
            ..one_hot()
        };
        insta::assert_snapshot!(check(&declared, &[Some("b")], &[Some("b"), Some("z")]), @"column `plan`, row 1: `z` is none of the categories: list it, or declare `unknown`");
    }

    #[test]
    fn what_is_rare_shares_a_column_with_the_unknown() {
        let declared = OneHot {
            unknown: Unknown::Infrequent,
            missing: Missing::Category,
            min_frequency: Some(Frequency::Count(2)),
            drop_first: true,
            ..one_hot()
        };
        let fit = [
            Some("c"),
            Some("a"),
            Some("c"),
            None,
            Some("b"),
            Some("d"),
            Some("d"),
        ];
        let apply = [Some("a"), Some("c"), Some("d"), None, Some("z")];
        insta::assert_snapshot!(check(&declared, &fit, &apply), @"plan_d 00100, plan_infrequent 10011");
    }

    #[test]
    fn limits_that_are_none_are_told() {
        let refused = |key: &str, value: serde_json::Value| {
            let mut declared = serde_json::json!({ "columns": ["plan"] });
            declared[key] = value;
            let declared: OneHot = serde_json::from_value(declared).unwrap();
            declared.fit(&frame(&[Some("a")])).unwrap_err().to_string()
        };
        insta::assert_snapshot!(refused("max_categories", 0.into()), @"max_categories: is 0: write 1 at least");
        insta::assert_snapshot!(refused("min_frequency", 1.5.into()), @"min_frequency: is 1.5: write a number of rows, or a share above 0 and below 1");
    }

    #[test]
    fn listed_categories_have_columns_whether_seen_or_not() {
        let listed = ["basic", "pro"].map(|plan| Scalar::Text(plan.into()));
        let declared = OneHot {
            categories: [("plan".to_owned(), listed.to_vec())].into(),
            ..one_hot()
        };
        insta::assert_snapshot!(check(&declared, &[Some("pro")], &[Some("pro")]), @"plan_basic 0, plan_pro 1");
    }
}
