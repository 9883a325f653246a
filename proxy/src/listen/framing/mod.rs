//! Where each HTTP/1 message of a client ends, found before anyone parses it.
//!
//! [`Framing`] reads along and holds back what it has not judged: a head goes
//! on when it is whole and says in one way only where its message ends, a body
//! piece by piece. What comes of the same bytes does not depend on how they
//! were cut into reads.

mod grammar;

use grammar::{Field, Version};

use crate::refuse::Refusal;

/// Empty lines before a request line (RFC 9112 §2.2).
const MOST_EMPTY_LINES: usize = 4;
/// Bytes of a chunk's size and extensions, and of all of one message.
const CHUNK_LINE: usize = 1_024;
const CHUNK_LINES_EXTRA: usize = 8_192;
/// Bytes and number of trailers; the head's limits where those are smaller.
const TRAILER_BYTES: usize = 8_192;
const TRAILERS: usize = 64;

/// How much a head may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) head_bytes: usize,
    pub(super) fields: usize,
}

/// Follows the messages of one connection.
#[derive(Debug)]
pub(super) struct Framing {
    bounds: Bounds,
    state: State,
    /// Where the line at hand starts in what is held back.
    at: usize,
    /// How far it was looked through for its end.
    scanned: usize,
    head: Head,
    /// Lines of what is at hand: a head, or trailers.
    lines: usize,
    /// Bytes spent on chunk extensions, then on trailers.
    spent: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before a request line.
    Start,
    Fields,
    Body(u64),
    ChunkSize,
    Chunk(u64),
    ChunkEnd,
    Trailers,
    /// An upgrade was asked for: what follows is HTTP only if it is declined.
    Asking,
    /// No HTTP/1 any more.
    Through,
    Broken,
}

/// What is known of the head at hand.
#[derive(Clone, Copy, Debug)]
struct Head {
    version: Version,
    length: Option<u64>,
    chunked: bool,
    upgrade: bool,
}

/// What comes of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// Bytes that may go on.
    pub(super) released: usize,
    /// What is wrong with those behind them.
    pub(super) broken: Option<Broken>,
}

/// What is wrong, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// Nothing of this message went on.
    Head(Refusal),
    /// Its head and some of its body went on.
    Body(Refusal),
}

impl Head {
    const NONE: Head = Head {
        version: Version::Http11,
        length: None,
        chunked: false,
        upgrade: false,
    };
}

impl Framing {
    pub(super) fn new(bounds: Bounds) -> Framing {
        Framing {
            bounds,
            state: State::Start,
            at: 0,
            scanned: 0,
            head: Head::NONE,
            lines: 0,
            spent: 0,
        }
    }

    /// Whether nothing is known of what follows, since an upgrade was asked for.
    pub(super) fn is_asking(&self) -> bool {
        self.state == State::Asking
    }

    /// Whether what follows is no business of this.
    pub(super) fn is_through(&self) -> bool {
        self.state == State::Through
    }

    /// Whether the last message is whole, as far as it came.
    pub(super) fn is_between(&self) -> bool {
        matches!(self.state, State::Start | State::Asking | State::Through)
    }

    /// Whether the next byte begins a request.
    pub(super) fn is_at_start(&self) -> bool {
        self.state == State::Start && self.lines == 0
    }

    /// The upgrade was declined: HTTP goes on.
    pub(super) fn declined(&mut self) {
        self.state = State::Start;
    }

    /// The upgrade was done.
    pub(super) fn switched(&mut self) {
        self.state = State::Through;
    }

    /// `bytes` are all that was not released yet, what was held back first.
    pub(super) fn advance(&mut self, bytes: &[u8]) -> Step {
        let mut released = 0;
        let broken = loop {
            match self.state {
                State::Through => released = bytes.len(),
                State::Body(left) => {
                    released = self.pass(left, bytes.len());
                    match left - (released - self.at) as u64 {
                        0 => self.end(),
                        left => self.state = State::Body(left),
                    }
                    self.at = released;
                    if self.state == State::Start && released < bytes.len() {
                        continue;
                    }
                }
                State::Chunk(left) => {
                    released = self.pass(left, bytes.len());
                    self.state = match left - (released - self.at) as u64 {
                        0 => State::ChunkEnd,
                        left => State::Chunk(left),
                    };
                    self.at = released;
                    if released < bytes.len() {
                        continue;
                    }
                }
                State::Asking | State::Broken => {}
                _ => match self.line(bytes, released) {
                    Ok(true) => {
                        if !matches!(self.state, State::Start | State::Fields) || self.lines == 0 {
                            released = self.at;
                        }
                        continue;
                    }
                    Ok(false) => {}
                    Err(refusal) => {
                        let broken = match self.state {
                            State::Start | State::Fields => Broken::Head(refusal),
                            _ => Broken::Body(refusal),
                        };
                        self.state = State::Broken;
                        break Some(broken);
                    }
                },
            }
            break None;
        };
        self.at = self.at.saturating_sub(released);
        self.scanned = self.scanned.saturating_sub(released).max(self.at);
        Step { released, broken }
    }

