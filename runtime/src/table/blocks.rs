//! [`Blocks`]: a text in pieces that begin and end with a row.

use std::io::Read;

use memchr::{memchr, memchr_iter, memchr2, memrchr};

use super::TableError;

/// How much is read at once; a block is longer only if a row is.
const BLOCK: usize = 512 << 10;

/// The longest row that is held in memory.
const LONGEST_ROW: usize = 16 << 20;

/// Whole rows, and where they are.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) bytes: Vec<u8>,
    /// The line of its first byte, counted from 1.
    pub(super) line: u64,
}

/// What ends a row.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rows {
    /// Every line break.
    Lines,
    /// A line break that is not within quotes, which open a field only behind
    /// this delimiter or at the row's start.
    Quoted { delimiter: u8 },
}

/// Cuts what it reads at ends of rows.
pub(super) struct Blocks {
    table: String,
    input: Box<dyn Read + Send>,
    rows: Rows,
    /// Read, and after the end of the last whole row.
    rest: Vec<u8>,
    line: u64,
    ended: bool,
}

impl Blocks {
    pub(super) fn new(table: &str, input: Box<dyn Read + Send>, rows: Rows) -> Blocks {
        Blocks {
            table: table.to_owned(),
            input,
            rows,
            rest: Vec::new(),
            line: 1,
            ended: false,
        }
    }

    /// The next block; the last one may lack its line break.
    pub(super) fn next(&mut self) -> Result<Option<Block>, TableError> {
        let mut bytes = std::mem::take(&mut self.rest);
        let mut wanted = BLOCK;
        while !self.ended {
            self.fill(&mut bytes, wanted)?;
            if self.ended {
                break;
            }
            if let Some(end) = self.rows.last_end(&bytes) {
                self.rest = bytes[end..].to_vec();
                bytes.truncate(end);
                break;
            }
            if bytes.len() >= LONGEST_ROW {
                return Err(self.too_long());
            }
            wanted = bytes.len() * 2;
        }
        if bytes.is_empty() {
            return Ok(None);
        }
        let line = self.line;
        self.line += memchr_iter(b'\n', &bytes).count() as u64;
        Ok(Some(Block { bytes, line }))
    }

    fn fill(&mut self, bytes: &mut Vec<u8>, wanted: usize) -> Result<(), TableError> {
        let more = wanted.saturating_sub(bytes.len()).max(1);
        bytes.reserve_exact(more);
        let limited = &mut (&mut self.input).take(more as u64);
        let n_read = limited
            .read_to_end(bytes)
            .map_err(TableError::read(&self.table))?;
        self.ended = n_read < more;
        Ok(())
    }

    fn too_long(&self) -> TableError {
        TableError::TooLong {
            table: self.table.clone(),
            line: self.line,
            most: LONGEST_ROW,
        }
    }
}

impl Rows {
    /// Where the last whole row of `bytes`, which begin with a row, ends.
    fn last_end(self, bytes: &[u8]) -> Option<usize> {
        match self {
            Rows::Quoted { delimiter } if memchr(b'"', bytes).is_some() => {
                QuotedRows::new(bytes, delimiter).last()
            }
            _ => memrchr(b'\n', bytes).map(|at| at + 1),
        }
    }
}

/// Where the first row of a CSV ends.
pub(super) fn first_row_end(bytes: &[u8], delimiter: u8) -> usize {
    let first = QuotedRows::new(bytes, delimiter).next();
    first.unwrap_or(bytes.len())
}

/// The ends of rows, each behind its line break.
struct QuotedRows<'b> {
    bytes: &'b [u8],
    delimiter: u8,
    at: usize,
}

impl<'b> QuotedRows<'b> {
    fn new(bytes: &'b [u8], delimiter: u8) -> QuotedRows<'b> {
        QuotedRows {
            bytes,
            delimiter,
            at: 0,
        }
    }
}

impl Iterator for QuotedRows<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        loop {
            if self.bytes.get(self.at) == Some(&b'"') {
                self.at = closing_quote(self.bytes, self.at + 1)? + 1;
            }
            let end = memchr2(self.delimiter, b'\n', self.bytes.get(self.at..)?)?;
            self.at += end + 1;
            if self.bytes[self.at - 1] == b'\n' {
                return Some(self.at);
            }
        }
    }
}

/// Where the quote is that closes a field whose text begins at `from`. Two
/// quotes stand for one (RFC 4180 §2.7).
pub(super) fn closing_quote(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at += memchr(b'"', bytes.get(at..)?)?;
        if bytes.get(at + 1) != Some(&b'"') {
            return Some(at);
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn blocks(bytes: Vec<u8>) -> Result<Vec<Block>, TableError> {
        let mut blocks = Blocks::new(
            "x.csv",
            Box::new(Cursor::new(bytes)),
            Rows::Quoted { delimiter: b',' },
        );
        let mut all = Vec::new();
        while let Some(block) = blocks.next()? {
            all.push(block);
        }
        Ok(all)
    }

    #[test]
    fn blocks_join_to_what_was_read_and_begin_with_rows() {
        let row = "1,\"two\nlines, \"\"quoted\"\"\",3\r\n";
        let text = row.repeat(60_000);
        let all = blocks(text.clone().into_bytes()).unwrap();
        assert!(all.len() > 2);
        assert!(all.iter().all(|block| block.bytes.starts_with(b"1,\"two")));
        assert_eq!(all[1].line as usize, all[0].bytes.len() / row.len() * 2 + 1);
        let joined: Vec<u8> = all.into_iter().flat_map(|block| block.bytes).collect();
        assert_eq!(joined, text.into_bytes());
    }

    #[test]
    fn a_row_longer_than_a_block_stays_whole() {
        let text = format!("a\n{}\nb\n", "x".repeat(3 * BLOCK));
        let all = blocks(text.clone().into_bytes()).unwrap();
        let joined: Vec<u8> = all.into_iter().flat_map(|block| block.bytes).collect();
        assert_eq!(joined, text.into_bytes());
    }

    #[test]
    fn a_quote_that_is_never_closed_is_told_by_its_line() {
        let text = format!("a\nb\n\"{}", "x\n".repeat(LONGEST_ROW));
        let error = blocks(text.into_bytes()).unwrap_err();
        assert!(error.to_string().contains("line 3"), "{error}");
    }
}
