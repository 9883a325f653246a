//! `/metrics`: figures for Prometheus, as far as a recorder keeps them.

mod list;

use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

pub use self::list::{FIGURES, Figure, FigureKind};

use crate::function::Services;
use crate::pipeline::Function;
use crate::queue::{MOST_AT_ONCE, QueueError, QueueName};

/// What has been recorded, in Prometheus' text format.
pub type Render = Arc<dyn Fn() -> String + Send + Sync>;

/// The route. What lies in the queues is looked up when it is asked for.
pub(super) fn route(render: Render, services: Services, functions: &[Arc<Function>]) -> Router {
    describe();
    let queues = functions.iter().filter_map(|function| function.queue());
    let queues: Vec<QueueName> = queues.filter_map(|queue| queue.parse().ok()).collect();
    let handler = async move || -> Response {
        for queue in &queues {
            for queue in [queue.clone(), queue.poison()] {
                if let Err(error) = look(&services, &queue).await {
                    return (StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response();
                }
            }
        }
        let format = "text/plain; version=0.0.4; charset=utf-8";
        ([(header::CONTENT_TYPE, format)], render()).into_response()
    };
    Router::new().route("/metrics", get(handler))
}

fn describe() {
    for figure in FIGURES {
        let (name, what) = (figure.prometheus, figure.what);
        match figure.kind {
            FigureKind::Counter => metrics::describe_counter!(name, what),
            FigureKind::Gauge => metrics::describe_gauge!(name, what),
            FigureKind::Histogram => metrics::describe_histogram!(name, what),
        }
    }
}

async fn look(services: &Services, queue: &QueueName) -> Result<(), QueueError> {
    let open = services.space.queues().open(queue);
    let (depth, waiting) = (open.depth().await?, open.peek(MOST_AT_ONCE).await?);
    let now = services.space.clock().now();
    let oldest = waiting.iter().map(|message| message.inserted).min();
    let age = oldest.map_or(0.0, |sent| now.since(sent).as_secs_f64());
    let name = queue.to_string();
    metrics::gauge!("cutline_queue_messages", "queue" => name.clone()).set(depth as f64);
    metrics::gauge!("cutline_queue_oldest_message_age_seconds", "queue" => name).set(age);
    Ok(())
}
