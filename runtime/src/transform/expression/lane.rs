//! [`Lane`]: one value for all rows, or one for each.

use std::borrow::Cow;

#[derive(Clone, Debug)]
pub(super) enum Lane<'a, T: Clone> {
    One(T),
    Many(Cow<'a, [T]>),
}

impl<'a, T: Clone> Lane<'a, T> {
    pub(super) fn get(&self, row: usize) -> T {
        match self {
            Lane::One(value) => value.clone(),
            Lane::Many(values) => values[row].clone(),
        }
    }

    pub(super) fn map<U: Clone>(self, f: impl Fn(T) -> U) -> Lane<'a, U> {
        match self {
            Lane::One(value) => Lane::One(f(value)),
            Lane::Many(values) => Lane::Many(values.iter().cloned().map(f).collect()),
        }
    }

    /// Row by row with another; all that are many are of one length.
    pub(super) fn zip<U: Clone, V: Clone>(
        self,
        other: Lane<'a, U>,
        f: impl Fn(T, U) -> V,
    ) -> Lane<'a, V> {
        match (self, other) {
            (Lane::One(a), Lane::One(b)) => Lane::One(f(a, b)),
            (Lane::One(a), Lane::Many(b)) => {
                Lane::Many(b.iter().map(|b| f(a.clone(), b.clone())).collect())
            }
            (Lane::Many(a), Lane::One(b)) => {
                Lane::Many(a.iter().map(|a| f(a.clone(), b.clone())).collect())
            }
            (Lane::Many(a), Lane::Many(b)) => {
                let pairs = a.iter().zip(b.iter());
                Lane::Many(pairs.map(|(a, b)| f(a.clone(), b.clone())).collect())
            }
        }
    }

    /// `n` values.
    pub(super) fn into_values(self, n: usize) -> Vec<T> {
        match self {
            Lane::One(value) => vec![value; n],
            Lane::Many(values) => values.into_owned(),
        }
    }
}
