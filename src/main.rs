//! The `cutline` command: arguments to one library call to text and exit code.

#![cfg_attr(
    not(any(feature = "analyzer", feature = "proxy", feature = "runtime")),
    allow(
        dead_code,
        unreachable_code,
        unused_variables,
        reason = "without any part there is no command that could be run"
    )
)]

#[cfg(feature = "proxy")]
mod again;
#[cfg(feature = "azure")]
mod azure;
#[cfg(feature = "runtime")]
mod certificate;
#[cfg(feature = "proxy")]
mod client;
mod commands;
#[cfg(feature = "analyzer")]
mod config;
mod console;
#[cfg(all(feature = "proxy", feature = "runtime"))]
mod dashboards;
#[cfg(all(feature = "demo", unix))]
mod demo;
mod doctor;
mod error;
#[cfg(any(feature = "proxy", feature = "runtime"))]
mod private;
#[cfg(any(feature = "analyzer", feature = "proxy", feature = "runtime"))]
mod problem;
#[cfg(all(feature = "analyzer", feature = "runtime"))]
mod scaffold;
#[cfg(any(feature = "proxy", feature = "runtime"))]
mod secrets;
#[cfg(feature = "proxy")]
mod sides;
#[cfg(any(feature = "proxy", feature = "runtime"))]
mod signals;
#[cfg(feature = "analyzer")]
mod steps;
#[cfg(any(feature = "proxy", feature = "runtime"))]
mod table;
#[cfg(any(feature = "proxy", feature = "runtime"))]
mod telemetry;
#[cfg(any(feature = "proxy", feature = "runtime"))]
mod traces;
#[cfg(any(feature = "proxy", feature = "runtime"))]
mod trust;
#[cfg(feature = "proxy")]
mod webhook;
#[cfg(any(feature = "proxy", feature = "runtime"))]
#[cfg_attr(
    not(feature = "proxy"),
    allow(dead_code, reason = "the proxy has more to say")
)]
mod words;

use std::process::ExitCode;

use clap::Parser;

use commands::Command;
use console::{Console, When};

/// A request of the proxy makes and frees small things; so does an analysis.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Takes an MLOps monolith apart, one stage at a time.
#[derive(Parser)]
#[command(name = "cutline", version, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    /// Colours what is printed: auto (on a terminal, unless NO_COLOR is set),
    /// always or never.
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t = When::Auto)]
    #[arg(hide_possible_values = true, display_order = 100)]
    color: When,
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  something failed that is not the input's fault, such as a folder that cannot be written
  2  the command line is wrong
  3  the input cannot be analysed: nothing is there, or no source in it can be read
  4  cutline.toml, routes.toml or another file that configures cutline is wrong
  5  not every replayed request got the same answer from both sides, or none was replayed";

fn main() -> ExitCode {
    let cli = Cli::parse();
    let console = Console::new(cli.color);
    match commands::run(cli.command, &console) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read our output has had enough.
        Err(error) if error.is_broken_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            console.error(&error);
            error.kind.into()
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
