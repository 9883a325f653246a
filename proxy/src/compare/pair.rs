//! Two replies compared, part by part: status, headers, and the bodies' meaning.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName};

use super::coding::{self, Undecoded};
use super::comparison::{Aspect, Kind, Lack, Remark, Unavailable};
use super::field::Field;
use super::formats::{self, Document, Reading, Unreadable};
use super::found::{Found, SHOWN, Spot, excerpts};
use super::predictions::Predictions;
use super::rules::Rules;
use super::{redact, walk};
use crate::outcome::{Captured, Reply};

/// Two replies while they are compared.
pub(super) struct Pair<'r> {
    rules: &'r Rules,
    pub(super) found: Found,
    pub(super) remarks: Vec<Remark>,
    pub(super) predictions: Option<Box<Predictions>>,
}

impl<'r> Pair<'r> {
    pub(super) fn new(rules: &'r Rules) -> Pair<'r> {
        Pair {
            rules,
            found: Found::default(),
            remarks: Vec::new(),
            predictions: rules.predicts().then(Box::default),
        }
    }

    /// What is found is found; an error says why the bodies were not compared.
    pub(super) fn compare(
        &mut self,
        control: &Reply,
        candidate: &Reply,
    ) -> Result<(), Unavailable> {
        self.status(control, candidate);
        self.headers(control, candidate);
        match self.rules.ignore_body {
            true => Ok(()),
            false => self.bodies(control, candidate),
        }
    }

    fn status(&mut self, control: &Reply, candidate: &Reply) {
        if control.status != candidate.status && !self.rules.ignore_status {
            let (control, candidate) = (control.status.as_u16(), candidate.status.as_u16());
            self.differ(
                Field::Status,
                Kind::Value,
                control.to_string(),
                candidate.to_string(),
            );
        }
    }

    fn headers(&mut self, control: &Reply, candidate: &Reply) {
        for name in &self.rules.headers {
            // What it says of the body is compared with the body.
            if *name == CONTENT_TYPE {
                continue;
            }
            let (own, other) = (
                control.headers.get_all(name),
                candidate.headers.get_all(name),
            );
            if own.iter().eq(other.iter()) {
                continue;
            }
            let (own, other) = (shown_header(control, name), shown_header(candidate, name));
            let kind = match (&own, &other) {
                (Some(_), None) => Kind::Missing,
                (None, Some(_)) => Kind::Extra,
                _ => Kind::Value,
            };
            let (own, other) = (own.unwrap_or_default(), other.unwrap_or_default());
            let (own, other) = match self.rules.redact.is_secret_header(name.as_str()) {
                true => (blackened(own), blackened(other)),
                false => excerpts(&own, &other),
            };
            self.differ(Field::header(name), kind, own, other);
        }
    }

    fn bodies(&mut self, control: &Reply, candidate: &Reply) -> Result<(), Unavailable> {
        let most = self.rules.body;
        let (own, other) = (whole(&control.body, most), whole(&candidate.body, most));
        let (own, other) = match (own, other) {
            (Ok(own), Ok(other)) => (own, other),
            (own, other) => {
                return Err(Unavailable {
                    monolith: own.err(),
                    candidate: other.err(),
                });
            }
        };
        let described = [CONTENT_TYPE, CONTENT_ENCODING].iter().all(|name| {
            let (own, other) = (
                control.headers.get_all(name),
                candidate.headers.get_all(name),
            );
            own.iter().eq(other.iter())
        });
        // The same in every byte is the same in its meaning, whatever that is.
        if described && own == other && self.predictions.is_none() {
            return Ok(());
        }
        let (own_codings, other_codings) = (
            coding::codings(&control.headers),
            coding::codings(&candidate.headers),
        );
        if own_codings != other_codings {
            self.remarks.push(Remark {
                what: Aspect::ContentCoding,
                control: own_codings.join(", "),
                candidate: other_codings.join(", "),
            });
        }
        let own_body = coding::decoded(&own, &own_codings, self.rules.body);
        let other_body = coding::decoded(&other, &other_codings, self.rules.body);
        let (monolith, candidate_lacks) = (lack_of(&own_body), lack_of(&other_body));
        if monolith.is_some() || candidate_lacks.is_some() {
            return Err(Unavailable {
                monolith,
                candidate: candidate_lacks,
            });
        }
        match (own_body, other_body) {
            (Ok(own), Ok(other)) => {
                let own = Document::new(&own, &control.headers);
                let other = Document::new(&other, &candidate.headers);
                self.documents(&own, &other)
            }
            (Err(_), Err(_)) => {
                self.raw(&own, &other);
                Ok(())
            }
            (own, _) => {
                self.unreadable(own.is_ok(), "decompressed");
                Ok(())
            }
        }
    }

    /// One side's body is not what its headers say.
    fn unreadable(&mut self, control_is_fine: bool, what: &str) {
        let (fine, broken) = (format!("can be {what}"), format!("cannot be {what}"));
        let (control, candidate) = match control_is_fine {
            true => (fine, broken),
            false => (broken, fine),
        };
        self.differ(Field::body(), Kind::Unreadable, control, candidate);
    }

    fn documents(&mut self, own: &Document<'_>, other: &Document<'_>) -> Result<(), Unavailable> {
        let asked = self.rules.comparator.is_some();
        let (reader, other_reader) = match self.rules.comparator.and_then(formats::named) {
            Some(named) => (named, named),
            None => (formats::of(own), formats::of(other)),
        };
        if own.essence != other.essence {
            let one = reader.name() == other_reader.name();
            let alike = one && (asked || !matches!(reader.name(), "bytes" | "image" | "text"));
            self.media_types(own, other, alike);
        }
        let control = reader.read(own, self.rules);
        let candidate = other_reader.read(other, self.rules);
        let lacking = Unavailable {
            monolith: lack_of_reading(&control),
            candidate: lack_of_reading(&candidate),
        };
        if lacking.monolith.is_some() || lacking.candidate.is_some() {
            return Err(lacking);
        }
        if let (Some(own), Some(other)) = (own.encoding(), other.encoding())
            && own != other
        {
            self.remarks.push(Remark {
                what: Aspect::Charset,
                control: own.to_owned(),
                candidate: other.to_owned(),
            });
        }
        match (control, candidate) {
            (Ok(control), Ok(candidate)) => self.readings(&control, &candidate),
            (Err(_), Err(_)) => {
                self.raw(own.bytes, other.bytes);
                Ok(())
            }
            (control, _) => {
                let broken = if control.is_ok() {
                    other_reader
                } else {
                    reader
                };
                self.unreadable(control.is_ok(), &format!("read as {}", broken.name()));
                Ok(())
            }
        }
    }

    fn media_types(&mut self, own: &Document<'_>, other: &Document<'_>, alike: bool) {
        let shown = |document: &Document<'_>| document.essence.clone().unwrap_or_default();
        let (own, other) = (shown(own), shown(other));
        match self.rules.headers.contains(&CONTENT_TYPE) && !alike {
            true => self.differ(Field::header(&CONTENT_TYPE), Kind::Encoding, own, other),
            false => self.remarks.push(Remark {
                what: Aspect::MediaType,
                control: own,
                candidate: other,
            }),
        }
    }

    fn readings(
        &mut self,
        control: &Reading<'_>,
        candidate: &Reading<'_>,
    ) -> Result<(), Unavailable> {
        match (control, candidate) {
            (Reading::Node(control), Reading::Node(candidate)) => {
                let predictions = self.predictions.as_deref_mut();
                let found = &mut self.found;
                let lack = Some(Lack::TooMuchWork);
                match walk::documents(control, candidate, self.rules, found, predictions) {
                    true => Ok(()),
                    false => Err(Unavailable {
                        monolith: lack,
                        candidate: lack,
                    }),
                }
            }
            (Reading::Picture(control), Reading::Picture(candidate)) => {
                control.compare(candidate, self.rules, &mut self.found);
                Ok(())
            }
            (Reading::Bytes(control), Reading::Bytes(candidate)) => {
                self.raw(control, candidate);
                Ok(())
            }
            (control, candidate) => {
                let (control, candidate) = (control.kind().to_owned(), candidate.kind().to_owned());
                self.differ(Field::body(), Kind::Encoding, control, candidate);
                Ok(())
            }
        }
    }

    /// Bodies of which nothing is known, or that are not what they should be.
    fn raw(&mut self, control: &[u8], candidate: &[u8]) {
        if control != candidate {
            let at = control
                .iter()
                .zip(candidate)
                .position(|(own, other)| own != other);
            let at = at.unwrap_or(control.len().min(candidate.len()));
            // A secret that begins before that place would not be known for one.
            let redact = &self.rules.redact;
            let secret = redact.may_be_in(control) || redact.may_be_in(candidate);
            let shown = |bytes: &[u8]| {
                if secret {
                    return format!("{} bytes, other ones from {at}", bytes.len());
                }
                let rest = String::from_utf8_lossy(&bytes[at..bytes.len().min(at + SHOWN / 2)]);
                format!("{} bytes, from {at}: {}", bytes.len(), rest.escape_debug())
            };
            self.differ(Field::body(), Kind::Value, shown(control), shown(candidate));
        }
    }

    fn differ(&mut self, field: Field, kind: Kind, control: String, candidate: String) {
        let place = field.to_string();
        self.found.put(Spot {
            field,
            kind,
            place: &|| place.clone(),
            texts: &|| (control.clone(), candidate.clone()),
            numbers: None,
        });
    }
}

/// A body in one piece, as it came.
fn whole(body: &Captured, most: usize) -> Result<Cow<'_, [u8]>, Lack> {
    match body {
        Captured::Whole(pieces) if pieces.iter().map(Bytes::len).sum::<usize>() > most => {
            Err(Lack::TooLong)
        }
        Captured::Whole(pieces) => Ok(match &pieces[..] {
            [] => Cow::Borrowed(&[]),
            [piece] => Cow::Borrowed(piece),
            pieces => Cow::Owned(pieces.concat()),
        }),
        Captured::TooLong => Err(Lack::TooLong),
        Captured::Broken => Err(Lack::Broken),
    }
}

