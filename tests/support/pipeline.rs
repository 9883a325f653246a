//! A small pipeline through all stages, run by `cutline run`, from rows that
//! need no Python.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there"
)]

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};

use tempfile::TempDir;

use super::service::{ask, cutline};
use super::{eventually, run};

const FILE: &str = r#"
[serve]
listen = "127.0.0.1:0"

[function.ingestion]
trigger = { queue = "raw-arrived" }
input   = { blob = "{name}.csv" }
output  = { artifact = "customers", queue = "customers-ready" }

[function.preprocessing]
trigger = { queue = "customers-ready" }
input   = { artifact = "customers" }
output  = { artifact = "features", queue = "features-ready" }
label   = "churned"
ids     = ["customer_id"]
step    = [{ kind = "split", by = "time", column = "customer_id", test = 0.25 }]

[function.training]
trigger = { queue = "features-ready" }
input   = { artifact = "features-train" }
output  = { artifact = "model", queue = "model-trained" }
label   = "churned"
ids     = ["customer_id"]
model   = { kind = "gaussian-naive-bayes" }

[function.evaluation]
trigger = { queue = "model-trained" }
input   = { model = { artifact = "model" }, test = { artifact = "features-test" } }
output  = { artifact = "evaluation", queue = "model-evaluated" }

[function.deployment]
trigger = { queue = "model-evaluated" }
output  = { alias = "churn@champion" }

[function.deployment.input]
model      = { artifact = "model" }
transform  = { artifact = "features-transform" }
evaluation = { artifact = "evaluation" }

[function.inference]
trigger = { http = true }
input   = { model = { model = "churn@champion" } }

[[http]]
route    = "POST /predict"
function = "inference"
request  = { optional = ["churned"] }
response = { "/label" = "/labels/0", "/version" = "/model/version" }

[[http]]
route    = "POST /pipeline/run"
function = "ingestion"
"#;

/// The stages that a message goes through, in order.
pub(crate) const STAGES: [&str; 5] = [
    "ingestion",
    "preprocessing",
    "training",
    "evaluation",
    "deployment",
];

/// Rows of `may.csv`.
pub(crate) const ROWS: usize = 80;

/// A folder with `functions.toml` and `incoming/may.csv`.
pub(crate) struct Home(TempDir);

impl Home {
    /// With `more` behind what the file says.
    pub(crate) fn new(more: &str) -> Home {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("functions.toml"), FILE.to_owned() + more).unwrap();
        fs::create_dir(folder.path().join("incoming")).unwrap();
        let home = Home(folder);
        home.comes("may", |row| 20 + row * 7 % 50);
        home
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Rows come in under a name, with an age each.
    pub(crate) fn comes(&self, name: &str, age: impl Fn(usize) -> usize) {
        let row = |row: usize| format!("{row},{},{}\n", age(row), u8::from(row.is_multiple_of(3)));
        let rows: String = (0..ROWS).map(row).collect();
        let file = self.path().join(format!("incoming/{name}.csv"));
        fs::write(file, "customer_id,age,churned\n".to_owned() + &rows).unwrap();
    }

    /// A command in this folder.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = cutline();
        command.args(args).current_dir(self.path());
        command
    }

    /// What such a command prints.
    pub(crate) fn says(&self, args: &[&str]) -> String {
        let said = run(&mut self.command(args), "it was not done").stdout;
        String::from_utf8_lossy(&said).into_owned()
    }

    /// `cutline run`, once it answers.
    pub(crate) fn run(&self, args: &[&str], environment: &[(&str, &str)]) -> Running {
        let mut command = self.command(&["run"]);
        command.args(args).envs(environment.iter().copied());
        self.started(command)
    }

    /// A command that ends in `cutline run`, once that answers.
    pub(crate) fn started(&self, mut command: Command) -> Running {
        let log = self.path().join("run.log");
        let child = command.stderr(File::create(&log).unwrap()).spawn().unwrap();
        let mut running = Running {
            child,
            log,
            address: ([0, 0, 0, 0], 0).into(),
        };
        eventually("it answers", || {
            let log = running.log();
            let ended = running.child.try_wait().unwrap();
            assert!(ended.is_none(), "it ended: {log}");
            let Some((_, url)) = log.split_once("clients: http") else {
                return false;
            };
            let url = url.trim_start_matches("s").trim_start_matches("://");
            let address = url.split_once('\n').map(|(address, _)| address.parse());
            if let Some(Ok(address)) = address {
                running.address = address;
            }
            address.is_some()
        });
        running
    }
}

/// `cutline run`; killed when dropped.
pub(crate) struct Running {
    child: Child,
    log: PathBuf,
    pub(crate) address: SocketAddr,
}

impl Running {
    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Posts JSON.
    pub(crate) fn post(&self, path: &str, fields: &str, body: &str) -> (u16, String) {
        let length = body.len();
        let fields = format!("content-length: {length}\r\n{fields}");
        ask(self.address, &format!("POST {path}"), &fields, body)
    }

    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        ask(self.address, &format!("GET {path}"), "", "")
    }

    /// What it has logged by now.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Waits until its log has so many lines with `words`, and returns them.
    pub(crate) fn says(&self, n: usize, words: &str) -> Vec<String> {
        let mut said = Vec::new();
        eventually(words, || {
            let log = self.log();
            let lines = log.lines().filter(|line| line.contains(words));
            said = lines.map(str::to_owned).collect();
            said.len() >= n
        });
        said
    }

    /// Ends it as a supervisor does.
    pub(crate) fn end(mut self) -> ExitStatus {
        let id = self.child.id().to_string();
        run(Command::new("kill").args(["-TERM", &id]), "no such process");
        self.child.wait().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
