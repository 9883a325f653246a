//! The Python fixtures really run: each passes its own tests. Those in Rust
//! are members of the workspace, so that their tests are among its tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support;

fn fixtures() -> Vec<PathBuf> {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut fixtures: Vec<_> = fs::read_dir(all)
        .expect("the fixtures are checked out")
        .flatten()
        .map(|entry| entry.path())
        .filter(|fixture| fixture.join("requirements.txt").exists())
        .collect();
    fixtures.sort();
    assert!(!fixtures.is_empty(), "no fixture holds a requirements.txt");
    fixtures
}

#[test]
fn python_fixtures_pass_their_own_tests() {
    for fixture in fixtures() {
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
