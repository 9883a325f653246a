//! While everything changes and breaks, no request is lost and none doubled:
//! proved by what the stores of both sides hold afterwards.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there"
)]

use std::collections::HashMap;
use std::path::Path;
use std::thread;

use serde_json::{Value, json};

use crate::behind_the_proxy::{churn_service, flask};
use crate::support;
use crate::support::asking::{Asking, counted_as_seen};
use crate::support::service::{Proxy, Service, Side, logged, program};

/// How often each id stands in a table.
fn rows(python: &Path, file: &Path, table: &str, column: &str) -> HashMap<u64, usize> {
    let mut command = program(python, "rows.py");
    command.arg(file).args([table, column]);
    let said = support::run(&mut command, "the store cannot be read").stdout;
    let mut rows = HashMap::new();
    for line in String::from_utf8(said).unwrap().lines() {
        *rows.entry(line.parse().unwrap()).or_default() += 1;
    }
    rows
}

fn in_both(stores: [&HashMap<u64, usize>; 2], id: u64) -> usize {
    stores.iter().map(|rows| rows.get(&id).unwrap_or(&0)).sum()
}

/// A ledger as both sides, and a stage for each kind of its effects.
struct Ledgers<'a> {
    folder: &'a Path,
    monolith: Side<'a>,
    candidate: Side<'a>,
}

const STAGES: [&str; 3] = ["orders", "transfers", "rates"];

fn ledger<'a>(python: &'a Path, folder: &'a Path, name: &'a str) -> impl Fn(&str) -> Service + 'a {
    move |port| {
        let mut command = program(python, "ledger.py");
        command.arg(name);
        command.arg(folder.join(name)).arg(folder.join("shared"));
        Service::start(command.arg(port), "listening on ")
    }
}

impl Ledgers<'_> {
    fn routes(&self, mode: &str, timeouts: &str) -> String {
        let (monolith, candidate) = (self.monolith.url(), self.candidate.url());
        let stage = |name: &str, routes: &str| {
            format!(
                r#"
[stage.{name}]
routes = [{routes}]
candidate = "{candidate}"
{mode}
sticky = {{ header = "x-customer-id" }}
{timeouts}
health = {{ interval = "100ms", failures = 5 }}
"#
            )
        };
        format!(
            "listen = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n[monolith]\nupstream = \"{monolith}\"\n{timeouts}\n"
        ) + &stage("orders", "\"POST /orders\"")
            + &stage(
                "transfers",
                "{ route = \"POST /transfers\", idempotency = \"shared\" }",
            )
            + &stage("rates", "\"GET /rates\"")
    }

    fn rows(&self, python: &Path, store: &str, table: &str) -> HashMap<u64, usize> {
        rows(python, &self.folder.join(store), table, "id")
    }
}

