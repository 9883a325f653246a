//! A blob that arrived: the message that asks for work on it.

use serde::Deserialize;

use super::payload::Blob;
use crate::pipeline::{Function, Input};
use crate::queue::Message;
use crate::store::artifact::ArtifactId;

/// An event of Event Grid, in its own schema or as CloudEvents 1.0 has it.
#[derive(Deserialize)]
struct Event {
    id: String,
    subject: String,
    #[serde(alias = "eventType")]
    r#type: String,
}

const CREATED: &str = "Microsoft.Storage.BlobCreated";

/// What comes of a blob.
pub(super) enum Arrived {
    /// It asks for this.
    Asks(Box<Message>),
    /// It is none of what comes in, and nobody's business here.
    Elsewhere,
    /// No input has such a path.
    Unknown(String),
}

/// What an event that a blob was created asks for; `None` for anything else.
/// `incoming` is the container of what comes in.
pub(super) fn by_event(
    function: &Function,
    incoming: Option<&str>,
    body: &[u8],
) -> Option<Arrived> {
    let event: Event = serde_json::from_slice(body).ok()?;
    let blob = event
        .subject
        .strip_prefix("/blobServices/default/containers/")?
        .split_once("/blobs/");
    let (container, path) = blob.filter(|_| event.r#type == CREATED)?;
    Some(message(function, incoming, &event.id, (container, path)))
}

/// The same, of a trigger by blobs. The same content of the same blob is the
/// same invocation; where nothing tells contents apart, each is one of its own.
pub(super) fn by_trigger(
    function: &Function,
    incoming: Option<&str>,
    blob: &Blob,
    invocation: &str,
) -> Arrived {
    let version = blob.version.as_deref().unwrap_or(invocation);
    let id = ArtifactId::of(format!("{} {version}", blob.path).as_bytes());
    let inside = blob.path.split_once('/').unwrap_or(("", &blob.path));
    message(function, incoming, &id.to_string(), inside)
}

/// With the fields of the path that an input of the function says.
fn message(
    function: &Function,
    incoming: Option<&str>,
    id: &str,
    (container, path): (&str, &str),
) -> Arrived {
    if incoming.is_some_and(|incoming| incoming != container) {
        return Arrived::Elsewhere;
    }
    let templates = function.inputs.values().filter_map(|input| match input {
        Input::Blob(template) => Some(template),
        _ => None,
    });
    for template in templates.clone() {
        if let Some(fields) = template.read(path) {
            let mut message = Message::new(id);
            message.values.extend(fields);
            return Arrived::Asks(Box::new(message));
        }
    }
    let known: Vec<String> = templates.map(ToString::to_string).collect();
    Arrived::Unknown(match known.is_empty() {
        true => format!("a blob {path} arrived, and {} reads no blob", function.name),
        false => format!(
            "a blob {path} arrived, and {} reads {}",
            function.name,
            known.join(", ")
        ),
    })
}
