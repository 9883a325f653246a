//! [`PredictionLog`]: what an inference function was asked and what it said,
//! for monitoring.
//!
//! ```text
//! log/FUNCTION/2026-02-28T14:02:00.000Z-RANDOM.ndjson      a line per row, in the order of time
//! ```
//!
//! Nobody waits for it: rows go to a bounded queue, and are written once a
//! second or when there are many. Rows that find no room are counted as lost;
//! a process that is killed loses those of its last second.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use futures_util::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::store::clock::{Clock, Timestamp};

/// One row that was asked about; of other types where it is only written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry<Text = String, Row = Map<String, Value>, Said = Map<String, Value>> {
    /// When it was answered.
    pub at: Timestamp,
    /// The request it came in.
    pub request: Text,
    /// The version that answered.
    pub model: Text,
    /// What was asked, by column.
    pub row: Row,
    /// What was said, by output.
    pub said: Said,
    /// How long the whole request took.
    pub seconds: f64,
}

/// Takes rows. Clones are the same log.
#[derive(Clone, Debug)]
pub struct PredictionLog {
    said: mpsc::UnboundedSender<Later>,
    /// Rows that were taken and are not written.
    waiting: Arc<AtomicUsize>,
    lost: Arc<AtomicU64>,
}

/// Rows that are made into lines when they are written, away from the request.
struct Later {
    n_rows: usize,
    write: Box<dyn FnOnce(&mut Lines) + Send>,
}

/// Where entries are written to.
#[derive(Debug, Default)]
pub struct Lines(Vec<u8>);

impl Lines {
    /// Writes an entry.
    pub fn push<Text, Row, Said>(&mut self, entry: &Entry<Text, Row, Said>)
    where
        Text: Serialize,
        Row: Serialize,
        Said: Serialize,
    {
        // What was made of JSON is JSON; finite numbers and texts cannot fail.
        if serde_json::to_writer(&mut self.0, entry).is_ok() {
            self.0.push(b'\n');
        }
    }
}

/// Why a log cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The store says no.
    #[error("the predictions of {function} cannot be read")]
    Store {
        /// Whose log.
        function: String,
        /// Why.
        source: object_store::Error,
    },
    /// A line is none of ours.
    #[error("the predictions of {function}: line {line} of {blob} is damaged")]
    Line {
        /// Whose log.
        function: String,
        /// Which blob.
        blob: String,
        /// Counted from 1.
        line: usize,
        /// Why.
        source: serde_json::Error,
    },
}

/// Rows that may wait to be written.
const WAITING: usize = 1 << 17;
/// Rows that are written together at most.
const MOST: usize = 1 << 14;
/// How long a row waits for others at most.
const SOON: Duration = Duration::from_secs(1);

impl PredictionLog {
    /// The log of `function` in this store. What is returned beside it ends
    /// once the last clone is gone and all is written.
    pub fn start(
        store: Arc<dyn ObjectStore>,
        function: &str,
        clock: Arc<dyn Clock>,
    ) -> (PredictionLog, JoinHandle<()>) {
        let (said, coming) = mpsc::unbounded_channel();
        // Known from the beginning, so that its first growth is one.
        metrics::counter!("cutline_predictions_lost_total").increment(0);
        let log = PredictionLog {
            said,
            waiting: Arc::default(),
            lost: Arc::default(),
        };
        let waiting = Arc::clone(&log.waiting);
        let writing = Writing {
            store,
            function: function.to_owned(),
            clock,
            waiting,
        };
        (log, tokio::spawn(writing.all(coming)))
    }

    /// Takes a row, or counts it as lost; within [`unlogged`], neither.
    pub fn append(&self, entry: Entry) {
        self.append_later(1, move |lines| lines.push(&entry));
    }

    /// Takes `n_rows` rows, whose entries are made when they are written.
    pub fn append_later(&self, n_rows: usize, write: impl FnOnce(&mut Lines) + Send + 'static) {
        if UNLOGGED.try_with(|()| ()).is_ok() {
            return;
        }
        let before = self.waiting.fetch_add(n_rows, Ordering::Relaxed);
        let write = Box::new(write);
        let has_room = before + n_rows <= WAITING;
        if !has_room || self.said.send(Later { n_rows, write }).is_err() {
            self.waiting.fetch_sub(n_rows, Ordering::Relaxed);
            self.lost.fetch_add(n_rows as u64, Ordering::Relaxed);
            metrics::counter!("cutline_predictions_lost_total").increment(n_rows as u64);
        }
    }

