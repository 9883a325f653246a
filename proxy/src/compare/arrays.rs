//! Arrays: item by item, or whatever their order.

use std::collections::HashMap;

use super::comparison::Kind;
use super::node::Node;
use super::number;
use super::rules::Match;
use super::walk::{MOST_STEPS, Walk};

/// Items that fit no other exactly, and are tried each with each. Of more, the
/// ones of the same rank are brought together.
const FEW: usize = 64;

impl<'n> Walk<'_, '_, 'n> {
    /// Item by item. Where one side has more, what both have at the front and
    /// at the end is set aside first, so that one item more is one difference.
    pub(super) fn arrays(&mut self, control: &'n [Node<'n>], candidate: &'n [Node<'n>]) -> bool {
        if self.quiet {
            return control.len() == candidate.len()
                && self.first_apart(control, candidate).is_none();
        }
        let least = control.len().min(candidate.len());
        let front = match self.first_apart(&control[..least], &candidate[..least]) {
            Some(front) => front,
            None if control.len() == candidate.len() => {
                // The same, but what is predicted is yet to be written down.
                return self.predictions.is_none() || self.pairs(0, control, candidate);
            }
            None => least,
        };
        if control.len() == candidate.len() {
            if self.reordered(&control[front..], &candidate[front..]) {
                return self.differ(Kind::Order, Some(&list(control)), Some(&list(candidate)));
            }
            return self.pairs(0, control, candidate);
        }
        let back = self.common_end(&control[front..], &candidate[front..]);
        let mut same = self.pairs(0, &control[..front], &candidate[..front]);
        let (own, other) = (
            &control[front..control.len() - back],
            &candidate[front..candidate.len() - back],
        );
        let paired = own.len().min(other.len());
        same &= self.pairs(front, &own[..paired], &other[..paired]);
        for (index, item) in own.iter().enumerate().skip(paired) {
            same &= self.item(front + index, Some(item), None);
        }
        for (index, item) in other.iter().enumerate().skip(paired) {
            same &= self.item(front + index, None, Some(item));
        }
        let (end_own, end_other) = (control.len() - back, candidate.len() - back);
        same & self.pairs(end_own, &control[end_own..], &candidate[end_other..])
    }

    fn pairs(&mut self, from: usize, control: &'n [Node<'n>], candidate: &'n [Node<'n>]) -> bool {
        let mut same = true;
        for (index, (control, candidate)) in control.iter().zip(candidate).enumerate() {
            same &= self.item(from + index, Some(control), Some(candidate));
        }
        same
    }

    fn item(
        &mut self,
        index: usize,
        control: Option<&'n Node<'n>>,
        candidate: Option<&'n Node<'n>>,
    ) -> bool {
        self.enter_index(index);
        let same = self.maybe(control, candidate);
        self.leave();
        same
    }

    /// Whether two items are the same, with nothing written down.
    fn alike(&mut self, index: usize, control: &'n Node<'n>, candidate: &'n Node<'n>) -> bool {
        let quiet = std::mem::replace(&mut self.quiet, true);
        let same = self.item(index, Some(control), Some(candidate));
        self.quiet = quiet;
        same
    }

    fn first_apart(&mut self, control: &'n [Node<'n>], candidate: &'n [Node<'n>]) -> Option<usize> {
        let mut pairs = control.iter().zip(candidate).enumerate();
        pairs
            .find(|(index, (control, candidate))| !self.alike(*index, control, candidate))
            .map(|(index, _)| index)
    }

    fn common_end(&mut self, control: &'n [Node<'n>], candidate: &'n [Node<'n>]) -> usize {
        let pairs = control.iter().rev().zip(candidate.iter().rev());
        let mut common = 0;
        for (index, (control, candidate)) in pairs.enumerate() {
            if !self.alike(index, control, candidate) {
                break;
            }
            common += 1;
        }
        common
    }

    /// Whether the items are the same in another order.
    fn reordered(&mut self, control: &'n [Node<'n>], candidate: &'n [Node<'n>]) -> bool {
        let mut own = self.canonical_items(control);
        let mut other = self.canonical_items(candidate);
        own.sort_unstable();
        other.sort_unstable();
        own == other
    }

    /// Whatever the order: by what the items are, or by a key.
    pub(super) fn unordered(
        &mut self,
        how: &Match,
        control: &'n [Node<'n>],
        candidate: &'n [Node<'n>],
    ) -> bool {
        let own = self.named_items(how, control);
        let other = self.named_items(how, candidate);
        let (mut pairs, own_left, other_left) = exact_pairs(&own, &other);
        let mut same = true;
        let (mut own_left, mut other_left) = (own_left, other_left);
        if let Match::Whole = how {
            self.near_pairs(
                control,
                candidate,
                &mut own_left,
                &mut other_left,
                &mut pairs,
            );
            // What fits nothing is shown beside what is next in the order of
            // the arrays.
            let paired = own_left.len().min(other_left.len());
            pairs.extend(own_left.drain(..paired).zip(other_left.drain(..paired)));
        }
        pairs.sort_unstable();
        // Items that are the same need no second look, but for what they predict
        // and for what stands in them beside the key.
        for (own, other) in pairs {
            same &= self.item(own, Some(&control[own]), Some(&candidate[other]));
            if self.quiet && !same {
                return false;
            }
        }
        for index in own_left {
            same &= self.item(index, Some(&control[index]), None);
        }
        for index in other_left {
            same &= self.item(index, None, Some(&candidate[index]));
        }
        same
    }

    /// Brings together items that are the same within the tolerances: of few,
    /// as many as can be (augmenting paths, Kuhn 1955); of many, those of the
    /// same rank.
    fn near_pairs(
        &mut self,
        control: &'n [Node<'n>],
        candidate: &'n [Node<'n>],
        own_left: &mut Vec<usize>,
        other_left: &mut Vec<usize>,
        pairs: &mut Vec<(usize, usize)>,
    ) {
        if own_left.is_empty() || other_left.is_empty() {
            return;
        }
        if own_left.len() > FEW || other_left.len() > FEW {
            own_left.sort_by(|a, b| rank(&control[*a], &control[*b]));
            other_left.sort_by(|a, b| rank(&candidate[*a], &candidate[*b]));
            return;
        }
        let fits: Vec<Vec<usize>> = own_left
            .iter()
            .map(|own| {
                let others = other_left.iter().enumerate();
                let fitting = others
                    .filter(|(_, other)| self.alike(*own, &control[*own], &candidate[**other]));
                fitting.map(|(at, _)| at).collect()
            })
            .collect();
        let mut taken = vec![None; other_left.len()];
        for own in 0..own_left.len() {
            augment(own, &fits, &mut taken, &mut vec![false; other_left.len()]);
        }
        for (other, own) in taken.iter().enumerate() {
            if let Some(own) = own {
                pairs.push((own_left[*own], other_left[other]));
            }
        }
        let mut at = 0..;
        own_left.retain(|_| {
            let own = at.next();
            !taken.contains(&own)
        });
        let mut free = taken.iter().map(Option::is_none);
        other_left.retain(|_| free.next().unwrap_or(true));
    }

    /// What tells the items apart, each with its index.
    fn named_items(&mut self, how: &Match, items: &'n [Node<'n>]) -> Vec<String> {
        match how {
            Match::Whole => self.canonical_items(items),
            Match::Key(names) => items
                .iter()
                .map(|item| {
                    let key = item.find(names);
                    key.map(plain).unwrap_or_default()
                })
                .collect(),
        }
    }

    fn canonical_items(&mut self, items: &'n [Node<'n>]) -> Vec<String> {
        let canonical = |(index, item): (usize, &'n Node<'n>)| {
            let mut text = String::new();
            self.enter_index(index);
            self.canonical(item, &mut text);
            self.leave();
            text
        };
        items.iter().enumerate().map(canonical).collect()
    }

    /// A text that is alike for two documents exactly where the rules say that
    /// they are the same, tolerances left aside.
    fn canonical(&mut self, node: &'n Node<'n>, text: &mut String) {
        self.steps += 1;
        if self.steps > MOST_STEPS || self.is_ignored() {
            return;
        }
        match node {
            Node::Array(items) => {
                let mut items = self.canonical_items(items);
                if self.is_unordered() {
                    items.sort_unstable();
                }
                text.push('[');
                for item in items {
                    text.push_str(&item);
                    text.push(',');
                }
                text.push(']');
            }
            Node::Object(members) => {
                let mut sorted: Vec<_> = members.iter().collect();
                sorted.sort_by(|own, other| own.0.cmp(&other.0));
                text.push('{');
                for (name, node) in sorted {
                    self.enter_name(name);
                    if !self.is_ignored() && !self.is_missing(node) {
                        text.push_str(&Node::Text(name.as_ref().into()).to_json());
                        text.push(':');
                        self.canonical(node, text);
                        text.push(',');
                    }
                    self.leave();
                }
                text.push('}');
            }
            other => text.push_str(&plain(other)),
        }
    }
}

