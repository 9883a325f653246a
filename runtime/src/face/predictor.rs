//! [`Predictor`]: what all faces ask.

use std::sync::Arc;

use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use serde_json::Value;

use super::rows::{Columns, Rows};

/// Models by name and version, behind every face.
pub trait Predictor: Send + Sync {
    /// All models.
    fn models(&self) -> Vec<ModelVersions>;

    /// The one that is asked, by its number or an alias; `None` is the one that
    /// serves by default. A request has it until its answer is laid out.
    fn version<'a>(
        &'a self,
        model: &'a str,
        version: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Arc<dyn Version>, Refusal>>;
}

/// One version of one model.
pub trait Version: Send + Sync {
    /// What it takes and gives.
    fn metadata(&self) -> &Metadata;

    /// Predicts rows, in their order.
    fn predict(&self, rows: Rows) -> BoxFuture<'_, Result<Predicted, Refusal>>;
}

/// A model and the versions that may be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelVersions {
    /// The name.
    pub name: String,
    /// The versions, the newest last.
    pub versions: Vec<String>,
    /// Whether it answers.
    pub ready: bool,
    /// Why it does not answer with the version that it should.
    pub trouble: Option<String>,
}

/// What a model takes and gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Metadata {
    /// The model.
    pub name: String,
    /// Its version, never an alias.
    pub version: String,
    /// The columns, in the order in which rows without names have them.
    pub inputs: Vec<Column>,
    /// Their names, which the rows of every request share.
    pub columns: Columns,
    /// The classes in the order of probabilities; empty of a regressor.
    pub classes: Vec<Value>,
}

/// A column that a model takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The name.
    pub name: String,
    /// What stands there.
    pub kind: Kind,
    /// Whether it must be there.
    pub required: bool,
}

/// What stands in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Numbers.
    Number,
    /// Texts.
    Text,
}

/// What a model says of rows.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Predicted {
    /// Of each row that is answered the class, or of a regressor the value, in the type that the
    /// monolith gives.
    pub labels: Vec<Value>,
    /// Of each row one probability per class; empty where there are none.
    pub probabilities: Vec<Vec<f64>>,
    /// Of each row what `decision_function` says; empty where there is none.
    pub scores: Vec<Vec<f64>>,
    /// The rows that are not answered, if there are any.
    pub left_out: Option<LeftOut>,
}

/// Rows that the model's preparation does not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Their numbers, from 0, in order.
    pub rows: Vec<usize>,
    /// The rules that they do not keep to.
    pub why: String,
}

impl Predicted {
    /// The rows that are not answered.
    pub fn left_out_rows(&self) -> &[usize] {
        self.left_out
            .as_ref()
            .map_or(&[], |left_out| &left_out.rows)
    }

    /// An answer for each of `n_rows`, or the first row that has none.
    pub(crate) fn whole(self, n_rows: usize) -> Result<Predicted, Refusal> {
        match &self.left_out {
            Some(left_out) => Err(Refusal::row(
                left_out.rows.first().copied().unwrap_or_default(),
                format!("it is not usable: {}", left_out.why),
            )),
            None => self.complete(n_rows),
        }
    }

    /// An answer for each of `n_rows` that is not left out.
    pub(super) fn complete(self, n_rows: usize) -> Result<Predicted, Refusal> {
        match self.labels.len() + self.left_out_rows().len() == n_rows {
            true => Ok(self),
            false => Err(Refusal::new(
                Refused::Failed,
                "the model did not answer every row",
            )),
        }
    }
}

impl Metadata {
    /// Of a version with these columns.
    ///
    /// # Errors
    /// When a column is there twice.
    pub fn new(
        name: impl Into<String>,
        version: impl Into<String>,
        inputs: Vec<Column>,
        classes: Vec<Value>,
    ) -> Result<Metadata, Refusal> {
        let names = inputs.iter().map(|column| column.name.clone());
        Ok(Metadata {
            name: name.into(),
            version: version.into(),
            columns: Columns::new(names.collect())?,
            inputs,
            classes,
        })
    }

    /// The column `name`.
    pub fn input(&self, name: &str) -> Option<&Column> {
        self.inputs.iter().find(|column| column.name == name)
    }

    /// Every required column is there, and no other than the model knows.
    pub(super) fn check(&self, columns: &[String]) -> Result<(), Refusal> {
        if let Some(unknown) = columns.iter().find(|name| self.input(name).is_none()) {
            return Err(Refusal::column(unknown, "the model does not know it"));
        }
        self.check_required(columns)
    }

    /// Every required column is there.
    pub(super) fn check_required(&self, columns: &[String]) -> Result<(), Refusal> {
        let lacks = |column: &&Column| column.required && !columns.contains(&column.name);
        match self.inputs.iter().find(lacks) {
            Some(column) => Err(Refusal::column(&column.name, "it is missing")),
            None => Ok(()),
        }
    }
}

/// Why there is no prediction: whose fault it is, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Whose fault.
    pub refused: Refused,
    /// The column at fault.
    pub column: Option<String>,
    /// The row at fault, from 0.
    pub row: Option<usize>,
    /// What is wrong.
    pub message: String,
}

/// Whose fault it is that there is no prediction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The request does not read, or a row is not what the model takes.
    BadRequest,
    /// There is no such model, version or path.
    NotFound,
    /// The model is not there yet, or too much is asked of it.
    Unavailable,
    /// The model failed.
    Failed,
}

impl Refused {
    /// The status that says so.
    pub fn status(self) -> StatusCode {
        match self {
            Refused::BadRequest => StatusCode::BAD_REQUEST,
            Refused::NotFound => StatusCode::NOT_FOUND,
            Refused::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Refused::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl Refusal {
    /// Of the whole request.
    pub fn new(refused: Refused, message: impl Into<String>) -> Refusal {
        Refusal {
            refused,
            column: None,
            row: None,
            message: message.into(),
        }
    }

    /// Of a column of the request.
    pub fn column(column: &str, message: impl Into<String>) -> Refusal {
        let column = Some(column.to_owned());
        Refusal {
            column,
            ..Refusal::new(Refused::BadRequest, message)
        }
    }

    /// Of a row of the request, from 0.
    pub fn row(row: usize, message: impl Into<String>) -> Refusal {
        Refusal {
            row: Some(row),
            ..Refusal::new(Refused::BadRequest, message)
        }
    }

    /// Of the same, in this row.
    pub(super) fn in_row(self, row: usize) -> Refusal {
        Refusal {
            row: Some(row),
            ..self
        }
    }
}

/// `row 3, column age: "old" is not a number`
impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.row, &self.column) {
            (Some(row), Some(column)) => write!(f, "row {row}, column {column}: ")?,
            (Some(row), None) => write!(f, "row {row}: ")?,
            (None, Some(column)) => write!(f, "column {column}: ")?,
            (None, None) => {}
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}
