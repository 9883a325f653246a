//! Many elements to one, along axes; the place of the largest; softmax.

use super::super::node::Node;
use super::super::tensor::{Data, Tensor, Wrong};
use super::{Op, need, of, unary};

pub(super) fn op(node: &Node<'_>) -> Result<Option<Box<dyn Op>>, Wrong> {
    let reduction: fn(&[f64]) -> f64 = match &*node.0.op_type {
        "ReduceSum" => |all| all.iter().sum(),
        "ReduceMean" => |all| all.iter().sum::<f64>() / all.len() as f64,
        "ReduceProd" => |all| all.iter().product(),
        "ReduceMax" => |all| all.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        "ReduceMin" => |all| all.iter().copied().fold(f64::INFINITY, f64::min),
        "ReduceL1" => |all| all.iter().map(|x| x.abs()).sum(),
        "ReduceL2" => |all| all.iter().map(|x| x * x).sum::<f64>().sqrt(),
        "ReduceSumSquare" => |all| all.iter().map(|x| x * x).sum(),
        "ReduceLogSumExp" => |all| {
            let most = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let most = if most.is_finite() { most } else { 0.0 };
            all.iter().map(|x| (x - most).exp()).sum::<f64>().ln() + most
        },
        "ArgMax" => return arg(node, |a, b| a > b).map(Some),
        "ArgMin" => return arg(node, |a, b| a < b).map(Some),
        "Softmax" => {
            let axis = node.int("axis", -1);
            return Ok(Some(unary(move |x| softmax(x, axis))));
        }
        _ => return Ok(None),
    };
    let axes = node.ints("axes").to_vec();
    let keep = node.int("keepdims", 1) != 0;
    let nothing = node.int("noop_with_empty_axes", 0) != 0;
    Ok(Some(of(move |inputs| {
        let x = need(inputs, 0)?;
        let axes = match inputs.get(1).copied().flatten() {
            Some(axes) => axes.i64s()?,
            None => axes.clone(),
        };
        if axes.is_empty() && nothing {
            return Ok(vec![x.clone()]);
        }
        let axes: Vec<usize> = match axes.is_empty() {
            true => (0..x.shape.len()).collect(),
            false => axes
                .iter()
                .map(|axis| x.axis(*axis))
                .collect::<Result<_, _>>()?,
        };
        Ok(vec![reduced(x, &axes, keep, reduction)?])
    })))
}

/// The elements of `x` by where they go when `axes` are left out.
fn groups(x: &Tensor, axes: &[usize]) -> (Vec<usize>, Vec<Vec<usize>>) {
    let kept: Vec<usize> = (0..x.shape.len())
        .filter(|axis| !axes.contains(axis))
        .collect();
    let shape: Vec<usize> = kept.iter().map(|axis| x.shape[*axis]).collect();
    let mut groups = vec![Vec::new(); shape.iter().product()];
    for index in 0..x.len() {
        let (mut rest, mut place, mut step) = (index, 0, 1);
        for axis in (0..x.shape.len()).rev() {
            let at = rest % x.shape[axis];
            rest /= x.shape[axis];
            if !axes.contains(&axis) {
                place += at * step;
                step *= x.shape[axis];
            }
        }
        groups[place].push(index);
    }
    (shape, groups)
}

fn kept_shape(x: &Tensor, axes: &[usize], keep: bool, shape: Vec<usize>) -> Vec<usize> {
    match keep {
        false => shape,
        true => (0..x.shape.len())
            .map(|axis| {
                if axes.contains(&axis) {
                    1
                } else {
                    x.shape[axis]
                }
            })
            .collect(),
    }
}

fn reduced(
    x: &Tensor,
    axes: &[usize],
    keep: bool,
    reduction: fn(&[f64]) -> f64,
) -> Result<Tensor, Wrong> {
    let numbers = x.f64s()?;
    let (shape, groups) = groups(x, axes);
    let one = |group: &Vec<usize>| {
        let all: Vec<f64> = group.iter().map(|at| numbers[*at]).collect();
        reduction(&all)
    };
    let made: Vec<f64> = groups.iter().map(one).collect();
    let data = match x.data {
        Data::F64(_) => Data::F64(made),
        Data::I64(_) => Data::I64(made.into_iter().map(|x| x as i64).collect()),
        _ => Data::F32(made.into_iter().map(|x| x as f32).collect()),
    };
    Tensor::new(kept_shape(x, axes, keep, shape), data)
}

fn arg(node: &Node<'_>, beats: fn(f64, f64) -> bool) -> Result<Box<dyn Op>, Wrong> {
    node.only("select_last_index", 0)?;
    let (axis, keep) = (node.int("axis", 0), node.int("keepdims", 1) != 0);
    Ok(unary(move |x| {
        let axis = x.axis(axis)?;
        let numbers = x.f64s()?;
        let (shape, groups) = groups(x, &[axis]);
        let one = |group: &Vec<usize>| {
            let mut best = 0;
            for (place, at) in group.iter().enumerate() {
                if beats(numbers[*at], numbers[group[best]]) {
                    best = place;
                }
            }
            best as i64
        };
        let found = groups.iter().map(one).collect();
        Tensor::new(kept_shape(x, &[axis], keep, shape), Data::I64(found))
    }))
}

fn softmax(x: &Tensor, axis: i64) -> Result<Tensor, Wrong> {
    let axis = x.axis(axis)?;
    let mut numbers = x.f64s()?;
    for group in groups(x, &[axis]).1 {
        let most = group
            .iter()
            .map(|at| numbers[*at])
            .fold(f64::NEG_INFINITY, f64::max);
        let mut sum = 0.0;
        for at in &group {
            numbers[*at] = (numbers[*at] - most).exp();
            sum += numbers[*at];
        }
        group.iter().for_each(|at| numbers[*at] /= sum);
    }
    let data = match x.data {
        Data::F64(_) => Data::F64(numbers),
        _ => Data::F32(numbers.into_iter().map(|x| x as f32).collect()),
    };
    Tensor::new(x.shape.clone(), data)
}
