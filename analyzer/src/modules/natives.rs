//! Modules that a crate of the tree gives to programs of another language:
//! PyO3's `#[pymodule]`s, under the names by which they are imported.
//!
//! What such a module holds is read from what its function adds to it, also
//! through functions that the module is handed to. The name of an import is in
//! the package's manifest (`[tool.maturin] module-name`, a setuptools-rust
//! target or `RustExtension`); without one it is the module's own. An inline
//! `mod` is one if it is called as a manifest or the crate's library is. The
//! form does not keep the type of `add_class::<T>()`: every `#[pyclass]` of
//! the crate counts as added, under its name.

use std::collections::{BTreeMap, BTreeSet};

use smol_str::{SmolStr, format_smolstr};

use super::{FileId, ModuleRef, ModuleSet, Symbol};
use crate::source::ConfigFile;
use crate::syntax::FileFacts;
use crate::syntax::facts::{
    Arg, ClassForm, ExprId, ExprKind, ImportBinds, ImportRule, ScopeId, ScopeKind, StmtKind,
};
use crate::syntax::walk::{each_expr, each_stmt};

/// Functions that hand a module on to each other are followed this far.
const MAX_DEPTH: u32 = 16;

/// Where something is defined.
pub(crate) type Place = (FileId, ScopeId);

/// One such module.
#[derive(Debug, Default)]
pub(crate) struct Native {
    /// Dotted names of imports; the first stands for all.
    pub(crate) names: Vec<SmolStr>,
    /// By dotted name in the module.
    pub(crate) functions: BTreeMap<SmolStr, Place>,
    /// By their names, in whatever part of the module.
    pub(crate) classes: BTreeMap<SmolStr, Place>,
    /// Dotted names of the modules in it.
    parts: BTreeSet<SmolStr>,
}

impl Native {
    /// The name that qualified names of what it holds begin with.
    pub(crate) fn name(&self) -> &SmolStr {
        &self.names[0]
    }

    /// `path` is a module in it.
    pub(crate) fn is_part(&self, path: &str) -> bool {
        self.parts.contains(path)
    }

    /// What a starred import of its part `path` binds.
    fn public_names(&self, path: &str) -> Vec<SmolStr> {
        let functions = self.functions.keys().chain(&self.parts);
        let inside = functions.filter_map(|name| match path {
            "" => Some(name.as_str()),
            _ => name.strip_prefix(path)?.strip_prefix('.'),
        });
        let own = inside.filter(|name| !name.contains('.') && !name.starts_with('_'));
        own.map(SmolStr::from)
            .chain(self.classes.keys().cloned())
            .collect()
    }
}

/// The modules of a tree that another language imports.
#[derive(Debug, Default)]
pub(crate) struct Natives {
    pub(crate) all: Vec<Native>,
}

impl Natives {
    /// Reads what the crates of `set` declare.
    pub(super) fn new(set: &ModuleSet, configs: &[ConfigFile]) -> Natives {
        let mut natives = Natives::default();
        let declared = declared(set, configs);
        if declared.is_empty() {
            return natives;
        }
        for (file, scope, names) in declared {
            let mut native = Native {
                names,
                ..Native::default()
            };
            let mut reader = Reader {
                set,
                native: &mut native,
                seen: BTreeSet::new(),
            };
            reader.read(file, scope, "", 0);
            native.classes = classes(set, file);
            natives.all.push(native);
        }
        natives
    }

    /// The qualified name of what an import of `path` in `from` means, where
    /// that is one of these or a part of one.
    pub(super) fn imported(
        &self,
        set: &ModuleSet,
        from: FileId,
        level: u32,
        path: &str,
    ) -> Option<SmolStr> {
        if self.all.is_empty() || set.facts(from).rules.imports != ImportRule::Packages {
            return None;
        }
        let parts: Vec<&str> = path.split('.').collect();
        for n_parts in (1..=parts.len()).rev() {
            let (module, rest) = parts.split_at(n_parts);
            let Some(native) = self.named(set, from, level, module) else {
                continue;
            };
            let rest = rest.iter();
            let full = rest.fold(native.name().clone(), |at, part| {
                format_smolstr!("{at}.{part}")
            });
            return Some(full);
        }
        None
    }

