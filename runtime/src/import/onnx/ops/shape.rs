//! Elements in other shapes, beside one another, or some of them.

use super::super::node::Node;
use super::super::tensor::{Data, Tensor, Wrong, count};
use super::{Op, need, of, unary};

pub(super) fn op(node: &Node<'_>) -> Result<Option<Box<dyn Op>>, Wrong> {
    Ok(Some(match &*node.0.op_type {
        "Constant" => constant(node)?,
        "Reshape" => {
            let zero = node.int("allowzero", 0) != 0;
            of(move |inputs| {
                let x = need(inputs, 0)?;
                let shape = reshaped(x, &need(inputs, 1)?.i64s()?, zero)?;
                Ok(vec![Tensor::new(shape, x.data.clone())?])
            })
        }
        "Flatten" => {
            let axis = node.int("axis", 1);
            unary(move |x| {
                let rank = x.shape.len() as i64;
                let axis = if axis < 0 { axis + rank } else { axis };
                let axis = usize::try_from(axis)
                    .ok()
                    .filter(|axis| *axis <= x.shape.len());
                let axis = axis.ok_or_else(|| format!("there is no such axis in {:?}", x.shape))?;
                let shape = vec![count(&x.shape[..axis])?, count(&x.shape[axis..])?];
                Tensor::new(shape, x.data.clone())
            })
        }
        "Squeeze" => axes_of(node, |x, axes| {
            let axes: Vec<usize> = axes
                .iter()
                .map(|axis| x.axis(*axis))
                .collect::<Result<_, _>>()?;
            let stays = |(axis, dim): &(usize, &usize)| match axes.is_empty() {
                true => **dim != 1,
                false => !axes.contains(axis),
            };
            let shape = x
                .shape
                .iter()
                .enumerate()
                .filter(stays)
                .map(|(_, dim)| *dim);
            Tensor::new(shape.collect(), x.data.clone())
        }),
        "Unsqueeze" => axes_of(node, |x, axes| {
            let rank = (x.shape.len() + axes.len()) as i64;
            let mut shape = x.shape.clone();
            let mut sorted: Vec<i64> = axes
                .iter()
                .map(|a| if *a < 0 { a + rank } else { *a })
                .collect();
            sorted.sort_unstable();
            for axis in sorted {
                let axis = usize::try_from(axis)
                    .ok()
                    .filter(|axis| *axis <= shape.len());
                shape.insert(axis.ok_or("an axis beyond the shape")?, 1);
            }
            Tensor::new(shape, x.data.clone())
        }),
        "Transpose" => {
            let order = node.ints("perm").to_vec();
            unary(move |x| transposed(x, &order))
        }
        "Concat" => {
            let axis = node.int("axis", 1);
            of(move |inputs| Ok(vec![beside(inputs, axis)?]))
        }
        "FeatureVectorizer" => of(|inputs| {
            let floats: Vec<Tensor> = inputs
                .iter()
                .flatten()
                .map(|x| Tensor::new(x.shape.clone(), Data::F32(x.f32s()?)))
                .collect::<Result<_, _>>()?;
            let floats: Vec<Option<&Tensor>> = floats.iter().map(Some).collect();
            Ok(vec![beside(&floats, -1)?])
        }),
        "Gather" => {
            let axis = node.int("axis", 0);
            of(move |inputs| {
                let (x, at) = (need(inputs, 0)?, need(inputs, 1)?);
                Ok(vec![gathered(x, x.axis(axis)?, at)?])
            })
        }
        "ArrayFeatureExtractor" => of(|inputs| {
            let (x, at) = (need(inputs, 0)?, need(inputs, 1)?);
            let last = x
                .shape
                .len()
                .checked_sub(1)
                .ok_or("a tensor without an axis")?;
            let flat = Tensor::new(vec![at.len()], Data::I64(at.i64s()?))?;
            let mut made = gathered(x, last, &flat)?;
            if let [n] = *made.shape {
                made.shape = vec![1, n];
            }
            Ok(vec![made])
        }),
        "Shape" => unary(|x| {
            let dims: Vec<i64> = x.shape.iter().map(|dim| *dim as i64).collect();
            Tensor::new(vec![dims.len()], Data::I64(dims))
        }),
        "ConstantOfShape" => {
            let value = node.tensor("value").map(Tensor::read).transpose()?;
            let value = value.map_or(Data::F32(vec![0.0]), |value| value.data);
            unary(move |shape| {
                let dims = shape.i64s()?;
                let dims = dims.iter().map(|dim| usize::try_from(*dim));
                let shape: Vec<usize> = dims
                    .collect::<Result<_, _>>()
                    .map_err(|_| "a dimension below 0".to_owned())?;
                let data = value.pick(&vec![0; count(&shape)?])?;
                Tensor::new(shape, data)
            })
        }
        _ => return Ok(None),
    }))
}

