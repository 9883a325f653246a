//! [`Http`]: a pipeline's functions as HTTP clients see them.
//!
//! ```text
//! /v2/…                          the Open Inference Protocol, every inference function a model
//! /invocations, /ping, /version  MLflow's, the first inference function
//! the routes of [[http]]         the monolith's own
//! /functions/runs/ID, /metrics   how far work has come, and figures
//! ```
//!
//! A declared route comes before one of the others. Those of functions that a
//! queue or a time triggers are in `queued`.
//!
//! A request that the proxy marks as a copy (`x-cutline-shadow`) is answered
//! likewise, and changes nothing: it is in no log, and what it makes is in a
//! shadow.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{self, Next};
use axum::response::Response;
use futures_util::future::BoxFuture;
use tokio::task::JoinHandle;

use super::figures::{self, Render};
use super::queued::{self, LatestFace, QueueFace, SHADOW};
use super::shadow::Shadows;
use super::traced;
use crate::face::mapping::{self, Face, HttpWritten, MappingError, Taken, TaskFace};
use crate::face::{ModelVersions, Predictor, Refusal, Refused, Version, inference, mlflow};
use crate::function::Services;
use crate::log::{self, PredictionLog};
use crate::pipeline::{Function, Params, Pipeline, Problem, Trigger};
use crate::queue::NoQueueName;
use crate::spans::Tracing;
use crate::stages::Serving;

/// The faces of a pipeline, and what answers behind them.
pub struct Http {
    /// To be served.
    pub router: Router,
    /// Every inference function, to be refreshed now and then.
    pub serving: Vec<Arc<Serving>>,
    /// Each ends once nobody answers any more and its log is written.
    pub logs: Vec<JoinHandle<()>>,
}

/// What faces are made of.
pub(super) struct Faces<'p> {
    pub(super) functions: &'p [Arc<Function>],
    pub(super) declared: &'p [Params],
    pub(super) services: &'p Services,
    /// Where copies of requests are worked on, if anywhere.
    pub(super) shadows: Option<Arc<Shadows>>,
    /// What `/metrics` answers, if it does.
    pub(super) render: Option<Render>,
    /// Functions of the file that are not hosted here.
    pub(super) elsewhere: &'p [String],
    pub(super) tracing: Tracing,
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
    /// A face's function has a queue of no name.
    #[error("[[http]] {route}: its function's queue cannot be used")]
    Queue {
        /// The face's route.
        route: String,
        /// Why.
        source: NoQueueName,
    },
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
    /// The faces of these functions. Those of functions that are hosted
    /// elsewhere are left out.
    ///
    /// # Errors
    /// When a face is not as it should be.
    pub(super) fn new(faces: &Faces<'_>) -> Result<Http, HttpError> {
        let services = faces.services;
        let (mut models, mut writing) = (Models(BTreeMap::new()), Vec::new());
        let inference = |function: &&Arc<Function>| function.stage == "inference";
        for function in faces.functions.iter().filter(inference) {
            let clock = Arc::clone(services.space.clock());
            let logs = Arc::clone(&services.logs);
            let (log, written) = PredictionLog::start(logs, &function.name, clock);
            writing.push(written);
            let serving = Serving::new(Arc::clone(function), services.clone(), Some(log))?;
            models.0.insert(function.name.clone(), Arc::new(serving));
        }
        let serving: Vec<Arc<Serving>> = models.0.values().cloned().collect();
        let first = models.0.keys().next().cloned();
        let predictor: Arc<dyn Predictor> = Arc::new(models);
        let (mut router, mut taken) = (Router::new(), Taken::default());
        let mut mapped = Vec::new();
        for face in faces.declared {
            let written: HttpWritten = face.read()?;
            if faces.elsewhere.contains(&written.function) {
                continue;
            }
            let mut functions = faces.functions.iter();
            let Some(function) = functions.find(|function| function.name == written.function)
            else {
                return Err(HttpError::NoFunction {
                    route: written.route,
                    function: written.function,
                });
            };
            let (function, services) = (Arc::clone(function), services.clone());
            match &function.trigger {
                Trigger::Http => mapped.push((Face::new(&written)?, written.function.clone())),
                Trigger::Queue(queue) => {
                    let face = TaskFace::new(&written)?;
                    taken.task(&face)?;
                    let queue = queue.parse().map_err(|error| HttpError::Queue {
                        route: written.route.clone(),
                        source: error,
                    })?;
                    let shadows = faces.shadows.clone();
                    let face = QueueFace {
                        face,
                        function,
                        queue,
                        services,
                        shadows,
                    };
                    router = face.route(router);
                }
                Trigger::Every(_) => {
                    let face = TaskFace::new(&written)?;
                    taken.task(&face)?;
                    let face = LatestFace {
                        face,
                        function,
                        services,
                    };
                    router = face.route(router);
                }
            }
        }
        router = router.merge(mapping::router(&predictor, mapped, &mut taken)?);
        router = traced::recorded(router, &faces.tracing);
        let mut standard = inference::router(Arc::clone(&predictor));
        if let Some(first) = first {
            standard = standard.merge(mlflow::router(predictor, &first));
        }
        standard = traced::recorded(standard, &faces.tracing);
        standard = standard.merge(queued::runs(services.clone(), faces.shadows.clone()));
        if let Some(render) = &faces.render {
            let figures = figures::route(Arc::clone(render), services.clone(), faces.functions);
            standard = standard.merge(figures);
        }
        let router = router
            .fallback_service(standard)
            .layer(DefaultBodyLimit::max(MOST_BYTES))
            .layer(middleware::from_fn(shadowed));
        Ok(Http {
            router,
            serving,
            logs: writing,
        })
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

    fn version<'a>(
        &'a self,
        model: &'a str,
        version: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Arc<dyn Version>, Refusal>> {
        match self.get(model) {
            Ok(serving) => serving.version(model, version),
            Err(refusal) => Box::pin(std::future::ready(Err(refusal))),
        }
    }
}

/// A longer body is refused.
const MOST_BYTES: usize = 32 << 20;

/// A copy is answered as any request, and leaves nothing for monitoring.
async fn shadowed(request: Request, next: Next) -> Response {
    match request.headers().contains_key(SHADOW) {
        true => log::unlogged(next.run(request)).await,
        false => next.run(request).await,
    }
}

/// Of a pipeline, the functions and faces that are asked for, and the names of
/// the functions that are not.
pub(super) fn functions(
    pipeline: Pipeline,
    only: &[String],
) -> (Vec<Arc<Function>>, Vec<Params>, Vec<String>) {
    let wanted = |function: &Function| only.is_empty() || only.contains(&function.name);
    let (here, elsewhere): (Vec<_>, Vec<_>) = pipeline.functions.into_iter().partition(wanted);
    let elsewhere = elsewhere.into_iter().map(|function| function.name);
    let here = here.into_iter().map(Arc::new);
    (here.collect(), pipeline.faces, elsewhere.collect())
}
