//! What the host of Azure Functions posts, and what it wants back.
//!
//! Values of a trigger come as the host's worker channel writes them, which is
//! not how its documentation shows them: a text is JSON in a string, so that a
//! queue's JSON message is decoded twice and an object in it a third time;
//! numbers and truths are strings; bytes are plain base64. (Azure/azure-functions-host,
//! `src/WebJobs.Script/Workers/Http`.)

use bytes::Bytes;
use indexmap::IndexMap;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use super::super::traced::TRACEPARENT;
use super::events::{self, Event};
use crate::queue::TraceContext;
use crate::store::place::is_styled_by_path;

/// One invocation.
#[derive(Debug, Deserialize)]
pub(super) struct Payload {
    /// The values of the trigger and of input bindings, by their names.
    #[serde(rename = "Data", default)]
    data: IndexMap<String, Value>,
    /// What the trigger says beside.
    #[serde(rename = "Metadata", default)]
    metadata: IndexMap<String, Value>,
}

/// What became of it.
#[derive(Debug, Default, Serialize)]
pub(super) struct Answer {
    /// Values of output bindings, by their names.
    #[serde(rename = "Outputs")]
    pub(super) outputs: IndexMap<&'static str, Value>,
    /// Lines for the host's log.
    #[serde(rename = "Logs")]
    pub(super) logs: Vec<String>,
    #[serde(rename = "ReturnValue")]
    pub(super) return_value: Option<Value>,
}

/// What started it.
#[derive(Debug, PartialEq)]
pub(super) enum Trigger {
    /// A message of a queue.
    Message(Bytes),
    /// A batch of events, which come only once.
    Batch(Vec<Event>),
    /// A blob, whose content is not looked at.
    Blob(Blob),
    /// A request that the host has unwrapped.
    Request(Box<Request>),
    /// It is time.
    Timer,
}

/// A blob that was written.
#[derive(Debug, PartialEq)]
pub(super) struct Blob {
    /// Its container, and where it is there.
    pub(super) path: String,
    /// What tells one content of it from the next, if that is said.
    pub(super) version: Option<String>,
}

/// A request as the host unwraps it.
#[derive(Debug, PartialEq, Deserialize)]
pub(super) struct Request {
    #[serde(rename = "Url")]
    pub(super) url: String,
    #[serde(rename = "Method")]
    pub(super) method: String,
    #[serde(rename = "Headers", default)]
    pub(super) headers: IndexMap<String, Vec<String>>,
    #[serde(rename = "Body", default)]
    body: Value,
}

/// What `cutline manifest` calls triggers.
const TRIGGERS: [&str; 4] = ["message", "events", "timer", "req"];

/// How often a value may be JSON in a string.
const LAYERS: usize = 3;

/// The most text of a line of the host's log.
const MOST_LOG: usize = 1_000;

impl Payload {
    /// What the trigger gives: the binding that `cutline manifest` calls so, or
    /// else the first.
    pub(super) fn trigger(&self) -> Trigger {
        if let Some(blob) = self.blob() {
            return Trigger::Blob(blob);
        }
        let known = TRIGGERS.iter().find_map(|name| self.data.get(*name));
        let Some(raw) = known.or_else(|| self.data.values().next()) else {
            return Trigger::Timer;
        };
        if let Ok(request) = Request::deserialize(raw) {
            return Trigger::Request(Box::new(request));
        }
        match decoded(raw) {
            Value::Object(timer) if timer.contains_key("IsPastDue") => Trigger::Timer,
            Value::Array(bodies) => {
                let bodies = bodies.iter().map(|event| body(&decoded(event)));
                Trigger::Batch(events::batch(bodies, &self.metadata))
            }
            event if events::is_one(&self.metadata) => {
                Trigger::Batch(events::batch([body(&event)], &self.metadata))
            }
            message => Trigger::Message(body(&message)),
        }
    }

    /// The blob that is the trigger, if one is.
    fn blob(&self) -> Option<Blob> {
        let properties = self.metadata.get("Properties").map(decoded);
        let says = |name: &str| match properties.as_ref()?.get(name)? {
            Value::String(text) => Some(text.clone()),
            _ => None,
        };
        Some(Blob {
            path: self.blob_path(properties.as_ref())?,
            version: says("ETag").or_else(|| says("LastModified")),
        })
    }

    fn blob_path(&self, properties: Option<&Value>) -> Option<String> {
        let text = |name: &str| match self.metadata.get(name).map(decoded) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        if let Some(path) = text("BlobTrigger") {
            return Some(path);
        }
        properties?.get("BlobType")?;
        let url = Url::parse(&text("Uri")?).ok()?;
        let path = url.path().trim_start_matches('/');
        let path = match is_styled_by_path(&url) {
            true => path.split_once('/')?.1,
            false => path,
        };
        let path = percent_decode_str(path).decode_utf8().ok()?;
        (!path.is_empty()).then(|| path.into_owned())
    }

