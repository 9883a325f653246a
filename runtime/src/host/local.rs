//! [`Local`]: all functions of a pipeline in one process.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinSet;

use super::Settings;
use super::figures::Render;
use super::guard::Guard;
use super::handover;
use super::http::{self, Faces, Http};
use super::shadow::Shadows;
use super::told;
use super::work::{Left, work};
use crate::function::{Services, Stop, whole};
use crate::pipeline::{Function, Params, Pipeline, Place, Problem, Trigger};
use crate::queue::retry::{self, Next};
use crate::queue::{Message, QueueError, QueueName};
use crate::store::storage::Storage;

/// How often what is over is removed.
const TIDY: Duration = Duration::from_secs(600);

/// No function may be called so.
const TIDYING: &str = "-tidying";

/// A pipeline that is about to run.
pub struct Local {
    pub(super) services: Services,
    pub(super) settings: Settings,
    pub(super) functions: Vec<Arc<Function>>,
    pub(super) faces: Vec<Params>,
    elsewhere: Vec<String>,
    /// The container that files from outside are put into, if it is one.
    pub(super) incoming: Option<String>,
    keep_shadows: Duration,
    /// The file says that a token is to be shown.
    is_guarded: bool,
    /// Clients may ask these functions.
    has_faces: bool,
    /// The file says that faces speak TLS.
    pub(super) is_tls: bool,
    guard: Option<Guard>,
    storage: Option<Storage>,
    render: Option<Render>,
}

/// A pipeline that runs.
pub struct Running {
    stop: watch::Sender<bool>,
    /// Told to work that can end before it is done.
    asked: Stop,
    loops: JoinSet<()>,
    /// Told whenever a message may have come.
    arrived: Arc<Notify>,
}

impl Local {
    /// All functions of the pipeline, or those of these names.
    #[must_use]
    pub fn new(
        pipeline: Pipeline,
        only: &[String],
        services: Services,
        settings: Settings,
    ) -> Local {
        let keep_shadows = pipeline.store.keep_shadows;
        let is_guarded = pipeline.token.is_some();
        let has_faces = pipeline.has_faces(only);
        let is_tls = pipeline.tls.is_some();
        let incoming = match &pipeline.store.place {
            Place::Azure { incoming, .. } => Some(incoming.container.clone()),
            Place::Folders { .. } => None,
        };
        let (functions, faces, elsewhere) = http::functions(pipeline, only);
        Local {
            services,
            settings,
            functions,
            faces,
            elsewhere,
            incoming,
            keep_shadows,
            is_guarded,
            has_faces,
            is_tls,
            guard: None,
            storage: None,
            render: None,
        }
    }

    /// With the storage that the services are of, so that copies of requests are
    /// worked on in shadows there, and what is over is removed. Without it, a
    /// copy of a request to a queue is accepted, and nothing comes of it.
    #[must_use]
    pub fn in_storage(mut self, storage: Storage) -> Local {
        self.storage = Some(storage);
        self
    }

    /// With the token that the file asks for: whoever reads `serve.token` of the
    /// pipeline finds where it is.
    #[must_use]
    pub fn guarded(mut self, guard: Guard) -> Local {
        self.guard = Some(guard);
        self
    }

    /// With figures at `/metrics`, as a recorder of the `metrics` crate gives
    /// them.
    #[must_use]
    pub fn with_metrics(mut self, render: Render) -> Local {
        self.render = Some(render);
        self
    }

    /// What answers where another invokes: nothing is there to be asked without
    /// the token, where an app without faces has none.
    pub(super) fn invoked(&self) -> Result<Http, Problem> {
        match self.is_guarded && self.guard.is_none() && !self.has_faces {
            true => Ok(Http::nothing()),
            false => self.http(),
        }
    }

    /// What answers HTTP clients. Called on a tokio runtime.
    ///
    /// # Errors
    /// When a face is not as it should be, or the file asks for a token and
    /// there is none.
    pub fn http(&self) -> Result<Http, Problem> {
        if self.is_guarded && self.guard.is_none() {
            let message = "serve: token: this program does not read it";
            return Err(Problem::at(0..0, message).label("hand it to Local::guarded"));
        }
        let shadows = self.storage.as_ref().map(|storage| {
            let (services, settings) = (self.services.clone(), self.settings.clone());
            let (functions, keep) = (self.functions.clone(), self.keep_shadows);
            Arc::new(Shadows::new(
                storage.clone(),
                services,
                settings,
                functions,
                keep,
            ))
        });
        Http::new(&Faces {
            functions: &self.functions,
            declared: &self.faces,
            services: &self.services,
            shadows,
            guard: self.guard.clone(),
            render: self.render.clone(),
            elsewhere: &self.elsewhere,
            tracing: self.settings.tracing.clone(),
        })
    }

    /// Ends handovers that broke off. Until one is, its database can be read and
    /// not be written to.
    pub(super) async fn settle(&self) {
        let left = handover::settle(&self.services).await;
        let left = left.map_or_else(
            |error| vec![whole(&error)],
            |left| left.iter().map(|error| whole(error)).collect(),
        );
        for error in left {
            tracing::error!(error, "a handover that broke off cannot be ended");
        }
    }

