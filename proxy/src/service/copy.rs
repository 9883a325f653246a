//! The copies of a request are started here, as far as they have a place, and
//! here all that was said to it arrives once it is there.

use std::rc::Rc;
use std::sync::Arc;
use std::time::SystemTime;

use http_body::Body;

use super::exchange::Exchange;
use super::plan::Plan;
use super::sent::Sent;
use crate::forward::exchange::Head;
use crate::forward::held::Held;
use crate::forward::mirror::{Copy, Meeting, Met, Place, Purpose};
use crate::forward::upstream::Group;
use crate::metrics::Dropped;
use crate::route::{Mode, Side};
use crate::spans::Origin;
use crate::state::{Kept, Worker};
use crate::verdict::{Answers, Request};

/// Sends what was kept of the request to whoever is to get a copy; None, and
/// counted, where that cannot be done.
pub(super) fn start(
    worker: &Rc<Worker>,
    plan: &Plan<'_>,
    exchange: &Exchange,
    trace: u128,
    head: Head,
    body: &mut Sent,
) -> Option<Rc<Meeting>> {
    let live = exchange.live();
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
    let load = &worker.shared.mirrors;
    let dropped = |why| plan.metrics.dropped(why);
    let room = match load.room(bytes, limits) {
        Ok(room) => room,
        Err(why) => {
            plan.copies().for_each(|_| dropped(why));
            return None;
        }
    };
    let place = || load.place(limits).map_err(dropped).ok();
    let wanted = plan.copies();
    let placed = wanted.filter_map(|(purpose, side, group)| Some((purpose, side, group, place()?)));
    let placed: Vec<(Purpose, Side, &Arc<Group>, Place)> = placed.collect();
    if placed.is_empty() {
        return None;
    }
    let route = plan.route?;
    let origin = exchange.spans.as_ref();
    let origin = origin.map(|spans| Box::new(spans.origin().clone()));
    let asked = live.settings.compare[route].enabled.then(|| Asked {
        trace,
        time: SystemTime::now(),
        origin: origin.clone(),
        place: plan.place,
        keyed: plan.keyed,
        request: Request {
            method: head.method.clone(),
            target: head.target.clone(),
            headers: head.headers.clone(),
            body: body.as_ref().map_or_else(Vec::new, Held::pieces),
        },
    });
    let meeting = Meeting::new(placed.len(), room, met(worker, live, route, asked));
    let mut left = placed.len();
    let mut head = Some(Head {
        upgrade: None,
        ..head
    });
    for (purpose, side, group, place) in placed {
        plan.metrics.mirrored(side);
        left -= 1;
        let copy = Copy {
            purpose,
            side,
            group: Arc::clone(group),
            head: match left {
                0 => head.take()?,
                _ => head.clone()?,
            },
            body: body.clone(),
            limit: limits.body,
            place,
            origin: origin.clone(),
            meeting: Rc::clone(&meeting),
        };
        tokio::task::spawn_local(copy.send(worker.pools.clone()));
    }
    Some(meeting)
}

/// What is told of the request beside its outcomes.
struct Asked {
    trace: u128,
    /// When the answering side had answered: of a client that waits for each
    /// answer before it asks again, later for each request.
    time: SystemTime,
    origin: Option<Box<Origin>>,
    place: u64,
    keyed: bool,
    request: Request,
}

/// Where all that was said to a request goes. It is called on the worker's
/// thread, and only hands it on, where answers are compared at all: who looks at
/// them does so elsewhere.
fn met(
    worker: &Rc<Worker>,
    live: &Kept,
    route: usize,
    asked: Option<Asked>,
) -> Box<dyn FnOnce(Met)> {
    let (worker, live) = (Rc::clone(worker), live.clone());
    Box::new(move |met| {
        let metrics = live.metrics.route(Some(route));
        let stage = live.table.routes[route].stage;
        if let Some(mirrored) = &met.mirrored {
            metrics.pairs().met(&met.primary, mirrored);
            // In the other modes, the sides are judged by what clients got.
            let mode = live.table.stages[stage].share.mode;
            let shadows = matches!(mode, Mode::Shadow | Mode::ReverseShadow);
            if let Some(tally) = live.tally(Some(stage)).filter(|_| shadows) {
                tally.outcome(mirrored);
            }
        }
        let Some(asked) = asked else { return };
        if met.short {
            return metrics.dropped(Dropped::ComparisonMemory);
        }
        let memory = live.settings.mirror.memory;
        let answers = Answers {
            live: live.shared(),
            route,
            id: asked.trace,
            place: asked.place,
            keyed: asked.keyed,
            time: asked.time,
            origin: asked.origin,
            request: asked.request,
            primary: met.primary,
            mirrored: met.mirrored,
            again: met.again,
        };
        if let Err(why) = worker.shared.verdicts.look_at(answers, memory) {
            metrics.dropped(why);
        }
    })
}
