//! From the [`Pipeline`] to its [`Infra`].

use std::collections::{BTreeMap, BTreeSet};

use super::granted;
use super::model::{ACCOUNT, App, Hub, Infra, Subscription, VAULT};
use super::names;
use crate::manifest::roles::{Scope, roles};
use crate::manifest::settings::{hosted, secrets};
use crate::manifest::{ManifestError, functions};
use crate::pipeline::{EventHub, Function, Input, Pipeline, Place, Shows, Trigger};
use crate::store::place::AzurePlace;

pub(super) fn infra(pipeline: &Pipeline) -> Result<Infra, ManifestError> {
    let Place::Azure {
        kept,
        incoming,
        shows,
    } = &pipeline.store.place
    else {
        return Err(ManifestError::Folder);
    };
    is_to_be_made(kept)?;
    if matches!(shows, Shows::Sas(_)) {
        return Err(ManifestError::Signature);
    }
    if pipeline.functions.is_empty() {
        return Err(ManifestError::Empty);
    }
    let mut apps = Vec::new();
    let mut subscriptions = Vec::new();
    let mut granted = BTreeSet::new();
    for function in &pipeline.functions {
        // What cannot be published needs no place.
        functions(pipeline, std::slice::from_ref(&function.name))?;
        let app = app(pipeline, kept, function)?;
        granted.extend(granted::of_function(pipeline, &app));
        granted.extend(granted::of_host(&app.key));
        subscriptions.extend(subscription(pipeline, &incoming.container, function, &app));
        apps.push(app);
    }
    granted.extend(granted::of_events(&subscriptions));
    apps.sort_by(|one, other| one.key.cmp(&other.key));
    subscriptions.sort_by(|one, other| one.key.cmp(&other.key));
    let containers = BTreeSet::from([kept.container.clone(), incoming.container.clone()]);
    Ok(Infra {
        name: names::beginning(&kept.account),
        account: kept.account.clone(),
        vault: vault(pipeline, kept)?,
        names_vault: pipeline.vault.is_some(),
        containers: containers.into_iter().collect(),
        queues: queues(pipeline),
        namespace: names::namespace(&kept.account),
        hubs: hubs(pipeline),
        apps,
        subscriptions,
        granted: granted.into_iter().collect(),
    })
}

/// The one that the file names, or one that is called as the account.
fn vault(pipeline: &Pipeline, kept: &AzurePlace) -> Result<String, ManifestError> {
    const DOMAIN: &str = ".vault.azure.net";
    let Some(url) = &pipeline.vault else {
        return Ok(names::vault(&kept.account));
    };
    let host = url.host_str().unwrap_or_default();
    let name = host.strip_suffix(DOMAIN).filter(|_| url.port().is_none());
    let name = name.filter(|name| VAULT.contains(&name.len()) && !name.contains('.'));
    name.map(ToOwned::to_owned)
        .ok_or_else(|| ManifestError::Vault {
            found: url.to_string(),
        })
}

/// Refuses emulators, and services at other places than those of the account.
fn is_to_be_made(kept: &AzurePlace) -> Result<(), ManifestError> {
    let account = &kept.account;
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let named = ACCOUNT.contains(&account.len()) && account.bytes().all(plain);
    let at = |url: &url::Url, service: &str| {
        let expected = format!("https://{account}.{service}.core.windows.net/");
        url.as_str().trim_end_matches('/') == expected.trim_end_matches('/')
    };
    match named && at(&kept.blobs, "blob") && at(&kept.queues, "queue") {
        true => Ok(()),
        false => Err(ManifestError::Account {
            found: kept.to_string(),
        }),
    }
}

fn app(pipeline: &Pipeline, kept: &AzurePlace, function: &Function) -> Result<App, ManifestError> {
    let needed = secrets(pipeline, std::slice::from_ref(&function.name))?;
    let variables = needed.variables.iter();
    let secrets: Vec<(&str, String)> = variables
        .map(|variable| (variable.as_str(), names::secret(variable)))
        .collect();
    Ok(App {
        key: names::key(&function.name),
        function: function.name.clone(),
        host: names::host(&kept.account, &function.name),
        settings: hosted(
            kept,
            &secrets,
            matches!(function.trigger, Trigger::Events(_)),
        ),
        asks_for: needed.asked_for,
    })
}

/// All that is sent to or received from, poison queues too.
fn queues(pipeline: &Pipeline) -> Vec<String> {
    let needed = roles(pipeline, &[]).into_iter();
    let queues = needed.filter_map(|needed| match needed.scope {
        Scope::Queue(name) => Some(name),
        Scope::Container(_) | Scope::Hub(_) => None,
    });
    queues.collect::<BTreeSet<String>>().into_iter().collect()
}

/// Those that functions hear of, each with the groups that do so.
fn hubs(pipeline: &Pipeline) -> Vec<Hub> {
    let mut hubs: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for function in &pipeline.functions {
        if let Trigger::Events(hub) = &function.trigger {
            let groups = hubs.entry(&hub.name).or_default();
            if !hub
                .consumer_group
                .eq_ignore_ascii_case(EventHub::DEFAULT_GROUP)
            {
                groups.insert(&hub.consumer_group);
            }
        }
    }
    let hubs = hubs.into_iter().map(|(name, groups)| Hub {
        name: name.to_owned(),
        groups: groups.into_iter().map(ToOwned::to_owned).collect(),
    });
    hubs.collect()
}

/// A blob that comes in starts the function if that one blob is all that its
/// message has to name, and if no other function sends to its queue.
fn subscription(
    pipeline: &Pipeline,
    incoming: &str,
    function: &Function,
    app: &App,
) -> Option<Subscription> {
    let Trigger::Queue(queue) = &function.trigger else {
        return None;
    };
    let told = |other: &Function| other.output.queue.as_ref() == Some(queue);
    if pipeline.functions.iter().any(told) {
        return None;
    }
    let named = function.inputs.iter().filter(|(name, input)| {
        matches!(input, Input::Blob(_) | Input::Artifact(_)) && !function.optional.contains(name)
    });
    let mut named = named.map(|(_, input)| input);
    let (Some(Input::Blob(template)), None) = (named.next(), named.next()) else {
        return None;
    };
    let (begins, ends) = template.around();
    Some(Subscription {
        key: format!("incoming-{}", app.key),
        begins: format!("/blobServices/default/containers/{incoming}/blobs/{begins}"),
        ends: ends.to_owned(),
        queue: queue.clone(),
    })
}
