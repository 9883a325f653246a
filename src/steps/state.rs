//! What a stage keeps, in a sentence: whoever moves it hands that over.

use cutline_analyzer::Report;
use cutline_analyzer::effects::ResourceKind;
use cutline_analyzer::report::{Kept, kept_by};
use cutline_analyzer::stages::Stage;

use super::line;

/// Things that are named; the others are counted.
const MOST: usize = 8;

/// The sentence; nothing where the report knows of nothing that the stage
/// writes.
pub(super) fn state(report: &Report, stage: Stage) -> Option<String> {
    let kept = kept_by(report, stage);
    if kept.is_empty() {
        return None;
    }
    let mut named: Vec<String> = kept.iter().take(MOST).map(named).collect();
    if kept.len() > MOST {
        named.push(format!("{} more", kept.len() - MOST));
    }
    let owner = "State: owner until it is handed over is the monolith";
    Some(format!("{owner}; {stage} writes {}.", named.join(", ")))
}

/// ``table `customers` (also written by ingestion; read by inference)``
fn named(kept: &Kept) -> String {
    let kind = match kept.kind {
        ResourceKind::Table => "table",
        ResourceKind::Model => "model",
        ResourceKind::Blob => "blob",
        _ => "file",
    };
    let of = |words: &str, stages: &[Stage]| {
        let names: Vec<&str> = stages.iter().map(|stage| stage.name()).collect();
        (!names.is_empty()).then(|| format!("{words} {}", names.join(", ")))
    };
    let others = [
        of("also written by", &kept.written_by),
        of("read by", &kept.read_by),
    ];
    let others: Vec<String> = others.into_iter().flatten().collect();
    let shown = format!("{kind} `{}`", line(&kept.identity));
    match others.is_empty() {
        true => shown,
        false => format!("{shown} ({})", others.join("; ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_named_with_who_else_uses_it() {
        let kept = |kind, identity: &str, written_by: &[Stage], read_by: &[Stage]| Kept {
            kind,
            identity: identity.to_owned(),
            written_by: written_by.to_vec(),
            read_by: read_by.to_vec(),
        };
        for (kept, expected) in [
            (
                kept(
                    ResourceKind::Table,
                    "customers",
                    &[Stage::Ingestion],
                    &[Stage::Training, Stage::Inference],
                ),
                "table `customers` (also written by ingestion; read by training, inference)",
            ),
            (
                kept(ResourceKind::Model, "var/model.joblib", &[], &[]),
                "model `var/model.joblib`",
            ),
            (
                kept(ResourceKind::File, "a`b\n", &[], &[Stage::Monitoring]),
                "file `a b ` (read by monitoring)",
            ),
        ] {
            assert_eq!(named(&kept), expected);
        }
    }
}
