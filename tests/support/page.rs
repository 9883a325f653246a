//! Pages whose commands are typed as they stand there, by real shells.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU16, Ordering};

use super::{eventually, run, within_a_minute};

/// The texts of a language's blocks on a part of a page.
pub(crate) fn blocks<'a>(part: &'a str, language: &str) -> Vec<&'a str> {
    let begin = format!("```{language}\n");
    let blocks = part.split(&begin).skip(1);
    blocks
        .map(|rest| rest.split_once("```").expect("a block ends").0)
        .collect()
}

/// The commands of a console's block, each with what it says.
pub(crate) fn steps(console: &str) -> impl Iterator<Item = (&str, &str)> {
    let steps = console.split("$ ").skip(1);
    steps.map(|step| step.split_once('\n').expect("a command ends its line"))
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
    let mut ends_open = false;
    for part in parts {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
        ends_open = part.is_empty();
    }
    ends_open || rest.is_empty()
}

/// Fails unless a command says what the page says.
#[track_caller]
pub(crate) fn says_so(command: &str, page: &str, said: &str) {
    assert!(
        fits(page, said),
        "{command}\nsays on the page\n{page}\nand here\n{said}"
    );
}

/// Fails unless a command says so within a minute.
#[track_caller]
pub(crate) fn eventually_says(command: &str, page: &str, mut said: impl FnMut() -> String) {
    let mut last = String::new();
    let fitted = within_a_minute(|| {
        last = said();
        fits(page, &last)
    });
    if !fitted {
        says_so(command, page, &last);
    }
}

/// A folder in which somebody types.
pub(crate) struct Typing {
    folder: PathBuf,
    path: OsString,
    env: Vec<(&'static str, OsString)>,
}

impl Typing {
    /// With cutline and this Python on the path.
    pub(crate) fn with(folder: &Path, python: &Path) -> Typing {
        let programs = [Path::new(env!("CARGO_BIN_EXE_cutline")), python];
        let ours = programs.map(|program| program.parent().expect("it is in a folder").to_owned());
        let others = env::var_os("PATH").unwrap_or_default();
        let path = env::join_paths(ours.into_iter().chain(env::split_paths(&others)));
        Typing {
            folder: folder.to_owned(),
            path: path.expect("no folder's name holds a colon"),
            env: [
                ("NO_COLOR", "1"),
                ("PYTHONDONTWRITEBYTECODE", "1"),
                ("PYTHONUNBUFFERED", "1"),
            ]
            .map(|(name, value)| (name, value.into()))
            .into(),
        }
    }

    pub(crate) fn env(mut self, name: &'static str, value: impl Into<OsString>) -> Typing {
        self.env.push((name, value.into()));
        self
    }

    fn shell(&self, command: &str) -> Command {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", command])
            .current_dir(&self.folder)
            .env("PATH", &self.path)
            .envs(self.env.iter().map(|(name, value)| (name, value)));
        shell
    }

    /// What it says until its end, which has to be a good one.
    pub(crate) fn says(&self, command: &str) -> String {
        let said = run(&mut self.shell(command), "what is on the page fails");
        String::from_utf8(said.stdout).expect("it says text")
    }

    /// Lets it run on, in a terminal of its own.
    pub(crate) fn starts(&self, command: &str, name: &str) -> Running {
        let log = self.folder.join(format!("{name}.log"));
        let _ = fs::remove_file(&log);
        // Both at its end, wherever the other one is.
        let open = || File::options().create(true).append(true).open(&log);
        let (stdout, stderr) = open()
            .and_then(|stdout| Ok((stdout, open()?)))
            .expect("the folder can be written");
        let mut shell = self.shell(command);
        let child = own_group(&mut shell).stdout(stdout).stderr(stderr).spawn();
        Running {
            child: child.expect("there is a shell"),
            log,
        }
    }
}

/// Signals reach what the shell started, too.
#[cfg(unix)]
fn own_group(command: &mut Command) -> &mut Command {
    std::os::unix::process::CommandExt::process_group(command, 0)
}

#[cfg(not(unix))]
fn own_group(command: &mut Command) -> &mut Command {
    command
}

/// What runs until it is ended or dropped.
pub(crate) struct Running {
    child: Child,
    log: PathBuf,
}

impl Running {
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).expect("its log can be read")
    }

    pub(crate) fn said(&self, text: &str) -> bool {
        self.log().contains(text)
    }

    /// Fails unless it says what the page says somewhere. A start takes its time
    /// on a busy machine.
    #[track_caller]
    pub(crate) fn starts_with(&self, command: &str, page: &str) {
        let page = format!("…{}…", page.trim_end());
        if !(0..5).any(|_| within_a_minute(|| fits(&page, &self.log()))) {
            says_so(command, &page, &self.log());
        }
    }

    /// The rest of the line in which this is said, once it is.
    pub(crate) fn address(&self, marker: &str) -> String {
        let mut address = String::new();
        eventually("it says where it listens", || {
            let said = self.log();
            let line = said.lines().find_map(|line| line.split_once(marker));
            address = line.map(|(_, rest)| rest.to_owned()).unwrap_or_default();
            !address.is_empty() && said.ends_with('\n')
        });
        address
    }

    /// As Ctrl-C does, and waits for its good end.
    pub(crate) fn end(mut self) {
        self.signal("-INT");
        let status = self.child.wait().expect("it is a child");
        assert!(status.success(), "{status}\n{}", self.log());
    }

    fn signal(&self, signal: &str) -> bool {
        let group = format!("-{}", self.child.id());
        let mut kill = Command::new("kill");
        let told = kill.args([signal, "--", &group]).status();
        told.is_ok_and(|told| told.success())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.signal("-KILL");
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Ports below those that the system gives out by itself, so that nobody else
/// who asks for any is given them meanwhile.
pub(crate) fn free_ports<const N: usize>() -> [u16; N] {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 20_000 + (std::process::id() % 800) as u16 * 10;
    [(); N].map(|()| {
        loop {
            let port = first + NEXT.fetch_add(1, Ordering::Relaxed);
            if TcpListener::bind(("127.0.0.1", port)).is_ok() {
                return port;
            }
        }
    })
}
