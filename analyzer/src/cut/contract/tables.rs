//! Tables over a line, with the database that holds them.

use super::super::{ContractEntry, CutLine, EntryKind};
use super::code::Code;
use crate::graph::data::Via;
use smol_str::SmolStr;

pub(super) fn entries(code: &Code<'_>, line: &CutLine, out: &mut Vec<ContractEntry>) {
    let database = database(code);
    for crossing in line
        .crossings
        .iter()
        .filter(|crossing| crossing.via == Some(Via::Table))
    {
        out.push(ContractEntry {
            kind: EntryKind::Table,
            name: crossing.name.clone(),
            value: database.clone(),
            optional: false,
            made: None,
            file: crossing.file,
            line: crossing.line,
        });
    }
}

/// Libraries that connect to one kind of database.
const DRIVERS: [(&str, &str); 9] = [
    ("sqlite3.", "sqlite"),
    ("aiosqlite.", "sqlite"),
    ("psycopg", "postgresql"),
    ("asyncpg.", "postgresql"),
    ("pymysql.", "mysql"),
    ("mysql.", "mysql"),
    ("duckdb.", "duckdb"),
    ("pymongo.", "mongodb"),
    ("snowflake.", "snowflake"),
];

/// The kind of database, where the tree connects to one kind only: by the
/// driver it calls, or the scheme of the URL it gives an engine.
fn database(code: &Code<'_>) -> Option<SmolStr> {
    let mut kinds: Vec<&str> = Vec::new();
    for call in &code.ctx.call_graph.library_calls {
        if let Some((_, kind)) = DRIVERS
            .iter()
            .find(|(prefix, _)| call.path.starts_with(prefix))
        {
            kinds.push(kind);
        }
        if call.path.ends_with("create_engine") || call.path.ends_with("create_async_engine") {
            let urls = call.args.first().into_iter().flat_map(|arg| &arg.texts);
            kinds.extend(
                urls.filter_map(|url| url.split([':', '+']).next())
                    .filter(|kind| !kind.contains('{')),
            );
        }
    }
    kinds.sort_unstable();
    kinds.dedup();
    match kinds.as_slice() {
        [only] => Some((*only).into()),
        _ => None,
    }
}
