//! What becomes of a message that fails: another try after a while, and after
//! the fifth the poison queue, with the errors inside. The same for every
//! backend, made of what a [`Queue`](super::Queue) does.
//!
//! Nothing here is done in one step with anything else. A worker may die
//! between any two, and then a message is tried or poisoned once more than it
//! would have been; it never gets lost.

use std::time::Duration;

use bytes::Bytes;

use super::{Delivery, MOST_AT_ONCE, Message, QueueError, QueueName, Queues, TraceContext};
use crate::store::clock::Timestamp;

/// How often is tried, and how long is waited between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Tries in all.
    pub tries: u32,
    /// The longest wait after the first failure. It doubles with each.
    pub first: Duration,
    /// The longest wait after any.
    pub most: Duration,
}

/// Five tries; waits of at most 1, 2, 4 and 8 seconds.
impl Default for Retry {
    fn default() -> Retry {
        Retry {
            tries: 5,
            first: Duration::from_secs(1),
            most: Duration::from_secs(300),
        }
    }
}

/// A message to work on.
#[derive(Clone, Debug, PartialEq)]
pub struct Next {
    /// The queue it is of.
    pub queue: QueueName,
    /// What shows that it is ours, and how often it was received.
    pub delivery: Delivery,
    /// What it says.
    pub message: Message,
}

/// What was received.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Received {
    /// To be worked on.
    pub next: Vec<Next>,
    /// Put into the poison queue instead.
    pub poisoned: Vec<Poisoned>,
}

/// A message that nobody works on any more.
#[derive(Clone, Debug, PartialEq)]
pub struct Poisoned {
    /// Why.
    pub why: String,
    /// The trace it belongs to, if it says so.
    pub traceparent: Option<TraceContext>,
}

/// What became of a message that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is received again after so long.
    Again {
        /// How long.
        after: Duration,
    },
    /// It is in the poison queue.
    Poisoned,
}

