//! What `cutline analyze --format functions` derives from each fixture's code,
//! held against the functions.toml that a person wrote for it: expected answer
//! only, which nothing else reads.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there, and this one prints what it measures"
)]

use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::support;
use crate::support::service::cutline;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(name)
}

fn generated(name: &str) -> String {
    let mut analyze = cutline();
    analyze
        .arg("analyze")
        .arg(fixture(name))
        .args(["--format", "functions"]);
    String::from_utf8(support::run(&mut analyze, "the analysis failed").stdout).unwrap()
}

/// Every value that the file says, by its path. Lists of tables are told apart
/// by kind or route, so that their order does not count; a list's values one by
/// one.
fn said(text: &str) -> Vec<(String, String)> {
    let mut said = Vec::new();
    leaves(&Value::Table(text.parse::<Table>().unwrap()), "", &mut said);
    said
}

fn leaves(value: &Value, path: &str, said: &mut Vec<(String, String)>) {
    match value {
        Value::Table(table) => {
            for (key, value) in table {
                leaves(value, &format!("{path}/{key}"), said);
            }
        }
        Value::Array(parts) => {
            for part in parts {
                let named = part.get("kind").or(part.get("route"));
                let name = named.and_then(Value::as_str).unwrap_or_default();
                leaves(part, &format!("{path}/{name}"), said);
            }
        }
        // `1` and `1.0` are one number, in expressions too.
        other => {
            let text = other.to_string();
            let text = text
                .trim_matches('"')
                .replace(".0)", ")")
                .replace(".0, ", ", ");
            said.push((path.to_owned(), text));
        }
    }
}

/// How many of the values that a person wrote below `part` are derived, and of
/// how many.
fn reached(name: &str, part: &str) -> (usize, usize) {
    let below = |said: Vec<(String, String)>| -> Vec<(String, String)> {
        let said = said.into_iter();
        said.filter(|(path, _)| path.starts_with(part)).collect()
    };
    let mut derived = below(said(&generated(name)));
    let written = fs::read_to_string(fixture(name).join("functions.toml")).unwrap();
    let written = below(said(&written));
    let mut reached = 0;
    for value in &written {
        if let Some(place) = derived.iter().position(|derived| derived == value) {
            derived.swap_remove(place);
            reached += 1;
        } else {
            println!("{name}: not derived: {} = {}", value.0, value.1);
        }
    }
    println!(
        "{name}{part}: {reached} of {} values are derived",
        written.len()
    );
    (reached, written.len())
}

/// `cargo test -p cutline --test e2e generated -- --nocapture` prints the
/// shares, and what is not derived.
#[test]
fn most_of_what_a_person_would_write_is_derived_from_the_code() {
    // Of routes only those that predict, and what starts a pipeline.
    for (name, part, at_least) in [
        ("churn_flask", "/function", 0.7),
        ("churn_flask", "/http", 0.05),
        ("tumor_fastapi", "/function", 0.65),
        ("tumor_fastapi", "/http", 0.05),
    ] {
        let (reached, of) = reached(name, part);
        let share = reached as f64 / of as f64;
        assert!(share >= at_least, "{name}{part}: {reached} of {of}");
    }
}

#[test]
fn what_the_code_does_not_say_is_refused_by_name_until_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("functions.toml");
    for name in ["churn_flask", "tumor_fastapi"] {
        let mut text = generated(name);
        let mut refused = 0;
        loop {
            fs::write(&file, &text).unwrap();
            let mut check = cutline();
            let check = check.args(["functions", "--config"]).arg(&file);
            let output = check.output().unwrap();
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            if output.status.success() {
                break;
            }
            assert_eq!(output.status.code(), Some(4), "{told}");
            assert!(
                told.contains("is still TODO") && told.contains(".py:"),
                "{told}"
            );
            refused += 1;
            // Any value of the right type does for the check; what an answer
            // holds may be left out.
            let open = text.lines().find(|line| line.contains("\"TODO\"")).unwrap();
            let mended = match open {
                open if open.contains("at_least") => open.replace("\"TODO\"", "0.5"),
                open if open.starts_with("\"/") => String::new(),
                open if open.starts_with("c = ") => open.replace("\"TODO\"", "1.0"),
                open => open.replace("\"TODO\"", "\"sqlite:churn.sqlite\""),
            };
            text = text.replacen(open, &mended, 1);
        }
        assert!(refused > 0, "{name} has nothing open");
    }
}
