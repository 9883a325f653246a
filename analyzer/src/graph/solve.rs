//! Propagation of what every name can hold, to a fixpoint.
//!
//! An inclusion-based points-to analysis (Andersen 1994) whose call edges are
//! found while it runs. Names are flow-sensitive inside a function (each
//! assignment is a node of its own, see `body`), attributes and items are
//! field-sensitive, and small or higher-order functions are analysed once per
//! call site, so that a decorator or a `load(path)` helper does not mix up its
//! callers.

use std::collections::VecDeque;

use indexmap::{IndexMap, IndexSet};
use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};

use super::program::{ClassId, FuncId, Program};
use super::text::TextOp;
use super::values::{
    AllocId, ConfigId, ContainerKind, ElemKey, InstId, Sym, Symbols, Value, ValueId,
};
use super::{ConfigDocs, body, classes, containers, library, policy};
use crate::catalog::Catalog;
use crate::modules::{FileId, ModuleSet};
use crate::syntax::facts::{ArgKind, ExprId, ScopeId};

/// A set of values that grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Node(pub u32);

/// The node that never holds anything.
pub(crate) const EMPTY: Node = Node(0);

/// More values than this in one node say nothing; the rest is dropped.
const MAX_VALUES: usize = 200;
/// Likewise for text constants.
const MAX_TEXTS: usize = 24;
/// Instances of one function, beyond which call sites share one.
const MAX_INSTANCES: u32 = 32;

/// Place of an expression in a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct At {
    pub inst: InstId,
    pub file: FileId,
    pub expr: ExprId,
}

/// The expression of what hangs on none, such as an import.
pub(crate) const NOWHERE: ExprId = ExprId(u32::MAX);

/// Names of nodes that more than one place refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    /// Everything a name of a scope ever holds.
    Var(InstId, ScopeId, Sym),
    Attr(ValueId, Sym),
    Elem(AllocId, ElemKey),
    Return(InstId),
    Yield(InstId),
}

/// What is done with each value that reaches a node.
#[derive(Clone, Debug)]
pub(crate) enum Use {
    Load {
        name: Sym,
        dst: Node,
        at: At,
    },
    Bind {
        receiver: ValueId,
        dst: Node,
        at: At,
    },
    Store {
        name: Sym,
        src: Node,
        at: At,
    },
    ItemLoad {
        key: ItemKey,
        dst: Node,
        at: At,
    },
    ItemStore {
        key: ItemKey,
        src: Node,
        at: At,
    },
    /// A key of `key`'s node arrived: the container waits.
    KeyedLoad {
        base: ValueId,
        dst: Node,
    },
    KeyedStore {
        base: ValueId,
        src: Node,
    },
    /// `list(value)`: the container holds what iterating gives.
    CopyInto {
        into: ValueId,
        at: At,
    },
    /// A value handed to a library of which nothing is known.
    Handed {
        at: At,
    },
    /// Anything but an instance of a class of the tree.
    NotInstance {
        dst: Node,
    },
    /// `type(value)`.
    ClassOf {
        dst: Node,
    },
    /// `open(value)`.
    Opened {
        dst: Node,
    },
    /// The configuration document in the opened file.
    Document {
        dst: Node,
    },
    /// What the value holds, the container holds.
    Merge {
        into: ValueId,
    },
    /// The value becomes a direct base of the class.
    Base {
        class: ClassId,
    },
    Call {
        site: SiteId,
    },
    Elements {
        dst: Node,
        at: At,
    },
    /// `next(value)`.
    Next {
        dst: Node,
        at: At,
    },
    Position {
        index: usize,
        dst: Node,
        at: At,
    },
    /// The value is a type: instances of it go to `dst`.
    Typed {
        dst: Node,
    },
    Enter {
        dst: Node,
        at: At,
    },
    Operator {
        method: Sym,
        dst: Node,
        at: At,
        arg: Option<Node>,
    },
    Text {
        op: u32,
    },
    Spread {
        inst: InstId,
        from: usize,
    },
    SpreadNamed {
        inst: InstId,
    },
    /// A call made by a library of something it was handed.
    Callback {
        at: At,
        args: Vec<Node>,
        result: Node,
    },
}

/// Which item is meant.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ItemKey {
    Known(ElemKey),
    Node(Node),
}

/// Index of a call site in a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SiteId(pub u32);

