//! [`Waves`]: blocks parsed in parallel, some at a time, and given in order.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use arrow_array::{BooleanArray, RecordBatch};
use arrow_schema::SchemaRef;
use rayon::prelude::*;

use super::Ragged;
use super::blocks::{Block, Blocks};
use super::column::Place;
use super::fields::{Fields, Rules};
use crate::table::batch::{Batch, Origin, Reason, Rejected, Rule};
use crate::table::missing::Missing;
use crate::table::text::Seen;
use crate::table::types::Column;
use crate::table::TableError;

/// What blocks are parsed into.
pub(super) struct Shape {
    pub(super) table: String,
    pub(super) rules: Rules,
    pub(super) names: Vec<String>,
    pub(super) columns: Vec<Column>,
    pub(super) missing: Missing,
    pub(super) schema: SchemaRef,
}

/// The batches of a table. While the blocks of one wave, two for each thread,
/// are parsed, those of the next are read.
pub(super) struct Waves {
    shape: Arc<Shape>,
    blocks: Blocks,
    ahead: Vec<Block>,
    /// Why no more can be read; told behind what was.
    failed: Option<TableError>,
    ready: VecDeque<Batch>,
    n_rows: u64,
}

/// A batch that does not know yet how many rows are before it.
struct Parsed {
    batch: Batch,
    n_records: u32,
}

impl Waves {
    pub(super) fn new(shape: Arc<Shape>, first: Option<Block>, blocks: Blocks) -> Waves {
        Waves {
            shape,
            blocks,
            ahead: first.into_iter().collect(),
            failed: None,
            ready: VecDeque::new(),
            n_rows: 0,
        }
    }

    /// Parses what was read, and reads on.
    fn advance(&mut self) -> Result<(), TableError> {
        let wave = std::mem::take(&mut self.ahead);
        let (shape, blocks, reads) = (&self.shape, &mut self.blocks, self.failed.is_none());
        let (parsed, read) = rayon::join(
            || -> Result<Vec<Parsed>, TableError> {
                wave.into_par_iter().map(|block| shape.parse(block)).collect()
            },
            || if reads { read_wave(blocks) } else { (Vec::new(), None) },
        );
        self.ahead = read.0;
        self.failed = self.failed.take().or(read.1);
        for parsed in parsed? {
            let batch = self.numbered(parsed);
            self.shape.refuse_ragged(&batch)?;
            self.ready.push_back(batch);
        }
        Ok(())
    }

    fn numbered(&mut self, parsed: Parsed) -> Batch {
        let mut batch = parsed.batch;
        let first = self.n_rows + 1;
        batch.numbers.iter_mut().for_each(|number| *number += first);
        batch.rejected.iter_mut().for_each(|row| row.row += first);
        self.n_rows += u64::from(parsed.n_records);
        batch
    }
}

impl Iterator for Waves {
    type Item = Result<Batch, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(batch) = self.ready.pop_front() {
                return Some(Ok(batch));
            }
            if self.ahead.is_empty() {
                return self.failed.take().map(Err);
            }
            if let Err(error) = self.advance() {
                self.ahead.clear();
                self.failed = None;
                return Some(Err(error));
            }
        }
    }
}

/// The blocks of one wave, and why there are no more if that is a failure.
fn read_wave(blocks: &mut Blocks) -> (Vec<Block>, Option<TableError>) {
    let mut wave = Vec::new();
    for _ in 0..2 * rayon::current_num_threads() {
        match blocks.next() {
            Ok(Some(block)) => wave.push(block),
            Ok(None) => break,
            Err(error) => return (wave, Some(error)),
        }
    }
    (wave, None)
}

impl Shape {
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

    /// The batch without its bad rows.
    fn without(
        &self,
        mut batch: Batch,
        bad: BTreeMap<u32, Vec<Reason>>,
    ) -> Result<Parsed, TableError> {
        let Origin::Fields { fields, .. } = &batch.origin else {
            return Ok(Parsed { batch, n_records: 0 });
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

    /// Where one ragged row is too much: an error at the first.
    fn refuse_ragged(&self, batch: &Batch) -> Result<(), TableError> {
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

/// The columns, where those that are not declared are what all their texts are.
pub(super) fn infer(
    first: Option<Block>,
    mut blocks: Blocks,
    rules: &Rules,
    declared: &[Option<Column>],
    missing: &Missing,
) -> Result<Vec<Column>, TableError> {
    let mut seen = vec![Seen::default(); declared.len()];
    let mut wave: Vec<Block> = first.into_iter().collect();
    while !wave.is_empty() {
        let known = &seen;
        let (looked_at, (next, failed)) = rayon::join(
            || {
                let blocks = wave.into_par_iter();
                let look = |block| look(&Fields::split(block, rules), declared, missing, known);
                blocks.map(look).collect::<Vec<Vec<Seen>>>()
            },
            || read_wave(&mut blocks),
        );
        for block in looked_at {
            seen.iter_mut().zip(block).for_each(|(seen, more)| seen.add(more));
        }
        if let Some(error) = failed {
            return Err(error);
        }
        wave = next;
    }
    let columns = declared.iter().zip(seen);
    Ok(columns
        .map(|(column, seen)| column.clone().unwrap_or_else(|| Column::new(seen.ty())))
        .collect())
}

/// What the columns of one block are.
fn look(
    fields: &Fields,
    declared: &[Option<Column>],
    missing: &Missing,
    known: &[Seen],
) -> Vec<Seen> {
    let look = |index: usize| {
        let mut seen = known[index];
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
