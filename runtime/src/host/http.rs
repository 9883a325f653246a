//! [`Http`]: a pipeline's functions as HTTP clients see them.
//!
//! ```text
//! /v2/…                          the Open Inference Protocol, every inference function a model
//! /invocations, /ping, /version  MLflow's, the first inference function
//! the routes of [[http]]         the monolith's own
//! /functions/runs/ID, /metrics   how far work has come, and figures
//! /functions/databases           whose each shared database is
//! ```
//!
//! A declared route comes before one of the others. Those that do not predict
//! are in `faces`.
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

use super::faces::{self, Checked, Declared, MOST_BYTES, SHADOW};
use super::figures::{self, Render};
use super::guard::{self, Guard};
use super::handover;
use super::shadow::Shadows;
use super::traced;
use crate::face::mapping::{self, Lookups};
use crate::face::{ModelVersions, Predictor, Refusal, Refused, Version, inference, mlflow};
use crate::function::Services;
use crate::log::{self, PredictionLog};
use crate::pipeline::{Function, Params, Pipeline, Problem, is_hosted};
use crate::spans::Tracing;
use crate::stages::Serving;

/// What is answered whatever a file declares, where figures are kept.
pub const ROUTES: [&str; 13] = [
    "GET /functions/databases",
    "GET /functions/runs/{id}",
    "GET /metrics",
    "GET /v2",
    "GET /v2/health/live",
    "GET /v2/health/ready",
    "GET /v2/models/{model}",
    "GET /v2/models/{model}/ready",
    "GET /v2/models/{model}/versions/{version}",
    "GET /v2/models/{model}/versions/{version}/ready",
    "POST /functions/databases/{name}",
    "POST /v2/models/{model}/infer",
    "POST /v2/models/{model}/versions/{version}/infer",
];

/// What is answered beside these where a function predicts, as MLflow does.
pub const ROUTES_OF_INFERENCE: [&str; 4] = [
    "GET /health",
    "GET /ping",
    "GET /version",
    "POST /invocations",
];

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
    /// Who may change something.
    pub(super) guard: Option<Guard>,
    /// What `/metrics` answers, if it does.
    pub(super) render: Option<Render>,
    /// Functions of the file that are not hosted here.
    pub(super) elsewhere: &'p [String],
    pub(super) tracing: Tracing,
}

impl Http {
    /// No face at all.
    pub(super) fn nothing() -> Http {
        Http {
            router: Router::new(),
            serving: Vec::new(),
            logs: Vec::new(),
        }
    }

    /// The faces of these functions. Those of functions that are hosted
    /// elsewhere are left out.
    ///
    /// # Errors
    /// When a face is not as it should be, with its place in the file.
    pub(super) fn new(pipeline: &Faces<'_>) -> Result<Http, Problem> {
        let services = pipeline.services;
        let (mut models, mut writing) = (Models(BTreeMap::new()), Vec::new());
        let inference = |function: &&Arc<Function>| function.stage == "inference";
        for function in pipeline.functions.iter().filter(inference) {
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
        let functions = pipeline.functions.iter().map(|function| &**function);
        let checked = faces::check(
            pipeline.declared,
            functions,
            services.owners.databases(),
            pipeline.guard.is_some(),
            pipeline.elsewhere,
        )?;
        let databases = faces::Databases::new(services.clone());
        let (mut router, mut predicting) = (Router::new(), Vec::new());
        for face in checked {
            match face {
                Checked::Predicts(face, function) => predicting.push((*face, function)),
                Checked::Does(face, behind) => {
                    let declared = Declared {
                        face: *face,
                        behind,
                        services: services.clone(),
                        databases: databases.clone(),
                        shadows: pipeline.shadows.clone(),
                        guard: pipeline.guard.clone(),
                    };
                    router = declared.route(router);
                }
            }
        }
        let lookups: Arc<dyn Lookups> = Arc::new(databases);
        let guard = || pipeline.guard.clone();
        let (asks, open): (Vec<_>, Vec<_>) = predicting
            .into_iter()
            .partition(|(face, _)| face.asks_token());
        router = router.merge(mapping::router(&predictor, &lookups, open));
        let asking = mapping::router(&predictor, &lookups, asks);
        router = router.merge(guard::required(asking, guard()));
        router = faces::once_each(router, services.space.ledger(), guard(), true);
        router = traced::recorded(router, &pipeline.tracing);
        let mut standard = inference::router(Arc::clone(&predictor));
        if let Some(first) = first {
            standard = standard.merge(mlflow::router(predictor, &first));
        }
        standard = faces::once_each(standard, services.space.ledger(), guard(), false);
        standard = traced::recorded(standard, &pipeline.tracing);
        standard = standard.merge(faces::runs(services.clone(), pipeline.shadows.clone()));
        standard = standard.merge(handover::routes(services, pipeline.guard.clone()));
        if let Some(render) = &pipeline.render {
            let figures = figures::route(Arc::clone(render), services.clone(), pipeline.functions);
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
    let wanted = |function: &Function| is_hosted(only, &function.name);
    let (here, elsewhere): (Vec<_>, Vec<_>) = pipeline.functions.into_iter().partition(wanted);
    let elsewhere = elsewhere.into_iter().map(|function| function.name);
    let here = here.into_iter().map(Arc::new);
    (here.collect(), pipeline.faces, elsewhere.collect())
}
