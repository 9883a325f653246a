//! The straight line of a request, through the rooms beside this file.
//!
//! ```text
//! refuse what no proxy may pass on -> decide -> forward -> fall back -> mirror -> answer
//! ```

use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Instant, SystemTime};

use http::header::{CONNECTION, HOST, HeaderName, HeaderValue, RETRY_AFTER, SET_COOKIE, UPGRADE};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{Request, Response, StatusCode, Uri, Version};
use http_body::Body;
use hyper::body::Incoming;

use crate::access::{Ended, Entry};
use crate::decide::{Decision, Fallback, OWN_COOKIE, RequestHead, cookie_value, decide};
use crate::forward::exchange::{self, Answer, Failed, Head};
use crate::forward::headers::{self, Client};
use crate::forward::held::Held;
use crate::forward::mirror::{self, Capture, Copy, Meeting};
use crate::forward::outbound::Outbound;
use crate::forward::reply::{Passed, Patience, ReplyBody};
use crate::forward::trace;
use crate::forward::upgrade::{self, Tunnel};
use crate::forward::upstream::Group;
use crate::metrics::{Dropped, End, RouteMetrics};
use crate::outcome::{Captured, Failure, Outcome};
use crate::refuse::{self, Refusal};
use crate::route::Side;
use crate::state::{Kept, Live, Worker};

/// Says that an answer is the proxy's own.
const ANSWERED_BY: HeaderName = HeaderName::from_static("x-cutline-answer");

/// One request from its head to the end of its answer. Counted once: when it
/// is finished, or as aborted when it is dropped before.
pub(crate) struct Exchange {
    worker: Rc<Worker>,
    live: Kept,
    route: Option<usize>,
    side: Side,
    end: End,
    start: Instant,
    finished: bool,
    access: Option<Box<Entry>>,
}

impl Exchange {
    fn new(worker: &Rc<Worker>, live: &Kept, start: Instant) -> Exchange {
        worker
            .shared
            .metrics
            .in_flight
            .fetch_add(1, Ordering::Relaxed);
        Exchange {
            worker: Rc::clone(worker),
            live: live.clone(),
            route: None,
            side: Side::Monolith,
            end: End::Refused,
            start,
            finished: false,
            access: None,
        }
    }

    /// The head of an answer goes to the client.
    fn answered(&mut self, status: StatusCode) {
        if let Some(access) = &mut self.access {
            access.answered(status);
        }
    }

    /// The answer reached its end.
    pub(crate) fn finish(mut self) {
        self.finished = true;
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let metrics = self.live.metrics.route(self.route);
        let end = match self.finished {
            true => self.end,
            false => End::Aborted,
        };
        metrics.ended(end);
        if let Some(access) = &self.access {
            access.log(&Ended {
                table: &self.live.table,
                route: self.route,
                side: self.side,
                end,
                took: self.start.elapsed(),
            });
        }
        if !matches!(end, End::Refused) {
            metrics.took(self.side, self.start.elapsed());
        }
        self.worker
            .shared
            .metrics
            .in_flight
            .fetch_sub(1, Ordering::Relaxed);
    }
}

/// Answers a request; whatever goes wrong is an answer too.
pub(crate) async fn answer(
    worker: Rc<Worker>,
    client: Rc<Client>,
    mut request: Request<Incoming>,
) -> Result<Response<ReplyBody>, Infallible> {
    let start = Instant::now();
    let live = worker.live();
    let mut exchange = Exchange::new(&worker, &live, start);
    exchange.access = Entry::begin(request.method(), request.uri(), client.address);
    let in_flight = worker.shared.metrics.in_flight.load(Ordering::Relaxed);
    if in_flight > worker.shared.limits.requests {
        return Ok(refused(exchange, Refusal::Busy));
    }
    match refuse::check(&mut request) {
        Ok(()) => Ok(forwarded(&worker, &live, &client, request, exchange).await),
        Err(refusal) => Ok(refused(exchange, refusal)),
    }
}

/// Answers what was refused before it was a request.
pub(crate) fn refuse(worker: &Rc<Worker>, refusal: Refusal) -> Response<ReplyBody> {
    let live = worker.live();
    refused(Exchange::new(worker, &live, Instant::now()), refusal)
}

