//! `cutline replay`

mod pair;
mod told;

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use clap::builder::RangedU64ValueParser;
use cutline_proxy::compare::{Comparison, Verdict};
use cutline_proxy::route::{Effect, Side};
use cutline_proxy::{Config, compare};
use serde_json::Value;

use super::routes::read;
use super::shift::named;
use crate::again::{Asker, Recorded};
use crate::client::{AdminArgs, Client};
use crate::console::Console;
use crate::error::{CommandError, Kind};
use crate::words::text;
use pair::Pair;
use told::Replayed;

/// Sends recorded requests again to both sides, and compares the answers.
///
/// Each request is marked X-Cutline-Shadow: 1. They are sent in the order in
/// which they came, one at a time: where routes keep state, each side gets the
/// whole sequence. Ends with 0 where each of them was sent and got the same
/// answer from both sides, and with 5 otherwise.
#[derive(Args)]
pub(crate) struct ReplayArgs {
    /// The stage, as routes.toml calls it.
    stage: String,
    /// Only requests of which that came then: match, mismatch or unavailable.
    #[arg(long, value_parser = ["match", "mismatch", "unavailable"], hide_possible_values = true)]
    verdict: Option<String>,
    /// Only the request with this id, which the access log and `cutline diff`
    /// show.
    #[arg(long, value_parser = hexadecimal)]
    id: Option<String>,
    /// Only requests of one client, as `--json` shows it.
    #[arg(long, value_parser = hexadecimal)]
    session: Option<String>,
    /// At most so many, the latest; up to 200.
    #[arg(long, value_name = "N", default_value_t = 50)]
    #[arg(value_parser = RangedU64ValueParser::<u64>::new().range(1..=200))]
    limit: u64,
    /// Where both sides are, and what counts as a difference.
    #[arg(long, value_name = "FILE", default_value = "routes.toml")]
    config: PathBuf,
    /// Sends also what writes, sends or trains on a side (side_effects = real,
    /// or nothing said of a POST): it does so once more.
    #[arg(long)]
    with_effects: bool,
    /// As JSON, with every difference.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    admin: AdminArgs,
}

fn hexadecimal(text: &str) -> Result<String, String> {
    let digits = !text.is_empty() && text.chars().all(|c| c.is_ascii_hexdigit());
    match digits {
        true => Ok(text.to_owned()),
        false => Err("write its hexadecimal digits".to_owned()),
    }
}

/// Asks the proxy for the requests and both sides for their answers, and prints
/// what came of it.
pub(crate) fn replay(args: &ReplayArgs, console: &Console) -> Result<(), CommandError> {
    named(&args.stage)?;
    let (_, config) = read(&args.config)?;
    let sides = Sides::new(&args.stage, &config)?;
    let client = args.admin.client()?;
    let (pairs, left_out) = recorded(args, &client)?;
    let noise = noise(&args.stage, &client)?;
    let mut replayed = Replayed::new(&args.stage, left_out);
    for pair in &pairs {
        match again(pair, args.with_effects, &config, &sides) {
            Ok(mut comparison) => {
                excuse(&mut comparison, &noise);
                replayed.sent(pair, comparison);
            }
            Err(why) => replayed.not_sent(pair, why),
        }
    }
    console.print(&match args.json {
        true => format!("{:#}\n", replayed.document()),
        false => replayed.shown(),
    })?;
    replayed.verdict()
}

/// Both sides of a stage.
struct Sides {
    stage: usize,
    monolith: Asker,
    candidate: Asker,
}

impl Sides {
    fn new(stage: &str, config: &Config) -> Result<Sides, CommandError> {
        let table = &config.table;
        let place = table.stages.iter().position(|own| *own.name == *stage);
        let wrong = |what: &str, mend: &str| {
            let message = format!("stage {stage}: {what}");
            CommandError::message(Kind::Configuration, message).hint(mend)
        };
        let Some(place) = place else {
            let known: Vec<_> = table.stages.iter().map(|own| &*own.name).collect();
            let mend = format!("it names {}; --config names another file", known.join(", "));
            return Err(wrong("the file names no such stage", &mend));
        };
        let candidate = table.stages[place].candidate.as_ref();
        let candidate = candidate.ok_or_else(|| {
            wrong(
                "the file names no candidate",
                "add candidate = [\"http://host:port\"]",
            )
        })?;
        Ok(Sides {
            stage: place,
            monolith: Asker::new(Side::Monolith, &table.monolith)?,
            candidate: Asker::new(Side::Candidate, candidate)?,
        })
    }
}

