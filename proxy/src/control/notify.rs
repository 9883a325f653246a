//! [`Notify`]: somebody is told of decisions, once they are kept.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::{Control, Stand};
use crate::config::Occasion;
use crate::journal::{Author, Change};
use crate::rollout::{Action, Step, What};
use crate::route::Share;

/// Somebody who is told of decisions. A decision does not wait for it: it must
/// hand on what it is told, or drop it, at once.
pub trait Notify: Send + Sync {
    /// This was decided, and is kept.
    fn notify(&self, notice: Notice);
}

/// A decision.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// What kind of one.
    pub occasion: Occasion,
    /// Of which stage.
    pub stage: String,
    /// When.
    pub time: SystemTime,
    /// The share before.
    pub from: Option<Share>,
    /// The share since then; that of the step to be confirmed, where one is.
    pub to: Option<Share>,
    /// Who decided: a person as they call themselves, or `cutline`.
    pub who: String,
    /// In words; may be empty.
    pub why: String,
}

impl Control {
    /// The same, with somebody who is told of what this process decides from
    /// now on. What another one decides, that one tells.
    #[must_use]
    pub fn telling(self, notify: Box<dyn Notify>) -> Control {
        Control {
            notify: Some(notify),
            ..self
        }
    }

    /// Tells of a change that is kept; what the file changed is not told.
    pub(super) fn tell(&self, change: &Change) {
        let what = &change.what;
        let occasion = match (&what.by, what.event) {
            (Author::Rollout, Some(What::Advance { .. })) => Occasion::Advance,
            (Author::Rollout, Some(What::RollBack { .. })) => Occasion::RollBack,
            (Author::Rollout, Some(What::Finish)) => Occasion::Finish,
            (Author::Admin(_), _) => Occasion::People,
            _ => return,
        };
        if let Some(notify) = &self.notify {
            notify.notify(Notice {
                occasion,
                stage: what.stage.clone(),
                time: change.time,
                from: what.from,
                to: what.to,
                who: what.by.name().to_owned(),
                why: what.why.clone(),
            });
        }
    }

    /// Tells, once for each step, that a person has to confirm it. `awaited` is
    /// what was told already.
    pub(super) fn tell_awaited(
        &self,
        stage: &str,
        stand: &Stand,
        awaited: &mut BTreeMap<String, (u64, Step)>,
        now: SystemTime,
    ) {
        let Action::AwaitConfirmation { to } = stand.judgement.action else {
            return;
        };
        let (epoch, at) = (stand.position.epoch, stand.position.step);
        if awaited.insert(stage.to_owned(), (epoch, to)) == Some((epoch, to)) {
            return;
        }
        if let Some(notify) = &self.notify {
            notify.notify(Notice {
                occasion: Occasion::AwaitConfirmation,
                stage: stage.to_owned(),
                time: now,
                from: at.map(Step::share),
                to: Some(to.share()),
                who: Author::Rollout.name().to_owned(),
                why: format!(
                    "the evidence suffices for {to}; it is entered with: cutline rollout {stage} confirm"
                ),
            });
        }
    }
}
