//! `function_app.py`: the functions of one app, in the Python v2 programming
//! model.

use std::fmt::Write;

use serde_json::Value;

use super::arguments::{Argument, How};
use super::document::Setting;

/// The setting that says where queues and blobs are.
pub(super) const CONNECTION: &str = "CUTLINE";

/// What is written down of a stage.
#[derive(Default)]
pub(super) struct Written {
    pub(super) repository: String,
    pub(super) stage: String,
    pub(super) order: Vec<String>,
    pub(super) roots: Vec<String>,
    pub(super) drivers: Vec<Drive>,
    /// Module, file, qualified name, stage.
    pub(super) entries: Vec<[String; 4]>,
    /// Of these, as `file:qualname`, those of no stage.
    pub(super) anew: Vec<String>,
    pub(super) shared: Vec<String>,
    /// Folders that the code names, to be there.
    pub(super) folders: Vec<String>,
    /// Django's settings, where the monolith has them.
    pub(super) django: Option<String>,
    pub(super) settings: Vec<Setting>,
    /// Kind, `module:name`, whether it is made, modules with routes.
    pub(super) web: Option<(String, String, bool, Vec<String>)>,
    pub(super) queue: Option<Queue>,
    pub(super) routes: Vec<Route>,
}

/// What is started: a function of a module, or a script.
pub(super) struct Drive {
    pub(super) is_script: bool,
    pub(super) module: String,
    pub(super) name: String,
    pub(super) arguments: Vec<Argument>,
}

/// The function that takes part in runs.
pub(super) struct Queue {
    pub(super) function: String,
    pub(super) queue: String,
    /// The container that archives come in; nothing where runs begin.
    pub(super) before: Option<String>,
    /// The queue of the next stage.
    pub(super) next: Option<String>,
    /// The container that archives go to.
    pub(super) after: String,
}

/// A function that answers requests.
pub(super) struct Route {
    pub(super) function: String,
    pub(super) method: String,
    pub(super) path: String,
    /// Containers whose newest archive it sees, its own last.
    pub(super) sees: Vec<String>,
    /// The container in which what it changes is kept.
    pub(super) keeps: Option<String>,
}

pub(super) fn function_app(written: &Written) -> String {
    let mut out = String::new();
    let Written {
        repository, stage, ..
    } = written;
    put(
        &mut out,
        &format!(
            "\"\"\"{stage} of {repository}, as an app of Azure Functions.\n\n\
             Written by `cutline scaffold`; README.md beside the apps says how it works.\n\"\"\"\n"
        ),
    );
    put(
        &mut out,
        "import azure.functions as func\n\nimport cutline_handover\n",
    );
    put(
        &mut out,
        "app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)\n",
    );
    stage_of(&mut out, written);
    if let Some(queue) = &written.queue {
        by_queue(&mut out, queue);
    }
    for route in &written.routes {
        by_request(&mut out, route);
    }
    out
}

fn stage_of(out: &mut String, written: &Written) {
    put(out, "STAGE = cutline_handover.Stage(");
    put(out, &format!("    name={},", text(&written.stage)));
    put(out, &format!("    order={},", list(&written.order)));
    put(out, &format!("    roots={},", list(&written.roots)));
    if !written.drivers.is_empty() {
        put(
            out,
            "    # What a run goes through, and what it is called with.",
        );
        put(out, "    drivers=[");
        for drive in &written.drivers {
            let kind = if drive.is_script {
                "script"
            } else {
                "function"
            };
            let arguments: Vec<String> = drive.arguments.iter().map(argument).collect();
            put(
                out,
                &format!(
                    "        ({}, {}, {}, [{}]),",
                    text(kind),
                    text(&drive.module),
                    text(&drive.name),
                    arguments.join(", ")
                ),
            );
        }
        put(out, "    ],");
    }
    if !written.entries.is_empty() {
        put(
            out,
            "    # What it asks of the stages: here one ends and the next begins.",
        );
        put(out, "    entries=[");
        for entry in &written.entries {
            let parts: Vec<String> = entry.iter().map(|part| text(part)).collect();
            put(out, &format!("        ({}),", parts.join(", ")));
        }
        put(out, "    ],");
    }
    if !written.anew.is_empty() {
        put(
            out,
            "    # Of no stage: asked again where what it gives cannot be handed over.",
        );
        lines(out, "anew", &written.anew);
    }
    if !written.shared.is_empty() {
        put(
            out,
            "    # Global variables that one stage writes and another reads.",
        );
        lines(out, "shared", &written.shared);
    }
    let needed = written.settings.iter().filter(|setting| setting.needed);
    let needed: Vec<String> = needed
        .map(|setting| {
            let why = format!("it replaces the secret of {}", setting.from.join(", "));
            format!("({}, {})", text(&setting.name), text(&why))
        })
        .collect();
    if !needed.is_empty() {
        put(out, "    settings=[");
        needed
            .iter()
            .for_each(|setting| put(out, &format!("        {setting},")));
        put(out, "    ],");
    }
    if let Some((kind, what, is_made, modules)) = &written.web {
        let made = if *is_made { "True" } else { "False" };
        put(
            out,
            &format!(
                "    web=({}, {}, {made}, {}),",
                text(kind),
                text(what),
                list(modules)
            ),
        );
    }
    if let Some(settings) = &written.django {
        put(out, &format!("    django={},", text(settings)));
    }
    if !written.folders.is_empty() {
        put(out, "    # Folders that the code names.");
        lines(out, "folders", &written.folders);
    }
    put(out, ")");
}

