//! [`Brain`]: what predicts prepared rows, wherever it was trained.

use serde_json::Value;

use super::bundle::Bundle;
use crate::face::{self, Refusal, Refused, Rows};
use crate::function::{StageContext, StageError};
use crate::import::{self, Imported};
use crate::model::{self, Target};
use crate::store::registry::ModelVersion;
use crate::transform::{Column, Frame, Type};

/// A model as it serves.
pub(super) enum Brain {
    /// Trained here.
    Bundle(Box<Bundle>),
    /// Trained by the monolith.
    Imported(Imported),
}

/// What is said of rows, in their order.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) labels: Vec<Value>,
    pub(super) probabilities: Vec<Vec<f64>>,
    pub(super) scores: Vec<Vec<f64>>,
}

/// The kinds of artifacts that hold a model that was trained elsewhere.
const IMPORTED: &str = "imported-model";
const LIGHTGBM: &str = "lightgbm-model";
const ONNX: &str = "onnx-model";
const XGBOOST: &str = "xgboost-model";

impl Brain {
    /// That of a version.
    pub(super) async fn of(
        ctx: &StageContext,
        version: &ModelVersion,
    ) -> Result<Brain, StageError> {
        let kind = match &version.kind {
            Some(kind) => kind.clone(),
            None => ctx.described(&version.model).await?.description.kind,
        };
        Brain::read(&kind, &ctx.content(&version.model).await?)
    }

    pub(super) fn read(kind: &str, document: &[u8]) -> Result<Brain, StageError> {
        let imported = match kind {
            IMPORTED => Imported::read(document),
            LIGHTGBM => Imported::lightgbm(&String::from_utf8_lossy(document)),
            ONNX => Imported::onnx(document),
            XGBOOST => Imported::xgboost(document),
            _ => return Bundle::read(document).map(|bundle| Brain::Bundle(Box::new(bundle))),
        };
        imported
            .map(Brain::Imported)
            .map_err(|error| StageError::of("the imported model cannot be used", error))
    }

    /// The monolith's model, if it is one.
    pub(super) fn imported(&self) -> Option<&Imported> {
        match self {
            Brain::Bundle(_) => None,
            Brain::Imported(imported) => Some(imported),
        }
    }

    /// The columns it needs of prepared rows; whether each is text.
    pub(super) fn inputs(&self) -> Vec<(String, bool)> {
        match self {
            Brain::Bundle(bundle) => {
                let inputs = bundle.steps.inputs().iter();
                inputs
                    .filter(|input| bundle.label.as_deref() != Some(&*input.name))
                    .map(|input| (input.name.to_string(), input.ty == Type::String))
                    .collect()
            }
            Brain::Imported(imported) => {
                let inputs = imported.inputs().iter();
                inputs
                    .map(|input| (input.name.to_string(), input.kind == import::Kind::Text))
                    .collect()
            }
        }
    }

    /// The column that it was trained to predict, as far as it is known.
    pub(super) fn label(&self) -> Option<&str> {
        match self {
            Brain::Bundle(bundle) => bundle.label.as_deref(),
            Brain::Imported(_) => None,
        }
    }

    /// The classes in the order of probabilities; empty of a regressor.
    pub(super) fn classes(&self) -> Vec<Value> {
        match self {
            Brain::Bundle(bundle) => {
                let classes = bundle
                    .model
                    .classes()
                    .into_iter()
                    .flat_map(|all| all.iter());
                classes.map(of_label).collect()
            }
            Brain::Imported(imported) => {
                let classes = imported.classes().unwrap_or_default();
                classes.iter().map(of_imported).collect()
            }
        }
    }

    /// What it says of prepared rows.
    pub(super) fn predict(&self, frame: &Frame) -> Result<Said, Refusal> {
        match self {
            Brain::Bundle(bundle) => {
                let prediction = bundle.predict(frame).map_err(|error| failed(&error))?;
                Ok(of_prediction(prediction))
            }
            Brain::Imported(imported) => by_import(imported, frame),
        }
    }
}

fn failed(error: &StageError) -> Refusal {
    Refusal::new(Refused::BadRequest, error.whole())
}

fn of_prediction(prediction: model::Prediction) -> Said {
    let labels = match &prediction.target {
        Target::Labels(labels) => labels.iter().map(of_label).collect(),
        Target::Values(values) => values.iter().map(|value| (*value).into()).collect(),
        Target::None => Vec::new(),
    };
    let rows = |matrix: ndarray::Array2<f64>| matrix.outer_iter().map(|row| row.to_vec()).collect();
    Said {
        labels,
        probabilities: prediction.probabilities.map(rows).unwrap_or_default(),
        scores: prediction
            .scores
            .map(|scores| scores.iter().map(|score| vec![*score]).collect())
            .unwrap_or_default(),
    }
}

