//! One file per subcommand: its arguments, their help, and what it does.

#[cfg(feature = "analyzer")]
mod analyze;
#[cfg(feature = "runtime")]
mod backup;
mod completions;
#[cfg(all(feature = "demo", unix))]
mod demo;
#[cfg(feature = "proxy")]
mod diff;
mod doctor;
#[cfg(feature = "analyzer")]
mod explain;
#[cfg(feature = "runtime")]
mod functions;
#[cfg(feature = "analyzer")]
mod graph;
#[cfg(feature = "runtime")]
mod handler;
#[cfg(feature = "runtime")]
mod handover;
#[cfg(feature = "runtime")]
mod import_model;
#[cfg(feature = "analyzer")]
mod init;
#[cfg(feature = "runtime")]
mod lineage;
#[cfg(feature = "runtime")]
mod manifest;
#[cfg(feature = "proxy")]
mod mode;
#[cfg(feature = "proxy")]
mod r#override;
#[cfg(feature = "runtime")]
pub(crate) mod pipeline;
#[cfg(feature = "proxy")]
mod proxy;
#[cfg(feature = "runtime")]
mod queue;
#[cfg(feature = "runtime")]
mod registry;
#[cfg(feature = "proxy")]
mod replay;
#[cfg(feature = "proxy")]
mod rollout;
#[cfg(feature = "proxy")]
pub(crate) mod routes;
#[cfg(feature = "runtime")]
mod run;
#[cfg(all(feature = "analyzer", feature = "runtime"))]
mod scaffold;
#[cfg(feature = "proxy")]
mod shift;
#[cfg(feature = "analyzer")]
mod source;
#[cfg(feature = "proxy")]
mod status;
#[cfg(all(feature = "proxy", feature = "runtime"))]
mod telemetry;

#[cfg(all(feature = "demo", unix))]
pub(crate) use status::{evidence, share};

use clap::Subcommand;

use crate::console::Console;
use crate::error::CommandError;

/// The subcommands, in the order in which they are used.
#[derive(Subcommand)]
pub(crate) enum Command {
    #[cfg(all(feature = "demo", unix))]
    Demo(demo::DemoArgs),
    #[cfg(feature = "analyzer")]
    Analyze(analyze::AnalyzeArgs),
    #[cfg(feature = "analyzer")]
    Init(init::InitArgs),
    #[cfg(feature = "analyzer")]
    Graph(graph::GraphArgs),
    #[cfg(feature = "analyzer")]
    Explain(explain::ExplainArgs),
    #[cfg(feature = "proxy")]
    Proxy(proxy::ProxyArgs),
    #[cfg(feature = "proxy")]
    Status(status::StatusArgs),
    #[cfg(feature = "proxy")]
    Shift(shift::ShiftArgs),
    #[cfg(feature = "proxy")]
    Mode(mode::ModeArgs),
    #[cfg(feature = "proxy")]
    Rollout(rollout::RolloutArgs),
    #[cfg(feature = "proxy")]
    Diff(diff::DiffArgs),
    #[cfg(feature = "proxy")]
    Replay(replay::ReplayArgs),
    #[cfg(feature = "proxy")]
    Override(r#override::OverrideArgs),
    #[cfg(feature = "runtime")]
    Functions(functions::FunctionsArgs),
    #[cfg(feature = "runtime")]
    Run(run::RunArgs),
    #[cfg(feature = "runtime")]
    Manifest(manifest::ManifestArgs),
    #[cfg(all(feature = "analyzer", feature = "runtime"))]
    Scaffold(scaffold::ScaffoldArgs),
    #[cfg(feature = "runtime")]
    Handler(handler::HandlerArgs),
    #[cfg(feature = "runtime")]
    Handover(handover::HandoverArgs),
    #[cfg(feature = "runtime")]
    Queue(queue::QueueArgs),
    #[cfg(feature = "runtime")]
    Registry(registry::RegistryArgs),
    #[cfg(feature = "runtime")]
    Lineage(lineage::LineageArgs),
    #[cfg(feature = "runtime")]
    Backup(backup::BackupArgs),
    #[cfg(feature = "runtime")]
    ImportModel(import_model::ImportModelArgs),
    #[cfg(all(feature = "proxy", feature = "runtime"))]
    Telemetry(telemetry::TelemetryArgs),
    Doctor(doctor::DoctorArgs),
    Completions(completions::CompletionsArgs),
    Man(completions::ManArgs),
}

/// Runs one command.
pub(crate) fn run(command: Command, console: &Console) -> Result<(), CommandError> {
    match command {
        #[cfg(all(feature = "demo", unix))]
        Command::Demo(args) => demo::demo(&args, console),
        #[cfg(feature = "analyzer")]
        Command::Analyze(args) => analyze::analyze(&args, console),
        #[cfg(feature = "analyzer")]
        Command::Init(args) => init::init(&args, console),
        #[cfg(feature = "analyzer")]
        Command::Graph(args) => graph::graph(&args, console),
        #[cfg(feature = "analyzer")]
        Command::Explain(args) => explain::explain(&args, console),
        #[cfg(feature = "proxy")]
        Command::Proxy(args) => proxy::proxy(&args, console),
        #[cfg(feature = "proxy")]
        Command::Status(args) => status::status(&args, console),
        #[cfg(feature = "proxy")]
        Command::Shift(args) => shift::shift(&args, console),
        #[cfg(feature = "proxy")]
        Command::Mode(args) => mode::mode(&args, console),
        #[cfg(feature = "proxy")]
        Command::Rollout(args) => rollout::rollout(&args, console),
        #[cfg(feature = "proxy")]
        Command::Diff(args) => diff::diff(&args, console),
        #[cfg(feature = "proxy")]
        Command::Replay(args) => replay::replay(&args, console),
        #[cfg(feature = "proxy")]
        Command::Override(args) => r#override::override_(&args, console),
        #[cfg(feature = "runtime")]
        Command::Functions(args) => functions::functions(&args, console),
        #[cfg(feature = "runtime")]
        Command::Run(args) => run::run(&args, console),
        #[cfg(feature = "runtime")]
        Command::Manifest(args) => manifest::manifest(&args, console),
        #[cfg(all(feature = "analyzer", feature = "runtime"))]
        Command::Scaffold(args) => scaffold::scaffold(&args, console),
        #[cfg(feature = "runtime")]
        Command::Handler(args) => handler::handler(&args, console),
        #[cfg(feature = "runtime")]
        Command::Handover(args) => handover::handover(&args, console),
        #[cfg(feature = "runtime")]
        Command::Queue(args) => queue::queue(&args, console),
        #[cfg(feature = "runtime")]
        Command::Registry(args) => registry::registry(&args, console),
        #[cfg(feature = "runtime")]
        Command::Lineage(args) => lineage::lineage(&args, console),
        #[cfg(feature = "runtime")]
        Command::Backup(args) => backup::backup(&args, console),
        #[cfg(feature = "runtime")]
        Command::ImportModel(args) => import_model::import_model(&args, console),
        #[cfg(all(feature = "proxy", feature = "runtime"))]
        Command::Telemetry(args) => telemetry::telemetry(&args, console),
        Command::Doctor(args) => doctor::doctor(&args, console),
        Command::Completions(args) => completions::completions(&args, console),
        Command::Man(args) => completions::man(&args, console),
    }
}
