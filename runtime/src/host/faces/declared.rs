//! `[[http]]` of a file, checked: what is behind each face.

use super::constant::Constant;
use super::lookup::Rows;
use super::queue::Queue;
use super::registry::Models;
use super::run::Run;
use super::{Behind, Latest};
use crate::face::mapping::{
    Answers, Face, HttpWritten, LookupWritten, MappingError, RegistryWritten, RunWritten, Taken,
    TaskFace,
};
use crate::pipeline::{Function, Params, Pipeline, Problem, Trigger, is_declared};
use crate::store::owners::SharedDatabase;

/// A face of the file.
pub(in crate::host) enum Checked {
    /// The inference function that it asks.
    Predicts(Box<Face>, String),
    /// What else is behind it.
    Does(Box<TaskFace>, Behind),
}

/// What a face names.
enum Target<'w> {
    Nothing,
    Function(&'w str),
    Run(&'w RunWritten),
    Registry(&'w RegistryWritten),
    Lookup(&'w LookupWritten),
}

/// Checks every face of a pipeline.
///
/// # Errors
/// The first problem, with its place in the file.
pub fn check_faces(pipeline: &Pipeline) -> Result<(), Problem> {
    let functions = pipeline.functions.iter();
    let has_token = pipeline.token.is_some();
    check(
        &pipeline.faces,
        functions,
        &pipeline.databases,
        has_token,
        &[],
    )
    .map(drop)
}

/// All faces but those of functions that are hosted `elsewhere`.
///
/// # Errors
/// The first problem, with its place in the file.
pub(in crate::host) fn check<'f>(
    declared: &[Params],
    functions: impl Iterator<Item = &'f Function> + Clone,
    databases: &[SharedDatabase],
    has_token: bool,
    elsewhere: &[String],
) -> Result<Vec<Checked>, Problem> {
    let (mut checked, mut taken) = (Vec::new(), Taken::default());
    for params in declared {
        let written: HttpWritten = params.read()?;
        let is_elsewhere = |function: &String| elsewhere.contains(function);
        if written.function.as_ref().is_some_and(is_elsewhere) {
            continue;
        }
        let asks = match written.token && !has_token {
            true => Err(MappingError::key(
                &written.route,
                "token",
                "nobody can show it: say with serve.token where it is",
            )),
            false => is_shared(&written, databases),
        };
        let face = asks.and_then(|()| one(&written, functions.clone()));
        let face = face.and_then(|face| {
            match &face {
                Checked::Predicts(face, _) => taken.face(face)?,
                Checked::Does(face, _) => taken.task(face)?,
            }
            Ok(face)
        });
        let located = |error: MappingError| params.located(error.at(), error.to_string());
        checked.push(face.map_err(located)?);
    }
    Ok(checked)
}

fn one<'f>(
    written: &HttpWritten,
    functions: impl Iterator<Item = &'f Function> + Clone,
) -> Result<Checked, MappingError> {
    let problem = |key: &str, why: String| MappingError::key(&written.route, key, why);
    let find = |key: &str, name: &str| {
        let found = functions.clone().find(|function| function.name == name);
        found.ok_or_else(|| {
            let known: Vec<&str> = functions.clone().map(|function| &*function.name).collect();
            let known = known.join(", ");
            problem(
                key,
                format!("there is no function {name:?}: the file has {known}"),
            )
        })
    };
    let name = match Target::of(written)? {
        Target::Nothing => {
            let face = TaskFace::new(written, Answers::Asked)?;
            let constant = Constant::new(written)?;
            return Ok(Checked::Does(Box::new(face), Behind::Constant(constant)));
        }
        Target::Run(run) => {
            let face = TaskFace::new(written, Answers::Work)?;
            let run = match run {
                RunWritten::Id(id) => Run::Id(face.place("run", id)?),
                RunWritten::Last(run) => Run::Last(find("run.last", &run.last)?.name.clone()),
            };
            return Ok(Checked::Does(Box::new(face), Behind::Run(run)));
        }
        Target::Registry(registry) => {
            let face = TaskFace::new(written, Answers::Registry)?;
            let models = Models::new(&face, registry)?;
            return Ok(Checked::Does(Box::new(face), Behind::Registry(models)));
        }
        Target::Lookup(lookup) => {
            let face = TaskFace::new(written, Answers::Rows)?;
            let rows = Rows::new(written, lookup)?;
            return Ok(Checked::Does(Box::new(face), Behind::Lookup(rows)));
        }
        Target::Function(name) => name,
    };
    let function = find("function", name)?;
    let behind = match &function.trigger {
        Trigger::Http => {
            return Ok(Checked::Predicts(
                Box::new(Face::new(written)?),
                name.to_owned(),
            ));
        }
        Trigger::Queue(_) | Trigger::Events(_) => Behind::Queue(Queue::of(function, written)?),
        Trigger::Every(_) => Behind::Latest(Latest::of(function)),
    };
    let face = TaskFace::new(written, Answers::Work)?;
    if face.wait.is_some() && !matches!(behind, Behind::Queue(_)) {
        let why = "the last outcome is answered at once: there is nothing to wait for";
        return Err(problem("wait", why.to_owned()));
    }
    if written.until.is_some() && !matches!(behind, Behind::Queue(_)) {
        let why = "only of a function that a queue or events trigger something follows";
        return Err(problem("until", why.to_owned()));
    }
    if let Some(until) = &written.until {
        find("until", until)?;
    }
    if face.takes_file() && !matches!(behind, Behind::Queue(_)) {
        let why = "only a function that a queue or events trigger takes in a file";
        return Err(problem("request.file", why.to_owned()));
    }
    Ok(Checked::Does(Box::new(face), behind))
}

/// Where rows are looked up is a database of the file, or a URL.
fn is_shared(written: &HttpWritten, databases: &[SharedDatabase]) -> Result<(), MappingError> {
    let lookups = [
        ("lookup.sql", written.lookup.as_ref()),
        ("request.lookup.sql", written.request.lookup.as_ref()),
    ];
    for (key, lookup) in lookups {
        let Some(lookup) = lookup else { continue };
        is_declared(databases, &lookup.sql).map_err(|(why, label)| {
            MappingError::key(&written.route, key, format!("{why}: {label}"))
        })?;
    }
    Ok(())
}

impl Target<'_> {
    fn of(written: &HttpWritten) -> Result<Target<'_>, MappingError> {
        let function = written.function.as_deref().map(Target::Function);
        let run = written.run.as_ref().map(Target::Run);
        let registry = written.registry.as_ref().map(Target::Registry);
        let lookup = written.lookup.as_ref().map(Target::Lookup);
        let named = [
            ("function", function),
            ("run", run),
            ("registry", registry),
            ("lookup", lookup),
        ];
        let mut named = named
            .into_iter()
            .filter_map(|(key, target)| Some((key, target?)));
        let why = "a face has one of function, run, registry and lookup, or a response of nothing but constants and /request";
        match (named.next(), named.next()) {
            (Some((_, target)), None) => Ok(target),
            (_, Some((key, _))) => Err(MappingError::key(&written.route, key, why)),
            (None, None) if Constant::is(written) => Ok(Target::Nothing),
            (None, None) => Err(MappingError::key(&written.route, "function", why)),
        }
    }
}
