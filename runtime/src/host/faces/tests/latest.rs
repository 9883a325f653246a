//! Faces of functions that run every so often, and figures.

use super::*;

#[tokio::test]
async fn what_runs_every_so_often_answers_with_its_last_outcome() {
    let services = services(Arc::new(ManualClock::default()));
    let router = local(&services).http().unwrap().router;
    let early = ask(&router, "GET /seen", &[], "").await;
    assert_eq!(
        (early.status, early.body),
        (503, json!({"error": "watch has not run yet"}))
    );
    let (router, running) = started(local(&services));
    while services
        .space
        .runs()
        .latest("watch")
        .await
        .unwrap()
        .is_none()
    {
        tokio::task::yield_now().await;
    }
    let said = ask(&router, "GET /seen", &[], "").await;
    assert_eq!((said.status, said.body), (200, json!({"rounds": null})));
    running.stop().await;
}

#[tokio::test]
async fn figures_are_told_where_they_are_kept() {
    let services = services(Arc::new(ManualClock::default()));
    let router = local(&services).http().unwrap().router;
    assert_eq!(ask(&router, "GET /metrics", &[], "").await.status, 404);
    let keeps = local(&services).with_metrics(Arc::new(|| "7".to_owned()));
    let told = ask(&keeps.http().unwrap().router, "GET /metrics", &[], "").await;
    assert_eq!((told.status, told.body), (200, json!(7)));
}
