//! [`Answers`]: a request and what was said to it, on its way to be compared.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method};

use crate::outcome::{Captured, Outcome};
use crate::route::Side;
use crate::spans::Origin;
use crate::state::Live;

/// A request and what was said to it.
pub(crate) struct Answers {
    /// The table by which it was decided on.
    pub(crate) live: Arc<Live>,
    /// Its place in the table's routes.
    pub(crate) route: usize,
    /// Its trace, by which it is found in the access log.
    pub(crate) id: u128,
    /// Where its key lies at the stage, and whether it has one: the same for
    /// all requests of a client.
    pub(crate) place: u64,
    pub(crate) keyed: bool,
    pub(crate) time: SystemTime,
    /// Its own span, where it is recorded.
    pub(crate) origin: Option<Box<Origin>>,
    pub(crate) request: Request,
    /// Of the side that answered the client.
    pub(crate) primary: Outcome,
    /// Of the other side, where it got a copy.
    pub(crate) mirrored: Option<Outcome>,
    /// The monolith's second answer, where it was asked twice.
    pub(crate) again: Option<Outcome>,
}

/// What was asked.
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) target: PathAndQuery,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<Bytes>,
}

impl Answers {
    /// The monolith's answer and the candidate's, where both were asked.
    pub(super) fn sides(&self) -> Option<(&Outcome, &Outcome)> {
        let mirrored = self.mirrored.as_ref()?;
        Some(match self.primary.side {
            Side::Monolith => (&self.primary, mirrored),
            Side::Candidate => (mirrored, &self.primary),
        })
    }

    /// Bytes of all bodies.
    pub(super) fn bytes(&self) -> usize {
        let outcomes = [
            Some(&self.primary),
            self.mirrored.as_ref(),
            self.again.as_ref(),
        ];
        let request = self.request.body.iter().map(Bytes::len).sum::<usize>();
        request + outcomes.into_iter().flatten().map(kept).sum::<usize>()
    }
}

fn kept(outcome: &Outcome) -> usize {
    match outcome.result.as_ref().map(|reply| &reply.body) {
        Ok(Captured::Whole(pieces)) => pieces.iter().map(Bytes::len).sum(),
        _ => 0,
    }
}
