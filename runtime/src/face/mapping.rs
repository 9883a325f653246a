//! The monolith's own paths and shapes, as declared: no code, so that a function
//! can stand behind the proxy as the candidate.
//!
//! ```toml
//! [[http]]
//! route    = "POST /predict"
//! function = "inference"
//! request  = { rows = "/customers", optional = ["age"], pass = ["customer_id"] }
//! status   = 200
//!
//! [http.response]
//! "/model"                      = "/model/version"
//! "/predictions/*/customer_id"  = "/rows/*/customer_id"
//! "/predictions/*/score"        = { from = "/probabilities/*/1", round = 6 }
//!
//! [http.error]
//! status = 400
//! body   = { error = "/message" }
//! ```
//!
//! [`Face`] is that table, checked before anything starts. Requests become rows
//! in `request`, answers are laid out by a [`Template`](template::Template); both
//! are pure, and [`router`] joins them to a [`Predictor`].

mod error;
mod lookup;
mod pointer;
mod request;
mod route;
mod task;
mod template;
mod upload;
mod values;
mod written;

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::RawPathParams;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use axum::routing::on;
use serde_json::{Map, Value, json};

use super::json::{numbers, response};
use super::predictor::{Metadata, Predicted, Predictor, Refusal, Refused};
use request::{Asked, Request};
use route::Route;
use template::{DERIVED, Template};

pub use error::MappingError;
pub use lookup::{Found, Lookup, Lookups};
pub(crate) use route::route_parts;
pub use task::{Answers, Task, TaskFace, Wait};
pub use upload::Upload;
pub use values::Place;
pub use written::{
    BodyKind, ErrorWritten, ExpectWritten, HttpWritten, LookupWritten, RegistryWritten,
    RequestWritten, RunWritten, SourceWritten, TypeWritten, Unknown, ValueWritten,
};

/// What an answer may be taken from.
const ANSWER: [&str; 8] = [
    "classes",
    "count",
    "labels",
    "model",
    "probabilities",
    "request",
    "rows",
    "scores",
];

/// What an error's body may be taken from.
const ERROR: [&str; 4] = ["column", "message", "row", "status"];

/// A declared face, checked.
#[derive(Clone, Debug)]
pub struct Face {
    route: Route,
    request: Request,
    response: Template,
    status: StatusCode,
    error: ErrorShape,
    token: bool,
}

#[derive(Clone, Debug)]
struct ErrorShape {
    /// In the place of 400, where it is declared.
    status: Option<StatusCode>,
    body: Template,
}

impl Face {
    /// Checks a declared face; an error names the route and the key.
    pub fn new(written: &HttpWritten) -> Result<Face, MappingError> {
        let text = &*written.route;
        let route = Route::parse(text)?;
        let request = Request::new(&written.request, &route, text)?;
        if written.response.is_empty() {
            let problem = "it is empty, so there would be no answer".to_owned();
            return Err(MappingError::key(text, "response", problem));
        }
        let response = Template::new(text, "response", &written.response, &ANSWER)?;
        let request = match response.is_of_one() {
            true => request.of_one(),
            false => request,
        };
        let status = status(text, "status", written.status)?;
        let error = ErrorShape::new(text, written.error.as_ref())?;
        if written.wait.is_some() {
            let why = "the function answers at once: there is nothing to wait for";
            return Err(MappingError::key(text, "wait", why));
        }
        if written.until.is_some() {
            let why = "the function answers at once: nothing follows it";
            return Err(MappingError::key(text, "until", why));
        }
        Ok(Face {
            route,
            request,
            response,
            status,
            error,
            token: written.token,
        })
    }

    /// Whether a request has to show the token.
    pub fn asks_token(&self) -> bool {
        self.token
    }

    async fn answer(
        &self,
        predictor: &dyn Predictor,
        lookups: &dyn Lookups,
        model: &str,
        asked: Asked<'_>,
    ) -> Result<Value, Refusal> {
        let found = self.request.find(lookups, &asked).await?;
        let version = predictor.version(model, None).await?;
        let metadata = version.metadata();
        let read = self.request.read(&asked, metadata, found)?;
        let n_rows = read.rows.n_rows();
        let predicted = version.predict(read.rows).await?;
        let predicted = match self.request.leaves_out() {
            true => predicted.complete(n_rows)?,
            false => predicted.whole(n_rows)?,
        };
        let mut records = read.records;
        for row in predicted.left_out_rows().iter().rev() {
            records.remove(*row);
        }
        let knows = |name: &str| metadata.input(name).is_some() || self.request.passes(name);
        let derived = self.response.derived();
        let derived = derived.map(|derived| derived.of(&predicted, &records, &knows));
        let derived = derived.collect::<Result<Map<_, _>, Refusal>>()?;
        let mut document = self.document(metadata, predicted, records, read.request);
        document.insert(DERIVED.to_owned(), derived.into());
        Ok(self.response.fill(&document.into()))
    }

