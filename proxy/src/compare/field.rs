//! [`Field`]: what of an answer a difference is in.

use std::fmt;
use std::str::FromStr;

use http::HeaderName;
use serde::{Deserialize, Serialize};

use super::paths::Path;

/// What of an answer a difference is in, with places that say the same thing
/// of different items brought together.
///
/// Written `status`, `header:content-type`, `body` for the body as a whole, or
/// a JSON Pointer (RFC 6901) into it in which `*` stands for any index of an
/// array, and for any name of a member that is a number or a UUID.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Field {
    /// The status code.
    Status,
    /// A header.
    Header(Box<str>),
    /// A part of the body; empty for the whole of it.
    Body(Box<str>),
}

impl Field {
    /// The body as a whole.
    pub fn body() -> Field {
        Field::Body("".into())
    }

    /// A header.
    pub fn header(name: &HeaderName) -> Field {
        Field::Header(name.as_str().into())
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Field::Status => f.write_str("status"),
            Field::Header(name) => write!(f, "header:{name}"),
            Field::Body(pointer) if pointer.is_empty() => f.write_str("body"),
            Field::Body(pointer) => f.write_str(pointer),
        }
    }
}

impl From<Field> for String {
    fn from(field: Field) -> String {
        field.to_string()
    }
}

impl TryFrom<String> for Field {
    type Error = NoField;

    fn try_from(text: String) -> Result<Field, NoField> {
        text.parse()
    }
}

impl FromStr for Field {
    type Err = NoField;

    fn from_str(text: &str) -> Result<Field, NoField> {
        if let Some(name) = text.strip_prefix("header:") {
            let name: HeaderName = name.parse().map_err(|_| NoField(text.to_owned()))?;
            return Ok(Field::header(&name));
        }
        match text {
            "status" => Ok(Field::Status),
            "body" => Ok(Field::body()),
            _ if text.starts_with('/') && Path::parse(text).is_ok() => Ok(Field::Body(text.into())),
            _ => Err(NoField(text.to_owned())),
        }
    }
}

/// A text that names no field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no field: write /a/b, header:name, status or body")]
pub struct NoField(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_read_as_it_is_written() {
        for text in ["status", "header:etag", "body", "/a/*/b~1c", "/"] {
            let field: Field = text.parse().unwrap();
            assert_eq!(field.to_string(), text);
            let json = serde_json::to_string(&field).unwrap();
            assert_eq!(serde_json::from_str::<Field>(&json).unwrap(), field);
        }
        for text in ["", "score", "header:", "header:a b", "/a~2"] {
            assert!(text.parse::<Field>().is_err(), "{text}");
        }
    }
}
