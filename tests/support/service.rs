//! Real processes: services, and the proxy in front of them.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::run;

/// A process that listens; killed when dropped.
pub(crate) struct Service {
    child: Child,
    /// Where it listens.
    pub(crate) url: String,
}

impl Service {
    /// Starts `command` and waits until a line of its standard error names,
    /// behind `marker`, where it listens.
    pub(crate) fn start(command: &mut Command, marker: &str) -> Service {
        Service::printing(command, marker, Stdio::null())
    }

    fn printing(command: &mut Command, marker: &str, output: Stdio) -> Service {
        let child = command
            .stdout(output)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut service = Service {
            child,
            url: String::new(),
        };
        let errors = service.child.stderr.take().expect("it is piped");
        let mut lines = BufReader::new(errors).lines();
        let mut said = Vec::new();
        while let Some(Ok(line)) = lines.next() {
            if let Some((_, url)) = line.split_once(marker) {
                service.url = url.trim().to_owned();
                // Somebody has to read what it logs.
                thread::spawn(move || for _ in lines {});
                return service;
            }
            said.push(line);
        }
        panic!("{command:?} ended: {said:#?}");
    }

    /// Waits until it has ended by itself, as it should.
    fn ended(mut self) {
        let status = self.child.wait().expect("it is a child");
        assert!(status.success(), "{status}");
    }

    /// Sends it a signal, by its name with a dash.
    pub(crate) fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        run(Command::new("kill").args([signal, &id]), "no such process");
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A process that can be killed and started again in its place.
pub(crate) struct Side<'a> {
    starts: &'a dyn Fn(&str) -> Service,
    port: String,
    running: Option<Service>,
}

impl<'a> Side<'a> {
    /// Starts it, at a port that is free.
    pub(crate) fn start(starts: &'a dyn Fn(&str) -> Service) -> Side<'a> {
        Side::of(starts, starts("0"))
    }

    /// One that was started by `starts` already.
    pub(crate) fn of(starts: &'a dyn Fn(&str) -> Service, running: Service) -> Side<'a> {
        Side {
            starts,
            port: port(&running.url).to_owned(),
            running: Some(running),
        }
    }

    /// Where it listens, whenever it runs.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// SIGKILL, and waits for its end.
    pub(crate) fn kill(&mut self) {
        self.running = None;
    }

    /// SIGKILL, and starts it anew where it was.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.running = Some((self.starts)(&self.port));
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: &str) {
        let running = self.running.as_ref();
        running.expect("it runs").signal(signal);
    }
}

/// `cutline proxy` in a folder that holds its `routes.toml`.
pub(crate) struct Proxy {
    folder: PathBuf,
    service: Service,
}

impl Proxy {
    /// Starts it with what `routes` says.
    pub(crate) fn start(folder: &Path, routes: &str) -> Proxy {
        fs::create_dir_all(folder).expect("the folder can be made");
        fs::write(folder.join("routes.toml"), routes).expect("the folder can be written");
        Proxy {
            folder: folder.to_owned(),
            service: serving(folder, &["--access-log"]),
        }
    }

    /// Another process takes its place; the one before has ended then.
    pub(crate) fn take_over(&mut self) {
        let next = serving(&self.folder, &["--access-log", "--take-over"]);
        std::mem::replace(&mut self.service, next).ended();
    }

    /// Ends it as a supervisor does.
    pub(crate) fn end(self) {
        self.service.signal("-TERM");
        self.service.ended();
    }

    /// Where clients ask.
    pub(crate) fn url(&self) -> &str {
        &self.service.url
    }

    /// The port of it.
    pub(crate) fn port(&self) -> &str {
        port(self.url())
    }

    /// Runs a command of the same folder, such as `shift`.
    pub(crate) fn told(&self, args: &[&str]) {
        self.says(args);
    }

    /// What such a command prints.
    pub(crate) fn says(&self, args: &[&str]) -> String {
        let mut command = cutline();
        command.args(args).current_dir(&self.folder);
        let said = run(&mut command, "the proxy was not told").stdout;
        String::from_utf8_lossy(&said).into_owned()
    }

    /// Writes its file anew and has it read at once.
    pub(crate) fn reload(&self, routes: &str) {
        fs::write(self.folder.join("routes.toml"), routes).expect("the folder can be written");
        self.service.signal("-HUP");
    }