    /// How often the message was received, this time included; only queues say
    /// so.
    pub(super) fn dequeue_count(&self) -> Option<u32> {
        let count = self.metadata.get("DequeueCount").map(decoded);
        let count = match count {
            Some(Value::Number(number)) => number.as_u64(),
            Some(Value::String(text)) => text.parse().ok(),
            _ => None,
        };
        count.and_then(|count| u32::try_from(count).ok())
    }
}

impl Request {
    /// The one trace that it says it is a part of.
    pub(super) fn trace(&self) -> Option<TraceContext> {
        let is_trace = |name: &str| name.eq_ignore_ascii_case(TRACEPARENT);
        let said = self.headers.iter().filter(|(name, _)| is_trace(name));
        let mut said = said.flat_map(|(_, values)| values);
        match (said.next(), said.next()) {
            (Some(one), None) => one.parse().ok(),
            _ => None,
        }
    }

    /// The body as it was sent, as far as the host lets that be known: it
    /// writes JSON anew.
    pub(super) fn body(&self) -> Bytes {
        match &self.body {
            Value::Null => Bytes::new(),
            other => body(other),
        }
    }
}

impl Answer {
    /// Adds a line of the log.
    pub(super) fn say(&mut self, line: &str) {
        self.logs.push(line.chars().take(MOST_LOG).collect());
    }
}

/// Without the layers of JSON in strings.
pub(super) fn decoded(raw: &Value) -> Value {
    let mut value = raw.clone();
    for _ in 0..LAYERS {
        let Value::String(text) = &value else {
            break;
        };
        match serde_json::from_str(text) {
            Ok(inner) => value = inner,
            Err(_) => break,
        }
    }
    value
}

