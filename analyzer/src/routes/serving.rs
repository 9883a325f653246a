//! Model servers: Ray Serve, BentoML, MLServer, KServe, TorchServe, and the
//! scoring scripts that SageMaker, Azure ML and AWS Lambda call by name.

use smol_str::{SmolStr, format_smolstr};

use super::survey::{Spot, Survey, template};
use super::{Framework, Route, RouteKind};
use crate::graph::{ClassId, FuncId};
use crate::modules::FileId;
use crate::syntax::facts::{ExprKind, ScopeId, ScopeKind};

pub(super) struct Serving;

/// Import name, base class, method that answers, path, framework.
const CLASSES: &[(&str, &str, &str, &str, &str)] = &[
    (
        "mlserver",
        "MLModel",
        "predict",
        "/v2/models/{model}/infer",
        "mlserver",
    ),
    (
        "kserve",
        "Model",
        "predict",
        "/v1/models/{model}:predict",
        "kserve",
    ),
    (
        "kfserving",
        "KFModel",
        "predict",
        "/v1/models/{model}:predict",
        "kserve",
    ),
    (
        "ts",
        "BaseHandler",
        "handle",
        "/predictions/{model}",
        "torchserve",
    ),
    (
        "ts",
        "BaseHandler",
        "inference",
        "/predictions/{model}",
        "torchserve",
    ),
    (
        "ts",
        "BaseHandler",
        "preprocess",
        "/predictions/{model}",
        "torchserve",
    ),
];

impl Framework for Serving {
    fn name(&self) -> &'static str {
        "serving"
    }

    fn routes(&self, survey: &Survey<'_>, found: &mut Vec<Route>) {
        ray_serve(survey, found);
        bentoml(survey, found);
        classes(survey, found);
        by_name(survey, found);
    }
}

fn post(
    path: SmolStr,
    handler: FuncId,
    (file, line): (FileId, u32),
    framework: &'static str,
) -> Route {
    Route {
        kind: RouteKind::Http,
        method: "POST".into(),
        path,
        handler,
        file,
        line,
        framework,
    }
}

// ---- Ray Serve

/// Deployments without a web framework of their own: what `__call__`, or the
/// function, answers below the deployment's prefix.
fn ray_serve(survey: &Survey<'_>, found: &mut Vec<Route>) {
    if !survey.imports("ray") {
        return;
    }
    for decoration in &survey.decorations {
        if !is_of(survey, &decoration.decorator, "ray.serve.deployment") {
            continue;
        }
        let handler = match (decoration.function, decoration.class) {
            (Some(function), _) => Some(function),
            (None, Some(class)) if !has_ingress(survey, class) => survey.method(class, "__call__"),
            _ => None,
        };
        let Some(handler) = handler else { continue };
        let prefix = match decoration.class {
            Some(class) => ray_prefix(survey, class),
            None => named_text(survey, &decoration.decorator, "route_prefix"),
        };
        if let Some(prefix) = prefix {
            let place = (decoration.file, decoration.line);
            let mut route = post(template(&prefix, true), handler, place, "ray");
            route.method = "ANY".into();
            found.push(route);
        }
    }
}

/// True if routes of a web framework stand in the deployment.
fn has_ingress(survey: &Survey<'_>, class: ClassId) -> bool {
    let mut decorations = survey.decorators_of(None, Some(class));
    decorations.any(|decoration| is_of(survey, &decoration.decorator, "ray.serve.ingress"))
}

/// What stands before the routes of a Ray Serve deployment: the prefix that
/// its decorator gives, or the one it is run under.
pub(super) fn ray_prefix(survey: &Survey<'_>, class: ClassId) -> Option<SmolStr> {
    if !survey.imports("ray") {
        return None;
    }
    let decorated = survey
        .decorators_of(None, Some(class))
        .find_map(|decoration| {
            is_of(survey, &decoration.decorator, "ray.serve.deployment")
                .then(|| named_text(survey, &decoration.decorator, "route_prefix"))
                .flatten()
        });
    decorated.or_else(|| {
        let runs = survey.calls.iter().filter(|call| call.name == "run");
        let mut runs = runs.filter(|call| is_of(survey, &call.spot, "ray.serve.run"));
        runs.find_map(|call| {
            let bound = survey.arg(&call.spot, 0, "target")?;
            let is_it = deployed(survey, &bound, 0).contains(&class);
            let given = named_text(survey, &call.spot, "route_prefix");
            is_it.then(|| given.unwrap_or_else(|| "/".into()))
        })
    })
}

