//! `docs/runtime.md` says what is so: its files are checked, its commands run.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there"
)]

use std::fs;
use std::path::Path;

use crate::behind_the_proxy::{fixture, flask};
use crate::support;
use crate::support::eventually;
use crate::support::page::{Running, Typing, blocks, says_so, steps};
use crate::support::service::cutline;

const PAGE: &str = include_str!("../../docs/runtime.md");

/// What stands under a heading.
fn section(heading: &str) -> &'static str {
    let (_, rest) = PAGE.split_once(&format!("\n## {heading}\n")).unwrap();
    rest.split("\n## ").next().unwrap()
}

/// A pipeline that listens where there is room.
pub(crate) fn anywhere(text: &str) -> String {
    format!("[serve]\nlisten = \"127.0.0.1:0\"\n\n{text}")
}

#[test]
fn every_pipeline_on_the_page_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("functions.toml");
    let pipelines = blocks(PAGE, "toml").into_iter();
    let mut pipelines = pipelines.filter(|text| !text.contains("[function.labeling]"));
    let first = pipelines.next().unwrap();
    let mut n_pipelines = 0;
    for text in [first].into_iter().chain(pipelines) {
        // A block of faces alone is of the first pipeline.
        let whole = match text.contains("[function.") {
            true => text.to_owned(),
            false => format!("{first}{text}"),
        };
        fs::write(&file, whole).unwrap();
        let mut functions = cutline();
        functions.args(["functions", "--config"]).arg(&file);
        support::run(&mut functions, &format!("it is refused:\n{text}"));
        n_pipelines += 1;
    }
    assert!(n_pipelines > 0);
}

#[test]
fn every_key_on_the_page_is_one() {
    let pipelines = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/pipelines");
    let mut functions = cutline();
    functions
        .args(["functions", "--config"])
        .arg(pipelines.join("every_key.toml"));
    support::run(&mut functions, "a key is refused");
}

#[test]
fn the_page_shows_the_example_as_it_is() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/custom_stage");
    for file in ["functions.toml", "src/labeling.rs", "src/main.rs"] {
        let text = fs::read_to_string(example.join(file)).unwrap();
        assert!(
            PAGE.contains(&format!("\n{text}```\n")),
            "{file} is another"
        );
    }
}

#[test]
fn the_first_pipeline_runs_as_the_page_says() {
    let folder = tempfile::tempdir().unwrap();
    let (first, import) = (
        section("The first pipeline"),
        section("Inference first: `import-model`"),
    );
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("functions.toml", &anywhere(blocks(first, "toml")[0]));
    write("train.py", blocks(import, "python")[0]);
    let mut terminal = Terminal::new(folder.path());
    for block in [blocks(first, "console"), blocks(import, "console")].concat() {
        for (command, says) in steps(block) {
            terminal.follow(command, says);
        }
    }
}

/// Where somebody types what is on the page.
struct Terminal {
    typing: Typing,
    running: Option<(Running, String)>,
}

impl Terminal {
    fn new(folder: &Path) -> Terminal {
        Terminal {
            typing: Typing::with(folder, &flask()).env("PYTHONPATH", fixture()),
            running: None,
        }
    }

    fn follow(&mut self, command: &str, says: &str) {
        if command == "cutline run" {
            let running = self.typing.starts("exec cutline run", "run");
            let url = running.address("clients: ");
            let shown = says.replace("http://127.0.0.1:7070", &url);
            assert!(running.said(shown.trim_end()), "it does not say {shown}");
            eventually("a version serves", || {
                running.said("serves function=\"inference\" version=\"v1\"")
            });
            self.running = Some((running, url));
            return;
        }
        if command.starts_with("cutline ") {
            self.stop();
        }
        let url = self.running.as_ref().map_or("", |(_, url)| url);
        let typed = command.replace("http://127.0.0.1:7070", url);
        says_so(command, says, &self.typing.says(&typed));
    }

    /// Ends what runs, once the message that cannot be worked on was given up.
    fn stop(&mut self) {
        if let Some((running, _)) = self.running.take() {
            eventually("it is given up", || {
                running.said("the message is in raw-arrived-poison")
            });
            running.end();
        }
    }
}
