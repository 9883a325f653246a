//! [`Tensor`]: numbers, truths or texts in rows and columns.

use std::sync::Arc;

use super::proto::TensorProto;

/// More elements than any row of a model of tables comes to.
const MOST_ELEMENTS: usize = 1 << 22;

/// What a node cannot do, in words.
pub(super) type Wrong = String;

/// Elements in the order of rows.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tensor {
    pub(super) shape: Vec<usize>,
    pub(super) data: Data,
}

/// Integers of every width are held in 64 bits.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Data {
    F32(Vec<f32>),
    F64(Vec<f64>),
    I64(Vec<i64>),
    Bool(Vec<bool>),
    Text(Vec<Arc<str>>),
}

/// What elements a tensor has, by ONNX's numbers (`TensorProto.DataType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    F32,
    F64,
    I64,
    Bool,
    Text,
}

impl Element {
    pub(super) fn of(number: i32) -> Result<Element, Wrong> {
        match number {
            1 => Ok(Element::F32),
            11 => Ok(Element::F64),
            6 | 7 => Ok(Element::I64),
            9 => Ok(Element::Bool),
            8 => Ok(Element::Text),
            other => Err(format!("elements of type {other}")),
        }
    }
}

impl Tensor {
    /// Elements in a shape.
    pub(super) fn new(shape: Vec<usize>, data: Data) -> Result<Tensor, Wrong> {
        let n = count(&shape)?;
        match data.len() == n {
            true => Ok(Tensor { shape, data }),
            false => Err(format!(
                "{} elements do not fill the shape {shape:?}",
                data.len()
            )),
        }
    }

    /// One row.
    pub(super) fn row(data: Data) -> Tensor {
        Tensor {
            shape: vec![1, data.len()],
            data,
        }
    }

    /// A constant of the document.
    pub(super) fn read(written: &TensorProto) -> Result<Tensor, Wrong> {
        let dims = written.dims.iter().map(|dim| usize::try_from(*dim));
        let shape: Vec<usize> = dims
            .collect::<Result<_, _>>()
            .map_err(|_| "a dimension below 0".to_owned())?;
        let raw = &written.raw_data;
        let data = match written.data_type {
            1 if raw.is_empty() => Data::F32(written.float_data.clone()),
            1 => Data::F32(raw_numbers(raw, f32::from_le_bytes)),
            11 if raw.is_empty() => Data::F64(written.double_data.clone()),
            11 => Data::F64(raw_numbers(raw, f64::from_le_bytes)),
            7 if raw.is_empty() => Data::I64(written.int64_data.clone()),
            7 => Data::I64(raw_numbers(raw, i64::from_le_bytes)),
            6 if raw.is_empty() => {
                Data::I64(written.int32_data.iter().map(|i| i64::from(*i)).collect())
            }
            6 => Data::I64(raw_numbers(raw, |bytes| {
                i64::from(i32::from_le_bytes(bytes))
            })),
            9 if raw.is_empty() => Data::Bool(written.int32_data.iter().map(|i| *i != 0).collect()),
            9 => Data::Bool(raw.iter().map(|byte| *byte != 0).collect()),
            8 => Data::Text(written.string_data.iter().map(|text| lossy(text)).collect()),
            other => return Err(format!("a constant of type {other}")),
        };
        Tensor::new(shape, data)
    }

    /// The size of the last dimension; 1 of a single element.
    pub(super) fn width(&self) -> usize {
        self.shape.last().copied().unwrap_or(1)
    }

    pub(super) fn len(&self) -> usize {
        self.data.len()
    }

    /// The elements as numbers of single precision.
    pub(super) fn f32s(&self) -> Result<Vec<f32>, Wrong> {
        match &self.data {
            Data::F32(all) => Ok(all.clone()),
            Data::F64(all) => Ok(all.iter().map(|x| *x as f32).collect()),
            Data::I64(all) => Ok(all.iter().map(|x| *x as f32).collect()),
            Data::Bool(all) => Ok(all.iter().map(|x| f32::from(u8::from(*x))).collect()),
            Data::Text(_) => Err("numbers are needed, and there are texts".to_owned()),
        }
    }

