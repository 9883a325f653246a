//! From the file as written to the [`Pipeline`]: every name has its other end.

mod database;
mod store;
mod table;
mod trigger;

use std::collections::BTreeSet;
use std::time::Duration;

use indexmap::IndexMap;
use toml::Spanned;

pub(crate) use database::is_declared;

use super::file::{BindingFile, File, FunctionFile, OutputFile};
use super::problem::Problem;
use super::{Alias, Function, Input, Output, Pipeline, Template, secrets, serve};
use crate::function::Kind;
use crate::store::registry;

pub(super) fn check(file: File, kinds: &[Kind]) -> Result<Pipeline, Problem> {
    trigger::readers_differ(&file.functions)?;
    artifacts_are_made(&file.functions)?;
    logs_are_kept(&file.functions, kinds)?;
    let databases = database::check(file.databases)?;
    database::are_declared(&databases, &file.functions)?;
    let functions = file.functions.into_iter().map(|file| function(file, kinds));
    let functions = functions.collect::<Result<Vec<Function>, _>>()?;
    let served = serve::check(file.serve)?;
    Ok(Pipeline {
        store: store::store(file.store)?,
        listen: served.listen,
        tls: served.tls,
        token: served.token,
        vault: secrets::vault(&file.secrets)?,
        signing: secrets::signing(file.signing)?,
        databases,
        functions: last_ones(functions),
        faces: file.faces,
    })
}

/// A second or longer; `owner` says whose.
fn time(text: &Spanned<String>, owner: &str) -> Result<Duration, Problem> {
    let time = humantime::parse_duration(text.get_ref()).ok();
    let time = time.filter(|time| *time >= Duration::from_secs(1));
    time.ok_or_else(|| {
        let message = format!("{owner}: {:?} is no time", text.get_ref());
        Problem::at(text.span(), message).label("write 30s, 15m or 1day; 1s at least")
    })
}

/// Marks the functions after which nothing comes: nobody in the file reads
/// their queue, or they have none.
fn last_ones(mut functions: Vec<Function>) -> Vec<Function> {
    let read: Vec<String> = functions.iter().filter_map(Function::queue).collect();
    for function in &mut functions {
        let next = function.output.queue.as_ref();
        function.is_last = next.is_none_or(|queue| !read.contains(queue));
    }
    functions
}

fn function(file: FunctionFile, kinds: &[Kind]) -> Result<Function, Problem> {
    let name = file.name.get_ref().clone();
    is_name(&file.name, "a function")?;
    let stage = file.shared.stage.unwrap_or_else(|| file.name.clone());
    let kind = kind(&name, &stage, kinds)?;
    let named: Vec<&str> = file.inputs.keys().map(String::as_str).collect();
    let output = output(&name, &named, file.shared.output)?;
    let optional = optional(&name, &file.inputs)?;
    let inputs = file.inputs.into_iter().map(|(input, binding)| {
        let owner = match input.as_str() {
            "input" => format!("function {name}: input"),
            named => format!("function {name}: input.{named}"),
        };
        Ok((input, self::input(&owner, binding)?))
    });
    Ok(Function {
        is_last: true,
        optional,
        inputs: inputs.collect::<Result<_, Problem>>()?,
        trigger: trigger::trigger(&name, &file.name, file.shared.trigger)?,
        output,
        parameters: file.params.canonical(),
        run: (kind.configure)(&file.params)?,
        params: file.params,
        stage: stage.into_inner(),
        name,
    })
}

/// The inputs that need not be there: files that a message names.
fn optional(
    name: &str,
    inputs: &IndexMap<String, Spanned<BindingFile>>,
) -> Result<Vec<String>, Problem> {
    let mut optional = Vec::new();
    for (input, binding) in inputs {
        let binding = binding.get_ref();
        let Some(said) = binding.optional.as_ref().filter(|said| *said.get_ref()) else {
            continue;
        };
        let blob = binding.blob.as_ref().map(Spanned::get_ref);
        if !blob.is_some_and(|blob| blob.contains('{')) {
            let message = format!("function {name}: input {input} cannot be optional");
            return Err(Problem::at(said.span(), message)
                .label("only a blob that a value of the message names: { blob = \"{name}\" }"));
        }
        optional.push(input.clone());
    }
    Ok(optional)
}

fn kind<'a>(name: &str, stage: &Spanned<String>, kinds: &'a [Kind]) -> Result<&'a Kind, Problem> {
    let found = kinds.iter().find(|kind| kind.name == stage.get_ref());
    found.ok_or_else(|| {
        let known: Vec<&str> = kinds.iter().map(|kind| kind.name).collect();
        let message = format!("function {name}: there is no stage {:?}", stage.get_ref());
        let label = format!("give it stage = one of {}", known.join(", "));
        Problem::at(stage.span(), message).label(label)
    })
}

