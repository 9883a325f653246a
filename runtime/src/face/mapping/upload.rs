//! [`UploadFace`]: a request's body, or the rows in it, as a file that
//! ingestion takes in. The message names the file and carries no data.
//!
//! ```toml
//! request = { body = "file", file = "customers" }    # the body as it is
//! request = { file = "customers", rows = "/rows" }   # rows of JSON, as NDJSON
//! ```
//!
//! Where `values` says it too, a request without rows names a file that is there
//! already.

use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use bytes::Bytes;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::super::predictor::{Refusal, Refused};
use super::error::MappingError;
use super::pointer::Pointer;
use super::written::{BodyKind, RequestWritten};

/// Formats that ingestion reads, by the body's media type.
const TYPES: [(&str, &str); 9] = [
    ("text/csv", "csv"),
    ("application/csv", "csv"),
    ("application/x-ndjson", "ndjson"),
    ("application/ndjson", "ndjson"),
    ("application/jsonl", "ndjson"),
    ("application/x-jsonlines", "ndjson"),
    ("application/vnd.apache.parquet", "parquet"),
    ("application/x-parquet", "parquet"),
    ("application/parquet", "parquet"),
];

/// How a request becomes a file.
#[derive(Clone, Debug)]
pub(super) struct UploadFace {
    /// The value of the message that names it.
    pub(super) value: String,
    rows: Option<Pointer>,
    /// The column with the time of the request.
    stamp: Option<String>,
}

/// A file that a request brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Where it belongs: the same content has the same path.
    pub path: String,
    /// What is in it.
    pub content: Bytes,
}

impl UploadFace {
    /// What a face declares, if it takes a file.
    pub(super) fn new(
        text: &str,
        written: &RequestWritten,
    ) -> Result<Option<UploadFace>, MappingError> {
        let problem = |key: &str, why: &str| Err(MappingError::key(text, key, why.to_owned()));
        let Some(value) = &written.file else {
            return match written.body {
                BodyKind::File => problem(
                    "request.body",
                    "say in request.file which value of the message names the file",
                ),
                _ => Ok(None),
            };
        };
        if value.is_empty() {
            return problem("request.file", "it names no value of the message");
        }
        let rows = match (written.body, written.rows.as_deref()) {
            (BodyKind::File, None) => None,
            (BodyKind::File, Some(_)) => {
                return problem("request.rows", "a body that is a file has no such place");
            }
            (BodyKind::Json, rows) => {
                let rows = rows.unwrap_or_default();
                match Pointer::parse(rows) {
                    Ok(pointer) if pointer.n_stars() == 0 => Some(pointer),
                    Ok(_) => {
                        return problem(
                            "request.rows",
                            "it points at the list itself, without `*`",
                        );
                    }
                    Err(error) => {
                        return problem("request.rows", &format!("{rows:?}: {error}"));
                    }
                }
            }
            (BodyKind::Form | BodyKind::None, _) => {
                return problem(
                    "request.file",
                    "only a body of JSON or \"file\" becomes a file",
                );
            }
        };
        if written.stamp.is_some() && rows.is_none() {
            return problem("request.stamp", "it is for rows of JSON");
        }
        Ok(Some(UploadFace {
            value: value.clone(),
            rows,
            stamp: written.stamp.clone(),
        }))
    }

    /// Whether the body is the file itself.
    pub(super) fn is_whole(&self) -> bool {
        self.rows.is_none()
    }

    /// Whether a request brings it: its body is the file, or has something where
    /// the rows are to be found.
    pub(super) fn is_in(&self, body: &Value) -> bool {
        let Some(rows) = &self.rows else {
            return true;
        };
        rows.all(body)
            .into_iter()
            .flatten()
            .any(|rows| !rows.is_null())
    }

