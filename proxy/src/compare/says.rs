//! What is said of a field that differs: what all of its differences have in
//! common, and nothing that only some have.

use super::comparison::{Aspect, Kind, Numbers, Remark};
use super::summary::{FieldSummary, PredictionSummary};

/// Fewer differences have something in common by chance.
const FEW: u64 = 3;

/// Double precision shortened to single precision is off by at most this part.
const SINGLE: f64 = 1.0 / (1 << 24) as f64;

/// One clause or several, such as `candidate rounds to 3 decimals; largest
/// difference 4.9e-4; no label flips`.
pub(super) fn of_field(field: &FieldSummary, predictions: &PredictionSummary) -> String {
    let mut clauses = Vec::new();
    if field.noise {
        clauses.push("noise: the monolith differs from itself like this".to_owned());
    }
    match (field.kind, &field.numbers) {
        (Kind::Number, Some(numbers)) => {
            clauses.extend(of_numbers(numbers, field.places));
            clauses.push(format!("largest difference {}", number(numbers.largest())));
        }
        (kind, _) => clauses.push(of_kind(kind).to_owned()),
    }
    if field.kind == Kind::Number && predictions.labels > 0 {
        clauses.push(match predictions.flipped {
            0 => "no label flips".to_owned(),
            flipped => format!("{flipped} of {} labels flip", predictions.labels),
        });
    }
    clauses.join("; ")
}

fn of_kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Value => "another value",
        Kind::Number => "another number",
        Kind::Missing => "candidate lacks it",
        Kind::Extra => "only candidate has it",
        Kind::MissingForNull => "candidate lacks it where the monolith has null",
        Kind::NullForMissing => "candidate has null where the monolith lacks it",
        Kind::Null => "candidate has null",
        Kind::NotNull => "candidate has a value for null",
        Kind::Quoted => "one side writes it as text",
        Kind::Type => "another type",
        Kind::Order => "same items in another order",
        Kind::Encoding => "another kind of document",
        Kind::Unreadable => "one side's body is not what its headers say",
    }
}

fn of_numbers(numbers: &Numbers, places: u64) -> Option<String> {
    let largest = numbers.largest();
    let decimals = numbers.decimals_candidate;
    let step = 10_f64.powi(-i32::try_from(decimals).unwrap_or(i32::MAX));
    // Both are written in decimals, but their difference is not exact.
    let room = 1.0 + 1e-6;
    let fewer = numbers.decimals_control > decimals;
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs().max(b.abs());
    let plural = if decimals == 1 { "" } else { "s" };
    if fewer && largest <= 0.5 * step * room {
        return Some(match decimals {
            0 => "candidate rounds to whole numbers".to_owned(),
            _ => format!("candidate rounds to {decimals} decimal{plural}"),
        });
    }
    // Towards zero: of positive numbers down, of negative ones up.
    let shrinks = numbers
        .ratio
        .is_some_and(|(least, most)| least >= 0.0 && most < 1.0);
    if fewer && places >= FEW && shrinks && largest < step * room {
        return Some(match decimals {
            0 => "candidate cuts off decimals".to_owned(),
            _ => format!("candidate cuts off behind {decimals} decimal{plural}"),
        });
    }
    if numbers.relative <= SINGLE * room {
        return Some("differences are no larger than those of single precision".to_owned());
    }
    if places < FEW {
        return None;
    }
    if let Some((least, most)) = numbers.ratio
        && least != 0.0
        && near(least, most)
    {
        return Some(format!(
            "candidate is {} times the monolith's",
            number(most)
        ));
    }
    // Differences of doubles are off by some of the last digits.
    if (numbers.greatest - numbers.least).abs() <= 1e-9 * largest {
        let way = if numbers.least > 0.0 {
            "higher"
        } else {
            "lower"
        };
        return Some(format!(
            "candidate is {way} by {} throughout",
            number(largest)
        ));
    }
    match (numbers.least > 0.0, numbers.greatest < 0.0) {
        (true, _) => Some("candidate is higher throughout".to_owned()),
        (_, true) => Some("candidate is lower throughout".to_owned()),
        _ => None,
    }
}

pub(super) fn of_remark(remark: &Remark, count: u64) -> String {
    let shown = |text: &str| match text.is_empty() {
        true => "none".to_owned(),
        false => text.to_owned(),
    };
    let what = match remark.what {
        Aspect::ContentCoding => "another content coding",
        Aspect::Charset => "another charset",
        Aspect::MediaType => "another media type",
    };
    let (control, candidate) = (shown(&remark.control), shown(&remark.candidate));
    format!("{what} in {count} ({candidate} for {control}), and the same content")
}

