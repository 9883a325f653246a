//! Errors as the user sees them: a kind, which gives the exit code, a message,
//! and a hint where there is a way out.

use std::fmt;
use std::io;
use std::process::ExitCode;

/// Whose fault an error is. The exit codes are documented in `cutline --help`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The system's, or ours.
    Internal = 1,
    /// The command line's.
    Usage = 2,
    /// The input's.
    #[cfg(feature = "analyzer")]
    Input = 3,
    /// That of `cutline.toml`, `routes.toml` or another file of the user's.
    Configuration = 4,
    /// Nobody's: the two sides do not answer alike, as far as can be told.
    #[cfg(feature = "proxy")]
    Apart = 5,
}

impl From<Kind> for ExitCode {
    fn from(kind: Kind) -> ExitCode {
        ExitCode::from(kind as u8)
    }
}

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct CommandError {
    pub(crate) kind: Kind,
    error: anyhow::Error,
    hint: Option<String>,
}

impl CommandError {
    pub(crate) fn new(kind: Kind, error: impl Into<anyhow::Error>) -> CommandError {
        CommandError {
            kind,
            error: error.into(),
            hint: None,
        }
    }

    pub(crate) fn message(kind: Kind, message: impl Into<String>) -> CommandError {
        CommandError::new(kind, anyhow::Error::msg(message.into()))
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> CommandError {
        self.hint = Some(hint.into());
        self
    }

    /// The message with its causes, without the hint.
    #[cfg(feature = "proxy")]
    pub(crate) fn told(&self) -> String {
        format!("{:#}", self.error)
    }

    /// Whether it only says that nobody reads our output any more.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        self.error.chain().any(|cause| {
            cause
                .downcast_ref::<io::Error>()
                .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
        })
    }
}

impl From<anyhow::Error> for CommandError {
    fn from(error: anyhow::Error) -> CommandError {
        CommandError::new(Kind::Internal, error)
    }
}

/// The message with its causes, then the hint, without a newline at the end.
impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.error)?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}
