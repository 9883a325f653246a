mod trace;

use rustc_hash::FxHashSet;

use super::support::Callers;
use super::support::places::AllPlaces;
use super::{Context, Finding, Hazard, Severity};
use crate::modules::FileId;
use crate::syntax::facts::ExprId;

use trace::{End, EndKind, Form, Trace, clocks, reads, writes};

/// Results that depend on when the code runs.
pub(super) struct WallClockInLogic;

const EXPLANATION: &str = r#"
## What it finds
A reading of the wall clock whose value decides something (it is compared, or
rows of a table are read by it), becomes a column, or is stored in a row, a file's name or a variable that
outlives the call. What is only logged, and the time between two readings, is
not found.

## Why it matters at a cut
Two runs of the same input differ, so a candidate cannot be compared with the
monolith by what both answer. Work that waits in a queue is done at another
time, perhaps on another day, and on machines whose clocks differ.

## Example
```python
import time

def fresh(entry):  # inference
    return time.time() - entry["at"] < 900
```

## What to do
Take the time once where the request or message arrives, hand it on as a
value, and let the rest of the code read that.
"#;

impl Hazard for WallClockInLogic {
    fn name(&self) -> &'static str {
        "wall-clock-in-logic"
    }

    fn explanation(&self) -> &'static str {
        EXPLANATION
    }

    fn check(&self, ctx: &Context<'_>, found: &mut Vec<Finding>) {
        let callers = Callers::new(ctx);
        let places = AllPlaces::new(ctx.modules);
        let mut trace = Trace {
            ctx,
            places: &places,
            writes: writes(ctx),
            reads: reads(ctx),
            clocks: clocks(ctx),
            seen: FxHashSet::default(),
            ends: Vec::new(),
        };
        let mut origins: Vec<(FileId, ExprId)> = trace.clocks.iter().copied().collect();
        origins.sort_unstable();
        for (file, expr) in origins {
            if trace.measures(file, expr) {
                continue;
            }
            trace.seen.clear();
            let from = trace.ends.len();
            trace.follow(&mut Vec::new(), file, expr, &Form::default());
            let read_at = ctx.modules.facts(file).expr(expr).line;
            for end in &mut trace.ends[from..] {
                end.read = (file, read_at);
            }
        }
        for end in &trace.ends {
            found.extend(finding(ctx, &callers, &places, end));
        }
    }
}
fn finding(
    ctx: &Context<'_>,
    callers: &Callers<'_>,
    places: &AllPlaces<'_>,
    end: &End,
) -> Option<Finding> {
    let places = places.of(end.file);
    let facts = places.facts;
    let mut scope = places.owner(end.expr);
    let function = loop {
        match ctx.program.func_at(end.file, scope) {
            Some(func) => break func,
            None => scope = facts.scope(scope).parent?,
        }
    };
    if !callers.concern(function) {
        return None;
    }
    let line = facts.expr(end.expr).line;
    let place = ctx.place(end.file, line);
    let does = match &end.kind {
        EndKind::Decides => format!("decides a comparison at {place}"),
        EndKind::Selects(table) => format!("decides which rows of {table} are read at {place}"),
        EndKind::Column(name) => format!("becomes {name} at {place}"),
        EndKind::Row(name) => format!("is stored in {name} at {place}"),
        EndKind::FileName => format!("is part of a file's name at {place}"),
        EndKind::Kept(name) => format!("is kept in {name} at {place}"),
    };
    let read = ctx.place(end.read.0, end.read.1);
    let message = match read == place {
        true => format!("the wall clock {does}"),
        false => format!("the wall clock, read at {read}, {does}"),
    };
    Some(Finding {
        hazard: WallClockInLogic.name(),
        severity: match end.kind {
            EndKind::Decides | EndKind::Selects(_) | EndKind::Column(_) => Severity::Costs,
            _ => Severity::Note,
        },
        file: end.file,
        line,
        function,
        message,
        mend: match end.kind {
            EndKind::FileName => {
                "Name the file by its run or content, and hand that name on.".to_owned()
            }
            _ => format!(
                "Hand {} the time of the request or message as a value.",
                ctx.qualname(function)
            ),
        },
        between: None,
        related: vec![(end.read.0, end.read.1, "reads the clock".into())],
        setting: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hazards::support::testing::check;

    #[test]
    fn what_decides_or_becomes_a_column_costs() {
        check(
            &WallClockInLogic,
            "
import time
from datetime import datetime, timedelta
import pandas as pd
def utcnow():  # shared
    return datetime.now()
def recent(rows):  # monitoring
    since = utcnow() - timedelta(hours=3)
    return [row for row in rows if row['at'] >= since]
def age(row):  # preprocessing
    frame = pd.DataFrame(row)
    frame['age'] = datetime.now().year - frame['born']
    return frame
",
            &[
                "app.py:8 costs the wall clock, read at app.py:5, decides a comparison at app.py:8",
                "app.py:11 costs the wall clock becomes column age at app.py:11",
            ],
        );
    }

    #[test]
    fn what_is_stored_is_noted() {
        check(
            &WallClockInLogic,
            "
import sqlite3, time
conn = sqlite3.connect('a.db')
LAST = {}
def save(frame):  # training
    conn.execute('INSERT INTO runs (at) VALUES (?)', (time.time(),))
    LAST['at'] = time.time()
    with open(f'run-{time.time()}.txt', 'w') as handle:
        handle.write('')
",
            &[
                "app.py:5 note the wall clock is stored in table runs",
                "app.py:6 note the wall clock is kept in LAST",
                "app.py:7 note the wall clock is part of a file's name",
            ],
        );
    }

    #[test]
    fn durations_and_logs_are_not_found() {
        check(
            &WallClockInLogic,
            "
import logging, time
class Step:
    def run(self):  # training
        self.started = time.time()
        started = time.time()
        work()
        self.seconds = time.time() - started
        logging.info('took %s', time.time() - self.started)
        print(time.time())
        return {'seconds': time.time() - started}
",
            &[],
        );
    }

    #[test]
    fn a_deadline_is_a_duration() {
        check(
            &WallClockInLogic,
            "
import time
from datetime import datetime, timedelta
def wait(limit):  # deployment
    deadline = time.time() + limit
    while time.time() < deadline:
        poll()
def fresh(row):  # monitoring
    cutoff = datetime.now() - timedelta(hours=24)
    return row.at > cutoff
",
            &["app.py:9 costs the wall clock, read at app.py:8, decides a comparison at app.py:9"],
        );
    }

    #[test]
    fn another_key_of_what_holds_it_is_not_the_clock() {
        check(
            &WallClockInLogic,
            "
import time
def report():  # evaluation
    return {'at': time.time(), 'auc': 0.7}
def gate():  # evaluation
    return report()['auc'] > 0.6
def stale():  # evaluation
    return report()['at'] < 7
",
            &["app.py:7 costs the wall clock, read at app.py:3, decides a comparison at app.py:7"],
        );
    }

    #[test]
    fn rows_that_are_read_by_it_depend_on_it() {
        check(
            &WallClockInLogic,
            "
import sqlite3, time
conn = sqlite3.connect('a.db')
def recent():  # monitoring
    since = time.time() - 3600
    return conn.execute('SELECT score FROM decisions WHERE at > ?', (since,)).fetchall()
",
            &[
                "app.py:5 costs the wall clock, read at app.py:4, decides which rows of decisions are read at app.py:5",
            ],
        );
        check(
            &WallClockInLogic,
            r#"
// --- src/main.rs
use std::time::{SystemTime, UNIX_EPOCH};
struct Store { db: rusqlite::Connection }
impl Store {
    fn since(&self, at: i64) -> Vec<f64> { // preprocessing
        let mut query = self.db.prepare("SELECT amount FROM payments WHERE at > ?1").unwrap();
        let rows = query.query_map([at], |row| row.get(0)).unwrap();
        rows.collect()
    }
}
fn now() -> i64 { SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64 } // shared
fn prepare(store: &Store) -> Vec<f64> { // training
    store.since(now() - 86_400)
}
fn main() {}
"#,
            &[
                "src/main.rs:12 costs the wall clock, read at src/main.rs:10, decides which rows of payments are read at src/main.rs:12",
            ],
        );
    }

    #[test]
    fn a_field_that_holds_it_is_followed_and_no_other() {
        check(
            &WallClockInLogic,
            "
import json, time
from dataclasses import dataclass
@dataclass
class Card:
    at: float
    score: float
def made(score):  # training
    return Card(at=time.time(), score=score)
def gate(score):  # evaluation
    return made(score).score > 0.6
def stale(score):  # evaluation
    card = made(score)
    return card.at < 7
",
            &[
                "app.py:13 costs the wall clock, read at app.py:8, decides a comparison at app.py:13",
            ],
        );
    }

    #[test]
    fn clocks_of_rust_decide_name_and_are_stored() {
        check(
            &WallClockInLogic,
            r#"
// --- src/main.rs
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use chrono::{Local, Utc};
fn fresh(row: &Row) -> bool { // inference
    Utc::now() - row.at < chrono::Duration::hours(3)
}
fn recent(rows: Vec<Row>) -> bool { // monitoring
    let since = Local::now() - chrono::Duration::days(1);
    rows[0].at >= since
}
fn stamp() -> u64 { // shared
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
fn stale(at: u64) -> bool { // monitoring
    stamp() > at + 900
}
fn keep(text: &str) { // ingestion
    std::fs::write(format!("raw-{}.csv", Utc::now().format("%Y%m%d")), text).unwrap();
}
fn save(conn: &rusqlite::Connection) { // training
    conn.execute("INSERT INTO runs (at) VALUES (?1)", [Utc::now().to_rfc3339()]).unwrap();
}
fn measured() { // training
    let begun = Instant::now();
    work();
    if begun.elapsed() > Duration::from_secs(5) {
        println!("{:?} at {}", begun.elapsed(), Utc::now());
    }
    let started = Utc::now();
    println!("{}", Utc::now() - started);
}
fn main() {}
"#,
            &[
                "src/main.rs:4 costs the wall clock decides a comparison at src/main.rs:4",
                "src/main.rs:8 costs the wall clock, read at src/main.rs:7, decides a comparison at src/main.rs:8",
                "src/main.rs:14 costs the wall clock, read at src/main.rs:11, decides a comparison at src/main.rs:14",
                "src/main.rs:17 note the wall clock is part of a file's name at src/main.rs:17",
                "src/main.rs:20 note the wall clock is stored in table runs at src/main.rs:20",
            ],
        );
    }
}
