//! Whatever a client sends, each face answers with a status that fits and, where
//! it answers with JSON, with JSON that reads.

use axum::Router;
use axum::http::StatusCode;
use proptest::prelude::*;
use serde_json::{Map, Value};

use super::mapping::{self, Face, HttpWritten};
use super::sample::{ask, churn, customers, request};
use super::{inference, mlflow};

/// JSON of the words that the faces look for.
fn bodies() -> impl Strategy<Value = Value> {
    let words = "(age|plan|region|x)";
    let keys = "(age|plan|region|inputs|outputs|name|shape|datatype|data|columns|instances|id|\
                customers|dataframe_split|dataframe_records)";
    let datatypes = "(BOOL|INT8|UINT64|FP32|FP64|BYTES)";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0_i64..5).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        words.prop_map(Value::from),
        datatypes.prop_map(Value::from),
    ];
    let object = move |inner: BoxedStrategy<Value>| {
        let members = prop::collection::vec((keys, inner), 0..5);
        members.prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>()))
    };
    leaf.prop_recursive(5, 40, 4, move |inner| {
        let list = prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array);
        prop_oneof![list, object(inner.boxed())]
    })
}

fn mapped() -> Router {
    let written: HttpWritten = toml::from_str(
        r#"
        route = "POST /predict"
        function = "inference"
        request = { rows = "/customers", names = ["age", "plan"], optional = ["age"], unknown = "ignore" }
        response = { "/out/*/score" = { from = "/probabilities/*/1", round = 3 }, "/out/*/age" = "/rows/*/age" }
        "#,
    )
    .unwrap();
    let faces = [(Face::new(&written).unwrap(), "churn".to_owned())];
    mapping::router(&churn(), &customers(), faces)
}

fn check(router: Router, uri: &str, media_type: &str, body: &str) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let (status, said) = runtime.block_on(ask(router, request("POST", uri, media_type, body)));
    prop_assert!(
        matches!(status, StatusCode::OK | StatusCode::BAD_REQUEST),
        "{status} {said}"
    );
    prop_assert!(serde_json::from_str::<Value>(&said).is_ok(), "{said}");
    Ok(())
}

proptest! {
    #[test]
    fn any_json_is_answered(body in bodies()) {
        let body = body.to_string();
        check(inference::router(churn()), "/v2/models/churn/infer", "application/json", &body)?;
        check(mlflow::router(churn(), "churn"), "/invocations", "application/json", &body)?;
        check(mapped(), "/predict", "application/json", &body)?;
    }

    #[test]
    fn any_bytes_are_answered(body in "(\\PC|[\"{},\\[\\]\nNa]){0,60}") {
        check(inference::router(churn()), "/v2/models/churn/infer", "", &body)?;
        check(mlflow::router(churn(), "churn"), "/invocations", "text/csv", &body)?;
        check(mapped(), "/predict", "application/json", &body)?;
    }
}
