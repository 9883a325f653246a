//! Who is let in.
//!
//! Every page that a browser on the same machine shows can send requests to the
//! loopback. So beside the token, or the cookie of a session, a request must
//! name the loopback as its host, or a name of the interface's certificate (one
//! that was rebound to it is neither), and must not come from a page of another
//! origin. What only a cookie vouches for changes something only if our own
//! page says that it asks: no other can.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HOST, HeaderMap, HeaderValue, ORIGIN, WWW_AUTHENTICATE};
use axum::http::uri::Authority;
use axum::http::{HeaderName, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use subtle::ConstantTimeEq;

use super::document::ErrorDocument;
use super::session::{Sessions, is_of_page};
use super::{ROUTES, page};
use crate::listen::tls::Certificate;

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What a request is held to.
pub(super) struct Guard {
    token: String,
    address: SocketAddr,
    certificate: Option<Arc<Certificate>>,
    pub(super) sessions: Sessions,
}

impl Guard {
    pub(super) fn new(
        token: String,
        address: SocketAddr,
        certificate: Option<Arc<Certificate>>,
    ) -> Guard {
        let sessions = Sessions::new(address.port(), certificate.is_some());
        Guard {
            token,
            address,
            certificate,
            sessions,
        }
    }

    /// And the port that goes without saying.
    fn scheme(&self) -> (&'static str, u16) {
        match self.certificate {
            Some(_) => ("https", 443),
            None => ("http", 80),
        }
    }

    fn refuses(&self, method: &Method, path: &str, headers: &HeaderMap) -> Option<Response> {
        let refuse = |status, cause: &str, mend: &str| {
            let document = ErrorDocument::new(None, cause.to_owned(), mend);
            Some(document.with(status))
        };
        let shown = method.is_safe() && page::has(path);
        let open = shown || is_open(method, path);
        let probe = path == "/livez" || path == "/readyz";
        if !probe && !self.is_own(headers) {
            let cause = "Host does not name this interface";
            let mend = &match &self.certificate {
                Some(_) => "ask by a name in its certificate".to_owned(),
                None => format!("ask http://{}", self.address),
            };
            return refuse(StatusCode::FORBIDDEN, cause, mend);
        }
        // A link may lead here from anywhere: what is shown first says nothing.
        if self.is_foreign(headers) && !(shown && path == "/") {
            let cause = "the request comes from a page of another origin";
            return refuse(StatusCode::FORBIDDEN, cause, "ask without a browser");
        }
        if open || self.knows_token(headers) {
            return None;
        }
        if self.sessions.of(headers).is_none() {
            let cause = "the token is missing or wrong";
            let mend = "send Authorization: Bearer and what admin.token in the state folder holds";
            let mut response = refuse(StatusCode::UNAUTHORIZED, cause, mend);
            if let Some(response) = &mut response {
                let bearer = HeaderValue::from_static("Bearer");
                response.headers_mut().insert(WWW_AUTHENTICATE, bearer);
            }
            return response;
        }
        if !is_of_page(method, headers) {
            let cause = "a session changes something only from its page";
            return refuse(StatusCode::FORBIDDEN, cause, "send the token instead");
        }
        None
    }

    /// Host is the loopback, by whichever of its names, with our port; or a
    /// name of the certificate, and the port is whatever leads here.
    fn is_own(&self, headers: &HeaderMap) -> bool {
        let Some(authority) = only(headers, &HOST).and_then(|host| host.parse::<Authority>().ok())
        else {
            return false;
        };
        let host = authority.host();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let loopback = bare.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
        let named = loopback || host.eq_ignore_ascii_case("localhost");
        let port = authority.port_u16().unwrap_or(self.scheme().1);
        let certified = || {
            let certificate = self.certificate.as_ref();
            certificate.is_some_and(|certificate| certificate.is_of(bare))
        };
        named && port == self.address.port() || certified()
    }

    pub(super) fn knows_token(&self, headers: &HeaderMap) -> bool {
        let Some((scheme, token)) = only(headers, &AUTHORIZATION).and_then(|v| v.split_once(' '))
        else {
            return false;
        };
        scheme.eq_ignore_ascii_case("bearer") && self.is_token(token.trim())
    }

    /// Compared in a time that says nothing of where they differ.
    pub(super) fn is_token(&self, text: &str) -> bool {
        text.as_bytes().ct_eq(self.token.as_bytes()).into()
    }

    /// A browser says so of what a page of another origin sends.
    fn is_foreign(&self, headers: &HeaderMap) -> bool {
        let site = headers.get(FETCH_SITE);
        if site.is_some_and(|site| site != "same-origin" && site != "none") {
            return true;
        }
        let Some(origin) = headers.get(ORIGIN) else {
            return false;
        };
        let host = only(headers, &HOST).unwrap_or_default();
        origin.as_bytes() != format!("{}://{host}", self.scheme().0).as_bytes()
    }
}

fn is_open(method: &Method, path: &str) -> bool {
    let method = match *method {
        Method::HEAD => "GET",
        _ => method.as_str(),
    };
    let mut open = ROUTES.iter().filter(|(_, _, open)| *open);
    open.any(|(own, at, _)| *at == path && method.eq_ignore_ascii_case(own))
}

fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let only = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(only)
}

