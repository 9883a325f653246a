//! The committed reports are what cutline prints now.

use std::fs;
use std::path::Path;

use cutline_analyzer::report::{Format, Style, render};
use cutline_analyzer::{Catalog, Options, SourceOptions, SourceTree, analyze};

/// `UPDATE_REPORTS=1 cargo test --test e2e reports` writes them anew.
#[test]
fn committed_reports_are_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let options = Options {
        catalog: Catalog::built_in(),
        pins: Vec::new(),
    };
    let mut n_reports = 0;
    for fixture in fs::read_dir(root.join("fixtures")).expect("fixtures is a folder") {
        let path = fixture.expect("an entry can be read").path();
        if !path.join("truth.toml").is_file() {
            continue;
        }
        let tree = SourceTree::read(&path, &SourceOptions::default()).expect("a fixture reads");
        let report = analyze(&tree, &options);
        let text = render(&report, Format::Markdown, &Style::default());
        let again = render(
            &analyze(&tree, &options),
            Format::Markdown,
            &Style::default(),
        );
        assert!(text == again, "{} gives the same bytes twice", tree.name);
        let committed = root.join("reports").join(&report.name).join("report.md");
        if std::env::var_os("UPDATE_REPORTS").is_some() {
            fs::create_dir_all(committed.parent().expect("it has a folder")).expect("it is made");
            fs::write(&committed, &text).expect("it is written");
        }
        let known = fs::read_to_string(&committed).unwrap_or_default();
        assert!(
            known == text,
            "{} is not what cutline prints now; UPDATE_REPORTS=1 cargo test --test e2e reports writes it",
            committed.display()
        );
        n_reports += 1;
    }
    assert!(n_reports >= 3, "every fixture has a report");
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