fn body(value: &Value) -> Bytes {
    match value {
        Value::String(text) => text.clone().into(),
        other => other.to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn trigger(payload: &Value) -> Trigger {
        serde_json::from_value::<Payload>(payload.clone())
            .unwrap()
            .trigger()
    }

    fn message(text: &str) -> Trigger {
        Trigger::Message(text.to_owned().into())
    }

    fn blob(path: &str, version: Option<&str>) -> Trigger {
        Trigger::Blob(Blob {
            path: path.to_owned(),
            version: version.map(str::to_owned),
        })
    }

    #[test]
    fn a_queues_message_has_layers() {
        let text = r#"{"cutline":1,"id":"run-1"}"#;
        for n_layers in 0..=LAYERS {
            let mut value = Value::from(text);
            for _ in 1..n_layers {
                value = value.to_string().into();
            }
            let payload = json!({"Data": {"message": value}, "Metadata": {"DequeueCount": "3"}});
            assert_eq!(trigger(&payload), message(text), "{payload}");
        }
        // Not JSON at all.
        let payload = json!({"Data": {"message": "\"<xml/>\""}});
        assert_eq!(trigger(&payload), message("<xml/>"));
    }

    #[test]
    fn a_dequeue_count_is_a_string_or_a_number() {
        for (count, expected) in [
            (json!("3"), Some(3)),
            (json!(2), Some(2)),
            (json!("\"4\""), Some(4)),
            (json!(null), None),
            (json!(-1), None),
        ] {
            let payload = json!({"Data": {}, "Metadata": {"DequeueCount": count}});
            let payload: Payload = serde_json::from_value(payload).unwrap();
            assert_eq!(payload.dequeue_count(), expected);
        }
    }

    #[test]
    fn triggers_are_told_apart() {
        let payload = json!({
            "Data": {"file": "Y3VzdG9tZXJfaWQ="},
            "Metadata": {
                "BlobTrigger": "\"incoming/may.csv\"",
                "Uri": "\"http://x\"",
                "Properties": {"ETag": "0x8DA6"},
            },
        });
        assert_eq!(trigger(&payload), blob("incoming/may.csv", Some("0x8DA6")));
        // So one was recorded: without its path.
        for (uri, path) in [
            (
                "\"https:\\/\\/churn.blob.core.windows.net\\/incoming\\/a%20b+c.csv\"",
                "incoming/a b+c.csv",
            ),
            (
                "\"http://127.0.0.1:10000/dev/incoming/may.csv\"",
                "incoming/may.csv",
            ),
        ] {
            let payload = json!({
                "Data": {"file": "Y3VzdG9tZXJfaWQ="},
                "Metadata": {"Uri": uri, "Properties": {"BlobType": 2}, "Metadata": {}},
            });
            assert_eq!(trigger(&payload), blob(path, None));
        }
        let timer = json!({
            "Data": {"timer": {"Schedule": {"AdjustForDST": true}, "ScheduleStatus": null, "IsPastDue": false}},
        });
        assert_eq!(trigger(&timer), Trigger::Timer);
        let events = json!({"Data": {"events": "[\"{\\\"id\\\":1}\",{\"id\":2}]"}});
        let nowhere = |body: &'static str| Event {
            body: body.into(),
            place: None,
            trace: None,
        };
        let both = [r#"{"id":1}"#, r#"{"id":2}"#].map(nowhere);
        assert_eq!(trigger(&events), Trigger::Batch(both.into()));
        let request = json!({"Data": {"req": {
            "Url": "https://churn.azurewebsites.net/predict?full=1",
            "Method": "POST",
            "Query": "{\"full\":\"1\"}",
            "Headers": {"Content-Type": ["application/json"]},
            "Params": {},
            "Identities": [],
            "Body": "{\"age\":41}",
        }}});
        match trigger(&request) {
            Trigger::Request(request) => {
                assert_eq!(request.method, "POST");
                assert_eq!(request.headers["Content-Type"], ["application/json"]);
                assert_eq!(request.body(), r#"{"age":41}"#);
            }
            other => panic!("{other:?}"),
        }
    }

    /// As they were recorded, in short; where CUTLINE_PAYLOADS names a folder of
    /// more, such as those of ballerina-platform/module-ballerinax-azure.functions
    /// (`ballerina-tests/tests/resources`), these too, and says how many there
    /// were of each.
    #[test]
    fn recorded_payloads_decode() {
        let shapes = [
            r#"{"Data":{"in":"\"aaaaa\""},"Metadata":{"DequeueCount":"1","sys":{}}}"#,
            r#"{"Data":{"in":"[{\"id\":\"a\"}]"},"Metadata":{"sys":{}}}"#,
            r#"{"Data":{"in":"aGVsbG8="},"Metadata":{"Uri":"\"https:\/\/a.b\/c\/d\"","Properties":{"BlobType":2}}}"#,
            r#"{"Data":{"in":{"Schedule":{},"ScheduleStatus":null,"IsPastDue":false}},"Metadata":{}}"#,
            r#"{"Data":{"in":{"Url":"http://a","Method":"GET","Query":{},"Headers":{},"Params":{}}},"Metadata":{}}"#,
        ];
        let mut texts: Vec<String> = shapes.map(str::to_owned).into();
        let folder = std::env::var("CUTLINE_PAYLOADS").ok();
        for file in folder
            .iter()
            .flat_map(|folder| std::fs::read_dir(folder).unwrap())
        {
            texts.push(std::fs::read_to_string(file.unwrap().path()).unwrap());
        }
        let mut counts = std::collections::BTreeMap::new();
        for text in &texts {
            let payload: Payload = serde_json::from_str(text).unwrap();
            let kind = match payload.trigger() {
                Trigger::Message(_) => "message",
                Trigger::Batch(_) => "batch",
                Trigger::Blob(_) => "blob",
                Trigger::Request(_) => "request",
                Trigger::Timer => "timer",
            };
            *counts.entry(kind).or_insert(0) += 1;
        }
        match folder {
            None => assert_eq!(counts.into_values().collect::<Vec<_>>(), [1; 5]),
            Some(_) => {
                let counted = format!("{counts:?}\n");
                std::io::Write::write_all(&mut std::io::stderr(), counted.as_bytes()).unwrap();
            }
        }
    }

    proptest! {
        #[test]
        fn whatever_is_posted_nothing_panics(text in r#"[\[\]{}",:0-9a-zA-Z\\]{0,60}"#) {
            for posted in [text.clone(), format!("{{\"Data\":{{\"a\":{text}}}}}")] {
                if let Ok(payload) = serde_json::from_str::<Payload>(&posted) {
                    payload.trigger();
                    payload.dequeue_count();
                }
            }
        }

        #[test]
        fn a_message_comes_through_whatever_it_says(id in "\\PC{0,20}", value in "\\PC{0,20}") {
            let mut sent = crate::queue::Message::new(id);
            sent.values.insert("name".to_owned(), value);
            let body = String::from_utf8(sent.to_body().unwrap().to_vec()).unwrap();
            let payload = json!({"Data": {"message": Value::from(body).to_string()}});
            let Trigger::Message(came) = trigger(&payload) else { panic!() };
            prop_assert_eq!(crate::queue::Message::from_body(&came).unwrap(), sent);
        }
    }
}
