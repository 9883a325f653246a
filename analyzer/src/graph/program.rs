//! Every function and class of the tree, numbered.

use indexmap::IndexMap;
use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use crate::modules::{FileId, ModuleSet, Symbol};
use crate::syntax::facts::{Scope, ScopeId, ScopeKind};

/// Index of a function in [`Program::functions`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FuncId(pub u32);

/// Index of a class in [`Program::classes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClassId(pub u32);

/// A module body, function, method or lambda.
#[derive(Clone, Debug)]
pub struct Function {
    /// Where it is defined.
    pub file: FileId,
    /// Its scope there.
    pub scope: ScopeId,
    /// The class it is defined in directly.
    pub class: Option<ClassId>,
    /// The function around it; `None` for a module.
    pub parent: Option<FuncId>,
}

/// A class.
#[derive(Clone, Debug)]
pub struct Class {
    /// Where it is defined.
    pub file: FileId,
    /// Its scope there.
    pub scope: ScopeId,
    /// Direct bases of the tree, in order.
    pub bases: Vec<ClassId>,
    /// Bases from libraries, in order, by qualified name.
    pub library_bases: Vec<SmolStr>,
    /// Methods by name; the last definition wins.
    pub methods: IndexMap<SmolStr, FuncId>,
    /// Method resolution order, itself first.
    pub mro: Vec<ClassId>,
}

/// The functions and classes of a [`ModuleSet`].
#[derive(Debug, Default)]
pub struct Program {
    /// By file, then by scope: a file's module body comes first.
    pub functions: Vec<Function>,
    /// By file, then by scope.
    pub classes: Vec<Class>,
    func_of: FxHashMap<(FileId, ScopeId), FuncId>,
    class_of: FxHashMap<(FileId, ScopeId), ClassId>,
    /// Direct subclasses.
    pub subclasses: FxHashMap<ClassId, Vec<ClassId>>,
}

impl Program {
    /// Numbers the functions and classes of `modules`.
    pub fn new(modules: &ModuleSet) -> Program {
        let mut program = Program::default();
        for (file, facts) in modules.iter() {
            for (id, scope) in facts.scopes() {
                program.add(file, id, scope, &facts.scopes);
            }
        }
        program.link_classes(modules);
        program
    }

    fn add(&mut self, file: FileId, id: ScopeId, scope: &Scope, scopes: &[Scope]) {
        match scope.kind {
            ScopeKind::Comprehension => {}
            ScopeKind::Class => {
                let class = ClassId(self.classes.len() as u32);
                self.class_of.insert((file, id), class);
                self.classes.push(Class {
                    file,
                    scope: id,
                    bases: Vec::new(),
                    library_bases: Vec::new(),
                    methods: IndexMap::new(),
                    mro: vec![class],
                });
            }
            ScopeKind::Module | ScopeKind::Function | ScopeKind::Lambda => {
                let func = FuncId(self.functions.len() as u32);
                self.func_of.insert((file, id), func);
                let class = scope
                    .parent
                    .and_then(|parent| self.class_of.get(&(file, parent)).copied());
                if let Some(class) = class.filter(|_| scope.kind == ScopeKind::Function) {
                    let methods = &mut self.classes[class.0 as usize].methods;
                    methods.insert(scope.name.clone(), func);
                }
                let mut around = scope.parent;
                let mut parent = None;
                while let Some(at) = around {
                    parent = self.func_of.get(&(file, at)).copied();
                    if parent.is_some() {
                        break;
                    }
                    around = scopes[at.0 as usize].parent;
                }
                self.functions.push(Function {
                    file,
                    scope: id,
                    class,
                    parent,
                });
            }
        }
    }

    fn link_classes(&mut self, modules: &ModuleSet) {
        for idx in 0..self.classes.len() {
            let (file, scope) = (self.classes[idx].file, self.classes[idx].scope);
            let facts = modules.facts(file);
            let around = facts.scope(scope).parent.unwrap_or(ScopeId::MODULE);
            for base in &facts.scope(scope).bases {
                if base.keyword.is_some() {
                    continue;
                }
                let Some(path) = facts
                    .dotted(base.expr)
                    .or_else(|| generic(facts, base.expr))
                else {
                    continue;
                };
                match modules.symbol(file, around, &path) {
                    Some(Symbol::Scope(file, scope)) => {
                        if let Some(base) = self.class_of.get(&(file, scope)).copied() {
                            self.add_base(ClassId(idx as u32), base);
                        }
                    }
                    Some(Symbol::External(path)) => {
                        self.classes[idx].library_bases.push(path);
                    }
                    _ => {}
                }
            }
        }
        self.linearize();
    }

