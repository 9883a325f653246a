//! Who has logged in: a person before the page, as a cookie.
//!
//! The cookie holds random bytes that mean nothing elsewhere; the token itself
//! is shown once and kept nowhere. Sessions end after [`LIFE`], at a restart,
//! and when [`MOST`] others were begun since.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::header::{COOKIE, HeaderMap, HeaderValue, RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderName, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use rand::TryRngCore;
use rand::rngs::OsRng;
use schemars::JsonSchema;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::document::{ErrorDocument, said};
use super::guard::Guard;

/// How long a session holds.
const LIFE: Duration = Duration::from_secs(12 * 60 * 60);
/// How many there are at most.
const MOST: usize = 64;
/// How long a wrong token takes; meanwhile no other is looked at.
const SLOW: Duration = Duration::from_millis(500);
/// How many may wait for that.
const WAITING: usize = 8;
/// Sent by the page with whatever changes something. A page of another origin
/// cannot send it without being allowed to, which nobody is.
pub(super) const PAGE: HeaderName = HeaderName::from_static("x-cutline-page");

/// Those who have logged in.
pub(super) struct Sessions {
    /// The cookie's. Cookies do not tell ports apart; two proxies on one
    /// machine do.
    name: String,
    secure: bool,
    open: Mutex<VecDeque<Session>>,
    turn: Semaphore,
    waiting: Arc<Semaphore>,
}

/// What is kept of a session: not what its cookie holds, but its hash.
#[derive(Clone, Copy)]
pub(super) struct Session {
    hash: [u8; 32],
    until: Instant,
}

impl Sessions {
    /// Of the interface on that port. Over TLS, cookies never leave it.
    pub(super) fn new(port: u16, secure: bool) -> Sessions {
        let prefix = if secure { "__Host-" } else { "" };
        Sessions {
            name: format!("{prefix}cutline_session_{port}"),
            secure,
            open: Mutex::new(VecDeque::new()),
            turn: Semaphore::new(1),
            waiting: Arc::new(Semaphore::new(WAITING)),
        }
    }

    /// Begins a session, and returns what sets its cookie. None where the
    /// system has no random numbers.
    pub(super) fn begin(&self) -> Option<HeaderValue> {
        let mut random = [0; 32];
        OsRng.try_fill_bytes(&mut random).ok()?;
        let text = URL_SAFE_NO_PAD.encode(random);
        let mut open = self.open();
        if open.len() >= MOST {
            open.pop_front();
        }
        open.push_back(Session {
            hash: Sha256::digest(&text).into(),
            until: Instant::now() + LIFE,
        });
        self.cookie(&text, LIFE)
    }

    fn cookie(&self, text: &str, life: Duration) -> Option<HeaderValue> {
        let (name, seconds) = (&self.name, life.as_secs());
        let secure = if self.secure { "; Secure" } else { "" };
        let cookie =
            format!("{name}={text}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
        HeaderValue::from_str(&cookie).ok()
    }

    /// The session that a request belongs to.
    pub(super) fn of(&self, headers: &HeaderMap) -> Option<Session> {
        let fields = headers.get_all(COOKIE).into_iter();
        let mut pairs = fields
            .filter_map(|field| field.to_str().ok())
            .flat_map(|field| field.split(';'))
            .filter_map(|pair| pair.trim().split_once('='));
        let (_, text) = pairs.find(|(name, _)| *name == self.name)?;
        let hash: [u8; 32] = Sha256::digest(text).into();
        self.find(&hash)
    }

    /// False once it has ended.
    pub(super) fn holds(&self, session: &Session) -> bool {
        self.find(&session.hash).is_some()
    }

    /// Compared in a time that says nothing of where two differ.
    fn find(&self, hash: &[u8; 32]) -> Option<Session> {
        let mut open = self.open();
        let now = Instant::now();
        open.retain(|session| session.until > now);
        open.iter()
            .find(|session| session.hash.ct_eq(hash).into())
            .copied()
    }

    fn end(&self, session: &Session) {
        self.open().retain(|other| other.hash != session.hash);
    }

    fn open(&self) -> MutexGuard<'_, VecDeque<Session>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that a session sends says that the page sent it, where it changes
/// anything.
pub(super) fn is_of_page(method: &Method, headers: &HeaderMap) -> bool {
    method.is_safe() || headers.contains_key(PAGE)
}

/// What a person shows.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Login {
    /// What `admin.token` in the state folder holds.
    token: String,
}

/// Begins a session for whoever knows the token. A wrong one is answered late,
/// and one after the other: more than [`WAITING`] at once are turned away.
pub(super) async fn log_in(
    State(guard): State<Arc<Guard>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let login: Login = match said(&headers, body, None, r#"such as {"token": "…"}"#) {
        Ok(login) => login,
        Err((status, refusal)) => return refusal.with(status),
    };
    let sessions = &guard.sessions;
    let refuse = |status, cause: &str, mend: &str| {
        ErrorDocument::new(None, cause.to_owned(), mend).with(status)
    };
    let Ok(_waits) = sessions.waiting.try_acquire() else {
        let mut response = refuse(
            StatusCode::TOO_MANY_REQUESTS,
            "too many log in at once",
            "try again in a few seconds",
        );
        let again = HeaderValue::from_static("5");
        response.headers_mut().insert(RETRY_AFTER, again);
        return response;
    };
    // The semaphore is never closed.
    let _turn = sessions.turn.acquire().await;
    if !guard.is_token(login.token.trim()) {
        tracing::warn!("somebody tried to log in with a wrong token");
        tokio::time::sleep(SLOW).await;
        return refuse(
            StatusCode::UNAUTHORIZED,
            "the token is wrong",
            "it is what admin.token in the state folder holds",
        );
    }
    match sessions.begin() {
        Some(cookie) => (StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)]).into_response(),
        None => refuse(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the system has no random numbers",
            "use the token itself",
        ),
    }
}

