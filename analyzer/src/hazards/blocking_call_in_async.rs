mod threads;

use std::collections::{BTreeMap, BTreeSet};

use smol_str::{SmolStr, format_smolstr};

use super::support::{Callers, listed};
use super::{Context, Finding, Hazard, Severity};
use crate::catalog::Blocks;
use crate::graph::FuncId;
use crate::modules::FileId;
use crate::routes::RouteKind;
use crate::stages::Stage;

use threads::{Hit, Threads};

/// Asynchronous code whose thread stands still.
pub(super) struct BlockingCallInAsync;

const EXPLANATION: &str = r#"
## What it finds
A call that holds its thread in an `async` function, or in a plain function
that one calls: files, databases and HTTP by libraries that are not
asynchronous, a process that is waited for, sleep, the training of a model.
What is handed to a thread (`spawn_blocking`, `asyncio.to_thread`,
`run_in_executor`) and plain functions that the framework runs in its pool are
not found, nor what a program does before it serves.

## Why it matters at a cut
Asynchronous code shares a few threads, in Python one. While a call holds it,
no other request is answered, those of other stages among them, and time
limits and health checks run out. After the cut the wait is longer: what was a
file or a row nearby is then an answer over the network. It costs where the
work belongs to another stage than the function, or requests of another stage
wait with it.

## Example
```python
import pandas as pd

async def predict(request):  # inference, POST /predict
    return score(history(request), request)

def history(request):  # preprocessing
    return pd.read_csv("history.csv")
```

```rust
async fn predict(body: String) -> String { // inference, POST /predict
    score(&load_history(), &body)
}

fn load_history() -> String { // preprocessing
    std::fs::read_to_string("history.csv").unwrap()
}
```

## What to do
Hand the call to a thread that may wait (`tokio::task::spawn_blocking`,
`asyncio.to_thread`), take an asynchronous library, or make the work a message
to the stage that it belongs to. In FastAPI a plain `def` is run in a thread.
"#;

impl Hazard for BlockingCallInAsync {
    fn name(&self) -> &'static str {
        "blocking-call-in-async"
    }

    fn explanation(&self) -> &'static str {
        EXPLANATION
    }

    fn check(&self, ctx: &Context<'_>, found: &mut Vec<Finding>) {
        let callers = Callers::new(ctx);
        let mut of: BTreeMap<(FuncId, Blocks), Vec<Hit<'_>>> = BTreeMap::new();
        for hit in Threads::new(ctx).hits() {
            of.entry((hit.function, hit.kind)).or_default().push(hit);
        }
        for ((function, kind), mut hits) in of {
            if is_before_serving(ctx, function) || !callers.concern(function) {
                continue;
            }
            hits.sort_by_key(|hit| (hit.line, hit.way.len()));
            found.extend(finding(ctx, &callers, function, kind, &hits));
        }
    }
}

/// True for a program's `main` and for what a framework calls at start-up:
/// nobody waits for an answer yet.
fn is_before_serving(ctx: &Context<'_>, func: FuncId) -> bool {
    let mut own = ctx.routes.iter().filter(|route| route.handler == func);
    let starts = own.any(|route| {
        let when = |word| route.path.contains(word) || route.method.contains(word);
        route.kind == RouteKind::Hook && ["startup", "lifespan", "shutdown"].into_iter().any(when)
    });
    starts || ctx.qualname(func) == "main"
}

