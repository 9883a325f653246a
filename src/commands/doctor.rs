//! `cutline doctor`

use std::path::{Path, PathBuf};

use clap::Args;

use crate::console::Console;
use crate::doctor::{self, Asked, Named};
use crate::error::{CommandError, Kind};

/// Says what is missing on this machine or cannot be reached, and how to mend
/// it.
///
/// Looks at routes.toml and functions.toml, at the addresses that they name, at
/// the data folder, and at the Python that import-model would use. Changes
/// nothing. Exit code 1: something is wrong, or is not there although it was
/// named.
#[derive(Args)]
pub(crate) struct DoctorArgs {
    /// The proxy's file [default: routes.toml, or else cutline/routes.toml].
    #[arg(long, value_name = "FILE")]
    routes: Option<PathBuf>,
    /// The functions [default: functions.toml, or else cutline/functions.toml].
    #[arg(long, value_name = "FILE")]
    functions: Option<PathBuf>,
    /// The monolith's Python [default: python3].
    #[arg(long, value_name = "PROGRAM")]
    python: Option<PathBuf>,
}

/// Looks at everything, and prints a line for each.
pub(crate) fn doctor(args: &DoctorArgs, console: &Console) -> Result<(), CommandError> {
    let here = Path::new("");
    let found = doctor::look(&Asked {
        routes: &file(args.routes.as_deref(), "routes.toml", here),
        functions: &file(args.functions.as_deref(), "functions.toml", here),
        python: args.python.as_deref().unwrap_or(Path::new("python3")),
        named: Named {
            routes: args.routes.is_some(),
            functions: args.functions.is_some(),
            python: args.python.is_some(),
        },
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

/// The file that is named, or that is in `folder`, or where `cutline init`
/// writes it.
fn file(named: Option<&Path>, name: &str, folder: &Path) -> PathBuf {
    match named {
        Some(named) => named.to_owned(),
        None => {
            let (here, below) = (folder.join(name), folder.join("cutline").join(name));
            match !here.exists() && below.exists() {
                true => below,
                false => here,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_init_writes_is_found_from_the_root() {
        let folder = tempfile::tempdir().expect("a folder");
        let found = || file(None, "routes.toml", folder.path());
        let (here, below) = (
            folder.path().join("routes.toml"),
            folder.path().join("cutline/routes.toml"),
        );
        assert_eq!(found(), here);
        std::fs::create_dir(folder.path().join("cutline")).expect("a folder");
        std::fs::write(&below, "").expect("a file");
        assert_eq!(found(), below);
        std::fs::write(&here, "").expect("a file");
        assert_eq!(found(), here);
        let named = Path::new("other.toml");
        assert_eq!(file(Some(named), "routes.toml", folder.path()), named);
    }
}
