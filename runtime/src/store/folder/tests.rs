use std::fs;
use std::time::Duration;

use super::*;
use crate::store::artifact::{Artifact, ArtifactError, ArtifactId, Description, Making};
use crate::store::clock::ManualClock;

fn open(path: &Path, key: Option<Key>) -> Result<DataFolder, FolderError> {
    DataFolder::open(path, key, Arc::new(ManualClock::default()))
}

fn key() -> Option<Key> {
    Some(Key::new([7; 32]))
}

fn error(path: &Path, key: Option<Key>) -> String {
    open(path, key).unwrap_err().to_string()
}

async fn put(space: &Space, content: &'static str) -> Artifact {
    let made = Making {
        function: "ingestion".to_owned(),
        code: "0.1.0".to_owned(),
        parameters: Default::default(),
        inputs: Vec::new(),
        at: space.clock().now(),
    };
    space
        .artifacts()
        .put(Description::default(), made, content)
        .await
        .unwrap()
}

#[tokio::test]
async fn what_was_kept_is_there_when_it_is_opened_again() {
    let parent = tempfile::tempdir().unwrap();
    for (name, key) in [("plain", None), ("sealed", key())] {
        let path = parent.path().join(name);
        let folder = open(&path, key.clone()).unwrap();
        assert_private(&path);
        let id = put(folder.live(), "customer 10233").await.id;
        folder
            .live()
            .cells()
            .swap("a", None, "customer".into())
            .await
            .unwrap();
        drop(folder);
        let again = open(&path, key).unwrap();
        let read = again.live().artifacts().read(&id, "").await.unwrap();
        assert_eq!(read, "customer 10233");
        let cell = again.live().cells().read("a").await.unwrap().unwrap();
        assert_eq!(cell.value, "customer");
    }
}

/// Only its owner can look into it.
fn assert_private(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(
            fs::metadata(path).unwrap().permissions().mode() & 0o777,
            0o700
        );
    }
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let below = |path: PathBuf| match path.is_dir() {
        true => files(&path),
        false => vec![path],
    };
    entries.flat_map(below).collect()
}

#[tokio::test]
async fn a_sealed_folder_shows_nothing_on_the_disk() {
    let parent = tempfile::tempdir().unwrap();
    let folder = open(parent.path(), key()).unwrap();
    put(folder.live(), "customer 10233").await;
    folder
        .live()
        .cells()
        .swap("a", None, "customer".into())
        .await
        .unwrap();
    for path in files(parent.path()) {
        let bytes = fs::read(&path).unwrap();
        let shown = bytes.windows(8).any(|window| window == b"customer");
        assert!(!shown, "{}", path.display());
    }
}

#[test]
fn a_second_one_is_told_who_is_first() {
    let parent = tempfile::tempdir().unwrap();
    let first = open(parent.path(), None).unwrap();
    let error = error(parent.path(), None);
    let me = format!("is in use by process {} on ", std::process::id());
    assert!(error.contains(&me), "{error}");
    // Whoever still has a part of it keeps it.
    let part = first.live().clone();
    drop(first);
    assert!(open(parent.path(), None).is_err());
    drop(part);
    open(parent.path(), None).unwrap();
}

#[test]
fn the_wrong_key_or_none_opens_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let (sealed, plain) = (parent.path().join("sealed"), parent.path().join("plain"));
    drop(open(&sealed, key()).unwrap());
    drop(open(&plain, None).unwrap());
    let wrong = Some(Key::new([8; 32]));
    assert!(error(&sealed, None).ends_with("is encrypted: give its key"));
    assert!(error(&sealed, wrong).starts_with("the key is not the one"));
    assert!(error(&plain, key()).contains("is not encrypted, and a key was given"));
    open(&sealed, key()).unwrap();
}

#[test]
fn what_is_not_ours_or_of_a_later_cutline_is_left_alone() {
    let parent = tempfile::tempdir().unwrap();
    fs::write(parent.path().join("thesis.tex"), "").unwrap();
    assert!(error(parent.path(), None).contains("is no data folder of cutline"));
    let later = tempfile::tempdir().unwrap();
    drop(open(later.path(), None).unwrap());
    let stamp = later.path().join("cutline.json");
    let text = fs::read_to_string(&stamp).unwrap();
    fs::write(&stamp, text.replace("\"format\": 1", "\"format\": 2")).unwrap();
    let error_text = error(later.path(), None);
    assert!(
        error_text.contains("in format 2, and this one knows format 1"),
        "{error_text}"
    );
    fs::write(&stamp, "{").unwrap();
    assert!(error(later.path(), None).contains("restore it from a backup"));
}

