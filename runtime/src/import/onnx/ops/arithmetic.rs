//! Element by element: arithmetic, comparisons, choices, casts. Tensors of
//! different shapes are broadcast as NumPy does.

use super::super::node::Node;
use super::super::tensor::{Data, Element, Tensor, Wrong, count};
use super::{Choosy, Op, need, of, unary};

pub(super) fn op(node: &Node<'_>) -> Result<Option<Box<dyn Op>>, Wrong> {
    Ok(Some(match &*node.0.op_type {
        "Identity" => unary(|x| Ok(x.clone())),
        "Add" | "Sum" => numbers(|a, b| a + b, |a, b| a + b, i64::checked_add),
        "Sub" => numbers(|a, b| a - b, |a, b| a - b, i64::checked_sub),
        "Mul" => numbers(|a, b| a * b, |a, b| a * b, i64::checked_mul),
        "Div" => numbers(|a, b| a / b, |a, b| a / b, i64::checked_div),
        "Pow" => numbers(f32::powf, f64::powf, |a, b| {
            a.checked_pow(u32::try_from(b).ok()?)
        }),
        "Max" => numbers(larger, larger, |a, b| Some(a.max(b))),
        "Min" => numbers(
            |a, b| -larger(-a, -b),
            |a, b| -larger(-a, -b),
            |a, b| Some(a.min(b)),
        ),
        "Less" => comparison(|a, b| a < b),
        "LessOrEqual" => comparison(|a, b| a <= b),
        "Greater" => comparison(|a, b| a > b),
        "GreaterOrEqual" => comparison(|a, b| a >= b),
        "Equal" => of(|inputs| {
            let (a, b) = (need(inputs, 0)?, need(inputs, 1)?);
            match (&a.data, &b.data) {
                (Data::Text(x), Data::Text(y)) => truths(a, x, b, y, |a, b| a == b),
                _ => truths(a, &a.f64s()?, b, &b.f64s()?, |a, b| a == b),
            }
        }),
        "And" => logic(|a, b| a && b),
        "Or" => logic(|a, b| a || b),
        "Not" => unary(|x| match &x.data {
            Data::Bool(all) => Tensor::new(
                x.shape.clone(),
                Data::Bool(all.iter().map(|x| !x).collect()),
            ),
            _ => Err("truth values are needed".to_owned()),
        }),
        "IsNaN" => unary(|x| {
            let truths = x.f64s()?.iter().map(|x| x.is_nan()).collect();
            Tensor::new(x.shape.clone(), Data::Bool(truths))
        }),
        "Where" => of(|inputs| choose(need(inputs, 0)?, need(inputs, 1)?, need(inputs, 2)?)),
        "Abs" => each(f32::abs, f64::abs),
        "Neg" => each(|x| -x, |x| -x),
        "Exp" => each(f32::exp, f64::exp),
        "Log" => each(f32::ln, f64::ln),
        "Sqrt" => each(f32::sqrt, f64::sqrt),
        "Floor" => each(f32::floor, f64::floor),
        "Ceil" => each(f32::ceil, f64::ceil),
        "Round" => each(f32::round_ties_even, f64::round_ties_even),
        "Reciprocal" => each(f32::recip, f64::recip),
        "Relu" => each(
            |x| if x < 0.0 { 0.0 } else { x },
            |x| {
                if x < 0.0 { 0.0 } else { x }
            },
        ),
        "Tanh" => each(f32::tanh, f64::tanh),
        "Sigmoid" => each(logistic, |x| {
            if x < 0.0 {
                let e = x.exp();
                e / (1.0 + e)
            } else {
                1.0 / (1.0 + (-x).exp())
            }
        }),
        "Clip" => of(clip),
        "Cast" => {
            let to = Element::of(i32::try_from(node.int("to", 0)).unwrap_or_default())?;
            Box::new(Choosy {
                run: move |x: &Tensor| cast(x, to),
                // A text of a number is tried as a number.
                tried: move |x: &Tensor| match &x.data {
                    Data::Text(all) if to != Element::Text => {
                        let zeros = Data::I64(vec![0; all.len()]);
                        cast(&Tensor::new(x.shape.clone(), zeros)?, to)
                    }
                    _ => cast(x, to),
                },
            })
        }
        _ => return Ok(None),
    }))
}

/// Of a score its probability, without overflow.
pub(super) fn logistic(x: f32) -> f32 {
    let v = 1.0 / (1.0 + (-x.abs()).exp());
    if x < 0.0 { 1.0 - v } else { v }
}

/// The larger; NaN where one is.
fn larger<T: PartialOrd + Copy>(a: T, b: T) -> T {
    // A number is never above or below NaN.
    match a.partial_cmp(&b) {
        Some(std::cmp::Ordering::Less) => b,
        Some(_) => a,
        None if a.partial_cmp(&a).is_none() => a,
        None => b,
    }
}

