//! Clients that ask all the while, and what happens meanwhile to those who
//! answer: seeded, so that it is the same every time but for its timing.

use std::cell::RefCell;
use std::fmt;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::eventually;
use crate::support::service::{Proxy, Side, ask};

/// Who answers.
pub(super) struct Cast<'a> {
    /// Until it is switched off.
    pub(super) monolith: Option<Side<'a>>,
    pub(super) candidate: Side<'a>,
}

/// What a client asks, again and again.
pub(super) struct Asks {
    line: &'static str,
    body: Box<dyn Fn(u64) -> String + Sync>,
    /// The token, where it is sent until it is answered, under one key.
    until_done: Option<&'static str>,
}

/// What happens.
pub(super) enum Act<'a> {
    /// SIGKILL, and started anew.
    KillCandidate,
    KillProxy,
    /// Another proxy takes its place.
    TakeOver,
    /// A share of this stage's requests goes to the candidate, or all.
    Shift(&'static str),
    /// Tables go over, and the next time back.
    HandOver(&'a dyn Fn(&mut Cast<'_>, bool)),
}

/// What was seen.
pub(super) struct Seen {
    requests: u64,
    failures: Vec<Failure>,
    /// When no proxy was there.
    nobody: Vec<(Instant, Instant)>,
    faults: Vec<&'static str>,
    /// What was asked until it was done.
    pub(super) done: Vec<u64>,
}

struct Failure {
    what: String,
    from: Instant,
    to: Instant,
}

/// A proxy in a folder, before which it happens.
pub(super) struct Storm {
    folder: PathBuf,
    routes: String,
    proxy: RefCell<Option<Proxy>>,
    draws: RefCell<Draws>,
    next: AtomicU64,
}

impl Asks {
    pub(super) fn plain(line: &'static str, body: impl Fn(u64) -> String + Sync + 'static) -> Asks {
        Asks {
            line,
            body: Box::new(body),
            until_done: None,
        }
    }

    pub(super) fn once(
        line: &'static str,
        token: &'static str,
        body: impl Fn(u64) -> String + Sync + 'static,
    ) -> Asks {
        Asks {
            until_done: Some(token),
            ..Asks::plain(line, body)
        }
    }

    fn fields(&self, id: u64, body: &str) -> String {
        let length = body.len();
        let own = self
            .until_done
            .map(|token| format!("x-admin-token: {token}\r\nidempotency-key: storm-{id}\r\n"));
        format!(
            "content-type: application/json\r\ncontent-length: {length}\r\n{}",
            own.unwrap_or_default()
        )
    }
}

impl Storm {
    pub(super) fn new(folder: &Path, routes: String, seed: u64) -> Storm {
        let routes = format!("listen = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n{routes}");
        let proxy = Proxy::start(folder, &routes);
        // From now on it is where it was.
        let listen = proxy.url().trim_start_matches("http://").to_owned();
        Storm {
            folder: folder.to_owned(),
            routes: routes.replacen("127.0.0.1:0", &listen, 1),
            proxy: RefCell::new(Some(proxy)),
            draws: RefCell::new(Draws(seed)),
            next: AtomicU64::new(0),
        }
    }

    /// Runs a command of the proxy's folder.
    pub(super) fn told(&self, args: &[&str]) {
        let proxy = self.proxy.borrow();
        proxy.as_ref().unwrap().told(args);
    }

    /// Asks the proxy.
    pub(super) fn serve(&self, asks: impl Fn(&str)) {
        let url = self.proxy.borrow().as_ref().unwrap().url().to_owned();
        asks(&url);
    }

