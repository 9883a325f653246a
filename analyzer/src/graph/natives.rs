//! Calls of what a crate of the tree gives to another language: PyO3's
//! functions, classes and methods, by the names they are called by there.
//!
//! To the graph such a module is a library. What it is asked for is looked up
//! by the qualified name of the call: functions by their names, classes as
//! what makes them (`#[new]`), methods through the instance, or through what a
//! function is declared to give. Properties are called where they are read or set.

use std::collections::BTreeSet;

use super::call::{CallEdge, CallGraph, Held};
use super::program::{ClassId, FuncId, Program};
use super::solve::Certainty;
use crate::modules::natives::{Native, called, decorated};
use crate::modules::{ModuleSet, Symbol};
use crate::syntax::FileFacts;
use crate::syntax::facts::{ExprId, ExprKind, ImportRule, Param, ScopeId, StmtKind};
use crate::syntax::walk::{each_expr, each_stmt};

/// Types that stand around what a function gives.
const AROUND: &[&str] = &[
    "Result", "PyResult", "Option", "Py", "PyRef", "PyRefMut", "Bound", "Box", "Vec",
];

/// A step on the way of a qualified name.
#[derive(Clone, Copy)]
enum Step {
    Function(FuncId),
    Class(ClassId),
}

/// The calls over the boundary, from who calls to what runs.
pub(super) fn calls(
    modules: &ModuleSet,
    program: &Program,
    call_graph: &CallGraph,
) -> Vec<CallEdge> {
    let natives = modules.natives();
    if natives.all.is_empty() {
        return Vec::new();
    }
    let lookup = Lookup { modules, program };
    let mut found = Vec::new();
    for call in &call_graph.library_calls {
        let Some((native, rest)) = natives.lead(&call.path) else {
            continue;
        };
        let callee = match lookup.find(native, rest) {
            Some(Step::Function(func)) => Some(func),
            Some(Step::Class(class)) => lookup.maker(class),
            None => None,
        };
        found.extend(callee.map(|callee| CallEdge {
            caller: call.caller,
            callee,
            file: call.file,
            expr: call.expr,
            line: call.line,
            certainty: Certainty::Inferred,
        }));
    }
    for func in program.func_ids() {
        lookup.properties(call_graph, func, &mut found);
    }
    found
}

/// A parameter that no caller of the other language gives.
pub(super) fn is_filled_in(facts: &FileFacts, param: &Param) -> bool {
    let ty = param.annotation.map(|ty| match &facts.expr(ty).kind {
        ExprKind::Item { base, .. } => *base,
        _ => ty,
    });
    let path = ty.and_then(|ty| facts.dotted(ty));
    let last = path.as_deref().and_then(|path| path.rsplit('.').next());
    last == Some("Python")
}

struct Lookup<'l> {
    modules: &'l ModuleSet,
    program: &'l Program,
}

