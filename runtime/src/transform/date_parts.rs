//! `date-parts`: what a moment says of calendar and clock, as numbers.

use std::sync::Arc;

use chrono::{DateTime, Datelike, NaiveDateTime, Timelike};
use serde::{Deserialize, Serialize};

use super::column::{Column, Type};
use super::fault::Fault;
use super::frame::Frame;
use super::moment;

/// Each part becomes a column `NAME_PART` of whole numbers at the end; the
/// moment itself goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DateParts {
    /// Timestamps, or text that is read as such.
    pub columns: Vec<Arc<str>>,
    /// Which parts, in order.
    pub parts: Vec<Part>,
    /// How text is read, in the letters of strftime; ISO 8601 without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
}

/// One part, by the words and counts of pandas' `dt`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// 2024
    Year,
    /// 1 to 4
    Quarter,
    /// 1 to 12
    Month,
    /// Of ISO 8601, 1 to 53
    Week,
    /// 1 to 31
    Day,
    /// 1 to 366
    DayOfYear,
    /// Monday is 0
    Weekday,
    /// 0 to 23
    Hour,
    /// 0 to 59
    Minute,
    /// 0 to 59
    Second,
}

impl DateParts {
    pub(super) fn reads(&self) -> Vec<&str> {
        self.columns.iter().map(|name| &**name).collect()
    }

    pub(super) fn apply(&self, frame: &mut Frame) -> Result<(), Fault> {
        for name in &self.columns {
            let moments = self.moments(name, frame.column(name)?)?;
            frame.remove(name);
            for part in &self.parts {
                let values = moments
                    .iter()
                    .map(|moment| moment.map(|moment| part.of(moment)));
                frame.add(
                    &format!("{name}_{}", part.word()).into(),
                    Column::ints(values),
                )?;
            }
        }
        Ok(())
    }

    fn moments(&self, name: &str, column: &Column) -> Result<Vec<Option<NaiveDateTime>>, Fault> {
        let micros: Vec<Option<i64>> = match column {
            Column::Time(values) => values.iter().collect(),
            Column::Text(values) => read(name, values.iter(), self.format.as_deref())?,
            other => return Err(Fault::ty(name, Type::Timestamp, other.ty())),
        };
        let moment = |micros| Some(DateTime::from_timestamp_micros(micros)?.naive_utc());
        Ok(micros
            .into_iter()
            .map(|micros| micros.and_then(moment))
            .collect())
    }
}

/// Text to microseconds; text that is no moment is an error.
pub(super) fn read<'a>(
    name: &str,
    texts: impl Iterator<Item = Option<&'a str>>,
    format: Option<&str>,
) -> Result<Vec<Option<i64>>, Fault> {
    let read = |(row, text): (usize, Option<&str>)| match text {
        None => Ok(None),
        Some(text) => match moment::parse(text, format) {
            Some(micros) => Ok(Some(micros)),
            None => Err(Fault::value(
                name,
                row,
                format!("`{text}`"),
                "is no date: declare its `format`",
            )),
        },
    };
    texts.enumerate().map(read).collect()
}

impl Part {
    fn of(self, moment: NaiveDateTime) -> i64 {
        let part = match self {
            Part::Year => return moment.year().into(),
            Part::Quarter => moment.month0() / 3 + 1,
            Part::Month => moment.month(),
            Part::Week => moment.iso_week().week(),
            Part::Day => moment.day(),
            Part::DayOfYear => moment.ordinal(),
            Part::Weekday => moment.weekday().num_days_from_monday(),
            Part::Hour => moment.hour(),
            Part::Minute => moment.minute(),
            Part::Second => moment.second(),
        };
        part.into()
    }

    fn word(self) -> &'static str {
        match self {
            Part::Year => "year",
            Part::Quarter => "quarter",
            Part::Month => "month",
            Part::Week => "week",
            Part::Day => "day",
            Part::DayOfYear => "day_of_year",
            Part::Weekday => "weekday",
            Part::Hour => "hour",
            Part::Minute => "minute",
            Part::Second => "second",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_take_the_place_of_the_moment() {
        let column = Column::texts([Some("2024-12-30T23:59:01"), None]);
        let mut frame = Frame::new(2).with("at", column).unwrap();
        let step: DateParts = toml::from_str(
            "columns = ['at']\nparts = ['year', 'quarter', 'week', 'day-of-year', 'weekday', 'hour', 'second']",
        )
        .unwrap();
        step.apply(&mut frame).unwrap();
        let first: Vec<String> = frame
            .columns()
            .map(|(name, column)| format!("{name}={}", column.scalar(0).unwrap()))
            .collect();
        assert_eq!(
            first.join(" "),
            "at_year=2024 at_quarter=4 at_week=1 at_day_of_year=365 at_weekday=0 at_hour=23 at_second=1"
        );
        assert!(frame.column("at_year").unwrap().is_missing(1));
    }

    #[test]
    fn text_that_is_no_date_is_named() {
        let column = Column::texts([Some("2024-01-01"), Some("soon")]);
        let mut frame = Frame::new(2).with("at", column).unwrap();
        let step: DateParts = toml::from_str("columns = ['at']\nparts = ['year']").unwrap();
        assert_eq!(
            step.apply(&mut frame).unwrap_err().to_string(),
            "column `at`, row 1: `soon` is no date: declare its `format`"
        );
    }
}
