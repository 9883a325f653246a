//! Spans on their way to whoever looks at them: an OpenTelemetry collector, by
//! OTLP, and Application Insights. Where both are named, both get the same
//! spans.
//!
//! Off unless a flag or the environment names one. For each, a thread of its own
//! sends what a bounded queue holds; what finds the queue full, and what is not
//! taken, is counted and lost. Requests never wait for it.

#[cfg(feature = "azure")]
mod identity;
#[cfg(feature = "insights")]
mod insights;
mod otlp;
mod post;
mod queue;
mod settings;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry::{InstrumentationScope, Key, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};

pub(crate) use self::settings::{Settings, environment, settings};

use crate::error::CommandError;

/// How long the end of the process waits for each of them.
const FLUSH: Duration = Duration::from_secs(3);

/// Who records, unless the environment says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// `cutline proxy`.
    #[cfg(feature = "proxy")]
    Proxy,
    /// `cutline run` and `cutline handler`.
    #[cfg(feature = "runtime")]
    Functions,
}

/// Who is told of spans that were recorded and reach nobody.
pub(crate) trait Lost: fmt::Debug + Send + Sync {
    /// One found too many waiting.
    fn queue_full(&self);
    /// So many were not taken.
    fn not_exported(&self, spans: usize);
}

/// What sends spans, until the process ends.
pub(crate) struct Traces {
    provider: SdkTracerProvider,
}

impl Traces {
    /// Starts the threads that send.
    pub(crate) fn start(
        settings: Settings,
        role: Role,
        lost: &Arc<dyn Lost>,
    ) -> Result<Traces, CommandError> {
        let mut provider = SdkTracerProvider::builder()
            .with_resource(resource(role, environment))
            .with_sampler(settings.sampler.clone());
        if let Some(collector) = &settings.otlp {
            let exporter = otlp::exporter(collector)?;
            provider = provider.with_span_processor(queue::queue(exporter, settings.queue, lost));
            let collector = collector.endpoint.authority().map(ToString::to_string);
            tracing::info!(collector, "spans are sent");
        }
        #[cfg(feature = "insights")]
        if let Some(resource) = &settings.insights {
            let exporter = insights::exporter(resource, settings.ratio)?;
            provider = provider.with_span_processor(queue::queue(exporter, settings.queue, lost));
            let insights = resource.host();
            tracing::info!(insights, "spans are sent to Application Insights");
        }
        let provider = provider.build();
        Ok(Traces { provider })
    }

    /// For what is to be recorded.
    pub(crate) fn tracer(&self) -> SdkTracer {
        let scope = InstrumentationScope::builder("cutline");
        let scope = scope.with_version(env!("CARGO_PKG_VERSION")).build();
        self.provider.tracer_with_scope(scope)
    }

    /// Sends what waits, as far as it is taken in time.
    pub(crate) fn flush(self) {
        if self.provider.shutdown_with_timeout(FLUSH).is_err() {
            tracing::warn!("the last spans have not been taken");
        }
    }
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            #[cfg(feature = "proxy")]
            Role::Proxy => "cutline-proxy",
            #[cfg(feature = "runtime")]
            Role::Functions => "cutline-functions",
        }
    }
}

/// Who records: what OpenTelemetry's variables say, else the app of Azure
/// Functions or App Service that this runs in, else the role.
fn resource(role: Role, environment: impl Fn(&str) -> Option<String>) -> Resource {
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let mut resource = Resource::builder().with_attribute(version);
    let found = Resource::builder().build().get(&Key::new("service.name"));
    if found.is_none_or(|name| name.as_str().starts_with("unknown_service")) {
        let app = environment("WEBSITE_SITE_NAME");
        resource = resource.with_service_name(app.unwrap_or_else(|| role.name().to_owned()));
    }
    if let Some(instance) = environment("WEBSITE_INSTANCE_ID") {
        resource = resource.with_attribute(KeyValue::new("service.instance.id", instance));
    }
    resource.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "proxy")]
    #[test]
    fn an_app_on_azure_has_its_own_name() {
        let name = |site: Option<&str>| {
            let said = |name: &str| {
                site.filter(|_| name == "WEBSITE_SITE_NAME")
                    .map(str::to_owned)
            };
            let resource = resource(Role::Proxy, said);
            resource
                .get(&Key::new("service.name"))
                .map(|name| name.to_string())
        };
        assert_eq!(name(None).as_deref(), Some("cutline-proxy"));
        assert_eq!(name(Some("churn")).as_deref(), Some("churn"));
    }
}