async fn forwarded(
    worker: &Rc<Worker>,
    live: &Live,
    client: &Client,
    mut request: Request<Incoming>,
    mut exchange: Exchange,
) -> Response<ReplyBody> {
    let start = exchange.start;
    let tunnel = Tunnel::begin(&mut request, || worker.id());
    let to_client = hyper::upgrade::on(&mut request);
    let (mut parts, body) = request.into_parts();
    let mut body = Sent::Streamed(body);
    let limits = &worker.shared.limits;
    let known = match live.needs_body {
        true => {
            let known = body.known(live, &parts, limits.held_body);
            // As patient as with the head: it decides who gets the request.
            match tokio::time::timeout(limits.header_time, known).await {
                Ok(known) => known,
                Err(_) => return unanswered(exchange, client, Failure::ClientBody),
            }
        }
        false => None,
    };
    let id = worker.id();
    let decision = decided(live, id, client, &parts, known.as_deref());
    exchange.route = decision.route;
    exchange.side = decision.side;
    let plan = Plan::new(live, &decision);
    if decision.unmirrorable {
        plan.metrics.dropped(Dropped::Effects);
    }
    body.hold(plan.holds(live, worker.shared.limits.held_body));

    let upgrade = headers::remove_hop_by_hop(&mut parts.headers);
    // HTTP/1.0 knows none (RFC 9110 §7.8).
    let upgrade = upgrade.filter(|_| parts.version != Version::HTTP_10);
    headers::for_upstream(&mut parts.headers, parts.version, client);
    let trace = trace::pass_on(&mut parts.headers, id);
    if let Some(access) = &mut exchange.access {
        access.decided(decision.why, trace);
    }
    let asked = upgrade.clone();
    let head = Head {
        target: target(&parts.uri),
        method: parts.method,
        headers: parts.headers,
        upgrade,
    };
    let copied = plan.mirror.map(|_| head.clone());
    let sent = send(worker, live, &plan, head, &mut body).await;
    let (answer, end) = match sent {
        Ok(answered) => answered,
        Err(failure) => {
            let outcome = Outcome {
                side: plan.side,
                to_head: start.elapsed(),
                result: Err(failure),
            };
            if let Some(head) = copied
                && let Some(meeting) = plan.copy(worker, live, head, body)
            {
                meeting.primary(outcome);
            }
            return unanswered(exchange, client, failure);
        }
    };
    exchange.end = end;
    let Answer {
        mut response,
        upstream,
        lease,
    } = answer;
    let to_upstream = hyper::upgrade::on(&mut response);
    let (mut head, reply) = response.into_parts();
    let switched = headers::for_client(&mut head.headers, head.version);
    head.version = Version::HTTP_11;
    exchange.answered(head.status);
    if head.status == StatusCode::SWITCHING_PROTOCOLS {
        // An upstream that switches unasked would own what follows.
        let fits = |protocol: &HeaderValue| {
            let asked = asked.as_ref();
            asked.is_some_and(|asked| upgrade::is_asked_for(protocol, asked))
        };
        let Some(protocol) = switched.filter(fits) else {
            return unanswered(exchange, client, Failure::NotHttp);
        };
        let opened = tunnel
            .as_ref()
            .is_none_or(|tunnel| tunnel.opened(&mut head));
        if !opened {
            return unanswered(exchange, client, Failure::NotHttp);
        }
        let open = client.wire.joined();
        tokio::task::spawn_local(upgrade::join(to_client, to_upstream, exchange, open));
        return match tunnel {
            Some(_) => Response::from_parts(head, ReplyBody::Full(None)),
            None => switching(head, protocol),
        };
    }
    // In HTTP/2 a success would be the WebSocket itself.
    if tunnel.is_some() && head.status.is_success() {
        return unanswered(exchange, client, Failure::NotHttp);
    }
    let capture = copied.and_then(|copied| {
        if end == End::Fallback {
            plan.metrics.dropped(Dropped::Fallback);
            return None;
        }
        let meeting = plan.copy(worker, live, copied, body)?;
        let outcome = Outcome {
            side: plan.side,
            to_head: start.elapsed(),
            result: Ok(mirror::reply(
                head.status,
                head.headers.clone(),
                Captured::Broken,
            )),
        };
        Some(Capture::new(meeting, outcome, live.settings.mirror.body))
    });
    set_cookie(&mut head, &decision, client.tls);
    let timeouts = &upstream.settings.timeouts;
    let ends = timeouts.total.map(|total| start + total);
    let body = ReplyBody::passed(Passed {
        body: reply,
        exchange: Some(exchange),
        lease,
        capture,
        limits: Patience::new(timeouts.idle, ends),
    });
    Response::from_parts(head, body)
}

