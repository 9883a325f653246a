use insta::assert_snapshot;
use proptest::prelude::*;

use super::super::column::{Column, Type};
use super::super::frame::Frame;
use super::*;

fn frame() -> Frame {
    let nan = f64::NAN;
    Frame::new(4)
        .with("age", Column::ints([Some(20), None, Some(-3), Some(7)]))
        .unwrap()
        .with("charge", Column::floats(vec![10.5, 0.0, nan, -1.0]))
        .unwrap()
        .with(
            "plan",
            Column::texts([Some("basic"), Some("Pro "), None, Some("")]),
        )
        .unwrap()
        .with(
            "signed up",
            Column::texts([Some("2024-02-29"), Some("2023-01-01"), None, Some("soon")]),
        )
        .unwrap()
}

/// The values as one line.
fn check(text: &str) -> String {
    let column = match Expression::parse(text) {
        Ok(expression) => expression.column(&frame()),
        Err(error) => return error.to_string(),
    };
    match column {
        Ok(column) => {
            let values: Vec<String> = column
                .scalars()
                .map(|value| value.map_or("-".to_owned(), |value| value.to_string()))
                .collect();
            values.join(" | ")
        }
        Err(fault) => fault.to_string(),
    }
}

#[test]
fn arithmetic_is_numpys() {
    assert_snapshot!(check("age + 1"), @"21 | - | -2 | 8");
    assert_snapshot!(check("age / 0"), @"inf | - | -inf | inf");
    assert_snapshot!(check("age // 2"), @"10 | - | -2 | 3");
    assert_snapshot!(check("age % -5"), @"0 | - | -3 | -3");
    assert_snapshot!(check("age // 0"), @"- | - | - | -");
    assert_snapshot!(check("charge * age"), @"210.0 | - | - | -7.0");
    assert_snapshot!(check("-2 ** 2 + 2 ** 3 ** 2"), @"508.0 | 508.0 | 508.0 | 508.0");
    assert_snapshot!(check("max(charge, 1)"), @"10.5 | 1.0 | - | 1.0");
    assert_snapshot!(check("min(age, 5, 6)"), @"5 | - | -3 | 5");
    assert_snapshot!(check("round(charge / 4, 1)"), @"2.6 | 0.0 | - | -0.2");
}

#[test]
fn comparisons_are_pandas() {
    assert_snapshot!(check("charge > 0"), @"True | False | False | False");
    assert_snapshot!(check("charge != 0"), @"True | False | True | True");
    assert_snapshot!(check("plan == 'basic'"), @"True | False | False | False");
    assert_snapshot!(check("plan in ['basic', 'x']"), @"True | False | False | False");
    assert_snapshot!(check("age not in [20, -3]"), @"False | True | False | True");
    assert_snapshot!(check("is_missing(age) or between(age, 0, 10)"), @"False | True | False | True");
    assert_snapshot!(check("not (charge > 0 and age > 10)"), @"False | True | True | True");
}

#[test]
fn what_is_missing_can_be_replaced() {
    assert_snapshot!(check("coalesce(charge, age)"), @"10.5 | 0.0 | -3.0 | -1.0");
    assert_snapshot!(check("coalesce(plan, 'none')"), @"basic | Pro  | none | ");
    assert_snapshot!(check("where(age > 0, age, missing)"), @"20 | - | - | 7");
    assert_snapshot!(check("where(plan == '', 'empty', plan)"), @"basic | Pro  | - | empty");
}

#[test]
fn text_and_dates_have_functions() {
    assert_snapshot!(check("upper(trim(plan)) + '!'"), @"BASIC! | PRO! | - | !");
    assert_snapshot!(check("length(plan)"), @"5 | 4 | - | 0");
    assert_snapshot!(check("slice(plan, 1, 2)"), @"as | ro | - | ");
    assert_snapshot!(check("year(date(`signed up`))"), @"2024 | 2023 | - | -");
    assert_snapshot!(check("weekday(date(`signed up`))"), @"3 | 6 | - | -");
    assert_snapshot!(check("date(`signed up`) - date('2024-02-28')"), @"1.0 | -423.0 | - | -");
    assert_snapshot!(check("float(text(charge)) == charge"), @"True | True | False | True");
}

