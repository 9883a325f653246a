use std::io::Read;

use futures_util::TryStreamExt;
use object_store::memory::InMemory;

use super::*;
use crate::store::clock::Timestamp;
use crate::store::seal::{Key, SealedStore};

fn memory() -> (Arc<InMemory>, Artifacts) {
    let store = Arc::new(InMemory::new());
    (store.clone(), Artifacts::new(store))
}

fn table() -> Description {
    Description {
        kind: "table".to_owned(),
        name: "customers".to_owned(),
        rows: Some(3),
        schema: None,
    }
}

fn made(function: &str) -> Making {
    Making {
        function: function.to_owned(),
        code: "0.1.0".to_owned(),
        parameters: Default::default(),
        inputs: Vec::new(),
        at: Timestamp::from_millis(0),
    }
}

async fn locations(store: &InMemory, folder: &str) -> Vec<Path> {
    let listed = store.list(Some(&folder.into()));
    let mut found: Vec<_> = listed
        .map_ok(|meta| meta.location)
        .try_collect()
        .await
        .unwrap();
    found.sort();
    found
}

#[tokio::test]
async fn the_same_content_is_the_same_artifact_and_kept_once() {
    let (store, artifacts) = memory();
    let first = artifacts
        .put(table(), made("ingestion"), "a,b\n")
        .await
        .unwrap();
    let again = artifacts
        .put(table(), made("another"), "a,b\n")
        .await
        .unwrap();
    assert_eq!(first, again);
    assert_eq!(first.id, ArtifactId::of(b"a,b\n"));
    assert_eq!(again.made.function, "ingestion");
    assert_eq!(locations(&store, "blobs").await.len(), 1);
    assert_eq!(artifacts.read(&first.id, "").await.unwrap(), "a,b\n");
    assert_eq!(artifacts.list().await.unwrap(), [first.id]);
}

#[tokio::test]
async fn many_writers_of_the_same_content_leave_one() {
    let (store, artifacts) = memory();
    let puts = (0..8).map(|n| artifacts.put(table(), made(&n.to_string()), "same"));
    let made = futures_util::future::try_join_all(puts).await.unwrap();
    assert!(made.iter().all(|artifact| *artifact == made[0]));
    assert_eq!(locations(&store, "blobs").await.len(), 1);
}

#[tokio::test]
async fn parts_are_named_whatever_their_order() {
    let (_, artifacts) = memory();
    let write = async |order: [(&str, &str); 2]| {
        let mut writer = artifacts.write(table());
        for (name, content) in order {
            writer.part(name).await.unwrap();
            writer.write(content.as_bytes()).await.unwrap();
        }
        writer.finish(made("training")).await.unwrap()
    };
    let one = write([("model", "{}"), ("card.md", "# Card")]).await;
    let other = write([("card.md", "# Card"), ("model", "{}")]).await;
    assert_eq!(one, other);
    assert_eq!(one.bytes(), 8);
    assert_eq!(artifacts.read(&one.id, "card.md").await.unwrap(), "# Card");
    let error = artifacts
        .read(&one.id, "card")
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.ends_with("has no part \"card\": it has \"card.md\", \"model\""),
        "{error}"
    );
    let mut writer = artifacts.write(table());
    writer.part("model").await.unwrap();
    let error = writer.part("model").await.unwrap_err().to_string();
    assert!(
        error.contains("\"model\" of a new artifact has been written"),
        "{error}"
    );
}

#[tokio::test]
async fn large_content_comes_and_goes_in_pieces() {
    let folder = tempfile::tempdir().unwrap();
    let file = crate::store::blob::open(&format!("file:{}", folder.path().display())).unwrap();
    let sealed = SealedStore::new(file, Key::new([7; 32]));
    let artifacts = Artifacts::new(Arc::new(sealed));
    let piece: Vec<u8> = (0..1_000_003_usize).map(|at| (at / 5) as u8).collect();
    let mut writer = artifacts.write(table());
    for _ in 0..20 {
        writer.write(&piece).await.unwrap();
    }
    let artifact = writer.finish(made("ingestion")).await.unwrap();
    assert_eq!(artifact.bytes(), 20_000_060);
    assert_eq!(artifact.id, ArtifactId::of(&piece.repeat(20)));
    artifacts.verify(&artifact.id).await.unwrap();
    let mut file = artifacts.fetch(&artifact.id, "").await.unwrap();
    let mut content = Vec::new();
    file.read_to_end(&mut content).unwrap();
    assert!(content == piece.repeat(20));
}