impl Lookup<'_> {
    /// What the name `path` inside `native` means.
    fn find(&self, native: &Native, path: &str) -> Option<Step> {
        let names: Vec<&str> = path.split('.').filter(|name| !name.is_empty()).collect();
        let mut at: Option<Step> = None;
        let mut part = String::new();
        for name in names {
            // What a call gives is called after it.
            let name = name.trim_end_matches("()");
            at = match at {
                None => {
                    if !part.is_empty() {
                        part.push('.');
                    }
                    part.push_str(name);
                    match native.functions.get(part.as_str()) {
                        Some((file, scope)) => {
                            self.program.func_at(*file, *scope).map(Step::Function)
                        }
                        None if native.is_part(&part) => None,
                        None => {
                            let (file, scope) = native.classes.get(name)?;
                            Some(Step::Class(self.program.class_at(*file, *scope)?))
                        }
                    }
                }
                Some(Step::Class(class)) => Some(Step::Function(self.method(class, name)?)),
                Some(Step::Function(func)) => {
                    let class = self.given(func)?;
                    Some(Step::Function(self.method(class, name)?))
                }
            };
        }
        at
    }

    /// The class of what `func` is declared to give.
    fn given(&self, func: FuncId) -> Option<ClassId> {
        let function = self.program.function(func);
        let facts = self.modules.facts(function.file);
        let mut ty = facts.scope(function.scope).returns?;
        loop {
            match &facts.expr(ty).kind {
                ExprKind::Item { base, index } if is_around(facts, *base) => ty = *index,
                ExprKind::Tuple(parts) => {
                    // `Result[(T, E)]`, `Bound['py, T]`.
                    let named = |part: &&ExprId| facts.dotted(**part).is_some();
                    ty = *parts.iter().find(named).or(parts.first())?;
                }
                ExprKind::Item { base, .. } => ty = *base,
                _ => break,
            }
        }
        let path = facts.dotted(ty)?;
        if path == "Self" {
            let class = function.class?;
            return Some(self.program.subject(class));
        }
        match self.modules.symbol(function.file, function.scope, &path)? {
            Symbol::Scope(file, scope) => self.program.class_at(file, scope),
            _ => None,
        }
    }

    /// What makes an instance: the function marked `#[new]`.
    fn maker(&self, class: ClassId) -> Option<FuncId> {
        self.methods(class)
            .find(|func| self.is_marked(*func, "new"))
    }

    /// The method that is called `name` outside.
    fn method(&self, class: ClassId, name: &str) -> Option<FuncId> {
        let mut methods = self.methods(class);
        methods.find(|func| {
            let property = ["getter", "setter", "new"];
            !property.iter().any(|mark| self.is_marked(*func, mark)) && self.outside(*func) == name
        })
    }

    /// The function that reads the property `name`, or sets it.
    fn property(&self, class: ClassId, name: &str, sets: bool) -> Option<FuncId> {
        let (mark, prefix) = match sets {
            true => ("setter", "set_"),
            false => ("getter", "get_"),
        };
        let mut methods = self.methods(class);
        methods.find(|func| {
            let function = self.program.function(*func);
            let facts = self.modules.facts(function.file);
            let Some(args) = decorated(facts, function.scope, mark) else {
                return false;
            };
            let given = args.first().and_then(|arg| facts.dotted(arg.value));
            let own = self.outside(*func);
            let own = own.strip_prefix(prefix).unwrap_or(&own);
            given.as_deref().unwrap_or(own) == name
        })
    }

    /// Methods that the type has itself, then those of what it extends.
    fn methods(&self, class: ClassId) -> impl Iterator<Item = FuncId> {
        let mut chain = vec![class];
        while let Some(base) = chain.last().and_then(|class| self.extended(*class)) {
            if chain.contains(&base) {
                break;
            }
            chain.push(base);
        }
        let classes = chain
            .into_iter()
            .flat_map(|class| self.program.class(class).mro.iter());
        classes.flat_map(|class| self.program.class(*class).methods.values().copied())
    }

    /// `#[pyclass(extends = Base)]`
    fn extended(&self, class: ClassId) -> Option<ClassId> {
        let class = self.program.class(class);
        let facts = self.modules.facts(class.file);
        let args = decorated(facts, class.scope, "pyclass")?;
        let base = args
            .iter()
            .find(|arg| arg.name.as_deref() == Some("extends"))?;
        let path = facts.dotted(base.value)?;
        let around = facts.scope(class.scope).parent.unwrap_or(ScopeId::MODULE);
        match self.modules.symbol(class.file, around, &path)? {
            Symbol::Scope(file, scope) => self.program.class_at(file, scope),
            _ => None,
        }
    }

    fn is_marked(&self, func: FuncId, mark: &str) -> bool {
        let function = self.program.function(func);
        decorated(self.modules.facts(function.file), function.scope, mark).is_some()
    }

    fn outside(&self, func: FuncId) -> smol_str::SmolStr {
        let function = self.program.function(func);
        called(self.modules.facts(function.file), function.scope, "pyo3")
    }

    /// Properties that `func` reads or sets.
    fn properties(&self, call_graph: &CallGraph, func: FuncId, found: &mut Vec<CallEdge>) {
        let function = self.program.function(func);
        let facts = self.modules.facts(function.file);
        if facts.rules.imports != ImportRule::Packages {
            return;
        }
        let mut set = BTreeSet::new();
        each_stmt(&facts.scope(function.scope).body, &mut |stmt| {
            if let StmtKind::Assign { targets, .. } = &stmt.kind {
                set.extend(targets.iter().copied());
            }
        });
        let mut callees = BTreeSet::new();
        let mut read: Vec<(ExprId, ExprId)> = Vec::new();
        each_expr(
            facts,
            function.scope,
            &mut |expr| match &facts.expr(expr).kind {
                ExprKind::Call { callee, .. } => {
                    callees.insert(*callee);
                }
                ExprKind::Attr { base, .. } => read.push((expr, *base)),
                _ => {}
            },
        );
        for (expr, base) in read {
            let ExprKind::Attr { name, .. } = &facts.expr(expr).kind else {
                continue;
            };
            if callees.contains(&expr) {
                continue;
            }
            for held in call_graph.held(function.file, base) {
                let Held::Object(path, _) = held else {
                    continue;
                };
                let Some((native, rest)) = self.modules.natives().lead(&path) else {
                    continue;
                };
                let Some(Step::Class(class)) = self.find(native, rest) else {
                    continue;
                };
                found.extend(
                    self.property(class, name, set.contains(&expr))
                        .map(|callee| CallEdge {
                            caller: self.program.home(func),
                            callee,
                            file: function.file,
                            expr,
                            line: facts.expr(expr).line,
                            certainty: Certainty::Inferred,
                        }),
                );
            }
        }
    }
}

fn is_around(facts: &FileFacts, base: ExprId) -> bool {
    let path = facts.dotted(base);
    let last = path.as_deref().and_then(|path| path.rsplit('.').next());
    last.is_some_and(|last| AROUND.contains(&last))
}

#[cfg(test)]
mod tests;
