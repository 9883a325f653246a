//! Steps of pipeline frameworks: Airflow, Prefect, ZenML, Kedro, Metaflow,
//! Dagster, Kubeflow, Luigi.

use smol_str::SmolStr;

use super::survey::{Spot, Survey};
use super::{Framework, Route, RouteKind};
use crate::graph::FuncId;
use crate::modules::FileId;

pub(super) struct Steps;

/// Import name, decorator's bare name, framework.
const DECORATORS: &[(&str, &str, &str)] = &[
    ("airflow", "task", "airflow"),
    ("airflow", "dag", "airflow"),
    ("prefect", "flow", "prefect"),
    ("prefect", "task", "prefect"),
    ("zenml", "step", "zenml"),
    ("zenml", "pipeline", "zenml"),
    ("metaflow", "step", "metaflow"),
    ("dagster", "op", "dagster"),
    ("dagster", "asset", "dagster"),
    ("dagster", "multi_asset", "dagster"),
    ("dagster", "job", "dagster"),
    ("dagster", "graph", "dagster"),
    ("dagster", "graph_asset", "dagster"),
    ("dagster", "asset_check", "dagster"),
    ("dagster", "solid", "dagster"),
    ("dagster", "pipeline", "dagster"),
    ("flytekit", "task", "flyte"),
    ("flytekit", "workflow", "flyte"),
    ("clearml", "component", "clearml"),
    ("clearml", "pipeline", "clearml"),
    ("mage_ai", "data_loader", "mage"),
    ("mage_ai", "transformer", "mage"),
    ("mage_ai", "data_exporter", "mage"),
    ("mage_ai", "custom", "mage"),
    ("azure", "pipeline", "azureml"),
    ("mldesigner", "command_component", "azureml"),
    ("sagemaker", "step", "sagemaker"),
    ("kfp", "component", "kfp"),
    ("kfp", "pipeline", "kfp"),
];

/// Import name, callee's bare name, the argument that is the function, its
/// position, the argument that names the step.
const CALLS: &[(&str, &str, &str, usize, &str)] = &[
    ("kedro", "node", "func", 0, "name"),
    ("kedro", "Node", "func", 0, "name"),
];

/// Library, base class, method that runs.
const CLASSES: &[(&str, &str, &str, &str)] = &[
    ("luigi", "Task", "run", "luigi"),
    ("luigi", "ExternalTask", "run", "luigi"),
    ("gokart", "TaskOnKart", "run", "luigi"),
    ("airflow", "BaseOperator", "execute", "airflow"),
    ("zenml", "BaseStep", "entrypoint", "zenml"),
];

impl Framework for Steps {
    fn name(&self) -> &'static str {
        "steps"
    }

    fn routes(&self, survey: &Survey<'_>, found: &mut Vec<Route>) {
        decorated(survey, found);
        called(survey, found);
        classes(survey, found);
    }
}

fn step(
    path: SmolStr,
    handler: FuncId,
    (file, line): (FileId, u32),
    framework: &'static str,
) -> Route {
    Route {
        kind: RouteKind::Step,
        method: SmolStr::default(),
        path,
        handler,
        file,
        line,
        framework,
    }
}

fn decorated(survey: &Survey<'_>, found: &mut Vec<Route>) {
    for decoration in &survey.decorations {
        let Some(handler) = decoration.function else {
            continue;
        };
        for path in survey.decorator_paths(&decoration.decorator) {
            let mut parts = path.split('.');
            let library = parts.next().unwrap_or_default();
            // `@task.virtualenv` is a task too.
            let words: Vec<&str> = parts.collect();
            let known = DECORATORS
                .iter()
                .find(|(of, name, _)| *of == library && words.contains(name));
            if let Some((_, _, framework)) = known {
                let named = ["name", "task_id", "dag_id"]
                    .iter()
                    .find_map(|name| survey.named(&decoration.decorator, name));
                let name = named.and_then(|name| survey.text(&name));
                let name = name.unwrap_or_else(|| survey.name(handler));
                let place = (decoration.file, decoration.line);
                found.push(step(name, handler, place, framework));
            }
        }
    }
}

fn called(survey: &Survey<'_>, found: &mut Vec<Route>) {
    for call in &survey.calls {
        let known = CALLS.iter().find(|(_, name, ..)| call.name == *name);
        let is_operator = call.name.ends_with("Operator") || call.name.ends_with("Sensor");
        if known.is_none() && !is_operator {
            continue;
        }
        let paths = survey.paths(&call.callee);
        let is_of = |library: &str| {
            paths
                .iter()
                .any(|path| path.split('.').next() == Some(library))
        };
        let (func, id, framework) = match known {
            Some((library, _, argument, position, id)) if is_of(library) => {
                (survey.arg(&call.spot, *position, argument), *id, "kedro")
            }
            None if is_of("airflow") => (
                survey.named(&call.spot, "python_callable"),
                "task_id",
                "airflow",
            ),
            _ => continue,
        };
        let name = survey.named(&call.spot, id);
        let name = name.and_then(|name| survey.text(&name));
        let place = (call.spot.file, call.line);
        let Some(func) = func else {
            for (path, handler) in scripts(survey, &call.spot) {
                found.push(step(
                    name.clone().unwrap_or(path),
                    handler,
                    place,
                    framework,
                ));
            }
            continue;
        };
        for handler in survey.functions(&func) {
            let name = name.clone().unwrap_or_else(|| survey.name(handler));
            found.push(step(name, handler, (call.spot.file, call.line), framework));
        }
    }
}

/// The files of the tree that an operator's `bash_command` runs with Python.
fn scripts(survey: &Survey<'_>, call: &Spot) -> Vec<(SmolStr, FuncId)> {
    let command = survey.named(call, "bash_command");
    let texts = command.map(|text| survey.texts(&text)).unwrap_or_default();
    let mut found = Vec::new();
    for text in &texts {
        let mut words = text.split_whitespace();
        while let Some(word) = words.next() {
            if !word
                .rsplit('/')
                .next()
                .is_some_and(|word| word.starts_with("python"))
            {
                continue;
            }
            let program = match words.next() {
                Some("-m") => words
                    .next()
                    .map(|name| format!("{}.py", name.replace('.', "/"))),
                Some(path) if path.ends_with(".py") => Some(path.to_owned()),
                _ => None,
            };
            let Some(program) = program else { continue };
            for (file, facts) in survey.modules.iter() {
                // Where the command runs is not known: the longer path's end
                // must be the shorter one.
                let (path, program) = (facts.path.as_str(), program.as_str());
                let is_it = ends_with_path(path, program) || ends_with_path(program, path);
                if let Some(handler) = survey.program.module_func(file).filter(|_| is_it) {
                    found.push((facts.path.clone(), handler));
                }
            }
        }
    }
    found
}

fn ends_with_path(long: &str, short: &str) -> bool {
    let rest = long.strip_suffix(short);
    rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
}

fn classes(survey: &Survey<'_>, found: &mut Vec<Route>) {
    for (idx, _) in survey.program.classes.iter().enumerate() {
        let class = crate::graph::ClassId(idx as u32);
        for base in survey.program.library_bases(class) {
            let library = base.split('.').next().unwrap_or_default();
            let name = base.rsplit('.').next().unwrap_or_default();
            let known = CLASSES
                .iter()
                .find(|(of, base, ..)| *of == library && *base == name);
            if let Some((_, _, method, framework)) = known
                && let Some(handler) = survey.program.class(class).methods.get(*method)
            {
                let place = survey.place(*handler);
                found.push(step(survey.class_name(class), *handler, place, framework));
            }
        }
    }
}
