//! A reading of the clock, followed until it is used up.

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::{SmolStr, format_smolstr};

use super::super::Context;
use super::super::support::places::{AllPlaces, Places, Role};
use crate::catalog::Matter;
use crate::effects::{Access, EffectKind, ResourceKind};
use crate::graph::{FuncId, Held, root};
use crate::modules::{FileId, Symbol};
use crate::syntax::facts::{ArgKind, BinaryOp, CompareOp, ExprId, ExprKind, ParamKind, ScopeId};

/// Where a reading ends up.
pub(super) struct End {
    pub(super) kind: EndKind,
    pub(super) file: FileId,
    pub(super) expr: ExprId,
    /// Where the clock was read.
    pub(super) read: (FileId, u32),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum EndKind {
    Decides,
    /// Rows of a table are read by it.
    Selects(SmolStr),
    Column(SmolStr),
    Row(SmolStr),
    FileName,
    Kept(SmolStr),
}

/// The reading itself, or something that holds it: the keys and fields that
/// lead to it, outermost first; `None` for one that is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Form(Vec<Option<SmolStr>>);

/// Readings deeper inside than this are not followed.
const MAX_KEYS: usize = 4;

impl Form {
    fn is_bare(&self) -> bool {
        self.0.is_empty()
    }

    /// What holds it under a key.
    fn within(&self, key: Option<SmolStr>) -> Form {
        let mut keys = vec![key];
        keys.extend(self.0.iter().take(MAX_KEYS).cloned());
        Form(keys)
    }

