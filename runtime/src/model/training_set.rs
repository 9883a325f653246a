//! [`TrainingSet`]: what a model learns from, checked once.

use std::borrow::Cow;

use ndarray::{ArrayView1, ArrayView2};

use super::{Labels, ModelError, Target};

/// Rows, what there is to predict for each, and how much each counts: at least
/// one row and one column, one target and one weight for each row, weights
/// finite and not negative with one above 0, values to predict finite.
///
/// Cells may be NaN or infinite until [`finite`](Self::finite) is asked, since
/// some kinds of model take missing values.
#[derive(Clone, Copy, Debug)]
pub struct TrainingSet<'a> {
    x: ArrayView2<'a, f64>,
    y: &'a Target,
    weights: Option<ArrayView1<'a, f64>>,
}

impl<'a> TrainingSet<'a> {
    /// Checks what was handed in. Without weights each row counts 1.
    pub fn new(
        x: ArrayView2<'a, f64>,
        y: &'a Target,
        weights: Option<ArrayView1<'a, f64>>,
    ) -> Result<TrainingSet<'a>, ModelError> {
        let (rows, columns) = x.dim();
        if rows == 0 || columns == 0 {
            return Err(ModelError::Empty { rows, columns });
        }
        one_each("targets", rows, y.rows())?;
        one_each("weights", rows, weights.map(|weights| weights.len()))?;
        if let Target::Values(values) = y
            && let Some((row, value)) = values.iter().enumerate().find(|(_, v)| !v.is_finite())
        {
            return Err(ModelError::TargetNotFinite { row, value: *value });
        }
        if let Some(weights) = weights {
            check_weights(weights)?;
        }
        Ok(TrainingSet { x, y, weights })
    }

    /// The rows.
    pub fn x(&self) -> ArrayView2<'a, f64> {
        self.x
    }

    /// What there is to predict.
    pub fn y(&self) -> &'a Target {
        self.y
    }

    /// How much each row counts; None where each counts 1.
    pub fn weights(&self) -> Option<ArrayView1<'a, f64>> {
        self.weights
    }

    /// Says so if a cell is NaN or infinite.
    pub fn finite(&self) -> Result<(), ModelError> {
        all_finite(self.x)
    }

    /// The labels to learn, for a kind of model that tells classes apart.
    /// Classes without a row that counts are left out. Fails if less than two
    /// are left, or if the target holds no labels.
    pub fn labels(&self, kind: &'static str) -> Result<Cow<'a, Labels>, ModelError> {
        let Target::Labels(labels) = self.y else {
            return Err(self.not("labels", kind));
        };
        let mut counts = vec![false; labels.classes().len()];
        for (row, code) in labels.codes().iter().enumerate() {
            counts[*code as usize] |= self.weights.is_none_or(|weights| weights[row] > 0.0);
        }
        let present: Vec<usize> = (0..counts.len()).filter(|code| counts[*code]).collect();
        if let [only] = present[..] {
            let class = labels.classes()[only].to_string();
            return Err(ModelError::OneClass { kind, class });
        }
        if present.len() == counts.len() {
            return Ok(Cow::Borrowed(labels));
        }
        // What does not count may be of any class.
        let place = |code: &u32| present.partition_point(|own| *own < *code as usize);
        let last = present.len().saturating_sub(1);
        let codes = labels
            .codes()
            .iter()
            .map(|code| place(code).min(last) as u32);
        let classes = present.iter().map(|code| labels.classes()[*code].clone());
        Ok(Cow::Owned(Labels::of_codes(
            classes.collect(),
            codes.collect(),
        )))
    }

    /// The values to learn, for a kind of model that predicts numbers.
    pub fn values(&self, kind: &'static str) -> Result<ArrayView1<'a, f64>, ModelError> {
        match self.y {
            Target::Values(values) => Ok(values.view()),
            Target::Labels(_) | Target::None => Err(self.not("values", kind)),
        }
    }

    fn not(&self, expected: &'static str, kind: &'static str) -> ModelError {
        ModelError::Target {
            kind,
            expected,
            found: self.y.holds(),
        }
    }
}

/// Says so if a cell is NaN or infinite.
pub(crate) fn all_finite(x: ArrayView2<'_, f64>) -> Result<(), ModelError> {
    // A sum is finite unless one of its terms is not, or it overflows: only
    // then is it worth looking cell by cell.
    let finite = |row: ArrayView1<'_, f64>| row.sum().is_finite();
    for (row, cells) in x
        .rows()
        .into_iter()
        .enumerate()
        .filter(|(_, row)| !finite(*row))
    {
        let cell = cells.iter().enumerate().find(|(_, cell)| !cell.is_finite());
        if let Some((column, value)) = cell {
            return Err(ModelError::NotFinite {
                row,
                column,
                value: *value,
            });
        }
    }
    Ok(())
}

fn one_each(what: &'static str, rows: usize, found: Option<usize>) -> Result<(), ModelError> {
    match found {
        Some(found) if found != rows => Err(ModelError::Length { what, rows, found }),
        _ => Ok(()),
    }
}

fn check_weights(weights: ArrayView1<'_, f64>) -> Result<(), ModelError> {
    let wrong = |weight: f64| !(weight.is_finite() && weight >= 0.0);
    match weights
        .iter()
        .enumerate()
        .find(|(_, weight)| wrong(**weight))
    {
        Some((row, value)) => Err(ModelError::Weight { row, value: *value }),
        None if weights.iter().all(|weight| *weight == 0.0) => Err(ModelError::NoWeight),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;
    use crate::model::Label;

    fn refused(x: Array2<f64>, y: Target, weights: Option<&[f64]>) -> String {
        let weights = weights.map(ArrayView1::from);
        let set = TrainingSet::new(x.view(), &y, weights);
        let checked = set.and_then(|set| set.finite().and(set.labels("x").map(drop)));
        checked.expect_err("it should be refused").to_string()
    }

    fn labels(labels: &[i64]) -> Target {
        Target::Labels(Labels::new(
            &labels.iter().map(|l| Label::Int(*l)).collect::<Vec<_>>(),
        ))
    }

    #[test]
    fn what_is_wrong_is_named() {
        let x = || array![[1.0, 2.0], [3.0, 4.0]];
        let bad = array![[1.0, 2.0], [3.0, f64::NAN]];
        for (said, has) in [
            (refused(Array2::zeros((0, 2)), labels(&[]), None), "0 rows"),
            (refused(x(), labels(&[1]), None), "1 targets for 2 rows"),
            (refused(x(), labels(&[1, 0]), Some(&[1.0])), "1 weights"),
            (
                refused(x(), labels(&[1, 0]), Some(&[1.0, -1.0])),
                "row 1 is -1",
            ),
            (
                refused(x(), labels(&[1, 0]), Some(&[0.0, 0.0])),
                "all weights",
            ),
            (refused(x(), labels(&[1, 1]), None), "of class 1"),
            (
                refused(x(), labels(&[1, 0]), Some(&[1.0, 0.0])),
                "of class 1",
            ),
            (
                refused(x(), Target::None, None),
                "needs labels, and there are none",
            ),
            (
                refused(x(), Target::Values(array![1.0, f64::INFINITY]), None),
                "row 1 is inf",
            ),
            (
                refused(bad, labels(&[1, 0]), None),
                "row 1, column 1 holds NaN",
            ),
        ] {
            assert!(said.contains(has), "{said}");
        }
    }

    #[test]
    fn large_cells_are_finite_though_their_sum_is_not() {
        assert!(all_finite(array![[f64::MAX, f64::MAX]].view()).is_ok());
    }

    #[test]
    fn classes_that_do_not_count_are_left_out() {
        let (x, y) = (Array2::zeros((4, 1)), labels(&[5, 6, 7, 6]));
        let weights = array![1.0, 0.0, 1.0, 0.0];
        let set = TrainingSet::new(x.view(), &y, Some(weights.view())).unwrap();
        let left = set.labels("x").unwrap();
        assert_eq!(left.classes().to_vec(), [Label::Int(5), Label::Int(7)]);
        assert_eq!((left.codes()[0], left.codes()[2]), (0, 1));
    }
}
