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
    let mut said = Vec::new();
    let put = ctx.put("", Description::default(), "x".to_owned()).await;
    said.push(put.err().unwrap().whole());
    said.push(ctx.open("calls").await.err().unwrap().whole());
    said.push(ctx.open("input").await.err().unwrap().whole());
    said.push(ctx.model("input").await.err().unwrap().whole());
    said.push(ctx.registry().err().unwrap().whole());
    let since = ctx.now();
    said.push(ctx.predictions("input", since).await.err().unwrap().whole());
    let ctx = context(&bench, "preprocessing", Message::new("m1"));
    said.push(ctx.open("input").await.err().unwrap().whole());
    insta::assert_snapshot!(said.join("\n"), @"");
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
