//! The copy of a request: what it may use, and what comes of it.
//!
//! A copy can neither change nor delay the client's answer. It is made once
//! the answering side's head is there, from what was kept of the body while it
//! passed; it has connections and time-outs of its own; and it is dropped, and
//! counted, rather than waited for when there are too many or too large ones.

use std::cell::{Cell, RefCell};
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
use super::pool::Pools;
use super::repeat::Repeat;
use super::upstream::Group;
use crate::config::MirrorLimits;
use crate::metrics::Dropped;
use crate::outcome::{Captured, Failure, Outcome, Reply};
use crate::route::Side;
use crate::spans::{Attempt, Origin, Turn};

/// What all copies of all workers use together.
#[derive(Debug, Default)]
pub(crate) struct Load {
    in_flight: AtomicUsize,
    bytes: AtomicUsize,
}

/// A copy's part of the load, given back when dropped.
pub(crate) struct Place(Arc<Load>);

/// What is kept of one request and of all that is said to it, until it has
/// been handed on; given back when dropped.
pub(crate) struct Room {
    load: Arc<Load>,
    /// What all may keep together.
    memory: usize,
    bytes: Cell<usize>,
    /// Something did not fit.
    short: Cell<bool>,
}

/// Why a copy is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To hear what the other side says.
    Mirror,
    /// To hear whether the same side says the same again.
    Again,
}

/// The outcomes of one request, once all are there.
pub(crate) struct Met {
    /// Of the side that answered the client.
    pub(crate) primary: Outcome,
    /// Of the other side, where it got a copy.
    pub(crate) mirrored: Option<Outcome>,
    /// Of the same side, where it got one.
    pub(crate) again: Option<Outcome>,
    /// A body was let go, for there was no room for it.
    pub(crate) short: bool,
}

/// Where the outcomes of one request meet.
pub(crate) struct Meeting {
    waiting: RefCell<Waiting>,
    room: Room,
}

struct Waiting {
    primary: Option<Outcome>,
    mirrored: Option<Outcome>,
    again: Option<Outcome>,
    /// Outcomes that are still to come.
    missing: usize,
    done: Option<Box<dyn FnOnce(Met)>>,
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
    /// A place for a copy.
    pub(crate) fn place(self: &Arc<Load>, limits: &MirrorLimits) -> Result<Place, Dropped> {
        let in_flight = self.in_flight.fetch_add(1, Ordering::Relaxed);
        let place = Place(Arc::clone(self));
        match in_flight < limits.in_flight {
            true => Ok(place),
            false => Err(Dropped::InFlight),
        }
    }

