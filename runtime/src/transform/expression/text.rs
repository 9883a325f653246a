//! Functions of text. Missing text gives a missing result.

use std::borrow::Cow;

use super::functions::take;
use super::value::Value;

type Result<'a> = std::result::Result<Value<'a>, String>;

pub(super) fn lower(arguments: Vec<Value<'_>>) -> Result<'_> {
    changed(arguments, |text| text.to_lowercase().into())
}

pub(super) fn upper(arguments: Vec<Value<'_>>) -> Result<'_> {
    changed(arguments, |text| text.to_uppercase().into())
}

pub(super) fn trim(arguments: Vec<Value<'_>>) -> Result<'_> {
    changed(arguments, |text| match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => text.trim().to_owned().into(),
    })
}

pub(super) fn length(arguments: Vec<Value<'_>>) -> Result<'_> {
    let [text] = take(arguments)?;
    let length = |text: Cow<'_, str>| i64::try_from(text.chars().count()).ok();
    Ok(Value::Int(text.texts()?.map(|text| text.and_then(length))))
}

pub(super) fn contains(arguments: Vec<Value<'_>>) -> Result<'_> {
    asked(arguments, |text, part| text.contains(part))
}

pub(super) fn starts_with(arguments: Vec<Value<'_>>) -> Result<'_> {
    asked(arguments, |text, part| text.starts_with(part))
}

pub(super) fn ends_with(arguments: Vec<Value<'_>>) -> Result<'_> {
    asked(arguments, |text, part| text.ends_with(part))
}

pub(super) fn replace(arguments: Vec<Value<'_>>) -> Result<'_> {
    let [text, part, by] = take(arguments)?;
    let change = part
        .texts()?
        .zip(by.texts()?, |part, by| Some((part?, by?)));
    Ok(Value::Text(text.texts()?.zip(change, |text, change| {
        let (text, (part, by)) = (text?, change?);
        Some(text.replace(&*part, &by).into())
    })))
}

pub(super) fn slice(arguments: Vec<Value<'_>>) -> Result<'_> {
    let [text, first, length] = take(arguments)?;
    let range = first.ints()?.zip(length.ints()?, |first, length| {
        Some((
            usize::try_from(first?).ok()?,
            usize::try_from(length?).ok()?,
        ))
    });
    Ok(Value::Text(text.texts()?.zip(range, |text, range| {
        let (text, (first, length)) = (text?, range?);
        Some(text.chars().skip(first).take(length).collect())
    })))
}

pub(super) fn text(arguments: Vec<Value<'_>>) -> Result<'_> {
    let [value] = take(arguments)?;
    Ok(Value::Text(match value {
        Value::Bool(values) => {
            values.map(|value| Some(if value? { "True" } else { "False" }.into()))
        }
        Value::Int(values) => values.map(|value| Some(value?.to_string().into())),
        Value::Float(values) => {
            values.map(|value| (!value.is_nan()).then(|| format!("{value:?}").into()))
        }
        Value::Time(values) => values.map(|value| {
            let time = chrono::DateTime::from_timestamp_micros(value?)?;
            Some(time.naive_utc().to_string().into())
        }),
        other => other.texts()?,
    }))
}

fn changed<'a>(arguments: Vec<Value<'a>>, f: impl Fn(Cow<'a, str>) -> Cow<'a, str>) -> Result<'a> {
    let [text] = take(arguments)?;
    Ok(Value::Text(text.texts()?.map(|text| text.map(&f))))
}

/// Missing text has no part: the answer is no.
fn asked<'a>(arguments: Vec<Value<'a>>, f: fn(&str, &str) -> bool) -> Result<'a> {
    let [text, part] = take(arguments)?;
    Ok(Value::Bool(text.texts()?.zip(
        part.texts()?,
        |text, part| match (text, part) {
            (Some(text), Some(part)) => Some(f(&text, &part)),
            _ => Some(false),
        },
    )))
}
