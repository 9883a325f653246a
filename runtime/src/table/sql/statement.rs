//! The statements that SQLite and PostgreSQL both understand.

use arrow_schema::{DataType, Schema};

use super::Upsert;
use crate::table::TableError;

/// Makes the ledger, if it is not there.
pub(super) const MAKE_LEDGER: &str = "CREATE TABLE IF NOT EXISTS cutline_ledger \
     (key TEXT PRIMARY KEY, done_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP)";

/// Takes the entry, if it is not there: one row then, else none.
pub(super) const TAKE_ENTRY: &str =
    "INSERT INTO cutline_ledger (key) VALUES ($1) ON CONFLICT (key) DO NOTHING";

/// A name as it stands in a statement, whatever is in it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.into_iter().map(quoted).collect();
    names.join(", ")
}

/// That the key is made of columns that are there.
pub(super) fn check_key(url: &str, into: &Upsert, schema: &Schema) -> Result<(), TableError> {
    match into.key.iter().find(|name| schema.index_of(name).is_err()) {
        None => Ok(()),
        Some(column) => Err(TableError::NoColumn {
            table: format!("{url}: the rows for {:?}", into.table),
            column: column.clone(),
            found: list(names(schema)),
        }),
    }
}

/// Makes the table, if it is not there, with the key, if there is one, as its
/// primary key.
pub(super) fn create(into: &Upsert, schema: &Schema) -> String {
    let columns = schema
        .fields()
        .iter()
        .map(|field| format!("{} {}", quoted(field.name()), type_name(field.data_type())));
    let key = (!into.key.is_empty()).then(|| {
        let key = list(into.key.iter().map(String::as_str));
        format!("PRIMARY KEY ({key})")
    });
    let columns: Vec<String> = columns.chain(key).collect();
    format!(
        "CREATE TABLE IF NOT EXISTS {} ({})",
        quoted(&into.table),
        columns.join(", "),
    )
}

/// Puts one row, with a parameter for each column.
pub(super) fn upsert(
    into: &Upsert,
    schema: &Schema,
    parameter: impl Fn(usize, &DataType) -> String,
) -> String {
    let fields = schema.fields().iter().enumerate();
    let values: Vec<String> = fields
        .map(|(place, field)| parameter(place + 1, field.data_type()))
        .collect();
    let others = names(schema).filter(|name| !into.key.iter().any(|key| key == name));
    let sets: Vec<String> = others
        .map(|name| format!("{0} = excluded.{0}", quoted(name)))
        .collect();
    let action = match sets.is_empty() {
        true => "NOTHING".to_owned(),
        false => format!("UPDATE SET {}", sets.join(", ")),
    };
    let key = list(into.key.iter().map(String::as_str));
    let conflict = match into.key.is_empty() {
        true => String::new(),
        false => format!(" ON CONFLICT ({key}) DO {action}"),
    };
    format!(
        "INSERT INTO {} ({}) VALUES ({}){conflict}",
        quoted(&into.table),
        list(names(schema)),
        values.join(", "),
    )
}

/// The type of a column, in words that both know.
pub(super) fn type_name(ty: &DataType) -> &'static str {
    match ty {
        DataType::Boolean => "BOOLEAN",
        DataType::Date32 | DataType::Date64 => "DATE",
        DataType::Timestamp(_, _) => "TIMESTAMP",
        DataType::UInt64 => "NUMERIC",
        ty if ty.is_integer() => "BIGINT",
        ty if ty.is_numeric() => "DOUBLE PRECISION",
        _ => "TEXT",
    }
}

fn names(schema: &Schema) -> impl Iterator<Item = &str> {
    schema.fields().iter().map(|field| field.name().as_str())
}

#[cfg(test)]
mod tests {
    use arrow_schema::Field;

    use super::*;

    #[test]
    fn names_are_quoted_whatever_they_are() {
        let schema = Schema::new(vec![
            Field::new("id", DataType::Int64, true),
            Field::new("a\"; DROP", DataType::Utf8, true),
        ]);
        let into = Upsert {
            table: "my \"table\"".to_owned(),
            key: vec!["id".to_owned()],
        };
        assert_eq!(
            create(&into, &schema),
            r#"CREATE TABLE IF NOT EXISTS "my ""table""" ("id" BIGINT, "a""; DROP" TEXT, PRIMARY KEY ("id"))"#
        );
        assert_eq!(
            upsert(&into, &schema, |place, _| format!("?{place}")),
            r#"INSERT INTO "my ""table""" ("id", "a""; DROP") VALUES (?1, ?2) ON CONFLICT ("id") DO UPDATE SET "a""; DROP" = excluded."a""; DROP""#
        );
    }

    #[test]
    fn a_key_must_be_there() {
        let schema = Schema::new(vec![Field::new("id", DataType::Int64, true)]);
        let refused = |key: &[&str]| {
            let into = Upsert {
                table: "t".to_owned(),
                key: key.iter().map(ToString::to_string).collect(),
            };
            check_key("sqlite:x", &into, &schema)
                .unwrap_err()
                .to_string()
        };
        assert!(refused(&["no"]).contains("no column \"no\""));
    }

    #[test]
    fn without_a_key_each_row_is_added() {
        let schema = Schema::new(vec![Field::new("id", DataType::Int64, true)]);
        let into = Upsert {
            table: "t".to_owned(),
            key: Vec::new(),
        };
        assert_eq!(
            create(&into, &schema),
            r#"CREATE TABLE IF NOT EXISTS "t" ("id" BIGINT)"#
        );
        assert_eq!(
            upsert(&into, &schema, |place, _| format!("?{place}")),
            r#"INSERT INTO "t" ("id") VALUES (?1)"#
        );
    }
}
