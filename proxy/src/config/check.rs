//! [`RoutesFile`] to [`Config`]: everything that can be wrong is found here.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::IpAddr;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::header::{HeaderName, HeaderValue};
use http::uri::Authority;
use ipnet::IpNet;
use toml::Spanned;

use super::file::{
    CertificateFile, EffectsFile, ForwardedFile, HeaderFile, IdempotencyFile, LimitsFile, Reach,
    RouteFile, RouteTableFile, RoutesFile, StageFile, StandIn, StickyFile, TestersFile,
};
use super::rollout::Predictions;
use super::values::{self, Texts};
use super::{
    AdminTls, Budget, Config, Limits, MirrorLimits, Problem, Settings, compare, notify, rollout,
};
use crate::compare::Rules;
use crate::rollout::Policy;
use crate::route::{
    Check, Effects, Health, Mode, RouteTable, Share, Stage, StageRoute, Sticky, Testers, Timeouts,
    UpstreamTls, Upstreams, Weight,
};

type Checked<T> = Result<T, Problem>;

pub(super) fn config(
    file: &RoutesFile,
    mut read: impl FnMut(&Path) -> io::Result<Vec<u8>>,
) -> Checked<Config> {
    let rules = rules(file, &mut read)?;
    let mut table = table(file, &rules)?;
    table.testers = match &file.testers {
        Some(testers) => Some(Arc::new(self::testers(testers, &mut read)?)),
        None => None,
    };
    let mut settings = settings(file)?;
    settings.rollouts = rollouts(file, &table, &rules)?;
    settings.compare = rules;
    Ok(Config { table, settings })
}

/// Those of each route, in the order of the table.
fn rules(
    file: &RoutesFile,
    read: &mut dyn FnMut(&Path) -> io::Result<Vec<u8>>,
) -> Checked<Arc<[Arc<Rules>]>> {
    let mut all = Vec::new();
    for (name, stage) in &file.stage {
        let shared = compare::rules(name.get_ref(), &stage.compare, read)?;
        for route in &stage.routes {
            all.push(match route.get_ref() {
                RouteFile::Table(RouteTableFile {
                    compare: Some(own), ..
                }) => compare::rules(name.get_ref(), own, read)?,
                _ => Arc::clone(&shared),
            });
        }
    }
    Ok(all.into())
}

/// `rules` are those of each route, in their order.
fn table(file: &RoutesFile, rules: &[Arc<Rules>]) -> Checked<RouteTable> {
    let monolith = upstreams("monolith", &file.monolith.upstream, &file.monolith.reach())?;
    let mut stages = Vec::new();
    let mut routes = Vec::new();
    let mut owners = HashMap::new();
    for (name, stage) in &file.stage {
        stage_name(name)?;
        for written in &stage.routes {
            let rules = &rules[routes.len()];
            let route = route(name.get_ref(), stages.len(), stage, written, rules)?;
            let shape = shape(&route);
            if let Some(owner) = owners.insert(shape, name.get_ref().clone()) {
                let message = format!(
                    "stage {}: the route is already owned by stage {owner}",
                    name.get_ref()
                );
                return Err(Problem::at(written.span(), message).label("one stage owns a route"));
            }
            routes.push(route);
        }
        stages.push(self::stage(name, stage)?);
    }
    RouteTable::new(monolith, stages, routes).map_err(|error| Problem::at(0..0, error.to_string()))
}

fn check(rules: &Rules, has_rollout: bool) -> Check {
    let unless_told = match has_rollout {
        true => Weight::FULL,
        false => Weight::ZERO,
    };
    match rules.enabled {
        true => Check {
            other: rules.other.unwrap_or(unless_told),
            again: Weight::from_basis_points(rules.noise.sample as u16),
        },
        false => Check::default(),
    }
}

/// What two routes must not share.
fn shape(route: &StageRoute) -> String {
    let method = route.method.as_ref().map_or("", |method| method.as_str());
    let mut template = String::new();
    for (at, part) in route.template.split(['{', '}']).enumerate() {
        let rest = part.starts_with('*');
        // Every other part is a parameter's name, which does not matter.
        template.push_str(match at % 2 {
            0 => part,
            _ if rest => "{*}",
            _ => "{}",
        });
    }
    format!("{method} {template} {:?} {:?}", route.host, route.header)
}

fn stage_name(name: &Spanned<String>) -> Checked<()> {
    let text = name.get_ref();
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if text.is_empty() || !text.chars().all(fits) {
        let message = format!("`{text}` is no name of a stage");
        let label = "letters, digits, `-` and `_`";
        return Err(Problem::at(name.span(), message).label(label));
    }
    Ok(())
}

