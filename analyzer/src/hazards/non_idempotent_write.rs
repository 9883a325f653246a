use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::{SmolStr, format_smolstr};

use super::support::places::AllPlaces;
use super::support::{Callers, listed};
use super::{Context, Finding, Hazard, Severity};
use crate::catalog::Matter;
use crate::effects::{Access, Resource, ResourceAccess, ResourceKind};
use crate::graph::globals::global_accesses;
use crate::graph::{FuncId, LibraryCall};
use crate::modules::FileId;

/// A write that does more when it is done again.
pub(super) struct NonIdempotentWrite;

const EXPLANATION: &str = r#"
## What it finds
Rows inserted without a key or `ON CONFLICT`, rows, lines or messages appended
to a table, file or queue, counters such as `SET n = n + 1`, and entries
appended to a list that outlives the call. Where the rows carry the table's
primary key, a retry fails instead of doubling, which is only noted.

## Why it matters at a cut
Behind a queue every message may arrive twice, and every call over the network
may be repeated after a time-out that came too late. What was done once in the
monolith is then done twice.

## Example
```python
import sqlite3

def ingest(rows):  # ingestion
    conn = sqlite3.connect("app.db")
    conn.executemany("INSERT INTO calls (customer, minutes) VALUES (?, ?)", rows)
```

## What to do
Give each row a key that comes from its content or from the request, and write
with `ON CONFLICT DO NOTHING` or an upsert; write files whole under a name of
the run; count by adding rows, not by adding to a number.
"#;

impl Hazard for NonIdempotentWrite {
    fn name(&self) -> &'static str {
        "non-idempotent-write"
    }

    fn explanation(&self) -> &'static str {
        EXPLANATION
    }

    fn check(&self, ctx: &Context<'_>, found: &mut Vec<Finding>) {
        let callers = Callers::new(ctx);
        let mut writes: BTreeMap<(FileId, u32), Write> = BTreeMap::new();
        appended(ctx, &mut writes);
        counted(ctx, &mut writes);
        for ((file, line), write) in writes {
            found.extend(judge(ctx, &callers, file, line, &write));
        }
        in_memory(ctx, &callers, found);
    }
}