/// Two tensors element by element.
pub(super) fn broadcast<T, U, V>(
    a: (&[usize], &[T]),
    b: (&[usize], &[U]),
    mut f: impl FnMut(&T, &U) -> V,
) -> Result<(Vec<usize>, Vec<V>), Wrong> {
    let rank = a.0.len().max(b.0.len());
    let dim = |shape: &[usize], axis: usize| {
        let missing = rank - shape.len();
        if axis < missing {
            1
        } else {
            shape[axis - missing]
        }
    };
    let mut shape = Vec::with_capacity(rank);
    for axis in 0..rank {
        shape.push(match (dim(a.0, axis), dim(b.0, axis)) {
            (x, y) if x == y => x,
            (1, y) => y,
            (x, 1) => x,
            _ => return Err(format!("the shapes {:?} and {:?} do not fit", a.0, b.0)),
        });
    }
    let n = count(&shape)?;
    let mut out = Vec::with_capacity(n);
    for index in 0..n {
        let (mut rest, mut at_a, mut at_b, mut step_a, mut step_b) = (index, 0, 0, 1, 1);
        for axis in (0..rank).rev() {
            let place = rest % shape[axis];
            rest /= shape[axis];
            let (wide_a, wide_b) = (dim(a.0, axis), dim(b.0, axis));
            at_a += if wide_a == 1 { 0 } else { place * step_a };
            at_b += if wide_b == 1 { 0 } else { place * step_b };
            step_a *= wide_a;
            step_b *= wide_b;
        }
        out.push(f(&a.1[at_a], &b.1[at_b]));
    }
    Ok((shape, out))
}

fn numbers(
    f32s: fn(f32, f32) -> f32,
    f64s: fn(f64, f64) -> f64,
    i64s: fn(i64, i64) -> Option<i64>,
) -> Box<dyn Op> {
    of(move |inputs| {
        let mut made = need(inputs, 0)?.clone();
        for b in inputs.iter().skip(1).flatten() {
            let (shape, data) = match (&made.data, &b.data) {
                (Data::F32(x), Data::F32(y)) => {
                    let all = broadcast((&made.shape, x), (&b.shape, y), |a, b| f32s(*a, *b))?;
                    (all.0, Data::F32(all.1))
                }
                (Data::F64(x), Data::F64(y)) => {
                    let all = broadcast((&made.shape, x), (&b.shape, y), |a, b| f64s(*a, *b))?;
                    (all.0, Data::F64(all.1))
                }
                (Data::I64(x), Data::I64(y)) => {
                    let all = broadcast((&made.shape, x), (&b.shape, y), |a, b| i64s(*a, *b))?;
                    let numbers: Option<Vec<i64>> = all.1.into_iter().collect();
                    let numbers = numbers.ok_or("an integer is beyond 64 bits, or divided by 0")?;
                    (all.0, Data::I64(numbers))
                }
                _ => return Err("two tensors of different elements".to_owned()),
            };
            made = Tensor::new(shape, data)?;
        }
        Ok(vec![made])
    })
}

fn comparison(f: fn(f64, f64) -> bool) -> Box<dyn Op> {
    of(move |inputs| {
        let (a, b) = (need(inputs, 0)?, need(inputs, 1)?);
        truths(a, &a.f64s()?, b, &b.f64s()?, |a, b| f(*a, *b))
    })
}

fn logic(f: fn(bool, bool) -> bool) -> Box<dyn Op> {
    of(move |inputs| {
        let (a, b) = (need(inputs, 0)?, need(inputs, 1)?);
        match (&a.data, &b.data) {
            (Data::Bool(x), Data::Bool(y)) => truths(a, x, b, y, |a, b| f(*a, *b)),
            _ => Err("truth values are needed".to_owned()),
        }
    })
}

fn truths<T>(
    a: &Tensor,
    x: &[T],
    b: &Tensor,
    y: &[T],
    f: impl FnMut(&T, &T) -> bool,
) -> Result<Vec<Tensor>, Wrong> {
    let (shape, truths) = broadcast((&a.shape, x), (&b.shape, y), f)?;
    Ok(vec![Tensor::new(shape, Data::Bool(truths))?])
}

/// The second where the first says so, else the third.
fn choose(which: &Tensor, yes: &Tensor, no: &Tensor) -> Result<Vec<Tensor>, Wrong> {
    let Data::Bool(truths) = &which.data else {
        return Err("truth values are needed".to_owned());
    };
    let places = |tensor: &Tensor| (0..tensor.len()).collect::<Vec<usize>>();
    let (shape, pairs) = broadcast(
        (&yes.shape, &places(yes)),
        (&no.shape, &places(no)),
        |yes, no| (*yes, *no),
    )?;
    let (shape, picked) = broadcast((&which.shape, truths), (&shape, &pairs), |which, pair| {
        if *which {
            (true, pair.0)
        } else {
            (false, pair.1)
        }
    })?;
    let of = |side: bool, tensor: &Tensor| {
        let at: Vec<usize> = picked
            .iter()
            .map(|(chosen, at)| if *chosen == side { *at } else { 0 })
            .collect();
        tensor.data.pick(&at)
    };
    let data = match (of(true, yes)?, of(false, no)?) {
        (Data::F32(a), Data::F32(b)) => Data::F32(merge(&picked, a, b)),
        (Data::F64(a), Data::F64(b)) => Data::F64(merge(&picked, a, b)),
        (Data::I64(a), Data::I64(b)) => Data::I64(merge(&picked, a, b)),
        (Data::Bool(a), Data::Bool(b)) => Data::Bool(merge(&picked, a, b)),
        (Data::Text(a), Data::Text(b)) => Data::Text(merge(&picked, a, b)),
        _ => return Err("two tensors of different elements".to_owned()),
    };
    Ok(vec![Tensor::new(shape, data)?])
}

