//! [`Known`]: a method as it is counted and recorded; a client can make the
//! others long, and many.

use http::Method;

const METHODS: [Method; 9] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
    Method::CONNECT,
    Method::TRACE,
];

const NAMES: [&str; Known::N] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE", "_OTHER",
];

/// A method that is known, or another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Known(usize);

impl Known {
    /// So many there are.
    pub(crate) const N: usize = METHODS.len() + 1;
    pub(crate) const OTHER: Known = Known(METHODS.len());

    pub(crate) fn of(method: &Method) -> Known {
        let place = METHODS.iter().position(|known| known == method);
        place.map_or(Known::OTHER, Known)
    }

    pub(crate) fn all() -> impl Iterator<Item = Known> {
        (0..Known::N).map(Known)
    }

    pub(crate) fn place(self) -> usize {
        self.0
    }

    /// As the semantic conventions have it.
    pub(crate) fn name(self) -> &'static str {
        NAMES[self.0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_methods() {
        for (method, name) in METHODS.iter().zip(NAMES) {
            assert_eq!(method.as_str(), name);
            assert_eq!(Known::of(method).name(), name);
        }
        let brew = Method::from_bytes(b"BREW").unwrap();
        assert_eq!(Known::of(&brew).name(), "_OTHER");
    }
}
