//! The proxy as a process: told what to do, killed, started again, ended.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there"
)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use cutline_proxy::{Handed, Proxy, control};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::service;

/// A folder with a `routes.toml` and what a proxy keeps there.
pub(crate) struct Folder {
    folder: TempDir,
    pub(crate) monolith: SocketAddr,
}

/// `cutline proxy` as it runs in a folder; killed when dropped.
pub(crate) struct Process {
    child: Child,
    pub(crate) clients: SocketAddr,
    admin: String,
    /// Lines of its log.
    log: Receiver<String>,
    /// What it logged.
    said: Arc<Mutex<String>>,
}

impl Folder {
    pub(crate) fn new() -> Folder {
        Folder::between(answering("monolith"), answering("candidate"))
    }

    pub(crate) fn between(monolith: SocketAddr, candidate: SocketAddr) -> Folder {
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            r#"listen = "127.0.0.1:0"
admin = "127.0.0.1:0"

[monolith]
upstream = "http://{monolith}"

[stage.inference]
routes = ["POST /predict"]
candidate = "http://{candidate}"
mode = "split"
percent = 0
sticky = {{ header = "x-customer" }}
"#
        );
        fs::write(folder.path().join("routes.toml"), text).unwrap();
        Folder { folder, monolith }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cutline"));
        command.args(args).current_dir(self.path());
        command.env("USER", "anna").env("NO_COLOR", "1");
        // Nothing of ours goes through one.
        command.env("NO_PROXY", "*");
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// What a command that succeeds prints.
    pub(crate) fn printed(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{args:?}\n{out}{err}");
        out
    }

    fn status(&self) -> Value {
        serde_json::from_str(&self.printed(&["status", "--json"])).unwrap()
    }

    fn stage(&self) -> Value {
        self.status()["stages"][0].clone()
    }

    fn percent(&self) -> f64 {
        self.stage()["now"]["percent"].as_f64().unwrap()
    }

    pub(crate) fn edit(&self, old: &str, new: &str) {
        let file = self.path().join("routes.toml");
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains(old), "{text}");
        fs::write(file, text.replace(old, new)).unwrap();
    }

    pub(crate) fn start(&self, args: &[&str]) -> Process {
        self.start_in(args, &[])
    }

    /// Starts it in an environment with some variables more.
    pub(crate) fn start_in(&self, args: &[&str], environment: &[(&str, &str)]) -> Process {
        let mut child = self
            .command(&[&["proxy", "--workers", "1"], args].concat())
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = Vec::new();
        let mut named = |name: &str| {
            for line in lines.by_ref() {
                let line = line.unwrap();
                if let Some(rest) = line.strip_prefix(name) {
                    return rest.trim().to_owned();
                }
                said.push(line);
            }
            panic!("it ended: {said:?}");
        };
        let clients = named("clients");
        let (_, clients) = clients.split_once("//").unwrap();
        let clients = clients.to_owned();
        let admin = named("admin");
        let admin = admin.split(',').next().unwrap().to_owned();
        let all = Arc::new(Mutex::new(said.join("\n")));
        let heard = Arc::clone(&all);
        let (told, log) = mpsc::channel();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                *heard.lock().unwrap() += &format!("\n{line}");
                let _ = told.send(line);
            }
        });
        Process {
            child,
            clients: clients.parse().unwrap(),
            admin,
            log,
            said: all,
        }
    }
}

impl Process {
    /// The body of an answer, or nothing where there is none.
    fn ask(&self, customer: usize) -> String {
        let fields = format!("x-customer: {customer}\r\n");
        ask(self.clients, "POST /predict", &fields).1
    }

    /// Waits until a line of its log contains `text`, and returns it.
    pub(crate) fn says(&self, text: &str) -> String {
        let wait = Duration::from_secs(60);
        let mut said = Vec::new();
        while let Ok(line) = self.log.recv_timeout(wait) {
            if line.contains(text) {
                return line;
            }
            said.push(line);
        }
        panic!("it never said `{text}`: {said:?}");
    }

