//! [`Set`]: which categories go left.

use super::super::check::Place;
use super::super::error::{Flaw, ImportError};

/// Categories that go left, and all that are known.
#[derive(serde::Deserialize)]
pub(in super::super) struct SetWritten {
    pub(in super::super) left: Vec<u32>,
    pub(in super::super) known: Option<Vec<u32>>,
}

#[derive(Debug)]
pub(super) struct Set {
    left: Bits,
    known: Option<Bits>,
}

/// A set of small numbers.
#[derive(Debug)]
struct Bits(Vec<u64>);

/// Categories beyond this are in no library's trees.
const MOST_CATEGORY: u32 = 1 << 24;

impl Set {
    pub(super) fn new(written: &SetWritten, at: &Place) -> Result<Set, ImportError> {
        let left = Bits::new(&written.left, at)?;
        let known = written
            .known
            .as_ref()
            .map(|known| Bits::new(known, at))
            .transpose()?;
        Ok(Set { left, known })
    }

    /// Whether a category goes left; `None` where it counts as missing.
    pub(super) fn left(&self, x: f64) -> Option<bool> {
        if x.is_nan() {
            return None;
        }
        // Cut off towards zero, as a cast in C.
        let category = x.trunc();
        let small = (0.0..f64::from(MOST_CATEGORY)).contains(&category) && x > -1.0;
        let category = small.then_some(category as u32);
        let within = |bits: &Bits| category.is_some_and(|category| bits.contains(category));
        match within(&self.left) {
            true => Some(true),
            false => self.known.as_ref().is_none_or(within).then_some(false),
        }
    }
}

impl Bits {
    fn new(members: &[u32], at: &Place) -> Result<Bits, ImportError> {
        let Some(most) = members.iter().max() else {
            return Ok(Bits(Vec::new()));
        };
        if *most >= MOST_CATEGORY {
            let (what, below) = ("a category", MOST_CATEGORY as usize);
            return Err(at.flaw(Flaw::Index {
                what,
                found: i64::from(*most),
                below,
            }));
        }
        let mut words = vec![0; *most as usize / 64 + 1];
        members
            .iter()
            .for_each(|member| words[*member as usize / 64] |= 1 << (member % 64));
        Ok(Bits(words))
    }

    fn contains(&self, member: u32) -> bool {
        let word = self.0.get(member as usize / 64);
        word.is_some_and(|word| word >> (member % 64) & 1 == 1)
    }
}
