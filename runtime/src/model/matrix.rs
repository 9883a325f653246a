//! A matrix in a document: a list of rows, each a list of numbers.

use ndarray::Array2;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub(super) fn serialize<S: Serializer>(
    matrix: &Array2<f64>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let rows: Vec<Vec<f64>> = matrix.rows().into_iter().map(|row| row.to_vec()).collect();
    rows.serialize(serializer)
}

/// Fails unless all rows are equally long.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Array2<f64>, D::Error> {
    let rows = Vec::<Vec<f64>>::deserialize(deserializer)?;
    let shape = (rows.len(), rows.first().map_or(0, Vec::len));
    if rows.iter().any(|row| row.len() != shape.1) {
        return Err(D::Error::custom(
            "the rows of a matrix are not equally long",
        ));
    }
    Array2::from_shape_vec(shape, rows.concat()).map_err(D::Error::custom)
}
