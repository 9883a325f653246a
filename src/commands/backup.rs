//! `cutline backup`

use std::path::PathBuf;

use clap::Args;
use cutline_runtime::host::Opened;

use super::pipeline::{PipelineArgs, block_on};
use crate::console::Console;
use crate::error::{CommandError, Kind};

/// Copies the data folder of a pipeline: consistent, whole or not at all.
///
/// The copy is a data folder with the same key: to restore it, put it in the
/// place of the old one. No `cutline run` may use the folder meanwhile.
#[derive(Args)]
pub(crate) struct BackupArgs {
    #[command(flatten)]
    pipeline: PipelineArgs,
    /// The copy; nothing may be there yet.
    target: PathBuf,
}

/// Copies, and says how much that was.
pub(crate) fn backup(args: &BackupArgs, console: &Console) -> Result<(), CommandError> {
    let copied = block_on(async {
        let Opened { folder, .. } = args.pipeline.open()?;
        let copied = folder.back_up(&args.target).await;
        copied.map_err(|error| CommandError::new(Kind::Internal, error))
    })??;
    console.print(&format!(
        "{}: {} files, {} bytes\n",
        args.target.display(),
        copied.files,
        copied.bytes
    ))
}
