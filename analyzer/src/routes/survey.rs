//! What every framework asks of the tree: calls and decorations with their
//! places, and what an expression at a place stands for.
//!
//! A call inside a loop over a literal list stands here once per element, with
//! the loop's names bound to the element's parts, so that a table of routes
//! reads like the routes written out.

mod attributes;
mod chains;
mod collect;
mod definitions;
pub(super) mod extractors;
mod mounts;

use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::{SmolStr, format_smolstr};

use crate::catalog::Catalog;
use crate::graph::{CallGraph, ClassId, FuncId, Held, Program};
use crate::modules::{FileId, ModuleSet, Symbol};
use crate::syntax::FileFacts;
use crate::syntax::facts::{Arg, ArgKind, BinaryOp, ExprId, ExprKind, ScopeId};

pub(super) use attributes::{Attribute, attributes};
pub(super) use chains::{Chains, is_rust};
use definitions::Definitions;
pub(super) use definitions::each_assignment;
pub(super) use mounts::{Mounts, colons, join, join_nested, template};

/// Elements of a list that a loop is read over; the rest is dropped.
const MAX_ELEMENTS: usize = 200;
/// Names are followed through this many definitions.
const MAX_STEPS: u32 = 8;

type Env = Rc<Vec<(SmolStr, FileId, ExprId)>>;

/// Expressions that one question has looked at, and whether in a loop: what
/// holds itself many times is looked at once.
pub(super) type Seen = FxHashSet<(FileId, ExprId, bool)>;

/// An expression at its place.
#[derive(Clone, Debug)]
pub(super) struct Spot {
    pub file: FileId,
    pub scope: ScopeId,
    pub expr: ExprId,
    env: Env,
}

impl Spot {
    /// What [`Seen`] knows it by.
    pub(super) fn key(&self) -> (FileId, ExprId, bool) {
        (self.file, self.expr, !self.env.is_empty())
    }
}

/// A call at its place.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// The call.
    pub spot: Spot,
    /// The called attribute or name.
    pub name: SmolStr,
    /// What the attribute is of.
    pub base: Option<Spot>,
    pub callee: Spot,
    pub line: u32,
}

/// A decorator above a definition, or `decorator(…)(function)`.
#[derive(Clone, Debug)]
pub(super) struct Decoration {
    pub decorator: Spot,
    pub function: Option<FuncId>,
    pub class: Option<ClassId>,
    pub file: FileId,
    /// Line of the decorator.
    pub line: u32,
}

/// Which object it is that routes hang on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Key {
    /// The one constructed here.
    Site(FileId, ExprId),
    /// Some instance of a class of the tree.
    Class(ClassId),
    /// Whatever is passed to a function at this position.
    Param(FuncId, u32),
    /// Nobody knows which.
    Unknown,
}

/// A library's object that routes hang on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Owner {
    /// Its type's qualified name.
    pub path: SmolStr,
    pub key: Key,
}

impl Owner {
    /// The type's bare name.
    pub(super) fn type_name(&self) -> &str {
        self.path.rsplit('.').next().unwrap_or(&self.path)
    }

    /// The library's import name.
    pub(super) fn library(&self) -> &str {
        self.path.split('.').next().unwrap_or(&self.path)
    }
}

/// The rooms below, and what was collected from them once.
#[derive(Debug)]
pub(super) struct Survey<'a> {
    pub modules: &'a ModuleSet,
    pub program: &'a Program,
    pub catalog: &'a Catalog,
    pub call_graph: &'a CallGraph,
    pub calls: Vec<Call>,
    pub decorations: Vec<Decoration>,
    imports: FxHashSet<SmolStr>,
    constructions: FxHashMap<ClassId, Vec<(FileId, ExprId)>>,
    call_at: FxHashMap<(FileId, ExprId), usize>,
    /// By file, by scope.
    definitions: Vec<Vec<Definitions<'a>>>,
}

