//! [`TaskFace`]: a face of whatever does not predict. A request becomes values
//! of a message, or says what is looked up; the answer is laid out from what
//! came of it. Pure.
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
use axum::response::Response;
use axum::routing::MethodFilter;
use indexmap::IndexMap;
use serde_json::{Value, json};

use super::super::json::response;
use super::super::predictor::Refusal;
use super::error::MappingError;
use super::request::{Asked, body_of};
use super::route::Route;
use super::template::Template;
use super::upload::{Upload, UploadFace};
use super::values::{Place, Values};
use super::written::{BodyKind, HttpWritten, RequestWritten, WaitWritten};
use super::{ErrorShape, status};

/// What an error's body may be taken from.
const ERROR: [&str; 3] = ["message", "run", "status"];

/// Longer than that no client waits.
const MOST_WAIT: Duration = Duration::from_secs(600);

/// A declared face of whatever does not predict, checked.
#[derive(Clone, Debug)]
pub struct TaskFace {
    text: String,
    route: Route,
    body: BodyKind,
    values: Values,
    upload: Option<UploadFace>,
    response: Option<Template>,
    status: StatusCode,
    error: ErrorShape,
    token: bool,
    /// What is waited for.
    pub wait: Option<Wait>,
}

/// What a client waits for, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// The artifact, or all that follows.
    pub artifact: Option<String>,
    /// The longest.
    pub limit: Duration,
}

/// A request, read.
pub struct Task {
    /// What the message says.
    pub values: IndexMap<String, String>,
    /// The file that one of these names.
    pub upload: Option<Upload>,
    /// Body, path and query, for the answer to repeat.
    pub request: Value,
}

/// What answers are laid out from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// Nothing but the request.
    Asked,
    /// What functions said and made.
    Work,
    /// Versions of a model.
    Registry,
    /// Rows of a database.
    Rows,
}

impl Answers {
    fn roots(self) -> &'static [&'static str] {
        match self {
            Answers::Asked => &["request"],
            Answers::Work => &[
                "artifacts",
                "content",
                "count",
                "facts",
                "request",
                "run",
                "values",
            ],
            Answers::Registry => &["aliases", "model", "request", "version", "versions"],
            Answers::Rows => &["count", "request", "rows", "values"],
        }
    }
}

impl TaskFace {
    /// Checks a declared face; an error names the route and the key.
    ///
    /// # Errors
    /// When a key makes no sense here.
    pub fn new(written: &HttpWritten, answers: Answers) -> Result<TaskFace, MappingError> {
        let text = &*written.route;
        let problem = |key: &str, problem: String| MappingError::key(text, key, problem);
        let route = Route::parse(text)?;
        let upload = UploadFace::new(text, &written.request)?;
        let plain = RequestWritten {
            body: written.request.body,
            values: written.request.values.clone(),
            file: written.request.file.clone(),
            rows: written.request.rows.clone().filter(|_| upload.is_some()),
            stamp: written.request.stamp.clone().filter(|_| upload.is_some()),
            ..RequestWritten::default()
        };
        if written.request != plain {
            let why = "the face takes a message and no rows: only body, values and file are for it";
            return Err(problem("request", why.to_owned()));
        }
        let response = match written.response.is_empty() {
            true => None,
            false => {
                let roots = answers.roots();
                Some(Template::new(text, "response", &written.response, roots)?)
            }
        };
        if response.is_none() && answers != Answers::Work {
            let why = "it is empty, so there would be no answer".to_owned();
            return Err(problem("response", why));
        }
        let wait = written.wait.as_ref();
        Ok(TaskFace {
            body: written.request.body,
            values: Values::new(text, written.request.values.as_ref())?,
            upload,
            response,
            status: status(text, "status", written.status)?,
            error: ErrorShape::of(text, written.error.as_ref(), &ERROR)?,
            wait: wait.map(|wait| Wait::new(text, wait)).transpose()?,
            token: written.token,
            text: written.route.clone(),
            route,
        })
    }

