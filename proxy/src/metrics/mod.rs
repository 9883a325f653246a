//! What is counted: every request once, by how it ended.

mod list;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::Method;
use metrics::{
    Counter, Gauge, Histogram, Key, KeyName, Label, Level, Metadata, Recorder, SharedString,
};
use metrics_exporter_prometheus::{
    Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};

pub use self::list::{FIGURES, Figure, FigureKind};

use crate::compare::Verdict;
use crate::methods::Known;
use crate::outcome::{Failure, Outcome};
use crate::refuse::Refusal;
use crate::route::{Mode, RouteTable, Share, Side};
use crate::spans::LostSpans;

/// How a request ended. Each ends in exactly one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The monolith's answer reached the client.
    Monolith,
    /// The candidate's answer reached the client.
    Candidate,
    /// The candidate failed, and the monolith's answer reached the client.
    Fallback,
    /// The proxy answered: it refused the request, or nobody else could.
    Refused,
    /// The client left, or the answer broke off.
    Aborted,
}

/// Why a copy was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dropped {
    /// That side's declared effects forbid it.
    Effects,
    /// Too many copies are in flight.
    InFlight,
    /// Too many bytes are kept for copies in flight.
    Memory,
    /// The body is longer than what is kept.
    BodyTooLong,
    /// The client did not send all of its body.
    BodyIncomplete,
    /// The other side had to answer the request itself.
    Fallback,
    /// Both answers are there, and too many wait to be compared.
    ComparisonQueue,
    /// Both answers are there, and too many bytes wait to be compared.
    ComparisonMemory,
}

/// The counters, and where they are read.
pub struct Metrics {
    /// That clients speak.
    scheme: &'static str,
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    /// Open client connections.
    pub(crate) connections: Gauge,
    /// Requests now in the proxy.
    pub(crate) in_flight: AtomicUsize,
    refused: [Counter; Refusal::ALL.len()],
    unanswered: [Counter; Failure::ALL.len()],
    lost_spans: OnceLock<Arc<LostSpans>>,
}

/// The counters of one table: made with it, so that a request looks nothing
/// up.
pub(crate) struct TableMetrics {
    routes: Vec<RouteMetrics>,
    unowned: RouteMetrics,
}

/// The counters of one route.
pub(crate) struct RouteMetrics {
    ends: [Counter; End::ALL.len()],
    unsuccessful: [Counter; 2],
    /// By method, where the route takes several, and by side.
    seconds: Vec<[Histogram; 2]>,
    failures: [[Counter; Failure::ALL.len()]; 2],
    dropped: [Counter; Dropped::ALL.len()],
    mirrored: [Counter; 2],
    pairs: Pairs,
    compared: [Counter; Verdict::NAMES.len()],
}

/// Counters by whether the answering side, then the mirrored one, gave a
/// reply.
pub(crate) struct Pairs([[Counter; 2]; 2]);

const METADATA: Metadata<'static> = Metadata::new("cutline_proxy", Level::INFO, None);
/// Upper bounds of the buckets of durations, in seconds.
const BUCKETS: [f64; 16] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    60.0,
];

impl End {
    pub(crate) const ALL: [End; 5] = [
        End::Monolith,
        End::Candidate,
        End::Fallback,
        End::Refused,
        End::Aborted,
    ];

    /// As it is counted and logged.
    pub fn name(self) -> &'static str {
        match self {
            End::Monolith => "monolith",
            End::Candidate => "candidate",
            End::Fallback => "fallback",
            End::Refused => "refused",
            End::Aborted => "aborted",
        }
    }
}

impl Dropped {
    const ALL: [Dropped; 8] = [
        Dropped::Effects,
        Dropped::InFlight,
        Dropped::Memory,
        Dropped::BodyTooLong,
        Dropped::BodyIncomplete,
        Dropped::Fallback,
        Dropped::ComparisonQueue,
        Dropped::ComparisonMemory,
    ];

    fn name(self) -> &'static str {
        match self {
            Dropped::Effects => "effects",
            Dropped::InFlight => "in-flight",
            Dropped::Memory => "memory",
            Dropped::BodyTooLong => "body-too-long",
            Dropped::BodyIncomplete => "body-incomplete",
            Dropped::Fallback => "fallback",
            Dropped::ComparisonQueue => "comparison-queue",
            Dropped::ComparisonMemory => "comparison-memory",
        }
    }
}

impl Metrics {
    /// Nothing counted yet.
    pub fn new() -> Metrics {
        let builder = PrometheusBuilder::new();
        let name = Matcher::Full(list::DURATION.to_owned());
        let recorder = match builder.set_buckets_for_metric(name, &BUCKETS) {
            Ok(builder) => builder.build_recorder(),
            // Only an empty list of buckets is refused.
            Err(_) => PrometheusBuilder::new().build_recorder(),
        };
        describe(&recorder);
        let connections = Key::from_static_name(list::CONNECTIONS);
        Metrics {
            scheme: "http",
            connections: recorder.register_gauge(&connections, &METADATA),
            handle: recorder.handle(),
            refused: Refusal::ALL.map(|refusal| refused(&recorder, refusal.name())),
            unanswered: Failure::ALL.map(|failure| refused(&recorder, failure.name())),
            recorder,
            in_flight: AtomicUsize::new(0),
            lost_spans: OnceLock::new(),
        }
    }

