//! [`Serving`]: an inference function as faces ask it.
//!
//! It follows the alias, and holds the versions that were asked for by number or
//! by another alias beside it. A request has one version from its first line to
//! its last, wherever the alias moves meanwhile.

mod answering;
mod batches;
mod columns;
mod loaded;
mod trouble;

use std::sync::{Arc, Mutex as StdMutex, PoisonError};

use arc_swap::ArcSwapOption;
use futures_util::future::BoxFuture;
use metrics::Histogram;
use tokio::sync::Mutex;

use self::answering::Answering;
pub(super) use self::loaded::Loaded;
use self::trouble::Trouble;
use super::inference::{Inference, read};
use crate::face::{ModelVersions, Predictor, Refusal, Refused, Version};
use crate::function::{Services, StageContext, StageError};
use crate::log::PredictionLog;
use crate::pipeline::{Function, Input, Problem};
use crate::queue::Message;
use crate::store::registry::Registered;

/// Answers with the version that an alias points to, whichever that is, and
/// with others that are asked for.
pub struct Serving {
    function: Arc<Function>,
    services: Services,
    inference: Inference,
    log: Option<PredictionLog>,
    took: Histogram,
    /// Behind the function's alias.
    loaded: ArcSwapOption<Loaded>,
    /// Others, the one asked for last at the end.
    others: StdMutex<Vec<Arc<Loaded>>>,
    trouble: Trouble,
    /// Held by whoever loads a version, or new tables.
    looking: Mutex<()>,
}

/// What the alias is called among the inputs.
const MODEL: &str = "model";

/// So many versions are held beside the one that serves.
const OTHERS: usize = 3;

impl Serving {
    /// For an inference function; with a log, what it says is written there.
    ///
    /// # Errors
    /// When the function's parameters are not those of inference, or it has no
    /// model.
    pub fn new(
        function: Arc<Function>,
        services: Services,
        log: Option<PredictionLog>,
    ) -> Result<Serving, Problem> {
        let inference = read(&function.params)?;
        if !matches!(function.inputs.get(MODEL), Some(Input::Model(_))) {
            let message = "inference needs one called model, such as { model = { model = \"NAME@champion\" } }";
            return Err(function.params.problem("input", message));
        }
        let took = metrics::histogram!("cutline_prediction_duration_seconds", "function" => function.name.clone());
        Ok(Serving {
            trouble: Trouble::new(&function.name),
            function,
            services,
            inference,
            log,
            took,
            loaded: ArcSwapOption::empty(),
            others: StdMutex::default(),
            looking: Mutex::default(),
        })
    }

    /// Looks where the alias points now, and whether the tables are too old.
    ///
    /// # Errors
    /// When the version cannot be loaded; the one before goes on answering. It is
    /// said in the log when that begins, and when it is over.
    pub async fn refresh(&self) -> Result<(), StageError> {
        let _looking = self.looking.lock().await;
        let looked = self.look().await;
        let serves = self.loaded.load();
        let serves = serves.as_ref().map(|loaded| loaded.version());
        self.trouble.looked(looked.as_ref().err(), serves);
        looked
    }

    async fn look(&self) -> Result<(), StageError> {
        let ctx = self.context();
        let known = self.loaded.load_full();
        let found = self.behind_the_alias(&ctx, known.as_deref()).await;
        if let (Err(_), Some(known)) = (&found, &known)
            && !self.is_fresh(known)
        {
            self.loaded.store(Some(Arc::new(known.reread(&ctx).await?)));
        }
        let Some(found) = found? else {
            return Ok(());
        };
        let is_new = known
            .as_ref()
            .is_none_or(|known| known.version() != found.version());
        if is_new {
            tracing::info!(
                function = self.function.name,
                version = found.version(),
                "serves"
            );
        }
        self.loaded.store(Some(Arc::new(found)));
        if let Some(known) = known.filter(|_| is_new) {
            // Whoever asks for it by its number has it at once.
            self.hold(known);
        }
        Ok(())
    }

    /// The version behind the alias, of which `known` may have parts; None
    /// where none serves, or `known` is as it should be.
    async fn behind_the_alias(
        &self,
        ctx: &StageContext,
        known: Option<&Loaded>,
    ) -> Result<Option<Loaded>, StageError> {
        let Some(registered) = ctx.model(MODEL).await? else {
            return Ok(None);
        };
        match known.filter(|known| known.is(&registered)) {
            Some(known) if self.is_fresh(known) => Ok(None),
            Some(known) => known.reread(ctx).await.map(Some),
            None => self.load_anew(ctx, &registered).await.map(Some),
        }
    }

