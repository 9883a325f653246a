//! A request's body that can be read more than once.
//!
//! [`Held`] keeps the pieces of a body while they pass, up to a limit. A
//! second reader gets the pieces that were kept and then goes on where the
//! first one stopped; so a body can be sent to the monolith after the candidate
//! broke in the middle of it, and a copy of it to a mirror, without being read
//! whole before the first byte goes out. Once more has passed than is kept,
//! there is no second reader.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

/// A body and what was kept of it.
#[derive(Clone)]
pub(crate) struct Held(Rc<RefCell<Inner>>);

struct Inner {
    source: Incoming,
    kept: Vec<Bytes>,
    trailers: Option<HeaderMap>,
    bytes: usize,
    limit: usize,
    state: State,
    /// A reader has taken a piece.
    started: bool,
    /// More came than is kept, and has come to its end.
    passed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// More may come, and all that came was kept.
    Reading,
    /// All came and was kept.
    Whole,
    /// More came than is kept.
    Overflowed,
    /// The client went away, or broke its framing.
    Broken,
}

/// One reader of a [`Held`] body.
pub(crate) struct Reader {
    held: Held,
    next: usize,
    trailers_sent: bool,
}

/// The body ended before its end, or can no longer be read from its start.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the request's body ended before its end")]
pub(crate) struct BodyBroken;

impl Held {
    /// Keeps up to `limit` bytes of `source`.
    pub(crate) fn new(source: Incoming, limit: usize) -> Held {
        let state = match source.is_end_stream() {
            true => State::Whole,
            false => State::Reading,
        };
        Held(Rc::new(RefCell::new(Inner {
            source,
            kept: Vec::new(),
            trailers: None,
            bytes: 0,
            limit,
            state,
            started: false,
            passed: false,
        })))
    }

    /// A reader from the start, or None where too much has passed.
    pub(crate) fn reader(&self) -> Option<Reader> {
        let possible = {
            let inner = self.0.borrow();
            match inner.state {
                State::Reading | State::Whole => true,
                State::Overflowed => !inner.started,
                State::Broken => false,
            }
        };
        possible.then(|| Reader {
            held: self.clone(),
            next: 0,
            trailers_sent: false,
        })
    }

    /// Whether it came whole and was kept.
    pub(crate) fn is_whole(&self) -> bool {
        self.0.borrow().state == State::Whole
    }

    /// Whether all of it came, kept or not.
    pub(crate) fn is_read(&self) -> bool {
        let inner = self.0.borrow();
        match inner.state {
            State::Whole => true,
            State::Overflowed => inner.passed || inner.source.is_end_stream(),
            State::Reading | State::Broken => false,
        }
    }

    /// Whether it is the client that broke it off.
    pub(crate) fn is_broken(&self) -> bool {
        self.0.borrow().state == State::Broken
    }

    /// The bytes that are kept.
    pub(crate) fn len(&self) -> usize {
        self.0.borrow().bytes
    }

    /// Reads to the end, or until more has come than is kept, and returns the
    /// whole body in one piece in the first case.
    pub(crate) async fn whole(&self) -> Option<Bytes> {
        std::future::poll_fn(|cx| {
            let mut inner = self.0.borrow_mut();
            while inner.state == State::Reading && !inner.will_overflow() {
                ready!(inner.pull(cx));
            }
            Poll::Ready(())
        })
        .await;
        let inner = self.0.borrow();
        (inner.state == State::Whole).then(|| match &*inner.kept {
            [one] => one.clone(),
            many => many.concat().into(),
        })
    }
}

impl Inner {
    /// Whether the client said that more comes than is kept.
    fn will_overflow(&self) -> bool {
        let coming = self.source.size_hint().lower();
        self.bytes as u64 + coming > self.limit as u64
    }

    /// Takes the next piece from the client and keeps it. The piece that is too
    /// much is kept too, for the one reader that there is then.
    fn pull(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match ready!(Pin::new(&mut self.source).poll_frame(cx)) {
            None => self.state = State::Whole,
            Some(Err(_)) => self.state = State::Broken,
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => self.keep(data),
                Err(frame) => {
                    self.trailers = frame.into_trailers().ok();
                    self.state = State::Whole;
                }
            },
        }
        Poll::Ready(())
    }

    fn broken(&mut self) -> BodyBroken {
        self.state = State::Broken;
        BodyBroken
    }

    fn keep(&mut self, data: Bytes) {
        self.bytes += data.len();
        self.kept.push(data);
        if self.bytes > self.limit {
            self.state = State::Overflowed;
        } else if self.source.is_end_stream() {
            self.state = State::Whole;
        }
    }
}

/// Whether nothing follows: trailers are the end of a body.
pub(super) fn is_last<E>(frame: Option<&Result<Frame<Bytes>, E>>) -> bool {
    match frame {
        None => true,
        Some(Ok(frame)) => frame.is_trailers(),
        Some(Err(_)) => false,
    }
}

impl Reader {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyBroken>>> {
        let mut inner = self.held.0.borrow_mut();
        inner.started = true;
        loop {
            let last = inner.state == State::Overflowed;
            if let Some(kept) = inner.kept.get_mut(self.next) {
                self.next += 1;
                let piece = match last {
                    true => std::mem::take(kept),
                    false => kept.clone(),
                };
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
            match inner.state {
                State::Reading => ready!(inner.pull(cx)),
                State::Broken => return Poll::Ready(Some(Err(BodyBroken))),
                State::Overflowed => {
                    let frame = ready!(Pin::new(&mut inner.source).poll_frame(cx));
                    inner.passed = is_last(frame.as_ref());
                    return Poll::Ready(frame.map(|frame| frame.map_err(|_| inner.broken())));
                }
                State::Whole => {
                    let unsent = inner.trailers.clone().filter(|_| !self.trailers_sent);
                    self.trailers_sent = true;
                    return Poll::Ready(unsent.map(|trailers| Ok(Frame::trailers(trailers))));
                }
            }
        }
    }
}

impl Body for Reader {
    type Data = Bytes;
    type Error = BodyBroken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyBroken>>> {
        self.poll(cx)
    }

    fn is_end_stream(&self) -> bool {
        let inner = self.held.0.borrow();
        let all_read = self.next == inner.kept.len();
        let no_trailers = self.trailers_sent || inner.trailers.is_none();
        inner.state == State::Whole && all_read && no_trailers
    }

    /// Exact where the client said how long the body is: it is sent on with
    /// that length, not chunked.
    fn size_hint(&self) -> SizeHint {
        let inner = self.held.0.borrow();
        let left: usize = inner.kept[self.next.min(inner.kept.len())..]
            .iter()
            .map(Bytes::len)
            .sum();
        let coming = match inner.state {
            State::Whole => SizeHint::with_exact(0),
            _ => inner.source.size_hint(),
        };
        match coming.exact() {
            Some(coming) => SizeHint::with_exact(coming + left as u64),
            None => SizeHint::default(),
        }
    }
}
