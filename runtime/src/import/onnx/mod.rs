//! Models as ONNX, as skl2onnx and its kin export them: pipelines over tables,
//! in the single precision that they are exported with. A row is predicted at a
//! time, by the operations that tables need; another operation is refused by
//! name. Networks over pictures or texts are not what this is for.
//!
//! The classes come with the document. A regressor has one output; a
//! classifier's first output is its label, its second the probabilities, or
//! scores where they are none.

mod graph;
mod node;
mod ops;
mod proto;
mod tensor;

use std::sync::Arc;

use prost::Message;

use super::answer::{Answer, Class, Label, Model};
use super::cell::Cell;
use super::check::{MOST_COLUMNS, Names, Place};
use super::error::{Flaw, ImportError, PredictError};
use super::imported::Kind;
use super::step::{number, shown};
use graph::{Failed, Graph};
use proto::{ModelProto, StringStringEntryProto, ValueInfoProto};
use tensor::{Data, Element, Tensor};

/// Where a model keeps the names of its columns, one a line: in its own
/// metadata, since a tensor of many columns has no names for them.
const COLUMNS: &str = "cutline.columns";

/// The document with the names of its columns in its metadata. What comes later
/// in such a document adds to its lists (Protocol Buffers, "Last One Wins").
pub(super) fn named(mut document: Vec<u8>, columns: &[String]) -> Vec<u8> {
    let names = ModelProto {
        graph: None,
        metadata_props: vec![StringStringEntryProto {
            key: COLUMNS.to_owned(),
            value: columns.join("\n"),
        }],
    };
    document.extend(names.encode_to_vec());
    document
}

/// Reads and checks a document: it is tried once with zeros and empty texts, so
/// that shapes that do not fit are found before a client does.
pub(super) fn saved(document: &[u8], at: &Place) -> Result<(Names, Box<dyn Model>), ImportError> {
    let read = ModelProto::decode(document);
    let model = read.map_err(|source| ImportError::Protobuf { source })?;
    let written = model.graph.as_ref();
    let written = written.ok_or_else(|| at.flaw(Flaw::Empty { what: "the graph" }))?;
    let refused = |failed: Failed| ImportError::Operation {
        at: failed.at,
        why: failed.why,
    };
    let graph = Graph::new(written).map_err(refused)?;
    let constant = |name: &str| written.initializer.iter().any(|tensor| tensor.name == name);
    let inputs = written.input.iter().filter(|input| !constant(&input.name));
    let inputs: Vec<Given> = inputs.map(given).collect::<Result<_, _>>()?;
    let width = inputs.iter().map(|input| input.width).sum();
    at.columns(width)?;
    let names = names(&model, &inputs, width, at)?;
    let mut onnx = Onnx {
        graph,
        inputs,
        names: names.clone(),
        classes: None,
        says: Says::Values,
    };
    let outputs = onnx.graph.tried(onnx.empty()).map_err(refused)?;
    let said = says(&outputs, onnx.graph.classes.as_ref(), at)?;
    (onnx.says, onnx.classes) = said;
    Ok((names, Box::new(onnx)))
}

/// An input of the graph.
struct Given {
    name: Arc<str>,
    element: Element,
    width: usize,
}

fn given(input: &ValueInfoProto) -> Result<Given, ImportError> {
    let wrong = |why: String| ImportError::Operation {
        at: format!("input {:?}", input.name),
        why,
    };
    let tensor = input.r#type.as_ref().and_then(|of| of.tensor_type.as_ref());
    let tensor = tensor.ok_or_else(|| wrong("what is no tensor".to_owned()))?;
    let element = Element::of(tensor.elem_type).map_err(wrong)?;
    let dims = tensor.shape.as_ref().map_or(&[][..], |shape| &shape.dim);
    let width = match dims {
        [_, columns] => columns.dim_value.unwrap_or(0),
        [_] => 1,
        _ => 0,
    };
    let width = usize::try_from(width).ok();
    match width.filter(|width| (1..=MOST_COLUMNS).contains(width)) {
        Some(width) => Ok(Given {
            name: input.name.as_str().into(),
            element,
            width,
        }),
        None => Err(wrong("rows whose number of columns is not told".to_owned())),
    }
}

