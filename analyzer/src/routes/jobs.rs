//! Work done by the clock or in the background: Celery, APScheduler,
//! `schedule`, RQ, threads, FastAPI's background tasks.

use smol_str::{SmolStr, format_smolstr};

use super::survey::{Spot, Survey, each_assignment};
use super::{Framework, Route, RouteKind};
use crate::graph::{ClassId, FuncId};
use crate::syntax::facts::ExprKind;

pub(super) struct Jobs;

/// Ends of the qualified names that register jobs, and their framework.
const REGISTER: &[(&str, &str)] = &[
    ("threading.Thread", "threading"),
    ("threading.Timer", "threading"),
    ("multiprocessing.Process", "multiprocessing"),
    ("Scheduler.add_job", "apscheduler"),
    ("schedule.Job.do", "schedule"),
    ("rq.Queue.enqueue", "rq"),
    ("BackgroundTasks.add_task", "fastapi"),
];

/// Ends of the qualified names of decorators that make jobs.
const DECORATORS: &[(&str, &str)] = &[
    ("celery.Celery.task", "celery"),
    ("celery.shared_task", "celery"),
    ("celery.app.shared_task", "celery"),
    ("celery.decorators.task", "celery"),
    ("celery.task", "celery"),
    ("Scheduler.scheduled_job", "apscheduler"),
    ("schedule.repeat", "schedule"),
    ("rq.decorators.job", "rq"),
    ("dramatiq.actor", "dramatiq"),
    ("dagster.schedule", "dagster"),
    ("dagster.sensor", "dagster"),
    ("dagster.asset_sensor", "dagster"),
    ("faust.App.agent", "faust"),
    ("faust.App.timer", "faust"),
    ("faust.App.crontab", "faust"),
    ("Huey.task", "huey"),
    ("Huey.periodic_task", "huey"),
];

const THREADS: &[&str] = &["threading.Thread", "multiprocessing.Process"];

impl Framework for Jobs {
    fn name(&self) -> &'static str {
        "jobs"
    }

    fn routes(&self, survey: &Survey<'_>, found: &mut Vec<Route>) {
        registered(survey, found);
        let tasks = decorated(survey, found);
        subclasses(survey, found);
        beat(survey, &tasks, found);
        periodic(survey, found);
    }
}

fn job(
    survey: &Survey<'_>,
    spot: &Spot,
    path: SmolStr,
    handler: FuncId,
    framework: &'static str,
) -> Route {
    Route {
        kind: RouteKind::Job,
        method: SmolStr::default(),
        path,
        handler,
        file: spot.file,
        line: survey.line(spot),
        framework,
    }
}

fn registered(survey: &Survey<'_>, found: &mut Vec<Route>) {
    for registration in &survey.call_graph.registrations {
        let (file, expr) = (registration.file, registration.expr);
        for call in survey.call_graph.library_calls_at(file, expr) {
            let known = REGISTER.iter().find(|(end, _)| call.path.ends_with(end));
            if let Some((_, framework)) = known {
                found.push(Route {
                    kind: RouteKind::Job,
                    method: SmolStr::default(),
                    path: survey.name(registration.target),
                    handler: registration.target,
                    file,
                    line: registration.line,
                    framework,
                });
            }
        }
    }
}

/// Tasks by the name under which they are sent.
fn decorated(survey: &Survey<'_>, found: &mut Vec<Route>) -> Vec<(SmolStr, FuncId)> {
    let mut tasks = Vec::new();
    for decoration in &survey.decorations {
        let Some(handler) = decoration.function else {
            continue;
        };
        for path in survey.decorator_paths(&decoration.decorator) {
            let known = DECORATORS.iter().find(|(end, _)| path.ends_with(end));
            let Some((_, framework)) = known else {
                continue;
            };
            let name = survey.named(&decoration.decorator, "name");
            let name = name.and_then(|name| survey.text(&name));
            let (file, _) = survey.place(handler);
            let own = format_smolstr!("{}.{}", survey.modules.name(file), survey.name(handler));
            tasks.push((name.clone().unwrap_or(own), handler));
            let name = name.unwrap_or_else(|| survey.name(handler));
            found.push(job(survey, &decoration.decorator, name, handler, framework));
        }
    }
    tasks
}

