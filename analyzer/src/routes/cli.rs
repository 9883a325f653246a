//! Commands: argparse and its kin, click, typer, fire, hydra.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;
use smol_str::{SmolStr, format_smolstr};

use super::survey::{Decoration, Key, Spot, Survey};
use super::{Framework, Route, RouteKind};
use crate::graph::{FuncId, Held};
use crate::modules::FileId;
use crate::syntax::facts::{ExprId, ExprKind, Stmt, StmtKind};
use crate::syntax::walk::blocks;

pub(super) struct Cli;

impl Framework for Cli {
    fn name(&self) -> &'static str {
        "cli"
    }

    fn routes(&self, survey: &Survey<'_>, found: &mut Vec<Route>) {
        argparse(survey, found);
        subcommands(survey, found);
        decorated(survey, found);
        handed_over(survey, found);
        marked(survey, found);
    }
}

fn command(
    path: SmolStr,
    handler: FuncId,
    (file, line): (FileId, u32),
    framework: &'static str,
) -> Route {
    Route {
        kind: RouteKind::Command,
        method: SmolStr::default(),
        path,
        handler,
        file,
        line,
        framework,
    }
}

/// What a library's parser is called, and its framework.
const PARSERS: &[(&str, &str)] = &[
    ("argparse.ArgumentParser", "argparse"),
    ("configargparse.ArgParser", "argparse"),
    ("configargparse.ArgumentParser", "argparse"),
    ("jsonargparse.ArgumentParser", "argparse"),
    ("simple_parsing.ArgumentParser", "argparse"),
    ("optparse.OptionParser", "optparse"),
    ("docopt.docopt", "docopt"),
];

/// Who builds a parser is a command, called as its module; a helper that only
/// hands the parser or what it parsed back leaves that to its caller.
fn argparse(survey: &Survey<'_>, found: &mut Vec<Route>) {
    for call in &survey.call_graph.library_calls {
        let known = PARSERS.iter().find(|(path, _)| call.path == *path);
        if let Some((_, framework)) = known {
            let name = SmolStr::from(survey.modules.name(call.file));
            let handler = user(survey, call.caller);
            found.push(command(name, handler, (call.file, call.line), framework));
        }
    }
}

/// The function that works with what `func` hands back, if `func` only builds
/// or runs a parser for it.
fn user(survey: &Survey<'_>, func: FuncId) -> FuncId {
    let mut at = func;
    for _ in 0..4 {
        let file = survey.program.function(at).file;
        let edges = survey.call_graph.calls.iter();
        let callers: BTreeSet<FuncId> = edges
            .filter(|edge| edge.callee == at && edge.file == file && edge.caller != at)
            .map(|edge| edge.caller)
            .collect();
        match callers.first() {
            Some(caller) if callers.len() == 1 && hands_back(survey, at) => at = *caller,
            _ => break,
        }
    }
    at
}

fn hands_back(survey: &Survey<'_>, func: FuncId) -> bool {
    const TYPES: &[&str] = &["ArgumentParser", "ArgParser", "Namespace", "OptionParser"];
    let function = survey.program.function(func);
    let facts = survey.modules.facts(function.file);
    let mut returned = Vec::new();
    returns(&facts.scope(function.scope).body, &mut returned);
    returned.into_iter().any(|expr| {
        let held = survey.call_graph.held(function.file, expr);
        held.iter().any(|held| match held {
            Held::Object(path, _) => TYPES.iter().any(|name| path.ends_with(name)),
            _ => false,
        })
    })
}

fn returns(body: &[Stmt], found: &mut Vec<ExprId>) {
    for stmt in body {
        match &stmt.kind {
            StmtKind::Return(Some(value)) => found.push(*value),
            _ => blocks(stmt, &mut |body| returns(body, found)),
        }
    }
}

