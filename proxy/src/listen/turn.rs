//! One request on an HTTP/1 connection, until its answer has gone out.

use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONNECTION, HeaderValue, UPGRADE};
use http::{Request, Response, StatusCode, Version};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::guard::REFUSED;
use super::open::Seat;
use crate::forward::headers::Client;
use crate::forward::reply::{ReplyBody, ReplyBroken};
use crate::service;

/// Answers a request, or what stands for one that was refused.
pub(super) async fn in_turn(
    seat: Rc<Seat>,
    client: Rc<Client>,
    request: Request<Incoming>,
) -> Result<Response<Turn>, Infallible> {
    seat.busy();
    let worker = Rc::clone(seat.worker());
    if let Some(refusal) = client.refused()
        && request.method().as_str() == REFUSED
    {
        let refused = service::refuse(&worker, refusal);
        return Ok(refused.map(|body| Turn { body, seat }));
    }
    let asks = request.version() == Version::HTTP_11 && request.headers().contains_key(UPGRADE);
    let wire = Arc::clone(&client.wire);
    let mut response = service::answer(worker, client, request).await?;
    let switched = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    if asks {
        wire.answered(switched);
    }
    if seat.worker().draining.get() && !switched {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
    Ok(response.map(|body| Turn { body, seat }))
}

/// The body of an answer. When it is dropped, its connection waits for the
/// next request.
pub(super) struct Turn {
    body: ReplyBody,
    seat: Rc<Seat>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.seat.waits();
    }
}

impl Body for Turn {
    type Data = Bytes;
    type Error = ReplyBroken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ReplyBroken>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
