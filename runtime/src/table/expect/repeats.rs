//! [`Repeats`]: rows whose value another row has, found in bounded memory.
//!
//! Each value, or several together, is hashed to 128 bits with a secret key (SipHash-1-3, Aumasson
//! and Bernstein 2012), and hashes are sorted on disk with their row numbers,
//! so that equal ones meet. Two different values among a thousand million
//! have the same hash with a probability of about 1e-21.

use std::iter::Peekable;

use siphasher::sip128::{Hasher128, SipHasher13};

use super::document::Keep;
use super::rules::{Failures, Key, Rules};
use super::values::Values;
use crate::table::batch::{Reason, Rule};
use crate::table::sort::{Sorted, Sorter};
use crate::table::{Table, TableError};

/// The rows that repeat another, in the order of the table.
pub(super) struct Repeats {
    /// Row, the row that is kept instead, and the place of the key.
    rows: Option<Peekable<Sorted<3>>>,
}

impl Repeats {
    /// Reads the whole table, if something of it is to be unique.
    pub(super) fn find(table: &Table, rules: &Rules) -> Result<Repeats, TableError> {
        if rules.keys.is_empty() {
            return Ok(Repeats { rows: None });
        }
        let mut repeats = Sorter::new();
        let hashes = hashes(table, rules)?.into_iter().zip(&rules.keys);
        for (place, (hashes, key)) in hashes.enumerate() {
            collect(hashes.sorted()?, key.keep, |row, kept| {
                repeats.push([row, kept, place as u64])
            })?;
        }
        Ok(Repeats {
            rows: Some(repeats.sorted()?.peekable()),
        })
    }

    /// Adds to `failures` the rows of a batch that repeat; batches are asked for
    /// in order.
    pub(super) fn add(
        &mut self,
        keys: &[Key],
        values: &[Values],
        numbers: &[u64],
        failures: &mut Failures,
    ) -> Result<(), TableError> {
        let (Some(rows), Some(last)) = (&mut self.rows, numbers.last()) else {
            return Ok(());
        };
        while let Some(repeat) = rows.next_if(|row| row.as_ref().is_ok_and(|row| row[0] <= *last)) {
            let [number, kept, place] = repeat?;
            let key = &keys[place as usize];
            let Ok(row) = numbers.binary_search(&number) else {
                continue;
            };
            let shown: Vec<String> = key.own(values).map(|values| values.shown(row)).collect();
            failures.entry(row).or_default().push(Reason {
                column: Some(key.name.clone()),
                rule: Rule::Unique,
                text: format!("{} is also in row {kept}, which is kept", shown.join(", ")),
            });
        }
        match rows.next_if(Result::is_err) {
            Some(Err(error)) => Err(error.into()),
            _ => Ok(()),
        }
    }
}

/// For each of the keys the hashes of the values of rows that fulfil all else,
/// with the rows.
fn hashes(table: &Table, rules: &Rules) -> Result<Vec<Sorter<3>>, TableError> {
    let secret: (u64, u64) = rand::random();
    let mut sorters: Vec<Sorter<3>> = rules.keys.iter().map(|_| Sorter::new()).collect();
    for batch in table.batches()? {
        let batch = batch?;
        let values = rules
            .values(&batch.rows)
            .map_err(TableError::arrow(table.name()))?;
        let failures = rules.failures(&values, batch.rows.num_rows());
        for (key, sorter) in rules.keys.iter().zip(&mut sorters) {
            for (row, number) in batch.numbers.iter().enumerate() {
                let is_missing = key.own(&values).any(|values| values.is_missing(row));
                if is_missing || failures.contains_key(&row) {
                    continue;
                }
                let mut hasher = SipHasher13::new_with_keys(secret.0, secret.1);
                key.own(&values)
                    .for_each(|values| values.hash(row, &mut hasher));
                let hash = hasher.finish128();
                sorter.push([hash.h1, hash.h2, *number])?;
            }
        }
    }
    Ok(sorters)
}

/// Tells of each row that is not kept which is.
fn collect(
    keys: Sorted<3>,
    keep: Keep,
    mut repeat: impl FnMut(u64, u64) -> std::io::Result<()>,
) -> Result<(), TableError> {
    let mut kept: Option<[u64; 3]> = None;
    // Of equal keys the first row comes first. To keep the last, each row but
    // the last is told with the one behind it.
    for key in keys {
        let key = key?;
        match kept {
            Some(before) if before[..2] == key[..2] => match keep {
                Keep::First => repeat(key[2], before[2])?,
                Keep::Last => {
                    repeat(before[2], key[2])?;
                    kept = Some(key);
                }
            },
            _ => kept = Some(key),
        }
    }
    Ok(())
}
