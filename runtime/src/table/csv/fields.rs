//! [`Fields`]: a block of CSV taken apart into the fields of its rows.

use std::borrow::Cow;

use memchr::{memchr, memchr_iter, memchr2, memchr2_iter};

use super::Ragged;
use crate::table::batch::{Reason, Rejected, Rule};
use crate::table::blocks::{Block, closing_quote};

/// The rows of a block that can be taken apart: as many fields each as the
/// header has, closed quotes, valid UTF-8, no NUL.
#[derive(Debug)]
pub(in crate::table) struct Fields {
    text: String,
    /// Row by row, without the quotes around a field.
    spans: Vec<Span>,
    n_columns: usize,
    /// For each row its place in the block, rejected ones counted, from 0.
    pub(super) ordinals: Vec<u32>,
    /// How many rows the block has, rejected ones counted.
    pub(super) n_records: u32,
    /// Those that cannot be taken apart; `row` is the place in the block.
    pub(super) rejected: Vec<Rejected>,
    line: u64,
}

/// Where a field lies in its block.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Span {
    start: u32,
    end: u32,
}

/// How rows are taken apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) delimiter: u8,
    pub(super) n_columns: usize,
    pub(super) ragged: Ragged,
    pub(super) encoding: &'static str,
}

impl Fields {
    pub(super) fn split(block: Block, rules: &Rules) -> Fields {
        let mut splitter = Splitter::new(&block, rules);
        match memchr(b'"', &block.bytes) {
            None => splitter.plain(),
            Some(_) => splitter.quoted(),
        }
        let clean = splitter.is_clean();
        if !clean {
            splitter.reject_what_is_no_text();
        }
        let Splitter {
            spans,
            ordinals,
            n_records,
            rejected,
            ..
        } = splitter;
        Fields {
            text: text(block.bytes, &spans, clean),
            spans,
            n_columns: rules.n_columns,
            ordinals,
            n_records,
            rejected,
            line: block.line,
        }
    }

    pub(super) fn n_rows(&self) -> usize {
        self.ordinals.len()
    }

    /// A field without the quotes around it; quotes within are still double.
    #[inline]
    pub(super) fn raw(&self, row: usize, column: usize) -> &str {
        let span = self.spans[row * self.n_columns + column];
        &self.text[span.start as usize..span.end as usize]
    }

    /// A field's text.
    #[inline]
    pub(in crate::table) fn text(&self, row: usize, column: usize) -> Cow<'_, str> {
        let raw = self.raw(row, column);
        match self.is_quoted(row, column) && memchr(b'"', raw.as_bytes()).is_some() {
            true => Cow::Owned(raw.replace("\"\"", "\"")),
            false => Cow::Borrowed(raw),
        }
    }

    /// The lines that these rows, in their order, begin at.
    pub(super) fn lines(&self, rows: impl Iterator<Item = usize>) -> impl Iterator<Item = u64> {
        let mut lines = Lines::new(self.text.as_bytes(), self.line);
        rows.map(move |row| lines.at(self.spans[row * self.n_columns].start as usize))
    }

    /// A field that is not quoted follows a delimiter, a line break or nothing.
    fn is_quoted(&self, row: usize, column: usize) -> bool {
        let start = self.spans[row * self.n_columns + column].start as usize;
        start > 0 && self.text.as_bytes()[start - 1] == b'"'
    }
}

/// Counts lines, each once where it is asked in order.
struct Lines<'b> {
    bytes: &'b [u8],
    first: u64,
    at: usize,
    line: u64,
}

