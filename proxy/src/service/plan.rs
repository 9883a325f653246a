//! What was decided, and what is done with it.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use http::header::HOST;
use http::request::Parts;
use http::{Method, StatusCode};

use super::sent::Sent;
use crate::decide::{Decision, Fallback, RequestHead, decide};
use crate::forward::headers::Client;
use crate::forward::mirror::Purpose;
use crate::forward::upstream::Group;
use crate::metrics::RouteMetrics;
use crate::outcome::Failure;
use crate::route::{Side, StageRoute};
use crate::state::Live;
use crate::verdict::Tally;

/// Decides on a request by its head and, where a key is in it, its body.
pub(super) fn decided<'t>(
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
            time: match live.table.testers {
                Some(_) => SystemTime::now(),
                // Only a tester's word ends at a time.
                None => UNIX_EPOCH,
            },
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

/// A decision, with what it is done with.
pub(super) struct Plan<'a> {
    pub(super) side: Side,
    pub(super) fallback: Fallback,
    pub(super) group: &'a Arc<Group>,
    pub(super) metrics: &'a RouteMetrics,
    pub(super) mirror: Option<(Side, &'a Arc<Group>)>,
    /// The monolith, which answers, is asked twice.
    pub(super) again: bool,
    /// Where both sides' doings are counted, if anybody wants to know.
    pub(super) tally: Option<&'a Arc<Tally>>,
    pub(super) route: Option<usize>,
    /// Where its key lies, and whether it has one.
    pub(super) place: u64,
    pub(super) keyed: bool,
    /// The route that owns the request.
    owner: Option<&'a StageRoute>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(live: &'a Live, decision: &Decision<'a>) -> Plan<'a> {
        let stage = decision.route.map(|route| live.table.routes[route].stage);
        Plan {
            side: decision.side,
            fallback: decision.fallback,
            group: live.group(stage, decision.side),
            metrics: live.metrics.route(decision.route),
            mirror: decision.mirror.map(|side| (side, live.group(stage, side))),
            again: decision.again,
            tally: live.tally(stage),
            route: decision.route,
            place: decision.place,
            keyed: decision.keyed,
            owner: decision.route.map(|route| &live.table.routes[route]),
        }
    }

    /// Who gets a copy, and what for.
    pub(super) fn copies(&self) -> impl Iterator<Item = (Purpose, Side, &'a Arc<Group>)> {
        let mirror = self
            .mirror
            .map(|(side, group)| (Purpose::Mirror, side, group));
        let again = self
            .again
            .then_some((Purpose::Again, self.side, self.group));
        mirror.into_iter().chain(again)
    }

    pub(super) fn is_copied(&self) -> bool {
        self.mirror.is_some() || self.again
    }

    /// The side that was decided on said so, or did not answer.
    pub(super) fn heard(&self, said: Result<StatusCode, Failure>, start: Instant) {
        if let Some(tally) = self.tally {
            tally.answered(self.side, said, start.elapsed());
        }
    }

    /// Counts a failure; one of the client's own body is the client's.
    pub(super) fn failed(&self, side: Side, failure: Failure, body: &Sent) -> Failure {
        let failure = match body.is_broken() {
            true => Failure::ClientBody,
            false => failure,
        };
        self.metrics.failed(side, failure);
        failure
    }

    /// Whether it does no harm to ask that side the same twice.
    pub(super) fn is_repeatable(&self, side: Side, method: &Method) -> bool {
        match self.owner {
            Some(route) => route.is_repeatable(side, method),
            None => method.is_idempotent(),
        }
    }

    /// How much of the body is kept, if any.
    pub(super) fn holds(&self, live: &Live, method: &Method, held: usize) -> Option<usize> {
        match self.side {
            _ if self.is_copied() => Some(live.settings.mirror.body.max(held)),
            Side::Candidate => Some(held),
            Side::Monolith => self.is_repeatable(Side::Monolith, method).then_some(held),
        }
    }
}
