//! The README of what was scaffolded.

use std::fmt::Write;

use cutline_analyzer::report::scaffold::{App, Scaffold};
use cutline_analyzer::stages::Stage;

use super::{Decided, RustApp};

pub(crate) fn readme(decided: &Decided) -> String {
    let mut out = String::new();
    put(
        &mut out,
        &format!("# {} as apps of Azure Functions\n", line(&decided.name)),
    );
    put(
        &mut out,
        "Written by `cutline scaffold --target azure`; `scaffold.json` says the same for machines.\n",
    );
    apps(&mut out, decided);
    way(&mut out, &decided.python);
    between(&mut out, &decided.python);
    settings(&mut out, &decided.python);
    copied(&mut out, &decided.python);
    locally(&mut out, decided);
    publish(&mut out, decided);
    knows(&mut out, decided);
    left(&mut out, decided);
    out
}

fn apps(out: &mut String, decided: &Decided) {
    put(
        out,
        "## Apps\n\n| App | Kind | Functions | Why |\n| --- | --- | --- | --- |",
    );
    for app in &decided.python.apps {
        let functions: Vec<String> = app
            .functions
            .iter()
            .map(|function| format!("`{}` ({})", function.name, line(&function.trigger)))
            .collect();
        let why = decided.why.get(&app.stage).map_or("", String::as_str);
        put(
            out,
            &format!(
                "| `{}/` | Python | {} | {} |",
                app.stage,
                functions.join(", "),
                line(why)
            ),
        );
    }
    for RustApp {
        stage, function, ..
    } in &decided.rust
    {
        put(
            out,
            &format!(
                "| `{function}/` | custom handler | `{function}` | functions.toml says all of {stage} |"
            ),
        );
    }
    put(out, "");
}

fn way(out: &mut String, python: &Scaffold) {
    let Some(begins) = &python.begins else {
        return;
    };
    put(out, "## A run\n");
    match &python.run {
        Some(run) => put(
            out,
            &format!(
                "A run goes the way of the monolith's own `{}`. Each app calls it from the beginning: what earlier stages were asked is answered with what they said then, its own stage really runs, and where a later stage is asked the run is handed over. So arguments, conditions and loops are the monolith's. What lies between the stages runs again in each, and has to do the same each time; a step of no stage that changes something runs in one of them.\n",
                line(run)
            ),
        ),
        None => put(
            out,
            "Each stage runs its own scripts, and hands over the files they leave to the next.\n",
        ),
    }
    let values: Vec<String> = python
        .values
        .iter()
        .map(|name| format!("\"{name}\": …"))
        .collect();
    let values = match values.is_empty() {
        true => String::new(),
        false => format!(", \"values\": {{{}}}", values.join(", ")),
    };
    put(
        out,
        &format!(
            "It begins with a message in the queue `{begins}`:\n\n```json\n{{\"run\": \"2026-01-31\"{values}}}\n```\n\n\
             `run` names it, each time another: its archives are called so, and the same message again makes the same again, as far as the code asks no clock and draws no numbers without a seed. \
             `values` are arguments of that function, by name."
        ),
    );
    if !python.values.is_empty() {
        put(
            out,
            "The code does not say these, so that a message without them is refused, unless the setting `CUTLINE_VALUE_NAME` says them in JSON.",
        );
    }
    put(out, "");
    for app in &python.apps {
        for function in app
            .functions
            .iter()
            .filter(|it| it.trigger.starts_with("queue"))
        {
            let calls: Vec<String> = function
                .calls
                .iter()
                .map(|call| format!("`{}`", line(call)))
                .collect();
            put(out, &format!("- {}: {}", app.stage, calls.join(", ")));
        }
    }
    put(out, "");
}

fn between(out: &mut String, python: &Scaffold) {
    if python.crossings.is_empty() {
        return;
    }
    put(
        out,
        "## Queues and containers\n\nOne of each for a crossing; they have to be there. An archive `runs/RUN.zip` holds what crosses, and all that went before: results of the calls (JSON, Parquet, NPY, or a pickle), files that the run made, global variables. `latest.zip` is the newest, which requests see. A pickle runs code when it is read: let nobody but these apps write into the containers.\n\n| From | To | Queue | Container | What passes |\n| --- | --- | --- | --- | --- |",
    );
    for crossing in &python.crossings {
        let from = crossing.from.map_or("(you)", Stage::name);
        let to = match crossing.to {
            Stage::None => "(whoever asks)",
            to => to.name(),
        };
        let named =
            |name: &Option<String>| name.as_ref().map_or(String::new(), |it| format!("`{it}`"));
        let passes: Vec<String> = crossing.passes.iter().map(|it| line(it)).collect();
        put(
            out,
            &format!(
                "| {from} | {to} | {} | {} | {} |",
                named(&crossing.queue),
                named(&crossing.container),
                passes.join(", ")
            ),
        );
    }
    put(
        out,
        "\nThe identity of an app needs Storage Queue Data Message Processor on the queue that starts it, Storage Queue Data Message Sender on the one it sends to, Storage Blob Data Reader on the containers it reads, Storage Blob Data Contributor on those it writes.\n",
    );
}

