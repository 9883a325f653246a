//! Learnt numbers in documents: each bit comes back, infinities too.
//!
//! JSON has no word for what is not finite; it is written as `"inf"`, `"-inf"`
//! or `"NaN"`. For `#[serde(with = "real")]`.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Number(f64),
    Word(String),
}

pub(super) fn serialize<S: Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
    let written = match value.is_finite() {
        true => Written::Number(*value),
        false => Written::Word(value.to_string()),
    };
    written.serialize(to)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    match Written::deserialize(from)? {
        Written::Number(value) => Ok(value),
        Written::Word(word) => word.parse().map_err(serde::de::Error::custom),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Document(#[serde(with = "super")] f64);

    proptest! {
        #[test]
        fn every_bit_comes_back(bits: u64) {
            let value = f64::from_bits(bits);
            let text = serde_json::to_string(&Document(value)).unwrap();
            let read: Document = serde_json::from_str(&text).unwrap();
            prop_assert!(read.0.to_bits() == bits || (value.is_nan() && read.0.is_nan()), "{}", text);
        }
    }
}
