//! The chunks of a sealed value: written one after the other, opened in any
//! order.

use std::ops::Range;

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, Tag};
use rand::TryRngCore;
use rand::rngs::OsRng;

use super::Key;

/// The bytes of content in every chunk but the last.
pub(crate) const CHUNK: usize = 64 * 1024;
/// The bytes of such a chunk once sealed.
pub(crate) const SEALED_CHUNK: usize = CHUNK + TAG;
/// The bytes before the first chunk.
pub(crate) const HEADER: usize = MAGIC.len() + SALT;

const MAGIC: &[u8; 8] = b"cutline\x01";
const SALT: usize = 32;
const TAG: usize = 16;

/// Why a value cannot be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// It does not begin as sealed values do.
    #[error("{context} is not sealed, or by a later cutline")]
    Foreign {
        /// What it is and how it is named.
        context: String,
    },
    /// It was changed, cut short, moved here from elsewhere, or sealed with
    /// another key.
    #[error("{context} cannot be opened: it was changed, or sealed with another key or name")]
    Broken {
        /// What it is and how it is named.
        context: String,
    },
    /// There are no random numbers to be had.
    #[error("{context} cannot be sealed: the system gives no random numbers")]
    Random {
        /// What it is and how it is named.
        context: String,
        /// Why.
        source: rand::rand_core::OsError,
    },
}

/// Seals a value that comes piece by piece.
pub struct Sealer {
    cipher: Aes256Gcm,
    /// How many chunks were sealed.
    n_chunks: u64,
    /// Content that fills no chunk yet, or a whole one that may be the last.
    rest: Vec<u8>,
    header: Option<[u8; HEADER]>,
}

/// Opens chunks of a value.
pub struct Opener {
    cipher: Aes256Gcm,
    context: String,
    /// The length of the content, as the last chunk says.
    length: u64,
}

impl Sealer {
    /// For a value of this context.
    pub fn new(key: &Key, context: &str) -> Result<Sealer, SealError> {
        let mut salt = [0; SALT];
        let drawn = OsRng.try_fill_bytes(&mut salt);
        drawn.map_err(|source| SealError::Random {
            context: context.to_owned(),
            source,
        })?;
        let mut header = [0; HEADER];
        header[..MAGIC.len()].copy_from_slice(MAGIC);
        header[MAGIC.len()..].copy_from_slice(&salt);
        Ok(Sealer {
            cipher: key.cipher(&salt, context),
            n_chunks: 0,
            rest: Vec::new(),
            header: Some(header),
        })
    }

    /// Takes more of the content; gives what is sealed by now, in order.
    pub fn update(&mut self, content: &[u8]) -> Vec<u8> {
        let mut sealed = self.start(content.len());
        let mut content = content;
        // A chunk is sealed once there is more: the last one is marked.
        while self.rest.len() + content.len() > CHUNK {
            let (head, tail) = content.split_at(CHUNK - self.rest.len());
            self.rest.extend_from_slice(head);
            self.seal_rest(false, &mut sealed);
            content = tail;
        }
        self.rest.extend_from_slice(content);
        sealed
    }

    /// There is no more: gives the end.
    pub fn finish(mut self) -> Vec<u8> {
        let mut sealed = self.start(0);
        self.seal_rest(true, &mut sealed);
        sealed
    }

    /// Room for what so much content may become, with the header if it is yet
    /// to be given.
    fn start(&mut self, length: usize) -> Vec<u8> {
        let header = self.header.take();
        let n_chunks = (self.rest.len() + length) / CHUNK + 1;
        let mut sealed = Vec::with_capacity(HEADER + n_chunks * SEALED_CHUNK);
        sealed.extend(header.iter().flatten());
        sealed
    }

    fn seal_rest(&mut self, last: bool, sealed: &mut Vec<u8>) {
        let nonce = nonce(self.n_chunks, last);
        let tag = self
            .cipher
            .encrypt_inout_detached(&nonce.into(), b"", (&mut self.rest[..]).into())
            .expect("a chunk is shorter than the 64 GiB of GCM");
        sealed.extend_from_slice(&self.rest);
        sealed.extend_from_slice(&tag);
        self.n_chunks += 1;
        self.rest.clear();
    }
}

