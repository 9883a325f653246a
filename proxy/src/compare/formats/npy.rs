//! Arrays as NumPy's `save` writes them (NEP 1), of numbers and of truths: an
//! array of arrays, whatever the order of its axes in the file.

use super::{Comparator, Document, Reading, Unreadable, json};
use crate::compare::node::Node;
use crate::compare::rules::Rules;

pub(super) struct Npy;

impl Comparator for Npy {
    fn name(&self) -> &'static str {
        "npy"
    }

    fn reads(&self, essence: &str) -> bool {
        matches!(
            essence,
            "application/x-npy"
                | "application/npy"
                | "application/x-numpy"
                | "application/vnd.numpy"
        )
    }

    fn read<'a>(&self, document: &'a Document<'_>, _: &Rules) -> Result<Reading<'a>, Unreadable> {
        let (header, data) = header(document.bytes).ok_or(Unreadable::Broken)?;
        let array = Array::read(header, data).ok_or(Unreadable::Broken)?;
        json::deep(array.shape.len())?;
        array.node(0, 0).map(Reading::Node)
    }
}

/// The header's text, and the numbers.
fn header(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let rest = bytes.strip_prefix(b"\x93NUMPY")?;
    let (version, rest) = rest.split_at_checked(2)?;
    let (len, rest) = match version[0] {
        1 => {
            let (len, rest) = rest.split_first_chunk()?;
            (usize::from(u16::from_le_bytes(*len)), rest)
        }
        2 | 3 => {
            let (len, rest) = rest.split_first_chunk()?;
            (usize::try_from(u32::from_le_bytes(*len)).ok()?, rest)
        }
        _ => return None,
    };
    let (header, data) = rest.split_at_checked(len)?;
    Some((std::str::from_utf8(header).ok()?, data))
}

struct Array<'a> {
    data: &'a [u8],
    /// `f`, `i`, `u` or `b`.
    kind: u8,
    big_endian: bool,
    size: usize,
    shape: Vec<usize>,
    /// Of each axis, items from one to the next.
    strides: Vec<usize>,
}

impl<'a> Array<'a> {
    /// `header` is `{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }`.
    fn read(header: &str, data: &'a [u8]) -> Option<Array<'a>> {
        let of = |key: &str| {
            let (_, rest) = header.split_once(&format!("'{key}':"))?;
            Some(rest.trim_start())
        };
        let descr = of("descr")?.strip_prefix('\'')?;
        let (descr, _) = descr.split_once('\'')?;
        let mut bytes = descr.bytes();
        let (order, kind) = (bytes.next()?, bytes.next()?);
        let size: usize = descr.get(2..)?.parse().ok()?;
        let known = match kind {
            b'f' => matches!(size, 4 | 8),
            b'i' | b'u' => matches!(size, 1 | 2 | 4 | 8),
            b'b' => size == 1,
            _ => false,
        };
        if !known || !matches!(order, b'<' | b'>' | b'|' | b'=') {
            return None;
        }
        let (shape, _) = of("shape")?.strip_prefix('(')?.split_once(')')?;
        let lengths = shape
            .split(',')
            .map(str::trim)
            .filter(|length| !length.is_empty());
        let shape: Vec<usize> = lengths
            .map(|length| length.parse().ok())
            .collect::<Option<_>>()?;
        let items = shape
            .iter()
            .try_fold(1_usize, |all, length| all.checked_mul(*length))?;
        if items.checked_mul(size)? != data.len() {
            return None;
        }
        let fortran = of("fortran_order")?.starts_with("True");
        let mut strides = vec![1; shape.len()];
        let mut stride = 1_usize;
        for at in 0..shape.len() {
            let axis = if fortran { at } else { shape.len() - 1 - at };
            strides[axis] = stride;
            stride = stride.saturating_mul(shape[axis].max(1));
        }
        Some(Array {
            data,
            kind,
            big_endian: order == b'>',
            size,
            shape,
            strides,
        })
    }

    fn node(&self, axis: usize, from: usize) -> Result<Node<'static>, Unreadable> {
        let Some(length) = self.shape.get(axis) else {
            return self.item(from).ok_or(Unreadable::Broken);
        };
        // An axis without items may stand before one of any length.
        let length = if self.data.is_empty() {
            (*length).min(1 << 16)
        } else {
            *length
        };
        if self.data.is_empty() && axis > 0 {
            return Ok(Node::Array(Vec::new()));
        }
        let items = (0..length).map(|index| self.node(axis + 1, from + index * self.strides[axis]));
        items.collect::<Result<_, _>>().map(Node::Array)
    }

