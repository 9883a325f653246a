use super::super::sample::{ask, churn, post, request};
use super::*;

async fn infer(body: &str) -> String {
    let (status, body) = ask(router(churn()), post("/v2/models/churn/infer", body)).await;
    format!("{} {body}", status.as_u16())
}

#[tokio::test]
async fn columns_as_tensors() {
    let said = infer(
        r#"{"id": "7", "parameters": {"x": 1}, "inputs": [
            {"name": "age", "shape": [2, 1], "datatype": "INT32", "data": [30, 80]},
            {"name": "plan", "shape": [2], "datatype": "BYTES", "data": ["free", "pro"], "parameters": {"content_type": "str"}}],
            "outputs": [{"name": "predict"}, {"name": "predict_proba"}]}"#,
    );
    insta::assert_snapshot!(said.await, @r#"200 {"model_name":"churn","model_version":"3","id":"7","outputs":[{"name":"predict","shape":[2,1],"datatype":"INT64","data":[0,1]},{"name":"predict_proba","shape":[2,2],"datatype":"FP64","data":[0.7,0.3,0.19999999999999996,0.8]}]}"#);
}

#[tokio::test]
async fn one_tensor_of_all_columns_and_a_missing_value() {
    let said = infer(
        r#"{"inputs": [{"name": "x", "shape": [1, 3], "datatype": "FP64", "data": [[null, 1, NaN]]}],
            "outputs": [{"name": "predict_proba"}]}"#,
    );
    insta::assert_snapshot!(said.await, @r#"200 {"model_name":"churn","model_version":"3","outputs":[{"name":"predict_proba","shape":[1,2],"datatype":"FP64","data":[null,null]}]}"#);
}

#[tokio::test]
async fn what_is_wrong_is_said_of_its_column() {
    let column = |tensor: &str| {
        format!(
            r#"{{"inputs": [{{"name": "plan", "shape": [1], "datatype": "BYTES", "data": ["a"]}}, {tensor}]}}"#
        )
    };
    let bodies = [
        "[]".to_owned(),
        "{".to_owned(),
        r#"{"inputs": []}"#.to_owned(),
        r#"{"inputs": [{"name": "age", "shape": [1], "datatype": "FP64", "data": [1]}]}"#.to_owned(),
        column(r#"{"name": "old", "shape": [1], "datatype": "FP64", "data": [1]}"#),
        column(r#"{"name": "age", "shape": [2], "datatype": "FP64", "data": [1]}"#),
        column(r#"{"name": "age", "shape": [2], "datatype": "FP64", "data": [1, 2]}"#),
        column(r#"{"name": "age", "shape": [1], "datatype": "FP16", "data": [1]}"#),
        column(r#"{"name": "age", "shape": [1], "datatype": "UINT8", "data": [256]}"#),
        column(r#"{"name": "age", "shape": [1], "datatype": "INT8", "data": [1.5]}"#),
        column(r#"{"name": "age", "shape": [1], "datatype": "BOOL", "data": [2]}"#),
        column(r#"{"name": "age", "shape": [1], "datatype": "BYTES", "data": ["old"]}"#),
        column(r#"{"name": "age", "shape": [1, 1, 1], "datatype": "FP64", "data": [1]}"#),
        column(r#"{"name": "age", "shape": [18446744073709551615, 2], "datatype": "FP64", "data": [1]}"#),
        r#"{"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP64", "data": [1, 2]}]}"#.to_owned(),
        r#"{"inputs": [{"name": "x", "shape": [1, 3], "datatype": "FP64", "data": [1, 2, 3]}], "outputs": [{"name": "y"}]}"#.to_owned(),
        r#"{"inputs": [{"name": "x", "shape": [1, 3], "datatype": "FP64", "data": [1, 2, 3]}], "outputs": [{"name": "decision_function"}]}"#.to_owned(),
    ];
    let mut said = Vec::new();
    for body in bodies {
        said.push(infer(&body).await);
    }
    insta::assert_snapshot!(said.join("\n"), @r#"
    400 {"error":"the body is not an object"}
    400 {"error":"the body does not read as JSON: EOF while parsing an object at line 1 column 1"}
    400 {"error":"inputs is empty"}
    400 {"error":"column plan: it is missing"}
    400 {"error":"column old: the model does not know it"}
    400 {"error":"column age: its shape [2, 1] does not hold 1 values"}
    400 {"error":"column age: it has 2 rows where plan has 1"}
    400 {"error":"column age: datatype \"FP16\" is not taken"}
    400 {"error":"column age: 256 is not UINT8"}
    400 {"error":"column age: 1.5 is not INT8"}
    400 {"error":"column age: 2 is not BOOL"}
    400 {"error":"row 0, column age: \"old\" is not a number"}
    400 {"error":"column age: its shape is not [n] or [n, d]"}
    400 {"error":"column age: its shape [18446744073709551615, 2] does not hold 1 values"}
    400 {"error":"column x: the tensor has 2 columns where the model takes 3"}
    400 {"error":"there is no output \"y\"; there are predict, predict_proba and decision_function"}
    400 {"error":"the model has no decision_function"}
    "#);
}

#[tokio::test]
async fn health_and_metadata() {
    let mut said = Vec::new();
    for uri in [
        "/v2",
        "/v2/health/live",
        "/v2/health/ready",
        "/v2/models/churn",
        "/v2/models/churn/ready",
        "/v2/models/churn/versions/3/ready",
        "/v2/models/churn/versions/4",
        "/v2/models/other",
    ] {
        let (status, body) = ask(router(churn()), request("GET", uri, "", "")).await;
        said.push(format!("{} {body}", status.as_u16()));
    }
    let said = said
        .join("\n")
        .replace(env!("CARGO_PKG_VERSION"), "VERSION");
    insta::assert_snapshot!(said, @r#"
    200 {"name":"cutline","version":"VERSION","extensions":[]}
    200 {"live":true}
    200 {"ready":true}
    200 {"name":"churn","versions":["3"],"platform":"cutline","inputs":[{"name":"age","datatype":"FP64","shape":[-1,1]},{"name":"plan","datatype":"BYTES","shape":[-1,1]},{"name":"region","datatype":"BYTES","shape":[-1,1]}],"outputs":[{"name":"predict","datatype":"INT64","shape":[-1,1]},{"name":"predict_proba","datatype":"FP64","shape":[-1,2]}]}
    200 {"name":"churn","ready":true}
    200 {"name":"churn","ready":true}
    404 {"error":"there is no model churn"}
    404 {"error":"there is no model other"}
    "#);
}