/// `sub = subparsers.add_parser("x"); sub.set_defaults(func=run)`.
fn subcommands(survey: &Survey<'_>, found: &mut Vec<Route>) {
    if !survey.imports("argparse") {
        return;
    }
    for call in survey
        .calls
        .iter()
        .filter(|call| call.name == "set_defaults")
    {
        let parser = call.base.as_ref().and_then(|base| survey.definition(base));
        let Some(parser) = parser else { continue };
        let is_sub = match survey.kind(&parser) {
            ExprKind::Call { callee, .. } => matches!(
                survey.kind(&survey.part(&parser, *callee)),
                ExprKind::Attr { name, .. } if name == "add_parser"
            ),
            _ => false,
        };
        let name = survey.arg(&parser, 0, "name");
        let Some(name) = name.and_then(|name| survey.text(&name)).filter(|_| is_sub) else {
            continue;
        };
        let module = survey.modules.name(call.spot.file);
        for arg in survey.args(&call.spot) {
            for handler in survey.functions(&survey.part(&call.spot, arg.value)) {
                let path = format_smolstr!("{module} {name}");
                found.push(command(
                    path,
                    handler,
                    (call.spot.file, call.line),
                    "argparse",
                ));
            }
        }
    }
}

/// What a decorator of click or typer makes of its function.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Makes {
    Command,
    Group,
    Callback,
}

/// Which group a command stands in.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Group {
    Function(FuncId),
    App(Key),
}

fn makes(name: &str) -> Option<Makes> {
    match name {
        "command" => Some(Makes::Command),
        "group" => Some(Makes::Group),
        "callback" => Some(Makes::Callback),
        _ => None,
    }
}

fn decorated(survey: &Survey<'_>, found: &mut Vec<Route>) {
    if ![
        "click",
        "typer",
        "rich_click",
        "asyncclick",
        "cyclopts",
        "flask",
    ]
    .iter()
    .any(|library| survey.imports(library))
    {
        return;
    }
    let names = group_names(survey);
    let added = added(survey);
    for decoration in &survey.decorations {
        let (Some(handler), Some((made, group, framework))) =
            (decoration.function, made_by(survey, decoration))
        else {
            continue;
        };
        let own = command_name(survey, decoration, handler);
        let place = (decoration.file, decoration.line);
        let mut ways = added.get(&handler).cloned().unwrap_or_default();
        if ways.is_empty() || group.is_some() {
            ways.push((group, None));
        }
        for (group, name) in ways {
            let own = name.unwrap_or_else(|| own.clone());
            let path = match prefix(&names, group, 0) {
                prefix if prefix.is_empty() => own,
                prefix => format_smolstr!("{prefix} {own}"),
            };
            let mut route = command(path, handler, place, framework);
            if made == Makes::Callback {
                route.kind = RouteKind::Hook;
                route.path = "callback".into();
            }
            found.push(route);
        }
    }
}

fn command_name(survey: &Survey<'_>, decoration: &Decoration, handler: FuncId) -> SmolStr {
    let given = survey.arg(&decoration.decorator, 0, "name");
    given
        .and_then(|given| survey.text(&given))
        .unwrap_or_else(|| survey.name(handler).replace('_', "-").into())
}

fn made_by(
    survey: &Survey<'_>,
    decoration: &Decoration,
) -> Option<(Makes, Option<Group>, &'static str)> {
    for path in survey.decorator_paths(&decoration.decorator) {
        let (owner, name) = path.rsplit_once('.')?;
        let Some(made) = makes(name) else { continue };
        if matches!(owner, "click" | "rich_click" | "asyncclick") {
            return Some((made, None, "click"));
        }
    }
    let (base, name) = survey.decorator_parts(&decoration.decorator)?;
    let made = makes(name)?;
    for owner in survey.owners(&base) {
        if owner.path.ends_with("typer.Typer") || owner.path.ends_with("typer.main.Typer") {
            return Some((made, Some(Group::App(owner.key)), "typer"));
        }
        let framework = match owner.library() {
            "click" => "click",
            "cyclopts" => "cyclopts",
            _ => continue,
        };
        return Some((made, Some(Group::App(owner.key)), framework));
    }
    if let ExprKind::Attr { base: app, name } = survey.kind(&base)
        && name == "cli"
    {
        let app = survey.owners(&survey.part(&base, *app));
        if app.iter().any(|app| app.library() == "flask") {
            return Some((made, None, "flask"));
        }
    }
    let group = survey.functions(&base);
    let group = group.iter().find(|func| is_group(survey, **func))?;
    Some((made, Some(Group::Function(*group)), "click"))
}