fn finding(
    ctx: &Context<'_>,
    callers: &Callers<'_>,
    function: FuncId,
    kind: Blocks,
    hits: &[Hit<'_>],
) -> Option<Finding> {
    let first = hits.first()?;
    let serves = callers.stages(function);
    let own = serves.first().copied();
    // The first that does another stage's work, or else the first of all.
    let works = |hit: &Hit<'_>| {
        let stages = hit.way.iter().map(|func| ctx.stages.stage(*func));
        let mut other = stages.filter(|stage| stage.is_pipeline() && !serves.contains(stage));
        other.next_back()
    };
    let other = hits.iter().find_map(|hit| Some((hit, works(hit)?)));
    let hit = other.map_or(first, |(hit, _)| hit);
    let work = other.map(|(_, stage)| stage);
    let waiting = waiting(ctx, callers, function, &serves);
    let name = ctx.qualname(function);
    let what = match kind {
        Blocks::Nothing => return None,
        Blocks::File => "a file",
        Blocks::Database => "a database",
        Blocks::Network => "the network",
        Blocks::Process => "a process",
        Blocks::Computation => "a training",
        Blocks::Wait => "time to pass",
    };
    let stage = ctx.stages.stage(function);
    let place = ctx.place(hit.call.file, hit.call.line);
    let through: Vec<String> = hit
        .way
        .iter()
        .map(|func| ctx.qualname(*func).to_string())
        .collect();
    let through = match through.is_empty() {
        true => String::new(),
        false => format!(", by way of {}", through.join(" and ")),
    };
    let more = match hits.len() - 1 {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    let says = match (work, waiting.is_empty()) {
        (Some(work), _) => format!(": that is {work}'s work"),
        (None, false) => {
            let waiting: Vec<String> = waiting.iter().map(Stage::to_string).collect();
            format!(": requests for {} wait with it", listed(&waiting))
        }
        (None, true) => String::new(),
    };
    let related = hits.iter().map(|hit| {
        let note: SmolStr =
            format_smolstr!("{} calls {}", ctx.qualname(hit.call.caller), hit.call.path);
        (hit.call.file, hit.call.line, note)
    });
    let costs = work.is_some() || !waiting.is_empty();
    Some(Finding {
        hazard: BlockingCallInAsync.name(),
        severity: match costs {
            true => Severity::Costs,
            false => Severity::Note,
        },
        file: hit.file,
        line: hit.line,
        function,
        message: format!(
            "{name} ({stage}) is async, and its thread stands still for {what}: {} at {place}{through}{more}{says}",
            hit.call.path
        ),
        mend: format!(
            "Hand {} to a thread that may wait, or take an asynchronous library.",
            hit.call.path
        ),
        between: own.zip(work),
        related: related
            .filter(|(file, line, _)| is_elsewhere(hit, *file, *line))
            .collect(),
        setting: None,
    })
}

fn is_elsewhere(hit: &Hit<'_>, file: FileId, line: u32) -> bool {
    (file, line) != (hit.file, hit.line)
}

/// Stages whose requests the same process answers, other than `serves`.
fn waiting(
    ctx: &Context<'_>,
    callers: &Callers<'_>,
    function: FuncId,
    serves: &BTreeSet<Stage>,
) -> BTreeSet<Stage> {
    let imports = |func: FuncId| {
        let file = ctx.program.function(func).file;
        ctx.modules.facts(file).rules.imports
    };
    let answers = ctx.routes.iter().filter(|route| {
        matches!(route.kind, RouteKind::Http | RouteKind::WebSocket)
            && imports(route.handler) == imports(function)
    });
    let stages = answers.flat_map(|route| callers.stages(route.handler));
    stages.filter(|stage| !serves.contains(stage)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hazards::support::testing::check;

    #[test]
    fn what_blocks_in_rust_is_found_where_async_code_runs_it() {
        check(
            &BlockingCallInAsync,
            r##"
// --- src/main.rs
use std::time::Duration;
async fn files() -> String { // inference
    std::fs::read_to_string("a.txt").unwrap()
}
async fn rows(conn: &rusqlite::Connection) { // inference
    conn.execute("UPDATE t SET a = 1", []).unwrap();
}
async fn web() { // inference
    ureq::get("http://host").call().unwrap();
    let client = reqwest::blocking::Client::builder().timeout(Duration::from_secs(1)).build().unwrap();
    client.get("http://host").send().unwrap();
}
async fn pause() { // inference
    std::thread::sleep(Duration::from_secs(1));
}
async fn command() { // inference
    std::process::Command::new("ls").output().unwrap();
}
async fn runs(client: &mut postgres::Client) { // inference
    client.query("SELECT 1 FROM t", &[]).unwrap();
}
fn worker() { // inference
    tokio::spawn(async move {
        let lines: Vec<String> = names().iter().map(|name| std::fs::read_to_string(name).unwrap()).collect();
    });
}
fn main() {}
"##,
            &[
                "src/main.rs:3 note files (inference) is async, and its thread stands still for a file: std.fs.read_to_string at src/main.rs:3",
                "src/main.rs:6 note rows (inference) is async, and its thread stands still for a database",
                "src/main.rs:9 note web (inference) is async, and its thread stands still for the network: ureq.Request.call",
                "src/main.rs:14 note pause (inference) is async, and its thread stands still for time to pass: std.thread.sleep",
                "src/main.rs:17 note command (inference) is async, and its thread stands still for a process",
                "src/main.rs:20 note runs (inference) is async, and its thread stands still for a database",
                "src/main.rs:24 note worker (inference) is async, and its thread stands still for a file",
            ],
        );
    }

    #[test]
    fn what_waits_elsewhere_or_is_awaited_does_not_block() {
        check(
            &BlockingCallInAsync,
            r##"
// --- src/main.rs
use std::time::Duration;
async fn aside() { // inference
    let text = tokio::task::spawn_blocking(move || std::fs::read_to_string("a.txt")).await;
    let other = tokio::task::spawn_blocking(load).await;
    std::thread::spawn(|| { std::thread::sleep(Duration::from_secs(1)); load() });
    tokio::task::block_in_place(|| load());
    let work = move || load();
    tokio::task::spawn_blocking(work).await;
}
fn load() -> String { // inference
    std::fs::read_to_string("a.txt").unwrap()
}
async fn awaited(pool: &sqlx::PgPool, client: &tokio_postgres::Client) { // inference
    tokio::fs::read_to_string("a.txt").await.unwrap();
    sqlx::query("SELECT 1 FROM t").fetch_one(pool).await.unwrap();
    client.query("SELECT 1 FROM t", &[]).await.unwrap();
    reqwest::get("http://host").await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    tokio::process::Command::new("ls").output().await.unwrap();
    std::path::Path::new("a.txt").exists();
    let page = include_str!("page.html");
}
fn plain() { // inference
    load();
}
async fn main() {
    load();
}
"##,
            &[],
        );
    }

    #[test]
    fn work_of_another_stage_costs_and_the_way_is_told() {
        check(
            &BlockingCallInAsync,
            r##"
// --- src/main.rs
async fn retrain() { // deployment, POST /retrain
    prepare();
}
fn prepare() { // shared
    train();
}
fn train() { // training
    std::fs::write("model.bin", "").unwrap();
}
fn main() {}
"##,
            &[
                "src/main.rs:2 costs retrain (deployment) is async, and its thread stands still for a file: std.fs.write at src/main.rs:8, by way of prepare and train: that is training's work",
            ],
        );
    }

    #[test]
    fn requests_of_another_stage_wait_with_it() {
        check(
            &BlockingCallInAsync,
            "
import time
import requests
async def watch():  # monitoring, GET /drift
    return requests.get('http://host', timeout=3)
async def predict():  # inference, POST /predict
    return 1
async def explain():  # inference
    time.sleep(1)
",
            &[
                "app.py:4 costs watch (monitoring) is async, and its thread stands still for the network: requests.get at app.py:4: requests for inference wait with it",
                "app.py:8 costs explain (inference) is async",
            ],
        );
    }

    #[test]
    fn what_blocks_in_python() {
        check(
            &BlockingCallInAsync,
            "
import asyncio, httpx, pickle, subprocess, sqlite3
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sqlalchemy.orm import Session
from sqlalchemy.ext.asyncio import AsyncSession
async def files(frame):  # inference
    with open('a.txt') as file:
        file.read()
    pd.read_csv('a.csv')
async def rows(session: Session):  # inference
    session.commit()
async def other(session: AsyncSession):  # inference
    await session.commit()
    async with httpx.AsyncClient() as client:
        await client.get('http://host')
    await asyncio.to_thread(load)
    await asyncio.get_running_loop().run_in_executor(None, load)
    await asyncio.get_running_loop().run_in_executor(None, lambda: load())
    await asyncio.sleep(1)
def load():  # inference
    return pd.read_csv('a.csv')
def plain():  # inference, POST /predict
    return load()
async def fit(x, y):  # inference
    return LogisticRegression().fit(x, y)
async def run():  # inference
    subprocess.run(['ls'])
    return [load() for _ in range(3)]
",
            &[
                "app.py:7 note files (inference) is async, and its thread stands still for a file: builtins.open at app.py:7, and 1 more",
                "app.py:11 note rows (inference) is async, and its thread stands still for a database",
                "app.py:25 note fit (inference) is async, and its thread stands still for a training",
                "app.py:27 note run (inference) is async, and its thread stands still for a process",
                "app.py:28 note run (inference) is async, and its thread stands still for a file: pandas.read_csv at app.py:21, by way of load",
            ],
        );
    }
}
