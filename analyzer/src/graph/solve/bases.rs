//! Base classes that only values tell, as in `class A(make_base()):`.

use rustc_hash::FxHashSet;

use super::Solver;
use crate::graph::program::ClassId;
use crate::graph::values::{Value, ValueId};

impl Solver<'_> {
    /// Adds the bases that values have told of; false if there were none.
    ///
    /// What instances of the classes concerned were used for is looked at
    /// again. What the old order of bases gave stays: sets only grow.
    pub(super) fn take_bases(&mut self) -> bool {
        if self.new_bases.is_empty() {
            return false;
        }
        let before: Vec<usize> = self.orders().collect();
        for (class, base) in std::mem::take(&mut self.new_bases) {
            self.program.add_base(class, base);
        }
        self.program.linearize();
        let after = self.orders().enumerate();
        let changed: FxHashSet<ClassId> = after
            .filter(|(class, order)| before[*class] != *order)
            .map(|(class, _)| ClassId(class as u32))
            .collect();
        if !changed.is_empty() {
            self.reconsider(|solver, value| match *solver.get(value) {
                Value::Instance(class) | Value::Class(class) => changed.contains(&class),
                Value::Super(class, receiver) => {
                    let of = match *solver.get(receiver) {
                        Value::Instance(of) | Value::Class(of) => of,
                        _ => class,
                    };
                    changed.contains(&class) || changed.contains(&of)
                }
                _ => false,
            });
        }
        !changed.is_empty()
    }

    /// How many classes each class derives from: bases are only added.
    fn orders(&self) -> impl Iterator<Item = usize> + '_ {
        self.program.classes.iter().map(|class| class.mro.len())
    }

    /// Meets the values that `concerned` picks with their uses once more.
    fn reconsider(&mut self, concerned: impl Fn(&Self, ValueId) -> bool) {
        for node in self.nodes.ids() {
            if self.uses(node).is_empty() {
                continue;
            }
            let values = self.set(node).iter().copied();
            let values: Vec<ValueId> = values.filter(|value| concerned(self, *value)).collect();
            if values.is_empty() {
                continue;
            }
            for used in self.uses(node).to_vec() {
                for value in &values {
                    self.meet(&used, *value);
                }
            }
        }
    }
}
