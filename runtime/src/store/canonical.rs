//! JSON in one way only, to be hashed.

use serde_json::Value;

/// The same text for equal documents: keys by their code points, no space
/// between, numbers as serde_json writes them.
pub(super) fn canonical(value: Value) -> String {
    sorted(value).to_string()
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.into_iter().collect();
            entries.sort_by(|(one, _), (other, _)| one.cmp(other));
            entries
                .into_iter()
                .map(|(key, value)| (key, sorted(value)))
                .collect()
        }
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        plain => plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_order_of_keys_does_not_matter_and_that_of_items_does() {
        let one = json!({"b": [{"y": 1, "x": 2}], "a": null});
        assert_eq!(canonical(one), r#"{"a":null,"b":[{"x":2,"y":1}]}"#);
        assert_ne!(canonical(json!([1, 2])), canonical(json!([2, 1])));
    }
}