    /// Removes what is kept for a while and is over, again and again.
    pub(super) fn tidying(&self) -> impl Future<Output = ()> + Send + use<> {
        let (space, storage) = (self.services.space.clone(), self.storage.clone());
        async move {
            let mut due = tokio::time::interval(TIDY);
            loop {
                due.tick().await;
                // Where several share a store, one does it for all.
                let is_shared = storage.as_ref().is_some_and(Storage::is_shared);
                if is_shared && !space.turns().take(TIDYING, TIDY).await.unwrap_or(false) {
                    continue;
                }
                let runs = space.runs().expire().await.err();
                let answers = space.ledger().expire().await.err();
                let shadows = match &storage {
                    Some(storage) => storage.expire_shadows().await.err(),
                    None => None,
                };
                let failed = [
                    runs.map(|error| whole(&error)),
                    answers.map(|error| whole(&error)),
                    shadows.map(|error| whole(&error)),
                ];
                for error in failed.into_iter().flatten() {
                    tracing::warn!(error, "what is over cannot be removed");
                }
            }
        }
    }

    /// Starts a loop for each function that a queue or a time triggers.
    pub fn start(self) -> Running {
        let (stop, stopped) = watch::channel(false);
        let asked = Stop::default();
        let arrived = Arc::new(Notify::new());
        let mut loops = JoinSet::new();
        let is_shared = self.storage.as_ref().is_some_and(Storage::is_shared);
        for function in self.functions {
            let looping = Loop {
                services: self.services.clone(),
                settings: self.settings.clone(),
                function: Arc::clone(&function),
                arrived: Arc::clone(&arrived),
                stopped: stopped.clone(),
                asked: asked.clone(),
                is_shared,
            };
            let Some(queue) = function
                .queue()
                .and_then(|queue| queue.parse::<QueueName>().ok())
            else {
                continue;
            };
            if let Trigger::Every(every) = function.trigger {
                loops.spawn(looping.clone().tick(queue.clone(), every));
            }
            loops.spawn(looping.receive(queue));
        }
        Running {
            stop,
            asked,
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

    /// Takes no more messages, and waits for what is being done, or for as much
    /// of it as cannot be done later: a training stops, and its message comes
    /// again.
    pub async fn stop(mut self) {
        self.asked.ask();
        // Every loop may have ended.
        let _ = self.stop.send(true);
        while self.loops.join_next().await.is_some() {}
    }
}

/// What waits for one function's trigger.
#[derive(Clone)]
struct Loop {
    services: Services,
    settings: Settings,
    function: Arc<Function>,
    arrived: Arc<Notify>,
    stopped: watch::Receiver<bool>,
    asked: Stop,
    /// Other processes may keep the same time.
    is_shared: bool,
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
                    let error = whole(&error);
                    tracing::error!(
                        function = self.function.name,
                        error,
                        "the queue cannot be read"
                    );
                    self.wait(notified).await;
                }
            }
            while working.try_join_next().is_some() {}
        }
        while working.join_next().await.is_some() {}
    }

    async fn next(&self, queue: &QueueName) -> Result<Option<Next>, QueueError> {
        let (settings, now) = (&self.settings, self.services.space.clock().now());
        let queues = &**self.services.space.queues();
        let received =
            retry::receive(queues, queue, 1, settings.visibility, &settings.retry, now).await?;
        for poisoned in &received.poisoned {
            told::poisoned(&settings.tracing, &self.function, queue, poisoned);
        }
        Ok(received.next.into_iter().next())
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
        let (services, settings) = (self.services.clone(), self.settings.clone());
        let (function, arrived) = (Arc::clone(&self.function), Arc::clone(&self.arrived));
        let asked = self.asked.clone();
        async move {
            let id = next.message.id.clone();
            if let Err(left) = work(&services, &settings, &function, next, &asked).await {
                let error = whole(&left);
                tracing::error!(
                    function = function.name,
                    message_id = id,
                    error,
                    "left to come again"
                );
            }
            arrived.notify_waiters();
        }
    }

    /// Puts a message into the function's own queue whenever it is time.
    async fn tick(mut self, queue: QueueName, every: Duration) {
        let mut due = tokio::time::interval(every);
        due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                _ = due.tick() => {}
                _ = self.stopped.changed() => return,
            }
            match self.due(&queue, every).await {
                Ok(()) => self.arrived.notify_waiters(),
                Err(error) => {
                    let error = whole(&error);
                    tracing::error!(
                        function = self.function.name,
                        error,
                        "what was due could not be begun"
                    );
                }
            }
        }
    }

    /// While the time before is still worked on, or tried again, this one is
    /// left out. Of the times that failed, the last one's message is kept.
    async fn due(&self, queue: &QueueName, every: Duration) -> Result<(), Left> {
        let (queues, now) = (
            self.services.space.queues(),
            self.services.space.clock().now(),
        );
        let open = queues.open(queue);
        if open.depth().await? > 0 {
            return Ok(());
        }
        let turns = self.services.space.turns();
        if self.is_shared && !turns.take(&self.function.name, every).await? {
            return Ok(());
        }
        let message = Message::new(format!("{}-{}", self.function.name, now.millis()));
        queues.open(&queue.poison()).purge().await?;
        open.send(message.to_body()?, Duration::ZERO).await?;
        Ok(())
    }
}
