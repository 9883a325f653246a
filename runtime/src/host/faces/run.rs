//! How far the work has come that a request asked for.

use std::sync::Arc;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;

use super::answer::{Answer, outcome, refused, unavailable};
use super::{Asked, Declared};
use crate::face::mapping::Place;
use crate::function::Services;
use crate::host::shadow::Shadows;
use crate::store::cells::CellError;
use crate::store::runs;

/// Where every run can be followed.
pub(super) fn address(id: &str) -> String {
    format!("/functions/runs/{id}")
}

/// The standard face of runs.
pub(in crate::host) fn runs(services: Services, shadows: Option<Arc<Shadows>>) -> Router {
    let handler = async move |Path(id): Path<String>| -> Response {
        match find(&services, shadows.as_deref(), &id).await {
            Ok(Some((_, run))) => Json(run).into_response(),
            Ok(None) => refused(StatusCode::NOT_FOUND, none(&id)),
            Err(error) => unavailable(&error),
        }
    };
    Router::new().route("/functions/runs/{id}", get(handler))
}

/// The run, and what it is worked on with.
async fn find(
    services: &Services,
    shadows: Option<&Shadows>,
    id: &str,
) -> Result<Option<(Services, runs::Run)>, CellError> {
    let mut services = services.clone();
    if let Some(shadow) = shadows.and_then(|shadows| shadows.space(id)) {
        services.space = shadow;
    }
    let run = services.space.runs().get(id).await?;
    Ok(run.map(|run| (services, run)))
}

fn none(id: &str) -> String {
    format!("there is no run {id}")
}

/// A run, in a declared shape.
pub(in crate::host) enum Run {
    /// Whose id is at this place of a request.
    Id(Place),
    /// That a request began last with this function.
    Last(String),
}

impl Run {
    pub(super) async fn answer(&self, to: &Declared, asked: Asked) -> Result<Answer, Response> {
        let refused = |status, why: &str| to.face.refused(status, why);
        let id = match self {
            Run::Id(place) => {
                let id = place.text(&asked.task.request);
                id.ok_or_else(|| refused(StatusCode::BAD_REQUEST, "it names no run"))?
            }
            Run::Last(function) => {
                let id = to.services.space.runs().last(function).await;
                let id = id.map_err(|error| unavailable(&error))?;
                id.ok_or_else(|| refused(StatusCode::NOT_FOUND, "there is no run yet"))?
            }
        };
        let found = find(&to.services, to.shadows.as_deref(), &id).await;
        let found = found.map_err(|error| unavailable(&error))?;
        let (services, run) = found.ok_or_else(|| refused(StatusCode::NOT_FOUND, &none(&id)))?;
        let told = json!({
            "id": id,
            "state": run.state,
            "begun": run.begun,
            "error": run.error(),
            "status": address(&id),
        });
        let mut document = outcome(&services, &run.steps, None, &to.face).await?;
        document.insert("run".to_owned(), told);
        asked.told(&mut document);
        Ok(Answer::of(to.face.answer(&document.into())))
    }
}
