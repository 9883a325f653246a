//! Rows out of and into a real PostgreSQL.

use cutline_runtime::table::{
    Columns, Database, Format, Reading, Source, Table, TableError, Upsert, Upserted, open,
};

use crate::support::postgres::Postgres;

fn csv(text: &str) -> Table {
    let source = Source::memory("x.csv", text.to_owned().into_bytes());
    let columns = "columns.signup = \"date\"\ncolumns.seen = \"timestamp\"";
    let reading: Reading = toml::from_str(columns).expect("it is a document");
    open(&source, Format::Csv, &reading).expect("it is a table")
}

fn put(database: &Database, entry: &str, text: &str) -> Result<Upserted, TableError> {
    let table = csv(text);
    let into = Upsert {
        table: "my \"customers\"".to_owned(),
        key: vec!["id".to_owned()],
    };
    let mut rows = table.batches()?.map(|batch| batch.map(|batch| batch.rows));
    database.upsert(&into, entry, table.schema(), &mut rows)
}

/// The rows of the query as text.
pub(crate) fn rows(database: &Database, query: &str) -> Vec<String> {
    let table = database
        .query(query, &Columns::new())
        .expect("it is a query");
    let mut lines = Vec::new();
    for batch in table.batches().expect("it can be read") {
        let batch = batch.expect("it can be read");
        for row in 0..batch.rows.num_rows() {
            let columns = 0..batch.rows.num_columns();
            let text = |column| {
                batch
                    .text(row, column)
                    .map_or("-".into(), |text| text.into_owned())
            };
            lines.push(columns.map(text).collect::<Vec<String>>().join(" "));
        }
    }
    lines
}

const HEADER: &str = "id,age,plan,ok,signup,seen\n";

#[test]
fn rows_are_put_by_key_in_one_transaction_with_the_ledger() {
    let server = Postgres::start();
    let database = Database::at(&server.url()).unwrap();
    let first =
        format!("{HEADER}1,30.5,free,true,2024-02-29,2024-01-01 10:00:00\n2,,\"a 'b'\",,,\n");
    assert_eq!(put(&database, "a", &first).unwrap(), Upserted::Rows(2));
    // The same again, and another under the same entry, change nothing.
    let other = format!("{HEADER}1,99,x,false,,\n");
    assert_eq!(put(&database, "a", &first).unwrap(), Upserted::Before);
    assert_eq!(put(&database, "a", &other).unwrap(), Upserted::Before);
    let second = format!("{HEADER}2,40,pro,true,,\n3,50,pro,false,,\n");
    assert_eq!(put(&database, "b", &second).unwrap(), Upserted::Rows(2));
    let customers = "SELECT * FROM \"my \"\"customers\"\"\" ORDER BY id;";
    assert_eq!(
        rows(&database, customers),
        [
            "1 30.5 free true 2024-02-29 2024-01-01 10:00:00",
            "2 40.0 pro true - -",
            "3 50.0 pro false - -",
        ]
    );
    // What the server refuses leaves nothing behind, the entry included.
    let refused = put(
        &database,
        "c",
        &format!("{HEADER}4,1,\"\",true,,\n,2,x,true,,\n"),
    );
    assert!(
        refused
            .unwrap_err()
            .to_string()
            .contains("the rows are refused")
    );
    assert_eq!(rows(&database, customers).len(), 3);
    assert_eq!(
        rows(&database, "SELECT key FROM cutline_ledger ORDER BY key"),
        ["a", "b"]
    );
}

#[test]
fn a_query_has_the_databases_types_and_streams() {
    let server = Postgres::start();
    let database = Database::at(&server.url()).unwrap();
    let query = "SELECT n AS id, n / 4::numeric AS share, n % 2 = 0 AS even, \
                 DATE '2024-02-29' AS day FROM generate_series(1, 10000) AS n";
    let table = database.query(query, &Columns::new()).unwrap();
    let types = table
        .schema()
        .fields()
        .iter()
        .map(|field| field.data_type().to_string());
    assert_eq!(
        types.collect::<Vec<_>>(),
        ["Int64", "Float64", "Boolean", "Utf8"]
    );
    let rows = rows(&database, query);
    assert_eq!(rows.len(), 10_000);
    assert_eq!(rows[9_998], "9999 2499.75 false 2024-02-29");
    let declared = toml::from_str(
        "n = \"int64\"\nday = { type = \"date\", format = \"%d.%m.%Y\", nullable = false }",
    );
    let query = "SELECT n::text, day FROM (VALUES ('1', '29.02.2024'), ('two', '1.1.'), ('3', NULL)) \
                 AS t (n, day)";
    let table = database.query(query, &declared.unwrap()).unwrap();
    let batches: Vec<_> = table.batches().unwrap().map(Result::unwrap).collect();
    assert_eq!(batches[0].numbers, [1]);
    let told = batches[0].rejected.iter().map(|row| row.reason());
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            "n: \"two\" is no int64; day: \"1.1.\" is no date",
            "day: has no value"
        ]
    );
    let error = database
        .query("SELECT nothing", &Columns::new())
        .err()
        .unwrap()
        .to_string();
    assert!(
        error.contains("the query is refused") && error.contains("nothing"),
        "{error}"
    );
    let nobody = Database::at("postgres://me:secret@127.0.0.1:1/x").unwrap();
    let error = nobody
        .query("SELECT 1", &Columns::new())
        .err()
        .unwrap()
        .to_string();
    assert!(
        error.contains("cannot be connected to") && !error.contains("secret"),
        "{error}"
    );
}
