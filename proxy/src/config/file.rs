//! [`RoutesFile`]: the file as written. Every field here is a field there.

use std::path::PathBuf;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::compare::CompareFile;
use super::notify::NotifyFile;
use super::rollout::RolloutFile;
use super::values::{Bytes, TextOr, Texts, Time};
use super::{Config, Problem, check};
use crate::route::{Effect, Mode};

/// `routes.toml`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RoutesFile {
    /// Where clients connect: an address with a port, or a list of them.
    #[schemars(with = "OneOrManyText")]
    pub(super) listen: Spanned<Texts>,
    /// Where the admin interface is, `127.0.0.1:9901` unless told.
    #[schemars(with = "Option<String>")]
    pub(super) admin: Option<Spanned<String>>,
    /// The certificate of the listeners; without one they speak plain HTTP.
    pub(super) tls: Option<CertificateFile>,
    /// The certificate of the admin interface; required off the loopback.
    pub(super) admin_tls: Option<AdminTlsFile>,
    /// The system that is being strangled.
    pub(super) monolith: MonolithFile,
    /// The stages, by name.
    #[serde(default)]
    #[schemars(with = "std::collections::BTreeMap<String, StageFile>")]
    pub(super) stage: IndexMap<Spanned<String>, StageFile>,
    /// Whose word on the client's address is believed.
    #[serde(default)]
    pub(super) forwarded: ForwardedFile,
    /// Who may choose a side.
    #[serde(rename = "override")]
    pub(super) testers: Option<TestersFile>,
    /// What one client, and all together, may use.
    #[serde(default)]
    pub(super) limits: LimitsFile,
    /// How many requests may be sent again.
    #[serde(default)]
    pub(super) fallback: FallbackFile,
    /// What mirroring may use.
    #[serde(default)]
    pub(super) mirror: MirrorFile,
    /// How much is kept of the two sides' answers.
    #[serde(default)]
    pub(super) journal: JournalFile,
    /// Who is told of decisions.
    #[schemars(with = "Option<NotifyFile>")]
    pub(super) notify: Option<Spanned<NotifyFile>>,
}

/// How much is kept of the two sides' answers.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct JournalFile {
    /// Bytes of pairs of answers; the oldest give way. `256MiB` unless told.
    #[schemars(with = "Option<String>")]
    pub(super) size: Option<Bytes>,
}

/// A certificate chain and its key, both PEM.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CertificateFile {
    /// The chain, the leaf first.
    pub(super) certificate: PathBuf,
    /// Its private key.
    pub(super) key: PathBuf,
}

/// The certificate of the admin interface. All files are PEM.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AdminTlsFile {
    /// The chain, the leaf first. It must not be an authority's own.
    pub(super) certificate: PathBuf,
    /// Its private key.
    pub(super) key: PathBuf,
    /// The authority by which `cutline status` and its like know it; needed
    /// where the chain is a leaf alone that an authority has signed.
    pub(super) authority: Option<PathBuf>,
}

/// The system that is being strangled.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MonolithFile {
    /// Its processes, each `http://host:port` or `https://host:port`.
    #[schemars(with = "OneOrManyText")]
    pub(super) upstream: Spanned<Texts>,
    /// How long they may take.
    #[serde(default)]
    pub(super) timeouts: TimeoutsFile,
    /// When one is left out.
    #[serde(default)]
    pub(super) health: HealthFile,
    /// Sent as Host in place of the client's.
    #[schemars(with = "Option<String>")]
    pub(super) host: Option<Spanned<String>>,
    /// HTTP/2 from the first byte.
    #[serde(default)]
    pub(super) http2: bool,
    /// Files for `https`.
    pub(super) tls: Option<UpstreamTlsFile>,
}

/// How a side's processes are reached: the fields that both sides have.
pub(super) struct Reach<'a> {
    pub(super) timeouts: &'a TimeoutsFile,
    pub(super) health: &'a HealthFile,
    pub(super) host: Option<&'a Spanned<String>>,
    pub(super) http2: bool,
    pub(super) tls: Option<&'a UpstreamTlsFile>,
}

impl MonolithFile {
    pub(super) fn reach(&self) -> Reach<'_> {
        Reach {
            timeouts: &self.timeouts,
            health: &self.health,
            host: self.host.as_ref(),
            http2: self.http2,
            tls: self.tls.as_ref(),
        }
    }
}

impl StageFile {
    pub(super) fn reach(&self) -> Reach<'_> {
        Reach {
            timeouts: &self.timeouts,
            health: &self.health,
            host: self.host.as_ref(),
            http2: self.http2,
            tls: self.tls.as_ref(),
        }
    }
}

