//! `cutline handover`

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use cutline_runtime::host::handover::{self, HandoverError, Owned};
use cutline_runtime::pipeline::Pipeline;
use cutline_runtime::store::owners::{Owner, OwnerError};
use serde_json::{Value, json};
use ureq::Agent;
use zeroize::Zeroizing;

use super::pipeline::{PipelineArgs, block_on};
use crate::console::Console;
use crate::error::{CommandError, Kind};
use crate::table::table;
use crate::trust::system_tls;

/// Hands the databases of a stage over from the monolith to the functions, or
/// back.
///
/// Whoever writes through the functions waits meanwhile. The tables are copied
/// and compared by the number and the hashes of their rows; where they were,
/// they refuse every change from then on, so that a writer that nobody thought
/// of is told. Without a stage, shows whose each database is. The databases are
/// those of `[database.NAME]` in functions.toml. A `cutline run` that uses the
/// data folder does it; where none runs, this command does.
#[derive(Args)]
pub(crate) struct HandoverArgs {
    /// The stage, as the databases name it.
    stage: Option<String>,
    /// Hands them back to the monolith.
    #[arg(long, requires = "stage")]
    back: bool,
    #[command(flatten)]
    pipeline: PipelineArgs,
    /// Where `cutline run` answers [default: what functions.toml says].
    #[arg(long, value_name = "URL")]
    run: Option<String>,
    /// State folder of the proxy, which is asked whether all of the stage's
    /// requests reach its candidate [default: .cutline, if it is there].
    #[cfg(feature = "proxy")]
    #[arg(long, value_name = "DIR")]
    state: Option<std::path::PathBuf>,
    /// Also where the monolith may still be asked for the stage.
    #[arg(long)]
    force: bool,
}

/// Shows, or hands over.
pub(crate) fn handover(args: &HandoverArgs, console: &Console) -> Result<(), CommandError> {
    let pipeline = args.pipeline.read()?;
    if pipeline.databases.is_empty() {
        let message = format!("{} shares no database", args.pipeline.config.display());
        return Err(CommandError::message(Kind::Usage, message).hint(
            "declare [database.NAME] with stage, monolith, own and tables, and write its name in the place of the URL",
        ));
    }
    let Some(stage) = &args.stage else {
        let owned = match args.running(&pipeline)? {
            Some(running) => running.owned()?,
            None => block_on(own(args))??,
        };
        return console.print(&shown(&owned));
    };
    let databases = pipeline.databases.iter();
    let names: Vec<String> = databases
        .filter(|database| database.stage == *stage)
        .map(|database| database.name.clone())
        .collect();
    if names.is_empty() {
        let known = pipeline.databases.iter();
        let known: Vec<String> = known
            .map(|database| format!("{} with {}", database.name, database.stage))
            .collect();
        let message = format!("no database is handed over with {stage}");
        let hint = format!("the file hands over {}", known.join(", "));
        return Err(CommandError::message(Kind::Usage, message).hint(hint));
    }
    let to = match args.back {
        true => Owner::Monolith,
        false => Owner::Functions,
    };
    #[cfg(feature = "proxy")]
    if to == Owner::Functions && !args.force {
        moved_on(args.state.clone(), stage)?;
    }
    let handed = match args.running(&pipeline)? {
        Some(running) => names
            .iter()
            .map(|name| running.hand_over(name, to))
            .collect::<Result<Vec<_>, _>>()?,
        None => block_on(by_itself(args, &names, to))??,
    };
    console.print(&shown(&handed))?;
    if to == Owner::Functions {
        console.note(&format!(
            "the monolith cannot stand in for {stage} any more: write fallback = \"none\" under [stage.{stage}] of routes.toml\n"
        ));
    }
    Ok(())
}

async fn own(args: &HandoverArgs) -> Result<Vec<Owned>, CommandError> {
    let opened = args.pipeline.open().await?;
    let owned = handover::owned(&opened.services).await;
    Ok(owned.context("the data folder cannot be read")?)
}

async fn by_itself(
    args: &HandoverArgs,
    names: &[String],
    to: Owner,
) -> Result<Vec<Owned>, CommandError> {
    let opened = args.pipeline.open().await?;
    let mut handed = Vec::new();
    for name in names {
        let owned = handover::hand_over(&opened.services, name, to).await;
        handed.push(owned.map_err(refused)?);
    }
    Ok(handed)
}

fn refused(error: HandoverError) -> CommandError {
    let hint = match &error {
        HandoverError::Tables { .. } | HandoverError::Changed { .. } => {
            "that database has not changed: mend what it says, and try again"
        }
        HandoverError::Owner(OwnerError::Conflict { .. }) => "look with `cutline handover`",
        _ => "try again: what was begun is ended first",
    };
    CommandError::new(Kind::Internal, error).hint(hint)
}

