//! A matrix as trees are grown on it: one column after the other, in single
//! precision.

use ndarray::ArrayView2;

use crate::model::ModelError;

/// What differs by no more than this is one value, and cannot be told apart by
/// a threshold (scikit-learn's `FEATURE_THRESHOLD`).
pub(super) const NEAR: f32 = 1e-7;

/// Values in single precision, as scikit-learn's trees hold them, column by
/// column; NaN where one is missing.
pub(super) struct Columns {
    n_rows: usize,
    values: Vec<f32>,
    has_missing: Vec<bool>,
}

impl Columns {
    /// Fails on an infinite value, or one that is infinite in single precision.
    pub(super) fn new(x: ArrayView2<'_, f64>) -> Result<Self, ModelError> {
        let (n_rows, n_features) = x.dim();
        check_n_rows(n_rows)?;
        let mut values = Vec::with_capacity(n_rows * n_features);
        let mut has_missing = Vec::with_capacity(n_features);
        for (feature, column) in x.columns().into_iter().enumerate() {
            let mut missing = false;
            for (row, value) in column.iter().enumerate() {
                let single = single(*value);
                if single.is_infinite() {
                    return Err(ModelError::NotFinite {
                        row,
                        column: feature,
                        value: *value,
                    });
                }
                values.push(single);
                missing |= value.is_nan();
            }
            has_missing.push(missing);
        }
        Ok(Columns {
            n_rows,
            values,
            has_missing,
        })
    }

    pub(super) fn n_rows(&self) -> usize {
        self.n_rows
    }

    pub(super) fn n_features(&self) -> usize {
        self.has_missing.len()
    }

    pub(super) fn column(&self, feature: usize) -> &[f32] {
        &self.values[feature * self.n_rows..][..self.n_rows]
    }

    /// Whether the column has a missing value in any row.
    pub(super) fn has_missing(&self, feature: usize) -> bool {
        self.has_missing[feature]
    }
}

/// Fails where a row's number would not fit in what rows are counted with.
pub(super) fn check_n_rows(rows: usize) -> Result<(), ModelError> {
    const MOST: usize = i32::MAX as usize;
    match rows > MOST {
        true => Err(ModelError::TooManyRows { rows, most: MOST }),
        false => Ok(()),
    }
}

/// A value as a tree compares it: in single precision, zero with one sign.
pub(super) fn single(value: f64) -> f32 {
    value as f32 + 0.0
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn a_value_beyond_single_precision_is_named() {
        let error = Columns::new(array![[1.0, 2.0], [3.0, 1e39]].view()).err();
        let text = error.map(|error| error.to_string()).unwrap_or_default();
        assert!(text.contains("row 1, column 1"), "{text}");
        assert!(Columns::new(array![[f64::NEG_INFINITY]].view()).is_err());
    }

    #[test]
    fn missing_values_are_found_in_their_column() {
        let columns = Columns::new(array![[1.0, 2.0], [3.0, f64::NAN]].view()).unwrap();
        assert!(!columns.has_missing(0));
        assert!(columns.has_missing(1));
    }
}