/// Ends the session that asks for it.
pub(super) async fn log_out(State(guard): State<Arc<Guard>>, headers: HeaderMap) -> Response {
    let sessions = &guard.sessions;
    if let Some(session) = sessions.of(&headers) {
        sessions.end(&session);
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    if let Some(gone) = sessions.cookie("", Duration::ZERO) {
        response.headers_mut().insert(SET_COOKIE, gone);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(cookie: &HeaderValue) -> HeaderMap {
        let text = cookie.to_str().unwrap();
        let pair = text.split(';').next().unwrap();
        let field = format!("other=1; {pair}; cutline_session=x");
        HeaderMap::from_iter([(COOKIE, field.parse().unwrap())])
    }

    #[test]
    fn a_cookie_is_this_ports_and_no_script_sees_it() {
        let cookie = Sessions::new(9901, false).begin().unwrap();
        let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
        assert_eq!(name, "cutline_session_9901");
        let (text, attributes) = rest.split_once("; ").unwrap();
        assert_eq!(text.len(), 43);
        assert_eq!(
            attributes,
            "Path=/; Max-Age=43200; HttpOnly; SameSite=Strict"
        );
        let over_tls = Sessions::new(9901, true).begin().unwrap();
        let text = over_tls.to_str().unwrap();
        assert!(text.starts_with("__Host-cutline_session_9901=") && text.ends_with("; Secure"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_ends_in_time_or_when_told() {
        let sessions = Sessions::new(9901, false);
        let (mine, other) = (sessions.begin().unwrap(), sessions.begin().unwrap());
        let session = sessions.of(&sent(&mine)).unwrap();
        sessions.end(&session);
        assert!(sessions.of(&sent(&mine)).is_none());
        assert!(!sessions.holds(&session));
        tokio::time::advance(LIFE - Duration::from_secs(1)).await;
        assert!(sessions.of(&sent(&other)).is_some());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(sessions.of(&sent(&other)).is_none());
        assert!(sessions.of(&HeaderMap::new()).is_none());
    }

    #[test]
    fn the_oldest_gives_way() {
        let sessions = Sessions::new(9901, false);
        let all: Vec<_> = (0..=MOST).map(|_| sessions.begin().unwrap()).collect();
        assert!(sessions.of(&sent(&all[0])).is_none());
        assert!(all[1..].iter().all(|one| sessions.of(&sent(one)).is_some()));
        assert_eq!(sessions.open().len(), MOST);
    }

    fn guard() -> Arc<Guard> {
        let address = ([127, 0, 0, 1], 9_901).into();
        Arc::new(Guard::new("s3cret".to_owned(), address, None))
    }

    async fn try_with(guard: Arc<Guard>, body: &'static str) -> Response {
        let json = HeaderValue::from_static("application/json");
        let headers = HeaderMap::from_iter([(axum::http::header::CONTENT_TYPE, json)]);
        log_in(
            State(guard),
            headers,
            Ok(Bytes::from_static(body.as_bytes())),
        )
        .await
    }

    #[tokio::test(start_paused = true)]
    async fn wrong_tokens_are_slow_and_few() {
        let guard = guard();
        let begun = Instant::now();
        let tries = (0..20).map(|_| {
            let guard = Arc::clone(&guard);
            tokio::spawn(try_with(guard, r#"{"token": "guess"}"#))
        });
        let mut answers = Vec::new();
        for one in tries.collect::<Vec<_>>() {
            answers.push(one.await.unwrap().status().as_u16());
        }
        let count = |status| answers.iter().filter(|own| **own == status).count();
        assert_eq!((count(401), count(429)), (WAITING, 20 - WAITING));
        assert_eq!(
            begun.elapsed(),
            SLOW * WAITING as u32,
            "one after the other"
        );
        let right = try_with(Arc::clone(&guard), r#"{"token": " s3cret\n"}"#).await;
        assert_eq!(right.status(), 204);
        let cookie = right.headers()[SET_COOKIE].clone();
        assert!(guard.sessions.of(&sent(&cookie)).is_some());
        let gone = log_out(State(Arc::clone(&guard)), sent(&cookie)).await;
        let text = gone.headers()[SET_COOKIE].to_str().unwrap();
        assert!(text.contains("=; Path=/; Max-Age=0;"), "{text}");
        assert!(guard.sessions.of(&sent(&cookie)).is_none());
    }

    #[tokio::test]
    async fn what_is_no_login_is_refused_at_once() {
        for body in [
            "",
            "{}",
            "[]",
            r#"{"token": 1}"#,
            r#"{"token": "s3cret", "x": 1}"#,
        ] {
            assert_eq!(try_with(guard(), body).await.status(), 400, "{body}");
        }
        let form = log_in(
            State(guard()),
            HeaderMap::new(),
            Ok(Bytes::from_static(b"{}")),
        )
        .await;
        assert_eq!(form.status(), 415);
    }
}
