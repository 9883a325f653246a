//! [`RouteTable`]: which stage owns a request, where it may go, and how much
//! of it goes there.
//!
//! A table is checked when it is made (by [`crate::config`]) and never changes:
//! a new weight is a new table, put in place of the old one at once.

mod paths;
mod weight;

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method};
use serde::{Deserialize, Serialize};

pub(crate) use paths::Paths;
pub use paths::TemplateError;
pub use weight::{Weight, WeightError};

/// Everything a decision needs, checked.
#[derive(Clone, Debug)]
pub struct RouteTable {
    /// The side that answers what no stage owns.
    pub monolith: Arc<Upstreams>,
    /// In the order of the file.
    pub stages: Vec<Stage>,
    /// Who may choose a side, where the file says so.
    pub testers: Option<Arc<Testers>>,
    /// Those of all stages.
    pub routes: Arc<[StageRoute]>,
    paths: Arc<Paths<usize>>,
}

/// One stage: its candidate, and how its traffic is shared at the moment.
#[derive(Clone, Debug)]
pub struct Stage {
    /// As the file calls it.
    pub name: Arc<str>,
    /// None where the file names no candidate: the mode is `monolith` then.
    pub candidate: Option<Arc<Upstreams>>,
    /// What keeps a client on its side.
    pub sticky: Arc<Sticky>,
    /// Who answers now.
    pub share: Share,
    /// The change that this share began with: what is seen of both sides
    /// belongs to it.
    pub epoch: u64,
    /// Its answers differ, and whether that is noise is not known yet: every
    /// request that may be is asked of the monolith twice.
    pub doubted: bool,
}

/// How many of a route's requests are asked twice so that answers can be
/// compared, where that does no harm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Check {
    /// Of the requests in `split` and `candidate`, copied to the side that does
    /// not answer.
    pub other: Weight,
    /// Of the requests the monolith answers, copied to the monolith: in what it
    /// differs from itself is noise.
    pub again: Weight,
}

/// A stage's mode and the percentage that belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Who answers, who is mirrored.
    pub mode: Mode,
    /// Of what `mode` says.
    pub weight: Weight,
}

impl Share {
    /// The monolith answers everything, and nothing is copied.
    pub const MONOLITH: Share = Share {
        mode: Mode::Monolith,
        weight: Weight::ZERO,
    };
}

/// Who answers a stage's requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The monolith answers everything.
    Monolith,
    /// The monolith answers; a percentage is mirrored to the candidate.
    Shadow,
    /// The candidate answers a percentage, the monolith the rest.
    Split,
    /// The candidate answers everything.
    Candidate,
    /// The candidate answers everything; a percentage is mirrored to the
    /// monolith.
    ReverseShadow,
}

/// The two systems that can answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// The system that is being strangled.
    Monolith,
    /// The stage that replaces a part of it.
    Candidate,
}

/// A route of the monolith that a stage owns.
#[derive(Clone, Debug)]
pub struct StageRoute {
    /// Its place in [`RouteTable::stages`].
    pub stage: usize,
    /// None for any method.
    pub method: Option<Method>,
    /// The path template, as written.
    pub template: Arc<str>,
    /// In lower case, without port; None for any host.
    pub host: Option<Box<str>>,
    /// A field the request must have with that value.
    pub header: Option<(HeaderName, HeaderValue)>,
    /// What a request does outside the process that answers it.
    pub effects: Effects,
    /// Both sides honour one idempotency key: a repeated request does nothing
    /// more than the first.
    pub idempotent: bool,
    /// Nobody answers in the candidate's place.
    pub alone: bool,
    /// How much is asked twice for the comparison's sake.
    pub check: Check,
}

/// What answering a request does outside the process, per side. None where
/// nobody said: nothing for safe methods (RFC 9110 §9.2.1), `real` for others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// On the monolith's side.
    pub monolith: Option<Effect>,
    /// On the candidate's side.
    pub candidate: Option<Effect>,
}

/// What answering a request does outside the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Nothing: it can be asked twice.
    None,
    /// Nothing when the request is marked as shadow.
    HonoursShadow,
    /// It writes, sends or trains.
    Real,
}

/// The processes of one side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstreams {
    /// At least one; requests go to each in turn.
    pub addresses: Vec<Address>,
    /// How long they may take.
    pub timeouts: Timeouts,
    /// When one is left out.
    pub health: Health,
    /// Sent as Host; None passes on what the client sent.
    pub host: Option<HeaderValue>,
    /// HTTP/2 is spoken to them from the first byte.
    pub http2: bool,
    /// How to be sure who they are, and to say who we are, over `https`.
    pub tls: Option<UpstreamTls>,
}

