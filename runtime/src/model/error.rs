//! [`ModelError`]: why a model cannot be trained, read or used.

/// Why a model cannot be trained, read or used. Rows and columns are counted
/// from 0, in the matrix that was handed in.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// Who is [told of the progress](super::Progress) wanted no more.
    #[error("the training was stopped before it was done")]
    Stopped,
    /// A parameter stands where no algorithm can use it.
    #[error("{kind}: `{key}` is {value}; it must be {expected}")]
    Parameter {
        /// The kind of model, as in `kind = "…"`.
        kind: &'static str,
        /// The parameter's key.
        key: &'static str,
        /// What stands there.
        value: String,
        /// What may stand there.
        expected: &'static str,
    },
    /// There is nothing to learn from.
    #[error(
        "the training set has {rows} rows and {columns} columns; it needs at least one of each (look at what quarantine and the split left over)"
    )]
    Empty {
        /// How many rows it has.
        rows: usize,
        /// How many columns it has.
        columns: usize,
    },
    /// A cell holds NaN or an infinity, and the kind of model takes none.
    #[error("row {row}, column {column} holds {value}; impute or drop it before the model sees it")]
    NotFinite {
        /// The cell's row.
        row: usize,
        /// The cell's column.
        column: usize,
        /// What it holds.
        value: f64,
    },
    /// There are more rows than the algorithm counts.
    #[error("there are {rows} rows, and at most {most} can be learnt from; train on a sample")]
    TooManyRows {
        /// How many there are.
        rows: usize,
        /// How many there may be.
        most: usize,
    },
    /// A value to predict is NaN or an infinity.
    #[error("the target of row {row} is {value}; drop the row or mend its target")]
    TargetNotFinite {
        /// The row.
        row: usize,
        /// What it is.
        value: f64,
    },
    /// Targets or weights are not one for each row.
    #[error("there are {found} {what} for {rows} rows; there must be one for each row")]
    Length {
        /// What is not one for each row.
        what: &'static str,
        /// How many rows there are.
        rows: usize,
        /// How many of them there are.
        found: usize,
    },
    /// A weight is negative, NaN or an infinity.
    #[error("the weight of row {row} is {value}; weights are finite and not negative")]
    Weight {
        /// The row.
        row: usize,
        /// Its weight.
        value: f64,
    },
    /// No row counts.
    #[error("all weights are 0; at least one row must count")]
    NoWeight,
    /// The kind of model learns something else.
    #[error("{kind} needs {expected}, and there are {found}")]
    Target {
        /// The kind of model.
        kind: &'static str,
        /// What it learns from.
        expected: &'static str,
        /// What it was given.
        found: &'static str,
    },
    /// All rows that count are of one class.
    #[error(
        "{kind}: every row that counts is of class {class}; at least two classes are needed (look at the split and the label column)"
    )]
    OneClass {
        /// The kind of model.
        kind: &'static str,
        /// The class.
        class: String,
    },
    /// A class weight names a class that no row has.
    #[error("`class_weight` names {class:?}, and no row is of that class; look for its spelling")]
    ClassWeight {
        /// The class.
        class: String,
    },
    /// A column does not vary among the rows of a class, where it must.
    #[error(
        "{kind}: column {column} does not vary within class {class}; drop the column or raise `var_smoothing`"
    )]
    NoVariance {
        /// The kind of model.
        kind: &'static str,
        /// The column.
        column: usize,
        /// The class.
        class: String,
    },
    /// There are fewer rows than the algorithm needs.
    #[error("{kind} needs at least {needed} rows{of}, and there are {found}")]
    TooFewRows {
        /// The kind of model, or what else needs them.
        kind: &'static str,
        /// How many it needs.
        needed: usize,
        /// Of what: empty, or " of class …".
        of: String,
        /// How many there are.
        found: usize,
    },
    /// The numbers are out of the reach of double precision.
    #[error("{kind}: {what} is not finite; scale the columns before the model sees them")]
    Overflow {
        /// The kind of model.
        kind: &'static str,
        /// What became NaN or an infinity.
        what: &'static str,
    },
    /// The model was trained on another number of columns.
    #[error(
        "the model was trained on {expected} columns, and the rows have {found}; use the preprocessing that the model was trained with"
    )]
    Features {
        /// How many columns the model knows.
        expected: usize,
        /// How many the rows have.
        found: usize,
    },
    /// A document is not a model, or not one of this version.
    #[error("this is no model document: {0}")]
    Document(#[from] serde_json::Error),
    /// A document's parts do not fit together.
    #[error(
        "the model document ({kind}) does not fit together: {problem}; train or import the model again"
    )]
    Shape {
        /// The kind of model.
        kind: &'static str,
        /// What does not fit.
        problem: String,
    },
    /// A grid to search names what the model has not, or what it cannot be.
    #[error("`grid.{key}`: {problem}")]
    Grid {
        /// The key.
        key: String,
        /// What is wrong with it.
        problem: String,
    },
    /// What linfa itself refuses.
    #[error(transparent)]
    Linfa(#[from] linfa::Error),
}
