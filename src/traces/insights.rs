//! Application Insights, of Azure Monitor: each span a request or a dependency.

use std::fmt;
use std::time::Duration;

use opentelemetry::{Array, KeyValue, StringValue, Value};
use opentelemetry_application_insights::Exporter;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use ureq::http::Uri;
use zeroize::Zeroizing;

#[cfg(feature = "azure")]
use super::identity::Identity;
use super::post::Post;
use crate::error::{CommandError, Kind};

/// The variable that Azure sets.
const VARIABLE: &str = "APPLICATIONINSIGHTS_CONNECTION_STRING";
/// The variable with which Azure says that an identity is shown.
const AUTHENTICATION: &str = "APPLICATIONINSIGHTS_AUTHENTICATION_STRING";
/// Where it is unless the connection string says so.
const ENDPOINT: &str = "https://dc.services.visualstudio.com";
/// One try; a batch is sent again for half a minute.
const TIMEOUT: Duration = Duration::from_secs(10);
/// What the library would cut at a byte, it gets cut at a character: a URL is
/// made of two such texts, and may have 2,048 bytes.
const LONGEST: usize = 1_000;
/// Of several texts together; a property may have 8,192 bytes.
const LONGEST_LIST: usize = 8_000;

/// The resource that a connection string names.
pub(super) struct Resource {
    key: Zeroizing<String>,
    endpoint: Uri,
    /// For whom a token is, in clouds of their own.
    audience: Option<String>,
    shows: Shows,
}

/// What a request shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Shows {
    /// The key.
    #[default]
    Key,
    /// A token, too: of the managed identity with this client id, or of whom the
    /// environment says.
    Identity(Option<String>),
}

impl fmt::Debug for Resource {
    /// Without the key: whoever has it may write there.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Resource").field(&self.host()).finish()
    }
}

impl Resource {
    /// The one that the environment names. What is wrong is told without any of
    /// the connection string.
    pub(super) fn named(
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Resource>, String> {
        let Some(text) = environment(VARIABLE).map(Zeroizing::new) else {
            return Ok(None);
        };
        let resource = read(&text).map_err(|wrong| format!("{VARIABLE} {wrong}"))?;
        let shows = environment(AUTHENTICATION).map_or(Ok(Shows::Key), |text| shows(&text));
        Ok(Some(Resource {
            shows: shows.map_err(|wrong| format!("{AUTHENTICATION} {wrong}"))?,
            ..resource
        }))
    }

    /// Where it is, for the log.
    pub(super) fn host(&self) -> &str {
        self.endpoint.host().unwrap_or_default()
    }
}

/// `Authorization=AAD` or `Authorization=AAD;ClientId=…`. ("App settings reference
/// for Azure Functions")
fn shows(text: &str) -> Result<Shows, String> {
    let fields = fields(text)?;
    let said = |name: &str| {
        let found = fields.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| *value)
    };
    match said("authorization") {
        Some(kind) if kind.eq_ignore_ascii_case("aad") => {
            Ok(Shows::Identity(said("clientid").map(ToOwned::to_owned)))
        }
        _ => Err("does not say Authorization=AAD".to_owned()),
    }
}

fn fields(text: &str) -> Result<Vec<(String, &str)>, String> {
    let mut fields = Vec::new();
    for field in text
        .split(';')
        .map(str::trim)
        .filter(|field| !field.is_empty())
    {
        let (name, value) = field
            .split_once('=')
            .ok_or("has a part that is no NAME=VALUE; the Azure portal shows it whole")?;
        fields.push((name.trim().to_ascii_lowercase(), value.trim()));
    }
    Ok(fields)
}

/// `NAME=VALUE;NAME=VALUE`, as Azure Monitor documents connection strings.
fn read(text: &str) -> Result<Resource, String> {
    let fields = fields(text)?;
    let said = |name: &str| {
        let found = fields.iter().find(|(known, _)| known == name);
        found
            .map(|(_, value)| *value)
            .filter(|value| !value.is_empty())
    };
    if said("authorization").is_some_and(|kind| !kind.eq_ignore_ascii_case("ikey")) {
        return Err("asks for another authorization than its InstrumentationKey".to_owned());
    }
    let key = said("instrumentationkey").ok_or("has no InstrumentationKey")?;
    if !is_uuid(key) {
        return Err("has an InstrumentationKey that is no UUID".to_owned());
    }
    let endpoint = match (said("ingestionendpoint"), said("endpointsuffix")) {
        (Some(endpoint), _) => endpoint.trim_end_matches('/').to_owned(),
        (None, Some(suffix)) => {
            let place = said("location").map_or(String::new(), |place| format!("{place}."));
            format!("https://{place}dc.{suffix}")
        }
        (None, None) => ENDPOINT.to_owned(),
    };
    Ok(Resource {
        key: Zeroizing::new(key.to_owned()),
        endpoint: checked(&endpoint)?,
        audience: said("aadaudience").map(ToOwned::to_owned),
        shows: Shows::Key,
    })
}

