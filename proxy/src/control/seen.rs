//! What was seen of both sides' answers of a stage.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Control, Stand};
use crate::compare::{Field, Noise, Summary, noise};
use crate::journal::{JournalError, Session, SessionRequest, Wanted};
use crate::rollout::{Criterion, Policy};
use crate::verdict::{KeptPair, Trend};

/// How far back a trend goes.
const TREND: Duration = Duration::from_secs(3_600);

/// What was seen of both sides' answers since the stage's share began.
pub(crate) struct Seen {
    pub(crate) epoch: u64,
    pub(crate) summary: Summary,
    /// By the seconds since 1970 at which a stretch begins, the oldest first.
    pub(crate) trend: Vec<(u64, Trend)>,
    pub(crate) noise: Noise,
    /// What is never noise.
    pub(crate) strict: BTreeSet<Field>,
    /// Where the file states a policy, and it was judged already.
    pub(crate) rollout: Option<(Arc<Policy>, Stand)>,
}

/// A share of all, and the bounds it surely lies within.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rate {
    pub(crate) value: f64,
    pub(crate) low: f64,
    /// None where nobody can tell.
    pub(crate) high: Option<f64>,
    /// How surely.
    pub(crate) sure: f64,
}

impl Control {
    /// What was seen of a stage; None where there is no such stage.
    pub(crate) fn seen(&self, stage: &str) -> Result<Option<Seen>, JournalError> {
        let inner = self.inner();
        let table = self.running.table();
        let Some(place) = table.stages.iter().position(|own| *own.name == *stage) else {
            return Ok(None);
        };
        let epoch = table.stages[place].epoch;
        let since = SystemTime::now() - TREND;
        let since = since
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        let settings = &inner.file.settings;
        let routes = table.routes.iter().zip(&*settings.compare);
        let rules = routes.filter(|(route, _)| route.stage == place);
        let strict = rules.flat_map(|(_, rules)| rules.noise.strict.iter().cloned());
        let policy = settings.rollouts.get(stage).cloned();
        Ok(Some(Seen {
            epoch,
            summary: inner.journal.summary(stage, epoch)?,
            trend: inner.journal.trend(stage, since)?,
            noise: self.running.noise(stage),
            strict: strict.collect(),
            rollout: policy.zip(inner.stands.get(stage).cloned()),
        }))
    }

    /// The sessions of a stage that are kept since its share began, that of the
    /// latest request first, and which change it began with; None where there
    /// is no such stage.
    pub(crate) fn sessions(
        &self,
        stage: &str,
    ) -> Result<Option<(u64, Vec<Session>)>, JournalError> {
        let inner = self.inner();
        let table = self.running.table();
        let Some(epoch) = table.stage(stage).map(|own| own.epoch) else {
            return Ok(None);
        };
        Ok(Some((epoch, inner.journal.sessions(stage, epoch)?)))
    }

    /// Requests of a session, as [`Journal::requests_of`] tells them.
    ///
    /// [`Journal::requests_of`]: crate::journal::Journal::requests_of
    pub(crate) fn requests_of(
        &self,
        session: (&str, u64, u64),
        skipped: u64,
        limit: u64,
    ) -> Result<Vec<SessionRequest>, JournalError> {
        self.inner().journal.requests_of(session, skipped, limit)
    }

    /// Pairs that are kept, the latest first.
    pub(crate) fn pairs(
        &self,
        wanted: Wanted<'_>,
        limit: usize,
    ) -> Result<Vec<KeptPair>, JournalError> {
        self.inner().journal.pairs(wanted, limit)
    }
}

impl Seen {
    /// The share of answers that differ: by the rollout, as it is judged at any
    /// time, or else by a score interval (Wilson 1927) with 99 %, which holds
    /// for a look at a time chosen beforehand.
    pub(crate) fn rate(&self) -> Option<Rate> {
        let judged = self.rollout.as_ref().and_then(|(policy, stand)| {
            let mut findings = stand.judgement.findings.iter();
            let own = findings.find(|own| own.criterion == Criterion::Mismatch)?;
            Some(Rate {
                value: own.value?,
                low: own.low,
                high: own.high,
                sure: policy.sure,
            })
        });
        let (differ, compared) = (self.summary.mismatches, self.summary.compared);
        judged.or_else(|| {
            let (low, high) = noise::wilson(differ, compared);
            (compared > 0).then(|| Rate {
                value: differ as f64 / compared as f64,
                low,
                high: Some(high),
                sure: 0.99,
            })
        })
    }
}
