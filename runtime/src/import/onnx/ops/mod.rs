//! The operations: one file per family. Each follows the definition in ONNX's
//! operator documents (`docs/Operators.md`, `docs/Operators-ml.md`), and where
//! these leave it open, what ONNX Runtime's processor kernels do.

mod arithmetic;
mod encode;
mod linear;
mod matrix;
mod reduce;
mod scale;
mod shape;
mod transform;
mod trees;

use super::node::Node;
use super::tensor::{Tensor, Wrong};

/// An operation, checked as far as its attributes go.
pub(super) trait Op: Send + Sync {
    /// What it makes of its inputs; an absent optional input is `None`.
    fn run(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Wrong>;

    /// The same, of values that stand for any: only shapes and elements can be
    /// wrong.
    fn tried(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Wrong> {
        self.run(inputs)
    }
}

/// An operation that refuses some values: how it runs, and how it is tried.
struct Choosy<R, T> {
    run: R,
    tried: T,
}

impl<R, T> Op for Choosy<R, T>
where
    R: Fn(&Tensor) -> Result<Tensor, Wrong> + Send + Sync,
    T: Fn(&Tensor) -> Result<Tensor, Wrong> + Send + Sync,
{
    fn run(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Wrong> {
        Ok(vec![(self.run)(need(inputs, 0)?)?])
    }

    fn tried(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Wrong> {
        Ok(vec![(self.tried)(need(inputs, 0)?)?])
    }
}

/// An operation of inputs alone.
impl<F> Op for F
where
    F: Fn(&[Option<&Tensor>]) -> Result<Vec<Tensor>, Wrong> + Send + Sync,
{
    fn run(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Wrong> {
        self(inputs)
    }
}

/// A family: the operation, or `None` where it is of another.
type Family = fn(&Node<'_>) -> Result<Option<Box<dyn Op>>, Wrong>;

const FAMILIES: [Family; 9] = [
    arithmetic::op,
    encode::op,
    linear::op,
    matrix::op,
    reduce::op,
    scale::op,
    shape::op,
    self::transform::op,
    trees::op,
];

/// The operation of a node.
pub(super) fn op(node: &Node<'_>) -> Result<Box<dyn Op>, Wrong> {
    let known = matches!(&*node.0.domain, "" | "ai.onnx" | "ai.onnx.ml");
    for family in FAMILIES.iter().filter(|_| known) {
        if let Some(op) = family(node)? {
            return Ok(op);
        }
    }
    Err("the operation".to_owned())
}

/// An operation of its inputs.
fn of(
    run: impl Fn(&[Option<&Tensor>]) -> Result<Vec<Tensor>, Wrong> + Send + Sync + 'static,
) -> Box<dyn Op> {
    Box::new(run)
}

/// An operation of one tensor that makes one.
fn unary(run: impl Fn(&Tensor) -> Result<Tensor, Wrong> + Send + Sync + 'static) -> Box<dyn Op> {
    of(move |inputs| Ok(vec![run(need(inputs, 0)?)?]))
}

/// An input that has to be there.
fn need<'t>(inputs: &[Option<&'t Tensor>], index: usize) -> Result<&'t Tensor, Wrong> {
    let found = inputs.get(index).copied().flatten();
    found.ok_or_else(|| format!("input {index} is missing"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn every_family_is_listed() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/import/onnx/ops");
        let files = std::fs::read_dir(folder).unwrap();
        let files = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        let families: BTreeSet<String> = files
            .filter_map(|file| file.strip_suffix(".rs").map(str::to_owned))
            .filter(|name| name != "mod")
            .collect();
        let listed = include_str!("mod.rs").lines().filter_map(|line| {
            let line = line.trim().trim_start_matches("self::");
            line.strip_suffix("::op,").map(str::to_owned)
        });
        assert_eq!(families, listed.collect());
    }
}