/// With three digits that count.
fn number(x: f64) -> String {
    match x.abs() {
        0.0 => "0".to_owned(),
        size if (0.01..10_000.0).contains(&size) => {
            let decimals = (2 - size.log10().floor() as i32).clamp(0, 4);
            let text = format!("{x:.*}", usize::try_from(decimals).unwrap_or(0));
            match text.contains('.') {
                true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
                false => text,
            }
        }
        _ => format!("{x:.1e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::rules::Rules;
    use super::super::summary::Summary;
    use super::super::tests::{json, path};
    use super::*;

    /// What is said of answers with these scores, or other members.
    fn said(pairs: &[(&str, &str)]) -> String {
        let mut rules = Rules::default();
        rules.label(&path("/label"));
        let mut summary = Summary::default();
        for (control, candidate) in pairs {
            let of = |text: &str| match text.starts_with('{') {
                true => text.to_owned(),
                false => format!(r#"{{"score": {text}}}"#),
            };
            summary.add("r", &json(&of(control), &of(candidate), &rules));
        }
        let sentences = summary.sentences();
        let lines: Vec<_> = sentences
            .iter()
            .map(|(field, said)| format!("{field}: {said}"))
            .collect();
        lines.join("\n")
    }

    #[test]
    fn what_differences_have_in_common() {
        let scores = ["0.81734", "0.12951", "0.50049", "0.99951"];
        let to = |f: &dyn Fn(f64) -> f64| {
            let pairs: Vec<_> = scores
                .iter()
                .map(|text| ((*text).to_owned(), f(text.parse().unwrap()).to_string()))
                .collect();
            let pairs: Vec<_> = pairs
                .iter()
                .map(|(a, b)| (a.as_str(), b.as_str()))
                .collect();
            said(&pairs)
        };
        insta::assert_snapshot!(
            [
                to(&|x| (x * 1e3).round() / 1e3),
                to(&|x| (x * 1e3).floor() / 1e3),
                to(&|x| f64::from(x as f32)),
                to(&|x| x + 0.25),
                to(&|x| x * 100.0),
                to(&|x| x + x * x / 10.0),
                to(&|x| if x > 0.5 { x + 0.1 } else { x - 0.1 }),
                said(&[("0.81734", "0.9")]),
                said(&[("1.5", "2"), ("2.25", "2"), ("3.1", "3")]),
                said(&[("[1,2,3]", "[3,2,1]")]),
                said(&[("null", "1")]),
                said(&[("1", "null")]),
                said(&[("1", "0"), ("1", "0"), ("1", "0")]),
                said(&[("1", "\"1\"")]),
                said(&[("1", "{}"), ("{}", r#"{"a": 1}"#)]),
                said(&[("null", "{}"), ("{}", r#"{"a": null}"#)]),
                said(&[(r#"{"label": 1, "score": 0.25}"#, r#"{"label": 1, "score": 0.5}"#)]),
                said(&[(r#"{"label": 1, "score": 0.25}"#, r#"{"label": 0, "score": 0.5}"#)]),
            ]
            .join("\n"),
            @r##"
        /score: candidate rounds to 3 decimals; largest difference 4.9e-4
        /score: candidate cuts off behind 3 decimals; largest difference 5.1e-4
        /score: differences are no larger than those of single precision; largest difference 1.6e-8
        /score: candidate is higher by 0.25 throughout; largest difference 0.25
        /score: candidate is 100 times the monolith's; largest difference 99
        /score: candidate is higher throughout; largest difference 0.0999
        /score: largest difference 0.1
        /score: largest difference 0.0827
        /score: candidate rounds to whole numbers; largest difference 0.5
        /score: same items in another order
        /score: candidate has a value for null
        /score: candidate has null
        /score: candidate is lower by 1 throughout; largest difference 1
        /score: one side writes it as text
        /a: only candidate has it
        /score: candidate lacks it
        /a: candidate has null where the monolith lacks it
        /score: candidate lacks it where the monolith has null
        /score: largest difference 0.25; no label flips
        /label: largest difference 1; 1 of 1 labels flip
        /score: largest difference 0.25; 1 of 1 labels flip
        "##
        );
    }

    #[test]
    fn numbers_with_three_digits() {
        for (x, shown) in [
            (0.000_49, "4.9e-4"),
            (0.25, "0.25"),
            (100.0, "100"),
            (12_345.0, "1.2e4"),
            (-3.0, "-3"),
            (0.1, "0.1"),
            (1.0 / 3.0, "0.333"),
        ] {
            assert_eq!(number(x), shown);
        }
    }
}
