//! Which roles the identity of an app needs, each at the narrowest scope that
//! Azure has: a container, a queue, an event hub. They follow from the pipeline alone.
//!
//! The storage that the host of Azure Functions keeps its own things in is
//! another account; what is needed there, in the vault and for telemetry,
//! `infra/granted.rs` adds.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::face::mapping::HttpWritten;
use crate::pipeline::{Function, Input, Pipeline, Place, Trigger, is_hosted};
use crate::queue::QueueName;

/// A built-in role of Azure. ("Azure built-in roles".)
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(into = "&'static str")]
pub enum Role {
    /// Reads blobs.
    BlobReader,
    /// Reads, writes and deletes blobs.
    BlobContributor,
    /// Does with blobs and containers whatever can be done.
    BlobOwner,
    /// Does with a queue and its messages whatever can be done.
    QueueContributor,
    /// Sends messages.
    QueueSender,
    /// Receives events.
    EventsReceiver,
    /// Reads what a secret holds.
    SecretsUser,
    /// Wraps what encrypts an account by a key.
    EncryptionUser,
    /// Sends telemetry.
    MetricsPublisher,
}

/// What a role is on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// A container.
    Container(String),
    /// An event hub: of a consumer group alone the host may not read it
    /// (Azure/azure-functions-python-worker, issue 1778).
    Hub(String),
    /// A queue.
    Queue(String),
}

/// A role that an identity has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Assignment {
    /// On what.
    pub scope: Scope,
    /// Which.
    pub role: Role,
}

impl Role {
    /// As Azure calls it.
    pub fn name(self) -> &'static str {
        match self {
            Role::BlobReader => "Storage Blob Data Reader",
            Role::BlobContributor => "Storage Blob Data Contributor",
            Role::BlobOwner => "Storage Blob Data Owner",
            Role::QueueContributor => "Storage Queue Data Contributor",
            Role::QueueSender => "Storage Queue Data Message Sender",
            Role::EventsReceiver => "Azure Event Hubs Data Receiver",
            Role::SecretsUser => "Key Vault Secrets User",
            Role::EncryptionUser => "Key Vault Crypto Service Encryption User",
            Role::MetricsPublisher => "Monitoring Metrics Publisher",
        }
    }

    /// The id of its definition, the same in every subscription.
    pub fn id(self) -> &'static str {
        match self {
            Role::BlobReader => "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
            Role::BlobContributor => "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
            Role::BlobOwner => "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
            Role::QueueContributor => "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
            Role::QueueSender => "c6a89b2d-59bc-44d0-9896-0f6e12d7b80a",
            Role::EventsReceiver => "a638d3c7-ab3a-418d-83e6-5f17a39d4fde",
            Role::SecretsUser => "4633458b-17de-408a-b874-0445c86b69e6",
            Role::EncryptionUser => "e147488a-f6f5-4113-8e2d-b22465e65bf6",
            Role::MetricsPublisher => "3913510d-42f4-4e42-8a64-420c390055eb",
        }
    }
}

impl From<Role> for &'static str {
    fn from(role: Role) -> &'static str {
        role.name()
    }
}

/// What an app of these functions, or of all, needs; nothing where the store is
/// a folder.
#[must_use]
pub fn roles(pipeline: &Pipeline, only: &[String]) -> BTreeSet<Assignment> {
    let mut needed = BTreeSet::new();
    let Place::Azure { kept, incoming, .. } = &pipeline.store.place else {
        return needed;
    };
    let functions = pipeline.functions.iter();
    for function in functions.filter(|function| is_hosted(only, &function.name)) {
        // Each keeps what it makes, what it has done, and where that comes from.
        let kept = Scope::Container(kept.container.clone());
        needed.insert(assigned(kept, Role::BlobContributor));
        let reads_blobs = function
            .inputs
            .values()
            .any(|input| matches!(input, Input::Blob(_)));
        if reads_blobs {
            let incoming = Scope::Container(incoming.container.clone());
            let role = match takes_files(pipeline, function) {
                true => Role::BlobContributor,
                false => Role::BlobReader,
            };
            needed.insert(assigned(incoming, role));
        }
        needed.extend(of_queues(function));
        if let Trigger::Events(hub) = &function.trigger {
            let hub = Scope::Hub(hub.name.clone());
            needed.insert(assigned(hub, Role::EventsReceiver));
        }
    }
    needed
}

/// Whether a face puts what clients send into a file for the function.
fn takes_files(pipeline: &Pipeline, function: &Function) -> bool {
    let faces = pipeline.faces.iter().filter_map(|face| face.read().ok());
    let mut faces =
        faces.filter(|face: &HttpWritten| face.function.as_ref() == Some(&function.name));
    faces.any(|face| face.request.file.is_some())
}

