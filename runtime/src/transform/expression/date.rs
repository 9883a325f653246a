//! Functions of moments.

use chrono::{DateTime, Datelike, NaiveDateTime, Timelike};

use super::super::moment;
use super::functions::take;
use super::lane::Lane;
use super::value::Value;

type Result<'a> = std::result::Result<Value<'a>, String>;

/// Text that is no date is missing.
pub(super) fn date(mut arguments: Vec<Value<'_>>) -> Result<'_> {
    let format = match arguments.len() {
        2 => arguments
            .pop()
            .unwrap_or(Value::Missing)
            .texts()?
            .map(|format| format.map(Some)),
        _ => Lane::One(Some(None)),
    };
    match take(arguments)? {
        [Value::Time(values)] => Ok(Value::Time(values)),
        [text] => Ok(Value::Time(text.texts()?.zip(format, |text, format| {
            moment::parse(&text?, format?.as_deref())
        }))),
    }
}

pub(super) fn day(arguments: Vec<Value<'_>>) -> Result<'_> {
    part(arguments, |time| time.day().into())
}

pub(super) fn hour(arguments: Vec<Value<'_>>) -> Result<'_> {
    part(arguments, |time| time.hour().into())
}

pub(super) fn minute(arguments: Vec<Value<'_>>) -> Result<'_> {
    part(arguments, |time| time.minute().into())
}

pub(super) fn month(arguments: Vec<Value<'_>>) -> Result<'_> {
    part(arguments, |time| time.month().into())
}

pub(super) fn weekday(arguments: Vec<Value<'_>>) -> Result<'_> {
    part(arguments, |time| {
        time.weekday().num_days_from_monday().into()
    })
}

pub(super) fn year(arguments: Vec<Value<'_>>) -> Result<'_> {
    part(arguments, |time| time.year().into())
}

fn part(arguments: Vec<Value<'_>>, f: fn(NaiveDateTime) -> i64) -> Result<'_> {
    let [time] = take(arguments)?;
    Ok(Value::Int(time.times()?.map(|micros| {
        Some(f(DateTime::from_timestamp_micros(micros?)?.naive_utc()))
    })))
}