fn of_label(label: &model::Label) -> Value {
    match label {
        model::Label::Bool(truth) => (*truth).into(),
        model::Label::Int(number) => (*number).into(),
        model::Label::Text(text) => text.as_str().into(),
    }
}

fn of_imported(label: &import::Label) -> Value {
    match label {
        import::Label::Bool(truth) => (*truth).into(),
        import::Label::Int(number) => (*number).into(),
        import::Label::Float(number) => (*number).into(),
        import::Label::Text(text) => (**text).into(),
    }
}

fn by_import(imported: &Imported, frame: &Frame) -> Result<Said, Refusal> {
    let columns = imported
        .inputs()
        .iter()
        .map(|input| match frame.get(&input.name) {
            Some(column) => cells(&input.name, column),
            None if input.used => Err(Refusal::column(
                &input.name,
                "the model needs it, and it is not there",
            )),
            None => Ok(Cells::Missing),
        });
    let columns = columns.collect::<Result<Vec<_>, Refusal>>()?;
    let rows: Vec<Vec<import::Cell<'_>>> = (0..frame.n_rows())
        .map(|row| columns.iter().map(|column| column.cell(row)).collect())
        .collect();
    told(imported, imported.predict(rows.iter().map(Vec::as_slice)))
}

/// What the monolith's model says of rows as they came: of each row what it
/// says of that row alone.
pub(super) fn by_cells(imported: &Imported, rows: &Rows) -> Result<Said, Refusal> {
    let columns = rows.columns();
    let place = |(at, input): (usize, &import::Input)| {
        // Faces have the columns in the model's order.
        let same = columns.get(at).filter(|name| **name == *input.name);
        let found = same.map(|_| at);
        let found = found.or_else(|| columns.iter().position(|name| **name == *input.name));
        match found.is_none() && input.used {
            true => Err(Refusal::column(
                &input.name,
                "the model needs it, and it is not there",
            )),
            false => Ok(found),
        }
    };
    let places = imported.inputs().iter().enumerate().map(place);
    let places = places.collect::<Result<Vec<Option<usize>>, Refusal>>()?;
    let row = |row: &'_ [face::Cell]| {
        let cells = places
            .iter()
            .map(|place| match place.map(|place| &row[place]) {
                None | Some(face::Cell::Missing) => import::Cell::MISSING,
                Some(face::Cell::Number(number)) => import::Cell::Number(*number),
                Some(face::Cell::Text(text)) => import::Cell::Text(text),
            });
        imported.predict([&*cells.collect::<Vec<_>>()])
    };
    let mut all = Said::default();
    for (index, cells) in rows.iter().enumerate() {
        let one = told(imported, row(cells).map_err(|(_, error)| (index, error)))?;
        all.labels.extend(one.labels);
        all.probabilities.extend(one.probabilities);
        all.scores.extend(one.scores);
    }
    Ok(all)
}

fn told(
    imported: &Imported,
    predicted: Result<import::Predicted, (usize, import::PredictError)>,
) -> Result<Said, Refusal> {
    let classes = imported.classes().unwrap_or_default();
    match predicted {
        Err((row, error)) => Err(Refusal::row(row, error.to_string())),
        Ok(import::Predicted::Values(values)) => Ok(Said {
            labels: values.into_iter().map(Value::from).collect(),
            ..Said::default()
        }),
        Ok(import::Predicted::Classes {
            classes: predicted,
            probabilities,
            scores,
        }) => Ok(Said {
            labels: predicted
                .into_iter()
                .map(|class| classes.get(class).map(of_imported).unwrap_or_default())
                .collect(),
            probabilities,
            scores,
        }),
    }
}

/// A column's values, as an imported model takes them.
enum Cells {
    Missing,
    Numbers(Vec<f64>),
    Texts(Vec<Option<String>>),
}

impl Cells {
    fn cell(&self, row: usize) -> import::Cell<'_> {
        match self {
            Cells::Missing => import::Cell::MISSING,
            Cells::Numbers(numbers) => import::Cell::Number(numbers[row]),
            Cells::Texts(texts) => texts[row]
                .as_deref()
                .map_or(import::Cell::MISSING, import::Cell::Text),
        }
    }
}

fn cells(name: &str, column: &Column) -> Result<Cells, Refusal> {
    if column.ty() == Type::String {
        let texts = column
            .scalars()
            .map(|value| value.map(|value| value.to_string()));
        return Ok(Cells::Texts(texts.collect()));
    }
    let numbers = column.numbers(name);
    let numbers = numbers.map_err(|error| Refusal::column(name, error.to_string()))?;
    Ok(Cells::Numbers(numbers.values().to_vec()))
}
