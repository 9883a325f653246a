//! Builders that are passed on and on: `let app = app.route(…)`, a function
//! that takes or returns one, a closure that configures one. Answers where a
//! chain was started, and which functions of the tree a handler means.

use std::cell::RefCell;
use std::collections::BTreeSet;

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use super::{Call, Key, Mounts, Spot, Survey};
use crate::graph::FuncId;
use crate::modules::{FileId, Symbol};
use crate::syntax::facts::{
    ArgKind, ExprId, ExprKind, ImportBinds, ParamKind, ScopeId, ScopeKind, Stmt, StmtKind,
};
use crate::syntax::walk::{blocks, each_stmt, roots};

/// A chain is followed through this many links.
const MAX_LINKS: u32 = 60;
/// Places that one question looks at; what branches further is dropped.
const MAX_LOOKED_AT: usize = 2_000;

/// Expressions that one question has looked at.
type Looked = FxHashSet<(FileId, ExprId, bool)>;

/// What a name stands for at a place.
enum Value {
    /// It was given this.
    Given(Spot),
    /// It is a parameter: of which function, at which position but for the
    /// receiver.
    Param(FuncId, u32),
}

/// The chains of one framework.
pub(in crate::routes) struct Chains<'s, 'a> {
    survey: &'s Survey<'a>,
    starts: fn(&str) -> bool,
    by_name: FxHashMap<SmolStr, Vec<FuncId>>,
    fields: FxHashMap<(FileId, SmolStr), Vec<Spot>>,
    lambdas: FxHashMap<FuncId, Spot>,
    /// The last part of the module that a file imports a name from.
    imported: FxHashMap<(FileId, &'a str), &'a str>,
    params: RefCell<BTreeSet<(FuncId, u32)>>,
}

/// True for files whose names are joined by `::`, where builders are chains.
pub(in crate::routes) fn is_rust(survey: &Survey<'_>, file: FileId) -> bool {
    survey.modules.facts(file).rules.separator == "::"
}

impl<'s, 'a> Chains<'s, 'a> {
    /// Chains that start with a call of what `starts` knows, by its path.
    pub(in crate::routes) fn new(
        survey: &'s Survey<'a>,
        starts: fn(&str) -> bool,
    ) -> Chains<'s, 'a> {
        let mut chains = Chains {
            survey,
            starts,
            by_name: FxHashMap::default(),
            fields: FxHashMap::default(),
            lambdas: FxHashMap::default(),
            imported: FxHashMap::default(),
            params: RefCell::default(),
        };
        for func in survey.program.func_ids() {
            let function = survey.program.function(func);
            if is_rust(survey, function.file) {
                chains
                    .by_name
                    .entry(survey.name(func))
                    .or_default()
                    .push(func);
            }
        }
        for call in chains.calls() {
            for arg in survey.args(&call.spot) {
                let value = survey.part(&call.spot, arg.value);
                if let (ArgKind::Named, Some(name)) = (arg.kind, &arg.name) {
                    let field = (call.spot.file, name.clone());
                    chains.fields.entry(field).or_default().push(value);
                } else if let ExprKind::Lambda(scope) = survey.kind(&value)
                    && let Some(func) = survey.program.func_at(value.file, *scope)
                {
                    chains.lambdas.insert(func, call.spot.clone());
                }
            }
        }
        for (file, facts) in survey.modules.iter() {
            if !is_rust(survey, file) {
                continue;
            }
            for (scope, definition) in facts.scopes() {
                chains.note_imports(file, &definition.body);
                super::each_assignment(&definition.body, &mut |_, target, value| {
                    if let ExprKind::Attr { name, .. } = &facts.expr(target).kind {
                        let field = (file, name.clone());
                        let spot = survey.spot(file, scope, value);
                        chains.fields.entry(field).or_default().push(spot);
                    }
                });
            }
        }
        chains
    }

    fn note_imports(&mut self, file: FileId, body: &'a [Stmt]) {
        each_stmt(body, &mut |stmt| {
            let StmtKind::Import(import) = &stmt.kind else {
                return;
            };
            let ImportBinds::Names(names) = &import.binds else {
                return;
            };
            let last = import.module.rsplit('.').next().unwrap_or_default();
            if !last.is_empty() {
                let own = names.iter().filter(|(_, alias)| alias.is_none());
                let keyed = own.map(|(own, _)| ((file, own.as_str()), last));
                self.imported.extend(keyed);
            }
        });
    }

