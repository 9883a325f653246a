//! Faces of runs.

use super::*;

const RUN: &str = r#"
[[http]]
route  = "GET /api/runs/{run}"
run    = "/path/run"
error  = { body = { detail = "/message" } }

[http.response]
"/run_id" = "/run/id"
"/begun"  = "/run/begun"
"/of"     = "/facts/second/of"
"/status" = [
    { when = { "/facts/second/of" = "second" }, value = "over" },
    { when = { "/run/state" = "queued" }, value = "waits" },
    { from = "/run/state" },
]
"#;

#[tokio::test]
async fn a_run_is_told_of_in_the_declared_shape() {
    let services = services(Arc::new(ManualClock::default()));
    let file = format!("{FILE}{RUN}");
    let router = hosted(&file, &services).http().unwrap().router;
    let begun = ask(&router, "POST /start", &[], "{}").await;
    let id = begun.body["id"].as_str().unwrap();
    let route = format!("GET /api/runs/{id}");
    let early = ask(&router, &route, &[], "").await;
    assert_eq!(
        (early.status, &early.body["status"], &early.body["of"]),
        (200, &json!("waits"), &json!(null))
    );
    assert_eq!(early.body["run_id"], json!(id));
    let (router, running) = started(hosted(&file, &services));
    services.space.runs().wait(id, |_| false).await.unwrap();
    running.stop().await;
    let over = ask(&router, &route, &[], "").await;
    assert_eq!(
        (&over.body["status"], &over.body["of"]),
        (&json!("over"), &json!("second"))
    );
    let none = ask(&router, "GET /api/runs/abc", &[], "").await;
    assert_eq!(
        (none.status, none.body),
        (404, json!({"detail": "there is no run abc"}))
    );
}
