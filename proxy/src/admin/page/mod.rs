//! The page itself: its files are part of the binary, and nothing that it shows
//! or runs comes from elsewhere.
//!
//! What is changed here is changed without building anything; `vendor/` holds
//! what others wrote, made by `vendor/make.mjs` and held to its hashes by a
//! test.

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue,
    IF_NONE_MATCH, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// A name under `/assets/`, its content type, and what it holds.
type File = (&'static str, &'static str, &'static [u8]);

static PAGE: File = ("page.html", HTML, include_bytes!("page.html"));

static FILES: [File; 18] = [
    ("aligned.js", JS, include_bytes!("aligned.js")),
    ("dialogs.js", JS, include_bytes!("dialogs.js")),
    ("differences.js", JS, include_bytes!("differences.js")),
    ("evidence.js", JS, include_bytes!("evidence.js")),
    ("history.js", JS, include_bytes!("history.js")),
    ("login.js", JS, include_bytes!("login.js")),
    ("page.css", CSS, include_bytes!("page.css")),
    ("page.js", JS, include_bytes!("page.js")),
    ("person.js", JS, include_bytes!("person.js")),
    ("server.js", JS, include_bytes!("server.js")),
    ("stage.js", JS, include_bytes!("stage.js")),
    ("theme.js", JS, include_bytes!("theme.js")),
    ("vendor/hooks.js", JS, include_bytes!("vendor/hooks.js")),
    (
        "vendor/htm.LICENSE",
        TEXT,
        include_bytes!("vendor/htm.LICENSE"),
    ),
    ("vendor/htm.js", JS, include_bytes!("vendor/htm.js")),
    (
        "vendor/preact.LICENSE",
        TEXT,
        include_bytes!("vendor/preact.LICENSE"),
    ),
    ("vendor/preact.js", JS, include_bytes!("vendor/preact.js")),
    ("words.js", JS, include_bytes!("words.js")),
];

/// Nothing is loaded, run or framed but what is served here, and nothing is in
/// the markup itself. (CSSOM, which the page sets positions by, is no inline
/// style.)
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    connect-src 'self'; img-src 'self' data:; form-action 'none'; \
    frame-ancestors 'none'; base-uri 'none'";

/// Whether one of the page's files is there. They hold no secret.
pub(super) fn has(path: &str) -> bool {
    path == "/" || find(path).is_some()
}

/// One of the page's files, unless the browser has it already.
pub(super) async fn file(uri: Uri, headers: HeaderMap) -> Response {
    let found = match uri.path() {
        "/" => Some(&PAGE),
        path => find(path),
    };
    let Some((_, kind, bytes)) = found else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let hash = URL_SAFE_NO_PAD.encode(&Sha256::digest(bytes)[..12]);
    let tag = format!("\"{hash}\"");
    let known = headers.get_all(IF_NONE_MATCH).iter();
    let mut known = known
        .filter_map(|tags| tags.to_str().ok())
        .flat_map(|tags| tags.split(','));
    let fresh = known.any(|known| known.trim().trim_start_matches("W/") == tag);
    let mut response = match fresh {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => ([(CONTENT_TYPE, *kind)], *bytes).into_response(),
    };
    // Asked for anew each time, and sent when it is another.
    let fields = response.headers_mut();
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        fields.insert(ETAG, tag);
    }
    response
}

fn find(path: &str) -> Option<&'static File> {
    let name = path.strip_prefix("/assets/")?;
    FILES.iter().find(|(own, _, _)| *own == name)
}

/// What every answer of the interface carries, be it a page or not.
pub(super) async fn sealed(mut response: Response) -> Response {
    const OPENER: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
    const RESOURCE: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
    let fields = response.headers_mut();
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (OPENER, "same-origin"),
        (RESOURCE, "same-origin"),
    ] {
        fields.insert(name, HeaderValue::from_static(value));
    }
    fields
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests;