    /// Room for a request's body of `bytes`, and for what is said to it.
    pub(crate) fn room(
        self: &Arc<Load>,
        bytes: usize,
        limits: &MirrorLimits,
    ) -> Result<Room, Dropped> {
        let room = Room {
            load: Arc::clone(self),
            memory: limits.memory,
            bytes: Cell::new(0),
            short: Cell::new(false),
        };
        match room.take(bytes) {
            true => Ok(room),
            false => Err(Dropped::Memory),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Room {
    /// Whether `bytes` more may be kept.
    fn take(&self, bytes: usize) -> bool {
        let kept = self.load.bytes.fetch_add(bytes, Ordering::Relaxed);
        if kept + bytes > self.memory {
            self.load.bytes.fetch_sub(bytes, Ordering::Relaxed);
            self.short.set(true);
            return false;
        }
        self.bytes.set(self.bytes.get() + bytes);
        true
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.load
            .bytes
            .fetch_sub(self.bytes.get(), Ordering::Relaxed);
    }
}

impl Meeting {
    /// Of the client's answer and so many copies.
    pub(crate) fn new(copies: usize, room: Room, done: Box<dyn FnOnce(Met)>) -> Rc<Meeting> {
        let waiting = Waiting {
            primary: None,
            mirrored: None,
            again: None,
            missing: 1 + copies,
            done: Some(done),
        };
        Rc::new(Meeting {
            waiting: RefCell::new(waiting),
            room,
        })
    }

    pub(crate) fn primary(&self, outcome: Outcome) {
        self.waiting.borrow_mut().primary = Some(outcome);
        self.meet();
    }

    fn copied(&self, purpose: Purpose, outcome: Outcome) {
        let mut waiting = self.waiting.borrow_mut();
        match purpose {
            Purpose::Mirror => waiting.mirrored = Some(outcome),
            Purpose::Again => waiting.again = Some(outcome),
        }
        drop(waiting);
        self.meet();
    }

    fn meet(&self) {
        let mut waiting = self.waiting.borrow_mut();
        waiting.missing = waiting.missing.saturating_sub(1);
        if waiting.missing > 0 {
            return;
        }
        let (mirrored, again) = (waiting.mirrored.take(), waiting.again.take());
        let both = waiting.primary.take().zip(waiting.done.take());
        drop(waiting);
        if let Some((primary, done)) = both {
            done(Met {
                primary,
                mirrored,
                again,
                short: self.room.short.get(),
            });
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
        self.pieces.push(data, &self.meeting.room);
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

    fn push(&mut self, data: &Bytes, room: &Room) {
        let left = self.left.and_then(|left| left.checked_sub(data.len()));
        self.left = left.filter(|_| room.take(data.len()));
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
    pub(crate) purpose: Purpose,
    pub(crate) side: Side,
    pub(crate) group: Arc<Group>,
    pub(crate) head: Head,
    pub(crate) body: Option<Held>,
    /// Bytes of the answer that are kept.
    pub(crate) limit: usize,
    pub(crate) place: Place,
    /// Where the request is recorded.
    pub(crate) origin: Option<Box<Origin>>,
    pub(crate) meeting: Rc<Meeting>,
}

impl Copy {
    /// Sends it and waits for what comes of it.
    pub(crate) async fn send(mut self, pools: Pools) {
        let start = Instant::now();
        let shadow = HeaderValue::from_static("1");
        self.head.headers.insert(headers::SHADOW, shadow);
        let recorded = self.origin.as_deref().map(|origin| (origin, self.side));
        let copied = copied(
            &pools,
            &self.group,
            recorded,
            self.head,
            self.body,
            (self.limit, &self.meeting.room),
        );
        let result = copied.await;
        let (to_head, result) = match result {
            Ok((headed, reply)) => (headed - start, Ok(reply)),
            Err(failure) => (start.elapsed(), Err(failure)),
        };
        drop(self.place);
        let outcome = Outcome {
            side: self.side,
            to_head,
            result,
        };
        self.meeting.copied(self.purpose, outcome);
    }
}

async fn copied(
    pools: &Pools,
    group: &Group,
    recorded: Option<(&Origin, Side)>,
    mut head: Head,
    body: Option<Held>,
    (limit, room): (usize, &Room),
) -> Result<(Instant, Reply), Failure> {
    // Where it would do harm there is no copy.
    let repeat = match body {
        Some(held) => Repeat::Held(held),
        None => Repeat::Empty,
    };
    let body = repeat.body().ok_or(Failure::ClientBody)?;
    let upstream = group.choose().ok_or(Failure::Unavailable)?;
    let mut attempt =
        recorded.map(|(origin, side)| origin.asks(Turn::Mirror, side, upstream, &mut head));
    let answer = exchange::exchange(pools, upstream, &mut head, body, repeat).await;
    let answer = answer.map_err(|failed| unheard(&mut attempt, failed.failure))?;
    if let Some(attempt) = &mut attempt {
        attempt.heard(&answer.response);
    }
    let headed = Instant::now();
    let (mut parts, body) = answer.response.into_parts();
    let idle = upstream.settings.timeouts.idle;
    let reading = tokio::time::timeout(idle, read(body, limit, room));
    let (body, at_end) = reading
        .await
        .map_err(|_| unheard(&mut attempt, Failure::IdleTimeout))?;
    if let (Some(lease), true) = (answer.lease, at_end) {
        lease.give_back();
    }
    headers::remove_hop_by_hop(&mut parts.headers);
    Ok((headed, reply(parts.status, parts.headers, body)))
}

fn unheard(attempt: &mut Option<Attempt>, failure: Failure) -> Failure {
    if let Some(attempt) = attempt {
        attempt.unheard(failure);
    }
    failure
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
async fn read(mut body: Incoming, limit: usize, room: &Room) -> (Captured, bool) {
    let mut pieces = Pieces::new(limit);
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => {
                if let Some(data) = frame.data_ref() {
                    pieces.push(data, room);
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