    /// Clients speak TLS, or do not.
    #[must_use]
    pub(crate) fn over_tls(mut self, is_tls: bool) -> Metrics {
        self.scheme = if is_tls { "https" } else { "http" };
        self
    }

    /// A request ended as refused, by the proxy's own rules.
    pub(crate) fn refused(&self, refusal: Refusal) {
        self.refused[refusal as usize].increment(1);
    }

    /// A request ended as refused, since nobody could answer it.
    pub(crate) fn unanswered(&self, failure: Failure) {
        self.unanswered[failure as usize].increment(1);
    }

    /// Whoever exports spans counts there what it had to drop.
    pub(crate) fn count_lost(&self, spans: &Arc<LostSpans>) {
        let _ = self.lost_spans.set(Arc::clone(spans));
    }

    /// All of it, in Prometheus' text format.
    pub fn render(&self) -> String {
        let in_flight = Key::from_static_name(list::IN_FLIGHT);
        let gauge = self.recorder.register_gauge(&in_flight, &METADATA);
        gauge.set(self.in_flight.load(Ordering::Relaxed) as f64);
        let none = LostSpans::default();
        let lost = self.lost_spans.get().map_or(&none, |lost| &**lost);
        for (reason, lost) in lost.counted() {
            let key = key(list::SPANS_LOST, [("reason", reason.to_owned())]);
            let counter = self.recorder.register_counter(&key, &METADATA);
            counter.absolute(lost);
        }
        self.handle.render()
    }

    /// Folds what was measured since the last time: to be called every few
    /// seconds.
    pub(crate) fn upkeep(&self) {
        self.handle.run_upkeep();
    }

    pub(crate) fn of_table(&self, table: &RouteTable) -> TableMetrics {
        for stage in &table.stages {
            self.share(&stage.name, Some(stage.share));
        }
        let routes = table.routes.iter().map(|route| {
            let stage = &table.stages[route.stage].name;
            self.of_route(stage, route.method.as_ref(), &route.template)
        });
        TableMetrics {
            routes: routes.collect(),
            unowned: self.of_route("none", None, "*"),
        }
    }

    /// What a stage's mode applies to, as it is now; None where the stage is
    /// gone.
    pub(crate) fn share(&self, stage: &str, share: Option<Share>) {
        for mode in Mode::ALL {
            let labels = [
                ("stage", stage.to_owned()),
                ("mode", mode.name().to_owned()),
            ];
            let key = key(list::PERCENT, labels);
            let percent = match share {
                Some(Share { mode: own, .. }) if own != mode => 0.0,
                Some(Share {
                    mode: Mode::Monolith | Mode::Candidate,
                    ..
                }) => 100.0,
                Some(share) => share.weight.percent(),
                None => 0.0,
            };
            self.recorder.register_gauge(&key, &METADATA).set(percent);
        }
    }

    /// In the words of the semantic conventions for HTTP, and ours.
    fn seconds(&self, stage: &str, method: Known, template: &str, side: Side) -> Histogram {
        let labels = [
            ("http_request_method", method.name()),
            ("url_scheme", self.scheme),
            ("http_route", template),
            ("stage", stage),
            ("side", side.name()),
        ];
        let key = key(
            list::DURATION,
            labels.map(|(name, value)| (name, value.to_owned())),
        );
        self.recorder.register_histogram(&key, &METADATA)
    }

    fn of_route(&self, stage: &str, method: Option<&Method>, template: &str) -> RouteMetrics {
        let route = match (method, template) {
            (Some(method), _) => format!("{method} {template}"),
            (None, "*") => "*".to_owned(),
            (None, _) => format!("* {template}"),
        };
        let own = || [("stage", stage.to_owned()), ("route", route.clone())];
        let counter = |name, label: (&'static str, &str)| {
            let labels = own().into_iter().chain([(label.0, label.1.to_owned())]);
            self.recorder
                .register_counter(&key(name, labels), &METADATA)
        };
        let sides = [Side::Monolith, Side::Candidate];
        RouteMetrics {
            ends: End::ALL.map(|end| counter(list::REQUESTS, ("end", end.name()))),
            unsuccessful: sides.map(|side| counter(list::REQUESTS_FAILED, ("side", side.name()))),
            seconds: methods(method)
                .map(|method| sides.map(|side| self.seconds(stage, method, template, side)))
                .collect(),
            failures: sides.map(|side| {
                Failure::ALL.map(|failure| {
                    let more = [("side", side.name()), ("failure", failure.name())];
                    let more = more.map(|(name, value)| (name, value.to_owned()));
                    let labels = own().into_iter().chain(more);
                    let key = key(list::FAILURES, labels);
                    self.recorder.register_counter(&key, &METADATA)
                })
            }),
            dropped: Dropped::ALL.map(|why| counter(list::DROPPED, ("reason", why.name()))),
            mirrored: sides.map(|side| counter(list::MIRRORED, ("side", side.name()))),
            pairs: Pairs(["none", "reply"].map(|primary| {
                ["none", "reply"].map(|mirrored| {
                    let more = [("primary", primary), ("mirrored", mirrored)];
                    let more = more.map(|(name, value)| (name, value.to_owned()));
                    let key = key(list::PAIRS, own().into_iter().chain(more));
                    self.recorder.register_counter(&key, &METADATA)
                })
            })),
            compared: Verdict::NAMES
                .map(|verdict| counter(list::COMPARISONS, ("verdict", verdict))),
        }
    }
}

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics::new()
    }
}

