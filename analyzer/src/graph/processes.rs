//! Programs of the tree that its functions start: scripts by their paths or
//! modules, and the programs that its crates build, by name.
//!
//! Who starts one calls it: the body of the script, or the program's `main`.
//! The words of a command come from the list or the text that is handed over,
//! and of a command that is put together step by step
//! (`Command::new("python3").arg("train.py")`) from all its steps. A path is
//! taken from the root of the tree, from the caller's folder, or as the tail
//! of the one file that ends so; whatever is ambiguous is nothing.

use std::collections::BTreeMap;

use smol_str::SmolStr;

use super::call::{CallArg, CallEdge, CallGraph, LibraryCall};
use super::program::{FuncId, Program};
use super::solve::Certainty;
use crate::catalog::{Catalog, Matter};
use crate::modules::{FileId, ModuleRef, ModuleSet};
use crate::syntax::facts::{ArgKind, ExprId, ExprKind, ImportRule, ScopeId, ScopeKind, StmtKind};
use crate::syntax::walk::each_stmt;

/// A word of a command; `None` where nobody knows it.
type Word = Option<SmolStr>;

/// What runs another command, given to it as its words.
const FORWARDING: &[&str] = &[
    "coverage", "env", "exec", "nice", "nohup", "pdm", "pipenv", "poetry", "rye", "stdbuf", "sudo",
    "time", "uv",
];

/// Types whose instances are commands that are put together step by step.
const COMMANDS: &[&str] = &["std.process.Command", "tokio.process.Command"];

/// Steps back to where a command was made are followed this far.
const MAX_STEPS: usize = 256;

/// The starts of programs of the tree, as calls of them.
pub(super) fn calls(
    modules: &ModuleSet,
    program: &Program,
    catalog: &Catalog,
    call_graph: &CallGraph,
) -> Vec<CallEdge> {
    let known = Known {
        modules,
        program,
        call_graph,
    };
    let steps = steps(&known);
    let programs = Programs::new(modules, program);
    let mut found = Vec::new();
    for call in &call_graph.library_calls {
        let entry = catalog.call(&call.path);
        let starts = entry.is_some_and(|entry| {
            let mut effects = entry.effects.iter();
            effects.any(|effect| effect.on == Matter::Process)
        });
        if !starts {
            continue;
        }
        let commands = match made_in_steps(&known, call) {
            Some(made) => made
                .iter()
                .filter_map(|place| steps.get(place))
                .cloned()
                .collect(),
            None => commands(&known, call),
        };
        for words in commands {
            let started = programs.started(call.file, &words);
            found.extend(started.map(|callee| CallEdge {
                caller: call.caller,
                callee,
                file: call.file,
                expr: call.expr,
                line: call.line,
                certainty: Certainty::Inferred,
            }));
        }
    }
    found
}

/// Where the command that `call` runs or adds to was made, if it is put
/// together in steps.
fn made_in_steps(known: &Known<'_>, call: &LibraryCall) -> Option<Vec<(FileId, ExprId)>> {
    let (of, _) = call.path.rsplit_once('.')?;
    if !COMMANDS.contains(&of) {
        return None;
    }
    let facts = known.modules.facts(call.file);
    let ExprKind::Call { callee, .. } = facts.expr(call.expr).kind else {
        return Some(Vec::new());
    };
    // The steps of an expression lead back to where it starts, and a variable
    // to what it was last assigned.
    let mut at = callee;
    for _ in 0..MAX_STEPS {
        let makes = known
            .call_graph
            .library_calls_at(call.file, at)
            .any(|made| is_made(&made.path));
        if makes {
            return Some(vec![(call.file, at)]);
        }
        let before = match &facts.expr(at).kind {
            ExprKind::Call { callee, .. } => Some(*callee),
            ExprKind::Attr { base, .. } => Some(*base),
            ExprKind::Await(inner) => Some(*inner),
            ExprKind::Name(name) => known.assigned(call, at, name),
            _ => None,
        };
        match before {
            Some(before) => at = before,
            None => break,
        }
    }
    Some(Vec::new())
}

