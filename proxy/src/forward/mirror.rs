//! The copy of a request: what it may use, and what comes of it.
//!
//! A copy can neither change nor delay the client's answer. It is made once
//! the answering side's head is there, from what was kept of the body while it
//! passed; it has connections and time-outs of its own; and it is dropped, and
//! counted, rather than waited for when there are too many or too large ones.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use bytes::Bytes;
use http::HeaderMap;
use http::header::HeaderValue;
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::exchange::{self, Head};
use super::headers;
use super::held::Held;
use super::outbound::Outbound;
use super::pool::Pools;
use super::upstream::Group;
use crate::config::MirrorLimits;
use crate::metrics::Dropped;
use crate::outcome::{Captured, Failure, Outcome, Reply};
use crate::route::Side;

/// What all copies of all workers use together.
#[derive(Debug, Default)]
pub(crate) struct Load {
    in_flight: AtomicUsize,
    bytes: AtomicUsize,
}

/// A copy's part of the load, given back when dropped.
pub(crate) struct Place {
    load: Arc<Load>,
    bytes: usize,
}

/// The two outcomes of one request, once both are there.
pub(crate) struct Pair {
    /// Of the side that answered the client.
    pub(crate) primary: Outcome,
    /// Of the side that got the copy.
    pub(crate) mirrored: Outcome,
}

/// Where the two outcomes meet.
pub(crate) struct Meeting {
    primary: RefCell<Option<Outcome>>,
    mirrored: RefCell<Option<Outcome>>,
    done: Box<dyn Fn(Pair)>,
}

/// Keeps the body of the client's answer while it passes.
pub(crate) struct Capture {
    meeting: Rc<Meeting>,
    outcome: Option<Outcome>,
    pieces: Pieces,
}

/// The pieces of a body up to a limit.
struct Pieces {
    kept: Vec<Bytes>,
    left: Option<usize>,
}

impl Load {
    /// A place for a copy with a body of `bytes`.
    pub(crate) fn place(
        self: &Arc<Load>,
        bytes: usize,
        limits: &MirrorLimits,
    ) -> Result<Place, Dropped> {
        let in_flight = self.in_flight.fetch_add(1, Ordering::Relaxed);
        let kept = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let place = Place {
            load: Arc::clone(self),
            bytes,
        };
        if in_flight >= limits.in_flight {
            return Err(Dropped::InFlight);
        }
        if kept + bytes > limits.memory {
            return Err(Dropped::Memory);
        }
        Ok(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.load.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.load.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Meeting {
    pub(crate) fn new(done: Box<dyn Fn(Pair)>) -> Rc<Meeting> {
        Rc::new(Meeting {
            primary: RefCell::new(None),
            mirrored: RefCell::new(None),
            done,
        })
    }

    pub(crate) fn primary(&self, outcome: Outcome) {
        *self.primary.borrow_mut() = Some(outcome);
        self.meet();
    }

    fn mirrored(&self, outcome: Outcome) {
        *self.mirrored.borrow_mut() = Some(outcome);
        self.meet();
    }

    fn meet(&self) {
        let both = self.primary.borrow().is_some() && self.mirrored.borrow().is_some();
        if both
            && let Some(primary) = self.primary.take()
            && let Some(mirrored) = self.mirrored.take()
        {
            (self.done)(Pair { primary, mirrored });
        }
    }
}

impl Capture {
    /// Keeps up to `limit` bytes; `outcome` has the head already.
    pub(crate) fn new(meeting: Rc<Meeting>, outcome: Outcome, limit: usize) -> Capture {
        Capture {
            meeting,
            outcome: Some(outcome),
            pieces: Pieces::new(limit),
        }
    }

    pub(crate) fn push(&mut self, data: &Bytes) {
        self.pieces.push(data);
    }

    pub(crate) fn whole(mut self) {
        let body = std::mem::replace(&mut self.pieces, Pieces::new(0)).whole();
        self.end(body);
    }

    fn end(&mut self, body: Captured) {
        if let Some(mut outcome) = self.outcome.take() {
            if let Ok(reply) = &mut outcome.result {
                reply.body = body;
            }
            self.meeting.primary(outcome);
        }
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.end(Captured::Broken);
    }
}

impl Pieces {
    fn new(limit: usize) -> Pieces {
        Pieces {
            kept: Vec::new(),
            left: Some(limit),
        }
    }

    fn push(&mut self, data: &Bytes) {
        self.left = self.left.and_then(|left| left.checked_sub(data.len()));
        match self.left {
            Some(_) => self.kept.push(data.clone()),
            None => self.kept = Vec::new(),
        }
    }

    fn whole(self) -> Captured {
        match self.left {
            Some(_) => Captured::Whole(self.kept),
            None => Captured::TooLong,
        }
    }
}

/// A copy that has its place.
pub(crate) struct Copy {
    pub(crate) side: Side,
    pub(crate) group: Arc<Group>,
    pub(crate) head: Head,
    pub(crate) body: Option<Held>,
    /// Bytes of the answer that are kept.
    pub(crate) limit: usize,
    pub(crate) place: Place,
    pub(crate) meeting: Rc<Meeting>,
}

impl Copy {
    /// Sends it and waits for what comes of it.
    pub(crate) async fn send(mut self, pools: Pools) {
        let start = Instant::now();
        let shadow = HeaderValue::from_static("1");
        self.head.headers.insert(headers::SHADOW, shadow);
        let result = copied(&pools, &self.group, self.head, self.body, self.limit).await;
        let (to_head, result) = match result {
            Ok((headed, reply)) => (headed - start, Ok(reply)),
            Err(failure) => (start.elapsed(), Err(failure)),
        };
        drop(self.place);
        self.meeting.mirrored(Outcome {
            side: self.side,
            to_head,
            result,
        });
    }
}

async fn copied(
    pools: &Pools,
    group: &Group,
    mut head: Head,
    body: Option<Held>,
    limit: usize,
) -> Result<(Instant, Reply), Failure> {
    let body = match body {
        Some(held) => Outbound::held(held.reader().ok_or(Failure::ClientBody)?),
        None => Outbound::empty(),
    };
    let upstream = group.choose().ok_or(Failure::Unavailable)?;
    let answer = exchange::exchange(pools, upstream, &mut head, body, false).await;
    let answer = answer.map_err(|failed| failed.failure)?;
    let headed = Instant::now();
    let (mut parts, body) = answer.response.into_parts();
    let idle = upstream.settings.timeouts.idle;
    let reading = tokio::time::timeout(idle, read(body, limit));
    let (body, at_end) = reading.await.map_err(|_| Failure::IdleTimeout)?;
    if let (Some(lease), true) = (answer.lease, at_end) {
        lease.give_back();
    }
    headers::remove_hop_by_hop(&mut parts.headers);
    Ok((headed, reply(parts.status, parts.headers, body)))
}

/// A reply with its body.
pub(crate) fn reply(status: http::StatusCode, headers: HeaderMap, body: Captured) -> Reply {
    Reply {
        status,
        headers,
        body,
    }
}

/// What of the body is kept, and whether it was read to its end.
async fn read(mut body: Incoming, limit: usize) -> (Captured, bool) {
    let mut pieces = Pieces::new(limit);
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => {
                if let Some(data) = frame.data_ref() {
                    pieces.push(data);
                }
            }
            Err(_) => return (Captured::Broken, false),
        }
        if pieces.left.is_none() {
            return (Captured::TooLong, false);
        }
    }
    (pieces.whole(), true)
}
