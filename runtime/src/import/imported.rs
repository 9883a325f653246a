//! [`Imported`]: a checked model of named columns.

use std::sync::Arc;

use super::answer::{Answer, Label, Model, Predicted, model};
use super::cell::Cell;
use super::check::{Names, Place};
use super::document::{Document, FORMAT, Head, VERSION};
use super::error::{ImportError, PredictError};
use super::{lightgbm, onnx, xgboost};

/// What stands in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Numbers.
    Number,
    /// Texts.
    Text,
}

/// A column that the model was trained with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// As the monolith names it; `x0`, `x1` … where it was trained without names.
    pub name: Arc<str>,
    /// What the model wants to find there.
    pub kind: Kind,
    /// Whether a prediction depends on it; what is not used need not be given.
    pub used: bool,
}

/// A model of the monolith, with the transformations before it. It is read-only
/// and may be asked from any number of threads.
pub struct Imported {
    inputs: Vec<Input>,
    model: Box<dyn Model>,
}

impl Imported {
    /// Reads the document that [`EXPORT_SCRIPT`](super::EXPORT_SCRIPT) writes.
    /// Everything in it is checked: a prediction can then only fail by its row.
    pub fn read(document: &[u8]) -> Result<Imported, ImportError> {
        let json = |source| ImportError::Json { source };
        let head: Head = serde_json::from_slice(document).map_err(json)?;
        if (&*head.format, head.version) != (FORMAT, VERSION) {
            let found = match head.format.is_empty() {
                true => "of no format".to_owned(),
                false => format!("{} {}", head.format, head.version),
            };
            return Err(ImportError::Format {
                found,
                known: format!("{FORMAT} {VERSION}"),
            });
        }
        let document: Document = serde_json::from_slice(document).map_err(json)?;
        let names: Names = document.inputs.into_iter().map(Arc::from).collect();
        let model = model(document.model, &names, &Place::root())?;
        Ok(Imported::of(&names, model))
    }

    /// Reads the text that LightGBM's `Booster.save_model` writes. The classes
    /// of a classifier are numbered from 0: its file does not name them.
    pub fn lightgbm(text: &str) -> Result<Imported, ImportError> {
        let (names, model) = lightgbm::saved(text, &Place::root())?;
        Ok(Imported::of(&names, model))
    }

    /// Reads the JSON that XGBoost's `Booster.save_model("….json")` writes. The
    /// classes of a classifier are numbered from 0: its file does not name them.
    pub fn xgboost(json: &[u8]) -> Result<Imported, ImportError> {
        let (names, model) = xgboost::saved(json, &Place::root())?;
        Ok(Imported::of(&names, model))
    }

    /// Reads an ONNX model of a table's columns, as skl2onnx exports it. Where
    /// the graph has one input a column, that is the column; the columns of a
    /// wider input are those that [`Imported::onnx_of`] names, or `x0`, `x1` ….
    /// It predicts in the single precision that it was exported with.
    pub fn onnx(document: &[u8]) -> Result<Imported, ImportError> {
        let (names, model) = onnx::saved(document, &Place::root())?;
        Ok(Imported::of(&names, model))
    }

    /// An ONNX model with the names of its columns, in the order of the graph's
    /// inputs, for [`Imported::onnx`] to read.
    pub fn onnx_of(document: Vec<u8>, columns: &[String]) -> Vec<u8> {
        onnx::named(document, columns)
    }

    fn of(names: &Names, model: Box<dyn Model>) -> Imported {
        let kinds = model.takes().into_iter().zip(model.uses());
        let inputs = names.iter().zip(kinds).map(|(name, (kind, used))| Input {
            name: name.clone(),
            kind: kind.unwrap_or(Kind::Number),
            used,
        });
        Imported {
            inputs: inputs.collect(),
            model,
        }
    }

    /// The columns of a row, in order.
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// The classes in the order of probabilities; `None` of a regressor.
    pub fn classes(&self) -> Option<&[Label]> {
        self.model.classes()
    }

    /// Of each input, where it stands among `columns`; `None` where an unused
    /// one is not there. Columns that the model does not know are passed over.
    pub fn order(&self, columns: &[&str]) -> Result<Vec<Option<usize>>, PredictError> {
        let place = |input: &Input| {
            let found = columns.iter().position(|column| *column == &*input.name);
            match found.is_none() && input.used {
                true => Err(PredictError::NoColumn {
                    column: input.name.to_string(),
                }),
                false => Ok(found),
            }
        };
        self.inputs.iter().map(place).collect()
    }

    /// Predicts rows, each with one cell per input. The first row that cannot be
    /// predicted fails them all; its number comes with the error.
    pub fn predict<'r>(
        &self,
        rows: impl IntoIterator<Item = &'r [Cell<'r>]>,
    ) -> Result<Predicted, (usize, PredictError)> {
        let mut all = match self.classes() {
            None => Predicted::Values(Vec::new()),
            Some(_) => Predicted::Classes {
                classes: Vec::new(),
                probabilities: Vec::new(),
                scores: Vec::new(),
            },
        };
        for (index, row) in rows.into_iter().enumerate() {
            all.push(self.answer(row).map_err(|error| (index, error))?);
        }
        Ok(all)
    }

    fn answer(&self, row: &[Cell<'_>]) -> Result<Answer, PredictError> {
        match row.len() == self.inputs.len() {
            true => self.model.answer(row),
            false => Err(PredictError::Width {
                found: row.len(),
                expected: self.inputs.len(),
            }),
        }
    }
}

impl Predicted {
    /// Adds a row's answer; a model answers of one kind only.
    fn push(&mut self, answer: Answer) {
        match (self, answer) {
            (Predicted::Values(values), Answer::Value(value)) => values.push(value),
            (
                Predicted::Classes {
                    classes,
                    probabilities,
                    scores,
                },
                Answer::Class(class),
            ) => {
                classes.push(class.index);
                probabilities.push(class.probabilities);
                scores.push(class.scores);
            }
            (Predicted::Values(_), Answer::Class(_))
            | (Predicted::Classes { .. }, Answer::Value(_)) => {
                debug_assert!(
                    false,
                    "a model with classes answers classes, one without values"
                );
            }
        }
    }
}

impl std::fmt::Debug for Imported {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Imported");
        shown
            .field("inputs", &self.inputs)
            .field("classes", &self.classes());
        shown.finish_non_exhaustive()
    }
}
