//! `cutline handler`

use std::net::{Ipv4Addr, SocketAddr};

use clap::Args;

use super::run::{self, HostArgs, Trigger};
use crate::console::Console;
use crate::error::{CommandError, Kind};

/// Answers the host of Azure Functions, which starts it as its custom handler.
///
/// The host says with FUNCTIONS_CUSTOMHANDLER_PORT where. It receives messages
/// and keeps time; this invokes the functions, and answers their HTTP clients.
/// `cutline manifest` writes what the host reads.
#[derive(Args)]
pub(crate) struct HandlerArgs {
    #[command(flatten)]
    host: HostArgs,
}

const PORT: &str = "FUNCTIONS_CUSTOMHANDLER_PORT";

/// Answers until a signal ends it.
pub(crate) fn handler(args: &HandlerArgs, console: &Console) -> Result<(), CommandError> {
    let port = std::env::var(PORT).ok();
    let address = port.as_deref().and_then(|port| port.parse().ok());
    let Some(port) = address else {
        let message = match port {
            Some(port) => format!("{PORT}: {port:?} is no port"),
            None => format!("{PORT} is not set"),
        };
        return Err(CommandError::message(Kind::Usage, message)
            .hint("the host of Azure Functions sets it: `func start` beside what `cutline manifest` wrote; without it, `cutline run` does the same by itself"));
    };
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    run::host(&args.host, Trigger::Host(address), console)
}
