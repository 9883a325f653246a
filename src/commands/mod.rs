//! One file per subcommand: its arguments, their help, and what it does.

#[cfg(feature = "analyzer")]
mod analyze;
#[cfg(feature = "analyzer")]
mod explain;
#[cfg(feature = "analyzer")]
mod graph;
#[cfg(feature = "analyzer")]
mod source;

use clap::Subcommand;

use crate::console::Console;
use crate::error::CommandError;

/// The subcommands, in the order in which they are used.
#[derive(Subcommand)]
pub(crate) enum Command {
    #[cfg(feature = "analyzer")]
    Analyze(analyze::AnalyzeArgs),
    #[cfg(feature = "analyzer")]
    Graph(graph::GraphArgs),
    #[cfg(feature = "analyzer")]
    Explain(explain::ExplainArgs),
}

/// Runs one command.
pub(crate) fn run(command: Command, console: &Console) -> Result<(), CommandError> {
    match command {
        #[cfg(feature = "analyzer")]
        Command::Analyze(args) => analyze::analyze(&args, console),
        #[cfg(feature = "analyzer")]
        Command::Graph(args) => graph::graph(&args, console),
        #[cfg(feature = "analyzer")]
        Command::Explain(args) => explain::explain(&args, console),
    }
}
