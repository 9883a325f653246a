//! `cutline doctor`

use std::path::PathBuf;

use clap::Args;

use crate::console::Console;
use crate::doctor::{self, Asked};
use crate::error::{CommandError, Kind};

/// Says what is missing on this machine or cannot be reached, and how to mend
/// it.
///
/// Looks at routes.toml and functions.toml, at the addresses that they name, at
/// the data folder, and at the Python that import-model would use. Changes
/// nothing. Exit code 1: something is wrong.
#[derive(Args)]
pub(crate) struct DoctorArgs {
    /// The proxy's file.
    #[arg(long, value_name = "FILE", default_value = "routes.toml")]
    routes: PathBuf,
    /// The functions.
    #[arg(long, value_name = "FILE", default_value = "functions.toml")]
    functions: PathBuf,
    /// The monolith's Python.
    #[arg(long, value_name = "PROGRAM", default_value = "python3")]
    python: PathBuf,
}

/// Looks at everything, and prints a line for each.
pub(crate) fn doctor(args: &DoctorArgs, console: &Console) -> Result<(), CommandError> {
    let found = doctor::look(&Asked {
        routes: &args.routes,
        functions: &args.functions,
        python: &args.python,
    });
    console.print(&doctor::shown(&found))?;
    match found.iter().filter(|finding| finding.is_wrong()).count() {
        0 => Ok(()),
        wrong => {
            let message = match wrong {
                1 => "one thing is wrong".to_owned(),
                wrong => format!("{wrong} things are wrong"),
            };
            Err(CommandError::message(Kind::Internal, message))
        }
    }
}
