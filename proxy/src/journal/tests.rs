use std::fs;
use std::sync::Arc;

use tempfile::TempDir;

use super::*;
use crate::compare::{Comparison, Lack, Summary, Unavailable, Verdict};
use crate::rollout::{Compared, Count, Evidence, Run, State, Step, What};
use crate::verdict::{Gathered, KeptAnswer, KeptBody, KeptPair, KeptRequest, Trend};

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

/// What one look at answers gathers: so many pairs of a step, one of which
/// differs and is kept with a body of so many bytes.
fn gathered(epoch: u64, of: u64, bytes: usize) -> Gathered {
    let mut gathered = Gathered::default();
    let (stage, begins) = (Arc::<str>::from("a"), 60);
    let evidence = Evidence {
        answers: Some(Compared {
            pairs: Count::new(of, 1),
            noise: None,
        }),
        ..Evidence::default()
    };
    let step = (evidence, Summary::default());
    gathered.steps.insert((Arc::clone(&stage), epoch), step);
    let trend = Trend {
        answers: of,
        mismatches: 1,
        unavailable: 0,
    };
    gathered.trend.insert((stage, begins), trend);
    let answer = KeptAnswer {
        status: Some(200),
        failure: None,
        headers: Vec::new(),
        body: KeptBody::Text {
            text: "x".repeat(bytes),
            cut: false,
        },
        milliseconds: 1.0,
    };
    gathered.pairs.push(KeptPair {
        time: at(of),
        stage: "a".to_owned(),
        epoch,
        route: "GET /x".to_owned(),
        id: u128::from(of) << 64,
        session: Some(u64::MAX),
        sampled: false,
        comparison: Comparison {
            verdict: Verdict::Mismatch,
            differences: Vec::new(),
            left_out: 1,
            remarks: Vec::new(),
            predictions: None,
        },
        request: KeptRequest {
            method: "GET".to_owned(),
            target: "/x".to_owned(),
            headers: Vec::new(),
            body: KeptBody::None,
            redacted: false,
        },
        monolith: answer.clone(),
        candidate: answer,
    });
    gathered
}

#[test]
fn what_is_gathered_adds_up_for_its_step_whoever_tells_it() {
    let (_folder, path) = folder();
    let (here, there) = (Journal::open(&path).unwrap(), Journal::open(&path).unwrap());
    let now = at(70_000);
    here.gather(&gathered(1, 10, 5), 1 << 20, now).unwrap();
    there.gather(&gathered(1, 5, 5), 1 << 20, now).unwrap();
    there.gather(&gathered(2, 7, 5), 1 << 20, now).unwrap();
    drop((here, there));
    let journal = Journal::open(&path).unwrap();
    let pairs = |epoch| journal.evidence("a", epoch).unwrap().answers.unwrap().pairs;
    assert_eq!((pairs(1), pairs(2)), (Count::new(15, 2), Count::new(7, 1)));
    assert_eq!(journal.evidence("b", 1).unwrap(), Evidence::default());
    let trend = journal.trend("a", 0).unwrap();
    assert_eq!(trend.len(), 1);
    assert_eq!((trend[0].0, trend[0].1.answers), (60, 22));
    let wanted = Wanted {
        stage: Some("a"),
        epoch: Some(1),
        verdict: Some("mismatch"),
        session: Some(u64::MAX),
        ..Wanted::default()
    };
    let kept = journal.pairs(wanted, 10).unwrap();
    assert_eq!(
        kept,
        [gathered(1, 5, 5).pairs, gathered(1, 10, 5).pairs].concat()
    );
    let by_id = Wanted {
        id: Some(7 << 64),
        ..Wanted::default()
    };
    assert_eq!(journal.pairs(by_id, 10).unwrap(), gathered(2, 7, 5).pairs);
}

/// A request of a session, and what came of it.
fn asked(session: u64, n: u64, verdict: Verdict, sampled: bool) -> Gathered {
    let mut gathered = gathered(1, n, 5);
    let pair = &mut gathered.pairs[0];
    (pair.session, pair.sampled) = (Some(session), sampled);
    pair.comparison.verdict = verdict;
    pair.request.target = format!("/x/{n}");
    gathered
}