    /// So many things happen, one after another, while clients ask.
    pub(super) fn rages(
        &self,
        cast: &mut Cast<'_>,
        asks: &[Asks],
        acts: &[Act<'_>],
        n: usize,
    ) -> Seen {
        let over = AtomicBool::new(false);
        let answered: Vec<AtomicU64> = asks.iter().map(|_| AtomicU64::new(0)).collect();
        let url = self.proxy.borrow().as_ref().unwrap().url().to_owned();
        let to = url.trim_start_matches("http://").parse().unwrap();
        let mut seen = Seen {
            requests: 0,
            failures: Vec::new(),
            nobody: Vec::new(),
            faults: Vec::new(),
            done: Vec::new(),
        };
        thread::scope(|scope| {
            let clients = asks.iter().zip(&answered).map(|(asks, answered)| {
                let (over, next) = (&over, &self.next);
                scope.spawn(move || client(asks, to, next, over, answered))
            });
            let clients: Vec<_> = clients.collect();
            let mut back = false;
            for turn in 0..n {
                // Between two, everybody is answered.
                all_answered(&answered);
                // Each has its turn, and then they come as they like.
                let drawn = self.draws.borrow_mut().below(acts.len() as u64) as usize;
                let act = acts.get(turn).unwrap_or(&acts[drawn]);
                let name = self.act(act, cast, &mut seen.nobody, &mut back);
                seen.faults.push(name);
            }
            all_answered(&answered);
            over.store(true, Ordering::Relaxed);
            for client in clients {
                let (requests, failures, done) = client.join().unwrap();
                seen.requests += requests;
                seen.failures.extend(failures);
                seen.done.extend(done);
            }
        });
        seen
    }

    fn act(
        &self,
        act: &Act<'_>,
        cast: &mut Cast<'_>,
        nobody: &mut Vec<(Instant, Instant)>,
        back: &mut bool,
    ) -> &'static str {
        match act {
            Act::KillCandidate => {
                cast.candidate.restart();
                "candidate killed"
            }
            Act::KillProxy => {
                let from = Instant::now();
                let mut proxy = self.proxy.borrow_mut();
                drop(proxy.take());
                *proxy = Some(Proxy::start(&self.folder, &self.routes));
                nobody.push((from, Instant::now()));
                "proxy killed"
            }
            Act::TakeOver => {
                self.proxy.borrow_mut().as_mut().unwrap().take_over();
                "proxy taken over"
            }
            Act::Shift(stage) => {
                let percent = [0, 10, 50, 100][self.draws.borrow_mut().below(4) as usize];
                self.told(&["shift", stage, &percent.to_string()]);
                "shares changed"
            }
            Act::HandOver(hand_over) => {
                hand_over(cast, *back);
                *back = !*back;
                "tables handed over"
            }
        }
    }
}

/// Waits until each client was answered twice more.
fn all_answered(answered: &[AtomicU64]) {
    let count = |answered: &AtomicU64| answered.load(Ordering::Relaxed);
    let before: Vec<u64> = answered.iter().map(count).collect();
    eventually("everybody is answered", || {
        let mut each = answered.iter().map(count).zip(&before);
        each.all(|(now, before)| now >= before + 2)
    });
}

/// Asks until it is over: how often, what failed, and what was done in the end.
fn client(
    asks: &Asks,
    to: SocketAddr,
    next: &AtomicU64,
    over: &AtomicBool,
    answered: &AtomicU64,
) -> (u64, Vec<Failure>, Vec<u64>) {
    let (mut requests, mut failures, mut done) = (0, Vec::new(), Vec::new());
    while !over.load(Ordering::Relaxed) {
        let id = next.fetch_add(1, Ordering::Relaxed);
        let body = (asks.body)(id);
        let fields = asks.fields(id, &body);
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let from = Instant::now();
            let (status, said) = ask(to, asks.line, &fields, &body);
            requests += 1;
            if status == 200 {
                answered.fetch_add(1, Ordering::Relaxed);
                done.extend(asks.until_done.map(|_| id));
                break;
            }
            if asks.until_done.is_none() {
                failures.push(Failure {
                    what: format!("{}: {status} {said}", asks.line),
                    from,
                    to: Instant::now(),
                });
                eventually("somebody listens", || TcpStream::connect(to).is_ok());
                break;
            }
            assert!(
                Instant::now() < end,
                "{} is never done: {status} {said}",
                asks.line
            );
            // The client's own pause, as of one that was told to come again.
            thread::sleep(Duration::from_millis(20));
        }
    }
    (requests, failures, done)
}

impl Seen {
    /// Requests that failed while a proxy was there.
    pub(super) fn failed_though_somebody_was_there(&self) -> Vec<String> {
        let nobody = |failure: &Failure| {
            let mut windows = self.nobody.iter();
            windows.any(|(from, to)| failure.from <= *to && failure.to >= *from)
        };
        let failures = self.failures.iter().filter(|failure| !nobody(failure));
        failures
            .take(5)
            .map(|failure| failure.what.clone())
            .collect()
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} requests, {} failed; {} done until answered; faults:",
            self.requests,
            self.failures.len(),
            self.done.len(),
        )?;
        let mut names = self.faults.clone();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let n = self.faults.iter().filter(|fault| **fault == name).count();
            write!(f, " {n} {name},")?;
        }
        Ok(())
    }
}

/// SplitMix64 (Steele, Lea and Flood 2014).
struct Draws(u64);

impl Draws {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % n
    }
}
