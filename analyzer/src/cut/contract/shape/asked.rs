//! What a model says, and what becomes of it on the way to the answer: each
//! step gives what it is then, or nothing where that is more than an entry of
//! `functions.toml` says.

use std::collections::BTreeMap;

use serde_json::Value;
use smol_str::SmolStr;

use crate::cut::contract::predicted::Predicted;
use crate::cut::{Making, Prediction, Says, Test};
use crate::syntax::facts::CompareOp;

/// A value that a model said of rows.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::cut::contract) struct Asked {
    said: Prediction,
    /// The test holds where the condition of the code does not.
    negated: bool,
    ty: Option<&'static str>,
    /// Which model was asked.
    model: SmolStr,
    predicted: Predicted,
}

/// One part of `[…]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Index {
    /// This one, from 0.
    Number(u32),
    /// `:`.
    All,
    /// The number of a loop's step.
    Step,
}

impl Asked {
    /// What a method of a model answers.
    pub(super) fn by(method: &str, model: SmolStr, predicted: Predicted) -> Option<Asked> {
        let says = match method {
            "predict" => Says::Label,
            "predict_proba" => Says::Probability,
            "decision_function" => Says::Score,
            _ => return None,
        };
        Some(Asked {
            said: Prediction {
                says,
                one_row: false,
                each_row: false,
                class: None,
                round: None,
                test: None,
                names: BTreeMap::new(),
            },
            negated: false,
            ty: None,
            model,
            predicted,
        })
    }

    /// The row of those that a loop goes over.
    pub(super) fn element(&self) -> Option<Asked> {
        let mut element = self.clone();
        (element.said.one_row, element.said.each_row) = (true, true);
        (!self.said.one_row).then_some(element)
    }

    /// Of the list that a loop made of the rows, its first.
    pub(super) fn first(&self) -> Asked {
        let mut first = self.clone();
        first.said.each_row = false;
        first
    }

    /// `[0]`, `[:, 1]`, `[0, 1]`; which row any other index means, nobody knows.
    pub(super) fn part(&self, index: &[Index]) -> Option<Asked> {
        let mut part = self.clone();
        let mut rows = !part.said.one_row;
        for index in index {
            match (rows, index) {
                (true, Index::All) => {}
                (true, Index::Number(0)) => part.said.one_row = true,
                (true, Index::Step) => {
                    (part.said.one_row, part.said.each_row) = (true, true);
                }
                (false, Index::Number(class)) if part.by_class() => part.said.class = Some(*class),
                (false, Index::All) if part.by_class() => {}
                _ => return None,
            }
            rows = false;
        }
        part.ty = part.is_one().then_some(part.ty).flatten();
        Some(part)
    }

    /// A list of one number for each class.
    fn by_class(&self) -> bool {
        self.said.says == Says::Probability && self.said.class.is_none() && self.is_plain()
    }

    fn is_plain(&self) -> bool {
        let said = &self.said;
        said.round.is_none() && said.test.is_none() && said.names.is_empty()
    }

    /// A single value, and no list.
    fn is_one(&self) -> bool {
        self.said.one_row && !self.by_class()
    }

    pub(super) fn rounded(&self, digits: Option<u32>) -> Option<Asked> {
        let ready = self.is_plain() && (self.said.class.is_some() || !self.by_class());
        let mut rounded = self.clone();
        rounded.said.round = Some(digits?);
        rounded.ty = self.is_one().then_some("float");
        ready.then_some(rounded)
    }

    /// `float(…)`, `int(…)`, `bool(…)`; an array of one is that one.
    pub(super) fn of_type(&self, name: &str) -> Option<Asked> {
        let tested = self.said.test.is_some() && self.said.names.is_empty();
        let mut typed = match (name, self.said.says) {
            ("float", _) if !tested && self.said.names.is_empty() && !self.by_class() => {
                self.clone()
            }
            // What a regressor says is cut off.
            ("int", Says::Label) if self.is_plain() && !self.predicted.numbers => self.clone(),
            ("int", _) if tested => self.named(&Value::from(1), &Value::from(0))?,
            ("bool", _) if tested => self.clone(),
            ("bool", Says::Label) if self.is_plain() => self.compared(CompareOp::Ne, Some(0.0))?,
            _ => return None,
        };
        typed.said.one_row = true;
        typed.ty = match name {
            "float" => Some("float"),
            "int" => Some("int"),
            _ => Some("bool"),
        };
        Some(typed)
    }