fn stage(name: &Spanned<String>, file: &StageFile) -> Checked<Stage> {
    let stage = name.get_ref();
    let candidate = match &file.candidate {
        Some(texts) => {
            let side = format!("stage {stage}: candidate");
            Some(Arc::new(upstreams(&side, texts, &file.reach())?))
        }
        None => None,
    };
    let share = share(stage, file)?;
    if candidate.is_none() && share.mode != Mode::Monolith {
        let span = file.mode.as_ref().map_or(name.span(), Spanned::span);
        let message = format!(
            "stage {stage}: mode {} needs a candidate",
            share.mode.name()
        );
        let label = "add candidate = [\"http://host:port\"]";
        return Err(Problem::at(span, message).label(label));
    }
    Ok(Stage {
        name: stage.as_str().into(),
        candidate,
        sticky: Arc::new(sticky(stage, file.sticky.as_ref())?),
        share,
        epoch: 0,
        doubted: false,
    })
}

fn share(stage: &str, file: &StageFile) -> Checked<Share> {
    let mode = file
        .mode
        .as_ref()
        .map_or(Mode::Monolith, |mode| *mode.get_ref());
    let weight = match &file.percent {
        Some(percent) => Weight::from_percent(*percent.get_ref()).map_err(|error| {
            Problem::at(percent.span(), format!("stage {stage}: percent: {error}"))
        })?,
        None => default_weight(mode),
    };
    Ok(Share { mode, weight })
}

/// The percentage of a mode that names none.
pub(crate) fn default_weight(mode: Mode) -> Weight {
    match mode {
        Mode::Monolith | Mode::Split => Weight::ZERO,
        Mode::Shadow | Mode::Candidate | Mode::ReverseShadow => Weight::FULL,
    }
}

fn sticky(stage: &str, file: Option<&Spanned<StickyFile>>) -> Checked<Sticky> {
    let Some(file) = file else {
        return Ok(Sticky::Request);
    };
    let problem = |what: String| Problem::at(file.span(), format!("stage {stage}: sticky: {what}"));
    Ok(match file.get_ref() {
        StickyFile::Header(name) => Sticky::Header(
            name.parse()
                .map_err(|_| problem(format!("`{name}` is no name of a header")))?,
        ),
        StickyFile::Cookie(name) => Sticky::Cookie(name.clone()),
        StickyFile::Query(name) => Sticky::Query(name.clone()),
        StickyFile::Jwt(claim) => Sticky::JwtClaim(claim.clone()),
        StickyFile::Json(pointer) if pointer.starts_with('/') => Sticky::JsonField(pointer.clone()),
        StickyFile::Json(pointer) => {
            let message = format!("`{pointer}` is no JSON pointer");
            return Err(problem(message).label(format!("write /{pointer}")));
        }
        StickyFile::ClientAddress => Sticky::ClientAddress,
        StickyFile::OwnCookie => Sticky::OwnCookie,
        StickyFile::Request => Sticky::Request,
    })
}

fn route(
    stage: &str,
    index: usize,
    file: &StageFile,
    written: &Spanned<RouteFile>,
    rules: &Rules,
) -> Checked<StageRoute> {
    let problem =
        |what: String| Problem::at(written.span(), format!("stage {stage}: route: {what}"));
    let short = RouteTableFile {
        route: String::new(),
        host: None,
        header: None,
        side_effects: EffectsFile::default(),
        idempotency: None,
        compare: None,
    };
    let (text, long) = match written.get_ref() {
        RouteFile::Text(text) => (text, &short),
        RouteFile::Table(long) => (&long.route, long),
    };
    let (method, path) = values::route(text).map_err(&problem)?;
    crate::route::Paths::default()
        .insert(path, ())
        .map_err(|error| problem(error.to_string()).label("write \"POST /predict\""))?;
    let header = match &long.header {
        Some(header) => Some(self::header(header).map_err(&problem)?),
        None => None,
    };
    let idempotency = long.idempotency.or(file.idempotency);
    Ok(StageRoute {
        stage: index,
        method,
        template: path.into(),
        host: long
            .host
            .as_deref()
            .map(|host| host.to_ascii_lowercase().into()),
        header,
        effects: Effects {
            monolith: long.side_effects.monolith.or(file.side_effects.monolith),
            candidate: long.side_effects.candidate.or(file.side_effects.candidate),
        },
        idempotent: idempotency == Some(IdempotencyFile::Shared),
        alone: file.fallback == StandIn::None,
        check: check(rules, file.rollout.is_some()),
    })
}

fn header(file: &HeaderFile) -> Result<(HeaderName, HeaderValue), String> {
    let name = file.name.parse();
    let name = name.map_err(|_| format!("`{}` is no name of a header", file.name))?;
    let value = HeaderValue::from_str(&file.value);
    let value = value.map_err(|_| format!("`{}` is no value of a header", file.value))?;
    Ok((name, value))
}

