//! What a function says of itself: the evidence, by family, and plain facts.

mod body;
mod calls;
mod names;
mod position;

pub(crate) use body::is_logger;
pub(crate) use position::is_telling;
use smol_str::SmolStr;

use super::{Evidence, Input, Stage};

/// Where evidence comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the reasons spell them out")]
pub(crate) enum Family {
    Library,
    Method,
    Name,
    Purpose,
    Param,
    Class,
    File,
    Folder,
    Doc,
    Called,
    Said,
    Literal,
    Message,
    Route,
    Resource,
    Callers,
    OnlyCaller,
    Callees,
    Classmates,
    Filemates,
    Foldermates,
    Sources,
    Sinks,
    Roots,
    Serving,
}

pub(crate) const FAMILIES: usize = 25;

/// Families from here on say what the neighbours are.
pub(crate) const NEIGHBOURS: usize = Family::Callers as usize;

/// What is so or not, or so much; what it says of each stage is learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "`position` and `neighbours` spell them out")]
pub(crate) enum Fact {
    Size,
    IsModule,
    IsMethod,
    IsNested,
    IsConstructor,
    IsProtocol,
    IsNotebook,
    Params,
    GivesBack,
    AnswersGet,
    AnswersPost,
    IsStep,
    IsCommand,
    IsFlow,
    IdleAnswer,
    NoLibraryWork,
    LibraryWork,
    Talk,
    Named,
    FileDoesData,
    ReadsOutside,
    ReadsIntermediate,
    WritesForOthers,
    WritesForNone,
    ReadsStore,
    WritesStore,
    ReadsModel,
    WritesModel,
    ReadsEnvironment,
    UsesNetwork,
    StartsProcess,
    Fits,
    Predicts,
    Transforms,
    Measures,
    PredictsOnly,
    NothingTrains,
    // What follows is found from the neighbours.
    CallerSpread,
    CalleeSpread,
    Callers,
    Callees,
    CallerFiles,
    NoCaller,
    Served,
    OnlyServed,
    Isolated,
    Outside,
}

pub(crate) const FACTS: usize = 47;

/// Facts from here on are found from the neighbours.
pub(crate) const NEIGHBOUR_FACTS: usize = Fact::CallerSpread as usize;

/// A vector over [`Stage::ALL`].
pub(crate) type ByStage = [f64; 9];

/// What is known of one function.
#[derive(Clone, Debug)]
pub(crate) struct Own {
    pub(crate) families: [ByStage; FAMILIES],
    pub(crate) facts: [f64; FACTS],
    pub(crate) evidence: Vec<(Family, Evidence)>,
}

impl Default for Own {
    fn default() -> Own {
        Own {
            families: [[0.0; 9]; FAMILIES],
            facts: [0.0; FACTS],
            evidence: Vec::new(),
        }
    }
}

impl Own {
    fn add(&mut self, family: Family, stage: Stage, weight: f64, reason: SmolStr, line: u32) {
        self.families[family as usize][index(stage)] += weight;
        self.evidence.push((
            family,
            Evidence {
                stage,
                weight,
                reason,
                line,
            },
        ));
    }

    pub(crate) fn set(&mut self, fact: Fact, value: f64) {
        self.facts[fact as usize] = value;
    }

    fn mark(&mut self, fact: Fact, is_so: bool) {
        if is_so {
            self.set(fact, 1.0);
        }
    }

    /// What a function stands in says little of one that says itself what it
    /// does.
    fn attenuate(&mut self) {
        let voice = self.voice();
        for family in [Family::Class, Family::File, Family::Folder] {
            let values = &mut self.families[family as usize];
            values.iter_mut().for_each(|value| *value *= voice);
        }
    }

    /// How much is left to say for what a function stands in: 1 for one that
    /// says nothing itself, less the more it says.
    pub(crate) fn voice(&self) -> f64 {
        let says = [Family::Library, Family::Name, Family::Purpose].map(|family| {
            self.families[family as usize]
                .iter()
                .fold(0.0_f64, |a, b| a.max(*b))
        });
        1.0 / (1.0 + 0.5 * says.iter().sum::<f64>())
    }

    /// The strongest evidence of a family for one of the seven.
    fn strongest(&self, family: Family) -> f64 {
        let pipeline = self.families[family as usize][..7].iter();
        pipeline.fold(0.0_f64, |a, b| a.max(*b))
    }
}

pub(crate) fn index(stage: Stage) -> usize {
    Stage::ALL
        .iter()
        .position(|other| *other == stage)
        .unwrap_or(8)
}

/// Gathers every function's own evidence.
pub(super) fn gather(input: &Input<'_>) -> Vec<Own> {
    let bodies = body::bodies(input);
    let mut owns = vec![Own::default(); input.program.functions.len()];
    names::gather(input, &mut owns);
    for (own, body) in owns.iter_mut().zip(&bodies) {
        body::weigh(body, own);
    }
    calls::gather(input, &bodies, &mut owns);
    for own in &mut owns {
        own.families.iter_mut().for_each(saturate);
    }
    position::gather(input, &bodies, &mut owns);
    owns.iter_mut().for_each(Own::attenuate);
    owns
}

/// The fifth hint to the same stage says less than the first.
fn saturate(family: &mut ByStage) {
    for value in family {
        *value = value.signum() * (1.0 + value.abs()).ln() * 1.5;
    }
}
