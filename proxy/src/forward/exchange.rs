//! One request to one upstream, and the head of its response.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::{HOST, HeaderName, TE};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, Method, Request, Response, Uri, Version};
use hyper::body::Incoming;
use tokio::time::{Instant as TokioInstant, Sleep, sleep_until};

use super::connect;
use super::outbound::{Outbound, Progress};
use super::pool::{Connection, Lease, Pools};
use super::soundness::is_sound;
use super::upstream::Upstream;
use crate::outcome::Failure;
use crate::route::Timeouts;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");

/// What is sent, apart from its body: cheap to send again.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) method: Method,
    pub(crate) target: PathAndQuery,
    /// Host among them.
    pub(crate) headers: HeaderMap,
    /// The protocol that is asked for, where one is.
    pub(crate) upgrade: Option<http::HeaderValue>,
}

/// A response's head, and what its connection needs afterwards.
pub(crate) struct Answer {
    pub(crate) response: Response<Incoming>,
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) lease: Option<Lease>,
}

/// Why there is no head.
pub(crate) struct Failed {
    pub(crate) failure: Failure,
    /// The upstream may have received some of it.
    pub(crate) sent: bool,
}

impl Failed {
    pub(crate) fn unsent(failure: Failure) -> Failed {
        Failed {
            failure,
            sent: false,
        }
    }

    fn sent(failure: Failure) -> Failed {
        Failed {
            failure,
            sent: true,
        }
    }
}

/// Sends the request and waits for the response's head, no longer than the
/// side's time-outs say. `once` says that it must not be sent twice.
pub(crate) async fn exchange(
    pools: &Pools,
    upstream: &Arc<Upstream>,
    head: Head,
    body: Outbound,
    once: bool,
) -> Result<Answer, Failed> {
    let answer = match upstream.settings.http2 {
        // What is rare lies in a box of its own: the future of every request is as
        // large as its largest case, and is moved when it starts.
        true => Box::pin(over_http2(pools, upstream, head, body)).await,
        false => over_http1(pools, upstream, head, body, once).await,
    };
    let answer = answer.and_then(|answer| {
        let response = &answer.response;
        match is_sound(response.version(), response.headers()) {
            true => Ok(answer),
            false => Err(Failed::sent(Failure::NotHttp)),
        }
    });
    match &answer {
        Ok(_) => upstream.breaker.succeeded(),
        Err(failed) if failed.failure == Failure::ClientBody => upstream.breaker.abandoned(),
        Err(_) => {
            upstream.breaker.failed();
        }
    }
    answer
}

async fn over_http1(
    pools: &Pools,
    upstream: &Arc<Upstream>,
    head: Head,
    body: Outbound,
    once: bool,
) -> Result<Answer, Failed> {
    let progress = body.progress();
    let mut request = http1_request(upstream, head, body);
    let mut kept = pools.take(upstream, Instant::now(), once);
    loop {
        let mut connection = match kept.take() {
            Some(connection) => connection,
            None => Box::pin(connect::http1(upstream))
                .await
                .map_err(Failed::unsent)?,
        };
        let sending = connection.sender.try_send_request(request);
        let timeouts = &upstream.settings.timeouts;
        match within(timeouts, &progress, &mut connection.alarm, sending).await? {
            Ok(response) => return Ok(leased(pools, upstream, connection, response)),
            // Not a byte went out: an old connection was closed under us.
            Err(mut error) if connection.used => match error.take_message() {
                Some(unsent) => request = unsent,
                None => return Err(Failed::sent(failure(error.error()))),
            },
            Err(error) => return Err(Failed::sent(failure(error.error()))),
        }
    }
}

async fn over_http2(
    pools: &Pools,
    upstream: &Arc<Upstream>,
    head: Head,
    body: Outbound,
) -> Result<Answer, Failed> {
    let mut sender = match pools.shared(upstream) {
        Some(sender) => sender,
        None => {
            let sender = connect::http2(upstream).await.map_err(Failed::unsent)?;
            pools.share(upstream, sender.clone());
            sender
        }
    };
    let progress = body.progress();
    let request = http2_request(upstream, head, body);
    let sending = sender.try_send_request(request);
    let timeouts = &upstream.settings.timeouts;
    match within(timeouts, &progress, &mut None, sending).await? {
        Ok(response) => Ok(Answer {
            response,
            upstream: Arc::clone(upstream),
            lease: None,
        }),
        Err(mut error) => Err(Failed {
            failure: failure(error.error()),
            sent: error.take_message().is_none(),
        }),
    }
}

