//! Queues in this process's memory: for tests, and for what is not to last.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt, ready};

use super::{
    Delivery, LONGEST, MOST_AT_ONCE, Peeked, Queue, QueueError, QueueName, Queues, Receipt, fits,
};
use crate::store::clock::{Clock, Timestamp};

/// Queues that are gone with the last handle to them.
#[derive(Clone, Debug)]
pub struct MemoryQueues {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    clock: Arc<dyn Clock>,
    messages: Mutex<Messages>,
}

#[derive(Debug, Default)]
struct Messages {
    /// By queue and id, so that they are in the order in which they were sent.
    by_id: BTreeMap<(QueueName, u64), Held>,
    last_id: u64,
}

#[derive(Clone, Debug)]
struct Held {
    body: Bytes,
    inserted: Timestamp,
    visible: Timestamp,
    dequeue_count: u32,
    /// Counts what made earlier receipts void.
    pop: u64,
}

#[derive(Debug)]
struct MemoryQueue {
    name: QueueName,
    shared: Arc<Shared>,
}

impl MemoryQueues {
    /// Queues with nothing in them.
    pub fn new(clock: Arc<dyn Clock>) -> MemoryQueues {
        let messages = Mutex::default();
        MemoryQueues {
            shared: Arc::new(Shared { clock, messages }),
        }
    }
}

impl Queues for MemoryQueues {
    fn open(&self, name: &QueueName) -> Arc<dyn Queue> {
        Arc::new(MemoryQueue {
            name: name.clone(),
            shared: self.shared.clone(),
        })
    }

    fn names(&self) -> BoxFuture<'_, Result<Vec<QueueName>, QueueError>> {
        let messages = self.shared.messages();
        let mut names: Vec<_> = messages
            .by_id
            .keys()
            .map(|(name, _)| name.clone())
            .collect();
        names.dedup();
        ready(Ok(names)).boxed()
    }
}

impl Shared {
    fn messages(&self) -> MutexGuard<'_, Messages> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Messages {
    /// The ids of those that can be seen, in the order in which they became so.
    fn seen(&self, queue: &QueueName, now: Timestamp) -> Vec<(QueueName, u64)> {
        let all = self
            .by_id
            .range((queue.clone(), 0)..=(queue.clone(), u64::MAX));
        let mut seen: Vec<_> = all.filter(|(_, held)| held.visible <= now).collect();
        seen.sort_by_key(|(id, held)| (held.visible, id.1));
        seen.into_iter().map(|(id, _)| id.clone()).collect()
    }

    fn held(
        &mut self,
        queue: &QueueName,
        receipt: &Receipt,
    ) -> Option<((QueueName, u64), &mut Held)> {
        let id = (queue.clone(), receipt.id.parse().ok()?);
        let held = self.by_id.get_mut(&id)?;
        (held.pop.to_string() == receipt.pop).then_some((id, held))
    }
}

impl MemoryQueue {
    fn put(&self, body: Bytes, delay: Duration) -> Result<(), QueueError> {
        fits(&self.name, &body)?;
        let now = self.shared.clock.now();
        let mut messages = self.shared.messages();
        messages.last_id += 1;
        let id = (self.name.clone(), messages.last_id);
        let held = Held {
            body,
            inserted: now,
            visible: now.after(delay.min(LONGEST)),
            dequeue_count: 0,
            pop: 0,
        };
        messages.by_id.insert(id, held);
        Ok(())
    }

    fn take(&self, most: usize, visibility: Duration) -> Vec<Delivery> {
        let now = self.shared.clock.now();
        let mut messages = self.shared.messages();
        let mut deliveries = Vec::new();
        for id in messages
            .seen(&self.name, now)
            .into_iter()
            .take(most.min(MOST_AT_ONCE))
        {
            let Some(held) = messages.by_id.get_mut(&id) else {
                continue;
            };
            held.visible = now.after(visibility.min(LONGEST));
            held.dequeue_count += 1;
            held.pop += 1;
            deliveries.push(Delivery {
                receipt: receipt(id.1, held.pop),
                body: held.body.clone(),
                dequeue_count: held.dequeue_count,
                inserted: held.inserted,
            });
        }
        deliveries
    }