    fn named(&self, set: &ModuleSet, from: FileId, level: u32, module: &[&str]) -> Option<&Native> {
        let path = module.join(".");
        let exact = self
            .all
            .iter()
            .find(|native| level == 0 && native.names.iter().any(|name| *name == path));
        if exact.is_some() {
            return exact;
        }
        let (last, outer) = module.split_last()?;
        let own = match level {
            0 if outer.is_empty() => return None,
            0 => set.absolute(from, &outer.join("."))?,
            _ => set.imported(from, level, &outer.join("."))?,
        };
        self.inside(set, own, last)
    }

    /// The one called `name` in the package `of`.
    fn inside(&self, set: &ModuleSet, of: ModuleRef, name: &str) -> Option<&Native> {
        let package = match of {
            ModuleRef::File(file) if !self.all.is_empty() => set.name(file),
            _ => return None,
        };
        let lies_there = |full: &SmolStr| match full.rsplit_once('.') {
            Some((outer, last)) => {
                last == name && (package == outer || package.ends_with(&format!(".{outer}")))
            }
            None => full == name,
        };
        let mut found = self
            .all
            .iter()
            .filter(|native| native.names.iter().any(lies_there));
        let first = found.next()?;
        found.next().is_none().then_some(first)
    }

    /// The qualified name of the module `name` in the package `of`.
    pub(super) fn submodule(&self, set: &ModuleSet, of: ModuleRef, name: &str) -> Option<SmolStr> {
        self.inside(set, of, name)
            .map(|native| native.name().clone())
    }

    /// The module that `path` leads into, and the rest of the path.
    pub(crate) fn lead<'p>(&self, path: &'p str) -> Option<(&Native, &'p str)> {
        let into = |native: &Native| {
            let rest = path.strip_prefix(native.name().as_str())?;
            match rest.strip_prefix('.') {
                Some(rest) => Some(rest),
                None => rest.is_empty().then_some(rest),
            }
        };
        let mut found = self.all.iter();
        found.find_map(|native| Some((native, into(native)?)))
    }

    /// Names that a starred import of `path` binds; `None` where it leads to
    /// none of these.
    pub(super) fn public_names(&self, path: &str) -> Option<Vec<SmolStr>> {
        let (native, rest) = self.lead(path)?;
        Some(native.public_names(rest))
    }
}

/// Modules with the names of their imports.
fn declared(set: &ModuleSet, configs: &[ConfigFile]) -> Vec<(FileId, ScopeId, Vec<SmolStr>)> {
    let mut found = Vec::new();
    let marked = set.iter().any(|(_, facts)| {
        facts.rules.imports == ImportRule::Crates
            && facts.scopes().any(|(scope, _)| is_marked(facts, scope))
    });
    if !marked {
        return found;
    }
    let mut nested = BTreeSet::new();
    let known = manifest_names(set, configs);
    for (file, facts) in set.iter() {
        if facts.rules.imports != ImportRule::Crates {
            continue;
        }
        for (scope, definition) in facts.scopes() {
            let is_function = definition.kind == ScopeKind::Function
                && decorated(facts, scope, "pymodule").is_some();
            let is_namespace =
                definition.form == ClassForm::Namespace && exports(set, file, scope, 0);
            if !is_function && !is_namespace {
                continue;
            }
            let own = called(facts, scope, "pymodule");
            let is_own = |name: &&SmolStr| name.rsplit('.').next() == Some(own.as_str());
            let mut names: Vec<SmolStr> = known.iter().filter(is_own).cloned().collect();
            if names.is_empty() {
                let is_library = set.crate_name(file).is_some_and(|name| *name == own);
                if is_namespace && !is_library {
                    continue;
                }
                names.push(own);
            }
            if is_function {
                nested.extend(wrapped_modules(set, file, scope));
            }
            found.push((file, scope, names));
        }
    }
    // One that another holds is a part of that.
    found.retain(|(file, scope, _)| !nested.contains(&(*file, *scope)));
    found
}

/// What is meant for another language bears one of these.
const MARKS: &[&str] = &["pyfunction", "pyclass", "pymodule", "pymodule_init"];

fn is_marked(facts: &FileFacts, scope: ScopeId) -> bool {
    MARKS
        .iter()
        .any(|mark| decorated(facts, scope, mark).is_some())
}

/// Something in the namespace, or that it takes in by name, is meant for
/// another language.
fn exports(set: &ModuleSet, file: FileId, scope: ScopeId, depth: u32) -> bool {
    if depth > MAX_DEPTH {
        return false;
    }
    let facts = set.facts(file);
    let mut inside = facts
        .scopes()
        .filter(|(_, inner)| inner.parent == Some(scope));
    inside.any(|(inner, _)| is_marked(facts, inner))
        || taken_in(set, file, scope).any(|(file, scope)| {
            let facts = set.facts(file);
            let is_namespace = facts.scope(scope).form == ClassForm::Namespace;
            is_marked(facts, scope) || (is_namespace && exports(set, file, scope, depth + 1))
        })
}