    /// Rows that found no room.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

tokio::task_local! {
    static UNLOGGED: ();
}

/// Does `work` so that nothing it says is written to a log: for what answers a
/// copy of a request, whose answer nobody gets.
pub async fn unlogged<W: Future>(work: W) -> W::Output {
    UNLOGGED.scope((), work).await
}

/// Every row of `function` that was answered at `since` or later, as far as it
/// is written, in the order of time.
///
/// # Errors
/// When the store cannot be read, or holds what is not a log.
pub async fn read(
    store: &dyn ObjectStore,
    function: &str,
    since: Timestamp,
) -> Result<Vec<Entry>, LogError> {
    let failed = |source| LogError::Store {
        function: function.to_owned(),
        source,
    };
    let prefix = Path::from(format!("log/{function}"));
    let mut blobs: Vec<Path> = store
        .list(Some(&prefix))
        .map_ok(|found| found.location)
        .try_collect()
        .await
        .map_err(failed)?;
    blobs.sort();
    let mut entries = Vec::new();
    for blob in blobs {
        // A blob's name is the time of its last row.
        if blob
            .filename()
            .is_some_and(|name| name < since.to_string().as_str())
        {
            continue;
        }
        let bytes = store
            .get(&blob)
            .await
            .map_err(failed)?
            .bytes()
            .await
            .map_err(failed)?;
        for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            if line.is_empty() {
                continue;
            }
            let entry: Entry = serde_json::from_slice(line).map_err(|source| LogError::Line {
                function: function.to_owned(),
                blob: blob.to_string(),
                line: index + 1,
                source,
            })?;
            entries.extend(Some(entry).filter(|entry| entry.at >= since));
        }
    }
    entries.sort_by_key(|entry| entry.at);
    Ok(entries)
}

/// Who writes.
struct Writing {
    store: Arc<dyn ObjectStore>,
    function: String,
    clock: Arc<dyn Clock>,
    waiting: Arc<AtomicUsize>,
}

impl Writing {
    async fn all(self, mut coming: mpsc::UnboundedReceiver<Later>) {
        let mut said = Vec::new();
        while coming.recv_many(&mut said, MOST).await > 0 {
            let more =
                async { while said.len() < MOST && coming.recv_many(&mut said, MOST).await > 0 {} };
            // Over when there are many, nobody is left to send, or it is time.
            let _ = tokio::time::timeout(SOON, more).await;
            let n_rows: usize = said.iter().map(|later| later.n_rows).sum();
            if let Err(error) = self.write(std::mem::take(&mut said)).await {
                let function = &self.function;
                metrics::counter!("cutline_predictions_lost_total").increment(n_rows as u64);
                tracing::error!(function, rows = n_rows, %error, "predictions could not be written, and are lost");
            }
            self.waiting.fetch_sub(n_rows, Ordering::Relaxed);
        }
    }

    async fn write(&self, said: Vec<Later>) -> Result<(), Unwritten> {
        let Lines(lines) = lines(said).await?;
        let blob = blob(&self.function, self.clock.now());
        self.store.put(&blob, lines.into()).await?;
        Ok(())
    }
}