    /// What it has logged by now.
    pub(crate) fn log(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// What it has counted by now.
    pub(crate) fn metrics(&self, folder: &Folder) -> String {
        let token = folder.path().join(".cutline/admin.token");
        let token = fs::read_to_string(token).unwrap();
        let token = format!("authorization: Bearer {}\r\n", token.trim());
        let admin = self.admin.replace("http://", "").parse().unwrap();
        ask(admin, "GET /metrics", &token).1
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status().unwrap();
        assert!(sent.success());
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends it as a supervisor does, and returns its exit code.
    pub(crate) fn end(mut self) -> Option<i32> {
        self.signal("-TERM");
        self.child.wait().unwrap().code()
    }

    fn stdout(&mut self) -> BufReader<ChildStdout> {
        BufReader::new(self.child.stdout.take().unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// An upstream that answers with its own name.
fn answering(name: &'static str) -> SocketAddr {
    upstream(move |_| name.to_owned())
}

/// An upstream that answers each request, one per connection.
pub(crate) fn upstream(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            thread::spawn(move || serve(socket, &*answer));
        }
    });
    address
}

fn serve(mut socket: TcpStream, answer: &dyn Fn(&str) -> String) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match socket.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return,
        }
    }
    let body = answer(&text(&head));
    let length = body.len();
    let text =
        format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
    let _ = socket.write_all(text.as_bytes());
}

/// Asks once over a new connection: the status, 0 where there is none, and the
/// body.
pub(crate) fn ask(to: SocketAddr, line: &str, fields: &str) -> (u16, String) {
    service::ask(to, line, fields, "")
}

#[test]
fn a_stage_is_shifted_edited_and_found_again() {
    let folder = Folder::new();
    let proxy = folder.start(&[]);
    assert_eq!(proxy.ask(1), "monolith");

    let said = folder.printed(&["shift", "inference", "100", "--why", "all of it"]);
    assert_eq!(
        said,
        "inference: split 100 %, was split 0 %\nroutes.toml says split 0 %; this holds until it says something else\n"
    );
    assert_eq!(proxy.ask(1), "candidate");
    let shown = folder.printed(&["status"]);
    assert!(
        shown.contains("by anna (all of it); routes.toml says split 0 %"),
        "{shown}"
    );

    folder.edit("percent = 0", "percent = 101");
    proxy.says("the file is refused");
    let shown = folder.printed(&["status"]);
    let refused = "routes.toml:11:11 is refused, and what it said before holds: stage inference: percent: 101 is no percentage";
    assert!(shown.contains(refused), "{shown}");
    assert_eq!(proxy.ask(1), "candidate");
    folder.edit("percent = 101", "percent = 0.5");
    proxy.says("the file is in place");
    assert_eq!(folder.percent(), 0.5);

    assert_eq!(
        folder.printed(&["mode", "inference", "reverse-shadow"]),
        "inference: reverse-shadow 100 %, was split 0.5 %\nroutes.toml says split 0.5 %; this holds until it says something else\n\
         no request of inference can be copied: what the monolith does for each of its routes is \"real\". \
         Write side_effects.monolith = \"none\" in routes.toml where it changes nothing, \"honours-shadow\" where it changes nothing for a copy\n"
    );
    assert_eq!(proxy.end(), Some(0));
    let gone = folder.run(&["status"]);
    assert_eq!(gone.status.code(), Some(1));
    let said = text(&gone.stderr);
    assert!(
        said.contains("no proxy runs with the state folder .cutline"),
        "{said}"
    );

    let proxy = folder.start(&[]);
    assert_eq!(folder.stage()["now"]["mode"], "reverse-shadow");
    assert_eq!(proxy.ask(1), "candidate");
    assert_eq!(proxy.end(), Some(0));
}

