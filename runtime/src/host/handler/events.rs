//! Events of a hub: where each is in it, and the message that it asks for.
//!
//! The host says of all events of a batch together where they are: the partition
//! once, and lists of what differs, in the order of the events
//! (Azure/azure-sdk-for-net, `EventHubTriggerBindingStrategy`). As long as a hub
//! lives, a partition numbers its events.

use bytes::Bytes;
use indexmap::IndexMap;
use serde_json::Value;

use super::payload::decoded;
use crate::queue::{Message, TraceContext};

/// An event.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Event {
    /// What was sent.
    pub(super) body: Bytes,
    /// Its partition, number and time, if the host says them: the same however
    /// often it comes.
    pub(super) place: Option<String>,
    /// The trace that whoever sent it says.
    pub(super) trace: Option<TraceContext>,
}

/// What the host says once of each batch, and of nothing but events.
const CONTEXT: &str = "PartitionContext";

/// Whether what is not in a list is an event all the same: the function asks for
/// them one by one.
pub(super) fn is_one(metadata: &IndexMap<String, Value>) -> bool {
    metadata.contains_key(CONTEXT)
}

/// Events, with where they are.
pub(super) fn batch(
    bodies: impl IntoIterator<Item = Bytes>,
    metadata: &IndexMap<String, Value>,
) -> Vec<Event> {
    let context = metadata.get(CONTEXT).map(decoded).unwrap_or_default();
    let partition = text(&context["PartitionId"]);
    let (numbers, times) = (
        Said::of(metadata, "SequenceNumber"),
        Said::of(metadata, "EnqueuedTimeUtc"),
    );
    let properties = Said::of(metadata, "Properties");
    let events = bodies.into_iter().enumerate().map(|(index, body)| {
        let place = partition.as_ref().and_then(|partition| {
            let number = text(numbers.at(index)?)?;
            // A hub that is made anew numbers anew.
            let time = times.at(index).and_then(text).unwrap_or_default();
            let time: String = time.chars().filter(char::is_ascii_alphanumeric).collect();
            Some(match time.is_empty() {
                true => format!("{partition}-{number}"),
                false => format!("{partition}-{number}-{time}"),
            })
        });
        Event {
            body,
            place,
            trace: properties.at(index).and_then(trace),
        }
    });
    events.collect()
}

/// What is said of each event, or of the only one.
enum Said {
    Each(Vec<Value>),
    One(Value),
}

impl Said {
    fn of(metadata: &IndexMap<String, Value>, name: &str) -> Said {
        match metadata.get(&format!("{name}Array")).map(decoded) {
            Some(Value::Array(each)) => Said::Each(each),
            _ => Said::One(metadata.get(name).map(decoded).unwrap_or_default()),
        }
    }

    fn at(&self, index: usize) -> Option<&Value> {
        match self {
            Said::Each(each) => each.get(index),
            Said::One(one) => Some(one).filter(|_| index == 0),
        }
    }
}