/// What keeps a body from being compared, apart from being wrong.
fn lack_of<T>(decoded: &Result<T, Undecoded>) -> Option<Lack> {
    match decoded {
        Err(Undecoded::Unknown) => Some(Lack::Coding),
        Err(Undecoded::TooLong) => Some(Lack::TooLong),
        Err(Undecoded::Broken) | Ok(_) => None,
    }
}

fn lack_of_reading(reading: &Result<Reading<'_>, Unreadable>) -> Option<Lack> {
    match reading {
        Err(Unreadable::TooDeep) => Some(Lack::TooDeep),
        Err(Unreadable::TooLarge) => Some(Lack::TooLong),
        Err(Unreadable::Broken) | Ok(_) => None,
    }
}

/// What stands for a secret; nothing where there is none.
fn blackened(secret: String) -> String {
    match secret.is_empty() {
        true => secret,
        false => redact::BLACKENED.to_owned(),
    }
}

/// All values of a header; None where there is none.
fn shown_header(reply: &Reply, name: &HeaderName) -> Option<String> {
    let values = reply.headers.get_all(name).iter();
    let values: Vec<_> = values
        .map(|value| String::from_utf8_lossy(value.as_bytes()))
        .collect();
    (!values.is_empty()).then(|| values.join(", "))
}
