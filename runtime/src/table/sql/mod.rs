//! Tables in databases, by URL: `sqlite:PATH` and `postgres://…`.
//!
//! Reading runs a query; writing puts rows into a table by a key, in one
//! transaction with an entry in the ledger, so that the same rows put twice are
//! there once.

mod postgres;
mod sqlite;
mod statement;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Columns, Table, TableError};

/// Where a database is.
///
/// It can be shown: a password is not.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Database {
    place: Place,
    shown: String,
}

#[derive(Clone, Debug, Eq, PartialEq)]
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
    /// already they need a unique index.
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

    /// Puts rows into a table: a row whose key is there replaces it, another is
    /// added. All of it, and the entry `ledger_key` in the table
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

/// The URL as it may be shown.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let authority_end = rest.find('/').unwrap_or(rest.len());
    let Some(at) = rest[..authority_end].rfind('@') else {
        return url.to_owned();
    };
    let user = rest[..at].split(':').next().unwrap_or_default();
    let shown = format!("{scheme}://{user}{}", &rest[at..]);
    shown.split('?').next().unwrap_or_default().to_owned()
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
