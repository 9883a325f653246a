//! [`Target`]: what a model learns to predict, and what it predicts.

use std::fmt;
use std::sync::Arc;

use ndarray::Array1;
use serde::{Deserialize, Serialize};

/// The name of a class, as it stands in the data.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Label {
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A text.
    Text(String),
}

/// One class for each row.
#[derive(Clone, Debug, PartialEq)]
pub struct Labels {
    classes: Arc<[Label]>,
    codes: Vec<u32>,
}

/// What there is to predict, one for each row.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// A class.
    Labels(Labels),
    /// A number.
    Values(Array1<f64>),
    /// Nothing: the rows themselves are all there is.
    None,
}

impl Labels {
    /// The classes are the labels that occur, in order: truth values, then
    /// numbers, then texts.
    pub fn new(labels: &[Label]) -> Labels {
        let mut classes = labels.to_vec();
        classes.sort_unstable();
        classes.dedup();
        let code = |label| classes.partition_point(|class| class < label) as u32;
        let codes = labels.iter().map(code).collect();
        Labels {
            classes: classes.into(),
            codes,
        }
    }

    /// Rows by the place of their class in `classes`, each of which must lie
    /// within them.
    pub(crate) fn of_codes(classes: Arc<[Label]>, codes: Vec<u32>) -> Labels {
        debug_assert!(codes.iter().all(|code| (*code as usize) < classes.len()));
        Labels { classes, codes }
    }

    /// All classes, in order. A part of a data set may have no row of some.
    pub fn classes(&self) -> &Arc<[Label]> {
        &self.classes
    }

    /// For each row, the place of its class in [`classes`](Self::classes).
    pub fn codes(&self) -> &[u32] {
        &self.codes
    }

    /// For each row, its class.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Label> {
        self.codes.iter().map(|code| &self.classes[*code as usize])
    }

    /// How many rows each class has.
    pub fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes.len()];
        for code in &self.codes {
            counts[*code as usize] += 1;
        }
        counts
    }
}

impl Target {
    /// How many rows it is for; None where it is for any.
    pub fn rows(&self) -> Option<usize> {
        match self {
            Target::Labels(labels) => Some(labels.codes.len()),
            Target::Values(values) => Some(values.len()),
            Target::None => None,
        }
    }

    /// What it holds, in words.
    pub fn holds(&self) -> &'static str {
        match self {
            Target::Labels(_) => "labels",
            Target::Values(_) => "values",
            Target::None => "none",
        }
    }

    /// The target of these rows, each of which must be one of its own.
    pub(crate) fn select(&self, rows: &[usize]) -> Target {
        match self {
            Target::Labels(labels) => Target::Labels(Labels {
                classes: labels.classes.clone(),
                codes: rows.iter().map(|row| labels.codes[*row]).collect(),
            }),
            Target::Values(values) => Target::Values(rows.iter().map(|row| values[*row]).collect()),
            Target::None => Target::None,
        }
    }
}

impl Label {
    /// Its name where a key must be a text: without quotes.
    pub(crate) fn name(&self) -> String {
        match self {
            Label::Bool(label) => label.to_string(),
            Label::Int(label) => label.to_string(),
            Label::Text(label) => label.clone(),
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Label::Bool(label) => label.fmt(f),
            Label::Int(label) => label.fmt(f),
            Label::Text(label) => write!(f, "{label:?}"),
        }
    }
}

impl From<bool> for Label {
    fn from(label: bool) -> Label {
        Label::Bool(label)
    }
}

impl From<i64> for Label {
    fn from(label: i64) -> Label {
        Label::Int(label)
    }
}

impl From<&str> for Label {
    fn from(label: &str) -> Label {
        Label::Text(label.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_sorted_and_rows_keep_theirs() {
        let labels = ["no", "yes", "no"].map(Label::from);
        let target = Labels::new(&labels);
        assert_eq!(target.classes().to_vec(), ["no", "yes"].map(Label::from));
        assert_eq!(
            (target.codes(), target.counts()),
            (&[0, 1, 0][..], vec![2, 1])
        );
        assert!(target.iter().eq(&labels));
    }

    #[test]
    fn a_label_is_written_as_it_is() {
        let labels = [Label::from(true), Label::from(-3), Label::from("3")];
        let json = serde_json::to_string(&labels).unwrap();
        assert_eq!(json, r#"[true,-3,"3"]"#);
        assert_eq!(serde_json::from_str::<[Label; 3]>(&json).unwrap(), labels);
    }
}
