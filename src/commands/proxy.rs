//! `cutline proxy`

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use clap::{Args, Subcommand};
use cutline_proxy::control::{self, AdminAddress, Control, FolderError};
use cutline_proxy::journal::JournalError;
use cutline_proxy::{
    Admin, Config, Handed, Journal, LostSpans, Offer, Proxy, RoutesFile, Running, StateFolder,
    TakeOver, Tracing, admin,
};
use tokio::runtime::Builder;
use tokio::sync::Notify;

use super::routes::{addresses, read, share, shown, stages};
use crate::console::Console;
use crate::error::{CommandError, Kind};
use crate::signals::{Signals, Told};
use crate::telemetry::{self, LogFormat, LogLevel};
use crate::traces::{self, Lost, Role, Traces};
use crate::webhook::Webhooks;

/// Stands in front of a running monolith and moves it, stage by stage.
///
/// SIGTERM and SIGINT end it once the requests in flight have ended; a second
/// one ends it at once. SIGHUP reads the file again, which is watched anyway,
/// and the certificates.
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
    /// Takes the place of the proxy that runs with this state folder, without a
    /// failed request; starts like any other where none runs.
    #[arg(long)]
    take_over: bool,
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
    /// In which form.
    #[arg(long, value_enum, value_name = "FORM", default_value_t = LogFormat::Text)]
    log_format: LogFormat,
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

impl Lost for LostSpans {
    fn queue_full(&self) {
        self.queue_full();
    }

    fn not_exported(&self, spans: usize) {
        self.not_exported(spans);
    }
}

fn run(args: &RunArgs, console: &Console) -> Result<(), CommandError> {
    let (text, config) = read(&args.config)?;
    let settings = traces::settings(args.otlp.as_deref(), traces::environment)?;
    let _telemetry = telemetry::start(args.log, args.log_format, args.access_log);
    let webhooks = config.settings.notify.as_ref();
    let home = args.config.parent().unwrap_or(Path::new(""));
    let webhooks = webhooks.map(|notices| Webhooks::start(notices, home));
    let webhooks = webhooks.transpose()?;
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

    // Whatever fails from here on leaves the process before as it was.
    let mut handed = match args.take_over {
        true => Handed::ask(&state.take_over_socket()).context("cannot take over")?,
        false => None,
    };
    let listener = admin::bind(&config.settings, handed.as_mut()).map_err(cannot_listen)?;
    let mut settled = config.clone();
    settled.table = control::settled(&config, &journal).map_err(journal_error)?;
    let banner = banner(&settled, &config);
    let proxy = match &mut handed {
        Some(handed) => Proxy::take_over(settled, handed),
        None => Proxy::bind(settled),
    };
    let proxy = proxy.map_err(cannot_listen)?;
    let lost = Arc::new(LostSpans::default());
    let told = Arc::clone(&lost) as Arc<dyn Lost>;
    let start = |settings| Traces::start(settings, Role::Proxy, &told);
    let traces = settings.map(start).transpose()?;
    if let Some(traces) = &traces {
        proxy.trace(Tracing::new(traces.tracer(), Arc::clone(&lost)));
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let running = proxy
        .start(args.workers.unwrap_or(cores))
        .context("cannot start")?;
    let declared = config.settings.clone();
    let control = Control::new(running.handle(), config, &args.config, text, journal);
    let control = match &webhooks {
        Some(webhooks) => control.telling(webhooks.notify()),
        None => control,
    };
    let address = listener.local_addr().context("cannot start")?;
    let address = admin::address(&declared, address).context("cannot start")?;
    let place = Place { state, address };
    place.mark()?;
    // The process before accepts nothing more before anything can be changed
    // here: a client whose side was changed does not meet it again.
    let before = handed.and_then(take);
    let admin = Admin::start(control, listener, token).context("cannot start")?;
    let taken = Arc::new(Notify::new());
    let offer = place.offer(&running, &admin, &taken);
    console.note(&listening(&running, &place, declared.tls.is_some(), before));
    console.note(&banner);

    let (told, result) = runtime.block_on(until_told(signals, running, &admin, &taken));
    drop(offer);
    // Otherwise it is the other process's.
    if told == End::Stopped {
        place.leave();
    }
    admin.stop();
    // Whoever is cut off does not keep the process.
    runtime.shutdown_background();
    // What failed is what somebody wants to see.
    if let Some(traces) = traces {
        traces.flush();
    }
    if let (Some(webhooks), Ok(())) = (webhooks, &result) {
        webhooks.flush();
    }
    result
}

/// Tells the process before that this one serves, and returns its id.
fn take(handed: Handed) -> Option<u32> {
    let process = handed.process();
    if let Err(error) = handed.serving() {
        tracing::warn!(%error, "the process before does not say that it ends");
    }
    process
}

/// Where the process is found: by the command line, and by the one that is to
/// take its place.
#[derive(Clone)]
struct Place {
    state: StateFolder,
    /// Of the admin interface.
    address: AdminAddress,
}

impl Place {
    fn mark(&self) -> Result<(), CommandError> {
        self.state.set_address(&self.address).map_err(folder)
    }

    fn leave(&self) {
        self.state.remove_address(&self.address);
    }

    /// Offers all listeners; `taken` is notified once another process has them.
    /// Where nothing can be offered, such as on a file system without sockets,
    /// it serves all the same.
    fn offer(&self, running: &Running, admin: &Admin, taken: &Arc<Notify>) -> Option<Offer> {
        let (done, place, admin_too) = (Arc::clone(taken), self.clone(), admin.taking_over());
        let told = move |step| {
            admin_too(step);
            match step {
                TakeOver::Begun => tracing::info!("another process is about to take over"),
                // It may have said that it is here.
                TakeOver::Failed => drop(place.mark()),
                TakeOver::Done => done.notify_one(),
            }
        };
        let socket = self.state.take_over_socket();
        let offer = admin
            .listener()
            .and_then(|listener| running.offer(&socket, Some(listener), told));
        offer
            .inspect_err(|error| tracing::warn!(%error, "no other process can take over"))
            .ok()
    }
}

/// Why a proxy ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Stopped,
    HandedOver,
}