fn decided<'t>(
    live: &'t Live,
    id: u128,
    client: &Client,
    parts: &Parts,
    body: Option<&[u8]>,
) -> Decision<'t> {
    let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
    decide(
        &live.table,
        &RequestHead {
            id,
            time: SystemTime::now(),
            method: &parts.method,
            host,
            path: parts.uri.path(),
            query: parts.uri.query(),
            headers: &parts.headers,
            client: client.origin(&parts.headers),
            body,
        },
    )
}

/// Asks the side that was decided on and, where that does no harm, the
/// monolith in its place.
async fn send(
    worker: &Rc<Worker>,
    live: &Live,
    plan: &Plan<'_>,
    head: Head,
    body: &mut Sent,
) -> Result<(Answer, End), Failure> {
    let gone = Failure::ClientBody;
    let first = body.attempt().ok_or(gone)?;
    if plan.side == Side::Monolith {
        let upstream = plan.group.choose_any();
        let answer = exchange::exchange(&worker.pools, upstream, head, first, plan.once).await;
        return match answer {
            Ok(answer) => Ok((answer, End::Monolith)),
            Err(failed) => Err(plan.failed(Side::Monolith, failed.failure, body)),
        };
    }
    worker.shared.retries.sent(Instant::now());
    let kept = head.clone();
    let answer = match plan.group.choose() {
        Some(upstream) => exchange::exchange(&worker.pools, upstream, head, first, plan.once).await,
        None => Err(Failed::unsent(Failure::Unavailable)),
    };
    let again = |sent: bool| {
        let harmless = match plan.fallback {
            Fallback::Never => false,
            Fallback::Unsent => !sent,
            Fallback::Repeatable => true,
        };
        // What was never sent costs the monolith no more than it would have.
        let budget = live.settings.budget;
        harmless && (!sent || worker.shared.retries.allows(budget, Instant::now()))
    };
    let first_failure = match answer {
        Ok(answer) if !is_gateway_error(answer.response.status()) => {
            return Ok((answer, End::Candidate));
        }
        Ok(answer) => match body.attempt().filter(|_| again(true)) {
            Some(second) => {
                drop(answer);
                return Box::pin(fallen_back(worker, live, plan, kept, second, body)).await;
            }
            None => return Ok((answer, End::Candidate)),
        },
        Err(failed) => {
            let failure = plan.failed(Side::Candidate, failed.failure, body);
            if failure == gone || !again(failed.sent) {
                return Err(failure);
            }
            failure
        }
    };
    match body.attempt() {
        Some(second) => Box::pin(fallen_back(worker, live, plan, kept, second, body)).await,
        None => Err(first_failure),
    }
}

async fn fallen_back(
    worker: &Rc<Worker>,
    live: &Live,
    plan: &Plan<'_>,
    head: Head,
    second: Outbound,
    body: &Sent,
) -> Result<(Answer, End), Failure> {
    let upstream = live.group(None, Side::Monolith).choose_any();
    let answer = exchange::exchange(&worker.pools, upstream, head, second, plan.once).await;
    match answer {
        Ok(answer) => Ok((answer, End::Fallback)),
        Err(failed) => Err(plan.failed(Side::Monolith, failed.failure, body)),
    }
}

fn is_gateway_error(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
    )
}

/// The origin-form of what was asked for.
fn target(uri: &Uri) -> PathAndQuery {
    let target = uri.path_and_query().cloned();
    target.unwrap_or_else(|| PathAndQuery::from_static("/"))
}

fn refused(mut exchange: Exchange, refusal: Refusal) -> Response<ReplyBody> {
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

fn unanswered(mut exchange: Exchange, client: &Client, failure: Failure) -> Response<ReplyBody> {
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

/// An answer of the proxy itself: marked as such, so that nobody takes it for
/// the service's.
fn own_words(status: StatusCode, text: &str) -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody::text(format!("cutline: {text}\n")));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    headers.insert(http::header::CONTENT_TYPE, plain);
    headers.insert(ANSWERED_BY, HeaderValue::from_static("cutline"));
    response
}

fn switching(mut head: http::response::Parts, protocol: HeaderValue) -> Response<ReplyBody> {
    head.headers
        .insert(CONNECTION, HeaderValue::from_static("upgrade"));
    head.headers.insert(UPGRADE, protocol);
    Response::from_parts(head, ReplyBody::Full(None))
}

fn set_cookie(head: &mut http::response::Parts, decision: &Decision<'_>, tls: bool) {
    let Some(id) = decision.own_cookie else {
        return;
    };
    let secure = if tls { "; Secure" } else { "" };
    let cookie = format!(
        "{OWN_COOKIE}={}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax{secure}",
        cookie_value(id)
    );
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        head.headers.append(SET_COOKIE, cookie);
    }
}