fn input(owner: &str, binding: Spanned<BindingFile>) -> Result<Input, Problem> {
    let span = binding.span();
    match binding.into_inner() {
        BindingFile {
            blob: Some(blob),
            artifact: None,
            sql: None,
            query: None,
            model: None,
            log: None,
            optional: _,
        } => Template::parse(blob.get_ref())
            .map(Input::Blob)
            .map_err(|why| Problem::at(blob.span(), format!("{owner}: blob: {why}"))),
        BindingFile {
            blob: None,
            artifact: Some(artifact),
            sql: None,
            query: None,
            model: None,
            log: None,
            optional: _,
        } => Ok(Input::Artifact(artifact)),
        BindingFile {
            blob: None,
            artifact: None,
            sql: Some(url),
            query: Some(query),
            model: None,
            log: None,
            optional: _,
        } => Ok(Input::Sql {
            url: url.into_inner(),
            query,
        }),
        BindingFile {
            blob: None,
            artifact: None,
            sql: None,
            query: None,
            model: Some(alias),
            log: None,
            optional: _,
        } => self::alias(owner, &alias).map(Input::Model),
        BindingFile {
            blob: None,
            artifact: None,
            sql: None,
            query: None,
            model: None,
            log: Some(log),
            optional: _,
        } => Ok(Input::Log(log.into_inner())),
        _ => Err(
            Problem::at(span, format!("{owner}: a binding is one thing"))
                .label("write one of blob, artifact, model, log, or sql with query"),
        ),
    }
}

fn output(
    name: &str,
    inputs: &[&str],
    file: Option<Spanned<OutputFile>>,
) -> Result<Output, Problem> {
    let Some(file) = file.map(Spanned::into_inner) else {
        return Ok(Output::default());
    };
    if let Some(queue) = &file.queue {
        is_queue(queue)?;
    }
    let mut artifacts = IndexMap::new();
    if let Some(main) = &file.artifact {
        is_name(main, "an artifact")?;
        artifacts.insert(String::new(), main.get_ref().clone());
    }
    for (port, artifact) in file.artifacts {
        is_name(&artifact, "an artifact")?;
        artifacts.insert(port, artifact.into_inner());
    }
    Ok(Output {
        artifacts,
        queue: file.queue.map(Spanned::into_inner),
        alias: file
            .alias
            .map(|text| alias(&format!("function {name}: output"), &text))
            .transpose()?,
        tables: table::tables(name, inputs, file.table, file.tables)?,
    })
}

fn alias(owner: &str, text: &Spanned<String>) -> Result<Alias, Problem> {
    let parsed = text.get_ref().split_once('@').and_then(|(model, name)| {
        let alias = registry::Alias::ALL
            .into_iter()
            .find(|alias| alias.name() == name)?;
        let model = model.parse().ok()?;
        Some(Alias { model, alias })
    });
    parsed.ok_or_else(|| {
        let message = format!("{owner}: {:?} is no alias of a model", text.get_ref());
        Problem::at(text.span(), message).label("write MODEL@champion or MODEL@candidate")
    })
}

/// What a function reads by name, some function makes.
fn artifacts_are_made(functions: &[FunctionFile]) -> Result<(), Problem> {
    let outputs = functions
        .iter()
        .filter_map(|function| function.shared.output.as_ref());
    let made: BTreeSet<&str> = outputs
        .flat_map(|output| {
            output
                .get_ref()
                .artifact
                .iter()
                .chain(output.get_ref().artifacts.values())
        })
        .map(|name| name.get_ref().as_str())
        .collect();
    let is_made = |name: &str| {
        made.iter().any(|made| {
            name == *made
                || name
                    .strip_prefix(made)
                    .is_some_and(|rest| rest.starts_with('-'))
        })
    };
    for function in functions {
        for (input, binding) in &function.inputs {
            let Some(artifact) = &binding.get_ref().artifact else {
                continue;
            };
            if !is_made(artifact) {
                let name = function.name.get_ref();
                let message =
                    format!("function {name}: input {input}: no function makes {artifact:?}");
                let made: Vec<&str> = made.iter().copied().collect();
                return Err(Problem::at(binding.span(), message)
                    .label(format!("what is made: {}", made.join(", "))));
            }
        }
    }
    Ok(())
}

/// A log is that of an inference function of this file.
fn logs_are_kept(functions: &[FunctionFile], _kinds: &[Kind]) -> Result<(), Problem> {
    let names: BTreeSet<&str> = functions
        .iter()
        .map(|function| function.name.get_ref().as_str())
        .collect();
    for function in functions {
        let logs = function
            .inputs
            .values()
            .filter_map(|binding| binding.get_ref().log.as_ref());
        for log in logs {
            if !names.contains(log.get_ref().as_str()) {
                let message = format!(
                    "function {}: there is no function {:?} whose predictions could be read",
                    function.name.get_ref(),
                    log.get_ref()
                );
                return Err(Problem::at(log.span(), message).label("name an inference function"));
            }
        }
    }
    Ok(())
}

/// The rule of Azure Storage for queues, so that a file that holds here holds
/// there: 3 to 63 lower-case letters, digits and single hyphens inside.
fn is_queue(name: &Spanned<String>) -> Result<(), Problem> {
    let text = name.get_ref();
    if text.ends_with("-poison") {
        let message = format!("the queue {text:?} is where failed messages of another go");
        return Err(Problem::at(name.span(), message).label("give it a name of its own"));
    }
    let fits = (3..=56).contains(&text.len()) && is_plain(text);
    match fits {
        true => Ok(()),
        false => Err(
            Problem::at(name.span(), format!("{text:?} is no name of a queue"))
                .label("3 to 56 lower-case letters, digits and single hyphens inside"),
        ),
    }
}

fn is_name(name: &Spanned<String>, what: &str) -> Result<(), Problem> {
    let text = name.get_ref();
    match text.len() <= 60 && is_plain(text) {
        true => Ok(()),
        false => Err(
            Problem::at(name.span(), format!("{text:?} is no name of {what}"))
                .label("lower-case letters, digits and single hyphens inside, 60 at most"),
        ),
    }
}

fn is_plain(text: &str) -> bool {
    let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty()
        && text.chars().all(inside)
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.contains("--")
}