    /// Whether a request has to show the token though it changes nothing.
    pub fn asks_token(&self) -> bool {
        self.token
    }

    /// Method and path, as written.
    pub fn text(&self) -> &str {
        &self.text
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

    /// The place in a request that `pointer`, the value of `key`, leads to.
    ///
    /// # Errors
    /// When it leads to none.
    pub fn place(&self, key: &str, pointer: &str) -> Result<Place, MappingError> {
        Place::new(&self.text, key, pointer)
    }

    /// What is wrong with the value of `key`.
    pub fn problem(&self, key: &str, problem: impl Into<String>) -> MappingError {
        MappingError::key(&self.text, key, problem)
    }

    /// Whether requests bring a file.
    pub fn takes_file(&self) -> bool {
        self.upload.is_some()
    }

    /// Whether an answer says more than how far the work is.
    pub fn is_mapped(&self) -> bool {
        self.response.is_some()
    }

    /// What a request asks for, which came at `now`.
    ///
    /// # Errors
    /// When its body cannot be read, or a declared value is not there.
    pub fn read(
        &self,
        params: &RawPathParams,
        query: Option<&str>,
        headers: &HeaderMap,
        body: &[u8],
        now: &str,
    ) -> Result<Task, Refusal> {
        let asked = Asked::new(params, query, headers, body);
        let is_file = self.upload.as_ref().is_some_and(UploadFace::is_whole);
        let content = body;
        let body = match body.is_empty() || is_file {
            true => json!({}),
            false => body_of(self.body, &asked)?,
        };
        let upload = match &self.upload {
            None => None,
            // A value that is declared names a file that is there already.
            Some(face) if self.values.has(&face.value) && !face.is_in(&body) => None,
            Some(face) => Some(face.read(headers, content, &body, now)?),
        };
        let request = asked.document(body);
        let known = self.upload.as_ref().zip(upload.as_ref());
        let known = known.map(|(face, upload)| (&*face.value, &*upload.path));
        let values = self.values.of(&request, known)?;
        Ok(Task {
            values,
            upload,
            request,
        })
    }

    /// Whether something of an answer comes from `root`.
    pub fn names(&self, root: &str) -> bool {
        let template = self.response.as_ref();
        template.is_some_and(|template| template.names(root))
    }

    /// The answer, laid out from a document.
    pub fn answer(&self, document: &Value) -> (StatusCode, Value) {
        let body = match &self.response {
            Some(template) => template.fill(document),
            None => document["run"].clone(),
        };
        (self.status, body)
    }

    /// The answer where the work failed.
    pub fn failed(&self, otherwise: StatusCode, message: &str, run: &Value) -> (StatusCode, Value) {
        let status = self.error.status.unwrap_or(otherwise);
        let document = json!({"message": message, "run": run, "status": status.as_u16()});
        (status, self.error.body.fill(&document))
    }

    /// The answer where nothing was done. Only what the client did wrong has
    /// the declared status.
    pub fn refused(&self, otherwise: StatusCode, message: &str) -> Response {
        let declared = self
            .error
            .status
            .filter(|_| otherwise == StatusCode::BAD_REQUEST);
        let status = declared.unwrap_or(otherwise);
        let document = json!({"message": message, "run": null, "status": status.as_u16()});
        response(status, &self.error.body.fill(&document))
    }
}

impl Wait {
    fn new(route: &str, written: &WaitWritten) -> Result<Wait, MappingError> {
        let problem = |problem: String| MappingError::key(route, "wait.for", problem);
        let limit = humantime::parse_duration(&written.limit)
            .map_err(|error| problem(format!("{:?}: {error}", written.limit)))?;
        match limit <= MOST_WAIT {
            true => Ok(Wait {
                artifact: written.artifact.clone(),
                limit,
            }),
            false => Err(problem("it is more than 10 minutes".to_owned())),
        }
    }
}
