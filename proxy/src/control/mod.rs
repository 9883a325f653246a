//! [`Control`]: the only one that changes shares while requests pass.
//!
//! A change is kept in the journal first and put in place then, so that what
//! was acknowledged survives a crash. The file is watched; one that is wrong is
//! refused whole, and what it said before stays.

mod folder;
mod notify;
mod rollout;
mod seen;
mod shares;
mod watch;
mod wish;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

pub use folder::{AdminAddress, FolderError, SecureAddress, StateFolder, token};
pub use notify::{Notice, Notify};
pub use rollout::{Ask, JUDGE};
pub(crate) use rollout::{Stand, details};
pub(crate) use seen::Seen;
pub use shares::settled;
pub use wish::{Wish, WishError};

use crate::config::{Config, Problem, RoutesFile, Settings};
use crate::journal::{Author, Change, Journal, JournalError, NewChange, effective};
use crate::listen::Handle;
use crate::rollout::{Policy, Position, Step, What};
use crate::route::{Mode, Share};
use crate::verdict::Gathered;
use watch::{Read, Watch};

/// How often the file and the journal are looked at, and how often the journal
/// is by a process whose place another one takes.
const LOOK: Duration = Duration::from_millis(250);
const FOLLOW: Duration = Duration::from_millis(20);

/// No version of a journal.
const UNKNOWN: i64 = -1;

/// What changes a running proxy.
pub struct Control {
    pub(crate) running: Handle,
    pub(crate) started: SystemTime,
    pub(crate) at_start: Settings,
    inner: Mutex<Inner>,
    notify: Option<Box<dyn Notify>>,
}

struct Inner {
    journal: Journal,
    others: i64,
    /// The file as it was last accepted: shares as declared.
    file: Config,
    watch: Watch,
    wrong: Option<Wrong>,
    restart: Vec<&'static str>,
    /// By stage, as rollouts were last judged.
    stands: BTreeMap<String, Stand>,
    /// Stages whose answers differ, and nobody knows whether that is noise.
    doubted: BTreeSet<Arc<str>>,
    /// By stage: the epoch, and the step, of which was told that a person has
    /// to confirm it.
    awaited: BTreeMap<String, (u64, Step)>,
    /// What the journal could not be told yet.
    untold: Gathered,
    /// Another process decides by now.
    follows: bool,
}

/// Why the file as it is now is not in place.
#[derive(Clone, Debug)]
pub(crate) struct Wrong {
    pub(crate) since: SystemTime,
    pub(crate) message: String,
    /// Where and how to mend it, where it could be read at all.
    pub(crate) problem: Option<Problem>,
}

/// The file, as it stands.
#[derive(Clone, Debug)]
pub(crate) struct FileState {
    pub(crate) path: String,
    pub(crate) wrong: Option<Wrong>,
    /// What it says that needs a restart.
    pub(crate) restart: Vec<&'static str>,
}

