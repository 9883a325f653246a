//! W3C Trace Context: what was sent is passed on, and what is missing is made,
//! before the request is copied: a copy has the same trace.

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// `00-<trace>-<parent>-<flags>`
const LENGTH: usize = 55;

/// Leaves exactly one valid traceparent, made from `id` where there was none,
/// and returns its trace.
///
/// A made one says that the trace is sampled: a service that samples what comes
/// without a parent goes on doing so.
pub(crate) fn pass_on(headers: &mut HeaderMap, id: u128) -> u128 {
    let mut sent = headers.get_all(TRACEPARENT).iter();
    let (first, more) = (sent.next(), sent.next());
    if let (Some(first), None) = (first, more)
        && let Some(trace) = trace(first.as_bytes())
    {
        return trace;
    }
    // State belongs to a parent that nobody could read.
    if first.is_some() {
        headers.remove(TRACESTATE);
    }
    let trace = id.max(1);
    if let Ok(value) = HeaderValue::from_bytes(&made(trace)) {
        headers.insert(TRACEPARENT, value);
    }
    trace
}

/// The trace of a traceparent that can be read, in version 00 or a later one.
fn trace(text: &[u8]) -> Option<u128> {
    let version = number(text.get(..2)?)?;
    let fits = match version {
        0 => text.len() == LENGTH,
        0xff => false,
        _ => text.len() == LENGTH || text.get(LENGTH) == Some(&b'-'),
    };
    let dashed = [2, 35, 52].iter().all(|at| text.get(*at) == Some(&b'-'));
    let trace = number(text.get(3..35)?)?;
    let parent = number(text.get(36..52)?)?;
    number(text.get(53..LENGTH)?)?;
    (fits && dashed && trace != 0 && parent != 0).then_some(trace)
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

fn made(trace: u128) -> [u8; LENGTH] {
    let mut text = *b"00-00000000000000000000000000000000-0000000000000000-01";
    let parent = ((trace >> 64) ^ trace) as u64 | 1;
    digits(&mut text[3..35], trace);
    digits(&mut text[36..52], u128::from(parent));
    text
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
        let trace = pass_on(&mut headers, 0xab);
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
        assert_eq!(trace(&super::made(u128::MAX)), Some(u128::MAX));
    }
}
