//! KBinsDiscretizer of `sklearn.preprocessing`.

use super::cell::Cell;
use super::check::{Names, Place};
use super::document::{Real, numbers};
use super::error::{ImportError, PredictError};
use super::imported::Kind;
use super::step::{Made, Step, all_finite};

/// The inner edges of each column, rising.
#[derive(serde::Deserialize)]
pub(super) struct BinsWritten {
    edges: Vec<Vec<Real>>,
    one_hot: bool,
}

struct Bins {
    names: Names,
    edges: Vec<Vec<f64>>,
    one_hot: bool,
}

pub(super) fn checked(
    written: BinsWritten,
    names: &Names,
    at: &Place,
) -> Result<Made, ImportError> {
    at.length("edges", written.edges.len(), names.len())?;
    let edges: Vec<Vec<f64>> = written.edges.into_iter().map(numbers).collect();
    let one_hot = written.one_hot;
    let n_made = |edges: &Vec<f64>| if one_hot { edges.len() + 1 } else { 1 };
    at.columns(edges.iter().map(n_made).sum())?;
    let made = names.iter().zip(&edges);
    let made = made
        .flat_map(|(name, edges)| vec![name.clone(); n_made(edges)])
        .collect();
    Ok((
        Box::new(Bins {
            names: names.clone(),
            edges,
            one_hot,
        }),
        made,
    ))
}

impl Step for Bins {
    fn apply<'r>(&'r self, row: &[Cell<'r>], out: &mut Vec<Cell<'r>>) -> Result<(), PredictError> {
        for (x, edges) in all_finite(row, &self.names)?.into_iter().zip(&self.edges) {
            // A value on an edge belongs to the bin above it.
            let bin = edges.partition_point(|edge| *edge <= x);
            match self.one_hot {
                true => {
                    out.extend((0..=edges.len()).map(|own| Cell::Number(f64::from(own == bin))))
                }
                false => out.push(Cell::Number(bin as f64)),
            }
        }
        Ok(())
    }

    fn takes(&self) -> Vec<Option<Kind>> {
        vec![Some(Kind::Number); self.names.len()]
    }
}
