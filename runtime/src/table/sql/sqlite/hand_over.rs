//! Tables of one SQLite file handed over to another: copied, compared and
//! fenced off where they were, in one transaction over both files.
//!
//! A fence is a set of triggers that refuse every change with a message: a
//! writer that nobody thought of finds out, and its rows are not lost in a table
//! that nobody reads any more.

use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior, params};
use sha2::{Digest, Sha256};

use super::super::statement::{MAKE_LEDGER, quoted};
use super::PATIENCE;
use crate::table::TableError;

/// What is in a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sum {
    /// How many rows.
    pub rows: u64,
    /// The sum of the rows' SHA-256, each half of its own modulo 2^128, in
    /// hexadecimal: the same for the same rows in any order (an additive
    /// multiset hash; Clarke et al. 2003).
    pub hash: String,
}

/// The other file, while both are open.
const OTHER: &str = "cutline_other";

/// What can be done to a table.
const CHANGES: [&str; 3] = ["INSERT", "UPDATE", "DELETE"];

/// Hands `tables` over from one file to the other, in which nothing else is
/// changed. A table that is not there is made, with its indexes; one that is
/// there is replaced where it is fenced or empty, and else refused: nobody has
/// handed over what is in it. The entries of the ledger go with them. From then
/// on `fence` is what is said to who would change a table in the first, which
/// may not be fenced before. Where one is gone on with that broke off
/// (`resumes`), both may be as it left them.
pub(in super::super) fn hand_over(
    shown: &str,
    (from, to): (&str, &str),
    tables: &[String],
    fence: &str,
    resumes: bool,
) -> Result<Vec<Sum>, TableError> {
    let refused = |doing| TableError::database(shown, doing);
    let mut connection = open(shown, from)?;
    let has_ledger = is_there(&connection, "main", "cutline_ledger")
        .map_err(refused("its tables cannot be read"))?;
    make(shown, &connection, to, tables, has_ledger)?;
    connection
        .execute(&format!("ATTACH ?1 AS {OTHER}"), [to])
        .map_err(refused("the other database cannot be opened"))?;
    let began = connection.transaction_with_behavior(TransactionBehavior::Immediate);
    let transaction = began.map_err(refused("no transaction"))?;
    let mut sums = Vec::new();
    for table in tables {
        if !resumes {
            fits(shown, (&transaction, "main"), (&transaction, OTHER), table)?;
        }
        sums.push(one(shown, &transaction, table, fence)?);
    }
    if has_ledger {
        let known = format!(
            "INSERT OR IGNORE INTO {OTHER}.cutline_ledger SELECT * FROM main.cutline_ledger"
        );
        transaction
            .execute(&known, [])
            .map_err(refused("the ledger cannot be handed over"))?;
    }
    // Over two files it is whole or not at all only while neither has a
    // write-ahead log.
    transaction.commit().map_err(|error| TableError::Torn {
        table: shown.to_owned(),
        source: Box::new(error),
    })?;
    Ok(sums)
}

/// Whether [`hand_over`] would take these tables, but for what only it can see.
pub(in super::super) fn could_hand_over(
    shown: &str,
    (from, to): (&str, &str),
    tables: &[String],
) -> Result<(), TableError> {
    let from = open(shown, from)?;
    if !Path::new(to).exists() {
        return Ok(());
    }
    let to = open(shown, to)?;
    let mut each = tables.iter();
    each.try_for_each(|table| fits(shown, (&from, "main"), (&to, "main"), table))
}

/// Nothing is lost that nobody has handed over.
fn fits(
    shown: &str,
    (from, from_schema): (&Connection, &str),
    (to, to_schema): (&Connection, &str),
    table: &str,
) -> Result<(), TableError> {
    let unread = TableError::database(shown, "its tables cannot be read");
    let refused = |problem: String| {
        Err(TableError::Declaration {
            place: format!("{shown}: table {table:?}"),
            problem,
        })
    };
    if is_fenced(from, from_schema, table).map_err(&unread)? {
        return refused(
            "was handed over from here before, and the data folder does not know of it (was it \
             restored?): its newer rows are in the other database. Where these are the right \
             ones all the same, drop its triggers cutline_fence_…"
                .to_owned(),
        );
    }
    let is_replaced = !is_there(to, to_schema, table).map_err(&unread)?
        || is_fenced(to, to_schema, table).map_err(&unread)?;
    if is_replaced {
        return Ok(());
    }
    let query = format!("SELECT count(*) FROM {to_schema}.{}", quoted(table));
    let rows: u64 = to
        .query_row(&query, [], |row| row.get(0))
        .map_err(&unread)?;
    match rows {
        0 => Ok(()),
        rows => refused(format!(
            "has {rows} rows in the other database that nobody handed over, and they would be \
             lost: take them away, or the table out of the database's tables"
        )),
    }
}

