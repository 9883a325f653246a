//! `cutline graph`

use clap::{Args, ValueEnum};
use cutline_analyzer::graph::pycg;
use cutline_analyzer::report;

use super::source::SourceArgs;
use crate::config::Config;
use crate::console::Console;
use crate::error::CommandError;

/// Prints the call graph.
#[derive(Args)]
pub(crate) struct GraphArgs {
    #[command(flatten)]
    source: SourceArgs,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = GraphFormat::Json)]
    format: GraphFormat,
}

/// Formats of the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum GraphFormat {
    /// For Graphviz.
    Dot,
    /// Functions, calls and flows.
    Json,
    /// For Mermaid.
    Mermaid,
    /// Calls by caller, as call graph benchmarks have it; libraries included.
    Pycg,
}

/// Analyses and prints the graph.
pub(crate) fn graph(args: &GraphArgs, console: &Console) -> Result<(), CommandError> {
    let config = Config::beside(&args.source.path)?;
    if args.format == GraphFormat::Pycg {
        let analysis = args.source.examine(&config, console)?;
        let edges = pycg::edges(&analysis.modules, &analysis.program, &analysis.call_graph);
        return console.print(&format!("{:#}\n", serde_json::json!(edges)));
    }
    let report = args.source.analyze(&config, console)?;
    console.print(&match args.format {
        GraphFormat::Dot => report::graph_dot(&report),
        GraphFormat::Mermaid => report::graph_mermaid(&report),
        GraphFormat::Json | GraphFormat::Pycg => report::graph_json(&report),
    })
}