fn is_group(survey: &Survey<'_>, func: FuncId) -> bool {
    survey.decorations.iter().any(|decoration| {
        let parts = survey.decorator_parts(&decoration.decorator);
        decoration.function == Some(func)
            && (parts.is_some_and(|(_, name)| name == "group")
                || survey
                    .decorator_paths(&decoration.decorator)
                    .iter()
                    .any(|path| path.ends_with("click.group")))
    })
}

/// A group, and the name that a command has in it if not its own.
type Way = (Option<Group>, Option<SmolStr>);

/// `cli.add_command(fit, name="train")`: the groups that a command is put
/// into, each with the name it gets there.
fn added(survey: &Survey<'_>) -> FxHashMap<FuncId, Vec<Way>> {
    let mut found: FxHashMap<FuncId, Vec<_>> = FxHashMap::default();
    for call in survey
        .calls
        .iter()
        .filter(|call| call.name == "add_command")
    {
        let (Some(base), Some(given)) = (&call.base, survey.arg(&call.spot, 0, "cmd")) else {
            continue;
        };
        let groups = survey.functions(base);
        let Some(group) = groups.iter().find(|func| is_group(survey, **func)) else {
            continue;
        };
        let name = survey.arg(&call.spot, 1, "name");
        let name = name.and_then(|name| survey.text(&name));
        for func in survey.functions(&given) {
            let way = (Some(Group::Function(*group)), name.clone());
            let ways = found.entry(func).or_default();
            if !ways.contains(&way) {
                ways.push(way);
            }
        }
    }
    found
}

type Names = FxHashMap<Group, (SmolStr, Option<Group>)>;

/// Every group's name and the group it stands in.
fn group_names(survey: &Survey<'_>) -> Names {
    let mut names = Names::default();
    let added = added(survey);
    for decoration in &survey.decorations {
        if let (Some(func), Some((Makes::Group, around, _))) =
            (decoration.function, made_by(survey, decoration))
        {
            let name = command_name(survey, decoration, func);
            // A group can be put into another by `add_command`.
            let put = added.get(&func).and_then(|ways| ways.first());
            let around = around.or_else(|| put.and_then(|(group, _)| *group));
            names.insert(Group::Function(func), (name, around));
        }
    }
    for call in survey.calls.iter().filter(|call| call.name == "add_typer") {
        let (Some(base), Some(child)) = (&call.base, survey.arg(&call.spot, 0, "typer_instance"))
        else {
            continue;
        };
        let name = survey.named(&call.spot, "name");
        let name = name.and_then(|name| survey.text(&name)).unwrap_or_default();
        for parent in survey.owners(base) {
            for child in survey.owners(&child) {
                let around = Some(Group::App(parent.key));
                names.insert(Group::App(child.key), (name.clone(), around));
            }
        }
    }
    names
}

fn prefix(names: &Names, group: Option<Group>, depth: u32) -> SmolStr {
    let known = group
        .filter(|_| depth < 8)
        .and_then(|group| names.get(&group));
    let Some((name, around)) = known else {
        return SmolStr::default();
    };
    match prefix(names, *around, depth + 1) {
        around if around.is_empty() => name.clone(),
        around => format_smolstr!("{around} {name}"),
    }
}

