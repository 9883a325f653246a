//! [`TraceContext`]: which trace an invocation belongs to, as W3C has it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The `traceparent` of W3C Trace Context (Recommendation of 2021-11-23,
/// section 3.2): `00-TRACE-PARENT-FLAGS`, hexadecimal in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct TraceContext {
    trace: u128,
    parent: u64,
    flags: u8,
}

/// A text that is no `traceparent`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no traceparent: it is 00, a trace id, a parent id and flags with dashes between"
)]
pub struct NoTrace {
    text: String,
}

impl TraceContext {
    /// Of these ids; neither may be 0.
    pub fn new(trace: u128, parent: u64, sampled: bool) -> Option<TraceContext> {
        (trace != 0 && parent != 0).then_some(TraceContext {
            trace,
            parent,
            flags: sampled.into(),
        })
    }

    /// A new trace, of which nobody knows yet whether it is recorded: whoever
    /// records decides.
    #[must_use]
    pub fn random() -> TraceContext {
        TraceContext {
            trace: rand::random::<u128>().max(1),
            parent: rand::random::<u64>().max(1),
            flags: 1,
        }
    }

    /// The trace.
    pub fn trace(&self) -> u128 {
        self.trace
    }

    /// The span that what comes next is a child of.
    pub fn parent(&self) -> u64 {
        self.parent
    }

    /// Whether whoever began it records it.
    pub fn is_sampled(&self) -> bool {
        self.flags & 1 == 1
    }
}

impl FromStr for TraceContext {
    type Err = NoTrace;

    fn from_str(text: &str) -> Result<TraceContext, NoTrace> {
        parse(text).ok_or_else(|| NoTrace {
            text: text.chars().take(100).collect(),
        })
    }
}

/// A later version may go on after a dash; ours may not.
fn parse(text: &str) -> Option<TraceContext> {
    let mut fields = text.splitn(5, '-');
    let mut field = |length| {
        let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let field = fields.next()?;
        (field.len() == length && field.bytes().all(lower)).then_some(field)
    };
    let (version, trace, parent, flags) = (field(2)?, field(32)?, field(16)?, field(2)?);
    match (version, fields.next()) {
        ("ff", _) | ("00", Some(_)) => return None,
        _ => {}
    }
    let flags = u8::from_str_radix(flags, 16).ok()?;
    let trace = u128::from_str_radix(trace, 16).ok()?;
    let parent = u64::from_str_radix(parent, 16).ok()?;
    TraceContext::new(trace, parent, flags & 1 == 1)
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TraceContext {
            trace,
            parent,
            flags,
        } = self;
        write!(f, "00-{trace:032x}-{parent:016x}-{flags:02x}")
    }
}

impl From<TraceContext> for String {
    fn from(context: TraceContext) -> String {
        context.to_string()
    }
}

impl TryFrom<String> for TraceContext {
    type Error = NoTrace;

    fn try_from(text: String) -> Result<TraceContext, NoTrace> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // The specification's own example.
    const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn the_specifications_example_is_read_and_written() {
        let context: TraceContext = EXAMPLE.parse().unwrap();
        assert_eq!(context.parent(), 0x00f0_67aa_0ba9_02b7);
        assert!(context.is_sampled());
        assert_eq!(context.to_string(), EXAMPLE);
        let later = EXAMPLE.replacen("00", "cc", 1) + "-what-comes";
        assert_eq!(later.parse(), Ok(context));
    }

    #[test]
    fn what_the_specification_refuses_is_refused() {
        let zero_trace = EXAMPLE.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32));
        let zero_parent = EXAMPLE.replace("00f067aa0ba902b7", &"0".repeat(16));
        let version = EXAMPLE.replacen("00", "ff", 1);
        let upper = EXAMPLE.to_uppercase();
        let more = format!("{EXAMPLE}-x");
        for text in ["", "00", &zero_trace, &zero_parent, &version, &upper, &more] {
            assert!(text.parse::<TraceContext>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_it_is_it_comes_back(trace in 1u128.., parent in 1u64.., sampled: bool) {
            let context = TraceContext::new(trace, parent, sampled).unwrap();
            prop_assert_eq!(context.to_string().parse(), Ok(context));
        }

        #[test]
        fn no_text_is_too_odd(text in "\\PC*") {
            let _ = text.parse::<TraceContext>();
        }
    }
}
