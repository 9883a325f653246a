//! What the measuring programs share.

// Each program takes what it needs.
#![allow(dead_code, reason = "each program uses its part")]

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use cutline_analyzer::{Catalog, Options, Report, SourceOptions, SourceTree};

/// What goes wrong while measuring.
pub(crate) type Error = Box<dyn std::error::Error>;

/// The report on the code in `path`; with `given`, the one in that file.
pub(crate) fn report_on(path: &Path, given: Option<&Path>) -> Result<Report, Error> {
    let Some(given) = given else {
        let tree = SourceTree::read(path, &SourceOptions::default())?;
        return Ok(report_of(&tree));
    };
    let text = std::fs::read_to_string(given)
        .map_err(|error| format!("{} cannot be read: {error}", given.display()))?;
    let report = serde_json::from_str(&text)
        .map_err(|error| format!("{} is no report: {error}", given.display()))?;
    Ok(report)
}

/// The report on a tree.
pub(crate) fn report_of(tree: &SourceTree) -> Report {
    let options = Options {
        catalog: Catalog::built_in(),
        pins: Vec::new(),
    };
    cutline_analyzer::analyze(tree, &options)
}

/// How many of a list were found.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Share {
    pub(crate) n: usize,
    pub(crate) of: usize,
}

impl Share {
    pub(crate) fn add(&mut self, is_in: bool) {
        self.n += usize::from(is_in);
        self.of += 1;
    }

    /// None of nothing has no value.
    pub(crate) fn value(self) -> Option<f64> {
        (self.of > 0).then(|| self.n as f64 / self.of as f64)
    }
}

impl FromIterator<bool> for Share {
    fn from_iter<T: IntoIterator<Item = bool>>(items: T) -> Share {
        let mut share = Share::default();
        items.into_iter().for_each(|is_in| share.add(is_in));
        share
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value() {
            Some(value) => write!(f, "{value:.3} ({} of {})", self.n, self.of),
            None => f.write_str("- (0 of 0)"),
        }
    }
}

/// Found things against true ones, each once.
pub(crate) struct Comparison<T> {
    pub(crate) precision: Share,
    pub(crate) recall: Share,
    pub(crate) missing: Vec<T>,
    pub(crate) extra: Vec<T>,
}

impl<T: Ord + Clone> Comparison<T> {
    pub(crate) fn new(expected: &BTreeSet<T>, found: &BTreeSet<T>) -> Comparison<T> {
        let n = expected.intersection(found).count();
        Comparison {
            precision: Share { n, of: found.len() },
            recall: Share {
                n,
                of: expected.len(),
            },
            missing: expected.difference(found).cloned().collect(),
            extra: found.difference(expected).cloned().collect(),
        }
    }
}

impl<T> fmt::Display for Comparison<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (precision, recall) = (self.precision, self.recall);
        let n_all = precision.of + recall.of;
        let f1 = 2.0 * precision.n as f64 / n_all.max(1) as f64;
        write!(f, "precision {precision}, recall {recall}, F1 {f1:.3}")
    }
}