/// A value as text, numbers in the one way to write them.
fn plain(node: &Node<'_>) -> String {
    match node {
        Node::Number(text) => number::plain(text).into_owned(),
        Node::Bytes(_) => format!("b{}", node.to_json()),
        _ => node.to_json(),
    }
}

type Pairs = Vec<(usize, usize)>;

/// Items of one text, each with one of the other side, in order; and what is
/// left of each.
fn exact_pairs(own: &[String], other: &[String]) -> (Pairs, Vec<usize>, Vec<usize>) {
    let mut waiting: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, text) in other.iter().enumerate().rev() {
        waiting.entry(text).or_default().push(index);
    }
    let mut pairs = Vec::new();
    let mut own_left = Vec::new();
    for (index, text) in own.iter().enumerate() {
        match waiting.get_mut(text.as_str()).and_then(Vec::pop) {
            Some(partner) => pairs.push((index, partner)),
            None => own_left.push(index),
        }
    }
    let mut other_left: Vec<_> = waiting.into_values().flatten().collect();
    other_left.sort_unstable();
    (pairs, own_left, other_left)
}

/// Finds a partner for `own`, where need be by giving others another one.
fn augment(
    own: usize,
    fits: &[Vec<usize>],
    taken: &mut [Option<usize>],
    tried: &mut [bool],
) -> bool {
    for other in &fits[own] {
        if std::mem::replace(&mut tried[*other], true) {
            continue;
        }
        let free = match taken[*other] {
            None => true,
            Some(holder) => augment(holder, fits, taken, tried),
        };
        if free {
            taken[*other] = Some(own);
            return true;
        }
    }
    false
}

