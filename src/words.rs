//! Figures as they are printed, and texts of others that are safe to print.

use serde_json::Value;

/// The text, or nothing.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// `41,220`
pub(crate) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 stage`, `2 stages`.
pub(crate) fn counted(n: usize, of: &str) -> String {
    match n {
        1 => format!("1 {of}"),
        n => format!("{n} {of}s"),
    }
}

/// `11,400` of 11,397: what is estimated has no more than three digits.
pub(crate) fn about(n: u64) -> String {
    let unit = 10_u64.pow(n.max(1).ilog10().saturating_sub(2));
    grouped(n.div_ceil(unit).saturating_mul(unit))
}

/// `0.51`, in percent.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.2}", share * 100.0)
}

/// Of seconds, in milliseconds, as precise as it matters.
pub(crate) fn millis(seconds: f64) -> String {
    let millis = seconds * 1_000.0;
    match millis < 10.0 {
        true => format!("{millis:.1}"),
        false => format!("{millis:.0}"),
    }
}

/// `~40 min`
pub(crate) fn roughly(seconds: f64) -> String {
    match seconds {
        ..60.0 => "~1 min".to_owned(),
        ..5_400.0 => format!("~{:.0} min", seconds / 60.0),
        ..172_800.0 => format!("~{:.0} h", seconds / 3_600.0),
        _ => format!("~{:.0} d", seconds / 86_400.0),
    }
}

/// With what would steer the terminal written out: it was said by others.
pub(crate) fn harmless(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_control() || is_bidirectional(c) {
            true => safe.extend(c.escape_default()),
            false => safe.push(c),
        }
    }
    safe
}

/// Turns the direction of what follows, so that it reads as something else.
fn is_bidirectional(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(about(11_397), "11,400");
        assert_eq!(about(0), "0");
        assert_eq!(about(73), "73");
        assert_eq!(about(u64::MAX).len(), 26);
    }

    #[test]
    fn time_is_told_as_precisely_as_it_is_known() {
        let told = [3.0, 2_400.0, 21_600.0, 200_000.0].map(roughly);
        assert_eq!(told, ["~1 min", "~40 min", "~6 h", "~2 d"]);
    }

    #[test]
    fn nothing_that_others_said_steers_the_terminal() {
        assert_eq!(
            harmless("a\u{1b}[2Jb\u{9b}c\u{202e}"),
            "a\\u{1b}[2Jb\\u{9b}c\\u{202e}"
        );
        assert_eq!(harmless("é 表"), "é 表");
    }
}
