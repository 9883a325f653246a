//! [`Http`]: a pipeline's functions as HTTP clients see them.
//!
//! ```text
//! /v2/…                          the Open Inference Protocol, every inference function a model
//! /invocations, /ping, /version  MLflow's, the first inference function
//! the routes of [[http]]         the monolith's own
//! ```
//!
//! A face of a function that a queue triggers puts a message there, and answers
//! 202 with the message's id; its values are the request's own.
//!
//! A request that the proxy marks as a copy (`x-cutline-shadow`) is answered
//! likewise, and changes nothing: it sends no message and is in no log.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use crate::face::mapping::{self, Face, HttpWritten, MappingError};
use crate::face::{
    Metadata, ModelVersions, Predicted, Predictor, Refusal, Refused, Rows, inference, mlflow,
};
use crate::function::Services;
use crate::log::{self, PredictionLog};
use crate::pipeline::{Function, Params, Pipeline, Problem, Trigger};
use crate::queue::{Message, QueueName};
use crate::stages::Serving;

/// The faces of a pipeline, and what answers behind them.
pub struct Http {
    /// To be served.
    pub router: Router,
    /// Every inference function, to be refreshed now and then.
    pub serving: Vec<Arc<Serving>>,
}

/// Why the faces cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The file says something that cannot be.
    #[error(transparent)]
    Problem(#[from] Problem),
    /// A face is not as it should be.
    #[error(transparent)]
    Mapping(#[from] MappingError),
    /// A face names a function that there is not.
    #[error("[[http]] {route}: there is no function {function:?}")]
    NoFunction {
        /// The face's route.
        route: String,
        /// The name.
        function: String,
    },
}

impl Http {
    /// The faces of these functions.
    ///
    /// # Errors
    /// When a face is not as it should be.
    pub fn new(
        functions: &[Arc<Function>],
        faces: &[Params],
        services: &Services,
    ) -> Result<Http, HttpError> {
        let mut models = Models(BTreeMap::new());
        for function in functions
            .iter()
            .filter(|function| function.stage == "inference")
        {
            let clock = Arc::clone(services.space.clock());
            let logs = Arc::clone(&services.logs);
            let (log, _written) = PredictionLog::start(logs, &function.name, clock);
            let serving = Serving::new(Arc::clone(function), services.clone(), Some(log))?;
            models.0.insert(function.name.clone(), Arc::new(serving));
        }
        let serving: Vec<Arc<Serving>> = models.0.values().cloned().collect();
        let first = models.0.keys().next().cloned();
        let predictor: Arc<dyn Predictor> = Arc::new(models);
        let mut router = Router::new();
        let mut mapped = Vec::new();
        for face in faces {
            let written: HttpWritten = face.read()?;
            let function = functions
                .iter()
                .find(|function| function.name == written.function);
            match function.map(|function| &function.trigger) {
                Some(Trigger::Queue(queue)) => {
                    router = queued(router, &written.route, queue, services);
                }
                Some(Trigger::Http | Trigger::Every(_)) => {
                    mapped.push((Face::new(&written)?, written.function.clone()));
                }
                None => {
                    return Err(HttpError::NoFunction {
                        route: written.route,
                        function: written.function,
                    });
                }
            }
        }
        router = router.merge(mapping::router(&predictor, mapped)?);
        router = router.merge(inference::router(Arc::clone(&predictor)));
        if let Some(first) = first {
            router = router.merge(mlflow::router(predictor, &first));
        }
        let router = router
            .layer(DefaultBodyLimit::max(MOST_BYTES))
            .layer(middleware::from_fn(shadowed));
        Ok(Http { router, serving })
    }
}

/// Inference functions by name.
struct Models(BTreeMap<String, Arc<Serving>>);

impl Models {
    fn get(&self, model: &str) -> Result<&Arc<Serving>, Refusal> {
        self.0.get(model).ok_or_else(|| {
            let known: Vec<&str> = self.0.keys().map(String::as_str).collect();
            let message = format!("there is no model {model}: there is {}", known.join(", "));
            Refusal::new(Refused::NotFound, message)
        })
    }
}

impl Predictor for Models {
    fn models(&self) -> Vec<ModelVersions> {
        self.0
            .values()
            .flat_map(|serving| serving.models())
            .collect()
    }

    fn metadata(&self, model: &str, version: Option<&str>) -> Result<Metadata, Refusal> {
        self.get(model)?.metadata(model, version)
    }

    fn predict<'a>(
        &'a self,
        model: &'a str,
        version: Option<&'a str>,
        rows: Rows,
    ) -> BoxFuture<'a, Result<Predicted, Refusal>> {
        match self.get(model) {
            Ok(serving) => serving.predict(model, version, rows),
            Err(refusal) => Box::pin(std::future::ready(Err(refusal))),
        }
    }
}

