//! Commands of Rust programs: what clap, structopt and argh derive from
//! types, and the `match` that says who does each; builders of clap, whose
//! commands are asked for by name.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use smol_str::{SmolStr, format_smolstr};

use super::survey::{Chains, Survey, is_rust};
use super::{Framework, Route, RouteKind};
use crate::graph::{ClassId, FuncId};
use crate::modules::FileId;
use crate::syntax::FileFacts;
use crate::syntax::facts::{CompareOp, ExprId, ExprKind, ScopeId, ScopeKind, Stmt, StmtKind};
use crate::syntax::walk::{each_stmt, roots};

pub(super) struct Clap;

/// What is derived, and its framework; the last name of a path.
const DERIVED: [(&str, &str); 5] = [
    ("Args", "clap"),
    ("FromArgs", "argh"),
    ("Parser", "clap"),
    ("StructOpt", "structopt"),
    ("Subcommand", "clap"),
];

impl Framework for Clap {
    fn name(&self) -> &'static str {
        "clap"
    }

    fn routes(&self, survey: &Survey<'_>, found: &mut Vec<Route>) {
        let derived = derived(survey);
        let built = survey.calls.iter().any(|call| {
            matches!(call.name.as_str(), "subcommand" | "subcommands")
                && is_rust(survey, call.spot.file)
        });
        if derived.is_empty() && !built {
            return;
        }
        let chains = Chains::new(survey, |_| false);
        let enums = enums(survey, &derived);
        let mut best: BTreeMap<(SmolStr, Option<ClassId>), (u32, Route)> = BTreeMap::new();
        for (file, facts) in survey.modules.iter() {
            if !is_rust(survey, file) {
                continue;
            }
            for (scope, definition) in facts.scopes() {
                each_stmt(&definition.body, &mut |stmt| {
                    let StmtKind::If { test, then, .. } = &stmt.kind else {
                        return;
                    };
                    let arm = Arm {
                        file,
                        scope,
                        after: *test,
                        body: then,
                    };
                    for (name, framework, payload, of) in meant(facts, *test, &enums) {
                        let key = (name.clone(), Some(of));
                        note(
                            survey,
                            &chains,
                            &arm,
                            (name, framework, payload),
                            key,
                            &mut best,
                        );
                    }
                    if built {
                        for name in asked(survey, file, scope, stmt) {
                            let key = (name.clone(), None);
                            note(survey, &chains, &arm, (name, "clap", None), key, &mut best);
                        }
                    }
                });
            }
        }
        found.extend(best.into_values().map(|(_, route)| route));
    }
}

/// Classes that something is derived for: the framework and the name of the
/// type's own command, if it says one.
fn derived(survey: &Survey<'_>) -> FxHashMap<ClassId, (&'static str, Vec<&'static str>)> {
    let mut found: FxHashMap<ClassId, (&'static str, Vec<&'static str>)> = FxHashMap::default();
    for decoration in &survey.decorations {
        let facts = survey.modules.facts(decoration.file);
        let ExprKind::Call { callee, args } = survey.kind(&decoration.decorator) else {
            continue;
        };
        let (Some(class), Some("derive")) = (decoration.class, facts.dotted(*callee).as_deref())
        else {
            continue;
        };
        for arg in args {
            let path = facts.dotted(arg.value).unwrap_or_default();
            let last = path.rsplit('.').next().unwrap_or_default();
            if let Some((name, framework)) = DERIVED.iter().find(|(name, _)| *name == last) {
                let entry = found.entry(class).or_insert((*framework, Vec::new()));
                entry.1.push(*name);
            }
        }
    }
    found
}

/// An enum of commands.
struct Commands {
    class: ClassId,
    framework: &'static str,
    /// Commands by the name of their variant, with what each holds.
    variants: BTreeMap<SmolStr, (SmolStr, Option<ClassId>)>,
}