#[derive(Debug)]
struct Write {
    function: FuncId,
    actors: Vec<FuncId>,
    how: How,
    /// What is written to, by name.
    to: Vec<SmolStr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum How {
    /// A retry fails on the table's key.
    Keyed,
    Row,
    Line,
    Message,
    Counter,
}

/// What the effects say is added to.
fn appended(ctx: &Context<'_>, writes: &mut BTreeMap<(FileId, u32), Write>) {
    let statements = Statements::new(ctx);
    let logged = logged(ctx);
    for resource in &ctx.effects.resources {
        let how = match resource.kind {
            ResourceKind::Table => How::Row,
            ResourceKind::File | ResourceKind::Blob => How::Line,
            ResourceKind::Queue => How::Message,
            _ => continue,
        };
        let added = resource.accesses.iter();
        for access in added.filter(|access| access.access == Access::Append) {
            let is_logged = logged.contains(&(access.file, access.line));
            if is_logged || (how == How::Row && is_replaced(resource, access)) {
                continue;
            }
            let keyed = statements.is_keyed(access.file, access.line, &resource.identity);
            let how = match how {
                How::Row if keyed => How::Keyed,
                how => how,
            };
            let write = writes.entry((access.file, access.line)).or_insert(Write {
                function: access.function,
                actors: Vec::new(),
                how,
                to: Vec::new(),
            });
            write.how = write.how.max(how);
            write.to.push(resource.identity.clone());
            write.actors.extend(access.actors());
        }
    }
}

/// True if the function deletes rows of the table before it adds some: a retry
/// puts its own rows in place of those of the first try.
fn is_replaced(table: &Resource, added: &ResourceAccess) -> bool {
    table.accesses.iter().any(|access| {
        access.access == Access::Delete
            && access.function == added.function
            && access.line < added.line
    })
}

/// Where handlers of logs are made: a line said twice is no data doubled.
fn logged(ctx: &Context<'_>) -> FxHashSet<(FileId, u32)> {
    let calls = ctx.call_graph.library_calls.iter();
    let handlers = calls.filter(|call| call.path.starts_with("logging."));
    handlers.map(|call| (call.file, call.line)).collect()
}

/// `UPDATE t SET n = n + 1`.
fn counted(ctx: &Context<'_>, writes: &mut BTreeMap<(FileId, u32), Write>) {
    for (call, text) in sql_texts(ctx) {
        let Some(table) = counts(text) else {
            continue;
        };
        let write = writes.entry((call.file, call.line)).or_insert(Write {
            function: call.caller,
            actors: Vec::new(),
            how: How::Counter,
            to: Vec::new(),
        });
        write.how = How::Counter;
        write.to.push(table);
        match call.behalf.as_slice() {
            [] => write.actors.push(call.caller),
            behalf => write
                .actors
                .extend(behalf.iter().map(|caller| caller.function)),
        }
    }
}

fn judge(
    ctx: &Context<'_>,
    callers: &Callers<'_>,
    file: FileId,
    line: u32,
    write: &Write,
) -> Option<Finding> {
    let mut actors = write.actors.clone();
    actors.sort_unstable();
    actors.dedup();
    actors.retain(|actor| callers.concern(*actor));
    if actors.is_empty() {
        return None;
    }
    let mut to: Vec<String> = write.to.iter().map(|name| name.to_string()).collect();
    to.sort();
    to.dedup();
    let to = listed(&to);
    let place = ctx.place(file, line);
    let names: Vec<String> = actors
        .iter()
        .map(|actor| ctx.qualname(*actor).to_string())
        .collect();
    let who = listed(&names);
    let (message, mend) = match write.how {
        How::Row => (
            format!("{place} adds rows to {to} without a key: a retry of {who} doubles them"),
            format!("Give the rows of {to} a key and write them with ON CONFLICT."),
        ),
        How::Keyed => (
            format!("{place} inserts into {to}, whose key makes a retry of {who} fail"),
            "Say ON CONFLICT, so that a retry finds its own row and goes on.".to_owned(),
        ),
        How::Line => (
            format!("{place} appends to {to}: a retry of {who} appends the same again"),
            format!("Write {to} whole under a name of its own per run or request."),
        ),
        How::Message => (
            format!("{place} sends to {to}: a retry of {who} sends the same again"),
            "Give the message an id made from its content, and let the receiver drop repeats."
                .to_owned(),
        ),
        How::Counter => (
            format!("{place} adds to a number in {to}: a retry of {who} counts twice"),
            format!("Add a row with a key to {to} for each event, and count the rows."),
        ),
    };
    let related = actors.iter().map(|actor| {
        let function = ctx.program.function(*actor);
        let scope = ctx.modules.facts(function.file).scope(function.scope);
        let note = format_smolstr!("{} writes through it", scope.qualname);
        (function.file, scope.line, note)
    });
    Some(Finding {
        hazard: NonIdempotentWrite.name(),
        severity: match write.how {
            How::Keyed => Severity::Note,
            _ => Severity::Costs,
        },
        file,
        line,
        function: write.function,
        message,
        mend,
        between: None,
        related: related.filter(|_| actors != [write.function]).collect(),
        setting: None,
    })
}

/// Entries appended to a list that outlives the call.
fn in_memory(ctx: &Context<'_>, callers: &Callers<'_>, found: &mut Vec<Finding>) {
    let places = AllPlaces::new(ctx.modules);
    for access in global_accesses(ctx.modules, ctx.program) {
        let places = places.of(access.file);
        let Some((_, method)) = places.method_call(access.expr) else {
            continue;
        };
        let adds = matches!(
            method.as_str(),
            "append" | "extend" | "appendleft" | "put" | "put_nowait"
        );
        if !adds
            || ctx.is_module(access.function)
            || callers.only_at_import(access.function)
            || !callers.concern(access.function)
        {
            continue;
        }
        let place = ctx.place(access.file, access.line);
        found.push(Finding {
            hazard: NonIdempotentWrite.name(),
            severity: Severity::Note,
            file: access.file,
            line: access.line,
            function: access.function,
            message: format!(
                "{place} adds an entry to {}: a retry of {} adds it again",
                access.name,
                ctx.qualname(access.function)
            ),
            mend: format!(
                "Keep the entries of {} by a key of the request, so that a repeat replaces its own.",
                access.name
            ),
            between: None,
            related: Vec::new(),
            setting: None,
        });
    }
}

/// The SQL that the tree's calls run.
fn sql_texts<'c>(ctx: &Context<'c>) -> impl Iterator<Item = (&'c LibraryCall, &'c SmolStr)> {
    let catalog = ctx.catalog;
    let calls = ctx.call_graph.library_calls.iter().filter(move |call| {
        let entry = catalog.call(&call.path);
        entry.is_some_and(|entry| entry.effects.iter().any(|effect| effect.on == Matter::Sql))
    });
    calls.flat_map(|call| {
        let texts = call.args.iter().flat_map(|arg| &arg.texts);
        texts.map(move |text| (call, text))
    })
}