    /// What stands under a key, if it holds the reading.
    fn picked(&self, key: Option<&SmolStr>) -> Option<Form> {
        let (first, rest) = self.0.split_first()?;
        (first.as_ref() == key && self.0.len() <= MAX_KEYS).then(|| Form(rest.to_vec()))
    }
}

pub(super) fn clocks(ctx: &Context<'_>) -> FxHashSet<(FileId, ExprId)> {
    let effects = ctx.effects.effects.iter();
    effects
        .filter(|effect| effect.kind == EffectKind::Clock)
        .map(|effect| (effect.file, effect.expr))
        .collect()
}

/// Calls that write something, and what.
pub(super) fn writes(ctx: &Context<'_>) -> FxHashMap<(FileId, ExprId), (ResourceKind, SmolStr)> {
    let mut writes = FxHashMap::default();
    for resource in &ctx.effects.resources {
        for access in &resource.accesses {
            if matches!(access.access, Access::Write | Access::Append) {
                let what = (resource.kind, resource.identity.clone());
                writes.insert((access.file, access.expr), what);
            }
        }
    }
    writes
}

/// Calls that read tables, and which.
pub(super) fn reads(ctx: &Context<'_>) -> FxHashMap<(FileId, ExprId), SmolStr> {
    let tables = ctx.effects.resources.iter();
    let tables = tables.filter(|resource| resource.kind == ResourceKind::Table);
    let accesses = tables.flat_map(|table| {
        let reads = table.accesses.iter();
        let reads = reads.filter(|access| access.access == Access::Read);
        reads.map(|access| ((access.file, access.expr), table.identity.clone()))
    });
    accesses.collect()
}

/// Calls whose result is made of what they are given.
const PASSES: &[&str] = &[
    "str",
    "int",
    "float",
    "round",
    "abs",
    "min",
    "max",
    "list",
    "dict",
    "tuple",
    "join",
    "format",
    "Path",
    "dumps",
    "Timestamp",
    "to_datetime",
    "fromtimestamp",
    "combine",
    "datetime",
    "date",
    "Timedelta",
    "strftime",
    "params!",
    "named_params!",
    "vec!",
    "json!",
    "Some",
    "Ok",
    "to_string",
    "to_string_pretty",
    "to_value",
    "to_vec",
    "to_vec_pretty",
];

/// Calls that are handed what to write, not where to.
const CONTENT_FIRST: &[&str] = &[
    "write",
    "writelines",
    "write_text",
    "write_bytes",
    "writerow",
    "writerows",
    "dump",
];

/// Chains of calls beyond this are not followed.
const MAX_DEPTH: usize = 6;
/// Links of a chain of methods that are looked through for its query.
const MAX_LINKS: usize = 12;
/// Names are followed through this many assignments.
const MAX_STEPS: u32 = 3;

pub(super) struct Trace<'c, 'm> {
    pub(super) ctx: &'c Context<'c>,
    pub(super) places: &'c AllPlaces<'m>,
    pub(super) writes: FxHashMap<(FileId, ExprId), (ResourceKind, SmolStr)>,
    pub(super) reads: FxHashMap<(FileId, ExprId), SmolStr>,
    pub(super) clocks: FxHashSet<(FileId, ExprId)>,
    pub(super) seen: FxHashSet<(FileId, ExprId, Form, usize)>,
    pub(super) ends: Vec<End>,
}

/// Calls that were entered with the reading as an argument.
type Stack = Vec<(FileId, ExprId)>;

impl Trace<'_, '_> {
    /// Follows what `expr` holds outward until it is used up.
    pub(super) fn follow(&mut self, stack: &mut Stack, file: FileId, expr: ExprId, form: &Form) {
        let mut form = form.clone();
        let mut at = expr;
        let places = self.places.of(file);
        loop {
            if stack.len() > MAX_DEPTH || !self.seen.insert((file, at, form.clone(), stack.len())) {
                return;
            }
            let Some(parent) = places.parent(at) else {
                return self.statement(stack, file, at, &form);
            };
            let facts = places.facts;
            match &facts.expr(parent).kind {
                ExprKind::Call { args, .. } => {
                    let Some(idx) = args.iter().position(|arg| arg.value == at) else {
                        return;
                    };
                    match self.call(stack, file, parent, idx, &form) {
                        Some(held) => form = held,
                        None => return,
                    }
                }
                ExprKind::Attr { base, name } if *base == at => {
                    let call = places.method_call(at).map(|(call, _)| call);
                    match (form.is_bare(), name.as_str(), call) {
                        (false, "get" | "pop", Some(call)) => {
                            let Some(picked) = picks(facts, call, &form) else {
                                return;
                            };
                            form = picked;
                            at = call;
                            continue;
                        }
                        (false, name, Some(call)) => {
                            // `unwrap`, `clone`: what held it still does.
                            let catalog = self.ctx.catalog;
                            if !root::is_idiom(catalog, facts.rules.root, name) {
                                return;
                            }
                            at = call;
                            continue;
                        }
                        (false, _, None) => match form.picked(Some(name)) {
                            Some(picked) => form = picked,
                            None => return,
                        },
                        (true, "duration_since" | "signed_duration_since", Some(call)) => {
                            // From one reading to another: how long it took.
                            let ExprKind::Call { args, .. } = &facts.expr(call).kind else {
                                return;
                            };
                            let mut given = args.iter();
                            if given.any(|arg| self.is_clock(&places, file, arg.value)) {
                                return;
                            }
                            at = call;
                            continue;
                        }
                        (true, _, Some(call)) => {
                            at = call;
                            continue;
                        }
                        (true, _, None) => {}
                    }
                }
                ExprKind::Item { base, index } if *base == at => {
                    if !form.is_bare() {
                        let key = match &facts.expr(*index).kind {
                            ExprKind::Str(picked) => Some(picked),
                            _ => None,
                        };
                        match form.picked(key) {
                            Some(picked) => form = picked,
                            None => return,
                        }
                    }
                }
                ExprKind::Compare { ops, operands } => {
                    let identity = |op: &CompareOp| matches!(op, CompareOp::Is | CompareOp::IsNot);
                    // `time.time() > deadline`: how long it took, not when.
                    let others = operands.iter().filter(|other| **other != at);
                    if others
                        .copied()
                        .any(|other| self.is_moment(&places, file, other, 0))
                    {
                        return;
                    }
                    if form.is_bare() && !ops.iter().all(identity) {
                        self.end(stack, EndKind::Decides, file, parent);
                    }
                    return;
                }
                ExprKind::Binary { op, left, right } => {
                    let other = if *left == at { *right } else { *left };
                    if *op == BinaryOp::Sub && self.is_clock(&places, file, other) {
                        return;
                    }
                }
                ExprKind::Conditional { test, .. } if *test == at => return,
                ExprKind::Dict(entries) => {
                    let key = entries
                        .iter()
                        .find(|(_, value)| *value == at)
                        .and_then(|(key, _)| *key);
                    if let Some(key) = key {
                        form = form.within(match &facts.expr(key).kind {
                            ExprKind::Str(key) => Some(key.clone()),
                            _ => None,
                        });
                    }
                }
                ExprKind::Tuple(_) | ExprKind::List(_) | ExprKind::Set(_) => {
                    form = form.within(None);
                }
                ExprKind::Comprehension { .. } => {}
                ExprKind::Format(_)
                | ExprKind::Either(_)
                | ExprKind::Conditional { .. }
                | ExprKind::Unary { .. }
                | ExprKind::Await(_)
                | ExprKind::Starred(_)
                | ExprKind::Yield(_)
                | ExprKind::Walrus { .. } => {}
                _ => return,
            }
            at = parent;
        }
    }

