//! A real SQLite, out of which rows come and into which they go.

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_select::concat::concat_batches;
use rusqlite::{Connection, ffi};

use super::super::{Database, Upsert, Upserted};
use super::*;
use crate::table::{
    Columns, CsvWriter, Format, Reading, Rejected, Sink, Source, Table, TableError, open,
};

fn csv(text: &str) -> Table {
    let source = Source::memory("x.csv", text.to_owned().into_bytes());
    open(&source, Format::Csv, &Reading::default()).unwrap()
}

fn put(database: &Database, key: &str, text: &str) -> Result<Upserted, TableError> {
    let table = csv(text);
    let into = Upsert {
        table: "custo\"mers".to_owned(),
        key: vec!["id".to_owned()],
    };
    let mut rows = table.batches()?.map(|batch| batch.map(|batch| batch.rows));
    database.upsert(&into, key, table.schema(), &mut rows)
}

fn all(database: &Database) -> RecordBatch {
    let table = database
        .query(
            "SELECT * FROM \"custo\"\"mers\" ORDER BY id",
            &Columns::new(),
        )
        .unwrap();
    let batches = table.batches().unwrap().map(|batch| batch.unwrap().rows);
    concat_batches(table.schema(), &batches.collect::<Vec<_>>()).unwrap()
}

#[test]
fn rows_are_put_by_key_and_once_for_each_entry() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("x.db").display());
    let database = Database::at(&url).unwrap();
    let first = put(&database, "a", "id,age,plan\n1,30,free\n2,31.5,pro\n").unwrap();
    assert_eq!(first, Upserted::Rows(2));
    assert_eq!(
        put(&database, "a", "id,age,plan\n1,99,x\n").unwrap(),
        Upserted::Before
    );
    let second = put(&database, "b", "id,age,plan\n2,40,\n3,50,pro\n").unwrap();
    assert_eq!(second, Upserted::Rows(2));
    let rows = all(&database);
    assert_eq!(
        rows.column(0).as_primitive::<Int64Type>().values(),
        &[1, 2, 3]
    );
    assert_eq!(
        rows.column(1).as_primitive::<Float64Type>().values(),
        &[30.0, 40.0, 50.0]
    );
    let plans: Vec<_> = rows.column(2).as_string::<i32>().iter().collect();
    assert_eq!(plans, [Some("free"), None, Some("pro")]);
}

#[test]
fn after_a_failure_nothing_has_happened() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("x.db").display());
    let database = Database::at(&url).unwrap();
    put(&database, "a", "id,age,plan\n1,30,free\n").unwrap();
    let table = csv("id,age,plan\n1,99,x\n");
    let into = Upsert {
        table: "custo\"mers".to_owned(),
        key: vec!["id".to_owned()],
    };
    let broken = std::iter::once(Err(TableError::NoHeader {
        table: "x".to_owned(),
    }));
    let mut rows = table
        .batches()
        .unwrap()
        .map(|batch| batch.map(|batch| batch.rows))
        .chain(broken);
    assert!(
        database
            .upsert(&into, "b", table.schema(), &mut rows)
            .is_err()
    );
    assert_eq!(
        all(&database)
            .column(1)
            .as_primitive::<Int64Type>()
            .values(),
        &[30]
    );
    assert_eq!(
        put(&database, "b", "id,age,plan\n1,31,y\n").unwrap(),
        Upserted::Rows(1)
    );
}

#[test]
fn only_what_is_wrong_with_the_rows_or_the_statement_stays() {
    let may_pass = |code| rusqlite::Error::SqliteFailure(ffi::Error::new(code), None).may_pass();
    for code in [
        ffi::SQLITE_BUSY,
        ffi::SQLITE_FULL,
        ffi::SQLITE_IOERR,
        ffi::SQLITE_CANTOPEN,
    ] {
        assert!(may_pass(code), "{code}");
    }
    for code in [
        ffi::SQLITE_CONSTRAINT,
        ffi::SQLITE_MISMATCH,
        ffi::SQLITE_ERROR,
        ffi::SQLITE_NOTADB,
    ] {
        assert!(!may_pass(code), "{code}");
    }
}

#[test]
fn what_the_database_refuses_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("x.db").display());
    let database = Database::at(&url).unwrap();
    let error = database
        .query("SELECT 1", &Columns::new())
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains("cannot be opened"), "{error}");
    put(&database, "a", "id,age\n1,30\n").unwrap();
    let error = database
        .query("SELEC 1", &Columns::new())
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains("the query is refused"), "{error}");
}

