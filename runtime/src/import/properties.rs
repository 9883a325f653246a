//! Whatever the document says, nothing panics: it is refused, or it predicts.

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::Value;

use super::{Cell, Imported};

static CASES: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let data = include_str!("../../tests/parity/data/import_models.json");
    let data: Value = serde_json::from_str(data).unwrap();
    data["cases"].as_array().unwrap().clone()
});

/// What a change puts in the place of what stood there.
fn others() -> impl Strategy<Value = Value> {
    prop_oneof![
        (-3_i64..300).prop_map(Value::from),
        prop_oneof![Just(u64::MAX), Just(1 << 40), Just(0)].prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop_oneof!["nan", "inf", "refuse", "none", "x"].prop_map(Value::from),
        Just(Value::Null),
        Just(Value::Array(Vec::new())),
        any::<bool>().prop_map(Value::from),
    ]
}

/// All places of a document, as pointers.
fn places(value: &Value, at: String, all: &mut Vec<String>) {
    match value {
        Value::Array(list) => list.iter().enumerate().for_each(|(index, value)| {
            places(value, format!("{at}/{index}"), all);
        }),
        Value::Object(members) => members.iter().for_each(|(name, value)| {
            places(value, format!("{at}/{name}"), all);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    all.push(at);
}

fn try_it(document: &Value) {
    let text = serde_json::to_vec(document).unwrap();
    let Ok(imported) = Imported::read(&text) else {
        return;
    };
    let width = imported.inputs().len();
    let cells = [
        Cell::Number(0.5),
        Cell::MISSING,
        Cell::Number(1e300),
        Cell::Text("free"),
    ];
    for cell in cells {
        let row = vec![cell; width];
        let _ = imported.predict([row.as_slice()]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn a_changed_document_is_refused_or_predicts(
        case in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), others()), 1..4),
    ) {
        let mut document = case.get(&CASES)["document"].clone();
        for (place, other) in changes {
            let mut all = Vec::new();
            places(&document["model"], "/model".to_owned(), &mut all);
            let place = place.get(&all);
            if let Some(value) = document.pointer_mut(place) {
                *value = other;
            }
        }
        try_it(&document);
    }

    #[test]
    fn a_cut_text_of_lightgbm_is_refused_or_predicts(end in any::<prop::sample::Index>()) {
        let case = CASES.iter().find(|case| case["name"] == "lightgbm, categories").unwrap();
        let text = case["document"]["model"]["text"].as_str().unwrap();
        let cut: String = text.chars().take(end.index(text.chars().count())).collect();
        if let Ok(imported) = Imported::lightgbm(&cut) {
            let _ = imported.predict([[Cell::Number(1.0); 5].as_slice()]);
        }
    }

    #[test]
    fn any_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        prop_assert!(Imported::read(&bytes).is_err());
        prop_assert!(Imported::xgboost(&bytes).is_err());
        prop_assert!(Imported::lightgbm(&String::from_utf8_lossy(&bytes)).is_err());
    }
}