    /// The value stands in no other expression.
    fn statement(&mut self, stack: &mut Stack, file: FileId, expr: ExprId, form: &Form) {
        let places = self.places.of(file);
        match places.role(expr) {
            Role::Assigned(targets) => {
                for target in targets {
                    self.assigned(stack, file, *target, form);
                }
            }
            Role::Augments(target) => self.assigned(stack, file, target, form),
            Role::Returned => self.returned(stack, file, places.owner(expr), form),
            _ => {}
        }
    }

    fn assigned(&mut self, stack: &mut Stack, file: FileId, target: ExprId, form: &Form) {
        let places = self.places.of(file);
        let facts = places.facts;
        match &facts.expr(target).kind {
            ExprKind::Name(name) => {
                let owner = places.owner(target);
                if facts.scope(owner).globals.contains(name) {
                    self.end(stack, EndKind::Kept(name.clone()), file, target);
                    return;
                }
                self.uses(stack, file, owner, name, form);
            }
            ExprKind::Item { base, index } => {
                let key = match &facts.expr(*index).kind {
                    ExprKind::Str(key) => Some(key.clone()),
                    _ => None,
                };
                let named = |what: &str| {
                    key.as_ref().map_or_else(
                        || SmolStr::from(what),
                        |key| format_smolstr!("{what} {key}"),
                    )
                };
                if self.holds_frame(file, *base) {
                    self.end(stack, EndKind::Column(named("column")), file, target);
                } else if let Some(name) = self.global(file, *base) {
                    self.end(stack, EndKind::Kept(name), file, target);
                } else if let ExprKind::Name(name) = &facts.expr(*base).kind {
                    let owner = places.owner(target);
                    self.uses(stack, file, owner, name, &form.within(key));
                }
            }
            ExprKind::Attr { .. } => {
                if let Some(name) = self.global(file, target) {
                    self.end(stack, EndKind::Kept(name), file, target);
                }
            }
            _ => {}
        }
    }

    fn uses(&mut self, stack: &mut Stack, file: FileId, owner: ScopeId, name: &str, form: &Form) {
        let places = self.places.of(file);
        for at in places.uses(owner, name) {
            let binds = places.parent(*at).is_none()
                && matches!(places.role(*at), Role::Target | Role::Augmented);
            if !binds {
                self.follow(stack, file, *at, form);
            }
        }
    }

