//! `cutline run`

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use cutline_runtime::host::{Http, Local, Settings};
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
    /// How much is logged on standard error.
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t = LogLevel::Info)]
    log: LogLevel,
}

/// How often an alias is looked at.
const REFRESH: Duration = Duration::from_millis(500);

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
    let local = Local::new(
        opened.pipeline,
        &args.only,
        opened.services,
        Settings::default(),
    );
    let Http { router, serving } = local
        .http()
        .map_err(|error| CommandError::new(Kind::Configuration, error))?;
    let listener = TcpListener::bind(listen).await;
    let listener = listener.with_context(|| format!("cannot listen on {listen}"))?;
    let address = listener.local_addr().context("cannot listen")?;
    for serving in &serving {
        if let Err(error) = serving.refresh().await {
            tracing::error!(error = error.whole(), "the version cannot be loaded");
        }
    }
    let running = local.start();
    console.note(&format!("functions run; clients: http://{address}\n"));
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let refreshing = tokio::spawn(refresh(serving, stopped.clone()));
    let mut ends = stopped;
    let answering = tokio::spawn(async move {
        let end = async move {
            // Whoever would say so is gone: it is over too.
            let _ = ends.wait_for(|stop| *stop).await;
        };
        axum::serve(listener, router)
            .with_graceful_shutdown(end)
            .await
    });
    signals.stop().await;
    let _ = stop.send(true);
    running.stop().await;
    let _ = refreshing.await;
    // Clients that keep their connections open do not keep it alive.
    let _ = tokio::time::timeout(Duration::from_secs(10), answering).await;
    drop(opened.folder);
    Ok(())
}

/// Follows aliases until it is over.
async fn refresh(
    serving: Vec<Arc<cutline_runtime::stages::Serving>>,
    mut stopped: tokio::sync::watch::Receiver<bool>,
) {
    loop {
        for serving in &serving {
            if let Err(error) = serving.refresh().await {
                tracing::error!(
                    error = error.whole(),
                    "the version cannot be loaded; the one before answers"
                );
            }
        }
        tokio::select! {
            () = tokio::time::sleep(REFRESH) => {}
            _ = stopped.changed() => return,
        }
    }
}
