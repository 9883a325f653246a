//! KMeans of `sklearn.cluster`.

use super::answer::{Answer, Class, Kernel, Label, Model, Takes, of_numbers};
use super::check::{Names, Place};
use super::document::Real;
use super::error::ImportError;
use super::numbers::dot;

/// The centre of each cluster.
#[derive(serde::Deserialize)]
pub(super) struct CentersWritten {
    centers: Vec<Vec<Real>>,
}

struct Centers {
    classes: Vec<Label>,
    /// Each with its squared length.
    centers: Vec<(Vec<f64>, f64)>,
}

pub(super) fn checked(
    written: CentersWritten,
    names: &Names,
    at: &Place,
) -> Result<Box<dyn Model>, ImportError> {
    let centers = at.rows("centers", written.centers, names.len())?;
    let classes = (0..centers.len())
        .map(|index| Label::Int(index as i64))
        .collect();
    let centers = centers.into_iter().map(|center| {
        let squared = dot(&center, &center);
        (center, squared)
    });
    let kernel = Centers {
        classes,
        centers: centers.collect(),
    };
    Ok(of_numbers(names, Takes::Finite, kernel))
}

impl Kernel for Centers {
    /// The nearest, by squared distance less what all centres share, as
    /// scikit-learn's Lloyd iteration measures; the first of equals.
    fn answer(&self, x: &[f64]) -> Answer {
        let far = |(center, squared): &(Vec<f64>, f64)| squared - 2.0 * dot(x, center);
        let mut nearest = (0, f64::INFINITY);
        for (index, center) in self.centers.iter().enumerate() {
            let far = far(center);
            if far < nearest.1 {
                nearest = (index, far);
            }
        }
        Answer::Class(Class {
            index: nearest.0,
            ..Class::default()
        })
    }

    fn classes(&self) -> Option<&[Label]> {
        Some(&self.classes)
    }
}
