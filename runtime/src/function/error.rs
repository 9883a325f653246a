//! [`StageError`]: why an invocation came to nothing.

use std::error::Error;
use std::fmt;

/// Why an invocation came to nothing, and whether another try may help.
#[derive(Debug)]
pub struct StageError {
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
    /// The same invocation may succeed later.
    pub may_pass: bool,
    is_stopped: bool,
}

impl StageError {
    /// What is wrong with the data or the declaration: another try changes
    /// nothing, and the message goes to the poison queue at once.
    pub fn data(message: impl Into<String>) -> StageError {
        StageError {
            message: message.into(),
            source: None,
            may_pass: false,
            is_stopped: false,
        }
    }

    /// Likewise, because of `source`.
    pub fn of(
        message: impl Into<String>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> StageError {
        StageError {
            source: Some(source.into()),
            ..StageError::data(message)
        }
    }

    /// What may pass: a store that does not answer, a disk that is full.
    pub fn passing(
        message: impl Into<String>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> StageError {
        StageError {
            may_pass: true,
            ..StageError::of(message, source)
        }
    }

    /// It was [asked to stop](super::StageContext::stop), and did: nothing is
    /// wrong, and the message comes again as if it had not been received.
    #[must_use]
    pub fn stopped() -> StageError {
        StageError {
            may_pass: true,
            is_stopped: true,
            ..StageError::data("it was stopped before it was done")
        }
    }

    /// Whether it ended because it was asked to.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    /// The message and all causes, as one text; what a cause says that was said
    /// already is not said again.
    #[must_use]
    pub fn whole(&self) -> String {
        whole(self)
    }
}

/// An error and all its causes, as one text; what a cause says that was said
/// already is not said again.
pub(crate) fn whole(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.ends_with(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = error.source();
    }
    text
}

impl fmt::Display for StageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for StageError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let source = self.source.as_deref()?;
        Some(source)
    }
}
