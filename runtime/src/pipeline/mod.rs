//! `functions.toml`: the stages as functions, what triggers each, and every
//! input and output; checked once into a [`Pipeline`].
//!
//! ```toml
//! [store]
//! folder = "cutline-data"
//!
//! [function.ingestion]
//! trigger = { queue = "raw-arrived" }
//! input   = { blob = "raw/{name}.csv" }
//! expect  = { age = { min = 18, max = 110 }, customer_id = { unique = true } }
//! output  = { artifact = "customers", queue = "customers-ready" }
//!
//! [function.training]
//! trigger = { queue = "features-ready" }
//! input   = { artifact = "customers-train" }
//! label   = "churned"
//! model   = { kind = "logistic-regression", c = 1.0 }
//! output  = { artifact = "model", queue = "model-trained" }
//! ```
//!
//! The keys `stage`, `trigger`, `input` and `output` are the same for every
//! function and say what it may touch; all others are its stage's parameters.
//! The first problem is reported, with its place.

mod check;
mod file;
mod params;
mod problem;
mod secrets;
mod serve;
mod show;
mod template;
mod unfinished;

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use indexmap::IndexMap;
use url::Url;

pub(crate) use check::is_declared;
pub use params::Params;
pub use problem::Problem;
pub use template::Template;

use crate::function::{Kind, StageFn};
use crate::secret::SecretFrom;
use crate::store::owners::{SharedDatabase, url_beside};
use crate::store::place::AzurePlace;
use crate::store::registry::{self, ModelName, Signing};

/// A checked `functions.toml`.
pub struct Pipeline {
    /// Where queues, blobs, registry and ledger are.
    pub store: Store,
    /// Where faces are.
    pub listen: SocketAddr,
    /// With what faces say who they are, over TLS.
    pub tls: Option<Tls>,
    /// What a request has to show that changes something.
    pub token: Option<Token>,
    /// The Key Vault that `secret:vault:` means.
    pub vault: Option<Url>,
    /// Who vouches for versions of models.
    pub signing: Signing,
    /// What the monolith and the functions share, in the order of the file.
    pub databases: Vec<SharedDatabase>,
    /// In the order of the file.
    pub functions: Vec<Function>,
    /// The `[[http]]` tables as written; `face` checks them.
    pub faces: Vec<Params>,
}

/// Where a pipeline keeps what it makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// Where that is.
    pub place: Place,
    /// For how long it is kept what copies of requests make.
    pub keep_shadows: Duration,
}

/// On this machine, or elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In folders, relative to the file.
    Folders {
        /// The data folder.
        data: String,
        /// The folder that what comes from outside is put into.
        incoming: String,
    },
    /// In a storage account.
    Azure {
        /// The container of what is made, and the queues.
        kept: Box<AzurePlace>,
        /// The container that what comes from outside is put into.
        incoming: Box<AzurePlace>,
        /// What requests show.
        shows: Shows,
    },
}

/// What requests to Azure show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shows {
    /// A token of this machine's identity, or of whoever is logged in.
    Identity,
    /// A shared access signature.
    Sas(SecretFrom),
    /// The key of an emulator.
    Key(SecretFrom),
}

/// With what faces say who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The file of the chain in PEM, the leaf first; relative to
    /// `functions.toml`.
    pub certificate: String,
    /// Where its key is, in PEM.
    pub key: SecretFrom,
}

/// Where the token is that is to be shown, and in which header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Where it is.
    pub from: SecretFrom,
    /// The header whose value it is; without, `Authorization: Bearer`.
    pub header: Option<HeaderName>,
}

/// One stage function.
pub struct Function {
    /// As in `[function.NAME]`.
    pub name: String,
    /// The name of its kind: one of the seven stages, or the user's own.
    pub stage: String,
    /// What starts it.
    pub trigger: Trigger,
    /// By name; the only input of a function is called `input`.
    pub inputs: IndexMap<String, Input>,
    /// The inputs that are left out where a message does not name their file.
    pub optional: Vec<String>,
    /// What it makes, and who is told.
    pub output: Output,
    /// No function of the file is told.
    pub is_last: bool,
    /// What runs, with its parameters.
    pub run: Arc<dyn StageFn>,
    /// The parameters as written.
    pub params: Params,
    /// The parameters as text: part of what an invocation's name is made of,
    /// so that the same input with other parameters is other work.
    pub parameters: String,
}

/// What starts a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// A message in this queue.
    Queue(String),
    /// An event of this hub.
    Events(EventHub),
    /// So much time after the last start.
    Every(Duration),
    /// A request at one of its faces.
    Http,
}

/// A hub of Azure Event Hubs, as it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventHub {
    /// What it is called in its namespace, which an app's setting names.
    pub name: String,
    /// For whom the hub keeps in mind what was read.
    pub consumer_group: String,
}

