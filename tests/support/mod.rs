//! What tests need from outside, made once under `target/test-env/`.
//!
//! Each environment is a folder named by the hash of what it is made from. It
//! is built behind a file lock, so that several test binaries may ask for it
//! at once, and marked when complete, so that a build that was cut off is never
//! taken for a finished one.
//!
//! Whatever is missing (Python, Node, the registry) fails the test with a
//! message that says so; nothing is skipped.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) use environment::{environment, eventually, install, npm, run, target, within_a_minute};

pub(crate) mod asking;
#[cfg(feature = "azure")]
pub(crate) mod azurite;
#[cfg(all(unix, feature = "azure"))]
pub(crate) mod cloud;
pub(crate) mod collector;
mod environment;
#[cfg(feature = "azure")]
pub(crate) mod faulty;
#[cfg(feature = "runtime")]
pub(crate) mod overlay;
pub(crate) mod page;
#[cfg(feature = "runtime")]
pub(crate) mod pipeline;
#[cfg(all(unix, feature = "runtime"))]
pub(crate) mod postgres;
pub(crate) mod service;

/// Exact versions: a new browser draws other pixels.
const BROWSER_PACKAGES: [&str; 2] = ["@sparticuz/chromium@147.0.0", "playwright-core@1.65.1"];

/// What finds barriers in a page.
const AXE: &str = "axe-core@4.14.1";

/// The Python interpreter of a virtual environment with the clients that tests
/// ask with: `requests`, `httpx`, `websockets`, `grpcio`.
pub(crate) fn clients() -> PathBuf {
    let requirements = "tests/support/requirements.txt";
    let curl = run(
        Command::new("curl").arg("--version"),
        "these tests need curl; on Debian it is the package curl",
    );
    let curl = String::from_utf8_lossy(&curl.stdout).into_owned();
    let http2 = curl.split_whitespace().any(|word| word == "HTTP2");
    assert!(http2, "these tests need a curl that speaks HTTP/2:\n{curl}");
    python_env(&Path::new(env!("CARGO_MANIFEST_DIR")).join(requirements))
}

/// The Python interpreter of a virtual environment with `requirements`
/// installed.
pub(crate) fn python_env(requirements: &Path) -> PathBuf {
    let (python, version) = python();
    let wanted = fs::read_to_string(requirements)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", requirements.display()));
    let env = environment("python", &(&wanted, &version), |folder| {
        run(
            Command::new(python).args(["-m", "venv"]).arg(folder),
            "cannot make a virtual environment; on Debian it needs the package python3-venv",
        );
        run(
            Command::new(bin(folder, "python"))
                .args(["-m", "pip", "install", "--quiet", "--no-input"])
                .args(["--disable-pip-version-check", "--requirement"])
                .arg(requirements),
            "pip cannot install the requirements; is the package registry reachable?",
        );
    });
    bin(&env, "python")
}

fn bin(env: &Path, program: &str) -> PathBuf {
    env.join(if cfg!(windows) { "Scripts" } else { "bin" })
        .join(program)
}

/// A Python of at least 3.11, and its version.
fn python() -> (&'static str, String) {
    const ASK: &str = "import sys; print('%d.%d.%d' % sys.version_info[:3]); \
                       sys.exit(sys.version_info < (3, 11))";
    let names = [
        "python3",
        "python3.11",
        "python3.12",
        "python3.13",
        "python",
    ];
    names
        .into_iter()
        .find_map(|name| {
            let output = Command::new(name).args(["-c", ASK]).output().ok()?;
            let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            output.status.success().then_some((name, version))
        })
        .unwrap_or_else(|| panic!("these tests need Python 3.11 or later; none of {names:?} is"))
}

/// What a browser made of a page.
#[derive(Debug)]
pub(crate) struct Page {
    /// Errors on the page's console, and exceptions nothing caught.
    pub(crate) console_errors: Vec<String>,
    /// Requests to anything but files and data URLs.
    pub(crate) requests: Vec<String>,
    /// What the script evaluated on the page returned.
    pub(crate) result: serde_json::Value,
}

/// Opens the file `page` in headless Chromium at the given size, saves a
/// picture of all of it to `picture`, and returns what `script`, a JavaScript
/// expression, evaluates to there.
pub(crate) fn screenshot(
    page: &Path,
    picture: &Path,
    (width, height): (u32, u32),
    script: &str,
) -> Page {
    let env = chromium();
    let output = run(
        Command::new("node")
            .arg(screenshot_program())
            .args([&env, page, picture])
            .args([width.to_string(), height.to_string()])
            .arg(script),
        "headless Chromium failed",
    );
    let told: serde_json::Value =
        serde_json::from_slice(&output.stdout).expect("screenshot.mjs prints JSON");
    let texts = |key: &str| {
        let texts = told[key].as_array().into_iter().flatten();
        texts.map(|text| text.to_string()).collect()
    };
    Page {
        console_errors: texts("console_errors"),
        requests: texts("requests"),
        result: told["result"].clone(),
    }
}

/// A folder whose `node_modules` hold a headless Chromium and what drives it.
pub(crate) fn chromium() -> PathBuf {
    let version = run(
        Command::new("node").arg("--version"),
        "these tests need Node.js 20.11 or later as `node`, and its `npm`",
    );
    environment("chromium", &(BROWSER_PACKAGES, version.stdout), |folder| {
        fs::create_dir_all(folder.join("tmp")).expect("the target folder can be written");
        install(folder, &BROWSER_PACKAGES);
        run(
            Command::new("node").arg(screenshot_program()).arg(folder),
            "Chromium cannot be unpacked",
        );
    })
}

/// A folder whose `node_modules` hold axe-core.
pub(crate) fn axe() -> PathBuf {
    npm("axe", &[AXE])
}

fn screenshot_program() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/screenshot.mjs")
}