/// Why messages cannot be put back.
#[derive(Debug, thiserror::Error)]
pub enum RequeueError {
    /// Messages come back from poison queues only.
    #[error("{queue} is no poison queue: name the one that ends in -poison")]
    NotPoison {
        /// The queue.
        queue: QueueName,
    },
    /// One of the two queues cannot be used.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// How long messages are hidden that are put back.
const WHILE_MOVED: Duration = Duration::from_secs(60);

impl Retry {
    /// How long to wait after so many failures, given a number from 0 to 1
    /// drawn for this: between half of the longest wait and all of it, so that
    /// what failed together does not come again together. (Brooker 2015,
    /// "Exponential Backoff And Jitter", AWS Architecture Blog: *equal
    /// jitter*.)
    pub fn wait(&self, failures: u32, drawn: f64) -> Duration {
        let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
        let longest = self.first.saturating_mul(doubled).min(self.most);
        let share = if drawn.is_nan() {
            0.0
        } else {
            drawn.clamp(0.0, 1.0)
        };
        longest.mul_f64(0.5 + 0.5 * share)
    }
}

/// Receives up to `most` messages to work on. What is not ours, or was tried
/// too often by workers that died of it, goes to the poison queue instead: the
/// first unchanged, since there is nothing to note an error in.
pub async fn receive(
    queues: &dyn Queues,
    name: &QueueName,
    most: usize,
    visibility: Duration,
    retry: &Retry,
    now: Timestamp,
) -> Result<Received, QueueError> {
    let queue = queues.open(name);
    let mut received = Received::default();
    for delivery in queue.receive(most, visibility).await? {
        let message = match Message::from_body(&delivery.body) {
            Ok(message) => message,
            Err(foreign) => {
                let body = delivery.body.clone();
                queues
                    .open(&name.poison())
                    .send(body, Duration::ZERO)
                    .await?;
                queue.delete(&delivery.receipt).await?;
                received.poisoned.push(Poisoned {
                    why: foreign.to_string(),
                    traceparent: None,
                });
                continue;
            }
        };
        let next = Next {
            queue: name.clone(),
            delivery,
            message,
        };
        match next.delivery.dequeue_count > retry.tries {
            false => received.next.push(next),
            true => {
                let error = format!(
                    "was received {} times and never finished: its worker died or took too long",
                    next.delivery.dequeue_count - 1
                );
                poison(queues, &next, &error, now).await?;
                received.poisoned.push(Poisoned {
                    why: error,
                    traceparent: next.message.traceparent,
                });
            }
        }
    }
    Ok(received)
}

/// It is done: takes a message out. One that is no longer ours was done by
/// another, too.
pub async fn finish(queues: &dyn Queues, next: &Next) -> Result<(), QueueError> {
    match queues
        .open(&next.queue)
        .delete(&next.delivery.receipt)
        .await
    {
        Err(QueueError::Lost { .. }) => Ok(()),
        other => other,
    }
}

/// It failed: another try after a while, or the poison queue. `drawn` is a
/// number from 0 to 1, drawn for this.
pub async fn fail(
    queues: &dyn Queues,
    next: &Next,
    error: &str,
    retry: &Retry,
    now: Timestamp,
    drawn: f64,
) -> Result<Fate, QueueError> {
    let tries = next.delivery.dequeue_count;
    if tries >= retry.tries {
        poison(queues, next, error, now).await?;
        return Ok(Fate::Poisoned);
    }
    let body = noted(next, error, now);
    let after = retry.wait(tries, drawn);
    let queue = queues.open(&next.queue);
    queue
        .renew(&next.delivery.receipt, after, Some(body))
        .await?;
    Ok(Fate::Again { after })
}

/// Puts what is in a poison queue back where it came from, to be tried as if it
/// had never failed; what is not ours stays. Says how many that were.
pub async fn requeue(queues: &dyn Queues, name: &QueueName) -> Result<u64, RequeueError> {
    let Some(target) = name.poison_of() else {
        return Err(RequeueError::NotPoison {
            queue: name.clone(),
        });
    };
    let (poison, target) = (queues.open(name), queues.open(&target));
    let (mut n_moved, mut foreign) = (0, Vec::new());
    loop {
        let received = poison.receive(MOST_AT_ONCE, WHILE_MOVED).await?;
        if received.is_empty() {
            break;
        }
        for delivery in received {
            let message = Message::from_body(&delivery.body);
            let Some(body) = message
                .ok()
                .and_then(|message| message.unfailed().to_body().ok())
            else {
                foreign.push(delivery.receipt);
                continue;
            };
            target.send(body, Duration::ZERO).await?;
            poison.delete(&delivery.receipt).await?;
            n_moved += 1;
        }
    }
    for receipt in foreign {
        poison.renew(&receipt, Duration::ZERO, None).await?;
    }
    Ok(n_moved)
}

async fn poison(
    queues: &dyn Queues,
    next: &Next,
    error: &str,
    now: Timestamp,
) -> Result<(), QueueError> {
    let body = noted(next, error, now);
    queues
        .open(&next.queue.poison())
        .send(body, Duration::ZERO)
        .await?;
    queues
        .open(&next.queue)
        .delete(&next.delivery.receipt)
        .await
}

/// The message with the error inside; as it is, where another program made it
/// so long that there is no room.
fn noted(next: &Next, error: &str, now: Timestamp) -> Bytes {
    let failed = next.message.failed(next.delivery.dequeue_count, now, error);
    let body = failed.to_body();
    body.unwrap_or_else(|_| next.delivery.body.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn waits_double_up_to_the_most() {
        let retry = Retry::default();
        let waits: Vec<_> = (1..=4).map(|n| retry.wait(n, 1.0).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8]);
        assert_eq!(retry.wait(1, 0.0), Duration::from_millis(500));
        assert_eq!(retry.wait(40, 1.0), retry.most);
    }

    proptest! {
        #[test]
        fn a_wait_is_at_least_half_and_never_more_than_the_most(failures: u32, drawn: f64) {
            let retry = Retry::default();
            let wait = retry.wait(failures, drawn);
            prop_assert!(wait >= retry.first / 2 && wait <= retry.most);
        }
    }
}
