//! The shares that hold: the file declares, the journal decides.
//!
//! What the file changed is kept like any other change, and whatever gives a
//! stage another share says what that is to its rollout.

use std::time::SystemTime;

use crate::config::Config;
use crate::journal::{
    Author, Change, Declared, Journal, JournalError, NewChange, effective, settle,
};
use crate::rollout::{Policy, Position, State, Step, What};
use crate::route::{RouteTable, Share};

/// The table of a checked file with the shares that hold; what the file
/// changed since the journal was last asked is kept.
pub fn settled(config: &Config, journal: &Journal) -> Result<RouteTable, JournalError> {
    journal.at_once(|journal| {
        let mut table = config.table.clone();
        for stage in &mut table.stages {
            let declared = Declared {
                share: stage.share,
                candidate: stage.candidate.is_some(),
            };
            let policy = config.settings.rollouts.get(&*stage.name);
            let policy = policy.map(AsRef::as_ref);
            let last = keep(&stage.name, Some(declared), policy, journal)?;
            stage.share = effective(stage.share, last.as_ref().map(|last| &last.what));
            if let Some(last) = &last {
                stage.epoch = epoch(policy.is_some(), last, journal)?;
            }
        }
        for gone in journal.stages()? {
            if table.stage(&gone).is_none() {
                keep(&gone, None, None, journal)?;
            }
        }
        Ok(table)
    })
}

/// The change since which what is seen of both sides counts: the one that a
/// rollout's step began with, and without a rollout the last one.
pub(super) fn epoch(
    has_rollout: bool,
    last: &Change,
    journal: &Journal,
) -> Result<u64, JournalError> {
    match has_rollout {
        true => Ok(position(&last.what.stage, journal)?.epoch),
        false => Ok(last.id.unsigned_abs()),
    }
}

/// The last change of a stage, once what the file says is kept.
fn keep(
    stage: &str,
    declared: Option<Declared>,
    policy: Option<&Policy>,
    journal: &Journal,
) -> Result<Option<Change>, JournalError> {
    let last = journal.last(stage)?;
    let change = settle(stage, declared, last.as_ref().map(|last| &last.what));
    let Some((policy, declared)) = policy.zip(declared) else {
        return match change {
            Some(change) => Ok(Some(kept(change, journal)?)),
            None => Ok(last),
        };
    };
    let position = position(stage, journal)?;
    let share = match &change {
        Some(change) => change.to.unwrap_or(declared.share),
        None => effective(declared.share, last.as_ref().map(|last| &last.what)),
    };
    let event = chosen(policy, &position, share);
    match change {
        Some(change) => kept(
            NewChange {
                event: Some(event),
                ..change
            },
            journal,
        )
        .map(Some),
        // Its rollout is new, and the stage is on its way already.
        None if Step::of(share) != position.step => {
            let change = NewChange {
                stage: stage.to_owned(),
                from: Some(share),
                to: Some(share),
                declared: Some(declared.share),
                by: Author::File,
                why: "the rollout begins where the stage stands".to_owned(),
                event: Some(event),
            };
            kept(change, journal).map(Some)
        }
        None => Ok(last),
    }
}

fn position(stage: &str, journal: &Journal) -> Result<Position, JournalError> {
    journal.position(stage, SystemTime::now())
}

/// Kept, and told.
pub(super) fn kept(change: NewChange, journal: &Journal) -> Result<Change, JournalError> {
    let change = journal.record(change, SystemTime::now())?;
    let shown = |share: Option<Share>| {
        share.map_or("nothing".to_owned(), |share| {
            format!("{} {}", share.mode.name(), share.weight)
        })
    };
    let what = &change.what;
    let (stage, by, why) = (&*what.stage, what.by.name(), &*what.why);
    let (from, to) = (shown(what.from), shown(what.to));
    match what.from == what.to {
        false => tracing::info!(stage, from, to, by, why, "a stage's share changed"),
        true => tracing::info!(stage, share = to, by, why, "a stage's rollout changed"),
    }
    Ok(change)
}

/// What it is to a rollout that a person, or the file, gives its stage a share:
/// a step of the policy is where it goes on, any other share where it stays.
pub(super) fn chosen(policy: &Policy, position: &Position, share: Share) -> What {
    match Step::of(share) {
        None => What::Force { to: None },
        Some(step) if position.state == State::NotStarted && policy.after(None) == Some(step) => {
            What::Start { to: step }
        }
        Some(step) if policy.steps.contains(&step) => What::Force { to: Some(step) },
        Some(step) => What::Override { to: Some(step) },
    }
}