impl Opener {
    /// Opens a value of this context, given its header, its last chunk (see
    /// [`last_chunk`]) and how long it is when sealed.
    pub fn new(
        key: &Key,
        context: &str,
        header: &[u8],
        last: &[u8],
        sealed_length: u64,
    ) -> Result<Opener, SealError> {
        let salt = header
            .strip_prefix(MAGIC)
            .and_then(|salt| salt.first_chunk());
        let Some(salt) = salt else {
            return Err(SealError::Foreign {
                context: context.to_owned(),
            });
        };
        let broken = || SealError::Broken {
            context: context.to_owned(),
        };
        let length = content_length(sealed_length).ok_or_else(broken)?;
        let opener = Opener {
            cipher: key.cipher(salt, context),
            context: context.to_owned(),
            length,
        };
        opener.open_chunk(opener.last(), last)?;
        Ok(opener)
    }

    /// How long the content is.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The chunks that hold this range of the content, and where they lie
    /// among the sealed bytes.
    pub(crate) fn chunks(&self, range: &Range<u64>) -> (Range<u64>, Range<u64>) {
        let first = range.start / CHUNK as u64;
        let end = range.end.div_ceil(CHUNK as u64).max(first);
        let at = |chunk: u64| HEADER as u64 + chunk * SEALED_CHUNK as u64;
        let sealed_end = at(end).min(sealed_length(self.length));
        (first..end, at(first)..sealed_end)
    }

    /// The content of one chunk.
    pub(crate) fn open_chunk(&self, number: u64, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let broken = || SealError::Broken {
            context: self.context.clone(),
        };
        let last = self.last();
        let expected = match number == last {
            true => (self.length - last * CHUNK as u64) as usize + TAG,
            false => SEALED_CHUNK,
        };
        if number > last || sealed.len() != expected {
            return Err(broken());
        }
        let (content, tag) = sealed.split_at(sealed.len() - TAG);
        let tag = Tag::try_from(tag).map_err(|_| broken())?;
        let mut content = content.to_vec();
        self.cipher
            .decrypt_inout_detached(
                &nonce(number, number == last).into(),
                b"",
                (&mut content[..]).into(),
                &tag,
            )
            .map_err(|_| broken())?;
        Ok(content)
    }

    fn last(&self) -> u64 {
        self.length.saturating_sub(1) / CHUNK as u64
    }
}

/// Seals a small value whole.
pub fn seal(key: &Key, context: &str, content: &[u8]) -> Result<Vec<u8>, SealError> {
    let mut sealer = Sealer::new(key, context)?;
    let mut sealed = sealer.update(content);
    sealed.extend(sealer.finish());
    Ok(sealed)
}

/// Opens a small value whole.
pub fn open(key: &Key, context: &str, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
    let length = sealed.len() as u64;
    let (header, chunks) = sealed.split_at(sealed.len().min(HEADER));
    let last = last_chunk(length).map(|range| range.start as usize..range.end as usize);
    let last = last.and_then(|range| sealed.get(range)).unwrap_or_default();
    let opener = Opener::new(key, context, header, last, length)?;
    let mut content = Vec::with_capacity(chunks.len());
    for (number, chunk) in (0..).zip(chunks.chunks(SEALED_CHUNK)) {
        content.extend(opener.open_chunk(number, chunk)?);
    }
    Ok(content)
}

/// Where the last chunk of so many sealed bytes lies; nowhere if they cannot
/// be a sealed value.
pub(crate) fn last_chunk(sealed_length: u64) -> Option<Range<u64>> {
    let length = content_length(sealed_length)?;
    let before = length.saturating_sub(1) / CHUNK as u64;
    Some(HEADER as u64 + before * SEALED_CHUNK as u64..sealed_length)
}

/// How long so much content is once sealed.
pub(crate) fn sealed_length(length: u64) -> u64 {
    let n_chunks = length.div_ceil(CHUNK as u64).max(1);
    HEADER as u64 + length + n_chunks * TAG as u64
}

/// The other way round; nothing where no content is so long once sealed.
pub(crate) fn content_length(sealed: u64) -> Option<u64> {
    let chunks = sealed.checked_sub(HEADER as u64)?;
    let n_chunks = chunks.div_ceil(SEALED_CHUNK as u64).max(1);
    let length = chunks.checked_sub(n_chunks * TAG as u64)?;
    (sealed_length(length) == sealed).then_some(length)
}

