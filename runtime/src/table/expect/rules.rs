//! [`Rules`]: expectations checked against a schema, ready for rows.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, SchemaRef};
use regex::Regex;

use super::document::{Expect, Expectations, Keep, Scalar, Unique};
use super::values::{Kind, Values};
use crate::table::TableError;
use crate::table::batch::{Reason, Rule};

/// The rows of a batch that fail, each with why.
pub(super) type Failures = BTreeMap<usize, Vec<Reason>>;

/// All that is expected of the rows of a table.
pub(super) struct Rules {
    pub(super) columns: Vec<ColumnRules>,
    pub(super) keys: Vec<Key>,
}

/// What no two rows have.
pub(super) struct Key {
    /// What messages call it.
    pub(super) name: String,
    /// The places of its columns among those of the rules.
    places: Vec<usize>,
    pub(super) keep: Keep,
}

/// What is expected of a column.
pub(super) struct ColumnRules {
    pub(super) name: String,
    pub(super) index: usize,
    pub(super) null_share: Option<f64>,
    tests: Vec<Test>,
}

/// What each value of a column is held against.
enum Test {
    Required,
    Min(Scalar),
    Max(Scalar),
    OneOf(Vec<Scalar>),
    Pattern { regex: Regex, written: String },
    MinLength(usize),
    MaxLength(usize),
}

impl Rules {
    /// Fails where a column is not there or a rule cannot hold for its type.
    pub(super) fn new(
        table: &str,
        schema: &SchemaRef,
        expectations: &Expectations,
    ) -> Result<Rules, TableError> {
        share("failed_share", expectations.failed_share)?;
        let columns = expectations.columns.iter().map(|(name, expect)| {
            let index = place(table, schema, name)?;
            share(&format!("expect.{name}.null_share"), expect.null_share)?;
            Ok(ColumnRules {
                name: name.clone(),
                index,
                null_share: expect.null_share,
                tests: tests(name, Kind::of(schema.field(index).data_type()), expect)?,
            })
        });
        let mut columns = columns.collect::<Result<Vec<_>, TableError>>()?;
        let alone = expectations.columns.values().enumerate();
        let alone = alone.filter(|(_, expect)| expect.unique);
        let mut keys: Vec<Key> = alone
            .map(|(place, expect)| Key {
                name: columns[place].name.clone(),
                places: vec![place],
                keep: expect.keep,
            })
            .collect();
        for unique in &expectations.unique {
            keys.push(Key::together(table, schema, unique, &mut columns)?);
        }
        Ok(Rules { columns, keys })
    }

    pub(super) fn values(&self, rows: &RecordBatch) -> Result<Vec<Values>, ArrowError> {
        let columns = self.columns.iter();
        columns
            .map(|column| Values::of(rows.column(column.index)))
            .collect()
    }

    /// The rows that fail; `values` has one for each of the columns.
    pub(super) fn failures(&self, values: &[Values], n_rows: usize) -> Failures {
        let mut failures = Failures::new();
        for (column, values) in self.columns.iter().zip(values) {
            for test in &column.tests {
                for row in (0..n_rows).filter(|row| !test.holds(values, *row)) {
                    failures.entry(row).or_default().push(Reason {
                        column: Some(column.name.clone()),
                        rule: test.rule(),
                        text: test.told(values, row),
                    });
                }
            }
        }
        failures
    }
}

impl Key {
    /// Of several columns; one of which nothing else is expected is added.
    fn together(
        table: &str,
        schema: &SchemaRef,
        unique: &Unique,
        columns: &mut Vec<ColumnRules>,
    ) -> Result<Key, TableError> {
        let name = unique.columns.join(", ");
        if unique.columns.is_empty() {
            let problem = "names no columns; write those that name a row together".to_owned();
            return Err(declaration("unique", problem));
        }
        let mut places = Vec::new();
        for column in &unique.columns {
            let index = place(table, schema, column)?;
            let known = columns.iter().position(|own| own.index == index);
            places.push(known.unwrap_or(columns.len()));
            if known.is_none() {
                columns.push(ColumnRules {
                    name: column.clone(),
                    index,
                    null_share: None,
                    tests: Vec::new(),
                });
            }
        }
        Ok(Key {
            name,
            places,
            keep: unique.keep,
        })
    }

    /// The values of its columns.
    pub(super) fn own<'a>(&'a self, values: &'a [Values]) -> impl Iterator<Item = &'a Values> {
        self.places.iter().map(|place| &values[*place])
    }
}

fn place(table: &str, schema: &SchemaRef, column: &str) -> Result<usize, TableError> {
    let names = || schema.fields().iter().map(|field| field.name().as_str());
    names()
        .position(|name| name == column)
        .ok_or_else(|| TableError::NoColumn {
            table: table.to_owned(),
            column: column.to_owned(),
            found: names().collect::<Vec<_>>().join(", "),
        })
}

