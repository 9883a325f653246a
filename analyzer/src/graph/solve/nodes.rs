//! Sets of values, and how they grow.
//!
//! Only what is new in a set goes on (difference propagation: Pearce, Kelly
//! and Hankin 2003), so that a value crosses an edge once, and meets a use
//! once. The size of a set is bounded, so that the work is at most
//! proportional to the number of edges and uses.

use std::collections::VecDeque;

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Key, Solver, Use};
use crate::graph::values::{Symbols, Value, ValueId};

/// A set of values that grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Node(pub u32);

/// The node that never holds anything.
pub(crate) const EMPTY: Node = Node(0);

/// More values than this in one set say nothing; the rest is dropped.
const MAX_VALUES: usize = 64;
/// Likewise for classes, their instances and bound methods: a method of a base
/// class is called on any of its heirs, which may be many.
const MAX_HEIRS: usize = 200;
/// Likewise for text constants.
const MAX_TEXTS: usize = 24;
/// Up to this many edges of one node are looked through one by one.
const FEW_EDGES: usize = 16;

/// All nodes, with their edges and uses.
#[derive(Debug)]
pub(super) struct Nodes {
    all: Vec<NodeData>,
    keyed: FxHashMap<Key, Node>,
    /// The edges of nodes that have more than a few.
    edges: FxHashSet<(Node, Node)>,
    worklist: VecDeque<Node>,
    /// How often a value was offered to a set or met a use.
    pub steps: u64,
}

impl Nodes {
    pub(super) fn new() -> Nodes {
        Nodes {
            all: vec![NodeData::default()],
            keyed: FxHashMap::default(),
            edges: FxHashSet::default(),
            worklist: VecDeque::new(),
            steps: 0,
        }
    }

    /// All nodes so far.
    pub(super) fn ids(&self) -> impl Iterator<Item = Node> + use<> {
        (1..self.all.len() as u32).map(Node)
    }

    /// A node whose new values wait to go on.
    pub(super) fn next(&mut self) -> Option<Node> {
        self.worklist.pop_front()
    }

    fn of(&self, node: Node) -> &NodeData {
        &self.all[node.0 as usize]
    }

    fn of_mut(&mut self, node: Node) -> &mut NodeData {
        &mut self.all[node.0 as usize]
    }

    /// True if the edge is new.
    fn link(&mut self, from: Node, to: Node) -> bool {
        let succ = &self.all[from.0 as usize].succ;
        let known = match succ.len() {
            ..FEW_EDGES => succ.contains(&to),
            FEW_EDGES => {
                self.edges.extend(succ.iter().map(|to| (from, *to)));
                !self.edges.insert((from, to))
            }
            _ => !self.edges.insert((from, to)),
        };
        if !known {
            self.all[from.0 as usize].succ.push(to);
        }
        !known
    }
}

#[derive(Debug, Default)]
struct NodeData {
    set: Vec<ValueId>,
    delta: Vec<ValueId>,
    succ: Vec<Node>,
    uses: Vec<Use>,
    texts: usize,
    queued: bool,
}

impl Solver<'_> {
    /// Sends on what is new in `node`.
    pub(super) fn flush(&mut self, node: Node) {
        let data = self.nodes.of_mut(node);
        data.queued = false;
        let delta = std::mem::take(&mut data.delta);
        // Edges and uses that come up meanwhile are given the whole set.
        let (n_succ, n_uses) = (data.succ.len(), data.uses.len());
        for idx in 0..n_succ {
            let succ = self.nodes.of(node).succ[idx];
            for value in &delta {
                self.add(succ, *value);
            }
        }
        for idx in 0..n_uses {
            let used = self.nodes.of(node).uses[idx].clone();
            for value in &delta {
                self.meet(&used, *value);
            }
        }
    }

    /// One value meets one use.
    pub(super) fn meet(&mut self, used: &Use, value: ValueId) {
        self.nodes.steps += 1;
        self.apply(used, value);
    }

    pub(crate) fn fresh(&mut self) -> Node {
        self.nodes.all.push(NodeData::default());
        Node(self.nodes.all.len() as u32 - 1)
    }

    pub(crate) fn node(&mut self, key: Key) -> Node {
        let next = Node(self.nodes.all.len() as u32);
        let node = *self.nodes.keyed.entry(key).or_insert(next);
        if node == next {
            self.nodes.all.push(NodeData::default());
        }
        node
    }

    pub(crate) fn set(&self, node: Node) -> &[ValueId] {
        &self.nodes.of(node).set
    }

    /// True if nothing but `None` is known of the node.
    pub(crate) fn is_unknown(&self, node: Node) -> bool {
        let mut values = self.set(node).iter();
        values.all(|value| matches!(self.get(*value), Value::Nothing))
    }

    pub(crate) fn uses(&self, node: Node) -> &[Use] {
        &self.nodes.of(node).uses
    }

    /// Every node's values, by node.
    pub(crate) fn into_sets(self) -> (Symbols, Vec<Value>, Vec<Vec<ValueId>>) {
        let sets = self.nodes.all.into_iter().map(|node| node.set).collect();
        (self.symbols, self.values.into_iter().collect(), sets)
    }

    pub(crate) fn n_nodes(&self) -> u32 {
        self.nodes.all.len() as u32
    }

    pub(crate) fn add(&mut self, node: Node, value: ValueId) {
        if node == EMPTY {
            return;
        }
        self.nodes.steps += 1;
        let data = self.nodes.of_mut(node);
        let Err(at) = data.set.binary_search(&value) else {
            return;
        };
        let size = data.set.len();
        match self.values[value.0 as usize] {
            Value::Text(_) if size < MAX_VALUES && data.texts < MAX_TEXTS => data.texts += 1,
            Value::Text(_) => return,
            Value::Class(_) | Value::Instance(_) | Value::Bound(..) | Value::Super(..)
                if size < MAX_HEIRS => {}
            _ if size < MAX_VALUES => {}
            _ => return,
        }
        data.set.insert(at, value);
        data.delta.push(value);
        if !data.queued {
            data.queued = true;
            self.nodes.worklist.push_back(node);
        }
    }

    pub(crate) fn put(&mut self, node: Node, value: Value) -> ValueId {
        let value = self.value(value);
        self.add(node, value);
        value
    }

    pub(crate) fn edge(&mut self, from: Node, to: Node) {
        if from == to || from == EMPTY || to == EMPTY {
            return;
        }
        if !self.nodes.link(from, to) {
            return;
        }
        let set = std::mem::take(&mut self.nodes.of_mut(from).set);
        for value in &set {
            self.add(to, *value);
        }
        self.nodes.of_mut(from).set = set;
    }

    pub(crate) fn on(&mut self, node: Node, used: Use) {
        if node == EMPTY {
            return;
        }
        let data = self.nodes.of_mut(node);
        data.uses.push(used.clone());
        let settled: Vec<ValueId> = match data.delta.is_empty() {
            true => data.set.clone(),
            false => {
                let waiting = &data.delta;
                let settled = data.set.iter().filter(|value| !waiting.contains(value));
                settled.copied().collect()
            }
        };
        for value in settled {
            self.meet(&used, value);
        }
    }
}
