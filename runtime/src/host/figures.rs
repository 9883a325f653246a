//! `/metrics`: figures for Prometheus, as far as a recorder keeps them.

use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::function::Services;
use crate::pipeline::Function;
use crate::queue::{MOST_AT_ONCE, QueueError, QueueName};

/// What has been recorded, in Prometheus' text format.
pub type Render = Arc<dyn Fn() -> String + Send + Sync>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// All there are, in the order of names: what each counts or measures.
const ALL: [(&str, Kind, &str); 11] = [
    (
        "cutline_invocation_seconds",
        Kind::Histogram,
        "How long invocations took that messages started, by function, stage and end.",
    ),
    (
        "cutline_invocations_total",
        Kind::Counter,
        "Invocations that messages started, by function, stage and end: done, repeated, retried or poisoned.",
    ),
    (
        "cutline_monitoring",
        Kind::Gauge,
        "What monitoring found last, by function and figure.",
    ),
    (
        "cutline_prediction_seconds",
        Kind::Histogram,
        "How long it took to predict the rows of a request, by function.",
    ),
    (
        "cutline_predictions_lost_total",
        Kind::Counter,
        "Rows that were answered and are not in the prediction log.",
    ),
    (
        "cutline_predictions_total",
        Kind::Counter,
        "Rows that requests asked about and that were answered, by function, model and version.",
    ),
    (
        "cutline_queue_messages",
        Kind::Gauge,
        "Messages in a queue, those that are worked on too.",
    ),
    (
        "cutline_queue_oldest_message_seconds",
        Kind::Gauge,
        "How long ago the oldest message was sent that waits in a queue; 0 where none does.",
    ),
    (
        "cutline_rows_total",
        Kind::Counter,
        "Rows that invocations saw, by function and stage.",
    ),
    (
        "cutline_serving_trouble",
        Kind::Gauge,
        "1 while an inference function cannot answer with what its alias points to, by function.",
    ),
    (
        "cutline_spans_lost_total",
        Kind::Counter,
        "Spans that reached no collector, by reason.",
    ),
];

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
    for (name, kind, help) in ALL {
        match kind {
            Kind::Counter => metrics::describe_counter!(name, help),
            Kind::Gauge => metrics::describe_gauge!(name, help),
            Kind::Histogram => metrics::describe_histogram!(name, help),
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
    metrics::gauge!("cutline_queue_oldest_message_seconds", "queue" => name).set(age);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_prometheus_wants_them_and_in_order() {
        for (name, kind, help) in ALL {
            assert_eq!(kind == Kind::Counter, name.ends_with("_total"), "{name}");
            assert!(
                kind != Kind::Histogram || name.ends_with("_seconds"),
                "{name}"
            );
            assert!(help.ends_with('.'), "{name}");
        }
        assert!(ALL.is_sorted_by_key(|(name, ..)| name));
    }
}
