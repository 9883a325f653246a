//! `cutline functions`

use clap::Args;

use super::pipeline::PipelineArgs;
use crate::console::Console;
use crate::error::CommandError;
use crate::table::table;

/// Shows the functions of a pipeline, or says what is wrong with the file.
#[derive(Args)]
pub(crate) struct FunctionsArgs {
    #[command(flatten)]
    pipeline: PipelineArgs,
    /// Prints a picture in Mermaid instead of the table.
    #[arg(long)]
    mermaid: bool,
}

/// Prints a row per function.
pub(crate) fn functions(args: &FunctionsArgs, console: &Console) -> Result<(), CommandError> {
    let pipeline = args.pipeline.read()?;
    if args.mermaid {
        return console.print(&pipeline.mermaid());
    }
    let rows: Vec<Vec<String>> = pipeline.rows().into_iter().map(Vec::from).collect();
    console.print(&table(
        &["FUNCTION", "STAGE", "TRIGGER", "READS", "MAKES"],
        &rows,
    ))
}
