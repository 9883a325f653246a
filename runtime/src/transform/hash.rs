//! `hash`: any number of categories in a fixed number of columns.
//!
//! As scikit-learn's `FeatureHasher(n, input_type="dict")` (Weinberger et al.,
//! *Feature Hashing for Large Scale Multitask Learning*, ICML 2009): text is
//! the feature `NAME=value` of value 1, a number the feature `NAME` of its own
//! value. The feature's MurmurHash3 (x86, 32 bits, seed 0) says column and sign.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::column::Column;
use super::fault::Fault;
use super::frame::Frame;

/// The columns go; `PREFIX_0` and on come at the end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hash {
    /// Which columns. Missing values count nothing.
    pub columns: Vec<Arc<str>>,
    /// How many columns come of it.
    pub n: u32,
    /// How they are called.
    #[serde(default = "prefix")]
    pub prefix: String,
    /// Half of the features count negatively, so that what falls together does
    /// not add up.
    #[serde(default = "yes")]
    pub alternate_sign: bool,
}

/// More columns than any model here would take.
const MOST: u32 = 1 << 16;

impl Hash {
    pub(super) fn check(&self) -> Result<(), Fault> {
        match self.n {
            1..=MOST => Ok(()),
            _ => Err(Fault::declared("n", format!("must be from 1 to {MOST}"))),
        }
    }

    pub(super) fn reads(&self) -> Vec<&str> {
        self.columns.iter().map(|name| &**name).collect()
    }

    pub(super) fn apply(&self, frame: &mut Frame) -> Result<(), Fault> {
        self.check()?;
        let mut hashed = vec![vec![0.0; frame.n_rows()]; self.n as usize];
        for name in &self.columns {
            self.add(name, frame.column(name)?, &mut hashed)?;
            frame.remove(name);
        }
        for (number, values) in hashed.into_iter().enumerate() {
            frame.add(
                &format!("{}_{number}", self.prefix).into(),
                Column::floats(values),
            )?;
        }
        Ok(())
    }

    fn add(&self, name: &str, column: &Column, hashed: &mut [Vec<f64>]) -> Result<(), Fault> {
        if let Column::Text(values) = column {
            for (row, value) in values.iter().enumerate() {
                let Some(value) = value else { continue };
                let (place, sign) = self.place(&format!("{name}={value}"));
                hashed[place][row] += sign;
            }
            return Ok(());
        }
        let (place, sign) = self.place(name);
        for (row, value) in column.numbers(name)?.values().iter().enumerate() {
            hashed[place][row] += if value.is_nan() { 0.0 } else { sign * value };
        }
        Ok(())
    }

    fn place(&self, feature: &str) -> (usize, f64) {
        let hash = murmur3(feature.as_bytes(), 0).cast_signed();
        let sign = if self.alternate_sign && hash < 0 {
            -1.0
        } else {
            1.0
        };
        ((hash.unsigned_abs() % self.n) as usize, sign)
    }
}

fn prefix() -> String {
    "hash".to_owned()
}

fn yes() -> bool {
    true
}

/// MurmurHash3_x86_32 (Austin Appleby, public domain, `MurmurHash3.cpp`).
fn murmur3(bytes: &[u8], seed: u32) -> u32 {
    let mix = |block: u32| {
        block
            .wrapping_mul(0xcc9e_2d51)
            .rotate_left(15)
            .wrapping_mul(0x1b87_3593)
    };
    let (blocks, tail) = bytes.as_chunks::<4>();
    let mut hash = seed;
    for block in blocks {
        hash = (hash ^ mix(u32::from_le_bytes(*block))).rotate_left(13);
        hash = hash.wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    let last = tail
        .iter()
        .rev()
        .fold(0, |last, byte| last << 8 | u32::from(*byte));
    hash ^= mix(last);
    hash ^= bytes.len() as u32;
    hash = (hash ^ hash >> 16).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ hash >> 13).wrapping_mul(0xc2b2_ae35);
    hash ^ hash >> 16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn murmur_is_the_reference() {
        // The reference implementation's own words for these inputs.
        for (text, seed, hash) in [
            ("", 0, 0),
            ("", 1, 0x514e_28b7),
            ("test", 0, 0xba6b_d213),
            ("Hello, world!", 0, 0xc036_3e43),
            (
                "The quick brown fox jumps over the lazy dog",
                0,
                0x2e4f_f723,
            ),
        ] {
            assert_eq!(murmur3(text.as_bytes(), seed), hash, "{text}");
        }
    }
}
