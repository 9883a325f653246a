//! Commands: argparse, click, typer, fire.

use rustc_hash::FxHashMap;
use smol_str::{SmolStr, format_smolstr};

use super::survey::{Decoration, Key, Survey};
use super::{Framework, Route, RouteKind};
use crate::graph::FuncId;
use crate::modules::FileId;
use crate::syntax::facts::ExprKind;

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

/// Who builds a parser is a command, called as its module.
fn argparse(survey: &Survey<'_>, found: &mut Vec<Route>) {
    for call in &survey.call_graph.library_calls {
        if call.path == "argparse.ArgumentParser" || call.path == "absl.app.run" {
            let name = SmolStr::from(survey.modules.name(call.file));
            let framework = call.path.split('.').next().unwrap_or_default();
            let framework = if framework == "absl" {
                "absl"
            } else {
                "argparse"
            };
            found.push(command(
                name,
                call.caller,
                (call.file, call.line),
                framework,
            ));
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
    if !["click", "typer", "rich_click", "asyncclick", "flask"]
        .iter()
        .any(|library| survey.imports(library))
    {
        return;
    }
    let names = group_names(survey);
    for decoration in &survey.decorations {
        let (Some(handler), Some((made, group, framework))) =
            (decoration.function, made_by(survey, decoration))
        else {
            continue;
        };
        let own = command_name(survey, decoration, handler);
        let place = (decoration.file, decoration.line);
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
        if owner.library() == "click" {
            return Some((made, Some(Group::App(owner.key)), "click"));
        }
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

type Names = FxHashMap<Group, (SmolStr, Option<Group>)>;

/// Every group's name and the group it stands in.
fn group_names(survey: &Survey<'_>) -> Names {
    let mut names = Names::default();
    for decoration in &survey.decorations {
        if let (Some(func), Some((Makes::Group, around, _))) =
            (decoration.function, made_by(survey, decoration))
        {
            let name = command_name(survey, decoration, func);
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

/// `typer.run(main)`, `fire.Fire(main)`.
fn handed_over(survey: &Survey<'_>, found: &mut Vec<Route>) {
    for call in &survey.calls {
        if !matches!(call.name.as_str(), "run" | "Fire") {
            continue;
        }
        for path in survey.paths(&call.callee) {
            let framework = match path.as_str() {
                "typer.run" => "typer",
                "fire.Fire" => "fire",
                _ => continue,
            };
            let Some(func) = survey.args(&call.spot).first() else {
                continue;
            };
            let func = survey.part(&call.spot, func.value);
            let place = (call.spot.file, call.line);
            for handler in survey.functions(&func) {
                found.push(command(survey.name(handler), handler, place, framework));
            }
            for class in survey.classes(&func) {
                let methods = &survey.program.class(class).methods;
                for (name, handler) in methods.iter().filter(|(name, _)| !name.starts_with('_')) {
                    found.push(command(name.clone(), *handler, place, framework));
                }
            }
        }
    }
}