    /// Given back: to the call that it came in by, or to every caller.
    fn returned(&mut self, stack: &mut Stack, file: FileId, owner: ScopeId, form: &Form) {
        if let Some((file, call)) = stack.pop() {
            self.follow(stack, file, call, form);
            stack.push((file, call));
            return;
        }
        let Some(func) = self.ctx.program.func_at(file, owner) else {
            return;
        };
        let edges = &self.ctx.call_graph.calls;
        let edges: Vec<_> = edges.iter().filter(|edge| edge.callee == func).collect();
        for edge in edges {
            self.follow(&mut Vec::new(), edge.file, edge.expr, form);
        }
    }

    /// The value is argument `idx` of `call`: how the result holds it.
    fn call(
        &mut self,
        stack: &mut Stack,
        file: FileId,
        call: ExprId,
        idx: usize,
        form: &Form,
    ) -> Option<Form> {
        let places = self.places.of(file);
        let facts = places.facts;
        let ExprKind::Call { callee, args } = &facts.expr(call).kind else {
            return None;
        };
        if let Some((kind, identity)) = self.writes.get(&(file, call)).cloned() {
            let kind = match kind {
                ResourceKind::File | ResourceKind::Model | ResourceKind::Blob => {
                    let method = match &facts.expr(*callee).kind {
                        ExprKind::Attr { name, .. } | ExprKind::Name(name) => name.as_str(),
                        _ => "",
                    };
                    let by_position = args[idx].kind == ArgKind::Positional;
                    let is_content = match self.name_position(file, call) {
                        Some(named) => idx != named,
                        None => idx == 0,
                    };
                    match by_position && is_content && CONTENT_FIRST.contains(&method) {
                        true => Some(EndKind::Row(format_smolstr!("file {identity}"))),
                        false => form.is_bare().then_some(EndKind::FileName),
                    }
                }
                ResourceKind::Table => Some(EndKind::Row(format_smolstr!("table {identity}"))),
                ResourceKind::Queue => Some(EndKind::Row(format_smolstr!("queue {identity}"))),
                _ => None,
            };
            if let Some(kind) = kind {
                self.end(stack, kind, file, call);
                return None;
            }
        }
        if let Some(table) = self.selected(&places, file, call, *callee) {
            self.end(stack, EndKind::Selects(table), file, call);
            return None;
        }
        let edges: Vec<FuncId> = self
            .ctx
            .call_graph
            .calls_at(file, call)
            .map(|edge| edge.callee)
            .collect();
        for callee in &edges {
            self.enter(stack, (file, call), *callee, idx, form);
        }
        if !edges.is_empty() {
            return None;
        }
        let last = match &facts.expr(*callee).kind {
            ExprKind::Name(name) | ExprKind::Attr { name, .. } => name.as_str(),
            _ => return None,
        };
        if let Some(name) = self.built_row(&places, file, *callee) {
            self.end(stack, EndKind::Row(name), file, call);
            return None;
        }
        if let Some(field) = args[idx].name.as_ref() {
            let held = self.ctx.call_graph.held(file, *callee);
            if held.iter().any(|held| matches!(held, Held::Class(_))) {
                return Some(form.within(Some(field.clone())));
            }
        }
        if let ExprKind::Attr { base, .. } = &facts.expr(*callee).kind
            && matches!(
                last,
                "append" | "add" | "insert" | "extend" | "put" | "update" | "appendleft"
            )
        {
            if let Some(name) = self.global(file, *base) {
                self.end(stack, EndKind::Kept(name), file, call);
            } else if let ExprKind::Name(name) = &facts.expr(*base).kind {
                let owner = places.owner(call);
                self.uses(stack, file, owner, name, &form.within(None));
            }
            return None;
        }
        let passes = PASSES.contains(&last) || (last == "DataFrame" && !form.is_bare());
        passes.then(|| form.clone())
    }

    /// True if it reads the clock only to tell how long ago another reading was.
    pub(super) fn measures(&self, file: FileId, expr: ExprId) -> bool {
        let places = self.places.of(file);
        let facts = places.facts;
        let ExprKind::Call { callee, .. } = &facts.expr(expr).kind else {
            return false;
        };
        match &facts.expr(*callee).kind {
            ExprKind::Attr { base, name } => {
                name == "elapsed" && self.is_clock(&places, file, *base)
            }
            _ => false,
        }
    }

