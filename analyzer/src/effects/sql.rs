//! Tables that SQL text reads and writes.

use smol_str::{SmolStr, ToSmolStr};
use sqlparser::ast::{
    FromTable, ObjectName, SetExpr, Statement, TableFactor, TableObject, visit_relations,
};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;

use crate::catalog::Access;

/// The tables of a statement with what is done to each, sorted. Text that is
/// no SQL has none.
pub(super) fn tables(text: &str) -> Vec<(SmolStr, Access)> {
    // Holes and placeholders of every driver become plain parameters.
    let text = placeholders(text);
    let Ok(statements) = Parser::new(&GenericDialect {})
        .with_recursion_limit(64)
        .try_with_sql(&text)
        .and_then(|mut parser| parser.parse_statements())
    else {
        return by_words(&text);
    };
    let mut found = Vec::new();
    for statement in &statements {
        let written = written(statement);
        let mut reads = Vec::new();
        let _ = visit_relations(statement, |relation| {
            reads.push(name(relation));
            std::ops::ControlFlow::<()>::Continue(())
        });
        for table in reads {
            if written.iter().all(|(written, _)| *written != table) {
                found.push((table, Access::Read));
            }
        }
        found.extend(written);
    }
    // A parser takes a keyword for a table where text is nearly SQL.
    found.retain(|(table, _)| !is_keyword(table));
    found.sort_unstable();
    found.dedup();
    found
}

fn is_keyword(table: &str) -> bool {
    KEYWORDS.contains(&table.to_uppercase().as_str())
}

fn name(name: &ObjectName) -> SmolStr {
    let text = name.to_string();
    text.replace(['"', '`', '[', ']'], "").into()
}

fn written(statement: &Statement) -> Vec<(SmolStr, Access)> {
    match statement {
        Statement::Insert(insert) => {
            let TableObject::TableName(table) = &insert.table else {
                return Vec::new();
            };
            let keyed = insert.or.is_some() || insert.on.is_some() || insert.replace_into;
            let access = if keyed { Access::Write } else { Access::Append };
            vec![(name(table), access)]
        }
        Statement::Update(update) => match &update.table.relation {
            TableFactor::Table { name: table, .. } => vec![(name(table), Access::Write)],
            _ => Vec::new(),
        },
        Statement::Delete(delete) => {
            let (FromTable::WithFromKeyword(tables) | FromTable::WithoutKeyword(tables)) =
                &delete.from;
            let tables = tables.iter().filter_map(|table| match &table.relation {
                TableFactor::Table { name: table, .. } => Some((name(table), Access::Delete)),
                _ => None,
            });
            tables.collect()
        }
        Statement::CreateTable(create) => {
            let reads = create.query.is_some();
            let access = if reads { Access::Write } else { Access::Use };
            vec![(name(&create.name), access)]
        }
        Statement::Drop { names, .. } => {
            let names = names.iter();
            names.map(|table| (name(table), Access::Delete)).collect()
        }
        Statement::Query(query) => match query.body.as_ref() {
            SetExpr::Insert(inner) | SetExpr::Update(inner) => written(inner),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// With `%s` and `%(name)s`, which drivers of Python take for `?`, as that; not
/// within texts, where they are a pattern of `LIKE` or part of a value.
pub(crate) fn bound(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut rest, mut in_text) = (text, false);
    while let Some(c) = rest.chars().next() {
        in_text ^= c == '\'';
        let named = || {
            let after = rest.strip_prefix("%(")?;
            Some(&after[after.find(")s")? + 2..])
        };
        let after = rest.strip_prefix("%s").or_else(named);
        match after.filter(|_| !in_text) {
            Some(after) => {
                out.push('?');
                rest = after;
            }
            None => {
                out.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    out
}

/// Placeholders of every driver, and `{hole}`s, as what a parser takes.
fn placeholders(text: &str) -> String {
    let text = bound(text);
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(c) = rest.chars().next() {
        if c == '{'
            && let Some(end) = rest.find('}')
        {
            // A hole may be a table's name.
            let hole = rest[1..end].replace(|c: char| !c.is_alphanumeric(), "_");
            out.push_str(&format!("\"{{{}}}\"", hole.to_smolstr()));
            rest = &rest[end + 1..];
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    out
}

/// Words that stand where a table would, in text that is no SQL.
const KEYWORDS: &[&str] = &["FROM", "INTO", "SELECT", "SET", "THE", "VALUES", "WHERE"];

/// The table after the telling word, for SQL that does not parse.
fn by_words(text: &str) -> Vec<(SmolStr, Access)> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut found = Vec::new();
    let first = words
        .first()
        .map(|word| word.to_uppercase())
        .unwrap_or_default();
    let verbs = [
        "SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH", "MERGE", "COPY", "CREATE",
    ];
    if !verbs.contains(&first.as_str()) {
        return found;
    }
    for pair in words.windows(2) {
        let access = match pair[0].to_uppercase().as_str() {
            "FROM" if first == "DELETE" => Access::Delete,
            "FROM" | "JOIN" => Access::Read,
            "INTO" if first == "REPLACE" => Access::Write,
            "INTO" => Access::Append,
            "UPDATE" => Access::Write,
            _ => continue,
        };
        let table: String = pair[1]
            .chars()
            .take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '{' | '}'))
            .collect();
        if !table.is_empty() && !is_keyword(&table) {
            found.push((table.into(), access));
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &[(&str, Access)]) {
        let found = tables(text);
        let found: Vec<(&str, Access)> = found.iter().map(|(t, a)| (t.as_str(), *a)).collect();
        assert_eq!(found, expect, "{text}");
    }

    #[test]
    fn statements_read_and_write_tables() {
        check(
            "SELECT a FROM t JOIN u ON t.id = u.id",
            &[("t", Access::Read), ("u", Access::Read)],
        );
        check("INSERT INTO t (a) VALUES (?)", &[("t", Access::Append)]);
        check(
            "INSERT OR REPLACE INTO t (a) VALUES (?)",
            &[("t", Access::Write)],
        );
        check(
            "INSERT INTO t SELECT * FROM u",
            &[("t", Access::Append), ("u", Access::Read)],
        );
        check(
            "UPDATE t SET a = %s WHERE id = %(id)s",
            &[("t", Access::Write)],
        );
        check("DELETE FROM t WHERE a < :x", &[("t", Access::Delete)]);
        check(
            "CREATE TABLE IF NOT EXISTS t (a INT)",
            &[("t", Access::Use)],
        );
    }

    #[test]
    fn a_hole_can_be_a_table() {
        check("SELECT * FROM {table}", &[("{table}", Access::Read)]);
    }

    #[test]
    fn text_that_is_no_sql_has_no_tables() {
        check("hello from the other side", &[]);
        check("SELECT FROM WHERE", &[]);
    }
}
