//! `cutline graph`

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use cutline_analyzer::report::GraphFormat;

use super::source::SourceArgs;
use crate::config::Config;
use crate::console::Console;
use crate::error::CommandError;

/// Prints the call graph.
#[derive(Args)]
pub(crate) struct GraphArgs {
    #[command(flatten)]
    source: SourceArgs,
    /// How to print it; `pycg` is the form of the call graph benchmarks.
    #[arg(long, default_value = "json", value_parser = format_parser())]
    format: GraphFormat,
}

fn format_parser() -> impl TypedValueParser<Value = GraphFormat> {
    let names = GraphFormat::ALL.iter().map(|format| format.name());
    PossibleValuesParser::new(names).try_map(|name| {
        let mut all = GraphFormat::ALL.iter().copied();
        all.find(|format| format.name() == name)
            .ok_or("no such format")
    })
}

/// Analyses and prints the graph.
pub(crate) fn graph(args: &GraphArgs, console: &Console) -> Result<(), CommandError> {
    let config = Config::beside(&args.source.path)?;
    let report = args.source.analyze(&config, console)?;
    console.print(&args.format.render(&report))
}
