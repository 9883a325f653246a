//! [`Expectations`]: what is expected of a table, as it is declared.

use std::fmt;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is expected of a table.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Expectations {
    /// What is expected of a column, by its name.
    #[schemars(with = "std::collections::BTreeMap<String, Expect>")]
    pub columns: IndexMap<String, Expect>,
    /// The columns that no two rows have the same values in together.
    pub unique: Vec<Unique>,
    /// The largest share of the rows that may fail, from 0 to 1; if more do,
    /// the whole set fails.
    pub failed_share: Option<f64>,
}

/// What is expected of a column. Unless it says so, a missing value fulfils
/// everything but `required`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Expect {
    /// A value must be there.
    pub required: bool,
    /// The largest share of missing values, from 0 to 1, among the rows that
    /// can be read; if more are missing, the whole set fails.
    pub null_share: Option<f64>,
    /// The smallest value: a number, or for text and dates the first in order.
    pub min: Option<Scalar>,
    /// The largest value, likewise.
    pub max: Option<Scalar>,
    /// The values allowed.
    pub one_of: Option<Vec<Scalar>>,
    /// A regular expression that the whole text matches.
    pub pattern: Option<String>,
    /// The fewest characters of a text.
    pub min_length: Option<usize>,
    /// The most characters of a text.
    pub max_length: Option<usize>,
    /// No two rows have the same value. Of rows that do, one is kept and the
    /// others fail. Looked at among the rows that fulfil all else.
    pub unique: bool,
    /// Which of the rows with the same value is kept.
    pub keep: Keep,
}

/// Columns that name a row together. A row in which one of them is missing is
/// like no other.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Unique {
    /// Their names.
    pub columns: Vec<String>,
    /// Which of the rows with the same values is kept; the others fail. Looked
    /// at among the rows that fulfil all else.
    #[serde(default)]
    pub keep: Keep,
}

/// Which of several rows is kept.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Keep {
    /// The first.
    #[default]
    First,
    /// The last.
    Last,
}

/// A value in a declaration.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Scalar {
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// A text, or a date as text.
    Text(String),
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scalar::Bool(value) => value.fmt(f),
            Scalar::Int(value) => value.fmt(f),
            Scalar::Float(value) => value.fmt(f),
            Scalar::Text(value) => write!(f, "{value:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_as_it_is_documented() {
        let text = r#"
            failed_share = 0.5
            unique = [{ columns = ["customer_id", "month"], keep = "last" }]
            [columns]
            age = { min = 18, max = 110 }
            plan = { one_of = ["free", "pro"], required = true }
            customer_id = { unique = true, keep = "last" }
        "#;
        let expectations: Expectations = toml::from_str(text).unwrap();
        assert_eq!(expectations.columns["age"].min, Some(Scalar::Int(18)));
        assert_eq!(expectations.columns["customer_id"].keep, Keep::Last);
        assert_eq!(expectations.unique[0].columns, ["customer_id", "month"]);
        assert_eq!(expectations.unique[0].keep, Keep::Last);
        let error = toml::from_str::<Expectations>("[columns]\nage = { mni = 18 }").unwrap_err();
        assert!(error.to_string().contains("mni"), "{error}");
    }
}