/// Why a change is not made.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The file names no such stage.
    #[error("routes.toml names no stage of that name")]
    NoSuchStage {
        /// Those it names.
        known: Vec<String>,
    },
    /// There is nobody to send anything to.
    #[error("mode {} needs a candidate, and routes.toml names none for this stage", .0.name())]
    NoCandidate(Mode),
    /// What is asked for makes no sense.
    #[error(transparent)]
    Wish(#[from] WishError),
    /// The file states no policy for it.
    #[error("routes.toml states no rollout for this stage")]
    NoRollout,
    /// It is not judged run by run.
    #[error("routes.toml states no rollout on runs for this stage")]
    NoRuns,
    /// The rollout does not stand so that it could be done.
    #[error(transparent)]
    Rollout(#[from] crate::rollout::Refused),
    /// It could not be kept, and so was not made.
    #[error("{}", said(.0))]
    Journal(#[from] JournalError),
}

/// With its cause.
fn said(error: &JournalError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

impl Refused {
    /// What to do.
    pub fn mend(&self) -> String {
        match self {
            Refused::NoSuchStage { known } if known.is_empty() => {
                "add a [stage.NAME] to routes.toml".to_owned()
            }
            Refused::NoSuchStage { known } => format!("one of {}", known.join(", ")),
            Refused::NoCandidate(_) => {
                "add candidate = [\"http://host:port\"] to the stage in routes.toml".to_owned()
            }
            Refused::Wish(WishError::Nothing) => "name a mode, a percent, or both".to_owned(),
            Refused::Wish(WishError::NoPercent(_)) => {
                "leave the percent out, or name the mode split, shadow or reverse-shadow".to_owned()
            }
            Refused::Wish(WishError::Percent(_)) => "such as 10 or 0.5".to_owned(),
            Refused::NoRollout => {
                "add [stage.NAME.rollout] to routes.toml, or use shift and mode".to_owned()
            }
            Refused::NoRuns => {
                "write evidence = { runs = 3 } in [stage.NAME.rollout] of routes.toml".to_owned()
            }
            Refused::Rollout(refused) => rollout::mend(refused).to_owned(),
            Refused::Journal(error) => error.mend().to_owned(),
        }
    }
}

/// Where a stage stands, by file and journal.
struct Standing {
    /// What the file says.
    declared: Share,
    has_candidate: bool,
    /// What holds.
    share: Share,
    /// Where the file states a policy.
    rollout: Option<(Arc<Policy>, Position)>,
}

impl Standing {
    /// A change to another share, or to none.
    fn change(
        &self,
        stage: &str,
        to: Share,
        event: Option<What>,
        by: Author,
        why: &str,
    ) -> NewChange {
        NewChange {
            stage: stage.to_owned(),
            from: Some(self.share),
            to: Some(to),
            declared: Some(self.declared),
            by,
            why: why.to_owned(),
            event,
        }
    }
}

impl Inner {
    fn standing(&self, stage: &str, journal: &Journal) -> Result<Standing, Refused> {
        let table = &self.file.table;
        let Some(declared) = table.stage(stage) else {
            let known = table.stages.iter().map(|stage| stage.name.to_string());
            return Err(Refused::NoSuchStage {
                known: known.collect(),
            });
        };
        let last = journal.last(stage)?;
        let rollout = match self.file.settings.rollouts.get(stage) {
            Some(policy) => {
                let position = journal.position(stage, SystemTime::now())?;
                Some((Arc::clone(policy), position))
            }
            None => None,
        };
        Ok(Standing {
            declared: declared.share,
            has_candidate: declared.candidate.is_some(),
            share: effective(declared.share, last.as_ref().map(|last| &last.what)),
            rollout,
        })
    }
}

impl Control {
    /// Of a proxy that runs what [`settled`] gave for `file`, which was read
    /// from `path` as `text`.
    pub fn new(
        running: Handle,
        file: Config,
        path: &Path,
        text: String,
        journal: Journal,
    ) -> Control {
        let noise = journal.noise().unwrap_or_else(|error| {
            tracing::error!(error = said(&error), "what is noise is learnt anew");
            Vec::new()
        });
        running.learn(noise);
        Control {
            running,
            started: SystemTime::now(),
            at_start: file.settings.clone(),
            notify: None,
            inner: Mutex::new(Inner {
                // What was written since `settled` looked is not known.
                others: UNKNOWN,
                journal,
                file,
                watch: Watch::new(path, text),
                wrong: None,
                restart: Vec::new(),
                stands: BTreeMap::new(),
                doubted: BTreeSet::new(),
                awaited: BTreeMap::new(),
                untold: Gathered::default(),
                follows: false,
            }),
        }
    }

    /// Gives a stage another share, for all requests to come and until the file
    /// says something else of it. None where it has that share already.
    pub fn change(
        &self,
        stage: &str,
        wish: Wish,
        by: Author,
        why: &str,
    ) -> Result<Option<Change>, Refused> {
        let inner = self.inner();
        let change = inner.journal.at_once(|journal| {
            let standing = inner.standing(stage, journal)?;
            let to = wish.share(standing.share)?;
            if !standing.has_candidate && to.mode != Mode::Monolith {
                return Err(Refused::NoCandidate(to.mode));
            }
            if to == standing.share {
                return Ok(None);
            }
            let event = standing.rollout.as_ref();
            let event = event.map(|(policy, position)| shares::chosen(policy, position, to));
            let change = standing.change(stage, to, event, by, why);
            Ok(Some(shares::kept(change, journal)?))
        })?;
        if let Some(change) = &change {
            self.tell(change);
            self.put(&inner, &inner.file)?;
        }
        Ok(change)
    }

    /// From now on (or, where it is false, no longer) another process reads the
    /// file and decides; this one does what the journal says, whatever its own
    /// file says, and writes nothing to it by itself.
    pub fn follow(&self, follows: bool) {
        let mut inner = self.inner();
        inner.follows = follows;
        // What another process may have written is looked at in any case.
        inner.others = UNKNOWN;
    }

    /// How long to wait until the next [`Control::look`].
    pub fn pace(&self) -> Duration {
        match self.inner().follows {
            true => FOLLOW,
            false => LOOK,
        }
    }

    /// Reads the file now, changed or not: keys it names may be new.
    pub fn reload(&self) {
        let mut inner = self.inner();
        if inner.follows {
            return;
        }
        let read = inner.watch.read();
        self.take(&mut inner, read);
    }

    /// Takes over what the file says by now, and what another process wrote to
    /// the journal. To be called at every [`Control::pace`].
    pub fn look(&self) {
        let mut inner = self.inner();
        if !inner.follows {
            let mended = inner.mended();
            if let Some(read) = inner.watch.look().or(mended) {
                self.take(&mut inner, read);
            }
        }
        let put = inner.journal.others_version().and_then(|version| {
            if version == inner.others {
                return Ok(());
            }
            inner.others = version;
            match inner.follows {
                true => self.put_journal(&inner),
                false => self.put(&inner, &inner.file),
            }
        });
        if let Err(error) = put {
            let (error, mend) = (said(&error), error.mend());
            tracing::error!(error, mend, "shares stay as they are");
        }
    }

    /// What the journal says of each stage, whoever decided it.
    fn put_journal(&self, inner: &Inner) -> Result<(), JournalError> {
        for stage in &self.running.table().stages {
            let Some(last) = inner.journal.last(&stage.name)? else {
                continue;
            };
            let policy = inner.file.settings.rollouts.get(&*stage.name);
            let epoch = shares::epoch(policy.is_some(), &last, &inner.journal)?;
            if let Some(to) = last.what.to
                && (to, epoch) != (stage.share, stage.epoch)
                && (stage.candidate.is_some() || to.mode == Mode::Monolith)
            {
                self.running.enter(&stage.name, to, epoch);
            }
        }
        Ok(())
    }

    fn take(&self, inner: &mut Inner, read: Read) {
        let path = inner.watch.path().to_owned();
        let checked = match read {
            Ok(text) => check(&path, &text).map_err(|problem| (problem.to_string(), Some(problem))),
            Err(error) => Err((format!("cannot be read: {error}"), None)),
        };
        let put = checked.and_then(|config| match self.put(inner, &config) {
            Ok(()) => Ok(config),
            Err(error) => Err((said(&error), None)),
        });
        let path = path.display();
        match put {
            Ok(config) => {
                inner.restart = differences(&self.at_start, &config.settings);
                inner.file = config;
                inner.wrong = None;
                tracing::info!(%path, "the file is in place");
                if !inner.restart.is_empty() {
                    let fields = inner.restart.join(", ");
                    tracing::warn!(%path, fields, "these are read at start only: restart the proxy");
                }
            }
            Err((message, problem)) => {
                tracing::error!(%path, message, "the file is refused; what it said before stays");
                inner.wrong = Some(Wrong {
                    since: SystemTime::now(),
                    message,
                    problem,
                });
            }
        }
    }

    fn put(&self, inner: &Inner, config: &Config) -> Result<(), JournalError> {
        let mut table = settled(config, &inner.journal)?;
        for stage in &mut table.stages {
            stage.doubted = inner.doubted.contains(&stage.name);
        }
        self.running.replace(Config {
            table,
            settings: config.settings.clone(),
        });
        Ok(())
    }

    /// Each stage with what the file says of it and its last change.
    pub(crate) fn stages(&self) -> Result<Vec<(Share, Option<Change>)>, JournalError> {
        let inner = self.inner();
        let stages = inner.file.table.stages.iter();
        stages
            .map(|stage| Ok((stage.share, inner.journal.last(&stage.name)?)))
            .collect()
    }

    pub(crate) fn changes(
        &self,
        stage: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Change>, JournalError> {
        self.inner().journal.changes(stage, limit)
    }

    pub(crate) fn file(&self) -> FileState {
        let inner = self.inner();
        FileState {
            path: inner.watch.path().display().to_string(),
            wrong: inner.wrong.clone(),
            restart: inner.restart.clone(),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// What the file says, where it was refused and is no longer wrong: a
    /// certificate that it names is there by now.
    fn mended(&self) -> Option<Read> {
        self.wrong.as_ref()?.problem.as_ref()?;
        let text = self.watch.known().as_ref().ok()?;
        let right = check(self.watch.path(), text).is_ok();
        right.then(|| Ok(text.clone()))
    }
}

/// Checks the text of the file at `path`, and the certificates and keys it
/// names, which lie beside it.
pub fn check(path: &Path, text: &str) -> Result<Config, Problem> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let config = RoutesFile::check(text, |key| std::fs::read(folder.join(key)))?;
    let config = config.beside(folder);
    match config.misnamed() {
        Some(misnamed) => {
            let problem = Problem::of_field(text, &misnamed.path, misnamed.message);
            Err(problem.label(misnamed.mend))
        }
        None => Ok(config),
    }
}

/// The fields that are read at start only, and have changed since.
fn differences(before: &Settings, after: &Settings) -> Vec<&'static str> {
    let fields = [
        ("listen", before.listen != after.listen),
        ("admin", before.admin != after.admin),
        ("tls", before.tls != after.tls),
        ("admin_tls", before.admin_tls != after.admin_tls),
        ("limits", before.limits != after.limits),
        ("notify", before.notify != after.notify),
    ];
    let changed = fields.iter().filter(|(_, changed)| *changed);
    changed.map(|(name, _)| *name).collect()
}
