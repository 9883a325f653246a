//! A pair of answers, as the admin interface tells it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use ureq::http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::again::Recorded;

/// What is needed of it.
#[derive(Debug, Deserialize)]
pub(super) struct Pair {
    pub(super) id: String,
    pub(super) time: String,
    pub(super) session: Option<String>,
    pub(super) verdict: String,
    #[serde(default)]
    pub(super) differences: Vec<Difference>,
    pub(super) request: Request,
}

#[derive(Debug, Deserialize)]
pub(super) struct Difference {
    pub(super) path: String,
    pub(super) noise: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) target: String,
    headers: Vec<(String, String)>,
    body: Body,
    redacted: bool,
}

#[derive(Debug, Default, Deserialize)]
struct Body {
    text: Option<String>,
    base64: Option<String>,
    cut: bool,
}

impl Pair {
    /// The request as it was; or why it is no longer that.
    pub(super) fn recorded(&self) -> Result<Recorded, String> {
        let request = &self.request;
        if request.redacted {
            return Err("something of it was blackened or not kept".to_owned());
        }
        if request.body.cut {
            return Err("only the beginning of its body was kept".to_owned());
        }
        let broken = || "it was kept in a form that is not known".to_owned();
        let body = match (&request.body.text, &request.body.base64) {
            (Some(text), _) => text.clone().into_bytes(),
            (None, Some(base64)) => STANDARD.decode(base64).map_err(|_| broken())?,
            (None, None) => Vec::new(),
        };
        let mut headers = HeaderMap::new();
        for (name, value) in &request.headers {
            let name: HeaderName = name.parse().map_err(|_| broken())?;
            let value = HeaderValue::from_str(value).map_err(|_| broken())?;
            headers.append(name, value);
        }
        let method = request.method.parse().map_err(|_| broken())?;
        let bodiless = matches!(
            &*request.method,
            "GET" | "HEAD" | "OPTIONS" | "DELETE" | "TRACE"
        );
        if bodiless && !body.is_empty() {
            return Err(format!(
                "a {} with a body is not sent again",
                request.method
            ));
        }
        Ok(Recorded {
            method,
            target: request.target.clone(),
            headers,
            body,
        })
    }

    /// The fields that differed then, noise left out.
    pub(super) fn fields(&self) -> Vec<&str> {
        let differences = self.differences.iter();
        let counted = differences.filter(|own| !own.noise);
        counted.map(|own| &*own.path).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pair(redacted: bool, body: &serde_json::Value, method: &str) -> Pair {
        let pair = json!({
            "id": "4f", "time": "", "session": null, "verdict": "match", "sampled": true,
            "request": { "method": method, "target": "/predict?a=1", "headers": [["x-a", "1"]],
                         "body": body, "redacted": redacted },
        });
        serde_json::from_value(pair).unwrap()
    }

    #[test]
    fn only_a_request_that_is_whole_is_sent_again() {
        let whole = json!({ "text": "{}", "base64": null, "cut": false });
        let recorded = pair(false, &whole, "POST").recorded().unwrap();
        assert_eq!(
            (&*recorded.target, &recorded.body[..]),
            ("/predict?a=1", &b"{}"[..])
        );
        let bytes = json!({ "text": null, "base64": "/wA=", "cut": false });
        assert_eq!(
            pair(false, &bytes, "PUT").recorded().unwrap().body,
            [255, 0]
        );
        let cut = json!({ "text": "{", "base64": null, "cut": true });
        let wrong = json!({ "text": null, "base64": "!", "cut": false });
        for (pair, why) in [
            (pair(true, &whole, "POST"), "blackened"),
            (pair(false, &cut, "POST"), "the beginning"),
            (pair(false, &wrong, "POST"), "not known"),
            (pair(false, &whole, "GET"), "a GET with a body"),
        ] {
            let refused = pair.recorded().err().unwrap();
            assert!(refused.contains(why), "{refused}");
        }
    }
}
