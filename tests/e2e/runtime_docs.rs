//! `docs/runtime.md` says what is so: its files are checked, its commands run.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there"
)]

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use crate::behind_the_proxy::{fixture, flask};
use crate::support;
use crate::support::eventually;
use crate::support::service::cutline;

const PAGE: &str = include_str!("../../docs/runtime.md");

/// The texts of a language's blocks on a part of the page.
fn blocks<'a>(part: &'a str, language: &str) -> Vec<&'a str> {
    let begin = format!("```{language}\n");
    let blocks = part.split(&begin).skip(1);
    blocks
        .map(|rest| rest.split_once("```").unwrap().0)
        .collect()
}

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
        for step in block.split("$ ").skip(1) {
            let (command, says) = step.split_once('\n').unwrap();
            terminal.follow(command, says);
        }
    }
}

/// Where somebody types what is on the page.
struct Terminal<'a> {
    folder: &'a Path,
    path: OsString,
    running: Option<Running>,
}

/// A pipeline that runs until it is dropped.
struct Running {
    child: Child,
    log: PathBuf,
    url: String,
}

impl<'a> Terminal<'a> {
    fn new(folder: &'a Path) -> Terminal<'a> {
        let python = flask();
        let programs = [Path::new(env!("CARGO_BIN_EXE_cutline")), &python];
        let ours = programs.map(|program| program.parent().unwrap().to_owned());
        let others = env::var_os("PATH").unwrap();
        Terminal {
            folder,
            path: env::join_paths(ours.into_iter().chain(env::split_paths(&others))).unwrap(),
            running: None,
        }
    }

    fn follow(&mut self, command: &str, says: &str) {
        if command == "cutline run" {
            let running = Running::start(self.folder);
            let shown = says.replace("http://127.0.0.1:7070", &running.url);
            assert!(running.said(shown.trim_end()), "it does not say {shown}");
            eventually("a version serves", || {
                running.said("serves function=\"inference\" version=\"v1\"")
            });
            self.running = Some(running);
            return;
        }
        if command.starts_with("cutline ") {
            self.stop();
        }
        let url = self.running.as_ref().map_or("", |running| &running.url);
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &command.replace("http://127.0.0.1:7070", url)])
            .current_dir(self.folder)
            .env("PATH", &self.path)
            .envs([("PYTHONPATH", fixture())])
            .envs([("PYTHONDONTWRITEBYTECODE", "1"), ("NO_COLOR", "1")]);
        let said = support::run(&mut shell, "what is on the page fails").stdout;
        let said = String::from_utf8(said).unwrap();
        assert!(
            fits(says, &said),
            "{command}\nsays on the page\n{says}\nand here\n{said}"
        );
    }

    /// Ends what runs, once the message that cannot be worked on was given up.
    fn stop(&mut self) {
        if let Some(mut running) = self.running.take() {
            eventually("it is given up", || {
                running.said("the message is in raw-arrived-poison")
            });
            running.end();
        }
    }
}

impl Running {
    fn start(folder: &Path) -> Running {
        let log = folder.join("run.log");
        let mut run = cutline();
        run.arg("run").current_dir(folder);
        let mut running = Running {
            child: run.stderr(File::create(&log).unwrap()).spawn().unwrap(),
            log,
            url: String::new(),
        };
        eventually("it says where it listens", || {
            let said = fs::read_to_string(&running.log).unwrap();
            let line = said.lines().find_map(|line| line.split_once("clients: "));
            running.url = line.map(|(_, url)| url.to_owned()).unwrap_or_default();
            said.contains("clients: ") && said.ends_with('\n')
        });
        running
    }

    fn said(&self, text: &str) -> bool {
        fs::read_to_string(&self.log).unwrap().contains(text)
    }

    fn end(&mut self) {
        let id = self.child.id().to_string();
        support::run(Command::new("kill").args(["-TERM", &id]), "no such process");
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether this was said, with anything where `…` stands.
fn fits(expected: &str, said: &str) -> bool {
    let plain = |text: &str| {
        text.lines()
            .map(str::trim_end)
            .collect::<Vec<_>>()
            .join("\n")
    };
    let (expected, said) = (plain(expected.trim_end()), plain(said.trim_end()));
    let mut parts = expected.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = said.strip_prefix(first) else {
        return false;
    };
    for part in parts {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty()
}