/// Only https: what is sent holds the key.
fn checked(endpoint: &str) -> Result<Uri, String> {
    let wrong = "has an IngestionEndpoint that is no URL such as https://westeurope-5.in.applicationinsights.azure.com";
    let uri: Uri = endpoint.parse().map_err(|_| wrong)?;
    let is_right = uri.scheme_str() == Some("https")
        && uri.query().is_none()
        && !endpoint.contains(['@', '=']);
    match is_right {
        true => Ok(uri),
        false => Err(wrong.to_owned()),
    }
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let lengths = groups.iter().map(|group| group.len());
    lengths.eq([8, 4, 4, 4, 12])
        && groups
            .iter()
            .all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// What sends there; `ratio` is the part of traces that are recorded, by which
/// Application Insights counts on to all of them.
pub(super) fn exporter(resource: &Resource, ratio: f64) -> Result<Insights, CommandError> {
    let post = Post::to("Application Insights", &resource.endpoint, TIMEOUT)?;
    let post = match &resource.shows {
        Shows::Key => post,
        Shows::Identity(client_id) => {
            identified(post, client_id.as_deref(), resource.audience.as_deref())?
        }
    };
    over(resource, post, ratio)
}

#[cfg(feature = "azure")]
fn identified(
    post: Post,
    client_id: Option<&str>,
    audience: Option<&str>,
) -> Result<Post, CommandError> {
    Ok(post.showing(Identity::of(client_id, audience)?))
}

#[cfg(not(feature = "azure"))]
fn identified(_: Post, _: Option<&str>, _: Option<&str>) -> Result<Post, CommandError> {
    let message = format!("{AUTHENTICATION}: this program was built without Azure's identities");
    Err(CommandError::message(Kind::Configuration, message).hint("build it with the feature azure"))
}

fn over(resource: &Resource, post: Post, ratio: f64) -> Result<Insights, CommandError> {
    let Resource { key, endpoint, .. } = resource;
    let place = endpoint.to_string();
    let place = place.trim_end_matches('/');
    let key = key.as_str();
    let string = Zeroizing::new(format!(
        "InstrumentationKey={key};IngestionEndpoint={place}"
    ));
    // Its own error might show some of it.
    let exporter = Exporter::new_from_connection_string(string.as_str(), post).map_err(|_| {
        CommandError::message(Kind::Configuration, format!("{VARIABLE} cannot be read"))
    })?;
    Ok(Insights(exporter.with_sample_rate(ratio)))
}

/// The library's exporter, given only what it can cut.
pub(super) struct Insights(Exporter<Post>);

impl fmt::Debug for Insights {
    /// The library's own would show the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Insights").finish_non_exhaustive()
    }
}

impl SpanExporter for Insights {
    async fn export(&self, mut batch: Vec<SpanData>) -> OTelSdkResult {
        batch.iter_mut().for_each(shorten);
        self.0.export(batch).await
    }

    fn set_resource(&mut self, resource: &opentelemetry_sdk::Resource) {
        self.0.set_resource(resource);
    }
}

fn shorten(span: &mut SpanData) {
    if span.name.len() > LONGEST {
        span.name = cut(&span.name, LONGEST).to_owned().into();
    }
    for KeyValue { value, .. } in &mut span.attributes {
        match value {
            Value::String(text) if text.as_str().len() > LONGEST => {
                *value = cut(text.as_str(), LONGEST).to_owned().into();
            }
            // As one text, which the library would make of it, with quotes.
            Value::Array(Array::String(texts)) => {
                let texts: Vec<&str> = texts.iter().map(StringValue::as_str).collect();
                *value = cut(&texts.join(" "), LONGEST_LIST).to_owned().into();
            }
            _ => {}
        }
    }
}

fn cut(text: &str, longest: usize) -> &str {
    &text[..text.floor_char_boundary(longest)]
}