impl<'b> Lines<'b> {
    fn new(bytes: &'b [u8], first: u64) -> Lines<'b> {
        Lines {
            bytes,
            first,
            at: 0,
            line: first,
        }
    }

    /// The line that the byte at `at` lies in.
    fn at(&mut self, at: usize) -> u64 {
        if at < self.at {
            (self.at, self.line) = (0, self.first);
        }
        self.line += memchr_iter(b'\n', &self.bytes[self.at..at]).count() as u64;
        self.at = at;
        self.line
    }
}

/// Takes a block apart.
struct Splitter<'b> {
    bytes: &'b [u8],
    lines: Lines<'b>,
    rules: &'b Rules,
    spans: Vec<Span>,
    ordinals: Vec<u32>,
    n_records: u32,
    rejected: Vec<Rejected>,
    /// Where the row begins, in bytes and in `spans`.
    row_start: usize,
    first_span: usize,
    /// What is wrong with the quotes of the row.
    bad_quotes: Option<&'static str>,
}

impl<'b> Splitter<'b> {
    fn new(block: &'b Block, rules: &'b Rules) -> Splitter<'b> {
        // A guess that is right for short fields; a wrong one costs a copy.
        let n_fields = block.bytes.len() / 10;
        Splitter {
            bytes: &block.bytes,
            lines: Lines::new(&block.bytes, block.line),
            rules,
            spans: Vec::with_capacity(n_fields),
            ordinals: Vec::with_capacity(n_fields / rules.n_columns.max(1)),
            n_records: 0,
            rejected: Vec::new(),
            row_start: 0,
            first_span: 0,
            bad_quotes: None,
        }
    }

    /// A block without a quote: every delimiter and line break is one.
    fn plain(&mut self) {
        let mut field_start = 0;
        for at in memchr2_iter(self.rules.delimiter, b'\n', self.bytes) {
            if self.bytes[at] == b'\n' {
                self.field(field_start, self.before_carriage_return(field_start, at));
                self.row(at, at + 1);
            } else {
                self.field(field_start, at);
            }
            field_start = at + 1;
        }
        if self.row_start < self.bytes.len() {
            let end = self.bytes.len();
            self.field(field_start, self.before_carriage_return(field_start, end));
            self.row(end, end);
        }
    }

    /// A block with quotes, field by field.
    fn quoted(&mut self) {
        let mut at = 0;
        while self.row_start < self.bytes.len() {
            let quoted = self.bytes.get(at) == Some(&b'"');
            let after = if quoted { self.quoted_field(at) } else { at };
            let rest = &self.bytes[after..];
            let found = memchr2(self.rules.delimiter, b'\n', rest);
            let end = found.map_or(self.bytes.len(), |found| after + found);
            let ends_row = self.bytes.get(end) != Some(&self.rules.delimiter);
            let text_end = match ends_row {
                true => self.before_carriage_return(after, end),
                false => end,
            };
            if !quoted {
                self.field(at, text_end);
            } else if text_end > after {
                self.bad_quotes = Some("text follows a closing quote");
            }
            at = (end + 1).min(self.bytes.len());
            if ends_row {
                self.row(end, at);
            }
        }
    }

    /// The field whose quote opens at `at`; returns what follows it.
    fn quoted_field(&mut self, at: usize) -> usize {
        match closing_quote(self.bytes, at + 1) {
            Some(close) => {
                self.field(at + 1, close);
                close + 1
            }
            None => {
                self.bad_quotes = Some("a quote is not closed before the end");
                self.field(at + 1, self.bytes.len());
                self.bytes.len()
            }
        }
    }

    fn before_carriage_return(&self, start: usize, end: usize) -> usize {
        match end > start && self.bytes[end - 1] == b'\r' {
            true => end - 1,
            false => end,
        }
    }

    #[inline]
    fn field(&mut self, start: usize, end: usize) {
        self.spans.push(Span {
            start: start as u32,
            end: end as u32,
        });
    }

    /// The row that ends at `end` is complete; the next begins at `next`.
    #[inline]
    fn row(&mut self, end: usize, next: usize) {
        let n_fields = self.spans.len() - self.first_span;
        if n_fields == self.rules.n_columns && self.bad_quotes.is_none() && !self.is_blank(end) {
            self.ordinals.push(self.n_records);
            self.n_records += 1;
        } else {
            self.odd_row(n_fields, end);
        }
        self.row_start = next;
        self.first_span = self.spans.len();
        self.bad_quotes = None;
    }

    /// As in pandas, an empty line is no row.
    fn is_blank(&self, end: usize) -> bool {
        matches!(&self.bytes[self.row_start..end], [] | b"\r")
    }

    #[cold]
    fn odd_row(&mut self, n_fields: usize, end: usize) {
        let wanted = self.rules.n_columns;
        let reason = match self.bad_quotes {
            _ if self.is_blank(end) => return self.spans.truncate(self.first_span),
            Some(problem) => (Rule::Quotes, problem.to_owned()),
            None if n_fields < wanted && self.rules.ragged == Ragged::Fill => {
                // What is not written lies, empty, behind the last field.
                let last = self.spans.last().map_or(0, |span| span.end) as usize;
                (n_fields..wanted).for_each(|_| self.field(last, last));
                self.ordinals.push(self.n_records);
                self.n_records += 1;
                return;
            }
            None => (
                Rule::Width,
                format!("{n_fields} fields, where the header has {wanted}"),
            ),
        };
        self.spans.truncate(self.first_span);
        self.reject(self.n_records, self.row_start, end, reason);
        self.n_records += 1;
    }

    fn reject(&mut self, ordinal: u32, start: usize, end: usize, (rule, text): (Rule, String)) {
        let record = String::from_utf8_lossy(&self.bytes[start..end]);
        self.rejected.push(Rejected {
            row: ordinal.into(),
            line: Some(self.lines.at(start)),
            reasons: vec![Reason {
                column: None,
                rule,
                text,
            }],
            fields: Vec::new(),
            record: Some(record.trim_end_matches('\r').to_owned()),
        });
    }

    fn is_clean(&self) -> bool {
        std::str::from_utf8(self.bytes).is_ok() && memchr(0, self.bytes).is_none()
    }

    /// Rejects rows whose bytes are no text.
    fn reject_what_is_no_text(&mut self) {
        let n_columns = self.rules.n_columns;
        let spans = std::mem::take(&mut self.spans);
        let ordinals = std::mem::take(&mut self.ordinals);
        for (row, ordinal) in spans.chunks_exact(n_columns).zip(ordinals) {
            match row.iter().position(|span| !self.is_text(*span)) {
                None => {
                    self.spans.extend_from_slice(row);
                    self.ordinals.push(ordinal);
                }
                Some(column) => self.reject_row(row, ordinal, column),
            }
        }
        self.rejected.sort_by_key(|rejected| rejected.row);
    }

    fn is_text(&self, span: Span) -> bool {
        let bytes = &self.bytes[span.start as usize..span.end as usize];
        std::str::from_utf8(bytes).is_ok() && memchr(0, bytes).is_none()
    }

    fn reject_row(&mut self, row: &[Span], ordinal: u32, column: usize) {
        let (start, end) = (row[0].start as usize, row[row.len() - 1].end as usize);
        let span = row[column];
        let bytes = &self.bytes[span.start as usize..span.end as usize];
        let problem = match memchr(0, bytes) {
            Some(_) => "holds a NUL byte".to_owned(),
            None => format!("is not valid {}", self.rules.encoding),
        };
        let text = format!("column {} {problem}", column + 1);
        self.reject(ordinal, start, end, (Rule::Encoding, text));
    }
}

