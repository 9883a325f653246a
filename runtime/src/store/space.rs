//! [`Space`]: everything that functions work with, live or in the shadow.
//!
//! A shadow is a space of one request. It reads what is live, and keeps what it
//! makes apart: artifacts and cells under a prefix of its own, which no live
//! queue, alias or table leads to, and messages in memory. When its time is
//! over, all of it is removed.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use object_store::ObjectStore;
use object_store::prefix::PrefixStore;
use tokio::sync::Notify;

use super::artifact::Artifacts;
use super::cells::{Cell, CellError, Cells, Revision, Swapped};
use super::clock::Clock;
use super::ledger::Ledger;
use super::lineage::Lineages;
use super::registry::{Registry, Signing};
use super::runs::Runs;
use super::turn::Turns;
use crate::queue::{MemoryQueues, Queues};

/// Artifacts, cells and queues that belong together. Clones are the same ones.
#[derive(Clone, Debug)]
pub struct Space {
    artifacts: Artifacts,
    cells: Arc<dyn Cells>,
    queues: Arc<dyn Queues>,
    clock: Arc<dyn Clock>,
    /// Wakes those who wait for a run.
    told: Arc<Notify>,
    is_shadow: bool,
    signing: Signing,
}

impl Space {
    /// Of these.
    pub fn new(
        artifacts: Artifacts,
        cells: Arc<dyn Cells>,
        queues: Arc<dyn Queues>,
        clock: Arc<dyn Clock>,
    ) -> Space {
        Space {
            artifacts,
            cells,
            queues,
            clock,
            told: Arc::default(),
            is_shadow: false,
            signing: Signing::default(),
        }
    }

    /// A space over this one, whose own things lie in `store` under `prefix`.
    pub(super) fn shadow(&self, store: Arc<dyn ObjectStore>, prefix: &str) -> Space {
        let own = Arc::new(PrefixStore::new(store, prefix));
        Space {
            artifacts: Artifacts::over(own, self.artifacts.clone()),
            cells: Arc::new(ShadowCells {
                prefix: prefix.to_owned(),
                live: self.cells.clone(),
            }),
            queues: Arc::new(MemoryQueues::new(self.clock.clone())),
            clock: self.clock.clone(),
            told: Arc::default(),
            is_shadow: true,
            signing: self.signing.clone(),
        }
    }

    /// The same, with messages elsewhere.
    pub(crate) fn with_queues(&self, queues: Arc<dyn Queues>) -> Space {
        Space {
            queues,
            ..self.clone()
        }
    }

    /// The same, where versions of models are signed.
    #[must_use]
    pub fn signed(self, signing: Signing) -> Space {
        Space { signing, ..self }
    }

    /// Whether it is a shadow, from which nothing outside is changed.
    pub fn is_shadow(&self) -> bool {
        self.is_shadow
    }

    /// What stages made.
    pub fn artifacts(&self) -> &Artifacts {
        &self.artifacts
    }

    /// What moves.
    pub fn cells(&self) -> &Arc<dyn Cells> {
        &self.cells
    }

    /// What stages tell each other.
    pub fn queues(&self) -> &Arc<dyn Queues> {
        &self.queues
    }

    /// What time it is there.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Versions of models, and which of them serve.
    pub fn registry(&self) -> Registry {
        let (artifacts, cells) = (self.artifacts.clone(), self.cells.clone());
        Registry::new(artifacts, cells, self.clock.clone()).signed(self.signing.clone())
    }

    /// What has been done.
    pub fn ledger(&self) -> Ledger {
        Ledger::new(self.cells.clone(), self.clock.clone())
    }

    /// How far what was asked for has come.
    pub fn runs(&self) -> Runs {
        Runs::new(self.cells.clone(), self.clock.clone(), self.told.clone())
    }

    /// Who begins what is due.
    pub fn turns(&self) -> Turns {
        Turns::new(self.cells.clone(), self.clock.clone())
    }

    /// Where artifacts come from.
    pub fn lineages(&self) -> Lineages {
        Lineages::new(self.artifacts.clone(), self.cells.clone())
    }
}

/// Cells of a shadow: its own where it has some, live ones for the rest. A live
/// one is never changed; put anew, it becomes the shadow's own.
#[derive(Debug)]
struct ShadowCells {
    prefix: String,
    live: Arc<dyn Cells>,
}

/// Tells revisions of a shadow's own cells from live ones.
const OWN: &str = "own:";

impl ShadowCells {
    fn own(&self, key: &str) -> String {
        format!("{}/{key}", self.prefix)
    }

