//! Two documents walked side by side, with the rules that hold at each place.

use std::borrow::Cow;

use super::comparison::{Kind, Numbers};
use super::field::Field;
use super::found::{Found, SHOWN, Spot, excerpts};
use super::node::Node;
use super::number;
use super::paths::{Trail, push_name};
use super::predictions::Predictions;
use super::redact::BLACKENED;
use super::rules::{Match, Rules, Tolerance};

/// Steps of one comparison: nodes looked at, again for each time. A document
/// of a megabyte in an order of its own takes about a third of it.
pub(super) const MOST_STEPS: u64 = 4_000_000;

/// A walk through two documents.
pub(super) struct Walk<'r, 'w, 'n> {
    pub(super) rules: &'r Rules,
    pub(super) found: &'w mut Found,
    pub(super) predictions: Option<&'w mut Predictions>,
    trail: Trail,
    path: Vec<Segment<'n>>,
    /// Nothing is written down: it is only asked whether two are the same.
    pub(super) quiet: bool,
    pub(super) steps: u64,
}

/// A step of the way from the document to the place.
#[derive(Clone, Copy, Debug)]
enum Segment<'n> {
    Name(&'n str),
    Index(usize),
}

/// What the rules say at one place.
pub(super) struct Here<'r> {
    ignore: bool,
    label: bool,
    score: bool,
    tolerance: &'r Tolerance,
    unordered: Option<&'r Match>,
}

/// Compares two documents; false where it would take too many steps.
pub(super) fn documents<'n>(
    control: &'n Node<'n>,
    candidate: &'n Node<'n>,
    rules: &Rules,
    found: &mut Found,
    predictions: Option<&mut Predictions>,
) -> bool {
    let mut walk = Walk {
        rules,
        found,
        predictions,
        trail: rules.places.start(),
        path: Vec::new(),
        quiet: false,
        steps: 0,
    };
    walk.nodes(control, candidate);
    walk.steps <= MOST_STEPS
}

