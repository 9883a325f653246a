//! The dashboard for Grafana: what a migration is judged by first, then each
//! figure by itself.

use serde_json::{Value, json};

use super::{Figure, Kind, Part, figures};

/// Of the dashboards of Grafana 11, which later ones read.
const SCHEMA: u32 = 39;
/// A row of the grid has that many places.
const WIDTH: u32 = 24;
const PANEL: (u32, u32) = (8, 8);

/// What stands above: shares and rates that no single figure says.
const FIRST: [Panel; 8] = [
    Panel {
        title: "Share of requests by who answered",
        unit: "percentunit",
        queries: &[(
            r#"sum by (stage, end) (rate(cutline_requests_total{stage=~"$stage"}[$__rate_interval])) / on (stage) group_left sum by (stage) (rate(cutline_requests_total{stage=~"$stage"}[$__rate_interval]))"#,
            "{{stage}} {{end}}",
        )],
    },
    Panel {
        title: "Requests that an upstream gave no answer to",
        unit: "percentunit",
        queries: &[(
            r#"sum by (stage, side) (rate(cutline_upstream_failures_total{stage=~"$stage"}[$__rate_interval])) / on (stage) group_left sum by (stage) (rate(cutline_requests_total{stage=~"$stage"}[$__rate_interval]))"#,
            "{{stage}} {{side}}",
        )],
    },
    Panel {
        title: "Latency of both sides",
        unit: "s",
        queries: &[
            (
                r#"histogram_quantile(0.5, sum by (stage, side, le) (rate(http_server_request_duration_seconds_bucket{stage=~"$stage"}[$__rate_interval])))"#,
                "{{stage}} {{side}} p50",
            ),
            (
                r#"histogram_quantile(0.99, sum by (stage, side, le) (rate(http_server_request_duration_seconds_bucket{stage=~"$stage"}[$__rate_interval])))"#,
                "{{stage}} {{side}} p99",
            ),
        ],
    },
    Panel {
        title: "Answers that differ",
        unit: "percentunit",
        queries: &[(
            r#"sum by (stage) (rate(cutline_comparisons_total{stage=~"$stage",verdict="mismatch"}[$__rate_interval])) / sum by (stage) (rate(cutline_comparisons_total{stage=~"$stage",verdict=~"match|mismatch"}[$__rate_interval]))"#,
            "{{stage}}",
        )],
    },
    Panel {
        title: "Messages that wait",
        unit: "short",
        queries: &[(
            r#"max by (queue) (cutline_queue_messages{queue!~".+-poison"})"#,
            "{{queue}}",
        )],
    },
    Panel {
        title: "Poison",
        unit: "short",
        queries: &[(
            r#"max by (queue) (cutline_queue_messages{queue=~".+-poison"})"#,
            "{{queue}}",
        )],
    },
    Panel {
        title: "Drift",
        unit: "short",
        queries: &[(
            r#"cutline_monitoring{figure=~"drifted|drift-share"}"#,
            "{{function}} {{figure}}",
        )],
    },
    Panel {
        title: "Versions that answer",
        unit: "rowsps",
        queries: &[(
            "sum by (model, version) (rate(cutline_predictions_total[$__rate_interval]))",
            "{{model}} {{version}}",
        )],
    },
];

struct Panel {
    title: &'static str,
    unit: &'static str,
    /// In PromQL, each with what it is called in the legend.
    queries: &'static [(&'static str, &'static str)],
}

/// The dashboard, as Grafana imports it.
pub(crate) fn grafana() -> Value {
    let mut panels = Grid::default();
    panels.row("At a glance");
    for first in &FIRST {
        let queries: Vec<_> = first
            .queries
            .iter()
            .map(|(query, legend)| ((*query).to_owned(), (*legend).to_owned()))
            .collect();
        panels.add(first.title, "", first.unit, &queries);
    }
    for part in [Part::Proxy, Part::Functions] {
        panels.row(part.title());
        for figure in figures().iter().filter(|figure| figure.part == part) {
            panels.add(
                figure.name,
                &figure.sentence(),
                unit(figure),
                &queries(figure),
            );
        }
    }
    json!({
        "uid": "cutline",
        "title": "cutline",
        "tags": ["cutline"],
        "schemaVersion": SCHEMA,
        "version": 1,
        "editable": true,
        "time": { "from": "now-6h", "to": "now" },
        "refresh": "30s",
        "templating": { "list": [datasource(), stages()] },
        "annotations": { "list": [] },
        "panels": panels.panels,
    })
}

fn datasource() -> Value {
    json!({
        "name": "datasource",
        "type": "datasource",
        "label": "Prometheus",
        "query": "prometheus",
    })
}

fn stages() -> Value {
    let query = "label_values(cutline_requests_total, stage)";
    json!({
        "name": "stage",
        "type": "query",
        "label": "Stage",
        "datasource": source(),
        "query": { "query": query, "refId": "stages" },
        "refresh": 2,
        "sort": 1,
        "multi": true,
        "includeAll": true,
        "allValue": ".*",
        "current": { "text": "All", "value": "$__all" },
    })
}

