//! `[[http]]` of a file, checked: what is behind each face.

use super::queue::Queue;
use super::registry::Models;
use super::run::Run;
use super::{Behind, Latest};
use crate::face::mapping::{
    Answers, Face, HttpWritten, MappingError, RegistryWritten, Taken, TaskFace,
};
use crate::pipeline::{Function, Params, Pipeline, Problem, Trigger};

/// A face of the file.
pub(in crate::host) enum Checked {
    /// The inference function that it asks.
    Predicts(Box<Face>, String),
    /// What else is behind it.
    Does(Box<TaskFace>, Behind),
}

/// What a face names.
enum Target<'w> {
    Function(&'w str),
    Run(&'w str),
    Registry(&'w RegistryWritten),
}

/// Checks every face of a pipeline.
///
/// # Errors
/// The first problem, with its place in the file.
pub fn check_faces(pipeline: &Pipeline) -> Result<(), Problem> {
    check(&pipeline.faces, pipeline.functions.iter(), &[]).map(drop)
}

/// All faces but those of functions that are hosted `elsewhere`.
///
/// # Errors
/// The first problem, with its place in the file.
pub(in crate::host) fn check<'f>(
    declared: &[Params],
    functions: impl Iterator<Item = &'f Function> + Clone,
    elsewhere: &[String],
) -> Result<Vec<Checked>, Problem> {
    let (mut checked, mut taken) = (Vec::new(), Taken::default());
    for params in declared {
        let written: HttpWritten = params.read()?;
        let is_elsewhere = |function: &String| elsewhere.contains(function);
        if written.function.as_ref().is_some_and(is_elsewhere) {
            continue;
        }
        let face = one(&written, functions.clone()).and_then(|face| {
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
    mut functions: impl Iterator<Item = &'f Function> + Clone,
) -> Result<Checked, MappingError> {
    let problem = |key: &str, why: String| MappingError::key(&written.route, key, why);
    let name = match Target::of(written)? {
        Target::Run(id) => {
            let face = TaskFace::new(written, Answers::Work)?;
            let id = face.place("run", id)?;
            return Ok(Checked::Does(Box::new(face), Behind::Run(Run(id))));
        }
        Target::Registry(registry) => {
            let face = TaskFace::new(written, Answers::Registry)?;
            let models = Models::new(&face, registry)?;
            return Ok(Checked::Does(Box::new(face), Behind::Registry(models)));
        }
        Target::Function(name) => name,
    };
    let known: Vec<&str> = functions.clone().map(|function| &*function.name).collect();
    let Some(function) = functions.find(|function| function.name == name) else {
        let why = format!(
            "there is no function {name:?}: the file has {}",
            known.join(", ")
        );
        return Err(problem("function", why));
    };
    let behind = match &function.trigger {
        Trigger::Http => {
            return Ok(Checked::Predicts(
                Box::new(Face::new(written)?),
                name.to_owned(),
            ));
        }
        Trigger::Queue(_) => Behind::Queue(Queue::of(function, written)?),
        Trigger::Every(_) => Behind::Latest(Latest::of(function)),
    };
    let face = TaskFace::new(written, Answers::Work)?;
    if face.wait.is_some() && !matches!(behind, Behind::Queue(_)) {
        let why = "the last outcome is answered at once: there is nothing to wait for";
        return Err(problem("wait", why.to_owned()));
    }
    if face.takes_file() && !matches!(behind, Behind::Queue(_)) {
        let why = "only a function that a queue triggers takes in a file";
        return Err(problem("request.file", why.to_owned()));
    }
    Ok(Checked::Does(Box::new(face), behind))
}

impl Target<'_> {
    fn of(written: &HttpWritten) -> Result<Target<'_>, MappingError> {
        let why = "a face has one of function, run and registry";
        let problem = |key| Err(MappingError::key(&written.route, key, why));
        match (&written.function, &written.run, &written.registry) {
            (Some(function), None, None) => Ok(Target::Function(function)),
            (None, Some(run), None) => Ok(Target::Run(run)),
            (None, None, Some(registry)) => Ok(Target::Registry(registry)),
            (None, None, None) => problem("function"),
            (_, Some(_), _) => problem("run"),
            (_, None, Some(_)) => problem("registry"),
        }
    }
}
