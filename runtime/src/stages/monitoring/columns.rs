//! Tables and predictions as columns that can be compared.

use indexmap::IndexMap;
use serde_json::Value;

use crate::drift::{Column, ColumnProfile, Numbers, Profile, Words};
use crate::log::Entry;
use crate::transform::{self, Frame};

/// The columns of a table, as the tests take them.
pub(super) fn columns(frame: &Frame) -> IndexMap<String, Column> {
    let each = frame.columns().map(|(name, column)| {
        let column = match column.ty() {
            transform::Type::String => {
                let words: Vec<Option<String>> = column
                    .scalars()
                    .map(|value| value.map(|value| value.to_string()))
                    .collect();
                Column::words(words.iter().map(Option::as_deref))
            }
            _ => {
                let numbers = column
                    .scalars()
                    .map(|value| value.and_then(|value| value.number()).unwrap_or(f64::NAN));
                Column::numbers(numbers)
            }
        };
        (name.to_owned(), column)
    });
    each.collect()
}

/// The columns of what was asked, of the reference's kinds.
pub(super) fn asked(
    reference: &IndexMap<String, Column>,
    entries: &[Entry],
) -> IndexMap<String, Column> {
    let each = reference.iter().filter_map(|(name, kind)| {
        let values = || entries.iter().map(|entry| entry.row.get(name));
        values().flatten().next()?;
        let column = match kind {
            Column::Numbers(_) => Column::numbers(
                values().map(|value| value.and_then(Value::as_f64).unwrap_or(f64::NAN)),
            ),
            Column::Words(_) => Column::words(values().map(|value| value.and_then(Value::as_str))),
        };
        Some((name.clone(), column))
    });
    each.collect()
}

/// What these columns of a table are like.
pub(super) fn profile(frame: &Frame, names: &IndexMap<String, Column>) -> Profile {
    let columns = frame
        .columns()
        .filter(|(name, _)| names.contains_key(*name));
    let columns = columns.map(|(name, column)| {
        let profile = match column.ty() {
            transform::Type::String => {
                let mut words = Words::default();
                for value in column.scalars() {
                    words.add(value.map(|value| value.to_string()).as_deref());
                }
                ColumnProfile::Words(words)
            }
            _ => {
                let mut numbers = Numbers::default();
                for value in column.scalars() {
                    numbers.add(value.and_then(|value| value.number()));
                }
                ColumnProfile::Numbers(numbers)
            }
        };
        (name.to_owned(), profile)
    });
    Profile {
        rows: frame.n_rows() as u64,
        columns: columns.collect(),
    }
}

/// What these columns of what was asked are like.
pub(super) fn profile_asked(entries: &[Entry], names: &IndexMap<String, Column>) -> Profile {
    let columns = names.iter().map(|(name, kind)| {
        let values = entries.iter().map(|entry| entry.row.get(name));
        let profile = match kind {
            Column::Numbers(_) => {
                let mut numbers = Numbers::default();
                values.for_each(|value| numbers.add(value.and_then(Value::as_f64)));
                ColumnProfile::Numbers(numbers)
            }
            Column::Words(_) => {
                let mut words = Words::default();
                values.for_each(|value| words.add(value.and_then(Value::as_str)));
                ColumnProfile::Words(words)
            }
        };
        (name.clone(), profile)
    });
    Profile {
        rows: entries.len() as u64,
        columns: columns.collect(),
    }
}

/// Values of JSON, as numbers if all of them are.
pub(super) fn outputs<'a>(values: impl Iterator<Item = &'a Value> + Clone) -> Column {
    match values.clone().all(Value::is_number) {
        true => Column::numbers(values.filter_map(Value::as_f64)),
        false => {
            let words: Vec<String> = values.map(super::labels::of_json).collect();
            Column::words(words.iter().map(|word| Some(word.as_str())))
        }
    }
}
