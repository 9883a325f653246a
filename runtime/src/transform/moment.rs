//! Moments read from text.

use chrono::{DateTime, NaiveDate, NaiveDateTime};

/// Microseconds since 1970, UTC; None where `text` is no moment.
///
/// Without a `format` (in the letters of strftime) ISO 8601 is read: a date,
/// or a date and a time apart by `T` or a space, with an offset or in UTC.
pub(super) fn parse(text: &str, format: Option<&str>) -> Option<i64> {
    let text = text.trim();
    match format {
        Some(format) => declared(text, format),
        None => iso(text),
    }
}

fn declared(text: &str, format: &str) -> Option<i64> {
    let offset = DateTime::parse_from_str(text, format).map(|time| time.timestamp_micros());
    let local = || NaiveDateTime::parse_from_str(text, format).map(micros);
    let date = || NaiveDate::parse_from_str(text, format).map(midnight);
    offset.or_else(|_| local()).or_else(|_| date()).ok()
}

fn iso(text: &str) -> Option<i64> {
    if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Some(midnight(date));
    }
    let local = [
        "%Y-%m-%dT%H:%M:%S%.f",
        "%Y-%m-%d %H:%M:%S%.f",
        "%Y-%m-%dT%H:%M",
        "%Y-%m-%d %H:%M",
    ];
    let local = local
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    match local {
        Some(time) => Some(micros(time)),
        None => DateTime::parse_from_rfc3339(text)
            .ok()
            .map(|time| time.timestamp_micros()),
    }
}

fn micros(time: NaiveDateTime) -> i64 {
    time.and_utc().timestamp_micros()
}

fn midnight(date: NaiveDate) -> i64 {
    micros(date.and_time(chrono::NaiveTime::MIN))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn iso_moments_are_read() {
        let day = 86_400_000_000;
        for (text, micros) in [
            ("1970-01-02", day),
            ("1970-01-02T00:00:01", day + 1_000_000),
            ("1970-01-02 00:00:00.5", day + 500_000),
            ("1970-01-02T01:00:00+01:00", day),
            ("1970-01-02T00:00:00Z", day),
        ] {
            assert_eq!(parse(text, None), Some(micros), "{text}");
        }
        assert_eq!(parse("02.01.1970", Some("%d.%m.%Y")), Some(day));
        assert_eq!(parse("2023-13-01", None), None);
        assert_eq!(parse("", Some("%")), None);
    }
}
