//! Queues with at-least-once delivery: one file per backend.
//!
//! They do what Azure Storage Queues do, and no more: a message that is
//! received stays, invisible to others, until it is deleted or its visibility
//! timeout is over; then it is received again. Nobody ever loses one, and
//! whoever receives has to bear seeing one twice. A message names artifacts and
//! never carries data ([`Message`]).
//!
//! What every backend must do is [`Queue`]; tries, waiting between them and the
//! poison queue are made of that, the same for all ([`retry`]).

#[cfg(feature = "azure")]
mod azure;
#[cfg(test)]
pub(crate) mod contract;
mod embedded;
mod memory;
mod message;
pub mod retry;
#[cfg(test)]
mod steps;
mod trace;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;

#[cfg(feature = "azure")]
pub use azure::AzureQueues;
pub use embedded::EmbeddedQueues;
pub use memory::MemoryQueues;
pub use message::{Failure, Message, MessageError};
pub use trace::{NoTrace, TraceContext};

use crate::store::clock::Timestamp;
use crate::store::database::DatabaseError;
use crate::store::seal::SealError;

/// The most that a message may have, in bytes: written in base64, as Azure's
/// hosts do by default, it then has the 64 KiB that Azure's queues allow.
pub const MOST_BYTES: usize = 48 * 1024;

/// The most messages that are received or looked at together.
pub const MOST_AT_ONCE: usize = 32;

/// The longest that a message may be invisible: seven days.
pub const LONGEST: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// One queue. What returns `Ok` has reached the disk, where the backend has
/// one.
pub trait Queue: Send + Sync + fmt::Debug {
    /// What it is called.
    fn name(&self) -> &QueueName;

    /// Puts a message in, to be seen after `delay`.
    fn send(&self, body: Bytes, delay: Duration) -> BoxFuture<'_, Result<(), QueueError>>;

    /// Receives up to `most` messages, about the oldest first, and hides them
    /// for `visibility`.
    fn receive(
        &self,
        most: usize,
        visibility: Duration,
    ) -> BoxFuture<'_, Result<Vec<Delivery>, QueueError>>;

    /// Hides a message for `visibility` from now, or shows it again when that
    /// is nothing; puts `body` in its place if there is one. From now on only
    /// the receipt that is returned is good.
    fn renew<'a>(
        &'a self,
        receipt: &'a Receipt,
        visibility: Duration,
        body: Option<Bytes>,
    ) -> BoxFuture<'a, Result<Receipt, QueueError>>;

    /// Takes a message out for good.
    fn delete<'a>(&'a self, receipt: &'a Receipt) -> BoxFuture<'a, Result<(), QueueError>>;

    /// How many messages there are, seen and hidden.
    fn depth(&self) -> BoxFuture<'_, Result<u64, QueueError>>;

    /// Up to `most` of the messages that would be received next, left as they
    /// are.
    fn peek(&self, most: usize) -> BoxFuture<'_, Result<Vec<Peeked>, QueueError>>;

    /// Takes everything out; says how many that were.
    fn purge(&self) -> BoxFuture<'_, Result<u64, QueueError>>;
}

/// Where queues come from. One that nothing was sent to is empty, and there.
pub trait Queues: Send + Sync + fmt::Debug {
    /// The queue of this name.
    fn open(&self, name: &QueueName) -> Arc<dyn Queue>;

    /// Those that have messages, in the order of names.
    fn names(&self) -> BoxFuture<'_, Result<Vec<QueueName>, QueueError>>;
}

/// A message that was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// What shows that it is ours to renew or delete.
    pub receipt: Receipt,
    /// What was sent.
    pub body: Bytes,
    /// How often it was received, this time included.
    pub dequeue_count: u32,
    /// When it was sent.
    pub inserted: Timestamp,
}

/// A message that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peeked {
    /// What was sent.
    pub body: Bytes,
    /// How often it was received.
    pub dequeue_count: u32,
    /// When it was sent.
    pub inserted: Timestamp,
}

/// Good for one reception of one message: Azure's message id and pop receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The message.
    pub(crate) id: String,
    /// The reception.
    pub(crate) pop: String,
}

/// The name of a queue, by Azure's rules: 3 to 63 of `a` to `z`, `0` to `9` and
/// single dashes between them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueName(String);

/// A text that names no queue.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} names no queue: use 3 to 63 lowercase letters, digits and single dashes between them"
)]
pub struct NoQueueName {
    text: String,
}

/// Why a queue cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The message is longer than any backend takes.
    #[error(
        "a message of {bytes} bytes is too long for the queue {queue}, which takes {MOST_BYTES}: put the data into an artifact and send its name"
    )]
    TooLong {
        /// The queue.
        queue: QueueName,
        /// The message's length.
        bytes: usize,
    },
    /// The message was deleted, or received by another since: leave it.
    #[error(
        "a message of the queue {queue} is no longer held: its visibility timeout was over, and another has it or it is gone"
    )]
    Lost {
        /// The queue.
        queue: QueueName,
    },
    /// The database says no.
    #[error("the queue {queue} cannot be used")]
    Database {
        /// The queue.
        queue: String,
        /// Why.
        source: DatabaseError,
    },
    /// The service that has the queue says no.
    #[error("the queue {queue} cannot be used: {hint}")]
    Service {
        /// The queue.
        queue: String,
        /// What to do.
        hint: &'static str,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The message cannot be sealed.
    #[error("the queue {queue} cannot be used")]
    Seal {
        /// The queue.
        queue: QueueName,
        /// Why.
        source: SealError,
    },
}

impl QueueName {
    /// The queue that takes what failed too often in this one.
    pub fn poison(&self) -> QueueName {
        QueueName(format!("{}{POISON}", self.0))
    }

    /// The queue that this one takes what failed of, if it is a poison queue.
    pub fn poison_of(&self) -> Option<QueueName> {
        self.0
            .strip_suffix(POISON)
            .and_then(|name| name.parse().ok())
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const POISON: &str = "-poison";

impl FromStr for QueueName {
    type Err = NoQueueName;

    fn from_str(text: &str) -> Result<QueueName, NoQueueName> {
        let plain = |part: &str| {
            let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
            !part.is_empty() && part.bytes().all(good)
        };
        match (3..=63).contains(&text.len()) && text.split('-').all(plain) {
            true => Ok(QueueName(text.to_owned())),
            false => Err(NoQueueName {
                text: text.to_owned(),
            }),
        }
    }
}

impl fmt::Display for QueueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Refuses what is too long for any backend.
fn fits(queue: &QueueName, body: &Bytes) -> Result<(), QueueError> {
    match body.len() {
        bytes if bytes > MOST_BYTES => Err(QueueError::TooLong {
            queue: queue.clone(),
            bytes,
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_azure_has_them_and_know_their_poison_queue() {
        let queue: QueueName = "raw-arrived".parse().unwrap();
        assert_eq!(queue.poison().as_str(), "raw-arrived-poison");
        assert_eq!(queue.poison().poison_of(), Some(queue.clone()));
        assert_eq!(queue.poison_of(), None);
        for wrong in [
            "",
            "ab",
            "Raw",
            "raw_arrived",
            "-raw",
            "raw-",
            "a--b",
            &"a".repeat(64),
        ] {
            let error = wrong.parse::<QueueName>().unwrap_err().to_string();
            assert!(error.contains("names no queue"), "{error}");
        }
    }
}
