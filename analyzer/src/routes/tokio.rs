//! Work of Rust programs that nobody asks for: tasks that tick or sleep in a
//! loop, schedules of tokio-cron-scheduler and clokwerk, workers of apalis,
//! loops over a consumer of Kafka or AMQP.

use smol_str::SmolStr;

use super::survey::{Call, Chains, Spot, Survey, is_rust};
use super::{Framework, Route, RouteKind};
use crate::graph::FuncId;
use crate::syntax::facts::{ExprId, ExprKind, ScopeKind, StmtKind};
use crate::syntax::walk::{each_stmt, roots};

pub(super) struct Tokio;

impl Framework for Tokio {
    fn name(&self) -> &'static str {
        "tokio"
    }

    fn routes(&self, survey: &Survey<'_>, found: &mut Vec<Route>) {
        let is_known =
            |call: &&Call| KNOWN.contains(&call.name.as_str()) && is_rust(survey, call.spot.file);
        if !survey.calls.iter().any(|call| is_known(&call)) {
            return;
        }
        let chains = Chains::new(survey, |_| false);
        let work = Work {
            survey,
            chains: &chains,
        };
        for call in survey.calls.iter().filter(is_known) {
            work.add(call, found);
        }
    }
}

const KNOWN: [&str; 13] = [
    "basic_consume",
    "build",
    "build_fn",
    "new",
    "new_async",
    "new_async_tz",
    "new_cron_job",
    "new_repeated",
    "new_repeated_async",
    "recv",
    "run",
    "spawn",
    "stream",
];

/// What is waited for in a loop that keeps time.
const PACES: [&str; 3] = ["sleep", "sleep_until", "tick"];

struct Work<'s, 'a> {
    survey: &'s Survey<'a>,
    chains: &'s Chains<'s, 'a>,
}

impl Work<'_, '_> {
    fn add(&self, call: &Call, found: &mut Vec<Route>) {
        let path = self.chains.path(&call.callee).unwrap_or_default();
        let of = path.rsplit('.').nth(1).unwrap_or_default();
        let first = self.survey.arg(&call.spot, 0, "");
        match call.name.as_str() {
            "spawn" if matches!(of, "tokio" | "task" | "thread" | "rt" | "actix_rt") => {
                for func in first.iter().flat_map(|given| self.spawned(given)) {
                    if let Some(func) = self.keeps_time(func) {
                        let framework = match of {
                            "thread" => "thread",
                            _ => "tokio",
                        };
                        found.push(self.job(call, self.title(func), func, framework));
                    }
                }
            }
            "new" | "new_async" | "new_async_tz" | "new_cron_job" | "new_repeated"
            | "new_repeated_async"
                if of == "Job" && path.contains("tokio_cron_scheduler") =>
            {
                let given = self.survey.args(&call.spot).last();
                let given = given.map(|arg| self.survey.part(&call.spot, arg.value));
                for func in given.iter().flat_map(|given| self.chains.handlers(given)) {
                    let title = self.title(func);
                    found.push(self.job(call, title, func, "tokio-cron-scheduler"));
                }
            }
            "run" if self.below(call, "every").is_some() && self.survey.imports("clokwerk") => {
                for func in first.iter().flat_map(|given| self.chains.handlers(given)) {
                    found.push(self.job(call, self.title(func), func, "clokwerk"));
                }
            }
            "build" | "build_fn" if self.survey.imports("apalis") => {
                let Some(made) = self.below(call, "new") else {
                    return;
                };
                let callee = self.survey.call_at(&made).map(|call| call.callee.clone());
                let path = callee.and_then(|callee| self.chains.path(&callee));
                if !path.is_some_and(|path| path.ends_with("WorkerBuilder.new")) {
                    return;
                }
                let name = self.survey.arg(&made, 0, "");
                let name = name.and_then(|name| self.survey.text(&name));
                for func in first.iter().flat_map(|given| self.chains.handlers(given)) {
                    let name = name.clone().unwrap_or_else(|| self.title(func));
                    found.push(self.job(call, name, func, "apalis"));
                }
            }
            "basic_consume" if self.survey.imports("lapin") => self.consumer(call, "lapin", found),
            "recv" | "stream" if self.survey.imports("rdkafka") => {
                let base = call.base.as_ref().map(|base| self.survey.kind(base));
                if let Some(ExprKind::Name(name) | ExprKind::Attr { name, .. }) = base
                    && name.contains("consumer")
                {
                    self.consumer(call, "rdkafka", found);
                }
            }
            _ => {}
        }
    }