#[test]
fn a_session_is_its_requests_in_their_order_and_the_first_that_differs() {
    let (_folder, path) = folder();
    let journal = Journal::open(&path).unwrap();
    let (same, other) = (Verdict::Match, Verdict::Mismatch);
    let unknown = Verdict::Unavailable(Unavailable {
        monolith: Some(Lack::Broken),
        candidate: None,
    });
    for (session, n, verdict, sampled) in [
        (7, 1, same, true),
        (8, 2, same, true),
        (7, 3, unknown, true),
        (7, 4, other, true),
        (9, 5, other, false),
        (7, 6, other, true),
        (7, 7, same, true),
    ] {
        let gathered = asked(session, n, verdict, sampled);
        journal.gather(&gathered, 1 << 20, at(70_000)).unwrap();
    }
    let session = |id, sampled, requests, mismatches, unavailable, first| Session {
        id,
        sampled,
        requests,
        mismatches,
        unavailable,
        first,
    };
    assert_eq!(
        journal.sessions("a", 1).unwrap(),
        [
            session(7, true, 5, 2, 1, Some(2)),
            session(9, false, 1, 1, 0, Some(0)),
            session(8, true, 1, 0, 0, None),
        ]
    );
    assert_eq!(journal.sessions("a", 2).unwrap(), []);
    let of = |skipped, limit| {
        let requests = journal.requests_of(("a", 1, 7), skipped, limit).unwrap();
        let told = requests.into_iter().map(|own| (own.target, own.verdict));
        told.collect::<Vec<_>>()
    };
    assert_eq!(of(2, 1), [("/x/4".to_owned(), other)]);
    let all = of(0, 100).into_iter().map(|(_, verdict)| verdict);
    assert_eq!(all.collect::<Vec<_>>(), [same, unknown, other, other, same]);
}

#[test]
fn the_oldest_pairs_give_way_and_sums_stay() {
    let (_folder, path) = folder();
    let journal = Journal::open(&path).unwrap();
    let (room, now) = (1 << 20, at(70_000));
    for n in 1..=300 {
        journal.gather(&gathered(1, n, 10_000), room, now).unwrap();
    }
    let kept = journal.pairs(Wanted::default(), 1_000).unwrap();
    assert!((1..60).contains(&kept.len()), "{}", kept.len());
    assert_eq!(kept[0].id, 300 << 64, "the latest are kept");
    let pairs = journal.evidence("a", 1).unwrap().answers.unwrap().pairs;
    assert_eq!(pairs, Count::new((1..=300).sum(), 300));
    drop(journal);
    let size = fs::metadata(&path).unwrap().len();
    assert!(size < 4 << 20, "{size} bytes");
}

/// The bodies themselves must not be read for it, once a second.
#[test]
fn how_much_is_kept_is_known_by_an_index() {
    let (_folder, path) = folder();
    let journal = Journal::open(&path).unwrap();
    let sql = format!("EXPLAIN QUERY PLAN {}", pair::SIZE);
    let plan: String = journal
        .run(|from| from.query_row(&sql, [], |row| row.get(3)))
        .unwrap();
    assert!(plan.contains("COVERING INDEX pair_sizes"), "{plan}");
}

#[test]
fn a_run_that_is_told_twice_counts_once() {
    let (_folder, path) = folder();
    let journal = Journal::open(&path).unwrap();
    let run = |id: &str| Run {
        id: id.to_owned(),
        ..Run::default()
    };
    for id in ["monday", "tuesday", "monday"] {
        journal.run_of("a", 3, &run(id)).unwrap();
    }
    let runs = journal.evidence("a", 3).unwrap().runs;
    assert_eq!(runs, [run("monday"), run("tuesday")]);
}

#[test]
fn what_could_not_be_told_is_told_with_what_came_later() {
    let (_folder, path) = folder();
    let journal = Journal::open(&path).unwrap();
    let mut untold = gathered(1, 10, 5);
    untold.add(gathered(1, 5, 5));
    untold.add(gathered(2, 7, 5));
    journal.gather(&untold, 1 << 20, at(70_000)).unwrap();
    let pairs = |epoch| journal.evidence("a", epoch).unwrap().answers.unwrap().pairs;
    assert_eq!((pairs(1), pairs(2)), (Count::new(15, 2), Count::new(7, 1)));
    assert_eq!(journal.pairs(Wanted::default(), 10).unwrap().len(), 3);
}