type Columns = Vec<String>;

/// The keys of the tree's tables, and which columns each INSERT gives.
struct Statements {
    /// Columns of a primary or unique key, by table.
    keys: FxHashMap<String, Vec<Columns>>,
    /// Columns given, by place and table; none means all.
    inserts: FxHashMap<(FileId, u32, String), Vec<Option<Columns>>>,
}

impl Statements {
    fn new(ctx: &Context<'_>) -> Statements {
        let mut statements = Statements {
            keys: FxHashMap::default(),
            inserts: FxHashMap::default(),
        };
        for (call, text) in sql_texts(ctx) {
            for (table, keys) in keys(text) {
                statements.keys.entry(table).or_default().extend(keys);
            }
            if let Some((table, columns)) = insert(text) {
                let place = (call.file, call.line, table);
                statements.inserts.entry(place).or_default().push(columns);
            }
        }
        statements
    }

    /// True if every row inserted there carries a key of the table.
    fn is_keyed(&self, file: FileId, line: u32, table: &str) -> bool {
        let table = table.to_lowercase();
        let Some(keys) = self.keys.get(&table) else {
            return false;
        };
        let inserts = self.inserts.get(&(file, line, table));
        let given = |columns: &Option<Vec<String>>, key: &Vec<String>| match columns {
            None => true,
            Some(columns) => key.iter().all(|column| columns.contains(column)),
        };
        inserts.is_some_and(|inserts| {
            inserts
                .iter()
                .all(|columns| keys.iter().any(|key| given(columns, key)))
        })
    }
}

/// Lower-case words and punctuation of SQL.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut inside = false;
    for c in text.chars() {
        if c.is_alphanumeric() || matches!(c, '_' | '.' | '{' | '}') {
            let c = c.to_lowercase();
            match words.last_mut() {
                Some(word) if inside => word.extend(c),
                _ => words.push(c.collect()),
            }
            inside = true;
        } else {
            inside = false;
            if !c.is_whitespace() && !matches!(c, '"' | '`') {
                words.push(c.to_string());
            }
        }
    }
    words
}

/// The words between the parenthesis at `open` and its mate, split at commas
/// that are in no other.
fn in_parentheses(words: &[String], open: usize) -> Vec<Vec<String>> {
    let (mut parts, mut depth) = (vec![Vec::new()], 0);
    for word in &words[open..] {
        match word.as_str() {
            "(" => depth += 1,
            ")" => depth -= 1,
            _ => {}
        }
        match word.as_str() {
            _ if depth == 0 => break,
            "," if depth == 1 => parts.push(Vec::new()),
            "(" if depth == 1 && parts == [Vec::<String>::new()] => {}
            _ => parts
                .last_mut()
                .into_iter()
                .for_each(|part| part.push(word.clone())),
        }
    }
    parts
}

