//! [`Sorter`]: numbers sorted on disk, in bounded memory.
//!
//! An external merge sort (Knuth, The Art of Computer Programming, volume 3,
//! §5.4): sorted runs in temporary files, merged by a heap. What fits into the
//! buffer never touches the disk.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};

use rayon::slice::ParallelSliceMut;

/// How many records are sorted in memory: 6 MiB of three numbers each.
const BUFFERED: usize = 1 << 18;

/// How many runs are merged at once; each needs an open file and a buffer.
const RUNS: usize = 64;

/// Takes records of `N` numbers in any order.
pub(super) struct Sorter<const N: usize> {
    buffer: Vec<[u64; N]>,
    runs: Vec<Run<N>>,
    buffered: usize,
}

/// Gives them in order.
pub(super) struct Sorted<const N: usize> {
    heap: BinaryHeap<Reverse<([u64; N], usize)>>,
    runs: Vec<Run<N>>,
}

/// Records in order.
enum Run<const N: usize> {
    Memory(std::vec::IntoIter<[u64; N]>),
    Disk(BufReader<File>),
}

impl<const N: usize> Sorter<N> {
    pub(super) fn new() -> Sorter<N> {
        Sorter::buffering(BUFFERED)
    }

    fn buffering(buffered: usize) -> Sorter<N> {
        Sorter {
            buffer: Vec::new(),
            runs: Vec::new(),
            buffered,
        }
    }

    /// Takes one more. Fails when the disk is full.
    pub(super) fn push(&mut self, record: [u64; N]) -> io::Result<()> {
        self.buffer.push(record);
        if self.buffer.len() < self.buffered {
            return Ok(());
        }
        self.buffer.par_sort_unstable();
        let run = write_run(self.buffer.drain(..).map(Ok))?;
        self.runs.push(run);
        if self.runs.len() == RUNS {
            let merged = write_run(Sorted::new(std::mem::take(&mut self.runs))?)?;
            self.runs.push(merged);
        }
        Ok(())
    }

    /// All of them, the smallest first.
    pub(super) fn sorted(mut self) -> io::Result<Sorted<N>> {
        self.buffer.par_sort_unstable();
        self.runs.push(Run::Memory(self.buffer.into_iter()));
        Sorted::new(self.runs)
    }
}

/// A run of what comes in order.
fn write_run<const N: usize>(
    records: impl Iterator<Item = io::Result<[u64; N]>>,
) -> io::Result<Run<N>> {
    let mut out = BufWriter::with_capacity(1 << 16, tempfile::tempfile()?);
    for record in records {
        for number in record? {
            out.write_all(&number.to_le_bytes())?;
        }
    }
    let mut file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.rewind()?;
    Ok(Run::Disk(BufReader::with_capacity(1 << 16, file)))
}

impl<const N: usize> Run<N> {
    fn next(&mut self) -> io::Result<Option<[u64; N]>> {
        let input = match self {
            Run::Memory(records) => return Ok(records.next()),
            Run::Disk(input) => input,
        };
        let mut record = [0; N];
        for (place, number) in record.iter_mut().enumerate() {
            let mut bytes = [0; 8];
            match input.read_exact(&mut bytes) {
                Err(end) if end.kind() == io::ErrorKind::UnexpectedEof && place == 0 => {
                    return Ok(None);
                }
                read => read?,
            }
            *number = u64::from_le_bytes(bytes);
        }
        Ok(Some(record))
    }
}

impl<const N: usize> Sorted<N> {
    fn new(runs: Vec<Run<N>>) -> io::Result<Sorted<N>> {
        let mut sorted = Sorted {
            heap: BinaryHeap::new(),
            runs,
        };
        for run in 0..sorted.runs.len() {
            sorted.refill(run)?;
        }
        Ok(sorted)
    }

    fn refill(&mut self, run: usize) -> io::Result<()> {
        if let Some(record) = self.runs[run].next()? {
            self.heap.push(Reverse((record, run)));
        }
        Ok(())
    }
}

impl<const N: usize> Iterator for Sorted<N> {
    type Item = io::Result<[u64; N]>;

    fn next(&mut self) -> Option<Self::Item> {
        let Reverse((record, run)) = self.heap.pop()?;
        Some(self.refill(run).map(|()| record))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_comes_out_is_what_went_in_in_order(
            mut records in prop::collection::vec(any::<[u64; 2]>(), 0..600),
            buffered in 1..9_usize,
        ) {
            let mut sorter = Sorter::buffering(buffered);
            for record in &records {
                sorter.push(*record).unwrap();
            }
            let sorted: Vec<_> = sorter.sorted().unwrap().map(Result::unwrap).collect();
            records.sort_unstable();
            prop_assert_eq!(sorted, records);
        }
    }
}
