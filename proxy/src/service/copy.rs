//! The copy of a request is started here, if it has a place, and here the pair
//! of outcomes arrives once both are there.

use std::rc::Rc;
use std::sync::Arc;

use http_body::Body;

use super::plan::Plan;
use super::sent::Sent;
use crate::forward::exchange::Head;
use crate::forward::held::Held;
use crate::forward::mirror::{Copy, Meeting, Pair};
use crate::metrics::{Dropped, RouteMetrics};
use crate::state::{Live, Worker};

/// Sends the other side what was kept of the request; None, and counted, where
/// that cannot be done.
pub(super) fn start(
    worker: &Rc<Worker>,
    live: &Live,
    plan: &Plan<'_>,
    head: Head,
    body: &mut Sent,
) -> Option<Rc<Meeting>> {
    let (side, group) = plan.mirror?;
    let body = match body.taken() {
        Sent::Streamed(body) if body.is_end_stream() => None,
        Sent::Held(held) if held.is_whole() => Some(held),
        Sent::Held(held) => {
            plan.metrics.dropped(match held.reader().is_some() {
                true => Dropped::BodyIncomplete,
                false => Dropped::BodyTooLong,
            });
            return None;
        }
        Sent::Streamed(_) | Sent::Gone(_) => None,
    };
    let limits = &live.settings.mirror;
    let bytes = body.as_ref().map_or(0, Held::len);
    if bytes > limits.body {
        plan.metrics.dropped(Dropped::BodyTooLong);
        return None;
    }
    let place = match worker.shared.mirrors.place(bytes, limits) {
        Ok(place) => place,
        Err(why) => {
            plan.metrics.dropped(why);
            return None;
        }
    };
    plan.metrics.mirrored(side);
    let meeting = Meeting::new(met(plan.metrics));
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

/// Where a finished pair goes. It is called on the worker's thread: whatever
/// looks at the two answers must do so elsewhere.
fn met(metrics: &RouteMetrics) -> Box<dyn Fn(Pair)> {
    let pairs = metrics.pairs();
    Box::new(move |pair| pairs.met(&pair))
}