fn is_fenced(connection: &Connection, schema: &str, table: &str) -> rusqlite::Result<bool> {
    let query = format!(
        "SELECT EXISTS (SELECT 1 FROM {schema}.sqlite_master WHERE type = 'trigger' AND name = ?1)"
    );
    for change in CHANGES {
        let name = fence_name(change, table);
        if !connection.query_row(&query, [name], |row| row.get::<_, bool>(0))? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What is in these tables.
pub(in super::super) fn sums(
    shown: &str,
    path: &str,
    tables: &[String],
) -> Result<Vec<Sum>, TableError> {
    let mut connection = open(shown, path)?;
    let refused = |doing| TableError::database(shown, doing);
    // All of one moment.
    let transaction = connection
        .transaction()
        .map_err(refused("no transaction"))?;
    let each = tables.iter().map(|table| {
        let columns = columns(&transaction, "main", table)
            .map_err(refused("its tables cannot be read"))?
            .ok_or_else(|| missing(shown, table))?;
        sum(&transaction, "main", table, &columns.names).map_err(refused("its rows cannot be read"))
    });
    each.collect()
}

/// Open for writing, where it is there; triggers and foreign keys are not for
/// rows that only change their place.
fn open(shown: &str, path: &str) -> Result<Connection, TableError> {
    let refused = |doing| TableError::database(shown, doing);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags);
    let connection = connection.map_err(refused("cannot be opened"))?;
    connection
        .busy_timeout(PATIENCE)
        .map_err(refused("cannot be waited for"))?;
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)
        .map_err(refused("cannot be opened"))?;
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, false)
        .map_err(refused("cannot be opened"))?;
    Ok(connection)
}

/// Makes the tables that the other file lacks, empty.
fn make(
    shown: &str,
    from: &Connection,
    to: &str,
    tables: &[String],
    has_ledger: bool,
) -> Result<(), TableError> {
    let unread = TableError::database(shown, "its tables cannot be read");
    let other = Connection::open(to);
    let mut other = other.map_err(TableError::database(
        shown,
        "the other database cannot be made",
    ))?;
    let refused = TableError::database(shown, "a table cannot be made in the other database");
    other.busy_timeout(PATIENCE).map_err(&refused)?;
    // A table without one of its indexes would not be looked at again.
    let other = other.transaction().map_err(&refused)?;
    if has_ledger {
        other.execute(MAKE_LEDGER, []).map_err(&refused)?;
    }
    for table in tables {
        if is_there(&other, "main", table).map_err(&refused)? {
            continue;
        }
        let statements = definitions(from, table).map_err(&unread)?;
        if statements.is_empty() {
            return Err(missing(shown, table));
        }
        for statement in statements {
            other.execute(&statement, []).map_err(&refused)?;
        }
    }
    other.commit().map_err(&refused)
}

/// The statements that made a table and its indexes.
fn definitions(connection: &Connection, table: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare(
        "SELECT sql FROM main.sqlite_master WHERE tbl_name = ?1 COLLATE NOCASE \
         AND sql IS NOT NULL AND type IN ('table', 'index') ORDER BY type DESC, rowid",
    )?;
    let found = statement.query_map([table], |row| row.get(0))?;
    found.collect()
}

fn is_there(connection: &Connection, schema: &str, table: &str) -> rusqlite::Result<bool> {
    let query = format!(
        "SELECT EXISTS (SELECT 1 FROM {schema}.sqlite_master WHERE type = 'table' AND name = ?1 COLLATE NOCASE)"
    );
    connection.query_row(&query, [table], |row| row.get(0))
}

