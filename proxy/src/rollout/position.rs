//! [`Position`]: where a stage stands in its rollout, as its events left it.
//!
//! Whether something may happen is asked before ([`Position::admit`]); once an
//! event is kept it holds ([`Position::apply`]), whatever the policy says today.
//! So the same events give the same position, on every start and in every
//! version of the file.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::{Policy, Step};
use crate::route::Share;

/// Where a stage stands in its rollout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Who answers now; None where the monolith does, and nothing is copied.
    pub step: Option<Step>,
    /// What may happen next.
    pub state: State,
    /// Since when the step holds.
    pub since: SystemTime,
    /// The event that the present evidence began with: what was seen before it
    /// no longer counts.
    pub epoch: u64,
    /// A step that a person has confirmed.
    pub confirmed: Option<Step>,
    /// The last event that was applied.
    pub last: u64,
}

/// What may happen to a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Nobody has started its rollout.
    NotStarted,
    /// It goes on as the evidence says.
    Running,
    /// A person stopped it: it goes no further, and back if it must.
    Paused,
    /// It went back, and stays there until a person resumes it.
    RolledBack,
    /// It has passed its last step, and is still watched.
    Finished,
}

/// Something that happened to a stage's rollout, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Rises with each event of a stage, from 1.
    pub id: u64,
    /// When.
    pub at: SystemTime,
    /// Who did it: a person as they call themselves, or `cutline`.
    pub by: String,
    /// Why, in one paragraph; may be empty.
    pub why: String,
    /// What.
    pub what: What,
}

/// What can happen to a stage's rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// Its first step begins.
    Start {
        /// The first one.
        to: Step,
    },
    /// The evidence sufficed.
    Advance {
        /// The step after the present one.
        to: Step,
    },
    /// The evidence of the last step sufficed.
    Finish,
    /// The evidence, a failure or a person was against it.
    RollBack {
        /// None where the monolith alone answers then.
        to: Option<Step>,
    },
    /// It is to go no further.
    Pause,
    /// It goes on: where it was paused with the evidence it has, and where it
    /// was rolled back with none.
    Resume {
        /// Where it stands, or the first step where the monolith alone answers.
        at: Step,
    },
    /// A person agrees that a step is entered.
    Confirm {
        /// The step after the present one.
        step: Step,
    },
    /// A person puts it at a step, whatever the evidence says; none has been
    /// seen there. It goes on from there.
    Force {
        /// None where the monolith alone answers then: it has to be started
        /// again.
        to: Option<Step>,
    },
    /// A person chose a share by hand: it stays there until it is resumed.
    Override {
        /// The step nearest to the share; see [`Step::of`].
        to: Option<Step>,
    },
}

/// Why something may not happen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is nothing to do it to.
    #[error("the rollout has not been started")]
    NotStarted,
    /// There is one already.
    #[error("the rollout has been started already, and is at {0}")]
    Started(Step),
    /// A person stopped it.
    #[error("the rollout is paused: resume it first")]
    Paused,
    /// It went back.
    #[error("the rollout was rolled back: resume it first")]
    RolledBack,
    /// It has passed its last step.
    #[error("the rollout is finished")]
    Finished,
    /// It goes on as it is.
    #[error("the rollout is running: there is nothing to resume")]
    Running,
    /// It goes one step at a time.
    #[error("the next step is {next}, not {asked}; only force skips a step")]
    Skips {
        /// What was asked for.
        asked: String,
        /// What comes next.
        next: String,
    },
    /// It would not be one.
    #[error("{0} is further on, which is no way back")]
    Forward(Step),
    /// The policy wants a person to agree.
    #[error("a person has to confirm {0} first")]
    Unconfirmed(Step),
}

impl What {
    /// What it is that a person gives a stage a share: one of the steps is
    /// entered, and it goes on from there; any other holds it where it is.
    pub fn by_hand(policy: &Policy, share: Share) -> What {
        match Step::of(share) {
            Some(step) if !policy.steps.contains(&step) => What::Override { to: Some(step) },
            to => What::Force { to },
        }
    }
}

impl Position {
    /// Before a rollout is started.
    pub fn new(now: SystemTime) -> Position {
        Position {
            step: None,
            state: State::NotStarted,
            since: now,
            epoch: 0,
            confirmed: None,
            last: 0,
        }
    }

