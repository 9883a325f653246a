//! Every function and class of the tree, numbered.

use indexmap::IndexMap;
use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use super::annotation::is_transparent;
use crate::modules::{FileId, ModuleSet, Symbol};
use crate::syntax::FileFacts;
use crate::syntax::facts::{
    ClassForm, ExprId, ExprKind, Param, ParamKind, Scope, ScopeId, ScopeKind,
};

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
    /// The function that it is a part of: a lambda, where lambdas are.
    pub part_of: Option<FuncId>,
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
    /// What it is to others.
    pub form: ClassForm,
    /// Of an extension: the type of the tree whose methods it has.
    pub extends: Option<ClassId>,
    /// Of an extension: the library's type whose values have its methods.
    pub extends_library: Option<SmolStr>,
    /// The library type that every value of its language has besides.
    pub root: Option<&'static str>,
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
    /// Extensions of library types, by qualified name.
    pub extensions: FxHashMap<SmolStr, Vec<ClassId>>,
}

impl Program {
    /// Numbers the functions and classes of `modules`.
    pub fn new(modules: &ModuleSet) -> Program {
        let mut program = Program::default();
        for (file, facts) in modules.iter() {
            for (id, scope) in facts.scopes() {
                program.add(file, id, scope, facts);
            }
        }
        program.link_classes(modules);
        program
    }