    /// Calls in files where builders are chains.
    pub(in crate::routes) fn calls(&self) -> impl Iterator<Item = &'s Call> + use<'s, 'a> {
        let survey = self.survey;
        survey
            .calls
            .iter()
            .filter(move |call| is_rust(survey, call.spot.file))
    }

    /// What is called, by the library's name for it or as it is written.
    pub(in crate::routes) fn path(&self, callee: &Spot) -> Option<String> {
        let written = self.survey.facts(callee).dotted(callee.expr)?;
        match self.survey.symbol(callee) {
            Some(Symbol::External(path)) => Some(path.into()),
            _ => Some(written),
        }
    }

    /// Where the value's chain was started, and parameters that it came from.
    pub(in crate::routes) fn roots(&self, spot: &Spot) -> Vec<Key> {
        let mut found = self.climb(spot, 0, &mut Looked::default());
        found.sort();
        found.dedup();
        let mut params = self.params.borrow_mut();
        for key in &found {
            if let Key::Param(func, position) = key {
                params.insert((*func, *position));
            }
        }
        found
    }

    fn climb(&self, spot: &Spot, steps: u32, looked: &mut Looked) -> Vec<Key> {
        if steps > MAX_LINKS || looked.len() > MAX_LOOKED_AT || !looked.insert(spot.key()) {
            return Vec::new();
        }
        let survey = self.survey;
        let mut all = |parts: &mut dyn Iterator<Item = ExprId>| {
            let mut found = Vec::new();
            for part in parts {
                found.extend(self.climb(&survey.part(spot, part), steps + 1, looked));
            }
            found
        };
        match survey.kind(spot) {
            ExprKind::Call { callee, args } => {
                let callee = survey.part(spot, *callee);
                let path = self.path(&callee);
                if path.is_some_and(|path| (self.starts)(&path)) {
                    return vec![Key::Site(spot.file, spot.expr)];
                }
                if let ExprKind::Attr { base, .. } = survey.kind(&callee) {
                    let below = all(&mut [*base].into_iter());
                    if !below.is_empty() {
                        return below;
                    }
                }
                let called = self.called(&callee);
                if called.is_empty() {
                    // What a library wraps is still what it was.
                    return all(&mut args.iter().map(|arg| arg.value));
                }
                let mut found = Vec::new();
                for func in called {
                    for key in self.returned(func, steps, looked) {
                        match key {
                            Key::Param(of, position) if of == func => {
                                if let Some(arg) = survey.arg(spot, position as usize, "") {
                                    found.extend(self.climb(&arg, steps + 1, looked));
                                }
                            }
                            key => found.push(key),
                        }
                    }
                }
                found
            }
            ExprKind::Await(inner) => all(&mut [*inner].into_iter()),
            ExprKind::Conditional { then, other, .. } => all(&mut [*then, *other].into_iter()),
            ExprKind::Either(parts) => all(&mut parts.iter().copied()),
            ExprKind::Walrus { value, .. } => all(&mut [*value].into_iter()),
            ExprKind::Name(_) | ExprKind::Attr { .. } => {
                let mut found = Vec::new();
                for value in self.values(spot) {
                    match value {
                        Value::Given(given) => found.extend(self.climb(&given, steps + 1, looked)),
                        Value::Param(func, position) => found.push(Key::Param(func, position)),
                    }
                }
                found
            }
            _ => Vec::new(),
        }
    }

    fn returned(&self, func: FuncId, steps: u32, looked: &mut Looked) -> Vec<Key> {
        let mut found = Vec::new();
        for value in self.returns(func) {
            found.extend(self.climb(&value, steps + 1, looked));
        }
        found.sort();
        found.dedup();
        found
    }

    /// What the function returns, each place.
    pub(in crate::routes) fn returns(&self, func: FuncId) -> Vec<Spot> {
        let function = self.survey.program.function(func);
        let facts = self.survey.modules.facts(function.file);
        let mut found = Vec::new();
        each_stmt(&facts.scope(function.scope).body, &mut |stmt| {
            if let StmtKind::Return(Some(value)) = stmt.kind {
                found.push(self.survey.spot(function.file, function.scope, value));
            }
        });
        found
    }

