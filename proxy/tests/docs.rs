//! What the documents say is so.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use cutline_proxy::metrics::{FIGURES, Figure, FigureKind};
use cutline_proxy::{Proxy, RoutesFile};

fn docs(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../docs")
        .join(name)
}

fn read(name: &str) -> String {
    fs::read_to_string(docs(name)).unwrap_or_default()
}

/// `UPDATE_SCHEMA=1 cargo test -p cutline-proxy --test docs` writes it anew.
#[test]
fn the_schema_is_current() {
    let schema = RoutesFile::schema();
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        fs::write(docs("routes.schema.json"), &schema).unwrap();
    }
    assert!(
        read("routes.schema.json") == schema,
        "docs/routes.schema.json is old; UPDATE_SCHEMA=1 cargo test -p cutline-proxy --test docs writes it"
    );
}

/// A block that names no listener is a part of a file.
#[test]
fn every_example_is_a_right_file() {
    let rest = "listen = \"127.0.0.1:0\"\n[monolith]\nupstream = \"http://127.0.0.1:1\"\n";
    let pages = [("proxy.md", 4), ("compare.md", 3), ("rollout.md", 3)];
    for (name, least) in pages {
        let page = read(name);
        let mut n_examples = 0;
        for block in page.split("```toml\n").skip(1) {
            let example = block.split("```").next().unwrap();
            let text = match example.contains("[monolith]") {
                true => example.to_owned(),
                false => format!("{rest}{example}"),
            };
            if let Err(problem) = RoutesFile::check(&text, named_file) {
                panic!("{name}: {problem}\n{text}");
            }
            n_examples += 1;
        }
        assert!(n_examples >= least, "{name}: {n_examples}");
    }
}

/// A key, or descriptors of one message, scoring.v1.Answer.
fn named_file(path: &std::path::Path) -> std::io::Result<Vec<u8>> {
    Ok(match path.extension() {
        Some(_) if path.ends_with("scoring.binpb") => {
            b"\x0a\x1f\x0a\x07a.proto\x12\x0ascoring.v1\x22\x08\x0a\x06Answer".to_vec()
        }
        _ => vec![b'k'; 32],
    })
}

/// Each comparator is described, and no other.
#[test]
fn every_comparator_is_documented() {
    let page = read("compare.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `\""));
    let mut rows: Vec<_> = rows.filter_map(|row| row.split('"').next()).collect();
    rows.sort_unstable();
    let names: Vec<_> = cutline_proxy::compare::Rules::comparators().collect();
    assert_eq!(rows, names);
}

/// Each way to name a key is one.
#[test]
fn every_key_is_one() {
    let page = read("proxy.md");
    let table = page.split("| `sticky =` |").nth(1).unwrap();
    let mut n_keys = 0;
    for line in table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'))
    {
        let key = line.split('`').nth(1).unwrap();
        let text = format!(
            "listen = \"127.0.0.1:0\"\n[monolith]\nupstream = \"http://127.0.0.1:1\"\n[stage.a]\nroutes = [\"GET /\"]\nsticky = {key}\n"
        );
        RoutesFile::check(&text, |_| Ok(Vec::new())).unwrap();
        n_keys += 1;
    }
    assert_eq!(n_keys, 8);
}

/// As it stands in the table.
fn row(figure: &Figure) -> String {
    let (name, labels, what) = (figure.prometheus, figure.labels.join(", "), figure.what);
    format!("| `{name}` | {labels} | {what} |").replace("|  |", "| |")
}

#[test]
fn every_figure_is_documented_and_no_other() {
    let page = read("proxy.md");
    let table = page
        .split("| metric | labels | |\n|---|---|---|\n")
        .nth(1)
        .unwrap();
    let rows: Vec<_> = table
        .lines()
        .take_while(|line| line.starts_with('|'))
        .collect();
    let wanted: Vec<_> = FIGURES.iter().map(row).collect();
    assert_eq!(
        rows,
        wanted,
        "docs/proxy.md is to say:\n{}",
        wanted.join("\n")
    );
}

/// What counts knows no other than what is listed.
#[test]
fn what_is_shown_is_listed() {
    let text = "listen = \"127.0.0.1:0\"\n[monolith]\nupstream = \"http://127.0.0.1:1\"\n[stage.a]\nroutes = [\"GET /\"]\n";
    let config = RoutesFile::check(text, |_| Ok(Vec::new())).unwrap();
    let running = Proxy::bind(config).unwrap().start(1).unwrap();
    let metrics = running.metrics();
    running.stop();
    let shown = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "));
    let shown: BTreeSet<_> = shown.filter_map(|line| line.split(' ').next()).collect();
    for figure in FIGURES {
        // What was never measured has no buckets, and may not be shown.
        let is_shown = shown.contains(figure.prometheus) || figure.kind == FigureKind::Histogram;
        assert!(is_shown, "{}", figure.prometheus);
    }
    for name in shown {
        let mut listed = FIGURES.iter();
        assert!(listed.any(|figure| figure.prometheus == name), "{name}");
    }
    for line in metrics.lines().filter(|line| !line.starts_with('#')) {
        let Some((name, labels)) = line.split_once('{') else {
            continue;
        };
        let is_of = |figure: &&Figure| match figure.kind {
            FigureKind::Histogram => name.starts_with(figure.prometheus),
            _ => name == figure.prometheus,
        };
        let figure = FIGURES.iter().find(is_of).unwrap();
        let labels = labels
            .split("=\"")
            .map(|part| part.rsplit([',', '"']).next().unwrap());
        let labels: Vec<_> = labels.take(figure.labels.len()).collect();
        assert_eq!(labels, figure.labels, "{line}");
    }
}
