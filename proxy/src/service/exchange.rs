//! The counted life of a request: from its head to the end of its answer.

use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use http::{Request, StatusCode};

use crate::access::{Ended, Entry};
use crate::decide::Decision;
use crate::forward::exchange::{Answer, Head};
use crate::forward::headers::Client;
use crate::forward::upstream::Upstream;
use crate::methods::Known;
use crate::metrics::End;
use crate::outcome::Failure;
use crate::route::Side;
use crate::spans::{Spans, Turn};
use crate::state::{Kept, Worker};

/// One request from its head to the end of its answer. Counted once: when it
/// is finished, or as aborted when it is dropped before.
pub(crate) struct Exchange {
    pub(super) worker: Rc<Worker>,
    live: Kept,
    route: Option<usize>,
    pub(super) side: Side,
    pub(super) end: End,
    pub(super) start: Instant,
    method: Known,
    finished: bool,
    /// The client's answer is an error of a server.
    is_error: bool,
    access: Option<Box<Entry>>,
    pub(super) spans: Option<Box<Spans>>,
}

impl Exchange {
    pub(super) fn new(worker: &Rc<Worker>, live: &Kept, start: Instant) -> Exchange {
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
            method: Known::OTHER,
            finished: false,
            is_error: false,
            access: None,
            spans: None,
        }
    }

    /// Whoever follows single requests hears of this one from here on.
    pub(super) fn followed<B>(&mut self, request: &Request<B>, client: &Client) {
        self.method = Known::of(request.method());
        self.access = Entry::begin(request.method(), request.uri(), client.address);
        let tracing = self.worker.shared.tracing.get();
        self.spans = Spans::begin(tracing, request, client);
    }

    pub(super) fn decided(&mut self, decision: &Decision<'_>) {
        self.route = decision.route;
        self.side = decision.side;
        if let Some(access) = &mut self.access {
            access.decided(decision.why);
        }
        if let Some(spans) = &mut self.spans {
            let route = decision.route.map(|route| &self.live.table.routes[route]);
            let template = route.map(|route| &route.template);
            spans.decided(decision.why, decision.side, template);
        }
    }

    /// The trace that a request without one gets, and whether it is recorded:
    /// where nobody does so here, those behind may.
    pub(super) fn own_trace(&self, id: u128) -> (u128, bool) {
        match &self.spans {
            Some(spans) => (spans.trace(), true),
            None => (id, self.worker.shared.tracing.get().is_none()),
        }
    }

    /// Its trace is known by that number.
    pub(super) fn traced(&mut self, trace: u128) {
        if let Some(access) = &mut self.access {
            access.traced(trace, self.spans.as_ref().map(|spans| spans.id()));
        }
    }

    /// An upstream is asked.
    pub(super) fn asks(&mut self, turn: Turn, side: Side, upstream: &Upstream, head: &mut Head) {
        if let Some(spans) = &mut self.spans {
            spans.asks(turn, side, upstream, head);
        }
    }

    /// It answers.
    pub(super) fn heard(&mut self, answer: &Answer) {
        if let Some(spans) = &mut self.spans {
            spans.heard(&answer.response);
        }
    }

    /// It does not.
    pub(super) fn unheard(&mut self, failure: Failure) -> Failure {
        if let Some(spans) = &mut self.spans {
            spans.unheard(failure);
        }
        failure
    }

    /// The proxy answers itself, and why.
    pub(super) fn failed(&mut self, why: &'static str) {
        if let Some(spans) = &mut self.spans {
            spans.failed(why);
        }
    }

    /// The table it was decided by.
    pub(super) fn live(&self) -> &Kept {
        &self.live
    }

    /// The head of an answer goes to the client.
    pub(super) fn answered(&mut self, status: StatusCode) {
        self.is_error = status.is_server_error();
        if let Some(access) = &mut self.access {
            access.answered(status);
        }
        if let Some(spans) = &mut self.spans {
            spans.answered(status);
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
        if self.is_error || end == End::Aborted {
            metrics.unsuccessful(self.side);
        }
        if self.access.is_some() || self.spans.is_some() {
            let ended = Ended {
                table: &self.live.table,
                route: self.route,
                side: self.side,
                end,
                took: self.start.elapsed(),
            };
            if let Some(access) = &self.access {
                access.log(&ended);
            }
            if let Some(spans) = self.spans.take() {
                spans.end(&ended);
            }
        }
        if !matches!(end, End::Refused) {
            metrics.took(self.method, self.side, self.start.elapsed());
        }
        self.worker
            .shared
            .metrics
            .in_flight
            .fetch_sub(1, Ordering::Relaxed);
    }
}