    /// Hangs parameters on what is passed for them.
    pub(in crate::routes) fn link(&self, mounts: &mut Mounts) {
        let mut calls: FxHashMap<FuncId, Vec<&Call>> = FxHashMap::default();
        let mut done = BTreeSet::new();
        if self.params.borrow().is_empty() {
            return;
        }
        for call in self.calls() {
            for func in self.called(&call.callee) {
                calls.entry(func).or_default().push(call);
            }
        }
        loop {
            let next = self
                .params
                .borrow()
                .iter()
                .find(|it| !done.contains(*it))
                .copied();
            let Some((func, position)) = next else { break };
            done.insert((func, position));
            let child = Key::Param(func, position);
            for call in calls.get(&func).into_iter().flatten() {
                if let Some(arg) = self.survey.arg(&call.spot, position as usize, "") {
                    for parent in self.roots(&arg) {
                        mounts.add(child, parent, "");
                    }
                }
            }
            // The closure of a fold, or of `map` on the builder itself.
            let Some(given) = self.lambdas.get(&func) else {
                continue;
            };
            let Some(call) = self.survey.call_at(given) else {
                continue;
            };
            let from = match call.name.as_str() {
                "fold" | "try_fold" => self.survey.arg(given, 0, ""),
                _ => call.base.clone(),
            };
            if let Some(from) = from.filter(|_| position == 0) {
                for parent in self.roots(&from) {
                    mounts.add(child, parent, "");
                }
            }
        }
    }

    /// What a name, path or field stands for at its place.
    fn values(&self, spot: &Spot) -> Vec<Value> {
        let survey = self.survey;
        if let Some(bound) = survey.bound(spot) {
            return vec![Value::Given(bound)];
        }
        let facts = survey.facts(spot);
        let name = match survey.kind(spot) {
            ExprKind::Name(name) => name,
            ExprKind::Attr { name, .. } => {
                if let Some(defined) = survey.definition(spot) {
                    return vec![Value::Given(defined)];
                }
                let field = (spot.file, name.clone());
                let given = self.fields.get(&field).into_iter().flatten();
                return given.cloned().map(Value::Given).collect();
            }
            _ => return Vec::new(),
        };
        let mut scope = Some(spot.scope);
        while let Some(at) = scope {
            let definition = facts.scope(at);
            let mut given = Vec::new();
            let reaching = Reaching {
                facts,
                name,
                at: spot.expr,
            };
            if definition.kind != ScopeKind::Class {
                reaching.body(&definition.body, &mut given);
            }
            if !given.is_empty() {
                let spots = given
                    .into_iter()
                    .map(|value| survey.spot(spot.file, at, value));
                return spots.map(Value::Given).collect();
            }
            let params = definition.params.iter();
            let mut params = params.filter(|param| param.kind != ParamKind::Receiver);
            if let Some(position) = params.position(|param| param.name == *name) {
                let func = survey.program.func_at(spot.file, at);
                let param = |func| Value::Param(func, position as u32);
                return func.map(param).into_iter().collect();
            }
            scope = definition.parent;
        }
        survey
            .definition(spot)
            .map(Value::Given)
            .into_iter()
            .collect()
    }

    /// What a name, path or field was given; nothing of a parameter.
    pub(in crate::routes) fn given(&self, spot: &Spot) -> Vec<Spot> {
        let values = self.values(spot).into_iter();
        values
            .filter_map(|value| match value {
                Value::Given(given) if given.key() != spot.key() => Some(given),
                _ => None,
            })
            .collect()
    }

    // ---- functions

    /// The functions of the tree that are called.
    pub(in crate::routes) fn called(&self, callee: &Spot) -> Vec<FuncId> {
        let known = match self.survey.kind(callee) {
            ExprKind::Name(_) | ExprKind::Attr { .. } | ExprKind::Lambda(_) => {
                self.survey.functions(callee)
            }
            _ => Vec::new(),
        };
        match known.is_empty() {
            true => self.by_name(callee),
            false => known,
        }
    }

    /// The functions that a handler means: itself, below what wraps it.
    pub(in crate::routes) fn handlers(&self, spot: &Spot) -> Vec<FuncId> {
        self.handlers_inner(spot, 0, &mut Looked::default())
    }