fn constant(node: &Node<'_>) -> Result<Box<dyn Op>, Wrong> {
    let made = match node.tensor("value") {
        Some(tensor) => Tensor::read(tensor)?,
        None if node.has("value_float") => {
            Tensor::new(Vec::new(), Data::F32(vec![node.float("value_float", 0.0)]))?
        }
        None if node.has("value_int") => {
            Tensor::new(Vec::new(), Data::I64(vec![node.int("value_int", 0)]))?
        }
        None if node.has("value_ints") => {
            let ints = node.ints("value_ints").to_vec();
            Tensor::new(vec![ints.len()], Data::I64(ints))?
        }
        None if node.has("value_floats") => {
            let floats = node.floats("value_floats").to_vec();
            Tensor::new(vec![floats.len()], Data::F32(floats))?
        }
        None => return Err("a constant of another kind".to_owned()),
    };
    Ok(of(move |_| Ok(vec![made.clone()])))
}

/// An operation whose axes are an attribute or, since version 13, an input.
fn axes_of(
    node: &Node<'_>,
    run: impl Fn(&Tensor, &[i64]) -> Result<Tensor, Wrong> + Send + Sync + 'static,
) -> Box<dyn Op> {
    let written = node.ints("axes").to_vec();
    of(move |inputs| {
        let axes = match inputs.get(1).copied().flatten() {
            Some(axes) => axes.i64s()?,
            None => written.clone(),
        };
        Ok(vec![run(need(inputs, 0)?, &axes)?])
    })
}

/// -1 stands for what is left, 0 for the dimension as it is.
fn reshaped(x: &Tensor, wanted: &[i64], zero: bool) -> Result<Vec<usize>, Wrong> {
    let dim = |(at, dim): (usize, &i64)| match dim {
        -1 => Some(1),
        0 if !zero => x.shape.get(at).copied(),
        dim => usize::try_from(*dim).ok(),
    };
    let shape: Option<Vec<usize>> = wanted.iter().enumerate().map(dim).collect();
    let mut shape = shape.ok_or_else(|| format!("the shape {wanted:?}"))?;
    let known = count(&shape)?;
    if let Some(open) = wanted.iter().position(|dim| *dim == -1) {
        shape[open] = x.len().checked_div(known).unwrap_or(0);
    }
    Ok(shape)
}

fn transposed(x: &Tensor, order: &[i64]) -> Result<Tensor, Wrong> {
    let rank = x.shape.len();
    let order: Vec<usize> = match order.is_empty() {
        true => (0..rank).rev().collect(),
        false => order
            .iter()
            .map(|axis| x.axis(*axis))
            .collect::<Result<_, _>>()?,
    };
    let mut seen = order.clone();
    seen.sort_unstable();
    if seen != (0..rank).collect::<Vec<usize>>() {
        return Err(format!("the order {order:?} of {rank} axes"));
    }
    let shape: Vec<usize> = order.iter().map(|axis| x.shape[*axis]).collect();
    let mut steps = vec![1; rank];
    for axis in (0..rank.saturating_sub(1)).rev() {
        steps[axis] = steps[axis + 1] * x.shape[axis + 1];
    }
    let at: Vec<usize> = (0..x.len())
        .map(|index| {
            let (mut rest, mut from) = (index, 0);
            for (place, axis) in order.iter().enumerate().rev() {
                from += rest % shape[place] * steps[*axis];
                rest /= shape[place];
            }
            from
        })
        .collect();
    Tensor::new(shape, x.data.pick(&at)?)
}