/// That a share is one.
fn share(place: &str, share: Option<f64>) -> Result<(), TableError> {
    match share {
        Some(share) if !(0.0..=1.0).contains(&share) => Err(declaration(
            place,
            format!("{share} is no share; write a number from 0 to 1"),
        )),
        _ => Ok(()),
    }
}

fn declaration(place: impl Into<String>, problem: String) -> TableError {
    TableError::Declaration {
        place: place.into(),
        problem,
    }
}

fn tests(name: &str, kind: Kind, expect: &Expect) -> Result<Vec<Test>, TableError> {
    let place = |rule: &str| format!("expect.{name}.{rule}");
    let scalars = [("min", &expect.min), ("max", &expect.max)];
    for (rule, scalar) in scalars
        .into_iter()
        .filter_map(|(rule, s)| Some((rule, s.as_ref()?)))
    {
        comparable(place(rule), kind, scalar)?;
    }
    for scalar in expect.one_of.iter().flatten() {
        comparable(place("one_of"), kind, scalar)?;
    }
    let texts = [
        ("pattern", expect.pattern.is_some()),
        ("min_length", expect.min_length.is_some()),
        ("max_length", expect.max_length.is_some()),
    ];
    if let Some((rule, _)) = texts.iter().find(|(_, set)| *set && kind != Kind::Text) {
        let problem =
            "the column holds numbers, and this is for text; declare it a string".to_owned();
        return Err(declaration(place(rule), problem));
    }
    let pattern = expect
        .pattern
        .as_ref()
        .map(|written| pattern(place("pattern"), written));
    let tests = [
        expect.required.then_some(Test::Required),
        expect.min.clone().map(Test::Min),
        expect.max.clone().map(Test::Max),
        expect.one_of.clone().map(Test::OneOf),
        pattern.transpose()?,
        expect.min_length.map(Test::MinLength),
        expect.max_length.map(Test::MaxLength),
    ];
    Ok(tests.into_iter().flatten().collect())
}

fn comparable(place: String, kind: Kind, scalar: &Scalar) -> Result<(), TableError> {
    let is_number = matches!(scalar, Scalar::Int(_) | Scalar::Float(_));
    match (is_number, kind) {
        (true, Kind::Int | Kind::Float) | (false, Kind::Text) => Ok(()),
        (true, Kind::Text) => Err(declaration(
            place,
            format!(
                "{scalar} is a number, and the column is text; declare its type, or write a text"
            ),
        )),
        (false, _) => Err(declaration(
            place,
            format!("{scalar} is no number, and the column holds numbers"),
        )),
    }
}

fn pattern(place: String, written: &str) -> Result<Test, TableError> {
    let regex = Regex::new(&format!("^(?:{written})$"));
    Ok(Test::Pattern {
        regex: regex.map_err(|error| declaration(place, error.to_string()))?,
        written: written.to_owned(),
    })
}

impl Test {
    fn holds(&self, values: &Values, row: usize) -> bool {
        if values.is_missing(row) {
            return !matches!(self, Test::Required);
        }
        let compared = |with| values.compare(row, with);
        let length = || values.text(row).map_or(0, |text| text.chars().count());
        match self {
            Test::Required => true,
            Test::Min(min) => compared(min).is_some_and(Ordering::is_ge),
            Test::Max(max) => compared(max).is_some_and(Ordering::is_le),
            Test::OneOf(all) => all.iter().any(|one| compared(one) == Some(Ordering::Equal)),
            Test::Pattern { regex, .. } => {
                values.text(row).is_some_and(|text| regex.is_match(text))
            }
            Test::MinLength(fewest) => length() >= *fewest,
            Test::MaxLength(most) => length() <= *most,
        }
    }

    fn rule(&self) -> Rule {
        match self {
            Test::Required => Rule::Required,
            Test::Min(_) => Rule::Min,
            Test::Max(_) => Rule::Max,
            Test::OneOf(_) => Rule::OneOf,
            Test::Pattern { .. } => Rule::Pattern,
            Test::MinLength(_) => Rule::MinLength,
            Test::MaxLength(_) => Rule::MaxLength,
        }
    }

    /// How the value of that row fails.
    fn told(&self, values: &Values, row: usize) -> String {
        if let Test::Required = self {
            return "has no value".to_owned();
        }
        let value = values.shown(row);
        match self {
            Test::Required => value,
            Test::Min(min) => format!("{value} is below the minimum {min}"),
            Test::Max(max) => format!("{value} is above the maximum {max}"),
            Test::OneOf(all) => {
                let all: Vec<String> = all.iter().map(Scalar::to_string).collect();
                format!("{value} is none of {}", all.join(", "))
            }
            Test::Pattern { written, .. } => format!("{value} does not match {written:?}"),
            Test::MinLength(fewest) => format!("{value} has fewer than {fewest} characters"),
            Test::MaxLength(most) => format!("{value} has more than {most} characters"),
        }
    }
}