    fn handlers_inner(&self, spot: &Spot, steps: u32, looked: &mut Looked) -> Vec<FuncId> {
        if steps > 12 || looked.len() > MAX_LOOKED_AT || !looked.insert(spot.key()) {
            return Vec::new();
        }
        let survey = self.survey;
        match survey.kind(spot) {
            ExprKind::Lambda(scope) => survey
                .program
                .func_at(spot.file, *scope)
                .into_iter()
                .collect(),
            ExprKind::Call { callee, args } => {
                let callee = survey.part(spot, *callee);
                let made: Vec<FuncId> = self.called(&callee);
                if let [func] = made.as_slice() {
                    // A function that makes the handler.
                    for value in self.returns(*func) {
                        if let ExprKind::Lambda(_) = survey.kind(&value) {
                            return self.handlers_inner(&value, steps + 1, looked);
                        }
                    }
                    return made;
                }
                if let ExprKind::Attr { base, .. } = survey.kind(&callee) {
                    let base = survey.part(spot, *base);
                    let below = self.handlers_inner(&base, steps + 1, looked);
                    if !below.is_empty() {
                        return below;
                    }
                }
                let mut args = args.iter().map(|arg| {
                    self.handlers_inner(&survey.part(spot, arg.value), steps + 1, looked)
                });
                args.find(|found| !found.is_empty()).unwrap_or_default()
            }
            ExprKind::Await(inner) => {
                self.handlers_inner(&survey.part(spot, *inner), steps + 1, looked)
            }
            ExprKind::Name(_) | ExprKind::Attr { .. } => {
                let known = self.called(spot);
                if !known.is_empty() {
                    return known;
                }
                let mut found = Vec::new();
                for value in self.values(spot) {
                    if let Value::Given(given) = value {
                        found.extend(self.handlers_inner(&given, steps + 1, looked));
                    }
                }
                found.sort_unstable();
                found.dedup();
                found
            }
            _ => Vec::new(),
        }
    }

    /// The only function that the written path can mean, where nothing else is
    /// known: one of this file that the place can see, or one whose module,
    /// type or crate is called as the path says.
    fn by_name(&self, spot: &Spot) -> Vec<FuncId> {
        let survey = self.survey;
        let facts = survey.facts(spot);
        let Some(path) = facts.dotted(spot.expr) else {
            return match survey.kind(spot) {
                ExprKind::Attr { name, .. } => self.only_method(name),
                _ => Vec::new(),
            };
        };
        if !is_rust(survey, spot.file) || matches!(survey.symbol(spot), Some(Symbol::External(_))) {
            return Vec::new();
        }
        let (before, last) = match path.rsplit_once('.') {
            Some((before, last)) => (Some(before), last),
            None => (None, path.as_str()),
        };
        let Some(named) = self.by_name.get(last) else {
            return Vec::new();
        };
        let mut given = before.map(|before| before.rsplit('.').next().unwrap_or(before).to_owned());
        if given.is_none() {
            let mut around = vec![spot.scope];
            while let Some(parent) = around.last().and_then(|last| facts.scope(*last).parent) {
                around.push(parent);
            }
            for scope in around {
                let here = named.iter().find(|func| {
                    let function = survey.program.function(**func);
                    let parent = survey
                        .modules
                        .facts(function.file)
                        .scope(function.scope)
                        .parent;
                    function.file == spot.file && parent == Some(scope)
                });
                if let Some(func) = here {
                    return vec![*func];
                }
            }
            let imported = self.imported.get(&(spot.file, last));
            given = imported.map(|module| (*module).to_owned());
        }
        let Some(given) = given else {
            return Vec::new();
        };
        let meant: Vec<FuncId> = named
            .iter()
            .copied()
            .filter(|func| self.stands_in(*func, &given, spot.file))
            .collect();
        match meant.as_slice() {
            [_] => meant,
            [] => match survey.kind(spot) {
                ExprKind::Attr { name, .. } if before.is_some() => self.only_method(name),
                _ => Vec::new(),
            },
            _ => self.nearest(&meant, spot.file),
        }
    }

