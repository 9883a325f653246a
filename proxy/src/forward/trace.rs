//! W3C Trace Context: what was sent is passed on, and what is missing is made,
//! before the request is copied: a copy has the same trace.

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// `00-<trace>-<parent>-<flags>`
const LENGTH: usize = 55;

/// What a traceparent says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parent {
    pub(crate) trace: u128,
    pub(crate) span: u64,
    pub(crate) flags: u8,
}

/// The one traceparent that a request came with, if it can be read.
pub(crate) fn sent(headers: &HeaderMap) -> Option<Parent> {
    let mut sent = headers.get_all(TRACEPARENT).iter();
    match (sent.next(), sent.next()) {
        (Some(one), None) => read(one.as_bytes()),
        _ => None,
    }
}

/// The state that came with it, as one list (W3C Trace Context §3.3.1).
pub(crate) fn state(headers: &HeaderMap) -> String {
    let fields = headers.get_all(TRACESTATE).iter();
    let fields: Vec<_> = fields.filter_map(|field| field.to_str().ok()).collect();
    fields.join(",")
}

/// Leaves exactly one valid traceparent, made from `id` where there was none,
/// and returns its trace.
///
/// `sampled` is what a made one says: where nobody here records, a service that
/// samples what comes without a parent goes on doing so.
pub(crate) fn pass_on(headers: &mut HeaderMap, id: u128, sampled: bool) -> u128 {
    if let Some(parent) = sent(headers) {
        return parent.trace;
    }
    // State belongs to a parent that nobody could read.
    if headers.contains_key(TRACEPARENT) {
        headers.remove(TRACESTATE);
    }
    let trace = id.max(1);
    let parent = Parent {
        trace,
        span: ((trace >> 64) ^ trace) as u64 | 1,
        flags: u8::from(sampled),
    };
    put(headers, parent);
    trace
}

/// Makes `parent` the only one.
pub(crate) fn put(headers: &mut HeaderMap, parent: Parent) {
    if let Ok(value) = HeaderValue::from_bytes(&parent.written()) {
        headers.insert(TRACEPARENT, value);
    }
}

/// A traceparent that can be read, in version 00 or a later one.
fn read(text: &[u8]) -> Option<Parent> {
    let version = number(text.get(..2)?)?;
    let fits = match version {
        0 => text.len() == LENGTH,
        0xff => false,
        _ => text.len() == LENGTH || text.get(LENGTH) == Some(&b'-'),
    };
    let dashed = [2, 35, 52].iter().all(|at| text.get(*at) == Some(&b'-'));
    let parent = Parent {
        trace: number(text.get(3..35)?)?,
        span: number(text.get(36..52)?)? as u64,
        flags: number(text.get(53..LENGTH)?)? as u8,
    };
    (fits && dashed && parent.trace != 0 && parent.span != 0).then_some(parent)
}

/// Lower-case hexadecimal digits, as the standard has them.
fn number(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |number: u128, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(value))
    })
}

impl Parent {
    fn written(self) -> [u8; LENGTH] {
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
        digits(&mut text[3..35], self.trace);
        digits(&mut text[36..52], u128::from(self.span));
        digits(&mut text[53..], u128::from(self.flags));
        text
    }
}

fn digits(place: &mut [u8], number: u128) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let bytes = number.to_be_bytes();
    let bytes = bytes.iter().rev();
    for (pair, byte) in place.rchunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 0xf)];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

    fn passed(sent: &[&'static str]) -> (String, Option<String>, u128) {
        let mut headers = HeaderMap::new();
        for value in sent {
            headers.append(TRACEPARENT, HeaderValue::from_static(value));
        }
        headers.insert(TRACESTATE, HeaderValue::from_static("a=b"));
        let trace = pass_on(&mut headers, 0xab, true);
        assert_eq!(headers.get_all(TRACEPARENT).iter().count(), 1);
        let text = |name| {
            let value: Option<&HeaderValue> = headers.get(name);
            value.map(|value| value.to_str().unwrap().to_owned())
        };
        (text(TRACEPARENT).unwrap(), text(TRACESTATE), trace)
    }

    #[test]
    fn what_was_sent_is_passed_on() {
        let later = "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what";
        for sent in [SENT, later] {
            let (parent, state, trace) = passed(&[sent]);
            assert_eq!((&*parent, state.as_deref()), (sent, Some("a=b")));
            assert_eq!(trace, 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
        }
    }

    #[test]
    fn what_is_missing_or_cannot_be_read_is_made() {
        let made = "00-000000000000000000000000000000ab-00000000000000ab-01";
        assert_eq!(passed(&[]), (made.to_owned(), Some("a=b".to_owned()), 0xab));
        for wrong in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4BF92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-more",
            "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
        ] {
            assert_eq!(passed(&[wrong]), (made.to_owned(), None, 0xab), "{wrong}");
        }
        assert_eq!(passed(&[SENT, SENT]).0, made, "which one counts?");
    }

    #[test]
    fn a_made_one_says_whether_it_is_recorded() {
        let mut headers = HeaderMap::new();
        pass_on(&mut headers, 0xab, false);
        assert!(headers[TRACEPARENT].as_bytes().ends_with(b"-00"));
    }

    #[test]
    fn what_is_written_can_be_read() {
        for parent in [
            Parent {
                trace: u128::MAX,
                span: u64::MAX,
                flags: u8::MAX,
            },
            Parent {
                trace: 1,
                span: 2,
                flags: 3,
            },
        ] {
            assert_eq!(read(&parent.written()), Some(parent));
        }
    }
}