impl<'a> Survey<'a> {
    pub(super) fn new(
        modules: &'a ModuleSet,
        program: &'a Program,
        catalog: &'a Catalog,
        call_graph: &'a CallGraph,
    ) -> Survey<'a> {
        let mut survey = Survey {
            modules,
            program,
            catalog,
            call_graph,
            calls: Vec::new(),
            decorations: Vec::new(),
            imports: FxHashSet::default(),
            constructions: FxHashMap::default(),
            call_at: FxHashMap::default(),
            definitions: modules.files.iter().map(Definitions::of_file).collect(),
        };
        for (file, facts) in modules.iter() {
            for (scope, definition) in facts.scopes() {
                survey.block(file, scope, &definition.body, &Env::default());
                survey.decorated(file, scope);
            }
        }
        let places = survey.calls.iter().enumerate();
        survey.call_at = places
            .map(|(idx, call)| ((call.spot.file, call.spot.expr), idx))
            .collect();
        survey.note_constructions();
        survey.applied_decorators();
        survey
    }

    // ---- asking

    /// True if some file imports from the library.
    pub(super) fn imports(&self, library: &str) -> bool {
        self.imports.contains(library)
    }

    pub(super) fn facts(&self, spot: &Spot) -> &'a FileFacts {
        self.modules.facts(spot.file)
    }

    pub(super) fn kind(&self, spot: &Spot) -> &'a ExprKind {
        &self.facts(spot).expr(spot.expr).kind
    }

    pub(super) fn line(&self, spot: &Spot) -> u32 {
        self.facts(spot).expr(spot.expr).line
    }

    /// A part of the expression, at the same place.
    pub(super) fn part(&self, spot: &Spot, expr: ExprId) -> Spot {
        Spot {
            expr,
            ..spot.clone()
        }
    }

    /// An expression at the top of a scope.
    pub(super) fn spot(&self, file: FileId, scope: ScopeId, expr: ExprId) -> Spot {
        Spot {
            file,
            scope,
            expr,
            env: Env::default(),
        }
    }

    /// What a loop's name stands for in this round.
    fn bound(&self, spot: &Spot) -> Option<Spot> {
        let ExprKind::Name(name) = self.kind(spot) else {
            return None;
        };
        let (_, file, expr) = spot.env.iter().rev().find(|(bound, ..)| bound == name)?;
        let scope = match *file == spot.file {
            true => spot.scope,
            false => ScopeId::MODULE,
        };
        Some(self.spot(*file, scope, *expr))
    }

    /// Arguments of the call at `spot`; none if it is no call.
    pub(super) fn args(&self, spot: &Spot) -> &'a [Arg] {
        match self.kind(spot) {
            ExprKind::Call { args, .. } => args,
            _ => &[],
        }
    }

    /// The argument at `position` or called `name`.
    pub(super) fn arg(&self, call: &Spot, position: usize, name: &str) -> Option<Spot> {
        self.named(call, name).or_else(|| {
            let args = self.args(call).iter();
            let mut positional = args.filter(|arg| arg.kind == ArgKind::Positional);
            positional
                .nth(position)
                .map(|arg| self.part(call, arg.value))
        })
    }

    /// The argument called `name`.
    pub(super) fn named(&self, call: &Spot, name: &str) -> Option<Spot> {
        let mut args = self.args(call).iter();
        let arg = args.find(|arg| arg.name.as_deref() == Some(name))?;
        Some(self.part(call, arg.value))
    }

    /// Texts that the expression can be, sorted; parts that nobody knows are
    /// written `{…}`.
    pub(super) fn texts(&self, spot: &Spot) -> Vec<SmolStr> {
        let mut texts = self.texts_inner(spot, 0);
        texts.sort_unstable();
        texts.dedup();
        texts.truncate(MAX_ELEMENTS);
        texts
    }

    fn texts_inner(&self, spot: &Spot, steps: u32) -> Vec<SmolStr> {
        if steps > MAX_STEPS {
            return Vec::new();
        }
        if let Some(bound) = self.bound(spot) {
            return self.texts_inner(&bound, steps + 1);
        }
        let join = |parts: &[ExprId]| {
            let mut texts = vec![SmolStr::default()];
            for part in parts {
                let ends = self.texts_inner(&self.part(spot, *part), steps + 1);
                texts = texts
                    .iter()
                    .flat_map(|text| ends.iter().map(move |end| format_smolstr!("{text}{end}")))
                    .take(MAX_ELEMENTS)
                    .collect();
            }
            texts
        };
        match self.kind(spot) {
            ExprKind::Str(text) => return vec![text.clone()],
            ExprKind::Format(parts) if !spot.env.is_empty() => return join(parts),
            ExprKind::Binary {
                op: BinaryOp::Add,
                left,
                right,
            } if !spot.env.is_empty() => return join(&[*left, *right]),
            _ => {}
        }
        let known = self.call_graph.texts(spot.file, spot.expr);
        if !known.is_empty() {
            return known;
        }
        match self.definition(spot) {
            Some(definition) => self.texts_inner(&definition, steps + 1),
            None => Vec::new(),
        }
    }

    /// The first of [`Survey::texts`].
    pub(super) fn text(&self, spot: &Spot) -> Option<SmolStr> {
        self.texts(spot).into_iter().next()
    }

    /// Texts in the list that the expression is.
    pub(super) fn list(&self, spot: &Spot) -> Vec<SmolStr> {
        self.list_inner(spot, 0, &mut Seen::default())
    }

    fn list_inner(&self, spot: &Spot, steps: u32, seen: &mut Seen) -> Vec<SmolStr> {
        if steps > MAX_STEPS || !seen.insert(spot.key()) {
            return Vec::new();
        }
        if let Some(bound) = self.bound(spot) {
            return self.list_inner(&bound, steps + 1, seen);
        }
        let mut all = |parts: &mut dyn Iterator<Item = ExprId>, by_item: bool| {
            let mut texts = Vec::new();
            for part in parts {
                let part = self.part(spot, part);
                match by_item {
                    true => texts.extend(self.texts(&part)),
                    false => texts.extend(self.list_inner(&part, steps + 1, seen)),
                }
            }
            texts
        };
        match self.kind(spot) {
            ExprKind::List(parts) | ExprKind::Tuple(parts) | ExprKind::Set(parts) => {
                all(&mut parts.iter().copied(), true)
            }
            ExprKind::Binary { left, right, .. } => all(&mut [*left, *right].into_iter(), false),
            ExprKind::Call { args, .. } => all(&mut args.iter().map(|arg| arg.value), false),
            ExprKind::Str(text) => vec![text.clone()],
            _ => match self.definition(spot) {
                Some(definition) => self.list_inner(&definition, steps + 1, seen),
                None => self.texts(spot),
            },
        }
    }

    /// The functions the expression means: the one that is named, even if
    /// decorators wrap it, or else those that reach it; of a wrapping call
    /// (`login_required(view)`) the functions given to it.
    pub(super) fn functions(&self, spot: &Spot) -> Vec<FuncId> {
        self.functions_inner(spot, 0, &mut Seen::default())
    }

    fn functions_inner(&self, spot: &Spot, steps: u32, seen: &mut Seen) -> Vec<FuncId> {
        if steps > MAX_STEPS || !seen.insert(spot.key()) {
            return Vec::new();
        }
        if let Some(bound) = self.bound(spot) {
            return self.functions_inner(&bound, steps + 1, seen);
        }
        match self.kind(spot) {
            ExprKind::Lambda(scope) => {
                return self
                    .program
                    .func_at(spot.file, *scope)
                    .into_iter()
                    .collect();
            }
            ExprKind::Call { args, .. } => {
                for arg in args {
                    let given = self.functions_inner(&self.part(spot, arg.value), steps + 1, seen);
                    if !given.is_empty() {
                        return given;
                    }
                }
            }
            _ => {}
        }
        if let Some(Symbol::Scope(file, scope)) = self.symbol(spot)
            && let Some(func) = self.program.func_at(file, scope)
        {
            return vec![func];
        }
        let known = self.call_graph.functions(spot.file, spot.expr);
        if !known.is_empty() {
            return known;
        }
        match self.definition(spot) {
            Some(definition) if definition.expr != spot.expr || definition.file != spot.file => {
                self.functions_inner(&definition, steps + 1, seen)
            }
            _ => Vec::new(),
        }
    }

    /// The classes of the tree that the expression means.
    pub(super) fn classes(&self, spot: &Spot) -> Vec<ClassId> {
        if let Some(bound) = self.bound(spot) {
            return self.classes(&bound);
        }
        if let Some(Symbol::Scope(file, scope)) = self.symbol(spot)
            && let Some(class) = self.program.class_at(file, scope)
        {
            return vec![class];
        }
        let held = self.call_graph.held(spot.file, spot.expr).into_iter();
        held.filter_map(|held| match held {
            Held::Class(class) => Some(class),
            _ => None,
        })
        .collect()
    }

    /// The classes of the tree that the expression is an instance of.
    pub(super) fn instances(&self, spot: &Spot) -> Vec<ClassId> {
        let held = self.call_graph.held(spot.file, spot.expr).into_iter();
        held.filter_map(|held| match held {
            Held::Instance(class) => Some(class),
            _ => None,
        })
        .collect()
    }

    /// Elements of the list, tuple or set that the expression is, through
    /// names, sums and stars; none of what is computed.
    pub(super) fn parts(&self, spot: &Spot) -> Vec<Spot> {
        let mut found = Vec::new();
        self.parts_inner(spot, 0, &mut Seen::default(), &mut found);
        found
    }

    fn parts_inner(&self, spot: &Spot, steps: u32, seen: &mut Seen, found: &mut Vec<Spot>) {
        if steps > MAX_STEPS || found.len() >= MAX_ELEMENTS || !seen.insert(spot.key()) {
            return;
        }
        match self.kind(spot) {
            ExprKind::List(parts) | ExprKind::Tuple(parts) | ExprKind::Set(parts) => {
                for part in parts {
                    let part = self.part(spot, *part);
                    match self.kind(&part) {
                        ExprKind::Starred(inner) => {
                            self.parts_inner(&self.part(spot, *inner), steps + 1, seen, found);
                        }
                        _ => found.push(part),
                    }
                }
            }
            ExprKind::Binary { left, right, .. } => {
                for side in [*left, *right] {
                    self.parts_inner(&self.part(spot, side), steps + 1, seen, found);
                }
            }
            ExprKind::Name(_) | ExprKind::Attr { .. } => {
                if let Some(definition) = self.definition(spot) {
                    self.parts_inner(&definition, steps + 1, seen, found);
                }
            }
            _ => {}
        }
    }

    /// The call that the expression is.
    pub(super) fn call_at(&self, spot: &Spot) -> Option<&Call> {
        let idx = *self.call_at.get(&(spot.file, spot.expr))?;
        self.calls.get(idx)
    }

    /// What the body of `class`, or of a base of the tree, assigns to `name`.
    pub(super) fn class_value(&self, class: ClassId, name: &str) -> Option<Spot> {
        self.program.class(class).mro.iter().find_map(|class| {
            let class = self.program.class(*class);
            let facts = self.modules.facts(class.file);
            let mut value = None;
            each_assignment(&facts.scope(class.scope).body, &mut |_, target, given| {
                if matches!(&facts.expr(target).kind, ExprKind::Name(own) if own == name) {
                    value = Some(self.spot(class.file, class.scope, given));
                }
            });
            value
        })
    }

    /// The decorators of a function or class, nearest last.
    pub(super) fn decorators_of(
        &self,
        function: Option<FuncId>,
        class: Option<ClassId>,
    ) -> impl Iterator<Item = &Decoration> {
        self.decorations.iter().filter(move |decoration| {
            (function.is_some() && decoration.function == function)
                || (class.is_some() && decoration.class == class)
        })
    }

    /// What the expression's names mean by imports and definitions alone.
    pub(super) fn symbol(&self, spot: &Spot) -> Option<Symbol> {
        let path = self.facts(spot).dotted(spot.expr)?;
        self.modules.symbol(spot.file, spot.scope, &path)
    }

    /// Qualified names of the library things that the expression can be.
    pub(super) fn paths(&self, spot: &Spot) -> Vec<SmolStr> {
        let held = self.call_graph.held(spot.file, spot.expr).into_iter();
        let mut paths: Vec<SmolStr> = held
            .filter_map(|held| match held {
                Held::External(path) => Some(path),
                _ => None,
            })
            .collect();
        if let Some(Symbol::External(path)) = self.symbol(spot)
            && paths.is_empty()
        {
            paths.push(self.catalog.canonical(&path).into());
        }
        paths
    }

    /// What a decorator is by qualified name, called or not.
    pub(super) fn decorator_paths(&self, decorator: &Spot) -> Vec<SmolStr> {
        match self.kind(decorator) {
            ExprKind::Call { callee, .. } => self.paths(&self.part(decorator, *callee)),
            _ => self.paths(decorator),
        }
    }

    /// The attribute a decorator calls, and what it is of: `app` and `route`
    /// of `@app.route(…)` and `@app.route`.
    pub(super) fn decorator_parts(&self, decorator: &Spot) -> Option<(Spot, &'a SmolStr)> {
        let callee = match self.kind(decorator) {
            ExprKind::Call { callee, .. } => self.part(decorator, *callee),
            _ => decorator.clone(),
        };
        match self.kind(&callee) {
            ExprKind::Attr { base, name } => Some((self.part(decorator, *base), name)),
            _ => None,
        }
    }

    /// Library objects that the expression can be: instances of a library's
    /// type, or of a class of the tree derived from one.
    pub(super) fn owners(&self, spot: &Spot) -> Vec<Owner> {
        if let Some(bound) = self.bound(spot) {
            return self.owners(&bound);
        }
        let mut owners = Vec::new();
        for held in self.call_graph.held(spot.file, spot.expr) {
            match held {
                Held::Object(path, made) => owners.push(Owner {
                    path,
                    key: made.map_or(Key::Unknown, |(file, expr)| Key::Site(file, expr)),
                }),
                Held::Instance(class) => {
                    let key = self.instance(spot, class);
                    let bases = self.program.library_bases(class).into_iter();
                    owners.extend(bases.map(|path| Owner { path, key }));
                }
                _ => {}
            }
        }
        if owners.iter().any(|owner| owner.key != Key::Unknown) {
            owners.retain(|owner| owner.key != Key::Unknown);
        }
        owners.sort();
        owners.dedup();
        owners
    }

    /// Which instance of `class` the expression is.
    fn instance(&self, spot: &Spot, class: ClassId) -> Key {
        let sites = self
            .constructions
            .get(&class)
            .map_or(&[][..], Vec::as_slice);
        let defined = self.definition(spot).map(|spot| (spot.file, spot.expr));
        match (defined, sites) {
            (Some(site), _) if sites.contains(&site) => Key::Site(site.0, site.1),
            (_, [(file, expr)]) => Key::Site(*file, *expr),
            _ if sites.contains(&(spot.file, spot.expr)) => Key::Site(spot.file, spot.expr),
            _ => Key::Class(class),
        }
    }

    /// The construction of the object `key`.
    pub(super) fn construction(&self, key: Key) -> Option<Spot> {
        match key {
            Key::Site(file, expr) => {
                let idx = *self.call_at.get(&(file, expr))?;
                Some(self.calls[idx].spot.clone())
            }
            _ => None,
        }
    }

    /// True if nothing is known of the object: a parameter nobody fills, an
    /// import from outside the tree.
    pub(super) fn unknown(&self, spot: &Spot) -> bool {
        let held = self.call_graph.held(spot.file, spot.expr);
        let is_free = |held: &Held| match held {
            Held::External(path) => self.catalog.library(path).is_none(),
            _ => false,
        };
        held.iter().all(is_free) && !matches!(self.symbol(spot), Some(Symbol::Scope(..)))
    }

    // ---- classes

    /// The method of `class` called `name`, its own or a base's of the tree.
    pub(super) fn method(&self, class: ClassId, name: &str) -> Option<FuncId> {
        let mro = &self.program.class(class).mro;
        mro.iter()
            .find_map(|class| self.program.class(*class).methods.get(name).copied())
    }

    /// The bare name of a function.
    pub(super) fn name(&self, func: FuncId) -> SmolStr {
        let function = self.program.function(func);
        let facts = self.modules.facts(function.file);
        facts.scope(function.scope).name.clone()
    }

    /// A class's bare name.
    pub(super) fn class_name(&self, class: ClassId) -> SmolStr {
        let class = self.program.class(class);
        self.modules
            .facts(class.file)
            .scope(class.scope)
            .name
            .clone()
    }

    /// Where a class or function stands: file and line.
    pub(super) fn place(&self, func: FuncId) -> (FileId, u32) {
        let function = self.program.function(func);
        let facts = self.modules.facts(function.file);
        (function.file, facts.scope(function.scope).line)
    }
}