    /// The method that has this name alone.
    fn only_method(&self, name: &str) -> Vec<FuncId> {
        let program = self.survey.program;
        let takes_self = |func: &&FuncId| {
            let function = program.function(**func);
            let scope = self
                .survey
                .modules
                .facts(function.file)
                .scope(function.scope);
            let first = scope.params.first();
            first.is_some_and(|param| param.kind == ParamKind::Receiver)
        };
        match self.by_name.get(name).map(Vec::as_slice) {
            Some([func]) if takes_self(&func) => vec![*func],
            _ => Vec::new(),
        }
    }

    fn stands_in(&self, func: FuncId, module: &str, from: FileId) -> bool {
        let function = self.survey.program.function(func);
        let facts = self.survey.modules.facts(function.file);
        let parent = facts.scope(function.scope).parent;
        if let Some(parent) = parent.filter(|parent| *parent != ScopeId::MODULE) {
            return facts.scope(parent).name == module;
        }
        if matches!(module, "self" | "super" | "crate") {
            let folder = |file| {
                let path = self.survey.modules.facts(file).path.as_str();
                path.rsplit_once('/').map_or("", |(folder, _)| folder)
            };
            return folder(function.file).starts_with(folder(from))
                || folder(from).starts_with(folder(function.file));
        }
        let mut names = facts.path.trim_end_matches(".rs").rsplit('/');
        let own = names.next().unwrap_or_default();
        match own {
            // The module is the folder, or the crate.
            "mod" => names.next() == Some(module),
            "lib" | "main" => {
                let folder = names.next();
                let folder = if folder == Some("src") {
                    names.next()
                } else {
                    folder
                };
                folder.is_some_and(|folder| folder.replace('-', "_") == module)
            }
            own => own == module,
        }
    }

    /// The one of several that lies nearest to a file, if one does.
    fn nearest(&self, funcs: &[FuncId], from: FileId) -> Vec<FuncId> {
        let path = |file| self.survey.modules.facts(file).path.as_str();
        let shared = |func: &FuncId| {
            let file = self.survey.program.function(*func).file;
            let parts = path(file).split('/').zip(path(from).split('/'));
            parts.take_while(|(a, b)| a == b).count()
        };
        let most = funcs.iter().map(shared).max().unwrap_or(0);
        let mut best: Vec<FuncId> = funcs.to_vec();
        best.retain(|func| shared(func) == most && most > 0);
        match best.len() {
            1 => best,
            _ => Vec::new(),
        }
    }
}

/// Which values of a name reach a place: each branch keeps its own, what
/// comes after sees those of both. Expressions are numbered in the order in
/// which they are read, so the place is where the numbers pass it.
struct Reaching<'f> {
    facts: &'f crate::syntax::FileFacts,
    name: &'f str,
    at: ExprId,
}

impl Reaching<'_> {
    /// True if the place stands in the body, or before its end.
    fn body(&self, body: &[Stmt], given: &mut Vec<ExprId>) -> bool {
        for stmt in body {
            let mut own = Vec::new();
            let value = match &stmt.kind {
                StmtKind::Assign { targets, value, .. } => {
                    let binds = targets.iter().any(|target| self.binds(*target));
                    own.push(*value);
                    binds.then_some(*value)
                }
                _ => {
                    roots(stmt, &mut own);
                    None
                }
            };
            if own.iter().any(|expr| *expr >= self.at) {
                return true;
            }
            if let Some(value) = value {
                *given = vec![value];
                continue;
            }
            let before = given.clone();
            let (mut after, mut passed) = (Vec::new(), None);
            let mut has_blocks = false;
            blocks(stmt, &mut |body| {
                has_blocks = true;
                let mut own = before.clone();
                if passed.is_none() && self.body(body, &mut own) {
                    passed = Some(own);
                } else {
                    after.extend(own);
                }
            });
            if let Some(own) = passed {
                *given = own;
                return true;
            }
            if has_blocks {
                after.sort_unstable();
                after.dedup();
                *given = after;
            }
        }
        false
    }

    fn binds(&self, target: ExprId) -> bool {
        match &self.facts.expr(target).kind {
            ExprKind::Name(name) => name == self.name,
            ExprKind::Tuple(parts) | ExprKind::List(parts) => {
                parts.iter().any(|part| self.binds(*part))
            }
            _ => false,
        }
    }
}
