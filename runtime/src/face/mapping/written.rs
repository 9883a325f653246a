//! `[[http]]` of `functions.toml`, as written.

use std::borrow::Cow;

use indexmap::IndexMap;
use serde_json::Value;

/// One face.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpWritten {
    /// Method and path, like `POST /customers/{id}/score`.
    pub route: String,
    /// The function that answers. Without it and what may be in its place the
    /// answer is made of constants and of the request.
    pub function: Option<String>,
    /// In the place of a function: the run of which id, a pointer into `/body`,
    /// `/path` or `/query`; or `{ last = "FUNCTION" }`, the one that a request
    /// began last with that function.
    pub run: Option<RunWritten>,
    /// In the place of a function: what of the registry is shown or changed.
    pub registry: Option<RegistryWritten>,
    /// In the place of a function: rows of a database.
    pub lookup: Option<LookupWritten>,
    /// Where in a request the rows are.
    #[serde(default)]
    pub request: RequestWritten,
    /// Of each place of the answer where it comes from, in the order in which
    /// the answer has them. Places are JSON Pointers (RFC 6901) with `*` for
    /// every row.
    #[serde(default)]
    pub response: IndexMap<String, SourceWritten>,
    /// The status of an answer.
    #[serde(default = "ok")]
    pub status: u16,
    /// How what the client did wrong is answered.
    pub error: Option<ErrorWritten>,
    /// Whether a request has to show the token (`serve.token`), though it changes
    /// nothing.
    #[serde(default)]
    pub token: bool,
    /// Of a function that a queue triggers: what the answer waits for.
    pub wait: Option<WaitWritten>,
    /// Of a function that a queue triggers: the function after which nothing
    /// follows, as if no queue came after it.
    pub until: Option<String>,
}

/// Which run.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum RunWritten {
    /// A pointer to its id.
    Id(String),
    /// The last one.
    Last(LastWritten),
}

/// The last run.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LastWritten {
    /// The function with which it began.
    pub last: String,
}

/// What an answer waits for.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WaitWritten {
    /// The artifact, by the name that messages use; without, all that follows
    /// from the request.
    pub artifact: Option<String>,
    /// The longest, as `30s`; 10 minutes at most. Then the answer is that of a
    /// face that does not wait.
    #[serde(rename = "for")]
    pub limit: String,
}

/// What of the registry is shown, or changed first.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegistryWritten {
    /// The model.
    pub model: String,
    /// Which version: a pointer into `/body`, `/path` or `/query`.
    pub version: Option<String>,
    /// The alias that is pointed to that version.
    pub promote: Option<String>,
    /// Where the request says that a version that did not pass its gate is
    /// promoted, too: a pointer to `true`.
    pub force: Option<String>,
    /// The alias that is pointed to the version before.
    pub roll_back: Option<String>,
}

/// Rows of a database.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LookupWritten {
    /// The database: `sqlite:PATH`, `postgres://…`, or the name of a shared one.
    pub sql: String,
    /// A `SELECT`; `:name` is a value of the request.
    pub query: String,
    /// There has to be a row, or else the answer is 404; only the first counts.
    #[serde(default)]
    pub one: bool,
}

/// What a message says: a pointer, or more of it.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum ValueWritten {
    /// A pointer, as `from`.
    Pointer(String),
    /// A table.
    Table(ValueTable),
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ValueTable {
    /// A pointer into `/body`, `/path` or `/query`.
    pub from: Option<String>,
    /// What it says where the request does not, or always without `from`.
    pub value: String,
}

fn ok() -> u16 {
    200
}

/// Where in a request the rows are. Without `rows` and `columns` the body is one
/// flat object, or a list of them.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RequestWritten {
    /// What the body is.
    pub body: BodyKind,
    /// A pointer to one object, a list of objects or a list of lists.
    pub rows: Option<String>,
    /// The columns of rows that are lists, in order.
    pub names: Vec<String>,
    /// Columns from elsewhere in the body; with a `*`, one value per row.
    pub columns: IndexMap<String, String>,
    /// Columns from the query, by the parameter's name.
    pub query: IndexMap<String, String>,
    /// Columns from the path, by the parameter's name.
    pub path: IndexMap<String, String>,
    /// Columns that are always the same.
    pub constants: IndexMap<String, Value>,
    /// Columns that are missing values where the request does not have them.
    pub optional: Vec<String>,
    /// What is expected of a column's value in a row, by the column's name.
    pub expect: IndexMap<String, ExpectWritten>,
    /// What rows have beside the model's columns, for the answer to repeat.
    pub pass: Vec<String>,
    /// Of a `file` made of rows: a column that is added, with the time of the
    /// request (RFC 3339, UTC).
    pub stamp: Option<String>,
    /// Rows of a database, in the place of those of the body.
    pub lookup: Option<LookupWritten>,
    /// What to do with other members of rows.
    pub unknown: Unknown,
    /// What to do with rows that the model's preparation does not take.
    pub unusable: Unusable,
    /// Of a function that a queue triggers: what its message says, and of a
    /// lookup what its parameters are, by name, each a pointer into `/body`,
    /// `/path` or `/query`. All texts, numbers and truth values of the request,
    /// if nothing is said.
    pub values: Option<IndexMap<String, ValueWritten>>,
    /// Of a function that a queue triggers: the value of its message that names
    /// the file which the request brings: the body, where that is a `file`, or
    /// the objects at `rows`, as NDJSON.
    pub file: Option<String>,
}

