//! [`StageContext`]: all that a stage may reach, and only what its function's
//! declaration lists.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use super::{StageError, Stop};
use crate::log;
use crate::pipeline::{Alias, Function, Input, Table, Template};
use crate::queue::Message;
use crate::store::artifact::{Artifact, ArtifactError, ArtifactId, Description, Making};
use crate::store::cells::Swapped;
use crate::store::clock::Timestamp;
use crate::store::owners::{Held, OwnerError, Owners};
use crate::store::registry::{self, Registered, Registry, RegistryError};
use crate::store::space::Space;

/// What the host hands in: where things are kept.
#[derive(Clone)]
pub struct Services {
    /// Artifacts, versions, messages and what has been done.
    pub space: Space,
    /// What comes from outside, by path.
    pub blobs: Arc<dyn ObjectStore>,
    /// What inference functions said.
    pub logs: Arc<dyn ObjectStore>,
    /// Databases that the monolith and the functions share.
    pub owners: Owners,
    /// Which code this is: part of every artifact's record.
    pub code: Arc<str>,
}

/// What one invocation of one function may reach.
pub struct StageContext {
    function: Arc<Function>,
    services: Services,
    message: Message,
    used: Mutex<Vec<ArtifactId>>,
    made: Mutex<BTreeMap<String, ArtifactId>>,
    silent: AtomicBool,
    stop: Stop,
}

/// What an invocation made and used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Made {
    /// By the names that messages use.
    pub artifacts: BTreeMap<String, ArtifactId>,
    /// What it read.
    pub used: Vec<ArtifactId>,
}

impl StageContext {
    /// For one invocation of `function`.
    #[must_use]
    pub fn new(function: Arc<Function>, services: Services, message: Message) -> StageContext {
        StageContext {
            function,
            services,
            message,
            used: Mutex::default(),
            made: Mutex::default(),
            silent: AtomicBool::new(false),
            stop: Stop::default(),
        }
    }

    /// The same, ending when `stop` is asked for.
    #[must_use]
    pub fn until(self, stop: Stop) -> StageContext {
        StageContext { stop, ..self }
    }

    /// What says that this invocation is not wanted any more: the host is told
    /// to end, or another has the message. Work that takes long looks at it
    /// between its steps, and ends with [`StageError::stopped`]. Other work may
    /// go on to its end, for which the host waits.
    #[must_use]
    pub fn stop(&self) -> &Stop {
        &self.stop
    }

    /// The names of the function's inputs, in the order of the file.
    pub fn inputs(&self) -> impl Iterator<Item = &str> {
        self.function.inputs.keys().map(String::as_str)
    }

    /// Whether an input is not asked for: it need not be there, and the message
    /// does not say which file it is.
    pub fn is_left_out(&self, input: &str) -> bool {
        let Some(Input::Blob(path)) = self.function.inputs.get(input) else {
            return false;
        };
        let is_optional = self.function.optional.iter().any(|name| name == input);
        is_optional
            && !path
                .fields()
                .all(|field| self.message.values.contains_key(field))
    }

    /// What stands behind an input.
    ///
    /// # Errors
    /// When the function declares none of this name.
    pub fn input(&self, name: &str) -> Result<&Input, StageError> {
        self.function.inputs.get(name).ok_or_else(|| {
            let declared: Vec<&str> = self.inputs().collect();
            StageError::data(format!(
                "function {} declares no input {name:?}: it has {}",
                self.function.name,
                declared.join(", ")
            ))
        })
    }

    /// An input as a file without a name, to read and to seek; what it holds
    /// has been verified where it is an artifact.
    ///
    /// # Errors
    /// When it is not declared, not named by the message, or cannot be read.
    pub async fn open(&self, name: &str) -> Result<File, StageError> {
        match self.input(name)? {
            Input::Artifact(artifact) => {
                let id = self.named(name, artifact)?;
                self.use_of(id);
                let fetched = self.services.space.artifacts().fetch(&id, "").await;
                fetched.map_err(|error| unreadable(self.reading(name), error))
            }
            Input::Blob(path) => {
                let path = self.filled(name, path)?;
                self.download(name, &path).await
            }
            Input::Sql { .. } | Input::Model(_) | Input::Log(_) => Err(StageError::data(format!(
                "{}: it is neither a blob nor an artifact",
                self.reading(name)
            ))),
        }
    }