/// Fails unless the proxy sends every request of the stage to its candidate: what
/// the monolith would write afterwards is refused.
#[cfg(feature = "proxy")]
fn moved_on(state: Option<std::path::PathBuf>, stage: &str) -> Result<(), CommandError> {
    use crate::client::AdminArgs;
    use crate::words::text;

    let named = state.is_some();
    let state = state.unwrap_or_else(|| ".cutline".into());
    if !named && !state.is_dir() {
        let message = format!("nobody says whether the monolith is still asked for {stage}");
        return Err(CommandError::message(Kind::Usage, message).hint(
            "--state names the proxy's state folder; with --force it is handed over all the same, and what the monolith writes then is refused",
        ));
    }
    let board = AdminArgs::of(state).client()?.get("/api/board")?;
    let mut stages = board["stages"].as_array().into_iter().flatten();
    let now = stages
        .find(|known| text(&known["name"]) == stage)
        .map(|known| &known["now"]);
    let Some(now) = now else {
        let message = format!("the proxy knows no stage {stage}");
        return Err(CommandError::message(Kind::Usage, message).hint(format!(
            "a [stage.{stage}] of routes.toml says who answers its routes; where it has none, --force"
        )));
    };
    let share = now["percent"].as_f64().unwrap_or(0.0);
    let all = match text(&now["mode"]) {
        "candidate" | "reverse-shadow" => true,
        "split" => share >= 100.0,
        _ => false,
    };
    if all {
        return Ok(());
    }
    let message = format!(
        "the monolith still answers requests of {stage}: it is at {}",
        super::status::share(now)
    );
    Err(CommandError::message(Kind::Usage, message).hint(format!(
        "`cutline shift {stage} 100` first, or --force: what the monolith writes then is refused"
    )))
}

/// A `cutline run` that has the data folder.
struct Running {
    agent: Agent,
    url: String,
    header: Option<(String, Zeroizing<String>)>,
}

impl HandoverArgs {
    /// The one that answers; `None` where nothing does.
    fn running(&self, pipeline: &Pipeline) -> Result<Option<Running>, CommandError> {
        let url = match &self.run {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => {
                let scheme = if pipeline.tls.is_some() {
                    "https"
                } else {
                    "http"
                };
                format!("{scheme}://{}", here(pipeline.listen))
            }
        };
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_connect(Some(Duration::from_secs(5)))
            .tls_config(system_tls())
            .build();
        let running = Running {
            agent: config.into(),
            url,
            header: block_on(self.pipeline.token(pipeline))??,
        };
        match running.agent.get(running.path("")).call() {
            Ok(_) => Ok(Some(running)),
            Err(error) if self.run.is_some() || !is_refused(&error) => {
                let context = format!("{} does not answer", running.url);
                let error = anyhow::Error::new(error).context(context);
                Err(CommandError::from(error)
                    .hint("--run names the address that `cutline run` says, by a name that its certificate has; SSL_CERT_FILE names who vouches for that"))
            }
            Err(_) => Ok(None),
        }
    }
}

/// Nobody listens there.
fn is_refused(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::ConnectionFailed => true,
        ureq::Error::Io(error) => error.kind() == std::io::ErrorKind::ConnectionRefused,
        _ => false,
    }
}

/// What listens everywhere is asked on this machine.
fn here(listen: SocketAddr) -> SocketAddr {
    match (listen.ip().is_unspecified(), listen.is_ipv4()) {
        (true, true) => SocketAddr::from(([127, 0, 0, 1], listen.port())),
        (true, false) => SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], listen.port())),
        (false, _) => listen,
    }
}

impl Running {
    fn path(&self, name: &str) -> String {
        format!("{}/functions/databases{name}", self.url)
    }

    fn owned(&self) -> Result<Vec<Owned>, CommandError> {
        let answer = self.agent.get(self.path("")).call();
        self.read(answer)
    }

    fn hand_over(&self, name: &str, to: Owner) -> Result<Owned, CommandError> {
        let mut request = self
            .agent
            .post(self.path(&format!("/{name}")))
            .header("content-type", "application/json");
        if let Some((header, value)) = &self.header {
            request = request.header(header, value.as_str());
        }
        let wish = json!({ "owner": to });
        self.read(request.send(wish.to_string()))
    }

    fn read<T: serde::de::DeserializeOwned>(
        &self,
        answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<T, CommandError> {
        let mut answer = answer.with_context(|| format!("{} broke off", self.url))?;
        let text = answer.body_mut().read_to_string();
        let text = text.with_context(|| format!("{} broke off", self.url))?;
        let said: Value = serde_json::from_str(&text).unwrap_or_default();
        if answer.status() == 200 {
            let read = serde_json::from_value(said);
            return Ok(read.with_context(|| format!("{} is no cutline of this version", self.url))?);
        }
        let why = said["error"].as_str().unwrap_or("it does not say why");
        let message = format!("{} answers {}: {why}", self.url, answer.status().as_u16());
        Err(
            CommandError::message(Kind::Internal, message).hint(match answer.status().as_u16() {
                401 => "functions.toml says where the token is (serve.token)",
                404 => "it runs another functions.toml: --run names the address",
                409 => "that database has not changed: mend what it says, and try again",
                _ => "look with `cutline handover`; the same again ends what was begun",
            }),
        )
    }
}

fn shown(owned: &[Owned]) -> String {
    let mut rows = Vec::new();
    for database in owned {
        let ownership = &database.ownership;
        let owner = match ownership.moving_to {
            Some(to) => format!(
                "{}, on its way to the {}",
                ownership.owner.name(),
                to.name()
            ),
            None => ownership.owner.name().to_owned(),
        };
        let since = ownership.since.map(|since| since.to_string());
        for table in &database.tables {
            let sum = ownership.tables.iter().find(|sum| sum.table == *table);
            rows.push(vec![
                database.stage.clone(),
                database.name.clone(),
                table.clone(),
                owner.clone(),
                since.clone().unwrap_or_else(|| "the beginning".to_owned()),
                sum.map_or("–".to_owned(), |sum| sum.rows.to_string()),
                sum.map_or("–".to_owned(), |sum| sum.hash.chars().take(12).collect()),
            ]);
        }
    }
    table(
        &[
            "STAGE",
            "DATABASE",
            "TABLE",
            "OWNER",
            "SINCE",
            "ROWS THEN>",
            "HASH THEN",
        ],
        &rows,
    )
}
