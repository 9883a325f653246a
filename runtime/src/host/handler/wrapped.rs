//! Requests that the host has unwrapped, made whole again for their face.
//!
//! Each function of an app may have a key of its own, so a payload reaches the
//! face of its function's name and no other, whatever URL it says.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::{Uri, header};
use serde_json::{Map, Value, json};
use tower::ServiceExt;

use super::super::traced::{self, TRACEPARENT};
use super::payload::{self, Answer};
use super::{MOST_BYTES, RESPONSE, failed};
use crate::face::mapping::{HttpWritten, route_parts};
use crate::function::whole;
use crate::pipeline::{Params, Problem};
use crate::queue::TraceContext;

/// The faces of a file, as an app calls them.
pub(super) struct Named(BTreeMap<String, Face>);

/// One of them.
pub(super) struct Face {
    method: String,
    path: String,
}

/// What an app calls a face: `POST /customers/{id}/score` is
/// `post-customers-id-score`.
pub(crate) fn name(method: &str, path: &str) -> String {
    let method = method.to_ascii_lowercase();
    let words = path.split(|c: char| !c.is_ascii_alphanumeric());
    let words = words.filter(|word| !word.is_empty());
    let words: Vec<&str> = std::iter::once(&*method).chain(words).collect();
    words.join("-")
}

impl Named {
    pub(super) fn of(faces: &[Params]) -> Result<Named, Problem> {
        let mut named = BTreeMap::new();
        for face in faces {
            let written: HttpWritten = face.read()?;
            let (method, path) = route_parts(&written.route).unwrap_or_default();
            let face = Face {
                method: method.to_owned(),
                path: path.to_owned(),
            };
            named.insert(name(method, path), face);
        }
        // One that is a face's own path is a request that was forwarded.
        let paths: Vec<String> = named
            .values()
            .map(|face: &Face| face.path.clone())
            .collect();
        named.retain(|name, _| {
            !paths
                .iter()
                .any(|path| path.trim_start_matches('/') == name)
        });
        Ok(Named(named))
    }

    pub(super) fn get(&self, name: &str) -> Option<&Face> {
        self.0.get(name)
    }
}

impl Face {
    /// What it answers, wrapped for the host.
    pub(super) async fn answer(
        &self,
        faces: &Router,
        asked: &payload::Request,
        host: Option<TraceContext>,
    ) -> Response {
        let Ok(uri) = asked.url.parse::<Uri>() else {
            return failed(&format!("{:?} is no URL", asked.url));
        };
        if !self.is_for(&asked.method, uri.path()) {
            let (method, path) = (&asked.method, uri.path());
            return failed(&format!(
                "{method} {path} is no {} {}",
                self.method, self.path
            ));
        }
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let mut request = Request::builder().method(asked.method.as_str()).uri(target);
        if let Some(trace) = traced::nearer(host, asked.trace()) {
            request = request.header(TRACEPARENT, trace.to_string());
        }
        for (name, values) in &asked.headers {
            // Of the body as it came to the host, and said anew.
            let is_other = |own: &&str| name.eq_ignore_ascii_case(own);
            if ["content-length", TRACEPARENT].iter().any(is_other) {
                continue;
            }
            for value in values {
                request = request.header(name, value);
            }
        }
        let Ok(request) = request.body(Body::from(asked.body())) else {
            return failed("the request cannot be read");
        };
        let Ok(response) = faces.clone().oneshot(request).await;
        wrapped(response).await
    }

    fn is_for(&self, method: &str, path: &str) -> bool {
        let (own, asked) = (self.path.split('/'), path.split('/'));
        let is_field = |part: &str| part.starts_with('{') && part.ends_with('}');
        method.eq_ignore_ascii_case(&self.method)
            && own.clone().count() == asked.clone().count()
            && own
                .zip(asked)
                .all(|(own, asked)| is_field(own) || own == asked)
    }
}

async fn wrapped(response: Response) -> Response {
    let (parts, body) = response.into_parts();
    let body = match to_bytes(body, MOST_BYTES).await {
        Ok(body) => body,
        Err(error) => return failed(&whole(&error)),
    };
    let Ok(text) = std::str::from_utf8(&body) else {
        return failed(
            "the answer is no text: let the host forward requests (enableForwardingHttpRequest)",
        );
    };
    let kind = parts.headers.get(header::CONTENT_TYPE);
    let is_json = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    let body = match serde_json::from_str::<Value>(text) {
        Ok(body @ (Value::Object(_) | Value::Array(_))) if is_json => body,
        _ => text.into(),
    };
    let headers = parts.headers.iter().filter_map(|(name, value)| {
        let is_of_the_body = *name == header::CONTENT_LENGTH || *name == header::TRANSFER_ENCODING;
        let value = value.to_str().ok().filter(|_| !is_of_the_body)?;
        Some((name.to_string(), value.into()))
    });
    let headers: Map<String, Value> = headers.collect();
    let answered = json!({
        "statusCode": parts.status.as_u16().to_string(),
        "headers": headers,
        "body": body,
    });
    let mut answer = Answer::default();
    answer.outputs.insert(RESPONSE, answered);
    axum::Json(answer).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_reaches_the_face_of_its_name_alone() {
        assert_eq!(
            name("POST", "/customers/{id}/score"),
            "post-customers-id-score"
        );
        let face = Face {
            method: "POST".to_owned(),
            path: "/customers/{id}/score".to_owned(),
        };
        assert!(face.is_for("post", "/customers/7/score"));
        for (method, path) in [
            ("GET", "/customers/7/score"),
            ("POST", "/customers/7"),
            ("POST", "/customers/7/score/more"),
            ("POST", "/metrics"),
        ] {
            assert!(!face.is_for(method, path), "{method} {path}");
        }
    }
}
