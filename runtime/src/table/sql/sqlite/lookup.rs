//! A few rows of a query with parameters, as JSON.

use indexmap::IndexMap;
use rusqlite::types::{Value as Cell, ValueRef};
use rusqlite::{Connection, OpenFlags, Statement};
use serde_json::{Map, Value};

use super::super::lookup::{no_value, too_many};
use super::PATIENCE;
use crate::table::TableError;

/// The rows, `most` at most.
pub(in super::super) fn lookup(
    shown: &str,
    path: &str,
    query: &str,
    values: &IndexMap<String, String>,
    most: usize,
) -> Result<Vec<Map<String, Value>>, TableError> {
    let refused = TableError::database(shown, "the query is refused");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags);
    let connection = connection.map_err(TableError::database(shown, "cannot be opened"))?;
    connection.busy_timeout(PATIENCE).map_err(&refused)?;
    let mut statement = connection.prepare(query).map_err(&refused)?;
    bind(shown, &mut statement, values)?;
    let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let mut rows = statement.raw_query();
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(&refused)? {
        if found.len() == most {
            return Err(too_many(shown, most));
        }
        let cells = names.iter().enumerate().map(|(place, name)| {
            let value = row.get_ref(place).map_err(&refused)?;
            Ok((name.clone(), json(shown, name, value)?))
        });
        found.push(cells.collect::<Result<_, TableError>>()?);
    }
    Ok(found)
}

fn bind(
    shown: &str,
    statement: &mut Statement<'_>,
    values: &IndexMap<String, String>,
) -> Result<(), TableError> {
    for place in 1..=statement.parameter_count() {
        let name = statement.parameter_name(place).unwrap_or("?").to_owned();
        let value = name.strip_prefix(':').and_then(|name| values.get(name));
        let value = value.ok_or_else(|| no_value(shown, &name))?;
        let bound = statement.raw_bind_parameter(place, cell(value));
        bound.map_err(TableError::database(shown, "the query is refused"))?;
    }
    Ok(())
}

/// A text that is how SQLite writes a number is that number: a column of texts
/// takes it for the text, and a limit can be one.
fn cell(text: &str) -> Cell {
    if let Ok(number) = text.parse::<i64>()
        && number.to_string() == text
    {
        return Cell::Integer(number);
    }
    match text.parse::<f64>() {
        Ok(number) if is_plain(number) && number.to_string() == text => Cell::Real(number),
        _ => Cell::Text(text.to_owned()),
    }
}

/// Whether SQLite writes it without an exponent, with all of its digits.
fn is_plain(number: f64) -> bool {
    let written = number.to_string();
    let digits = written.chars().filter(char::is_ascii_digit).count();
    (1e-4..1e15).contains(&number.abs()) && digits <= 15 && written.contains('.')
}

fn json(shown: &str, column: &str, value: ValueRef<'_>) -> Result<Value, TableError> {
    let text = |bytes| match str::from_utf8(bytes) {
        Ok(text) => Ok(Value::from(text)),
        Err(_) => Err(TableError::Declaration {
            place: format!("{shown}: column {column:?}"),
            problem: "holds bytes that are no text, which JSON cannot".to_owned(),
        }),
    };
    match value {
        ValueRef::Null => Ok(Value::Null),
        ValueRef::Integer(number) => Ok(number.into()),
        // What is no number is null.
        ValueRef::Real(number) => Ok(number.into()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => text(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::Database;
    use super::*;

    fn database(folder: &tempfile::TempDir) -> Database {
        let path = folder.path().join("x.db");
        Connection::open(&path)
            .unwrap()
            .execute_batch(
                "CREATE TABLE t (id INTEGER, code TEXT, charge REAL, raw BLOB);
                 INSERT INTO t VALUES (1, '007', 0.5, NULL), (2, '7', NULL, x'ff'), (2, 'x', 1e999, NULL);",
            )
            .unwrap();
        Database::at(&format!("sqlite:{}", path.display())).unwrap()
    }

    fn asked(query: &str, values: &[(&str, &str)], most: usize) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let values = values
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let found = database(&folder).lookup(query, &values.collect(), most);
        match found {
            Ok(rows) => Ok(serde_json::to_string(&rows).unwrap()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn a_parameter_is_a_value_and_never_a_part_of_the_query() {
        let by_code = "SELECT id FROM t WHERE code = :code";
        assert_eq!(
            asked(by_code, &[("code", "007")], 9).unwrap(),
            r#"[{"id":1}]"#
        );
        assert_eq!(
            asked(by_code, &[("code", "7")], 9).unwrap(),
            r#"[{"id":2}]"#
        );
        assert_eq!(
            asked(by_code, &[("code", "x' OR '1'='1")], 9).unwrap(),
            "[]"
        );
        // What looks like a number elsewhere is found as the text that it is.
        for odd in ["inf", "NaN", "0.00001", "1e5", "0.5"] {
            let stored = format!(
                "WITH odd (c) AS (SELECT CAST('{odd}' AS TEXT)) SELECT c FROM odd WHERE CAST(c AS TEXT) = :odd"
            );
            let found = asked(&stored, &[("odd", odd)], 9).unwrap();
            assert_eq!(found, format!(r#"[{{"c":"{odd}"}}]"#));
        }
        let by_id = "SELECT code, charge FROM t WHERE id = :id ORDER BY rowid LIMIT :n";
        assert_eq!(
            asked(by_id, &[("id", "2"), ("n", "1"), ("other", "")], 9).unwrap(),
            r#"[{"code":"7","charge":null}]"#
        );
    }

    #[test]
    fn what_cannot_be_answered_is_told() {
        let refused = |query: &str, values: &[(&str, &str)], most| {
            asked(query, values, most).expect_err("it is refused")
        };
        let missing = refused("SELECT id FROM t WHERE id = :id", &[], 9);
        assert!(missing.contains("\":id\": has no value"), "{missing}");
        let nameless = refused("SELECT id FROM t WHERE id = ?", &[("id", "1")], 9);
        assert!(nameless.contains("\"?\": has no value"), "{nameless}");
        let many = refused("SELECT id FROM t", &[], 2);
        assert!(many.contains("more than 2 rows"), "{many}");
        let bytes = refused("SELECT raw FROM t", &[], 9);
        assert!(bytes.contains("column \"raw\""), "{bytes}");
        let changes = refused("DELETE FROM t", &[], 9);
        assert!(changes.contains("readonly"), "{changes}");
        assert_eq!(
            asked("SELECT charge FROM t WHERE code = 'x'", &[], 9).unwrap(),
            r#"[{"charge":null}]"#
        );
    }
}