fn http1_request(upstream: &Upstream, head: Head, body: Outbound) -> Request<Outbound> {
    let mut request = Request::new(body);
    *request.method_mut() = head.method;
    *request.uri_mut() = Uri::from(head.target);
    *request.headers_mut() = head.headers;
    if let Some(host) = &upstream.settings.host {
        request.headers_mut().insert(HOST, host.clone());
    }
    if request.headers().contains_key(TE) {
        // RFC 9110 §10.1.4.
        let te = http::HeaderValue::from_static("te");
        request.headers_mut().insert(http::header::CONNECTION, te);
    }
    if let Some(protocol) = head.upgrade {
        let headers = request.headers_mut();
        let upgrade = http::HeaderValue::from_static("upgrade");
        headers.append(http::header::CONNECTION, upgrade);
        headers.insert(http::header::UPGRADE, protocol);
    }
    request
}

fn http2_request(upstream: &Upstream, head: Head, body: Outbound) -> Request<Outbound> {
    let mut request = http1_request(
        upstream,
        Head {
            upgrade: None,
            ..head
        },
        body,
    );
    *request.version_mut() = Version::HTTP_2;
    request.headers_mut().remove(http::header::CONNECTION);
    let authority = request
        .headers_mut()
        .remove(HOST)
        .and_then(|host| Authority::try_from(host.as_bytes()).ok());
    let scheme = match upstream.address.tls {
        true => Scheme::HTTPS,
        false => Scheme::HTTP,
    };
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    if authority.is_some() {
        parts.authority = authority;
        parts.scheme = Some(scheme);
    }
    // Without an authority the target alone is a URI too.
    *request.uri_mut() = Uri::from_parts(parts).unwrap_or_default();
    request
}

fn leased(
    pools: &Pools,
    upstream: &Arc<Upstream>,
    connection: Connection,
    response: Response<Incoming>,
) -> Answer {
    let promised = promised(response.headers());
    Answer {
        response,
        upstream: Arc::clone(upstream),
        lease: Some(pools.lease(upstream, connection, promised)),
    }
}

/// How long the upstream says it keeps the connection, less what the way may
/// take.
fn promised(headers: &HeaderMap) -> Option<Duration> {
    let field = headers.get(KEEP_ALIVE)?.to_str().ok()?;
    let mut parameters = field.split(',').filter_map(|pair| pair.split_once('='));
    let timeout = parameters.find_map(|(name, value)| {
        let is_timeout = name.trim().eq_ignore_ascii_case("timeout");
        is_timeout.then(|| value.trim().parse::<u64>().ok())?
    })?;
    Some(Duration::from_secs(timeout).saturating_sub(Duration::from_millis(500)))
}

/// What `sending` gives, unless the head takes longer than `first_byte` after
/// the last piece of the request, or all takes longer than `total`.
async fn within<T>(
    timeouts: &Timeouts,
    progress: &Progress,
    alarm: &mut Option<Pin<Box<Sleep>>>,
    sending: impl Future<Output = T>,
) -> Result<T, Failed> {
    tokio::pin!(sending);
    let start = Instant::now();
    let end = timeouts.total.map(|total| start + total);
    let mut last = start;
    loop {
        let due = last + timeouts.first_byte;
        let wake = end.map_or(due, |end| end.min(due));
        let alarm = set(alarm, TokioInstant::from_std(wake));
        tokio::select! {
            biased;
            result = &mut sending => return Ok(result),
            () = alarm => {}
        }
        if end.is_some_and(|end| end <= wake) {
            return Err(Failed::sent(Failure::TotalTimeout));
        }
        match progress.last() {
            Some(moved) if moved > last => last = moved,
            // Not the upstream's fault: nobody can have it left out that way.
            _ if progress.waits_for_client() => return Err(Failed::sent(Failure::ClientBody)),
            _ => return Err(Failed::sent(Failure::FirstByteTimeout)),
        }
    }
}

fn set(alarm: &mut Option<Pin<Box<Sleep>>>, wake: TokioInstant) -> Pin<&mut Sleep> {
    let alarm = alarm.get_or_insert_with(|| Box::pin(sleep_until(wake)));
    if alarm.deadline() != wake {
        alarm.as_mut().reset(wake);
    }
    alarm.as_mut()
}

fn failure(error: &hyper::Error) -> Failure {
    match error {
        error if error.is_user() => Failure::ClientBody,
        error if error.is_parse() || error.is_parse_status() => Failure::NotHttp,
        _ => Failure::Closed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_kept_as_long_as_the_upstream_says() {
        let promised = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(KEEP_ALIVE, http::HeaderValue::from_static(value));
            promised(&headers)
        };
        assert_eq!(
            promised("timeout=5, max=100"),
            Some(Duration::from_millis(4_500))
        );
        assert_eq!(
            promised("max=100, Timeout = 2"),
            Some(Duration::from_millis(1_500))
        );
        assert_eq!(promised("timeout=0"), Some(Duration::ZERO));
        assert_eq!(promised("timeout=soon"), None);
    }
}
