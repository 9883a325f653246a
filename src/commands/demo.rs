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
/// functions run from a generated functions.toml, and what a person adds to it is
/// shown; its own model is imported. A candidate that rounds scores is caught;
/// the right one goes from the shadow to all requests, as the evidence says. The
/// other stages follow, each by three runs on both sides and a confirmation, and
/// their tables are handed over; at last the monolith is stopped, and all of its
/// routes still answer. Needs Python 3.11; without --python, what the service
/// needs is installed once into the cache folder. Ctrl-C ends everything that was
/// started.
#[derive(Args)]
pub(crate) struct DemoArgs {
    /// Fewer rows and fewer steps: two minutes instead of several.
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