/// Where an upstream listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// Over TLS.
    pub tls: bool,
    /// A name or an address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// As a URL.
impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        match self.host.contains(':') {
            true => write!(f, "{scheme}://[{}]:{}", self.host, self.port),
            false => write!(f, "{scheme}://{}:{}", self.host, self.port),
        }
    }
}

/// Files for TLS to an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamTls {
    /// Certificates of authorities, beside none of the system's.
    pub authority: Option<PathBuf>,
    /// Our certificate chain and key, where the upstream asks for one.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// The name in its certificate, where it is not the address's.
    pub server_name: Option<String>,
}

/// How long an upstream may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// To accept a connection.
    pub connect: Duration,
    /// From the request's last byte to the response's head.
    pub first_byte: Duration,
    /// Between two pieces of a body, in either direction.
    pub idle: Duration,
    /// For the whole exchange; None without end.
    pub total: Option<Duration>,
}

/// When an upstream is left out, and how it is asked whether it is back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Asked for with GET, 2xx is healthy; None only connects.
    pub path: Option<String>,
    /// Between two questions.
    pub interval: Duration,
    /// Failures in a row, of requests or questions, that leave it out.
    pub failures: u32,
}

/// Who may choose a side by a signed override.
pub struct Testers {
    /// The header that carries it.
    pub header: HeaderName,
    /// The cookie that carries it.
    pub cookie: String,
    /// What it is signed with.
    pub key: Vec<u8>,
}

/// What keeps a client on its side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sticky {
    /// A header's value.
    Header(HeaderName),
    /// A cookie's value.
    Cookie(String),
    /// A query parameter's value.
    Query(String),
    /// A claim of the bearer token: read, not trusted.
    JwtClaim(String),
    /// A field of the JSON body, by JSON pointer (RFC 6901).
    JsonField(String),
    /// The client's address.
    ClientAddress,
    /// A cookie that the proxy sets.
    OwnCookie,
    /// Nothing: each request is drawn anew.
    Request,
}

impl RouteTable {
    /// A table of these stages and their routes.
    pub fn new(
        monolith: Upstreams,
        stages: Vec<Stage>,
        routes: impl IntoIterator<Item = StageRoute>,
    ) -> Result<RouteTable, TemplateError> {
        let routes: Arc<[StageRoute]> = routes.into_iter().collect();
        let mut paths = Paths::default();
        for (index, route) in routes.iter().enumerate() {
            paths.insert(&route.template, index)?;
        }
        Ok(RouteTable {
            monolith: Arc::new(monolith),
            stages,
            testers: None,
            routes,
            paths: Arc::new(paths),
        })
    }

    /// The route that owns a request, if a stage does, by its place in
    /// [`RouteTable::routes`].
    ///
    /// The path is compared as RFC 3986 §6.2.2.2 normalises it: `%70` is `p`,
    /// while `%2F` stays apart from a slash.
    pub fn route(
        &self,
        method: &Method,
        host: Option<&str>,
        path: &str,
        headers: &HeaderMap,
    ) -> Option<usize> {
        let path = normalised(path);
        let owns = |index: &usize| self.routes[*index].owns(method, host, headers);
        self.paths.find(&path, &owns).copied()
    }

    /// The stage of that name.
    pub fn stage(&self, name: &str) -> Option<&Stage> {
        self.stages.iter().find(|stage| *stage.name == *name)
    }

    /// The same table with another share for the stage at `index`, since the
    /// change `epoch`.
    #[must_use]
    pub(crate) fn with_share(&self, index: usize, share: Share, epoch: u64) -> RouteTable {
        let mut table = self.clone();
        let stage = &mut table.stages[index];
        (stage.share, stage.epoch) = (share, epoch);
        table
    }
}

impl StageRoute {
    fn owns(&self, method: &Method, host: Option<&str>, headers: &HeaderMap) -> bool {
        let method_fits = match &self.method {
            None => true,
            // A HEAD request is answered by what answers GET (RFC 9110 §9.3.2).
            Some(own) => own == method || (*own == Method::GET && *method == Method::HEAD),
        };
        let host_fits = self.host.as_deref().is_none_or(|own| {
            let host = host.map(without_port);
            host.is_some_and(|host| host.eq_ignore_ascii_case(own))
        });
        let header_fits = self.header.as_ref().is_none_or(|(name, value)| {
            let mut values = headers.get_all(name).iter();
            values.any(|found| found == value)
        });
        method_fits && host_fits && header_fits
    }