/// Whatever was acknowledged is there after a SIGKILL at any moment; whatever
/// was not is there whole or not at all; and no client moves back while the
/// percentage only rises.
#[test]
fn a_killed_proxy_comes_back_with_the_last_change_it_acknowledged() {
    let folder = Arc::new(Folder::new());
    // In hundredths of a percent.
    let hundredths = |percent: f64| (percent * 100.0).round() as u64;
    let mut acknowledged = 0;
    for round in 0..4 {
        let proxy = folder.start(&[]);
        let came_back = hundredths(folder.percent());
        assert!(
            came_back == acknowledged || came_back == acknowledged + 1,
            "round {round}: {came_back} after {acknowledged}"
        );
        let dead = Arc::new(AtomicBool::new(false));
        let (made, changes) = mpsc::channel();
        let (token, admin) = (
            fs::read_to_string(folder.path().join(".cutline/admin.token")).unwrap(),
            proxy.admin.replace("http://", "").parse().unwrap(),
        );
        let shifting = {
            let dead = Arc::clone(&dead);
            thread::spawn(move || {
                let mut last = came_back;
                while !dead.load(Ordering::SeqCst) {
                    let percent = (last + 1) as f64 / 100.0;
                    if post(admin, token.trim(), percent) != 200 {
                        break;
                    }
                    last += 1;
                    made.send(()).unwrap();
                }
                last
            })
        };
        let n_changes = 6 + 7 * round;
        assert_eq!(changes.iter().take(n_changes).count(), n_changes);
        proxy.kill();
        dead.store(true, Ordering::SeqCst);
        acknowledged = shifting.join().unwrap();
    }
    let proxy = folder.start(&[]);
    let changes = folder.status();
    assert!(changes["stages"][0]["since"]["who"] == "test", "{changes}");
    assert_eq!(proxy.end(), Some(0));
}

