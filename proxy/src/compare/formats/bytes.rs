//! Bytes: what nothing is known of is the same where every byte is.

use super::{Comparator, Document, Reading, Unreadable};
use crate::compare::rules::Rules;

pub(super) struct Bytes;

impl Comparator for Bytes {
    fn name(&self) -> &'static str {
        "bytes"
    }

    /// Whatever no other one reads.
    fn reads(&self, _: &str) -> bool {
        false
    }

    fn read<'a>(&self, document: &'a Document<'_>, _: &Rules) -> Result<Reading<'a>, Unreadable> {
        Ok(Reading::Bytes(document.bytes))
    }
}
