//! Requests with an `Idempotency-Key`.

use super::*;

#[tokio::test]
async fn a_key_has_one_effect_and_one_answer() {
    let services = services(Arc::new(ManualClock::default()));
    let router = local(&services).http().unwrap().router;
    let key = [("idempotency-key", "\"8e03978e-40d5\"")];
    let first = ask(&router, "POST /start", &key, r#"{"a": 1}"#).await;
    // Another process, after this one.
    let router = local(&services).http().unwrap().router;
    let again = ask(&router, "POST /start", &key, r#"{"a": 1}"#).await;
    assert_eq!((first.status, again.status), (202, 202));
    assert_eq!(
        (&first.body, &first.location),
        (&again.body, &again.location)
    );
    assert_eq!(depth(&services, "to-first").await, 1);
    let other = ask(&router, "POST /start", &key, r#"{"a": 2}"#).await;
    assert_eq!(other.status, 422);
    let another = ask(
        &router,
        "POST /start",
        &[("idempotency-key", "2")],
        r#"{"a": 1}"#,
    )
    .await;
    assert_ne!(another.body["id"], first.body["id"]);
    assert_eq!(depth(&services, "to-first").await, 2);
    for bad in ["", "a b", &"k".repeat(256)] {
        let said = ask(&router, "POST /start", &[("idempotency-key", bad)], "{}").await;
        assert_eq!(said.status, 400, "{bad}");
    }
}

#[tokio::test]
async fn of_two_at_once_one_is_told_to_wait() {
    let services = services(Arc::new(ManualClock::default()));
    let router = local(&services).http().unwrap().router;
    let key = [("idempotency-key", "k")];
    let (one, other) = tokio::join!(ask(&router, TRAIN, &key, ROUNDS), async {
        // The first waits for a model that nobody trains yet.
        while depth(&services, "to-first").await == 0 {
            tokio::task::yield_now().await;
        }
        let busy = ask(&router, TRAIN, &key, ROUNDS).await;
        let (_, running) = started(local(&services));
        (busy, running)
    });
    let (busy, running) = other;
    assert_eq!((one.status, busy.status), (201, 409));
    let after = ask(&router, TRAIN, &key, ROUNDS).await;
    assert_eq!((after.status, &after.body), (201, &one.body));
    running.stop().await;
}

#[tokio::test]
async fn who_died_while_he_answered_leaves_the_key_within_seconds() {
    let clock = ManualClock::default();
    let services = services(Arc::new(clock.clone()));
    let key = [("idempotency-key", "k")];
    let router = local(&services).http().unwrap().router;
    let asks = || {
        let router = router.clone();
        tokio::spawn(async move { ask(&router, TRAIN, &key, ROUNDS).await })
    };
    let sent = async |n: u64| {
        while depth(&services, "to-first").await < n {
            tokio::task::yield_now().await;
        }
    };
    let dies = asks();
    sent(1).await;
    // Nobody renews a lease whose time is over: as of a process that is gone.
    clock.advance(Duration::from_secs(7));
    let next = asks();
    sent(2).await;
    let (router, running) = started(local(&services));
    let next = next.await.unwrap();
    assert_eq!((next.status, &next.body["rounds"]), (201, &json!("7")));
    // The first one is told that another took over, and has changed nothing.
    assert_eq!(dies.await.unwrap().status, 503);
    let again = ask(&router, TRAIN, &key, ROUNDS).await;
    assert_eq!(again.body, next.body);
    let begun = services.space.cells().list("run/").await.unwrap();
    assert_eq!(begun.len(), 1);
    running.stop().await;
}