#[cfg(test)]
mod tests {
    use opentelemetry::InstrumentationScope;
    use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status};

    use super::*;

    /// Over no TLS, which would look for authorities.
    fn made(resource: &Resource) -> Insights {
        let nobody = "http://127.0.0.1:1".parse().unwrap();
        over(resource, Post::to("nobody", &nobody, TIMEOUT).unwrap(), 1.0).unwrap()
    }

    const KEY: &str = "InstrumentationKey=00000000-aaaa-0000-0000-00000000beef";

    #[test]
    fn a_connection_string_says_where() {
        for (text, endpoint) in [
            (String::from(KEY), ENDPOINT),
            (
                format!(
                    "{KEY};IngestionEndpoint=https://eu.in.ai.azure.com/;LiveEndpoint=https://x/;"
                ),
                "https://eu.in.ai.azure.com",
            ),
            (
                format!(" Location=westus2; {KEY} ;EndpointSuffix=ai.contoso.com"),
                "https://westus2.dc.ai.contoso.com",
            ),
            (
                format!("Authorization=ikey;{KEY};EndpointSuffix=ai.contoso.com"),
                "https://dc.ai.contoso.com",
            ),
        ] {
            let resource = read(&text).unwrap();
            let place = resource.endpoint.to_string();
            assert_eq!(place.trim_end_matches('/'), endpoint);
            made(&resource);
        }
    }

    #[test]
    fn what_is_wrong_is_said_and_no_key_with_it() {
        let named = |text: &str| {
            let said = |name: &str| (name == VARIABLE).then(|| text.to_owned());
            Resource::named(said).unwrap_err()
        };
        for (text, wrong) in [
            ("secret", "has a part that is no NAME=VALUE"),
            (
                "IngestionEndpoint=https://secret",
                "has no InstrumentationKey",
            ),
            (
                "InstrumentationKey=secret",
                "an InstrumentationKey that is no UUID",
            ),
            (
                &format!("{KEY};Authorization=secret"),
                "another authorization",
            ),
            (
                &format!("{KEY};IngestionEndpoint=secret"),
                "no URL such as https://",
            ),
            (
                &format!("{KEY};IngestionEndpoint=http://secret"),
                "no URL such as https://",
            ),
            (
                &format!("{KEY};IngestionEndpoint=https://me:secret@x"),
                "no URL such as https://",
            ),
        ] {
            let said = named(text);
            assert!(said.starts_with(VARIABLE) && said.contains(wrong), "{said}");
            assert!(!said.contains("secret") && !said.contains("beef"), "{said}");
        }
        let resource = read(KEY).unwrap();
        let shown = format!("{resource:?} {:?}", made(&resource));
        assert!(!shown.contains("beef"), "{shown}");
    }

    #[test]
    fn an_identity_is_shown_where_azure_says_so() {
        let named = |shown: &str| {
            let said = |name: &str| match name {
                VARIABLE => Some(KEY.to_owned()),
                _ => Some(shown.to_owned()),
            };
            Resource::named(said).map(|resource| resource.map(|resource| resource.shows))
        };
        let of = |id: Option<&str>| Ok(Some(Shows::Identity(id.map(str::to_owned))));
        assert_eq!(named("Authorization=AAD"), of(None));
        assert_eq!(named("ClientId=a-b;Authorization=aad"), of(Some("a-b")));
        for wrong in ["", "Authorization=ikey", "secret"] {
            let said = named(wrong).unwrap_err();
            assert!(said.starts_with(AUTHENTICATION), "{said}");
            assert!(!said.contains("secret"), "{said}");
        }
    }

    /// The library would panic.
    #[test]
    fn what_is_too_long_is_cut_at_a_character() {
        let long = "\u{20ac}".repeat(5_000);
        let list = Array::String(vec![long.clone().into(), long.clone().into()]);
        let mut span = SpanData {
            span_context: SpanContext::NONE,
            parent_span_id: SpanId::INVALID,
            parent_span_is_remote: false,
            span_kind: SpanKind::Server,
            name: long.clone().into(),
            start_time: std::time::SystemTime::UNIX_EPOCH,
            end_time: std::time::SystemTime::UNIX_EPOCH,
            attributes: vec![
                KeyValue::new("url.path", long.clone()),
                KeyValue::new("url.scheme", "https"),
                KeyValue::new("server.address", long),
                KeyValue::new("server.port", 443),
                KeyValue::new("cutline.read", Value::Array(list)),
            ],
            dropped_attributes_count: 0,
            events: Default::default(),
            links: Default::default(),
            status: Status::Unset,
            instrumentation_scope: InstrumentationScope::default(),
        };
        shorten(&mut span);
        assert_eq!(span.name.len(), 999);
        let lengths = span.attributes.iter().map(|own| own.value.as_str().len());
        assert_eq!(lengths.collect::<Vec<_>>(), [999, 5, 999, 3, 7_998]);
    }
}
