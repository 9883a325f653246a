//! [`ColumnType`] and [`Columns`]: the types of columns, as declared.

use std::fmt;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::TableError;

/// The columns whose types are declared, by name. Types of the others are
/// inferred.
///
/// A column is a type's name, or a table that says more:
/// `{ age = "int64", born = { type = "date", format = "%d.%m.%Y" } }`.
pub type Columns = IndexMap<String, Column>;

/// What is declared of a column.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(from = "Written", into = "Written")]
#[schemars(with = "Written")]
pub struct Column {
    /// Its type.
    pub ty: ColumnType,
    /// Whether a value may be missing. True unless said; a row without a value
    /// that must be there is rejected.
    pub nullable: bool,
    /// How a date or timestamp is written, as in `strftime`. Unless said, as in
    /// ISO 8601: `2024-02-29`, `2024-02-29 13:05:00.25`, with a space or a `T`.
    pub format: Option<String>,
}

/// What a column may hold.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnType {
    /// `true` or `false`, in lower case, capitals or with a first capital.
    Bool,
    /// A whole number of 64 bits.
    Int64,
    /// A number in double precision, rounded correctly; infinity is one.
    Float64,
    /// Text, as it is written.
    String,
    /// A day without a time zone.
    Date,
    /// A moment without a time zone, in microseconds.
    Timestamp,
}

/// A column as a document has it.
#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(untagged)]
enum Written {
    Type(ColumnType),
    #[serde(rename_all = "snake_case")]
    Full(Full),
}

#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
struct Full {
    r#type: ColumnType,
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    nullable: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    format: Option<String>,
}

fn yes() -> bool {
    true
}

impl Column {
    /// A column of that type, in which values may be missing.
    pub fn new(ty: ColumnType) -> Column {
        Column {
            ty,
            nullable: true,
            format: None,
        }
    }

    /// The same as Arrow has it. Always nullable there: what may be missing is
    /// for the reader to say, row by row.
    pub(super) fn field(&self, name: &str) -> Field {
        Field::new(name, self.ty.data_type(), true)
    }
}

impl ColumnType {
    /// The same as Arrow has it.
    pub fn data_type(self) -> DataType {
        match self {
            ColumnType::Bool => DataType::Boolean,
            ColumnType::Int64 => DataType::Int64,
            ColumnType::Float64 => DataType::Float64,
            ColumnType::String => DataType::Utf8,
            ColumnType::Date => DataType::Date32,
            ColumnType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
        }
    }
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ColumnType::Bool => "bool",
            ColumnType::Int64 => "int64",
            ColumnType::Float64 => "float64",
            ColumnType::String => "string",
            ColumnType::Date => "date",
            ColumnType::Timestamp => "timestamp",
        })
    }
}

impl From<Written> for Column {
    fn from(written: Written) -> Column {
        match written {
            Written::Type(ty) => Column::new(ty),
            Written::Full(full) => Column {
                ty: full.r#type,
                nullable: full.nullable,
                format: full.format,
            },
        }
    }
}

impl From<Column> for Written {
    fn from(column: Column) -> Written {
        match column {
            Column {
                ty,
                nullable: true,
                format: None,
            } => Written::Type(ty),
            Column {
                ty,
                nullable,
                format,
            } => Written::Full(Full {
                r#type: ty,
                nullable,
                format,
            }),
        }
    }
}

/// The schema of such columns.
pub(super) fn schema(names: &[String], columns: &[Column]) -> SchemaRef {
    let fields = names.iter().zip(columns);
    let fields: Vec<Field> = fields.map(|(name, column)| column.field(name)).collect();
    Arc::new(Schema::new(fields))
}

/// That each declared column is one of `names`.
pub(super) fn all_there(
    table: &str,
    names: &[String],
    declared: &Columns,
) -> Result<(), TableError> {
    match declared.keys().find(|name| !names.contains(name)) {
        None => Ok(()),
        Some(column) => Err(TableError::NoColumn {
            table: table.to_owned(),
            column: column.clone(),
            found: listed(names),
        }),
    }
}

/// The first few of many names.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 20;
    let shown = names[..names.len().min(SHOWN)].join(", ");
    match names.len().checked_sub(SHOWN) {
        None | Some(0) => shown,
        Some(more) => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_a_name_or_says_more() {
        let columns: Columns = toml::from_str(
            r#"
            age = "int64"
            born = { type = "date", format = "%d.%m.%Y", nullable = false }
            "#,
        )
        .unwrap();
        assert_eq!(columns["age"], Column::new(ColumnType::Int64));
        assert_eq!(columns["born"].format.as_deref(), Some("%d.%m.%Y"));
        assert!(!columns["born"].nullable);
        let again: Columns = toml::from_str(&toml::to_string(&columns).unwrap()).unwrap();
        assert_eq!(again, columns);
    }

    #[test]
    fn a_column_that_is_not_there_is_named_with_those_that_are() {
        let names: Vec<String> = (0..30).map(|n| format!("c{n}")).collect();
        let declared = Columns::from([("age".to_owned(), Column::new(ColumnType::Int64))]);
        let error = all_there("x.csv", &names, &declared)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("\"age\"") && error.contains("c19 and 10 more"),
            "{error}"
        );
    }
}
