//! Faces of queues.

use super::*;

#[tokio::test]
async fn what_was_asked_for_can_be_followed_to_its_end() {
    let services = services(Arc::new(ManualClock::default()));
    let router = local(&services).http().unwrap().router;
    let said = ask(&router, "POST /start", &[], "{}").await;
    let address = said.location.unwrap();
    assert_eq!((said.status, &said.body["status"]), (202, &json!(address)));
    let run = ask(&router, &format!("GET {address}"), &[], "").await.body;
    assert_eq!(
        (&run["state"], &run["steps"]),
        (&json!("queued"), &json!([]))
    );
    let (_, running) = started(local(&services));
    let id = run["id"].as_str().unwrap();
    services.space.runs().wait(id, |_| false).await.unwrap();
    running.stop().await;
    let run = ask(&router, &format!("GET {address}"), &[], "").await.body;
    assert_eq!(run["state"], "done");
    assert_eq!(
        (&run["steps"][0]["function"], &run["steps"][1]["function"]),
        (&json!("first"), &json!("second"))
    );
    assert!(run["steps"][1]["artifacts"]["two"].is_string());
    let unknown = ask(&router, "GET /functions/runs/abc", &[], "").await;
    assert_eq!(
        (unknown.status, unknown.body),
        (404, json!({"error": "there is no run abc"}))
    );
}