fn beside(inputs: &[Option<&Tensor>], axis: i64) -> Result<Tensor, Wrong> {
    let all: Vec<&Tensor> = inputs.iter().copied().flatten().collect();
    let first = *all.first().ok_or("nothing to concatenate")?;
    let axis = first.axis(axis)?;
    for x in &all {
        let fits = x.shape.len() == first.shape.len()
            && (0..x.shape.len()).all(|at| at == axis || x.shape[at] == first.shape[at]);
        if !fits {
            return Err(format!(
                "the shapes {:?} and {:?} do not fit",
                first.shape, x.shape
            ));
        }
    }
    let mut shape = first.shape.clone();
    shape[axis] = all.iter().map(|x| x.shape[axis]).sum();
    count(&shape)?;
    let outer: usize = shape[..axis].iter().product();
    let data = match first.data {
        Data::F32(_) => Data::F32(joined(&all, axis, outer, |data| match data {
            Data::F32(all) => Some(all),
            _ => None,
        })?),
        Data::F64(_) => Data::F64(joined(&all, axis, outer, |data| match data {
            Data::F64(all) => Some(all),
            _ => None,
        })?),
        Data::I64(_) => Data::I64(joined(&all, axis, outer, |data| match data {
            Data::I64(all) => Some(all),
            _ => None,
        })?),
        Data::Bool(_) => Data::Bool(joined(&all, axis, outer, |data| match data {
            Data::Bool(all) => Some(all),
            _ => None,
        })?),
        Data::Text(_) => Data::Text(joined(&all, axis, outer, |data| match data {
            Data::Text(all) => Some(all),
            _ => None,
        })?),
    };
    Tensor::new(shape, data)
}

fn joined<'t, T: Clone + 't>(
    all: &[&'t Tensor],
    axis: usize,
    outer: usize,
    of: impl Fn(&'t Data) -> Option<&'t Vec<T>>,
) -> Result<Vec<T>, Wrong> {
    let mut made = Vec::new();
    for row in 0..outer {
        for x in all {
            let from = of(&x.data).ok_or("tensors of different elements")?;
            let wide: usize = x.shape[axis..].iter().product();
            made.extend_from_slice(&from[row * wide..(row + 1) * wide]);
        }
    }
    Ok(made)
}

fn gathered(x: &Tensor, axis: usize, at: &Tensor) -> Result<Tensor, Wrong> {
    let n = x.shape[axis];
    let places: Vec<usize> = at
        .i64s()?
        .into_iter()
        .map(|index| {
            let found = if index < 0 { index + n as i64 } else { index };
            let found = usize::try_from(found).ok().filter(|found| *found < n);
            found.ok_or_else(|| format!("there is no place {index} among {n}"))
        })
        .collect::<Result<_, _>>()?;
    let outer: usize = x.shape[..axis].iter().product();
    let inner: usize = x.shape[axis + 1..].iter().product();
    let mut shape = x.shape[..axis].to_vec();
    shape.extend(&at.shape);
    shape.extend(&x.shape[axis + 1..]);
    count(&shape)?;
    let mut picked = Vec::with_capacity(outer * places.len() * inner);
    for row in 0..outer {
        for place in &places {
            let first = (row * n + place) * inner;
            picked.extend(first..first + inner);
        }
    }
    Tensor::new(shape, x.data.pick(&picked)?)
}