/// The keys that CREATE TABLE statements declare.
fn keys(text: &str) -> Vec<(String, Vec<Vec<String>>)> {
    let words = words(text);
    let mut found = Vec::new();
    for start in 0..words.len() {
        let is_create =
            words[start] == "create" && words.get(start + 1).is_some_and(|w| w == "table");
        let open = words[start..].iter().position(|word| word == "(");
        let Some(open) = open.map(|open| start + open).filter(|_| is_create) else {
            continue;
        };
        let mut keys = Vec::new();
        for part in in_parentheses(&words, open) {
            let declares = part
                .iter()
                .any(|word| word == "primary" || word == "unique");
            let Some(first) = part.first().filter(|_| declares) else {
                continue;
            };
            match (first.as_str(), part.iter().position(|word| word == "(")) {
                ("primary" | "unique" | "constraint", Some(open)) => {
                    let columns = in_parentheses(&part, open).concat();
                    keys.push(columns);
                }
                _ => keys.push(vec![first.clone()]),
            }
        }
        found.push((words[open - 1].clone(), keys));
    }
    found
}

/// The table and the columns of an INSERT.
fn insert(text: &str) -> Option<(String, Option<Vec<String>>)> {
    let words = words(text);
    let into = words
        .windows(2)
        .position(|pair| pair[0] == "insert" && pair[1] == "into")?;
    let table = words.get(into + 2)?.clone();
    let columns = words
        .get(into + 3)
        .filter(|word| *word == "(")
        .map(|_| in_parentheses(&words, into + 3).concat());
    Some((table, columns))
}

