//! `cutline backup`

use std::path::PathBuf;

use clap::Args;
use cutline_runtime::store::folder;

use super::pipeline::PipelineArgs;
use crate::console::Console;
use crate::error::{CommandError, Kind};

/// Copies the data folder of a pipeline: consistent, whole or not at all.
///
/// The copy is a data folder with the same key: to restore it, put it in the
/// place of the old one. `cutline run` may use the folder meanwhile.
#[derive(Args)]
pub(crate) struct BackupArgs {
    #[command(flatten)]
    pipeline: PipelineArgs,
    /// The copy; nothing may be there yet.
    target: PathBuf,
}

/// Copies, and says how much that was.
pub(crate) fn backup(args: &BackupArgs, console: &Console) -> Result<(), CommandError> {
    let source = args.pipeline.folder()?;
    let copied = folder::back_up(&source, &args.target);
    let copied = copied.map_err(|error| CommandError::new(Kind::Internal, error))?;
    console.print(&format!(
        "{}: {} files, {} bytes\n",
        args.target.display(),
        copied.files,
        copied.bytes
    ))
}
