//! An OpenTelemetry collector: OTLP over HTTP, in protobuf.

use std::time::Duration;

use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use ureq::http::Uri;

use super::post::Post;
use super::settings::number;
use crate::error::{CommandError, Kind};

/// Where a collector takes traces, under the URL it is known by.
const PATH: &str = "/v1/traces";

/// Where it is.
#[derive(Debug)]
pub(super) struct Collector {
    pub(super) endpoint: Uri,
    pub(super) timeout: Duration,
}

impl Collector {
    /// The one that `--otlp`, or else the environment, names.
    pub(super) fn named(
        flag: Option<&str>,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Collector>, CommandError> {
        let (kind, named) = match flag {
            Some(url) => (Kind::Usage, Some(("--otlp".to_owned(), url.to_owned()))),
            None => (Kind::Configuration, first(&environment, "ENDPOINT")),
        };
        let Some((name, url)) = named else {
            return Ok(None);
        };
        let endpoint = endpoint(&name, &url)
            .map_err(|wrong| CommandError::message(kind, format!("{name} {wrong}")))?;
        let timeout = timeout(environment);
        let timeout = timeout.map_err(|wrong| CommandError::message(Kind::Configuration, wrong))?;
        Ok(Some(Collector { endpoint, timeout }))
    }
}

/// What sends to it.
pub(super) fn exporter(collector: &Collector) -> Result<SpanExporter, CommandError> {
    SpanExporter::builder()
        .with_http()
        .with_endpoint(collector.endpoint.to_string())
        .with_timeout(collector.timeout)
        .with_http_client(Post::to(
            "the collector",
            &collector.endpoint,
            collector.timeout,
        )?)
        .build()
        .map_err(|error| CommandError::new(Kind::Configuration, error))
}

/// What is spoken, and for how long.
fn timeout(environment: impl Fn(&str) -> Option<String>) -> Result<Duration, String> {
    only(&environment, "PROTOCOL", "http/protobuf")?;
    only(&environment, "COMPRESSION", "none")?;
    let timeout = first(&environment, "TIMEOUT");
    let timeout = timeout.map_or(Ok(10_000), |(name, value)| number(&name, &value))?;
    Ok(Duration::from_millis(timeout as u64))
}

/// A setting of the exporter: that of traces, or else that of all signals.
fn first(environment: impl Fn(&str) -> Option<String>, setting: &str) -> Option<(String, String)> {
    ["TRACES_", ""].into_iter().find_map(|signal| {
        let name = format!("OTEL_EXPORTER_OTLP_{signal}{setting}");
        environment(&name).map(|value| (name, value))
    })
}

/// Where traces are posted to. What is wrong is told without the URL, which may
/// hold a password.
fn endpoint(name: &str, url: &str) -> Result<Uri, String> {
    let wrong = || "is no URL such as http://localhost:4318".to_owned();
    let uri: Uri = url.parse().map_err(|_| wrong())?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(wrong());
    }
    let authority = uri.authority().ok_or_else(wrong)?;
    if authority.as_str().contains('@') {
        let mend = "holds a name or password; these go to OTEL_EXPORTER_OTLP_HEADERS";
        return Err(mend.to_owned());
    }
    if name == "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" || uri.path().ends_with(PATH) {
        return Ok(uri);
    }
    if uri.query().is_some() {
        return Err(wrong());
    }
    let base = url.trim_end_matches('/');
    format!("{base}{PATH}").parse().map_err(|_| wrong())
}

fn only(
    environment: impl Fn(&str) -> Option<String>,
    setting: &str,
    known: &str,
) -> Result<(), String> {
    match first(environment, setting) {
        Some((name, value)) if value != known => Err(format!(
            "{name} is {value:?}; cutline sends spans with {known} alone"
        )),
        _ => Ok(()),
    }
}