#[test]
fn errors_say_where() {
    assert_snapshot!(check("age +"), @"expression `age +`, character 6: a value is expected here");
    assert_snapshot!(check("(age"), @"expression `(age`, character 5: `)` is expected here");
    assert_snapshot!(check("age 1"), @"expression `age 1`, character 5: an operator or the end is expected here");
    assert_snapshot!(check("age = 1"), @"expression `age = 1`, character 5: an operator or the end is expected here");
    assert_snapshot!(check("plan == 'x"), @"expression `plan == 'x`, character 9: this ' is never closed");
    assert_snapshot!(check("where(age)"), @"expression `where(age)`, character 1: `where` has 1 arguments: write where(condition, then, otherwise)");
    assert_snapshot!(check("1.2.3"), @"expression `1.2.3`, character 1: `1.2.3` is not a number");
    assert_snapshot!(check("ä + €"), @"expression `ä + €`, character 5: `€` means nothing here");
    assert_snapshot!(check("plan * 2"), @"expression `plan * 2`, character 6: string and int64 do not go together: cast one of them");
    assert_snapshot!(check("0 < age < 9"), @"expression `0 < age < 9`, character 9: `<` compares bool with a number: write `a < b and b < c`, not `a < b < c`");
    assert_snapshot!(check("aeg"), @"column `aeg` is missing; the table has `age`, `charge`, `plan`, `signed up`");
}

#[test]
fn depth_is_bounded() {
    let deep = format!("{}1{}", "(".repeat(5_000), ")".repeat(5_000));
    assert!(check(&deep).ends_with("too deeply nested: split it over several columns"));
    let long = vec!["1"; 5_000].join("+");
    assert!(check(&long).ends_with("too long a chain: split it over several columns"));
}

#[test]
fn one_row_is_as_many() {
    let all = frame();
    for text in [
        "age / max(charge, 1)",
        "where(age > 0, plan, 'x')",
        "is_missing(charge)",
        "coalesce(charge, 1)",
    ] {
        let expression = Expression::parse(text).unwrap();
        let whole = expression.column(&all).unwrap();
        for row in 0..all.n_rows() {
            let alone = expression.column(&all.take(&[row]).unwrap()).unwrap();
            assert_eq!(alone.scalar(0), whole.scalar(row), "{text}, row {row}");
        }
    }
}

#[test]
fn documents_hold_the_text() {
    let read: Expression = serde_json::from_str(r#""age + 1""#).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), r#""age + 1""#);
    let error = serde_json::from_str::<Expression>(r#""age +""#).unwrap_err();
    assert!(error.to_string().contains("character 6"), "{error}");
}

#[test]
fn reads_names_each_column_once() {
    let expression = Expression::parse("age + `signed up` * age - f").unwrap();
    assert_eq!(expression.reads(), ["age", "signed up", "f"]);
}

proptest! {
    #[test]
    fn any_text_is_an_expression_or_an_error(text in "\\PC{0,60}") {
        check(&text);
    }

    #[test]
    fn any_tokens_are_an_expression_or_an_error(words in prop::collection::vec(
        prop::sample::select(vec![
            "age", "charge", "plan", "`signed up`", "1", "-1", "2.5", "'x'", "(", ")", "[", "]", ",",
            "+", "-", "*", "/", "//", "%", "**", "<", "==", "and", "or", "not", "in", "missing", "true",
            "max(", "where(", "coalesce(", "date(", "round(", "slice(", "replace(", "int(", "9223372036854775807",
        ]), 0..14)) {
        check(&words.join(" "));
    }
}

#[test]
fn missing_of_no_type_is_float() {
    let column = Expression::parse("missing")
        .unwrap()
        .column(&frame())
        .unwrap();
    assert_eq!(column, Column::missing(Type::Float64, 4));
}

#[test]
fn a_row_alone_needs_no_frame() {
    let row = [
        ("n", Some(Scalar::Int(3))),
        ("share", Some(Scalar::Float(0.25))),
        ("plan", Some(Scalar::Text("pro".to_owned()))),
        ("age", None),
    ];
    let of = |text: &str| match Expression::parse(text).unwrap().of_row(&row) {
        Ok(value) => value.map_or("-".to_owned(), |value| value.to_string()),
        Err(fault) => fault.to_string(),
    };
    assert_eq!(of("round(share * 100)"), "25.0");
    assert_eq!(of("n // 2"), "1");
    assert_eq!(of("where(plan == 'pro', 'yes', 'no')"), "yes");
    // Missing, and of no type: text or number.
    assert_eq!(of("coalesce(region, plan)"), "pro");
    assert_eq!(of("region == 'north' or is_missing(age)"), "True");
    assert_eq!(of("age + 1"), "-");
    assert_eq!(
        of("plan * 2"),
        "expression `plan * 2`, character 6: string and int64 do not go together: cast one of them"
    );
}