fn post(admin: SocketAddr, token: &str, percent: f64) -> u16 {
    let body = format!(r#"{{"percent": {percent}, "who": "test"}}"#);
    let Ok(mut socket) = TcpStream::connect(admin) else {
        return 0;
    };
    let text = format!(
        "POST /api/stages/inference HTTP/1.1\r\nhost: {admin}\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let _ = socket.write_all(text.as_bytes());
    let mut read = Vec::new();
    let _ = socket.read_to_end(&mut read);
    let status = String::from_utf8_lossy(&read);
    let status = status.split(' ').nth(1).and_then(|code| code.parse().ok());
    status.unwrap_or(0)
}

/// Rising weights over edits, shifts and a kill: who was sent to the candidate
/// once stays there, and nobody gets an error while a proxy runs.
#[test]
fn no_client_moves_back_while_the_percentage_rises() {
    let folder = Folder::new();
    let mut proxy = folder.start(&[]);
    let mut moved = [false; 60];
    for (step, percent) in ["5", "20", "40", "70", "100"].iter().enumerate() {
        match step % 2 {
            0 => drop(folder.printed(&["shift", "inference", percent])),
            _ => {
                let file = fs::read_to_string(folder.path().join("routes.toml")).unwrap();
                let old = file
                    .lines()
                    .find(|line| line.starts_with("percent"))
                    .unwrap();
                folder.edit(old, &format!("percent = {percent}"));
                proxy.says("the file is in place");
                assert_eq!(folder.percent().to_string(), *percent);
            }
        }
        if step == 2 {
            proxy.kill();
            proxy = folder.start(&[]);
            assert_eq!(folder.percent(), 40.0);
        }
        for (customer, moved) in moved.iter_mut().enumerate() {
            let answered = proxy.ask(customer);
            assert!(
                answered == "candidate" || (answered == "monolith" && !*moved),
                "{answered}"
            );
            *moved = answered == "candidate";
        }
    }
    assert!(moved.iter().all(|moved| *moved));
    assert_eq!(proxy.end(), Some(0));
}

#[test]
fn what_is_in_flight_ends_before_the_process_does() {
    let mut folder = Folder::new();
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let (came, arrived) = std::sync::mpsc::channel::<()>();
    let (wait, came) = (Mutex::new(wait), Mutex::new(came));
    let slow = upstream(move |_| {
        came.lock().unwrap().send(()).unwrap();
        let _ = wait.lock().unwrap().recv();
        "done".to_owned()
    });
    folder.edit(&folder.monolith.to_string(), &slow.to_string());
    folder.monolith = slow;
    let mut proxy = folder.start(&[]);
    let to = proxy.clients;
    let client = thread::spawn(move || ask(to, "GET /slow", ""));
    arrived.recv().unwrap();
    proxy.signal("-TERM");
    proxy.says("no more connections are accepted");
    let admin = proxy.admin.replace("http://", "").parse().unwrap();
    assert_eq!(
        ask(admin, "GET /readyz", "").0,
        503,
        "it is no longer ready"
    );
    assert!(proxy.child.try_wait().unwrap().is_none(), "it waits");
    go.send(()).unwrap();
    assert_eq!(client.join().unwrap(), (200, "done".to_owned()));
    assert_eq!(proxy.child.wait().unwrap().code(), Some(0));
}

#[test]
fn told_twice_it_ends_at_once_and_says_so() {
    let mut folder = Folder::new();
    let (came, arrived) = std::sync::mpsc::channel::<()>();
    let came = Mutex::new(came);
    let slow = upstream(move |_| {
        came.lock().unwrap().send(()).unwrap();
        loop {
            thread::park();
        }
    });
    folder.edit(&folder.monolith.to_string(), &slow.to_string());
    folder.monolith = slow;
    let mut proxy = folder.start(&[]);
    let to = proxy.clients;
    let client = thread::spawn(move || ask(to, "GET /slow", ""));
    arrived.recv().unwrap();
    proxy.signal("-INT");
    proxy.says("no more connections are accepted");
    proxy.signal("-INT");
    assert_eq!(proxy.child.wait().unwrap().code(), Some(1));
    assert_eq!(client.join().unwrap().0, 0);
}

#[test]
fn a_hangup_reads_the_file_and_each_request_is_a_line_where_asked_for() {
    let folder = Folder::new();
    let mut proxy = folder.start(&["--access-log"]);
    let mut lines = proxy.stdout().lines();
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let fields = format!("x-customer: 1\r\ntraceparent: 00-{trace}-00f067aa0ba902b7-01\r\n");
    ask(proxy.clients, "POST /predict?token=secret", &fields);
    let line = lines.next().unwrap().unwrap();
    assert!(!line.contains("secret"), "{line}");
    let said: Value = serde_json::from_str(&line).unwrap();
    for (field, expected) in [
        ("id", Value::from(trace)),
        ("method", "POST".into()),
        ("path", "/predict".into()),
        ("stage", "inference".into()),
        ("route", "/predict".into()),
        ("side", "monolith".into()),
        ("why", "key".into()),
        ("end", "monolith".into()),
        ("status", 200.into()),
    ] {
        assert_eq!(said[field], expected, "{field} in {line}");
    }
    assert!(said["milliseconds"].is_f64(), "{line}");

    folder.edit("percent = 0", "percent = 100");
    proxy.signal("-HUP");
    proxy.says("the file is in place");
    assert_eq!(folder.percent(), 100.0);
    ask(proxy.clients, "GET /other", "");
    let line = lines.next().unwrap().unwrap();
    let said: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        (&said["stage"], &said["why"]),
        (&Value::Null, &"no-stage".into())
    );
    assert_eq!(proxy.end(), Some(0));
}

#[test]
fn what_is_not_its_own_is_named_and_left_alone() {
    let folder = Folder::new();
    let state = folder.path().join(".cutline");
    assert_eq!(folder.start(&[]).end(), Some(0));
    let failed = |expected: &str| {
        let output = folder.run(&["proxy"]);
        assert_eq!(output.status.code(), Some(1));
        let said = text(&output.stderr);
        assert!(said.contains(expected), "{said}");
    };
    let journal = state.join("journal.sqlite");
    // The log of a process that did not close it holds all its pages still.
    for beside in ["journal.sqlite-wal", "journal.sqlite-shm"] {
        let _ = fs::remove_file(state.join(beside));
    }
    fs::write(&journal, "no database at all".repeat(100)).unwrap();
    failed("the journal .cutline/journal.sqlite is damaged");
    failed("hint: move it away with its -wal and -shm");
    fs::remove_file(&journal).unwrap();
    let token = state.join("admin.token");
    let opened = Command::new("chmod").arg("644").arg(&token).status();
    assert!(opened.unwrap().success());
    failed("others can read the token file .cutline/admin.token: run chmod 600");
    let output = folder.run(&["status", "--admin", "http://127.0.0.1:1"]);
    assert_eq!(output.status.code(), Some(4));
    assert!(text(&output.stderr).contains("run chmod 600"));
}

/// A token that `cutline override` signs sends its bearer where it says.
#[test]
fn a_tester_is_sent_where_the_token_says() {
    let folder = Folder::new();
    let refused = folder.run(&["override", "inference", "candidate"]);
    assert_eq!(refused.status.code(), Some(4));
    fs::write(folder.path().join("key"), "k".repeat(32)).unwrap();
    folder.edit("[monolith]", "[override]\nkey_file = \"key\"\n\n[monolith]");
    let token = folder.printed(&["override", "inference", "candidate", "--for", "10m"]);
    let proxy = folder.start(&[]);
    let field = format!("x-cutline-side: {}\r\n", token.trim());
    assert_eq!(ask(proxy.clients, "POST /predict", &field).1, "candidate");
    assert_eq!(ask(proxy.clients, "POST /predict", "").1, "monolith");
    assert_eq!(proxy.end(), Some(0));
}

/// What clients saw of a proxy, one message per answer: the status, 0 where
/// there was none, and the body.
type Answers = Receiver<(u16, String)>;

/// Clients that ask over and over until told that it is over, each for a
/// customer of its own and over one connection at a time, which it uses so
/// often. None repeats anything.
fn asking(to: SocketAddr, over: &Arc<AtomicBool>) -> Vec<(Answers, thread::JoinHandle<()>)> {
    let clients = [1, 1, 2, 7, 50, usize::MAX].into_iter().enumerate();
    let clients = clients.map(|(customer, uses)| {
        let (answered, answers) = mpsc::channel();
        let over = Arc::clone(over);
        let client = thread::spawn(move || client(to, customer, uses, &over, &answered));
        (answers, client)
    });
    clients.collect()
}

fn client(
    to: SocketAddr,
    customer: usize,
    uses: usize,
    over: &AtomicBool,
    answered: &Sender<(u16, String)>,
) {
    let mut open: Option<BufReader<TcpStream>> = None;
    let mut used = 0;
    while !over.load(Ordering::SeqCst) {
        let (answer, stays) = match open
            .take()
            .map_or_else(|| TcpStream::connect(to), |open| Ok(open.into_inner()))
        {
            Ok(mut socket) => {
                socket
                    .set_read_timeout(Some(Duration::from_secs(60)))
                    .unwrap();
                let text = format!(
                    "POST /predict HTTP/1.1\r\nhost: {to}\r\nx-customer: {customer}\r\ncontent-length: 0\r\n\r\n"
                );
                let _ = socket.write_all(text.as_bytes());
                let mut socket = BufReader::new(socket);
                let read = answer(&mut socket);
                open = Some(socket);
                read
            }
            Err(error) => ((0, error.to_string()), false),
        };
        answered.send(answer).unwrap();
        used += 1;
        if !stays || used % uses == 0 {
            open = None;
        }
    }
}

/// The next answer, and whether the connection stays.
fn answer(socket: &mut BufReader<TcpStream>) -> ((u16, String), bool) {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        match socket.read_line(&mut line) {
            Ok(n) if n > 0 => {}
            _ => return ((0, format!("it broke off after {head:?}")), false),
        }
        match line.trim_end() {
            "" => break,
            line => head.push(line.to_ascii_lowercase()),
        }
    }
    let status = head[0].split(' ').nth(1).and_then(|code| code.parse().ok());
    let length = head
        .iter()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.unwrap_or("0").parse().unwrap()];
    match socket.read_exact(&mut body) {
        Ok(()) => {
            let stays = !head.iter().any(|line| line == "connection: close");
            ((status.unwrap_or(0), text(&body)), stays)
        }
        Err(error) => ((0, error.to_string()), false),
    }
}