/// The requests that are asked for, the first first, and how many of them were
/// too long to be told.
fn recorded(args: &ReplayArgs, client: &Client) -> Result<(Vec<Pair>, u64), CommandError> {
    let mut path = format!("/api/pairs?stage={}&limit={}", args.stage, args.limit);
    let asked = [
        ("verdict", &args.verdict),
        ("id", &args.id),
        ("session", &args.session),
    ];
    for (name, value) in asked {
        if let Some(value) = value {
            path.push_str(&format!("&{name}={value}"));
        }
    }
    let mut document = client.get(&path)?;
    let left_out = document["left_out"].as_u64().unwrap_or(0);
    let pairs: Vec<Pair> = serde_json::from_value(document["pairs"].take())
        .map_err(|error| CommandError::new(Kind::Internal, error))?;
    if pairs.is_empty() {
        let message = format!("no such request of stage {} is kept", args.stage);
        let hint = "those that differ are kept, and of the others a sample: `sample` in [stage.NAME.compare], in percent";
        return Err(CommandError::message(Kind::Apart, message).hint(hint));
    }
    Ok((pairs.into_iter().rev().collect(), left_out))
}

/// Fields, each with the way in which it differs, that did not count in any of
/// the latest pairs: there the monolith differs from itself.
fn noise(stage: &str, client: &Client) -> Result<BTreeSet<(String, String)>, CommandError> {
    let document = client.get(&format!("/api/pairs?stage={stage}&limit=200"))?;
    let pairs = document["pairs"].as_array().into_iter().flatten();
    let differences = pairs.flat_map(|pair| pair["differences"].as_array().into_iter().flatten());
    let noise = differences.filter(|own| own["noise"] == Value::Bool(true));
    let named = noise.map(|own| (text(&own["path"]).to_owned(), text(&own["kind"]).to_owned()));
    Ok(named.collect())
}

/// What differs in noise alone is the same.
fn excuse(comparison: &mut Comparison, noise: &BTreeSet<(String, String)>) {
    for difference in &mut comparison.differences {
        let own = (
            difference.field.to_string(),
            difference.kind.name().to_owned(),
        );
        difference.noise = noise.contains(&own);
    }
    if comparison.verdict == Verdict::Mismatch && !comparison.differs() {
        comparison.verdict = Verdict::Match;
    }
}

/// Sends a request to both sides; or why it is not sent.
fn again(
    pair: &Pair,
    with_effects: bool,
    config: &Config,
    sides: &Sides,
) -> Result<Comparison, String> {
    let recorded = pair.recorded()?;
    let (path, _) = recorded
        .target
        .split_once('?')
        .unwrap_or((&*recorded.target, ""));
    let host = recorded
        .headers
        .get("host")
        .and_then(|host| host.to_str().ok());
    let route = config
        .table
        .route(&recorded.method, host, path, &recorded.headers);
    let route = route.filter(|route| config.table.routes[*route].stage == sides.stage);
    let Some(route) = route else {
        return Err("routes.toml has no such route of this stage".to_owned());
    };
    let real = |side: Side| {
        let effect = config.table.routes[route].effect(side, &recorded.method);
        effect == Effect::Real
    };
    let real: Vec<_> = [Side::Monolith, Side::Candidate]
        .into_iter()
        .filter(|side| real(*side))
        .map(Side::name)
        .collect();
    if !with_effects && !real.is_empty() {
        let sides = real.join(" and the ");
        return Err(format!(
            "its effects are real on the {sides}: --with-effects sends it"
        ));
    }
    let rules = &config.settings.compare[route];
    let ask = |asker: &Asker, recorded: &Recorded| {
        let outcome = asker.ask(recorded, rules.body);
        outcome.ok_or_else(|| "its target is no path that could be sent".to_owned())
    };
    let monolith = ask(&sides.monolith, &recorded)?;
    let candidate = ask(&sides.candidate, &recorded)?;
    Ok(compare(&monolith, &candidate, rules))
}
