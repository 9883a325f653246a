//! [`Redact`]: what is blackened before anything of a message is kept.
//!
//! What the rules name, and always: headers that carry credentials, members and
//! parameters whose name says that they are secret, and values that look like a
//! token or a key. A difference is blackened when it is found; whole messages by
//! [`Redact::request`] and [`Redact::answer`].

use std::borrow::Cow;
use std::collections::BTreeSet;

use http::{HeaderMap, HeaderName};

use super::coding;
use super::formats::{self, Document, Reading};
use super::node::Node;
use super::paths::{NoPath, Path, Paths, Trail};
use super::rules::Rules;
use super::secrets;

/// What stands in the place of a secret.
pub const BLACKENED: &str = "[redacted]";

/// What is blackened: what the rules name, beside what always is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Redact {
    places: Paths<bool>,
    headers: BTreeSet<Box<str>>,
    queries: BTreeSet<Box<str>>,
    names_any: bool,
}

/// A text that names nothing to blacken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoSecret {
    /// Behind `header:` stands no name of one.
    #[error("`{0}` is no name of a header")]
    Header(String),
    /// Behind `query:` stands nothing.
    #[error("behind `query:` stands no name")]
    Query,
    /// It is no JSON pointer.
    #[error("{0}")]
    Path(#[from] NoPath),
}

/// A message as it may be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its headers, with what is secret blackened, and without those that said
    /// how the body was sent.
    pub headers: Vec<(String, String)>,
    /// Its body, decompressed; None where it is too long for that, in an unknown
    /// coding, or of a kind in which what is named cannot be found.
    pub body: Option<Vec<u8>>,
    /// So many secrets were blackened.
    pub redacted: u64,
}

impl Redact {
    /// Adds `/customer/email`, `header:x-user` or `query:email`.
    pub fn name(&mut self, text: &str) -> Result<(), NoSecret> {
        if let Some(name) = text.strip_prefix("header:") {
            let parsed: Result<HeaderName, _> = name.parse();
            let parsed = parsed.map_err(|_| NoSecret::Header(name.to_owned()))?;
            self.headers.insert(parsed.as_str().into());
        } else if let Some(name) = text.strip_prefix("query:") {
            if name.is_empty() {
                return Err(NoSecret::Query);
            }
            self.queries.insert(name.into());
        } else {
            *self.places.at(&Path::parse(text)?) = true;
            self.names_any = true;
        }
        Ok(())
    }

    /// Whether a header's value is secret.
    pub fn is_secret_header(&self, name: &str) -> bool {
        secrets::is_header(name) || self.headers.contains(name)
    }

