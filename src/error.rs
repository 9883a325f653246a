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
        self.causes()
    }

    /// Each cause once: some repeat their own.
    fn causes(&self) -> String {
        let mut text = String::new();
        for cause in self.error.chain() {
            let cause = cause.to_string();
            if !text.contains(&cause) {
                let between = if text.is_empty() { "" } else { ": " };
                text = text + between + &cause;
            }
        }
        text
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
        f.write_str(&self.causes())?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_that_was_said_is_not_said_again() {
        let error = anyhow::anyhow!("403 Forbidden")
            .context("the blob cannot be read: 403 Forbidden")
            .context("the store cannot be used");
        let told = CommandError::new(Kind::Internal, error).hint("look at it");
        assert_eq!(
            told.to_string(),
            "the store cannot be used: the blob cannot be read: 403 Forbidden\nhint: look at it"
        );
    }
}
