//! What is expected of a table, and [`check`]: the rows that fulfil it go on,
//! the others to the quarantine.

mod document;
mod quarantine;
mod repeats;
mod rules;
mod values;

use arrow_array::BooleanArray;
use arrow_schema::SchemaRef;
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use document::{Expect, Expectations, Keep, Scalar, Unique};
pub use quarantine::quarantine_schema;

use self::repeats::Repeats;
use self::rules::Rules;
use self::values::Values;
use super::{Batch, Rejected, Sink, Table, TableError};

/// What became of a table.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Summary {
    /// The rows that the table has.
    pub rows: u64,
    /// Those that fulfil what is expected of a row.
    pub accepted: u64,
    /// The others.
    pub quarantined: u64,
    /// How often each rule was broken, by column and rule (`age: max`), the
    /// most frequent first. One row can break several.
    #[schemars(with = "std::collections::BTreeMap<String, u64>")]
    pub reasons: IndexMap<String, u64>,
    /// Why the whole set fails; empty if it does not.
    pub failures: Vec<String>,
}

/// Sends each row of `table` to `accepted`, whose columns are the table's, or to
/// `quarantine`, whose are [`quarantine_schema`], both in the table's order.
///
/// Reads the table once, and once before where columns are to be unique. That
/// the set fails is told in the summary and is no error: both outputs are
/// complete then too.
pub fn check(
    table: &Table,
    expectations: &Expectations,
    accepted: &mut dyn Sink,
    quarantine: &mut dyn Sink,
) -> Result<Summary, TableError> {
    let rules = Rules::new(table.name(), table.schema(), expectations)?;
    let mut repeats = Repeats::find(table, &rules)?;
    let mut tally = Tally::new(&rules);
    let quarantine_schema = quarantine_schema(table.schema());
    for batch in table.batches()? {
        let (batch, rejected) = divide(table, &rules, &mut repeats, &mut tally, batch?)?;
        tally.count(&batch, &rejected);
        accepted.write(&batch.rows)?;
        if !rejected.is_empty() {
            quarantine.write(&rejected_rows(table, &quarantine_schema, &rejected)?)?;
        }
    }
    Ok(tally.summary(&rules, expectations))
}

/// The rows of a batch that are accepted, and all that are not.
fn divide(
    table: &Table,
    rules: &Rules,
    repeats: &mut Repeats,
    tally: &mut Tally,
    mut batch: Batch,
) -> Result<(Batch, Vec<Rejected>), TableError> {
    let broken = TableError::arrow(table.name());
    let n_rows = batch.rows.num_rows();
    let values = rules.values(&batch.rows).map_err(&broken)?;
    tally.missing(&values, n_rows);
    let mut failures = rules.failures(&values, n_rows);
    repeats.add(&rules.keys, &values, &batch.numbers, &mut failures)?;
    let mut rejected = std::mem::take(&mut batch.rejected);
    if failures.is_empty() {
        return Ok((batch, rejected));
    }
    let mut good = vec![true; n_rows];
    for (row, reasons) in failures {
        good[row] = false;
        rejected.push(batch.reject(row, reasons));
    }
    rejected.sort_by_key(|rejected| rejected.row);
    batch.keep(&BooleanArray::from(good)).map_err(&broken)?;
    Ok((batch, rejected))
}

fn rejected_rows(
    table: &Table,
    schema: &SchemaRef,
    rejected: &[Rejected],
) -> Result<arrow_array::RecordBatch, TableError> {
    quarantine::rows(schema, rejected).map_err(TableError::arrow(table.name()))
}

/// What is counted on the way.
struct Tally {
    summary: Summary,
    /// For each of the rules' columns the missing values.
    n_missing: Vec<u64>,
    n_read: u64,
}

impl Tally {
    fn new(rules: &Rules) -> Tally {
        Tally {
            summary: Summary::default(),
            n_missing: vec![0; rules.columns.len()],
            n_read: 0,
        }
    }

    fn missing(&mut self, values: &[Values], n_rows: usize) {
        self.n_read += n_rows as u64;
        for (n_missing, values) in self.n_missing.iter_mut().zip(values) {
            *n_missing += values.n_missing() as u64;
        }
    }

    fn count(&mut self, accepted: &Batch, rejected: &[Rejected]) {
        let summary = &mut self.summary;
        summary.accepted += accepted.rows.num_rows() as u64;
        summary.quarantined += rejected.len() as u64;
        summary.rows = summary.accepted + summary.quarantined;
        for reason in rejected.iter().flat_map(|row| &row.reasons) {
            let name = match &reason.column {
                Some(column) => format!("{column}: {}", reason.rule),
                None => reason.rule.to_string(),
            };
            *summary.reasons.entry(name).or_default() += 1;
        }
    }

    fn summary(mut self, rules: &Rules, expectations: &Expectations) -> Summary {
        let n_missing = std::mem::take(&mut self.n_missing);
        for (column, n_missing) in rules.columns.iter().zip(n_missing) {
            if let Some(most) = column.null_share {
                let what = format!("{}: {n_missing} values are missing", column.name);
                self.hold(&what, n_missing, self.n_read, most);
            }
        }
        if let Some(most) = expectations.failed_share {
            let (n_failed, rows) = (self.summary.quarantined, self.summary.rows);
            self.hold(&format!("{n_failed} rows fail"), n_failed, rows, most);
        }
        let reasons = &mut self.summary.reasons;
        reasons.sort_by(|_, one, _, other| other.cmp(one));
        self.summary
    }

    /// A failure, if `count` is more than its share.
    fn hold(&mut self, what: &str, count: u64, of: u64, most: f64) {
        let share = count as f64 / of.max(1) as f64;
        if share > most {
            let text = format!(
                "{what} of {of} ({:.2} %), and {:.2} % may",
                100.0 * share,
                100.0 * most
            );
            self.summary.failures.push(text);
        }
    }
}

#[cfg(test)]
mod tests;