    /// Unless that was tried a little while ago, and came to nothing.
    async fn load_anew(
        &self,
        ctx: &StageContext,
        registered: &Registered,
    ) -> Result<Loaded, StageError> {
        if let Some(error) = self.trouble.rests(&registered.id) {
            return Err(error);
        }
        let loaded = self.load(ctx, registered).await;
        loaded.map_err(|error| {
            let message = format!(
                "{} {} cannot be loaded",
                registered.model, registered.number
            );
            let error = StageError::of(message, error.whole());
            self.trouble.cannot_load(registered.id, &error);
            error
        })
    }

    async fn load(
        &self,
        ctx: &StageContext,
        registered: &Registered,
    ) -> Result<Loaded, StageError> {
        Loaded::load(ctx, &self.inference, registered, &self.function.name).await
    }

    fn context(&self) -> StageContext {
        let message = Message::new(format!("{}-serving", self.function.name));
        StageContext::new(Arc::clone(&self.function), self.services.clone(), message)
    }

    /// What answers now, its tables no older than they may be.
    async fn current(&self) -> Result<Arc<Loaded>, Refusal> {
        let seen = self.loaded.load_full();
        if let Some(loaded) = seen.clone().filter(|loaded| self.is_fresh(loaded)) {
            return Ok(loaded);
        }
        let refreshed = self.refresh().await;
        let loaded = self.loaded.load_full();
        let is_as_before = match (&seen, &loaded) {
            (Some(seen), Some(loaded)) => Arc::ptr_eq(seen, loaded),
            _ => false,
        };
        match (loaded, refreshed) {
            // Where a newer version is broken, this one still has new tables.
            (Some(loaded), Err(_)) if !is_as_before => Ok(loaded),
            (Some(loaded), Ok(())) => Ok(loaded),
            (_, Err(error)) => Err(Refusal::new(Refused::Unavailable, error.whole())),
            (None, Ok(())) => Err(Refusal::new(Refused::Unavailable, "no model serves yet")),
        }
    }

    /// The version of this number, or behind this alias.
    async fn other(&self, which: &str) -> Result<Arc<Loaded>, Refusal> {
        if let Some(known) = self.known(which).filter(|known| self.is_fresh(known)) {
            return Ok(known);
        }
        let unavailable = |error: StageError| Refusal::new(Refused::Unavailable, error.whole());
        let ctx = self.context();
        let registered = ctx.version(MODEL, which).await.map_err(unavailable)?;
        let Some(registered) = registered else {
            let name = &self.function.name;
            let message = format!("the model {name} has no version {which}");
            return Err(Refusal::new(Refused::NotFound, message));
        };
        let number = registered.number.to_string();
        // Of several who ask at once, one loads it.
        let _looking = self.looking.lock().await;
        let found = match self.known(&number) {
            Some(known) if self.is_fresh(&known) => return Ok(known),
            Some(known) => known.reread(&ctx).await,
            None => self.load(&ctx, &registered).await,
        };
        let found = Arc::new(found.map_err(unavailable)?);
        self.hold(Arc::clone(&found));
        Ok(found)
    }

    fn is_fresh(&self, loaded: &Loaded) -> bool {
        loaded.is_fresh(self.inference.max_age)
    }

    /// The version of this number, if it is loaded.
    fn known(&self, version: &str) -> Option<Arc<Loaded>> {
        let serves = self.loaded.load_full();
        if let Some(serves) = serves.filter(|serves| serves.version() == version) {
            return Some(serves);
        }
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        let place = others.iter().position(|held| held.version() == version)?;
        let held = others.remove(place);
        others.push(Arc::clone(&held));
        Some(held)
    }

    fn hold(&self, loaded: Arc<Loaded>) {
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        others.retain(|held| held.version() != loaded.version());
        others.push(loaded);
        let too_many = others.len().saturating_sub(OTHERS);
        others.drain(..too_many);
    }
}

impl Predictor for Serving {
    fn models(&self) -> Vec<ModelVersions> {
        let loaded = self.loaded.load();
        let others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        let held = others.iter().map(Arc::as_ref).chain(loaded.as_deref());
        let mut versions: Vec<&Loaded> = held.collect();
        versions.sort_by_key(|version| version.number());
        versions.dedup_by_key(|version| version.number());
        vec![ModelVersions {
            name: self.function.name.clone(),
            versions: versions
                .iter()
                .map(|version| version.version().to_owned())
                .collect(),
            ready: loaded.is_some(),
            trouble: self.trouble.why(),
        }]
    }

    fn version<'a>(
        &'a self,
        _model: &'a str,
        version: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Arc<dyn Version>, Refusal>> {
        Box::pin(async move {
            let loaded = match version {
                None => self.current().await?,
                Some(which) => self.other(which).await?,
            };
            Ok(Arc::new(Answering {
                loaded,
                most_together: self.inference.max_batch_size,
                log: self.log.clone(),
                took: self.took.clone(),
                clock: Arc::clone(self.services.space.clock()),
            }) as Arc<dyn Version>)
        })
    }
}

#[cfg(test)]
mod tests;
