//! Numbers of a column by its own parameters: scaled, filled, cut in two.

use super::super::node::Node;
use super::super::tensor::{Data, Tensor, Wrong};
use super::{Op, unary};

pub(super) fn op(node: &Node<'_>) -> Result<Option<Box<dyn Op>>, Wrong> {
    Ok(Some(match &*node.0.op_type {
        "Scaler" => {
            let (offset, scale) = (
                PerColumn::of(node.floats("offset"), 0.0),
                PerColumn::of(node.floats("scale"), 1.0),
            );
            unary(move |x| {
                offset.fits(x)?;
                scale.fits(x)?;
                by_column(x, |column, x| (x - offset.at(column)) * scale.at(column))
            })
        }
        "Imputer" => imputer(node)?,
        "Binarizer" => {
            let threshold = node.float("threshold", 0.0);
            unary(move |x| by_column(x, |_, x| f32::from(u8::from(x > threshold))))
        }
        _ => return Ok(None),
    }))
}

/// One parameter for all columns, or one each.
struct PerColumn(Vec<f32>);

impl PerColumn {
    fn of(given: &[f32], otherwise: f32) -> PerColumn {
        match given {
            [] => PerColumn(vec![otherwise]),
            given => PerColumn(given.to_vec()),
        }
    }

    fn fits(&self, x: &Tensor) -> Result<(), Wrong> {
        match self.0.len() {
            1 => Ok(()),
            n if n == x.width() => Ok(()),
            n => Err(format!("{} columns where {n} are needed", x.width())),
        }
    }

    fn at(&self, column: usize) -> f32 {
        match &*self.0 {
            [only] => *only,
            all => all[column],
        }
    }
}

fn by_column(x: &Tensor, f: impl Fn(usize, f32) -> f32) -> Result<Tensor, Wrong> {
    let width = x.width().max(1);
    let numbers = x.f32s()?.into_iter().enumerate();
    let made = numbers.map(|(index, x)| f(index % width, x)).collect();
    Tensor::new(x.shape.clone(), Data::F32(made))
}

fn imputer(node: &Node<'_>) -> Result<Box<dyn Op>, Wrong> {
    if node.has("imputed_value_int64s") {
        let values: Vec<f32> = node
            .ints("imputed_value_int64s")
            .iter()
            .map(|value| *value as f32)
            .collect();
        let replaced = node.int("replaced_value_int64", 0);
        return Ok(fill(PerColumn(values), replaced as f32));
    }
    match node.floats("imputed_value_floats") {
        [] => Err("no values to impute".to_owned()),
        values => Ok(fill(
            PerColumn(values.to_vec()),
            node.float("replaced_value_float", f32::NAN),
        )),
    }
}

fn fill(values: PerColumn, replaced: f32) -> Box<dyn Op> {
    unary(move |x| {
        values.fits(x)?;
        by_column(x, |column, x| {
            let lacks = x == replaced || (x.is_nan() && replaced.is_nan());
            if lacks { values.at(column) } else { x }
        })
    })
}