#[tokio::test]
async fn a_damaged_artifact_is_set_aside_and_can_be_made_anew() {
    let (store, artifacts) = memory();
    let artifact = artifacts
        .put(table(), made("ingestion"), "content")
        .await
        .unwrap();
    let blob = locations(&store, "blobs").await.remove(0);
    store.put(&blob, "contend".into()).await.unwrap();
    let error = artifacts.read(&artifact.id, "").await.unwrap_err();
    let ArtifactError::Damaged { id, aside, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(*id, artifact.id);
    assert!(
        error
            .to_string()
            .contains(&ArtifactId::of(b"contend").to_string()),
        "{error}"
    );
    let kept: Artifact = {
        let found = store.get(&aside.as_str().into()).await.unwrap();
        serde_json::from_slice(&found.bytes().await.unwrap()).unwrap()
    };
    assert_eq!(kept, artifact);
    let missing = artifacts
        .read(&artifact.id, "")
        .await
        .unwrap_err()
        .to_string();
    assert!(missing.contains("there is no artifact"), "{missing}");
    artifacts
        .put(table(), made("again"), "content")
        .await
        .unwrap();
    assert_eq!(artifacts.read(&artifact.id, "").await.unwrap(), "content");
    // The damaged content is still there, whoever sweeps.
    artifacts
        .sweep(Timestamp::from_millis(u64::MAX))
        .await
        .unwrap();
    assert!(store.head(&blob).await.is_ok());
}

#[tokio::test]
async fn an_artifact_without_its_blob_is_damaged_and_one_unsealed_too() {
    let store = Arc::new(InMemory::new());
    let sealed = SealedStore::new(store.clone(), Key::new([7; 32]));
    let artifacts = Artifacts::new(Arc::new(sealed));
    for harm in ["(missing)", "(cannot be opened)"] {
        let artifact = artifacts
            .put(table(), made("ingestion"), "content")
            .await
            .unwrap();
        for blob in locations(&store, "blobs").await {
            match harm {
                "(missing)" => store.delete(&blob).await.unwrap(),
                _ => drop(store.put(&blob, "no seal".into()).await.unwrap()),
            }
        }
        let error = artifacts.verify(&artifact.id).await.unwrap_err();
        assert!(matches!(error, ArtifactError::Damaged { .. }), "{error}");
        assert!(error.to_string().contains(harm), "{error}");
    }
}

#[tokio::test]
async fn what_a_dead_writer_left_is_swept_and_never_seen() {
    let (store, artifacts) = memory();
    let kept = artifacts
        .put(table(), made("ingestion"), "kept")
        .await
        .unwrap();
    let mut writer = artifacts.write(table());
    writer.part("a").await.unwrap();
    writer.write(b"half").await.unwrap();
    writer.part("b").await.unwrap();
    drop(writer);
    assert_eq!(artifacts.list().await.unwrap(), [kept.id]);
    let early = artifacts.sweep(Timestamp::from_millis(0)).await.unwrap();
    assert_eq!(early, Swept::default());
    let swept = artifacts
        .sweep(Timestamp::from_millis(u64::MAX))
        .await
        .unwrap();
    assert_eq!(swept, Swept { blobs: 1, bytes: 4 });
    assert_eq!(artifacts.read(&kept.id, "").await.unwrap(), "kept");
    artifacts.remove(&kept.id).await.unwrap();
    assert_eq!(locations(&store, "").await, []);
}

#[tokio::test]
async fn what_is_made_over_others_stays_apart_from_them() {
    let (live_store, live) = memory();
    let (_, empty) = memory();
    let shadow = Artifacts::over(empty.store, live.clone());
    let input = live.put(table(), made("ingestion"), "live").await.unwrap();
    assert_eq!(shadow.read(&input.id, "").await.unwrap(), "live");
    let made_there = shadow
        .put(table(), made("training"), "shadow")
        .await
        .unwrap();
    assert_eq!(shadow.read(&made_there.id, "").await.unwrap(), "shadow");
    assert_eq!(live.find(&made_there.id).await.unwrap(), None);
    assert_eq!(locations(&live_store, "blobs").await.len(), 1);
}

#[tokio::test]
async fn an_artifact_whose_put_was_answered_late_stays_whole() {
    let store = InMemory::new();
    let losing = crate::store::losing::Losing { store, again: true };
    let artifacts = Artifacts::new(Arc::new(losing));
    let kept = artifacts
        .put(table(), made("ingestion"), "content")
        .await
        .unwrap();
    artifacts.verify(&kept.id).await.unwrap();
}

#[tokio::test]
async fn a_document_that_was_changed_names_nothing() {
    let (store, artifacts) = memory();
    let good = artifacts.put(table(), made("one"), "good").await.unwrap();
    let evil = artifacts.put(table(), made("one"), "evil").await.unwrap();
    let place = |id: &ArtifactId| Path::from(format!("artifacts/{id}.json"));
    let text = store.get(&place(&evil.id)).await.unwrap().bytes().await;
    let text = String::from_utf8(text.unwrap().to_vec()).unwrap();
    // The other's document, and one that says it was always called so.
    let renamed = text.replacen(&evil.id.to_string(), &good.id.to_string(), 1);
    for forged in [text, renamed] {
        store.put(&place(&good.id), forged.into()).await.unwrap();
        let read = artifacts.read(&good.id, "").await;
        assert!(
            matches!(read, Err(ArtifactError::Misnamed { id }) if id == good.id),
            "{read:?}"
        );
    }
}