/// What a function reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A blob by path; `{name}` stands for the message's field.
    Blob(Template),
    /// What the message names so.
    Artifact(String),
    /// The rows of a query.
    Sql {
        /// Of the database, or the name of a shared one.
        url: String,
        /// A `SELECT`.
        query: String,
    },
    /// The version behind an alias of the registry: `churn@champion`.
    Model(Alias),
    /// The log of this inference function's predictions.
    Log(String),
}

/// What a function makes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// The name, in messages, of what the stage calls so; the key `""` is what
    /// a stage that makes one artifact makes.
    pub artifacts: IndexMap<String, String>,
    /// Where the message goes once all is made.
    pub queue: Option<String>,
    /// The alias of the registry that it may move.
    pub alias: Option<Alias>,
    /// The tables that it may write the rows of its inputs to, by their names.
    pub tables: IndexMap<String, Table>,
}

/// An alias of a model in the registry, written `churn@champion`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// Of the model.
    pub model: ModelName,
    /// Which of its aliases.
    pub alias: registry::Alias,
}

/// A table of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Of the database, or the name of a shared one.
    pub url: String,
    /// Of the table.
    pub name: String,
    /// The columns that name a row; none where each row is added.
    pub key: Vec<String>,
}

/// Whether the function is among those that are hosted here: all, unless some
/// are named.
pub(crate) fn is_hosted(only: &[String], function: &str) -> bool {
    only.is_empty() || only.iter().any(|named| named == function)
}

impl Pipeline {
    /// Reads and checks; `kinds` are the stages there are.
    ///
    /// # Errors
    /// The first problem with its place in `text`.
    pub fn parse(text: &str, kinds: &[Kind]) -> Result<Pipeline, Problem> {
        file::read(&text.into())
            .and_then(|file| check::check(file, kinds))
            .and_then(|pipeline| secrets::have_a_vault(&pipeline, text).map(|()| pipeline))
            .map_err(|problem| problem.located(text))
    }

    /// The same, with the paths of its SQLite databases, which are relative to
    /// the file, seen from where the file is in `folder`.
    #[must_use]
    pub fn beside(mut self, folder: &Path) -> Pipeline {
        for database in &mut self.databases {
            let own = database.own.iter_mut();
            for url in std::iter::once(&mut database.monolith).chain(own) {
                *url = url_beside(folder, url);
            }
        }
        for function in &mut self.functions {
            for input in function.inputs.values_mut() {
                if let Input::Sql { url, .. } = input {
                    *url = url_beside(folder, url);
                }
            }
            for table in function.output.tables.values_mut() {
                table.url = url_beside(folder, &table.url);
            }
        }
        self
    }

    /// The function of that name.
    #[must_use]
    pub fn function(&self, name: &str) -> Option<&Function> {
        self.functions.iter().find(|function| function.name == name)
    }

    /// All queues, in the order in which the file first names them.
    #[must_use]
    pub fn queues(&self) -> Vec<&str> {
        let mut queues: Vec<&str> = Vec::new();
        for function in &self.functions {
            let read = match &function.trigger {
                Trigger::Queue(queue) => Some(queue.as_str()),
                Trigger::Events(_) | Trigger::Every(_) | Trigger::Http => None,
            };
            for queue in read.into_iter().chain(function.output.queue.as_deref()) {
                if !queues.contains(&queue) {
                    queues.push(queue);
                }
            }
        }
        queues
    }
}

/// What the queue of a function is called behind its name, that time triggers.
const DUE: &str = "-due";
/// The same, of one that events trigger.
const EVENTS: &str = "-events";

impl EventHub {
    /// The group that every hub has.
    pub const DEFAULT_GROUP: &'static str = "$Default";
}

impl Function {
    /// The queue whose messages start it: for one that time or events trigger,
    /// its own. What fails of events is tried again from there.
    #[must_use]
    pub fn queue(&self) -> Option<String> {
        match &self.trigger {
            Trigger::Queue(queue) => Some(queue.clone()),
            Trigger::Events(_) => Some(format!("{}{EVENTS}", self.name)),
            Trigger::Every(_) => Some(format!("{}{DUE}", self.name)),
            Trigger::Http => None,
        }
    }
}

impl Output {
    /// The name, in messages, of what the stage calls `port`: as the file says;
    /// or the name that it says for the port's beginning, or for the main
    /// artifact, with the rest behind it. What is not said may not be made.
    #[must_use]
    pub fn artifact(&self, port: &str) -> Option<String> {
        if let Some(name) = self.artifacts.get(port) {
            return Some(name.clone());
        }
        let begins = self
            .artifacts
            .iter()
            .filter_map(|(known, name)| match known.as_str() {
                "" => Some((name, port)),
                known => Some((name, port.strip_prefix(known)?.strip_prefix('-')?)),
            });
        let (name, rest) = begins.min_by_key(|(_, rest)| rest.len())?;
        Some(format!("{name}-{rest}"))
    }
}

impl fmt::Display for Alias {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.model, self.alias)
    }
}

#[cfg(test)]
mod tests;
