//! What can be wrong with a document, and with a row.

/// Why a model cannot be imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It is not the JSON that is asked for.
    #[error(
        "the exported model does not read: {source}; write it again with `cutline import-model`"
    )]
    Json {
        /// Where and why.
        source: serde_json::Error,
    },
    /// It is not ONNX.
    #[error("it is not an ONNX model: {source}; export it again, as with skl2onnx")]
    Protobuf {
        /// Where and why.
        source: prost::DecodeError,
    },
    /// It is another document, or of another version.
    #[error(
        "the document is {found}, and {known} is known; write it again with this cutline's `cutline import-model`"
    )]
    Format {
        /// What it says that it is.
        found: String,
        /// What is asked for.
        known: String,
    },
    /// A step contradicts itself: the document was changed or cut off.
    #[error("{at}: {flaw}; write the document again with `cutline import-model`")]
    Step {
        /// The path in the pipeline, like `model.features.scale`.
        at: String,
        /// What is wrong.
        flaw: Flaw,
    },
    /// An operation of an ONNX model that is not taken, or does not fit the ones
    /// before it.
    #[error("{at}: {why}: cutline does not take that")]
    Operation {
        /// The operation, as the document names it.
        at: String,
        /// What is not taken.
        why: String,
    },
    /// A model file of another library that is not read.
    #[error("{at}: {what} is not known to cutline")]
    Unknown {
        /// The path in the pipeline.
        at: String,
        /// What, in that library's words.
        what: String,
    },
}

/// What is wrong with a step.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Flaw {
    /// Two lists that belong together do not have the same length.
    #[error("{what} has {found} entries where {expected} are needed")]
    Length {
        /// The list.
        what: &'static str,
        /// Its length.
        found: usize,
        /// What it should be.
        expected: usize,
    },
    /// An index points outside.
    #[error("{what} {found} is not below {below}")]
    Index {
        /// What is pointed at.
        what: &'static str,
        /// Where to.
        found: i64,
        /// How many there are.
        below: usize,
    },
    /// A node of a tree is reached twice.
    #[error("node {node} of tree {tree} is reached on two ways")]
    Cycle {
        /// The tree, from 0.
        tree: usize,
        /// The node, from 0.
        node: usize,
    },
    /// A list that must hold something is empty.
    #[error("{what} is empty")]
    Empty {
        /// The list.
        what: &'static str,
    },
    /// A number has no meaning where it stands.
    #[error("{what} is {found}")]
    Number {
        /// Which number.
        what: &'static str,
        /// What it is.
        found: f64,
    },
    /// Steps or models stand in one another too deep, or make too many columns.
    #[error("{what} is more than {most}")]
    TooMuch {
        /// What there is too much of.
        what: &'static str,
        /// How much is taken.
        most: usize,
    },
    /// A model that predicts classes where a value is needed, or the reverse.
    #[error("{what} is needed here")]
    Role {
        /// What is needed.
        what: &'static str,
    },
    /// A line of a model's text that does not read.
    #[error("{what} does not read: {found:?}")]
    Text {
        /// Which entry.
        what: String,
        /// What stands there, cut off.
        found: String,
    },
}

/// Why a row cannot be predicted: always the row's fault, and the column is
/// named as the monolith names it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PredictError {
    /// The model needs a column that is not there.
    #[error("column {column} is missing")]
    NoColumn {
        /// The column.
        column: String,
    },
    /// A text where the model needs a number.
    #[error("column {column}: {value} is not a number")]
    NotANumber {
        /// The column.
        column: String,
        /// The text, quoted and cut off.
        value: String,
    },
    /// A category that was not there in training, where the monolith refuses it.
    #[error("column {column}: {value} is a category that was not seen in training")]
    UnknownCategory {
        /// The column.
        column: String,
        /// The category, cut off.
        value: String,
    },
    /// A missing value where the model takes none.
    #[error("column {column}: the value is missing, and the model takes no missing value there")]
    Missing {
        /// The column.
        column: String,
    },
    /// An infinite number, or one beyond single precision where the model has that.
    #[error("column {column}: the number is infinite or too large for the model")]
    TooLarge {
        /// The column.
        column: String,
    },
    /// A number where the model needs a text.
    #[error("column {column}: {value} is not a text")]
    NotAText {
        /// The column.
        column: String,
        /// The number.
        value: String,
    },
    /// A fraction where the model needs an integer.
    #[error("column {column}: {value} is not an integer")]
    NotAnInteger {
        /// The column.
        column: String,
        /// The number.
        value: String,
    },
    /// An operation of an ONNX model that refuses what it is given.
    #[error("the model cannot predict this row: {at}: {why}")]
    Operation {
        /// The operation.
        at: String,
        /// What it refuses.
        why: String,
    },
    /// A row of another length than the columns that were named.
    #[error("a row has {found} cells where {expected} are needed")]
    Width {
        /// Cells of the row.
        found: usize,
        /// Columns of the model.
        expected: usize,
    },
}

impl PredictError {
    /// The column at fault, where it is one.
    pub fn column(&self) -> Option<&str> {
        match self {
            PredictError::NoColumn { column }
            | PredictError::NotANumber { column, .. }
            | PredictError::UnknownCategory { column, .. }
            | PredictError::NotAText { column, .. }
            | PredictError::NotAnInteger { column, .. }
            | PredictError::Missing { column }
            | PredictError::TooLarge { column } => Some(column),
            PredictError::Operation { .. } | PredictError::Width { .. } => None,
        }
    }
}