/// An order in which numbers that are near one another stay so.
fn rank(a: &Node<'_>, b: &Node<'_>) -> std::cmp::Ordering {
    let of = |node: &Node<'_>| match node {
        Node::Null => 0,
        Node::Bool(_) => 1,
        Node::Number(_) => 2,
        Node::Text(_) => 3,
        Node::Bytes(_) => 4,
        Node::Array(_) => 5,
        Node::Object(_) => 6,
    };
    match (a, b) {
        (Node::Number(a), Node::Number(b)) => {
            let (x, y) = (number::finite(a), number::finite(b));
            x.unwrap_or(f64::MAX).total_cmp(&y.unwrap_or(f64::MAX))
        }
        (Node::Bool(a), Node::Bool(b)) => a.cmp(b),
        (Node::Text(a), Node::Text(b)) => a.cmp(b),
        (Node::Bytes(a), Node::Bytes(b)) => a.cmp(b),
        (Node::Array(a), Node::Array(b)) => {
            let mut items = a.iter().zip(b).map(|(a, b)| rank(a, b));
            let first = items.find(|order| order.is_ne());
            first.unwrap_or_else(|| a.len().cmp(&b.len()))
        }
        (Node::Object(a), Node::Object(b)) => {
            let mut items = a.iter().zip(b).map(|(a, b)| rank(&a.1, &b.1));
            let first = items.find(|order| order.is_ne());
            first.unwrap_or_else(|| a.len().cmp(&b.len()))
        }
        _ => of(a).cmp(&of(b)),
    }
}

/// An array as a difference shows it: its items are not copied but for the
/// first few.
fn list<'a>(items: &[Node<'a>]) -> Node<'a> {
    Node::Array(items.iter().take(16).cloned().collect())
}