fn missing(shown: &str, table: &str) -> TableError {
    TableError::Declaration {
        place: format!("{shown}: table {table:?}"),
        problem: "is not there; take it out of the database's tables".to_owned(),
    }
}

fn one(
    shown: &str,
    transaction: &Transaction<'_>,
    table: &str,
    fence: &str,
) -> Result<Sum, TableError> {
    let unread = TableError::database(shown, "its tables cannot be read");
    let from = columns(transaction, "main", table).map_err(&unread)?;
    let from = from.ok_or_else(|| missing(shown, table))?;
    let to = columns(transaction, OTHER, table).map_err(&unread)?;
    let to = to.ok_or_else(|| missing(shown, table))?;
    let (mut ours, mut theirs) = (from.names.clone(), to.names);
    ours.sort_unstable();
    theirs.sort_unstable();
    if ours != theirs {
        return Err(TableError::Declaration {
            place: format!("{shown}: table {table:?}"),
            problem: format!(
                "has the columns {}, and in the other database {}: make them the same",
                ours.join(", "),
                theirs.join(", ")
            ),
        });
    }
    let refused = TableError::database(shown, "the rows cannot be handed over");
    copy(transaction, table, &from).map_err(&refused)?;
    let here = sum(transaction, "main", table, &from.names).map_err(&refused)?;
    let there = sum(transaction, OTHER, table, &from.names).map_err(&refused)?;
    if here != there {
        return Err(TableError::Declaration {
            place: format!("{shown}: table {table:?}"),
            problem: format!(
                "has {} rows with the hash {}, and its copy {} with {}: nothing is handed over",
                here.rows, here.hash, there.rows, there.hash
            ),
        });
    }
    unfence(transaction, OTHER, table).map_err(&refused)?;
    unfence(transaction, "main", table).map_err(&refused)?;
    self::fence(transaction, table, fence).map_err(&refused)?;
    Ok(here)
}

/// The columns that rows are put into, and whether rows have a number of their
/// own beside them, by which somebody may order them.
struct Columns {
    names: Vec<String>,
    numbered: bool,
}

/// `None` where there is no such table.
fn columns(
    connection: &Connection,
    schema: &str,
    table: &str,
) -> rusqlite::Result<Option<Columns>> {
    let mut statement = connection.prepare(
        "SELECT name, upper(type) = 'INTEGER', pk, hidden FROM pragma_table_xinfo(?1, ?2)",
    )?;
    let mut rows = statement.query([table, schema])?;
    let (mut names, mut keys) = (Vec::new(), Vec::new());
    while let Some(row) = rows.next()? {
        // Others are computed.
        if row.get::<_, i64>(3)? == 0 {
            names.push(row.get::<_, String>(0)?);
        }
        if row.get::<_, i64>(2)? > 0 {
            keys.push(row.get::<_, bool>(1)?);
        }
    }
    if names.is_empty() {
        return Ok(None);
    }
    let without: bool = connection.query_row(
        "SELECT wr FROM pragma_table_list(?1) WHERE schema = ?2",
        [table, schema],
        |row| row.get(0),
    )?;
    let is_its_number = keys == [true];
    let is_taken = names.iter().any(|name| name.eq_ignore_ascii_case("rowid"));
    Ok(Some(Columns {
        numbered: !without && !is_its_number && !is_taken,
        names,
    }))
}

fn copy(transaction: &Transaction<'_>, table: &str, columns: &Columns) -> rusqlite::Result<()> {
    let name = quoted(table);
    let order = if columns.numbered {
        " ORDER BY rowid"
    } else {
        ""
    };
    let number = columns.numbered.then(|| "rowid".to_owned());
    let columns = columns.names.iter().map(|name| quoted(name));
    let columns: Vec<String> = number.into_iter().chain(columns).collect();
    let columns = columns.join(", ");
    transaction.execute(&format!("DELETE FROM {OTHER}.{name}"), [])?;
    let all =
        format!("INSERT INTO {OTHER}.{name} ({columns}) SELECT {columns} FROM main.{name}{order}");
    transaction.execute(&all, [])?;
    // The last number that AUTOINCREMENT gave.
    if is_there(transaction, "main", "sqlite_sequence")?
        && is_there(transaction, OTHER, "sqlite_sequence")?
    {
        let forget = format!("DELETE FROM {OTHER}.sqlite_sequence WHERE name = ?1");
        transaction.execute(&forget, [table])?;
        let last = format!(
            "INSERT INTO {OTHER}.sqlite_sequence SELECT name, seq FROM main.sqlite_sequence WHERE name = ?1"
        );
        transaction.execute(&last, [table])?;
    }
    Ok(())
}

