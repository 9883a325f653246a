//! [`Guard`]: who may change something.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde_json::json;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::face::mapping::TaskFace;
use crate::store::artifact::ArtifactId;

/// The token that a request has to show which changes something. It is in no
/// log and no answer.
#[derive(Clone)]
pub struct Guard {
    token: Zeroizing<String>,
    /// In the place of `Authorization: Bearer`.
    header: Option<HeaderName>,
}

impl Guard {
    /// Of this token, which is shown as `Authorization: Bearer TOKEN`, or as the
    /// whole value of another header.
    #[must_use]
    pub fn new(token: impl Into<Zeroizing<String>>, header: Option<HeaderName>) -> Guard {
        let token = token.into();
        Guard { token, header }
    }

    /// What a request without the token is answered.
    pub(super) fn refuses(&self, face: &TaskFace, headers: &HeaderMap) -> Option<Response> {
        if self.lets_in(headers) {
            return None;
        }
        let mut response = face.refused(StatusCode::UNAUTHORIZED, "the token is missing or wrong");
        if self.header.is_none() {
            let bearer = HeaderValue::from_static("Bearer");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, bearer);
        }
        Some(response)
    }

    /// Names what a request shows, without telling it: the same for the same,
    /// and for nothing another than for anything.
    pub(super) fn shown(&self, headers: &HeaderMap) -> ArtifactId {
        let mut shown = Zeroizing::new(Vec::new());
        for value in headers.get_all(self.name()) {
            shown.push(b'\n');
            shown.extend_from_slice(value.as_bytes());
        }
        ArtifactId::of(&shown)
    }

    fn name(&self) -> &HeaderName {
        self.header.as_ref().unwrap_or(&header::AUTHORIZATION)
    }

    /// Compared in a time that says nothing of where they differ.
    pub(super) fn lets_in(&self, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(self.name()).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return false;
        };
        let shown = match &self.header {
            Some(_) => value.as_bytes(),
            None => match value.as_bytes().split_at_checked("bearer ".len()) {
                Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"bearer ") => token,
                _ => return false,
            },
        };
        shown.trim_ascii().ct_eq(self.token.as_bytes()).into()
    }
}

/// All of these routes ask for the token, where there is one.
pub(super) fn required(router: Router, guard: Option<Guard>) -> Router {
    let Some(guard) = guard.filter(|_| router.has_routes()) else {
        return router;
    };
    router.layer(middleware::from_fn(move |request: Request, next: Next| {
        let guard = guard.clone();
        async move {
            match guard.lets_in(request.headers()) {
                true => next.run(request).await,
                false => {
                    let why = json!({"error": "the token is missing or wrong"});
                    (StatusCode::UNAUTHORIZED, Json(why)).into_response()
                }
            }
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lets_in(header: Option<&'static str>, shown: &[(&'static str, &'static str)]) -> bool {
        let guard = Guard::new("s3cret".to_owned(), header.map(HeaderName::from_static));
        let mut headers = HeaderMap::new();
        for (name, value) in shown {
            headers.append(*name, HeaderValue::from_static(value));
        }
        guard.lets_in(&headers)
    }

    #[test]
    fn only_who_shows_the_token_is_let_in() {
        for shown in ["Bearer s3cret", "bearer s3cret", "BEARER  s3cret "] {
            assert!(lets_in(None, &[("authorization", shown)]), "{shown}");
        }
        for shown in [
            "s3cret",
            "Bearer",
            "Bearer ",
            "Bearer s3cre",
            "Basic s3cret",
            "Bearer s3cret2",
        ] {
            assert!(!lets_in(None, &[("authorization", shown)]), "{shown}");
        }
        let right = ("authorization", "Bearer s3cret");
        assert!(!lets_in(None, &[]));
        assert!(!lets_in(None, &[right, right]));
        let own = Some("x-admin-token");
        assert!(lets_in(own, &[("x-admin-token", "s3cret")]));
        assert!(!lets_in(own, &[("x-admin-token", "Bearer s3cret")]));
        assert!(!lets_in(own, &[right]));
    }
}