fn of_queues(function: &Function) -> Vec<Assignment> {
    let on = |name: &str, role| assigned(Scope::Queue(name.to_owned()), role);
    let mut needed = Vec::new();
    if let Some(queue) = function
        .queue()
        .and_then(|name| name.parse::<QueueName>().ok())
    {
        // What fails for good goes there, errors inside.
        needed.push(on(queue.poison().as_str(), Role::QueueSender));
        if let Trigger::Queue(_) | Trigger::Events(_) = &function.trigger {
            // The host asks how long it is, receives and deletes, hides longer
            // what takes its time and shows again what failed (`messages/write`,
            // which no narrower role has); and what another is at is put back.
            needed.push(on(queue.as_str(), Role::QueueContributor));
        }
    }
    if let Some(queue) = &function.output.queue {
        needed.push(on(queue, Role::QueueSender));
    }
    needed
}

fn assigned(scope: Scope, role: Role) -> Assignment {
    Assignment { scope, role }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::sample::FILE;
    use crate::stages;

    fn of(only: &[&str]) -> Vec<String> {
        let pipeline = Pipeline::parse(FILE, stages::ALL).unwrap();
        let only: Vec<String> = only.iter().map(ToString::to_string).collect();
        let needed = roles(&pipeline, &only).into_iter();
        let said = needed.map(|needed| {
            let on = match needed.scope {
                Scope::Container(name) => format!("container {name}"),
                Scope::Hub(name) => format!("hub {name}"),
                Scope::Queue(name) => format!("queue {name}"),
            };
            format!("{on}: {:?}", needed.role)
        });
        said.collect()
    }

    /// Each list is whole: a role that is wider, more or less fails here.
    #[test]
    fn an_identity_has_exactly_what_its_function_needs() {
        assert_eq!(
            of(&["ingestion"]),
            [
                "container incoming: BlobReader",
                "container kept: BlobContributor",
                "queue customers-ready: QueueSender",
                "queue raw-arrived: QueueContributor",
                "queue raw-arrived-poison: QueueSender",
            ]
        );
        assert_eq!(
            of(&["training"]),
            [
                "container kept: BlobContributor",
                "queue customers-ready: QueueContributor",
                "queue customers-ready-poison: QueueSender",
                "queue model-trained: QueueSender",
            ]
        );
        assert_eq!(of(&["inference"]), ["container kept: BlobContributor"]);
        assert_eq!(
            of(&["monitoring"]),
            [
                "container kept: BlobContributor",
                "queue monitoring-due-poison: QueueSender",
            ]
        );
    }

    #[test]
    fn who_hears_of_events_receives_them_and_tries_again_from_a_queue() {
        let text = format!("{FILE}{}", crate::manifest::sample::HEARING);
        let pipeline = Pipeline::parse(&text, stages::ALL).unwrap();
        let needed = roles(&pipeline, &["hearing".to_owned()]);
        let on = |scope, role| assigned(scope, role);
        let queue = |name: &str| Scope::Queue(name.to_owned());
        let container = |name: &str| Scope::Container(name.to_owned());
        assert_eq!(
            needed.into_iter().collect::<Vec<_>>(),
            [
                on(container("incoming"), Role::BlobReader),
                on(container("kept"), Role::BlobContributor),
                on(
                    Scope::Hub("Customer.events".to_owned()),
                    Role::EventsReceiver
                ),
                on(queue("hearing-events"), Role::QueueContributor),
                on(queue("hearing-events-poison"), Role::QueueSender),
                on(queue("heard"), Role::QueueSender),
            ]
            .into_iter()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect::<Vec<_>>()
        );
    }

    #[test]
    fn what_clients_send_as_a_file_is_written() {
        let face = "function = \"ingestion\"\nrequest = { file = \"name\", rows = \"/rows\" }";
        let text = FILE.replace("function = \"ingestion\"", face);
        let pipeline = Pipeline::parse(&text, stages::ALL).unwrap();
        let incoming = Scope::Container("incoming".to_owned());
        let needed = roles(&pipeline, &["ingestion".to_owned()]);
        assert!(needed.contains(&assigned(incoming, Role::BlobContributor)));
    }

    #[test]
    fn an_app_of_all_has_what_each_needs() {
        let each: BTreeSet<String> = ["ingestion", "training", "inference", "monitoring"]
            .iter()
            .flat_map(|name| of(&[name]))
            .collect();
        assert_eq!(of(&[]).into_iter().collect::<BTreeSet<_>>(), each);
    }
}