    /// What answering a request of that method does on that side.
    pub fn effect(&self, side: Side, method: &Method) -> Effect {
        self.declared(side).unwrap_or(match method.is_safe() {
            true => Effect::None,
            false => Effect::Real,
        })
    }

    /// Whether it does no harm to ask that side the same twice. What was
    /// declared counts before what the method promises (RFC 9110 §9.2.2): a
    /// GET that is declared `real` is not safe to repeat. A key that both sides
    /// honour lets the other side be asked; the same one is not asked twice for it.
    pub fn is_repeatable(&self, side: Side, method: &Method) -> bool {
        match self.declared(side) {
            Some(effect) => effect == Effect::None,
            None => method.is_idempotent(),
        }
    }

    fn declared(&self, side: Side) -> Option<Effect> {
        match side {
            Side::Monolith => self.effects.monolith,
            Side::Candidate => self.effects.candidate,
        }
    }
}

impl Sticky {
    /// Whether the key stands in the body, which must be read before deciding.
    pub(crate) fn needs_body(&self) -> bool {
        matches!(self, Sticky::JsonField(_))
    }
}

impl Side {
    /// The one that this is not.
    pub fn other(self) -> Side {
        match self {
            Side::Monolith => Side::Candidate,
            Side::Candidate => Side::Monolith,
        }
    }

    /// As it is printed.
    pub fn name(self) -> &'static str {
        match self {
            Side::Monolith => "monolith",
            Side::Candidate => "candidate",
        }
    }
}

impl Mode {
    /// All of them, in the order of a migration.
    pub const ALL: [Mode; 5] = [
        Mode::Monolith,
        Mode::Shadow,
        Mode::Split,
        Mode::Candidate,
        Mode::ReverseShadow,
    ];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Monolith => "monolith",
            Mode::Shadow => "shadow",
            Mode::Split => "split",
            Mode::Candidate => "candidate",
            Mode::ReverseShadow => "reverse-shadow",
        }
    }

    /// The mode of that name.
    pub fn named(name: &str) -> Option<Mode> {
        Mode::ALL.into_iter().find(|mode| mode.name() == name)
    }
}

impl std::fmt::Debug for Testers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Testers")
            .field("header", &self.header)
            .field("cookie", &self.cookie)
            .finish_non_exhaustive()
    }
}

/// `host` of `host:port` and of `[::1]:port`.
fn without_port(authority: &str) -> &str {
    let behind_brackets = authority.rfind(']').map_or(0, |at| at + 1);
    match authority[behind_brackets..].find(':') {
        Some(at) => &authority[..behind_brackets + at],
        None => authority,
    }
}

/// The path with its needlessly encoded characters decoded.
fn normalised(path: &str) -> Cow<'_, str> {
    if !path.contains('%') {
        return Cow::Borrowed(path);
    }
    let mut decoded = String::with_capacity(path.len());
    let mut left = path;
    while let Some(at) = left.find('%') {
        decoded.push_str(&left[..at]);
        let code = left.get(at + 1..at + 3);
        let byte = code.and_then(|code| u8::from_str_radix(code, 16).ok());
        match byte.map(char::from) {
            Some(c) if c.is_ascii_alphanumeric() || "-._~".contains(c) => {
                decoded.push(c);
                left = &left[at + 3..];
            }
            _ => {
                decoded.push('%');
                left = &left[at + 1..];
            }
        }
    }
    decoded.push_str(left);
    Cow::Owned(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needless_encoding_is_undone_and_slashes_stay_apart() {
        assert_eq!(normalised("/%70redict"), "/predict");
        assert_eq!(normalised("/a%2Fb%7e"), "/a%2Fb~");
        assert_eq!(normalised("/%"), "/%");
        assert_eq!(normalised("/%zz%é"), "/%zz%é");
    }

    #[test]
    fn ports_and_brackets_are_no_part_of_a_host() {
        assert_eq!(without_port("a.example:80"), "a.example");
        assert_eq!(without_port("[::1]:80"), "[::1]");
        assert_eq!(without_port("[::1]"), "[::1]");
        assert_eq!(without_port("a"), "a");
    }
}