    /// The file of a request, whose `body` was read where it is JSON.
    ///
    /// # Errors
    /// When there is nothing in it, or nothing that ingestion could read.
    pub(super) fn read(
        &self,
        headers: &HeaderMap,
        bytes: &[u8],
        body: &Value,
        now: &str,
    ) -> Result<Upload, Refusal> {
        let bad = |why: String| Refusal::new(Refused::BadRequest, why);
        let Some(rows) = &self.rows else {
            let given = headers
                .get(CONTENT_TYPE)
                .and_then(|given| given.to_str().ok());
            let given = given.unwrap_or_default();
            let bare = given.split(';').next().unwrap_or_default().trim();
            let known = TYPES
                .iter()
                .find(|(known, _)| known.eq_ignore_ascii_case(bare));
            let Some((_, ending)) = known else {
                return Err(bad(format!(
                    "the body's type is {given:?}: text/csv, application/x-ndjson and \
                     application/vnd.apache.parquet are taken"
                )));
            };
            if bytes.is_empty() {
                return Err(bad("the body is empty".to_owned()));
            }
            return Ok(Upload::of(Bytes::copy_from_slice(bytes), ending));
        };
        let found = rows.all(body).into_iter().next().flatten();
        let list = match found {
            Some(Value::Array(list)) if !list.is_empty() => list,
            Some(Value::Array(_)) => return Err(bad("there are no rows".to_owned())),
            _ => {
                return Err(bad(
                    "there is no list of rows where it is to be found".to_owned()
                ));
            }
        };
        let mut lines = String::new();
        for (number, row) in list.iter().enumerate() {
            let Some(row) = row.as_object() else {
                return Err(Refusal::row(number, "it is no object"));
            };
            let mut row = row.clone();
            let stamp = self.stamp.iter();
            row.extend(stamp.map(|column| (column.clone(), now.into())));
            lines.push_str(&Value::Object(row).to_string());
            lines.push('\n');
        }
        Ok(Upload::of(lines.into(), "ndjson"))
    }
}

impl Upload {
    fn of(content: Bytes, ending: &str) -> Upload {
        let name = hex::encode(Sha256::digest(&content));
        Upload {
            path: format!("http/{name}.{ending}"),
            content,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use serde_json::json;

    fn face(toml: &str) -> Result<Option<UploadFace>, String> {
        let written: RequestWritten = toml::from_str(toml).expect("it is a request");
        UploadFace::new("POST /ingest", &written).map_err(|error| error.to_string())
    }

    fn read(toml: &str, kind: &'static str, bytes: &str) -> Result<(String, String), String> {
        let face = face(toml).expect("it is right").expect("it takes a file");
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(kind))]);
        let body = serde_json::from_str(bytes).unwrap_or(json!({}));
        let upload = face.read(&headers, bytes.as_bytes(), &body, "now");
        let upload = upload.map_err(|refusal| refusal.to_string())?;
        let content = String::from_utf8_lossy(&upload.content).into_owned();
        Ok((upload.path, content))
    }

    const WHOLE: &str = "body = 'file'\nfile = 'customers'";
    const ROWS: &str = "file = 'customers'\nrows = '/rows'";

    #[test]
    fn a_body_is_a_file_by_its_type_and_the_same_one_has_one_name() {
        let (path, content) = read(WHOLE, "text/csv; charset=utf-8", "a,b\n1,2\n").unwrap();
        assert!(
            path.starts_with("http/") && path.ends_with(".csv"),
            "{path}"
        );
        assert_eq!(content, "a,b\n1,2\n");
        assert_eq!(read(WHOLE, "TEXT/CSV", "a,b\n1,2\n").unwrap().0, path);
        assert_ne!(read(WHOLE, "text/csv", "a,b\n1,3\n").unwrap().0, path);
        let other = read(WHOLE, "text/html", "<p>").unwrap_err();
        assert!(other.contains("\"text/html\""), "{other}");
        assert_eq!(
            read(WHOLE, "text/csv", "").unwrap_err(),
            "the body is empty"
        );
    }

    #[test]
    fn rows_of_json_are_a_file_of_lines() {
        let rows = r#"{"rows": [{"a": 1, "b": "x\ny"}, {"a": 2}]}"#;
        let (path, content) = read(ROWS, "application/json", rows).unwrap();
        assert!(path.ends_with(".ndjson"), "{path}");
        assert_eq!(content, "{\"a\":1,\"b\":\"x\\ny\"}\n{\"a\":2}\n");
        let stamped = format!("{ROWS}\nstamp = 'at'");
        let (_, content) = read(&stamped, "application/json", r#"{"rows": [{"a": 1}]}"#).unwrap();
        assert_eq!(content, "{\"a\":1,\"at\":\"now\"}\n");
        for (body, why) in [
            ("{}", "there is no list of rows where it is to be found"),
            (r#"{"rows": []}"#, "there are no rows"),
            (r#"{"rows": [{}, 3]}"#, "row 1: it is no object"),
        ] {
            assert_eq!(read(ROWS, "application/json", body).unwrap_err(), why);
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_key() {
        assert_eq!(face("values = {}").unwrap().map(|face| face.value), None);
        for (toml, key) in [
            ("body = 'file'", "request.body"),
            ("file = ''", "request.file"),
            ("body = 'form'\nfile = 'x'", "request.file"),
            ("body = 'file'\nfile = 'x'\nrows = '/rows'", "request.rows"),
            ("file = 'x'\nrows = '/rows/*'", "request.rows"),
            ("body = 'file'\nfile = 'x'\nstamp = 'at'", "request.stamp"),
        ] {
            let error = face(toml).unwrap_err();
            assert!(error.contains(key), "{error}");
        }
    }
}