    /// The path of an input that is a blob, with the message's values in it;
    /// None for any other.
    ///
    /// # Errors
    /// When it is not declared, or the message lacks a value.
    pub fn path(&self, name: &str) -> Result<Option<String>, StageError> {
        match self.input(name)? {
            Input::Blob(path) => self.filled(name, path).map(Some),
            _ => Ok(None),
        }
    }

    /// An input that is small, at once.
    ///
    /// # Errors
    /// As [`StageContext::open`].
    pub async fn read(&self, name: &str) -> Result<Bytes, StageError> {
        let mut file = self.open(name).await?;
        let read = tokio::task::spawn_blocking(move || {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).map(|_| bytes)
        });
        match read.await {
            Ok(Ok(bytes)) => Ok(bytes.into()),
            Ok(Err(error)) => Err(StageError::passing(self.reading(name), error)),
            Err(error) => Err(StageError::passing(self.reading(name), error)),
        }
    }

    /// Keeps what the stage calls `port` (`""` where it makes one thing): the
    /// rest of `content` from where it stands. That it was made so is noted in
    /// its lineage, also where the same content was made before in another way.
    ///
    /// # Errors
    /// When the function declares no artifact for it, or it cannot be kept.
    pub async fn put(
        &self,
        port: &str,
        description: Description,
        content: impl Into<Content>,
    ) -> Result<Artifact, StageError> {
        let Some(name) = self.function.output.artifact(port) else {
            return Err(StageError::data(format!(
                "function {} makes {}, and declares no artifact for it: write output = {{ artifact = \"…\" }}",
                self.function.name,
                if port.is_empty() { "its result" } else { port }
            )));
        };
        let failed = |error| StageError::passing(format!("{name} cannot be kept"), error);
        let described = Description {
            name: name.clone(),
            ..description
        };
        let mut writer = self.services.space.artifacts().write(described);
        match content.into() {
            Content::Bytes(bytes) => writer.write(&bytes).await.map_err(failed)?,
            Content::File(mut file) => loop {
                let (back, piece) = next_piece(file).await.map_err(|error| {
                    StageError::passing(format!("what became {name} cannot be read again"), error)
                })?;
                file = back;
                if piece.is_empty() {
                    break;
                }
                writer.write(&piece).await.map_err(failed)?;
            },
        }
        let making = self.making();
        let artifact = writer.finish(making.clone()).await.map_err(failed)?;
        let lineages = self.services.space.lineages();
        let recorded = lineages.record(&artifact.id, &making).await;
        recorded.map_err(|error| {
            StageError::passing(format!("how {name} was made cannot be noted"), error)
        })?;
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.insert(name, artifact.id);
        Ok(artifact)
    }

    /// The version behind an alias that is an input; None while it points
    /// nowhere.
    ///
    /// # Errors
    /// When the input is no model, or the registry cannot be read.
    pub async fn model(&self, name: &str) -> Result<Option<Registered>, StageError> {
        let Input::Model(alias) = self.input(name)? else {
            return Err(StageError::data(format!(
                "{}: it is no model",
                self.reading(name)
            )));
        };
        let found = self
            .services
            .space
            .registry()
            .serving(&alias.model, alias.alias)
            .await;
        found.map_err(|error| StageError::passing(self.reading(name), error))
    }

    /// Of the model that is an input, the version of this number (`v3`) or
    /// behind this alias; None where there is none.
    ///
    /// # Errors
    /// As [`StageContext::model`].
    pub async fn version(&self, name: &str, which: &str) -> Result<Option<Registered>, StageError> {
        let Input::Model(declared) = self.input(name)? else {
            return self.model(name).await;
        };
        let registry = self.services.space.registry();
        let mut aliases = registry::Alias::ALL.into_iter();
        let alias = aliases.find(|alias| alias.name() == which);
        let found = match (alias, which.parse()) {
            (Some(alias), _) => registry.serving(&declared.model, alias).await,
            (None, Ok(number)) => match registry.version(&declared.model, number).await {
                Err(RegistryError::NoVersion { .. }) => Ok(None),
                other => other.map(Some),
            },
            (None, Err(_)) => Ok(None),
        };
        found.map_err(|error| StageError::passing(self.reading(name), error))
    }

    /// The registry, and the alias that this function may move.
    ///
    /// # Errors
    /// When it declares none.
    pub fn registry(&self) -> Result<(Registry, &Alias), StageError> {
        match &self.function.output.alias {
            Some(alias) => Ok((self.services.space.registry(), alias)),
            None => Err(StageError::data(format!(
                "function {} may move no alias: write output = {{ alias = \"MODEL@champion\" }}",
                self.function.name
            ))),
        }
    }

    /// The URL of a database that is an input: of one that is shared with the
    /// monolith, where its owner has it.
    ///
    /// # Errors
    /// When it cannot be said whose it is.
    pub async fn database(&self, name: &str) -> Result<String, StageError> {
        let cells = self.services.space.cells();
        let url = self.services.owners.url(&**cells, name).await;
        url.map_err(owner_unknown)
    }

    /// The table of a database that an input's rows are written to, the ledger key of
    /// what this message makes there of `input` (the same for every try), and
    /// where the database is; no handover begins until that is dropped. None
    /// where it declares none.
    ///
    /// # Errors
    /// When it cannot be said whose the database is.
    pub async fn table(&self, input: &str) -> Result<Option<(&Table, String, Held)>, StageError> {
        let table = self.function.output.tables.get(input);
        let Some(table) = table.filter(|_| !self.services.space.is_shadow()) else {
            return Ok(None);
        };
        let cells = self.services.space.cells();
        let held = self.services.owners.writing(&**cells, &table.url).await;
        let key = format!("{}/{}/{input}", self.function.name, self.message.id);
        Ok(Some((table, key, held.map_err(owner_unknown)?)))
    }

    /// What is known of the artifact behind an input.
    ///
    /// # Errors
    /// When the input is none, or the message does not name it.
    pub async fn artifact(&self, name: &str) -> Result<Artifact, StageError> {
        let Input::Artifact(artifact) = self.input(name)? else {
            return Err(StageError::data(format!(
                "{}: it is no artifact",
                self.reading(name)
            )));
        };
        let id = self.named(name, artifact)?;
        self.use_of(id);
        let found = self.services.space.artifacts().get(&id).await;
        found.map_err(|error| unreadable(self.reading(name), error))
    }

    /// What is known of any artifact.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn described(&self, id: &ArtifactId) -> Result<Artifact, StageError> {
        let found = self.services.space.artifacts().get(id).await;
        found.map_err(|error| unreadable(format!("the artifact {id} cannot be read"), error))
    }

    /// Any artifact by its name: what a version of a model is made of.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn content(&self, id: &ArtifactId) -> Result<Bytes, StageError> {
        self.use_of(*id);
        let read = self.services.space.artifacts().read(id, "").await;
        read.map_err(|error| unreadable(format!("the artifact {id} cannot be read"), error))
    }

    /// The predictions of an inference function since then.
    ///
    /// # Errors
    /// When the input is no log, or it cannot be read.
    pub async fn predictions(
        &self,
        name: &str,
        since: Timestamp,
    ) -> Result<Vec<log::Entry>, StageError> {
        let Input::Log(function) = self.input(name)? else {
            return Err(StageError::data(format!(
                "{}: it is no log",
                self.reading(name)
            )));
        };
        let read = log::read(&*self.services.logs, function, since).await;
        read.map_err(|error| StageError::passing(self.reading(name), error))
    }

    /// Says whether this message is the first of the function's to note `what`,
    /// words of letters, digits, `.`, `_` and `-`. The same message is told the
    /// same again, so that a repeat does what its first try did.
    ///
    /// # Errors
    /// When that cannot be noted.
    pub async fn first(&self, what: &str) -> Result<bool, StageError> {
        let key = format!("first/{}/{what}", self.function.name);
        let own = Bytes::copy_from_slice(self.message.id.as_bytes());
        let swapped = self
            .services
            .space
            .cells()
            .swap(&key, None, own.clone())
            .await;
        match swapped {
            Ok(Swapped::Done(_)) => Ok(true),
            Ok(Swapped::Lost(there)) => Ok(there.is_some_and(|cell| cell.value == own)),
            Err(error) => Err(StageError::passing(
                format!("{what} cannot be noted"),
                error,
            )),
        }
    }

    /// Sends no message to the function's queue when this invocation is over:
    /// there is nothing to tell.
    pub fn send_nothing(&self) {
        self.silent.store(true, Ordering::Relaxed);
    }

    /// Nothing is to be sent.
    pub(crate) fn is_silent(&self) -> bool {
        self.silent.load(Ordering::Relaxed)
    }

    /// Who this is, for records.
    #[must_use]
    pub fn function(&self) -> &str {
        &self.function.name
    }

    /// Which code this is, for records.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.services.code
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.services.space.clock().now()
    }

    /// What was made and used so far.
    #[must_use]
    pub fn made(&self) -> Made {
        Made {
            artifacts: self
                .made
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
            used: self
                .used
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        }
    }

    /// The artifact that the message names so.
    ///
    /// # Errors
    /// When it names none.
    pub fn named(&self, input: &str, artifact: &str) -> Result<ArtifactId, StageError> {
        let found = self.message.artifacts.get(artifact);
        found.copied().ok_or_else(|| {
            let names: Vec<&str> = self.message.artifacts.keys().map(String::as_str).collect();
            StageError::data(format!(
                "{}: the message {} names no artifact {artifact:?}, only {}",
                self.reading(input),
                self.message.id,
                names.join(", ")
            ))
        })
    }

    fn filled(&self, name: &str, path: &Template) -> Result<String, StageError> {
        let filled = path.fill(|field| self.message.values.get(field).cloned());
        filled.map_err(|why| StageError::data(self.reading(name) + ": " + &why))
    }

    async fn download(&self, name: &str, path: &str) -> Result<File, StageError> {
        let passing = |error: object_store::Error| {
            let message = format!("{} from {path:?}", self.reading(name));
            match error {
                object_store::Error::NotFound { .. } => StageError::data(format!(
                    "{message}: there is no such blob; put the file there before the message is sent"
                )),
                error => StageError::passing(message, error),
            }
        };
        let found = self
            .services
            .blobs
            .get(&Path::from(path))
            .await
            .map_err(passing)?;
        let written = write_down(found.into_stream()).await;
        written.map_err(|error| {
            StageError::passing(format!("{} from {path:?}", self.reading(name)), error)
        })
    }

    fn use_of(&self, id: ArtifactId) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if !used.contains(&id) {
            used.push(id);
        }
    }

    fn making(&self) -> Making {
        Making {
            function: self.function.name.clone(),
            code: self.services.code.to_string(),
            parameters: serde_json::from_str(&self.function.parameters).unwrap_or_default(),
            inputs: self
                .used
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
            at: self.services.space.clock().now(),
        }
    }

    fn reading(&self, input: &str) -> String {
        format!(
            "function {}: input {input} cannot be read",
            self.function.name
        )
    }
}