/// One stage.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StageFile {
    /// The routes it owns.
    #[schemars(with = "Vec<RouteFile>")]
    pub(super) routes: Vec<Spanned<RouteFile>>,
    /// Its candidate's processes; none as long as there is no candidate.
    #[schemars(with = "Option<OneOrManyText>")]
    pub(super) candidate: Option<Spanned<Texts>>,
    /// Who answers; `monolith` unless told.
    #[schemars(with = "Option<Mode>")]
    pub(super) mode: Option<Spanned<Mode>>,
    /// Of what the mode says, with two decimals; 100 for the shadow modes and
    /// 0 for `split` unless told.
    #[schemars(with = "Option<f64>")]
    pub(super) percent: Option<Spanned<f64>>,
    /// What keeps a client on its side; each request for itself unless told.
    #[schemars(with = "Option<StickyFile>")]
    pub(super) sticky: Option<Spanned<StickyFile>>,
    /// What its routes do outside the process, where they do not say it
    /// themselves.
    #[serde(default)]
    pub(super) side_effects: EffectsFile,
    /// Both sides honour one idempotency key.
    pub(super) idempotency: Option<IdempotencyFile>,
    /// Who answers where the candidate does not, and it does no harm.
    #[serde(default)]
    pub(super) fallback: StandIn,
    /// How long they may take.
    #[serde(default)]
    pub(super) timeouts: TimeoutsFile,
    /// When one is left out.
    #[serde(default)]
    pub(super) health: HealthFile,
    /// Sent as Host in place of the client's.
    #[schemars(with = "Option<String>")]
    pub(super) host: Option<Spanned<String>>,
    /// HTTP/2 from the first byte.
    #[serde(default)]
    pub(super) http2: bool,
    /// Files for `https`.
    pub(super) tls: Option<UpstreamTlsFile>,
    /// How it goes to its candidate by itself; people alone move it unless told.
    #[schemars(with = "Option<RolloutFile>")]
    pub(super) rollout: Option<Spanned<RolloutFile>>,
    /// What counts as a difference between the two sides' answers.
    #[serde(default)]
    pub(super) compare: CompareFile,
}

/// A route: `"POST /predict"`, `"/static/{*path}"` for any method, or a table.
pub(super) type RouteFile = TextOr<RouteTableFile>;

/// A route with conditions of its own.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RouteTableFile {
    /// `POST /predict`
    pub(super) route: String,
    /// Only requests to this host.
    pub(super) host: Option<String>,
    /// Only requests with this field.
    pub(super) header: Option<HeaderFile>,
    /// What it does outside the process.
    #[serde(default)]
    pub(super) side_effects: EffectsFile,
    /// Both sides honour one idempotency key.
    pub(super) idempotency: Option<IdempotencyFile>,
    /// What counts as a difference here, in place of what the stage says.
    pub(super) compare: Option<CompareFile>,
}

/// A field and its value.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HeaderFile {
    pub(super) name: String,
    pub(super) value: String,
}

/// What answering does outside the process, per side.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EffectsFile {
    pub(super) monolith: Option<Effect>,
    pub(super) candidate: Option<Effect>,
}

/// Whether a repeated request does anything more than the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum IdempotencyFile {
    /// Both sides honour one key.
    Shared,
}

/// Who answers in the candidate's place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum StandIn {
    /// The monolith.
    #[default]
    Monolith,
    /// Nobody: what the stage keeps is the candidate's alone.
    None,
}

/// What keeps a client on its side.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum StickyFile {
    /// A header's value.
    Header(String),
    /// A cookie's value.
    Cookie(String),
    /// A query parameter's value.
    Query(String),
    /// A claim of the bearer token, read and not trusted.
    Jwt(String),
    /// A field of the JSON body, as a JSON pointer.
    Json(String),
    /// The client's address.
    ClientAddress,
    /// A cookie that the proxy sets.
    OwnCookie,
    /// Each request for itself.
    Request,
}

/// How long an upstream may take.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TimeoutsFile {
    /// To accept a connection; `2s` unless told.
    #[schemars(with = "Option<String>")]
    pub(super) connect: Option<Time>,
    /// To send the head of its response; `60s` unless told.
    #[schemars(with = "Option<String>")]
    pub(super) first_byte: Option<Time>,
    /// Between two pieces of a body; `60s` unless told.
    #[schemars(with = "Option<String>")]
    pub(super) idle: Option<Time>,
    /// For the whole exchange; without end unless told.
    #[schemars(with = "Option<String>")]
    pub(super) total: Option<Time>,
}