    fn add(&mut self, file: FileId, id: ScopeId, scope: &Scope, facts: &FileFacts) {
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
                    form: scope.form,
                    extends: None,
                    extends_library: None,
                    root: facts.rules.root,
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
                    around = facts.scope(at).parent;
                }
                let is_part = scope.kind == ScopeKind::Lambda && facts.rules.lambdas_are_parts;
                let part_of = parent.filter(|_| is_part).map(|parent| self.home(parent));
                self.functions.push(Function {
                    file,
                    scope: id,
                    class,
                    parent,
                    part_of,
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
        self.link_extensions(modules);
        self.linearize();
    }

    /// Puts extensions among the bases of what they extend.
    fn link_extensions(&mut self, modules: &ModuleSet) {
        for idx in 0..self.classes.len() {
            let class = ClassId(idx as u32);
            let ClassForm::Extension(subject) = self.class(class).form else {
                continue;
            };
            let (file, scope) = (self.class(class).file, self.class(class).scope);
            let facts = modules.facts(file);
            let around = facts.scope(scope).parent.unwrap_or(ScopeId::MODULE);
            let path = subject_path(facts, subject);
            match path.and_then(|path| modules.symbol(file, around, &path)) {
                Some(Symbol::Scope(file, scope)) => {
                    if let Some(extended) = self.class_of.get(&(file, scope)).copied() {
                        self.classes[idx].extends = Some(extended);
                        self.add_base(extended, class);
                    }
                }
                Some(Symbol::External(path)) => {
                    self.classes[idx].extends_library = Some(path.clone());
                    self.extensions.entry(path).or_default().push(class);
                }
                _ => {
                    let name = literal_type(facts, subject);
                    if let Some(name) = name {
                        self.extensions.entry(name.into()).or_default().push(class);
                    }
                }
            }
        }
    }

    /// The type whose instances call the methods of `class`.
    pub fn subject(&self, class: ClassId) -> ClassId {
        self.class(class).extends.unwrap_or(class)
    }

    /// Types that define what the interface `of` declares, in order.
    pub fn implementers(&self, of: ClassId) -> Vec<ClassId> {
        let mut found = Vec::new();
        let mut todo = vec![of];
        let mut seen = FxHashSet::default();
        while let Some(class) = todo.pop() {
            if !seen.insert(class) {
                continue;
            }
            match self.class(class).form {
                ClassForm::Interface => {
                    todo.extend(self.subclasses.get(&class).into_iter().flatten());
                }
                ClassForm::Extension(_) => match self.class(class).extends {
                    Some(extended) => todo.push(extended),
                    None => found.push(class),
                },
                ClassForm::Plain | ClassForm::Namespace => found.push(class),
            }
        }
        found.sort_unstable();
        found
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

    /// The function that `id` is a part of, or itself.
    pub fn home(&self, id: FuncId) -> FuncId {
        self.function(id).part_of.unwrap_or(id)
    }

    /// The class whose instances `id` makes: it is the constructor, or a
    /// function of the type itself that gives back one of its values.
    pub(crate) fn constructs(&self, modules: &ModuleSet, id: FuncId) -> Option<ClassId> {
        let function = self.function(id);
        let class = self.subject(function.class?);
        let facts = modules.facts(function.file);
        let scope = facts.scope(function.scope);
        if matches!(
            scope.name.as_str(),
            "__init__" | "__new__" | "__post_init__"
        ) {
            return Some(class);
        }
        let is_receiver = |param: &Param| param.kind == ParamKind::Receiver;
        if self.class(class).root.is_none() || scope.params.first().is_some_and(is_receiver) {
            return None;
        }
        let of = self.class(class);
        let own = &modules.facts(of.file).scope(of.scope).name;
        let returned = made_type(facts, scope.returns?)?;
        (returned.rsplit('.').next() == Some(own)).then_some(class)
    }

    /// `id` is what an interface of the language itself asks for: `__len__`,
    /// or `fmt` of `Display`.
    pub(crate) fn is_protocol(&self, modules: &ModuleSet, id: FuncId) -> bool {
        let function = self.function(id);
        let scope = modules.facts(function.file).scope(function.scope);
        let is_dunder = scope.name.starts_with("__") && scope.name.ends_with("__");
        let of_language = |class: ClassId| {
            let mut bases = self.class(class).library_bases.iter();
            bases.any(|base| base.starts_with("std."))
        };
        is_dunder || function.class.is_some_and(of_language)
    }

    /// `id` is a method of an interface without a body of its own: others
    /// define it.
    pub fn is_declaration(&self, modules: &ModuleSet, id: FuncId) -> bool {
        let function = self.function(id);
        let class = function.class.map(|class| self.class(class));
        let body = &modules.facts(function.file).scope(function.scope).body;
        class.is_some_and(|class| class.form == ClassForm::Interface) && body.is_empty()
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
        let bases = mro
            .iter()
            .flat_map(|class| self.class(*class).library_bases.iter().cloned());
        bases
            .chain(self.class(class).root.map(SmolStr::new_static))
            .collect()
    }
}

/// The path of an extended type, without its arguments; of `impl[Bound]` the
/// bound's: what has the bound gets the methods.
fn subject_path(facts: &FileFacts, subject: ExprId) -> Option<String> {
    match &facts.expr(subject).kind {
        ExprKind::Item { base, index } => match facts.dotted(*base)?.as_str() {
            "impl" => subject_path(facts, *index),
            // What wraps a thing is the thing.
            path if is_transparent(path) => subject_path(facts, *index),
            path => Some(path.to_owned()),
        },
        _ => facts.dotted(subject),
    }
}

/// The path of a type, without its arguments and what wraps it.
fn made_type(facts: &FileFacts, ty: ExprId) -> Option<String> {
    match &facts.expr(ty).kind {
        ExprKind::Item { base, index } => match facts.dotted(*base)? {
            path if is_transparent(&path) => made_type(facts, *index),
            path => Some(path),
        },
        ExprKind::Tuple(parts) => made_type(facts, *parts.first()?),
        _ => facts.dotted(ty),
    }
}

/// Types that have no path: lists are what a list is.
fn literal_type(facts: &FileFacts, subject: ExprId) -> Option<&'static str> {
    match facts.expr(subject).kind {
        ExprKind::List(_) => Some("builtins.list"),
        _ => facts.rules.root,
    }
}

/// `Base[T]` derives from `Base`.
fn generic(facts: &FileFacts, expr: ExprId) -> Option<String> {
    match &facts.expr(expr).kind {
        ExprKind::Item { base, .. } => facts.dotted(*base),
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
