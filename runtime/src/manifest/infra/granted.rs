//! Which roles each identity has: those that the bindings of its function need,
//! and those of the host that runs it.

use std::collections::BTreeSet;

use super::model::{App, Granted, Identity, On, Subscription};
use crate::manifest::roles::{Role, Scope, roles};
use crate::pipeline::Pipeline;

/// What the app of the function may do with the data, and with secrets that its
/// settings name, or that it asks for.
pub(super) fn of_function(pipeline: &Pipeline, app: &App) -> BTreeSet<Granted> {
    let key = &app.key;
    let data = roles(pipeline, std::slice::from_ref(&app.function)).into_iter();
    let data = data.map(|needed| to_app(key, On::Data(needed.scope), needed.role));
    let secrets = app.secrets();
    let secrets =
        secrets.map(|secret| to_app(key, On::Secret(secret.to_owned()), Role::SecretsUser));
    data.chain(secrets).collect()
}

/// What the host does as the same identity: it keeps leases, its keys and the
/// package in an account of its own, where it makes containers and notes what it
/// read of event hubs, and sends telemetry. It has triggers of queues, events,
/// time and requests only, for which this is all. ("Connecting to host storage
/// with an identity", Azure Functions.)
pub(super) fn of_host(key: &str) -> BTreeSet<Granted> {
    BTreeSet::from([
        to_app(key, On::Host(key.to_owned()), Role::BlobOwner),
        to_app(key, On::Telemetry, Role::MetricsPublisher),
    ])
}

/// What Event Grid may.
pub(super) fn of_events(subscriptions: &[Subscription]) -> BTreeSet<Granted> {
    let told = subscriptions.iter().map(|subscription| Granted {
        to: Identity::Events,
        on: On::Data(Scope::Queue(subscription.queue.clone())),
        role: Role::QueueSender,
    });
    told.collect()
}

fn to_app(key: &str, on: On, role: Role) -> Granted {
    let to = Identity::App(key.to_owned());
    Granted { to, on, role }
}
