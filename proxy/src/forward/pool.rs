//! One worker's connections to the upstreams.
//!
//! A worker is one thread and shares none of them: no lock is taken for a
//! request. A connection is used again once the response before it was read to
//! its end, unless that said that the server had failed; the one used last is
//! used first, so that the others grow old.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::client::conn::{http1, http2};
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::time::Sleep;

use super::outbound::Outbound;
use super::repeat::Heard;
use super::upstream::Upstream;

/// How long a connection may be unused, where the upstream does not say.
const IDLE: Duration = Duration::from_secs(60);
/// Unused connections to one upstream; more are closed.
const MOST_IDLE: usize = 256;

/// The connections of one worker, by upstream.
#[derive(Clone, Default)]
pub(crate) struct Pools(Rc<RefCell<Vec<Pool>>>);

#[derive(Default)]
struct Pool {
    idle: Vec<Idle>,
    shared: Option<http2::SendRequest<Outbound>>,
}

struct Idle {
    connection: Connection,
    until: Instant,
}

/// An HTTP/1 connection that one request uses at a time.
pub(crate) struct Connection {
    pub(crate) sender: http1::SendRequest<Outbound>,
    pub(crate) socket: Arc<TcpStream>,
    /// Since its request went out.
    pub(crate) heard: Heard,
    /// For the response's head; made by the first request that waits. Put off,
    /// it costs next to nothing: a time-out that was taken out of the runtime's
    /// timers and put in again for each request would not.
    pub(crate) alarm: Option<Pin<Box<Sleep>>>,
    /// It has carried a request before.
    pub(crate) used: bool,
}

/// What gives an HTTP/1 connection back when its response was read.
pub(crate) struct Lease {
    pools: Pools,
    slot: usize,
    connection: Connection,
    idle: Duration,
}

impl Pools {
    /// A connection that is open as far as is known. Where a request must not
    /// be sent twice, the socket itself is asked: a closed one would take the
    /// request with it.
    pub(crate) fn take(&self, upstream: &Upstream, now: Instant, ask: bool) -> Option<Connection> {
        let mut pools = self.0.borrow_mut();
        let idle = &mut pools.get_mut(upstream.slot)?.idle;
        // A connection whose task has not yet seen that it is free waits.
        let mut at = idle.len();
        while at > 0 {
            at -= 1;
            let found = &idle[at];
            if found.connection.sender.is_closed() || found.until < now {
                idle.swap_remove(at);
            } else if found.connection.sender.is_ready() {
                let found = idle.remove(at).connection;
                if !ask || is_open(&found.socket) {
                    return Some(found);
                }
            }
        }
        None
    }

    /// The HTTP/2 connection, if it is open.
    pub(crate) fn shared(&self, upstream: &Upstream) -> Option<http2::SendRequest<Outbound>> {
        let pools = self.0.borrow();
        let shared = pools.get(upstream.slot)?.shared.clone()?;
        (!shared.is_closed()).then_some(shared)
    }

    pub(crate) fn share(&self, upstream: &Upstream, sender: http2::SendRequest<Outbound>) {
        self.slot(upstream.slot, |pool| pool.shared = Some(sender));
    }

    /// For how long it is `promised` to be kept: not at all where that is zero.
    pub(crate) fn lease(
        &self,
        upstream: &Upstream,
        connection: Connection,
        promised: Option<Duration>,
    ) -> Lease {
        Lease {
            pools: self.clone(),
            slot: upstream.slot,
            connection,
            idle: promised.unwrap_or(IDLE),
        }
    }

    /// Closes what has not been used for too long.
    pub(crate) fn sweep(&self, now: Instant) {
        for pool in self.0.borrow_mut().iter_mut() {
            let open = |idle: &Idle| idle.until >= now && !idle.connection.sender.is_closed();
            pool.idle.retain(open);
            if pool
                .shared
                .as_ref()
                .is_some_and(http2::SendRequest::is_closed)
            {
                pool.shared = None;
            }
        }
    }

    fn slot(&self, slot: usize, act: impl FnOnce(&mut Pool)) {
        let mut pools = self.0.borrow_mut();
        if pools.len() <= slot {
            pools.resize_with(slot + 1, Pool::default);
        }
        act(&mut pools[slot]);
    }
}

impl Lease {
    /// The response was read to its end.
    pub(crate) fn give_back(self) {
        if self.connection.sender.is_closed() || self.idle.is_zero() {
            return;
        }
        let until = Instant::now() + self.idle;
        let mut connection = self.connection;
        connection.used = true;
        self.pools.slot(self.slot, |pool| {
            if pool.idle.len() < MOST_IDLE {
                pool.idle.push(Idle { connection, until });
            }
        });
    }
}

/// Whether the other end has neither closed nor sent anything unasked.
fn is_open(socket: &TcpStream) -> bool {
    let mut byte = [std::mem::MaybeUninit::uninit()];
    let peeked = SockRef::from(socket).peek(&mut byte);
    matches!(peeked, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
}
