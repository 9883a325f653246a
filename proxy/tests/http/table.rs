//! `docs/http.md` holds what it promises: a test for every row.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

/// The names of the crate's tests, and of the cases in the two files.
fn known() -> HashSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut known = HashSet::new();
    let mut folders = vec![root.join("src"), root.join("tests")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap_or_default();
            for line in text.lines().map(str::trim) {
                let name = line.strip_prefix("fn ").or(line.strip_prefix("async fn "));
                if let Some((name, _)) = name.and_then(|name| name.split_once('(')) {
                    known.insert(name.to_owned());
                }
                let case = line.strip_prefix("name = \"");
                if let Some(case) = case.and_then(|case| case.strip_suffix('"')) {
                    known.insert(case.to_owned());
                }
            }
        }
    }
    known
}

#[test]
fn every_row_names_tests_that_exist_or_says_why_there_is_none() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = fs::read_to_string(root.join("docs/http.md")).unwrap();
    let known = known();
    let (mut rows, mut problems) = (0, Vec::new());
    let is_row = |line: &&str| line.starts_with("| 91") || line.starts_with("| 8441");
    for line in text.lines().filter(is_row) {
        rows += 1;
        let cells: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [_, _, _, tests] = cells[..] else {
            problems.push(format!("not four cells: {line}"));
            continue;
        };
        let names: Vec<_> = tests.split('`').skip(1).step_by(2).collect();
        if names.is_empty() && !tests.starts_with("none:") {
            problems.push(format!("neither test nor reason: {line}"));
        }
        for name in names {
            if !known.contains(name) {
                problems.push(format!("no test `{name}`: {line}"));
            }
        }
    }
    assert!(rows >= 90, "{rows} rows");
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
