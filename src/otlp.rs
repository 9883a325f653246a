//! Spans on their way to an OpenTelemetry collector: OTLP over HTTP, in
//! protobuf.
//!
//! Off unless a flag or the environment names a collector. A thread of its own
//! sends what a bounded queue holds; what finds the queue full, and what the
//! collector does not take, is counted and lost. Requests never wait for it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use opentelemetry::trace::TracerProvider;
use opentelemetry::{Context, InstrumentationScope, Key, KeyValue};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter as OtlpExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracer, SdkTracerProvider, Span, SpanData,
    SpanExporter, SpanProcessor,
};
use ureq::Agent;
use ureq::http::Uri;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::error::{CommandError, Kind};

/// Spans that may wait; about a kilobyte each.
const QUEUE: usize = 8_192;
/// Milliseconds, or spans: beyond it, a wish is a slip.
const MOST: usize = 1_000_000;
/// How long the end of the process waits for the collector.
const FLUSH: Duration = Duration::from_secs(3);
/// Where a collector takes traces, under the URL it is known by.
const PATH: &str = "/v1/traces";
/// What of a collector's answer is read, in bytes.
const ANSWER: u64 = 64 << 10;

/// Where spans go, and which.
#[derive(Debug)]
pub(crate) struct Settings {
    endpoint: Uri,
    sampler: Sampler,
    timeout: Duration,
    queue: usize,
}

