//! [`Turns`]: who begins what is due, where several processes keep time for the
//! same work.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::cells::{CellError, Cells, Swapped, document, read_document};
use super::clock::{Clock, Timestamp};

/// The turns of a space.
#[derive(Clone, Debug)]
pub struct Turns {
    cells: Arc<dyn Cells>,
    clock: Arc<dyn Clock>,
}

/// The last turn.
#[derive(Serialize, Deserialize)]
struct Turn {
    at: Timestamp,
}

impl Turns {
    /// In these cells.
    pub fn new(cells: Arc<dyn Cells>, clock: Arc<dyn Clock>) -> Turns {
        Turns { cells, clock }
    }

    /// Whether it is this process that begins: of all that ask, one does, and
    /// then nobody for nine tenths of `every`. Clocks may differ by the rest.
    pub async fn take(&self, name: &str, every: Duration) -> Result<bool, CellError> {
        let key = format!("turn/{name}");
        let now = self.clock.now();
        let last = self.cells.read(&key).await?;
        if let Some(last) = &last {
            let Turn { at } = read_document(&key, last)?;
            // One that is a little ahead of us has just been; a clock that is far
            // ahead was wrong.
            let is_just_ahead = at > now && at.since(now) < every;
            let is_recent = at <= now && now.since(at) < every.mul_f64(0.9);
            if is_just_ahead || is_recent {
                return Ok(false);
            }
        }
        let seen = last.as_ref().map(|last| &last.revision);
        let turn = document(&key, &Turn { at: now })?;
        let swapped = self.cells.swap(&key, seen, turn).await?;
        Ok(matches!(swapped, Swapped::Done(_)))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::try_join_all;
    use object_store::memory::InMemory;

    use super::*;
    use crate::store::cells::BlobCells;
    use crate::store::clock::ManualClock;

    #[tokio::test]
    async fn of_many_one_begins_and_then_nobody_for_a_while() {
        let clock = ManualClock::default();
        let cells = Arc::new(BlobCells::new(Arc::new(InMemory::new())));
        let every = Duration::from_secs(900);
        let each: Vec<Turns> = (0..5)
            .map(|_| Turns::new(cells.clone(), Arc::new(clock.clone())))
            .collect();
        let begun = async || {
            let takes = each.iter().map(|turns| turns.take("monitoring", every));
            let taken = try_join_all(takes).await.unwrap();
            taken.into_iter().filter(|mine| *mine).count()
        };
        assert_eq!(begun().await, 1);
        assert_eq!(begun().await, 0);
        clock.advance(Duration::from_secs(400));
        assert_eq!(begun().await, 0);
        // A little early, as timers are.
        clock.advance(Duration::from_secs(499));
        assert_eq!(begun().await, 1);
        assert!(each[0].take("other", every).await.unwrap());
        // A clock that was wrong by a day stops nobody.
        let wrong = ManualClock::new(clock.now().after(Duration::from_secs(86_400)));
        let wrong = Turns::new(cells.clone(), Arc::new(wrong));
        assert!(wrong.take("monitoring", every).await.unwrap());
        assert_eq!(begun().await, 1);
    }
}