fn lines(out: &mut String, name: &str, values: &[String]) {
    put(out, &format!("    {name}=["));
    for value in values {
        put(out, &format!("        {},", text(value)));
    }
    put(out, "    ],");
}

fn argument(argument: &Argument) -> String {
    let (how, what) = match &argument.how {
        How::Run => ("run", ""),
        How::Call(what) => ("call", what.as_str()),
        How::Value => ("value", ""),
    };
    format!("({}, {}, {})", text(&argument.name), text(how), text(what))
}

fn by_queue(out: &mut String, queue: &Queue) {
    let Queue {
        function,
        queue: from,
        before,
        next,
        after,
    } = queue;
    put(out, &format!("\n\n@app.function_name({})", text(function)));
    decorator(out, "queue_trigger", "message", &[("queue_name", from)]);
    let run = |container: &str| format!("{container}/runs/{{run}}.zip");
    let latest = |container: &str| format!("{container}/latest.zip");
    if let Some(before) = before {
        decorator(out, "blob_input", "archive", &[("path", &run(before))]);
    }
    decorator(out, "blob_output", "handed", &[("path", &run(after))]);
    decorator(out, "blob_output", "latest", &[("path", &latest(after))]);
    if let Some(next) = next {
        decorator(out, "queue_output", "following", &[("queue_name", next)]);
    }
    put(out, &format!("def {function}("));
    put(out, "    message: func.QueueMessage,");
    if before.is_some() {
        put(out, "    archive: func.InputStream,");
    }
    put(out, "    handed: func.Out[bytes],");
    put(out, "    latest: func.Out[bytes],");
    if next.is_some() {
        put(out, "    following: func.Out[str],");
    }
    put(out, ") -> None:");
    let archive = if before.is_some() { ", archive" } else { "" };
    put(out, &format!("    done = STAGE.run(message{archive})"));
    put(out, "    handed.set(done.archive)");
    put(out, "    latest.set(done.archive)");
    if next.is_some() {
        put(out, "    if done.stage:");
        put(out, "        following.set(done.message)");
    }
}

fn by_request(out: &mut String, route: &Route) {
    let Route {
        function,
        method,
        path,
        sees,
        keeps,
    } = route;
    put(out, &format!("\n\n@app.function_name({})", text(function)));
    let methods = match method.as_str() {
        "ANY" => ["GET", "POST", "PUT", "PATCH", "DELETE"]
            .map(text)
            .join(", "),
        method => text(method),
    };
    put(
        out,
        &format!("@app.route(route={}, methods=[{methods}])", text(path)),
    );
    let names: Vec<String> = (1..=sees.len())
        .map(|number| format!("seen_{number}"))
        .collect();
    for (name, container) in names.iter().zip(sees) {
        let latest = format!("{container}/latest.zip");
        decorator(out, "blob_input", name, &[("path", &latest)]);
    }
    if let Some(keeps) = keeps {
        let latest = format!("{keeps}/latest.zip");
        decorator(out, "blob_output", "kept", &[("path", &latest)]);
    }
    put(out, &format!("def {function}("));
    put(out, "    req: func.HttpRequest,");
    put(out, "    context: func.Context,");
    for name in &names {
        put(out, &format!("    {name}: func.InputStream,"));
    }
    if keeps.is_some() {
        put(out, "    kept: func.Out[bytes],");
    }
    put(out, ") -> func.HttpResponse:");
    let seen: String = names.iter().map(|name| format!(", {name}")).collect();
    let changed = if keeps.is_some() { "changed" } else { "_" };
    put(
        out,
        &format!("    answer, {changed} = STAGE.answer(req, context{seen})"),
    );
    if keeps.is_some() {
        put(out, "    if changed:");
        put(out, "        kept.set(changed)");
    }
    put(out, "    return answer");
}

fn decorator(out: &mut String, name: &str, argument: &str, keys: &[(&str, &str)]) {
    put(out, &format!("@app.{name}("));
    put(out, &format!("    arg_name={},", text(argument)));
    for (key, value) in keys {
        put(out, &format!("    {key}={},", text(value)));
    }
    put(out, &format!("    connection={},", text(CONNECTION)));
    if name == "blob_input" {
        put(out, "    data_type=func.DataType.BINARY,");
    }
    put(out, ")");
}

/// A string of Python's: JSON's, but for what is no character of its own.
fn text(text: &str) -> String {
    Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

fn list(values: &[String]) -> String {
    let values: Vec<String> = values.iter().map(|value| text(value)).collect();
    format!("[{}]", values.join(", "))
}

pub(super) fn put(out: &mut String, text: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(out, "{text}");
}
