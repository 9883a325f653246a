//! Tables in databases, by URL: `sqlite:PATH` and `postgres://…`.
//!
//! Reading runs a query; a lookup answers a few rows of one with parameters;
//! writing puts rows into a table by a key, in one transaction with an entry in
//! the ledger, so that the same rows put twice are there once. Tables of one
//! SQLite file can be handed over to another.

mod lookup;
mod postgres;
mod sqlite;
mod statement;

use std::fmt;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Columns, Table, TableError};
use crate::secret::without_password;

pub use lookup::parameters;
pub use sqlite::Sum;

/// Where a database is.
///
/// It can be shown: a password is not.
#[derive(Clone, Eq, PartialEq)]
pub struct Database {
    place: Place,
    shown: String,
}

#[derive(Clone, Eq, PartialEq)]
enum Place {
    Sqlite(String),
    Postgres(String),
}

/// Where rows are put.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Upsert {
    /// The table; made, with the key as its primary key, if it is not there.
    pub table: String,
    /// The columns by which a row is the same row. In a table that is there
    /// already they need a unique index. Without any, each row is added.
    pub key: Vec<String>,
}

/// What an upsert did.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Upserted {
    /// The rows are in the table, and the ledger has the entry.
    Rows(u64),
    /// The ledger had the entry already; nothing was touched.
    Before,
}

/// Rows on their way into a database, from wherever they come.
pub type Rows<'a> = &'a mut (dyn Iterator<Item = Result<RecordBatch, TableError>> + Send);

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Database").field(&self.shown).finish()
    }
}

impl Database {
    /// From `sqlite:PATH` (as `sqlite:///PATH`, too) or a `postgres://` URL.
    /// Fails for any other.
    pub fn at(url: &str) -> Result<Database, TableError> {
        let shown = without_password(url);
        let (scheme, rest) = url.split_once(':').unwrap_or((url, ""));
        let path = rest.strip_prefix("//").unwrap_or(rest);
        let place = match scheme {
            "sqlite" if !path.is_empty() => Place::Sqlite(path.to_owned()),
            "postgres" | "postgresql" => Place::Postgres(url.to_owned()),
            _ => {
                return Err(TableError::Url {
                    url: shown,
                    problem: "is no database; write sqlite:PATH or postgres://USER@HOST/NAME"
                        .to_owned(),
                });
            }
        };
        Ok(Database { place, shown })
    }

    /// What `query` answers, as a table. The types of columns that are not
    /// declared are those of the database (PostgreSQL), or those of all the
    /// values (SQLite, by the rules for CSV; in a column that the database
    /// declares a number, those of its numbers). A row with a value that is not
    /// of its column's type is rejected. Each reading runs the query again.
    pub fn query(&self, query: &str, declared: &Columns) -> Result<Table, TableError> {
        match &self.place {
            Place::Sqlite(path) => sqlite::query(&self.shown, path, query, declared),
            Place::Postgres(url) => postgres::query(&self.shown, url, query, declared),
        }
    }

    /// The rows of a query with parameters (`:name`) as JSON; nothing can be
    /// changed by it. Fails for more than `most` rows, and where a parameter has
    /// no value.
    pub fn lookup(
        &self,
        query: &str,
        values: &IndexMap<String, String>,
        most: usize,
    ) -> Result<Vec<Map<String, Value>>, TableError> {
        match &self.place {
            Place::Sqlite(path) => sqlite::lookup(&self.shown, path, query, values, most),
            Place::Postgres(url) => postgres::lookup(&self.shown, url, query, values, most),
        }
    }

    /// What is in these tables.
    pub fn sums(&self, tables: &[String]) -> Result<Vec<Sum>, TableError> {
        match &self.place {
            Place::Sqlite(path) => sqlite::sums(&self.shown, path, tables),
            Place::Postgres(_) => Err(self.only_files()),
        }
    }

    /// Hands tables over to another database, in one transaction over both:
    /// their rows are copied and compared, and whoever would change them here
    /// from then on is refused and told `fence`. Afterwards the same tables of
    /// the other can be handed back. After a failure nothing has happened, but
    /// for [`TableError::Torn`]: then it has to be done again, with `resumes`.
    /// Fails where one of the two is no SQLite file, these tables were handed
    /// over before, or rows there would be lost that were not.
    pub fn hand_over(
        &self,
        to: &Database,
        tables: &[String],
        fence: &str,
        resumes: bool,
    ) -> Result<Vec<Sum>, TableError> {
        match (&self.place, &to.place) {
            (Place::Sqlite(from), Place::Sqlite(to)) => {
                sqlite::hand_over(&self.shown, (from, to), tables, fence, resumes)
            }
            (Place::Sqlite(_), Place::Postgres(_)) => Err(to.only_files()),
            (Place::Postgres(_), _) => Err(self.only_files()),
        }
    }

    /// Fails where [`Database::hand_over`] would for what is in the two now:
    /// tables that were handed over before, or rows that nobody handed over.
    pub fn could_hand_over(&self, to: &Database, tables: &[String]) -> Result<(), TableError> {
        match (&self.place, &to.place) {
            (Place::Sqlite(from), Place::Sqlite(to)) => {
                sqlite::could_hand_over(&self.shown, (from, to), tables)
            }
            (Place::Sqlite(_), Place::Postgres(_)) => Err(to.only_files()),
            (Place::Postgres(_), _) => Err(self.only_files()),
        }
    }

    fn only_files(&self) -> TableError {
        TableError::Url {
            url: self.shown.clone(),
            problem: "is no SQLite file, and only such are handed over".to_owned(),
        }
    }

    /// Puts rows into a table: a row whose key is there replaces it, another is
    /// added; without a key each is added. All of it, and the entry `ledger_key` in the table
    /// `cutline_ledger`, is one transaction: after a failure nothing has
    /// happened, and with an entry that is there already nothing does.
    pub fn upsert(
        &self,
        into: &Upsert,
        ledger_key: &str,
        schema: &SchemaRef,
        rows: Rows<'_>,
    ) -> Result<Upserted, TableError> {
        statement::check_key(&self.shown, into, schema)?;
        match &self.place {
            Place::Sqlite(path) => {
                sqlite::upsert(&self.shown, path, into, ledger_key, schema, rows)
            }
            Place::Postgres(url) => {
                postgres::upsert(&self.shown, url, into, ledger_key, schema, rows)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        let database = Database::at("postgres://me:se@cret@db:5432/shop?password=x").unwrap();
        assert_eq!(database.shown, "postgres://me@db:5432/shop");
        assert_eq!(
            Database::at("sqlite:shop.db").unwrap().shown,
            "sqlite:shop.db"
        );
    }

    #[test]
    fn another_database_is_refused() {
        let error = Database::at("mysql://db/shop").unwrap_err().to_string();
        assert!(
            error.contains("write sqlite:PATH or postgres://"),
            "{error}"
        );
    }
}
