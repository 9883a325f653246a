//! Who is asked: the side that was decided on and, where that does no harm,
//! the monolith in its place.

use std::rc::Rc;
use std::time::Instant;

use http::StatusCode;

use super::exchange::Exchange;
use super::plan::Plan;
use super::sent::Sent;
use crate::decide::Fallback;
use crate::forward::exchange::{self, Answer, Failed, Head};
use crate::forward::outbound::Outbound;
use crate::metrics::End;
use crate::outcome::Failure;
use crate::route::Side;
use crate::spans::Turn;
use crate::state::{Live, Worker};

/// Sends it, and says whose answer it is.
pub(super) async fn send(
    worker: &Rc<Worker>,
    live: &Live,
    plan: &Plan<'_>,
    exchange: &mut Exchange,
    head: &mut Head,
    body: &mut Sent,
) -> Result<(Answer, End), Failure> {
    let gone = Failure::ClientBody;
    let repeat = body.repeat(plan.is_repeatable(plan.side, &head.method));
    let first = body.attempt().ok_or(gone)?;
    if plan.side == Side::Monolith {
        let upstream = plan.group.choose_any();
        exchange.asks(Turn::First, Side::Monolith, upstream, head);
        let answer = exchange::exchange(&worker.pools, upstream, head, first, repeat).await;
        return match answer {
            Ok(answer) => {
                plan.heard(Ok(answer.response.status()), exchange.start);
                exchange.heard(&answer);
                Ok((answer, End::Monolith))
            }
            Err(failed) => {
                let failure = plan.failed(Side::Monolith, failed.failure, body);
                plan.heard(Err(failure), exchange.start);
                Err(exchange.unheard(failure))
            }
        };
    }
    worker.shared.retries.sent(Instant::now());
    let kept = Box::new(head.clone());
    let answer = match plan.group.choose() {
        Some(upstream) => {
            exchange.asks(Turn::First, Side::Candidate, upstream, head);
            exchange::exchange(&worker.pools, upstream, head, first, repeat).await
        }
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
    if let Ok(answer) = &answer {
        plan.heard(Ok(answer.response.status()), exchange.start);
        exchange.heard(answer);
    }
    let first_failure = match answer {
        Ok(answer) if !is_gateway_error(answer.response.status()) => {
            return Ok((answer, End::Candidate));
        }
        Ok(answer) => match body.attempt().filter(|_| again(true)) {
            Some(second) => {
                drop(answer);
                return Box::pin(fallen_back(
                    worker, live, plan, exchange, kept, second, body,
                ))
                .await;
            }
            None => return Ok((answer, End::Candidate)),
        },
        Err(failed) => {
            let failure = plan.failed(Side::Candidate, failed.failure, body);
            plan.heard(Err(failure), exchange.start);
            exchange.unheard(failure);
            if failure == gone || !again(failed.sent) {
                return Err(failure);
            }
            failure
        }
    };
    match body.attempt() {
        Some(second) => {
            Box::pin(fallen_back(
                worker, live, plan, exchange, kept, second, body,
            ))
            .await
        }
        None => Err(first_failure),
    }
}

async fn fallen_back(
    worker: &Rc<Worker>,
    live: &Live,
    plan: &Plan<'_>,
    exchange: &mut Exchange,
    mut head: Box<Head>,
    second: Outbound,
    body: &Sent,
) -> Result<(Answer, End), Failure> {
    let upstream = live.group(None, Side::Monolith).choose_any();
    exchange.asks(Turn::Fallback, Side::Monolith, upstream, &mut head);
    let repeat = body.repeat(plan.is_repeatable(Side::Monolith, &head.method));
    let answer = exchange::exchange(&worker.pools, upstream, &mut head, second, repeat).await;
    match answer {
        Ok(answer) => {
            exchange.heard(&answer);
            Ok((answer, End::Fallback))
        }
        Err(failed) => {
            let failure = plan.failed(Side::Monolith, failed.failure, body);
            Err(exchange.unheard(failure))
        }
    }
}

fn is_gateway_error(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
    )
}