/// Enums of commands by their name; with the commands above in front.
fn enums(
    survey: &Survey<'_>,
    derived: &FxHashMap<ClassId, (&'static str, Vec<&'static str>)>,
) -> FxHashMap<SmolStr, Vec<Commands>> {
    let mut all: Vec<Commands> = Vec::new();
    for (class, (framework, names)) in derived {
        let variants = variants(survey, *class, framework);
        let is_command = names.iter().any(|name| *name != "Args");
        if is_command && !variants.is_empty() {
            all.push(Commands {
                class: *class,
                framework,
                variants,
            });
        }
    }
    all.sort_by_key(|commands| commands.class);
    let above: Vec<SmolStr> = all
        .iter()
        .map(|commands| prefix(survey, &all, commands.class, 0))
        .collect();
    let mut found: FxHashMap<SmolStr, Vec<Commands>> = FxHashMap::default();
    for (mut commands, above) in all.into_iter().zip(above) {
        if !above.is_empty() {
            for (name, _) in commands.variants.values_mut() {
                *name = format_smolstr!("{above} {name}");
            }
        }
        let name = survey.class_name(commands.class);
        found.entry(name).or_default().push(commands);
    }
    found
}

/// Variants that hold something are classes derived from the enum; the others
/// are declared with its type.
fn variants(
    survey: &Survey<'_>,
    class: ClassId,
    framework: &str,
) -> BTreeMap<SmolStr, (SmolStr, Option<ClassId>)> {
    let own = survey.program.class(class);
    let facts = survey.modules.facts(own.file);
    let enum_name = survey.class_name(class);
    let mut found = BTreeMap::new();
    for stmt in &facts.scope(own.scope).body {
        match &stmt.kind {
            StmtKind::Class(inner) => {
                let scope = facts.scope(*inner);
                let is_variant = scope.bases.iter().any(|base| {
                    let path = facts.dotted(base.expr).unwrap_or_default();
                    path.rsplit('.').next() == Some(enum_name.as_str())
                });
                if is_variant {
                    let variant = survey.program.class_at(own.file, *inner);
                    let payload = payload(survey, own.file, *inner);
                    let given = payload.filter(|_| framework == "argh");
                    let name = given.and_then(|class| said(survey, class));
                    let name = name.unwrap_or_else(|| kebab(&scope.name));
                    found.insert(scope.name.clone(), (name, payload.or(variant)));
                }
            }
            StmtKind::Declare { target, annotation } => {
                let path = facts.dotted(*annotation).unwrap_or_default();
                let is_variant = path.rsplit('.').next() == Some(enum_name.as_str());
                if let (ExprKind::Name(name), true) = (&facts.expr(*target).kind, is_variant) {
                    found.insert(name.clone(), (kebab(name), None));
                }
            }
            _ => {}
        }
    }
    found
}

/// The class of the tree that a variant of one field holds.
fn payload(survey: &Survey<'_>, file: FileId, scope: ScopeId) -> Option<ClassId> {
    let fields = field_types(survey.modules.facts(file), scope);
    let [only] = fields.as_slice() else {
        return None;
    };
    classes_in(survey, file, scope, *only).into_iter().next()
}

fn field_types(facts: &FileFacts, scope: ScopeId) -> Vec<ExprId> {
    let body = facts.scope(scope).body.iter();
    body.filter_map(|stmt| match &stmt.kind {
        StmtKind::Declare { annotation, .. } => Some(*annotation),
        _ => None,
    })
    .collect()
}

/// Classes of the tree that a type names: `Option<Box<Commands>>`.
fn classes_in(survey: &Survey<'_>, file: FileId, scope: ScopeId, ty: ExprId) -> Vec<ClassId> {
    let facts = survey.modules.facts(file);
    let mut found = Vec::new();
    let mut todo = vec![ty];
    while let Some(expr) = todo.pop() {
        found.extend(survey.classes(&survey.spot(file, scope, expr)));
        match &facts.expr(expr).kind {
            ExprKind::Attr { .. } => {}
            kind => kind.parts(|part| todo.push(part)),
        }
    }
    found
}

/// `#[command(name = "x")]`, `#[argh(subcommand, name = "x")]`.
fn said(survey: &Survey<'_>, class: ClassId) -> Option<SmolStr> {
    survey
        .decorators_of(None, Some(class))
        .find_map(|decoration| {
            let facts = survey.modules.facts(decoration.file);
            let ExprKind::Call { callee, .. } = survey.kind(&decoration.decorator) else {
                return None;
            };
            let name = facts.dotted(*callee)?;
            let name = name.rsplit('.').next()?;
            if !matches!(name, "command" | "clap" | "structopt" | "argh") {
                return None;
            }
            let given = survey.named(&decoration.decorator, "name")?;
            survey.text(&given)
        })
}