    /// The function around the call, if it goes over what comes in.
    fn consumer(&self, call: &Call, framework: &'static str, found: &mut Vec<Route>) {
        let facts = self.survey.facts(&call.spot);
        let mut scope = facts.owner(call.spot.scope);
        let mut has_loop = false;
        loop {
            let definition = facts.scope(scope);
            each_stmt(&definition.body, &mut |stmt| {
                has_loop |= matches!(stmt.kind, StmtKind::Loop { .. });
            });
            match definition.parent {
                Some(parent) if definition.kind == ScopeKind::Lambda => scope = parent,
                _ => break,
            }
        }
        let handler = self.survey.program.func_at(call.spot.file, scope);
        if let Some(handler) = handler.filter(|_| has_loop) {
            found.push(self.job(call, self.survey.name(handler), handler, framework));
        }
    }

    /// The call that the chain goes through below this one.
    fn below(&self, call: &Call, name: &str) -> Option<Spot> {
        let mut at = call.base.clone();
        for _ in 0..40 {
            let spot = at?;
            if let Some(call) = self.survey.call_at(&spot) {
                if call.name == name {
                    return Some(spot);
                }
                at = call.base.clone();
            } else {
                at = self.chains.given(&spot).pop();
            }
        }
        None
    }

    /// What a task runs: a block, or the function whose future it is.
    fn spawned(&self, given: &Spot) -> Vec<FuncId> {
        match self.survey.kind(given) {
            ExprKind::Call { callee, .. } => self.chains.called(&self.survey.part(given, *callee)),
            _ => self.chains.handlers(given),
        }
    }

    /// The function, or the one that it calls, if that waits in a loop.
    fn keeps_time(&self, func: FuncId) -> Option<FuncId> {
        if self.waits(func) {
            return Some(func);
        }
        let calls = self.called_in(func).into_iter();
        let mut waiting = calls.filter(|func| self.waits(*func));
        waiting.next()
    }

    fn waits(&self, func: FuncId) -> bool {
        let function = self.survey.program.function(func);
        let facts = self.survey.modules.facts(function.file);
        let mut own: Vec<ExprId> = Vec::new();
        each_stmt(&facts.scope(function.scope).body, &mut |stmt| {
            if let StmtKind::Loop { body, .. } = &stmt.kind {
                roots(stmt, &mut own);
                each_stmt(body, &mut |stmt| roots(stmt, &mut own));
            }
        });
        while let Some(expr) = own.pop() {
            let kind = &facts.expr(expr).kind;
            if let ExprKind::Call { callee, .. } = kind
                && let ExprKind::Attr { name, .. } | ExprKind::Name(name) =
                    &facts.expr(*callee).kind
                && PACES.contains(&name.as_str())
            {
                return true;
            }
            kind.parts(|part| own.push(part));
        }
        false
    }

    /// Functions of the tree that are called in the body, first to last.
    fn called_in(&self, func: FuncId) -> Vec<FuncId> {
        let function = self.survey.program.function(func);
        let facts = self.survey.modules.facts(function.file);
        let within = |call: &&Call| {
            let mut scope = Some(call.spot.scope);
            while let Some(at) = scope {
                if at == function.scope {
                    return true;
                }
                scope = facts.scope(at).parent;
            }
            false
        };
        let calls = self.chains.calls();
        let mut found = Vec::new();
        for call in calls
            .filter(|call| call.spot.file == function.file)
            .filter(within)
        {
            for func in self.chains.called(&call.callee) {
                if !found.contains(&func) && self.survey.name(func) != "<lambda>" {
                    found.push(func);
                }
            }
        }
        found
    }

    /// A function's name; a closure's is that of the function that it calls,
    /// or of the one that it stands in.
    fn title(&self, func: FuncId) -> SmolStr {
        let mut at = func;
        if self.survey.name(at) == "<lambda>"
            && let [only] = self.called_in(at).as_slice()
        {
            at = *only;
        }
        while self.survey.name(at) == "<lambda>" {
            match self.survey.program.function(at).parent {
                Some(parent) => at = parent,
                None => break,
            }
        }
        self.survey.name(at)
    }

    fn job(&self, call: &Call, path: SmolStr, handler: FuncId, framework: &'static str) -> Route {
        Route {
            kind: RouteKind::Job,
            method: SmolStr::default(),
            path,
            handler,
            file: call.spot.file,
            line: call.line,
            framework,
        }
    }
}
