use super::sample::Bench;
use super::*;
use crate::store::artifact::{ArtifactId, Description};

const FILE: &str = r#"
[function.ingestion]
trigger = { queue = "raw-arrived" }
input = { blob = "{name}.csv" }
output = { queue = "customers-ready" }

[function.preprocessing]
trigger = { queue = "customers-ready" }
input = { artifact = "features" }
output = { artifact = "features" }
"#;

fn context(bench: &Bench, function: &str, message: Message) -> StageContext {
    StageContext::new(bench.function(function), bench.services.clone(), message)
}

#[tokio::test]
async fn what_is_not_declared_is_refused() {
    let bench = Bench::new(FILE);
    let ctx = context(&bench, "ingestion", Message::new("m1"));
    let put = ctx.put("", Description::default(), "x".to_owned()).await;
    refused(
        put,
        "function ingestion makes its result, and declares no artifact for it",
    );
    refused(
        ctx.open("calls").await,
        "function ingestion declares no input \"calls\": it has input",
    );
    refused(
        ctx.open("input").await,
        "function ingestion: input input cannot be read: ",
    );
    refused(
        ctx.model("input").await,
        "function ingestion: input input cannot be read: it is no model",
    );
    refused(ctx.registry(), "function ingestion may move no alias");
    refused(
        ctx.predictions("input", ctx.now()).await,
        "function ingestion: input input cannot be read: it is no log",
    );
    let ctx = context(&bench, "preprocessing", Message::new("m1"));
    refused(
        ctx.open("input").await,
        "function preprocessing: input input cannot be read: the message m1 names no artifact \"features\"",
    );
}

#[track_caller]
fn refused<T>(asked: Result<T, StageError>, why: &str) {
    let error = asked.err().expect("it is refused");
    assert!(error.whole().starts_with(why), "{}", error.whole());
    assert!(!error.may_pass, "{}", error.whole());
}

#[tokio::test]
async fn every_making_of_an_artifact_is_in_its_lineage() {
    let bench = Bench::new(FILE);
    let make = async |input: ArtifactId| {
        let mut message = Message::new("m1");
        message.artifacts.insert("features".to_owned(), input);
        let ctx = context(&bench, "preprocessing", message);
        ctx.content(&input).await.unwrap();
        let made = ctx.put("", Description::default(), "always the same".to_owned());
        made.await.unwrap().id
    };
    let raw = async |text: &str| {
        let description = Description::default();
        let ctx = context(&bench, "preprocessing", Message::new("m0"));
        ctx.put("raw", description, text.to_owned())
            .await
            .unwrap()
            .id
    };
    let (may, june) = (raw("may").await, raw("june").await);
    let (first, second) = (make(may).await, make(june).await);
    assert_eq!(first, second);
    let lineage = bench.services.space.lineages().of(&first).await.unwrap();
    let made = &lineage.artifacts[&first].made;
    let inputs: Vec<&[ArtifactId]> = made.iter().map(|made| &made.inputs[..]).collect();
    assert!(
        inputs.contains(&&[may][..]) && inputs.contains(&&[june][..]),
        "{inputs:?}"
    );
}
