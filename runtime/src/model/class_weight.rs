//! [`ClassWeight`]: how much the rows of each class count.

use indexmap::IndexMap;
use ndarray::{Array1, ArrayView1};
use serde::{Deserialize, Serialize};

use super::{Label, Labels, ModelError};

/// How much the rows of each class count, beside their own weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ClassWeight {
    /// `"balanced"`: all classes alike. Each row counts `rows / (classes ×
    /// rows of its class)`, as scikit-learn's `compute_class_weight` has it.
    Balanced(Balanced),
    /// `{ no = 1.0, yes = 5.0 }`, by name; a class that is not named counts 1.
    ByClass(IndexMap<String, f64>),
}

/// The word `"balanced"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Balanced {
    /// It.
    Balanced,
}

impl ClassWeight {
    /// `"balanced"`.
    pub const BALANCED: ClassWeight = ClassWeight::Balanced(Balanced::Balanced);

    /// What each class counts, in the order of the classes. Fails if a class is
    /// named that no row has, or if a weight is negative or not finite.
    pub(crate) fn of_classes(&self, labels: &Labels) -> Result<Vec<f64>, ModelError> {
        match self {
            ClassWeight::Balanced(_) => {
                let (rows, classes) = (labels.codes().len(), labels.classes().len());
                // In this order, as scikit-learn: trees tell the last bit.
                let weight = |count: &usize| rows as f64 / (classes as f64 * *count as f64);
                Ok(labels.counts().iter().map(weight).collect())
            }
            ClassWeight::ByClass(weights) => by_class(weights, labels.classes()),
        }
    }
}

/// What each row counts: its weight times its class's. None where each counts 1.
pub(crate) fn row_weights(
    class_weight: Option<&ClassWeight>,
    labels: &Labels,
    weights: Option<ArrayView1<'_, f64>>,
) -> Result<Option<Array1<f64>>, ModelError> {
    let own = weights.map(|weights| weights.to_owned());
    let Some(class_weight) = class_weight else {
        return Ok(own);
    };
    let of_classes = class_weight.of_classes(labels)?;
    let codes = labels.codes().iter();
    let by_class: Array1<f64> = codes.map(|code| of_classes[*code as usize]).collect();
    Ok(Some(match own {
        Some(own) => own * by_class,
        None => by_class,
    }))
}

fn by_class(weights: &IndexMap<String, f64>, classes: &[Label]) -> Result<Vec<f64>, ModelError> {
    let names: Vec<String> = classes.iter().map(Label::name).collect();
    if let Some(class) = weights.keys().find(|key| !names.contains(key)) {
        let class = class.clone();
        return Err(ModelError::ClassWeight { class });
    }
    let weight = |name| weights.get(name).copied().unwrap_or(1.0);
    let of_classes: Vec<f64> = names.iter().map(weight).collect();
    let usable = |weight: &f64| weight.is_finite() && *weight > 0.0;
    match of_classes.iter().position(|weight| !usable(weight)) {
        Some(place) => Err(ModelError::Parameter {
            kind: "class_weight",
            key: "class_weight",
            value: format!("{} for {}", of_classes[place], classes[place]),
            expected: "finite and above 0",
        }),
        None => Ok(of_classes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(toml: &str) -> ClassWeight {
        #[derive(Deserialize)]
        struct Document {
            class_weight: ClassWeight,
        }
        toml::from_str::<Document>(toml).unwrap().class_weight
    }

    #[test]
    fn balanced_counts_all_classes_alike() {
        let balanced = read("class_weight = 'balanced'");
        assert_eq!(balanced, ClassWeight::BALANCED);
        let labels = Labels::new(&[0, 1, 1, 1].map(Label::Int));
        assert_eq!(balanced.of_classes(&labels).unwrap(), [2.0, 4.0 / 6.0]);
        let own = Array1::from(vec![1.0, 2.0, 3.0, 0.0]);
        let rows = row_weights(Some(&balanced), &labels, Some(own.view())).unwrap();
        assert_eq!(rows.unwrap().to_vec(), [2.0, 4.0 / 3.0, 2.0, 0.0]);
    }

    #[test]
    fn classes_are_named_as_they_are_written() {
        let named = read("class_weight = { 1 = 5.0 }");
        let labels = Labels::new(&[0, 1].map(Label::Int));
        assert_eq!(named.of_classes(&labels).unwrap(), [1.0, 5.0]);
        let texts = Labels::new(&["no", "yes"].map(Label::from));
        let error = named.of_classes(&texts).unwrap_err().to_string();
        assert!(error.contains("\"1\""), "{error}");
    }
}
