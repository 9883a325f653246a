//! The functions.toml that is generated from a fixture's code, with what the
//! demo adds.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there"
)]

use std::path::Path;

use toml::{Table, Value};

use super::run;
use super::service::cutline;

/// What `cutline analyze --format functions` writes of a code base, with an
/// overlay laid over it key by key.
pub(crate) fn functions(code: &Path, overlay: &str) -> Table {
    let mut analyze = cutline();
    analyze
        .arg("analyze")
        .arg(code)
        .args(["--format", "functions"]);
    let generated = run(&mut analyze, "the analysis failed").stdout;
    let mut functions: Table = toml::from_str(str::from_utf8(&generated).unwrap()).unwrap();
    lay(&mut functions, toml::from_str(overlay).unwrap());
    functions
}

/// Each key of `over` is set in `under`; tables are gone into, and of lists of
/// tables with a `route`, those of the same route are one.
fn lay(under: &mut Table, over: Table) {
    for (key, over) in over {
        match (under.get_mut(&key), over) {
            // A binding is one thing.
            (Some(Value::Table(under)), Value::Table(over)) if key == "input" => under.extend(over),
            (Some(Value::Table(under)), Value::Table(over)) => lay(under, over),
            (Some(Value::Array(under)), Value::Array(over)) if key == "http" => {
                over.into_iter().for_each(|over| lay_entry(under, over));
            }
            (_, over) => {
                under.insert(key, over);
            }
        }
    }
}

fn lay_entry(under: &mut Vec<Value>, over: Value) {
    let known = under
        .iter_mut()
        .find(|known| known["route"] == over["route"])
        .and_then(Value::as_table_mut);
    match (known, over) {
        (Some(known), Value::Table(over)) => lay(known, over),
        (_, over) => under.push(over),
    }
}