/// The block as text, where what no row is made of may be blank.
fn text(bytes: Vec<u8>, spans: &[Span], clean: bool) -> String {
    let cleaned = match clean {
        true => bytes,
        false => blanked(&bytes, spans),
    };
    // Every row is made of valid texts, and between them is ASCII.
    String::from_utf8(cleaned).unwrap_or_default()
}

fn blanked(bytes: &[u8], spans: &[Span]) -> Vec<u8> {
    let mut cleaned: Vec<u8> = bytes
        .iter()
        .map(|byte| if byte.is_ascii() { *byte } else { b' ' })
        .collect();
    for span in spans {
        let range = span.start as usize..span.end as usize;
        cleaned[range.clone()].copy_from_slice(&bytes[range]);
    }
    cleaned
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(bytes: &[u8], n_columns: usize, ragged: Ragged) -> Fields {
        let rules = Rules {
            delimiter: b',',
            n_columns,
            ragged,
            encoding: "UTF-8",
        };
        let block = Block {
            bytes: bytes.to_vec(),
            line: 10,
        };
        Fields::split(block, &rules)
    }

    fn rows(fields: &Fields) -> Vec<Vec<String>> {
        let row = |row| {
            let columns = 0..fields.n_columns;
            columns
                .map(|column| fields.text(row, column).into_owned())
                .collect()
        };
        (0..fields.n_rows()).map(row).collect()
    }

    #[track_caller]
    fn check(bytes: &[u8], expect: &[&[&str]]) {
        let n_columns = expect[0].len();
        let fields = split(bytes, n_columns, Ragged::Reject);
        assert_eq!(rows(&fields), expect);
        assert!(fields.rejected.is_empty(), "{:?}", fields.rejected);
    }

    #[test]
    fn rows_end_with_line_feeds_with_or_without_carriage_returns() {
        check(
            b"a,b\nc,d\r\n,\r\ne,f",
            &[&["a", "b"], &["c", "d"], &["", ""], &["e", "f"]],
        );
    }

    #[test]
    fn quotes_hold_delimiters_line_breaks_and_quotes() {
        check(
            b"\"a,1\",b\n\"c\r\nc\",\"d \"\"e\"\"\"\r\n",
            &[&["a,1", "b"], &["c\r\nc", "d \"e\""]],
        );
        check(b"\"\",\"\"\"\"\n\"x\",y", &[&["", "\""], &["x", "y"]]);
    }

    #[test]
    fn a_quote_within_a_field_is_a_letter() {
        check(
            b"5\" disk,\"a\"\n6\",b\n",
            &[&["5\" disk", "a"], &["6\"", "b"]],
        );
    }

    #[test]
    fn empty_lines_are_no_rows() {
        check(b"\na\n\r\n\nb\n\n", &[&["a"], &["b"]]);
        check(b"\n\"a\"\n\r\n\"\"\n\n", &[&["a"], &[""]]);
    }

    #[track_caller]
    fn rejected(bytes: &[u8], row: u64, line: u64, reason: &str) {
        let fields = split(bytes, 2, Ragged::Reject);
        let [rejected] = &fields.rejected[..] else {
            panic!("{:?}", fields.rejected);
        };
        let told = (rejected.row, rejected.line, rejected.reason());
        assert_eq!(told, (row, Some(line), reason.to_owned()));
        assert_eq!(fields.n_rows() as u32 + 1, fields.n_records);
    }

    #[test]
    fn a_row_that_cannot_be_taken_apart_is_named_and_the_rest_goes_on() {
        rejected(b"a,b\nc\nd,e\n", 1, 11, "1 fields, where the header has 2");
        rejected(
            b"a,b\n\nc,d,e\nf,g",
            1,
            12,
            "3 fields, where the header has 2",
        );
        rejected(
            b"\"a\nb\",c\nd,\"e\"f\n",
            1,
            12,
            "text follows a closing quote",
        );
        rejected(
            b"a,b\nc,\"d\ne,f\n",
            1,
            11,
            "a quote is not closed before the end",
        );
        rejected(
            b"a,b\nc,\xff\nd,\xc3\xa4\n",
            1,
            11,
            "column 2 is not valid UTF-8",
        );
        rejected(b"a\0,b\nc,\"d\"\n", 0, 10, "column 1 holds a NUL byte");
    }

    #[test]
    fn short_rows_can_be_filled() {
        let fields = split(b"a\n\"b\"\nc,d\n", 2, Ragged::Fill);
        assert_eq!(rows(&fields), [["a", ""], ["b", ""], ["c", "d"]]);
        assert_eq!(fields.lines(0..3).collect::<Vec<_>>(), [10, 11, 12]);
    }
}
