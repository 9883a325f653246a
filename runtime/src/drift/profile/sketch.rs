//! Sketches that stand in a document: quantiles, and how many distinct values.

use std::collections::BTreeSet;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use datasketches::hll::{HllSketch, HllType, HllUnion};
use datasketches::tdigest::TDigestMut;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Centroids of a t-digest: 200 tell a rank to within about half a percent, and
/// far better near both ends.
const COMPRESSION: u16 = 200;
/// 2¹² registers tell a count of distinct values to about 1.6 %.
const REGISTERS: u8 = 12;
/// Up to so many distinct values are counted exactly.
const MOST_EXACT: usize = 1_000;
/// A document that says there are more values than this is not believed.
const MOST_VALUES: u64 = 1 << 53;

/// The quantiles of numbers.
#[derive(Clone, Debug)]
pub(super) struct Quantiles(TDigestMut);

/// How many distinct values there are.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Distinct {
    /// Their bits, while they are few.
    exact: Option<BTreeSet<u64>>,
    #[serde(
        serialize_with = "write_registers",
        deserialize_with = "read_registers"
    )]
    registers: HllSketch,
}

impl Quantiles {
    pub(super) fn add(&mut self, value: f64) {
        if self.0.total_weight() < MOST_VALUES {
            self.0.update(value);
        }
    }

    pub(super) fn merge(&mut self, other: &Quantiles) {
        // Twice that many still fit.
        if self.0.total_weight() <= MOST_VALUES && other.0.total_weight() <= MOST_VALUES {
            self.0.merge(&other.0);
        }
    }

    pub(super) fn quantile(&self, share: f64) -> Option<f64> {
        self.0.clone().quantile(share).ok().flatten()
    }

    /// About which share of the values lies below.
    pub(super) fn rank(&self, value: f64) -> Option<f64> {
        self.0.clone().rank(value).ok().flatten()
    }
}

impl Distinct {
    pub(super) fn add(&mut self, bits: u64) {
        self.registers.update(bits);
        if let Some(exact) = &mut self.exact {
            exact.insert(bits);
        }
        self.forget_if_many();
    }

    pub(super) fn merge(&mut self, other: &Distinct) {
        if let Ok(mut union) = HllUnion::new(REGISTERS) {
            union.update(&self.registers);
            union.update(&other.registers);
            self.registers = union.to_sketch(HllType::Hll8);
        }
        self.exact = match (self.exact.take(), &other.exact) {
            (Some(ours), Some(theirs)) => Some(&ours | theirs),
            _ => None,
        };
        self.forget_if_many();
    }

    /// How many, and whether that is exact.
    pub(super) fn count(&self) -> (u64, bool) {
        match &self.exact {
            Some(exact) => (exact.len() as u64, true),
            None => (self.registers.estimate().round().max(0.0) as u64, false),
        }
    }

    fn forget_if_many(&mut self) {
        self.exact = self.exact.take().filter(|exact| exact.len() <= MOST_EXACT);
    }
}

impl Default for Quantiles {
    fn default() -> Quantiles {
        Quantiles(TDigestMut::new(COMPRESSION).expect("200 centroids are allowed"))
    }
}

impl Default for Distinct {
    fn default() -> Distinct {
        let registers = HllSketch::new(REGISTERS, HllType::Hll8);
        Distinct {
            exact: Some(BTreeSet::new()),
            registers: registers.expect("from 2⁴ to 2²¹ registers are allowed"),
        }
    }
}

/// As far as can be told: the same number of values, and the same quantiles at
/// every twentieth of them.
impl PartialEq for Quantiles {
    fn eq(&self, other: &Quantiles) -> bool {
        let told = |quantiles: &Quantiles| {
            let twentieths = (0..=20).map(|rank| quantiles.quantile(f64::from(rank) / 20.0));
            (quantiles.0.total_weight(), twentieths.collect::<Vec<_>>())
        };
        told(self) == told(other)
    }
}

impl PartialEq for Distinct {
    fn eq(&self, other: &Distinct) -> bool {
        self.exact == other.exact && self.registers.serialize() == other.registers.serialize()
    }
}

impl Serialize for Quantiles {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&BASE64_STANDARD.encode(self.0.clone().serialize()))
    }
}

impl<'de> Deserialize<'de> for Quantiles {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Quantiles, D::Error> {
        let digest = TDigestMut::deserialize(&bytes(from)?).map_err(D::Error::custom)?;
        match digest.total_weight() <= MOST_VALUES {
            true => Ok(Quantiles(digest)),
            false => Err(D::Error::custom(
                "the quantiles are of more than 2⁵³ values",
            )),
        }
    }
}

fn write_registers<S: Serializer>(registers: &HllSketch, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&BASE64_STANDARD.encode(registers.serialize()))
}

fn read_registers<'de, D: Deserializer<'de>>(from: D) -> Result<HllSketch, D::Error> {
    HllSketch::deserialize(&bytes(from)?).map_err(D::Error::custom)
}

fn bytes<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(from)?;
    BASE64_STANDARD.decode(text).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn many_distinct_values_are_told_to_a_few_percent() {
        let (mut even, mut odd) = (Distinct::default(), Distinct::default());
        for value in 0..100_000_u64 {
            if value % 2 == 0 { &mut even } else { &mut odd }.add(value);
        }
        even.merge(&odd);
        let (count, exact) = even.count();
        assert!(!exact && (95_000..105_000).contains(&count), "{count}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_sketch_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let text = serde_json::to_string(&BASE64_STANDARD.encode(bytes)).unwrap();
            if let Ok(mut quantiles) = serde_json::from_str::<Quantiles>(&text) {
                quantiles.add(1.0);
                let _ = quantiles.quantile(0.5);
            }
        }
    }
}
