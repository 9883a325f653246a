//! How the value of an answer's field is made, as far as the code says: what
//! `functions.toml` can say of a field, and no more.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Followed through assignments, loops, branches and calls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "by")]
pub enum Making {
    /// It is always the same.
    Constant {
        /// What it is.
        value: Value,
    },
    /// It is repeated as it came.
    Request {
        /// The field of the request.
        field: String,
    },
    /// A model says it.
    Model(Prediction),
    /// By more than an entry of `functions.toml` can say.
    Otherwise,
}

/// What of a model's answer a field holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Prediction {
    /// Which of its answers.
    pub says: Says,
    /// Of one row; of all rows, a list, otherwise.
    pub one_row: bool,
    /// The row is the one at the place in the answer's list where the field
    /// is, and not the first.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub each_row: bool,
    /// Of which class, for a probability; of all classes, a list, otherwise.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub class: Option<u32>,
    /// Decimals that it is rounded to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub round: Option<u32>,
    /// It is held against a number, and true or false.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub test: Option<Test>,
    /// What stands for which value.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub names: BTreeMap<String, Value>,
}

/// True from a number on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Test {
    /// The number; `None` where the code does not say it.
    pub at_least: Option<f64>,
}

/// Kinds of answers of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Says {
    /// `predict`: the class, or the number that is predicted.
    Label,
    /// `predict_proba`.
    Probability,
    /// `decision_function`.
    Score,
}