/// Functions, classes and modules that a namespace imports by name.
fn taken_in(
    set: &ModuleSet,
    file: FileId,
    scope: ScopeId,
) -> impl Iterator<Item = Place> + use<'_> {
    let body = set.facts(file).scope(scope).body.iter();
    let names = body.filter_map(|stmt| match &stmt.kind {
        StmtKind::Import(import) => match &import.binds {
            ImportBinds::Names(names) => Some(names),
            _ => None,
        },
        _ => None,
    });
    names.flatten().filter_map(move |(name, alias)| {
        match set.symbol(file, scope, alias.as_ref().unwrap_or(name))? {
            Symbol::Scope(file, scope) => Some((file, scope)),
            _ => None,
        }
    })
}

fn wrapped_modules(set: &ModuleSet, file: FileId, scope: ScopeId) -> Vec<Place> {
    let facts = set.facts(file);
    let mut found = Vec::new();
    each_expr(facts, scope, &mut |expr| {
        if let Some(args) = call_of(facts, expr, "wrap_pymodule!") {
            found.extend(
                args.first()
                    .and_then(|arg| place(set, file, scope, arg.value)),
            );
        }
    });
    found
}

/// Names of native modules in the packages' manifests, sorted.
fn manifest_names(set: &ModuleSet, configs: &[ConfigFile]) -> Vec<SmolStr> {
    let mut names = BTreeSet::new();
    for config in configs {
        let is_manifest = config.path.rsplit('/').next() == Some("pyproject.toml");
        let Some(table) = is_manifest
            .then(|| toml::from_str::<toml::Table>(&config.text).ok())
            .flatten()
        else {
            continue;
        };
        let tool = |name: &str| table.get("tool").and_then(|tools| tools.get(name));
        let maturin = tool("maturin").and_then(|tool| tool.get("module-name")?.as_str());
        names.extend(maturin.map(SmolStr::from));
        let built = tool("setuptools-rust").and_then(|tool| tool.get("ext-modules")?.as_array());
        let targets = built.into_iter().flatten();
        names.extend(targets.filter_map(|module| Some(module.get("target")?.as_str()?.into())));
    }
    for (_, facts) in set.iter() {
        if facts.rules.imports != ImportRule::Packages {
            continue;
        }
        for idx in 0..facts.exprs.len() as u32 {
            let Some(args) = call_of(facts, ExprId(idx), "RustExtension") else {
                continue;
            };
            names.extend(args.first().and_then(|arg| text(facts, arg.value)).cloned());
        }
    }
    names.into_iter().collect()
}

/// Every `#[pyclass]` of the crate that `file` belongs to, by its name; of
/// two of one name none.
fn classes(set: &ModuleSet, file: FileId) -> BTreeMap<SmolStr, Place> {
    let root = set.crate_root(file);
    let mut found: BTreeMap<SmolStr, Vec<Place>> = BTreeMap::new();
    for (other, facts) in set.iter() {
        if facts.rules.imports != ImportRule::Crates || set.crate_root(other) != root {
            continue;
        }
        for (scope, definition) in facts.scopes() {
            let is_class = definition.kind == ScopeKind::Class;
            if is_class && decorated(facts, scope, "pyclass").is_some() {
                let name = called(facts, scope, "pyclass");
                found.entry(name).or_default().push((other, scope));
            }
        }
    }
    found.retain(|_, places| places.len() == 1);
    let found = found.into_iter();
    found.map(|(name, places)| (name, places[0])).collect()
}

/// Reads what is added to one module.
struct Reader<'r> {
    set: &'r ModuleSet,
    native: &'r mut Native,
    seen: BTreeSet<(FileId, ScopeId, SmolStr)>,
}

