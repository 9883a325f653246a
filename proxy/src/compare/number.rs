//! Numbers as they are written: exactly the same, or within a tolerance.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::iter;

use super::comparison::Numbers;
use super::rules::Tolerance;

/// Whether two numbers, as written, are one number: `1`, `1.0` and `10e-1` are,
/// 9007199254740993 and 9007199254740992 are not. Zero has no sign. Of those
/// that are no numbers (`NaN`), each is the same as itself.
pub(super) fn same(control: &str, candidate: &str) -> bool {
    if control == candidate {
        return true;
    }
    match (Decimal::read(control), Decimal::read(candidate)) {
        (Some(control), Some(candidate)) => control == candidate,
        _ => false,
    }
}

/// Whether two numbers that are not the same are close enough.
pub(super) fn close(control: &str, candidate: &str, tolerance: &Tolerance) -> bool {
    if *tolerance == Tolerance::default() {
        return false;
    }
    // Where both are whole, their difference is known exactly even where a
    // double-precision number is not fine enough for them.
    if let (Ok(control), Ok(candidate)) = (control.parse::<i128>(), candidate.parse::<i128>())
        && let Some(apart) = control.checked_sub(candidate)
        && (control.unsigned_abs().max(candidate.unsigned_abs()) >> 53) != 0
    {
        let largest = control.unsigned_abs().max(candidate.unsigned_abs());
        let apart = apart.unsigned_abs() as f64;
        return apart <= tolerance.abs || apart <= tolerance.rel * largest as f64;
    }
    let (Some(control), Some(candidate)) = (finite(control), finite(candidate)) else {
        return false;
    };
    let apart = (control - candidate).abs();
    apart <= tolerance.abs
        || apart <= tolerance.rel * control.abs().max(candidate.abs())
        || (tolerance.ulps > 0 && ulps(control, candidate) <= tolerance.ulps)
}

/// How many double-precision numbers two are apart.
fn ulps(a: f64, b: f64) -> u64 {
    // Ordered as the numbers are: negative ones count down from zero.
    let order = |x: f64| {
        let bits = x.to_bits() as i64;
        if bits < 0 {
            i64::MIN.wrapping_sub(bits)
        } else {
            bits
        }
    };
    order(a).abs_diff(order(b))
}

/// The nearest double-precision number; None where that is no finite one.
pub(super) fn finite(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|number| number.is_finite())
}

/// How far two numbers are apart; None where one is not finite.
pub(super) fn apart(control: &str, candidate: &str) -> Option<Numbers> {
    let (from, to) = (finite(control)?, finite(candidate)?);
    let signed = (to - from).clamp(f64::MIN, f64::MAX);
    let largest = from.abs().max(to.abs());
    let ratio = to / from;
    Some(Numbers {
        least: signed,
        greatest: signed,
        relative: match largest > 0.0 {
            true => (signed / largest).abs(),
            false => 0.0,
        },
        size: largest,
        ratio: (from != 0.0 && ratio.is_finite()).then_some((ratio, ratio)),
        decimals_control: Decimal::read(control).map_or(0, |decimal| decimal.decimals()),
        decimals_candidate: Decimal::read(candidate).map_or(0, |decimal| decimal.decimals()),
    })
}

/// The one way to write a number, alike for all that are the same.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    match Decimal::read(text) {
        Some(decimal) => Cow::Owned(decimal.plain()),
        None => Cow::Borrowed(text),
    }
}

/// A decimal number: `0.DIGITS · 10^scale`, its digits without zeros at either
/// end; zero has none.
#[derive(Clone, Copy)]
struct Decimal<'a> {
    negative: bool,
    /// Before and behind the point, which does not count here.
    whole: &'a str,
    fraction: &'a str,
    scale: i64,
}

