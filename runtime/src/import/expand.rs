//! PolynomialFeatures of `sklearn.preprocessing`.

use std::sync::Arc;

use super::cell::Cell;
use super::check::{Names, Place};
use super::error::{Flaw, ImportError, PredictError};
use super::imported::Kind;
use super::step::{Made, Step, all_finite};

/// Of each column that is made, the columns that are multiplied.
#[derive(serde::Deserialize)]
pub(super) struct PolynomialWritten {
    width: usize,
    terms: Vec<Vec<usize>>,
}

/// More factors than any degree that is in use.
const MOST_FACTORS: usize = 1 << 22;

struct Polynomial {
    names: Names,
    terms: Vec<Vec<usize>>,
}

pub(super) fn checked(
    written: PolynomialWritten,
    names: &Names,
    at: &Place,
) -> Result<Made, ImportError> {
    at.length("width", written.width, names.len())?;
    at.columns(written.terms.len())?;
    let n_factors: usize = written.terms.iter().map(Vec::len).sum();
    if n_factors > MOST_FACTORS {
        return Err(at.flaw(Flaw::TooMuch {
            what: "the number of factors",
            most: MOST_FACTORS,
        }));
    }
    at.indices(
        "a factor's column",
        written.terms.iter().flatten(),
        names.len(),
    )?;
    let constant: Arc<str> = "1".into();
    let name = |term: &Vec<usize>| {
        term.first()
            .map_or(&constant, |first| &names[*first])
            .clone()
    };
    let made = written.terms.iter().map(name).collect();
    Ok((
        Box::new(Polynomial {
            names: names.clone(),
            terms: written.terms,
        }),
        made,
    ))
}

impl Step for Polynomial {
    fn apply<'r>(&'r self, row: &[Cell<'r>], out: &mut Vec<Cell<'r>>) -> Result<(), PredictError> {
        let row = all_finite(row, &self.names)?;
        for term in &self.terms {
            // scikit-learn multiplies a product of later columns by an earlier one.
            let product = term
                .iter()
                .rev()
                .map(|factor| row[*factor])
                .reduce(|rest, x| rest * x);
            out.push(Cell::Number(product.unwrap_or(1.0)));
        }
        Ok(())
    }

    fn takes(&self) -> Vec<Option<Kind>> {
        vec![Some(Kind::Number); self.names.len()]
    }
}