/// A candidate that is killed, hangs, is slow to give up, closes in the middle
/// of answers and without any, a monolith that is started again, and modes,
/// weights and files that change under the requests.
#[test]
fn through_kills_hangs_and_changes_every_order_is_in_one_store_once() {
    let python = &support::clients();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let starts = ["monolith", "candidate"].map(|name| ledger(python, folder, name));
    let mut ledgers = Ledgers {
        folder,
        monolith: Side::start(&starts[0]),
        candidate: Side::start(&starts[1]),
    };
    let timeouts = "timeouts = { connect = \"1s\", first_byte = \"400ms\" }";
    let declared = |mode: &str| ledgers.routes(mode, timeouts);
    let (first, second) = (
        declared("mode = \"split\"\npercent = 10"),
        declared("mode = \"split\"\npercent = 70"),
    );
    let proxy = Proxy::start(folder, &first);
    let told = |command: &[&str]| {
        for stage in STAGES {
            proxy.told(&[&command[..1], &[stage], &command[1..]].concat());
        }
    };
    let wishes = ["hang", "vanish", "break", "busy"];
    let wishes = [&wishes[..], &[""; 36]].concat();
    let mut kinds: Vec<Value> = ["/orders", "/transfers"]
        .map(|path| json!({ "method": "POST", "path": path, "body": r#"{"id": $id}"#, "wishes": wishes }))
        .into();
    kinds.push(json!({ "method": "GET", "path": "/rates", "wishes": wishes }));
    let mut asking = Asking::start(python, proxy.url(), &kinds);

    asking.more(150);
    told(&["shift", "40"]);
    asking.more(150);
    ledgers.candidate.kill();
    asking.more(150);
    told(&["shift", "60"]);
    ledgers.candidate.restart();
    asking.more(150);
    proxy.reload(&second);
    ledgers.candidate.signal("-STOP");
    asking.more(150);
    ledgers.candidate.signal("-CONT");
    asking.more(150);
    for mode in ["shadow", "reverse-shadow", "candidate"] {
        told(&["mode", mode]);
        asking.more(150);
    }
    ledgers.monolith.kill();
    asking.more(100);
    ledgers.candidate.kill();
    asking.more(100);
    ledgers.candidate.restart();
    ledgers.monolith.restart();
    asking.more(150);
    proxy.reload("this is no TOML");
    told(&["shift", "50"]);
    asking.more(150);
    let asked = asking.end();

    counted_as_seen(&proxy, &asked);
    let count = |end: &str| proxy.counted("cutline_requests_total", &format!("end=\"{end}\""));
    let candidates = asked
        .iter()
        .filter(|asked| asked.side == "candidate" && asked.failed.is_empty());
    assert_eq!(count("candidate"), candidates.count() as u64);
    for end in ["monolith", "candidate", "fallback", "refused", "aborted"] {
        assert!(
            count(end) > 0,
            "nothing ended as {end}: the test shows less than it says"
        );
    }
    ledgers.monolith.kill();
    ledgers.candidate.kill();
    let own = |table| ["monolith", "candidate"].map(|side| ledgers.rows(python, side, table));
    let [monolith, candidate] = own("orders");
    let orders = asked.iter().filter(|asked| asked.path == "/orders");
    for asked in orders {
        let kept = in_both([&monolith, &candidate], asked.id);
        match asked.acknowledged() {
            true => {
                let by_who_answered = match &*asked.side {
                    "candidate" => candidate.get(&asked.id),
                    _ => monolith.get(&asked.id),
                };
                assert_eq!((kept, by_who_answered), (1, Some(&1)), "{asked:?}");
            }
            // What was not acknowledged may be there, but never twice.
            false => assert!(kept <= 1, "{asked:?} is there {kept} times"),
        }
    }
    let [monolith, candidate] = own("transfers");
    let shared = ledgers.rows(python, "shared", "transfers");
    for asked in asked.iter().filter(|asked| asked.path == "/transfers") {
        let kept = shared.get(&asked.id).copied().unwrap_or(0);
        assert!(kept == 1 || !asked.acknowledged(), "{asked:?}");
        for side in [&monolith, &candidate] {
            let came = side.get(&asked.id).copied().unwrap_or(0);
            assert!(came <= 1, "{asked:?} came {came} times");
        }
    }
}

/// One process of the proxy after the other, while the weight changes: nothing
/// fails at all, and all of them together count what was sent.
#[test]
fn through_take_overs_every_order_is_acknowledged_and_in_one_store_once() {
    let python = &support::clients();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let starts = ["monolith", "candidate"].map(|name| ledger(python, folder, name));
    let ledgers = Ledgers {
        folder,
        monolith: Side::start(&starts[0]),
        candidate: Side::start(&starts[1]),
    };
    let routes = ledgers.routes("mode = \"split\"\npercent = 20", "");
    let mut proxy = Proxy::start(folder, &routes);
    let order = json!({ "method": "POST", "path": "/orders", "body": r#"{"id": $id}"# });
    let mut asking = Asking::start(python, proxy.url(), &[order]);
    for percent in ["40", "60", "80"] {
        asking.more(150);
        proxy.told(&["shift", "orders", percent]);
        asking.more(20);
        proxy.take_over();
    }
    asking.more(150);
    let asked = asking.end();
    let other = asked.iter().find(|asked| !asked.acknowledged());
    assert!(other.is_none(), "{other:?}");

    let [monolith, candidate] =
        ["monolith", "candidate"].map(|side| ledgers.rows(python, side, "orders"));
    for asked in &asked {
        let by_who_answered = match &*asked.side {
            "candidate" => candidate.get(&asked.id),
            _ => monolith.get(&asked.id),
        };
        let kept = in_both([&monolith, &candidate], asked.id);
        assert_eq!((kept, by_who_answered), (1, Some(&1)), "{asked:?}");
    }
    proxy.end();
    let log = logged(folder);
    for side in ["monolith", "candidate"] {
        let seen = asked.iter().filter(|asked| asked.side == side).count();
        let counted = log.iter().filter(|line| line["end"] == side).count();
        assert_eq!(counted, seen, "{side}");
        assert!(seen > 0, "{side} answered nothing");
    }
    assert_eq!(log.len(), asked.len());
}

/// The time-outs are an hour: whatever does not fail at once does not end.
#[test]
fn while_nobody_can_answer_requests_fail_at_once_and_stop_when_somebody_can() {
    let python = &support::clients();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let starts = ["monolith", "candidate"].map(|name| ledger(python, folder, name));
    let mut ledgers = Ledgers {
        folder,
        monolith: Side::start(&starts[0]),
        candidate: Side::start(&starts[1]),
    };
    let hour = "timeouts = { connect = \"1h\", first_byte = \"1h\", idle = \"1h\" }";
    let proxy = Proxy::start(folder, &ledgers.routes("mode = \"monolith\"", hour));
    let order = json!({ "method": "POST", "path": "/orders", "body": r#"{"id": $id}"# });
    let ask = |n: usize| {
        let mut asking = Asking::start(python, proxy.url(), std::slice::from_ref(&order));
        asking.more(n);
        asking.end()
    };
    let refused = || proxy.counted("cutline_refused_total", "");
    let all_answer = |side: &str| {
        let asked = ask(40);
        let other = asked
            .iter()
            .find(|asked| !asked.acknowledged() || asked.side != side);
        assert!(other.is_none(), "{other:?}");
    };

    all_answer("monolith");
    ledgers.monolith.kill();
    let asked = ask(100);
    let other = asked.iter().find(|asked| !asked.own || asked.status != 503);
    assert!(other.is_none(), "{other:?}");
    let apart = asked.len() as u64;
    assert_eq!(
        proxy.counted("cutline_requests_total", "end=\"refused\""),
        apart
    );
    let because = |why: &str| proxy.counted("cutline_refused_total", &format!("\"{why}\""));
    let unreachable = because("connect") + because("unavailable");
    assert_eq!((unreachable, refused()), (apart, apart));

    // From its first word on, nothing fails any more.
    ledgers.monolith.restart();
    all_answer("monolith");
    assert_eq!(refused(), apart);

    // The candidate alone can answer now, and then nobody.
    proxy.told(&["mode", "orders", "candidate"]);
    ledgers.monolith.kill();
    all_answer("candidate");
    ledgers.candidate.kill();
    let asked = ask(100);
    let other = asked.iter().find(|asked| !asked.own || asked.status != 503);
    assert!(other.is_none(), "{other:?}");
    assert_eq!(refused(), apart + asked.len() as u64);
    ledgers.monolith.restart();
    all_answer("monolith");
}

/// The Flask fixture's own route that appends without a key, and its own store.
#[test]
fn through_kills_hangs_and_changes_a_flask_service_gets_each_outcome_once() {
    let (flask, python) = (&flask(), &support::clients());
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let starts = ["monolith", "candidate"].map(|side| {
        let home = folder.join(side);
        move |port: &str| churn_service(flask, &home, port)
    });
    let (first, second) = thread::scope(|scope| {
        let first = scope.spawn(|| starts[0]("0"));
        let second = starts[1]("0");
        (first.join().unwrap(), second)
    });
    let mut monolith = Side::of(&starts[0], first);
    let mut candidate = Side::of(&starts[1], second);
    let routes = format!(
        r#"listen = "127.0.0.1:0"
admin = "127.0.0.1:0"

[monolith]
upstream = "{}"

[stage.monitoring]
routes = ["POST /monitor/outcomes"]
candidate = "{}"
mode = "split"
percent = 30
sticky = {{ header = "x-customer-id" }}
side_effects = {{ monolith = "real", candidate = "real" }}
timeouts = {{ first_byte = "1s" }}
health = {{ interval = "100ms" }}
"#,
        monolith.url(),
        candidate.url()
    );
    let proxy = Proxy::start(folder, &routes);
    let outcome = json!({
        "method": "POST",
        "path": "/monitor/outcomes",
        "body": r#"{"outcomes": [{"customer_id": $id, "churned": 0}]}"#,
    });
    let mut asking = Asking::start(python, proxy.url(), &[outcome]);

    asking.more(100);
    proxy.told(&["shift", "monitoring", "60"]);
    asking.more(100);
    candidate.signal("-STOP");
    asking.more(100);
    candidate.signal("-CONT");
    asking.more(100);
    proxy.reload(&routes.replace("percent = 30", "percent = 70"));
    asking.more(100);
    candidate.restart();
    asking.more(100);
    proxy.told(&["mode", "monitoring", "candidate"]);
    monolith.restart();
    asking.more(100);
    proxy.told(&["mode", "monitoring", "shadow"]);
    asking.more(100);
    let asked = asking.end();

    counted_as_seen(&proxy, &asked);
    monolith.kill();
    candidate.kill();
    let [monolith, candidate] = ["monolith", "candidate"].map(|side| {
        let store = folder.join(side).join("var/churn.sqlite");
        rows(python, &store, "outcomes", "customer_id")
    });
    let mut by_candidate = 0;
    for asked in &asked {
        let kept = in_both([&monolith, &candidate], asked.id);
        match asked.acknowledged() {
            true => assert_eq!(kept, 1, "{asked:?}"),
            false => assert!(kept <= 1, "{asked:?} is there {kept} times"),
        }
        by_candidate += u64::from(asked.acknowledged() && candidate.contains_key(&asked.id));
    }
    let counted = proxy.counted("cutline_requests_total", "end=\"candidate\"");
    assert_eq!(counted, by_candidate);
    assert!(
        by_candidate > 0 && !monolith.is_empty(),
        "both sides answered"
    );
}