/// A call in a context.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub at: At,
    pub callee: Node,
    pub args: Vec<SiteArg>,
    pub result: Node,
    /// A decorator's call: a library's decorator gives the function back.
    pub decorates: bool,
}

/// An argument of a site.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SiteArg {
    pub kind: ArgKind,
    pub name: Option<Sym>,
    pub node: Node,
}

/// What a call reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Target {
    Func(InstId),
    External(Sym),
}

/// How sure an edge is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Certainty {
    /// From a name alone: the only classes with such a method.
    Guessed,
    /// From a declared type, or the class a method stands in.
    Inferred,
    /// From values that reach the call.
    Certain,
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

/// A function, the instance around it, and the call it is made for.
type InstKey = (FuncId, Option<InstId>, Option<(FileId, ExprId)>);

/// A function in a context.
#[derive(Clone, Debug)]
pub(crate) struct Inst {
    pub func: FuncId,
    /// The instance of the function around it.
    pub parent: Option<InstId>,
    /// The call it was made for; `None` for the one that serves all others.
    pub site: Option<(FileId, ExprId)>,
}

/// A container.
#[derive(Clone, Debug)]
pub(crate) struct Alloc {
    pub kind: ContainerKind,
    /// Everything it holds.
    pub all: Node,
    /// What it holds at keys nobody knows.
    pub any: Node,
    pub keys: Vec<ElemKey>,
    /// For a partial: what is called, and the arguments kept.
    pub partial: Option<(Node, Vec<SiteArg>)>,
}

pub(crate) struct Solver<'a> {
    pub modules: &'a ModuleSet,
    pub catalog: &'a Catalog,
    pub program: &'a mut Program,
    pub configs: &'a ConfigDocs,
    pub symbols: Symbols,
    pub values: IndexSet<Value, FxBuildHasher>,
    nodes: Vec<NodeData>,
    keyed: FxHashMap<Key, Node>,
    pub insts: Vec<Inst>,
    inst_of: FxHashMap<InstKey, InstId>,
    n_instances: FxHashMap<FuncId, u32>,
    pub per_site: Vec<bool>,
    pub allocs: Vec<Alloc>,
    alloc_of: FxHashMap<(InstId, FileId, ExprId, u32), AllocId>,
    pub sites: Vec<Site>,
    pub text_ops: Vec<TextOp>,
    pub calls: IndexMap<(At, Target), Certainty, FxBuildHasher>,
    /// Reads and writes of attributes of the tree's classes and modules.
    pub touches: IndexSet<Touch, FxBuildHasher>,
    pub exprs: FxHashMap<(InstId, FileId, ExprId), Node>,
    worklist: VecDeque<Node>,
    bodies: VecDeque<InstId>,
    pub phase: Certainty,
    pub star_externals: FxHashMap<FileId, Vec<Sym>>,
    pub global_writes: FxHashSet<(FileId, Sym)>,
    pub starred: FxHashSet<(FileId, Sym)>,
    pub locals: FxHashMap<(FileId, ScopeId), FxHashSet<smol_str::SmolStr>>,
    pub builtin_nodes: FxHashMap<Sym, Node>,
    /// The class whose `super()` an expression is.
    pub super_of: FxHashMap<(InstId, FileId, ExprId), ClassId>,
    pub new_bases: Vec<(ClassId, ClassId)>,
    /// The instance a library's method was looked up on.
    pub receivers: FxHashMap<Sym, ValueId>,
    /// Functions that a library keeps, to be called later.
    pub registered: Vec<(At, Node)>,
    pub class_names: FxHashMap<ClassId, FxHashSet<smol_str::SmolStr>>,
    /// Text fields that the environment fills, with the text, by class.
    pub settings: FxHashMap<ClassId, FxHashMap<Sym, Sym>>,
    /// Partials whose call is being followed, outermost first.
    pub open_partials: Vec<AllocId>,
}

/// A read or write of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Touch {
    pub at: At,
    pub owner: Owner,
    pub name: Sym,
    pub writes: bool,
}

/// Whose attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Owner {
    Class(ClassId),
    Module(FileId),
    /// A container by where it is made: its items.
    Container(AllocId),
    /// All instances of a library's type that keeps what is put into it.
    Keeper(Sym),
}

