//! The counted life of a request: from its head to the end of its answer.

use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use http::StatusCode;

use crate::access::{Ended, Entry};
use crate::metrics::End;
use crate::route::Side;
use crate::state::{Kept, Worker};

/// One request from its head to the end of its answer. Counted once: when it
/// is finished, or as aborted when it is dropped before.
pub(crate) struct Exchange {
    pub(super) worker: Rc<Worker>,
    live: Kept,
    pub(super) route: Option<usize>,
    pub(super) side: Side,
    pub(super) end: End,
    pub(super) start: Instant,
    finished: bool,
    pub(super) access: Option<Box<Entry>>,
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
            finished: false,
            access: None,
        }
    }

    /// The head of an answer goes to the client.
    pub(super) fn answered(&mut self, status: StatusCode) {
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
