//! A column of fields becomes an array of values.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{
    BooleanBuilder, Date32Builder, Float64Builder, Int64Builder, StringBuilder,
    TimestampMicrosecondBuilder,
};

use super::fields::Fields;
use crate::table::batch::{Reason, Rule, shown};
use crate::table::missing::Missing;
use crate::table::moment;
use crate::table::text;
use crate::table::types::{Column, ColumnType};

/// The values of a column, and for each row whose field is none of its type, or
/// missing where it must not be, why.
pub(super) struct Parsed {
    pub(super) array: ArrayRef,
    pub(super) bad: Vec<(u32, Reason)>,
}

/// Where a column lies, and what is declared or inferred of it.
pub(super) struct Place<'a> {
    pub(super) index: usize,
    pub(super) name: &'a str,
    pub(super) column: &'a Column,
    pub(super) missing: &'a Missing,
}

macro_rules! build {
    ($builder:expr, $fields:expr, $place:expr, $parse:expr) => {{
        let mut builder = $builder;
        let mut bad = Vec::new();
        let parse = $parse;
        for row in 0..$fields.n_rows() {
            let value = value($fields, $place, row, &parse);
            match value {
                Ok(value) => builder.append_option(value),
                Err(reason) => {
                    builder.append_null();
                    bad.push((row as u32, *reason));
                }
            }
        }
        Parsed {
            array: Arc::new(builder.finish()),
            bad,
        }
    }};
}

impl Place<'_> {
    pub(super) fn parse(&self, fields: &Fields) -> Parsed {
        let n = fields.n_rows();
        let format = self.column.format.as_deref();
        match self.column.ty {
            ColumnType::Bool => build!(BooleanBuilder::with_capacity(n), fields, self, text::bool),
            ColumnType::Int64 => build!(Int64Builder::with_capacity(n), fields, self, text::int),
            ColumnType::Float64 => {
                build!(Float64Builder::with_capacity(n), fields, self, text::float)
            }
            ColumnType::Date => build!(
                Date32Builder::with_capacity(n),
                fields,
                self,
                |text: &[u8]| moment::date(text, format)
            ),
            ColumnType::Timestamp => build!(
                TimestampMicrosecondBuilder::with_capacity(n),
                fields,
                self,
                |text: &[u8]| moment::timestamp(text, format)
            ),
            ColumnType::String => self.texts(fields),
        }
    }

    fn texts(&self, fields: &Fields) -> Parsed {
        let n = fields.n_rows();
        let mut builder = StringBuilder::with_capacity(n, n * 8);
        let mut bad = Vec::new();
        for row in 0..n {
            let text = fields.text(row, self.index);
            if !self.missing.is(text.as_bytes()) {
                builder.append_value(text);
                continue;
            }
            builder.append_null();
            bad.extend(self.absent().map(|reason| (row as u32, *reason)));
        }
        Parsed {
            array: Arc::new(builder.finish()),
            bad,
        }
    }

    /// Why a missing value is wrong, if it is.
    fn absent(&self) -> Option<Box<Reason>> {
        (!self.column.nullable).then(|| self.reason(Rule::Required, "has no value".to_owned()))
    }

    fn reason(&self, rule: Rule, text: String) -> Box<Reason> {
        Box::new(Reason {
            column: Some(self.name.to_owned()),
            rule,
            text,
        })
    }
}

/// The value of a field that is not text. A reason is boxed: it is rare.
#[inline]
fn value<T>(
    fields: &Fields,
    place: &Place<'_>,
    row: usize,
    parse: &impl Fn(&[u8]) -> Option<T>,
) -> Result<Option<T>, Box<Reason>> {
    let raw = fields.raw(row, place.index).as_bytes();
    if place.missing.is(raw) {
        return place.absent().map_or(Ok(None), Err);
    }
    match parse(raw) {
        Some(value) => Ok(Some(value)),
        None => {
            let text = shown(&fields.text(row, place.index));
            Err(place.reason(Rule::Type, format!("{text} is no {}", place.column.ty)))
        }
    }
}