/// What an artifact is made of.
pub enum Content {
    /// At hand.
    Bytes(Bytes),
    /// From where the file stands to its end.
    File(File),
}

impl From<File> for Content {
    fn from(file: File) -> Content {
        Content::File(file)
    }
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Content {
        Content::Bytes(bytes.into())
    }
}

impl From<String> for Content {
    fn from(text: String) -> Content {
        Content::Bytes(text.into())
    }
}

fn owner_unknown(error: OwnerError) -> StageError {
    match error {
        OwnerError::Secret(error) if !error.may_pass => StageError::of(
            "where the database is, is a secret that cannot be had",
            error,
        ),
        error => StageError::passing("it cannot be said where the database is", error),
    }
}

/// What is not there or not whole will not come by itself: only the store's own
/// trouble may pass.
fn unreadable(message: String, error: ArtifactError) -> StageError {
    match error {
        ArtifactError::Missing { .. }
        | ArtifactError::NoPart { .. }
        | ArtifactError::Damaged { .. }
        | ArtifactError::Document { .. }
        | ArtifactError::Misnamed { .. }
        | ArtifactError::TooLong { .. } => StageError::of(message, error),
        ArtifactError::PartTwice { .. }
        | ArtifactError::Read { .. }
        | ArtifactError::Write { .. }
        | ArtifactError::List { .. } => StageError::passing(message, error),
    }
}

/// Read at once of a file.
const PIECE: u64 = 1 << 20;

async fn next_piece(mut file: File) -> std::io::Result<(File, Vec<u8>)> {
    let read = tokio::task::spawn_blocking(move || {
        let mut piece = Vec::new();
        (&mut file).take(PIECE).read_to_end(&mut piece)?;
        Ok((file, piece))
    });
    read.await.map_err(std::io::Error::other)?
}

async fn write_down(
    mut pieces: impl futures_util::Stream<Item = object_store::Result<Bytes>> + Unpin,
) -> std::io::Result<File> {
    use futures_util::StreamExt;
    use std::io::{Seek, SeekFrom, Write};
    let mut file = tempfile::tempfile()?;
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(std::io::Error::other)?;
        let written = tokio::task::spawn_blocking(move || file.write_all(&piece).map(|()| file));
        file = written.await.map_err(std::io::Error::other)??;
    }
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}
