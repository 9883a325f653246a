//! The client's body, for one attempt or for more.

use bytes::Bytes;
use http::header::HOST;
use http::request::Parts;
use http_body::Body;
use hyper::body::Incoming;

use crate::forward::held::Held;
use crate::forward::outbound::{Outbound, Progress};
use crate::forward::repeat::Repeat;
use crate::state::Live;

/// A request's body before it is sent.
pub(super) enum Sent {
    Streamed(Incoming),
    Held(Held),
    Gone(Progress),
}

impl Sent {
    /// The whole body, where the stage's key is in it and it is short enough.
    pub(super) async fn known(
        &mut self,
        live: &Live,
        parts: &Parts,
        limit: usize,
    ) -> Option<Bytes> {
        let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
        let path = parts.uri.path();
        let route = live
            .table
            .route(&parts.method, host, path, &parts.headers)?;
        let stage = &live.table.stages[live.table.routes[route].stage];
        if !stage.sticky.needs_body() {
            return None;
        }
        self.hold(Some(limit));
        match self {
            Sent::Held(held) => held.whole().await,
            Sent::Streamed(_) | Sent::Gone(_) => None,
        }
    }

    /// Keeps up to `limit` bytes of what passes from now on.
    pub(super) fn hold(&mut self, limit: Option<usize>) {
        let Some(limit) = limit else { return };
        if let Sent::Streamed(body) = self
            && !body.is_end_stream()
            && let Sent::Streamed(body) = self.taken()
        {
            *self = Sent::Held(Held::new(body, limit));
        }
    }

    /// The body for one attempt, if there can be another one.
    pub(super) fn attempt(&mut self) -> Option<Outbound> {
        match self {
            Sent::Streamed(body) if body.is_end_stream() => Some(Outbound::empty()),
            Sent::Streamed(_) => match self.taken() {
                Sent::Streamed(body) => {
                    let outbound = Outbound::streamed(body);
                    *self = Sent::Gone(outbound.progress());
                    Some(outbound)
                }
                _ => None,
            },
            Sent::Held(held) => held.reader().map(Outbound::held),
            Sent::Gone(_) => None,
        }
    }

    /// What may be sent once more to the same side, where that is `harmless`.
    /// To be asked before the first attempt.
    pub(super) fn repeat(&self, harmless: bool) -> Repeat {
        match self {
            Sent::Streamed(body) if harmless && body.is_end_stream() => Repeat::Empty,
            Sent::Held(held) if harmless => Repeat::Held(held.clone()),
            Sent::Streamed(_) | Sent::Held(_) | Sent::Gone(_) => Repeat::Never,
        }
    }

    /// What it was; it is gone then.
    pub(super) fn taken(&mut self) -> Sent {
        std::mem::replace(self, Sent::Gone(Progress::default()))
    }

    /// The client has sent all of it, as far as anybody has looked.
    pub(super) fn is_read(&self) -> bool {
        match self {
            Sent::Streamed(body) => body.is_end_stream(),
            Sent::Held(held) => held.is_read(),
            Sent::Gone(progress) => progress.has_ended(),
        }
    }

    pub(super) fn is_broken(&self) -> bool {
        matches!(self, Sent::Held(held) if held.is_broken())
    }
}