    async fn get(&self, key: &str) -> Result<Option<Cell>, CellError> {
        match self.live.read(&self.own(key)).await? {
            Some(cell) => Ok(Some(as_own(cell))),
            None => self.live.read(key).await,
        }
    }

    async fn put(
        &self,
        key: &str,
        seen: Option<&Revision>,
        value: Bytes,
    ) -> Result<Swapped, CellError> {
        let own = seen.and_then(own_revision);
        if own.is_none() {
            // The first of its own stands for what is live.
            let live = self.live.read(key).await?;
            if live.as_ref().map(|cell| &cell.revision) != seen {
                return Ok(Swapped::Lost(self.get(key).await?));
            }
        }
        match self.live.swap(&self.own(key), own.as_ref(), value).await? {
            Swapped::Done(revision) => Ok(Swapped::Done(of_own(revision))),
            Swapped::Lost(there) => Ok(Swapped::Lost(there.map(as_own))),
        }
    }
}

impl Cells for ShadowCells {
    fn read<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Cell>, CellError>> {
        Box::pin(self.get(key))
    }

    fn swap<'a>(
        &'a self,
        key: &'a str,
        seen: Option<&'a Revision>,
        value: Bytes,
    ) -> BoxFuture<'a, Result<Swapped, CellError>> {
        Box::pin(self.put(key, seen, value))
    }

    /// What is live stays.
    fn remove<'a>(
        &'a self,
        key: &'a str,
        seen: &'a Revision,
    ) -> BoxFuture<'a, Result<bool, CellError>> {
        Box::pin(async move {
            match own_revision(seen) {
                Some(seen) => self.live.remove(&self.own(key), &seen).await,
                None => Ok(false),
            }
        })
    }

    fn list<'a>(
        &'a self,
        prefix: &'a str,
    ) -> BoxFuture<'a, Result<Vec<(String, Cell)>, CellError>> {
        Box::pin(async move {
            let mut found = self.live.list(prefix).await?;
            let before = self.own("").len();
            for (key, cell) in self.live.list(&self.own(prefix)).await? {
                let key = key[before..].to_owned();
                found.retain(|(live, _)| *live != key);
                found.push((key, as_own(cell)));
            }
            found.sort_by(|(one, _), (other, _)| one.cmp(other));
            Ok(found)
        })
    }
}

fn as_own(cell: Cell) -> Cell {
    Cell {
        revision: of_own(cell.revision),
        ..cell
    }
}

fn of_own(revision: Revision) -> Revision {
    Revision(format!("{OWN}{}", revision.0))
}

fn own_revision(revision: &Revision) -> Option<Revision> {
    let own = revision.0.strip_prefix(OWN)?;
    Some(Revision(own.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::cells::BlobCells;
    use crate::store::cells::contract;
    use object_store::memory::InMemory;

    fn cells() -> (BlobCells, ShadowCells) {
        let live = BlobCells::new(Arc::new(InMemory::new()));
        let shadow = ShadowCells {
            prefix: "shadow/1".to_owned(),
            live: Arc::new(live.clone()),
        };
        (live, shadow)
    }

    #[tokio::test]
    async fn a_shadows_cells_keep_the_contract_and_touch_nothing_live() {
        let (live, shadow) = cells();
        contract::check(&shadow).await;
        for (key, _) in live.list("").await.unwrap() {
            assert!(key.starts_with("shadow/1/"), "{key}");
        }
    }

    #[tokio::test]
    async fn a_shadow_sees_what_is_live_and_changes_its_own_copy() {
        let (live, shadow) = cells();
        live.swap("alias/churn/champion", None, "v1".into())
            .await
            .unwrap();
        let seen = shadow.read("alias/churn/champion").await.unwrap().unwrap();
        assert_eq!(seen.value, "v1");
        assert!(
            !shadow
                .remove("alias/churn/champion", &seen.revision)
                .await
                .unwrap()
        );
        let lost = shadow
            .swap("alias/churn/champion", None, "v9".into())
            .await
            .unwrap();
        assert_eq!(lost, Swapped::Lost(Some(seen.clone())));
        let put = shadow
            .swap("alias/churn/champion", Some(&seen.revision), "v2".into())
            .await;
        assert!(matches!(put.unwrap(), Swapped::Done(_)));
        let shadows = shadow.read("alias/churn/champion").await.unwrap().unwrap();
        assert_eq!(shadows.value, "v2");
        assert_eq!(shadow.list("alias/").await.unwrap().len(), 1);
        let lives = live.read("alias/churn/champion").await.unwrap().unwrap();
        assert_eq!(lives.value, "v1");
    }
}
