//! Sockets, and the threads that serve them.
//!
//! Each worker is one thread with its own runtime, connections and pools; all
//! accept from the same listeners. A request never leaves its worker.

mod connection;
mod drain;
mod framing;
pub(crate) mod guard;
mod handle;
mod health;
mod open;
mod replay;
mod serve;
mod takeover;
pub(crate) mod tls;
mod turn;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::watch;

pub use handle::{Handle, Known};

use crate::config::Config;
use crate::metrics::Metrics;
use crate::route::Share;
use crate::spans::Tracing;
use crate::state::{Live, Shared, Worker};
use crate::tls::BOTH;
use crate::verdict::Verdicts;

pub use takeover::{Handed, Offer, TakeOver};
use tls::Certificate;

/// A proxy whose sockets are bound and that serves nothing yet.
pub struct Proxy {
    listeners: Vec<TcpListener>,
    shared: Arc<Shared>,
}

/// A proxy that serves. Dropping it stops it without waiting for anyone.
pub struct Running {
    shared: Arc<Shared>,
    handle: Handle,
    /// To be handed over.
    listeners: Vec<TcpListener>,
    stop: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
    comparing: JoinHandle<()>,
}

impl Proxy {
    /// Binds the listeners of a checked file.
    pub fn bind(config: Config) -> io::Result<Proxy> {
        let addresses = config.settings.listen.iter();
        let listeners = addresses.map(|address| listener(*address));
        let listeners = listeners.collect::<io::Result<_>>()?;
        Proxy::on(listeners, config)
    }

    /// Serves on listeners that are bound already.
    pub fn on(listeners: Vec<TcpListener>, config: Config) -> io::Result<Proxy> {
        config.check_files()?;
        let metrics = Metrics::new().over_tls(config.settings.tls.is_some());
        let metrics = Arc::new(metrics);
        let limits = config.settings.limits.clone();
        let certificate = config.settings.tls.as_ref();
        let certificate = certificate.map(|files| Certificate::read("the listeners", files, BOTH));
        let certificate = certificate.transpose()?;
        let verdicts = Arc::new(Verdicts::new());
        let tallies = &verdicts.tallies;
        let live = Live::new(config.table, config.settings, &metrics, tallies, None);
        Ok(Proxy {
            listeners,
            shared: Arc::new(Shared::new(live, metrics, verdicts, limits, certificate)),
        })
    }

    /// Records requests as spans, from the start on.
    pub fn trace(&self, tracing: Tracing) {
        self.shared.metrics.count_lost(tracing.lost());
        let _ = self.shared.tracing.set(tracing);
    }

    /// Starts `workers` threads, and one for what is not on a request's way.
    pub fn start(self, workers: usize) -> io::Result<Running> {
        let (stop, stopped) = watch::channel(false);
        let mut threads = Vec::new();
        let addresses = self.listeners.iter().map(TcpListener::local_addr);
        let addresses = addresses.collect::<io::Result<_>>()?;
        for worker in 0..workers.max(1) {
            let listeners = self.listeners.iter().map(TcpListener::try_clone);
            let listeners: Vec<_> = listeners.collect::<io::Result<_>>()?;
            let (shared, stopped) = (Arc::clone(&self.shared), stopped.clone());
            threads.push(spawned(&format!("worker-{worker}"), move || {
                serve::worker(Worker::new(shared), listeners, stopped)
            })?);
        }
        let shared = Arc::clone(&self.shared);
        let watched = async move {
            tokio::join!(
                health::watch(&shared, stopped.clone()),
                upkeep(&shared, stopped)
            );
        };
        threads.push(spawned("control", move || watched)?);
        let comparing = self.shared.verdicts.start()?;
        Ok(Running {
            shared: Arc::clone(&self.shared),
            handle: Handle::new(self.shared, addresses),
            listeners: self.listeners,
            stop,
            threads,
            comparing,
        })
    }
}

impl Running {
    /// What is asked of it, and told to it, while it runs.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Where it listens.
    pub fn addresses(&self) -> &[SocketAddr] {
        self.handle.addresses()
    }

    /// What was counted, in Prometheus' text format.
    pub fn metrics(&self) -> String {
        self.handle.metrics()
    }

    /// As [`Handle::replace`].
    pub fn replace(&self, config: Config) {
        self.handle.replace(config);
    }

    /// As [`Handle::shift`].
    pub fn shift(&self, stage: &str, share: Share) -> bool {
        self.handle.shift(stage, share)
    }

    /// Reads the listeners' certificate and key again, for connections to come;
    /// false where they have none. Where a file cannot be used, the error names
    /// it and the certificate before stays.
    pub fn reload_certificate(&self) -> io::Result<bool> {
        match &self.shared.certificate {
            Some(certificate) => certificate.reload().map(|()| true),
            None => Ok(false),
        }
    }

    /// Accepts nothing more and waits until the requests in flight have ended,
    /// or `limits.drain` is over, and their answers are compared.
    pub fn stop(mut self) {
        let _ = self.stop.send(true);
        self.listeners.clear();
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
        self.shared.verdicts.end();
        let _ = self.comparing.join();
    }
}

fn listener(address: SocketAddr) -> io::Result<TcpListener> {
    bound(address).map_err(|error| {
        io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"))
    })
}

fn bound(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(4_096)?;
    Ok(socket.into())
}

/// A thread that runs one future and whatever it spawns beside itself.
fn spawned<F>(name: &str, future: impl FnOnce() -> F + Send + 'static) -> io::Result<JoinHandle<()>>
where
    F: Future<Output = ()>,
{
    let name = format!("cutline-{name}");
    let mut builder = Builder::new_current_thread();
    // Between two looks for what has come: as many as 64 connections in use
    // have tasks to run.
    builder.event_interval(256);
    let (said, started) = std::sync::mpsc::sync_channel(1);
    let thread = thread::Builder::new().name(name).spawn(move || {
        // Bound to its thread, so that tasks need no set of their own to be
        // local to.
        match builder.enable_all().build_local(LocalOptions::default()) {
            Ok(runtime) => {
                let _ = said.send(Ok(()));
                runtime.block_on(future());
            }
            Err(error) => {
                let _ = said.send(Err(error));
            }
        }
    })?;
    let closed = |_| io::Error::other("the thread ended at once");
    started.recv().map_err(closed)??;
    Ok(thread)
}

/// What is done every few seconds and by nobody's request.
async fn upkeep(shared: &Shared, mut stopped: watch::Receiver<bool>) {
    let mut tick = tokio::time::interval(Duration::from_secs(5));
    loop {
        tokio::select! {
            _ = tick.tick() => {
                shared.metrics.upkeep();
                if let Some(certificate) = &shared.certificate {
                    certificate.follow();
                }
            }
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
    }
}
