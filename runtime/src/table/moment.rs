//! Dates and timestamps as text.

use chrono::{DateTime, NaiveDate, NaiveDateTime};

/// The days since 1970-01-01, of a date in that `strftime` format, or else in
/// ISO 8601.
pub(super) fn date(text: &[u8], format: Option<&str>) -> Option<i32> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let date = NaiveDate::parse_from_str(text, format.unwrap_or("%Y-%m-%d")).ok()?;
    i32::try_from(date.signed_duration_since(NaiveDate::default()).num_days()).ok()
}

/// The microseconds since 1970-01-01 00:00, of a moment in that format, or else
/// in ISO 8601. An offset, if one is written, is taken into account, so that
/// the moment is in UTC.
pub(super) fn timestamp(text: &[u8], format: Option<&str>) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?.trim();
    if let Some(format) = format {
        let offset = DateTime::parse_from_str(text, format).ok();
        let offset = offset.map(|moment| moment.timestamp_micros());
        return offset.or_else(|| micros(text, format));
    }
    ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f"]
        .into_iter()
        .find_map(|format| micros(text, format))
        .or_else(|| Some(DateTime::parse_from_rfc3339(text).ok()?.timestamp_micros()))
        .or_else(|| Some(i64::from(date(text.as_bytes(), None)?) * 86_400_000_000))
}

fn micros(text: &str, format: &str) -> Option<i64> {
    let moment = NaiveDateTime::parse_from_str(text, format).ok()?;
    Some(moment.and_utc().timestamp_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_days() {
        assert_eq!(date(b"1970-01-02", None), Some(1));
        assert_eq!(date(b"1969-12-31", None), Some(-1));
        assert_eq!(date(b"29.02.2024", Some("%d.%m.%Y")), Some(19_782));
        assert_eq!(date(b"2023-02-29", None), None);
    }

    #[test]
    fn moments_are_microseconds_in_utc() {
        let second = Some(1_000_000);
        for text in [
            "1970-01-01 00:00:01",
            "1970-01-01T00:00:01.0",
            "1970-01-01T01:00:01+01:00",
        ] {
            assert_eq!(timestamp(text.as_bytes(), None), second, "{text}");
        }
        assert_eq!(timestamp(b"1970-01-01", None), Some(0));
        assert_eq!(
            timestamp(b"01.01.1970 00.00.01", Some("%d.%m.%Y %H.%M.%S")),
            second
        );
        assert_eq!(timestamp(b"soon", None), None);
    }
}