    /// What the response is taken from; nothing that it does not name is made.
    fn document(
        &self,
        metadata: &Metadata,
        predicted: Predicted,
        records: Vec<Map<String, Value>>,
        request: Value,
    ) -> Map<String, Value> {
        let table = |rows: &[Vec<f64>]| rows.iter().map(|row| numbers(row)).collect::<Value>();
        let mut document = Map::new();
        let mut add = |root: &str, value: &mut dyn FnMut() -> Value| {
            if self.response.names(root) {
                document.insert(root.to_owned(), value());
            }
        };
        add("classes", &mut || metadata.classes.clone().into());
        add(
            "model",
            &mut || json!({"name": metadata.name, "version": metadata.version}),
        );
        add("probabilities", &mut || table(&predicted.probabilities));
        add("scores", &mut || table(&predicted.scores));
        add("request", &mut || request.clone());
        document.insert("count".to_owned(), predicted.labels.len().into());
        document.insert("labels".to_owned(), predicted.labels.into());
        if self.response.names("rows") {
            let rows = records.into_iter().map(Value::Object).collect();
            document.insert("rows".to_owned(), rows);
        }
        document
    }

    fn refused(&self, refusal: &Refusal) -> Response {
        let declared = self
            .error
            .status
            .filter(|_| refusal.refused == Refused::BadRequest);
        let status = declared.unwrap_or_else(|| refusal.refused.status());
        let document = json!({
            "column": refusal.column,
            "message": refusal.to_string(),
            "row": refusal.row,
            "status": status.as_u16(),
        });
        response(status, &self.error.body.fill(&document))
    }
}

impl ErrorShape {
    fn new(route: &str, written: Option<&ErrorWritten>) -> Result<ErrorShape, MappingError> {
        ErrorShape::of(route, written, &ERROR)
    }

    fn of(
        route: &str,
        written: Option<&ErrorWritten>,
        roots: &[&str],
    ) -> Result<ErrorShape, MappingError> {
        let default = [(
            "error".to_owned(),
            SourceWritten::Pointer("/message".to_owned()),
        )];
        let default = default.into_iter().collect();
        let body = written
            .map(|written| &written.body)
            .filter(|body| !body.is_empty());
        let body = Template::new(route, "error.body", body.unwrap_or(&default), roots)?;
        let told = written.and_then(|written| written.status);
        let status = told
            .map(|told| status(route, "error.status", told))
            .transpose()?;
        Ok(ErrorShape { status, body })
    }
}

fn status(route: &str, key: &str, status: u16) -> Result<StatusCode, MappingError> {
    let known = StatusCode::from_u16(status)
        .ok()
        .filter(|_| (200..600).contains(&status));
    known
        .ok_or_else(|| MappingError::key(route, key, format!("{status} is no status of an answer")))
}

/// The requests that faces answer: two may not answer the same.
#[derive(Debug, Default)]
pub struct Taken(HashMap<String, (String, Vec<String>)>);

impl Taken {
    /// Notes a face's route.
    ///
    /// # Errors
    /// When another face answers the same requests.
    pub fn face(&mut self, face: &Face) -> Result<(), MappingError> {
        self.take(&face.route)
    }

    /// Notes a face's route.
    ///
    /// # Errors
    /// When another face answers the same requests.
    pub fn task(&mut self, face: &TaskFace) -> Result<(), MappingError> {
        self.take(face.route())
    }

    fn take(&mut self, route: &Route) -> Result<(), MappingError> {
        let (path, methods) = self
            .0
            .entry(route.shape())
            .or_insert_with(|| (route.path.clone(), Vec::new()));
        if *path != route.path || methods.contains(&route.method.to_string()) {
            return Err(MappingError::Twice {
                route: route.to_string(),
                other: path.clone(),
            });
        }
        methods.push(route.method.to_string());
        Ok(())
    }
}

/// The routes of faces, each with the model that it asks. No two may answer the
/// same requests.
pub fn router(
    predictor: &Arc<dyn Predictor>,
    lookups: &Arc<dyn Lookups>,
    faces: impl IntoIterator<Item = (Face, String)>,
) -> Router {
    let mut router = Router::new();
    for (face, model) in faces {
        let route = face.route.clone();
        let (face, model) = (Arc::new(face), Arc::<str>::from(model));
        let (predictor, lookups) = (predictor.clone(), lookups.clone());
        let handler =
            async move |params: RawPathParams, uri: Uri, headers: HeaderMap, body: Bytes| {
                let asked = Asked::new(&params, uri.query(), &headers, &body);
                match face.answer(&*predictor, &*lookups, &model, asked).await {
                    Ok(body) => response(face.status, &body),
                    Err(refusal) => face.refused(&refusal),
                }
            };
        router = router.route(&route.path, on(route.filter, handler));
    }
    router
}

#[cfg(test)]
mod tests;
