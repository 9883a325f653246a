//! What can be wrong with a preparation, a table or a value.

use thiserror::Error;

use super::column::Type;
use super::expression::ExpressionError;

/// Why a preparation could not be fitted or applied.
#[derive(Debug, Error)]
pub enum TransformError {
    /// A step failed.
    #[error("step {number} ({kind}): {fault}")]
    Step {
        /// Counted from 1, in the order declared.
        number: usize,
        /// As the document names it: `impute`.
        kind: &'static str,
        /// What is wrong.
        #[source]
        fault: Fault,
    },
    /// A table does not look as it did when the preparation was fitted.
    #[error("table {table}: {fault}")]
    Input {
        /// The table's name; the one that is prepared is called `rows`.
        table: String,
        /// What is wrong.
        #[source]
        fault: Fault,
    },
    /// The prepared table does not make a matrix.
    #[error("matrix: {0}")]
    Matrix(#[source] Fault),
    /// The document was written in a form that this version does not know.
    #[error(
        "fitted preparation has format {found}, this version reads {known}: fit it again, or use the version that wrote it"
    )]
    Format {
        /// What the document says.
        found: u32,
        /// What is read.
        known: u32,
    },
    /// A split cannot be made.
    #[error("split: {0}")]
    Split(#[from] super::split::SplitError),
}

/// What is wrong at one place. Rows are counted from 0 within the table at hand.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Fault {
    /// A column is needed and not there.
    #[error("column `{column}` is missing; the table has {known}")]
    NoColumn {
        /// The name looked for.
        column: String,
        /// The names there are, for a person.
        known: String,
    },
    /// A column is needed and not there.
    #[error("column `{column}` is missing: {expected} is expected")]
    Lacks {
        /// The name looked for.
        column: String,
        /// What it should hold.
        expected: Type,
    },
    /// A table is needed and not there.
    #[error("there is no table `{table}`: hand it in, or make it by an earlier step's `into`")]
    NoTable {
        /// The name looked for.
        table: String,
    },
    /// A column holds something else.
    #[error("column `{column}` holds {found}, {expected} is expected: cast it")]
    Type {
        /// The column.
        column: String,
        /// What the step works on.
        expected: String,
        /// What is there.
        found: String,
    },
    /// Arrow knows the type, the steps do not.
    #[error("column `{column}` has type {found}, which no step works on: cast it before")]
    Unsupported {
        /// The column.
        column: String,
        /// Arrow's name of the type.
        found: String,
    },
    /// A value that cannot be used.
    #[error("column `{column}`, row {row}: {value} {problem}")]
    Value {
        /// The column.
        column: String,
        /// Counted from 0.
        row: usize,
        /// As text.
        value: String,
        /// Reads on after the value: `was not seen when fitted`.
        problem: &'static str,
    },
    /// Nothing can be learnt from a column.
    #[error("column `{column}` has no value to learn from: drop it, or fill it with a constant")]
    NoValues {
        /// The column.
        column: String,
    },
    /// Two columns would have the same name.
    #[error("there already is a column `{column}`: rename one of them before")]
    Twice {
        /// The name.
        column: String,
    },
    /// Two columns differ in length.
    #[error("column `{column}` has {found} values where the table has {expected} rows")]
    Length {
        /// The column.
        column: String,
        /// Its values.
        found: usize,
        /// The table's rows.
        expected: usize,
    },
    /// More rows were dropped than declared.
    #[error("only {kept} of {rows} rows are kept, less than `at_least` = {at_least}: {why}")]
    TooFew {
        /// What passed every rule.
        kept: usize,
        /// What there was.
        rows: usize,
        /// The share declared.
        at_least: f64,
        /// How many each rule drops.
        why: String,
    },
    /// A row is asked for that is not there.
    #[error("there is no row {row}: the table has {n_rows}, counted from 0")]
    NoRow {
        /// Counted from 0.
        row: usize,
        /// How many there are.
        n_rows: usize,
    },
    /// What is declared makes no sense.
    #[error("{key}: {problem}")]
    Declared {
        /// The key in the document.
        key: &'static str,
        /// What is wrong, and what to write.
        problem: String,
    },
    /// An expression failed.
    #[error(transparent)]
    Expression(#[from] ExpressionError),
    /// A function of Arrow failed.
    #[error("column `{column}`: {source}")]
    Arrow {
        /// The column.
        column: String,
        /// Arrow's word.
        source: arrow_schema::ArrowError,
    },
}

impl Fault {
    pub(super) fn declared(key: &'static str, problem: impl Into<String>) -> Fault {
        Fault::Declared {
            key,
            problem: problem.into(),
        }
    }

    pub(super) fn ty(column: &str, expected: impl ToString, found: impl ToString) -> Fault {
        Fault::Type {
            column: column.to_owned(),
            expected: expected.to_string(),
            found: found.to_string(),
        }
    }

    pub(super) fn value(
        column: &str,
        row: usize,
        value: impl ToString,
        problem: &'static str,
    ) -> Fault {
        Fault::Value {
            column: column.to_owned(),
            row,
            value: value.to_string(),
            problem,
        }
    }
}