/// The classes behind `Deployment.options(…).bind(…)`.
fn deployed(survey: &Survey<'_>, bound: &Spot, steps: u32) -> Vec<ClassId> {
    let classes = survey.classes(bound);
    if !classes.is_empty() || steps > 6 {
        return classes;
    }
    match survey.kind(bound) {
        ExprKind::Call { callee, .. } => deployed(survey, &survey.part(bound, *callee), steps + 1),
        ExprKind::Attr { base, .. } => deployed(survey, &survey.part(bound, *base), steps + 1),
        _ => survey
            .definition(bound)
            .map(|made| deployed(survey, &made, steps + 1))
            .unwrap_or_default(),
    }
}

fn is_of(survey: &Survey<'_>, call: &Spot, path: &str) -> bool {
    survey.decorator_paths(call).iter().any(|own| own == path)
}

fn named_text(survey: &Survey<'_>, call: &Spot, name: &str) -> Option<SmolStr> {
    let given = survey.named(call, name)?;
    survey.text(&given)
}

// ---- BentoML

/// `@bentoml.api` in a service class, `@svc.api(…)` of a service object.
fn bentoml(survey: &Survey<'_>, found: &mut Vec<Route>) {
    if !survey.imports("bentoml") {
        return;
    }
    for decoration in &survey.decorations {
        let Some(handler) = decoration.function else {
            continue;
        };
        let paths = survey.decorator_paths(&decoration.decorator);
        let by_module = paths.iter().any(|path| {
            matches!(
                path.as_str(),
                "bentoml.api" | "bentoml.task" | "bentoml.service.api"
            )
        });
        let by_service = || {
            let parts = survey.decorator_parts(&decoration.decorator);
            parts.is_some_and(|(base, name)| {
                let owners = survey.owners(&base);
                name == "api" && owners.iter().any(|owner| owner.library() == "bentoml")
            })
        };
        if by_module || by_service() {
            let route = named_text(survey, &decoration.decorator, "route");
            let path = route.unwrap_or_else(|| survey.name(handler));
            let place = (decoration.file, decoration.line);
            found.push(post(template(&path, true), handler, place, "bentoml"));
        }
    }
}

// ---- classes and scripts that a server loads

fn classes(survey: &Survey<'_>, found: &mut Vec<Route>) {
    for (idx, _) in survey.program.classes.iter().enumerate() {
        let class = ClassId(idx as u32);
        let bases = survey.program.library_bases(class);
        let known = CLASSES.iter().find(|(library, base, method, ..)| {
            let is_base = |path: &SmolStr| {
                path.split('.').next() == Some(*library) && path.rsplit('.').next() == Some(*base)
            };
            bases.iter().any(is_base) && survey.method(class, method).is_some()
        });
        if let Some((_, _, method, path, framework)) = known
            && let Some(handler) = survey.method(class, method)
        {
            let place = survey.place(handler);
            found.push(post((*path).into(), handler, place, framework));
        }
    }
}

/// Functions that a platform looks up by name in the module it is given.
fn by_name(survey: &Survey<'_>, found: &mut Vec<Route>) {
    for (file, facts) in survey.modules.iter() {
        let top = |name: &str| top_function(survey, file, name);
        let answers = top("predict_fn").or_else(|| top("transform_fn"));
        if let (Some(_), Some(answers)) = (top("model_fn"), answers) {
            let place = (file, answers.line);
            found.push(post(
                "/invocations".into(),
                answers.func,
                place,
                "sagemaker",
            ));
        }
        if let (Some(init), Some(run)) = (top("init"), top("run"))
            && init.params.is_empty()
            && run.params.len() == 1
            && !facts.scope(init.scope).globals.is_empty()
        {
            found.push(post("/score".into(), run.func, (file, run.line), "azureml"));
        }
        for name in ["lambda_handler", "handler"] {
            if let Some(handler) = top(name)
                && handler.params == ["event", "context"]
            {
                let path = format_smolstr!("{}.{name}", survey.modules.name(file));
                let mut route = post(path, handler.func, (file, handler.line), "aws-lambda");
                route.kind = RouteKind::Job;
                route.method = SmolStr::default();
                found.push(route);
            }
        }
    }
}

/// A function that stands in a module itself.
struct Top<'a> {
    func: FuncId,
    scope: ScopeId,
    params: Vec<&'a str>,
    line: u32,
}

fn top_function<'a>(survey: &Survey<'a>, file: FileId, name: &str) -> Option<Top<'a>> {
    let mut scopes = survey.modules.facts(file).scopes();
    scopes.find_map(|(id, scope)| {
        let is_it = scope.kind == ScopeKind::Function
            && scope.name == name
            && scope.parent == Some(ScopeId::MODULE);
        let func = survey.program.func_at(file, id).filter(|_| is_it)?;
        Some(Top {
            func,
            scope: id,
            params: scope
                .params
                .iter()
                .map(|param| param.name.as_str())
                .collect(),
            line: scope.line,
        })
    })
}
