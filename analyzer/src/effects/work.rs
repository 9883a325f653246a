//! Functions that a queue carries work to: Celery's tasks and their like.

use smol_str::SmolStr;

use crate::graph::{CallGraph, FuncId, Program};
use crate::modules::{FileId, ModuleSet};
use crate::syntax::FileFacts;
use crate::syntax::facts::{ExprId, ExprKind};

/// Methods of a task that hand it its arguments over a queue.
const SENDS: &[&str] = &[
    "apply_async",
    "delay",
    "delay_on_commit",
    "s",
    "send",
    "send_with_options",
    "si",
];

/// Last parts of the decorators that make a task of a function.
const MAKES: &[&str] = &["actor", "job", "periodic_task", "shared_task", "task"];

/// The tasks that `train.delay(…)` sends to, each with its queue's name.
pub(super) fn sent(
    modules: &ModuleSet,
    program: &Program,
    call_graph: &CallGraph,
    facts: &FileFacts,
    file: FileId,
    expr: ExprId,
) -> Vec<(FuncId, SmolStr)> {
    let ExprKind::Call { callee, .. } = &facts.expr(expr).kind else {
        return Vec::new();
    };
    let ExprKind::Attr { base, name } = &facts.expr(*callee).kind else {
        return Vec::new();
    };
    if !SENDS.contains(&name.as_str()) {
        return Vec::new();
    }
    let tasks = call_graph.functions(file, *base).into_iter();
    tasks
        .filter_map(|task| Some((task, queue_of(modules, program, task)?)))
        .collect()
}

/// The queue of a task: the one its decorator names, or its own.
fn queue_of(modules: &ModuleSet, program: &Program, task: FuncId) -> Option<SmolStr> {
    let function = program.function(task);
    let facts = modules.facts(function.file);
    let scope = facts.scope(function.scope);
    scope.decorators.iter().find_map(|decorator| {
        let (callee, args) = match &facts.expr(*decorator).kind {
            ExprKind::Call { callee, args } => (*callee, &**args),
            _ => (*decorator, [].as_slice()),
        };
        let dotted = facts.dotted(callee)?;
        if !MAKES.contains(&dotted.rsplit('.').next()?) {
            return None;
        }
        let named = |key: &str| {
            let arg = args.iter().find(|arg| arg.name.as_deref() == Some(key))?;
            match &facts.expr(arg.value).kind {
                ExprKind::Str(text) => Some(text.clone()),
                _ => None,
            }
        };
        named("queue")
            .or_else(|| named("queue_name"))
            .or_else(|| named("name"))
            .or_else(|| Some(scope.name.clone()))
    })
}
