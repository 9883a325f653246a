//! [`Cell`]: what a row holds in one column.

use std::fmt;

/// A number or a text. A missing value is the number NaN, wherever it came from
/// (Python's `None` and NaN, an empty field); a boolean is 0 or 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'r> {
    /// A number, or NaN where the value is missing.
    Number(f64),
    /// A text.
    Text(&'r str),
}

impl Cell<'_> {
    /// No value.
    pub const MISSING: Cell<'static> = Cell::Number(f64::NAN);

    /// Whether there is no value.
    pub fn is_missing(self) -> bool {
        matches!(self, Cell::Number(number) if number.is_nan())
    }

    /// Whether both are the same value; missing is the same as missing.
    pub(super) fn is(self, other: Cell<'_>) -> bool {
        self == other || (self.is_missing() && other.is_missing())
    }
}

impl fmt::Display for Cell<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cell::Number(number) if number.is_nan() => f.write_str("a missing value"),
            Cell::Number(number) => write!(f, "{number}"),
            Cell::Text(text) => write!(f, "{text:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_is_missing_and_nothing_else() {
        assert!(Cell::MISSING.is(Cell::Number(f64::NAN)));
        assert!(!Cell::MISSING.is(Cell::Number(0.0)));
        assert!(!Cell::MISSING.is(Cell::Text("")));
        assert!(Cell::Number(0.0).is(Cell::Number(-0.0)));
        assert!(!Cell::Number(1.0).is(Cell::Text("1")));
        assert_eq!(Cell::MISSING.to_string(), "a missing value");
    }
}
