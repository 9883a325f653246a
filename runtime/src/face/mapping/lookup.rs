//! [`Lookup`]: rows of a database that a request names and does not bring.
//!
//! ```toml
//! request = { lookup = { sql = "churn", query = "SELECT * FROM customers WHERE customer_id = :customer_id" } }
//! ```
//!
//! A parameter `:name` is a value of the request, never a part of the query.

use futures_util::future::BoxFuture;
use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::super::predictor::{Refusal, Refused};
use super::error::MappingError;
use super::written::LookupWritten;

/// A declared query, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// The database, or the name of a shared one.
    pub sql: String,
    /// A `SELECT` with parameters.
    pub query: String,
    /// There has to be a row, and only the first counts.
    pub one: bool,
}

/// Rows, as they were found.
pub type Found = Vec<Map<String, Value>>;

/// What looks rows up.
pub trait Lookups: Send + Sync {
    /// The rows of a query with these values.
    fn find<'a>(
        &'a self,
        lookup: &'a Lookup,
        values: IndexMap<String, String>,
    ) -> BoxFuture<'a, Result<Found, Refusal>>;
}

impl Lookup {
    /// Checks a declared query.
    ///
    /// # Errors
    /// Names the route and the key.
    pub fn new(route: &str, key: &str, written: &LookupWritten) -> Result<Lookup, MappingError> {
        let problem =
            |part: &str, why: &str| Err(MappingError::key(route, &format!("{key}.{part}"), why));
        if written.sql.is_empty() {
            return problem("sql", "it names no database");
        }
        let query = written.query.trim_start().to_ascii_lowercase();
        if !query.starts_with("select") && !query.starts_with("with") {
            return problem("query", "it looks something up: write a SELECT");
        }
        Ok(Lookup {
            sql: written.sql.clone(),
            query: written.query.clone(),
            one: written.one,
        })
    }

    /// What counts of the rows that were found.
    ///
    /// # Errors
    /// When there has to be one and there is none.
    pub fn counted(&self, mut found: Found) -> Result<Found, Refusal> {
        if self.one {
            found.truncate(1);
            if found.is_empty() {
                return Err(none());
            }
        }
        Ok(found)
    }
}

/// Nothing was found.
pub(super) fn none() -> Refusal {
    Refusal::new(Refused::NotFound, "there is no such row")
}
