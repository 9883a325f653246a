//! Ctrl-C: whoever waits ends, and what was started is ended on the way out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::Context;

use crate::error::{CommandError, Kind};
use crate::signals::Signals;

/// Whether somebody has had enough.
#[derive(Clone)]
pub(super) struct Stop {
    told: Arc<AtomicBool>,
}

impl Stop {
    /// Listens for SIGINT and SIGTERM from now on.
    pub(super) fn listen() -> Result<Stop, CommandError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot listen for signals")?;
        let signals = runtime.block_on(async { Signals::new() });
        let mut signals = signals.context("cannot listen for signals")?;
        let told = Arc::new(AtomicBool::new(false));
        let tell = told.clone();
        thread::spawn(move || {
            runtime.block_on(signals.stop());
            tell.store(true, Ordering::Relaxed);
        });
        Ok(Stop { told })
    }

    /// # Errors
    /// Once it is told to stop.
    pub(super) fn check(&self) -> Result<(), CommandError> {
        match self.told.load(Ordering::Relaxed) {
            false => Ok(()),
            true => Err(CommandError::message(
                Kind::Internal,
                "stopped: everything that was started is ended now",
            )),
        }
    }
}
