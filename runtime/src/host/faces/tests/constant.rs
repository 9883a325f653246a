//! Faces behind which there is nothing.

use super::*;

const CONSTANTS: &str = r#"
[[http]]
route    = "GET /health"
response = { "/status" = { value = "ok" }, "/limits" = { value = { rows = 100 } } }

[[http]]
route    = "PUT /echo/{id}"
status   = 201
response = { "/id" = "/request/path/id", "/names/*" = "/request/body/items/*/name", "/mode" = "/request/query/mode" }

[[http]]
route    = "DELETE /models"
request  = { body = "none" }
status   = 405
response = { "" = { value = ["not", "here"] } }
"#;

#[tokio::test]
async fn what_is_always_the_same_needs_no_function() {
    let services = services(Arc::new(ManualClock::default()));
    let pipeline = Pipeline::parse(CONSTANTS, &KINDS).unwrap();
    let local = Local::new(pipeline, &[], services, Settings::default());
    let router = local.http().unwrap().router;
    for (route, body, status, said) in [
        (
            "GET /health",
            "",
            200,
            json!({"status": "ok", "limits": {"rows": 100}}),
        ),
        (
            "PUT /echo/7",
            r#"{"items": [{"name": "a"}, {"name": "b"}]}"#,
            201,
            json!({"id": "7", "names": ["a", "b"], "mode": null}),
        ),
        ("DELETE /models", "{", 405, json!(["not", "here"])),
    ] {
        let answer = ask(&router, route, &[], body).await;
        assert_eq!((answer.status, answer.body), (status, said), "{route}");
    }
    assert_eq!(ask(&router, "PUT /echo/7", &[], "{").await.status, 400);
}