#[tokio::test]
async fn an_answer_waits_for_what_is_made_and_is_laid_out_as_declared() {
    let services = services(Arc::new(ManualClock::default()));
    let (router, running) = started(local(&services));
    let said = ask(&router, TRAIN, &[], ROUNDS).await;
    assert_eq!(said.status, 201, "{}", said.body);
    let address = said.location.unwrap();
    assert_eq!(
        said.body,
        json!({"rounds": "7", "of": "second", "name": "churn", "at": address})
    );
    let lacks = ask(&router, TRAIN, &[], "{}").await;
    let why = "rounds: there is no text, number or truth value where it is to be found";
    assert_eq!((lacks.status, lacks.body), (409, json!({"problem": why})));
    let broken = ask(&router, "PUT /models/broken/train?dry=1", &[], ROUNDS).await;
    let why = "there is no such model";
    assert_eq!((broken.status, broken.body), (409, json!({"problem": why})));
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn who_waits_too_long_is_told_where_to_look() {
    let services = services(Arc::new(ManualClock::default()));
    let router = local(&services).http().unwrap().router;
    let said = ask(&router, TRAIN, &[], ROUNDS).await;
    assert_eq!(
        (said.status, &said.body["queue"]),
        (202, &json!("to-first"))
    );
    assert_eq!(said.body["status"], json!(said.location.unwrap()));
}

#[tokio::test]
async fn a_copy_is_answered_in_full_and_nobody_sees_what_it_made() {
    let home = tempfile::tempdir().unwrap();
    let clock = ManualClock::default();
    let (services, storage) = in_folder(home.path(), &clock);
    let kept = format!("[store]\nkeep_shadows = \"10m\"\n{FILE}");
    let local = hosted(&kept, &services).in_storage(storage.clone());
    let router = local.http().unwrap().router;
    let copy = [(SHADOW, "1"), ("idempotency-key", "k")];
    let said = ask(&router, TRAIN, &copy, ROUNDS).await;
    assert_eq!((said.status, &said.body["rounds"]), (201, &json!("7")));
    let address = said.location.unwrap();
    let run = ask(&router, &format!("GET {address}"), &[], "").await.body;
    assert_eq!(run["state"], "done");
    let id = run["id"].as_str().unwrap();
    assert_eq!(services.space.runs().get(id).await.unwrap(), None);
    assert_eq!(services.space.artifacts().list().await.unwrap(), []);
    assert_eq!(services.space.cells().list("ledger/").await.unwrap(), []);
    assert_eq!(services.space.cells().list("answer/").await.unwrap(), []);
    for queue in ["to-first", "to-second", "to-first-poison"] {
        assert_eq!(depth(&services, queue).await, 0);
    }
    clock.advance(Duration::from_secs(599));
    assert_eq!(storage.expire_shadows().await.unwrap(), 0);
    clock.advance(Duration::from_secs(2));
    assert!(storage.expire_shadows().await.unwrap() > 0);
}

#[tokio::test]
async fn a_function_in_the_middle_takes_up_what_it_was_told_of_last() {
    let services = services(Arc::new(ManualClock::default()));
    let (router, running) = started(local(&services));
    let early = ask(&router, "POST /again", &[], "{}").await;
    let why = "nothing was put into the queue to-second yet: what comes before has not run";
    assert_eq!((early.status, early.body), (409, json!({"error": why})));
    let first = ask(&router, TRAIN, &[], ROUNDS).await;
    assert_eq!(first.status, 201);
    let again = ask(&router, "POST /again", &[], "{}").await;
    assert_eq!(again.status, 200, "{}", again.body);
    assert_eq!(
        (&again.body["of"], &again.body["rounds"]),
        (&json!("second"), &json!(null))
    );
    let other = ask(&router, "POST /again", &[], r#"{"rounds": 8}"#).await;
    assert_eq!(other.body["rounds"], "8");
    assert_ne!(other.body["two"], again.body["two"]);
    running.stop().await;
}

#[tokio::test]
async fn without_an_artifact_all_that_follows_is_waited_for() {
    let services = services(Arc::new(ManualClock::default()));
    let file = FILE.replace("artifact = \"two\", for", "for");
    let local = hosted(&file, &services);
    let (router, running) = started(local);
    let said = ask(&router, TRAIN, &[], ROUNDS).await;
    assert_eq!(
        (said.status, &said.body["of"]),
        (201, &json!("second")),
        "{}",
        said.body
    );
    running.stop().await;
}

#[tokio::test]
async fn a_message_says_what_the_file_says_where_a_request_does_not() {
    let services = services(Arc::new(ManualClock::default()));
    let values =
        r#"rounds = { from = "/body/params/rounds", value = "3" }, kind = { value = "b" }"#;
    let file = FILE
        .replace(r#"rounds = "/body/params/rounds""#, values)
        .replace(r#""/name" = "/values/name""#, r#""/name" = "/values""#);
    let (router, running) = started(hosted(&file, &services));
    let said = ask(&router, TRAIN, &[], "{}").await;
    assert_eq!(
        said.body["name"],
        json!({"name": "churn", "rounds": "3", "kind": "b", "dry": "1"})
    );
    let said = ask(&router, TRAIN, &[], ROUNDS).await;
    assert_eq!(said.body["rounds"], "7");
    running.stop().await;
}

const TAKES_IN: &str = r#"
[function.ingestion]
trigger = { queue = "arrived" }
input   = { blob = "{customers}" }
output  = { artifact = "customers" }

[[http]]
route    = "POST /ingest"
function = "ingestion"
request  = { file = "customers", rows = "/rows" }
wait     = { for = "20s" }
response = { "/customers" = "/facts/ingestion/input/rows" }

[[http]]
route    = "PUT /ingest"
function = "ingestion"
request  = { body = "file", file = "customers" }
wait     = { for = "20s" }
response = { "/customers" = "/facts/ingestion/input/rows" }
"#;

#[tokio::test]
async fn what_a_request_brings_is_taken_in() {
    let services = services(Arc::new(ManualClock::default()));
    let pipeline = Pipeline::parse(TAKES_IN, crate::stages::ALL).unwrap();
    let local = Local::new(pipeline, &[], services.clone(), Settings::default());
    let (router, running) = started(local);
    let rows = r#"{"rows": [{"id": 1, "plan": "basic"}, {"id": 2, "plan": "premium"}]}"#;
    let said = ask(&router, "POST /ingest", &[], rows).await;
    assert_eq!((said.status, said.body), (200, json!({"customers": 2})));
    let csv = [("content-type", "text/csv")];
    let said = ask(
        &router,
        "PUT /ingest",
        &csv,
        "id,plan\n1,basic\n2,basic\n3,x\n",
    )
    .await;
    assert_eq!((said.status, said.body), (200, json!({"customers": 3})));
    let said = ask(&router, "PUT /ingest", &[], "id\n1\n").await;
    assert_eq!(said.status, 400, "{}", said.body);
    let said = ask(&router, "POST /ingest", &[], r#"{"rows": [7]}"#).await;
    assert_eq!(
        (said.status, said.body),
        (400, json!({"error": "row 0: it is no object"}))
    );
    running.stop().await;
}

#[tokio::test]
async fn a_face_can_end_the_chain_and_what_follows_can_be_asked_for_later() {
    let file = format!(
        "{FILE}
[[http]]
route    = \"POST /only\"
function = \"first\"
until    = \"first\"
wait     = {{ for = \"20s\" }}
response = {{ \"/of\" = \"/facts/first/of\", \"/state\" = \"/run/state\" }}

[[http]]
route    = \"GET /last\"
run      = {{ last = \"first\" }}
response = {{ \"/of\" = \"/facts/first/of\", \"/then\" = \"/facts/second/of\" }}
"
    );
    let services = services(Arc::new(ManualClock::default()));
    let (router, running) = started(hosted(&file, &services));
    let none = ask(&router, "GET /last", &[], "").await;
    assert_eq!(
        (none.status, none.body),
        (404, json!({"error": "there is no run yet"}))
    );
    let said = ask(&router, "POST /only", &[], r#"{"rounds": 7}"#).await;
    assert_eq!(
        (said.status, said.body),
        (200, json!({"of": "first", "state": "done"}))
    );
    let last = ask(&router, "GET /last", &[], "").await;
    assert_eq!(last.body, json!({"of": "first", "then": null}));
    assert_eq!(depth(&services, "to-second").await, 0);
    let again = ask(&router, "POST /again", &[], "").await;
    assert_eq!(again.body["of"], json!("second"));
    running.stop().await;
}
