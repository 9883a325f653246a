//! The functions an expression may call.

use std::fmt;

use super::value::Value;
use super::{date, math, text};

/// A function of whole columns.
pub(super) struct Function {
    pub(super) name: &'static str,
    /// How it is called, with what it gives.
    pub(super) usage: &'static str,
    /// The fewest and the most arguments.
    n_arguments: (usize, usize),
    pub(super) eval: for<'a> fn(Vec<Value<'a>>) -> Result<Value<'a>, String>,
}

const ANY: usize = usize::MAX;

/// All functions by name.
pub(super) static ALL: &[Function] = &[
    function("abs", "abs(x)", (1, 1), math::abs),
    function(
        "between",
        "between(x, low, high), both included",
        (3, 3),
        math::between,
    ),
    function("ceil", "ceil(x)", (1, 1), math::ceil),
    function(
        "coalesce",
        "coalesce(a, b, ...), the first not missing",
        (1, ANY),
        math::coalesce,
    ),
    function("contains", "contains(text, part)", (2, 2), text::contains),
    function(
        "date",
        "date(text) or date(text, '%d.%m.%Y')",
        (1, 2),
        date::date,
    ),
    function("day", "day(date)", (1, 1), date::day),
    function(
        "ends_with",
        "ends_with(text, part)",
        (2, 2),
        text::ends_with,
    ),
    function("exp", "exp(x)", (1, 1), math::exp),
    function("float", "float(x), of text too", (1, 1), math::float),
    function("floor", "floor(x)", (1, 1), math::floor),
    function("hour", "hour(date)", (1, 1), date::hour),
    function("int", "int(x), towards zero", (1, 1), math::int),
    function("is_missing", "is_missing(x)", (1, 1), math::is_missing),
    function(
        "length",
        "length(text), in characters",
        (1, 1),
        text::length,
    ),
    function("log", "log(x), natural", (1, 1), math::log),
    function("log1p", "log1p(x)", (1, 1), math::log1p),
    function("lower", "lower(text)", (1, 1), text::lower),
    function("max", "max(a, b, ...)", (2, ANY), math::max),
    function("min", "min(a, b, ...)", (2, ANY), math::min),
    function("minute", "minute(date)", (1, 1), date::minute),
    function("month", "month(date), 1 to 12", (1, 1), date::month),
    function("replace", "replace(text, part, by)", (3, 3), text::replace),
    function(
        "round",
        "round(x) or round(x, digits), half to even",
        (1, 2),
        math::round,
    ),
    function(
        "slice",
        "slice(text, first, length), from 0",
        (3, 3),
        text::slice,
    ),
    function("sqrt", "sqrt(x)", (1, 1), math::sqrt),
    function(
        "starts_with",
        "starts_with(text, part)",
        (2, 2),
        text::starts_with,
    ),
    function("text", "text(x)", (1, 1), text::text),
    function("trim", "trim(text)", (1, 1), text::trim),
    function("upper", "upper(text)", (1, 1), text::upper),
    function(
        "weekday",
        "weekday(date), Monday is 0",
        (1, 1),
        date::weekday,
    ),
    function(
        "where",
        "where(condition, then, otherwise)",
        (3, 3),
        math::choose,
    ),
    function("year", "year(date)", (1, 1), date::year),
];

pub(super) fn named(name: &str) -> Option<&'static Function> {
    let place = ALL
        .binary_search_by(|function| function.name.cmp(name))
        .ok()?;
    ALL.get(place)
}

impl Function {
    pub(super) fn takes(&self, n: usize) -> bool {
        (self.n_arguments.0..=self.n_arguments.1).contains(&n)
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

const fn function(
    name: &'static str,
    usage: &'static str,
    n_arguments: (usize, usize),
    eval: for<'a> fn(Vec<Value<'a>>) -> Result<Value<'a>, String>,
) -> Function {
    Function {
        name,
        usage,
        n_arguments,
        eval,
    }
}

/// The arguments by number. `takes` has seen to it that they are `N`.
pub(super) fn take<const N: usize>(arguments: Vec<Value<'_>>) -> Result<[Value<'_>; N], String> {
    arguments
        .try_into()
        .map_err(|_| format!("{N} arguments are expected"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_found_by_name() {
        assert!(ALL.is_sorted_by_key(|function| function.name));
        for function in ALL {
            assert_eq!(named(function.name).unwrap().usage, function.usage);
            assert!(function.usage.starts_with(function.name));
        }
    }
}