    /// Adds a base unless it would close a cycle.
    pub(super) fn add_base(&mut self, class: ClassId, base: ClassId) -> bool {
        let known = self.class(class).bases.contains(&base);
        if known || self.derives(base, class) {
            return false;
        }
        self.classes[class.0 as usize].bases.push(base);
        self.subclasses.entry(base).or_default().push(class);
        true
    }

    fn derives(&self, class: ClassId, from: ClassId) -> bool {
        let mut todo = vec![class];
        while let Some(class) = todo.pop() {
            if class == from {
                return true;
            }
            todo.extend(&self.class(class).bases);
        }
        false
    }

    /// Computes every class's method resolution order: C3, and where C3 has
    /// no answer (Python would refuse the class), depth first.
    pub(super) fn linearize(&mut self) {
        let mut done: FxHashMap<ClassId, Vec<ClassId>> = FxHashMap::default();
        for idx in 0..self.classes.len() {
            self.linearize_one(ClassId(idx as u32), &mut done, 0);
        }
        for (class, mro) in done {
            self.classes[class.0 as usize].mro = mro;
        }
    }

    fn linearize_one(
        &self,
        class: ClassId,
        done: &mut FxHashMap<ClassId, Vec<ClassId>>,
        depth: u32,
    ) -> Vec<ClassId> {
        if let Some(mro) = done.get(&class) {
            return mro.clone();
        }
        let bases = self.class(class).bases.clone();
        let mut lists: Vec<Vec<ClassId>> = match depth {
            0..200 => bases
                .iter()
                .map(|base| self.linearize_one(*base, done, depth + 1))
                .collect(),
            _ => Vec::new(),
        };
        lists.push(bases);
        let mut mro = vec![class];
        mro.extend(merge(lists));
        done.insert(class, mro.clone());
        mro
    }

    /// The function `id`.
    pub fn function(&self, id: FuncId) -> &Function {
        &self.functions[id.0 as usize]
    }

    /// The class `id`.
    pub fn class(&self, id: ClassId) -> &Class {
        &self.classes[id.0 as usize]
    }

    /// Function ids in order.
    pub fn func_ids(&self) -> impl Iterator<Item = FuncId> + use<> {
        (0..self.functions.len() as u32).map(FuncId)
    }

    /// The function of a scope.
    pub fn func_at(&self, file: FileId, scope: ScopeId) -> Option<FuncId> {
        self.func_of.get(&(file, scope)).copied()
    }

    /// The class of a scope.
    pub fn class_at(&self, file: FileId, scope: ScopeId) -> Option<ClassId> {
        self.class_of.get(&(file, scope)).copied()
    }

    /// The body of `file` as a function.
    pub fn module_func(&self, file: FileId) -> Option<FuncId> {
        self.func_at(file, ScopeId::MODULE)
    }

    /// Library types that `class` derives from, nearest first.
    pub fn library_bases(&self, class: ClassId) -> Vec<SmolStr> {
        let mro = &self.class(class).mro;
        mro.iter()
            .flat_map(|class| self.class(*class).library_bases.iter().cloned())
            .collect()
    }
}

/// `Base[T]` derives from `Base`.
fn generic(facts: &crate::syntax::FileFacts, expr: crate::syntax::facts::ExprId) -> Option<String> {
    match &facts.expr(expr).kind {
        crate::syntax::facts::ExprKind::Item { base, .. } => facts.dotted(*base),
        _ => None,
    }
}

/// The merge step of C3 (Barrett et al., "A Monotonic Superclass
/// Linearization for Dylan", OOPSLA 1996).
fn merge(mut lists: Vec<Vec<ClassId>>) -> Vec<ClassId> {
    let mut merged = Vec::new();
    loop {
        lists.retain(|list| !list.is_empty());
        let Some(first) = lists.first().map(|list| list[0]) else {
            return merged;
        };
        let in_a_tail = |class: &ClassId| lists.iter().any(|list| list[1..].contains(class));
        let next = lists
            .iter()
            .map(|list| list[0])
            .find(|head| !in_a_tail(head))
            .unwrap_or(first);
        merged.push(next);
        for list in &mut lists {
            list.retain(|class| *class != next);
        }
    }
}
