//! The committed reports are what cutline prints now.

use std::fs;
use std::path::Path;

use crate::support::{self, service::cutline};
use cutline_analyzer::report::{Format, Style, render};
use cutline_analyzer::{Catalog, Options, SourceOptions, SourceTree, analyze};

/// `UPDATE_REPORTS=1 cargo test --test e2e reports` writes them anew.
#[test]
fn committed_reports_are_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut n_reports = 0;
    for fixture in fs::read_dir(root.join("fixtures")).expect("fixtures is a folder") {
        let path = fixture.expect("an entry can be read").path();
        if !path.join("truth.toml").is_file() {
            continue;
        }
        let tree = SourceTree::read(&path, &SourceOptions::default()).expect("a fixture reads");
        let text = reported(&tree);
        assert!(
            text == reported(&tree),
            "{} gives the same bytes twice",
            tree.name
        );
        compare(&tree.name, &text);
        n_reports += 1;
    }
    assert!(n_reports >= 3, "every fixture has a report");
}

/// cutline on itself, as `cutline analyze .` reads it.
#[test]
fn the_report_of_cutline_is_current() {
    let mut command = cutline();
    command
        .args(["analyze", ".", "--format", "markdown"])
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    let done = support::run(&mut command, "cutline does not read itself");
    compare("cutline", &String::from_utf8_lossy(&done.stdout));
}

fn reported(tree: &SourceTree) -> String {
    let options = Options {
        catalog: Catalog::built_in(),
        pins: Vec::new(),
    };
    render(
        &analyze(tree, &options),
        Format::Markdown,
        &Style::default(),
    )
}

fn compare(name: &str, text: &str) {
    let reports = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports");
    let committed = reports.join(name).join("report.md");
    if std::env::var_os("UPDATE_REPORTS").is_some() {
        fs::create_dir_all(committed.parent().expect("it has a folder")).expect("it is made");
        fs::write(&committed, text).expect("it is written");
    }
    let known = fs::read_to_string(&committed).unwrap_or_default();
    assert!(
        known == text,
        "{} is not what cutline prints now; UPDATE_REPORTS=1 cargo test --test e2e reports writes it",
        committed.display()
    );
}

/// The page of a real report runs in a browser without an error, and asks the
/// network for nothing.
#[test]
fn the_page_of_a_report_stands_alone() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/churn_flask");
    let options = Options {
        catalog: Catalog::built_in(),
        pins: Vec::new(),
    };
    let tree = SourceTree::read(&path, &SourceOptions::default()).expect("a fixture reads");
    let page = render(&analyze(&tree, &options), Format::Html, &Style::default());
    let folder = support::target().join("tmp/report");
    fs::create_dir_all(&folder).expect("target can be written");
    let file = folder.join("index.html");
    fs::write(&file, page).expect("target can be written");

    for size in [(1440, 900), (390, 844)] {
        let picture = folder.join(format!("{}.png", size.0));
        let script = "[document.querySelector('h1').innerText, \
            document.documentElement.scrollWidth <= window.innerWidth].join(' ')";
        let seen = support::screenshot(&file, &picture, size, script);

        assert_eq!(seen.result, "churn_flask true");
        assert!(seen.requests.is_empty(), "{:?}", seen.requests);
        assert!(seen.console_errors.is_empty(), "{:?}", seen.console_errors);
    }
}

/// analyzer, proxy and runtime never import each other.
#[test]
fn the_three_libraries_do_not_know_each_other() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for library in ["analyzer", "proxy", "runtime"] {
        let manifest = root.join(library).join("Cargo.toml");
        let text = fs::read_to_string(manifest).expect("a library has a manifest");
        let manifest: toml::Table = toml::from_str(&text).expect("a manifest is TOML");
        let tables = ["dependencies", "dev-dependencies", "build-dependencies"];
        for name in tables
            .iter()
            .filter_map(|table| manifest.get(*table)?.as_table())
        {
            let known: Vec<_> = name
                .keys()
                .filter(|key| key.starts_with("cutline"))
                .collect();
            assert!(known.is_empty(), "{library} depends on {known:?}");
        }
    }
}