fn source() -> Value {
    json!({ "type": "prometheus", "uid": "${datasource}" })
}

/// A figure by itself, by its kind.
fn queries(figure: &Figure) -> Vec<(String, String)> {
    let name = figure.prometheus;
    let by = figure.labels.join(", ");
    let labels = figure.labels.iter().map(|label| format!("{{{{{label}}}}}"));
    let legend = labels.collect::<Vec<_>>().join(" ");
    let of_stage = match figure.labels.contains(&"stage") && figure.part == Part::Proxy {
        true => r#"{stage=~"$stage"}"#,
        false => "",
    };
    match figure.kind {
        Kind::Counter => vec![(
            format!("sum by ({by}) (rate({name}{of_stage}[$__rate_interval]))"),
            legend,
        )],
        Kind::Gauge => vec![(format!("max by ({by}) ({name}{of_stage})"), legend)],
        Kind::Histogram => [("p50", "0.5"), ("p99", "0.99")]
            .map(|(shown, quantile)| {
                let rate = format!("rate({name}_bucket{of_stage}[$__rate_interval])");
                let query = format!("histogram_quantile({quantile}, sum by ({by}, le) ({rate}))");
                (query, format!("{legend} {shown}"))
            })
            .into(),
    }
}

/// As Grafana calls it; a counter is shown by the second.
fn unit(figure: &Figure) -> &'static str {
    match (figure.unit, figure.kind) {
        ("s", _) => "s",
        ("%", _) => "percent",
        ("{request}", Kind::Counter) => "reqps",
        ("{row}", Kind::Counter) => "rowsps",
        (_, Kind::Counter) => "cps",
        _ => "short",
    }
}

/// Panels, each in the next place that is free.
#[derive(Default)]
struct Grid {
    panels: Vec<Value>,
    across: u32,
    down: u32,
}

impl Grid {
    fn row(&mut self, title: &str) {
        self.break_line();
        let place = json!({ "x": 0, "y": self.down, "w": WIDTH, "h": 1 });
        let id = self.panels.len() + 1;
        self.down += 1;
        self.panels.push(json!({
            "id": id, "type": "row", "title": title, "collapsed": false, "gridPos": place, "panels": [],
        }));
    }

    fn break_line(&mut self) {
        if self.across > 0 {
            (self.across, self.down) = (0, self.down + PANEL.1);
        }
    }

    fn add(&mut self, title: &str, what: &str, unit: &str, queries: &[(String, String)]) {
        let (width, height) = PANEL;
        let targets = queries.iter().zip('A'..).map(|((query, legend), letter)| {
            json!({
                "refId": letter.to_string(),
                "datasource": source(),
                "expr": query,
                "legendFormat": legend,
                "editorMode": "code",
                "range": true,
            })
        });
        let targets: Vec<Value> = targets.collect();
        self.panels.push(json!({
            "id": self.panels.len() + 1,
            "type": "timeseries",
            "title": title,
            "description": what,
            "datasource": source(),
            "gridPos": { "x": self.across, "y": self.down, "w": width, "h": height },
            "fieldConfig": { "defaults": { "unit": unit, "min": 0 }, "overrides": [] },
            "options": {
                "legend": { "displayMode": "list", "placement": "bottom", "showLegend": true },
                "tooltip": { "mode": "multi", "sort": "desc" },
            },
            "targets": targets,
        }));
        self.across += width;
        if self.across >= WIDTH {
            self.break_line();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::dashboards::tests::named;

    fn expressions() -> Vec<String> {
        let dashboard = grafana();
        let panels = dashboard["panels"].as_array().unwrap().iter();
        let targets = panels.filter_map(|panel| panel["targets"].as_array());
        let all = targets
            .flatten()
            .map(|target| target["expr"].as_str().unwrap());
        all.map(|query| {
            query
                .replace("$__rate_interval", "5m")
                .replace("$stage", ".*")
        })
        .collect()
    }

    #[test]
    fn every_query_is_promql_and_names_figures_and_labels_there_are() {
        for query in expressions() {
            named(&query);
        }
    }

    #[test]
    fn every_figure_is_on_it() {
        let shown: BTreeSet<_> = expressions()
            .iter()
            .flat_map(|query| named(query))
            .collect();
        let all: BTreeSet<_> = figures()
            .iter()
            .map(|own| own.prometheus.to_owned())
            .collect();
        assert_eq!(shown, all);
    }

    #[test]
    fn no_panel_lies_on_another() {
        let dashboard = grafana();
        let mut taken = BTreeSet::new();
        let mut ids = BTreeSet::new();
        for panel in dashboard["panels"].as_array().unwrap() {
            assert!(ids.insert(panel["id"].as_u64().unwrap()));
            let place = |key: &str| panel["gridPos"][key].as_u64().unwrap();
            assert!(place("x") + place("w") <= u64::from(WIDTH));
            for x in place("x")..place("x") + place("w") {
                for y in place("y")..place("y") + place("h") {
                    assert!(taken.insert((x, y)), "{panel}");
                }
            }
        }
    }
}