/// Serves until told to stop, or until another process does it, and then until
/// nothing is in flight.
async fn until_told(
    mut signals: Signals,
    running: Running,
    admin: &Admin,
    taken: &Notify,
) -> (End, Result<(), CommandError>) {
    let end = loop {
        tokio::select! {
            told = signals.next() => match told {
                Told::Reload => reload(&running, admin),
                Told::Stop => break End::Stopped,
            },
            () = taken.notified() => break End::HandedOver,
        }
    };
    admin.draining();
    match end {
        End::Stopped => {
            tracing::info!("no more connections are accepted; requests in flight end")
        }
        End::HandedOver => {
            tracing::info!("another process has taken over; requests in flight end")
        }
    }
    let stopping = tokio::task::spawn_blocking(move || match end {
        End::Stopped => running.stop(),
        End::HandedOver => running.hand_over(),
    });
    let twice = async {
        if end == End::HandedOver {
            signals.stop().await;
            tracing::info!("it ends already; told once more, it ends at once");
        }
        signals.stop().await;
    };
    let result = tokio::select! {
        _ = stopping => Ok(()),
        () = twice => {
            let message = "told twice to stop: requests in flight were cut off";
            Err(CommandError::message(Kind::Internal, message))
        }
    };
    (end, result)
}

/// Reads the file and the certificates again. Whatever cannot be used leaves
/// what was in place, and is said in the log.
fn reload(running: &Running, admin: &Admin) {
    admin.reload();
    match running.reload_certificate() {
        Ok(true) => tracing::info!("the certificate of the listeners was read again"),
        Ok(false) => {}
        Err(error) => tracing::error!(%error, "the certificate of the listeners stays as it was"),
    }
}

fn listening(running: &Running, place: &Place, tls: bool, before: Option<u32>) -> String {
    let scheme = if tls { "https" } else { "http" };
    let addresses = running.addresses().iter();
    let addresses: Vec<_> = addresses.map(|to| format!("{scheme}://{to}")).collect();
    let (clients, admin) = (addresses.join(", "), &place.address.url);
    let token = place.state.token_file();
    let token = token.display();
    let text = format!("clients   {clients}\nadmin     {admin}, token in {token}\n");
    match before {
        Some(process) => format!("{text}replaces  process {process}\n"),
        None => text,
    }
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
        true => error.hint("another process is there already: --take-over takes the place of a proxy with this state folder; listen and admin in the file name other ports, port 0 any that is free"),
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
