//! [`Stop`]: what asks long work to end before it is done.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Asks work to end before it is done. Once asked, it stays so.
///
/// Clones are the same; of a [`child`](Stop::child) it is asked, too, by who
/// asks it of the parent, and not the other way round.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    own: Arc<AtomicBool>,
    parents: Vec<Arc<AtomicBool>>,
}

impl Stop {
    /// Asks for it.
    pub fn ask(&self) {
        self.own.store(true, Ordering::Relaxed);
    }

    /// Whether it is asked for. Cheap: an atomic or two.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        let mut all = std::iter::once(&self.own).chain(&self.parents);
        all.any(|asked| asked.load(Ordering::Relaxed))
    }

    /// One for a part of the work.
    #[must_use]
    pub fn child(&self) -> Stop {
        let parents = std::iter::once(&self.own).chain(&self.parents);
        Stop {
            own: Arc::default(),
            parents: parents.cloned().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_stops_with_the_whole_and_not_the_other_way_round() {
        let whole = Stop::default();
        let (one, other) = (whole.child(), whole.child().child());
        one.ask();
        assert!(one.clone().is_asked());
        assert!(!whole.is_asked() && !other.is_asked());
        whole.ask();
        assert!(whole.is_asked() && other.is_asked());
    }
}
