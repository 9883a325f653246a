//! From evidence to advance, hold or roll back. Pure: no clock, no I/O, nothing
//! drawn at random.
//!
//! ```text
//! Policy + Position + Evidence + Health -> Judgement
//! Position + Event -> Position
//! ```
//!
//! A [`Policy`] says by which steps a stage goes to its candidate, what counts
//! as good, and how sure a decision has to be. Whoever runs it gathers
//! [`Evidence`] of each step and asks for a [`Judgement`] as often as they like:
//! it holds at any time it is looked at. What is done becomes an [`Event`], and
//! the events of a stage give its [`Position`].

mod criterion;
mod evidence;
mod excess;
mod explain;
mod histogram;
mod judge;
mod judgement;
mod latency;
mod policy;
mod position;
mod rate;
mod runs;
mod scores;

pub use evidence::{Before, Compared, Count, Evidence, Health, PairedErrors, PerSide};
pub(crate) use explain::grouped;
pub use explain::{Details, FieldDifference, explain};
pub use histogram::Histogram;
pub use judge::judge;
pub use judgement::{Action, Criterion, Finding, HardFailure, Hold, Judgement, Reason, Standing};
pub use policy::{Hard, Kind, LatencyLimit, Limits, Policy, Step};
pub use position::{Event, Position, Refused, State, What};
pub use runs::{Fault, Run};
pub use scores::ScoreShift;
