//! [`Batch`]: some rows of a table, and those that could not be read.

use std::borrow::Cow;
use std::fmt;

use arrow_array::{Array, BooleanArray, RecordBatch};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::ArrowError;
use arrow_select::filter::filter_record_batch;

use super::csv::Fields;

/// Some rows in the order of the table.
#[derive(Debug)]
pub struct Batch {
    /// The rows that could be read.
    pub rows: RecordBatch,
    /// For each of them its place in the table, counted from 1.
    pub numbers: Vec<u64>,
    /// The rows in between that could not be read.
    pub rejected: Vec<Rejected>,
    /// What was written where the rows come from.
    pub(super) origin: Origin,
}

/// A row that is not as it should be, with all that is wrong with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Rejected {
    /// Its place in the table, counted from 1.
    pub row: u64,
    /// The line it begins at, where the format has lines, counted from 1.
    pub line: Option<u64>,
    /// What is wrong; never empty.
    pub reasons: Vec<Reason>,
    /// What was written in each column; empty if the row has no columns.
    pub fields: Vec<Option<String>>,
    /// The whole row, if it could not be taken apart.
    pub record: Option<String>,
}

/// One thing that is wrong with a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    /// The column, or those that it is about together, if there are any.
    pub column: Option<String>,
    /// The rule that is broken.
    pub rule: Rule,
    /// How, as a sentence's end: "200 is above the maximum 110".
    pub text: String,
}

/// The rules that a row can break.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Rule {
    /// It has as many fields as the header.
    Width,
    /// Quotes are closed, and only a delimiter follows them.
    Quotes,
    /// It is text in the encoding declared.
    Encoding,
    /// It is a document of its format.
    Syntax,
    /// The value is of the column's type.
    Type,
    /// A value must be there.
    Required,
    /// It is no less than the minimum.
    Min,
    /// It is no more than the maximum.
    Max,
    /// It is one of those allowed.
    OneOf,
    /// It matches the pattern.
    Pattern,
    /// It has no fewer characters.
    MinLength,
    /// It has no more characters.
    MaxLength,
    /// No other row has it.
    Unique,
}

/// What was written, before it became values.
#[derive(Debug)]
pub(super) enum Origin {
    /// Nothing but the values themselves.
    Values,
    /// Fields of a CSV; for each row its place among them.
    Fields { fields: Fields, places: Vec<u32> },
}

impl Batch {
    /// What is written in a column of a row: the text itself where the table is
    /// text, else the value as text. `None` for a missing value.
    pub fn text(&self, row: usize, column: usize) -> Option<Cow<'_, str>> {
        let array = self.rows.column(column);
        match &self.origin {
            Origin::Fields { fields, places } => {
                Some(fields.text(*places.get(row)? as usize, column))
            }
            Origin::Values if array.is_null(row) => None,
            Origin::Values => {
                let options = FormatOptions::default();
                let shown = ArrayFormatter::try_new(array.as_ref(), &options);
                Some(Cow::Owned(shown.ok()?.value(row).to_string()))
            }
        }
    }

    /// The row as it was written, with what is wrong with it.
    pub(super) fn reject(&self, row: usize, reasons: Vec<Reason>) -> Rejected {
        let columns = 0..self.rows.num_columns();
        Rejected {
            row: self.numbers[row],
            line: None,
            reasons,
            fields: columns
                .map(|column| self.text(row, column).map(Cow::into_owned))
                .collect(),
            record: None,
        }
    }

    /// Only the rows of the mask.
    pub(super) fn keep(&mut self, mask: &BooleanArray) -> Result<(), ArrowError> {
        if mask.true_count() == mask.len() {
            return Ok(());
        }
        self.rows = filter_record_batch(&self.rows, mask)?;
        retain(&mut self.numbers, mask);
        if let Origin::Fields { places, .. } = &mut self.origin {
            retain(places, mask);
        }
        Ok(())
    }
}

fn retain<T>(list: &mut Vec<T>, mask: &BooleanArray) {
    let mut at = 0;
    list.retain(|_| {
        at += 1;
        mask.value(at - 1)
    });
}

impl Rejected {
    /// All that is wrong, in one line.
    pub fn reason(&self) -> String {
        let reasons: Vec<String> = self.reasons.iter().map(Reason::to_string).collect();
        reasons.join("; ")
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.column {
            Some(column) => write!(f, "{column}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Rule::Width => "width",
            Rule::Quotes => "quotes",
            Rule::Encoding => "encoding",
            Rule::Syntax => "syntax",
            Rule::Type => "type",
            Rule::Required => "required",
            Rule::Min => "min",
            Rule::Max => "max",
            Rule::OneOf => "one_of",
            Rule::Pattern => "pattern",
            Rule::MinLength => "min_length",
            Rule::MaxLength => "max_length",
            Rule::Unique => "unique",
        })
    }
}

/// A text in a message: quoted, and cut where it is long.
pub(super) fn shown(text: &str) -> String {
    const SHOWN: usize = 60;
    match text.char_indices().nth(SHOWN) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}…", &text[..end]),
    }
}