impl<'a> Solver<'a> {
    pub(crate) fn new(
        modules: &'a ModuleSet,
        catalog: &'a Catalog,
        program: &'a mut Program,
        configs: &'a ConfigDocs,
    ) -> Solver<'a> {
        let per_site = policy::per_site(modules, program);
        Solver {
            modules,
            catalog,
            program,
            configs,
            symbols: Symbols::default(),
            values: IndexSet::default(),
            nodes: vec![NodeData::default()],
            keyed: FxHashMap::default(),
            insts: Vec::new(),
            inst_of: FxHashMap::default(),
            n_instances: FxHashMap::default(),
            per_site,
            allocs: Vec::new(),
            alloc_of: FxHashMap::default(),
            sites: Vec::new(),
            text_ops: Vec::new(),
            calls: IndexMap::default(),
            touches: IndexSet::default(),
            open_partials: Vec::new(),
            exprs: FxHashMap::default(),
            worklist: VecDeque::new(),
            bodies: VecDeque::new(),
            phase: Certainty::Certain,
            star_externals: FxHashMap::default(),
            global_writes: FxHashSet::default(),
            starred: FxHashSet::default(),
            locals: FxHashMap::default(),
            builtin_nodes: FxHashMap::default(),
            super_of: FxHashMap::default(),
            new_bases: Vec::new(),
            receivers: FxHashMap::default(),
            registered: Vec::new(),
            class_names: FxHashMap::default(),
            settings: FxHashMap::default(),
        }
    }

    /// Runs to the fixpoint: first what values say, then what types and the
    /// class around a method say, then what names alone say.
    pub(crate) fn run(&mut self) {
        for file in 0..self.modules.files.len() as u32 {
            body::note_global_writes(self, FileId(file));
        }
        for func in self.program.func_ids() {
            if self.program.function(func).parent.is_none() {
                self.instance(func, None, None);
            }
        }
        self.settle();
        library::pass_undecided_decorators(self);
        self.settle();
        self.phase = Certainty::Inferred;
        classes::seed_receivers(self);
        self.settle();
        library::pass_undecided_decorators(self);
        self.settle();
        super::text::fill_unknown(self);
        self.phase = Certainty::Guessed;
        for _ in 0..3 {
            if !super::guess::guess_receivers(self) {
                break;
            }
            self.settle();
        }
        super::text::fill_unknown(self);
    }

    /// Applies everything that waits.
    pub(crate) fn settle(&mut self) {
        loop {
            if let Some(inst) = self.bodies.pop_front() {
                body::walk(self, inst);
            } else if let Some(node) = self.worklist.pop_front() {
                self.flush(node);
            } else {
                return;
            }
        }
    }

    fn flush(&mut self, node: Node) {
        let data = &mut self.nodes[node.0 as usize];
        data.queued = false;
        let delta = std::mem::take(&mut data.delta);
        let mut idx = 0;
        while idx < self.nodes[node.0 as usize].succ.len() {
            let succ = self.nodes[node.0 as usize].succ[idx];
            for value in &delta {
                self.add(succ, *value);
            }
            idx += 1;
        }
        let mut idx = 0;
        while idx < self.nodes[node.0 as usize].uses.len() {
            let used = self.nodes[node.0 as usize].uses[idx].clone();
            for value in &delta {
                self.apply(&used, *value);
            }
            idx += 1;
        }
    }

    // ---- nodes

    pub(crate) fn fresh(&mut self) -> Node {
        self.nodes.push(NodeData::default());
        Node(self.nodes.len() as u32 - 1)
    }

    pub(crate) fn node(&mut self, key: Key) -> Node {
        if let Some(node) = self.keyed.get(&key) {
            return *node;
        }
        let node = self.fresh();
        self.keyed.insert(key, node);
        node
    }

    pub(crate) fn existing(&self, key: Key) -> Option<Node> {
        self.keyed.get(&key).copied()
    }

    pub(crate) fn set(&self, node: Node) -> &[ValueId] {
        &self.nodes[node.0 as usize].set
    }

    /// True if nothing but `None` is known of the node.
    pub(crate) fn is_unknown(&self, node: Node) -> bool {
        let mut values = self.set(node).iter();
        values.all(|value| matches!(self.get(*value), Value::Nothing))
    }

    pub(crate) fn uses(&self, node: Node) -> &[Use] {
        &self.nodes[node.0 as usize].uses
    }

    /// Every node's values, by node.
    pub(crate) fn into_sets(self) -> (Symbols, Vec<Value>, Vec<Vec<ValueId>>) {
        let sets = self.nodes.into_iter().map(|node| node.set).collect();
        (self.symbols, self.values.into_iter().collect(), sets)
    }

    pub(crate) fn n_nodes(&self) -> u32 {
        self.nodes.len() as u32
    }

    pub(crate) fn add(&mut self, node: Node, value: ValueId) {
        if node == EMPTY {
            return;
        }
        let is_text = matches!(self.values[value.0 as usize], Value::Text(_));
        let data = &mut self.nodes[node.0 as usize];
        let Err(at) = data.set.binary_search(&value) else {
            return;
        };
        if data.set.len() >= MAX_VALUES || (is_text && data.texts >= MAX_TEXTS) {
            return;
        }
        data.texts += usize::from(is_text);
        data.set.insert(at, value);
        data.delta.push(value);
        if !data.queued {
            data.queued = true;
            self.worklist.push_back(node);
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
        let succ = &mut self.nodes[from.0 as usize].succ;
        if succ.contains(&to) {
            return;
        }
        succ.push(to);
        // Values still in the delta will flow over the new edge when the node
        // is flushed; the others flow now.
        for value in self.nodes[from.0 as usize].set.clone() {
            self.add(to, value);
        }
    }

    pub(crate) fn on(&mut self, node: Node, used: Use) {
        if node == EMPTY {
            return;
        }
        let data = &mut self.nodes[node.0 as usize];
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
            self.apply(&used, value);
        }
    }

    // ---- values

    pub(crate) fn value(&mut self, value: Value) -> ValueId {
        ValueId(self.values.insert_full(value).0 as u32)
    }

    pub(crate) fn get(&self, value: ValueId) -> &Value {
        &self.values[value.0 as usize]
    }

    pub(crate) fn text(&self, sym: Sym) -> &str {
        self.symbols.text(sym)
    }

    pub(crate) fn put_text(&mut self, node: Node, text: &str) {
        let sym = self.symbols.intern(text);
        self.put(node, Value::Text(sym));
    }

    pub(crate) fn put_external(&mut self, node: Node, path: &str) {
        if path.matches('.').count() < 10 {
            let sym = self.symbols.intern(path);
            self.put(node, Value::External(sym));
        }
    }

    pub(crate) fn put_object(&mut self, node: Node, path: &str) {
        if path.matches('.').count() < 10 {
            let sym = self.symbols.intern(path);
            self.put(node, Value::Object(sym, None));
        }
    }

    /// The text constants a node holds.
    pub(crate) fn texts(&self, node: Node) -> Vec<Sym> {
        let values = self.set(node).iter();
        values
            .filter_map(|value| match self.get(*value) {
                Value::Text(sym) | Value::Handle(sym) => Some(*sym),
                _ => None,
            })
            .collect()
    }

    // ---- containers

    pub(crate) fn alloc(&mut self, at: At, part: u32, kind: ContainerKind) -> AllocId {
        if let Some(alloc) = self.alloc_of.get(&(at.inst, at.file, at.expr, part)) {
            return *alloc;
        }
        let (all, any) = (self.fresh(), self.fresh());
        self.edge(any, all);
        let alloc = AllocId(self.allocs.len() as u32);
        self.allocs.push(Alloc {
            kind,
            all,
            any,
            keys: Vec::new(),
            partial: None,
        });
        self.alloc_of
            .insert((at.inst, at.file, at.expr, part), alloc);
        alloc
    }

    pub(crate) fn elem(&mut self, alloc: AllocId, key: ElemKey) -> Node {
        let (all, any) = {
            let data = &self.allocs[alloc.0 as usize];
            (data.all, data.any)
        };
        match key {
            ElemKey::Any => any,
            ElemKey::Keys => self.node(Key::Elem(alloc, key)),
            _ => {
                let known = self.existing(Key::Elem(alloc, key));
                let node = self.node(Key::Elem(alloc, key));
                if known.is_none() {
                    self.edge(node, all);
                    self.allocs[alloc.0 as usize].keys.push(key);
                }
                node
            }
        }
    }

    // ---- instances

    pub(crate) fn instance(
        &mut self,
        func: FuncId,
        parent: Option<InstId>,
        site: Option<(FileId, ExprId)>,
    ) -> InstId {
        if let Some(inst) = self.inst_of.get(&(func, parent, site)) {
            return *inst;
        }
        if site.is_some() {
            let n_instances = self.n_instances.entry(func).or_default();
            if *n_instances >= MAX_INSTANCES {
                return self.instance(func, parent, None);
            }
            *n_instances += 1;
        }
        let inst = InstId(self.insts.len() as u32);
        self.insts.push(Inst { func, parent, site });
        self.inst_of.insert((func, parent, site), inst);
        self.bodies.push_back(inst);
        inst
    }

    /// True if some call sites of `func` have instances of their own.
    pub(crate) fn has_instances(&self, func: FuncId) -> bool {
        self.n_instances
            .get(&func)
            .is_some_and(|n_instances| *n_instances > 0)
    }

    pub(crate) fn inst(&self, inst: InstId) -> &Inst {
        &self.insts[inst.0 as usize]
    }

    pub(crate) fn func_of(&self, inst: InstId) -> FuncId {
        self.inst(inst).func
    }

    // ---- what is found on the way

    pub(crate) fn record(&mut self, at: At, target: Target) {
        let phase = self.phase;
        self.calls.entry((at, target)).or_insert(phase);
    }

    pub(crate) fn touch(&mut self, at: At, owner: Owner, name: Sym, writes: bool) {
        self.touches.insert(Touch {
            at,
            owner,
            name,
            writes,
        });
    }

    pub(crate) fn config_of(&mut self, id: ConfigId, dst: Node) {
        match self.configs.scalar(id) {
            Some(text) => {
                let text = text.to_owned();
                self.put_text(dst, &text);
            }
            None => {
                self.put(dst, Value::Config(id));
            }
        }
    }

    // ---- one value meets one use

    fn apply(&mut self, used: &Use, value: ValueId) {
        match used {
            Use::Load { name, dst, at } => classes::load(self, value, *name, *dst, *at),
            Use::Bind { receiver, dst, at } => {
                classes::bind(self, value, *receiver, *dst, *at);
            }
            Use::Store { name, src, at } => classes::store(self, value, *name, *src, *at),
            Use::ItemLoad { key, dst, at } => {
                containers::load_item(self, value, *key, *dst, *at);
            }
            Use::ItemStore { key, src, at } => {
                containers::store_item(self, value, *key, *src, *at);
            }
            Use::KeyedLoad { base, dst } => containers::keyed(self, *base, value, *dst, true),
            Use::KeyedStore { base, src } => containers::keyed(self, *base, value, *src, false),
            Use::CopyInto { into, at } => library::copy_into(self, value, *into, *at),
            Use::Handed { at } => library::handed(self, value, *at),
            Use::NotInstance { dst } => {
                if !matches!(self.get(value), Value::Instance(_)) {
                    self.add(*dst, value);
                }
            }
            Use::ClassOf { dst } => {
                if let Value::Instance(class) = *self.get(value) {
                    self.put(*dst, Value::Class(class));
                }
            }
            Use::Opened { dst } => {
                if let Value::Text(path) = *self.get(value) {
                    self.put(*dst, Value::Handle(path));
                }
            }
            Use::Document { dst } => library::document(self, value, *dst),
            Use::Merge { into } => {
                if let (Value::Container(from), Value::Container(into)) =
                    (self.get(value).clone(), self.get(*into).clone())
                {
                    containers::copy_all(self, from, into);
                }
            }
            Use::Base { class } => classes::found_base(self, *class, value),
            Use::Call { site } => super::bind::call(self, *site, value),
            Use::Elements { dst, at } => containers::elements(self, value, *dst, *at),
            Use::Next { dst, at } => classes::next(self, value, *dst, *at),
            Use::Position { index, dst, at } => {
                containers::position(self, value, *index, *dst, *at);
            }
            Use::Typed { dst } => super::annotation::instance_of(self, value, *dst),
            Use::Enter { dst, at } => classes::enter(self, value, *dst, *at),
            Use::Operator {
                method,
                dst,
                at,
                arg,
            } => classes::operator(self, value, *method, *dst, *at, *arg),
            Use::Text { op } => super::text::evaluate(self, *op, false),
            Use::Spread { inst, from } => super::bind::spread(self, *inst, value, *from),
            Use::SpreadNamed { inst } => super::bind::spread_named(self, *inst, value),
            Use::Callback { at, args, result } => {
                library::call_back(self, value, *at, args, *result);
            }
        }
    }
}
