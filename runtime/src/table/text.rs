//! What a piece of text is: [`Seen`] over a column, and the values themselves.
//!
//! The types of a column nobody declared follow from all its texts, to be what
//! pandas' `read_csv` makes of the same file:
//!
//! | the column holds | it is |
//! |---|---|
//! | whole numbers of 64 bits | `int64`; `float64` if one is missing |
//! | numbers, infinity among them | `float64` |
//! | `true` and `false` (`True`, `TRUE`, …) | `bool` |
//! | nothing but missing values | `float64` |
//! | anything else, or a mixture; no rows at all | `string` |
//!
//! Spaces and tabs around a number do not count, but around infinity they do. Dates stay text unless they are
//! declared. Where pandas falls back to Python objects, the kernel has a type:
//! `bool` stays `bool` when values are missing, and whole numbers beyond 64 bits
//! are text, so that no digit of an identifier is lost.

use super::types::ColumnType;

/// What the texts of a column were, so far. Merging is a union, so that parts
/// of a table can be looked at in any order.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Seen(u8);

impl Seen {
    pub(super) const MISSING: Seen = Seen(1);
    pub(super) const BOOL: Seen = Seen(2);
    pub(super) const INT: Seen = Seen(4);
    pub(super) const FLOAT: Seen = Seen(8);
    pub(super) const TEXT: Seen = Seen(16);

    /// What one text is that is not missing.
    pub(super) fn of(text: &[u8]) -> Seen {
        match number_shape(trim(text)) {
            Some(Seen::INT) if int(text).is_none() => Seen::TEXT,
            Some(number) => number,
            None if bool(text).is_some() => Seen::BOOL,
            None if is_infinity(text) => Seen::FLOAT,
            None => Seen::TEXT,
        }
    }

    pub(super) fn add(&mut self, other: Seen) {
        self.0 |= other.0;
    }

    /// Whether nothing that may follow changes the type any more.
    pub(super) fn is_settled(self) -> bool {
        self.has(Seen::TEXT)
    }

    /// Of a column that should hold numbers: what is none does not count, if
    /// there are any.
    pub(super) fn as_number(self) -> Seen {
        match self.has(Seen::INT) || self.has(Seen::FLOAT) {
            true => Seen(self.0 & !Seen::TEXT.0),
            false => self,
        }
    }

    fn has(self, other: Seen) -> bool {
        self.0 & other.0 != 0
    }

    pub(super) fn ty(self) -> ColumnType {
        let number = self.has(Seen::INT) || self.has(Seen::FLOAT);
        match self {
            Seen(0) => ColumnType::String,
            _ if self.has(Seen::TEXT) => ColumnType::String,
            _ if self.has(Seen::BOOL) && number => ColumnType::String,
            _ if self.has(Seen::BOOL) => ColumnType::Bool,
            Seen::INT => ColumnType::Int64,
            _ => ColumnType::Float64,
        }
    }
}

/// The whole number that `text` is.
#[inline]
pub(super) fn int(text: &[u8]) -> Option<i64> {
    lexical_core::parse(trim(text)).ok()
}

/// The number that `text` is, rounded correctly. "nan" is none.
#[inline]
pub(super) fn float(text: &[u8]) -> Option<f64> {
    let number = trim(text);
    match number.last() {
        Some(b'0'..=b'9' | b'.') => lexical_core::parse(number).ok(),
        _ if is_infinity(text) => Some(match text[0] {
            b'-' => f64::NEG_INFINITY,
            _ => f64::INFINITY,
        }),
        _ => None,
    }
}

/// The truth value that `text` is, in pandas' spellings.
#[inline]
pub(super) fn bool(text: &[u8]) -> Option<bool> {
    match text {
        b"true" | b"True" | b"TRUE" => Some(true),
        b"false" | b"False" | b"FALSE" => Some(false),
        _ => None,
    }
}

/// Without the spaces and tabs around it.
#[inline]
fn trim(text: &[u8]) -> &[u8] {
    match text {
        [b' ' | b'\t', ..] | [.., b' ' | b'\t'] => text.trim_ascii(),
        _ => text,
    }
}