/// Lets a request through, or answers it.
pub(super) async fn check(
    State(guard): State<Arc<Guard>>,
    request: Request,
    next: Next,
) -> Response {
    match guard.refuses(request.method(), request.uri().path(), request.headers()) {
        Some(refusal) => refusal,
        None => next.run(request).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> Guard {
        let address = SocketAddr::from(([127, 0, 0, 1], 9_901));
        Guard::new("s3cret".to_owned(), address, None)
    }

    fn ask(guard: &Guard, method: Method, path: &str, fields: &[(&'static str, &str)]) -> u16 {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, value.parse().unwrap());
        }
        let refusal = guard.refuses(&method, path, &headers);
        refusal.map_or(200, |refusal| refusal.status().as_u16())
    }

    fn check(path: &str, fields: &[(&'static str, &str)]) -> u16 {
        ask(&guard(), Method::GET, path, fields)
    }

    const HERE: (&str, &str) = ("host", "127.0.0.1:9901");
    const TOKEN: (&str, &str) = ("authorization", "Bearer s3cret");

    #[test]
    fn only_who_holds_the_token_is_let_in() {
        assert_eq!(check("/api/status", &[HERE, TOKEN]), 200);
        assert_eq!(check("/api/status", &[HERE]), 401);
        for wrong in [
            "Bearer s3creT",
            "Bearer s3cre",
            "Bearer",
            "Basic s3cret",
            "",
        ] {
            assert_eq!(check("/metrics", &[HERE, ("authorization", wrong)]), 401);
        }
        assert_eq!(check("/api/status", &[HERE, TOKEN, TOKEN]), 401, "twice");
        assert_eq!(check("/nothing/here", &[HERE]), 401);
        for open in ["/livez", "/readyz", "/openapi.json"] {
            assert_eq!(check(open, &[HERE]), 200);
        }
    }

    #[test]
    fn a_name_that_was_rebound_is_no_name_of_ours() {
        for own in [
            "localhost:9901",
            "LOCALHOST:9901",
            "[::1]:9901",
            "127.1.2.3:9901",
        ] {
            assert_eq!(check("/api/status", &[("host", own), TOKEN]), 200, "{own}");
        }
        for foreign in [
            "evil.example:9901",
            "127.0.0.1",
            "127.0.0.1:80",
            "localhost.evil.example:9901",
            "",
        ] {
            assert_eq!(
                check("/api/status", &[("host", foreign), TOKEN]),
                403,
                "{foreign}"
            );
            assert_eq!(
                check("/openapi.json", &[("host", foreign)]),
                403,
                "{foreign}"
            );
        }
        assert_eq!(
            check("/livez", &[("host", "10.0.0.7:9901")]),
            200,
            "a probe"
        );
    }

    #[test]
    fn a_page_of_another_origin_is_not_let_in() {
        let from = |name, value| check("/api/status", &[HERE, TOKEN, (name, value)]);
        assert_eq!(from("origin", "http://127.0.0.1:9901"), 200);
        for foreign in ["https://evil.example", "http://127.0.0.1:8080", "null"] {
            assert_eq!(from("origin", foreign), 403, "{foreign}");
        }
        assert_eq!(from("sec-fetch-site", "none"), 200);
        assert_eq!(from("sec-fetch-site", "cross-site"), 403);
        assert_eq!(from("sec-fetch-site", "same-site"), 403);
    }

    #[test]
    fn the_page_is_shown_to_everybody_here_and_only_shown() {
        for path in ["/", "/assets/page.js", "/assets/vendor/preact.js"] {
            assert_eq!(check(path, &[HERE]), 200, "{path}");
            assert_eq!(check(path, &[("host", "evil.example:9901")]), 403, "{path}");
            assert_eq!(ask(&guard(), Method::POST, path, &[HERE]), 401, "{path}");
        }
        assert_eq!(check("/assets/nothing.js", &[HERE]), 401);
        // A link in a chat leads here; no other page can use its parts.
        let linked = ("sec-fetch-site", "cross-site");
        assert_eq!(check("/", &[HERE, linked]), 200);
        assert_eq!(check("/assets/page.js", &[HERE, linked]), 403);
        let login = |fields: &[_]| ask(&guard(), Method::POST, "/session", fields);
        assert_eq!(login(&[HERE]), 200);
        assert_eq!(login(&[HERE, linked]), 403);
        assert_eq!(ask(&guard(), Method::DELETE, "/session", &[HERE]), 401);
    }

    #[test]
    fn a_session_changes_something_only_from_its_page() {
        let guard = guard();
        let cookie = guard.sessions.begin().unwrap();
        let cookie = cookie.to_str().unwrap().split(';').next().unwrap();
        let cookie = ("cookie", cookie);
        let get = |fields: &[_]| ask(&guard, Method::GET, "/api/board", fields);
        let post = |fields: &[_]| ask(&guard, Method::POST, "/api/stages/a", fields);
        let page = ("x-cutline-page", "1");
        assert_eq!(get(&[HERE, cookie]), 200);
        assert_eq!(get(&[HERE, ("cookie", "cutline_session_9901=x")]), 401);
        assert_eq!(get(&[("host", "evil.example:9901"), cookie]), 403);
        assert_eq!(post(&[HERE, cookie]), 403);
        assert_eq!(post(&[HERE, cookie, page]), 200);
        assert_eq!(post(&[HERE, TOKEN]), 200, "machines need no such field");
        for foreign in [
            ("origin", "https://evil.example"),
            ("sec-fetch-site", "same-site"),
        ] {
            assert_eq!(post(&[HERE, cookie, page, foreign]), 403, "{foreign:?}");
        }
        assert_eq!(post(&[HERE, page]), 401);
    }
}
