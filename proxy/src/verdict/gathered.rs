//! [`Gathered`]: what came of answers since the journal was last told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::KeptPair;
use crate::compare::{Noise, Summary};
use crate::rollout::Evidence;

/// What came of answers since the journal was last told. It is added to what is
/// kept, so that several processes may do so.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    /// By stage and epoch.
    pub(crate) steps: BTreeMap<(Arc<str>, u64), (Evidence, Summary)>,
    /// In what the monolith differs from itself, by stage.
    pub(crate) noise: BTreeMap<Arc<str>, Noise>,
    /// By stage, and the time a stretch begins at.
    pub(crate) trend: BTreeMap<(Arc<str>, u64), Trend>,
    pub(crate) pairs: Vec<KeptPair>,
}

/// What was compared in a stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Trend {
    pub(crate) answers: u64,
    pub(crate) mismatches: u64,
    /// Pairs of which a side gave no answer, or none that could be compared.
    pub(crate) unavailable: u64,
}

/// How long a stretch of a trend is.
pub(crate) const STRETCH: Duration = Duration::from_secs(60);

/// As many pairs wait for the journal; more are only counted.
pub(super) const MOST_PAIRS: usize = 256;

impl Gathered {
    /// What belongs to a stage's step.
    pub(super) fn step(&mut self, stage: &Arc<str>, epoch: u64) -> &mut (Evidence, Summary) {
        self.steps.entry((Arc::clone(stage), epoch)).or_default()
    }

    /// Adds what was gathered later.
    pub(crate) fn add(&mut self, later: Gathered) {
        for (step, (evidence, summary)) in later.steps {
            let (sum, all) = self.steps.entry(step).or_default();
            *sum += &evidence;
            all.merge(&summary);
        }
        self.noise.extend(later.noise);
        for (stretch, more) in later.trend {
            let trend = self.trend.entry(stretch).or_default();
            trend.answers += more.answers;
            trend.mismatches += more.mismatches;
            trend.unavailable += more.unavailable;
        }
        let room = MOST_PAIRS.saturating_sub(self.pairs.len());
        self.pairs.extend(later.pairs.into_iter().take(room));
    }

    /// Adds what was counted beside the comparisons.
    pub(super) fn counted(&mut self, stage: Arc<str>, epoch: u64, more: &Evidence) {
        let (evidence, _) = self.steps.entry((stage, epoch)).or_default();
        *evidence += more;
    }

    /// The stretch of a stage's trend in which `time` lies.
    pub(super) fn stretch(&mut self, stage: &Arc<str>, time: SystemTime) -> &mut Trend {
        let seconds = time
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        let begins = seconds - seconds % STRETCH.as_secs();
        self.trend.entry((Arc::clone(stage), begins)).or_default()
    }

    /// Whether there is nothing to tell.
    pub(crate) fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.noise.is_empty() && self.pairs.is_empty()
    }
}
