//! [`Runs`]: how far the work has come that a request asked for, what each
//! function said last, and what each queue was told last.
//!
//! A run is the chain of messages that begins with one, all of the same id. Its
//! record is one cell, made before the first message is sent; every function
//! that has worked on one of them adds a step. It is kept for a while after.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::Notify;

use super::artifact::ArtifactId;
use super::cells::{Cell, CellError, Cells, Swapped, document, read_document};
use super::clock::{Clock, Timestamp};
use crate::queue::Message;

/// The runs of a space. Clones are the same ones.
#[derive(Clone, Debug)]
pub struct Runs {
    cells: Arc<dyn Cells>,
    clock: Arc<dyn Clock>,
    told: Arc<Notify>,
}

/// How far a run has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The id of all its messages.
    pub id: String,
    /// When it was asked for.
    pub begun: Timestamp,
    /// When its record goes.
    pub expires: Timestamp,
    /// How it stands.
    pub state: RunState,
    /// What its functions did, in the order in which they first did something.
    pub steps: Vec<Step>,
}

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// No function has worked on it yet.
    Queued,
    /// Some have; more are to come.
    Working,
    /// All have.
    Done,
    /// Its message is in a poison queue.
    Failed,
}

/// What a function did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Which.
    pub function: String,
    /// When it last did.
    pub at: Timestamp,
    /// What it made, by the names that messages use.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub artifacts: BTreeMap<String, ArtifactId>,
    /// What it says of it.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub facts: Map<String, Value>,
    /// Why it failed the last time, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Run {
    /// Nothing more comes, unless somebody puts its message back.
    pub fn is_over(&self) -> bool {
        matches!(self.state, RunState::Done | RunState::Failed)
    }

    /// The artifact of that name, as it was made last.
    pub fn artifact(&self, name: &str) -> Option<ArtifactId> {
        let steps = self.steps.iter().rev();
        steps
            .filter(|step| step.error.is_none())
            .find_map(|step| step.artifacts.get(name).copied())
    }

    /// Why it failed, if it did.
    pub fn error(&self) -> Option<&str> {
        let failed = self.state == RunState::Failed;
        let steps = self.steps.iter().rev().filter(|_| failed);
        steps.filter_map(|step| step.error.as_deref()).next()
    }
}

impl Runs {
    /// Of these cells; `told` wakes those who wait for a change.
    pub(super) fn new(cells: Arc<dyn Cells>, clock: Arc<dyn Clock>, told: Arc<Notify>) -> Runs {
        Runs { cells, clock, told }
    }

    /// Notes that a run is asked for; one that is there already stays as it is.
    ///
    /// # Errors
    /// When the cells cannot be used.
    pub async fn begin(&self, id: &str, keep: Duration) -> Result<(), CellError> {
        let now = self.clock.now();
        let run = Run {
            id: id.to_owned(),
            begun: now,
            expires: now.after(keep),
            state: RunState::Queued,
            steps: Vec::new(),
        };
        let key = key(id);
        self.cells.swap(&key, None, document(&key, &run)?).await?;
        Ok(())
    }

    /// How it stands with a run; `None` where it was not asked for here, or its
    /// record is gone.
    ///
    /// # Errors
    /// When the cells cannot be used.
    pub async fn get(&self, id: &str) -> Result<Option<Run>, CellError> {
        self.at(&key(id)).await
    }

    /// Waits until `enough` is true of the run, it is over, or its record is
    /// gone.
    ///
    /// # Errors
    /// When the cells cannot be used.
    pub async fn wait(
        &self,
        id: &str,
        enough: impl Fn(&Run) -> bool,
    ) -> Result<Option<Run>, CellError> {
        loop {
            let told = self.told.notified();
            tokio::pin!(told);
            // From here on no change is missed.
            told.as_mut().enable();
            match self.get(id).await? {
                Some(run) if !enough(&run) && !run.is_over() => told.await,
                found => return Ok(found),
            }
        }
    }

    /// Adds what a function did, in the place of what it did before, and how
    /// the run stands then. A run that was not asked for here has no record.
    ///
    /// # Errors
    /// When the cells cannot be used.
    pub async fn step(&self, id: &str, step: Step, state: RunState) -> Result<(), CellError> {
        let key = key(id);
        let mut seen = self.cells.read(&key).await?;
        while let Some(cell) = seen {
            let mut run: Run = read_document(&key, &cell)?;
            run.state = state;
            match run
                .steps
                .iter_mut()
                .find(|known| known.function == step.function)
            {
                Some(known) => *known = step.clone(),
                None => run.steps.push(step.clone()),
            }
            let value = document(&key, &run)?;
            match self.cells.swap(&key, Some(&cell.revision), value).await? {
                Swapped::Done(_) => break,
                Swapped::Lost(there) => seen = there,
            }
        }
        self.told.notify_waiters();
        Ok(())
    }

    /// Keeps what a function did as the last that it did.
    ///
    /// # Errors
    /// When the cells cannot be used.
    pub async fn set_latest(&self, step: &Step) -> Result<(), CellError> {
        self.put(&latest(&step.function), step).await
    }

    /// What a function did last, where that is kept.
    ///
    /// # Errors
    /// When the cells cannot be used.
    pub async fn latest(&self, function: &str) -> Result<Option<Step>, CellError> {
        self.at(&latest(function)).await
    }

    /// Keeps a run as the last that a request began with this function.
    ///
    /// # Errors
    /// When the cells cannot be used.
    pub async fn set_last(&self, function: &str, id: &str) -> Result<(), CellError> {
        self.put(&last(function), &id).await
    }

