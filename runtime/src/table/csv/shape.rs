//! [`Shape`]: what the blocks of a CSV are parsed into, and how it is found.

use std::collections::BTreeMap;

use arrow_array::{BooleanArray, RecordBatch};
use arrow_schema::SchemaRef;

use super::Ragged;
use super::column::Place;
use super::fields::{Fields, Rules};
use crate::table::TableError;
use crate::table::batch::{Batch, Origin, Reason, Rejected, Rule};
use crate::table::blocks::{Block, Blocks};
use crate::table::missing::Missing;
use crate::table::text::Seen;
use crate::table::types::Column;
use crate::table::waves::{self, Parse, Parsed};

/// What blocks are parsed into.
pub(super) struct Shape {
    pub(super) table: String,
    pub(super) rules: Rules,
    pub(super) names: Vec<String>,
    pub(super) columns: Vec<Column>,
    pub(super) missing: Missing,
    pub(super) schema: SchemaRef,
}

impl Parse for Shape {
    fn parse(&self, block: Block) -> Result<Parsed, TableError> {
        let mut fields = Fields::split(block, &self.rules);
        let mut arrays = Vec::with_capacity(self.columns.len());
        let mut bad: BTreeMap<u32, Vec<Reason>> = BTreeMap::new();
        for (index, (name, column)) in self.names.iter().zip(&self.columns).enumerate() {
            let place = Place {
                index,
                name,
                column,
                missing: &self.missing,
            };
            let parsed = place.parse(&fields);
            arrays.push(parsed.array);
            for (row, reason) in parsed.bad {
                bad.entry(row).or_default().push(reason);
            }
        }
        let n_rows = fields.n_rows() as u32;
        let batch = Batch {
            rows: RecordBatch::try_new(self.schema.clone(), arrays)
                .map_err(TableError::arrow(&self.table))?,
            numbers: fields.ordinals.iter().copied().map(u64::from).collect(),
            rejected: std::mem::take(&mut fields.rejected),
            origin: Origin::Fields {
                places: (0..n_rows).collect(),
                fields,
            },
        };
        self.without(batch, bad)
    }

    /// Where one ragged row is too much: an error at the first.
    fn accept(&self, batch: &Batch) -> Result<(), TableError> {
        let is_ragged = |row: &&Rejected| row.reasons.iter().any(|why| why.rule == Rule::Width);
        let ragged = batch.rejected.iter().find(is_ragged);
        match ragged.filter(|_| self.rules.ragged == Ragged::Fail) {
            None => Ok(()),
            Some(rejected) => Err(TableError::Row {
                table: self.table.clone(),
                row: rejected.row,
                line: rejected.line.unwrap_or_default(),
                reason: rejected.reason(),
            }),
        }
    }
}

impl Shape {
    /// The batch without its bad rows.
    fn without(
        &self,
        mut batch: Batch,
        bad: BTreeMap<u32, Vec<Reason>>,
    ) -> Result<Parsed, TableError> {
        let Origin::Fields { fields, .. } = &batch.origin else {
            return Ok(Parsed {
                batch,
                n_records: 0,
            });
        };
        let n_records = fields.n_records;
        if bad.is_empty() {
            return Ok(Parsed { batch, n_records });
        }
        let mut good = vec![true; batch.rows.num_rows()];
        let lines = fields.lines(bad.keys().map(|row| *row as usize));
        let lines: Vec<u64> = lines.collect();
        let mut rejected = std::mem::take(&mut batch.rejected);
        for ((row, reasons), line) in bad.into_iter().zip(lines) {
            good[row as usize] = false;
            rejected.push(Rejected {
                line: Some(line),
                ..batch.reject(row as usize, reasons)
            });
        }
        rejected.sort_by_key(|rejected| rejected.row);
        batch.rejected = rejected;
        let mask = BooleanArray::from(good);
        batch.keep(&mask).map_err(TableError::arrow(&self.table))?;
        Ok(Parsed { batch, n_records })
    }
}

/// The columns, where those that are not declared are what all their texts are.
pub(super) fn infer(
    first: Option<Block>,
    blocks: Blocks,
    rules: &Rules,
    declared: &[Option<Column>],
    missing: &Missing,
) -> Result<Vec<Column>, TableError> {
    let mut seen = vec![Seen::default(); declared.len()];
    waves::look(
        first,
        blocks,
        |block| look(&Fields::split(block, rules), declared, missing),
        |block| {
            seen.iter_mut()
                .zip(block)
                .for_each(|(seen, more)| seen.add(more))
        },
    )?;
    let columns = declared.iter().zip(seen);
    Ok(columns
        .map(|(column, seen)| column.clone().unwrap_or_else(|| Column::new(seen.ty())))
        .collect())
}

/// What the columns of one block are.
fn look(fields: &Fields, declared: &[Option<Column>], missing: &Missing) -> Vec<Seen> {
    let look = |index: usize| {
        let mut seen = Seen::default();
        for row in 0..fields.n_rows() {
            if seen.is_settled() || declared[index].is_some() {
                break;
            }
            let raw = fields.raw(row, index).as_bytes();
            seen.add(match missing.is(raw) {
                true => Seen::MISSING,
                false => Seen::of(raw),
            });
        }
        seen
    };
    (0..declared.len()).map(look).collect()
}
