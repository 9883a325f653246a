//! [`Message`]: what stages tell each other.

use bytes::Bytes;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::{MOST_BYTES, TraceContext};
use crate::store::artifact::ArtifactId;
use crate::store::clock::Timestamp;

/// A message: JSON that names artifacts, and never carries data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// Which version of this document it is.
    cutline: u32,
    /// The invocation it asks for: the same one however often it is delivered.
    pub id: String,
    /// What the invocation works on, by the names of the bindings.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub artifacts: IndexMap<String, ArtifactId>,
    /// What is said about it beside, such as the name of a file that arrived.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub values: IndexMap<String, String>,
    /// The function after which nothing follows, if it is asked to end there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// The trace it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<TraceContext>,
    /// How it went before, the last five times.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<Failure>,
}

/// A try that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// Which try, from 1.
    pub try_number: u32,
    /// When it failed.
    pub at: Timestamp,
    /// Why: the beginning, of a long text.
    pub error: String,
}

/// Why a text is none of our messages, or a message cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// It is no JSON, or not of this shape.
    #[error("it is no message of cutline: {begins:?}")]
    Foreign {
        /// How it begins.
        begins: String,
        /// Why.
        source: serde_json::Error,
    },
    /// Of a later version.
    #[error("it is of version {version}, and this cutline knows {VERSION}: update it")]
    Version {
        /// Its version.
        version: u32,
    },
    /// It names so much that there is no room to note failures.
    #[error(
        "the message {id} has {bytes} bytes, more than {MOST}: put the data into an artifact and send its name"
    )]
    TooLong {
        /// Its id.
        id: String,
        /// Its length.
        bytes: usize,
    },
}

const VERSION: u32 = 1;

/// Failures that are kept.
const MOST_FAILURES: usize = 5;
/// The most that an error takes, as JSON.
const MOST_ERROR: usize = 1_024;
/// The most that a message takes beside its failures.
const MOST: usize = MOST_BYTES - MOST_FAILURES * (MOST_ERROR + 128);

impl Message {
    /// Asks for the invocation `id`.
    pub fn new(id: impl Into<String>) -> Message {
        Message {
            cutline: VERSION,
            id: id.into(),
            artifacts: IndexMap::new(),
            values: IndexMap::new(),
            until: None,
            traceparent: None,
            failures: Vec::new(),
        }
    }

    /// As it is sent.
    pub fn to_body(&self) -> Result<Bytes, MessageError> {
        let write = |message: &Message| {
            let written = serde_json::to_vec(message);
            written.map_err(|source| MessageError::Foreign {
                begins: message.id.chars().take(60).collect(),
                source,
            })
        };
        let bytes = match self.failures.is_empty() {
            true => write(self)?.len(),
            false => write(&self.unfailed())?.len(),
        };
        match bytes > MOST {
            false => write(self).map(Bytes::from),
            true => Err(MessageError::TooLong {
                id: self.id.clone(),
                bytes,
            }),
        }
    }

    /// As it was received.
    pub fn from_body(body: &[u8]) -> Result<Message, MessageError> {
        let parsed = serde_json::from_slice::<Message>(body);
        let message = parsed.map_err(|source| {
            let text = String::from_utf8_lossy(body);
            let begins = text.chars().take(60).collect();
            MessageError::Foreign { begins, source }
        })?;
        match message.cutline {
            VERSION => Ok(message),
            version => Err(MessageError::Version { version }),
        }
    }

    /// As if it had never failed.
    pub fn unfailed(&self) -> Message {
        Message {
            failures: Vec::new(),
            ..self.clone()
        }
    }

    /// With one more failure; the oldest give way.
    pub fn failed(&self, try_number: u32, at: Timestamp, error: &str) -> Message {
        let mut message = self.clone();
        let error = fitting(error);
        message.failures.push(Failure {
            try_number,
            at,
            error,
        });
        let n_over = message.failures.len().saturating_sub(MOST_FAILURES);
        message.failures.drain(..n_over);
        message
    }
}

/// As much of the text as there is room for when it is JSON.
fn fitting(text: &str) -> String {
    let mut room = MOST_ERROR - "…".len();
    for (at, char) in text.char_indices() {
        let taken = match char {
            '"' | '\\' => 2,
            char if char.is_control() => 6,
            char => char.len_utf8(),
        };
        if taken > room {
            return format!("{}…", &text[..at]);
        }
        room -= taken;
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message() -> Message {
        let mut message = Message::new("run-1");
        let id = ArtifactId::of(b"abc");
        message.artifacts.insert("customers".to_owned(), id);
        message.traceparent = TraceContext::new(1, 2, true);
        message
    }

    #[test]
    fn it_is_json_that_people_can_read() {
        let body = message().to_body().unwrap();
        let text = std::str::from_utf8(&body).unwrap();
        assert_eq!(
            text,
            "{\"cutline\":1,\"id\":\"run-1\",\"artifacts\":{\"customers\":\
             \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"},\
             \"traceparent\":\"00-00000000000000000000000000000001-0000000000000002-01\"}"
        );
        assert_eq!(Message::from_body(&body).unwrap(), message());
    }

    #[test]
    fn what_is_not_ours_is_said_to_be() {
        for body in [
            "",
            "hello",
            "[1]",
            "{\"id\":\"x\"}",
            "{\"cutline\":1,\"id\":\"x\",\"y\":1}",
        ] {
            let error = Message::from_body(body.as_bytes()).unwrap_err().to_string();
            assert!(error.contains("no message of cutline"), "{error}");
        }
        let error = Message::from_body(b"{\"cutline\":2,\"id\":\"x\"}")
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "it is of version 2, and this cutline knows 1: update it"
        );
    }

    #[test]
    fn data_is_refused_and_failures_always_fit() {
        let mut message = message();
        message.values.insert("rows".to_owned(), "x".repeat(MOST));
        let error = message.to_body().unwrap_err().to_string();
        assert!(error.contains("put the data into an artifact"), "{error}");
        let room = MOST
            - Message {
                values: IndexMap::new(),
                ..message.clone()
            }
            .to_body()
            .unwrap()
            .len();
        message
            .values
            .insert("rows".to_owned(), "x".repeat(room - 22));
        let now = Timestamp::from_millis(0);
        for try_number in 1..20 {
            message = message.failed(try_number, now, &"\u{1}\"ü".repeat(1_000));
        }
        assert_eq!(message.failures[0].try_number, 15);
        assert!(message.to_body().unwrap().len() <= MOST_BYTES);
        assert!(message.unfailed().failures.is_empty());
    }

    proptest! {
        #[test]
        fn an_error_fits_whatever_is_in_it(error in any::<String>(), times in 1..200_usize) {
            let error = error.repeat(times);
            let fitting = fitting(&error);
            prop_assert!(serde_json::to_string(&fitting).unwrap().len() <= MOST_ERROR + 2);
            prop_assert!(error.starts_with(fitting.trim_end_matches('…')));
        }

        #[test]
        fn no_body_is_too_odd(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Message::from_body(&body);
        }
    }
}