/// How the requests of a process ended, as its access log says.
fn ends(stdout: BufReader<ChildStdout>) -> thread::JoinHandle<Vec<String>> {
    thread::spawn(move || {
        let lines = stdout.lines().map(|line| {
            let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
            line["end"].as_str().unwrap().to_owned()
        });
        lines.collect()
    })
}

/// Three times in a row, while requests go on and percentages rise: none fails,
/// none is doubled, nobody moves back, and the command line always finds
/// somebody who answers.
#[test]
fn proxies_take_over_from_one_another_and_no_request_fails() {
    let n_served = Arc::new(AtomicUsize::new(0));
    let [monolith, candidate] = ["monolith", "candidate"].map(|name| {
        let n_served = Arc::clone(&n_served);
        upstream(move |_| {
            n_served.fetch_add(1, Ordering::SeqCst);
            name.to_owned()
        })
    });
    let folder = Folder::between(monolith, candidate);
    folder.edit("[monolith]", "[limits]\ndrain = \"3s\"\n\n[monolith]");
    let mut proxy = folder.start(&["--access-log"]);
    let (to, admin) = (proxy.clients, proxy.admin.clone());
    let mut ended = vec![ends(proxy.stdout())];
    let over = Arc::new(AtomicBool::new(false));
    let clients = asking(to, &over);
    let mut seen: Vec<Vec<(u16, String)>> = clients.iter().map(|_| Vec::new()).collect();
    // From now on: what was answered before does not count towards `n`.
    let mut more = |n: usize| {
        for ((answers, _), seen) in clients.iter().zip(&mut seen) {
            seen.extend(answers.try_iter());
            seen.extend(answers.iter().take(n));
        }
    };
    let state = folder.path().join(".cutline");
    more(20);
    for percent in ["30", "60", "100"] {
        let done = AtomicBool::new(false);
        let next = thread::scope(|scope| {
            let looking = scope.spawn(|| {
                let mut n_looks = 0;
                while !done.load(Ordering::SeqCst) || n_looks < 3 {
                    folder.status();
                    n_looks += 1;
                }
            });
            let mut next = folder.start(&["--access-log", "--take-over"]);
            done.store(true, Ordering::SeqCst);
            looking.join().unwrap();
            ended.push(ends(next.stdout()));
            next
        });
        assert_eq!((next.clients, &next.admin), (to, &admin));
        let mut old = std::mem::replace(&mut proxy, next);
        old.says("another process has taken over");
        folder.printed(&["shift", "inference", percent]);
        more(20);
        assert_eq!(old.child.wait().unwrap().code(), Some(0));
        let address = fs::read_to_string(state.join("admin.address")).unwrap();
        assert_eq!(address.trim(), admin, "it is the new one's");
        assert!(state.join("takeover.sock").exists());
        more(20);
    }
    over.store(true, Ordering::SeqCst);
    for ((answers, client), seen) in clients.into_iter().zip(&mut seen) {
        client.join().unwrap();
        seen.extend(answers);
    }
    assert_eq!(proxy.end(), Some(0));
    assert!(!state.join("admin.address").exists());
    assert!(!state.join("takeover.sock").exists());
    for answers in &seen {
        let mut sides = answers.iter().map(|(_, body)| body);
        let moved = sides.position(|side| side == "candidate");
        let moved = moved.unwrap_or_else(|| panic!("it moved never: {answers:?}"));
        for (at, (status, body)) in answers.iter().enumerate() {
            let side = if at < moved { "monolith" } else { "candidate" };
            assert_eq!((*status, &**body), (200, side), "request {at}");
        }
    }
    let n_answers: usize = seen.iter().map(Vec::len).sum();
    assert_eq!(n_served.load(Ordering::SeqCst), n_answers, "none twice");
    let ended: Vec<_> = ended.into_iter().map(|ends| ends.join().unwrap()).collect();
    assert!(
        ended.iter().all(|ends| ends.len() > 20),
        "each had its part"
    );
    let ends: Vec<_> = ended.concat();
    assert_eq!(ends.len(), n_answers);
    let sides = ["monolith", "candidate"];
    assert!(ends.iter().all(|end| sides.contains(&&**end)), "{ends:?}");
}