impl Reader<'_> {
    /// What `scope` adds to the part `path`, which it is handed or is.
    fn read(&mut self, file: FileId, scope: ScopeId, path: &str, depth: u32) {
        if depth > MAX_DEPTH || !self.seen.insert((file, scope, path.into())) {
            return;
        }
        let facts = self.set.facts(file);
        match facts.scope(scope).kind {
            ScopeKind::Class => self.namespace(file, scope, path, depth),
            _ => self.function(file, scope, path, depth),
        }
    }

    fn function(&mut self, file: FileId, scope: ScopeId, path: &str, depth: u32) {
        let facts = self.set.facts(file);
        let modules = self.variables(facts, scope, path);
        let part_of = |expr: ExprId| match &facts.expr(expr).kind {
            ExprKind::Name(name) => modules.get(name).cloned(),
            _ => None,
        };
        let mut renamed = BTreeMap::new();
        each_expr(facts, scope, &mut |expr| {
            if let Some(args) = call_of(facts, expr, "add")
                && let [name, value] = args
                && let Some(name) = text(facts, name.value)
                && let Some(wrapped) = inner_call(facts, value.value, "wrap_pyfunction!")
            {
                renamed.insert(wrapped, name.clone());
            }
        });
        each_expr(facts, scope, &mut |expr| {
            if let Some(args) = call_of(facts, expr, "wrap_pyfunction!")
                && let Some(function) = args.first()
                && let Some(place) = place(self.set, file, scope, function.value)
            {
                let part = args.get(1).and_then(|arg| part_of(arg.value));
                let name = renamed.get(&expr).cloned();
                self.add_function(part.as_deref().unwrap_or(path), name, place);
                return;
            }
            if let Some(args) = call_of(facts, expr, "wrap_pymodule!")
                && let Some(module) = args.first()
                && let Some((file, scope)) = place(self.set, file, scope, module.value)
            {
                let name = called(self.set.facts(file), scope, "pymodule");
                let part = self.add_part(path, &name);
                self.read(file, scope, &part, depth + 1);
                return;
            }
            let ExprKind::Call { callee, args } = &facts.expr(expr).kind else {
                return;
            };
            let Some(part) = args.iter().find_map(|arg| part_of(arg.value)) else {
                return;
            };
            if let Some((file, scope)) = place(self.set, file, scope, *callee)
                && self.set.facts(file).scope(scope).kind == ScopeKind::Function
            {
                self.read(file, scope, &part, depth + 1);
            }
        });
    }

    /// Variables that are modules: those that are handed over, and those that
    /// are made here.
    fn variables(
        &mut self,
        facts: &FileFacts,
        scope: ScopeId,
        path: &str,
    ) -> BTreeMap<SmolStr, SmolStr> {
        let params = facts.scope(scope).params.iter();
        let params = params.filter(|param| {
            let ty = param.annotation.and_then(|ty| type_name(facts, ty));
            ty.as_deref() == Some("PyModule")
        });
        let mut found: BTreeMap<SmolStr, SmolStr> = params
            .map(|param| (param.name.clone(), path.into()))
            .collect();
        let mut made = Vec::new();
        each_stmt(&facts.scope(scope).body, &mut |stmt| {
            let StmtKind::Assign { targets, value, .. } = &stmt.kind else {
                return;
            };
            let call = ["new", "new_bound"]
                .iter()
                .find_map(|name| inner_call(facts, *value, name));
            let Some(args) = call.and_then(|call| call_args(facts, call)) else {
                return;
            };
            let name = args.get(1).and_then(|arg| text(facts, arg.value));
            for target in targets {
                if let (ExprKind::Name(variable), Some(name)) = (&facts.expr(*target).kind, name) {
                    made.push((variable.clone(), name.clone()));
                }
            }
        });
        for (variable, name) in made {
            let part = self.add_part(path, &name);
            found.insert(variable, part);
        }
        found
    }

    fn namespace(&mut self, file: FileId, scope: ScopeId, path: &str, depth: u32) {
        let facts = self.set.facts(file);
        for (inner, definition) in facts.scopes() {
            if definition.parent != Some(scope) {
                continue;
            }
            if decorated(facts, inner, "pyfunction").is_some() {
                self.add_function(path, None, (file, inner));
            } else if definition.form == ClassForm::Namespace && exports(self.set, file, inner, 0) {
                let part = self.add_part(path, &definition.name);
                self.read(file, inner, &part, depth + 1);
            } else if decorated(facts, inner, "pymodule_init").is_some() {
                self.read(file, inner, path, depth + 1);
            }
        }
        for (file, inner) in taken_in(self.set, file, scope) {
            let facts = self.set.facts(file);
            if decorated(facts, inner, "pyfunction").is_some() {
                self.add_function(path, None, (file, inner));
            } else if facts.scope(inner).form == ClassForm::Namespace
                && exports(self.set, file, inner, 0)
            {
                let part = self.add_part(path, &facts.scope(inner).name);
                self.read(file, inner, &part, depth + 1);
            }
        }
    }

    fn add_part(&mut self, path: &str, name: &str) -> SmolStr {
        // Some are made under the name they are imported by.
        let own = self.native.names.iter();
        let mut own = own.filter_map(|full| name.strip_prefix(full.as_str())?.strip_prefix('.'));
        let name = own.next_back().unwrap_or(name);
        let part = joined(path, name);
        self.native.parts.insert(part.clone());
        part
    }

    fn add_function(&mut self, path: &str, name: Option<SmolStr>, place: Place) {
        let (file, scope) = place;
        let name = name.unwrap_or_else(|| called(self.set.facts(file), scope, "pyfunction"));
        let functions = &mut self.native.functions;
        functions.entry(joined(path, &name)).or_insert(place);
    }
}