    fn item(&self, at: usize) -> Option<Node<'static>> {
        let start = at.checked_mul(self.size)?;
        let mut bytes = [0; 8];
        let raw = self.data.get(start..start + self.size)?;
        bytes[..self.size].copy_from_slice(raw);
        if self.big_endian {
            bytes[..self.size].reverse();
        }
        let whole = u64::from_le_bytes(bytes);
        let unused = 64 - 8 * u32::try_from(self.size).ok()?;
        Some(match (self.kind, self.size) {
            (b'b', _) => Node::Bool(whole != 0),
            (b'f', 4) => real(f32::from_bits(whole as u32), |x| x.is_finite(), f32::is_nan),
            (b'f', _) => real(f64::from_bits(whole), |x| x.is_finite(), f64::is_nan),
            (b'u', _) => Node::Number(whole.to_string().into()),
            _ => {
                let signed = (whole << unused) as i64 >> unused;
                Node::Number(signed.to_string().into())
            }
        })
    }
}

/// A floating-point number in the fewest digits that tell it from others.
pub(super) fn real<'a, T: Copy + PartialOrd + Default + std::fmt::Display>(
    x: T,
    is_finite: impl FnOnce(&T) -> bool,
    is_nan: impl FnOnce(T) -> bool,
) -> Node<'a> {
    let text = match is_finite(&x) {
        true => return Node::Number(x.to_string().into()),
        false if is_nan(x) => "NaN",
        false if x < T::default() => "-Infinity",
        false => "Infinity",
    };
    Node::Number(text.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::node;

    fn npy(header: &str, data: &[u8]) -> Vec<u8> {
        let len = u16::try_from(header.len()).unwrap().to_le_bytes();
        [b"\x93NUMPY\x01\x00", &len[..], header.as_bytes(), data].concat()
    }

    fn read(descr: &str, fortran: &str, shape: &str, data: &[u8]) -> Option<String> {
        let header =
            format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}");
        node("npy", &npy(&header, data))
    }

    #[test]
    fn arrays_of_every_kind() {
        let bytes = [1, 2, 3, 4, 5, 6];
        assert_eq!(
            read("|u1", "False", "(2, 3)", &bytes).unwrap(),
            "[[1, 2, 3], [4, 5, 6]]"
        );
        assert_eq!(
            read("|u1", "True", "(2, 3)", &bytes).unwrap(),
            "[[1, 3, 5], [2, 4, 6]]"
        );
        assert_eq!(read("|i1", "False", "(1,)", &[255]).unwrap(), "[-1]");
        assert_eq!(read(">i2", "False", "()", &[0xff, 0xfe]).unwrap(), "-2");
        assert_eq!(
            read("|b1", "False", "(2,)", &[0, 1]).unwrap(),
            "[false, true]"
        );
        let floats = [0.1_f32, f32::NAN, f32::NEG_INFINITY]
            .map(f32::to_le_bytes)
            .concat();
        assert_eq!(
            read("<f4", "False", "(3,)", &floats).unwrap(),
            "[0.1, NaN, -Infinity]"
        );
        assert_eq!(
            read("<f8", "False", "(1,)", &0.1_f64.to_le_bytes()).unwrap(),
            "[0.1]"
        );
        assert_eq!(read("<f8", "False", "(0,)", &[]).unwrap(), "[]");
        assert_eq!(read("<f8", "False", "(2, 0)", &[]).unwrap(), "[[], []]");
    }

    #[test]
    fn what_is_no_array_of_numbers() {
        assert_eq!(read("|O", "False", "(1,)", &[0; 8]), None);
        assert_eq!(read("<f8", "False", "(2,)", &[0; 8]), None);
        assert_eq!(
            read("<f8", "False", "(99999999999, 99999999999)", &[0; 8]),
            None
        );
        assert_eq!(read("é8", "False", "(1,)", &[0; 8]), None);
        assert_eq!(node("npy", b"\x93NUMPY\x01\x00\xff\xff"), None);
        let deep = format!("({})", "1, ".repeat(1_000));
        assert_eq!(read("|u1", "False", &deep, &[1]), None);
        assert!(read("|u1", "False", "(99999999999, 0)", &[]).unwrap().len() < 1 << 20);
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(header in "\\{'descr': '[<>|=][fiubO][0-9]{1,2}', 'fortran_order': (True|False), 'shape': \\([0-9, ]{0,9}\\)", data in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = node("npy", &npy(&header, &data));
        }
    }
}