#[test]
fn what_was_half_written_is_gone() {
    let parent = tempfile::tempdir().unwrap();
    drop(open(parent.path(), None).unwrap());
    let blobs = parent.path().join("store/blobs");
    fs::create_dir_all(&blobs).unwrap();
    fs::write(blobs.join("abc#1"), "half").unwrap();
    fs::write(blobs.join("abd"), "whole").unwrap();
    open(parent.path(), None).unwrap();
    assert_eq!(files(&blobs), [blobs.join("abd")]);
}

#[tokio::test]
async fn a_backup_made_while_it_is_used_opens_and_lacks_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let folder = open(&parent.path().join("data"), key()).unwrap();
    let live = folder.live();
    let before = put(live, "before").await.id;
    let target = parent.path().join("backup");
    let shadow = folder
        .storage()
        .shadow("request", live.clock().now(), Duration::from_secs(60));
    put(&shadow, "shadow").await;
    // Cells name artifacts that are there.
    let work = async {
        for number in 0..40_u32 {
            let id = ArtifactId::of(number.to_string().as_bytes());
            let text: &'static str = number.to_string().leak();
            assert_eq!(put(live, text).await.id, id);
            let key = format!("made/{number}");
            live.cells()
                .swap(&key, None, id.to_string().into())
                .await
                .unwrap();
        }
    };
    let ((), backed_up) = tokio::join!(work, folder.back_up(&target));
    assert!(backed_up.unwrap().files >= 4);
    let again = folder.back_up(&target).await.unwrap_err().to_string();
    assert!(again.contains("is there already"), "{again}");
    assert!(!target.join("store/shadow").exists());
    let copy = open(&target, key()).unwrap();
    let copied = copy.live();
    assert_eq!(
        copied.artifacts().read(&before, "").await.unwrap(),
        "before"
    );
    for (_, cell) in copied.cells().list("made/").await.unwrap() {
        let id = std::str::from_utf8(&cell.value).unwrap().parse().unwrap();
        copied.artifacts().verify(&id).await.unwrap();
    }
    for id in copied.artifacts().list().await.unwrap() {
        copied.artifacts().verify(&id).await.unwrap();
    }
}

#[tokio::test]
async fn what_a_shadow_makes_nobody_sees_and_it_expires() {
    let parent = tempfile::tempdir().unwrap();
    let clock = ManualClock::default();
    let folder = DataFolder::open(parent.path(), None, Arc::new(clock.clone())).unwrap();
    let live = folder.live();
    let input = put(live, "live").await.id;
    let hour = Duration::from_secs(3_600);
    let begun = clock.now();
    let shadow = folder.storage().shadow("request 1", begun, hour);
    assert_eq!(shadow.artifacts().read(&input, "").await.unwrap(), "live");
    let made = put(&shadow, "shadow").await.id;
    shadow
        .cells()
        .swap("alias/churn/champion", None, "v9".into())
        .await
        .unwrap();
    let queue = "raw-arrived".parse().unwrap();
    shadow
        .queues()
        .open(&queue)
        .send("{}".into(), Duration::ZERO)
        .await
        .unwrap();

    assert_eq!(live.artifacts().list().await.unwrap(), [input]);
    assert_eq!(
        live.cells().read("alias/churn/champion").await.unwrap(),
        None
    );
    assert_eq!(live.queues().open(&queue).depth().await.unwrap(), 0);
    let other = folder.storage().shadow("request 2", begun, hour);
    let missing = other.artifacts().get(&made).await.unwrap_err();
    assert!(matches!(missing, ArtifactError::Missing { .. }));

    assert_eq!(folder.storage().expire_shadows().await.unwrap(), 0);
    let same = folder.storage().shadow("request 1", begun, hour);
    assert_eq!(same.artifacts().read(&made, "").await.unwrap(), "shadow");
    clock.advance(hour);
    assert_eq!(folder.storage().expire_shadows().await.unwrap(), 3);
    assert_eq!(same.artifacts().find(&made).await.unwrap(), None);
    assert_eq!(live.artifacts().read(&input, "").await.unwrap(), "live");
}
