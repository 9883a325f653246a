//! A client that asks all the while, what came of each of its requests, and
//! whether the proxy counted the same.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there"
)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::eventually;
use super::service::{Proxy, program};

/// What came of one request, as its client saw it.
#[derive(Debug)]
pub(crate) struct Asked {
    /// No two requests of a client have the same.
    pub(crate) id: u64,
    pub(crate) path: String,
    /// 0 where none came.
    pub(crate) status: u64,
    /// Who says that it answered.
    pub(crate) side: String,
    /// The answer was the proxy's own.
    pub(crate) own: bool,
    /// How the answer ended too early: `lost` before its head's end, `broken` in
    /// its body; empty where it did not.
    pub(crate) failed: String,
}

impl Asked {
    /// The service said that it has done what it was asked.
    pub(crate) fn acknowledged(&self) -> bool {
        self.failed.is_empty() && matches!(self.status, 200..300)
    }
}

/// A client that asks all the while, over eight connections.
pub(crate) struct Asking {
    child: Child,
    lines: Receiver<Asked>,
    asked: Vec<Asked>,
}

impl Asking {
    /// Asks `to` for each of `kinds` in turn, as `asks.py` says.
    pub(crate) fn start(python: &Path, to: &str, kinds: &[Value]) -> Asking {
        let mut command = program(python, "asks.py");
        let kinds = kinds.iter().map(Value::to_string);
        let mut child = command
            .args([to, "8"])
            .args(kinds)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (told, lines) = mpsc::channel();
        let said = BufReader::new(child.stdout.take().unwrap()).lines();
        thread::spawn(move || {
            for line in said {
                let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
                let text = |field: &str| line[field].as_str().unwrap().to_owned();
                let _ = told.send(Asked {
                    id: line["id"].as_u64().unwrap(),
                    path: text("path"),
                    status: line["status"].as_u64().unwrap(),
                    side: text("side"),
                    own: line["own"].as_bool().unwrap(),
                    failed: text("failed"),
                });
            }
        });
        Asking {
            child,
            lines,
            asked: Vec::new(),
        }
    }

    /// Waits until so many more requests have ended.
    pub(crate) fn more(&mut self, n: usize) {
        for _ in 0..n {
            let asked = self.lines.recv_timeout(Duration::from_secs(60));
            self.asked.push(asked.expect("the client goes on"));
        }
    }

    /// Ends it; returns all that came of its requests.
    pub(crate) fn end(mut self) -> Vec<Asked> {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
        self.asked.extend(self.lines);
        self.asked
    }
}

/// Every request that the client sent ended in exactly one way, and in the one
/// that the client saw.
pub(crate) fn counted_as_seen(proxy: &Proxy, asked: &[Asked]) {
    let lost = asked.iter().find(|asked| asked.failed == "lost");
    assert!(lost.is_none(), "{lost:?}");
    let sent = asked.len() as u64;
    // The client may have its last byte before the proxy has counted it.
    eventually("all that was sent is counted", || {
        proxy.counted("cutline_requests_total", "") >= sent
    });
    let all = proxy.metric("cutline_requests_total");
    assert_eq!(all.values().sum::<u64>(), sent, "{all:?}");
    let ended = |end: &str| proxy.counted("cutline_requests_total", &format!("end=\"{end}\""));
    let seen =
        |what: &dyn Fn(&Asked) -> bool| asked.iter().filter(|asked| what(asked)).count() as u64;
    let broken = seen(&|asked| asked.failed == "broken");
    let refused = seen(&|asked| asked.own);
    assert_eq!(ended("aborted"), broken, "{all:?}");
    assert_eq!(ended("refused"), refused, "{all:?}");
    let reasons = proxy.metric("cutline_refused_total");
    assert_eq!(reasons.values().sum::<u64>(), refused, "{reasons:?}");
    for (status, of) in [
        (502, &["closed", "not-http"][..]),
        (503, &["connect", "unavailable"]),
        (
            504,
            &[
                "connect-timeout",
                "first-byte-timeout",
                "idle-timeout",
                "total-timeout",
            ],
        ),
    ] {
        let of = of.iter().map(|reason| format!("{{reason=\"{reason}\"}}"));
        let counted: u64 = of.filter_map(|reason| reasons.get(&reason)).sum();
        let seen = seen(&|asked| asked.own && asked.status == status);
        assert_eq!(counted, seen, "{status}: {reasons:?}");
    }
}
