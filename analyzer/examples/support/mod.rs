//! What the measuring programs share.

// Each program takes what it needs.
#![allow(dead_code, reason = "each program uses its part")]

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use cutline_analyzer::report::Report;

/// What goes wrong while measuring.
pub type Error = Box<dyn std::error::Error>;

/// The report on the code in `path`: the one in the file `given`.
pub fn report_on(path: &Path, given: Option<&Path>) -> Result<Report, Error> {
    let Some(given) = given else {
        return Err(format!("give the report.json of {}", path.display()).into());
    };
    let text = std::fs::read_to_string(given)
        .map_err(|error| format!("{} cannot be read: {error}", given.display()))?;
    let report = serde_json::from_str(&text)
        .map_err(|error| format!("{} is no report: {error}", given.display()))?;
    Ok(report)
}

/// How many of a list were found.
#[derive(Clone, Copy, Debug, Default)]
pub struct Share {
    pub n: usize,
    pub of: usize,
}

impl Share {
    pub fn add(&mut self, is_in: bool) {
        self.n += usize::from(is_in);
        self.of += 1;
    }

    /// None of nothing has no value.
    pub fn value(self) -> Option<f64> {
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
pub struct Comparison<T> {
    pub precision: Share,
    pub recall: Share,
    pub missing: Vec<T>,
    pub extra: Vec<T>,
}

impl<T: Ord + Clone> Comparison<T> {
    pub fn new(expected: &BTreeSet<T>, found: &BTreeSet<T>) -> Comparison<T> {
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