/// Marks a copy of a request whose answer nobody gets.
const SHADOW: &str = "x-cutline-shadow";

/// A longer body is refused.
const MOST_BYTES: usize = 32 << 20;

/// A copy is answered as any request, and leaves nothing for monitoring.
async fn shadowed(request: Request, next: Next) -> Response {
    match request.headers().contains_key(SHADOW) {
        true => log::unlogged(next.run(request)).await,
        false => next.run(request).await,
    }
}

fn queued(router: Router, route: &str, queue: &str, services: &Services) -> Router {
    let path = route
        .split_once(' ')
        .map_or(route, |(_, path)| path)
        .to_owned();
    let (services, queue) = (services.clone(), queue.to_owned());
    let handler = async move |headers: HeaderMap, body: Bytes| -> Response {
        let message = match message(&body) {
            Ok(message) => message,
            Err(why) => {
                return (StatusCode::BAD_REQUEST, Json(json!({ "error": why }))).into_response();
            }
        };
        let id = message.id.clone();
        if headers.contains_key(SHADOW) {
            return (
                StatusCode::ACCEPTED,
                Json(json!({ "id": id, "shadow": true })),
            )
                .into_response();
        }
        match send(&services, &queue, &message).await {
            Ok(()) => (
                StatusCode::ACCEPTED,
                Json(json!({ "id": id, "queue": queue })),
            )
                .into_response(),
            Err(why) => (
                StatusCode::SERVICE_UNAVAILABLE,
                Json(json!({ "error": why })),
            )
                .into_response(),
        }
    };
    router.route(&path, post(handler))
}

/// A message whose values are the members of the body that are texts, numbers
/// or truth values.
fn message(body: &[u8]) -> Result<Message, String> {
    let body: Value = match body {
        [] => json!({}),
        body => {
            serde_json::from_slice(body).map_err(|error| format!("the body is no JSON: {error}"))?
        }
    };
    let Value::Object(members) = body else {
        return Err("the body is no JSON object".to_owned());
    };
    let mut message = Message::new(format!("{:032x}", rand::random::<u128>()));
    for (name, value) in members {
        match value {
            Value::String(text) => message.values.insert(name, text),
            Value::Number(number) => message.values.insert(name, number.to_string()),
            Value::Bool(truth) => message.values.insert(name, truth.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        };
    }
    Ok(message)
}

async fn send(services: &Services, queue: &str, message: &Message) -> Result<(), String> {
    let name: QueueName = queue.parse().map_err(|error| format!("{error}"))?;
    let body = message.to_body().map_err(|error| error.to_string())?;
    let sent = services
        .space
        .queues()
        .open(&name)
        .send(body, Duration::ZERO)
        .await;
    sent.map_err(|error| error.to_string())
}

/// Of a pipeline, the functions and faces that are asked for.
pub(super) fn functions(pipeline: Pipeline, only: &[String]) -> (Vec<Arc<Function>>, Vec<Params>) {
    let wanted = |function: &Function| only.is_empty() || only.contains(&function.name);
    let functions = pipeline.functions.into_iter().filter(wanted);
    (functions.map(Arc::new).collect(), pipeline.faces)
}