    /// A query without its secrets: the rest stays as it is.
    pub fn query<'q>(&self, query: &'q str) -> Cow<'q, str> {
        let mut redacted = 0;
        let pairs: Vec<_> = query
            .split('&')
            .map(|pair| {
                let (name, value) = form_urlencoded::parse(pair.as_bytes()).next()?;
                let secret = self.queries.contains(&*name)
                    || secrets::is_named(&name, Some(&value))
                    || secrets::blackened(&value).is_some();
                secret.then(|| {
                    redacted += 1;
                    let written = pair.split('=').next().unwrap_or_default();
                    format!("{written}=%5Bredacted%5D")
                })
            })
            .collect();
        if redacted == 0 {
            return Cow::Borrowed(query);
        }
        let pairs = query.split('&').zip(pairs);
        let pairs: Vec<_> = pairs
            .map(|(own, black)| black.unwrap_or_else(|| own.to_owned()))
            .collect();
        Cow::Owned(pairs.join("&"))
    }

    /// A request as it may be kept, if its body is no longer than `most`,
    /// decompressed too. What is named is named in requests and answers alike.
    pub fn request(&self, headers: &HeaderMap, body: &[u8], most: usize) -> Kept {
        // What the rules say of formats they say of answers.
        let rules = Rules {
            body: most,
            ..Rules::default()
        };
        self.answer(headers, body, &rules)
    }

    /// An answer as it may be kept. `rules` say how its body is read.
    pub fn answer(&self, headers: &HeaderMap, body: &[u8], rules: &Rules) -> Kept {
        let codings = coding::codings(headers);
        let mut redacted = 0;
        let body = coding::decoded(body, &codings, rules.body).ok();
        let document = body.as_deref().map(|body| Document::new(body, headers));
        let (body, rewritten) = match &document {
            Some(document) => self.body(document, rules, &mut redacted),
            None => (None, false),
        };
        let mut kept = Vec::new();
        for (name, value) in headers {
            let name = name.as_str();
            if matches!(
                name,
                "content-encoding" | "content-length" | "transfer-encoding"
            ) {
                continue;
            }
            let value = String::from_utf8_lossy(value.as_bytes());
            let shown = match self.is_secret_header(name) {
                true => BLACKENED.to_owned(),
                false => self.header_value(&value),
            };
            redacted += u64::from(shown != value);
            kept.push((name.to_owned(), shown));
        }
        // What was rewritten is UTF-8, whatever it was before.
        if rewritten {
            for (name, value) in &mut kept {
                if name == "content-type" && value.to_ascii_lowercase().contains("charset") {
                    let essence = value.split(';').next().unwrap_or_default().to_owned();
                    *value = format!("{essence}; charset=utf-8");
                }
            }
        }
        Kept {
            headers: kept,
            body,
            redacted,
        }
    }

    /// A header's value without what looks like a secret, a query in it too.
    fn header_value(&self, value: &str) -> String {
        let value = match value.split_once('?') {
            Some((before, query)) => Cow::Owned(format!("{before}?{}", self.query(query))),
            None => Cow::Borrowed(value),
        };
        secrets::blackened(&value).unwrap_or_else(|| value.into_owned())
    }

    /// The body, and whether it was written anew.
    fn body(
        &self,
        document: &Document<'_>,
        rules: &Rules,
        redacted: &mut u64,
    ) -> (Option<Vec<u8>>, bool) {
        let comparator = rules.comparator.and_then(formats::named);
        let comparator = comparator.unwrap_or_else(|| formats::of(document));
        let name = comparator.name();
        let (found, node) = match comparator.read(document, rules) {
            Ok(Reading::Node(mut node)) => {
                let found = self.node(&mut node, &mut self.places.start());
                (found, Some(node))
            }
            Ok(Reading::Picture(_)) => return (Some(document.bytes.to_vec()), false),
            // What is named may be in it, and cannot be found.
            Ok(Reading::Bytes(_)) | Err(_) if self.names_any && name != "text" => {
                return (None, false);
            }
            Ok(Reading::Bytes(_)) | Err(_) => (0, None),
        };
        *redacted += found;
        // Written anew, nothing is left of a member that stands there twice.
        let anew = found > 0 || self.names_any;
        match (name, node) {
            ("json" | "ndjson" | "form", Some(node)) if anew => {
                return (Some(written(name, &node)), true);
            }
            ("text", Some(node)) if anew && !is_lines(&node) => {
                return (Some(written(name, &node)), true);
            }
            ("text", _) if self.names_any && is_begun(document) => return (None, false),
            ("text", _) => {}
            // These are not written anew.
            (_, Some(_)) if found > 0 => return (None, false),
            (_, Some(_)) => return (Some(document.bytes.to_vec()), false),
            (_, None) => {}
        }
        // Text of which nothing is known but its words.
        let black = document.text().ok().and_then(secrets::blackened);
        match black {
            Some(black) => {
                *redacted += u64::from(found == 0);
                (Some(black.into_bytes()), true)
            }
            None if found > 0 => (None, false),
            None => (Some(document.bytes.to_vec()), false),
        }
    }

    /// Blackens what is secret in a document, or a part of it at which `trail`
    /// stands; says how much that was.
    fn node(&self, node: &mut Node<'_>, trail: &mut Trail) -> u64 {
        if self.is_here(trail) {
            *node = Node::Text(BLACKENED.into());
            return 1;
        }
        let mut found = 0;
        match node {
            Node::Text(text) => {
                if let Some(black) = secrets::blackened(text) {
                    *text = Cow::Owned(black);
                    found += 1;
                }
            }
            Node::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.places.enter(trail, &index.to_string());
                    found += self.node(item, trail);
                    trail.leave();
                }
            }
            Node::Object(members) => {
                for (name, member) in members {
                    let value = match &*member {
                        Node::Text(text) => Some(&**text),
                        _ => None,
                    };
                    if secrets::is_named(name, value)
                        && !matches!(member, Node::Null | Node::Bool(_))
                    {
                        *member = Node::Text(BLACKENED.into());
                        found += 1;
                        continue;
                    }
                    self.places.enter(trail, name);
                    found += self.node(member, trail);
                    trail.leave();
                }
            }
            Node::Null | Node::Bool(_) | Node::Number(_) | Node::Bytes(_) => {}
        }
        found
    }

    /// Whether a place of a document, or one around it, is secret.
    pub(super) fn is_secret<'n>(&self, names: impl Iterator<Item = Cow<'n, str>>) -> bool {
        let mut trail = self.places.start();
        let mut secret = self.is_here(&trail);
        for name in names {
            if self.names_any {
                self.places.enter(&mut trail, &name);
                secret |= self.is_here(&trail);
            }
            secret |= secrets::is_named(&name, None);
        }
        secret
    }

    /// Whether bytes that are no document may hold a secret.
    pub(super) fn may_be_in(&self, bytes: &[u8]) -> bool {
        let looks = |text: &str| secrets::blackened(text).is_some();
        self.names_any || looks(&String::from_utf8_lossy(bytes))
    }

    fn is_here(&self, trail: &Trail) -> bool {
        self.names_any && self.places.here(trail).any(|said| *said)
    }

    /// A part of a document that stands where `names` lead to, without its
    /// secrets.
    pub(super) fn part<'a, 'n>(
        &self,
        node: &Node<'a>,
        names: impl Iterator<Item = Cow<'n, str>>,
    ) -> Node<'a> {
        let mut trail = self.places.start();
        let mut secret = self.is_here(&trail);
        let text = match node {
            Node::Text(text) => Some(&**text),
            _ => None,
        };
        for name in names {
            self.places.enter(&mut trail, &name);
            secret |= self.is_here(&trail) || secrets::is_named(&name, text);
        }
        if secret {
            return Node::Text(BLACKENED.into());
        }
        let mut node = node.clone();
        self.node(&mut node, &mut trail);
        node
    }
}

