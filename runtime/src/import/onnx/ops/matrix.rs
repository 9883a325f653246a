//! Products of matrices.

use std::iter::Sum;
use std::ops::Mul;

use super::super::node::Node;
use super::super::tensor::{Data, Tensor, Wrong, count};
use super::arithmetic::broadcast;
use super::{Op, need, of};

pub(super) fn op(node: &Node<'_>) -> Result<Option<Box<dyn Op>>, Wrong> {
    Ok(Some(match &*node.0.op_type {
        "MatMul" => of(|inputs| Ok(vec![product(need(inputs, 0)?, need(inputs, 1)?)?])),
        "Gemm" => {
            let (alpha, beta) = (node.float("alpha", 1.0), node.float("beta", 1.0));
            let (trans_a, trans_b) = (node.int("transA", 0) != 0, node.int("transB", 0) != 0);
            of(move |inputs| {
                let turned = |tensor: &Tensor, turn: bool| match turn {
                    true => transposed(tensor),
                    false => Ok(tensor.clone()),
                };
                let a = turned(need(inputs, 0)?, trans_a)?;
                let b = turned(need(inputs, 1)?, trans_b)?;
                let made = scaled(product(&a, &b)?, alpha);
                let Some(c) = inputs.get(2).copied().flatten() else {
                    return Ok(vec![made]);
                };
                Ok(vec![sum(&made, &scaled(c.clone(), beta))?])
            })
        }
        _ => return Ok(None),
    }))
}

/// Rows and columns; one row of a single dimension.
fn matrix(tensor: &Tensor) -> Result<(usize, usize), Wrong> {
    match *tensor.shape {
        [rows, columns] => Ok((rows, columns)),
        _ => Err(format!("a matrix is needed, and it is {:?}", tensor.shape)),
    }
}

fn product(a: &Tensor, b: &Tensor) -> Result<Tensor, Wrong> {
    let ((rows, inner), (below, columns)) = (matrix(a)?, matrix(b)?);
    if inner != below {
        return Err(format!(
            "the matrices {:?} and {:?} do not fit",
            a.shape, b.shape
        ));
    }
    count(&[rows, columns])?;
    let data = match (&a.data, &b.data) {
        (Data::F32(x), Data::F32(y)) => Data::F32(multiplied(x, y, inner, columns)),
        (Data::F64(x), Data::F64(y)) => Data::F64(multiplied(x, y, inner, columns)),
        _ => return Err("two matrices of floats of one precision are needed".to_owned()),
    };
    Tensor::new(vec![rows, columns], data)
}

/// Rows of `inner` numbers times as many rows of `columns`.
fn multiplied<T: Copy + Mul<Output = T> + Sum>(
    x: &[T],
    y: &[T],
    inner: usize,
    columns: usize,
) -> Vec<T> {
    let rows = x.len().checked_div(inner).unwrap_or(0);
    let places = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
    let one = |(row, column): (usize, usize)| {
        let products = (0..inner).map(|k| x[row * inner + k] * y[k * columns + column]);
        products.sum()
    };
    places.map(one).collect()
}

fn transposed(tensor: &Tensor) -> Result<Tensor, Wrong> {
    let (rows, columns) = matrix(tensor)?;
    let at: Vec<usize> = (0..columns)
        .flat_map(|column| (0..rows).map(move |row| row * columns + column))
        .collect();
    Tensor::new(vec![columns, rows], tensor.data.pick(&at)?)
}

fn scaled(tensor: Tensor, by: f32) -> Tensor {
    let data = match tensor.data {
        Data::F32(all) => Data::F32(all.into_iter().map(|x| x * by).collect()),
        Data::F64(all) => Data::F64(all.into_iter().map(|x| x * f64::from(by)).collect()),
        other => other,
    };
    Tensor {
        shape: tensor.shape,
        data,
    }
}

fn sum(a: &Tensor, b: &Tensor) -> Result<Tensor, Wrong> {
    match (&a.data, &b.data) {
        (Data::F32(x), Data::F32(y)) => {
            let (shape, all) = broadcast((&a.shape, x), (&b.shape, y), |a, b| a + b)?;
            Tensor::new(shape, Data::F32(all))
        }
        (Data::F64(x), Data::F64(y)) => {
            let (shape, all) = broadcast((&a.shape, x), (&b.shape, y), |a, b| a + b)?;
            Tensor::new(shape, Data::F64(all))
        }
        _ => Err("floats of one precision are needed".to_owned()),
    }
}