    /// Whether it may happen now.
    pub fn admit(&self, policy: &Policy, what: What) -> Result<(), Refused> {
        match what {
            What::Start { to } => match (self.state, self.step) {
                (State::NotStarted, _) => self.comes_next(policy, None, to),
                (_, Some(step)) => Err(Refused::Started(step)),
                (State::RolledBack, None) => Err(Refused::RolledBack),
                (_, None) => Err(Refused::Paused),
            },
            What::Advance { to } => {
                self.is_running()?;
                self.comes_next(policy, self.step, to)?;
                match policy.asks(to) && self.confirmed != Some(to) {
                    true => Err(Refused::Unconfirmed(to)),
                    false => Ok(()),
                }
            }
            What::Finish => {
                self.is_running()?;
                match policy.after(self.step) {
                    Some(next) => Err(skips("the end", Some(next))),
                    None => Ok(()),
                }
            }
            What::RollBack { to } => match to {
                _ if self.state == State::NotStarted => Err(Refused::NotStarted),
                Some(to) if self.step.is_none_or(|step| to > step) => Err(Refused::Forward(to)),
                _ => Ok(()),
            },
            What::Pause | What::Confirm { .. } if self.state == State::NotStarted => {
                Err(Refused::NotStarted)
            }
            What::Pause => match self.state {
                State::Paused => Err(Refused::Paused),
                State::RolledBack => Err(Refused::RolledBack),
                _ => Ok(()),
            },
            What::Resume { at } => match self.state {
                State::NotStarted => Err(Refused::NotStarted),
                State::Running => Err(Refused::Running),
                State::Finished => Err(Refused::Finished),
                State::Paused | State::RolledBack => match self.step {
                    Some(step) if step == at => Ok(()),
                    Some(step) => Err(skips(&at.to_string(), Some(step))),
                    None => self.comes_next(policy, None, at),
                },
            },
            What::Confirm { step } => self.comes_next(policy, self.step, step),
            What::Force { to: Some(to) } if !policy.steps.contains(&to) => {
                Err(skips(&to.to_string(), policy.after(self.step)))
            }
            What::Force { .. } | What::Override { .. } => Ok(()),
        }
    }

    /// After an event. One that was applied before changes nothing.
    #[must_use]
    pub fn apply(mut self, event: &Event) -> Position {
        if event.id <= self.last {
            return self;
        }
        self.last = event.id;
        match event.what {
            What::Start { to } | What::Advance { to } => {
                self.enter(Some(to), State::Running, event);
            }
            What::Finish => self.state = State::Finished,
            What::RollBack { to } => self.enter(to, State::RolledBack, event),
            What::Pause => self.state = State::Paused,
            What::Resume { at } => match self.state {
                State::Paused if self.step == Some(at) => self.state = State::Running,
                _ => self.enter(Some(at), State::Running, event),
            },
            What::Confirm { step } => self.confirmed = Some(step),
            What::Force { to: Some(to) } => self.enter(Some(to), State::Running, event),
            What::Force { to: None } => self.enter(None, State::NotStarted, event),
            What::Override { to } => self.enter(to, State::Paused, event),
        }
        self
    }

    fn enter(&mut self, step: Option<Step>, state: State, event: &Event) {
        self.step = step;
        self.state = state;
        self.since = event.at;
        self.epoch = event.id;
        self.confirmed = None;
    }

    fn is_running(&self) -> Result<(), Refused> {
        match self.state {
            State::Running => Ok(()),
            State::NotStarted => Err(Refused::NotStarted),
            State::Paused => Err(Refused::Paused),
            State::RolledBack => Err(Refused::RolledBack),
            State::Finished => Err(Refused::Finished),
        }
    }

    fn comes_next(&self, policy: &Policy, at: Option<Step>, asked: Step) -> Result<(), Refused> {
        match policy.after(at) {
            Some(next) if next == asked => Ok(()),
            next => Err(skips(&asked.to_string(), next)),
        }
    }
}

fn skips(asked: &str, next: Option<Step>) -> Refused {
    Refused::Skips {
        asked: asked.to_owned(),
        next: next.map_or_else(|| "the end".to_owned(), |step| step.to_string()),
    }
}

#[cfg(test)]
mod tests;
