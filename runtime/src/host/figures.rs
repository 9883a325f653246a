//! `/metrics`: figures for Prometheus, as far as a recorder keeps them.

use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::function::Services;
use crate::pipeline::Function;
use crate::queue::QueueName;

/// What has been recorded, in Prometheus' text format.
pub type Render = Arc<dyn Fn() -> String + Send + Sync>;

/// The route. What lies in the queues is looked up when it is asked for.
pub(super) fn route(render: Render, services: Services, functions: &[Arc<Function>]) -> Router {
    let queues = functions.iter().filter_map(|function| function.queue());
    let queues: Vec<QueueName> = queues.filter_map(|queue| queue.parse().ok()).collect();
    let handler = async move || -> Response {
        for queue in queues
            .iter()
            .flat_map(|queue| [queue.clone(), queue.poison()])
        {
            match services.space.queues().open(&queue).depth().await {
                Ok(depth) => {
                    let name = queue.to_string();
                    metrics::gauge!("cutline_queue_messages", "queue" => name).set(depth as f64);
                }
                Err(error) => {
                    return (StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response();
                }
            }
        }
        let format = "text/plain; version=0.0.4; charset=utf-8";
        ([(header::CONTENT_TYPE, format)], render()).into_response()
    };
    Router::new().route("/metrics", get(handler))
}
