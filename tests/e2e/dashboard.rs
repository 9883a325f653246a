//! The page of the admin interface, as a person uses it: in a real browser, of
//! a real proxy. Each file of `dashboard/` is a scenario; pictures of what it
//! looked like are left in `target/tmp/dashboard`.

#[cfg(feature = "analyzer")]
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support;
#[cfg(feature = "analyzer")]
use cutline_analyzer::report::{Format, Style, render};
#[cfg(feature = "analyzer")]
use cutline_analyzer::{Catalog, Options, SourceOptions, SourceTree, analyze};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/dashboard")
}

fn play(scenario: &str) {
    support::run(
        Command::new("node")
            .arg(folder().join(scenario).with_extension("mjs"))
            .arg(env!("CARGO_BIN_EXE_cutline"))
            .args([support::chromium(), support::axe()])
            .arg(support::target().join("tmp/dashboard")),
        "the scenario failed",
    );
}

#[test]
fn who_knows_the_token_sees_the_board_and_nobody_else() {
    play("login");
}

#[test]
fn the_page_follows_changes_and_makes_them() {
    play("changes");
}

#[test]
fn everything_can_be_done_by_keyboard() {
    play("keyboard");
}

#[test]
fn every_state_is_legible_to_everybody() {
    play("looks");
}

#[test]
fn what_comes_from_outside_is_shown_as_text() {
    play("hostile");
}

#[test]
fn figures_are_written_and_answers_compared_without_a_digit_lost() {
    play("words");
}

#[test]
fn a_proxy_that_goes_and_returns_is_followed() {
    play("gone");
}

/// A stage has the same accent here as in the analyzer's report.
#[cfg(feature = "analyzer")]
#[test]
fn accents_are_those_of_the_report() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tree = SourceTree::read(&root.join("fixtures/iris_axum"), &SourceOptions::default());
    let options = Options {
        catalog: Catalog::built_in(),
        pins: Vec::new(),
    };
    let found = analyze(&tree.expect("a fixture reads"), &options);
    let report = render(&found, Format::Html, &Style::default());
    let page = root.join("proxy/src/admin/page/page.css");
    let page = fs::read_to_string(page).expect("the page has a style sheet");
    let mut n_accents = 0;
    for stage in [
        "ingestion",
        "preprocessing",
        "training",
        "evaluation",
        "deployment",
        "inference",
        "monitoring",
        "shared",
    ] {
        let rule = format!("[data-stage=\"{stage}\"]{{--accent:");
        let colours: Vec<_> = report.split(&rule).skip(1).map(|rest| &rest[..7]).collect();
        let [light, dark] = colours[..] else {
            panic!("{stage}: {colours:?}");
        };
        let own = format!("[data-accent=\"{stage}\"] {{ --accent: light-dark({light}, {dark}); }}");
        assert!(page.contains(&own), "{own}");
        n_accents += 1;
    }
    assert_eq!(page.matches("[data-accent=").count(), n_accents);
}
