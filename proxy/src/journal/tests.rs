use std::fs;

use tempfile::TempDir;

use super::*;
use crate::rollout::{State, Step, What};

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.sqlite");
    (folder, path)
}

fn to(stage: &str, basis_points: u16) -> NewChange {
    NewChange {
        stage: stage.to_owned(),
        from: None,
        to: Some(Share {
            mode: Mode::Split,
            weight: Weight::from_basis_points(basis_points),
        }),
        declared: Some(Share {
            mode: Mode::ReverseShadow,
            weight: Weight::FULL,
        }),
        by: Author::Admin("anna".to_owned()),
        why: "it's \"time\"".to_owned(),
        event: None,
    }
}

fn at(millis: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(millis)
}

#[test]
fn what_was_recorded_is_there_after_reopening() {
    let (_folder, path) = folder();
    let journal = Journal::open(&path).unwrap();
    let first = journal.record(to("inference", 1_000), at(1_234)).unwrap();
    let gone = NewChange {
        from: first.what.to,
        to: None,
        declared: None,
        by: Author::File,
        ..to("inference", 0)
    };
    let second = journal.record(gone, at(5_678)).unwrap();
    let other = journal.record(to("training", 5), at(9_999)).unwrap();
    drop(journal);

    let journal = Journal::open(&path).unwrap();
    assert_eq!(journal.last("inference").unwrap(), Some(second.clone()));
    assert_eq!(journal.last("ingestion").unwrap(), None);
    assert_eq!(journal.stages().unwrap(), ["inference", "training"]);
    let all = journal.changes(None, 10).unwrap();
    assert_eq!(all, [other, second.clone(), first.clone()]);
    assert_eq!(
        journal.changes(Some("inference"), 10).unwrap(),
        [second.clone(), first]
    );
    assert_eq!(journal.changes(Some("inference"), 1).unwrap(), [second]);
}

#[test]
fn a_rollout_stands_where_its_events_left_it() {
    let (_folder, path) = folder();
    let journal = Journal::open(&path).unwrap();
    let now = at(9_000);
    assert_eq!(journal.position("a", now).unwrap(), Position::new(now));
    let happened = |event, millis| {
        let change = NewChange {
            by: Author::Rollout,
            event: Some(event),
            ..to("a", 100)
        };
        journal.record(change, at(millis)).unwrap()
    };
    journal.record(to("a", 3), at(1)).unwrap();
    happened(What::Start { to: Step::Shadow }, 2);
    journal.record(to("b", 3), at(3)).unwrap();
    let paused = happened(What::Pause, 4);
    assert_eq!(paused.event().unwrap().id, 4);
    drop(journal);

    let journal = Journal::open(&path).unwrap();
    let position = journal.position("a", now).unwrap();
    assert_eq!(
        (position.step, position.epoch, position.last),
        (Some(Step::Shadow), 2, 4)
    );
    assert_eq!(position.state, State::Paused);
    assert_eq!(journal.changes(Some("a"), 1).unwrap(), [paused]);
}

/// As the first release made it.
const FIRST: &str = "CREATE TABLE change (
        id              INTEGER PRIMARY KEY AUTOINCREMENT,
        time            INTEGER NOT NULL,
        stage           TEXT NOT NULL,
        from_mode       TEXT,
        from_weight     INTEGER,
        to_mode         TEXT,
        to_weight       INTEGER,
        declared_mode   TEXT,
        declared_weight INTEGER,
        author          TEXT NOT NULL CHECK (author IN ('file', 'admin')),
        name            TEXT NOT NULL,
        why             TEXT NOT NULL
    ) STRICT;
    CREATE INDEX change_of_stage ON change (stage, id);
    INSERT INTO change VALUES (7, 12, 'a', NULL, NULL, 'split', 10, NULL, NULL, 'file', 'routes.toml', 'x');
    PRAGMA application_id = 0x6375746c;
    PRAGMA user_version = 1;";

#[test]
fn a_journal_of_the_first_version_is_brought_up_to_date_and_goes_on() {
    let (_folder, path) = folder();
    Connection::open(&path)
        .unwrap()
        .execute_batch(FIRST)
        .unwrap();
    let journal = Journal::open(&path).unwrap();
    let kept = journal.last("a").unwrap().unwrap();
    assert_eq!(
        (kept.id, kept.what.by, kept.what.event),
        (7, Author::File, None)
    );
    let next = journal.record(to("a", 20), at(13)).unwrap();
    assert_eq!(next.id, 8, "no id is used twice");
}

#[test]
fn what_another_process_writes_is_noticed() {
    let (_folder, path) = folder();
    let (here, there) = (Journal::open(&path).unwrap(), Journal::open(&path).unwrap());
    let before = here.others_version().unwrap();
    here.record(to("inference", 1), at(1)).unwrap();
    assert_eq!(here.others_version().unwrap(), before, "it was this one");
    there.record(to("inference", 2), at(2)).unwrap();
    assert_ne!(here.others_version().unwrap(), before);
    assert_eq!(here.last("inference").unwrap().unwrap().id, 2);
}

fn refused(path: &Path) -> (String, &'static str) {
    match Journal::open(path) {
        Ok(_) => panic!("{} was opened", path.display()),
        Err(error) => {
            let text = error.to_string();
            assert!(text.contains("journal.sqlite"), "{text}");
            let said = text.replace(&*path.to_string_lossy(), "journal.sqlite");
            (said, error.mend())
        }
    }
}

#[test]
fn a_file_that_is_no_journal_is_refused_and_left_alone() {
    let (_folder, path) = folder();
    let text = "this is a diary, and no database at all\n".repeat(100);
    fs::write(&path, &text).unwrap();
    let (said, mend) = refused(&path);
    assert_eq!(said, "the journal journal.sqlite is damaged");
    assert!(mend.starts_with("move it away"), "{mend}");
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn someone_elses_database_is_refused() {
    let (_folder, path) = folder();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE users (id)").unwrap();
    drop(other);
    let (said, _) = refused(&path);
    assert_eq!(
        said,
        "journal.sqlite is a SQLite database, but no journal of cutline"
    );
}

#[test]
fn a_later_versions_journal_is_refused() {
    let (_folder, path) = folder();
    let journal = Journal::open(&path).unwrap();
    let later = journal.connection.pragma_update(None, "user_version", 99);
    later.unwrap();
    drop(journal);
    let (said, _) = refused(&path);
    assert_eq!(
        said,
        "the journal journal.sqlite has version 99, and is of a later cutline"
    );
}

#[test]
fn a_damaged_journal_is_refused() {
    let (_folder, path) = folder();
    let journal = Journal::open(&path).unwrap();
    for n in 0..200 {
        journal.record(to("inference", n), at(1)).unwrap();
    }
    drop(journal);
    let mut bytes = fs::read(&path).unwrap();
    let (from, until) = (bytes.len() / 2, bytes.len());
    bytes[from..until].fill(0x5a);
    fs::write(&path, bytes).unwrap();
    assert_eq!(refused(&path).0, "the journal journal.sqlite is damaged");
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let (folder, _) = folder();
    let path = folder.path().join("missing/journal.sqlite");
    let (said, mend) = refused(&path);
    assert_eq!(said, "the journal journal.sqlite cannot be opened");
    assert_eq!(
        mend,
        "the state folder must be on a local disk and writable"
    );
}