/// `class Worker(threading.Thread)` with a `run`.
fn subclasses(survey: &Survey<'_>, found: &mut Vec<Route>) {
    for (idx, class) in survey.program.classes.iter().enumerate() {
        let bases = survey.program.library_bases(ClassId(idx as u32));
        let thread = bases.iter().find(|base| THREADS.contains(&base.as_str()));
        if let (Some(base), Some(handler)) = (thread, class.methods.get("run")) {
            let (file, line) = survey.place(*handler);
            found.push(Route {
                kind: RouteKind::Job,
                method: SmolStr::default(),
                path: survey.class_name(ClassId(idx as u32)),
                handler: *handler,
                file,
                line,
                framework: match base.as_str() {
                    "threading.Thread" => "threading",
                    _ => "multiprocessing",
                },
            });
        }
    }
}

/// Celery's schedule: a mapping of entries that name their task.
fn beat(survey: &Survey<'_>, tasks: &[(SmolStr, FuncId)], found: &mut Vec<Route>) {
    let is_schedule = |name: &str| {
        name.to_lowercase()
            .replace('_', "")
            .ends_with("beatschedule")
    };
    let mut schedules = Vec::new();
    for (file, facts) in survey.modules.iter() {
        for (scope, definition) in facts.scopes() {
            each_assignment(&definition.body, &mut |_, target, value| {
                let name = match &facts.expr(target).kind {
                    ExprKind::Name(name) | ExprKind::Attr { name, .. } => name,
                    _ => return,
                };
                if is_schedule(name) {
                    schedules.push(survey.spot(file, scope, value));
                }
            });
        }
    }
    let updates = survey.calls.iter().filter(|call| call.name == "update");
    schedules.extend(updates.filter_map(|call| survey.named(&call.spot, "beat_schedule")));
    for schedule in schedules {
        let ExprKind::Dict(entries) = survey.kind(&schedule) else {
            continue;
        };
        for (name, entry) in entries {
            let entry = survey.part(&schedule, *entry);
            let name = name.and_then(|name| survey.text(&survey.part(&schedule, name)));
            for (path, handler) in scheduled(survey, &entry, tasks) {
                let name = name.clone().unwrap_or(path);
                found.push(job(survey, &entry, name, handler, "celery"));
            }
        }
    }
}

/// `sender.add_periodic_task(10.0, train.s(), name="every-10")`.
fn periodic(survey: &Survey<'_>, found: &mut Vec<Route>) {
    let calls = survey.calls.iter();
    for call in calls.filter(|call| call.name == "add_periodic_task") {
        let Some(signature) = survey.arg(&call.spot, 1, "sig") else {
            continue;
        };
        let task = match survey.kind(&signature) {
            ExprKind::Call { callee, .. } => survey.part(&signature, *callee),
            _ => signature,
        };
        let ExprKind::Attr { base, .. } = survey.kind(&task) else {
            continue;
        };
        let name = survey.named(&call.spot, "name");
        let name = name.and_then(|name| survey.text(&name));
        for handler in survey.functions(&survey.part(&task, *base)) {
            let name = name.clone().unwrap_or_else(|| survey.name(handler));
            found.push(job(survey, &call.spot, name, handler, "celery"));
        }
    }
}

fn scheduled(
    survey: &Survey<'_>,
    entry: &Spot,
    tasks: &[(SmolStr, FuncId)],
) -> Vec<(SmolStr, FuncId)> {
    let ExprKind::Dict(fields) = survey.kind(entry) else {
        return Vec::new();
    };
    let is_task = |key: &crate::syntax::facts::ExprId| {
        survey.text(&survey.part(entry, *key)).as_deref() == Some("task")
    };
    let task = fields
        .iter()
        .find(|(key, _)| key.as_ref().is_some_and(is_task));
    let Some((_, task)) = task else {
        return Vec::new();
    };
    let names = survey.texts(&survey.part(entry, *task));
    let meant = |name: &SmolStr| {
        names.iter().any(|wanted| {
            wanted == name
                || name.ends_with(&format!(".{wanted}"))
                || wanted.ends_with(&format!(".{name}"))
        })
    };
    let tasks = tasks.iter().filter(|(name, _)| meant(name));
    tasks.cloned().collect()
}
