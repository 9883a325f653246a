//! All figures that the proxy keeps, as data: what counts, what describes itself
//! to Prometheus, the documents and the dashboards are made of it.

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

pub(super) const COMPARISONS: &str = "cutline_comparisons_total";
pub(super) const CONNECTIONS: &str = "cutline_connections";
pub(super) const DROPPED: &str = "cutline_mirror_dropped_total";
pub(super) const DURATION: &str = "http_server_request_duration_seconds";
pub(super) const FAILURES: &str = "cutline_upstream_failures_total";
pub(super) const IN_FLIGHT: &str = "cutline_requests_in_flight";
pub(super) const MIRRORED: &str = "cutline_mirrored_total";
pub(super) const PAIRS: &str = "cutline_pairs_total";
pub(super) const PERCENT: &str = "cutline_stage_percent";
pub(super) const REFUSED: &str = "cutline_refused_total";
pub(super) const REQUESTS_FAILED: &str = "cutline_requests_failed_total";
pub(super) const REQUESTS: &str = "cutline_requests_total";
pub(super) const SPANS_LOST: &str = "cutline_spans_lost_total";

/// All there are.
pub const FIGURES: [Figure; 13] = [
    Figure {
        name: "cutline.requests",
        prometheus: REQUESTS,
        kind: FigureKind::Counter,
        unit: "{request}",
        labels: &["stage", "route", "end"],
        what: "each request once: `monolith`, `candidate`, `fallback`, `refused` or `aborted`",
    },
    Figure {
        name: "cutline.requests.failed",
        prometheus: REQUESTS_FAILED,
        kind: FigureKind::Counter,
        unit: "{request}",
        labels: &["stage", "route", "side"],
        what: "those of them that failed: the client's answer was of 500 or above, or broke off",
    },
    Figure {
        name: "http.server.request.duration",
        prometheus: DURATION,
        kind: FigureKind::Histogram,
        unit: "s",
        labels: &[
            "http_request_method",
            "url_scheme",
            "http_route",
            "stage",
            "side",
        ],
        what: "from a request's head to the end of its answer",
    },
    Figure {
        name: "cutline.upstream.failures",
        prometheus: FAILURES,
        kind: FigureKind::Counter,
        unit: "{request}",
        labels: &["stage", "route", "side", "failure"],
        what: "requests an upstream gave no answer to",
    },
    Figure {
        name: "cutline.refused",
        prometheus: REFUSED,
        kind: FigureKind::Counter,
        unit: "{request}",
        labels: &["reason"],
        what: "answers of the proxy itself, by why: a refusal of docs/http.md, or a failure of an upstream",
    },
    Figure {
        name: "cutline.mirrored",
        prometheus: MIRRORED,
        kind: FigureKind::Counter,
        unit: "{request}",
        labels: &["stage", "route", "side"],
        what: "copies sent",
    },
    Figure {
        name: "cutline.pairs",
        prometheus: PAIRS,
        kind: FigureKind::Counter,
        unit: "{request}",
        labels: &["stage", "route", "primary", "mirrored"],
        what: "requests both of whose outcomes are known: `reply` or `none` of the side that answered, and of the one that got the copy",
    },
    Figure {
        name: "cutline.comparisons",
        prometheus: COMPARISONS,
        kind: FigureKind::Counter,
        unit: "{comparison}",
        labels: &["stage", "route", "verdict"],
        what: "pairs of answers that were compared, once what is noise is known: `match`, `mismatch` or `unavailable`",
    },
    Figure {
        name: "cutline.mirror.dropped",
        prometheus: DROPPED,
        kind: FigureKind::Counter,
        unit: "{request}",
        labels: &["stage", "route", "reason"],
        what: "copies that were due and not sent; `comparison-queue` and `comparison-memory`: both answers are there and were not compared",
    },
    Figure {
        name: "cutline.stage",
        prometheus: PERCENT,
        kind: FigureKind::Gauge,
        unit: "%",
        labels: &["stage", "mode"],
        what: "what a stage's mode applies to now; 0 for its other modes",
    },
    Figure {
        name: "cutline.connections",
        prometheus: CONNECTIONS,
        kind: FigureKind::Gauge,
        unit: "{connection}",
        labels: &[],
        what: "open client connections",
    },
    Figure {
        name: "cutline.requests.in_flight",
        prometheus: IN_FLIGHT,
        kind: FigureKind::Gauge,
        unit: "{request}",
        labels: &[],
        what: "requests now in the proxy",
    },
    Figure {
        name: "cutline.spans.lost",
        prometheus: SPANS_LOST,
        kind: FigureKind::Counter,
        unit: "{span}",
        labels: &["reason"],
        what: "spans that were recorded and reached nobody, each once for whoever did not get it: `queue`, too many waited; `export`, they were not taken",
    },
];
