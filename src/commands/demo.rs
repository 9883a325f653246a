//! `cutline demo`

use std::path::PathBuf;

use clap::Args;

use crate::console::Console;
use crate::demo;
use crate::error::CommandError;

/// Shows a migration on this machine, with a real monolith: a churn service of
/// Flask, pandas and scikit-learn that comes with cutline.
///
/// The service is started and trained, read, and put behind the proxy; its
/// functions run from a generated functions.toml, with its own model imported.
/// A candidate that rounds scores is caught; the right one is shifted from the
/// shadow to all requests, as the evidence says. Needs Python 3.11; without
/// --python, what the service needs is installed once into the cache folder.
/// Ctrl-C ends everything that was started.
#[derive(Args)]
pub(crate) struct DemoArgs {
    /// Fewer rows and fewer steps: a minute instead of several.
    #[arg(long)]
    fast: bool,
    /// A Python that has what the service needs (Flask, pandas, scikit-learn).
    #[arg(long, value_name = "PROGRAM")]
    python: Option<PathBuf>,
    /// Works in DIR and leaves everything there [default: a temporary folder].
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

/// Tells the story from its beginning to its end.
pub(crate) fn demo(args: &DemoArgs, console: &Console) -> Result<(), CommandError> {
    demo::tell(
        &demo::Options {
            fast: args.fast,
            python: args.python.clone(),
            keep: args.keep.clone(),
        },
        console,
    )
}
