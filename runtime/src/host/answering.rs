//! [`Answering`]: a pipeline that works and answers until it is told to end.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;

use super::handler::Early;
use super::serve::{HEAD, serve};
use super::tls::Secured;
use super::{Http, Local};
use crate::function::Stop;
use crate::pipeline::Problem;
use crate::stages::Serving;

/// A pipeline whose faces were checked, and where they are.
pub struct Answering {
    pub(super) local: Local,
    pub(super) http: Http,
    pub(super) listener: Listening,
    /// Told to work that another starts: then nothing is received here.
    pub(super) invoked: Option<Stop>,
}

/// Where clients come.
pub enum Listening {
    /// As they are.
    Plain(Early),
    /// Over TLS.
    Tls(Secured),
}

impl From<TcpListener> for Listening {
    fn from(listener: TcpListener) -> Listening {
        Listening::Plain(listener.into())
    }
}

impl From<Early> for Listening {
    fn from(listener: Early) -> Listening {
        Listening::Plain(listener)
    }
}

impl From<Secured> for Listening {
    fn from(listener: Secured) -> Listening {
        Listening::Tls(listener)
    }
}

/// How often an alias is looked at.
const REFRESH: Duration = Duration::from_millis(500);

/// How long clients that keep their connections open are waited for.
const PATIENCE: Duration = Duration::from_secs(10);

impl Local {
    /// With its faces at `listener`, where clients wait until it runs. Called
    /// on a tokio runtime.
    ///
    /// # Errors
    /// When a face is not as it should be, or is less guarded than the file says.
    pub fn answering(self, listener: impl Into<Listening>) -> Result<Answering, Problem> {
        let listener = listener.into();
        if self.is_tls && matches!(listener, Listening::Plain(_)) {
            let message = "serve: tls: the faces of this program speak none";
            return Err(
                Problem::at(0..0, message).label("give it a `Secured` listener, or leave tls out")
            );
        }
        Ok(Answering {
            http: self.http()?,
            local: self,
            listener,
            invoked: None,
        })
    }
}

impl Answering {
    /// Takes messages, answers clients and follows aliases until `stop` is
    /// done. Then it takes nothing more, and ends what is being done; what is
    /// not done yet stays in its queue.
    ///
    /// # Errors
    /// When nobody can be answered any more.
    pub async fn until(self, stop: impl Future<Output = ()>) -> std::io::Result<()> {
        let Http {
            router,
            serving,
            logs,
        } = self.http;
        let local = self.local;
        local.settle().await;
        refresh(&serving).await;
        let tidy = local.tidying();
        let running = match &self.invoked {
            None => Some(local.start()),
            Some(_) => None,
        };
        let (over, ends) = watch::channel(false);
        let following = tokio::spawn(follow(serving, ends.clone()));
        let tidying = tokio::spawn(tidy);
        let mut answering = tokio::spawn(async move {
            match self.listener {
                Listening::Plain(listener) => serve(listener, router, HEAD, ends).await,
                Listening::Tls(listener) => serve(listener, router, HEAD, ends).await,
            }
        });
        let broken = tokio::select! {
            () = stop => None,
            answered = &mut answering => Some(answered),
        };
        // Every listener may be gone: it is over too.
        let _ = over.send(true);
        if let Some(invoked) = &self.invoked {
            invoked.ask();
        }
        if let Some(running) = running {
            running.stop().await;
        }
        let _ = following.await;
        tidying.abort();
        let ended = match broken {
            Some(answered) => answered.map_err(std::io::Error::other),
            None => match tokio::time::timeout(PATIENCE, &mut answering).await {
                Ok(answered) => answered.map_err(std::io::Error::other),
                Err(_) => {
                    answering.abort();
                    Ok(())
                }
            },
        };
        // What was said last is written, too.
        let written = futures_util::future::join_all(logs);
        if tokio::time::timeout(PATIENCE, written).await.is_err() {
            tracing::warn!("the last predictions could not be written to the log");
        }
        ended
    }
}

/// Follows aliases until it is over.
async fn follow(serving: Vec<Arc<Serving>>, ends: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(REFRESH) => refresh(&serving).await,
            () = ended(ends.clone()) => return,
        }
    }
}

async fn refresh(serving: &[Arc<Serving>]) {
    for serving in serving {
        // What is wrong is said there, once, and shown.
        let _ = serving.refresh().await;
    }
}

async fn ended(mut ends: watch::Receiver<bool>) {
    // Whoever would say so is gone: it is over too.
    let _ = ends.wait_for(|over| *over).await;
}