/// As Azure's clients write it into an event's properties.
fn trace(properties: &Value) -> Option<TraceContext> {
    let said = ["traceparent", "Diagnostic-Id"].map(|name| properties[name].as_str());
    said.into_iter()
        .flatten()
        .find_map(|text| text.parse().ok())
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

impl Event {
    /// The message that it is, or that its fields make: those that say something
    /// in one word are its values. `function` hears of it; `otherwise` tells it
    /// from others where the host does not. `None` where it has no fields.
    pub(super) fn message(&self, function: &str, otherwise: &str) -> Option<Message> {
        let mut message = match Message::from_body(&self.body) {
            Ok(message) => message,
            Err(_) => self.of_fields(&self.id(function, otherwise))?,
        };
        message.traceparent = message.traceparent.or(self.trace);
        Some(message)
    }

    /// What its work is called.
    pub(super) fn id(&self, function: &str, otherwise: &str) -> String {
        format!("{function}-{}", self.place.as_deref().unwrap_or(otherwise))
    }

    fn of_fields(&self, id: &str) -> Option<Message> {
        let fields: IndexMap<String, Value> = serde_json::from_slice(&self.body).ok()?;
        // Another version's message, or a wrong one.
        if fields.contains_key("cutline") {
            return None;
        }
        let mut message = Message::new(id);
        let words = fields.into_iter().filter_map(|(name, value)| match value {
            Value::String(text) => Some((name, text)),
            Value::Number(number) => Some((name, number.to_string())),
            Value::Bool(truth) => Some((name, truth.to_string())),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        });
        message.values.extend(words);
        Some(message)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn events(bodies: &[&'static str], metadata: Value) -> Vec<Event> {
        let metadata = serde_json::from_value(metadata).unwrap();
        batch(bodies.iter().copied().map(Bytes::from), &metadata)
    }

    const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    /// As the host writes them: objects as they are, lists as JSON in a text.
    #[test]
    fn each_event_has_its_own_place_which_is_the_same_again() {
        let metadata = || {
            json!({
                "PartitionContext": { "EventHubName": "events", "ConsumerGroup": "$Default", "PartitionId": "3" },
                "PartitionKeyArray": "[null,null]",
                "OffsetArray": "[\"0\",\"56\"]",
                "SequenceNumberArray": "[11,12]",
                "EnqueuedTimeUtcArray": "[\"2026-11-29T22:00:00.125Z\",\"2026-11-29T22:00:01Z\"]",
                "PropertiesArray": format!("[{{}},{{\"Diagnostic-Id\":\"{TRACE}\"}}]"),
                "SystemPropertiesArray": "[{},{}]",
            })
        };
        let heard = events(&["a", "b"], metadata());
        let places: Vec<_> = heard
            .iter()
            .map(|event| event.place.as_deref().unwrap())
            .collect();
        assert_eq!(
            places,
            ["3-11-20261129T220000125Z", "3-12-20261129T220001Z"]
        );
        assert_eq!(heard[0].trace, None);
        assert_eq!(heard[1].trace, TRACE.parse().ok());
        assert_eq!(heard, events(&["a", "b"], metadata()));
    }

    #[test]
    fn one_event_by_itself_has_a_place_too() {
        let metadata = json!({
            "PartitionContext": { "PartitionId": "0" },
            "SequenceNumber": "7",
            "EnqueuedTimeUtc": "2026-11-29T22:00:00Z",
            "Properties": { "traceparent": TRACE },
        });
        let [event] = &events(&["a"], metadata)[..] else {
            panic!("one event")
        };
        assert_eq!(event.place.as_deref(), Some("0-7-20261129T220000Z"));
        assert_eq!(event.trace, TRACE.parse().ok());
    }

    #[test]
    fn what_the_host_does_not_say_is_not_made_up() {
        for metadata in [
            json!({}),
            json!({ "PartitionContext": {}, "SequenceNumberArray": "[1,2]" }),
            json!({ "PartitionContext": { "PartitionId": "0" } }),
            json!({ "PartitionContext": { "PartitionId": "0" }, "SequenceNumberArray": "[]" }),
        ] {
            for event in events(&["a", "b"], metadata) {
                assert_eq!(event.place, None);
                assert_eq!(event.id("hearing", "i-1"), "hearing-i-1");
            }
        }
    }

    #[test]
    fn fields_of_one_word_are_values_and_a_message_is_itself() {
        let of = |body: &'static str| {
            let event = Event {
                body: body.into(),
                place: Some("0-7".to_owned()),
                trace: TRACE.parse().ok(),
            };
            event.message("hearing", "i-1")
        };
        let message =
            of(r#"{"name":"may","rows":12,"fresh":true,"tags":["a"],"of":{"b":1},"none":null}"#)
                .unwrap();
        assert_eq!(message.id, "hearing-0-7");
        let values: Vec<_> = message
            .values
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(values, ["name=may", "rows=12", "fresh=true"]);
        assert_eq!(message.traceparent, TRACE.parse().ok());
        let own = of(r#"{"cutline":1,"id":"run-1"}"#).unwrap();
        assert_eq!(
            (own.id.as_str(), own.traceparent),
            ("run-1", TRACE.parse().ok())
        );
        for foreign in [
            "<xml/>",
            "7",
            "[1]",
            "\"text\"",
            r#"{"cutline":2,"id":"x"}"#,
        ] {
            assert_eq!(of(foreign), None, "{foreign}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_said_of_them_nothing_panics(text in r#"[\[\]{}",:0-9a-zA-Z\\]{0,40}"#) {
            let metadata = json!({
                "PartitionContext": text,
                "SequenceNumberArray": text,
                "EnqueuedTimeUtcArray": text,
                "PropertiesArray": text,
            });
            for event in events(&["{}", "x"], metadata) {
                event.message("hearing", "i");
            }
        }
    }
}
