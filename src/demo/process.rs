//! The processes of the story, each in a group of its own, so that Ctrl-C on
//! the terminal reaches the story first, which ends them in order.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};

use super::stop::Stop;
use crate::error::{CommandError, Kind};

/// How long one may take to start, and to end by itself.
const START: Duration = Duration::from_secs(120);
const END: Duration = Duration::from_secs(15);

/// How often one looks.
const LOOK: Duration = Duration::from_millis(50);

/// A running process; ended when dropped.
pub(super) struct Process {
    name: &'static str,
    child: Child,
    url: String,
    log: PathBuf,
}

/// This program, with arguments.
pub(super) fn cutline(args: &[&str]) -> Command {
    let this = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("cutline"));
    let mut command = Command::new(this);
    command.args(args).env("NO_COLOR", "1");
    command
}

/// Runs `command` to its end.
pub(super) fn run(command: &mut Command) -> Result<String, CommandError> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {}", shown(command)))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let message = format!("{} failed: {}", shown(command), said.trim());
    Err(CommandError::message(Kind::Internal, message))
}

fn shown(command: &Command) -> String {
    let args = command.get_args().map(|arg| arg.to_string_lossy());
    let program = command.get_program().to_string_lossy();
    let program = program.rsplit('/').next().unwrap_or_default().to_owned();
    std::iter::once(program.into())
        .chain(args)
        .collect::<Vec<_>>()
        .join(" ")
}

impl Process {
    /// Starts `command`, logs what it says on standard error, and waits until a
    /// line names its address behind `marker`.
    pub(super) fn start(
        name: &'static str,
        command: &mut Command,
        log: &Path,
        marker: &'static str,
        stop: &Stop,
    ) -> Result<Process, CommandError> {
        let mut file = File::options()
            .append(true)
            .create(true)
            .open(log)
            .with_context(|| format!("cannot write {}", log.display()))?;
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {}", shown(command)))?;
        let said = child.stderr.take();
        let mut process = Process {
            name,
            child,
            url: String::new(),
            log: log.to_owned(),
        };
        let (tell, told) = channel();
        thread::spawn(move || {
            for line in BufReader::new(said.into_iter().next()?).lines() {
                let line = line.ok()?;
                // A full disk loses the log, and nothing else.
                let _ = writeln!(file, "{line}");
                if let Some((_, url)) = line.split_once(marker) {
                    let _ = tell.send(url.trim().to_owned());
                }
            }
            Some(())
        });
        let began = Instant::now();
        loop {
            match told.recv_timeout(LOOK) {
                Ok(url) => {
                    process.url = url;
                    return Ok(process);
                }
                Err(RecvTimeoutError::Disconnected) => return Err(process.ended()),
                Err(RecvTimeoutError::Timeout) => stop.check()?,
            }
            if began.elapsed() > START {
                return Err(process.failed("does not say where it listens"));
            }
        }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Waits until a path is answered well.
    pub(super) fn answers(&self, path: &str, stop: &Stop) -> Result<(), CommandError> {
        let url = format!("{}{path}", self.url);
        let began = Instant::now();
        while !super::agent()
            .get(&url)
            .call()
            .is_ok_and(|answer| answer.status() == 200)
        {
            stop.check()?;
            if began.elapsed() > START {
                return Err(self.failed(&format!("does not answer {path}")));
            }
            thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Has its files read again.
    pub(super) fn reload(&self) -> Result<(), CommandError> {
        self.signal(Signal::HUP)
    }

    fn signal(&self, signal: Signal) -> Result<(), CommandError> {
        let pid = Pid::from_child(&self.child);
        Ok(kill_process(pid, signal).with_context(|| format!("{} is gone", self.name))?)
    }

    /// Ends it, and waits for that.
    pub(super) fn end(self) {
        drop(self);
    }

    fn failed(&self, what: &str) -> CommandError {
        let message = format!("{} {what}", self.name);
        let hint = format!("its log is {}", self.log.display());
        CommandError::message(Kind::Internal, message).hint(hint)
    }

    fn ended(&self) -> CommandError {
        let said = std::fs::read_to_string(&self.log).unwrap_or_default();
        let last = said.lines().rev().find(|line| !line.trim().is_empty());
        let last = last.unwrap_or("it said nothing").to_owned();
        self.failed(&format!("ended at once: {last}"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.signal(Signal::TERM);
        let began = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if began.elapsed() > END {
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            thread::sleep(LOOK);
        }
    }
}
