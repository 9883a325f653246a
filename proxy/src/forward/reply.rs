//! The body of an answer on its way to the client.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant as TokioInstant, Sleep, sleep_until};

use super::mirror::Capture;
use super::pool::Lease;
use crate::service::Exchange;

/// What a client gets.
pub(crate) enum ReplyBody {
    /// The proxy's own words.
    Full(Option<Bytes>),
    /// An upstream's, as it comes.
    Passed(Box<Passed>),
}

/// An upstream's body, and what hangs on its end.
pub(crate) struct Passed {
    pub(crate) body: Incoming,
    pub(crate) exchange: Option<Exchange>,
    pub(crate) lease: Option<Lease>,
    pub(crate) capture: Option<Capture>,
    pub(crate) limits: Patience,
}

/// How long a body may take.
pub(crate) struct Patience {
    idle: Duration,
    end: Option<Instant>,
    /// Set while nothing comes; most bodies are there at once and need none.
    alarm: Option<Pin<Box<Sleep>>>,
}

/// Why a body broke off.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(crate) enum ReplyBroken {
    /// The upstream's connection or framing broke.
    #[error("the upstream broke off its response")]
    Upstream,
    /// Nothing came for too long.
    #[error("the upstream's response took too long")]
    TooSlow,
}

impl Patience {
    pub(crate) fn new(idle: Duration, end: Option<Instant>) -> Patience {
        Patience {
            idle,
            end,
            alarm: None,
        }
    }

    /// Ready once nothing has come for too long. To be asked only while
    /// nothing comes.
    fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let (idle, end) = (self.idle, self.end);
        let alarm = self.alarm.get_or_insert_with(|| {
            let due = Instant::now() + idle;
            let due = end.map_or(due, |end| end.min(due));
            Box::pin(sleep_until(TokioInstant::from_std(due)))
        });
        alarm.as_mut().poll(cx)
    }

    fn moved(&mut self) {
        self.alarm = None;
    }
}

impl ReplyBody {
    pub(crate) fn text(text: impl Into<Bytes>) -> ReplyBody {
        ReplyBody::Full(Some(text.into()))
    }

    pub(crate) fn passed(mut passed: Passed) -> ReplyBody {
        if passed.body.is_end_stream() {
            passed.finish();
        }
        ReplyBody::Passed(Box::new(passed))
    }
}

impl Passed {
    fn finish(&mut self) {
        if let Some(lease) = self.lease.take() {
            lease.give_back();
        }
        if let Some(capture) = self.capture.take() {
            capture.whole();
        }
        if let Some(exchange) = self.exchange.take() {
            exchange.finish();
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ReplyBroken>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
            ready!(self.limits.poll_over(cx));
            return Poll::Ready(Some(Err(ReplyBroken::TooSlow)));
        };
        self.limits.moved();
        match frame {
            None => {
                self.finish();
                Poll::Ready(None)
            }
            Some(Err(_)) => Poll::Ready(Some(Err(ReplyBroken::Upstream))),
            Some(Ok(frame)) => {
                if let (Some(capture), Some(data)) = (&mut self.capture, frame.data_ref()) {
                    capture.push(data);
                }
                if self.body.is_end_stream() {
                    self.finish();
                }
                Poll::Ready(Some(Ok(frame)))
            }
        }
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = ReplyBroken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ReplyBroken>>> {
        match &mut *self {
            ReplyBody::Full(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            ReplyBody::Passed(passed) => passed.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            ReplyBody::Full(bytes) => bytes.is_none(),
            ReplyBody::Passed(passed) => passed.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            ReplyBody::Full(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            ReplyBody::Passed(passed) => passed.body.size_hint(),
        }
    }
}