    /// The id of the run that a request began last with this function.
    ///
    /// # Errors
    /// When the cells cannot be used.
    pub async fn last(&self, function: &str) -> Result<Option<String>, CellError> {
        self.at(&last(function)).await
    }

    /// Keeps a message as the last that was put into a queue by a function.
    ///
    /// # Errors
    /// When the cells cannot be used.
    pub async fn set_told(&self, queue: &str, message: &Message) -> Result<(), CellError> {
        self.put(&told(queue), message).await
    }

    /// The last message that a function put into a queue, where that is kept.
    ///
    /// # Errors
    /// When the cells cannot be used.
    pub async fn told(&self, queue: &str) -> Result<Option<Message>, CellError> {
        self.at(&told(queue)).await
    }

    /// Removes records whose time is over; says how many.
    ///
    /// # Errors
    /// When the cells cannot be used.
    pub async fn expire(&self) -> Result<u64, CellError> {
        let now = self.clock.now();
        let mut n_removed = 0;
        for (key, cell) in self.cells.list("run/").await? {
            let run: Run = read_document(&key, &cell)?;
            if run.expires <= now && self.cells.remove(&key, &cell.revision).await? {
                n_removed += 1;
            }
        }
        Ok(n_removed)
    }

    async fn at<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, CellError> {
        let cell = self.cells.read(key).await?;
        cell.map(|cell| read_document(key, &cell)).transpose()
    }

    /// In the place of whatever is there.
    async fn put<T: Serialize>(&self, key: &str, document: &T) -> Result<(), CellError> {
        let mut seen: Option<Cell> = self.cells.read(key).await?;
        loop {
            let value = self::document(key, document)?;
            let revision = seen.as_ref().map(|cell| &cell.revision);
            match self.cells.swap(key, revision, value).await? {
                Swapped::Done(_) => return Ok(()),
                Swapped::Lost(there) => seen = there,
            }
        }
    }
}

/// An id may be any text; a cell's key may not.
fn key(id: &str) -> String {
    format!("run/{}", ArtifactId::of(id.as_bytes()))
}

fn latest(function: &str) -> String {
    format!("latest/{}", ArtifactId::of(function.as_bytes()))
}

fn last(function: &str) -> String {
    format!("last/{}", ArtifactId::of(function.as_bytes()))
}

fn told(queue: &str) -> String {
    format!("told/{queue}")
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;

    use super::super::cells::BlobCells;
    use super::super::clock::ManualClock;
    use super::*;

    fn runs(clock: &ManualClock) -> Runs {
        let cells = Arc::new(BlobCells::new(Arc::new(InMemory::new())));
        Runs::new(cells, Arc::new(clock.clone()), Arc::default())
    }

    fn step(function: &str, error: Option<&str>) -> Step {
        Step {
            function: function.to_owned(),
            at: Timestamp::from_millis(0),
            artifacts: match error {
                None => BTreeMap::from([("one".to_owned(), ArtifactId::of(b"1"))]),
                Some(_) => BTreeMap::new(),
            },
            facts: Map::new(),
            error: error.map(str::to_owned),
        }
    }

    #[tokio::test]
    async fn a_run_says_how_far_it_is_and_goes_in_the_end() {
        let clock = ManualClock::default();
        let runs = runs(&clock);
        let keep = Duration::from_secs(60);
        runs.begin("a b/ü", keep).await.unwrap();
        runs.step("a b/ü", step("first", Some("no room")), RunState::Working)
            .await
            .unwrap();
        runs.begin("a b/ü", keep).await.unwrap();
        let run = runs.get("a b/ü").await.unwrap().unwrap();
        assert_eq!(
            (run.steps.len(), run.error(), run.artifact("one")),
            (1, None, None)
        );
        runs.step("a b/ü", step("first", None), RunState::Working)
            .await
            .unwrap();
        runs.step("a b/ü", step("second", Some("why")), RunState::Failed)
            .await
            .unwrap();
        let run = runs.get("a b/ü").await.unwrap().unwrap();
        assert_eq!(run.steps.len(), 2);
        assert_eq!(run.error(), Some("why"));
        assert_eq!(run.artifact("one"), Some(ArtifactId::of(b"1")));
        assert_eq!(runs.expire().await.unwrap(), 0);
        clock.advance(keep);
        assert_eq!(runs.expire().await.unwrap(), 1);
        assert_eq!(runs.get("a b/ü").await.unwrap(), None);
        runs.step("nobody's", step("first", None), RunState::Done)
            .await
            .unwrap();
        assert_eq!(runs.get("nobody's").await.unwrap(), None);
    }

    #[tokio::test]
    async fn who_waits_is_told() {
        let runs = runs(&ManualClock::default());
        runs.begin("m", Duration::from_secs(60)).await.unwrap();
        let waits = runs.wait("m", |run| run.artifact("one").is_some());
        let works = async {
            runs.step("m", step("zero", Some("again")), RunState::Working)
                .await
                .unwrap();
            tokio::task::yield_now().await;
            runs.step("m", step("first", None), RunState::Working)
                .await
                .unwrap();
        };
        let (found, ()) = tokio::join!(waits, works);
        assert_eq!(found.unwrap().unwrap().steps.len(), 2);
        assert_eq!(runs.wait("other", |_| false).await.unwrap(), None);
    }

    #[tokio::test]
    async fn the_latest_is_what_was_done_last() {
        let runs = runs(&ManualClock::default());
        assert_eq!(runs.latest("monitoring").await.unwrap(), None);
        for error in [Some("first"), None] {
            runs.set_latest(&step("monitoring", error)).await.unwrap();
        }
        let latest = runs.latest("monitoring").await.unwrap().unwrap();
        assert_eq!(latest, step("monitoring", None));
    }
}