fn is_infinity(text: &[u8]) -> bool {
    let word = match text {
        [b'+' | b'-', rest @ ..] => rest,
        _ => text,
    };
    word.eq_ignore_ascii_case(b"inf") || word.eq_ignore_ascii_case(b"infinity")
}

/// Whether it is written as a whole number or as one with a point or exponent.
fn number_shape(text: &[u8]) -> Option<Seen> {
    let unsigned = match text {
        [b'+' | b'-', rest @ ..] => rest,
        _ => text,
    };
    let (whole, rest) = digits(unsigned);
    let (fraction, rest) = match rest {
        [] if whole > 0 => return Some(Seen::INT),
        [b'.', rest @ ..] => digits(rest),
        _ => (0, rest),
    };
    let exponent = match rest {
        [] => true,
        [b'e' | b'E', b'+' | b'-', rest @ ..] | [b'e' | b'E', rest @ ..] => {
            let (count, rest) = digits(rest);
            count > 0 && rest.is_empty()
        }
        _ => false,
    };
    (exponent && whole + fraction > 0).then_some(Seen::FLOAT)
}

/// How many digits it begins with, and what follows.
fn digits(text: &[u8]) -> (usize, &[u8]) {
    let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (count, &text[count..])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_text_is_what_pandas_takes_it_for() {
        let is = |seen, texts: &[&str]| {
            for text in texts {
                assert_eq!(Seen::of(text.as_bytes()), seen, "{text:?}");
            }
        };
        is(
            Seen::INT,
            &["0", "-7", "+5", "007", " 12 ", "9223372036854775807"],
        );
        is(
            Seen::FLOAT,
            &["1.", ".5", "-1e5", "2E-3", " 1.5\t", "inf", "-Infinity"],
        );
        is(Seen::BOOL, &["true", "False", "TRUE"]);
        is(
            Seen::TEXT,
            &[
                "",
                "-",
                ".",
                "1e",
                "e5",
                "1_000",
                "0x10",
                "tRUE",
                "2024-01-01",
            ],
        );
        is(
            Seen::TEXT,
            &["9223372036854775808", "1.5.2", "--1", "1 2", "\u{661}"],
        );
    }

    #[test]
    fn a_column_is_what_all_its_texts_are() {
        let column = |texts: &[&str]| {
            let mut seen = Seen::default();
            for text in texts {
                seen.add(match *text {
                    "" => Seen::MISSING,
                    text => Seen::of(text.as_bytes()),
                });
            }
            seen.ty()
        };
        assert_eq!(column(&["1", "2"]), ColumnType::Int64);
        assert_eq!(column(&["1", "", "2"]), ColumnType::Float64);
        assert_eq!(column(&["1", "2.5"]), ColumnType::Float64);
        assert_eq!(column(&["True", "false"]), ColumnType::Bool);
        assert_eq!(column(&["True", ""]), ColumnType::Bool);
        assert_eq!(column(&["True", "1"]), ColumnType::String);
        assert_eq!(column(&["1", "a"]), ColumnType::String);
        assert_eq!(column(&["", ""]), ColumnType::Float64);
        assert_eq!(column(&[]), ColumnType::String);
    }

    proptest! {
        #[test]
        fn what_is_taken_for_a_number_can_be_read_as_one(text in "[-+ ]?[0-9.eEinfa_]{0,24}") {
            let text = text.as_bytes();
            let seen = Seen::of(text);
            prop_assert_eq!(seen == Seen::INT, int(text).is_some());
            let number = seen == Seen::INT || seen == Seen::FLOAT;
            let long = number_shape(trim(text)) == Some(Seen::INT);
            prop_assert_eq!(number, float(text).is_some() && (number || !long));
        }

        #[test]
        fn numbers_are_read_as_the_standard_library_reads_them(value: f64) {
            prop_assume!(!value.is_nan());
            let read = float(value.to_string().as_bytes());
            prop_assert_eq!(read.map(f64::to_bits), Some(value.to_bits()));
        }
    }
}
