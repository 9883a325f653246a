//! JSON in and out: read as Python writes it, written without NaN.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::predictor::{Refusal, Refused};

/// Reads a body. Python's `json` writes NaN for a missing number: it reads as
/// null.
pub(super) fn read(body: &[u8]) -> Result<Value, Refusal> {
    let first = match serde_json::from_slice(body) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let patched = without_nan(body).map(|body| serde_json::from_slice(&body));
    match patched {
        Some(Ok(value)) => Ok(value),
        Some(Err(_)) | None => {
            let message = format!("the body does not read as JSON: {first}");
            Err(Refusal::new(Refused::BadRequest, message))
        }
    }
}

/// The body with null for every NaN outside of texts; `None` without any.
fn without_nan(body: &[u8]) -> Option<Vec<u8>> {
    let mut patched = Vec::with_capacity(body.len() + 16);
    let (mut in_text, mut escaped, mut found) = (false, false, false);
    let mut rest = body;
    while let Some((byte, after)) = rest.split_first() {
        if !in_text && rest.starts_with(b"NaN") {
            patched.extend_from_slice(b"null");
            rest = &rest[3..];
            found = true;
            continue;
        }
        in_text ^= *byte == b'"' && !escaped;
        escaped = in_text && *byte == b'\\' && !escaped;
        patched.push(*byte);
        rest = after;
    }
    found.then_some(patched)
}

/// A list of numbers; JSON has no NaN and no infinity, so they are null.
pub(super) fn numbers(numbers: &[f64]) -> Value {
    Value::Array(numbers.iter().map(|number| Value::from(*number)).collect())
}

/// An answer.
pub(super) fn response(status: StatusCode, body: &Value) -> Response {
    let json = HeaderValue::from_static("application/json");
    (status, [(header::CONTENT_TYPE, json)], body.to_string()).into_response()
}

/// The media type of a request, in lower case and without parameters.
pub(super) fn media_type(headers: &HeaderMap) -> String {
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let value = value
        .and_then(|value| value.split(';').next())
        .unwrap_or_default();
    value.trim().to_ascii_lowercase()
}

/// Which type a value has, for errors.
pub(super) fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nan_reads_as_null_and_stays_in_texts() {
        let read = read(br#"{"a": [NaN, 1], "b": "NaN \" NaN \\", "c": NaN}"#).unwrap();
        assert_eq!(
            read,
            json!({"a": [null, 1], "b": "NaN \" NaN \\", "c": null})
        );
        assert!(super::read(b"{NaN").is_err());
        assert!(super::read(br#"{"a": Infinity}"#).is_err());
    }

    #[test]
    fn nan_is_never_written() {
        assert_eq!(
            numbers(&[0.1, f64::NAN, f64::INFINITY]).to_string(),
            "[0.1,null,null]"
        );
    }

    #[test]
    fn numbers_are_read_as_python_reads_them() {
        let read = read(b"[5.0e-324, 0.1, 123456789.12345678]").unwrap();
        assert_eq!(read, json!([5e-324, 0.1, 123_456_789.123_456_78]));
    }
}