/// Whether a text begins as a document that names its members does.
fn is_begun(document: &Document<'_>) -> bool {
    let text = String::from_utf8_lossy(document.bytes);
    text.trim_start().starts_with(['{', '['])
}

fn is_lines(node: &Node<'_>) -> bool {
    let text = |item: &Node<'_>| matches!(item, Node::Text(_));
    matches!(node, Node::Array(items) if items.iter().all(text))
}

fn written(name: &str, node: &Node<'_>) -> Vec<u8> {
    match (name, node) {
        ("ndjson", Node::Array(items)) => {
            let lines: Vec<_> = items.iter().map(|item| item.to_json() + "\n").collect();
            lines.concat().into_bytes()
        }
        ("form", Node::Object(members)) => {
            let mut form = form_urlencoded::Serializer::new(String::new());
            for (name, member) in members {
                let one = std::slice::from_ref(member);
                let values = match member {
                    Node::Array(values) => values,
                    _ => one,
                };
                for value in values {
                    if let Node::Text(text) = value {
                        form.append_pair(name, text);
                    }
                }
            }
            form.finish().into_bytes()
        }
        _ => node.to_json().into_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn kept(redact: &[&str], headers: &[(&str, &str)], body: &[u8]) -> (String, String) {
        let mut rules = Rules::default();
        for name in redact {
            rules.redact.name(name).unwrap();
        }
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name: HeaderName = name.parse().unwrap();
            map.append(name, HeaderValue::from_str(value).unwrap());
        }
        let kept = rules.redact.answer(&map, body, &rules);
        let headers: Vec<_> = kept
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        let body = kept
            .body
            .map(|body| String::from_utf8_lossy(&body).into_owned());
        (
            headers.join("\n"),
            body.unwrap_or_else(|| "nothing".to_owned()),
        )
    }

    fn body(redact: &[&str], content_type: &str, body: &str) -> String {
        kept(redact, &[("content-type", content_type)], body.as_bytes()).1
    }

    #[test]
    fn headers_that_carry_credentials() {
        let (headers, _) = kept(
            &["header:x-user"],
            &[
                ("Authorization", "Bearer abc"),
                ("cookie", "session=1"),
                ("x-user", "eve"),
                ("x-forwarded-for", "10.0.0.1"),
                ("content-length", "7"),
                ("location", "/a?api_key=k&b=1"),
                ("link", "https://eve:hunter2@host/a"),
            ],
            b"",
        );
        assert_eq!(
            headers,
            "authorization: [redacted]\ncookie: [redacted]\nx-user: [redacted]\n\
             x-forwarded-for: 10.0.0.1\nlocation: /a?api_key=%5Bredacted%5D&b=1\nlink: https://[redacted]@host/a"
        );
    }

    #[test]
    fn named_places_and_secret_names() {
        let json =
            r#"{"customer":{"email":"e@x.org","id":7},"password":"p","max_tokens":5,"score":0.50}"#;
        assert_eq!(
            body(&["/customer/email"], "application/json", json),
            r#"{"customer": {"email": "[redacted]", "id": 7}, "password": "[redacted]", "max_tokens": 5, "score": 0.50}"#
        );
        assert_eq!(
            body(&["/a/*"], "application/json", r#"{"a":[1,{"b":2}]}"#),
            r#"{"a": ["[redacted]", "[redacted]"]}"#
        );
        assert_eq!(
            body(&["/*/a"], "application/x-ndjson", "{\"a\":1}\n{\"b\":1}\n"),
            "{\"a\": \"[redacted]\"}\n{\"b\": 1}\n"
        );
        assert_eq!(
            body(
                &["/mail"],
                "application/x-www-form-urlencoded",
                "mail=e%40x&a=1&a=2&pwd=x"
            ),
            "mail=%5Bredacted%5D&a=1&a=2&pwd=%5Bredacted%5D"
        );
        assert_eq!(
            body(&["/*/mail"], "text/csv", "mail,id\ne@x,1\n"),
            "nothing"
        );
        assert_eq!(
            body(&["/mail"], "text/html", "{\"mail\": \"e@x\"}"),
            "{\"mail\": \"[redacted]\"}"
        );
    }

    #[test]
    fn what_holds_no_secret_is_kept_as_it_is() {
        for (content_type, text) in [
            ("application/json", "{ \"a\" :1.0, \"a\": 2 }"),
            ("text/plain", "a\r\nb"),
            ("application/octet-stream", "\u{1}\u{2}"),
            ("application/json", "{broken"),
        ] {
            assert_eq!(body(&[], content_type, text), text);
        }
        let twice = r#"{"a": {"mail": "e@x"}, "a": 1}"#;
        assert_eq!(body(&["/*/mail"], "application/json", twice), "{\"a\": 1}");
        let begun = "{\"mail\": \"e@x\", ";
        assert_eq!(body(&["/mail"], "text/html", begun), "nothing");
        assert_eq!(body(&["/mail"], "text/html", "<p>mail</p>"), "<p>mail</p>");
        // What is named may be in these, and cannot be found.
        assert_eq!(body(&["/mail"], "application/json", "{broken"), "nothing");
        assert_eq!(
            body(&["/mail"], "application/octet-stream", "\u{1}"),
            "nothing"
        );
    }

    #[test]
    fn a_body_that_is_not_what_it_says_is_looked_through_too() {
        let text = "{\"a\": Bearer abcdefghijklmnop";
        assert_eq!(
            body(&[], "application/json", text),
            "{\"a\": Bearer [redacted]"
        );
        let text = "to: AKIAIOSFODNN7EXAMPLE, ok";
        assert_eq!(body(&[], "text/plain", text), "to: [redacted], ok");
    }

    #[test]
    fn a_request_is_read_by_its_own_type() {
        let mut rules = Rules {
            comparator: Some("csv"),
            ..Rules::default()
        };
        rules.redact.name("/mail").unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        let kept = rules.redact.request(&headers, br#"{"mail": "e@x"}"#, 100);
        assert_eq!(
            kept.body.as_deref(),
            Some(&br#"{"mail": "[redacted]"}"#[..])
        );
        assert_eq!(kept.redacted, 1);
    }

    #[test]
    fn a_query_keeps_the_rest_as_it_is() {
        let mut redact = Redact::default();
        redact.name("query:email").unwrap();
        assert_eq!(redact.query("a=%7e&b"), "a=%7e&b");
        assert_eq!(
            redact.query("email=e&a=%7e&api_key=1&"),
            "email=%5Bredacted%5D&a=%7e&api_key=%5Bredacted%5D&"
        );
    }
}
