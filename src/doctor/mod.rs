//! What `cutline doctor` looks at: one file for each part, one line in
//! [`LOOKS`].

#![cfg_attr(
    not(all(feature = "proxy", feature = "runtime")),
    allow(dead_code, reason = "a part that was left out is not looked at")
)]

#[cfg(all(feature = "proxy", feature = "runtime"))]
mod faces;
mod machine;
#[cfg(feature = "proxy")]
mod proxy;
mod python;
#[cfg(feature = "runtime")]
mod runtime;
#[cfg(feature = "runtime")]
mod secrets;

use std::fmt::Write;
use std::path::Path;

/// What somebody asks about.
pub(crate) struct Asked<'a> {
    pub(crate) routes: &'a Path,
    pub(crate) functions: &'a Path,
    pub(crate) python: &'a Path,
    pub(crate) named: Named,
}

/// What somebody named: it has to be there.
#[derive(Clone, Copy)]
pub(crate) struct Named {
    pub(crate) routes: bool,
    pub(crate) functions: bool,
    pub(crate) python: bool,
}

/// One thing that was looked at.
pub(crate) struct Finding {
    what: String,
    said: String,
    state: State,
}

enum State {
    /// As it should be.
    Good,
    /// Not there, and perhaps not needed.
    Missing,
    /// To be mended so.
    Wrong(String),
}

type Look = fn(&Asked<'_>) -> Vec<Finding>;

/// In the order in which they are shown.
const LOOKS: &[Look] = &[
    machine::look,
    #[cfg(feature = "proxy")]
    proxy::look,
    #[cfg(feature = "runtime")]
    runtime::look,
    #[cfg(feature = "runtime")]
    secrets::look,
    #[cfg(all(feature = "proxy", feature = "runtime"))]
    faces::look,
    python::look,
];

pub(crate) fn look(asked: &Asked<'_>) -> Vec<Finding> {
    LOOKS.iter().flat_map(|look| look(asked)).collect()
}

/// A line for each, and below what is wrong how to mend it.
pub(crate) fn shown(found: &[Finding]) -> String {
    let width = found.iter().map(|finding| finding.what.chars().count());
    let width = width.max().unwrap_or(0);
    let mut text = String::new();
    for finding in found {
        let (word, colour) = match finding.state {
            State::Good => ("ok     ", "\x1b[32m"),
            State::Missing => ("missing", "\x1b[33m"),
            State::Wrong(_) => ("wrong  ", "\x1b[31m"),
        };
        let said = finding
            .said
            .replace('\n', &format!("\n{}", " ".repeat(width + 11)));
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "{colour}{word}\x1b[0m  {:width$}  {said}",
            finding.what
        );
        if let State::Wrong(mend) = &finding.state {
            let _ = writeln!(text, "{}→ {mend}", " ".repeat(width + 11));
        }
    }
    text
}

impl Finding {
    fn good(what: impl Into<String>, said: impl Into<String>) -> Finding {
        Finding {
            what: what.into(),
            said: said.into(),
            state: State::Good,
        }
    }

    fn missing(what: impl Into<String>, said: impl Into<String>) -> Finding {
        Finding {
            state: State::Missing,
            ..Finding::good(what, said)
        }
    }

    fn wrong(what: impl Into<String>, said: impl Into<String>, mend: impl Into<String>) -> Finding {
        Finding {
            state: State::Wrong(mend.into()),
            ..Finding::good(what, said)
        }
    }

    /// Something that is not there: wrong, where somebody named it.
    fn absent(
        named: bool,
        what: impl Into<String>,
        said: impl Into<String>,
        mend: impl Into<String>,
    ) -> Finding {
        match named {
            true => Finding::wrong(what, said, mend),
            false => Finding::missing(what, format!("{}: {}", said.into(), mend.into())),
        }
    }

    pub(crate) fn is_wrong(&self) -> bool {
        matches!(self.state, State::Wrong(_))
    }
}

/// Whether somebody takes connections there; else why not.
#[cfg(feature = "proxy")]
fn reached(address: &str) -> Result<(), String> {
    use std::net::{TcpStream, ToSocketAddrs};

    let patience = std::time::Duration::from_secs(2);
    let addresses = address
        .to_socket_addrs()
        .map_err(|error| format!("its name is not known: {error}"))?;
    let mut why = "its name leads nowhere".to_owned();
    for address in addresses {
        match TcpStream::connect_timeout(&address, patience) {
            Ok(_) => return Ok(()),
            Err(error) => why = error.to_string(),
        }
    }
    Err(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_says_how_to_mend_it() {
        let found = [
            Finding::good("a", "is there"),
            Finding::wrong("long", "is not\nthere", "start it"),
            Finding::missing("c", "nobody named it"),
        ];
        let text = anstream::adapter::strip_str(&shown(&found)).to_string();
        assert_eq!(
            text,
            "ok       a     is there\n\
             wrong    long  is not\n               there\n               → start it\n\
             missing  c     nobody named it\n"
        );
    }
}
