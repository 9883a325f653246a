//! [`Shadows`]: copies of requests, worked on where nobody sees it.
//!
//! A copy's message goes through the whole pipeline, in a space of its own that
//! reads what is live and keeps what it makes apart, and is gone after a while.
//! One copy is worked on at a time, and a few wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Settings;
use super::work::{Left, work};
use crate::function::{Services, Stop};
use crate::pipeline::{Function, Trigger};
use crate::queue::{QueueName, retry};
use crate::store::clock::Timestamp;
use crate::store::space::Space;
use crate::store::storage::Storage;

/// So many copies wait or are worked on; more are refused.
const MOST: usize = 16;

/// The shadows of a pipeline.
pub(super) struct Shadows {
    storage: Storage,
    services: Services,
    settings: Settings,
    functions: Vec<Arc<Function>>,
    /// For how long what copies make is kept.
    keep: Duration,
    known: Mutex<HashMap<String, (Space, Timestamp)>>,
    waiting: Arc<Semaphore>,
    working: Arc<Semaphore>,
}

/// One copy's.
pub(super) struct Shadow {
    services: Services,
    settings: Settings,
    functions: Vec<(QueueName, Arc<Function>)>,
    working: Arc<Semaphore>,
    place: OwnedSemaphorePermit,
}

impl Shadows {
    pub(super) fn new(
        storage: Storage,
        services: Services,
        settings: Settings,
        functions: Vec<Arc<Function>>,
        keep: Duration,
    ) -> Shadows {
        Shadows {
            storage,
            services,
            settings,
            functions,
            keep,
            known: Mutex::default(),
            waiting: Arc::new(Semaphore::new(MOST)),
            working: Arc::new(Semaphore::new(1)),
        }
    }

    /// The shadow of a request; `None` where too many wait.
    pub(super) fn begin(&self, id: &str) -> Option<Shadow> {
        let place = Arc::clone(&self.waiting).try_acquire_owned().ok()?;
        let now = self.services.space.clock().now();
        let space = self.storage.shadow(id, now, self.keep);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, (_, expires)| *expires > now);
        known.insert(id.to_owned(), (space.clone(), now.after(self.keep)));
        let functions = self.functions.iter().filter_map(|function| {
            let by_message = matches!(function.trigger, Trigger::Queue(_) | Trigger::Events(_));
            let queue = function.queue().filter(|_| by_message)?;
            Some((queue.parse().ok()?, Arc::clone(function)))
        });
        Some(Shadow {
            services: Services {
                space,
                ..self.services.clone()
            },
            settings: self.settings.clone(),
            functions: functions.collect(),
            working: Arc::clone(&self.working),
            place,
        })
    }

    /// The space of a copy of this process, while it is kept.
    pub(super) fn space(&self, id: &str) -> Option<Space> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(id).map(|(space, _)| space.clone())
    }
}

impl Shadow {
    pub(super) fn services(&self) -> &Services {
        &self.services
    }

    /// Works on it, away from the request, until none of its messages is left.
    pub(super) fn drive(self) {
        tokio::spawn(async move {
            let Ok(turn) = Arc::clone(&self.working).acquire_owned().await else {
                return;
            };
            if let Err(error) = self.until_empty().await {
                tracing::warn!(%error, "a copy of a request was left undone");
            }
            drop((turn, self.place));
        });
    }

    async fn until_empty(&self) -> Result<(), Left> {
        let queues = self.services.space.queues();
        loop {
            let mut worked = false;
            let mut left = 0;
            for (queue, function) in &self.functions {
                let (settings, now) = (&self.settings, self.services.space.clock().now());
                let received = retry::receive(
                    &**queues,
                    queue,
                    1,
                    settings.visibility,
                    &settings.retry,
                    now,
                );
                for next in received.await?.next {
                    worked = true;
                    work(&self.services, settings, function, next, &Stop::default()).await?;
                }
                left += queues.open(queue).depth().await?;
            }
            match (worked, left) {
                (_, 0) => return Ok(()),
                // What failed is tried again later.
                (false, _) => tokio::time::sleep(self.settings.poll).await,
                (true, _) => {}
            }
        }
    }
}
