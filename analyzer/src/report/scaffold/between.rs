//! Queues and containers: what is between the apps, and what it is called.

use std::collections::{BTreeMap, BTreeSet};

use super::super::document::{LineEntry, Report};
use super::app::Apps;
use super::document::{App, Crossing};
use super::names::{Names, slug};
use crate::stages::Stage;

/// What is called how between the apps.
#[derive(Default)]
pub(super) struct Between {
    pub(super) begins: Option<String>,
    /// Stages that a run passes as Python apps, in order.
    pub(super) runs: Vec<Stage>,
    /// From a stage to the next that a run passes.
    pub(super) hops: BTreeMap<(Stage, Stage), String>,
    /// Where the last stage leaves its archive, for those that are only asked.
    pub(super) ends: Option<String>,
    /// What requests of a stage change.
    pub(super) kept: BTreeMap<Stage, String>,
}

impl Apps<'_> {
    /// Names for what is between the apps.
    pub(super) fn between(&self, names: &mut Names) -> Between {
        let mut between = Between::default();
        let repository = &slug(&self.report.name, '-');
        let wished = |stage: &Stage| self.wish.python.contains(stage);
        between.runs = self.way.stages().into_iter().filter(wished).collect();
        if let Some(first) = between.runs.first() {
            between.begins = Some(names.azure(&[repository, "to", first.name()]));
        }
        let mut crossing =
            |from: Stage, to: Stage| names.azure(&[repository, from.name(), "to", to.name()]);
        for pair in between.runs.windows(2) {
            if let [from, to] = pair {
                between.hops.insert((*from, *to), crossing(*from, *to));
            }
        }
        if let Some(last) = between.runs.last() {
            between.ends = Some(names.azure(&[repository, "from", last.name()]));
        }
        for stage in &self.wish.python {
            if self.keeps(*stage) {
                let name = names.azure(&[repository, stage.name(), "kept"]);
                between.kept.insert(*stage, name);
            }
        }
        between
    }
}

impl Between {
    /// The containers whose newest archive requests of a stage see: what runs
    /// left, what other stages' requests changed, its own last.
    pub(super) fn seen(&self, stage: Stage, report: &Report) -> Vec<String> {
        let hop = self.hops.iter().find(|((_, to), _)| *to == stage);
        let hop = hop.map(|(_, name)| name.clone());
        let ends = self.ends.clone().filter(|_| !self.runs.contains(&stage));
        let mut seen: Vec<String> = hop.or(ends).into_iter().collect();
        for (other, kept) in &self.kept {
            let crosses = |line: &&LineEntry| line.from == *other && line.to == stage;
            if report.cut.lines.iter().any(|line| crosses(&line)) && *other != stage {
                seen.push(kept.clone());
            }
        }
        seen.extend(self.kept.get(&stage).cloned());
        seen
    }

    /// Every queue and container, with what the split report says that passes.
    pub(super) fn crossings(&self, report: &Report, apps: &[App]) -> Vec<Crossing> {
        let mut crossings = Vec::new();
        if let (Some(queue), Some(first)) = (&self.begins, self.runs.first()) {
            crossings.push(Crossing {
                from: None,
                to: *first,
                queue: Some(queue.clone()),
                container: None,
                passes: Vec::new(),
            });
        }
        for ((from, to), name) in &self.hops {
            crossings.push(Crossing {
                from: Some(*from),
                to: *to,
                queue: Some(name.clone()),
                container: Some(name.clone()),
                passes: passes(report, *from, *to),
            });
        }
        if let (Some(name), Some(last)) = (&self.ends, self.runs.last()) {
            crossings.push(Crossing {
                from: Some(*last),
                to: Stage::None,
                queue: None,
                container: Some(name.clone()),
                passes: vec!["what a run leaves".to_owned()],
            });
        }
        for (stage, name) in &self.kept {
            if apps.iter().any(|app| app.stage == *stage) {
                crossings.push(Crossing {
                    from: Some(*stage),
                    to: *stage,
                    queue: None,
                    container: Some(name.clone()),
                    passes: vec!["what its requests change".to_owned()],
                });
            }
        }
        crossings
    }
}

/// What crosses between two stages, in words, each once.
fn passes(report: &Report, from: Stage, to: Stage) -> Vec<String> {
    let crossings = report.crossings.iter();
    let own = crossings.filter(|crossing| crossing.from_stage == from && crossing.to_stage == to);
    let passes: BTreeSet<String> = own
        .filter(|crossing| crossing.via != "call" && !crossing.name.is_empty())
        .map(|crossing| format!("{} {}", crossing.via, crossing.name))
        .collect();
    passes.into_iter().collect()
}