/// When an upstream is left out.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HealthFile {
    /// Asked for with GET; only a connection is tried unless told.
    #[schemars(with = "Option<String>")]
    pub(super) path: Option<Spanned<String>>,
    /// Between two questions; `1s` unless told.
    #[schemars(with = "Option<String>")]
    pub(super) interval: Option<Time>,
    /// Failures in a row that leave it out; 5 unless told.
    pub(super) failures: Option<u32>,
}

/// Files for TLS to an upstream.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UpstreamTlsFile {
    /// PEM certificates of the authorities that are trusted, in place of the
    /// system's.
    pub(super) authority: Option<PathBuf>,
    /// Our certificate chain, for mutual TLS.
    pub(super) certificate: Option<PathBuf>,
    /// Its private key.
    pub(super) key: Option<PathBuf>,
    /// The name in the upstream's certificate, where it is not the URL's.
    pub(super) server_name: Option<String>,
}

/// Whose word on the client's address is believed.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ForwardedFile {
    /// Networks of proxies in front, such as `10.0.0.0/8`; their
    /// `X-Forwarded-*` are extended, everyone else's are replaced.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(super) trust: Vec<Spanned<String>>,
}

/// Who may choose a side.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TestersFile {
    /// The header that carries the token; `x-cutline-side` unless told.
    #[schemars(with = "Option<String>")]
    pub(super) header: Option<Spanned<String>>,
    /// The cookie that carries it; `cutline_side` unless told.
    pub(super) cookie: Option<String>,
    /// The file with the key that signs tokens.
    #[schemars(with = "PathBuf")]
    pub(super) key_file: Spanned<PathBuf>,
}

/// What one client, and all together, may use.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitsFile {
    /// Open connections; more wait. 10240 unless told.
    pub(super) connections: Option<usize>,
    /// Requests at once; more are answered 503. 4096 unless told.
    pub(super) requests: Option<usize>,
    /// Bytes of a request's head; more is answered 431. `32KiB` unless told.
    #[schemars(with = "Option<String>")]
    pub(super) header_bytes: Option<Spanned<Bytes>>,
    /// Fields of a request; more is answered 431. 100 unless told.
    pub(super) headers: Option<usize>,
    /// For a request's head to arrive; `10s` unless told.
    #[schemars(with = "Option<String>")]
    pub(super) header_time: Option<Time>,
    /// Bytes of a body that are kept to send it again; `64KiB` unless told.
    #[schemars(with = "Option<String>")]
    pub(super) held_body: Option<Bytes>,
    /// For requests in flight to end at shutdown; `30s` unless told.
    #[schemars(with = "Option<String>")]
    pub(super) drain: Option<Time>,
}

/// How many requests may be sent again because the candidate failed.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FallbackFile {
    /// Of the requests of the last ten seconds; 20 unless told.
    pub(super) percent: Option<u32>,
    /// In any ten seconds, whatever the percentage gives; 100 unless told.
    pub(super) least: Option<u32>,
}

/// What mirroring may use.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MirrorFile {
    /// Copies in flight; more are dropped. 512 unless told.
    pub(super) in_flight: Option<usize>,
    /// Bytes of bodies kept for them; `64MiB` unless told.
    #[schemars(with = "Option<String>")]
    pub(super) memory: Option<Bytes>,
    /// Bytes of one body; a longer one is not mirrored. `1MiB` unless told.
    #[schemars(with = "Option<String>")]
    pub(super) body: Option<Bytes>,
}

/// For the schema: one text or a list of them.
#[derive(JsonSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "only its schema is used")]
pub(super) enum OneOrManyText {
    One(String),
    Many(Vec<String>),
}

impl RoutesFile {
    /// The JSON Schema (draft 2020-12) of the file.
    pub fn schema() -> String {
        let schema = schemars::schema_for!(RoutesFile);
        format!("{:#}\n", schema.as_value())
    }

    /// Reads the text of a file and checks it. Files it names (certificates) are
    /// not opened: `read` is asked for the override's key and for descriptors.
    pub fn check(
        text: &str,
        read: impl FnMut(&std::path::Path) -> std::io::Result<Vec<u8>>,
    ) -> Result<Config, Problem> {
        let file: Result<RoutesFile, Problem> =
            toml::from_str(text).map_err(|error| Problem::of_syntax(&error));
        file.and_then(|file| check::config(&file, read))
            .map_err(|problem| problem.located(text))
    }
}