/// A request's body before it is sent.
enum Sent {
    Streamed(Incoming),
    Held(Held),
    Gone,
}

impl Sent {
    /// The whole body, where the stage's key is in it and it is short enough.
    async fn known(&mut self, live: &Live, parts: &Parts, limit: usize) -> Option<bytes::Bytes> {
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
            Sent::Streamed(_) | Sent::Gone => None,
        }
    }

    fn hold(&mut self, limit: Option<usize>) {
        let Some(limit) = limit else { return };
        if let Sent::Streamed(body) = self
            && !body.is_end_stream()
            && let Sent::Streamed(body) = std::mem::replace(self, Sent::Gone)
        {
            *self = Sent::Held(Held::new(body, limit));
        }
    }

    /// The body for one attempt, if there can be another one.
    fn attempt(&mut self) -> Option<Outbound> {
        match self {
            Sent::Streamed(body) if body.is_end_stream() => Some(Outbound::empty()),
            Sent::Streamed(_) => match std::mem::replace(self, Sent::Gone) {
                Sent::Streamed(body) => Some(Outbound::streamed(body)),
                _ => None,
            },
            Sent::Held(held) => held.reader().map(Outbound::held),
            Sent::Gone => None,
        }
    }

    fn is_broken(&self) -> bool {
        matches!(self, Sent::Held(held) if held.is_broken())
    }
}

/// A decision, with what it is done with.
struct Plan<'a> {
    side: Side,
    fallback: Fallback,
    group: &'a Arc<Group>,
    metrics: &'a RouteMetrics,
    mirror: Option<(Side, &'a Arc<Group>)>,
    /// Not to be sent twice, not even to the same side.
    once: bool,
}

impl<'a> Plan<'a> {
    fn new(live: &'a Live, decision: &Decision<'a>) -> Plan<'a> {
        let stage = decision.route.map(|route| live.table.routes[route].stage);
        Plan {
            side: decision.side,
            fallback: decision.fallback,
            group: live.group(stage, decision.side),
            metrics: live.metrics.route(decision.route),
            mirror: decision.mirror.map(|side| (side, live.group(stage, side))),
            once: decision.fallback == Fallback::Unsent,
        }
    }

    /// Counts a failure; one of the client's own body is the client's.
    fn failed(&self, side: Side, failure: Failure, body: &Sent) -> Failure {
        let failure = match body.is_broken() {
            true => Failure::ClientBody,
            false => failure,
        };
        self.metrics.failed(side, failure);
        failure
    }

    /// How much of the body is kept, if any.
    fn holds(&self, live: &Live, held: usize) -> Option<usize> {
        match (&self.mirror, self.side) {
            (Some(_), _) => Some(live.settings.mirror.body.max(held)),
            (None, Side::Candidate) => Some(held),
            (None, Side::Monolith) => None,
        }
    }

    /// Starts the copy, if it has a place.
    fn copy(
        &self,
        worker: &Rc<Worker>,
        live: &Live,
        head: Head,
        body: Sent,
    ) -> Option<Rc<Meeting>> {
        let (side, group) = self.mirror?;
        let body = match body {
            Sent::Streamed(body) if body.is_end_stream() => None,
            Sent::Held(held) if held.is_whole() => Some(held),
            Sent::Held(held) => {
                self.metrics.dropped(match held.reader().is_some() {
                    true => Dropped::BodyIncomplete,
                    false => Dropped::BodyTooLong,
                });
                return None;
            }
            Sent::Streamed(_) | Sent::Gone => None,
        };
        let limits = &live.settings.mirror;
        let bytes = body.as_ref().map_or(0, Held::len);
        if bytes > limits.body {
            self.metrics.dropped(Dropped::BodyTooLong);
            return None;
        }
        let place = match worker.shared.mirrors.place(bytes, limits) {
            Ok(place) => place,
            Err(why) => {
                self.metrics.dropped(why);
                return None;
            }
        };
        self.metrics.mirrored(side);
        let pairs = self.metrics.pairs();
        let meeting = Meeting::new(Box::new(move |pair| pairs.met(&pair)));
        let copy = Copy {
            side,
            group: Arc::clone(group),
            head: Head {
                upgrade: None,
                ..head
            },
            body,
            limit: limits.body,
            place,
            meeting: Rc::clone(&meeting),
        };
        tokio::task::spawn_local(copy.send(worker.pools.clone()));
        Some(meeting)
    }
}