fn sum(
    connection: &Connection,
    schema: &str,
    table: &str,
    columns: &[String],
) -> rusqlite::Result<Sum> {
    let columns: Vec<String> = columns.iter().map(|name| quoted(name)).collect();
    let query = format!(
        "SELECT {} FROM {schema}.{}",
        columns.join(", "),
        quoted(table)
    );
    let mut statement = connection.prepare(&query)?;
    let mut rows = statement.query(params![])?;
    let (mut n_rows, mut high, mut low) = (0, 0_u128, 0_u128);
    while let Some(row) = rows.next()? {
        let mut hasher = Sha256::new();
        for place in 0..columns.len() {
            add(&mut hasher, row.get_ref(place)?);
        }
        let hash = hasher.finalize();
        let (first, second) = hash.split_at(16);
        let number = |half: &[u8]| {
            half.iter()
                .fold(0, |sum, byte| (sum << 8) | u128::from(*byte))
        };
        high = high.wrapping_add(number(first));
        low = low.wrapping_add(number(second));
        n_rows += 1;
    }
    Ok(Sum {
        rows: n_rows,
        hash: format!("{high:032x}{low:032x}"),
    })
}

/// A value with its type and its length, so that no two rows look the same.
fn add(hasher: &mut Sha256, value: ValueRef<'_>) {
    let mut bytes = |kind: u8, bytes: &[u8]| {
        hasher.update([kind]);
        hasher.update((bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    match value {
        ValueRef::Null => bytes(0, &[]),
        ValueRef::Integer(number) => bytes(1, &number.to_le_bytes()),
        ValueRef::Real(number) => bytes(2, &number.to_bits().to_le_bytes()),
        ValueRef::Text(text) => bytes(3, text),
        ValueRef::Blob(blob) => bytes(4, blob),
    }
}

fn fence(transaction: &Transaction<'_>, table: &str, says: &str) -> rusqlite::Result<()> {
    for change in CHANGES {
        let statement = format!(
            "CREATE TRIGGER main.{} BEFORE {change} ON {} BEGIN SELECT RAISE(ABORT, '{}'); END",
            quoted(&fence_name(change, table)),
            quoted(table),
            says.replace('\'', "''"),
        );
        transaction.execute(&statement, [])?;
    }
    Ok(())
}

fn unfence(transaction: &Transaction<'_>, schema: &str, table: &str) -> rusqlite::Result<()> {
    for change in CHANGES {
        let name = quoted(&fence_name(change, table));
        transaction.execute(&format!("DROP TRIGGER IF EXISTS {schema}.{name}"), [])?;
    }
    Ok(())
}

fn fence_name(change: &str, table: &str) -> String {
    format!("cutline_fence_{}_{table}", change.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FENCE: &str = "it's cutline's";

    struct Files {
        _folder: tempfile::TempDir,
        monolith: String,
        own: String,
    }

    fn files(made: &str) -> Files {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let (monolith, own) = (path("monolith.sqlite"), path("own.sqlite"));
        Connection::open(&monolith)
            .unwrap()
            .execute_batch(made)
            .unwrap();
        Files {
            _folder: folder,
            monolith,
            own,
        }
    }

    fn rows(path: &str, query: &str) -> Vec<String> {
        let connection = Connection::open(path).unwrap();
        let mut statement = connection.prepare(query).unwrap();
        let n_columns = statement.column_count();
        let row = |row: &rusqlite::Row<'_>| {
            let values = (0..n_columns).map(|place| format!("{:?}", row.get_ref(place).unwrap()));
            Ok(values.collect::<Vec<_>>().join(" "))
        };
        let found = statement.query_map([], row).unwrap();
        found.map(Result::unwrap).collect()
    }

    const MADE: &str = "CREATE TABLE customers (id INTEGER, plan TEXT, charge REAL, raw BLOB);
        CREATE INDEX by_plan ON customers (plan);
        CREATE TABLE keyed (id INTEGER PRIMARY KEY AUTOINCREMENT, \"a b\" TEXT);
        CREATE TABLE bare (a TEXT PRIMARY KEY, b INT, c INT AS (b + 1)) WITHOUT ROWID;
        CREATE TABLE other (x);
        INSERT INTO customers (rowid, id, plan, charge, raw) VALUES
            (7, 1, 'pro', 0.1, x'00ff'), (3, 2, NULL, 1e300, NULL), (9, 2, 'it''s', -0.0, x'');
        INSERT INTO keyed (\"a b\") VALUES ('x'), ('y');
        DELETE FROM keyed WHERE id = 2;
        INSERT INTO bare (a, b) VALUES ('k', 4);
        INSERT INTO other VALUES (1);";

    fn tables() -> Vec<String> {
        ["customers", "keyed", "bare"].map(str::to_owned).to_vec()
    }

    #[test]
    fn every_row_is_handed_over_with_its_number_and_back() {
        let files = files(MADE);
        let all = "SELECT rowid, * FROM customers ORDER BY rowid";
        let before = rows(&files.monolith, all);
        let over = hand_over("m", (&files.monolith, &files.own), &tables(), FENCE, false).unwrap();
        assert_eq!(
            over.iter().map(|sum| sum.rows).collect::<Vec<_>>(),
            [3, 1, 1]
        );
        assert_eq!(rows(&files.own, all), before);
        assert_eq!(rows(&files.own, "SELECT a, b, c FROM bare").len(), 1);
        assert_eq!(sums("own", &files.own, &tables()).unwrap(), over);
        // Nothing else went, and indexes did.
        let others = "SELECT name FROM sqlite_master WHERE name IN ('other', 'by_plan')";
        assert_eq!(rows(&files.own, others).len(), 1);
        // A number is not given twice.
        let own = Connection::open(&files.own).unwrap();
        own.execute("INSERT INTO keyed (\"a b\") VALUES ('z')", [])
            .unwrap();
        own.execute("INSERT INTO customers (id) VALUES (4)", [])
            .unwrap();
        assert_eq!(
            rows(&files.own, "SELECT max(id) FROM keyed"),
            ["Integer(3)"]
        );
        let back = hand_over("o", (&files.own, &files.monolith), &tables(), FENCE, false).unwrap();
        assert_eq!(
            back.iter().map(|sum| sum.rows).collect::<Vec<_>>(),
            [4, 2, 1]
        );
        assert_eq!(rows(&files.monolith, all).len(), 4);
        Connection::open(&files.monolith)
            .unwrap()
            .execute("INSERT INTO customers (id) VALUES (5)", [])
            .unwrap();
    }

    #[test]
    fn who_would_still_change_what_was_handed_over_is_told() {
        let files = files(MADE);
        hand_over("m", (&files.monolith, &files.own), &tables(), FENCE, false).unwrap();
        let monolith = Connection::open(&files.monolith).unwrap();
        for change in [
            "INSERT INTO customers (id) VALUES (4)",
            "UPDATE customers SET id = 5",
            "DELETE FROM bare",
        ] {
            let refused = monolith.execute(change, []).unwrap_err().to_string();
            assert!(refused.contains(FENCE), "{refused}");
        }
        monolith
            .execute("INSERT INTO other VALUES (2)", [])
            .unwrap();
        // What broke off behind the transaction can be done again.
        let both = (&*files.monolith, &*files.own);
        let again = hand_over("m", both, &tables(), FENCE, true).unwrap();
        assert_eq!(again[0].rows, 3);
    }

    #[test]
    fn rows_that_nobody_handed_over_are_not_replaced() {
        let files = files(MADE);
        let both = (&*files.monolith, &*files.own);
        let refused = |both, table: &str| {
            let error = hand_over("m", both, &[table.to_owned()], FENCE, false);
            error.unwrap_err().to_string()
        };
        // The folder was restored from before the handover.
        hand_over("m", both, &tables(), FENCE, false).unwrap();
        let fenced = refused(both, "customers");
        assert!(
            fenced.contains("was handed over from here before"),
            "{fenced}"
        );
        // Somebody dropped the table with its fence, and made another.
        let monolith = Connection::open(&files.monolith).unwrap();
        monolith
            .execute_batch(
                "DROP TABLE customers;
                 CREATE TABLE customers (id INTEGER, plan TEXT, charge REAL, raw BLOB);
                 INSERT INTO customers (id) VALUES (9);",
            )
            .unwrap();
        let back = (&*files.own, &*files.monolith);
        let unknown = refused(back, "customers");
        assert!(
            unknown.contains("has 1 rows in the other database"),
            "{unknown}"
        );
        assert_eq!(rows(&files.monolith, "SELECT id FROM customers").len(), 1);
        monolith.execute("DELETE FROM customers", []).unwrap();
        let handed = hand_over("o", back, &["customers".to_owned()], FENCE, false);
        assert_eq!(handed.unwrap()[0].rows, 3);
    }

    #[test]
    fn the_ledger_goes_along() {
        let files = files(&format!(
            "{MADE} {MAKE_LEDGER}; INSERT INTO cutline_ledger (key) VALUES ('a');"
        ));
        hand_over("m", (&files.monolith, &files.own), &tables(), FENCE, false).unwrap();
        let keys = "SELECT key FROM cutline_ledger";
        assert_eq!(rows(&files.own, keys).len(), 1);
        Connection::open(&files.own)
            .unwrap()
            .execute("INSERT INTO cutline_ledger (key) VALUES ('b')", [])
            .unwrap();
        hand_over("o", (&files.own, &files.monolith), &tables(), FENCE, false).unwrap();
        assert_eq!(rows(&files.monolith, keys).len(), 2);
    }

    #[test]
    fn what_cannot_be_handed_over_is_named_and_nothing_changes() {
        let files = files(MADE);
        let refused = |tables: &[&str]| {
            let tables: Vec<String> = tables.iter().map(ToString::to_string).collect();
            let error = hand_over("m", (&files.monolith, &files.own), &tables, FENCE, false);
            error.unwrap_err().to_string()
        };
        let missing = refused(&["customers", "nothing"]);
        assert!(
            missing.contains("table \"nothing\": is not there"),
            "{missing}"
        );
        Connection::open(&files.own)
            .unwrap()
            .execute("CREATE TABLE keyed (id INTEGER PRIMARY KEY, b TEXT)", [])
            .unwrap();
        let differ = refused(&["customers", "keyed"]);
        assert!(
            differ.contains("columns a b, id, and in the other database b, id"),
            "{differ}"
        );
        assert_eq!(
            rows(&files.own, "SELECT * FROM customers"),
            Vec::<String>::new()
        );
        Connection::open(&files.monolith)
            .unwrap()
            .execute("INSERT INTO customers (id) VALUES (4)", [])
            .unwrap();
        let nowhere = hand_over("m", ("/nowhere/x", &files.own), &tables(), FENCE, false);
        assert!(
            nowhere
                .unwrap_err()
                .to_string()
                .contains("cannot be opened")
        );
    }

    #[test]
    fn a_sum_is_of_rows_in_any_order_and_of_each() {
        let files = files(
            "CREATE TABLE a (x, y); INSERT INTO a VALUES (1, 'b'), (2, 'c'), (2, 'c');
             CREATE TABLE b (x, y); INSERT INTO b VALUES (2, 'c'), (1, 'b'), (2, 'c');
             CREATE TABLE c (x, y); INSERT INTO c VALUES (1, 'b'), (1, 'b'), (2, 'c');
             CREATE TABLE d (x, y); INSERT INTO d VALUES ('1', 'b'), (2, 'c'), (2, 'c');",
        );
        let names = ["a", "b", "c", "d"].map(str::to_owned);
        let sums = sums("m", &files.monolith, &names).unwrap();
        assert_eq!(sums[0], sums[1]);
        assert_ne!(sums[0].hash, sums[2].hash);
        assert_ne!(sums[0].hash, sums[3].hash);
    }
}