/// An input of one column is that column; the columns of others are named in
/// the metadata, or `x0`, `x1` ….
fn names(
    model: &ModelProto,
    inputs: &[Given],
    width: usize,
    at: &Place,
) -> Result<Names, ImportError> {
    let kept = model
        .metadata_props
        .iter()
        .rev()
        .find(|kept| kept.key == COLUMNS);
    if let Some(kept) = kept {
        let names: Names = kept.value.lines().map(Arc::from).collect();
        at.length("the list of columns", names.len(), width)?;
        return Ok(names);
    }
    if inputs.len() > 1 && inputs.iter().all(|input| input.width == 1) {
        return Ok(inputs.iter().map(|input| input.name.clone()).collect());
    }
    Ok((0..width).map(|index| format!("x{index}").into()).collect())
}

/// What the outputs are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    /// A number.
    Values,
    /// A label alone.
    Label,
    /// A label, and one probability per class.
    Probabilities,
    /// A label, and scores.
    Scores,
}

fn says(
    outputs: &[Tensor],
    classes: Option<&Data>,
    at: &Place,
) -> Result<(Says, Option<Vec<Label>>), ImportError> {
    let first = outputs.first();
    let first = first.ok_or_else(|| at.flaw(Flaw::Empty { what: "the output" }))?;
    let classes = match (&first.data, classes) {
        (Data::F32(_) | Data::F64(_), _) if outputs.len() == 1 => {
            at.length("the output of a row", first.len(), 1)?;
            return Ok((Says::Values, None));
        }
        (_, Some(classes)) => labels(classes, at)?,
        // One score: an outlier detector, which says -1 of an outlier.
        (Data::I64(_), None) if outputs.get(1).is_some_and(|scores| scores.len() == 1) => {
            return Ok((Says::Scores, Some(vec![Label::Int(-1), Label::Int(1)])));
        }
        // Clusters are numbered from 0, and the second output has their distances.
        (Data::I64(_), None) if outputs.len() == 2 => {
            let n = outputs[1].len() as i64;
            return Ok((Says::Label, Some((0..n).map(Label::Int).collect())));
        }
        _ => return Err(at.unknown("a label whose classes are not told")),
    };
    let Some(second) = outputs.get(1) else {
        return Ok((Says::Label, Some(classes)));
    };
    let scores = second.f64s().map_err(|why| at.unknown(why))?;
    let share = scores.len() == classes.len()
        && scores.iter().all(|score| *score >= 0.0)
        && (scores.iter().sum::<f64>() - 1.0).abs() < 1e-3;
    let says = if share {
        Says::Probabilities
    } else {
        Says::Scores
    };
    Ok((says, Some(classes)))
}

fn labels(classes: &Data, at: &Place) -> Result<Vec<Label>, ImportError> {
    let labels: Vec<Label> = match classes {
        Data::I64(all) => all.iter().copied().map(Label::Int).collect(),
        Data::Text(all) => all.iter().cloned().map(Label::Text).collect(),
        Data::Bool(all) => all.iter().copied().map(Label::Bool).collect(),
        Data::F32(_) | Data::F64(_) => return Err(at.unknown("classes that are floats")),
    };
    at.not_empty("classes", &labels)?;
    Ok(labels)
}

struct Onnx {
    graph: Graph,
    inputs: Vec<Given>,
    names: Names,
    classes: Option<Vec<Label>>,
    says: Says,
}

impl Onnx {
    fn empty(&self) -> Vec<Tensor> {
        let one = |input: &Given| {
            let n = input.width;
            Tensor::row(match input.element {
                Element::F32 => Data::F32(vec![0.0; n]),
                Element::F64 => Data::F64(vec![0.0; n]),
                Element::I64 => Data::I64(vec![0; n]),
                Element::Bool => Data::Bool(vec![false; n]),
                Element::Text => Data::Text(vec!["".into(); n]),
            })
        };
        self.inputs.iter().map(one).collect()
    }