#[derive(Debug, thiserror::Error)]
enum Unwritten {
    #[error(transparent)]
    Store(#[from] object_store::Error),
    #[error("there is no thread to write them")]
    Thread(#[from] std::io::Error),
    #[error("the thread that writes them broke off")]
    Broken(#[from] oneshot::error::RecvError),
}

/// To make text of many rows takes time: a thread of its own does it, which
/// gives way to those that answer, or on a busy processor they would wait for a
/// whole turn of it.
async fn lines(said: Vec<Later>) -> Result<Lines, Unwritten> {
    let (tell, told) = oneshot::channel();
    let write = move || {
        give_way();
        let mut lines = Lines::default();
        for later in said {
            (later.write)(&mut lines);
        }
        // Nobody waits for them any more where the process ends.
        let _ = tell.send(lines);
    };
    thread::Builder::new()
        .name("cutline-log".to_owned())
        .spawn(write)?;
    Ok(told.await?)
}

/// On Linux a priority is a thread's; elsewhere it would be the process's.
fn give_way() {
    #[cfg(target_os = "linux")]
    {
        // Where it may not, requests wait a little longer.
        let _ = rustix::process::setpriority_process(None, 19);
    }
}

fn blob(function: &str, at: Timestamp) -> Path {
    Path::from(format!(
        "log/{function}/{at}-{:016x}.ndjson",
        rand::random::<u64>()
    ))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::store::clock::ManualClock;
    use metrics::{Counter, Gauge, Histogram, Key, KeyName, SharedString, Unit};
    use object_store::memory::InMemory;
    use serde_json::json;

    fn entry(at: u64, score: f64) -> Entry {
        Entry {
            at: Timestamp::from_millis(at),
            request: format!("r{at}"),
            model: "churn v1".to_owned(),
            row: Map::from_iter([("age".to_owned(), json!(41))]),
            said: Map::from_iter([("score".to_owned(), json!(score))]),
            seconds: 0.001,
        }
    }

    /// Counters that are registered.
    #[derive(Default)]
    struct Known(Mutex<Vec<String>>);

    impl metrics::Recorder for Known {
        fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn register_counter(&self, key: &Key, _: &metrics::Metadata<'_>) -> Counter {
            self.0.lock().unwrap().push(key.name().to_owned());
            Counter::noop()
        }

        fn register_gauge(&self, _: &Key, _: &metrics::Metadata<'_>) -> Gauge {
            Gauge::noop()
        }

        fn register_histogram(&self, _: &Key, _: &metrics::Metadata<'_>) -> Histogram {
            Histogram::noop()
        }
    }

    /// A rule that looks for growth would miss what was never there before.
    #[tokio::test]
    async fn what_is_lost_is_counted_from_the_beginning() {
        let known = Known::default();
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let start = || {
            let clock = Arc::new(ManualClock::default());
            drop(PredictionLog::start(store, "inference", clock));
        };
        metrics::with_local_recorder(&known, start);
        assert_eq!(*known.0.lock().unwrap(), ["cutline_predictions_lost_total"]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_said_is_read_back_in_order() {
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let clock = ManualClock::default();
        for at in [20, 10, 30] {
            let (log, written) =
                PredictionLog::start(Arc::clone(&store), "inference", Arc::new(clock.clone()));
            log.append(entry(at, 0.1 + 0.2));
            drop(log);
            written.await.unwrap();
        }
        let read = read(&*store, "inference", Timestamp::from_millis(15)).await;
        assert_eq!(read.unwrap(), [entry(20, 0.1 + 0.2), entry(30, 0.1 + 0.2)]);
        let other = super::read(&*store, "infer", Timestamp::from_millis(0)).await;
        assert_eq!(other.unwrap(), []);
    }

    #[tokio::test(start_paused = true)]
    async fn what_answers_a_copy_is_not_written() {
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let clock = Arc::new(ManualClock::default());
        let (log, written) = PredictionLog::start(Arc::clone(&store), "inference", clock);
        unlogged(async { log.append(entry(10, 0.5)) }).await;
        log.append(entry(20, 0.5));
        drop(log);
        written.await.unwrap();
        let read = read(&*store, "inference", Timestamp::from_millis(0)).await;
        assert_eq!(read.unwrap(), [entry(20, 0.5)]);
    }

    #[tokio::test]
    async fn a_line_that_is_not_ours_is_named() {
        let store = InMemory::new();
        let blob = Path::from("log/inference/2026-02-28T14:02:00.000Z-00.ndjson");
        store.put(&blob, "{}\n".into()).await.unwrap();
        let error = read(&store, "inference", Timestamp::from_millis(0))
            .await
            .unwrap_err();
        assert!(
            error.to_string().contains("line 1 of log/inference/"),
            "{error}"
        );
    }
}