/// Functions that make commands of a function or class handed to them.
const TAKERS: &[(&str, &str)] = &[
    ("typer.run", "typer"),
    ("fire.Fire", "fire"),
    ("absl.app.run", "absl"),
    ("tyro.cli", "tyro"),
    ("jsonargparse.CLI", "jsonargparse"),
    ("jsonargparse.auto_cli", "jsonargparse"),
    ("plac.call", "plac"),
    ("defopt.run", "defopt"),
    ("clize.run", "clize"),
];

/// `typer.run(main)`, `fire.Fire(main)`, `fire.Fire({"fit": fit})`.
fn handed_over(survey: &Survey<'_>, found: &mut Vec<Route>) {
    for call in &survey.calls {
        let ends = |(path, _): &&(&str, &str)| path.rsplit('.').next() == Some(&*call.name);
        if !TAKERS.iter().any(|taker| ends(&taker)) {
            continue;
        }
        let paths = survey.paths(&call.callee);
        let known = TAKERS
            .iter()
            .find(|(path, _)| paths.iter().any(|own| own == path));
        let Some((_, framework)) = known else {
            continue;
        };
        let place = (call.spot.file, call.line);
        match survey.args(&call.spot).first() {
            Some(given) => {
                let given = survey.part(&call.spot, given.value);
                component(survey, &given, None, place, framework, found);
            }
            // Fire takes the module as it is.
            None if *framework == "fire" => {
                for func in survey.program.func_ids() {
                    let function = survey.program.function(func);
                    let name = survey.name(func);
                    let is_top = function.parent == survey.program.module_func(place.0)
                        && function.file == place.0
                        && function.class.is_none();
                    if is_top && !name.starts_with(['_', '<']) {
                        found.push(command(name, func, place, framework));
                    }
                }
            }
            None => {}
        }
    }
}

fn component(
    survey: &Survey<'_>,
    given: &Spot,
    name: Option<&SmolStr>,
    place: (FileId, u32),
    framework: &'static str,
    found: &mut Vec<Route>,
) {
    let dict = survey.definition(given).unwrap_or_else(|| given.clone());
    if let ExprKind::Dict(entries) = survey.kind(&dict) {
        for (key, value) in entries {
            let key = key.and_then(|key| survey.text(&survey.part(&dict, key)));
            let value = survey.part(&dict, *value);
            if key.is_some() && name.is_none() {
                component(survey, &value, key.as_ref(), place, framework, found);
            }
        }
        return;
    }
    for handler in survey.functions(given) {
        let name = name.cloned().unwrap_or_else(|| survey.name(handler));
        found.push(command(name, handler, place, framework));
    }
    let mut classes = survey.classes(given);
    classes.extend(survey.instances(given));
    for class in classes {
        let methods = &survey.program.class(class).methods;
        for (method, handler) in methods.iter().filter(|(name, _)| !name.starts_with('_')) {
            let path = match name {
                Some(name) => format_smolstr!("{name} {method}"),
                None => method.clone(),
            };
            found.push(command(path, *handler, place, framework));
        }
    }
}

/// `@hydra.main(…)` and the tasks of `invoke`.
fn marked(survey: &Survey<'_>, found: &mut Vec<Route>) {
    for decoration in &survey.decorations {
        let Some(handler) = decoration.function else {
            continue;
        };
        let place = (decoration.file, decoration.line);
        for path in survey.decorator_paths(&decoration.decorator) {
            match path.as_str() {
                "hydra.main" => {
                    let name = SmolStr::from(survey.modules.name(decoration.file));
                    found.push(command(name, handler, place, "hydra"));
                }
                "invoke.task" | "invoke.tasks.task" => {
                    let own = command_name(survey, decoration, handler);
                    // A module of tasks is a collection of its name.
                    let module = survey.modules.name(decoration.file);
                    let name = match module.rsplit('.').next() {
                        Some("tasks") | None => own,
                        Some(collection) => format_smolstr!("{collection}.{own}"),
                    };
                    found.push(command(name, handler, place, "invoke"));
                }
                _ => {}
            }
        }
    }
}