/// What is expected of a column's value in a row. Unless it is `required`, a
/// missing one fulfils everything.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ExpectWritten {
    /// What the value is in JSON.
    #[serde(rename = "type")]
    pub ty: Option<TypeWritten>,
    /// A value must be there.
    pub required: bool,
    /// The smallest value: a number, or the first text in order.
    pub min: Option<Value>,
    /// The largest value, likewise.
    pub max: Option<Value>,
    /// The values allowed.
    pub one_of: Option<Vec<Value>>,
    /// A regular expression that the whole text matches.
    pub pattern: Option<String>,
    /// The fewest characters of a text.
    pub min_length: Option<usize>,
    /// The most characters of a text.
    pub max_length: Option<usize>,
}

/// What a value is in JSON; nothing is made of anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TypeWritten {
    /// `true` or `false`.
    Bool,
    /// Any number.
    Float64,
    /// A number without a fraction.
    Int64,
    /// A text.
    String,
}

/// What a body is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BodyKind {
    /// JSON.
    #[default]
    Json,
    /// A form, `application/x-www-form-urlencoded`.
    Form,
    /// A file: CSV, NDJSON or Parquet, by its media type.
    File,
    /// None: all columns are in the path and the query.
    None,
}

/// What to do with members of rows that the model does not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unknown {
    /// Refuse the request, naming the first.
    #[default]
    Refuse,
    /// Pass them over.
    Ignore,
}

/// What to do with rows that a `filter` step of the model's preparation takes
/// out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unusable {
    /// Refuse the request, naming the first.
    #[default]
    Refuse,
    /// Answer the others.
    LeaveOut,
}

/// Where a place of the answer comes from: a pointer, or more of it.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum SourceWritten {
    /// A pointer, as `from`.
    Pointer(String),
    /// A table.
    Table(Box<SourceTable>),
    /// The first of these whose `when` is so; null where none is.
    First(Vec<SourceTable>),
}

impl SourceWritten {
    /// Each as a table.
    pub fn tables(&self) -> Vec<Cow<'_, SourceTable>> {
        match self {
            SourceWritten::Pointer(from) => vec![Cow::Owned(SourceTable {
                from: Some(from.clone()),
                ..SourceTable::default()
            })],
            SourceWritten::Table(table) => vec![Cow::Borrowed(table)],
            SourceWritten::First(tables) => tables.iter().map(Cow::Borrowed).collect(),
        }
    }
}

/// Where a place of the answer comes from, and what becomes of it on the way:
/// first `reduce`, then `round`, then `at_least` or `bands`, then `names`.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SourceTable {
    /// A pointer into `labels`, `probabilities`, `scores`, `classes`, `model`
    /// (`name`, `version`), `rows`, `request` (`body`, `path`, `query`), `count`.
    pub from: Option<String>,
    /// A constant.
    pub value: Option<Value>,
    /// An expression of the language of preparations over a row: its members,
    /// and `label`, `probability` (of the second class), `confidence` (the
    /// largest probability) and `score`. Of the first row where the place has
    /// no `*`.
    pub derive: Option<String>,
    /// Only where at each of these pointers is this.
    pub when: IndexMap<String, Value>,
    /// Makes one object of the entries of `from`: a pointer to their names.
    pub by: Option<String>,
    /// Makes one list (or object, with `by`) of those entries of `from` for
    /// which this pointer leads to `true`.
    pub only: Option<String>,
    /// One number of a list of numbers: `max`, `mean`, `min` or `sum`.
    pub reduce: Option<String>,
    /// Decimals, rounded as Python's `round`.
    pub round: Option<usize>,
    /// True from this number on, false below.
    pub at_least: Option<f64>,
    /// What stands for a number: of the first of these `[limit, value]` that it
    /// is below, and the last, a value alone, of all others.
    pub bands: Option<Vec<Value>>,
    /// What stands for which value, by its text.
    pub names: IndexMap<String, Value>,
}

/// How what the client did wrong is answered.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ErrorWritten {
    /// The status, in the place of 400.
    pub status: Option<u16>,
    /// The body, from `message`, `column`, `row` and `status`.
    pub body: IndexMap<String, SourceWritten>,
}