    fn hold(
        &self,
        old: &Receipt,
        visibility: Duration,
        body: Option<Bytes>,
    ) -> Result<Receipt, QueueError> {
        if let Some(body) = &body {
            fits(&self.name, body)?;
        }
        let now = self.shared.clock.now();
        let mut messages = self.shared.messages();
        let found = messages.held(&self.name, old);
        let (id, held) = found.ok_or_else(|| self.lost())?;
        held.visible = now.after(visibility.min(LONGEST));
        held.pop += 1;
        held.body = body.unwrap_or_else(|| held.body.clone());
        Ok(receipt(id.1, held.pop))
    }

    fn take_out(&self, old: &Receipt) -> Result<(), QueueError> {
        let mut messages = self.shared.messages();
        let found = messages.held(&self.name, old);
        let (id, _) = found.ok_or_else(|| self.lost())?;
        messages.by_id.remove(&id);
        Ok(())
    }

    fn look(&self, most: usize) -> Vec<Peeked> {
        let messages = self.shared.messages();
        let seen = messages.seen(&self.name, self.shared.clock.now());
        let held = seen.iter().filter_map(|id| messages.by_id.get(id));
        held.take(most.min(MOST_AT_ONCE))
            .map(|held| Peeked {
                body: held.body.clone(),
                dequeue_count: held.dequeue_count,
                inserted: held.inserted,
            })
            .collect()
    }

    fn count(&self) -> u64 {
        let messages = self.shared.messages();
        let own = messages.by_id.keys().filter(|(name, _)| *name == self.name);
        own.count() as u64
    }

    fn empty(&self) -> u64 {
        let n_messages = self.count();
        let mut messages = self.shared.messages();
        messages.by_id.retain(|(name, _), _| *name != self.name);
        n_messages
    }

    fn lost(&self) -> QueueError {
        QueueError::Lost {
            queue: self.name.clone(),
        }
    }
}

impl Queue for MemoryQueue {
    fn name(&self) -> &QueueName {
        &self.name
    }

    fn send(&self, body: Bytes, delay: Duration) -> BoxFuture<'_, Result<(), QueueError>> {
        ready(self.put(body, delay)).boxed()
    }

    fn receive(
        &self,
        most: usize,
        visibility: Duration,
    ) -> BoxFuture<'_, Result<Vec<Delivery>, QueueError>> {
        ready(Ok(self.take(most, visibility))).boxed()
    }

    fn renew<'a>(
        &'a self,
        receipt: &'a Receipt,
        visibility: Duration,
        body: Option<Bytes>,
    ) -> BoxFuture<'a, Result<Receipt, QueueError>> {
        ready(self.hold(receipt, visibility, body)).boxed()
    }

    fn delete<'a>(&'a self, receipt: &'a Receipt) -> BoxFuture<'a, Result<(), QueueError>> {
        ready(self.take_out(receipt)).boxed()
    }

    fn depth(&self) -> BoxFuture<'_, Result<u64, QueueError>> {
        ready(Ok(self.count())).boxed()
    }

    fn peek(&self, most: usize) -> BoxFuture<'_, Result<Vec<Peeked>, QueueError>> {
        ready(Ok(self.look(most))).boxed()
    }

    fn purge(&self) -> BoxFuture<'_, Result<u64, QueueError>> {
        ready(Ok(self.empty())).boxed()
    }
}

fn receipt(id: u64, pop: u64) -> Receipt {
    Receipt {
        id: id.to_string(),
        pop: pop.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::contract;
    use crate::store::clock::ManualClock;

    #[tokio::test]
    async fn keeps_the_contract() {
        let clock = ManualClock::default();
        let queues = MemoryQueues::new(Arc::new(clock.clone()));
        for part in contract::parts(&queues, &clock) {
            part.await;
        }
    }
}
