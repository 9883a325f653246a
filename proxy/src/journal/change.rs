//! What a stage's share is to be: the file declares, the journal decides.
//!
//! A change made at run time holds across reload, crash and restart until the
//! file's own mode or percent for that stage changes; then the file wins. Each
//! change therefore keeps what the file declared when it was made.

use std::time::SystemTime;

use crate::rollout::{Event, What};
use crate::route::{Mode, Share};

/// A change of one stage's share, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Rises with each change, and is never used again.
    pub id: i64,
    /// When, to the millisecond.
    pub time: SystemTime,
    /// What was changed, and why.
    pub what: NewChange,
}

/// A change of one stage's share that is not kept yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewChange {
    /// The stage.
    pub stage: String,
    /// None where nothing was known of the stage.
    pub from: Option<Share>,
    /// None where the file no longer names the stage.
    pub to: Option<Share>,
    /// What the file says of the stage at that time.
    pub declared: Option<Share>,
    /// Who made it.
    pub by: Author,
    /// In their own words; may be empty.
    pub why: String,
    /// What happened to the stage's rollout, where it has one. The share may
    /// have stayed as it was.
    pub event: Option<What>,
}

/// Who makes changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Author {
    /// Whoever wrote the file.
    File,
    /// Whoever asked the admin interface, as they call themselves.
    Admin(String),
    /// The evidence, by the policy of the stage.
    Rollout,
}

/// What the file says of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Declared {
    /// Its mode and percent.
    pub share: Share,
    /// It names a candidate.
    pub candidate: bool,
}

/// The share that holds, of a stage the file declares so and of which that
/// change is the last.
pub fn effective(declared: Share, last: Option<&NewChange>) -> Share {
    match last {
        Some(last) if last.declared == Some(declared) => last.to.unwrap_or(declared),
        _ => declared,
    }
}

/// What has to be kept because of what the file says now; None where nothing
/// came of it. Once it is kept, settling again gives None.
pub fn settle(
    stage: &str,
    declared: Option<Declared>,
    last: Option<&NewChange>,
) -> Option<NewChange> {
    let before = last.and_then(|last| last.to);
    let change = |to: Option<Share>, why: &str| NewChange {
        stage: stage.to_owned(),
        from: before,
        to,
        declared: declared.map(|declared| declared.share),
        by: Author::File,
        why: why.to_owned(),
        event: None,
    };
    match (declared, last) {
        (None, None) => None,
        (None, Some(last)) => {
            let known = last.to.is_some();
            known.then(|| change(None, "the file no longer names the stage"))
        }
        (Some(said), None) => Some(change(
            Some(said.share),
            "the file names the stage for the first time",
        )),
        (Some(said), Some(last)) if last.declared != Some(said.share) => {
            Some(change(Some(said.share), "the file changed"))
        }
        (Some(said), Some(last)) => {
            let needs = effective(said.share, Some(last)).mode != Mode::Monolith;
            (needs && !said.candidate)
                .then(|| change(Some(said.share), "the file no longer names a candidate"))
        }
    }
}

impl Author {
    /// As it is kept and shown.
    pub fn name(&self) -> &str {
        match self {
            Author::File => "routes.toml",
            Author::Admin(name) => name,
            Author::Rollout => "cutline",
        }
    }
}

impl Change {
    /// What happened to the stage's rollout with it.
    pub fn event(&self) -> Option<Event> {
        Some(Event {
            id: u64::try_from(self.id).ok()?,
            at: self.time,
            by: self.what.by.name().to_owned(),
            why: self.what.why.clone(),
            what: self.what.event?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::Weight;
    use proptest::prelude::*;

    fn split(percent: f64) -> Share {
        Share {
            mode: Mode::Split,
            weight: Weight::from_percent(percent).unwrap(),
        }
    }

    fn said(share: Share) -> Option<Declared> {
        let candidate = true;
        Some(Declared { share, candidate })
    }

    fn shifted(from: Share, to: Share, declared: Share) -> NewChange {
        NewChange {
            stage: "inference".to_owned(),
            from: Some(from),
            to: Some(to),
            declared: Some(declared),
            by: Author::Admin("anna".to_owned()),
            why: String::new(),
            event: None,
        }
    }

    #[test]
    fn a_change_holds_until_the_file_says_something_else() {
        let change = shifted(split(10.0), split(25.0), split(10.0));
        assert_eq!(effective(split(10.0), Some(&change)), split(25.0));
        assert_eq!(settle("inference", said(split(10.0)), Some(&change)), None);
        // Now the file wins, and that is a change like any other.
        assert_eq!(effective(split(20.0), Some(&change)), split(20.0));
        let kept = settle("inference", said(split(20.0)), Some(&change)).unwrap();
        assert_eq!((kept.from, kept.to), (Some(split(25.0)), Some(split(20.0))));
        assert_eq!(kept.by, Author::File);
        // Saying again what it once said is saying something else.
        assert_eq!(effective(split(10.0), Some(&kept)), split(10.0));
    }

    #[test]
    fn a_stage_that_leaves_the_file_is_begun_anew_when_it_returns() {
        let change = shifted(split(10.0), split(25.0), split(10.0));
        let gone = settle("inference", None, Some(&change)).unwrap();
        assert_eq!((gone.to, gone.declared), (None, None));
        assert_eq!(settle("inference", None, Some(&gone)), None);
        assert_eq!(effective(split(10.0), Some(&gone)), split(10.0));
        let back = settle("inference", said(split(10.0)), Some(&gone)).unwrap();
        assert_eq!((back.from, back.to), (None, Some(split(10.0))));
    }

    #[test]
    fn without_a_candidate_nothing_can_be_sent_there() {
        let monolith = Share::MONOLITH;
        let change = shifted(monolith, split(25.0), monolith);
        let declared = Some(Declared {
            share: monolith,
            candidate: false,
        });
        let kept = settle("inference", declared, Some(&change)).unwrap();
        assert_eq!(kept.to, Some(monolith));
        assert_eq!(settle("inference", declared, Some(&kept)), None);
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Edit(Share),
        Shift(Share),
        Restart,
    }

    fn share() -> impl Strategy<Value = Share> {
        // Few values, so that the file often says what it said before.
        (0..5_usize, 0..4_u16).prop_map(|(mode, weight)| Share {
            mode: Mode::ALL[mode],
            weight: Weight::from_basis_points(weight * 2_500),
        })
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            share().prop_map(Step::Edit),
            share().prop_map(Step::Shift),
            Just(Step::Restart),
        ]
    }

    proptest! {
        /// The journal alone gives what one would remember who saw it all: the
        /// last word, be it the file's or the admin interface's.
        #[test]
        fn the_last_word_holds(first in share(), steps in prop::collection::vec(step(), 0..20)) {
            let (mut file, mut holds) = (first, first);
            let mut last = settle("a", said(file), None);
            for step in steps {
                match step {
                    Step::Edit(share) if share == file => {}
                    Step::Edit(share) => (file, holds) = (share, share),
                    Step::Shift(share) => {
                        last = Some(shifted(holds, share, file));
                        holds = share;
                    }
                    Step::Restart => {}
                }
                if let Some(change) = settle("a", said(file), last.as_ref()) {
                    prop_assert_eq!(change.from, last.and_then(|last| last.to));
                    last = Some(change);
                }
                prop_assert_eq!(settle("a", said(file), last.as_ref()), None);
                prop_assert_eq!(effective(file, last.as_ref()), holds);
            }
        }
    }
}
