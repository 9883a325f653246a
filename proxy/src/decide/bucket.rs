//! Where a key lies between 0 and 100 %.

use std::hash::Hasher;

use siphasher::sip::SipHasher24;

/// The bucket of a key at a stage, from 0 to 9,999, in basis points.
///
/// A request goes to the candidate where its bucket is below the weight, so a
/// greater weight only ever moves clients towards the candidate. It is
/// SipHash-2-4 (Aumasson and Bernstein 2012) with a key of zeros over the
/// stage's name, a zero byte and the key: the same on every proxy of a fleet
/// and in every version. Two stages draw independently.
pub fn bucket(stage: &str, key: &[u8]) -> u16 {
    bucket_of(place(stage, key))
}

/// Where a key lies at a stage, as finely as it can be told.
pub(super) fn place(stage: &str, key: &[u8]) -> u64 {
    let mut hasher = SipHasher24::new();
    hasher.write(stage.as_bytes());
    hasher.write(&[0]);
    hasher.write(key);
    hasher.finish()
}

/// The bucket in which that place lies.
pub(crate) fn bucket_of(place: u64) -> u16 {
    // The upper bits of the product: as even as a remainder, and no division.
    ((u128::from(place) * 10_000) >> 64) as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_buckets_of_a_release_are_those_of_every_release() {
        let of = |key: &str| bucket("inference", key.as_bytes());
        let buckets = [
            of(""),
            of("10233"),
            of("alice"),
            bucket("training", b"alice"),
        ];
        assert_eq!(buckets, [8_719, 276, 8_707, 8_898]);
    }

    #[test]
    fn the_share_follows_the_weight_within_a_point_over_20_000_keys() {
        for weight in [1_u16, 100, 500, 1_000, 2_500, 5_000, 9_000, 9_900] {
            let below = (0..20_000)
                .filter(|n| bucket("inference", format!("customer-{n}").as_bytes()) < weight)
                .count();
            let share = below as f64 / 20_000.0;
            let wanted = f64::from(weight) / 10_000.0;
            assert!((share - wanted).abs() < 0.01, "{share} at {wanted}");
        }
    }

    proptest! {
        #[test]
        fn a_bucket_is_below_the_full_weight(stage in ".*", key in any::<Vec<u8>>()) {
            prop_assert!(bucket(&stage, &key) < 10_000);
        }
    }
}