/// What the query answers of a database made so: the type of each column, the
/// rows that fit as CSV, and those that do not.
fn asked(made: &str, query: &str, declared: &str) -> (Vec<String>, String, Vec<Rejected>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    Connection::open(&path)
        .unwrap()
        .execute_batch(made)
        .unwrap();
    let database = Database::at(&format!("sqlite:{}", path.display())).unwrap();
    let table = database
        .query(query, &toml::from_str(declared).unwrap())
        .unwrap();
    let mut text = Vec::new();
    let mut csv = CsvWriter::new("x", table.schema(), &mut text).unwrap();
    let mut rejected = Vec::new();
    for batch in table.batches().unwrap() {
        let batch = batch.unwrap();
        csv.write(&batch.rows).unwrap();
        rejected.extend(batch.rejected);
    }
    let types = table.schema().fields().iter();
    let types = types.map(|field| field.data_type().to_string()).collect();
    drop(csv);
    let text = String::from_utf8(text).unwrap();
    (types, text, rejected)
}

fn told(rejected: &[Rejected]) -> Vec<String> {
    let told = rejected.iter();
    told.map(|row| format!("{}: {}", row.row, row.reason()))
        .collect()
}

#[test]
fn a_value_that_is_no_number_in_a_column_of_numbers_is_rejected() {
    let made = "CREATE TABLE t (id INTEGER PRIMARY KEY, age INTEGER, spent DECIMAL(10,2), note);
         INSERT INTO t VALUES (1, 30, 2.5, 1), (2, 'old', 3, 'x'), (3, NULL, x'ff', NULL);";
    let (types, text, rejected) = asked(made, "SELECT * FROM t ORDER BY id", "");
    // A column without a type is what all its values are.
    assert_eq!(types, ["Int64", "Float64", "Float64", "Utf8"]);
    assert_eq!(text, "id,age,spent,note\n1,30.0,2.5,1\n");
    assert_eq!(
        told(&rejected),
        [
            "2: age: \"old\" is no float64",
            "3: spent: \"\u{fffd}\" is no float64"
        ]
    );
    let fields: Vec<_> = rejected[0].fields.iter().flatten().collect();
    assert_eq!(fields, ["2", "old", "3", "x"]);
}

#[test]
fn a_column_of_numbers_that_holds_none_is_text() {
    let made = "CREATE TABLE t (code INTEGER); INSERT INTO t VALUES ('a'), (NULL), ('b');";
    let (types, text, rejected) = asked(made, "SELECT * FROM t", "");
    assert_eq!((types, told(&rejected)), (vec!["Utf8".to_owned()], vec![]));
    assert_eq!(text, "code\na\n\"\"\nb\n");
}

#[test]
fn values_are_held_against_the_types_declared() {
    let made = "CREATE TABLE t (id, day, ok);
         INSERT INTO t VALUES (1, '29.02.2024', 1), (2.0, '30.02.2024', 0), (3, NULL, 2);";
    let declared = "id = \"int64\"\nok = \"bool\"\n\
                    day = { type = \"date\", format = \"%d.%m.%Y\", nullable = false }";
    let (types, text, rejected) = asked(made, "SELECT * FROM t", declared);
    assert_eq!(types, ["Int64", "Date32", "Boolean"]);
    assert_eq!(text, "id,day,ok\n1,2024-02-29,true\n");
    assert_eq!(
        told(&rejected),
        [
            "2: id: \"2.0\" is no int64; day: \"30.02.2024\" is no date",
            "3: day: has no value; ok: \"2\" is no bool"
        ]
    );
}

#[test]
fn what_changed_since_the_types_were_seen_is_rejected_and_not_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let shop = Connection::open(&path).unwrap();
    shop.execute_batch("CREATE TABLE t (id); INSERT INTO t VALUES (1)")
        .unwrap();
    let database = Database::at(&format!("sqlite:{}", path.display())).unwrap();
    let table = database.query("SELECT * FROM t", &Columns::new()).unwrap();
    shop.execute_batch("INSERT INTO t VALUES ('two')").unwrap();
    let batches: Vec<_> = table.batches().unwrap().map(Result::unwrap).collect();
    assert_eq!(batches[0].rows.num_rows(), 1);
    assert_eq!(told(&batches[0].rejected), ["2: id: \"two\" is no int64"]);
}

#[test]
fn a_column_that_is_declared_and_not_there_is_named() {
    let database = tempfile::tempdir().unwrap();
    let path = database.path().join("x.db");
    Connection::open(&path)
        .unwrap()
        .execute_batch("CREATE TABLE t (id)")
        .unwrap();
    let database = Database::at(&format!("sqlite:{}", path.display())).unwrap();
    let declared = toml::from_str("age = \"int64\"").unwrap();
    let error = database.query("SELECT * FROM t", &declared).err().unwrap();
    assert!(error.to_string().contains("no column \"age\""), "{error}");
}
