//! `Idempotency-Key` (IETF draft draft-ietf-httpapi-idempotency-key-header): a
//! request that comes with one has its effect once, however often it is sent.
//!
//! The ledger keeps its answer for a day. Whoever answers holds a lease and
//! renews it; should he die, the next one begins anew once that has run out,
//! and since the [`MessageId`] follows from the key, what was begun before is
//! gone on with.
//!
//! Where a token is asked for, what a request shows of it is part of what it
//! asks: who knows a key and not the token is told nothing of the answer.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::answer::{refused, unavailable};
use super::{MOST_BYTES, SHADOW};
use crate::host::guard::Guard;
use crate::spans;
use crate::store::artifact::ArtifactId;
use crate::store::ledger::{Begun, Claim, Entry, Ledger};

const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// For how long an answer is kept.
const KEEP_ANSWERS: Duration = Duration::from_secs(24 * 3600);

/// How long a key stays taken when whoever answered it has died.
const LEASE: Duration = Duration::from_secs(6);

/// Marks a response as what came of the request, whatever its status. Others
/// are kept where they tell of success: a refusal had no effect.
#[derive(Clone, Copy)]
pub(super) struct Keep;

/// The id of the message that a request with a key sends.
#[derive(Clone)]
pub(super) struct MessageId(pub(super) String);

/// The answer, as the ledger keeps it.
#[derive(Serialize, Deserialize)]
struct Kept {
    status: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    location: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content_type: Option<String>,
    body: String,
}

/// Of whose requests the keys are honoured.
#[derive(Clone)]
pub(super) struct Once {
    pub(super) ledger: Ledger,
    /// Who may change something; without, everybody may.
    pub(super) guard: Option<Guard>,
    /// Also of those whose method changes nothing.
    pub(super) safe_too: bool,
}

/// Answers a request, or says again what it was answered before.
pub(super) async fn once(State(once): State<Once>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let is_safe = [Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method());
    let is_left_alone = headers.contains_key(SHADOW) || is_safe && !once.safe_too;
    let Some(key) = headers.get(IDEMPOTENCY_KEY).filter(|_| !is_left_alone) else {
        return next.run(request).await;
    };
    let Some(key) = key_of(key).map(str::to_owned) else {
        return refused(
            StatusCode::BAD_REQUEST,
            "the Idempotency-Key is 1 to 255 visible ASCII characters",
        );
    };
    // What was begun is ended, though its client is gone.
    let work = async move { once.answer(&key, request, next).await };
    let answering = tokio::spawn(spans::along(work));
    match answering.await {
        Ok(Ok(response) | Err(response)) => response,
        Err(_) => refused(StatusCode::INTERNAL_SERVER_ERROR, "the answer broke off"),
    }
}

impl Once {
    async fn answer(&self, key: &str, request: Request, next: Next) -> Result<Response, Response> {
        let (mut parts, body) = request.into_parts();
        let body = to_bytes(body, MOST_BYTES).await.map_err(|_| {
            let why = format!("the body breaks off, or has more than {MOST_BYTES} bytes");
            refused(StatusCode::PAYLOAD_TOO_LARGE, why)
        })?;
        let (method, uri) = (parts.method.to_string(), parts.uri.to_string());
        let guard = self.guard.as_ref();
        let shown = guard.map(|guard| guard.shown(&parts.headers).to_string());
        let mut asks = vec![method.as_bytes(), uri.as_bytes()];
        asks.extend(shown.as_ref().map(String::as_bytes));
        asks.push(&body);
        let asks = asks.join(&b'\n');
        let scope = format!("{method} {}", parts.uri.path());
        let entry = Entry::answer(&scope, key, &asks, KEEP_ANSWERS);
        let id = id_of(entry.key());
        let holder = format!("{}/{id}", std::process::id());
        let begun = self.ledger.begin(&entry, &holder, LEASE).await;
        match begun.map_err(|error| unavailable(&error))? {
            Begun::Done(kept) => {
                let kept: Kept =
                    serde_json::from_value(kept).map_err(|error| unavailable(&error))?;
                Ok(kept.into_response())
            }
            Begun::Different => Err(refused(
                StatusCode::UNPROCESSABLE_ENTITY,
                "another request was sent with this Idempotency-Key: take a new key",
            )),
            Begun::Busy { .. } => {
                let why = "the first request with this Idempotency-Key is still being answered";
                let mut busy = refused(StatusCode::CONFLICT, why);
                let second = HeaderValue::from_static("1");
                busy.headers_mut().insert(header::RETRY_AFTER, second);
                Err(busy)
            }
            Begun::Mine(claim) => {
                parts.extensions.insert(MessageId(id));
                let request = Request::from_parts(parts, Body::from(body));
                let (response, claim) = self.held(claim, request, next).await;
                self.kept(claim, response).await
            }
        }
    }

    /// Answers, and holds on to the key while that lasts.
    async fn held(&self, mut claim: Claim, request: Request, next: Next) -> (Response, Claim) {
        let mut answering = std::pin::pin!(next.run(request));
        let mut again = tokio::time::interval(LEASE / 3);
        again.tick().await;
        loop {
            tokio::select! {
                response = &mut answering => return (response, claim),
                _ = again.tick() => match self.ledger.renew(claim.clone(), LEASE).await {
                    Ok(renewed) => claim = renewed,
                    // Whether the key is lost is found when the answer is kept.
                    Err(error) => tracing::warn!(%error, "an Idempotency-Key cannot be held on to"),
                },
            }
        }
    }

    async fn kept(&self, claim: Claim, response: Response) -> Result<Response, Response> {
        let is_outcome =
            response.extensions().get::<Keep>().is_some() || response.status().is_success();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await;
        let body = body.map_err(|error| unavailable(&error))?;
        let text = |name| {
            let value = parts.headers.get(name)?.to_str().ok()?;
            Some(value.to_owned())
        };
        let kept = std::str::from_utf8(&body).ok().map(|body| Kept {
            status: parts.status.as_u16(),
            location: text(header::LOCATION),
            content_type: text(header::CONTENT_TYPE),
            body: body.to_owned(),
        });
        match kept.filter(|_| is_outcome) {
            Some(kept) => {
                let kept = self.ledger.complete(claim, json!(kept)).await;
                kept.map_err(|error| unavailable(&error))?;
            }
            // Should this fail, the key is free once its lease is over.
            None => drop(self.ledger.give_up(claim).await),
        }
        Ok(Response::from_parts(parts, Body::from(body)))
    }
}

impl Kept {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(Bytes::from(self.body)));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        for (name, text) in [
            (header::LOCATION, self.location),
            (header::CONTENT_TYPE, self.content_type),
        ] {
            if let Some(value) = text.and_then(|text| HeaderValue::from_str(&text).ok()) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

fn key_of(header: &HeaderValue) -> Option<&str> {
    let key = header.to_str().ok()?.trim();
    let visible = key.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
    ((1..=255).contains(&key.len()) && visible).then_some(key)
}

/// The same for the same key of the ledger: what is sent twice is one message.
fn id_of(key: &str) -> String {
    ArtifactId::of(key.as_bytes())
        .to_string()
        .chars()
        .filter(char::is_ascii_hexdigit)
        .take(32)
        .collect()
}
