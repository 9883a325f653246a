//! What a stage keeps outside its own memory, and who else reads it: what has
//! to be handed over when the stage moves.

use std::collections::BTreeMap;

use super::document::Report;
use crate::catalog::Access;
use crate::effects::ResourceKind;
use crate::stages::Stage;

/// A table, file or model that a stage writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// What it is.
    pub kind: ResourceKind,
    /// Which one.
    pub identity: String,
    /// The other stages that write it, in the order of the data.
    pub written_by: Vec<Stage>,
    /// The other stages that read it, likewise.
    pub read_by: Vec<Stage>,
}

/// The tables, files, blobs and models that functions of a stage write, in the
/// report's order. What no stage's function does to them is not counted.
#[must_use]
pub fn kept_by(report: &Report, stage: Stage) -> Vec<Kept> {
    let functions = report.functions.iter();
    let stages: BTreeMap<&str, Stage> = functions
        .map(|function| (function.id.as_str(), function.stage))
        .collect();
    let lasts = |kind| {
        matches!(
            kind,
            ResourceKind::File | ResourceKind::Table | ResourceKind::Model | ResourceKind::Blob
        )
    };
    let resources = report.resources.iter();
    let kept = resources.filter(|resource| lasts(resource.kind));
    kept.filter_map(|resource| {
        let who = |does: &dyn Fn(Access) -> bool| {
            let touched = resource.accesses.iter().filter(|touch| does(touch.access));
            let touched = touched.filter_map(|touch| {
                let id = format!("{}:{}", touch.file, touch.qualname);
                stages.get(id.as_str()).copied()
            });
            let mut who: Vec<Stage> = touched.filter(|stage| stage.is_pipeline()).collect();
            who.sort_unstable();
            who.dedup();
            who
        };
        let mut written_by =
            who(&|access| matches!(access, Access::Write | Access::Append | Access::Delete));
        let mut read_by = who(&|access| access == Access::Read);
        if !written_by.contains(&stage) {
            return None;
        }
        written_by.retain(|other| *other != stage);
        read_by.retain(|other| *other != stage);
        Some(Kept {
            kind: resource.kind,
            identity: resource.identity.clone(),
            written_by,
            read_by,
        })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::super::document::{AccessEntry, FunctionEntry, ResourceEntry};
    use super::super::sample;
    use super::*;

    #[test]
    fn what_is_written_is_kept_and_others_may_read_it() {
        let mut report = sample::churn();
        let by = |stage: Stage| -> FunctionEntry {
            let of = report
                .functions
                .iter()
                .find(|function| function.stage == stage);
            of.unwrap().clone()
        };
        let touch = |access, stage| {
            let FunctionEntry { file, qualname, .. } = by(stage);
            AccessEntry {
                access,
                file,
                qualname,
                line: 1,
                through: None,
            }
        };
        let resources = vec![
            ResourceEntry {
                kind: ResourceKind::Table,
                identity: "customers".to_owned(),
                accesses: vec![
                    touch(Access::Append, Stage::Ingestion),
                    touch(Access::Read, Stage::Ingestion),
                    touch(Access::Read, Stage::Inference),
                    touch(Access::Read, Stage::Preprocessing),
                    touch(Access::Delete, Stage::Monitoring),
                ],
            },
            ResourceEntry {
                kind: ResourceKind::Environment,
                identity: "HOME".to_owned(),
                accesses: vec![touch(Access::Write, Stage::Ingestion)],
            },
        ];
        report.resources = resources;
        let kept = Kept {
            kind: ResourceKind::Table,
            identity: "customers".to_owned(),
            written_by: vec![Stage::Monitoring],
            read_by: vec![Stage::Preprocessing, Stage::Inference],
        };
        assert_eq!(kept_by(&report, Stage::Ingestion), [kept]);
        assert_eq!(kept_by(&report, Stage::Inference), []);
    }
}