#[test]
fn a_process_that_cannot_start_leaves_the_one_that_runs_as_it_was() {
    let folder = Folder::new();
    let proxy = folder.start(&["--take-over"]);
    let occupied = TcpListener::bind("127.0.0.1:0").unwrap();
    let held = occupied.local_addr().unwrap().to_string();
    let admin = proxy.admin.replace("http://", "");
    let mut last = 0;
    let mut fails = |args: &[&str], code: i32, expected: &str| {
        let output = folder.run(args);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(expected), "{said}");
        last += 10;
        folder.printed(&["shift", "inference", &last.to_string()]);
        assert_eq!(folder.percent(), f64::from(last));
        assert!(["monolith", "candidate"].contains(&&*proxy.ask(1)));
    };
    folder.edit("percent = 0", "percent = 101");
    let take_over = ["proxy", "--take-over"];
    fails(&take_over, 4, "101 is no percentage");
    folder.edit("percent = 101", "percent = 0");
    folder.edit("admin = \"127.0.0.1:0\"", &format!("admin = \"{held}\""));
    fails(&take_over, 1, "the admin interface cannot listen on");
    folder.edit(&held, &admin);
    // Without the flag nothing is taken, and the flag is named.
    fails(&["proxy"], 1, "--take-over takes the place");
    assert_eq!(proxy.end(), Some(0));
}

