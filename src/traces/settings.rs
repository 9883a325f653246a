//! Where spans go, and which: what a flag and the environment say.

use opentelemetry_sdk::trace::Sampler;

#[cfg(feature = "insights")]
use super::insights;
use super::otlp;
use crate::error::{CommandError, Kind};

/// Spans that may wait for each of those that get them; about a kilobyte each.
const QUEUE: usize = 8_192;
/// Milliseconds, or spans: beyond it, a wish is a slip.
const MOST: usize = 1_000_000;
const RATIO: &str = "OTEL_TRACES_SAMPLER_ARG";

/// Where spans go, and which.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(super) otlp: Option<otlp::Collector>,
    #[cfg(feature = "insights")]
    pub(super) insights: Option<insights::Resource>,
    pub(super) sampler: Sampler,
    /// The part of traces that are recorded, of those that begin here.
    #[cfg_attr(
        not(feature = "insights"),
        allow(dead_code, reason = "a collector is not told")
    )]
    pub(super) ratio: f64,
    pub(super) queue: usize,
}

/// A variable of the environment; an empty one is none, as OpenTelemetry's
/// specification has it.
pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// What `--otlp` and the environment say; None where neither names anybody.
pub(crate) fn settings(
    flag: Option<&str>,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<Option<Settings>, CommandError> {
    let disabled = environment("OTEL_SDK_DISABLED");
    if disabled.is_some_and(|disabled| disabled.eq_ignore_ascii_case("true")) {
        return Ok(None);
    }
    let wrong = |wrong| CommandError::message(Kind::Configuration, wrong);
    let otlp = otlp::Collector::named(flag, &environment)?;
    #[cfg(feature = "insights")]
    let insights = insights::Resource::named(&environment).map_err(wrong)?;
    #[cfg(feature = "insights")]
    let is_off = otlp.is_none() && insights.is_none();
    #[cfg(not(feature = "insights"))]
    let is_off = otlp.is_none();
    if is_off {
        return Ok(None);
    }
    let (sampler, ratio) = sampler(&environment).map_err(wrong)?;
    const PLACES: &str = "OTEL_BSP_MAX_QUEUE_SIZE";
    let queue = environment(PLACES).map_or(Ok(QUEUE), |value| number(PLACES, &value));
    Ok(Some(Settings {
        otlp,
        #[cfg(feature = "insights")]
        insights,
        sampler,
        ratio,
        queue: queue.map_err(wrong)?,
    }))
}

/// A whole number of a variable.
pub(super) fn number(name: &str, value: &str) -> Result<usize, String> {
    let number = value.parse().ok();
    let number = number.filter(|number| (1..=MOST).contains(number));
    let wrong = || format!("{name} is {value:?}, and must be a whole number from 1 to {MOST}");
    number.ok_or_else(wrong)
}

/// And the part of traces that it records, of those that begin here.
fn sampler(environment: impl Fn(&str) -> Option<String>) -> Result<(Sampler, f64), String> {
    let name = environment("OTEL_TRACES_SAMPLER");
    let name = name.as_deref().unwrap_or("parentbased_always_on");
    let (root, ratio) = match name.strip_prefix("parentbased_").unwrap_or(name) {
        "always_on" => (Sampler::AlwaysOn, 1.0),
        "always_off" => (Sampler::AlwaysOff, 1.0),
        "traceidratio" => {
            let ratio = environment(RATIO).unwrap_or_else(|| "1".to_owned());
            let number = ratio.parse().ok().filter(|part| (0.0..=1.0).contains(part));
            let wrong = || format!("{RATIO} is {ratio:?}, and must be a number from 0 to 1");
            let ratio = number.ok_or_else(wrong)?;
            (Sampler::TraceIdRatioBased(ratio), ratio)
        }
        _ => {
            return Err(format!(
                "OTEL_TRACES_SAMPLER is {name:?}; known are always_on, always_off and \
                 traceidratio, each also with parentbased_ before it"
            ));
        }
    };
    Ok(match name.starts_with("parentbased_") {
        true => (Sampler::ParentBased(Box::new(root)), ratio),
        false => (root, ratio),
    })
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
            Ok(Some(settings)) => {
                let collector = settings.otlp.unwrap();
                format!(
                    "{} {:?} {:?} {}",
                    collector.endpoint, settings.sampler, collector.timeout, settings.queue
                )
            }
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
