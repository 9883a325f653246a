//! `cutline proxy`

use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};
use cutline_proxy::control::{self, Control, FolderError};
use cutline_proxy::journal::JournalError;
use cutline_proxy::{Admin, Config, Journal, Proxy, RoutesFile, Running, StateFolder, admin};
use tokio::runtime::Builder;

use super::routes::{addresses, read, share, shown, stages};
use crate::console::Console;
use crate::error::{CommandError, Kind};
use crate::otlp::{self, Otlp};
use crate::telemetry::{self, LogLevel};

/// Stands in front of a running monolith and moves it, stage by stage.
///
/// SIGTERM and SIGINT end it once the requests in flight have ended; a second
/// one ends it at once. SIGHUP reads the file again, which is watched anyway.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct ProxyArgs {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    run: RunArgs,
}

#[derive(Subcommand)]
enum Action {
    /// Says what is wrong with the file, or which stages it names.
    Check(CheckArgs),
    /// Prints the JSON Schema of the file.
    Schema,
}

#[derive(Args)]
struct CheckArgs {
    /// The file.
    #[arg(long, value_name = "FILE", default_value = "routes.toml")]
    config: PathBuf,
}

#[derive(Args)]
struct RunArgs {
    /// Who answers what.
    #[arg(long, value_name = "FILE", default_value = "routes.toml")]
    config: PathBuf,
    /// Where the journal and the admin interface's token are kept [default:
    /// .cutline beside the file].
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Threads that serve requests [default: one per core].
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
    /// Writes a JSON line for each request to standard output.
    #[arg(long)]
    access_log: bool,
    /// Sends spans of requests to this OpenTelemetry collector, over HTTP
    /// [default: where OTEL_EXPORTER_OTLP_ENDPOINT says, or nowhere].
    #[arg(long, value_name = "URL")]
    otlp: Option<String>,
    /// How much is logged on standard error.
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t = LogLevel::Info)]
    log: LogLevel,
}

/// Serves, checks, or prints the schema.
pub(crate) fn proxy(args: &ProxyArgs, console: &Console) -> Result<(), CommandError> {
    match &args.action {
        None => run(&args.run, console),
        Some(Action::Check(args)) => {
            let (_, config) = read(&args.config)?;
            let (file, table) = (shown(&args.config), &config.table);
            let (n_stages, n_routes) = (table.stages.len(), table.routes.len());
            let found = format!("{file} is right: {n_stages} stages, {n_routes} routes\n\n");
            console.print(&(found + &stages(table)))
        }
        Some(Action::Schema) => console.print(&RoutesFile::schema()),
    }
}

fn run(args: &RunArgs, console: &Console) -> Result<(), CommandError> {
    let (text, config) = read(&args.config)?;
    let otlp = otlp::settings(args.otlp.as_deref(), otlp::environment)?;
    let _telemetry = telemetry::start(args.log, args.access_log);
    let beside = || args.config.with_file_name(".cutline");
    let state = args.state.clone().unwrap_or_else(beside);
    let state = StateFolder::make(&state).map_err(folder)?;
    let token = state.token().map_err(folder)?;
    let journal = Journal::open(&state.journal()).map_err(journal_error)?;
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start")?;
    // From here on a signal ends it in good order.
    let signals = {
        let _inside = runtime.enter();
        Signals::new().context("cannot listen for signals")?
    };

    let listener = admin::bind(&config.settings).map_err(cannot_listen)?;
    let mut settled = config.clone();
    settled.table = control::settled(&config, &journal).map_err(journal_error)?;
    let banner = banner(&settled, &config);
    let proxy = Proxy::bind(settled).map_err(cannot_listen)?;
    let otlp = otlp.map(Otlp::start).transpose()?;
    if let Some(otlp) = &otlp {
        proxy.trace(otlp.tracing());
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let running = proxy
        .start(args.workers.unwrap_or(cores))
        .context("cannot start")?;
    let control = Control::new(running.handle(), config, &args.config, text, journal);
    let control = control.map_err(journal_error)?;
    let admin = Admin::start(control, listener, token).context("cannot start")?;
    let url = format!("http://{}", admin.address());
    state.set_address(&url).map_err(folder)?;
    console.note(&listening(&running, &url, &state.token_file()));
    console.note(&banner);

    let ended = runtime.block_on(until_told(signals, running, &admin));
    state.remove_address(&url);
    admin.stop();
    // Whoever is cut off does not keep the process.
    runtime.shutdown_background();
    if let (Some(otlp), Ok(())) = (otlp, &ended) {
        otlp.flush();
    }
    ended
}

/// Serves until told to stop, and then until nothing is in flight.
async fn until_told(
    mut signals: Signals,
    running: Running,
    admin: &Admin,
) -> Result<(), CommandError> {
    while signals.next().await == Told::Reload {
        admin.reload();
    }
    tracing::info!("no more connections are accepted; requests in flight end");
    admin.draining();
    let stopping = tokio::task::spawn_blocking(move || running.stop());
    tokio::select! {
        _ = stopping => Ok(()),
        () = signals.stop() => {
            let message = "told twice to stop: requests in flight were cut off";
            Err(CommandError::message(Kind::Internal, message))
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Reload,
    Stop,
}

#[cfg(unix)]
struct Signals {
    reload: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals {
            reload: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.reload.recv() => Told::Reload,
            _ = self.terminate.recv() => Told::Stop,
            _ = self.interrupt.recv() => Told::Stop,
        }
    }

    async fn stop(&mut self) {
        while self.next().await != Told::Stop {}
    }
}

/// There, only Ctrl-C is known.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Signals> {
        Ok(Signals)
    }

    async fn next(&mut self) -> Told {
        let _ = tokio::signal::ctrl_c().await;
        Told::Stop
    }

    async fn stop(&mut self) {
        self.next().await;
    }
}

fn listening(running: &Running, admin: &str, token: &Path) -> String {
    let addresses = running.addresses().iter();
    let addresses: Vec<_> = addresses.map(|to| format!("http://{to}")).collect();
    let (clients, token) = (addresses.join(", "), token.display());
    format!("clients   {clients}\nadmin     {admin}, token in {token}\n")
}

/// The stages, and where the journal decides against the file.
fn banner(settled: &Config, declared: &Config) -> String {
    let monolith = addresses(&settled.table.monolith);
    let mut text = format!("monolith  {monolith}\n\n{}", stages(&settled.table));
    let stages = settled.table.stages.iter().zip(&declared.table.stages);
    for (stage, said) in stages.filter(|(stage, said)| stage.share != said.share) {
        let (now, said) = (share(stage.share), share(said.share));
        let name = &stage.name;
        text.push_str(&format!(
            "\n{name}: {now} by a change at run time; the file says {said}"
        ));
    }
    text.trim_end().to_owned() + "\n"
}

fn cannot_listen(error: io::Error) -> CommandError {
    let kind = match error.kind() {
        io::ErrorKind::Unsupported => Kind::Configuration,
        _ => Kind::Internal,
    };
    let in_use = error.kind() == io::ErrorKind::AddrInUse;
    let error = CommandError::new(kind, error);
    match in_use {
        true => error.hint("another process is there already; listen and admin in the file name other ports, port 0 any that is free"),
        false => error,
    }
}

fn journal_error(error: JournalError) -> CommandError {
    let mend = error.mend();
    CommandError::from(anyhow::Error::new(error)).hint(mend)
}

fn folder(error: FolderError) -> CommandError {
    CommandError::from(anyhow::Error::new(error))
}
