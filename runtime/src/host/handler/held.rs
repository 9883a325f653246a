//! [`HeldQueues`]: queues while the host of Azure Functions holds a message.
//!
//! The host receives, hides, renews and deletes a trigger's message by itself.
//! What work does to it here is only noted, for the host to be told; all other
//! messages go where they always do, but for those of the function's own output,
//! which the host sends. What comes only once is tried again from the function's
//! own queue.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt, ready};

use crate::queue::{Delivery, Peeked, Queue, QueueError, QueueName, Queues, Receipt};

/// For one invocation.
#[derive(Debug)]
pub(super) struct HeldQueues {
    live: Arc<dyn Queues>,
    /// The queue whose messages the host sends.
    output: Option<QueueName>,
    /// It comes again from its queue alone.
    is_once: bool,
    /// The queue of a function that time starts: nobody receives from it, and
    /// the next time comes anyway.
    unread: Option<QueueName>,
    noted: Arc<Mutex<Noted>>,
}

/// What the host is to be told.
#[derive(Debug, Default)]
pub(super) struct Noted {
    /// The message may go.
    pub(super) is_done: bool,
    /// What the host sends.
    pub(super) sent: Vec<Bytes>,
}

impl Noted {
    /// It may go, and nothing follows.
    pub(super) fn done() -> Noted {
        Noted {
            is_done: true,
            sent: Vec::new(),
        }
    }
}

/// The receipt of the message that the host holds.
pub(super) fn receipt() -> Receipt {
    Receipt {
        id: "held by the host".to_owned(),
        pop: String::new(),
    }
}

impl HeldQueues {
    pub(super) fn new(
        live: Arc<dyn Queues>,
        output: Option<QueueName>,
        unread: Option<QueueName>,
    ) -> HeldQueues {
        HeldQueues {
            live,
            output,
            is_once: false,
            unread,
            noted: Arc::default(),
        }
    }

    /// Of what comes only once.
    pub(super) fn once(self) -> HeldQueues {
        HeldQueues {
            is_once: true,
            ..self
        }
    }

    pub(super) fn noted(&self) -> Arc<Mutex<Noted>> {
        Arc::clone(&self.noted)
    }
}

impl Queues for HeldQueues {
    fn open(&self, name: &QueueName) -> Arc<dyn Queue> {
        Arc::new(HeldQueue {
            live: self.live.open(name),
            is_output: self.output.as_ref() == Some(name),
            is_once: self.is_once,
            is_unread: self.unread.as_ref() == Some(name),
            noted: Arc::clone(&self.noted),
        })
    }

    fn names(&self) -> BoxFuture<'_, Result<Vec<QueueName>, QueueError>> {
        self.live.names()
    }
}

#[derive(Debug)]
struct HeldQueue {
    live: Arc<dyn Queue>,
    is_output: bool,
    is_once: bool,
    is_unread: bool,
    noted: Arc<Mutex<Noted>>,
}

impl HeldQueue {
    fn note(&self, note: impl FnOnce(&mut Noted)) {
        note(&mut self.noted.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Queue for HeldQueue {
    fn name(&self) -> &QueueName {
        self.live.name()
    }

    fn send(&self, body: Bytes, delay: Duration) -> BoxFuture<'_, Result<(), QueueError>> {
        if self.is_output && delay.is_zero() {
            self.note(|noted| noted.sent.push(body));
            return ready(Ok(())).boxed();
        }
        if self.is_unread {
            return ready(Ok(())).boxed();
        }
        self.live.send(body, delay)
    }

    fn receive(
        &self,
        most: usize,
        visibility: Duration,
    ) -> BoxFuture<'_, Result<Vec<Delivery>, QueueError>> {
        self.live.receive(most, visibility)
    }

    /// Held on to by the host, or, with another body, tried again: by the host, or
    /// from the queue.
    fn renew<'a>(
        &'a self,
        held: &'a Receipt,
        visibility: Duration,
        body: Option<Bytes>,
    ) -> BoxFuture<'a, Result<Receipt, QueueError>> {
        if *held != receipt() {
            return self.live.renew(held, visibility, body);
        }
        let Some(body) = body.filter(|_| self.is_once) else {
            return ready(Ok(receipt())).boxed();
        };
        let sent = self.live.send(body, visibility);
        async move {
            sent.await?;
            self.note(|noted| noted.is_done = true);
            Ok(receipt())
        }
        .boxed()
    }

    fn delete<'a>(&'a self, held: &'a Receipt) -> BoxFuture<'a, Result<(), QueueError>> {
        if *held != receipt() {
            return self.live.delete(held);
        }
        self.note(|noted| noted.is_done = true);
        ready(Ok(())).boxed()
    }

    fn depth(&self) -> BoxFuture<'_, Result<u64, QueueError>> {
        self.live.depth()
    }

    fn peek(&self, most: usize) -> BoxFuture<'_, Result<Vec<Peeked>, QueueError>> {
        self.live.peek(most)
    }

    fn purge(&self) -> BoxFuture<'_, Result<u64, QueueError>> {
        self.live.purge()
    }
}