fn is_made(path: &str) -> bool {
    path.strip_suffix(".new")
        .is_some_and(|of| COMMANDS.contains(&of))
}

/// What the words of commands are read from.
struct Known<'k> {
    modules: &'k ModuleSet,
    program: &'k Program,
    call_graph: &'k CallGraph,
}

impl Known<'_> {
    /// What the function around `call` assigned to the variable `name` last
    /// before `at`.
    fn assigned(&self, call: &LibraryCall, at: ExprId, name: &str) -> Option<ExprId> {
        let facts = self.modules.facts(call.file);
        let scope = self.program.function(call.caller).scope;
        let line = facts.expr(at).line;
        let mut found = None;
        each_stmt(&facts.scope(scope).body, &mut |stmt| {
            let StmtKind::Assign { targets, value, .. } = &stmt.kind else {
                return;
            };
            let binds = targets.iter().any(
                |target| matches!(&facts.expr(*target).kind, ExprKind::Name(own) if own == name),
            );
            if binds && facts.expr(*value).line <= line && *value != at {
                found = Some(*value);
            }
        });
        found
    }
}

/// Words of a command, with the call that gives them.
type Parts = (ExprId, Vec<Word>);

/// The words of each command that is put together in steps, by where it is
/// made.
fn steps(known: &Known<'_>) -> BTreeMap<(FileId, ExprId), Vec<Word>> {
    let mut made: BTreeMap<(FileId, ExprId), Vec<Parts>> = BTreeMap::new();
    for call in &known.call_graph.library_calls {
        let Some((of, name)) = call.path.rsplit_once('.') else {
            continue;
        };
        if !COMMANDS.contains(&of) || !matches!(name, "new" | "arg" | "args") {
            continue;
        }
        let Some(arg) = call.args.first() else {
            continue;
        };
        let words = match name {
            "args" => listed(known, call, arg),
            _ => vec![only(&arg.texts)],
        };
        let places = match name {
            "new" => vec![(call.file, call.expr)],
            _ => made_in_steps(known, call).unwrap_or_default(),
        };
        for place in places {
            let steps = made.entry(place).or_default();
            // A helper that is looked at for each caller says it several times.
            if steps.iter().all(|(expr, _)| *expr != call.expr) {
                steps.push((call.expr, words.clone()));
            }
        }
    }
    let made = made.into_iter();
    made.map(|(place, mut steps)| {
        steps.sort_by_key(|(expr, _)| *expr);
        let words = steps.into_iter().flat_map(|(_, words)| words);
        (place, words.collect())
    })
    .collect()
}

/// The commands that `call` is handed.
fn commands(known: &Known<'_>, call: &LibraryCall) -> Vec<Vec<Word>> {
    let mut given = call.args.iter().filter(|arg| {
        let name = arg.name.as_deref();
        match arg.kind {
            ArgKind::Positional => true,
            _ => matches!(name, Some("args" | "cmd" | "command" | "program")),
        }
    });
    let Some(first) = given.next() else {
        return Vec::new();
    };
    let parts = listed(known, call, first);
    if !parts.is_empty() {
        return vec![parts];
    }
    // `create_subprocess_exec("python", "x.py")`
    let rest: Vec<Word> = given.map(|arg| only(&arg.texts)).collect();
    let apart = call.path.ends_with("_exec") || call.path.starts_with("os.");
    if apart && !rest.is_empty() {
        let mut words = vec![only(&first.texts)];
        words.extend(rest);
        return vec![words];
    }
    first.texts.iter().flat_map(|text| split(text)).collect()
}