impl Pairs {
    /// Both outcomes of one request are there.
    pub(crate) fn met(&self, primary: &Outcome, mirrored: &Outcome) {
        let replied = |outcome: &Outcome| usize::from(outcome.result.is_ok());
        self.0[replied(primary)][replied(mirrored)].increment(1);
    }
}

impl TableMetrics {
    pub(crate) fn route(&self, route: Option<usize>) -> &RouteMetrics {
        route.map_or(&self.unowned, |route| &self.routes[route])
    }
}

impl RouteMetrics {
    pub(crate) fn ended(&self, end: End) {
        self.ends[end as usize].increment(1);
    }

    /// The client's answer was an error of a server, or broke off.
    pub(crate) fn unsuccessful(&self, side: Side) {
        self.unsuccessful[side as usize].increment(1);
    }

    pub(crate) fn took(&self, method: Known, side: Side, time: Duration) {
        // A route of one method has one.
        let seconds = self.seconds.get(method.place()).or(self.seconds.first());
        if let Some(seconds) = seconds {
            seconds[side as usize].record(time.as_secs_f64());
        }
    }

    pub(crate) fn failed(&self, side: Side, failure: Failure) {
        self.failures[side as usize][failure as usize].increment(1);
    }

    pub(crate) fn dropped(&self, why: Dropped) {
        self.dropped[why as usize].increment(1);
    }

    /// Both answers were compared, once what is noise is known.
    pub(crate) fn compared(&self, verdict: &Verdict) {
        self.compared[verdict.place()].increment(1);
    }

    /// Where pairs of outcomes are counted.
    pub(crate) fn pairs(&self) -> &Pairs {
        &self.pairs
    }

    pub(crate) fn mirrored(&self, side: Side) {
        self.mirrored[side as usize].increment(1);
    }
}

/// Those that a route takes.
fn methods(of: Option<&Method>) -> impl Iterator<Item = Known> {
    let one = of.map(Known::of);
    Known::all().filter(move |method| one.is_none_or(|one| one == *method))
}

fn key(name: &'static str, labels: impl IntoIterator<Item = (&'static str, String)>) -> Key {
    let labels = labels
        .into_iter()
        .map(|(name, value)| Label::new(name, value));
    Key::from_parts(name, labels.collect::<Vec<_>>())
}

fn refused(recorder: &PrometheusRecorder, reason: &str) -> Counter {
    let labels = [("reason", reason.to_owned())];
    recorder.register_counter(&key(list::REFUSED, labels), &METADATA)
}

fn describe(recorder: &PrometheusRecorder) {
    for figure in FIGURES {
        let name = KeyName::from_const_str(figure.prometheus);
        let what = SharedString::const_str(figure.what);
        match figure.kind {
            FigureKind::Counter => recorder.describe_counter(name, None, what),
            FigureKind::Gauge => recorder.describe_gauge(name, None, what),
            FigureKind::Histogram => recorder.describe_histogram(name, None, what),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_places_of_counters_are_those_of_their_cases() {
        for (place, end) in End::ALL.into_iter().enumerate() {
            assert_eq!(end as usize, place);
        }
        for (place, refusal) in Refusal::ALL.into_iter().enumerate() {
            assert_eq!(refusal as usize, place);
        }
        for (place, failure) in Failure::ALL.into_iter().enumerate() {
            assert_eq!(failure as usize, place);
        }
        for (place, dropped) in Dropped::ALL.into_iter().enumerate() {
            assert_eq!(dropped as usize, place);
        }
    }

    #[test]
    fn what_is_counted_is_rendered() {
        let metrics = Metrics::new();
        let route = metrics.of_route("inference", Some(&Method::POST), "/predict");
        route.ended(End::Fallback);
        route.unsuccessful(Side::Candidate);
        route.took(
            Known::of(&Method::POST),
            Side::Candidate,
            Duration::from_millis(3),
        );
        let text = metrics.render();
        assert!(text.contains(
            r#"cutline_requests_total{stage="inference",route="POST /predict",end="fallback"} 1"#
        ), "{text}");
        for (side, failed) in [("monolith", 0), ("candidate", 1)] {
            let line = format!(
                r#"cutline_requests_failed_total{{stage="inference",route="POST /predict",side="{side}"}} {failed}"#
            );
            assert!(text.contains(&line), "{text}");
        }
        assert!(text.contains(
            r#"http_server_request_duration_seconds_bucket{http_request_method="POST",url_scheme="http",http_route="/predict",stage="inference",side="candidate",le="0.005"} 1"#
        ), "{text}");
    }
}
