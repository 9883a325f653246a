//! What people ask of a stage's rollout, and what the evidence does to it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::{Control, Inner, Refused, Standing, shares};
use crate::compare::Summary;
use crate::journal::{Author, Change, Journal, JournalError};
use crate::rollout::{
    self, Action, Details, Evidence, FieldDifference, Judgement, Kind, Policy, Position, Run, Step,
    What, explain,
};
use crate::route::{Mode, Share};
use crate::verdict::{Gathered, WARM_UP};

use crate::rollout::Refused as NotNow;

/// How often rollouts are judged.
pub const JUDGE: Duration = Duration::from_secs(1);

/// As often the monolith is asked twice in doubt, at one share of a stage:
/// enough to tell noise of a thousandth from a difference of some thousandths.
const MOST_DOUBTED: u64 = 5_000;

/// What people ask of a rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Ask {
    /// Its first step.
    Start,
    /// To go no further.
    Pause,
    /// To go on, where it was paused or rolled back.
    Resume,
    /// The next step, for which the policy wants a person's word.
    Confirm,
    /// The next step, whatever the evidence says.
    Advance,
    /// The candidate's share back.
    RollBack,
}

/// A stage's rollout as it was last judged.
#[derive(Clone, Debug)]
pub(crate) struct Stand {
    pub(crate) position: Position,
    pub(crate) evidence: Evidence,
    pub(crate) judgement: Judgement,
}

impl Ask {
    /// Whether it would be done where the rollout stands. A step that nobody
    /// has to confirm is not offered to be.
    pub(crate) fn fits(self, policy: &Policy, position: &Position) -> bool {
        match self.what(policy, position) {
            Ok(What::Confirm { step }) if !policy.asks(step) => false,
            Ok(What::RollBack { to }) if to == position.step => false,
            Ok(what) => position.admit(policy, what).is_ok(),
            Err(_) => false,
        }
    }

    /// What that is where the rollout stands.
    fn what(self, policy: &Policy, position: &Position) -> Result<What, NotNow> {
        let next = || policy.after(position.step).ok_or(NotNow::Finished);
        Ok(match self {
            Ask::Start => What::Start {
                to: policy.after(None).ok_or(NotNow::Finished)?,
            },
            Ask::Pause => What::Pause,
            Ask::Resume => What::Resume {
                at: match position.step {
                    Some(step) => step,
                    None => policy.after(None).ok_or(NotNow::Finished)?,
                },
            },
            Ask::Confirm => What::Confirm { step: next()? },
            Ask::Advance => What::Force { to: Some(next()?) },
            Ask::RollBack => What::RollBack {
                to: policy.back_from(position.step),
            },
        })
    }
}

impl Control {
    /// Does to a stage's rollout what a person asks.
    pub fn ask(&self, stage: &str, ask: Ask, by: Author, why: &str) -> Result<Change, Refused> {
        let inner = self.inner();
        let change = inner.journal.at_once(|journal| {
            let standing = inner.standing(stage, journal)?;
            let (policy, position) = standing.rollout.as_ref().ok_or(Refused::NoRollout)?;
            let what = ask.what(policy, position)?;
            position.admit(policy, what)?;
            happens(stage, &standing, what, by, why, journal)
        })?;
        self.tell(&change);
        self.put(&inner, &inner.file)?;
        Ok(change)
    }

    /// Takes in a run of both sides that was made elsewhere, for a stage that is
    /// judged run by run. One that is told twice counts once.
    pub fn ran(&self, stage: &str, run: &Run) -> Result<(), Refused> {
        let inner = self.inner();
        inner.journal.at_once(|journal| {
            let standing = inner.standing(stage, journal)?;
            match &standing.rollout {
                Some((policy, position)) if matches!(policy.evidence, Kind::Runs { .. }) => {
                    Ok(journal.run_of(stage, position.epoch, run)?)
                }
                _ => Err(Refused::NoRuns),
            }
        })
    }

    /// Keeps what was gathered of both sides' answers, and does with each
    /// rollout what the evidence says. To be called every second or so.
    pub fn judge(&self) {
        let now = SystemTime::now();
        let mut inner = self.inner();
        match self.judged(&mut inner, now) {
            Ok(false) => {}
            Ok(true) => {
                if let Err(error) = self.put(&inner, &inner.file) {
                    tracing::error!(%error, "a rollout's step is kept and not in place yet");
                }
            }
            Err(refused) => {
                let mend = refused.mend();
                tracing::error!(error = %refused, mend, "rollouts stay where they are");
            }
        }
    }

    /// Keeps what was gathered, and decides nothing.
    pub fn keep(&self) {
        let mut inner = self.inner();
        if let Err(refused) = self.gathered(&mut inner, SystemTime::now()) {
            let mend = refused.mend();
            tracing::error!(error = %refused, mend, "what was seen last of answers is lost");
        }
    }

    fn gathered(&self, inner: &mut Inner, now: SystemTime) -> Result<(), Refused> {
        inner.untold.add(self.running.gathered());
        let room = inner.file.settings.journal;
        inner.journal.gather(&inner.untold, room, now)?;
        inner.untold = Gathered::default();
        Ok(())
    }

