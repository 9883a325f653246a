//! The proxy's own answers: marked as such, so that nobody takes one for the
//! service's.

use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};

use super::exchange::Exchange;
use crate::forward::headers::Client;
use crate::forward::reply::ReplyBody;
use crate::metrics::End;
use crate::outcome::Failure;
use crate::refuse::Refusal;

/// Says that an answer is the proxy's own.
const ANSWERED_BY: HeaderName = HeaderName::from_static("x-cutline-answer");

/// Whether an answer is one of these.
pub(super) fn is_own(response: &Response<ReplyBody>) -> bool {
    matches!(response.body(), ReplyBody::Full(Some(_)))
}

/// To what the proxy's rules refuse.
pub(super) fn refused(mut exchange: Exchange, refusal: Refusal) -> Response<ReplyBody> {
    exchange.end = End::Refused;
    exchange.worker.shared.metrics.refused(refusal);
    exchange.answered(refusal.status());
    exchange.finish();
    let mut response = own_words(refusal.status(), &refusal.to_string());
    if let Some((name, value)) = refusal.field() {
        response.headers_mut().insert(name, value);
    }
    response
}

/// To what nobody else answered.
pub(super) fn unanswered(
    mut exchange: Exchange,
    client: &Client,
    failure: Failure,
) -> Response<ReplyBody> {
    // A body that breaks the rules is refused by them.
    if failure == Failure::ClientBody
        && let Some(refusal) = client.refused()
    {
        return refused(exchange, refusal);
    }
    exchange.end = End::Refused;
    exchange.worker.shared.metrics.unanswered(failure);
    exchange.answered(failure.status());
    let text = format!(
        "the {} gave no answer: {}",
        exchange.side.name(),
        failure.name()
    );
    exchange.finish();
    let mut response = own_words(failure.status(), &text);
    if failure.status() == StatusCode::SERVICE_UNAVAILABLE {
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

fn own_words(status: StatusCode, text: &str) -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody::text(format!("cutline: {text}\n")));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    headers.insert(CONTENT_TYPE, plain);
    headers.insert(ANSWERED_BY, HeaderValue::from_static("cutline"));
    response
}