/// The words of a list, in their order.
fn listed(known: &Known<'_>, call: &LibraryCall, arg: &CallArg) -> Vec<Word> {
    let facts = known.modules.facts(call.file);
    let mut list = arg.expr;
    if let ExprKind::Name(name) = &facts.expr(list).kind {
        list = known.assigned(call, list, name).unwrap_or(list);
    }
    match &facts.expr(list).kind {
        ExprKind::List(parts) | ExprKind::Tuple(parts) => parts
            .iter()
            .map(|part| match &facts.expr(*part).kind {
                ExprKind::Str(text) => Some(text.clone()),
                _ => only(&known.call_graph.texts(call.file, *part)),
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// The text, if there is only one; several are none.
fn only(texts: &[SmolStr]) -> Word {
    match texts {
        [text] => Some(text.clone()),
        _ => None,
    }
}

/// The commands of a line for a shell.
fn split(text: &str) -> Vec<Vec<Word>> {
    let mut commands = vec![Vec::new()];
    let mut word = String::new();
    let mut quote: Option<char> = None;
    let end = |word: &mut String, commands: &mut Vec<Vec<Word>>| {
        if !word.is_empty()
            && let Some(command) = commands.last_mut()
        {
            command.push(Some(SmolStr::from(std::mem::take(word))));
        }
    };
    for letter in text.chars() {
        match (quote, letter) {
            (Some(open), _) if open == letter => quote = None,
            (Some(_), _) => word.push(letter),
            (None, '\'' | '"') => quote = Some(letter),
            (None, ';' | '&' | '|' | '\n') => {
                end(&mut word, &mut commands);
                commands.push(Vec::new());
            }
            (None, _) if letter.is_whitespace() => end(&mut word, &mut commands),
            _ => word.push(letter),
        }
    }
    end(&mut word, &mut commands);
    commands.retain(|command| !command.is_empty());
    commands
}

/// Programs of the tree.
struct Programs<'p> {
    modules: &'p ModuleSet,
    program: &'p Program,
    /// `main` of what crates build: package, name, function.
    built: Vec<(&'p str, &'p str, FuncId)>,
}

impl<'p> Programs<'p> {
    fn new(modules: &'p ModuleSet, program: &'p Program) -> Programs<'p> {
        let built = modules.programs().filter_map(|(package, name, root)| {
            let mut scopes = modules.facts(root).scopes();
            let (main, _) = scopes.find(|(_, scope)| {
                scope.kind == ScopeKind::Function
                    && scope.name == "main"
                    && scope.parent == Some(ScopeId::MODULE)
            })?;
            Some((package, name, program.func_at(root, main)?))
        });
        Programs {
            modules,
            program,
            built: built.collect(),
        }
    }

    /// What of the tree the command `words`, given by `from`, runs.
    fn started(&self, from: FileId, words: &[Word]) -> Option<FuncId> {
        let mut rest = words;
        loop {
            let (first, after) = rest.split_first()?;
            let Some(first) = first.as_deref() else {
                // The interpreter that runs the caller, or the like.
                return self.script(from, after, true);
            };
            let name = first.rsplit('/').next().unwrap_or(first);
            if is_interpreter(name) {
                return self.script(from, after, false);
            }
            if name == "cargo" {
                return self.cargo(after);
            }
            let sets = first.contains('=') && !first.contains('/');
            if sets || first.starts_with('-') || first == "run" {
                rest = after;
                continue;
            }
            if FORWARDING.contains(&name) {
                rest = after;
                continue;
            }
            return self.named(first).or_else(|| self.file(from, first));
        }
    }

    /// The script or module that an interpreter is given.
    fn script(&self, from: FileId, words: &[Word], unsure: bool) -> Option<FuncId> {
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let word = word.as_deref()?;
            match word {
                "-m" => {
                    let module = words.next()?.as_deref()?;
                    let found = self.module(from, module)?;
                    return self.program.module_func(found);
                }
                "-c" | "-" => return None,
                "-W" | "-X" => {
                    words.next();
                }
                _ if word.starts_with('-') => {}
                _ if unsure && !word.ends_with(".py") => return None,
                _ => return self.file(from, word),
            }
        }
        None
    }

    fn module(&self, from: FileId, path: &str) -> Option<FileId> {
        if let Some(ModuleRef::File(file)) = self.modules.absolute(from, path) {
            let facts = self.modules.facts(file);
            let package = facts.path.strip_suffix("__init__.py");
            return match package {
                Some(folder) => self.at(&format!("{folder}__main__.py")),
                None => Some(file),
            };
        }
        let as_path = path.replace('.', "/");
        self.ending(&format!("{as_path}.py"))
            .or_else(|| self.ending(&format!("{as_path}/__main__.py")))
    }

    /// `cargo run` of a program of the tree.
    fn cargo(&self, words: &[Word]) -> Option<FuncId> {
        let words: Vec<&str> = words
            .iter()
            .map(|word| word.as_deref().unwrap_or("{}"))
            .take_while(|word| *word != "--")
            .collect();
        if !words.iter().any(|word| matches!(*word, "run" | "r")) {
            return None;
        }
        let given = |long: &str, short: &str| {
            let mut at = words.iter().enumerate();
            at.find_map(|(idx, word)| {
                if *word == long || (!short.is_empty() && *word == short) {
                    return words.get(idx + 1).copied();
                }
                word.strip_prefix(long)?.strip_prefix('=')
            })
        };
        let package = given("--package", "-p");
        let bin = given("--bin", "");
        if given("--example", "").is_some() {
            return None;
        }
        let mut found = self.built.iter().filter(|(of, name, _)| {
            package.is_none_or(|package| package == *of) && bin.is_none_or(|bin| bin == *name)
        });
        let (_, _, main) = found.next()?;
        found.next().is_none().then_some(*main)
    }

    /// The program that a crate builds under the last name of `path`.
    fn named(&self, path: &str) -> Option<FuncId> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let name = name.strip_suffix(".exe").unwrap_or(name);
        let mut found = self.built.iter().filter(|(_, own, _)| *own == name);
        let (_, _, main) = found.next()?;
        found.next().is_none().then_some(*main)
    }

    /// The body of the script `path`.
    fn file(&self, from: FileId, path: &str) -> Option<FuncId> {
        if !path.ends_with(".py") {
            return None;
        }
        // What stands before a hole is unknown, too.
        let known = match path.rfind('}') {
            Some(at) => path.get(at + 1..)?.trim_start_matches('/'),
            None => path.trim_start_matches("./"),
        };
        if known.is_empty() || known.contains("..") {
            let tail = known.rsplit("../").next()?;
            return self.program.module_func(self.ending(tail)?);
        }
        let own = self.modules.facts(from).path.as_str();
        let folder = own.rfind('/').map_or("", |at| &own[..=at]);
        let found = self
            .at(known)
            .or_else(|| self.at(&format!("{folder}{known}")))
            .or_else(|| self.ending(known))?;
        self.program.module_func(found)
    }

    fn at(&self, path: &str) -> Option<FileId> {
        let mut files = self.modules.iter();
        files
            .find(|(_, facts)| facts.path == path && facts.rules.imports == ImportRule::Packages)
            .map(|(file, _)| file)
    }

    /// The one file whose path ends with the parts of `tail`.
    fn ending(&self, tail: &str) -> Option<FileId> {
        let tail = tail.trim_start_matches('/');
        if tail.is_empty() {
            return None;
        }
        let ends = |path: &str| {
            let outer = path.strip_suffix(tail);
            outer.is_some_and(|outer| outer.is_empty() || outer.ends_with('/'))
        };
        let mut files = self
            .modules
            .iter()
            .filter(|(_, facts)| facts.rules.imports == ImportRule::Packages && ends(&facts.path));
        let (file, _) = files.next()?;
        files.next().is_none().then_some(file)
    }
}

fn is_interpreter(name: &str) -> bool {
    let name = name.strip_suffix(".exe").unwrap_or(name);
    let version = name
        .strip_prefix("python")
        .or_else(|| name.strip_prefix("pypy"));
    version.is_some_and(|version| version.chars().all(|c| c.is_ascii_digit() || c == '.'))
}

#[cfg(test)]
mod tests;
