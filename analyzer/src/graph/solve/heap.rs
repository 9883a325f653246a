//! Containers and what is in them, key by key.

use indexmap::IndexSet;
use rustc_hash::FxBuildHasher;

use super::{At, Key, Node, SiteArg, Solver, Use};
use crate::graph::values::{AllocId, ContainerKind, ElemKey};

/// A container that has this many keys takes in what is copied at others as
/// what it holds at keys nobody knows, so that containers copied into one
/// another do not all have the keys of all.
const MAX_COPIED_KEYS: usize = 64;

/// A container.
#[derive(Clone, Debug)]
pub(crate) struct Alloc {
    pub kind: ContainerKind,
    /// Everything it holds.
    pub all: Node,
    /// What it holds at keys nobody knows.
    pub any: Node,
    /// Where something was put by a known key, in order.
    pub keys: IndexSet<ElemKey, FxBuildHasher>,
    /// Containers that hold what this one holds.
    copies: Vec<AllocId>,
    /// For a partial: what is called, and the arguments kept.
    pub partial: Option<(Node, Vec<SiteArg>)>,
}

impl Solver<'_> {
    pub(crate) fn alloc(&mut self, at: At, part: u32, kind: ContainerKind) -> AllocId {
        if let Some(alloc) = self.alloc_of.get(&(at.inst, at.file, at.expr, part)) {
            return *alloc;
        }
        let alloc = self.new_alloc(kind);
        self.alloc_of
            .insert((at.inst, at.file, at.expr, part), alloc);
        alloc
    }

    fn new_alloc(&mut self, kind: ContainerKind) -> AllocId {
        let (all, any) = (self.fresh(), self.fresh());
        self.edge(any, all);
        let alloc = AllocId(self.allocs.len() as u32);
        self.allocs.push(Alloc {
            kind,
            all,
            any,
            keys: IndexSet::default(),
            copies: Vec::new(),
            partial: None,
        });
        alloc
    }

    /// The node of what is read at `key`.
    pub(crate) fn item(&mut self, alloc: AllocId, key: ElemKey) -> Node {
        match key {
            ElemKey::Any => self.allocs[alloc.0 as usize].any,
            _ => self.node(Key::Elem(alloc, key)),
        }
    }

    /// The node of what is put at `key`, from where it also goes to the
    /// container's `all` and to its copies.
    pub(crate) fn elem(&mut self, alloc: AllocId, key: ElemKey) -> Node {
        let node = self.item(alloc, key);
        if matches!(key, ElemKey::Any | ElemKey::Keys)
            || !self.allocs[alloc.0 as usize].keys.insert(key)
        {
            return node;
        }
        self.spread_key(alloc, key);
        node
    }

    /// `alloc` holds something at `key` for the first time.
    fn spread_key(&mut self, alloc: AllocId, key: ElemKey) {
        let mut new = vec![alloc];
        while let Some(from) = new.pop() {
            let source = self.item(from, key);
            self.edge(source, self.allocs[from.0 as usize].all);
            for into in self.allocs[from.0 as usize].copies.clone() {
                if self.copy_key(from, into, key) {
                    new.push(into);
                }
            }
        }
    }

    /// What `from` holds at `key`, `into` holds there too; true if it is the
    /// first there.
    fn copy_key(&mut self, from: AllocId, into: AllocId, key: ElemKey) -> bool {
        let keys = &mut self.allocs[into.0 as usize].keys;
        let is_new = keys.len() < MAX_COPIED_KEYS && keys.insert(key);
        let target = match keys.contains(&key) {
            true => key,
            false => ElemKey::Any,
        };
        let (from, into) = (self.item(from, key), self.item(into, target));
        self.edge(from, into);
        is_new
    }

    /// Everything `from` ever holds, `into` holds too, key by key.
    pub(crate) fn copy(&mut self, from: AllocId, into: AllocId) {
        if from == into || !self.copied.insert((from, into)) {
            return;
        }
        self.allocs[from.0 as usize].copies.push(into);
        for key in [ElemKey::Any, ElemKey::Keys] {
            let (from, into) = (self.item(from, key), self.item(into, key));
            self.edge(from, into);
        }
        for key in self.allocs[from.0 as usize].keys.clone() {
            if self.copy_key(from, into, key) {
                self.spread_key(into, key);
            }
        }
    }

    /// The container that holds what all containers in `node` hold: where
    /// many meet many, each is copied once into it and once out of it.
    pub(crate) fn hub(&mut self, node: Node) -> AllocId {
        if let Some(hub) = self.hubs.get(&node) {
            return *hub;
        }
        let hub = self.new_alloc(ContainerKind::Dict);
        self.hubs.insert(node, hub);
        self.on(node, Use::Merge { into: hub });
        hub
    }
}
