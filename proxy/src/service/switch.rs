//! Another protocol on a client's connection: asked for, and switched to.

use http::header::{CONNECTION, HeaderValue, UPGRADE};
use http::{Request, Response, response};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;

use super::exchange::Exchange;
use super::own::unanswered;
use crate::forward::headers::Client;
use crate::forward::reply::ReplyBody;
use crate::forward::upgrade::{self, Tunnel};
use crate::outcome::Failure;
use crate::state::Worker;

/// What is kept of a request that may ask for another protocol.
pub(super) struct Asked {
    /// A WebSocket over HTTP/2.
    tunnel: Option<Tunnel>,
    to_client: OnUpgrade,
    pub(super) protocol: Option<HeaderValue>,
}

impl Asked {
    pub(super) fn begin(worker: &Worker, request: &mut Request<Incoming>) -> Asked {
        Asked {
            tunnel: Tunnel::begin(request, || worker.id()),
            to_client: hyper::upgrade::on(request),
            protocol: None,
        }
    }

    /// The upstream switches to `protocol`.
    pub(super) fn switched(
        self,
        exchange: Exchange,
        client: &Client,
        mut head: response::Parts,
        protocol: Option<HeaderValue>,
        to_upstream: OnUpgrade,
    ) -> Response<ReplyBody> {
        // An upstream that switches unasked would own what follows.
        let fits = |protocol: &HeaderValue| {
            let asked = self.protocol.as_ref();
            asked.is_some_and(|asked| upgrade::is_asked_for(protocol, asked))
        };
        let Some(protocol) = protocol.filter(fits) else {
            return unanswered(exchange, client, Failure::NotHttp);
        };
        let tunnel = self.tunnel.as_ref();
        if !tunnel.is_none_or(|tunnel| tunnel.opened(&mut head)) {
            return unanswered(exchange, client, Failure::NotHttp);
        }
        let open = client.wire.joined();
        let joined = upgrade::join(self.to_client, to_upstream, exchange, open);
        tokio::task::spawn_local(joined);
        if tunnel.is_none() {
            let upgrade = HeaderValue::from_static("upgrade");
            head.headers.insert(CONNECTION, upgrade);
            head.headers.insert(UPGRADE, protocol);
        }
        Response::from_parts(head, ReplyBody::Full(None))
    }

    /// Whether an answer would be the other protocol itself: in HTTP/2 a success
    /// is the WebSocket.
    pub(super) fn is_opened_by(&self, head: &response::Parts) -> bool {
        self.tunnel.is_some() && head.status.is_success()
    }
}