/// `of` is what a problem is said of: `monolith`, `stage inference: candidate`.
fn upstreams(of: &str, texts: &Spanned<Texts>, reach: &Reach<'_>) -> Checked<Upstreams> {
    let mut addresses = Vec::new();
    for (span, text) in &texts.get_ref().0 {
        let span = span.clone().unwrap_or_else(|| texts.span());
        let address = values::upstream(text)
            .map_err(|(what, label)| Problem::at(span, format!("{of} {what}")).label(label))?;
        addresses.push(address);
    }
    if addresses.is_empty() {
        let message = format!("{of} names no upstream");
        return Err(Problem::at(texts.span(), message).label("write [\"http://host:port\"]"));
    }
    Ok(Upstreams {
        addresses,
        timeouts: timeouts(reach),
        health: health(of, reach, texts.span())?,
        host: host(of, reach)?,
        http2: reach.http2,
        tls: tls(of, reach, texts.span())?,
    })
}

fn timeouts(reach: &Reach<'_>) -> Timeouts {
    let file = reach.timeouts;
    let or = |time: Option<values::Time>, seconds| {
        time.map_or(Duration::from_secs(seconds), |time| time.0)
    };
    Timeouts {
        connect: or(file.connect, 2),
        first_byte: or(file.first_byte, 60),
        idle: or(file.idle, 60),
        total: file.total.map(|time| time.0),
    }
}

fn health(of: &str, reach: &Reach<'_>, span: Range<usize>) -> Checked<Health> {
    let file = reach.health;
    if let Some(path) = &file.path
        && !path.get_ref().starts_with('/')
    {
        let message = format!("{of}: health.path `{}` is no path", path.get_ref());
        return Err(Problem::at(path.span(), message).label(format!("write /{}", path.get_ref())));
    }
    if file.failures == Some(0) {
        let message = format!("{of}: health.failures is 0, which leaves every upstream out");
        return Err(Problem::at(span, message).label("write 1 or more"));
    }
    Ok(Health {
        path: file.path.as_ref().map(|path| path.get_ref().clone()),
        interval: file.interval.map_or(Duration::from_secs(1), |time| time.0),
        failures: file.failures.unwrap_or(5),
    })
}

fn host(of: &str, reach: &Reach<'_>) -> Checked<Option<HeaderValue>> {
    let Some(host) = reach.host else {
        return Ok(None);
    };
    let text = host.get_ref();
    let value = text.parse::<Authority>().ok();
    let value = value.and_then(|_| HeaderValue::from_str(text).ok());
    let wrong = || Problem::at(host.span(), format!("{of}: host `{text}` is no host"));
    value.map(Some).ok_or_else(wrong)
}

fn tls(of: &str, reach: &Reach<'_>, span: Range<usize>) -> Checked<Option<UpstreamTls>> {
    let Some(file) = reach.tls else {
        return Ok(None);
    };
    let identity = match (&file.certificate, &file.key) {
        (Some(certificate), Some(key)) => Some((certificate.clone(), key.clone())),
        (None, None) => None,
        _ => {
            let message = format!("{of}: tls has a certificate without its key, or the reverse");
            return Err(Problem::at(span, message).label("name both files"));
        }
    };
    Ok(Some(UpstreamTls {
        authority: file.authority.clone(),
        identity,
        server_name: file.server_name.clone(),
    }))
}

fn testers(
    file: &TestersFile,
    read: &mut dyn FnMut(&Path) -> io::Result<Vec<u8>>,
) -> Checked<Testers> {
    let header = match &file.header {
        Some(name) => name.get_ref().parse().map_err(|_| {
            let message = format!("override: `{}` is no name of a header", name.get_ref());
            Problem::at(name.span(), message)
        })?,
        None => HeaderName::from_static("x-cutline-side"),
    };
    let (span, path) = (file.key_file.span(), file.key_file.get_ref());
    let shown = path.display();
    let problem =
        |what: String| Problem::at(span.clone(), format!("override: key_file {shown}: {what}"));
    let read = read(path).map_err(|error| problem(format!("cannot be read: {error}")))?;
    let key = read.trim_ascii();
    if key.len() < 32 {
        let label = "make one with: openssl rand -hex 32";
        return Err(problem("holds less than 32 bytes".to_owned()).label(label));
    }
    let cookie = file.cookie.clone();
    Ok(Testers {
        header,
        cookie: cookie.unwrap_or_else(|| "cutline_side".to_owned()),
        key: key.to_vec(),
    })
}

