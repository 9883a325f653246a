//! All combinations of a grid.

use indexmap::IndexMap;
use serde_json::Value;

use super::super::{Checked, ModelError, ModelSpec};

/// More than so many are no small grid, and would not come to an end.
const MOST: usize = 10_000;

/// The model with each combination of values, the last key varying first, all
/// checked. Fails by the key that the model has not, or whose value it cannot be.
pub(super) fn combinations(
    model: &ModelSpec,
    grid: &IndexMap<String, Vec<Value>>,
) -> Result<Vec<Checked<ModelSpec>>, ModelError> {
    let mut specs = vec![model.clone()];
    for (key, values) in grid {
        if values.is_empty() {
            return Err(wrong(
                key,
                "there is no value to try; give one or leave the key out",
            ));
        }
        if specs.len().saturating_mul(values.len()) > MOST {
            return Err(wrong(
                key,
                format!("more than {MOST} combinations; try fewer values"),
            ));
        }
        let with = |spec| values.iter().map(move |value| replaced(spec, key, value));
        specs = specs.iter().flat_map(with).collect::<Result<_, _>>()?;
    }
    specs.into_iter().map(Checked::new).collect()
}

fn replaced(spec: &ModelSpec, key: &str, value: &Value) -> Result<ModelSpec, ModelError> {
    if key == "kind" {
        return Err(wrong(
            key,
            "a search tries parameters of one kind; search each kind apart",
        ));
    }
    let mut document = serde_json::to_value(spec)?;
    document[key] = value.clone();
    serde_json::from_value(document).map_err(|error| wrong(key, error))
}

fn wrong(key: &str, problem: impl ToString) -> ModelError {
    ModelError::Grid {
        key: key.to_owned(),
        problem: problem.to_string(),
    }
}
