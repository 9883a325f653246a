//! What a name was given, where it has one value only: in its own scope, in
//! those around it, in the module that it is imported from, in the one call of
//! the function whose parameter it is; and the options of command lines.

use rustc_hash::FxHashMap;
use smol_str::{SmolStr, format_smolstr};

use super::{last, named};
use crate::modules::{At, FileId, ModuleSet, Symbol};
use crate::syntax::facts::{
    Arg, ArgKind, ExprId, ExprKind, ImportBinds, LoopHead, ParamKind, ScopeId, ScopeKind, StmtKind,
};
use crate::syntax::walk::{each_expr, each_stmt};

/// Names are followed through this many others.
const MAX_STEPS: u32 = 12;

/// What makes a part of a parser of command lines.
const PARTS: [&str; 4] = [
    "add_argument_group",
    "add_mutually_exclusive_group",
    "add_parser",
    "add_subparsers",
];

/// What a scope says of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Binding {
    /// It is assigned this, in this scope.
    Value(ScopeId, ExprId),
    /// It is a parameter at this position.
    Param(usize),
    Import,
    /// It is something else, or several things.
    Unknown,
}

/// A name in the scope that binds it.
type Home = (ScopeId, SmolStr);

/// One file.
#[derive(Default)]
struct Names {
    bindings: FxHashMap<Home, Binding>,
    /// Calls by the name that is called.
    calls: FxHashMap<SmolStr, Vec<(ScopeId, ExprId)>>,
    /// Values where nothing is said, by the parser and the option.
    options: Option<FxHashMap<(Home, SmolStr), Vec<At>>>,
}

/// The names of a tree, read file by file as they are asked for.
pub(super) struct Bound<'m> {
    pub(super) modules: &'m ModuleSet,
    files: FxHashMap<FileId, Names>,
    imported: FxHashMap<(FileId, ScopeId, SmolStr), Option<Symbol>>,
}