fn settings(file: &RoutesFile) -> Checked<Settings> {
    let mut listen = Vec::new();
    for (span, text) in &file.listen.get_ref().0 {
        let span = span.clone().unwrap_or_else(|| file.listen.span());
        let address = values::listen(text).map_err(|what| {
            Problem::at(span, format!("listen: {what}")).label("write 127.0.0.1:8080")
        })?;
        listen.push(address);
    }
    let default = "127.0.0.1:9901".to_owned();
    let (span, text) = match &file.admin {
        Some(admin) => (admin.span(), admin.get_ref()),
        None => (0..0, &default),
    };
    let admin = values::listen(text).map_err(|what| {
        Problem::at(span.clone(), format!("admin: {what}")).label("write 127.0.0.1:9901")
    })?;
    if !admin.ip().is_loopback() && file.admin_tls.is_none() {
        let message = format!("admin: {admin} is not on the loopback, and admin_tls is not set");
        let label = "write 127.0.0.1:9901, or add admin_tls";
        return Err(Problem::at(span, message).label(label));
    }
    Ok(Settings {
        listen,
        admin,
        tls: file.tls.as_ref().map(certificate),
        admin_tls: file.admin_tls.as_ref().map(|tls| AdminTls {
            files: (tls.certificate.clone(), tls.key.clone()),
            authority: tls.authority.clone(),
        }),
        limits: limits(&file.limits)?,
        trusted: trusted(&file.forwarded)?,
        budget: Budget {
            percent: file.fallback.percent.unwrap_or(Budget::default().percent),
            least: file.fallback.least.unwrap_or(Budget::default().least),
        },
        mirror: mirror(file),
        notify: file.notify.as_ref().map(notify::notices).transpose()?,
        rollouts: BTreeMap::new(),
        compare: Arc::default(),
        journal: file.journal.size.map_or(256 << 20, |size| size.0 as u64),
    })
}

/// `rules` are those of each route, in the order of the table.
fn rollouts(
    file: &RoutesFile,
    table: &RouteTable,
    rules: &[Arc<Rules>],
) -> Checked<BTreeMap<String, Arc<Policy>>> {
    let stages = file.stage.iter().enumerate();
    let checked = stages.filter_map(|(place, (name, stage))| {
        let written = stage.rollout.as_ref()?;
        let routes = table.routes.iter().zip(rules);
        let own = routes.filter(|(route, rules)| route.stage == place && rules.enabled);
        let policy = match stage.candidate {
            Some(_) => {
                let named = Predictions::of(own.map(|(_, rules)| &**rules));
                rollout::policy(name.get_ref(), written, named)
            }
            None => Err(rollout::no_candidate(name.get_ref(), written)),
        };
        Some(policy.map(|policy| (name.get_ref().clone(), Arc::new(policy))))
    });
    checked.collect()
}

fn certificate(file: &CertificateFile) -> (std::path::PathBuf, std::path::PathBuf) {
    (file.certificate.clone(), file.key.clone())
}

fn limits(file: &LimitsFile) -> Checked<Limits> {
    let default = Limits::default();
    // hyper's own least.
    if let Some(bytes) = &file.header_bytes
        && bytes.get_ref().0 < 8_192
    {
        let message = "limits: header_bytes is less than 8KiB".to_owned();
        return Err(Problem::at(bytes.span(), message).label("write 8KiB or more"));
    }
    let header_bytes = file.header_bytes.as_ref().map(|bytes| bytes.get_ref().0);
    Ok(Limits {
        connections: file.connections.unwrap_or(default.connections),
        requests: file.requests.unwrap_or(default.requests),
        header_bytes: header_bytes.unwrap_or(default.header_bytes),
        headers: file.headers.unwrap_or(default.headers),
        header_time: file.header_time.map_or(default.header_time, |time| time.0),
        held_body: file.held_body.map_or(default.held_body, |bytes| bytes.0),
        drain: file.drain.map_or(default.drain, |time| time.0),
    })
}

fn mirror(file: &RoutesFile) -> MirrorLimits {
    let default = MirrorLimits::default();
    let file = &file.mirror;
    MirrorLimits {
        in_flight: file.in_flight.unwrap_or(default.in_flight),
        memory: file.memory.map_or(default.memory, |bytes| bytes.0),
        body: file.body.map_or(default.body, |bytes| bytes.0),
    }
}

fn trusted(file: &ForwardedFile) -> Checked<Vec<IpNet>> {
    let mut networks = Vec::new();
    for text in &file.trust {
        let network = text.get_ref().parse::<IpNet>();
        let network = network.or_else(|_| text.get_ref().parse::<IpAddr>().map(IpNet::from));
        networks.push(network.map_err(|_| {
            let message = format!("forwarded: `{}` is no network", text.get_ref());
            Problem::at(text.span(), message).label("write 10.0.0.0/8")
        })?);
    }
    Ok(networks)
}
