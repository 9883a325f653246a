//! `cutline run`

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use cutline_runtime::host::{Local, Render, Settings};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
use tokio::net::TcpListener;
use tokio::runtime::Builder;

use super::pipeline::PipelineArgs;
use crate::console::Console;
use crate::error::{CommandError, Kind};
use crate::signals::Signals;
use crate::telemetry::{self, LogLevel};

/// Runs the functions of a pipeline, and answers its HTTP clients.
///
/// SIGTERM and SIGINT end it once what is being done has ended; what is not done
/// yet stays in its queue.
#[derive(Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pipeline: PipelineArgs,
    /// Only this function; may be said several times.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// When the work of a process that died is taken up again; what still lives
    /// holds on to its work for as long as that takes.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = visibility)]
    visibility: Duration,
    /// How much is logged on standard error.
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t = LogLevel::Info)]
    log: LogLevel,
}

/// At least a second: work is held on to thrice within it.
fn visibility(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    match time < Duration::from_secs(1) {
        true => Err("a second is the shortest".to_owned()),
        false => Ok(time),
    }
}

/// Runs until a signal ends it.
pub(crate) fn run(args: &RunArgs, console: &Console) -> Result<(), CommandError> {
    let pipeline = args.pipeline.read()?;
    if let Some(unknown) = args
        .only
        .iter()
        .find(|name| pipeline.function(name).is_none())
    {
        let known: Vec<&str> = pipeline
            .functions
            .iter()
            .map(|function| &*function.name)
            .collect();
        let message = format!("there is no function {unknown}");
        let hint = format!("the file has {}", known.join(", "));
        return Err(CommandError::message(Kind::Usage, message).hint(hint));
    }
    let _telemetry = telemetry::start(args.log, false);
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start")?;
    runtime.block_on(serve(args, console))
}

async fn serve(args: &RunArgs, console: &Console) -> Result<(), CommandError> {
    let mut signals = Signals::new().context("cannot listen for signals")?;
    let opened = args.pipeline.open()?;
    let listen = opened.pipeline.listen;
    let listener = TcpListener::bind(listen).await;
    let listener = listener.with_context(|| format!("cannot listen on {listen}"))?;
    let address = listener.local_addr().context("cannot listen")?;
    let guard = args.pipeline.guard(&opened.pipeline)?;
    let mut local = Local::new(
        opened.pipeline,
        &args.only,
        opened.services,
        Settings {
            visibility: args.visibility,
            ..Settings::default()
        },
    )
    .in_folder(opened.folder)
    .with_metrics(figures()?);
    if let Some(guard) = guard {
        local = local.guarded(guard);
    }
    let answering = local
        .answering(listener)
        .map_err(|error| CommandError::new(Kind::Configuration, error))?;
    console.note(&format!("functions run; clients: http://{address}\n"));
    let ended = answering.until(signals.stop()).await;
    Ok(ended.context("clients cannot be answered")?)
}

/// Keeps this process's figures. Buckets of seconds, from a quick answer to a
/// long training.
fn figures() -> Result<Render, CommandError> {
    const SECONDS: [f64; 12] = [
        0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 30.0, 60.0, 300.0, 900.0, 3600.0,
    ];
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
        .and_then(PrometheusBuilder::install_recorder)
        .context("figures cannot be kept")?;
    Ok(Arc::new(move || recorder.render()))
}