    /// The elements as numbers of double precision.
    pub(super) fn f64s(&self) -> Result<Vec<f64>, Wrong> {
        match &self.data {
            Data::F32(all) => Ok(all.iter().map(|x| f64::from(*x)).collect()),
            Data::F64(all) => Ok(all.clone()),
            Data::I64(all) => Ok(all.iter().map(|x| *x as f64).collect()),
            Data::Bool(all) => Ok(all.iter().map(|x| f64::from(u8::from(*x))).collect()),
            Data::Text(_) => Err("numbers are needed, and there are texts".to_owned()),
        }
    }

    /// The elements as integers: shapes, axes, indices.
    pub(super) fn i64s(&self) -> Result<Vec<i64>, Wrong> {
        match &self.data {
            Data::I64(all) => Ok(all.clone()),
            Data::Bool(all) => Ok(all.iter().map(|x| i64::from(*x)).collect()),
            _ => Err("integers are needed".to_owned()),
        }
    }

    /// An axis, which may be counted from behind.
    pub(super) fn axis(&self, axis: i64) -> Result<usize, Wrong> {
        let n = self.shape.len() as i64;
        let found = if axis < 0 { axis + n } else { axis };
        match (0..n).contains(&found) {
            true => Ok(found as usize),
            false => Err(format!("there is no axis {axis} in {:?}", self.shape)),
        }
    }
}

impl Data {
    pub(super) fn len(&self) -> usize {
        match self {
            Data::F32(all) => all.len(),
            Data::F64(all) => all.len(),
            Data::I64(all) => all.len(),
            Data::Bool(all) => all.len(),
            Data::Text(all) => all.len(),
        }
    }

    /// The elements at these places.
    pub(super) fn pick(&self, at: &[usize]) -> Result<Data, Wrong> {
        fn all<T: Clone>(from: &[T], at: &[usize]) -> Result<Vec<T>, Wrong> {
            let one = |at: &usize| from.get(*at).cloned();
            let picked: Option<Vec<T>> = at.iter().map(one).collect();
            picked.ok_or_else(|| "an index is beyond the elements".to_owned())
        }
        Ok(match self {
            Data::F32(from) => Data::F32(all(from, at)?),
            Data::F64(from) => Data::F64(all(from, at)?),
            Data::I64(from) => Data::I64(all(from, at)?),
            Data::Bool(from) => Data::Bool(all(from, at)?),
            Data::Text(from) => Data::Text(all(from, at)?),
        })
    }
}

/// How many elements a shape has.
pub(super) fn count(shape: &[usize]) -> Result<usize, Wrong> {
    let product = shape
        .iter()
        .try_fold(1_usize, |product, dim| product.checked_mul(*dim));
    product
        .filter(|n| *n <= MOST_ELEMENTS)
        .ok_or_else(|| format!("the shape {shape:?} has more than {MOST_ELEMENTS} elements"))
}

pub(super) fn lossy(bytes: &[u8]) -> Arc<str> {
    String::from_utf8_lossy(bytes).into()
}

fn raw_numbers<const N: usize, T>(raw: &[u8], read: impl Fn([u8; N]) -> T) -> Vec<T> {
    let (chunks, _) = raw.as_chunks::<N>();
    chunks.iter().map(|chunk| read(*chunk)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_fills_its_shape() {
        let raw = TensorProto {
            dims: vec![2],
            data_type: 1,
            raw_data: [1.5_f32, -2.0]
                .into_iter()
                .flat_map(f32::to_le_bytes)
                .collect(),
            ..TensorProto::default()
        };
        let read = Tensor::read(&raw).unwrap();
        assert_eq!(read.data, Data::F32(vec![1.5, -2.0]));
        let short = TensorProto {
            dims: vec![3],
            ..raw.clone()
        };
        assert_eq!(
            Tensor::read(&short).unwrap_err(),
            "2 elements do not fill the shape [3]"
        );
        let huge = TensorProto {
            dims: vec![i64::MAX, i64::MAX],
            ..raw
        };
        assert!(Tensor::read(&huge).is_err());
    }
}