/// The number in 11 bytes, big-endian, and whether it is the last.
fn nonce(number: u64, last: bool) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[3..11].copy_from_slice(&number.to_be_bytes());
    nonce[11] = last.into();
    nonce
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NAME: &str = "blob a/b";

    fn key() -> Key {
        Key::new([7; 32])
    }

    fn content(length: usize) -> Vec<u8> {
        (0..length).map(|at| (at * 7 + at / 251) as u8).collect()
    }

    fn broken(sealed: &[u8]) -> String {
        open(&key(), NAME, sealed).unwrap_err().to_string()
    }

    #[test]
    fn what_is_sealed_opens_again_at_every_boundary() {
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 5] {
            let sealed = seal(&key(), NAME, &content(length)).unwrap();
            assert_eq!(sealed.len() as u64, sealed_length(length as u64));
            assert_eq!(
                open(&key(), NAME, &sealed).unwrap(),
                content(length),
                "{length}"
            );
        }
    }

    #[test]
    fn the_same_content_never_looks_the_same() {
        let seal = || seal(&key(), NAME, b"same").unwrap();
        assert_ne!(seal(), seal());
    }

    #[test]
    fn another_key_or_name_opens_nothing() {
        let sealed = seal(&key(), NAME, b"content").unwrap();
        let other = open(&Key::new([8; 32]), NAME, &sealed).unwrap_err();
        assert_eq!(
            other.to_string(),
            "blob a/b cannot be opened: it was changed, or sealed with another key or name"
        );
        assert!(matches!(
            open(&key(), "blob a/c", &sealed),
            Err(SealError::Broken { .. })
        ));
    }

    /// One byte of each kind: magic, salt, first, middle and last chunk, and
    /// the tag of each.
    #[test]
    fn no_byte_can_be_changed() {
        let sealed = seal(&key(), NAME, &content(2 * CHUNK + 9)).unwrap();
        let chunk = |number| HEADER + number * SEALED_CHUNK;
        let places = [
            0,
            7,
            8,
            HEADER - 1,
            chunk(0),
            chunk(0) + CHUNK,
            chunk(1) - 1,
            chunk(1) + 99,
            chunk(1) + CHUNK + 3,
            chunk(2),
            chunk(2) + 8,
            chunk(2) + 9,
            sealed.len() - 1,
        ];
        for place in places {
            for flip in [0x01, 0x80] {
                let mut changed = sealed.clone();
                changed[place] ^= flip;
                broken(&changed);
            }
        }
    }

    #[test]
    fn chunks_cannot_be_swapped_repeated_dropped_or_cut() {
        let sealed = seal(&key(), NAME, &content(3 * CHUNK)).unwrap();
        let (header, body) = sealed.split_at(HEADER);
        let chunks: Vec<_> = body.chunks(SEALED_CHUNK).collect();
        let joined = |order: &[usize]| {
            let mut value = header.to_vec();
            order.iter().for_each(|&at| value.extend(chunks[at]));
            value
        };
        assert_eq!(joined(&[0, 1, 2]), sealed);
        for order in [&[1, 0, 2][..], &[0, 1], &[0, 2], &[0, 1, 1, 2], &[2], &[]] {
            broken(&joined(order));
        }
        for length in [0, 1, HEADER - 1, HEADER, HEADER + 15, sealed.len() - 1] {
            broken(&sealed[..length]);
        }
        broken(&[&sealed[..], b"x"].concat());
    }

    #[test]
    fn a_chunk_of_another_value_does_not_fit() {
        let [mut one, two] = [1, 2].map(|_| seal(&key(), NAME, &content(2 * CHUNK)).unwrap());
        one[HEADER..HEADER + SEALED_CHUNK].copy_from_slice(&two[HEADER..HEADER + SEALED_CHUNK]);
        broken(&one);
    }

    #[test]
    fn plain_content_is_told_from_sealed() {
        assert_eq!(
            broken(b"{\"plain\": true, \"and\": \"longer than a header and a tag\"}"),
            "blob a/b is not sealed, or by a later cutline"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn pieces_come_to_the_same_length(cuts in prop::collection::vec(0..150_000_usize, 0..6)) {
            let mut sealer = Sealer::new(&key(), NAME).unwrap();
            let mut sealed = Vec::new();
            let mut expected = Vec::new();
            for cut in cuts {
                let piece = content(cut);
                sealed.extend(sealer.update(&piece));
                expected.extend(piece);
            }
            sealed.extend(sealer.finish());
            prop_assert_eq!(sealed.len() as u64, sealed_length(expected.len() as u64));
            prop_assert_eq!(open(&key(), NAME, &sealed).unwrap(), expected);
        }

        #[test]
        fn lengths_go_both_ways(length in 0..u64::from(u32::MAX)) {
            prop_assert_eq!(content_length(sealed_length(length)), Some(length));
            if let Some(content) = content_length(length) {
                prop_assert_eq!(sealed_length(content), length);
            }
        }

        #[test]
        fn nothing_that_was_not_sealed_opens(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(open(&key(), NAME, &bytes).is_err());
            let sealed_like = [MAGIC, &bytes[..]].concat();
            prop_assert!(open(&key(), NAME, &sealed_like).is_err());
        }
    }
}
