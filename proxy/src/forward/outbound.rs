//! The body of a request on its way to an upstream.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::held::{BodyBroken, Reader, is_last};

/// A request's body, and when its last piece went out.
pub(crate) struct Outbound {
    source: Source,
    progress: Progress,
}

enum Source {
    Empty,
    Streamed(Incoming),
    Held(Reader),
}

/// How a body moves; nothing where there is none.
#[derive(Clone, Default)]
pub(crate) struct Progress(Option<Rc<Moves>>);

#[derive(Default)]
struct Moves {
    last: Cell<Option<Instant>>,
    waits_for_client: Cell<bool>,
    ended: Cell<bool>,
}

impl Progress {
    /// When it last moved; none yet where it has not.
    pub(crate) fn last(&self) -> Option<Instant> {
        self.0.as_ref()?.last.get()
    }

    /// The upstream would take more, and the client has not sent it.
    pub(crate) fn waits_for_client(&self) -> bool {
        self.0
            .as_ref()
            .is_some_and(|moves| moves.waits_for_client.get())
    }

    /// All of it has gone out.
    pub(crate) fn has_ended(&self) -> bool {
        self.0.as_ref().is_none_or(|moves| moves.ended.get())
    }

    fn asked(&self) {
        if let Some(moves) = &self.0 {
            moves.waits_for_client.set(true);
        }
    }

    fn moved(&self, ended: bool) {
        if let Some(moves) = &self.0 {
            moves.waits_for_client.set(false);
            moves.last.set(Some(Instant::now()));
            moves.ended.set(ended);
        }
    }
}

impl Outbound {
    pub(crate) fn empty() -> Outbound {
        Outbound::of(Source::Empty)
    }

    /// Passed on as it comes.
    pub(crate) fn streamed(body: Incoming) -> Outbound {
        Outbound::of(match body.is_end_stream() {
            true => Source::Empty,
            false => Source::Streamed(body),
        })
    }

    /// Kept while it passes.
    pub(crate) fn held(reader: Reader) -> Outbound {
        Outbound::of(Source::Held(reader))
    }

    fn of(source: Source) -> Outbound {
        let moves = !matches!(source, Source::Empty);
        Outbound {
            source,
            progress: Progress(moves.then(Rc::default)),
        }
    }

    pub(crate) fn progress(&self) -> Progress {
        self.progress.clone()
    }
}

impl Body for Outbound {
    type Data = Bytes;
    type Error = BodyBroken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyBroken>>> {
        self.progress.asked();
        let frame = match &mut self.source {
            Source::Empty => None,
            Source::Streamed(body) => {
                let frame = ready!(Pin::new(body).poll_frame(cx));
                frame.map(|frame| frame.map_err(|_| BodyBroken))
            }
            Source::Held(reader) => ready!(Pin::new(reader).poll_frame(cx)),
        };
        let ended = is_last(frame.as_ref()) || self.is_end_stream();
        self.progress.moved(ended);
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Empty => true,
            Source::Streamed(body) => body.is_end_stream(),
            Source::Held(reader) => reader.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Empty => SizeHint::with_exact(0),
            Source::Streamed(body) => body.size_hint(),
            Source::Held(reader) => reader.size_hint(),
        }
    }
}