/// Who asks the admin interface while another process is about to take over
/// waits, and is answered whatever becomes of that.
#[test]
fn a_process_that_dies_before_it_serves_leaves_the_one_that_runs_as_it_was() {
    let folder = Folder::new();
    let proxy = folder.start(&[]);
    let socket = folder.path().join(".cutline/takeover.sock");
    let handed = Handed::ask(&socket).unwrap().unwrap();
    assert_eq!(handed.process(), Some(proxy.child.id()));
    proxy.says("another process is about to take over");
    let shift = ["shift", "inference", "100"];
    let shifting = folder
        .command(&shift)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    assert_eq!(proxy.ask(1), "monolith", "nothing is decided now");
    drop(handed);
    proxy.says("a take-over was not finished");
    assert!(shifting.wait_with_output().unwrap().status.success());
    assert_eq!(proxy.ask(1), "candidate");
    assert_eq!(proxy.end(), Some(0));
}

/// What is in the state folder is the new process's by then.
#[test]
fn an_old_process_that_is_cut_off_takes_nothing_away() {
    let (came, arrived) = mpsc::channel::<()>();
    let came = Mutex::new(came);
    let slow = upstream(move |head| {
        if head.starts_with("GET /slow") {
            came.lock().unwrap().send(()).unwrap();
            loop {
                thread::park();
            }
        }
        "monolith".to_owned()
    });
    let folder = Folder::between(slow, answering("candidate"));
    let mut old = folder.start(&[]);
    let to = old.clients;
    let client = thread::spawn(move || ask(to, "GET /slow", ""));
    arrived.recv().unwrap();
    let new = folder.start(&["--take-over"]);
    old.says("another process has taken over");
    old.signal("-TERM");
    old.says("it ends already");
    assert!(old.child.try_wait().unwrap().is_none(), "it waits");
    old.signal("-TERM");
    assert_eq!(old.child.wait().unwrap().code(), Some(1));
    assert_eq!(client.join().unwrap().0, 0);
    assert_eq!(folder.percent(), 0.0, "the new one is found");
    assert_eq!(new.ask(1), "monolith");
    assert_eq!(new.end(), Some(0));
}

#[test]
fn a_process_that_was_handed_the_listeners_goes_on_where_the_old_one_dies() {
    let folder = Folder::new();
    let proxy = folder.start(&[]);
    let to = proxy.clients;
    let socket = folder.path().join(".cutline/takeover.sock");
    let mut handed = Handed::ask(&socket).unwrap().unwrap();
    proxy.kill();
    let file = folder.path().join("routes.toml");
    let config = control::check(&file, &fs::read_to_string(&file).unwrap()).unwrap();
    let next = Proxy::take_over(config, &mut handed).unwrap();
    let next = next.start(1).unwrap();
    assert!(handed.serving().is_err(), "it is gone");
    assert_eq!(ask(to, "POST /predict", "x-customer: 1\r\n").1, "monolith");
    next.stop();
    // What it left behind is in nobody's way.
    let proxy = folder.start(&["--take-over"]);
    assert_eq!(proxy.ask(1), "monolith");
    assert_eq!(proxy.end(), Some(0));
}

/// `{name}.pem` and `{name}.key` in `folder`: a certificate that signs itself.
fn certificate(folder: &Path, name: &str, names: &[&str]) {
    let names: Vec<_> = names.iter().map(ToString::to_string).collect();
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    fs::write(folder.join(format!("{name}.pem")), made.cert.pem()).unwrap();
    let key = made.signing_key.serialize_pem();
    fs::write(folder.join(format!("{name}.key")), key).unwrap();
}

