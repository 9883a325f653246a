//! `cutline run`

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use cutline_runtime::host::{Early, Listening, Local, Render, Secured, Settings};
use cutline_runtime::{Pipeline, Tracing};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
use tokio::net::TcpListener;
use tokio::runtime::Builder;

use super::pipeline::PipelineArgs;
use crate::certificate::FacesTls;
use crate::console::Console;
use crate::error::{CommandError, Kind};
use crate::signals::{Signals, Told};
use crate::telemetry::{self, LogFormat, LogLevel};
use crate::traces::{self, Lost, Role, Traces};

/// Runs the functions of a pipeline, and answers its HTTP clients.
///
/// SIGTERM and SIGINT end it once what is being done has ended; what is not done
/// yet stays in its queue.
#[derive(Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    host: HostArgs,
}

/// How functions are hosted, whoever starts them.
#[derive(Args)]
pub(super) struct HostArgs {
    #[command(flatten)]
    pipeline: PipelineArgs,
    /// Only this function; may be said several times.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// When the work of a process that died is taken up again; what still lives
    /// holds on to its work for as long as that takes.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = visibility)]
    visibility: Duration,
    /// Sends spans of requests and invocations to this OpenTelemetry collector,
    /// over HTTP [default: where OTEL_EXPORTER_OTLP_ENDPOINT says, or nowhere].
    #[arg(long, value_name = "URL")]
    otlp: Option<String>,
    /// How much is logged on standard error.
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t = LogLevel::Info)]
    log: LogLevel,
    /// In which form.
    #[arg(long, value_enum, value_name = "FORM", default_value_t = LogFormat::Text)]
    log_format: LogFormat,
}

/// At least a second: work is held on to thrice within it.
fn visibility(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    match time < Duration::from_secs(1) {
        true => Err("a second is the shortest".to_owned()),
        false => Ok(time),
    }
}

/// What starts functions.
#[derive(Clone, Copy)]
pub(super) enum Trigger {
    /// Queues and time, looked at here; clients are answered where the file
    /// says.
    Own,
    /// A host that looks at them, and asks at this address.
    Host(SocketAddr),
}

/// Runs until a signal ends it.
pub(crate) fn run(args: &RunArgs, console: &Console) -> Result<(), CommandError> {
    host(&args.host, Trigger::Own, console)
}

/// That the file has all of these functions.
pub(super) fn known(pipeline: &Pipeline, only: &[String]) -> Result<(), CommandError> {
    let unknown = only.iter().find(|name| pipeline.function(name).is_none());
    let Some(unknown) = unknown else {
        return Ok(());
    };
    let functions = pipeline.functions.iter();
    let known: Vec<&str> = functions.map(|function| &*function.name).collect();
    let message = format!("there is no function {unknown}");
    let hint = format!("the file has {}", known.join(", "));
    Err(CommandError::message(Kind::Usage, message).hint(hint))
}

pub(super) fn host(
    args: &HostArgs,
    trigger: Trigger,
    console: &Console,
) -> Result<(), CommandError> {
    let pipeline = args.pipeline.read()?;
    known(&pipeline, &args.only)?;
    let settings = traces::settings(args.otlp.as_deref(), traces::environment)?;
    let _telemetry = telemetry::start(args.log, args.log_format, false);
    let lost: Arc<dyn Lost> = Arc::new(LostFigures);
    let start = |settings| Traces::start(settings, Role::Functions, &lost);
    let traces = settings.map(start).transpose()?;
    let tracing = traces
        .as_ref()
        .map_or_else(Tracing::default, |traces| Tracing::new(traces.tracer()));
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start")?;
    let result = runtime.block_on(serve(args, pipeline, trigger, tracing, console));
    // What failed is what somebody wants to see.
    if let Some(traces) = traces {
        traces.flush();
    }
    result
}

/// Spans that are lost are counted among the figures.
#[derive(Debug)]
struct LostFigures;