/// The table in which an UPDATE adds to a number.
fn counts(text: &str) -> Option<SmolStr> {
    let words = words(text);
    let update = words.iter().position(|word| word == "update")?;
    let adds = words[update..].windows(4).any(|four| {
        let same = four[0] == four[2] && four[1] == "=";
        same && matches!(four[3].as_str(), "+" | "-")
    });
    let sets = words.get(update + 2).is_some_and(|word| word == "set");
    (adds && sets).then(|| words[update + 1].as_str().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hazards::support::testing::check;

    #[test]
    fn rows_without_a_key_are_doubled() {
        check(
            &NonIdempotentWrite,
            "
import sqlite3
conn = sqlite3.connect('a.db')
def ingest(rows):  # ingestion
    conn.executemany('INSERT INTO calls (a) VALUES (?)', rows)
def count():  # monitoring
    conn.execute('UPDATE hits SET n = n + 1 WHERE day = ?', (1,))
def keyed(rows):  # ingestion
    conn.executemany('INSERT INTO calls (a) VALUES (?) ON CONFLICT DO NOTHING', rows)
    conn.execute('UPDATE hits SET n = 1')
",
            &[
                "app.py:4 costs app.py:4 adds rows to calls without a key: a retry of ingest doubles them",
                "app.py:6 costs app.py:6 adds to a number in hits: a retry of count counts twice",
            ],
        );
    }

    #[test]
    fn rows_that_are_deleted_first_are_replaced() {
        check(
            &NonIdempotentWrite,
            "
import sqlite3
conn = sqlite3.connect('a.db')
def replace(day, rows):  # ingestion
    conn.execute('DELETE FROM calls WHERE day = ?', (day,))
    conn.executemany('INSERT INTO calls (a) VALUES (?)', rows)
def add(day, rows):  # ingestion
    conn.executemany('INSERT INTO calls (a) VALUES (?)', rows)
    conn.execute('DELETE FROM calls WHERE day < ?', (day,))
",
            &[
                "app.py:7 costs app.py:7 adds rows to calls without a key: a retry of add doubles them",
            ],
        );
    }

    #[test]
    fn a_log_may_say_a_line_twice() {
        check(
            &NonIdempotentWrite,
            "
import logging
def set_up():  # training
    logging.getLogger('a').addHandler(logging.FileHandler('errors.log'))
def note(row):  # training
    with open('rows.csv', 'a') as file:
        file.write(row)
",
            &["app.py:5 costs app.py:5 appends to rows.csv"],
        );
    }

    #[test]
    fn a_primary_key_that_is_given_makes_it_a_note() {
        check(
            &NonIdempotentWrite,
            "
import sqlite3
conn = sqlite3.connect('a.db')
conn.executescript('''CREATE TABLE runs (run TEXT PRIMARY KEY, at TEXT);
CREATE TABLE log (id INTEGER PRIMARY KEY, text TEXT)''')
def start(run):  # training
    conn.execute('INSERT INTO runs (run, at) VALUES (?, ?)', (run, 1))
    conn.execute('INSERT INTO log (text) VALUES (?)', (run,))
",
            &["app.py:7 costs", "app.py:6 note"],
        );
    }

    #[test]
    fn appended_files_frames_and_messages() {
        check(
            &NonIdempotentWrite,
            "
import pandas as pd
def log(line):  # inference
    with open('log.txt', 'a') as handle:
        handle.write(line)
def save(frame):  # ingestion
    frame = pd.DataFrame(frame)
    frame.to_sql('rows', None, if_exists='append')
    frame.to_sql('all', None, if_exists='replace')
    with open('rows.txt', 'w') as handle:
        handle.write('')
",
            &[
                "app.py:3 costs app.py:3 appends to log.txt",
                "app.py:7 costs app.py:7 adds rows to rows",
            ],
        );
    }

    #[test]
    fn a_list_that_outlives_the_call_is_noted() {
        check(
            &NonIdempotentWrite,
            "
RECENT = []
def predict(row):  # inference
    own = []
    own.append(row)
    RECENT.append(row)
",
            &["app.py:5 note app.py:5 adds an entry to RECENT: a retry of predict adds it again"],
        );
    }

    #[test]
    fn what_belongs_to_no_stage_is_left_out() {
        check(
            &NonIdempotentWrite,
            "
def note(line):
    with open('log.txt', 'a') as handle:
        handle.write(line)
",
            &[],
        );
    }

    #[test]
    fn rows_lines_and_messages_of_rust() {
        check(
            &NonIdempotentWrite,
            r##"
// --- src/main.rs
use std::fs::OpenOptions;
use rusqlite::{params, Connection};
use sqlx::PgPool;
fn log(line: &str) { // inference
    let mut file = OpenOptions::new().create(true).append(true).open("log.txt").unwrap();
    writeln!(file, "{line}").unwrap();
}
async fn load(pool: &PgPool, id: i64) { // ingestion
    sqlx::query("INSERT INTO calls (customer) VALUES ($1)").bind(id).execute(pool).await.unwrap();
    sqlx::query!("INSERT INTO rows (id) VALUES ($1) ON CONFLICT DO NOTHING", id).execute(pool).await.unwrap();
}
fn note(conn: &Connection, seen: f64) { // monitoring
    conn.execute("INSERT INTO drift (value) VALUES (?1)", params![seen]).unwrap();
    conn.execute("UPDATE hits SET n = n + 1 WHERE day = ?1", params![1]).unwrap();
}
async fn announce(channel: &lapin::Channel) { // training
    channel.basic_publish("", "trained", Default::default(), b"", Default::default()).await.unwrap();
}
fn whole(text: &str) { // ingestion
    std::fs::write("all.txt", text).unwrap();
}
fn main() {}
"##,
            &[
                "src/main.rs:5 costs src/main.rs:5 appends to log.txt: a retry of log appends the same again",
                "src/main.rs:9 costs src/main.rs:9 adds rows to calls without a key: a retry of load doubles them",
                "src/main.rs:13 costs src/main.rs:13 adds rows to drift without a key: a retry of note doubles them",
                "src/main.rs:14 costs src/main.rs:14 adds to a number in hits: a retry of note counts twice",
                "src/main.rs:17 costs src/main.rs:17 sends to trained: a retry of announce sends the same again",
            ],
        );
    }
}