    /// Held against a number, which the code may not say.
    pub(super) fn compared(&self, op: CompareOp, number: Option<f64>) -> Option<Asked> {
        let of_two = self.said.says == Says::Label && self.predicted.two_classes;
        let (at_least, negated) = match (op, number) {
            (CompareOp::Ge, number) => (number, false),
            (CompareOp::Lt, number) => (number, true),
            (CompareOp::Gt, Some(number)) => (Some(number.next_up()), false),
            (CompareOp::Le, Some(number)) => (Some(number.next_up()), true),
            (CompareOp::Gt, None) => (None, false),
            (CompareOp::Le, None) => (None, true),
            // Of two classes, which are 0 and 1.
            (CompareOp::Eq, Some(1.0)) | (CompareOp::Ne, Some(0.0)) if of_two => (Some(1.0), false),
            (CompareOp::Eq, Some(0.0)) | (CompareOp::Ne, Some(1.0)) if of_two => (Some(1.0), true),
            _ => return None,
        };
        let ready = self.said.test.is_none() && self.said.names.is_empty() && !self.by_class();
        let mut tested = self.clone();
        tested.said.test = Some(Test { at_least });
        tested.negated = negated;
        tested.ty = self.is_one().then_some("bool");
        ready.then_some(tested)
    }

    /// One value where the test holds, and another where not.
    pub(super) fn named(&self, then: &Value, other: &Value) -> Option<Asked> {
        let ready = self.said.test.is_some() && self.said.names.is_empty();
        let (yes, no) = match self.negated {
            true => (other, then),
            false => (then, other),
        };
        let names = [("true", yes), ("false", no)];
        let mut named = self.clone();
        named.said.names = names
            .map(|(name, value)| (name.to_owned(), value.clone()))
            .into();
        named.negated = false;
        named.ty = self.is_one().then(|| type_of(then)).flatten();
        ready.then_some(named)
    }

    /// A list's or a mapping's entry at the label.
    pub(super) fn looked_up(&self, names: BTreeMap<String, Value>) -> Option<Asked> {
        let ready = self.said.says == Says::Label && self.is_plain() && self.said.one_row;
        let mut named = self.clone();
        named.ty = names.values().next().and_then(type_of);
        named.said.names = names;
        (ready && !named.said.names.is_empty()).then_some(named)
    }

    /// A method of an array or a number.
    pub(super) fn method(&self, name: &str, given: Option<&Value>) -> Option<Asked> {
        match name {
            "tolist" | "to_list" | "copy" | "to_numpy" => Some(self.clone()),
            "ravel" | "flatten" => (!self.by_class()).then(|| self.clone()),
            "item" if !self.by_class() => {
                let mut one = self.clone();
                one.said.one_row = true;
                Some(one)
            }
            "round" => self.rounded(given.and_then(Value::as_u64)?.try_into().ok()),
            _ => None,
        }
    }

    pub(super) fn type_of(&self) -> Option<SmolStr> {
        match self.is_one() {
            true => self.ty.map(SmolStr::new_static),
            false => Some(SmolStr::new_static("list")),
        }
    }

    /// The list that a loop makes of it: one for each row.
    pub(super) fn of_all_rows(&self) -> Option<Asked> {
        let mut all = self.clone();
        (all.said.one_row, all.said.each_row) = (false, false);
        self.said.each_row.then_some(all)
    }

    /// By whom it was said.
    pub(super) fn model(&self) -> &SmolStr {
        &self.model
    }

    pub(super) fn making(&self) -> Making {
        match self.negated {
            true => Making::Otherwise,
            false => Making::Model(self.said.clone()),
        }
    }
}

/// `int`, `str`, … of a constant; none for `None`.
pub(super) fn type_of(value: &Value) -> Option<&'static str> {
    Some(match value {
        Value::String(_) => "str",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float",
        Value::Number(_) => "int",
        Value::Array(_) => "list",
        Value::Object(_) => "dict",
        Value::Null => return None,
    })
}

/// A number as it is written.
pub(super) fn number(text: &str) -> Option<Value> {
    match text.parse::<i64>() {
        Ok(number) => Some(number.into()),
        Err(_) => {
            let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
            number.map(Value::from)
        }
    }
}
