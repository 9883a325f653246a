//! Which features a node looks at: drawn without replacement, those known to be
//! constant there passed over.
//!
//! A Fisher-Yates shuffle that keeps features constant in an ancestor in front,
//! after scikit-learn's `node_split_best`: the same numbers drawn give the same
//! features.

use super::random::Xorshift;

/// The features of one tree, in the order that draws have left them in.
pub(super) struct Features {
    order: Vec<usize>,
    constant: Vec<usize>,
}

/// The drawing at one node.
///
/// In `order` lie, one after the other: constant features that were drawn,
/// those that were not, those found constant here, what is still to be drawn,
/// and what was drawn and varies.
pub(super) struct Drawing<'a> {
    of: &'a mut Features,
    most: usize,
    known: usize,
    found: usize,
    passed: usize,
    seen: usize,
    rest: usize,
    at: usize,
}

impl Features {
    pub(super) fn new(n: usize) -> Self {
        Features {
            order: (0..n).collect(),
            constant: vec![0; n],
        }
    }

    /// Begins at a node: at most `most` features are looked at, but at least
    /// one that varies; `known` are constant already.
    pub(super) fn draw(&mut self, most: usize, known: usize) -> Drawing<'_> {
        let rest = self.order.len();
        Drawing {
            of: self,
            most,
            known,
            found: 0,
            passed: 0,
            seen: 0,
            rest,
            at: 0,
        }
    }
}

impl Drawing<'_> {
    /// The next feature to look at. Whether it varies is then to be said by
    /// [`Drawing::is_constant`] or [`Drawing::varies`].
    pub(super) fn next(&mut self, random: &mut Xorshift) -> Option<usize> {
        while self.rest > self.known + self.found
            && (self.seen < self.most || self.seen <= self.found + self.passed)
        {
            self.seen += 1;
            let drawn = random.between(self.passed, self.rest - self.found);
            if drawn >= self.known {
                self.at = drawn + self.found;
                return Some(self.of.order[self.at]);
            }
            self.of.order.swap(self.passed, drawn);
            self.passed += 1;
        }
        None
    }

    pub(super) fn is_constant(&mut self) {
        self.of.order.swap(self.at, self.known + self.found);
        self.found += 1;
    }

    pub(super) fn varies(&mut self) {
        self.rest -= 1;
        self.of.order.swap(self.rest, self.at);
    }

    /// How many features are known to be constant in the node's children.
    pub(super) fn end(self) -> usize {
        let all = self.known + self.found;
        let Features { order, constant } = self.of;
        order[..self.known].copy_from_slice(&constant[..self.known]);
        constant[self.known..all].copy_from_slice(&order[self.known..all]);
        all
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_feature_comes_twice_and_a_varying_one_comes(
            n in 1_usize..12, most in 1_usize..12, constant in 0_u32..4_096, seed in any::<u32>(),
        ) {
            let mut features = Features::new(n);
            let mut random = Xorshift::of_tree(seed);
            let is_constant = |feature: usize| constant >> feature & 1 == 1;
            let mut drawing = features.draw(most, 0);
            let mut drawn = Vec::new();
            while let Some(feature) = drawing.next(&mut random) {
                drawn.push(feature);
                match is_constant(feature) {
                    true => drawing.is_constant(),
                    false => drawing.varies(),
                }
            }
            let known = drawing.end();
            prop_assert_eq!(known, drawn.iter().filter(|feature| is_constant(**feature)).count());
            let any_varies = (0..n).any(|feature| !is_constant(feature));
            prop_assert_eq!(any_varies, drawn.iter().any(|feature| !is_constant(*feature)));
            let mut drawing = features.draw(n, known);
            while let Some(feature) = drawing.next(&mut random) {
                prop_assert!(!(drawn.contains(&feature) && is_constant(feature)));
                drawing.varies();
            }
            drawing.end();
            let n_drawn = drawn.len();
            drawn.sort_unstable();
            drawn.dedup();
            prop_assert_eq!(drawn.len(), n_drawn);
        }
    }
}
