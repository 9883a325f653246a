//! All figures that the runtime keeps, as data: what describes itself to
//! Prometheus, the documents and the dashboards are made of it.

/// A figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figure {
    /// As OpenTelemetry names it.
    pub name: &'static str,
    /// As Prometheus does, by OpenTelemetry's rules: from name, unit and kind.
    pub prometheus: &'static str,
    /// What it is.
    pub kind: FigureKind,
    /// In UCUM's words; what is counted stands in braces.
    pub unit: &'static str,
    /// What tells its samples apart.
    pub labels: &'static [&'static str],
    /// What it says.
    pub what: &'static str,
}

/// What a figure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FigureKind {
    /// It only grows.
    Counter,
    /// It is what it is now.
    Gauge,
    /// Many measurements, in buckets.
    Histogram,
}

/// All there are.
pub const FIGURES: [Figure; 11] = [
    Figure {
        name: "cutline.invocations",
        prometheus: "cutline_invocations_total",
        kind: FigureKind::Counter,
        unit: "{invocation}",
        labels: &["function", "stage", "end"],
        what: "invocations that messages started: `done`, `repeated` (it was in the ledger), `retried` (it failed and is tried again) or `poisoned`",
    },
    Figure {
        name: "messaging.process.duration",
        prometheus: "messaging_process_duration_seconds",
        kind: FigureKind::Histogram,
        unit: "s",
        labels: &[
            "messaging_system",
            "messaging_operation_name",
            "messaging_destination_name",
            "function",
            "stage",
            "end",
        ],
        what: "how long they took",
    },
    Figure {
        name: "cutline.rows",
        prometheus: "cutline_rows_total",
        kind: FigureKind::Counter,
        unit: "{row}",
        labels: &["function", "stage"],
        what: "the rows that they saw",
    },
    Figure {
        name: "cutline.queue.messages",
        prometheus: "cutline_queue_messages",
        kind: FigureKind::Gauge,
        unit: "{message}",
        labels: &["queue"],
        what: "messages there, those that are worked on too; also of poison queues",
    },
    Figure {
        name: "cutline.queue.oldest_message.age",
        prometheus: "cutline_queue_oldest_message_age_seconds",
        kind: FigureKind::Gauge,
        unit: "s",
        labels: &["queue"],
        what: "how long ago the oldest message was sent that waits there, of the next 32; 0 where none waits",
    },
    Figure {
        name: "cutline.predictions",
        prometheus: "cutline_predictions_total",
        kind: FigureKind::Counter,
        unit: "{row}",
        labels: &["function", "model", "version"],
        what: "rows of requests that were answered",
    },
    Figure {
        name: "cutline.prediction.duration",
        prometheus: "cutline_prediction_duration_seconds",
        kind: FigureKind::Histogram,
        unit: "s",
        labels: &["function"],
        what: "how long it took to predict the rows of a request",
    },
    Figure {
        name: "cutline.predictions.lost",
        prometheus: "cutline_predictions_lost_total",
        kind: FigureKind::Counter,
        unit: "{row}",
        labels: &[],
        what: "rows that were answered and are not in the prediction log",
    },
    Figure {
        name: "cutline.monitoring",
        prometheus: "cutline_monitoring",
        kind: FigureKind::Gauge,
        unit: "",
        labels: &["function", "figure"],
        what: "what monitoring found last",
    },
    Figure {
        name: "cutline.serving.trouble",
        prometheus: "cutline_serving_trouble",
        kind: FigureKind::Gauge,
        unit: "",
        labels: &["function"],
        what: "1 while it cannot answer with what its alias points to, or else 0",
    },
    Figure {
        name: "cutline.spans.lost",
        prometheus: "cutline_spans_lost_total",
        kind: FigureKind::Counter,
        unit: "{span}",
        labels: &["reason"],
        what: "spans that were recorded and reached nobody, each once for whoever did not get it: `queue`, too many waited; `export`, they were not taken",
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    /// What counts names its figures in its own place, as texts.
    #[test]
    fn what_is_counted_is_listed_and_no_other() {
        let mut counted = BTreeSet::new();
        look(
            Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")),
            &mut counted,
        );
        let listed = FIGURES.iter().map(|figure| figure.prometheus.to_owned());
        assert_eq!(counted, listed.collect());
    }

    fn look(folder: &Path, counted: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                look(&path, counted);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            for kind in ["counter", "gauge", "histogram"] {
                for call in text.split(&format!("metrics::{kind}!(")).skip(1) {
                    let name = call.split('"').nth(1).unwrap();
                    let found = FIGURES.iter().find(|figure| figure.prometheus == name);
                    let found = found.unwrap_or_else(|| panic!("{name} in {}", path.display()));
                    assert_eq!(format!("{:?}", found.kind).to_lowercase(), kind, "{name}");
                    counted.insert(name.to_owned());
                }
            }
        }
    }

    #[test]
    fn every_figure_is_documented_and_no_other() {
        let page = include_str!("../../../../docs/runtime.md");
        let table = page
            .split("| figure | by | |\n|---|---|---|\n")
            .nth(1)
            .unwrap();
        let rows: Vec<_> = table
            .lines()
            .take_while(|line| line.starts_with('|'))
            .collect();
        let wanted: Vec<_> = FIGURES.iter().map(row).collect();
        assert_eq!(
            rows,
            wanted,
            "docs/runtime.md is to say:\n{}",
            wanted.join("\n")
        );
    }

    fn row(figure: &Figure) -> String {
        let (name, labels, what) = (figure.prometheus, figure.labels.join(", "), figure.what);
        format!("| `{name}` | {labels} | {what} |").replace("|  |", "| |")
    }
}