impl<'m> Bound<'m> {
    pub(super) fn new(modules: &'m ModuleSet) -> Bound<'m> {
        Bound {
            modules,
            files: FxHashMap::default(),
            imported: FxHashMap::default(),
        }
    }

    /// What the name, or the attribute of a module or class, was given.
    pub(super) fn value(&mut self, at: At) -> Option<At> {
        let path = self.modules.facts(at.file).dotted(at.expr)?;
        match path.split_once('.') {
            None => self.of_name(at.file, at.scope, &path),
            Some((first, _)) => {
                let (scope, name) = self.home(at.file, at.scope, first)?;
                match self.binding(at.file, scope, &name)? {
                    Binding::Import => self.through(at.file, scope, &path),
                    // A class of this file.
                    Binding::Unknown => {
                        let (class, name) = path.rsplit_once('.')?;
                        match self.symbol(at.file, at.scope, class)? {
                            Symbol::Scope(file, scope) => self.of_class(file, scope, name),
                            _ => None,
                        }
                    }
                    Binding::Value(..) | Binding::Param(_) => None,
                }
            }
        }
    }

    /// The value where nothing is said of the option that `name` of `parsed`
    /// holds: `args` of `args = parser.parse_args()`.
    pub(super) fn option(&mut self, parsed: At, name: &str) -> Option<At> {
        let (file, parser) = self.parser(parsed)?;
        let option = format_smolstr!("--{}", name.replace('_', "-"));
        let options = self.options(file).get(&(parser, option))?;
        match options.as_slice() {
            [only] => Some(*only),
            _ => None,
        }
    }

    /// The parser whose arguments the expression is.
    fn parser(&mut self, parsed: At) -> Option<(FileId, Home)> {
        let mut at = parsed;
        for _ in 0..MAX_STEPS {
            let facts = self.modules.facts(at.file);
            at = match &facts.expr(at.expr).kind {
                ExprKind::Name(_) => self.value(at)?,
                ExprKind::Call { callee, .. } => match &facts.expr(*callee).kind {
                    ExprKind::Attr { base, name } if name == "parse_args" => {
                        let parser = self.root(at.part(*base))?;
                        return Some((at.file, parser));
                    }
                    // `parse()` that returns `parser.parse_args()`.
                    ExprKind::Name(name) => match self.symbol(at.file, at.scope, name)? {
                        Symbol::Scope(file, scope) => self.returned(file, scope)?,
                        _ => return None,
                    },
                    _ => return None,
                },
                _ => return None,
            };
        }
        None
    }

    /// The parser itself, of a group of its options or a command of its own.
    fn root(&mut self, parser: At) -> Option<Home> {
        let mut at = parser;
        for _ in 0..MAX_STEPS {
            let facts = self.modules.facts(at.file);
            let ExprKind::Name(name) = &facts.expr(at.expr).kind else {
                return None;
            };
            let home = self.home(at.file, at.scope, name);
            let home = home.unwrap_or_else(|| (ScopeId::MODULE, name.clone()));
            let Some(Binding::Value(scope, expr)) = self.binding(at.file, home.0, &home.1) else {
                return Some(home);
            };
            let value = At { scope, expr, ..at };
            match &facts.expr(value.expr).kind {
                ExprKind::Call { callee, .. } => match &facts.expr(*callee).kind {
                    ExprKind::Attr { base, name } if PARTS.contains(&name.as_str()) => {
                        at = value.part(*base);
                    }
                    _ => return Some(home),
                },
                _ => return Some(home),
            }
        }
        None
    }

    fn options(&mut self, file: FileId) -> &FxHashMap<(Home, SmolStr), Vec<At>> {
        if self.names(file).options.is_none() {
            let facts = self.modules.facts(file);
            let mut options: FxHashMap<_, Vec<At>> = FxHashMap::default();
            let calls = self.names(file).calls.get("add_argument").cloned();
            for (scope, expr) in calls.unwrap_or_default() {
                let at = At { file, scope, expr };
                let ExprKind::Call { callee, args } = &facts.expr(expr).kind else {
                    continue;
                };
                let ExprKind::Attr { base, .. } = &facts.expr(*callee).kind else {
                    continue;
                };
                let (Some(parser), Some(default)) =
                    (self.root(at.part(*base)), named(args, "default"))
                else {
                    continue;
                };
                for arg in args {
                    if let ExprKind::Str(option) = &facts.expr(arg.value).kind
                        && option.starts_with("--")
                    {
                        let key = (parser.clone(), option.clone());
                        options.entry(key).or_default().push(at.part(default));
                    }
                }
            }
            self.files.entry(file).or_default().options = Some(options);
        }
        self.names(file).options.get_or_insert_default()
    }

    fn of_name(&mut self, file: FileId, scope: ScopeId, name: &str) -> Option<At> {
        let Some((home, name)) = self.home(file, scope, name) else {
            // `from conf import *`
            return self.through(file, scope, name);
        };
        match self.binding(file, home, &name)? {
            Binding::Value(scope, expr) => Some(At { file, scope, expr }),
            Binding::Param(position) => self.given(file, home, &name, position),
            Binding::Import => self.through(file, home, &name),
            Binding::Unknown => None,
        }
    }

    /// What an imported path was given in its own module.
    fn through(&mut self, file: FileId, scope: ScopeId, path: &str) -> Option<At> {
        if let Some(Symbol::Variable(file, name)) = self.symbol(file, scope, path) {
            return match self.binding(file, ScopeId::MODULE, &name)? {
                Binding::Value(scope, expr) => Some(At { file, scope, expr }),
                _ => None,
            };
        }
        let (class, name) = path.rsplit_once('.')?;
        match self.symbol(file, scope, class)? {
            Symbol::Scope(file, scope) => self.of_class(file, scope, name),
            _ => None,
        }
    }

    fn of_class(&mut self, file: FileId, class: ScopeId, name: &str) -> Option<At> {
        let is_class = self.modules.facts(file).scope(class).kind == ScopeKind::Class;
        match self.binding(file, class, name).filter(|_| is_class)? {
            Binding::Value(scope, expr) => Some(At { file, scope, expr }),
            _ => None,
        }
    }

    /// What a parameter is given by the only call of its function in the file.
    fn given(&mut self, file: FileId, func: ScopeId, name: &str, position: usize) -> Option<At> {
        let facts = self.modules.facts(file);
        let definition = facts.scope(func);
        let param = definition.params.get(position)?;
        let outer = definition.parent?;
        let home = self.home(file, outer, &definition.name)?;
        let calls = self.names(file).calls.get(&definition.name).cloned()?;
        let [(scope, expr)] = calls.as_slice() else {
            return None;
        };
        let ExprKind::Call { callee, args } = &facts.expr(*expr).kind else {
            return None;
        };
        let is_it = matches!(&facts.expr(*callee).kind, ExprKind::Name(_));
        if !is_it || self.home(file, *scope, &definition.name)? != home || spreads(args) {
            return None;
        }
        let positional = args.iter().filter(|arg| arg.kind == ArgKind::Positional);
        let plain = matches!(param.kind, ParamKind::Plain | ParamKind::PositionalOnly);
        let by_position = positional.map(|arg| arg.value).nth(position);
        let given = named(args, name).or(by_position.filter(|_| plain));
        let at = |scope, expr| At { file, scope, expr };
        given
            .map(|expr| at(*scope, expr))
            .or_else(|| Some(at(outer, param.default?)))
    }

    /// The only thing that a function returns.
    fn returned(&self, file: FileId, func: ScopeId) -> Option<At> {
        let mut returned = Vec::new();
        each_stmt(&self.modules.facts(file).scope(func).body, &mut |stmt| {
            if let StmtKind::Return(value) = &stmt.kind {
                returned.push(*value);
            }
        });
        match returned.as_slice() {
            [Some(expr)] => Some(At {
                file,
                scope: func,
                expr: *expr,
            }),
            _ => None,
        }
    }

    /// The scope that binds the name as `scope` sees it.
    fn home(&mut self, file: FileId, scope: ScopeId, name: &str) -> Option<Home> {
        let facts = self.modules.facts(file);
        for scope in self.modules.enclosing(file, scope) {
            let is_global = facts
                .scope(scope)
                .globals
                .iter()
                .any(|global| global == name);
            let scope = match is_global {
                true => ScopeId::MODULE,
                false => scope,
            };
            let home = (scope, SmolStr::from(name));
            if self.names(file).bindings.contains_key(&home) {
                return Some(home);
            }
        }
        None
    }

    fn binding(&mut self, file: FileId, scope: ScopeId, name: &str) -> Option<Binding> {
        let home = (scope, SmolStr::from(name));
        self.names(file).bindings.get(&home).copied()
    }

    fn symbol(&mut self, file: FileId, scope: ScopeId, path: &str) -> Option<Symbol> {
        let modules = self.modules;
        let known = self.imported.entry((file, scope, path.into()));
        let meant = known.or_insert_with(|| modules.symbol(file, scope, path));
        meant.clone()
    }

    fn names(&mut self, file: FileId) -> &mut Names {
        let modules = self.modules;
        self.files
            .entry(file)
            .or_insert_with(|| Names::of(modules, file))
    }
}

fn spreads(args: &[Arg]) -> bool {
    let spread = |arg: &Arg| matches!(arg.kind, ArgKind::Spread | ArgKind::SpreadNamed);
    args.iter().any(spread)
}

impl Names {
    fn of(modules: &ModuleSet, file: FileId) -> Names {
        let facts = modules.facts(file);
        let mut names = Names::default();
        for (id, scope) in facts.scopes() {
            for (position, param) in scope.params.iter().enumerate() {
                names.bind(id, &param.name, Binding::Param(position));
            }
            // Where assignments in this scope bind the name.
            let home = |name: &SmolStr| match scope.globals.contains(name) {
                true => ScopeId::MODULE,
                false => id,
            };
            let unknown = |names: &mut Names, target: ExprId| {
                let mut todo = vec![target];
                while let Some(expr) = todo.pop() {
                    match &facts.expr(expr).kind {
                        ExprKind::Name(name) => names.bind(home(name), name, Binding::Unknown),
                        ExprKind::Tuple(parts) | ExprKind::List(parts) => todo.extend(parts),
                        ExprKind::Starred(inner) => todo.push(*inner),
                        _ => {}
                    }
                }
            };
            each_stmt(&scope.body, &mut |stmt| match &stmt.kind {
                StmtKind::Assign { targets, value, .. } => {
                    for target in targets {
                        match &facts.expr(*target).kind {
                            ExprKind::Name(name) => {
                                names.bind(home(name), name, Binding::Value(id, *value));
                            }
                            _ => unknown(&mut names, *target),
                        }
                    }
                }
                StmtKind::Augment { target, .. } => unknown(&mut names, *target),
                StmtKind::Delete(targets) => {
                    targets
                        .iter()
                        .for_each(|target| unknown(&mut names, *target));
                }
                StmtKind::Loop {
                    head: LoopHead::For { target, .. },
                    ..
                } => unknown(&mut names, *target),
                StmtKind::With { items, .. } => {
                    let targets = items.iter().filter_map(|(_, target)| *target);
                    targets.for_each(|target| unknown(&mut names, target));
                }
                StmtKind::Try { handlers, .. } => {
                    for name in handlers.iter().filter_map(|handler| handler.name.as_ref()) {
                        names.bind(home(name), name, Binding::Unknown);
                    }
                }
                StmtKind::Function(inner) | StmtKind::Class(inner) => {
                    let name = &facts.scope(*inner).name;
                    names.bind(home(name), name, Binding::Unknown);
                }
                StmtKind::Import(import) => match &import.binds {
                    ImportBinds::Module { alias: Some(alias) } => {
                        names.bind(home(alias), alias, Binding::Import);
                    }
                    ImportBinds::Module { alias: None } => {
                        let first = import.module.split('.').next().unwrap_or_default().into();
                        names.bind(home(&first), &first, Binding::Import);
                    }
                    ImportBinds::Names(all) => {
                        for (original, alias) in all {
                            let name = alias.as_ref().unwrap_or(original);
                            names.bind(home(name), name, Binding::Import);
                        }
                    }
                    ImportBinds::Star => {}
                },
                _ => {}
            });
            each_expr(facts, id, &mut |expr| match &facts.expr(expr).kind {
                ExprKind::Call { callee, .. } => {
                    let name = last(facts, *callee);
                    names.calls.entry(name).or_default().push((id, expr));
                }
                ExprKind::Walrus { target, .. } => {
                    if let ExprKind::Name(name) = &facts.expr(*target).kind {
                        names.bind(facts.owner(id), name, Binding::Unknown);
                    }
                }
                _ => {}
            });
        }
        names
    }

    /// A name with two values has none; an import that is tried twice leads
    /// where it leads.
    fn bind(&mut self, scope: ScopeId, name: &SmolStr, binding: Binding) {
        let entry = self.bindings.entry((scope, name.clone()));
        let known = entry.or_insert(binding);
        if *known != binding {
            *known = Binding::Unknown;
        }
    }
}
