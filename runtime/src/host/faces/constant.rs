//! [`Constant`]: what is always the same, or repeats the request; nothing works
//! for it.

use serde_json::Map;

use super::answer::Answer;
use super::{Asked, Declared};
use crate::face::mapping::{HttpWritten, MappingError};

/// Nothing is behind the face.
pub(in crate::host) struct Constant;

impl Constant {
    /// Whether all of a face's answer is said in it, or by the request.
    pub(super) fn is(written: &HttpWritten) -> bool {
        let is_asked = |pointer: &String| pointer.split('/').nth(1) == Some("request");
        let mut tables = written.response.values().flat_map(|source| source.tables());
        !written.response.is_empty()
            && tables.all(|table| {
                let looked_at = table.from.iter().chain(table.when.keys());
                table.derive.is_none() && looked_at.into_iter().all(is_asked)
            })
    }

    /// An error names the route and the key.
    pub(super) fn new(written: &HttpWritten) -> Result<Constant, MappingError> {
        let there = [
            ("wait", written.wait.is_some()),
            ("until", written.until.is_some()),
        ];
        match there.into_iter().find(|(_, is_there)| *is_there) {
            Some((key, _)) => {
                let why = "nothing works for this answer, so there is nothing to wait for";
                Err(MappingError::key(&written.route, key, why))
            }
            None => Ok(Constant),
        }
    }

    pub(super) fn answer(&self, to: &Declared, asked: Asked) -> Answer {
        let mut document = Map::new();
        asked.told(&mut document);
        Answer::of(to.face.answer(&document.into()))
    }
}
