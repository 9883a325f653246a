//! stub
use super::super::{ContractEntry, CutLine};
use super::Reach;
use super::code::Code;
use super::transforms::Transforms;
use super::types::Types;
pub(super) fn entries(_: &Code<'_>, _: &Types, _: &Transforms, _: &Reach<'_>, _: &CutLine, _: &mut Vec<ContractEntry>) {}