#[test]
fn the_admin_interface_over_tls_is_known_by_its_certificate() {
    let folder = Folder::new();
    let path = folder.path();
    certificate(path, "admin", &["proxy.internal", "localhost"]);
    certificate(path, "other", &["localhost"]);
    let tls =
        "admin = \"0.0.0.0:0\"\nadmin_tls = { certificate = \"admin.pem\", key = \"admin.key\" }";
    folder.edit("admin = \"127.0.0.1:0\"", tls);
    let proxy = folder.start(&[]);
    let (_, port) = proxy.admin.rsplit_once(':').unwrap();
    assert_eq!(proxy.admin, format!("https://proxy.internal:{port}"));
    folder.printed(&["shift", "inference", "100"]);
    assert_eq!(proxy.ask(1), "candidate");

    // Named by hand, it is known by what is named by hand.
    let url = format!("https://localhost:{port}");
    let by_hand = ["status", "--admin", &url, "--admin-ca"];
    folder.printed(&[&by_hand[..], &["admin.pem"]].concat());
    let refused = |args: &[&str], code: i32, expected: &str| {
        let output = folder.run(args);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(expected), "{said}");
        assert!(said.contains("hint: --admin-ca names"), "{said}");
    };
    let uncertain = "it is not certain who answers at https://localhost";
    refused(&["status", "--admin", &url], 1, uncertain);
    refused(&[&by_hand[..], &["other.pem"]].concat(), 1, uncertain);
    refused(
        &[&by_hand[..], &["none.pem"]].concat(),
        4,
        "cannot read none.pem",
    );
    refused(
        &[&by_hand[..], &["admin.key"]].concat(),
        4,
        "holds no certificate",
    );

    certificate(path, "admin", &["proxy.internal"]);
    proxy.signal("-HUP");
    proxy.says("the certificate of the admin interface was read again");
    folder.status();
    fs::write(path.join("admin.key"), "none").unwrap();
    proxy.signal("-HUP");
    let said = proxy.says("the certificate of the admin interface stays as it was");
    assert!(
        said.contains("ERROR") && said.contains("admin.key"),
        "{said}"
    );
    folder.status();

    certificate(path, "admin", &["proxy.internal"]);
    let next = folder.start(&["--take-over"]);
    assert_eq!(next.admin, proxy.admin);
    proxy.says("another process has taken over");
    folder.status();
    assert_eq!(next.end(), Some(0));
}

#[test]
fn a_hangup_reads_the_listeners_certificate() {
    let folder = Folder::new();
    let path = folder.path();
    certificate(path, "own", &["localhost"]);
    let tls = "tls = { certificate = \"own.pem\", key = \"own.key\" }\n\n[monolith]";
    folder.edit("[monolith]", tls);
    let proxy = folder.start(&[]);
    // Whoever the command line takes for an admin interface it believes first.
    let (port, token) = (proxy.clients.port(), path.join("token"));
    fs::write(&token, "t".repeat(43)).unwrap();
    assert!(
        Command::new("chmod")
            .arg("600")
            .arg(&token)
            .status()
            .unwrap()
            .success()
    );
    let url = format!("https://localhost:{port}");
    let known_by = |file: &str| {
        let asked = [
            "status",
            "--admin",
            &url,
            "--token-file",
            "token",
            "--admin-ca",
            file,
        ];
        let said = text(&folder.run(&asked).stderr);
        !said.contains("it is not certain who answers")
    };
    assert!(known_by("own.pem"));
    proxy.signal("-HUP");
    proxy.says("the certificate of the listeners was read again");
    fs::copy(path.join("own.pem"), path.join("old.pem")).unwrap();
    certificate(path, "own", &["localhost"]);
    proxy.signal("-HUP");
    proxy.says("the certificate of the listeners was read again");
    assert!(known_by("own.pem") && !known_by("old.pem"));
    fs::write(path.join("own.key"), "none").unwrap();
    proxy.signal("-HUP");
    let said = proxy.says("the certificate of the listeners stays as it was");
    assert!(said.contains("ERROR") && said.contains("own.key"), "{said}");
    assert!(known_by("own.pem"), "the one before stays");
    assert_eq!(proxy.end(), Some(0));
}
