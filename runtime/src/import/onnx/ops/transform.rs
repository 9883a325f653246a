//! Rows to a norm of one, and what only names what it is given.

use super::super::node::Node;
use super::super::tensor::{Data, Tensor, Wrong};
use super::{Op, unary};

pub(super) fn op(node: &Node<'_>) -> Result<Option<Box<dyn Op>>, Wrong> {
    let norm: fn(&[f32]) -> f32 = match &*node.0.op_type {
        // A list of maps by class; here the same rows, whose classes are known.
        "ZipMap" => return Ok(Some(unary(|x| Ok(x.clone())))),
        "Normalizer" => match &*node.text("norm", "MAX") {
            "MAX" => |row| row.iter().fold(0.0_f32, |most, x| most.max(x.abs())),
            "L1" => |row| row.iter().map(|x| x.abs()).sum(),
            "L2" => |row| row.iter().map(|x| x * x).sum::<f32>().sqrt(),
            other => return Err(format!("norm = {other}")),
        },
        _ => return Ok(None),
    };
    Ok(Some(unary(move |x| {
        let mut numbers = x.f32s()?;
        for row in numbers.chunks_mut(x.width().max(1)) {
            let norm = norm(row);
            if norm != 0.0 {
                row.iter_mut().for_each(|x| *x /= norm);
            }
        }
        Tensor::new(x.shape.clone(), Data::F32(numbers))
    })))
}