    /// The position of the argument that names the file which `call` writes.
    fn name_position(&self, file: FileId, call: ExprId) -> Option<usize> {
        let mut calls = self.ctx.call_graph.library_calls_at(file, call);
        calls.find_map(|call| {
            let entry = self.ctx.catalog.call(&call.path)?;
            let mut on_files = entry
                .effects
                .iter()
                .filter(|effect| matches!(effect.on, Matter::File | Matter::Model | Matter::Blob));
            on_files.find_map(|effect| effect.position.map(|position| position as usize))
        })
    }

    /// The table whose row `callee` is called on, as in
    /// `query("INSERT …").bind(now)`.
    fn built_row(&self, places: &Places<'_>, file: FileId, callee: ExprId) -> Option<SmolStr> {
        let facts = places.facts;
        let mut at = callee;
        loop {
            at = match &facts.expr(at).kind {
                ExprKind::Attr { base, .. } => *base,
                ExprKind::Call { callee, .. } => {
                    let written = self.writes.get(&(file, at));
                    if let Some((ResourceKind::Table, identity)) = written {
                        return Some(format_smolstr!("table {identity}"));
                    }
                    *callee
                }
                _ => return None,
            };
        }
    }

    /// The table that `call` reads with what it is given: the call itself
    /// names it, or the query does that it is a method of.
    fn selected(
        &self,
        places: &Places<'_>,
        file: FileId,
        call: ExprId,
        callee: ExprId,
    ) -> Option<SmolStr> {
        if let Some(table) = self.reads.get(&(file, call)) {
            return Some(table.clone());
        }
        let facts = places.facts;
        let mut at = callee;
        for _ in 0..MAX_LINKS {
            at = match &facts.expr(at).kind {
                ExprKind::Attr { base, .. } => *base,
                ExprKind::Await(inner) => *inner,
                ExprKind::Call { callee, .. } => {
                    if let Some(table) = self.reads.get(&(file, at)) {
                        return Some(table.clone());
                    }
                    *callee
                }
                ExprKind::Name(name) => places.given(places.owner(at), name)?,
                _ => return None,
            };
        }
        None
    }

    /// Follows a parameter of `callee`.
    fn enter(
        &mut self,
        stack: &mut Stack,
        site: (FileId, ExprId),
        callee: FuncId,
        idx: usize,
        form: &Form,
    ) {
        let (file, call) = site;
        let ExprKind::Call { args, .. } = &self.ctx.modules.facts(file).expr(call).kind else {
            return;
        };
        let function = self.ctx.program.function(callee);
        let scope = self.ctx.modules.facts(function.file).scope(function.scope);
        let first = scope.params.first();
        let has_receiver = function.class.is_some()
            && first.is_some_and(|first| {
                matches!(first.name.as_str(), "self" | "cls") || first.kind == ParamKind::Receiver
            });
        let param = match &args[idx].name {
            Some(name) => scope.params.iter().find(|param| param.name == *name),
            None => scope.params.get(idx + usize::from(has_receiver)),
        };
        let Some(param) = param.map(|param| param.name.clone()) else {
            return;
        };
        stack.push(site);
        self.uses(stack, function.file, function.scope, &param, form);
        stack.pop();
    }

    /// Notes an end, at the place where the reading left the function that
    /// had it.
    fn end(&mut self, stack: &[(FileId, ExprId)], kind: EndKind, file: FileId, expr: ExprId) {
        let (file, expr) = stack.first().copied().unwrap_or((file, expr));
        self.ends.push(End {
            kind,
            file,
            expr,
            read: (file, 0),
        });
    }

