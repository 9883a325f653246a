//! What cutline knows, by name: stages, hazards, libraries.

use std::collections::{BTreeMap, BTreeSet};

use smol_str::SmolStr;

use crate::catalog::{CallEntry, Catalog};
use crate::hazards;
use crate::stages::Stage;

/// Something that can be explained.
#[derive(Clone, Debug)]
pub struct Topic {
    /// `stage`, `hazard` or `library`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// What there is to say, in Markdown.
    pub text: String,
}

/// Calls that are named as examples.
const EXAMPLES: usize = 6;

/// Everything that can be explained: stages, hazards by name, libraries by
/// import name.
pub fn topics(catalog: &Catalog) -> Vec<Topic> {
    let calls = catalog.calls();
    let stages = Stage::ALL.into_iter().map(|stage| Topic {
        kind: "stage",
        name: stage.name().to_owned(),
        text: about_stage(stage, &calls),
    });
    let hazards = hazards::ALL.iter().map(|hazard| Topic {
        kind: "hazard",
        name: hazard.name().to_owned(),
        text: hazard.explanation().trim().to_owned(),
    });
    let libraries = catalog.libraries();
    let libraries = libraries.iter().map(|(import, library)| Topic {
        kind: "library",
        name: import.to_string(),
        text: about_library(import, &library.name, &calls),
    });
    stages.chain(hazards).chain(libraries).collect()
}

/// The definition, and the calls that speak for it most, one per library.
fn about_stage(stage: Stage, calls: &BTreeMap<SmolStr, &CallEntry>) -> String {
    let about = stage.about();
    let first = about.chars().next().map(|first| first.to_uppercase());
    let first: String = first.into_iter().flatten().collect();
    let mut text = format!("{first}{}.", about.get(1..).unwrap_or_default());
    let mut hints: Vec<(f64, &SmolStr)> = calls
        .iter()
        .filter_map(|(name, entry)| Some((*entry.stages.get(stage.name())?, name)))
        .collect();
    hints.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    let mut libraries = BTreeSet::new();
    hints.retain(|(_, name)| libraries.insert(name.split('.').next().unwrap_or(name)));
    if !hints.is_empty() {
        text.push_str("\n\nTypical evidence: calls of\n");
        for (_, name) in hints.iter().take(EXAMPLES) {
            text.push_str(&format!("- `{name}`\n"));
        }
    }
    text
}

/// How many calls are known, what the main ones touch, at which stages they
/// hint.
fn about_library(import: &str, name: &str, calls: &BTreeMap<SmolStr, &CallEntry>) -> String {
    let prefix = format!("{import}.");
    let own = || calls.iter().filter(|(path, _)| path.starts_with(&prefix));
    let n_calls = own().count();
    let mut text = match n_calls {
        0 => format!("{name}: recognised as a library; none of its calls has an entry."),
        1 => format!("{name}: 1 call is known to the catalog."),
        _ => format!("{name}: {n_calls} calls are known to the catalog."),
    };
    let mut effects: BTreeMap<String, Vec<&SmolStr>> = BTreeMap::new();
    let mut stages: BTreeMap<usize, Vec<(f64, &SmolStr)>> = BTreeMap::new();
    for (path, entry) in own() {
        for effect in &entry.effects {
            let what = format!("{:?} {:?}", effect.does, effect.on).to_lowercase();
            let paths = effects.entry(what).or_default();
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
        for (idx, stage) in Stage::ALL.into_iter().enumerate() {
            if let Some(weight) = entry.stages.get(stage.name()) {
                stages.entry(idx).or_default().push((*weight, path));
            }
        }
    }
    if !effects.is_empty() {
        text.push_str("\n\nWhat they touch:\n");
        for (what, paths) in &effects {
            text.push_str(&format!("- {what}: {}\n", examples(paths)));
        }
    }
    if !stages.is_empty() {
        text.push_str("\n\nWhich stage they hint at:\n");
        for (idx, mut hints) in stages {
            hints.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
            let paths: Vec<&SmolStr> = hints.iter().map(|(_, path)| *path).collect();
            text.push_str(&format!("- {}: {}\n", Stage::ALL[idx], examples(&paths)));
        }
    }
    text.replace("\n\n\n", "\n\n")
}

/// The first few by name, and how many more there are.
fn examples(paths: &[&SmolStr]) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<String> = paths
        .iter()
        .take(SHOWN)
        .map(|path| format!("`{path}`"))
        .collect();
    match paths.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_hazards_and_libraries_have_something_to_say() {
        let topics = topics(&Catalog::built_in());
        let text = |name: &str| {
            let topic = topics.iter().find(|topic| topic.name == name);
            topic.map(|topic| topic.text.clone()).unwrap_or_default()
        };
        assert!(text("training").starts_with("Builds, fits, tunes, persists a model."));
        assert!(text("shared-mutable-global").contains("## What to do"));
        assert!(text("requests").contains("read network: `requests."));
    }
}