    /// The samples of a metric, by their labels.
    pub(crate) fn metric(&self, name: &str) -> HashMap<String, u64> {
        let text = self.admin("/metrics");
        let samples = text.lines().filter_map(|line| {
            let (labels, value) = line.strip_prefix(name)?.rsplit_once(' ')?;
            let value: f64 = value.parse().ok()?;
            labels
                .starts_with('{')
                .then(|| (labels.to_owned(), value as u64))
        });
        samples.collect()
    }

    /// The board of the moment: everything that somebody on call wants to see.
    pub(crate) fn board(&self) -> Value {
        serde_json::from_str(&self.admin("/api/board")).expect("a board is JSON")
    }

    /// The body of what the admin interface has at a path.
    fn admin(&self, path: &str) -> String {
        let state = self.folder.join(".cutline");
        let read = |file: &str| fs::read_to_string(state.join(file)).expect("the proxy runs");
        let (url, token) = (read("admin.address"), read("admin.token"));
        let host = url.trim().trim_start_matches("http://");
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {}\r\nconnection: close\r\n\r\n",
            token.trim()
        );
        let answer = answer(host, &request);
        let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        body.to_owned()
    }

    /// The sum of the samples whose labels hold `label`.
    pub(crate) fn counted(&self, name: &str, label: &str) -> u64 {
        let samples = self.metric(name);
        let fitting = samples.iter().filter(|(labels, _)| labels.contains(label));
        fitting.map(|(_, n)| n).sum()
    }
}

const LOG: &str = "access.log";

/// The lines that the proxies of a folder have logged.
pub(crate) fn logged(folder: &Path) -> Vec<Value> {
    let log = fs::read_to_string(folder.join(LOG)).expect("it was written");
    let lines = log.lines().map(serde_json::from_str);
    lines.map(|line| line.expect("a line is JSON")).collect()
}

fn serving(folder: &Path, args: &[&str]) -> Service {
    let log = File::options()
        .append(true)
        .create(true)
        .open(folder.join(LOG));
    let mut command = cutline();
    command.arg("proxy").args(args).current_dir(folder);
    let log = log.expect("the folder can be written");
    Service::printing(&mut command, "clients", log.into())
}

fn port(url: &str) -> &str {
    url.rsplit(':').next().unwrap_or_default()
}

/// The binary under test.
pub(crate) fn cutline() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cutline"));
    command.env("NO_COLOR", "1");
    command
}

/// A program of `tests/e2e/programs`, as `python` runs it.
pub(crate) fn program(python: &Path, name: &str) -> Command {
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/programs");
    let mut command = Command::new(python);
    command
        .arg(programs.join(name))
        .envs([("PYTHONDONTWRITEBYTECODE", "1"), ("PYTHONUNBUFFERED", "1")]);
    command
}

/// Asks once over a new connection: the status, 0 where there is none, and the
/// body of the answer.
pub(crate) fn ask(to: SocketAddr, line: &str, fields: &str, body: &str) -> (u16, String) {
    let Ok(mut socket) = TcpStream::connect(to) else {
        return (0, String::new());
    };
    let wait = Duration::from_secs(60);
    let set = socket.set_read_timeout(Some(wait));
    set.expect("a socket can be waited for");
    let text = format!("{line} HTTP/1.1\r\nhost: {to}\r\n{fields}connection: close\r\n\r\n{body}");
    let _ = socket.write_all(text.as_bytes());
    let mut read = Vec::new();
    let _ = socket.read_to_end(&mut read);
    let read = String::from_utf8_lossy(&read);
    let (head, body) = read.split_once("\r\n\r\n").unwrap_or((&read, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    (status.unwrap_or(0), body.to_owned())
}

/// What comes of a request that ends its connection.
fn answer(host: &str, request: &str) -> String {
    let mut socket = TcpStream::connect(host).expect("the admin interface listens");
    let patience = Some(Duration::from_secs(60));
    let mut text = String::new();
    socket
        .set_read_timeout(patience)
        .and_then(|()| socket.write_all(request.as_bytes()))
        .and_then(|()| socket.read_to_string(&mut text))
        .expect("the admin interface answers");
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    text
}