impl Lost for LostFigures {
    fn queue_full(&self) {
        Tracing::lost("queue", 1);
    }

    fn not_exported(&self, spans: usize) {
        Tracing::lost("export", spans);
    }
}

async fn serve(
    args: &HostArgs,
    pipeline: Pipeline,
    trigger: Trigger,
    tracing: Tracing,
    console: &Console,
) -> Result<(), CommandError> {
    let mut signals = Signals::new().context("cannot listen for signals")?;
    let bind = async |listen| {
        let listener = TcpListener::bind(listen).await;
        listener.with_context(|| format!("cannot listen on {listen}"))
    };
    let (opened, listener, address, tls) = match trigger {
        Trigger::Own => {
            let secrets = args.pipeline.secrets(&pipeline)?;
            let home = args.pipeline.home();
            let tls = FacesTls::read(pipeline.tls.clone(), home, secrets).await?;
            let opened = args.pipeline.open_of(pipeline).await?;
            let listener = bind(opened.pipeline.listen).await?;
            let address = listener.local_addr().context("cannot listen")?;
            (opened, listening(listener, tls.as_ref())?, address, tls)
        }
        // Its host waits for a sign of life, and no store is that quick; and
        // clients speak TLS with that.
        Trigger::Host(address) => {
            let opening = args.pipeline.open_of(pipeline);
            let (opened, listener) = Early::during(bind(address).await?, opening).await;
            let address = listener.address().context("cannot listen")?;
            (opened?, Listening::from(listener), address, None)
        }
    };
    let guard = match trigger {
        // Nobody asks it, and so nobody gave it the token.
        Trigger::Host(_) if !opened.pipeline.has_faces(&args.only) => None,
        Trigger::Own | Trigger::Host(_) => args.pipeline.guard(&opened.pipeline).await?,
    };
    let mut local = Local::new(
        opened.pipeline,
        &args.only,
        opened.services,
        Settings {
            visibility: args.visibility,
            tracing,
            ..Settings::default()
        },
    )
    .in_storage(opened.storage)
    .with_metrics(figures()?);
    if let Some(guard) = guard {
        local = local.guarded(guard);
    }
    let answering = match trigger {
        Trigger::Own => local.answering(listener),
        Trigger::Host(_) => local.handling(listener),
    };
    let answering = answering.map_err(|error| CommandError::new(Kind::Configuration, error))?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    console.note(&match trigger {
        Trigger::Own => format!("functions run; clients: {scheme}://{address}\n"),
        Trigger::Host(_) => format!("functions wait for their host: http://{address}\n"),
    });
    let ended = answering.until(stopped(&mut signals, tls.as_ref())).await;
    Ok(ended.context("clients cannot be answered")?)
}

fn listening(listener: TcpListener, tls: Option<&FacesTls>) -> Result<Listening, CommandError> {
    let Some(tls) = tls else {
        return Ok(Listening::from(listener));
    };
    let secured = Secured::over(listener, tls.certificate());
    Ok(Listening::from(secured.context("TLS cannot be spoken")?))
}

/// Until it is told to end.
async fn stopped(signals: &mut Signals, tls: Option<&FacesTls>) {
    while signals.next().await == Told::Reload {
        let Some(tls) = tls else { continue };
        // It may wait for a vault, and nothing waits for it.
        tokio::select! {
            () = tls.reload() => {}
            () = signals.stop() => return,
        }
    }
}

/// Keeps this process's figures. Buckets of seconds, from a quick answer to a
/// long training.
fn figures() -> Result<Render, CommandError> {
    const SECONDS: [f64; 14] = [
        0.0001, 0.0005, 0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 30.0, 60.0, 300.0, 900.0, 3600.0,
    ];
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
        .and_then(PrometheusBuilder::install_recorder)
        .context("figures cannot be kept")?;
    Ok(Arc::new(move || recorder.render()))
}
