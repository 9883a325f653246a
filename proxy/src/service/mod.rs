//! The straight line of a request, through the rooms beside this folder.
//!
//! ```text
//! refuse what no proxy may pass on -> decide -> forward -> fall back -> mirror -> answer
//! ```

mod copy;
mod exchange;
mod own;
mod plan;
mod send;
mod sent;
mod switch;

use std::convert::Infallible;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use http::header::{CONNECTION, HeaderValue, SET_COOKIE};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{Request, Response, StatusCode, Uri, Version, response};
use hyper::body::Incoming;

use crate::decide::{Decision, OWN_COOKIE, cookie_value};
use crate::forward::exchange::{Answer, Head};
use crate::forward::headers::{self, Client};
use crate::forward::mirror::{self, Capture};
use crate::forward::reply::{Passed, Patience, ReplyBody};
use crate::forward::trace;
use crate::metrics::{Dropped, End};
use crate::outcome::{Captured, Failure, Outcome};
use crate::refuse::{self, Refusal};
use crate::state::{Live, Worker};

pub(crate) use exchange::Exchange;

use own::{refused, unanswered};
use plan::Plan;
use sent::Sent;
use switch::Asked;

/// Answers a request; whatever goes wrong is an answer too.
///
/// What comes before the first wait is done at once: the future then holds the
/// request once, and not once in each of the functions it passes through.
pub(crate) fn answer(
    worker: Rc<Worker>,
    client: Rc<Client>,
    mut request: Request<Incoming>,
) -> impl Future<Output = Result<Response<ReplyBody>, Infallible>> {
    let start = Instant::now();
    let live = worker.live();
    let mut exchange = Exchange::new(&worker, &live, start);
    exchange.followed(&request, &client);
    let in_flight = worker.shared.metrics.in_flight.load(Ordering::Relaxed);
    let allowed = match in_flight > worker.shared.limits.requests {
        true => Err(Refusal::Busy),
        false => refuse::check(&mut request),
    };
    let asked = Asked::begin(&worker, &mut request);
    let (mut parts, body) = request.into_parts();
    let mut body = Sent::Streamed(body);
    async move {
        let (parts, body) = (&mut parts, &mut body);
        let response = match allowed {
            Ok(()) => forwarded(&worker, &live, &client, parts, body, asked, exchange).await,
            Err(refusal) => refused(exchange, refusal),
        };
        if own::is_own(&response) {
            // Nobody has the request's body any more. The HTTP library sees that
            // only when it next looks for more of it: then it takes what has come,
            // or else says with the answer that it is the connection's last.
            drop(body.taken());
            tokio::task::yield_now().await;
        }
        Ok(response)
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
    parts: &mut Parts,
    body: &mut Sent,
    mut asked: Asked,
    mut exchange: Exchange,
) -> Response<ReplyBody> {
    let start = exchange.start;
    let limits = &worker.shared.limits;
    let known = match live.needs_body {
        true => {
            let known = body.known(live, parts, limits.held_body);
            // As patient as with the head: it decides who gets the request.
            match tokio::time::timeout(limits.header_time, known).await {
                Ok(known) => known,
                Err(_) => return unanswered(exchange, client, Failure::ClientBody),
            }
        }
        false => None,
    };
    let id = worker.id();
    let decision = plan::decided(live, id, client, parts, known.as_deref());
    exchange.decided(&decision);
    let plan = Plan::new(live, &decision);
    if decision.unmirrorable {
        plan.metrics.dropped(Dropped::Effects);
    }
    body.hold(plan.holds(live, &parts.method, worker.shared.limits.held_body));

    let upgrade = headers::remove_hop_by_hop(&mut parts.headers);
    // HTTP/1.0 knows none (RFC 9110 §7.8).
    let upgrade = upgrade.filter(|_| parts.version != Version::HTTP_10);
    headers::for_upstream(&mut parts.headers, parts.version, client);
    let (own, sampled) = exchange.own_trace(id);
    let trace = trace::pass_on(&mut parts.headers, own, sampled);
    exchange.traced(trace);
    asked.protocol = upgrade.clone();
    let mut head = Head {
        target: target(&parts.uri),
        method: parts.method.clone(),
        headers: std::mem::take(&mut parts.headers),
        upgrade,
    };
    let copied = plan.is_copied().then(|| Box::new(head.clone()));
    let sent = send::send(worker, live, &plan, &mut exchange, &mut head, body).await;
    let (answer, end) = match sent {
        Ok(answered) => answered,
        Err(failure) => {
            let outcome = Outcome {
                side: plan.side,
                to_head: start.elapsed(),
                result: Err(failure),
            };
            if let Some(head) = copied
                && let Some(meeting) = copy::start(worker, &plan, &exchange, trace, *head, body)
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
        return asked.switched(exchange, client, head, switched, to_upstream);
    }
    if asked.is_opened_by(&head) {
        return unanswered(exchange, client, Failure::NotHttp);
    }
    if parts.version < Version::HTTP_2 && !body.is_read() {
        // Whatever the client asked behind what it is still sending would be
        // lost with the connection.
        let close = HeaderValue::from_static("close");
        head.headers.insert(CONNECTION, close);
    }
    let capture = copied.and_then(|copied| {
        if end == End::Fallback {
            plan.metrics.dropped(Dropped::Fallback);
            return None;
        }
        let meeting = copy::start(worker, &plan, &exchange, trace, *copied, body)?;
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

/// The origin-form of what was asked for.
fn target(uri: &Uri) -> PathAndQuery {
    let target = uri.path_and_query().cloned();
    target.unwrap_or_else(|| PathAndQuery::from_static("/"))
}

fn set_cookie(head: &mut response::Parts, decision: &Decision<'_>, tls: bool) {
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
