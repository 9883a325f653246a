//! What was decided, and what is done with it.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use http::header::HOST;
use http::request::Parts;

use super::sent::Sent;
use crate::decide::{Decision, Fallback, RequestHead, decide};
use crate::forward::headers::Client;
use crate::forward::upstream::Group;
use crate::metrics::RouteMetrics;
use crate::outcome::Failure;
use crate::route::Side;
use crate::state::Live;

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
    /// Not to be sent twice, not even to the same side.
    pub(super) once: bool,
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
            once: decision.fallback == Fallback::Unsent,
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

    /// How much of the body is kept, if any.
    pub(super) fn holds(&self, live: &Live, held: usize) -> Option<usize> {
        match (&self.mirror, self.side) {
            (Some(_), _) => Some(live.settings.mirror.body.max(held)),
            (None, Side::Candidate) => Some(held),
            (None, Side::Monolith) => None,
        }
    }
}
