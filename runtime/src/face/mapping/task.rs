//! [`TaskFace`]: a face of work that takes its time. A request becomes values
//! of a message; the answer is laid out from how far the work has come. Pure.
//!
//! ```toml
//! [[http]]
//! route    = "POST /train"
//! function = "preprocessing"
//! request  = { values = { kind = "/body/kind" } }
//! wait     = { artifact = "model", for = "20s" }
//! status   = 201
//!
//! [http.response]
//! "/version" = "/facts/deployment/version"
//! ```

use std::time::Duration;

use axum::extract::RawPathParams;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::MethodFilter;
use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::super::predictor::{Refusal, Refused};
use super::error::MappingError;
use super::pointer::Pointer;
use super::request::{Asked, body_of};
use super::route::Route;
use super::template::Template;
use super::written::{BodyKind, HttpWritten, RequestWritten};
use super::{ErrorShape, status};

/// What an answer may be taken from.
const ANSWER: [&str; 6] = ["artifacts", "content", "facts", "request", "run", "values"];

/// What an error's body may be taken from.
const ERROR: [&str; 3] = ["message", "run", "status"];

/// Longer than that no client waits.
const MOST_WAIT: Duration = Duration::from_secs(600);

/// A declared face of a function that a queue or a time triggers, checked.
#[derive(Clone, Debug)]
pub struct TaskFace {
    route: Route,
    body: BodyKind,
    /// `None`: all texts, numbers and truths of the request.
    values: Option<Vec<(String, Pointer)>>,
    response: Option<Template>,
    status: StatusCode,
    error: ErrorShape,
    /// What is waited for.
    pub wait: Option<Wait>,
}

/// What a client waits for, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// The artifact.
    pub artifact: String,
    /// The longest.
    pub limit: Duration,
}

/// A request, read.
pub struct Task {
    /// What the message says.
    pub values: IndexMap<String, String>,
    /// Body, path and query, for the answer to repeat.
    pub request: Value,
}

impl TaskFace {
    /// Checks a declared face; an error names the route and the key.
    ///
    /// # Errors
    /// When a key makes no sense here.
    pub fn new(written: &HttpWritten) -> Result<TaskFace, MappingError> {
        let text = &*written.route;
        let problem = |key: &str, problem: String| MappingError::key(text, key, problem);
        let route = Route::parse(text)?;
        let plain = RequestWritten {
            body: written.request.body,
            values: written.request.values.clone(),
            ..RequestWritten::default()
        };
        if written.request != plain {
            let why = "the function takes a message and no rows: only body and values are for it";
            return Err(problem("request", why.to_owned()));
        }
        let values = written.request.values.as_ref().map(|values| {
            let read = |(name, from): (&String, &String)| {
                let key = format!("request.values.{name}");
                let pointer = Pointer::parse(from)
                    .map_err(|error| problem(&key, format!("{from:?}: {error}")))?;
                let root = from.split('/').nth(1).unwrap_or_default();
                match ["body", "path", "query"].contains(&root) && pointer.n_stars() == 0 {
                    true => Ok((name.clone(), pointer)),
                    false => {
                        let why = "it starts with /body, /path or /query and has no `*`";
                        Err(problem(&key, format!("{from:?}: {why}")))
                    }
                }
            };
            values.iter().map(read).collect::<Result<Vec<_>, _>>()
        });
        let response = match written.response.is_empty() {
            true => None,
            false => Some(Template::new(text, "response", &written.response, &ANSWER)?),
        };
        let wait = written.wait.as_ref().map(|wait| {
            let limit = humantime::parse_duration(&wait.limit)
                .map_err(|error| problem("wait.for", format!("{:?}: {error}", wait.limit)))?;
            match limit <= MOST_WAIT {
                true => Ok(Wait {
                    artifact: wait.artifact.clone(),
                    limit,
                }),
                false => Err(problem("wait.for", "it is more than 10 minutes".to_owned())),
            }
        });
        Ok(TaskFace {
            body: written.request.body,
            values: values.transpose()?,
            response,
            status: status(text, "status", written.status)?,
            error: ErrorShape::of(text, written.error.as_ref(), &ERROR)?,
            wait: wait.transpose()?,
            route,
        })
    }

    /// Method and path.
    pub(super) fn route(&self) -> &Route {
        &self.route
    }

    /// The path, as a router takes it.
    pub fn path(&self) -> &str {
        &self.route.path
    }

    /// The method, as a router takes it.
    pub fn method(&self) -> MethodFilter {
        self.route.filter
    }

    /// Whether an answer says more than how far the work is.
    pub fn is_mapped(&self) -> bool {
        self.response.is_some()
    }

    /// What a request asks for.
    ///
    /// # Errors
    /// When its body cannot be read, or a declared value is not there.
    pub fn read(
        &self,
        params: &RawPathParams,
        query: Option<&str>,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Task, Refusal> {
        let asked = Asked::new(params, query, headers, body);
        let body = match body.is_empty() {
            true => json!({}),
            false => body_of(self.body, &asked)?,
        };
        let request = asked.document(body);
        let values = match &self.values {
            Some(declared) => declared
                .iter()
                .map(|(name, from)| {
                    let found = from.all(&request).first().copied().flatten();
                    let text = found.and_then(text);
                    text.map(|text| (name.clone(), text)).ok_or_else(|| {
                        let what =
                            "there is no text, number or truth value where it is to be found";
                        Refusal::new(Refused::BadRequest, format!("{name}: {what}"))
                    })
                })
                .collect::<Result<_, _>>()?,
            None => every(&request),
        };
        Ok(Task { values, request })
    }

    /// Whether an answer needs what was made.
    pub fn names_content(&self) -> bool {
        let template = self.response.as_ref();
        template.is_some_and(|template| template.names("content"))
    }

    /// The answer once the work that was waited for is done.
    pub fn answer(&self, document: &Value) -> (StatusCode, Value) {
        let body = match &self.response {
            Some(template) => template.fill(document),
            None => document["run"].clone(),
        };
        (self.status, body)
    }

    /// The answer where the work failed, or the request is refused.
    pub fn refused(
        &self,
        otherwise: StatusCode,
        message: &str,
        run: &Value,
    ) -> (StatusCode, Value) {
        let status = self.error.status.unwrap_or(otherwise);
        let document = json!({"message": message, "run": run, "status": status.as_u16()});
        (status, self.error.body.fill(&document))
    }
}

/// What a message can say of a value.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// What of a request a message can say: of the same name the path's counts
/// before the query's, and that before the body's.
fn every(request: &Value) -> IndexMap<String, String> {
    let mut values = IndexMap::new();
    for part in ["body", "query", "path"] {
        let members = request[part].as_object().into_iter().flat_map(Map::iter);
        values.extend(members.filter_map(|(name, value)| Some((name.clone(), text(value)?))));
    }
    values
}
