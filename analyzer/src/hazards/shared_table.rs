use std::collections::BTreeMap;

use smol_str::format_smolstr;

use super::support::{Callers, listed};
use super::{Context, Finding, Hazard, Severity};
use crate::effects::{Access, Resource, ResourceAccess, ResourceKind};
use crate::graph::FuncId;
use crate::stages::Stage;

/// A table that several stages write.
pub(super) struct SharedTable;

const EXPLANATION: &str = r#"
## What it finds
A database table that functions of two or more stages insert into, update or
delete from. It blocks when two stages change rows that exist; when at most
one does and the others only add, it costs.

## Why it matters at a cut
A table with two writers has no owner: neither stage can change its columns,
move it or rely on what it wrote. While monolith and candidate run side by
side, each undoes what the other did.

## Example
```python
import sqlite3

def evaluate(version, auc):  # evaluation
    conn = sqlite3.connect("app.db")
    conn.execute("UPDATE models SET auc = ? WHERE version = ?", (auc, version))

def promote(version):  # deployment
    conn = sqlite3.connect("app.db")
    conn.execute("UPDATE models SET live = 1 WHERE version = ?", (version,))
```

## What to do
Give the table to one stage and let the others ask it, by a message or a call;
or split it, so that each stage has the columns that it alone writes.
"#;

impl Hazard for SharedTable {
    fn name(&self) -> &'static str {
        "shared-table"
    }

    fn explanation(&self) -> &'static str {
        EXPLANATION
    }

    fn check(&self, ctx: &Context<'_>, found: &mut Vec<Finding>) {
        let callers = Callers::new(ctx);
        let tables = ctx.effects.resources.iter();
        let tables =
            tables.filter(|table| table.kind == ResourceKind::Table && table.is_identified());
        found.extend(tables.filter_map(|table| judge(ctx, &callers, table)));
    }
}

fn judge(ctx: &Context<'_>, callers: &Callers<'_>, table: &Resource) -> Option<Finding> {
    let mut writers: BTreeMap<Stage, Vec<(&ResourceAccess, FuncId)>> = BTreeMap::new();
    for access in &table.accesses {
        if !matches!(
            access.access,
            Access::Write | Access::Append | Access::Delete
        ) {
            continue;
        }
        for actor in access.actors() {
            for stage in callers.stages(actor) {
                writers.entry(stage).or_default().push((access, actor));
            }
        }
    }
    let (from, to) = match *writers.keys().copied().collect::<Vec<_>>() {
        [] | [_] => return None,
        [first, .., last] => changing(&writers).unwrap_or((first, last)),
    };
    let who: Vec<String> = writers
        .iter()
        .map(|(stage, accesses)| {
            let mut places: Vec<String> = accesses
                .iter()
                .map(|(access, _)| ctx.place(access.file, access.line))
                .collect();
            places.dedup();
            let does = accesses.iter().map(|(access, _)| access.access).min();
            let does = match does {
                Some(Access::Append) => "inserts",
                Some(Access::Delete) => "deletes",
                _ => "updates",
            };
            format!("{stage} {does} ({})", listed(&places))
        })
        .collect();
    let related = writers.values().flatten().map(|(access, actor)| {
        let note = format_smolstr!("{} writes it", ctx.qualname(*actor));
        (access.file, access.line, note)
    });
    let related: Vec<_> = related.collect();
    let (first, actor) = *writers.get(&from)?.first()?;
    let blocks = changing(&writers).is_some();
    Some(Finding {
        hazard: SharedTable.name(),
        severity: if blocks {
            Severity::Blocks
        } else {
            Severity::Costs
        },
        file: first.file,
        line: first.line,
        function: actor,
        message: format!(
            "table {} has {} writers: {}",
            table.identity,
            writers.len(),
            listed(&who)
        ),
        mend: format!(
            "Let one stage own {}, and let the others ask it to write.",
            table.identity
        ),
        between: Some((from, to)),
        related,
        setting: None,
    })
}

/// Two stages that change rows that exist.
fn changing(writers: &BTreeMap<Stage, Vec<(&ResourceAccess, FuncId)>>) -> Option<(Stage, Stage)> {
    let mut stages = writers.iter().filter_map(|(stage, accesses)| {
        let changes = |(access, _): &(&ResourceAccess, FuncId)| access.access != Access::Append;
        accesses.iter().any(changes).then_some(*stage)
    });
    Some((stages.next()?, stages.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hazards::support::testing::check;

    const HEAD: &str = "
import sqlite3
conn = sqlite3.connect('a.db')
";

    #[track_caller]
    fn check_sql(body: &str, expect: &[&str]) {
        check(&SharedTable, &format!("{HEAD}{body}"), expect);
    }

    #[test]
    fn two_stages_that_update_block() {
        check_sql(
            "
def evaluate():  # evaluation
    conn.execute('UPDATE models SET auc = 1')
def promote():  # deployment
    conn.execute('DELETE FROM models')
",
            &[
                "app.py:5 blocks table models has 2 writers: evaluation updates (app.py:5) and deployment deletes (app.py:7)",
            ],
        );
    }

    #[test]
    fn a_second_stage_that_only_adds_costs() {
        check_sql(
            "
def train():  # training
    conn.execute('INSERT INTO models (version) VALUES (1)')
def promote():  # deployment
    conn.execute('UPDATE models SET live = 1')
",
            &["app.py:5 costs"],
        );
    }

    #[test]
    fn readers_and_one_writer_are_fine() {
        check_sql(
            "
def train():  # training
    conn.execute('INSERT INTO models (version) VALUES (1)')
    conn.execute('CREATE TABLE IF NOT EXISTS models (version TEXT)')
def predict():  # inference
    conn.execute('SELECT * FROM models')
",
            &[],
        );
    }

    #[test]
    fn tables_of_rust_have_writers_too() {
        check(
            &SharedTable,
            r#"
// --- src/main.rs
async fn evaluate(pool: &sqlx::PgPool) { // evaluation
    sqlx::query("UPDATE models SET auc = $1").bind(0.7).execute(pool).await.unwrap();
}
fn promote(conn: &rusqlite::Connection) { // deployment
    conn.execute("UPDATE models SET live = 1", []).unwrap();
}
async fn log(client: &tokio_postgres::Client) { // inference
    client.execute("INSERT INTO seen (at) VALUES (1)", &[]).await.unwrap();
}
fn prune(client: &mut postgres::Client) { // monitoring
    client.execute("DELETE FROM seen", &[]).unwrap();
}
fn read(conn: &rusqlite::Connection) { // training
    conn.prepare("SELECT * FROM seen").unwrap();
}
fn main() {}
"#,
            &[
                "src/main.rs:2 blocks table models has 2 writers: evaluation updates (src/main.rs:2) and deployment updates (src/main.rs:5)",
                "src/main.rs:8 costs table seen has 2 writers",
            ],
        );
    }
}