    /// Where `left` bytes from here end, or what there is of them.
    fn pass(&self, left: u64, available: usize) -> usize {
        let here = (available - self.at) as u64;
        self.at + usize::try_from(left.min(here)).unwrap_or(usize::MAX)
    }

    /// Judges the next line; false where it has not ended yet. Its head starts
    /// at `start`, if it is one of a head.
    fn line(&mut self, bytes: &[u8], start: usize) -> Result<bool, Refusal> {
        let from = self.scanned.max(self.at);
        let end = memchr::memchr(b'\n', &bytes[from..]).map(|found| from + found);
        self.scanned = end.map_or(bytes.len(), |end| end + 1);
        // Before its content, and for half a line as for a whole one.
        self.fits(start, self.scanned)?;
        let Some(end) = end else { return Ok(false) };
        let line = &bytes[self.at..end];
        let Some(line) = line.strip_suffix(b"\r") else {
            return Err(Refusal::LineEnd);
        };
        let length = end + 1 - self.at;
        self.at = end + 1;
        // The grammar has no place for a CR: it is looked for only to say so.
        let judged = self.judge(line, length).map(|()| true);
        judged.map_err(|refusal| match memchr::memchr(b'\r', line) {
            Some(_) => Refusal::LineEnd,
            None => refusal,
        })
    }

    /// Whether the line at hand may reach to `end`.
    fn fits(&self, start: usize, end: usize) -> Result<(), Refusal> {
        let (length, head) = (end - self.at, end - start);
        match self.state {
            State::Start if head > self.bounds.head_bytes => Err(Refusal::LongLine),
            State::Fields if head > self.bounds.head_bytes => Err(Refusal::LargeHead),
            State::ChunkSize if length > CHUNK_LINE => Err(Refusal::Chunk),
            State::ChunkEnd if length > 2 => Err(Refusal::Chunk),
            State::Trailers if self.spent + length > self.trailer_bytes() => {
                Err(Refusal::LargeTrailers)
            }
            _ => Ok(()),
        }
    }

    fn trailer_bytes(&self) -> usize {
        self.bounds.head_bytes.min(TRAILER_BYTES)
    }

    fn judge(&mut self, line: &[u8], length: usize) -> Result<(), Refusal> {
        match self.state {
            State::Start if line.is_empty() => {
                self.lines += 1;
                if self.lines > MOST_EMPTY_LINES {
                    return Err(Refusal::RequestLine);
                }
            }
            State::Start => {
                self.head = Head {
                    version: grammar::request_line(line)?,
                    ..Head::NONE
                };
                // Not nought: nothing of it is released yet.
                self.lines = 1;
                self.state = State::Fields;
            }
            State::Fields if line.is_empty() => {
                self.head_ends();
            }
            State::Fields => self.field(line)?,
            State::ChunkSize => {
                let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit());
                self.spent += line.len() - digits.count();
                if self.spent > CHUNK_LINES_EXTRA {
                    return Err(Refusal::Chunk);
                }
                self.state = match grammar::chunk_size(line)? {
                    0 => State::Trailers,
                    size => State::Chunk(size),
                };
                if self.state == State::Trailers {
                    (self.lines, self.spent) = (0, 0);
                }
            }
            State::ChunkEnd if line.is_empty() => self.state = State::ChunkSize,
            State::ChunkEnd => return Err(Refusal::Chunk),
            State::Trailers if line.is_empty() => self.end(),
            State::Trailers => {
                grammar::trailer(line)?;
                self.lines += 1;
                self.spent += length;
                if self.lines > self.bounds.fields.min(TRAILERS) {
                    return Err(Refusal::LargeTrailers);
                }
            }
            State::Body(_) | State::Chunk(_) => {}
            State::Asking | State::Through | State::Broken => {}
        }
        Ok(())
    }

    fn field(&mut self, line: &[u8]) -> Result<(), Refusal> {
        self.lines += 1;
        if self.lines > self.bounds.fields + 1 {
            return Err(Refusal::ManyFields);
        }
        match grammar::field(line, self.head.version)? {
            Field::Other => {}
            Field::Upgrade => self.head.upgrade = true,
            // Even the same length twice: somebody behind may take the list
            // for none.
            Field::Length(length) => {
                if self.head.length.replace(length).is_some() {
                    return Err(Refusal::Length);
                }
            }
            Field::Chunked => {
                if std::mem::replace(&mut self.head.chunked, true) {
                    return Err(Refusal::Unending);
                }
            }
        }
        match self.head.chunked && self.head.length.is_some() {
            true => Err(Refusal::TwoLengths),
            false => Ok(()),
        }
    }

    fn head_ends(&mut self) {
        (self.spent, self.lines) = (0, 0);
        match (self.head.chunked, self.head.length) {
            (true, _) => self.state = State::ChunkSize,
            (false, None | Some(0)) => self.end(),
            (false, Some(length)) => self.state = State::Body(length),
        }
    }

    /// The message is whole.
    fn end(&mut self) {
        self.lines = 0;
        // HTTP/1.0 knows no upgrade (RFC 9110 §7.8).
        self.state = match self.head.upgrade && self.head.version == Version::Http11 {
            true => State::Asking,
            false => State::Start,
        };
    }
}

#[cfg(test)]
mod tests;
