//! [`Node`]: an operation as the document has it, and its attributes.

use std::sync::Arc;

use super::proto::{AttributeProto, NodeProto, TensorProto};
use super::tensor::{Data, Wrong, lossy};

/// An operation with its attributes, each with what it is unless told.
pub(super) struct Node<'d>(pub(super) &'d NodeProto);

impl Node<'_> {
    /// `ai.onnx.ml.Scaler "scale"`, for an error.
    pub(super) fn shown(&self) -> String {
        let domain = match &*self.0.domain {
            "" => "ai.onnx",
            domain => domain,
        };
        match &*self.0.name {
            "" => format!("{domain}.{}", self.0.op_type),
            name => format!("{domain}.{} {name:?}", self.0.op_type),
        }
    }

    fn attribute(&self, name: &str) -> Option<&AttributeProto> {
        self.0.attribute.iter().find(|found| found.name == name)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.attribute(name).is_some()
    }

    pub(super) fn int(&self, name: &str, otherwise: i64) -> i64 {
        self.attribute(name).map_or(otherwise, |found| found.i)
    }

    pub(super) fn float(&self, name: &str, otherwise: f32) -> f32 {
        self.attribute(name).map_or(otherwise, |found| found.f)
    }

    pub(super) fn text(&self, name: &str, otherwise: &str) -> String {
        self.attribute(name).map_or(otherwise.to_owned(), |found| {
            String::from_utf8_lossy(&found.s).into_owned()
        })
    }

    pub(super) fn ints(&self, name: &str) -> &[i64] {
        self.attribute(name).map_or(&[], |found| &found.ints)
    }

    pub(super) fn floats(&self, name: &str) -> &[f32] {
        self.attribute(name).map_or(&[], |found| &found.floats)
    }

    pub(super) fn texts(&self, name: &str) -> Vec<Arc<str>> {
        let texts = self.attribute(name).map_or(&[][..], |found| &found.strings);
        texts.iter().map(|text| lossy(text)).collect()
    }

    pub(super) fn tensor(&self, name: &str) -> Option<&TensorProto> {
        self.attribute(name)?.t.as_ref()
    }

    /// The classes that a classifier or a map of its probabilities names.
    pub(super) fn classes(&self) -> Option<Data> {
        let texts = self.texts("classlabels_strings");
        let ints = [
            self.ints("classlabels_int64s"),
            self.ints("classlabels_ints"),
        ];
        match ints.into_iter().find(|ints| !ints.is_empty()) {
            _ if !texts.is_empty() => Some(Data::Text(texts)),
            Some(ints) => Some(Data::I64(ints.to_vec())),
            None => None,
        }
    }

    /// An attribute that this cutline takes with one value only.
    pub(super) fn only(&self, name: &str, taken: i64) -> Result<(), Wrong> {
        match self.int(name, taken) {
            found if found == taken => Ok(()),
            found => Err(format!("{name} = {found}")),
        }
    }
}
