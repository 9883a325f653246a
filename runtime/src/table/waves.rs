//! [`Waves`]: blocks parsed in parallel, some at a time, and given in order.

use std::collections::VecDeque;
use std::sync::Arc;

use rayon::prelude::*;

use super::blocks::{Block, Blocks};
use super::{Batch, TableError};

/// Knows how a block becomes rows.
pub(super) trait Parse: Send + Sync {
    /// The rows of a block, as if it were the first.
    fn parse(&self, block: Block) -> Result<Parsed, TableError>;

    /// Whether the batch, now that its place is known, can be let through.
    fn accept(&self, batch: &Batch) -> Result<(), TableError>;
}

/// A batch that does not know yet how many rows are before it: numbers of rows
/// are places in the block, from 0.
pub(super) struct Parsed {
    pub(super) batch: Batch,
    /// How many rows the block has, rejected ones counted.
    pub(super) n_records: u32,
}

/// The batches of a table. While the blocks of one wave, two for each thread,
/// are parsed, those of the next are read.
pub(super) struct Waves<P> {
    shape: Arc<P>,
    blocks: Blocks,
    ahead: Vec<Block>,
    /// Why no more can be read; told behind what was.
    failed: Option<TableError>,
    ready: VecDeque<Batch>,
    n_rows: u64,
}

impl<P: Parse> Waves<P> {
    pub(super) fn new(shape: Arc<P>, first: Option<Block>, blocks: Blocks) -> Waves<P> {
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
                wave.into_par_iter()
                    .map(|block| shape.parse(block))
                    .collect()
            },
            || {
                if reads {
                    read_wave(blocks)
                } else {
                    (Vec::new(), None)
                }
            },
        );
        self.ahead = read.0;
        self.failed = self.failed.take().or(read.1);
        for parsed in parsed? {
            let batch = self.numbered(parsed);
            self.shape.accept(&batch)?;
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

impl<P: Parse> Iterator for Waves<P> {
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

/// Looks at all blocks, those of a wave in parallel, and hands on in order what
/// is seen in each.
pub(super) fn look<T: Send>(
    first: Option<Block>,
    mut blocks: Blocks,
    look: impl Fn(Block) -> T + Sync,
    mut seen: impl FnMut(T),
) -> Result<(), TableError> {
    let mut wave: Vec<Block> = first.into_iter().collect();
    loop {
        let (looked_at, (next, failed)) = rayon::join(
            || wave.into_par_iter().map(&look).collect::<Vec<T>>(),
            || read_wave(&mut blocks),
        );
        looked_at.into_iter().for_each(&mut seen);
        match failed {
            Some(error) => return Err(error),
            None if next.is_empty() => return Ok(()),
            None => wave = next,
        }
    }
}
