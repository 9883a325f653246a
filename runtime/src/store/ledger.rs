//! [`Ledger`]: what has been done, so that it is not done again.
//!
//! An entry is one cell, `ledger/…` for an invocation and `answer/…` for an
//! answer given to an `Idempotency-Key`. Who begins holds a lease. One that dies
//! lets it run out, and the next one takes over; should the first one live
//! after all, it can complete nothing any more.

use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::artifact::ArtifactId;
use super::canonical::canonical;
use super::cells::{Cell, CellError, Cells, Revision, Swapped, document, read_document};
use super::clock::{Clock, Timestamp};

/// The ledger of a space. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Ledger {
    cells: Arc<dyn Cells>,
    clock: Arc<dyn Clock>,
}

/// What may be done once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    key: String,
    /// What exactly is asked for under this key.
    asks: Option<ArtifactId>,
    /// How long the output is kept; for good, if nothing is said.
    keep: Option<Duration>,
}

/// How it stands with an entry that somebody wants to do.
#[derive(Debug)]
pub enum Begun {
    /// It is to be done, by whom holds this.
    Mine(Claim),
    /// It was done, and this came of it.
    Done(Value),
    /// Another is at it.
    Busy {
        /// Who.
        holder: String,
        /// Until when, unless the lease is renewed.
        until: Timestamp,
    },
    /// Something else was asked for under the same key.
    Different,
}

/// Shows who does an entry.
#[derive(Clone, Debug)]
pub struct Claim {
    entry: Entry,
    holder: String,
    /// How often it was begun, this time included.
    pub tries: u32,
    revision: Revision,
}

/// Why the ledger cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The lease ran out, and another has taken over.
    #[error("{holder} took too long for {key}, and another took over: leave it to that one")]
    Lost {
        /// The entry.
        key: String,
        /// Who had it.
        holder: String,
    },
    /// The cells cannot be used.
    #[error(transparent)]
    Cell(#[from] CellError),
}

/// What an entry's cell says.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asks: Option<ArtifactId>,
    tries: u32,
    state: State,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum State {
    Running {
        holder: String,
        until: Timestamp,
    },
    Done {
        output: Value,
        at: Timestamp,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires: Option<Timestamp>,
    },
}

impl Entry {
    /// An invocation: the same function, code, parameters and inputs are the
    /// same invocation.
    pub fn invocation(
        function: &str,
        code: &str,
        parameters: &IndexMap<String, Value>,
        inputs: &[ArtifactId],
    ) -> Entry {
        let described = canonical(json!([function, code, parameters, inputs]));
        Entry {
            key: format!("ledger/{}", ArtifactId::of(described.as_bytes())),
            asks: None,
            keep: None,
        }
    }

    /// An answer to a request that came with an `Idempotency-Key` (IETF draft
    /// draft-ietf-httpapi-idempotency-key-header), kept for a while. `asks` is
    /// the whole request: another request under the same key is
    /// [`Begun::Different`].
    pub fn answer(function: &str, idempotency_key: &str, asks: &[u8], keep: Duration) -> Entry {
        let described = canonical(json!([function, idempotency_key]));
        Entry {
            key: format!("answer/{}", ArtifactId::of(described.as_bytes())),
            asks: Some(ArtifactId::of(asks)),
            keep: Some(keep),
        }
    }

