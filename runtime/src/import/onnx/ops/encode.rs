//! Categories: one column per category, or one for another.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::super::node::Node;
use super::super::tensor::{Data, Tensor, Wrong};
use super::{Choosy, Op, unary};

pub(super) fn op(node: &Node<'_>) -> Result<Option<Box<dyn Op>>, Wrong> {
    match &*node.0.op_type {
        "OneHotEncoder" => one_hot(node).map(Some),
        "LabelEncoder" => label(node).map(Some),
        _ => Ok(None),
    }
}

/// A category: texts by their characters, numbers by their bits, so that -0 is
/// 0 and NaN is itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Text(Arc<str>),
    Int(i64),
    Float(u64),
}

fn keys(data: &Data) -> Result<Vec<Key>, Wrong> {
    Ok(match data {
        Data::Text(all) => all.iter().cloned().map(Key::Text).collect(),
        Data::I64(all) => all.iter().copied().map(Key::Int).collect(),
        Data::F32(all) => all.iter().map(|x| float(f64::from(*x))).collect(),
        Data::F64(all) => all.iter().copied().map(float).collect(),
        Data::Bool(_) => return Err("texts or numbers are needed".to_owned()),
    })
}

fn float(x: f64) -> Key {
    match x {
        x if x.is_nan() => Key::Float(f64::NAN.to_bits()),
        x => Key::Float((x + 0.0).to_bits()),
    }
}

fn one_hot(node: &Node<'_>) -> Result<Box<dyn Op>, Wrong> {
    let (texts, ints) = (node.texts("cats_strings"), node.ints("cats_int64s"));
    let categories: Vec<Key> = match texts.is_empty() {
        true => ints.iter().copied().map(Key::Int).collect(),
        false => texts.into_iter().map(Key::Text).collect(),
    };
    let n = categories.len();
    if n == 0 {
        return Err("no categories".to_owned());
    }
    let places: FxHashMap<Key, usize> = categories.into_iter().zip(0..).collect();
    let zeros = node.int("zeros", 1) != 0;
    let known = Arc::new(Known { places, n });
    let tried = Arc::clone(&known);
    Ok(Box::new(Choosy {
        run: move |x: &Tensor| known.encoded(x, zeros),
        tried: move |x: &Tensor| tried.encoded(x, true),
    }))
}

/// Categories, and in which column each stands.
struct Known {
    places: FxHashMap<Key, usize>,
    n: usize,
}

impl Known {
    /// A column per category; one that is not known is nowhere, or refused.
    fn encoded(&self, x: &Tensor, zeros: bool) -> Result<Tensor, Wrong> {
        let mut made = vec![0.0_f32; self.n * x.len()];
        for (index, key) in keys(&x.data)?.into_iter().enumerate() {
            // Numbers are looked up as integers.
            let key = match key {
                Key::Float(bits) => Key::Int(f64::from_bits(bits) as i64),
                key => key,
            };
            match self.places.get(&key) {
                Some(place) => made[index * self.n + place] = 1.0,
                None if zeros => {}
                None => return Err(format!("{} is a category that was not seen", shown(&key))),
            }
        }
        let mut shape = x.shape.clone();
        shape.push(self.n);
        Tensor::new(shape, Data::F32(made))
    }
}

fn shown(key: &Key) -> String {
    match key {
        Key::Text(text) => format!("{text:?}"),
        Key::Int(number) => number.to_string(),
        Key::Float(bits) => f64::from_bits(*bits).to_string(),
    }
}

fn label(node: &Node<'_>) -> Result<Box<dyn Op>, Wrong> {
    if node.has("classes_strings") {
        return Err("its form of version 1 of ai.onnx.ml".to_owned());
    }
    let side = |of: &str| -> Result<Option<Data>, Wrong> {
        let (texts, ints, floats) = (
            format!("{of}_strings"),
            format!("{of}_int64s"),
            format!("{of}_floats"),
        );
        Ok(if node.has(&texts) {
            Some(Data::Text(node.texts(&texts)))
        } else if node.has(&ints) {
            Some(Data::I64(node.ints(&ints).to_vec()))
        } else if node.has(&floats) {
            Some(Data::F32(node.floats(&floats).to_vec()))
        } else {
            let tensor = node.tensor(&format!("{of}_tensor"));
            tensor.map(Tensor::read).transpose()?.map(|read| read.data)
        })
    };
    let (Some(from), Some(to)) = (side("keys")?, side("values")?) else {
        return Err("keys or values that are missing".to_owned());
    };
    if from.len() != to.len() {
        return Err(format!("{} keys with {} values", from.len(), to.len()));
    }
    // The value for what is no key stands behind the others.
    let unknown = to.len();
    let to = match to {
        Data::Text(mut all) => {
            all.push(node.text("default_string", "_Unused").into());
            Data::Text(all)
        }
        Data::I64(mut all) => {
            all.push(node.int("default_int64", -1));
            Data::I64(all)
        }
        Data::F32(mut all) => {
            all.push(node.float("default_float", -0.0));
            Data::F32(all)
        }
        Data::F64(mut all) => {
            let given = node
                .tensor("default_tensor")
                .map(Tensor::read)
                .transpose()?;
            let given = given.map(|given| given.f64s()).transpose()?;
            all.push(given.and_then(|all| all.first().copied()).unwrap_or(-0.0));
            Data::F64(all)
        }
        Data::Bool(_) => return Err("values that are truths".to_owned()),
    };
    // The last of several equal keys counts, as it does in a map.
    let places: FxHashMap<Key, usize> = keys(&from)?.into_iter().zip(0..).collect();
    Ok(unary(move |x| {
        let found = keys(&x.data)?;
        let at: Vec<usize> = found
            .iter()
            .map(|key| places.get(key).copied().unwrap_or(unknown))
            .collect();
        Tensor::new(x.shape.clone(), to.pick(&at)?)
    }))
}
