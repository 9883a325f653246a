//! The board whenever it changes, as server-sent events (WHATWG HTML §9.2).
//!
//! `board` is the whole document, `beat` says that the connection lives, `end`
//! that it will not any more. However many pages are open, the board is
//! gathered once a second; while none is, not at all.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::HeaderMap;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::document::ErrorDocument;
use super::guard::Guard;
use super::session::Session;
use super::{Shared, Told, board, journal};
use crate::journal::JournalError;

/// How often the board is gathered.
const OFTEN: Duration = Duration::from_secs(1);
/// How often a page hears something, changed or not. It takes three times that
/// for a broken connection.
const BEAT: Duration = Duration::from_secs(4);
/// How many pages can be open.
const PAGES: usize = 32;

/// The board as it was last told.
pub(super) struct Live {
    last: watch::Sender<Arc<str>>,
    pages: Arc<Semaphore>,
}

impl Live {
    pub(super) fn new() -> Live {
        Live {
            last: watch::Sender::new(Arc::from("")),
            pages: Arc::new(Semaphore::new(PAGES)),
        }
    }

    fn gather(&self, shared: &Shared) -> Result<(), JournalError> {
        let draining = shared.told.borrow().draining;
        let board = board::of(&shared.control, draining)?;
        let text = serde_json::to_string(&board).unwrap_or_default();
        self.last.send_if_modified(|last| {
            let changed = **last != *text;
            if changed {
                *last = text.into();
            }
            changed
        });
        Ok(())
    }
}

/// Gathers the board for as long as somebody looks.
pub(super) async fn gather(shared: &Shared) {
    let mut tick = interval(OFTEN);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        if shared.live.last.receiver_count() == 0 {
            continue;
        }
        if let Err(error) = shared.live.gather(shared) {
            // The pages keep what they have, and are told when they ask.
            tracing::error!(%error, mend = error.mend(), "the board cannot be gathered");
        }
    }
}

/// One page's.
struct Stream {
    boards: watch::Receiver<Arc<str>>,
    told: watch::Receiver<Told>,
    beat: Interval,
    guard: Arc<Guard>,
    /// None of somebody who holds the token.
    session: Option<Session>,
    over: bool,
    _page: OwnedSemaphorePermit,
}

/// No page is told anything any more.
fn ends(told: &Told) -> bool {
    told.draining || told.left || told.stop
}

/// Tells the board now, and whenever it changes.
pub(super) async fn live(
    State((shared, guard)): State<(Arc<Shared>, Arc<Guard>)>,
    headers: HeaderMap,
) -> Response {
    let refuse = |cause: &str, mend: &str| {
        ErrorDocument::new(None, cause.to_owned(), mend).with(StatusCode::SERVICE_UNAVAILABLE)
    };
    let session = guard.sessions.of(&headers);
    if session.is_none() && !guard.knows_token(&headers) {
        // It has ended since the guard looked.
        return refuse("the session has ended", "log in again");
    }
    if ends(&shared.told.borrow()) {
        return refuse("the proxy is shutting down", "ask its successor");
    }
    let Ok(page) = Arc::clone(&shared.live.pages).try_acquire_owned() else {
        let cause = format!("{PAGES} pages are open already");
        return refuse(&cause, "close one of them");
    };
    if let Err(error) = shared.live.gather(&shared) {
        return journal(&error);
    }
    let mut boards = shared.live.last.subscribe();
    boards.mark_changed();
    let mut beat = interval(BEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let stream = Stream {
        boards,
        told: shared.told.clone(),
        beat,
        session,
        guard,
        over: false,
        _page: page,
    };
    Sse::new(unfold(stream, next)).into_response()
}

async fn next(mut stream: Stream) -> Option<(Result<Event, Infallible>, Stream)> {
    if stream.over {
        return None;
    }
    let sessions = &stream.guard.sessions;
    let ended = |session: &Session| !sessions.holds(session);
    let event = tokio::select! {
        biased;
        _ = stream.told.wait_for(ends) => None,
        _ = stream.beat.tick() => match stream.session.as_ref().is_some_and(ended) {
            true => None,
            false => Some(Event::default().event("beat").data("")),
        },
        Ok(()) = stream.boards.changed() => {
            let board = Arc::clone(&stream.boards.borrow_and_update());
            Some(Event::default().event("board").data(&*board))
        }
        else => None,
    };
    stream.over = event.is_none();
    let event = event.unwrap_or_else(|| Event::default().event("end").data(""));
    Some((Ok(event), stream))
}
