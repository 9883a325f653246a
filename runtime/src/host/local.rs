//! [`Local`]: all functions of a pipeline in one process.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinSet;

use super::work::work;
use super::{Settings, Stores};
use crate::pipeline::{Function, Pipeline, Trigger};
use crate::queue::retry::{self, Next};
use crate::queue::{Message, QueueError, QueueName};

/// A pipeline that is about to run.
pub struct Local {
    stores: Stores,
    settings: Settings,
    functions: Vec<Arc<Function>>,
}

/// A pipeline that runs.
pub struct Running {
    stop: watch::Sender<bool>,
    loops: JoinSet<()>,
    /// Told whenever a message may have come.
    arrived: Arc<Notify>,
}

impl Local {
    /// All functions of the pipeline, or those of these names.
    #[must_use]
    pub fn new(pipeline: Pipeline, only: &[String], stores: Stores, settings: Settings) -> Local {
        let wanted = |function: &Function| only.is_empty() || only.contains(&function.name);
        let functions = pipeline.functions.into_iter().filter(wanted);
        Local {
            functions: functions.map(Arc::new).collect(),
            stores,
            settings,
        }
    }

    /// Starts a loop for each function that a queue or a time triggers.
    pub fn start(self) -> Running {
        let (stop, stopped) = watch::channel(false);
        let arrived = Arc::new(Notify::new());
        let mut loops = JoinSet::new();
        for function in self.functions {
            let looping = Loop {
                stores: self.stores.clone(),
                settings: self.settings.clone(),
                function: Arc::clone(&function),
                arrived: Arc::clone(&arrived),
                stopped: stopped.clone(),
            };
            match function.trigger.clone() {
                Trigger::Queue(queue) => {
                    if let Ok(queue) = queue.parse() {
                        loops.spawn(looping.receive(queue));
                    }
                }
                Trigger::Every(every) => {
                    loops.spawn(looping.tick(every));
                }
                Trigger::Http => {}
            }
        }
        Running {
            stop,
            loops,
            arrived,
        }
    }
}

impl Running {
    /// Looks for messages now, rather than at the next poll.
    pub fn look(&self) {
        self.arrived.notify_waiters();
    }

    /// Takes no more messages, and waits for what is being done.
    pub async fn stop(mut self) {
        // Every loop may have ended.
        let _ = self.stop.send(true);
        while self.loops.join_next().await.is_some() {}
    }
}

/// What waits for one function's trigger.
struct Loop {
    stores: Stores,
    settings: Settings,
    function: Arc<Function>,
    arrived: Arc<Notify>,
    stopped: watch::Receiver<bool>,
}

impl Loop {
    async fn receive(mut self, queue: QueueName) {
        let places = Arc::new(Semaphore::new(self.settings.at_once));
        let mut working = JoinSet::new();
        loop {
            let arrived = Arc::clone(&self.arrived);
            let notified = arrived.notified();
            let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                break;
            };
            if *self.stopped.borrow() {
                break;
            }
            match self.next(&queue).await {
                Ok(Some(next)) => {
                    let doing = self.one(next);
                    working.spawn(async move {
                        doing.await;
                        drop(place);
                    });
                }
                Ok(None) => self.wait(notified).await,
                Err(error) => {
                    tracing::error!(function = self.function.name, %error, "the queue cannot be read");
                    self.wait(notified).await;
                }
            }
            while working.try_join_next().is_some() {}
        }
        while working.join_next().await.is_some() {}
    }

    async fn next(&self, queue: &QueueName) -> Result<Option<Next>, QueueError> {
        let (settings, now) = (&self.settings, self.stores.services.clock.now());
        let queues = &*self.stores.queues;
        let received =
            retry::receive(queues, queue, 1, settings.visibility, &settings.retry, now).await?;
        Ok(received.into_iter().next())
    }

    /// Until something may have come, the poll is due, or it is over.
    async fn wait(&mut self, arrived: impl Future<Output = ()>) {
        tokio::select! {
            () = arrived => {}
            () = tokio::time::sleep(self.settings.poll) => {}
            _ = self.stopped.changed() => {}
        }
    }

    /// Work on one message; what is wrong with a store is said, and the message
    /// comes again.
    fn one(&self, next: Next) -> impl Future<Output = ()> + use<> {
        let (stores, settings) = (self.stores.clone(), self.settings.clone());
        let (function, arrived) = (Arc::clone(&self.function), Arc::clone(&self.arrived));
        async move {
            let id = next.message.id.clone();
            if let Err(left) = work(&stores, &settings, &function, next).await {
                tracing::error!(function = function.name, message = id, error = %left, "left to come again");
            }
            arrived.notify_waiters();
        }
    }

    /// Sends itself a message whenever it is time; the message is work like any
    /// other.
    async fn tick(mut self, every: Duration) {
        let queue = format!("{}-due", self.function.name);
        let Ok(queue) = queue.parse::<QueueName>() else {
            return;
        };
        let mut due = tokio::time::interval(every);
        due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                _ = due.tick() => {}
                _ = self.stopped.changed() => return,
            }
            let at = self.stores.services.clock.now();
            let message = Message::new(format!("{}-{}", self.function.name, at.millis()));
            if let Err(error) = self.due(&queue, &message).await {
                tracing::error!(function = self.function.name, %error, "what was due could not be begun");
            }
        }
    }

    async fn due(&self, queue: &QueueName, message: &Message) -> Result<(), QueueError> {
        let body = message.to_body().map_err(|source| QueueError::Message {
            queue: queue.clone(),
            source,
        })?;
        self.stores.queues.open(queue).send(body, Duration::ZERO).await?;
        while let Some(next) = self.next(queue).await? {
            self.one(next).await;
        }
        Ok(())
    }
}
