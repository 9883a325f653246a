//! The fixtures really run: each passes its own tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support;

fn fixtures(marker: &str) -> Vec<PathBuf> {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut fixtures: Vec<_> = fs::read_dir(all)
        .expect("the fixtures are checked out")
        .flatten()
        .map(|entry| entry.path())
        .filter(|fixture| fixture.join(marker).exists())
        .collect();
    fixtures.sort();
    assert!(!fixtures.is_empty(), "no fixture holds a {marker}");
    fixtures
}

#[test]
fn python_fixtures_pass_their_own_tests() {
    for fixture in fixtures("requirements.txt") {
        let python = support::python_env(&fixture.join("requirements.txt"));
        support::run(
            Command::new(python)
                .args(["-m", "pytest", "-q", "-p", "no:cacheprovider"])
                .env("PYTHONDONTWRITEBYTECODE", "1")
                .current_dir(&fixture),
            &format!("{} does not pass its own tests", fixture.display()),
        );
    }
}

#[test]
fn rust_fixtures_pass_their_own_tests() {
    for fixture in fixtures("Cargo.toml") {
        let name = fixture.file_name().unwrap();
        support::run(
            Command::new(env!("CARGO"))
                .args(["test", "--quiet", "--locked"])
                .env(
                    "CARGO_TARGET_DIR",
                    support::target().join("test-env").join(name),
                )
                .current_dir(&fixture),
            &format!("{} does not pass its own tests", fixture.display()),
        );
    }
}