fn merge<T>(picked: &[(bool, usize)], yes: Vec<T>, no: Vec<T>) -> Vec<T> {
    let both = picked.iter().zip(yes.into_iter().zip(no));
    both.map(|((chosen, _), (yes, no))| if *chosen { yes } else { no })
        .collect()
}

fn each(f32s: fn(f32) -> f32, f64s: fn(f64) -> f64) -> Box<dyn Op> {
    unary(move |x| {
        let data = match &x.data {
            Data::F32(all) => Data::F32(all.iter().map(|x| f32s(*x)).collect()),
            Data::F64(all) => Data::F64(all.iter().map(|x| f64s(*x)).collect()),
            Data::I64(all) => Data::I64(all.iter().map(|x| f64s(*x as f64) as i64).collect()),
            Data::Bool(_) | Data::Text(_) => return Err("numbers are needed".to_owned()),
        };
        Tensor::new(x.shape.clone(), data)
    })
}

fn clip(inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Wrong> {
    let x = need(inputs, 0)?;
    let limit = |index: usize| -> Result<Option<f64>, Wrong> {
        let given = inputs.get(index).copied().flatten();
        given.map_or(Ok(None), |limit| Ok(limit.f64s()?.first().copied()))
    };
    let (low, high) = (limit(1)?, limit(2)?);
    let clipped = |x: f64| {
        let x = low.map_or(x, |low| if x < low { low } else { x });
        high.map_or(x, |high| if x > high { high } else { x })
    };
    let data = match &x.data {
        Data::F32(all) => Data::F32(all.iter().map(|x| clipped(f64::from(*x)) as f32).collect()),
        Data::F64(all) => Data::F64(all.iter().map(|x| clipped(*x)).collect()),
        Data::I64(all) => Data::I64(all.iter().map(|x| clipped(*x as f64) as i64).collect()),
        Data::Bool(_) | Data::Text(_) => return Err("numbers are needed".to_owned()),
    };
    Ok(vec![Tensor::new(x.shape.clone(), data)?])
}

fn cast(x: &Tensor, to: Element) -> Result<Tensor, Wrong> {
    let data = match (&x.data, to) {
        (Data::Text(all), Element::Text) => Data::Text(all.clone()),
        (Data::Text(all), Element::I64) => Data::I64(parsed(all)?),
        (Data::Text(all), Element::F32) => Data::F32(parsed(all)?),
        (Data::Text(all), Element::F64) => Data::F64(parsed(all)?),
        (Data::I64(all), Element::Text) => {
            Data::Text(all.iter().map(|x| x.to_string().into()).collect())
        }
        (_, Element::F32) => Data::F32(x.f32s()?),
        (_, Element::F64) => Data::F64(x.f64s()?),
        (Data::I64(all), Element::I64) => Data::I64(all.clone()),
        // A float is cut off, as C does.
        (_, Element::I64) => Data::I64(x.f64s()?.iter().map(|x| *x as i64).collect()),
        (_, Element::Bool) => Data::Bool(x.f64s()?.iter().map(|x| *x != 0.0).collect()),
        (_, Element::Text) => return Err("a cast of numbers to texts".to_owned()),
    };
    Tensor::new(x.shape.clone(), data)
}

fn parsed<T: std::str::FromStr>(all: &[std::sync::Arc<str>]) -> Result<Vec<T>, Wrong> {
    let one = |text: &std::sync::Arc<str>| {
        let parsed = text.trim().parse();
        parsed.map_err(|_| format!("{text:?} is not a number"))
    };
    all.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_broadcast_as_numpy_does() {
        let sum = |a: (&[usize], &[i64]), b: (&[usize], &[i64])| broadcast(a, b, |a, b| a + b);
        let found = sum((&[2, 1], &[10, 20]), (&[3], &[1, 2, 3])).unwrap();
        assert_eq!(found, (vec![2, 3], vec![11, 12, 13, 21, 22, 23]));
        let found = sum((&[], &[1]), (&[1, 2], &[1, 2])).unwrap();
        assert_eq!(found, (vec![1, 2], vec![2, 3]));
        assert!(sum((&[2], &[1, 2]), (&[3], &[1, 2, 3])).is_err());
    }

    #[test]
    fn nan_is_the_larger_one() {
        assert!(larger(f64::NAN, 1.0).is_nan());
        assert!(larger(1.0, f64::NAN).is_nan());
        assert_eq!(larger(1.0, 2.0), 2.0);
    }
}