    /// A row as the graph takes it.
    fn tensors(&self, row: &[Cell<'_>]) -> Result<Vec<Tensor>, PredictError> {
        let mut start = 0;
        let mut tensors = Vec::with_capacity(self.inputs.len());
        for input in &self.inputs {
            let here = start..start + input.width;
            start = here.end;
            let cells = row[here.clone()].iter().zip(&self.names[here]);
            tensors.push(Tensor::row(match input.element {
                Element::F32 => Data::F32(
                    cells
                        .map(|(cell, name)| Ok(number(*cell, name)? as f32))
                        .collect::<Result<_, PredictError>>()?,
                ),
                Element::F64 => Data::F64(
                    cells
                        .map(|(cell, name)| number(*cell, name))
                        .collect::<Result<_, PredictError>>()?,
                ),
                Element::I64 => Data::I64(
                    cells
                        .map(|(cell, name)| whole(*cell, name))
                        .collect::<Result<_, PredictError>>()?,
                ),
                Element::Bool => Data::Bool(
                    cells
                        .map(|(cell, name)| Ok(whole(*cell, name)? != 0))
                        .collect::<Result<_, PredictError>>()?,
                ),
                Element::Text => Data::Text(
                    cells
                        .map(|(cell, name)| text(*cell, name))
                        .collect::<Result<_, PredictError>>()?,
                ),
            }));
        }
        Ok(tensors)
    }
}

impl Model for Onnx {
    fn answer(&self, row: &[Cell<'_>]) -> Result<Answer, PredictError> {
        let failed = |at: String, why: String| PredictError::Operation { at, why };
        let outputs = self.graph.run(self.tensors(row)?);
        let outputs = outputs.map_err(|error| failed(error.at, error.why))?;
        let scores = |index: usize| match outputs.get(index) {
            Some(tensor) => tensor
                .f64s()
                .map_err(|why| failed("output".to_owned(), why)),
            None => Ok(Vec::new()),
        };
        let Some(classes) = &self.classes else {
            let value = scores(0)?.first().copied();
            return Ok(Answer::Value(value.unwrap_or(f64::NAN)));
        };
        let label = match outputs.first().map(|tensor| &tensor.data) {
            Some(Data::I64(all)) => all.first().map(|label| Label::Int(*label)),
            Some(Data::Text(all)) => all.first().cloned().map(Label::Text),
            Some(Data::Bool(all)) => all.first().map(|label| Label::Bool(*label)),
            _ => None,
        };
        let index = classes
            .iter()
            .position(|class| Some(class) == label.as_ref());
        let index = index
            .ok_or_else(|| failed("output".to_owned(), "a label that is no class".to_owned()))?;
        let (mut probabilities, mut decision) = (Vec::new(), Vec::new());
        match self.says {
            Says::Probabilities => probabilities = scores(1)?,
            Says::Scores => decision = scores(1)?,
            Says::Values | Says::Label => {}
        }
        Ok(Answer::Class(Class {
            index,
            probabilities,
            scores: decision,
        }))
    }

    fn classes(&self) -> Option<&[Label]> {
        self.classes.as_deref()
    }

    fn takes(&self) -> Vec<Option<Kind>> {
        let kinds = self.inputs.iter().flat_map(|input| {
            let kind = match input.element {
                Element::Text => Kind::Text,
                _ => Kind::Number,
            };
            std::iter::repeat_n(Some(kind), input.width)
        });
        kinds.collect()
    }
}

/// An integer; a missing value is none.
fn whole(cell: Cell<'_>, name: &Arc<str>) -> Result<i64, PredictError> {
    let found = number(cell, name)?;
    match found {
        _ if found.is_nan() => Err(PredictError::Missing {
            column: name.to_string(),
        }),
        _ if found.fract() != 0.0 || found.abs() > 2_f64.powi(53) => {
            Err(PredictError::NotAnInteger {
                column: name.to_string(),
                value: shown(cell),
            })
        }
        found => Ok(found as i64),
    }
}

/// A text; a missing one is empty, as skl2onnx has it.
fn text(cell: Cell<'_>, name: &Arc<str>) -> Result<Arc<str>, PredictError> {
    match cell {
        Cell::Text(text) => Ok(text.into()),
        cell if cell.is_missing() => Ok("".into()),
        cell => Err(PredictError::NotAText {
            column: name.to_string(),
            value: shown(cell),
        }),
    }
}

#[cfg(test)]
mod parity;