    /// The stages of which too little is known of noise: next to nothing, or,
    /// since their share began, less than of differences. Until then a difference
    /// may be the monolith's own.
    fn doubted(
        &self,
        stands: &BTreeMap<String, Stand>,
        journal: &Journal,
    ) -> Result<BTreeSet<Arc<str>>, JournalError> {
        let mut doubted = BTreeSet::new();
        let table = self.running.table();
        for stage in &table.stages {
            let copied = !matches!(stage.share.mode, Mode::Monolith);
            if copied && self.running.noise(&stage.name).asked() < WARM_UP {
                doubted.insert(Arc::clone(&stage.name));
                continue;
            }
            let answers = match stands.get(&*stage.name) {
                Some(stand) => stand.evidence.answers,
                None => journal.evidence(&stage.name, stage.epoch)?.answers,
            };
            let Some(answers) = answers else { continue };
            let known = answers.noise.map_or(0, |noise| noise.of);
            if answers.pairs.events > 0 && known < MOST_DOUBTED.min(answers.pairs.of) {
                doubted.insert(Arc::clone(&stage.name));
            }
        }
        Ok(doubted)
    }

    /// Whether some stage has another share now.
    fn judged(&self, inner: &mut Inner, now: SystemTime) -> Result<bool, Refused> {
        self.gathered(inner, now)?;
        if inner.follows {
            return Ok(false);
        }
        let mut moved = false;
        let mut stands = BTreeMap::new();
        let policies: Vec<_> = inner.file.settings.rollouts.keys().cloned().collect();
        for stage in policies {
            let (stand, change) = inner.journal.at_once(|journal| -> Result<_, Refused> {
                let standing = inner.standing(&stage, journal)?;
                let Some((policy, position)) = &standing.rollout else {
                    return Ok((None, None));
                };
                let health = self.running.health(&stage);
                let evidence = journal.evidence(&stage, position.epoch)?;
                let judgement = rollout::judge(policy, position, &evidence, &health, now);
                let change = match done(&judgement.action) {
                    Some(what) if position.admit(policy, what).is_ok() => {
                        let summary = journal.summary(&stage, position.epoch)?;
                        let details = details(&summary);
                        let why = explain(&stage, policy, position, &judgement, &details, now);
                        let by = Author::Rollout;
                        Some(happens(&stage, &standing, what, by, &why, journal)?)
                    }
                    _ => None,
                };
                let stand = Stand {
                    position: position.clone(),
                    evidence,
                    judgement,
                };
                Ok((Some(stand), change))
            })?;
            if let Some(change) = &change {
                self.tell(change);
            }
            if let Some(stand) = &stand {
                self.tell_awaited(&stage, stand, &mut inner.awaited, now);
            }
            moved |= change.is_some();
            stands.extend(stand.map(|stand| (stage, stand)));
        }
        inner.stands = stands;
        let doubted = self.doubted(&inner.stands, &inner.journal)?;
        let changed = doubted != inner.doubted;
        inner.doubted = doubted;
        Ok(moved || changed)
    }
}

/// What tips a decision, as comparisons have it.
pub(crate) fn details(summary: &Summary) -> Details {
    let counting = summary.fields.iter().filter(|field| !field.noise);
    let fields = counting.clone().take(3).map(|field| FieldDifference {
        path: field.field.to_string(),
        pairs: field.comparisons,
        largest: field.numbers.map(|numbers| numbers.largest()),
    });
    let mut examples: Vec<_> = counting.map(|field| field.last.id.clone()).collect();
    examples.dedup();
    examples.truncate(3);
    Details {
        fields: fields.collect(),
        examples,
        client_errors: None,
    }
}

/// What to do where a rollout does not stand so.
pub(super) fn mend(refused: &NotNow) -> &'static str {
    match refused {
        NotNow::NotStarted => "cutline rollout STAGE start",
        NotNow::Paused | NotNow::RolledBack => "cutline rollout STAGE resume",
        NotNow::Started(_) | NotNow::Running => "cutline status shows where it stands",
        NotNow::Finished => "the candidate answers everything: the stage can be retired",
        NotNow::Skips { .. } => "cutline shift, or cutline mode, puts it at any step",
        NotNow::Forward(_) => "cutline shift, or cutline mode, goes forward",
        NotNow::Unconfirmed(_) => "cutline rollout STAGE confirm",
    }
}

/// What a judgement does to the rollout.
fn done(action: &Action) -> Option<What> {
    match *action {
        Action::Advance { to } => Some(What::Advance { to }),
        Action::Finish => Some(What::Finish),
        Action::RollBack { to, .. } => Some(What::RollBack { to }),
        Action::Hold(_) | Action::NotEnough | Action::AwaitConfirmation { .. } => None,
    }
}

/// Keeps an event with the share that comes of it; a step that is entered
/// begins with what is known of the monolith.
fn happens(
    stage: &str,
    standing: &Standing,
    what: What,
    by: Author,
    why: &str,
    journal: &Journal,
) -> Result<Change, Refused> {
    let share = match what {
        What::Start { to } | What::Advance { to } => to.share(),
        What::Resume { at } if Step::of(standing.share) != Some(at) => at.share(),
        What::Force { to } | What::RollBack { to } | What::Override { to } => {
            to.map_or(Share::MONOLITH, Step::share)
        }
        What::Finish | What::Pause | What::Resume { .. } | What::Confirm { .. } => standing.share,
    };
    if !standing.has_candidate && share.mode != Mode::Monolith {
        return Err(Refused::NoCandidate(share.mode));
    }
    let change = standing.change(stage, share, Some(what), by, why);
    let change = shares::kept(change, journal)?;
    if let (What::Advance { .. }, Some((_, position))) = (what, &standing.rollout) {
        let before = journal.evidence(stage, position.epoch)?;
        journal.begin(stage, change.id.unsigned_abs(), &before.next_step())?;
    }
    Ok(change)
}
