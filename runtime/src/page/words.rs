//! Figures as people read them.

use crate::metrics::{Interval, Measure};

/// A figure of a table: as [`number`], its zeros kept, so that a column lines
/// up.
pub(super) fn figure(value: f64) -> String {
    match value.abs() {
        size if size == 0.0 || (1e-4..10.0).contains(&size) => format!("{:.4}", value + 0.0),
        _ => number(value),
    }
}

/// Four digits that tell: `0.8123`, `12.35`, `1,234`, `1.2e-7`.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 || !value.is_finite() {
        return format!("{}", value + 0.0);
    }
    if !(1e-4..1e12).contains(&size) {
        return format!("{value:.2e}");
    }
    let text = match size {
        ..10.0 => format!("{value:.4}"),
        ..1_000.0 => format!("{value:.2}"),
        _ => return grouped(value),
    };
    match text.trim_end_matches('0').trim_end_matches('.') {
        "" | "-" | "-0" => "0".to_string(),
        text => text.to_string(),
    }
}

/// A whole number, its thousands parted by commas.
pub(super) fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if value < 0.0 { format!("-{out}") } else { out }
}

/// `0.81 to 0.84`.
pub(super) fn interval(interval: &Interval) -> String {
    format!("{} to {}", figure(interval.low), figure(interval.high))
}

/// The value, or a dash.
pub(super) fn value(measure: &Measure) -> String {
    optional(measure.value)
}

/// The number, or a dash.
pub(super) fn optional(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_string(), figure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_line_up() {
        assert_eq!([0.5, 0.0, 3.0].map(figure), ["0.5000", "0.0000", "3.0000"]);
        assert_eq!(figure(1_234.5), "1,234");
    }

    #[test]
    fn as_people_read_them() {
        for (value, text) in [
            (0.81234, "0.8123"),
            (0.5, "0.5"),
            (-12.3456, "-12.35"),
            (1_234_567.0, "1,234,567"),
            (-1_000.0, "-1,000"),
            (0.000_012, "1.20e-5"),
            (0.0, "0"),
            (-0.0, "0"),
            (100.0, "100"),
            (1e300, "1.00e300"),
        ] {
            assert_eq!(number(value), text);
        }
    }
}