    /// The name of its cell.
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl Ledger {
    /// Of these cells.
    pub fn new(cells: Arc<dyn Cells>, clock: Arc<dyn Clock>) -> Ledger {
        Ledger { cells, clock }
    }

    /// Begins an entry, if nobody else has it. Of several at once one gets it.
    pub async fn begin(
        &self,
        entry: &Entry,
        holder: &str,
        lease: Duration,
    ) -> Result<Begun, LedgerError> {
        let mut seen = self.cells.read(&entry.key).await?;
        loop {
            let now = self.clock.now();
            let known = seen
                .as_ref()
                .map(|cell| read_document::<Record>(&entry.key, cell));
            let known = known.transpose()?.filter(|known| !known.is_over(now));
            let tries = match known {
                None => 1,
                Some(known) if known.asks != entry.asks => return Ok(Begun::Different),
                Some(known) => match known.state {
                    State::Done { output, .. } => return Ok(Begun::Done(output)),
                    State::Running { holder, until } if until > now => {
                        return Ok(Begun::Busy { holder, until });
                    }
                    State::Running { .. } => known.tries + 1,
                },
            };
            match self
                .run(entry, holder, tries, now.after(lease), seen.as_ref())
                .await?
            {
                Ok(claim) => return Ok(Begun::Mine(claim)),
                Err(there) => seen = there,
            }
        }
    }

    /// Holds on to an entry for `lease` from now.
    pub async fn renew(&self, claim: Claim, lease: Duration) -> Result<Claim, LedgerError> {
        let until = self.clock.now().after(lease);
        let seen = Cell {
            value: Default::default(),
            revision: claim.revision.clone(),
        };
        let renewed = self.run(&claim.entry, &claim.holder, claim.tries, until, Some(&seen));
        renewed.await?.map_err(|_| lost(&claim))
    }

    /// It is done, and `output` came of it. Long outputs belong into an
    /// artifact.
    pub async fn complete(&self, claim: Claim, output: Value) -> Result<(), LedgerError> {
        let at = self.clock.now();
        let expires = claim.entry.keep.map(|keep| at.after(keep));
        let record = Record {
            asks: claim.entry.asks,
            tries: claim.tries,
            state: State::Done {
                output,
                at,
                expires,
            },
        };
        let key = &claim.entry.key;
        let value = document(key, &record)?;
        match self.cells.swap(key, Some(&claim.revision), value).await? {
            Swapped::Done(_) => Ok(()),
            Swapped::Lost(_) => Err(lost(&claim)),
        }
    }

    /// It failed: the next one need not wait for the lease.
    pub async fn give_up(&self, claim: Claim) -> Result<(), LedgerError> {
        self.cells.remove(&claim.entry.key, &claim.revision).await?;
        Ok(())
    }

    /// Removes answers whose time is over; says how many.
    pub async fn expire(&self) -> Result<u64, LedgerError> {
        let now = self.clock.now();
        let mut n_removed = 0;
        for (key, cell) in self.cells.list("answer/").await? {
            let record: Record = read_document(&key, &cell)?;
            if record.is_over(now) && self.cells.remove(&key, &cell.revision).await? {
                n_removed += 1;
            }
        }
        Ok(n_removed)
    }

    async fn run(
        &self,
        entry: &Entry,
        holder: &str,
        tries: u32,
        until: Timestamp,
        seen: Option<&Cell>,
    ) -> Result<Result<Claim, Option<Cell>>, LedgerError> {
        let holder = holder.to_owned();
        let record = Record {
            asks: entry.asks,
            tries,
            state: State::Running {
                holder: holder.clone(),
                until,
            },
        };
        let seen = seen.map(|cell| &cell.revision);
        let value = document(&entry.key, &record)?;
        Ok(match self.cells.swap(&entry.key, seen, value).await? {
            Swapped::Lost(there) => Err(there),
            Swapped::Done(revision) => Ok(Claim {
                entry: entry.clone(),
                holder,
                tries,
                revision,
            }),
        })
    }
}

impl Record {
    /// Its output is no longer kept.
    fn is_over(&self, now: Timestamp) -> bool {
        match self.state {
            State::Done { expires, .. } => expires.is_some_and(|expires| expires <= now),
            State::Running { .. } => false,
        }
    }
}

fn lost(claim: &Claim) -> LedgerError {
    LedgerError::Lost {
        key: claim.entry.key.clone(),
        holder: claim.holder.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::cells::BlobCells;
    use crate::store::clock::ManualClock;
    use futures_util::future::try_join_all;
    use object_store::memory::InMemory;

    const LEASE: Duration = Duration::from_secs(60);

    fn ledger() -> (Ledger, ManualClock) {
        let clock = ManualClock::default();
        let cells = Arc::new(BlobCells::new(Arc::new(InMemory::new())));
        (Ledger::new(cells, Arc::new(clock.clone())), clock)
    }

    fn training() -> Entry {
        let parameters = IndexMap::from([("c".to_owned(), json!(1.0))]);
        Entry::invocation("training", "0.1.0", &parameters, &[ArtifactId::of(b"data")])
    }

    async fn mine(ledger: &Ledger, entry: &Entry, holder: &str) -> Claim {
        match ledger.begin(entry, holder, LEASE).await.unwrap() {
            Begun::Mine(claim) => claim,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn what_is_done_is_not_done_again() {
        let (ledger, clock) = ledger();
        let claim = mine(&ledger, &training(), "one").await;
        ledger.complete(claim, json!({"model": "m"})).await.unwrap();
        clock.advance(LEASE * 1_000_000);
        let again = ledger.begin(&training(), "two", LEASE).await.unwrap();
        assert!(matches!(again, Begun::Done(output) if output == json!({"model": "m"})));
        let other = Entry::invocation("training", "0.2.0", &IndexMap::new(), &[]);
        mine(&ledger, &other, "two").await;
    }

    #[tokio::test]
    async fn of_many_one_gets_it() {
        let (ledger, _) = ledger();
        let entry = training();
        let begun = (0..16).map(|_| ledger.begin(&entry, "worker", LEASE));
        let begun = try_join_all(begun).await.unwrap();
        let mine = begun.iter().filter(|begun| matches!(begun, Begun::Mine(_)));
        assert_eq!(mine.count(), 1);
    }

    #[tokio::test]
    async fn the_work_of_the_dead_is_taken_over_and_they_can_complete_nothing() {
        let (ledger, clock) = ledger();
        let first = mine(&ledger, &training(), "first").await;
        clock.advance(LEASE / 2);
        let busy = ledger.begin(&training(), "second", LEASE).await.unwrap();
        assert!(matches!(busy, Begun::Busy { holder, .. } if holder == "first"));
        let first = ledger.renew(first, LEASE).await.unwrap();
        clock.advance(LEASE * 2 / 3);
        assert!(matches!(
            ledger.begin(&training(), "second", LEASE).await.unwrap(),
            Begun::Busy { .. }
        ));
        clock.advance(LEASE);
        let second = mine(&ledger, &training(), "second").await;
        assert_eq!(second.tries, 2);
        let error = ledger
            .complete(first, json!("late"))
            .await
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("first took too long for ledger/"),
            "{error}"
        );
        ledger.complete(second, json!("done")).await.unwrap();
    }

    #[tokio::test]
    async fn what_was_given_up_is_begun_at_once() {
        let (ledger, _) = ledger();
        let first = mine(&ledger, &training(), "first").await;
        ledger.give_up(first).await.unwrap();
        mine(&ledger, &training(), "second").await;
    }

    #[tokio::test]
    async fn an_answer_is_of_its_request_and_kept_for_a_while() {
        let (ledger, clock) = ledger();
        let day = Duration::from_secs(24 * 60 * 60);
        let entry = |asks: &str| Entry::answer("inference", "key 1", asks.as_bytes(), day);
        let claim = mine(&ledger, &entry("{\"a\":1}"), "one").await;
        ledger
            .complete(claim, json!({"status": 200}))
            .await
            .unwrap();
        let again = ledger
            .begin(&entry("{\"a\":1}"), "two", LEASE)
            .await
            .unwrap();
        assert!(matches!(again, Begun::Done(_)));
        let other = ledger
            .begin(&entry("{\"a\":2}"), "two", LEASE)
            .await
            .unwrap();
        assert!(matches!(other, Begun::Different));
        assert_eq!(ledger.expire().await.unwrap(), 0);
        clock.advance(day);
        assert_eq!(ledger.expire().await.unwrap(), 1);
        mine(&ledger, &entry("{\"a\":2}"), "two").await;
    }
}
