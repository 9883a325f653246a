//! One request to one upstream, and the head of its response.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::{Duration, Instant};

use http::header::{HOST, HeaderName, TE};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, Version};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use tokio::time::{Instant as TokioInstant, Sleep, sleep_until};

use super::connect;
use super::outbound::{Outbound, Progress};
use super::pool::{Connection, Lease, Pools};
use super::repeat::Repeat;
use super::soundness::is_sound;
use super::upstream::Upstream;
use crate::outcome::Failure;
use crate::route::Timeouts;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");

/// What is sent, apart from its body. Sending takes it: who may send it again
/// keeps a clone, which is cheap.
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
/// side's time-outs say. `repeat` is what is sent once more, over a new
/// connection, where one that was kept closes before a byte of the answer
/// (RFC 9112 §9.3.1): whoever closed it did not do so because of this request.
///
/// Nothing large is handed from future to future: each would hold it twice,
/// and the future of every request is moved as a whole when it starts.
pub(crate) async fn exchange(
    pools: &Pools,
    upstream: &Arc<Upstream>,
    head: &mut Head,
    body: Outbound,
    repeat: Repeat,
) -> Result<Answer, Failed> {
    let answer = match upstream.settings.http2 {
        true => Box::pin(over_http2(pools, upstream, head, body)).await,
        false => over_http1(pools, upstream, head, body, repeat).await,
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
    head: &mut Head,
    body: Outbound,
    repeat: Repeat,
) -> Result<Answer, Failed> {
    let progress = body.progress();
    let now = Instant::now();
    let once = !repeat.is_possible();
    let (mut connection, start) = match pools.take(upstream, now, once) {
        Some(connection) => (connection, now),
        // What is rare lies in a box of its own.
        None => (Box::pin(new(upstream)).await?, Instant::now()),
    };
    connection.heard.forget();
    let spare = (connection.used && !once).then(|| Box::new(head.clone()));
    let request = http1_request(upstream, head, body);
    let sending = pin!(connection.sender.try_send_request(request));
    let limits = Limits::new(&upstream.settings.timeouts, start);
    let mut failed = match within(limits, &progress, &mut connection.alarm, sending).await? {
        Ok(response) => return Ok(leased(pools, upstream, connection, response)),
        Err(failed) => failed,
    };
    let unsent = failed.take_message().filter(|_| connection.used);
    let second = match unsent {
        Some(request) => Some((request, progress)),
        None => spare
            .filter(|_| is_unheard(&connection, &failed))
            .and_then(|mut head| {
                let body = repeat.body()?;
                let progress = body.progress();
                Some((http1_request(upstream, &mut head, body), progress))
            }),
    };
    match second {
        Some((request, progress)) => {
            Box::pin(again(pools, upstream, request, &progress, start)).await
        }
        None => Err(Failed::sent(failure(failed.error()))),
    }
}

async fn new(upstream: &Upstream) -> Result<Connection, Failed> {
    connect::http1(upstream).await.map_err(Failed::unsent)
}

/// Closed, without a byte of an answer.
fn is_unheard(connection: &Connection, failed: &TrySendError<Request<Outbound>>) -> bool {
    failure(failed.error()) == Failure::Closed && !connection.heard.anything()
}

/// Sends over a new connection what an old one that was closed under us did
/// not answer; the time it may take began with the first.
async fn again(
    pools: &Pools,
    upstream: &Arc<Upstream>,
    request: Request<Outbound>,
    progress: &Progress,
    start: Instant,
) -> Result<Answer, Failed> {
    let mut connection = new(upstream).await?;
    let sending = pin!(connection.sender.try_send_request(request));
    let limits = Limits::new(&upstream.settings.timeouts, start);
    match within(limits, progress, &mut connection.alarm, sending).await? {
        Ok(response) => Ok(leased(pools, upstream, connection, response)),
        Err(failed) => Err(Failed::sent(failure(failed.error()))),
    }
}

async fn over_http2(
    pools: &Pools,
    upstream: &Arc<Upstream>,
    head: &mut Head,
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
    let sending = pin!(sender.try_send_request(request));
    let limits = Limits::new(&upstream.settings.timeouts, Instant::now());
    match within(limits, &progress, &mut None, sending).await? {
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

fn http1_request(upstream: &Upstream, head: &mut Head, body: Outbound) -> Request<Outbound> {
    let mut request = Request::new(body);
    *request.method_mut() = head.method.clone();
    *request.uri_mut() = Uri::from(head.target.clone());
    *request.headers_mut() = std::mem::take(&mut head.headers);
    if let Some(host) = &upstream.settings.host {
        request.headers_mut().insert(HOST, host.clone());
    }
    if request.headers().contains_key(TE) {
        // RFC 9110 §10.1.4.
        let te = http::HeaderValue::from_static("te");
        request.headers_mut().insert(http::header::CONNECTION, te);
    }
    if let Some(protocol) = head.upgrade.take() {
        let headers = request.headers_mut();
        let upgrade = http::HeaderValue::from_static("upgrade");
        headers.append(http::header::CONNECTION, upgrade);
        headers.insert(http::header::UPGRADE, protocol);
    }
    request
}

fn http2_request(upstream: &Upstream, head: &mut Head, body: Outbound) -> Request<Outbound> {
    head.upgrade = None;
    let mut request = http1_request(upstream, head, body);
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
    // Many servers close a connection behind an exception that nobody handled,
    // without saying so in the answer. 502 to 504 are meant.
    let promised = match response.status() == StatusCode::INTERNAL_SERVER_ERROR {
        true => Some(Duration::ZERO),
        false => promised(response.headers()),
    };
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

/// How long an upstream has for its head: from the last piece of the request,
/// and in all.
struct Limits {
    start: Instant,
    first_byte: Duration,
    end: Option<Instant>,
}

impl Limits {
    fn new(timeouts: &Timeouts, start: Instant) -> Limits {
        Limits {
            start,
            first_byte: timeouts.first_byte,
            end: timeouts.total.map(|total| start + total),
        }
    }
}

/// What `sending` gives, unless that takes longer than the limits say.
async fn within<T>(
    limits: Limits,
    progress: &Progress,
    alarm: &mut Option<Pin<Box<Sleep>>>,
    mut sending: Pin<&mut impl Future<Output = T>>,
) -> Result<T, Failed> {
    let mut last = limits.start;
    poll_fn(|cx| {
        if let Poll::Ready(sent) = sending.as_mut().poll(cx) {
            return Poll::Ready(Ok(sent));
        }
        loop {
            let wake = last + limits.first_byte;
            let wake = limits.end.map_or(wake, |end| end.min(wake));
            let alarm = set(alarm, TokioInstant::from_std(wake));
            ready!(alarm.poll(cx));
            let failure = match progress.last() {
                _ if limits.end.is_some_and(|end| end <= wake) => Failure::TotalTimeout,
                Some(moved) if moved > last => {
                    last = moved;
                    continue;
                }
                // Not the upstream's fault: nobody can have it left out that way.
                _ if progress.waits_for_client() => Failure::ClientBody,
                _ => Failure::FirstByteTimeout,
            };
            return Poll::Ready(Err(Failed::sent(failure)));
        }
    })
    .await
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