/// The commands that an enum of commands stands below.
fn prefix(survey: &Survey<'_>, all: &[Commands], class: ClassId, depth: u32) -> SmolStr {
    if depth > 6 {
        return SmolStr::default();
    }
    for commands in all.iter().filter(|commands| commands.class != class) {
        let file = survey.program.class(commands.class).file;
        let facts = survey.modules.facts(file);
        let enum_scope = survey.program.class(commands.class).scope;
        for stmt in &facts.scope(enum_scope).body {
            let StmtKind::Class(inner) = &stmt.kind else {
                continue;
            };
            let variant = &facts.scope(*inner).name;
            let Some((name, _)) = commands.variants.get(variant) else {
                continue;
            };
            if holds(survey, file, *inner, class, 0) {
                return match prefix(survey, all, commands.class, depth + 1) {
                    above if above.is_empty() => name.clone(),
                    above => format_smolstr!("{above} {name}"),
                };
            }
        }
    }
    SmolStr::default()
}

/// The type, or one that it holds, holds `class`.
fn holds(survey: &Survey<'_>, file: FileId, scope: ScopeId, class: ClassId, depth: u32) -> bool {
    let facts = survey.modules.facts(file);
    field_types(facts, scope).into_iter().any(|ty| {
        classes_in(survey, file, scope, ty)
            .into_iter()
            .any(|inner| {
                let of = survey.program.class(inner);
                inner == class || depth < 2 && holds(survey, of.file, of.scope, class, depth + 1)
            })
    })
}

/// The commands whose variant the test asks for.
fn meant(
    facts: &FileFacts,
    test: ExprId,
    enums: &FxHashMap<SmolStr, Vec<Commands>>,
) -> Vec<(SmolStr, &'static str, Option<ClassId>, ClassId)> {
    let mut found = Vec::new();
    each_comparison(facts, test, &mut |op, operand| {
        if !matches!(op, CompareOp::Is | CompareOp::Eq) {
            return;
        }
        let Some(path) = facts.dotted(operand) else {
            return;
        };
        let mut parts = path.rsplit('.');
        let (variant, of) = (parts.next().unwrap_or_default(), parts.next());
        let known = match of {
            Some(of) => enums.get(of).map(|enums| enums.iter().collect()),
            // `use Commands::*`: the only enum that has it.
            None => {
                let having = enums.values().flatten();
                let having: Vec<_> = having
                    .filter(|commands| commands.variants.contains_key(variant))
                    .collect();
                (having.len() == 1).then_some(having)
            }
        };
        for commands in known.unwrap_or_default() {
            if let Some((name, payload)) = commands.variants.get(variant) {
                found.push((name.clone(), commands.framework, *payload, commands.class));
            }
        }
    });
    found
}

fn each_comparison(facts: &FileFacts, test: ExprId, visit: &mut dyn FnMut(CompareOp, ExprId)) {
    let mut todo = vec![test];
    while let Some(expr) = todo.pop() {
        let kind = &facts.expr(expr).kind;
        if let ExprKind::Compare { operands, ops } = kind {
            for (op, operand) in ops.iter().zip(operands.iter().skip(1)) {
                visit(*op, *operand);
            }
        }
        kind.parts(|part| todo.push(part));
    }
}

/// Names of commands that a statement asks a builder's matches for:
/// `matches.subcommand_matches("train")`, an arm of `subcommand_name()`.
fn asked(survey: &Survey<'_>, file: FileId, scope: ScopeId, stmt: &Stmt) -> Vec<SmolStr> {
    let StmtKind::If { test, .. } = &stmt.kind else {
        return Vec::new();
    };
    let facts = survey.modules.facts(file);
    let mut names = Vec::new();
    let mut subjects = vec![*test];
    let mut todo = vec![*test];
    while let Some(expr) = todo.pop() {
        let kind = &facts.expr(expr).kind;
        if let ExprKind::Name(name) = kind {
            super::survey::each_assignment(&facts.scope(scope).body, &mut |_, target, value| {
                let binds = matches!(&facts.expr(target).kind, ExprKind::Name(own) if own == name);
                if binds && value < *test {
                    subjects.push(value);
                }
            });
        }
        kind.parts(|part| todo.push(part));
    }
    let mut is_name = false;
    for subject in subjects {
        let mut todo = vec![subject];
        while let Some(expr) = todo.pop() {
            let kind = &facts.expr(expr).kind;
            if let ExprKind::Call { callee, args } = kind
                && let ExprKind::Attr { name, .. } = &facts.expr(*callee).kind
            {
                match name.as_str() {
                    "subcommand_matches" => {
                        let given = args.first().map(|arg| survey.spot(file, scope, arg.value));
                        names.extend(given.iter().flat_map(|given| survey.texts(given)));
                    }
                    "subcommand_name" | "subcommand" if args.is_empty() => is_name = true,
                    _ => {}
                }
            }
            kind.parts(|part| todo.push(part));
        }
    }
    if is_name {
        each_comparison(facts, *test, &mut |op, operand| {
            if let (CompareOp::Eq, ExprKind::Str(text)) = (op, &facts.expr(operand).kind) {
                names.push(text.clone());
            }
        });
    }
    names
}