fn settings(out: &mut String, python: &Scaffold) {
    if python.apps.is_empty() {
        return;
    }
    put(
        out,
        "## Settings\n\n`CUTLINE` says where queues and blobs are: on Azure `CUTLINE__blobServiceUri`, `CUTLINE__queueServiceUri` and `CUTLINE__credential` = `managedidentity`.\n\n| Setting | Kind | Apps | From |\n| --- | --- | --- | --- |",
    );
    let mut seen: Vec<&str> = Vec::new();
    for setting in python.apps.iter().flat_map(|app| &app.settings) {
        if seen.contains(&setting.name.as_str()) {
            continue;
        }
        seen.push(&setting.name);
        let has = |app: &&App| app.settings.iter().any(|own| own.name == setting.name);
        let apps: Vec<&str> = python
            .apps
            .iter()
            .filter(has)
            .map(|app| app.stage.name())
            .collect();
        let kind = match (setting.kind, setting.needed) {
            ("secret", true) => "secret, has to be set",
            ("secret", false) => "secret",
            ("argument", _) => "argument, in JSON",
            _ => "variable, has a default or is optional",
        };
        let from: Vec<String> = setting.from.iter().map(|from| line(from)).collect();
        put(
            out,
            &format!(
                "| `{}` | {kind} | {} | {} |",
                setting.name,
                apps.join(", "),
                from.join(", ")
            ),
        );
    }
    put(out, "");
}

fn copied(out: &mut String, python: &Scaffold) {
    let needed = |setting: &&cutline_analyzer::report::scaffold::Setting| setting.needed;
    let settings = python.apps.iter().flat_map(|app| &app.settings);
    let mut secrets: Vec<String> = settings
        .filter(needed)
        .map(|setting| format!("- `{}`: {}", setting.name, line(&setting.from.join(", "))))
        .collect();
    secrets.dedup();
    secrets.sort();
    secrets.dedup();
    if secrets.is_empty() {
        return;
    }
    put(
        out,
        "## Secrets that stood in the code\n\nThe copies in `monolith/` read each from its setting instead, and an app refuses to work while one is empty. The monolith's own code still has them: change them, since they have been seen.\n",
    );
    secrets.iter().for_each(|secret| put(out, secret));
    put(out, "");
}

fn locally(out: &mut String, decided: &Decided) {
    put(
        out,
        "## On your own machine\n\nWith [Azurite](https://github.com/Azure/Azurite) and the [Core Tools](https://github.com/Azure/azure-functions-core-tools):\n\n```console\n$ azurite --silent --location .azurite &",
    );
    let connection = "--connection-string UseDevelopmentStorage=true";
    for crossing in &decided.python.crossings {
        if let Some(queue) = &crossing.queue {
            put(
                out,
                &format!("$ az storage queue create --name {queue} {connection}"),
            );
        }
        if let Some(container) = &crossing.container {
            put(
                out,
                &format!("$ az storage container create --name {container} {connection}"),
            );
        }
    }
    if let Some(app) = decided.python.apps.first() {
        put(
            out,
            &format!(
                "$ cd {} && python -m venv .venv && . .venv/bin/activate",
                app.stage
            ),
        );
        put(out, "$ pip install -r requirements.txt && func start");
    }
    put(
        out,
        "```\n\nSet what is empty in `local.settings.json` first; `cutline scaffold --force` keeps it.\n",
    );
}

fn publish(out: &mut String, decided: &Decided) {
    put(out, "## On Azure\n\n```console");
    for app in &decided.python.apps {
        put(
            out,
            &format!(
                "$ (cd {0} && func azure functionapp publish YOUR-{0} --python)",
                app.stage
            ),
        );
    }
    for app in &decided.rust {
        put(
            out,
            &format!(
                "$ cp \"$(command -v cutline)\" {0}/ && (cd {0} && func azure functionapp publish YOUR-{0} --custom)",
                app.function
            ),
        );
    }
    put(out, "```\n");
    if !decided.python.apps.is_empty() {
        put(
            out,
            "`functionTimeout` is -1 in `host.json`, as long as it takes. That needs a plan without a limit: Flex Consumption, Premium, or Dedicated with Always On. In the Consumption plan a function has ten minutes at most, and the host refuses -1: write `\"00:10:00\"` there. Whoever sends a request waits for 230 seconds at most, in any plan. A route at the root needs the setting `AzureWebJobsDisableHomepage` = `true`.\n",
        );
    }
}

fn knows(out: &mut String, decided: &Decided) {
    if decided.python.apps.is_empty() {
        return;
    }
    put(
        out,
        "## What to know\n\n\
         - A run begins with what its message and the repository bring, and its files are its own: what a database or a file kept from earlier runs is not in it. A database that several of them need belongs on a server.\n\
         - An archive is read and written as a whole, in memory.\n\
         - One invocation at a time in each process, since the monolith has global variables. What requests change is kept in the stage's `…-kept` container, of several at once the last one's: give an app whose requests write one instance.\n\
         - What reads a clock, or draws from a random generator without a seed, differs from stage to stage and from repeat to repeat, as it differs from run to run.\n\
         - Each message finds the monolith as freshly imported: what it kept in memory, and variables of the environment that it set, are gone. Django's modules stay, and only their caches are cleared.\n\
         - What a stage returns, or changes in an argument, and what cannot be pickled, such as an open connection, is refused by its name. A global variable that was `None` and holds such a thing is made again in each app.\n",
    );
}

fn left(out: &mut String, decided: &Decided) {
    if decided.left.is_empty() {
        return;
    }
    put(out, "## What is not done\n");
    for left in &decided.left {
        put(out, &format!("- {}", line(left)));
    }
    put(out, "");
}

/// Without what would break out of its line or cell.
fn line(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            c if c.is_control() || c == '`' => ' ',
            '|' => '/',
            c => c,
        })
        .collect()
}

fn put(out: &mut String, text: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(out, "{text}");
}