    /// True if `expr` holds a reading too: the difference is a duration.
    fn is_clock(&self, places: &Places<'_>, file: FileId, expr: ExprId) -> bool {
        if self.reads_clock(file, expr) {
            return true;
        }
        let facts = places.facts;
        let same = |target: ExprId| match (&facts.expr(target).kind, &facts.expr(expr).kind) {
            (ExprKind::Name(a), ExprKind::Name(b)) => {
                a == b && places.owner(target) == places.owner(expr)
            }
            (ExprKind::Attr { name: a, .. }, ExprKind::Attr { name: b, .. }) => a == b,
            _ => false,
        };
        (0..facts.exprs.len() as u32).map(ExprId).any(|value| {
            matches!(places.role(value), Role::Assigned(targets) if targets.iter().any(|t| same(*t)))
                && self.reads_clock(file, value)
        })
    }

    /// True if `expr` is a reading, or one moved by a while: `time.time() + 5`.
    fn is_moment(&self, places: &Places<'_>, file: FileId, expr: ExprId, steps: u32) -> bool {
        if steps > MAX_STEPS {
            return false;
        }
        if self.is_clock(places, file, expr) {
            return true;
        }
        let facts = places.facts;
        match &facts.expr(expr).kind {
            ExprKind::Binary {
                op: BinaryOp::Add,
                left,
                right,
            } => [*left, *right]
                .into_iter()
                .any(|side| self.is_moment(places, file, side, steps + 1)),
            ExprKind::Name(name) => {
                let owner = places.owner(expr);
                let is_it = |target: &ExprId| {
                    matches!(&facts.expr(*target).kind, ExprKind::Name(own) if own == name)
                        && places.owner(*target) == owner
                };
                (0..facts.exprs.len() as u32).map(ExprId).any(|value| {
                    matches!(&facts.expr(value).kind, ExprKind::Binary { .. })
                        && matches!(places.role(value), Role::Assigned(targets) if targets.iter().any(is_it))
                        && self.is_moment(places, file, value, steps + 1)
                })
            }
            _ => false,
        }
    }

    /// True if `expr` is a reading, or calls a function that gives one back.
    fn reads_clock(&self, file: FileId, expr: ExprId) -> bool {
        if self.clocks.contains(&(file, expr)) {
            return true;
        }
        let mut edges = self.ctx.call_graph.calls_at(file, expr);
        edges.any(|edge| {
            let function = self.ctx.program.function(edge.callee);
            let mut clocks = self.clocks.iter();
            clocks.any(|(file, clock)| {
                let places = (*file == function.file).then(|| self.places.of(*file));
                places.is_some_and(|places| {
                    places.role(*clock) == Role::Returned && places.owner(*clock) == function.scope
                })
            })
        })
    }

    fn holds_frame(&self, file: FileId, expr: ExprId) -> bool {
        let held = self.ctx.call_graph.held(file, expr);
        held.iter().any(|held| {
            matches!(held, Held::Object(path, _) if path.ends_with("DataFrame") || path.ends_with("Series") || path.starts_with("pandas."))
        })
    }

    /// The module-level variable that `expr` names, seen from a function.
    fn global(&self, file: FileId, expr: ExprId) -> Option<SmolStr> {
        let places = self.places.of(file);
        let path = places.facts.dotted(expr)?;
        let first = path.split('.').next().unwrap_or(&path);
        let owner = places.owner(expr);
        let scope = places.facts.scope(owner);
        let own = crate::graph::locals(places.facts, owner);
        if own.contains(first) && !scope.globals.iter().any(|name| name == first) {
            return None;
        }
        match self.ctx.modules.symbol(file, ScopeId::MODULE, &path) {
            Some(Symbol::Variable(_, name)) => Some(name),
            _ => None,
        }
    }
}

/// What `call`, a `get`, picks of what holds the reading.
fn picks(facts: &crate::syntax::FileFacts, call: ExprId, form: &Form) -> Option<Form> {
    let ExprKind::Call { args, .. } = &facts.expr(call).kind else {
        return None;
    };
    match args.first().map(|arg| &facts.expr(arg.value).kind) {
        Some(ExprKind::Str(picked)) => form.picked(Some(picked)),
        _ => form.picked(None),
    }
}