/// A variable of the environment; an empty one is none, as OpenTelemetry's
/// specification has it.
pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// What `--otlp`, or else the environment, says; None where neither names a
/// collector.
pub(crate) fn settings(
    flag: Option<&str>,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<Option<Settings>, CommandError> {
    let disabled = environment("OTEL_SDK_DISABLED");
    if disabled.is_some_and(|disabled| disabled.eq_ignore_ascii_case("true")) {
        return Ok(None);
    }
    let (kind, named) = match flag {
        Some(url) => (Kind::Usage, Some(("--otlp".to_owned(), url.to_owned()))),
        None => (Kind::Configuration, first(&environment, "ENDPOINT")),
    };
    let Some((name, url)) = named else {
        return Ok(None);
    };
    let endpoint = endpoint(&name, &url)
        .map_err(|wrong| CommandError::message(kind, format!("{name} {wrong}")))?;
    let settings = read(endpoint, environment);
    settings
        .map(Some)
        .map_err(|wrong| CommandError::message(Kind::Configuration, wrong))
}

fn read(endpoint: Uri, environment: impl Fn(&str) -> Option<String>) -> Result<Settings, String> {
    only(&environment, "PROTOCOL", "http/protobuf")?;
    only(&environment, "COMPRESSION", "none")?;
    let (timeout, queue) = (first(&environment, "TIMEOUT"), "OTEL_BSP_MAX_QUEUE_SIZE");
    let timeout = timeout.map_or(Ok(10_000), |(name, value)| number(&name, &value))?;
    Ok(Settings {
        endpoint,
        sampler: sampler(&environment)?,
        timeout: Duration::from_millis(timeout as u64),
        queue: environment(queue).map_or(Ok(QUEUE), |value| number(queue, &value))?,
    })
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

fn number(name: &str, value: &str) -> Result<usize, String> {
    let number = value.parse().ok();
    let number = number.filter(|number| (1..=MOST).contains(number));
    let wrong = || format!("{name} is {value:?}, and must be a whole number from 1 to {MOST}");
    number.ok_or_else(wrong)
}

fn sampler(environment: impl Fn(&str) -> Option<String>) -> Result<Sampler, String> {
    const RATIO: &str = "OTEL_TRACES_SAMPLER_ARG";
    let name = environment("OTEL_TRACES_SAMPLER");
    let name = name.as_deref().unwrap_or("parentbased_always_on");
    let root = match name.strip_prefix("parentbased_").unwrap_or(name) {
        "always_on" => Sampler::AlwaysOn,
        "always_off" => Sampler::AlwaysOff,
        "traceidratio" => {
            let ratio = environment(RATIO).unwrap_or_else(|| "1".to_owned());
            let number = ratio.parse().ok().filter(|part| (0.0..=1.0).contains(part));
            let wrong = || format!("{RATIO} is {ratio:?}, and must be a number from 0 to 1");
            Sampler::TraceIdRatioBased(number.ok_or_else(wrong)?)
        }
        _ => {
            return Err(format!(
                "OTEL_TRACES_SAMPLER is {name:?}; known are always_on, always_off and \
                 traceidratio, each also with parentbased_ before it"
            ));
        }
    };
    Ok(match name.starts_with("parentbased_") {
        true => Sampler::ParentBased(Box::new(root)),
        false => root,
    })
}

/// What sends spans, until the process ends.
pub(crate) struct Otlp {
    provider: SdkTracerProvider,
}

/// Who is told of spans that were recorded and reach no collector.
pub(crate) trait Lost: fmt::Debug + Send + Sync {
    /// One found too many waiting.
    fn queue_full(&self);
    /// The collector did not take so many.
    fn not_exported(&self, spans: usize);
}

impl Otlp {
    /// Starts the thread that sends.
    pub(crate) fn start(settings: Settings, lost: Arc<dyn Lost>) -> Result<Otlp, CommandError> {
        let collector = Collector::new(&settings)?;
        let exporter = OtlpExporter::builder()
            .with_http()
            .with_endpoint(settings.endpoint.to_string())
            .with_timeout(settings.timeout)
            .with_http_client(collector)
            .build()
            .map_err(|error| CommandError::new(Kind::Configuration, error))?;
        let waiting = Arc::new(AtomicUsize::new(0));
        let exporter = Counted {
            exporter,
            waiting: Arc::clone(&waiting),
            lost: Arc::clone(&lost),
        };
        let batches = BatchConfigBuilder::default()
            .with_max_queue_size(settings.queue)
            .build();
        let queue = Queue {
            batches: BatchSpanProcessor::new(exporter, batches),
            places: settings.queue,
            waiting,
            lost,
        };
        let provider = SdkTracerProvider::builder()
            .with_sampler(settings.sampler)
            .with_resource(resource())
            .with_span_processor(queue)
            .build();
        let collector = settings.endpoint.authority().map(ToString::to_string);
        tracing::info!(collector, "spans are sent");
        Ok(Otlp { provider })
    }

    /// For what is to be recorded.
    pub(crate) fn tracer(&self) -> SdkTracer {
        let scope = InstrumentationScope::builder("cutline");
        let scope = scope.with_version(env!("CARGO_PKG_VERSION")).build();
        self.provider.tracer_with_scope(scope)
    }

    /// Sends what waits, as far as the collector takes it in time.
    pub(crate) fn flush(self) {
        if self.provider.shutdown_with_timeout(FLUSH).is_err() {
            tracing::warn!("the last spans have not reached the collector");
        }
    }
}

/// Who records: `cutline`, unless the environment says otherwise.
fn resource() -> Resource {
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let resource = Resource::builder().with_attribute(version);
    let found = Resource::builder().build().get(&Key::new("service.name"));
    match found.is_some_and(|name| !name.as_str().starts_with("unknown_service")) {
        true => resource.build(),
        false => resource.with_service_name("cutline").build(),
    }
}

/// Lets in as many spans as the library's queue has places: what that drops, it
/// does not tell.
#[derive(Debug)]
struct Queue {
    batches: BatchSpanProcessor,
    places: usize,
    waiting: Arc<AtomicUsize>,
    lost: Arc<dyn Lost>,
}

impl SpanProcessor for Queue {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.batches.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if self.waiting.fetch_add(1, Ordering::Relaxed) < self.places {
            self.batches.on_end(span);
        } else {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            self.lost.queue_full();
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.batches.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.batches.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.batches.set_resource(resource);
    }
}

/// Counts what leaves the queue, and what of it is lost.
#[derive(Debug)]
struct Counted {
    exporter: OtlpExporter,
    waiting: Arc<AtomicUsize>,
    lost: Arc<dyn Lost>,
}

impl SpanExporter for Counted {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        self.waiting.fetch_sub(spans, Ordering::Relaxed);
        let sent = self.exporter.export(batch).await;
        if sent.is_err() {
            self.lost.not_exported(spans);
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

/// The collector, over a client that blocks: its thread has nothing else to do.
struct Collector {
    agent: Agent,
    failing: AtomicBool,
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collector").finish_non_exhaustive()
    }
}

impl Collector {
    fn new(settings: &Settings) -> Result<Collector, CommandError> {
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            // It would be told the headers, which may hold a secret.
            .max_redirects(0)
            .timeout_global(Some(settings.timeout));
        if settings.endpoint.scheme_str() == Some("https") {
            config = config.tls_config(tls()?);
        }
        Ok(Collector {
            agent: config.build().into(),
            failing: AtomicBool::new(false),
        })
    }

    fn post(&self, request: Request<Bytes>) -> Result<Response<Bytes>, ureq::Error> {
        let (parts, body) = request.into_parts();
        let answer = self.agent.run(Request::from_parts(parts, &body[..]))?;
        let (parts, mut body) = answer.into_parts();
        let body = body.with_config().limit(ANSWER).read_to_vec()?;
        Ok(Response::from_parts(parts, body.into()))
    }

    /// Says when it begins to fail and when it has ceased to.
    fn told(&self, failed: Option<String>) {
        let before = self.failing.swap(failed.is_some(), Ordering::Relaxed);
        match failed {
            Some(why) if !before => tracing::warn!(
                why,
                "the collector takes no spans; they are lost and counted, requests go on"
            ),
            None if before => tracing::info!("the collector takes spans again"),
            _ => {}
        }
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let answer = self.post(request);
        self.told(match &answer {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("it answers {}", answer.status())),
            Err(error) => Some(error.to_string()),
        });
        Ok(answer?)
    }
}

/// The proxy's own TLS, and the system's authorities.
fn tls() -> Result<TlsConfig, CommandError> {
    let found = rustls_native_certs::load_native_certs();
    let roots: Vec<_> = found
        .certs
        .iter()
        .map(|root| Certificate::from_der(root).to_owned())
        .collect();
    if roots.is_empty() {
        let wrong =
            "no certificate authority of this system can be read, and the collector's URL is https";
        let error = CommandError::message(Kind::Configuration, wrong);
        return Err(error.hint("SSL_CERT_FILE names a file with some"));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(TlsConfig::builder()
        .root_certs(RootCerts::Specific(Arc::new(roots)))
        .unversioned_rustls_crypto_provider(provider)
        .build())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is made of a flag and an environment, as `key=value` words.
    fn made(flag: Option<&str>, environment: &str) -> String {
        let said = |name: &str| {
            let mut words = environment
                .split(' ')
                .filter_map(|word| word.split_once('='));
            let found = words.find(|(key, _)| *key == name);
            found.map(|(_, value)| value.to_owned())
        };
        match settings(flag, said) {
            Ok(Some(settings)) => format!(
                "{} {:?} {:?} {}",
                settings.endpoint, settings.sampler, settings.timeout, settings.queue
            ),
            Ok(None) => "off".to_owned(),
            Err(error) => format!("{:?}: {error}", error.kind),
        }
    }

    #[test]
    fn it_is_off_unless_told() {
        assert_eq!(made(None, ""), "off");
        assert_eq!(made(None, "OTEL_TRACES_SAMPLER=always_on"), "off");
        assert_eq!(made(Some("http://a"), "OTEL_SDK_DISABLED=true"), "off");
    }

    #[test]
    fn the_nearest_says_where_to() {
        let all = "OTEL_EXPORTER_OTLP_ENDPOINT=http://all:4318/";
        let both = format!("{all} OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=https://traces/x");
        let rest = "ParentBased(AlwaysOn) 10s 8192";
        for (flag, environment, endpoint) in [
            (None, all, "http://all:4318/v1/traces"),
            (None, &*both, "https://traces/x"),
            (Some("http://flag"), &*both, "http://flag/v1/traces"),
            (Some("http://a/b"), "", "http://a/b/v1/traces"),
            (Some("http://a/v1/traces"), "", "http://a/v1/traces"),
        ] {
            assert_eq!(made(flag, environment), format!("{endpoint} {rest}"));
        }
    }

    #[test]
    fn the_environment_says_how_much() {
        for (environment, rest) in [
            (
                "OTEL_TRACES_SAMPLER=parentbased_traceidratio OTEL_TRACES_SAMPLER_ARG=0.25",
                "ParentBased(TraceIdRatioBased(0.25)) 10s 8192",
            ),
            ("OTEL_TRACES_SAMPLER=always_off", "AlwaysOff 10s 8192"),
            (
                "OTEL_TRACES_SAMPLER=traceidratio OTEL_EXPORTER_OTLP_TIMEOUT=250 OTEL_BSP_MAX_QUEUE_SIZE=9",
                "TraceIdRatioBased(1.0) 250ms 9",
            ),
        ] {
            let made = made(Some("http://a"), environment);
            assert_eq!(made, format!("http://a/v1/traces {rest}"));
        }
    }

    #[test]
    fn what_cannot_be_done_is_said_and_no_secret_with_it() {
        for (flag, environment, error) in [
            (
                Some("ftp://a"),
                "",
                "Usage: --otlp is no URL such as http://localhost:4318",
            ),
            (
                Some("http://me:secret@a"),
                "",
                "Usage: --otlp holds a name or password; these go to OTEL_EXPORTER_OTLP_HEADERS",
            ),
            (
                None,
                "OTEL_EXPORTER_OTLP_ENDPOINT=localhost",
                "Configuration: OTEL_EXPORTER_OTLP_ENDPOINT is no URL such as http://localhost:4318",
            ),
            (
                Some("http://a"),
                "OTEL_EXPORTER_OTLP_PROTOCOL=grpc",
                "Configuration: OTEL_EXPORTER_OTLP_PROTOCOL is \"grpc\"; cutline sends spans with http/protobuf alone",
            ),
            (
                Some("http://a"),
                "OTEL_TRACES_SAMPLER=parentbased_traceidratio OTEL_TRACES_SAMPLER_ARG=20",
                "Configuration: OTEL_TRACES_SAMPLER_ARG is \"20\", and must be a number from 0 to 1",
            ),
            (
                Some("http://a"),
                "OTEL_TRACES_SAMPLER=xray",
                "Configuration: OTEL_TRACES_SAMPLER is \"xray\"; known are always_on, always_off and traceidratio, each also with parentbased_ before it",
            ),
            (
                Some("http://a"),
                "OTEL_BSP_MAX_QUEUE_SIZE=0",
                "Configuration: OTEL_BSP_MAX_QUEUE_SIZE is \"0\", and must be a whole number from 1 to 1000000",
            ),
        ] {
            assert_eq!(made(flag, environment), error);
        }
    }
}
