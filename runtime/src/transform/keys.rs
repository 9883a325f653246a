//! Values as keys: to group, to join, to look categories up.
//!
//! Equal values have equal bytes. As in pandas, a missing value equals another
//! one, and numbers are equal by size whatever their type.

use std::cmp::Ordering;

use rustc_hash::FxHashMap;

use super::column::Column;
use super::fault::Fault;
use super::frame::Frame;
use super::scalar::Scalar;

/// Rows by their key.
pub(super) struct Groups {
    /// For each row its group, counted in order of appearance.
    pub(super) of: Vec<usize>,
    /// For each group its first row.
    pub(super) first: Vec<usize>,
}

/// The columns that make the key of a row.
pub(super) struct Keys<'a>(Vec<&'a Column>);

impl<'a> Keys<'a> {
    pub(super) fn of(frame: &'a Frame, names: &[impl AsRef<str>]) -> Result<Keys<'a>, Fault> {
        let columns = names.iter().map(|name| frame.column(name.as_ref()));
        Ok(Keys(columns.collect::<Result<_, _>>()?))
    }

    /// Writes the key of `row` over what is in `bytes`.
    pub(super) fn write(&self, row: usize, bytes: &mut Vec<u8>) {
        bytes.clear();
        for column in &self.0 {
            write(column, row, bytes);
        }
    }

    /// Any part of the key of `row` is missing.
    pub(super) fn is_missing(&self, row: usize) -> bool {
        self.0.iter().any(|column| column.is_missing(row))
    }

    /// How the keys of two rows are sorted.
    pub(super) fn order(&self, a: usize, b: usize) -> Ordering {
        let parts = self
            .0
            .iter()
            .map(|column| match (column.scalar(a), column.scalar(b)) {
                (Some(a), Some(b)) => a.order(&b),
                (a, b) => a.is_none().cmp(&b.is_none()),
            });
        parts.fold(Ordering::Equal, Ordering::then)
    }

    pub(super) fn groups(&self, n_rows: usize) -> Groups {
        let mut known: FxHashMap<Box<[u8]>, usize> = FxHashMap::default();
        let mut groups = Groups {
            of: Vec::with_capacity(n_rows),
            first: Vec::new(),
        };
        let mut bytes = Vec::new();
        for row in 0..n_rows {
            self.write(row, &mut bytes);
            let group = known.get(bytes.as_slice()).copied().unwrap_or_else(|| {
                known.insert(bytes.as_slice().into(), groups.first.len());
                groups.first.push(row);
                groups.first.len() - 1
            });
            groups.of.push(group);
        }
        groups
    }
}

pub(super) fn write(column: &Column, row: usize, bytes: &mut Vec<u8>) {
    if column.is_missing(row) {
        return bytes.push(0);
    }
    match column {
        Column::Bool(values) => whole(i64::from(values.value(row)), bytes),
        Column::Int(values) => whole(values.value(row), bytes),
        Column::Float(values) => float(values.value(row), bytes),
        Column::Text(values) => text(values.value(row), bytes),
        Column::Time(values) => tagged(4, values.value(row).to_ne_bytes(), bytes),
    }
}

pub(super) fn write_scalar(value: &Scalar, bytes: &mut Vec<u8>) {
    match value {
        Scalar::Bool(value) => whole(i64::from(*value), bytes),
        Scalar::Int(value) => whole(*value, bytes),
        Scalar::Float(value) => float(*value, bytes),
        Scalar::Text(value) => text(value, bytes),
        Scalar::Time { micros } => tagged(4, micros.to_ne_bytes(), bytes),
    }
}

fn whole(value: i64, bytes: &mut Vec<u8>) {
    tagged(1, value.to_ne_bytes(), bytes);
}

fn float(value: f64, bytes: &mut Vec<u8>) {
    /// Up to here every whole number has its own float.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value.fract() == 0.0 && value.abs() <= EXACT {
        true => whole(value as i64, bytes),
        false => tagged(2, value.to_bits().to_ne_bytes(), bytes),
    }
}

fn text(value: &str, bytes: &mut Vec<u8>) {
    tagged(3, value.len().to_ne_bytes(), bytes);
    bytes.extend_from_slice(value.as_bytes());
}

fn tagged(tag: u8, value: [u8; 8], bytes: &mut Vec<u8>) {
    bytes.push(tag);
    bytes.extend_from_slice(&value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_equal_by_size_and_missing_equals_missing() {
        let frame = Frame::new(5)
            .with(
                "k",
                Column::floats(vec![1.0, f64::NAN, 2.5, f64::NAN, -0.0]),
            )
            .unwrap()
            .with("i", Column::ints([Some(1), None, Some(2), None, Some(0)]))
            .unwrap();
        let groups = Keys::of(&frame, &["k"]).unwrap().groups(5);
        assert_eq!(groups.of, [0, 1, 2, 1, 3]);
        let (mut a, mut b) = (Vec::new(), Vec::new());
        for (row, equal) in [(0, true), (1, true), (2, false), (4, true)] {
            Keys::of(&frame, &["k"]).unwrap().write(row, &mut a);
            Keys::of(&frame, &["i"]).unwrap().write(row, &mut b);
            assert_eq!(a == b, equal, "row {row}");
        }
    }

    #[test]
    fn parts_of_a_key_stay_apart() {
        let frame = Frame::new(2)
            .with("a", Column::texts([Some("x"), Some("xy")]))
            .unwrap()
            .with("b", Column::texts([Some("yz"), Some("z")]))
            .unwrap();
        assert_eq!(Keys::of(&frame, &["a", "b"]).unwrap().groups(2).of, [0, 1]);
    }
}
