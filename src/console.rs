//! The terminal: the only place that prints.

use std::io::{self, Write};

use anstream::{AutoStream, ColorChoice};
use anyhow::Context;
use clap::ValueEnum;
#[cfg(feature = "analyzer")]
use cutline_analyzer::report::Style;
#[cfg(feature = "analyzer")]
use indicatif::{ProgressBar, ProgressStyle};

use crate::error::CommandError;

/// When to colour.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum When {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// In any case.
    Always,
    /// Never.
    Never,
}

/// Standard output and standard error.
pub(crate) struct Console {
    choice: ColorChoice,
}

impl Console {
    pub(crate) fn new(when: When) -> Console {
        let choice = match when {
            When::Auto => ColorChoice::Auto,
            When::Always => ColorChoice::AlwaysAnsi,
            When::Never => ColorChoice::Never,
        };
        Console { choice }
    }

    /// Prints `text`; its colours only where they are wanted.
    pub(crate) fn print(&self, text: &str) -> Result<(), CommandError> {
        let mut stdout = AutoStream::new(io::stdout().lock(), self.choice);
        stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush())
            .context("cannot write to standard output")?;
        Ok(())
    }

    /// Says something beside what is printed.
    #[cfg(any(feature = "proxy", feature = "runtime"))]
    pub(crate) fn note(&self, text: &str) {
        let mut stderr = AutoStream::new(io::stderr().lock(), self.choice);
        // Nobody is left to be told when this fails.
        let _ = stderr.write_all(text.as_bytes());
    }

    /// How a report is laid out here: coloured, as wide as the terminal. The
    /// stream takes the colours out again where they are not wanted.
    #[cfg(feature = "analyzer")]
    pub(crate) fn style(&self) -> Style {
        Style {
            color: true,
            width: self.width(),
        }
    }

    /// How many characters a line may have: as wide as the terminal, within
    /// reason.
    #[cfg(any(feature = "analyzer", feature = "proxy"))]
    pub(crate) fn width(&self) -> usize {
        let width = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        width.unwrap_or(100).clamp(60, 140)
    }

    pub(crate) fn error(&self, error: &CommandError) {
        let mut stderr = AutoStream::new(io::stderr().lock(), self.choice);
        // Nobody is left to be told when this fails.
        let _ = writeln!(stderr, "\x1b[1;31merror:\x1b[0m {error}");
    }

    /// Says on a terminal that `what` goes on, until the bar is dropped.
    #[cfg(feature = "analyzer")]
    pub(crate) fn progress(&self, what: String) -> Progress {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
            bar.set_style(style);
        }
        bar.set_message(what);
        bar.enable_steady_tick(std::time::Duration::from_millis(120));
        Progress(bar)
    }
}

/// A line on a terminal's standard error that goes away when dropped; nothing
/// where standard error is no terminal.
#[cfg(feature = "analyzer")]
pub(crate) struct Progress(ProgressBar);

#[cfg(feature = "analyzer")]
impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