/// What runs where a test holds.
struct Arm<'b> {
    file: FileId,
    scope: ScopeId,
    /// Its expressions come behind the test.
    after: ExprId,
    body: &'b [Stmt],
}

/// Keeps the arm that says best who does the command.
fn note(
    survey: &Survey<'_>,
    chains: &Chains<'_, '_>,
    arm: &Arm<'_>,
    (name, framework, payload): (SmolStr, &'static str, Option<ClassId>),
    key: (SmolStr, Option<ClassId>),
    best: &mut BTreeMap<(SmolStr, Option<ClassId>), (u32, Route)>,
) {
    let Some((rank, handler)) = doer(survey, chains, arm, &name, payload) else {
        return;
    };
    if best.get(&key).is_some_and(|(known, _)| *known >= rank) {
        return;
    }
    let line = survey.modules.facts(arm.file).expr(arm.after).line;
    let route = Route {
        kind: RouteKind::Command,
        method: SmolStr::default(),
        path: name,
        handler,
        file: arm.file,
        line,
        framework,
    };
    best.insert(key, (rank, route));
}

/// Who does it, and how surely: the function called in the arm that is called
/// like the command, or the last one, or else who asks.
fn doer(
    survey: &Survey<'_>,
    chains: &Chains<'_, '_>,
    arm: &Arm<'_>,
    name: &str,
    payload: Option<ClassId>,
) -> Option<(u32, FuncId)> {
    let facts = survey.modules.facts(arm.file);
    let mut own = Vec::new();
    each_stmt(arm.body, &mut |stmt| roots(stmt, &mut own));
    let until = own.iter().max().copied().unwrap_or(arm.after);
    let word = name.rsplit(' ').next().unwrap_or(name).replace('-', "_");
    let mut found: Option<(u32, FuncId)> = None;
    let calls = chains.calls().filter(|call| {
        let (file, expr) = (call.spot.file, call.spot.expr);
        file == arm.file && expr > arm.after && expr <= until
    });
    for call in calls {
        let mut called = chains.called(&call.callee);
        if called.is_empty()
            && let (Some(payload), Some(base)) = (payload, &call.base)
            && matches!(survey.kind(base), ExprKind::Name(_))
        {
            called.extend(survey.method(payload, &call.name));
        }
        for func in called {
            let own = survey.name(func);
            let rank = match own.as_str() {
                own if own == word => 4,
                own if own.contains(&word) => 3,
                "new" | "default" | "from" | "<lambda>" => 1,
                _ => 2,
            };
            if found.is_none_or(|(known, _)| rank >= known) {
                found = Some((rank, func));
            }
        }
    }
    found.or_else(|| {
        let mut scope = facts.owner(arm.scope);
        while facts.scope(scope).kind == ScopeKind::Lambda {
            scope = facts.scope(scope).parent?;
        }
        Some((0, survey.program.func_at(arm.file, scope)?))
    })
}

/// `FitModel` is `fit-model`.
fn kebab(name: &str) -> SmolStr {
    let chars: Vec<char> = name.chars().collect();
    let mut out = String::new();
    for (idx, char) in chars.iter().enumerate() {
        let before = idx.checked_sub(1).and_then(|idx| chars.get(idx));
        let starts = char.is_uppercase()
            && before.is_some_and(|before| {
                !before.is_uppercase() || chars.get(idx + 1).is_some_and(|next| next.is_lowercase())
            });
        if *char == '_' || starts {
            out.push('-');
        }
        if *char != '_' {
            out.extend(char.to_lowercase());
        }
    }
    out.into()
}