impl<'a> Decimal<'a> {
    fn read(text: &'a str) -> Option<Decimal<'a>> {
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match rest.find(['e', 'E']) {
            Some(at) => (&rest[..at], rest[at + 1..].parse::<i64>().ok()?),
            None => (rest, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        if mantissa.is_empty() || !digits(whole) || !digits(fraction) {
            return None;
        }
        let fraction = fraction.trim_end_matches('0');
        let whole = whole.trim_start_matches('0');
        let mut scale = i64::try_from(whole.len()).ok()?;
        let (whole, fraction) = match (whole.is_empty(), fraction.is_empty()) {
            (true, true) => ("", ""),
            (true, false) => {
                let digits = fraction.trim_start_matches('0');
                scale = -i64::try_from(fraction.len() - digits.len()).ok()?;
                ("", digits)
            }
            (false, true) => (whole.trim_end_matches('0'), ""),
            (false, false) => (whole, fraction),
        };
        let zero = whole.is_empty() && fraction.is_empty();
        Some(Decimal {
            negative: negative && !zero,
            whole,
            fraction,
            scale: if zero {
                0
            } else {
                scale.checked_add(exponent)?
            },
        })
    }

    fn digits(&self) -> impl Iterator<Item = u8> + use<'a> {
        self.whole.bytes().chain(self.fraction.bytes())
    }

    fn len(&self) -> i64 {
        i64::try_from(self.whole.len() + self.fraction.len()).unwrap_or(i64::MAX)
    }

    /// Digits behind the point, written without an exponent.
    fn decimals(&self) -> u32 {
        u32::try_from(self.len().saturating_sub(self.scale).max(0)).unwrap_or(u32::MAX)
    }

    fn plain(&self) -> String {
        let sign = if self.negative { "-" } else { "" };
        let digits = self.digits().map(char::from);
        let mut text: String = sign.chars().chain(digits).collect();
        let len = self.len();
        match (usize::try_from(self.scale), self.scale) {
            _ if len == 0 => text.push('0'),
            (Ok(point), _) if (len..=20).contains(&self.scale) => {
                text.extend(iter::repeat_n('0', sign.len() + point - text.len()));
            }
            (Ok(point), 1..) if self.scale < len => text.insert(sign.len() + point, '.'),
            (_, -5..=0) => {
                let zeros = usize::try_from(-self.scale).unwrap_or(0);
                text.insert_str(sign.len(), &format!("0.{}", "0".repeat(zeros)));
            }
            _ => {
                if len > 1 {
                    text.insert(sign.len() + 1, '.');
                }
                text.push_str(&format!("e{}", self.scale.saturating_sub(1)));
            }
        }
        text
    }
}

impl PartialEq for Decimal<'_> {
    fn eq(&self, other: &Decimal<'_>) -> bool {
        self.negative == other.negative
            && self.scale == other.scale
            && self.len() == other.len()
            && self.digits().cmp(other.digits()) == Ordering::Equal
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_number_is_written_in_many_ways() {
        for (a, b) in [
            ("1", "1.0"),
            ("1", "10e-1"),
            ("0", "-0.0"),
            ("0e5", "0"),
            ("0.001", "1E-3"),
            ("120", "1.2e+2"),
            ("1e400", "10e399"),
            ("NaN", "NaN"),
            ("12345678901234567890.5", "12345678901234567890.50"),
        ] {
            assert!(same(a, b), "{a} {b}");
            assert_eq!(plain(a), plain(b));
        }
        for (a, b) in [
            ("9007199254740993", "9007199254740992"),
            ("0.1", "0.1000000000000000055511151231257827"),
            ("1", "-1"),
            ("NaN", "Infinity"),
            ("1e400", "1e401"),
            ("1e99999999999999999999", "1e99999999999999999998"),
        ] {
            assert!(!same(a, b), "{a} {b}");
            assert!(!same(b, a), "{b} {a}");
        }
    }

    #[test]
    fn tolerances() {
        let of = |abs, rel, ulps| Tolerance { abs, rel, ulps };
        assert!(close("0.81734", "0.817", &of(5e-4, 0.0, 0)));
        assert!(!close("0.81734", "0.816", &of(5e-4, 0.0, 0)));
        assert!(close("1000", "1001", &of(0.0, 1e-3, 0)));
        assert!(!close("1", "1.01", &of(0.0, 1e-3, 0)));
        assert!(close("0.3", "0.30000000000000004", &of(0.0, 0.0, 1)));
        assert!(!close("0.3", "0.30000000000000010", &of(0.0, 0.0, 1)));
        assert!(close("5e-324", "-5e-324", &of(0.0, 0.0, 2)));
        assert!(!close(
            "9007199254740993",
            "9007199254740992",
            &of(0.5, 0.0, 0)
        ));
        assert!(close(
            "9007199254740993",
            "9007199254740992",
            &of(1.0, 0.0, 0)
        ));
        assert!(!close("NaN", "1", &of(1e300, 1.0, 9)));
        assert!(!close("1e999", "1", &of(1e300, 1.0, 9)));
    }

    #[test]
    fn decimals_are_those_behind_the_point() {
        let decimals = |text: &str| Decimal::read(text).unwrap().decimals();
        assert_eq!(decimals("0.81734"), 5);
        assert_eq!(decimals("0.820"), 2);
        assert_eq!(decimals("1e-7"), 7);
        assert_eq!(decimals("1200"), 0);
        assert_eq!(decimals("12.5e3"), 0);
    }

    #[test]
    fn the_plain_way() {
        for (text, plain_one) in [
            ("0.10", "0.1"),
            ("100", "100"),
            ("-12.50", "-12.5"),
            ("1e-5", "0.00001"),
            ("1e-30", "1e-30"),
            ("-1.25e+40", "-1.25e40"),
            ("-0", "0"),
            ("NaN", "NaN"),
        ] {
            assert_eq!(plain(text), plain_one);
        }
    }

    proptest! {
        #[test]
        fn the_plain_way_is_the_same_number(x in any::<f64>().prop_filter("finite", |x| x.is_finite())) {
            let text = format!("{x:e}");
            let plain = plain(&text);
            prop_assert_eq!(plain.parse::<f64>().unwrap(), x);
            prop_assert!(same(&text, &plain));
            let shown = x.to_string();
            prop_assert!(same(&shown, &plain));
        }

        #[test]
        fn a_wider_tolerance_only_takes_more(a in any::<f64>(), b in any::<f64>(), abs in 0.0..1e9, more in 1.0..10.0) {
            let (a, b) = (format!("{a}"), format!("{b}"));
            let narrow = Tolerance { abs, rel: abs / 1e10, ulps: 3 };
            let wide = Tolerance { abs: abs * more, rel: abs * more / 1e10, ulps: 4 };
            prop_assert!(!close(&a, &b, &narrow) || close(&a, &b, &wide));
            prop_assert_eq!(close(&a, &b, &wide), close(&b, &a, &wide));
        }
    }
}