fn joined(path: &str, name: &str) -> SmolStr {
    match path {
        "" => name.into(),
        _ => format_smolstr!("{path}.{name}"),
    }
}

/// The function, class or module that the path `expr` names.
fn place(set: &ModuleSet, file: FileId, scope: ScopeId, expr: ExprId) -> Option<Place> {
    let path = set.facts(file).dotted(expr)?;
    match set.symbol(file, scope, &path)? {
        Symbol::Scope(file, scope) => Some((file, scope)),
        _ => None,
    }
}

/// The arguments of the call `expr`, if it calls something whose last name is
/// `name`.
fn call_of<'f>(facts: &'f FileFacts, expr: ExprId, name: &str) -> Option<&'f [Arg]> {
    let ExprKind::Call { callee, args } = &facts.expr(expr).kind else {
        return None;
    };
    (last_name(facts, *callee)? == name).then_some(args)
}

fn call_args(facts: &FileFacts, expr: ExprId) -> Option<&[Arg]> {
    match &facts.expr(expr).kind {
        ExprKind::Call { args, .. } => Some(args),
        _ => None,
    }
}

/// The call of `name` that `expr` is or unwraps.
fn inner_call(facts: &FileFacts, expr: ExprId, name: &str) -> Option<ExprId> {
    let mut at = expr;
    loop {
        if call_of(facts, at, name).is_some() {
            return Some(at);
        }
        at = match &facts.expr(at).kind {
            ExprKind::Await(inner) => *inner,
            ExprKind::Call { callee, .. } => *callee,
            ExprKind::Attr { base, .. } => *base,
            _ => return None,
        };
    }
}

fn last_name(facts: &FileFacts, expr: ExprId) -> Option<&SmolStr> {
    match &facts.expr(expr).kind {
        ExprKind::Name(name) | ExprKind::Attr { name, .. } => Some(name),
        _ => None,
    }
}

fn text(facts: &FileFacts, expr: ExprId) -> Option<&SmolStr> {
    match &facts.expr(expr).kind {
        ExprKind::Str(text) => Some(text),
        _ => None,
    }
}

/// The last name of a type, or of the last type that it wraps.
fn type_name(facts: &FileFacts, ty: ExprId) -> Option<SmolStr> {
    let mut at = ty;
    loop {
        match &facts.expr(at).kind {
            ExprKind::Item { index, .. } => at = *index,
            ExprKind::Tuple(parts) => at = *parts.last()?,
            _ => return last_name(facts, at).cloned(),
        }
    }
}

/// The arguments of the attribute `name` of `scope`; none where it has none.
pub(crate) fn decorated<'f>(facts: &'f FileFacts, scope: ScopeId, name: &str) -> Option<&'f [Arg]> {
    let mut decorators = facts.scope(scope).decorators.iter();
    decorators.find_map(|decorator| match &facts.expr(*decorator).kind {
        ExprKind::Call { .. } => call_of(facts, *decorator, name),
        _ => (last_name(facts, *decorator)? == name).then_some(&[]),
    })
}

/// What `scope` is called where it is imported: `name = "…"` of the attribute
/// `mark` or of `pyo3`, or as here.
pub(crate) fn called(facts: &FileFacts, scope: ScopeId, mark: &str) -> SmolStr {
    let marks = [mark, "pyo3"].into_iter();
    let args = marks
        .filter_map(|mark| decorated(facts, scope, mark))
        .flatten();
    let mut named = args.filter(|arg| arg.name.as_deref() == Some("name"));
    let given = named.find_map(|arg| text(facts, arg.value).cloned());
    let own = &facts.scope(scope).name;
    given.unwrap_or_else(|| own.strip_prefix("r#").unwrap_or(own).into())
}
