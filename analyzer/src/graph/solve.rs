//! Propagation of what every name can hold, to a fixpoint.
//!
//! An inclusion-based points-to analysis (Andersen 1994) whose call edges are
//! found while it runs. Names are flow-sensitive inside a function (each
//! assignment is a node of its own, see `body`), attributes and items are
//! field-sensitive, and small or higher-order functions are analysed once per
//! call site, so that a decorator or a `load(path)` helper does not mix up its
//! callers.

mod bases;
mod heap;
mod nodes;
#[cfg(test)]
mod tests;
mod uses;

use std::collections::VecDeque;
use std::rc::Rc;

use indexmap::{IndexMap, IndexSet};
use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};

use super::call::Effort;
use super::program::{ClassId, FuncId, Program};
use super::text::TextOp;
use super::values::{AllocId, ConfigId, InstId, Sym, Symbols, Value, ValueId};
use super::{ConfigDocs, body, classes, containers, conversions, interfaces, library, policy};
use crate::catalog::Catalog;
use crate::modules::{FileId, ModuleSet};
use crate::syntax::facts::{ExprId, ScopeId};

use heap::Alloc;
use nodes::Nodes;
pub(crate) use nodes::{EMPTY, Node};
pub use uses::Certainty;
pub(crate) use uses::{
    At, ItemKey, Key, NOWHERE, Owner, Part, Site, SiteArg, SiteId, Target, Touch, Use,
};

/// Instances of one function, beyond which call sites share one.
const MAX_INSTANCES: u32 = 32;

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

pub(crate) struct Solver<'a> {
    pub modules: &'a ModuleSet,
    pub catalog: &'a Catalog,
    pub program: &'a mut Program,
    pub configs: &'a ConfigDocs,
    pub symbols: Symbols,
    pub values: IndexSet<Value, FxBuildHasher>,
    nodes: Nodes,
    pub insts: Vec<Inst>,
    inst_of: FxHashMap<InstKey, InstId>,
    n_instances: FxHashMap<FuncId, u32>,
    pub per_site: Vec<bool>,
    pub allocs: Vec<Alloc>,
    alloc_of: FxHashMap<(InstId, FileId, ExprId, u32), AllocId>,
    /// What is copied into what.
    copied: FxHashSet<(AllocId, AllocId)>,
    hubs: FxHashMap<Node, AllocId>,
    pub sites: Vec<Site>,
    pub text_ops: Vec<TextOp>,
    pub calls: IndexMap<(At, Target), Certainty, FxBuildHasher>,
    /// Reads and writes of attributes of the tree's classes and modules.
    pub touches: IndexSet<Touch, FxBuildHasher>,
    pub exprs: FxHashMap<(InstId, FileId, ExprId), Node>,
    bodies: VecDeque<InstId>,
    pub phase: Certainty,
    pub star_externals: FxHashMap<FileId, Vec<Sym>>,
    pub global_writes: FxHashSet<(FileId, Sym)>,
    pub starred: FxHashSet<(FileId, Sym)>,
    pub locals: FxHashMap<(FileId, ScopeId), Rc<FxHashSet<smol_str::SmolStr>>>,
    pub rebound: FxHashMap<FileId, body::names::Rebound>,
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
    /// What a node may hold by its bound, if no caller says better.
    pub fallbacks: Vec<(Node, ValueId, InstId)>,
    /// Functions that convert to another type, by what they take.
    pub conversions: Option<Rc<conversions::Conversions>>,
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
            nodes: Nodes::new(),
            insts: Vec::new(),
            inst_of: FxHashMap::default(),
            n_instances: FxHashMap::default(),
            per_site,
            allocs: Vec::new(),
            alloc_of: FxHashMap::default(),
            copied: FxHashSet::default(),
            hubs: FxHashMap::default(),
            sites: Vec::new(),
            text_ops: Vec::new(),
            calls: IndexMap::default(),
            touches: IndexSet::default(),
            open_partials: Vec::new(),
            exprs: FxHashMap::default(),
            bodies: VecDeque::new(),
            phase: Certainty::Certain,
            star_externals: FxHashMap::default(),
            global_writes: FxHashSet::default(),
            starred: FxHashSet::default(),
            locals: FxHashMap::default(),
            rebound: FxHashMap::default(),
            builtin_nodes: FxHashMap::default(),
            super_of: FxHashMap::default(),
            new_bases: Vec::new(),
            receivers: FxHashMap::default(),
            registered: Vec::new(),
            class_names: FxHashMap::default(),
            settings: FxHashMap::default(),
            fallbacks: Vec::new(),
            conversions: None,
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
        self.settle_decorators();
        self.phase = Certainty::Inferred;
        interfaces::fall_back(self);
        library::hand_to_unknown(self);
        classes::seed_receivers(self);
        self.settle();
        self.settle_decorators();
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

    fn settle_decorators(&mut self) {
        library::pass_undecided_decorators(self);
        self.settle();
    }

    /// What it took so far.
    pub(crate) fn effort(&self) -> Effort {
        Effort {
            instances: self.insts.len(),
            nodes: self.n_nodes() as usize,
            steps: self.nodes.steps,
        }
    }

    /// Applies everything that waits.
    pub(crate) fn settle(&mut self) {
        loop {
            if let Some(inst) = self.bodies.pop_front() {
                body::walk(self, inst);
            } else if let Some(node) = self.nodes.next() {
                self.flush(node);
            } else if !self.take_bases() {
                return;
            }
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
            Use::LoadPart {
                name,
                dst,
                at,
                part,
            } => {
                classes::load_part(self, value, *name, *dst, *at, *part);
            }
            Use::Tried { into, at } => conversions::tried(self, value, *into, *at),
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
                if let Value::Container(from) = *self.get(value) {
                    self.copy(from, *into);
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
            Use::SomeOf { dst, inst } => interfaces::some_of(self, value, *dst, *inst),
            Use::SeenThrough { base, dst } => interfaces::seen_through(self, *base, value, *dst),
            Use::Dispatch {
                inst,
                at,
                args,
                result,
            } => {
                interfaces::dispatch(self, *inst, value, *at, args, *result);
            }
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