impl<'r, 'n> Walk<'r, '_, 'n> {
    /// Compares what stands at the place; true where it is the same.
    pub(super) fn nodes(&mut self, control: &'n Node<'n>, candidate: &'n Node<'n>) -> bool {
        self.steps += 1;
        if self.steps > MOST_STEPS {
            return true;
        }
        let here = self.here();
        if here.ignore {
            return true;
        }
        if !self.quiet {
            self.predict(&here, control, candidate);
        }
        match (control, candidate) {
            (Node::Object(control), Node::Object(candidate)) => self.objects(control, candidate),
            (Node::Array(control), Node::Array(candidate)) => match here.unordered {
                Some(how) => self.unordered(how, control, candidate),
                None => self.arrays(control, candidate),
            },
            (Node::Number(control), Node::Number(candidate)) => {
                self.numbers(control, candidate, here.tolerance)
            }
            _ if control == candidate => true,
            _ => self.differ(kind(control, candidate), Some(control), Some(candidate)),
        }
    }

    fn here(&self) -> Here<'r> {
        let rules = self.rules;
        let mut here = Here {
            ignore: false,
            label: false,
            score: false,
            tolerance: &rules.tolerance,
            unordered: None,
        };
        if self.trail.is_empty() {
            return here;
        }
        let (mut tolerance, mut unordered) = (0, 0);
        for said in rules.places.here(&self.trail) {
            here.ignore |= said.ignore;
            here.label |= said.label;
            here.score |= said.score;
            if let Some((order, own)) = &said.tolerance
                && *order > tolerance
            {
                (tolerance, here.tolerance) = (*order, own);
            }
            if let Some((order, own)) = &said.unordered
                && *order > unordered
            {
                (unordered, here.unordered) = (*order, Some(own));
            }
        }
        here
    }

    pub(super) fn is_ignored(&self) -> bool {
        !self.trail.is_empty() && self.rules.places.here(&self.trail).any(|said| said.ignore)
    }

    /// Whether, at the place, a missing member is the same as `node`.
    pub(super) fn is_missing(&self, node: &Node<'_>) -> bool {
        let places = &self.rules.places;
        *node == Node::Null
            && (self.rules.null_is_missing
                || places.here(&self.trail).any(|said| said.null_is_missing))
    }

    pub(super) fn is_unordered(&self) -> bool {
        self.here().unordered.is_some()
    }

    fn predict(&mut self, here: &Here<'_>, control: &Node<'_>, candidate: &Node<'_>) {
        if !(here.label || here.score) || self.is_secret() {
            return;
        }
        let Some(predictions) = self.predictions.as_deref_mut() else {
            return;
        };
        if here.label
            && let (Some(from), Some(to)) = (label(control), label(candidate))
        {
            predictions.label(&from, &to);
        }
        if here.score
            && let (Some(control), Some(candidate)) = (score(control), score(candidate))
        {
            predictions.score(control, candidate);
        }
    }

    pub(super) fn enter_name(&mut self, name: &'n str) {
        self.rules.places.enter(&mut self.trail, name);
        self.path.push(Segment::Name(name));
    }

    pub(super) fn enter_index(&mut self, index: usize) {
        // Most places are below no rule: no index is written out for them.
        match self.trail.is_empty() {
            true => self.rules.places.enter(&mut self.trail, ""),
            false => {
                let name = index.to_string();
                self.rules.places.enter(&mut self.trail, &name);
            }
        }
        self.path.push(Segment::Index(index));
    }

    pub(super) fn leave(&mut self) {
        self.trail.leave();
        self.path.pop();
    }

    fn numbers(&mut self, control: &str, candidate: &str, tolerance: &Tolerance) -> bool {
        if number::same(control, candidate) || number::close(control, candidate, tolerance) {
            return true;
        }
        if self.quiet {
            return false;
        }
        let apart = number::apart(control, candidate);
        let kind = match apart {
            Some(_) => Kind::Number,
            None => Kind::Value,
        };
        // How far a secret is off would tell what it is.
        match self.is_secret() {
            true => {
                let black = |_: &[Segment<'_>]| (BLACKENED.to_owned(), BLACKENED.to_owned());
                self.put(kind, None, &black);
            }
            false => self.put(kind, apart, &|_| excerpts(control, candidate)),
        }
        false
    }

    /// Members by name, whatever their order.
    fn objects(&mut self, control: &'n [Member<'n>], candidate: &'n [Member<'n>]) -> bool {
        let names = |members: &[Member<'_>], at: usize| members[at].0.len();
        let alike = control.len() == candidate.len()
            && (0..control.len()).all(|at| names(control, at) == names(candidate, at))
            && control
                .iter()
                .zip(candidate)
                .all(|(own, other)| own.0 == other.0);
        let mut same = true;
        if alike {
            for ((name, control), (_, candidate)) in control.iter().zip(candidate) {
                same &= self.member(name, Some(control), Some(candidate));
                if self.quiet && !same {
                    return false;
                }
            }
            return same;
        }
        let (control, candidate) = (sorted(control), sorted(candidate));
        let (mut control, mut candidate) = (control.into_iter(), candidate.into_iter());
        let (mut own, mut other) = (control.next(), candidate.next());
        loop {
            let (name, in_control, in_candidate) = match (own, other) {
                (None, None) => return same,
                (Some(own), None) => (&own.0, true, false),
                (None, Some(other)) => (&other.0, false, true),
                (Some(own), Some(other)) => {
                    ((&own.0).min(&other.0), own.0 <= other.0, other.0 <= own.0)
                }
            };
            let control_node = own.filter(|_| in_control).map(|member| &member.1);
            let candidate_node = other.filter(|_| in_candidate).map(|member| &member.1);
            same &= self.member(name, control_node, candidate_node);
            if self.quiet && !same {
                return false;
            }
            if in_control {
                own = control.next();
            }
            if in_candidate {
                other = candidate.next();
            }
        }
    }

    fn member(
        &mut self,
        name: &'n str,
        control: Option<&'n Node<'n>>,
        candidate: Option<&'n Node<'n>>,
    ) -> bool {
        self.enter_name(name);
        let same = self.maybe(control, candidate);
        self.leave();
        same
    }

    /// Compares what may stand on one side only.
    pub(super) fn maybe(
        &mut self,
        control: Option<&'n Node<'n>>,
        candidate: Option<&'n Node<'n>>,
    ) -> bool {
        match (control, candidate) {
            (Some(control), Some(candidate)) => self.nodes(control, candidate),
            (Some(one), None) | (None, Some(one)) => {
                self.steps += 1;
                let kind = match (control, one) {
                    (Some(_), Node::Null) => Kind::MissingForNull,
                    (Some(_), _) => Kind::Missing,
                    (None, Node::Null) => Kind::NullForMissing,
                    (None, _) => Kind::Extra,
                };
                self.is_ignored() || self.is_missing(one) || self.differ(kind, control, candidate)
            }
            (None, None) => true,
        }
    }

    /// Writes down that the place differs; false.
    pub(super) fn differ(
        &mut self,
        kind: Kind,
        control: Option<&Node<'_>>,
        candidate: Option<&Node<'_>>,
    ) -> bool {
        if !self.quiet {
            let rules = self.rules;
            let texts = |path: &[Segment<'_>]| {
                let control = control.map(|node| rules.redact.part(node, names(path)));
                let candidate = candidate.map(|node| rules.redact.part(node, names(path)));
                match (control, candidate) {
                    (Some(Node::Text(control)), Some(Node::Text(candidate))) => {
                        let (control, candidate) = excerpts(&control, &candidate);
                        (quoted(&control), quoted(&candidate))
                    }
                    (control, candidate) => (shown(control.as_ref()), shown(candidate.as_ref())),
                }
            };
            self.put(kind, None, &texts);
        }
        false
    }

    /// Whether what stands at the place may not be shown.
    fn is_secret(&self) -> bool {
        self.rules.redact.is_secret(names(&self.path))
    }

    fn put(
        &mut self,
        kind: Kind,
        numbers: Option<Numbers>,
        texts: &dyn Fn(&[Segment<'_>]) -> (String, String),
    ) {
        let mut general = String::new();
        for segment in &self.path {
            match segment {
                Segment::Index(_) => general.push_str("/*"),
                Segment::Name(name) if names_an_item(name) => general.push_str("/*"),
                Segment::Name(name) => push_name(&mut general, name),
            }
        }
        let path = &self.path;
        let place = || {
            let mut exact = String::new();
            for segment in path {
                match segment {
                    Segment::Name(name) => push_name(&mut exact, name),
                    Segment::Index(index) => push_name(&mut exact, &index.to_string()),
                }
            }
            exact
        };
        self.found.put(Spot {
            field: Field::Body(general.into()),
            kind,
            place: &place,
            texts: &|| texts(path),
            numbers,
        });
    }
}

type Member<'a> = (Cow<'a, str>, Node<'a>);

fn sorted<'m, 'a>(members: &'m [Member<'a>]) -> Vec<&'m Member<'a>> {
    let mut sorted: Vec<_> = members.iter().collect();
    sorted.sort_by(|own, other| own.0.cmp(&other.0));
    sorted
}

fn names<'a>(path: &'a [Segment<'a>]) -> impl Iterator<Item = Cow<'a, str>> {
    path.iter().map(|segment| match segment {
        Segment::Name(name) => Cow::Borrowed(*name),
        Segment::Index(index) => Cow::Owned(index.to_string()),
    })
}

fn shown(node: Option<&Node<'_>>) -> String {
    node.map(|node| node.shown(SHOWN)).unwrap_or_default()
}

fn quoted(text: &str) -> String {
    Node::Text(text.into()).to_json()
}

/// In what way two nodes differ that are not the same, nor two numbers, two
/// arrays or two objects.
fn kind(control: &Node<'_>, candidate: &Node<'_>) -> Kind {
    match (control, candidate) {
        (Node::Null, _) => Kind::NotNull,
        (_, Node::Null) => Kind::Null,
        (Node::Text(text), other) | (other, Node::Text(text)) if is_written(text, other) => {
            Kind::Quoted
        }
        (Node::Bool(_), Node::Bool(_))
        | (Node::Text(_), Node::Text(_))
        | (Node::Bytes(_), Node::Bytes(_)) => Kind::Value,
        _ => Kind::Type,
    }
}

/// Whether `text` is how one writes `node`, `True` of Python too.
fn is_written(text: &str, node: &Node<'_>) -> bool {
    match node {
        Node::Number(number) => number::same(text.trim(), number),
        Node::Bool(is) => text.eq_ignore_ascii_case(if *is { "true" } else { "false" }),
        _ => false,
    }
}

/// Whether a member's name says which item it is rather than what: a number or
/// a UUID, as where customers stand by their id.
fn names_an_item(name: &str) -> bool {
    let digits = !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit());
    let dashes = [8, 13, 18, 23];
    let uuid = name.len() == 36
        && name
            .bytes()
            .enumerate()
            .all(|(at, b)| match dashes.contains(&at) {
                true => b == b'-',
                false => b.is_ascii_hexdigit(),
            });
    digits || uuid
}

/// What a label says; None for what is none.
fn label<'n>(node: &'n Node<'_>) -> Option<Cow<'n, str>> {
    match node {
        Node::Text(text) => Some(Cow::Borrowed(text)),
        Node::Number(text) => Some(number::plain(text)),
        Node::Bool(true) => Some(Cow::Borrowed("true")),
        Node::Bool(false) => Some(Cow::Borrowed("false")),
        Node::Null => Some(Cow::Borrowed("null")),
        Node::Bytes(_) | Node::Array(_) | Node::Object(_) => None,
    }
}

/// A score, also one that is written as text.
fn score(node: &Node<'_>) -> Option<f64> {
    match node {
        Node::Number(text) | Node::Text(text) => number::finite(text),
        _ => None,
    }
}
