//! The other files of an app: what it installs, how it is hosted, what it is
//! told, and what all apps have in common.

use serde_json::{Value, json};

use super::document::Setting;
use super::function_app::{CONNECTION, Written, function_app, put};
use super::requirements::Requirements;

/// Paths in the app's folder, and what is in the files.
pub(super) type Texts = Vec<(String, String)>;

/// What all apps have in common: how a stage hands over to the next.
const HANDOVER: &[(&str, &str)] = &[
    ("__init__.py", include_str!("python/__init__.py")),
    ("errors.py", include_str!("python/errors.py")),
    ("archive.py", include_str!("python/archive.py")),
    ("changes.py", include_str!("python/changes.py")),
    ("inside.py", include_str!("python/inside.py")),
    ("places.py", include_str!("python/places.py")),
    ("redirect.py", include_str!("python/redirect.py")),
    ("run.py", include_str!("python/run.py")),
    ("stage.py", include_str!("python/stage.py")),
    ("values.py", include_str!("python/values.py")),
    ("web.py", include_str!("python/web.py")),
];

/// The newest version of azure-functions that this was tried with.
const AZURE_FUNCTIONS: &str = "azure-functions>=1.21,<2";

/// Everything but the monolith's modules.
pub(super) fn of(told: &Written, needs: &Requirements) -> Texts {
    let mut files = requirements(needs);
    for (name, text) in HANDOVER {
        files.push((format!("cutline_handover/{name}"), (*text).to_owned()));
    }
    let own = [
        ("function_app.py", function_app(told)),
        ("host.json", host()),
        ("local.settings.json", local_settings(&told.settings)),
        (".funcignore", IGNORED.to_owned()),
    ];
    files.extend(own.map(|(name, text)| (name.to_owned(), text)));
    files
}

/// What the app installs, and the versions that hold for all of it.
fn requirements(requirements: &Requirements) -> Texts {
    let mut out = String::new();
    if !requirements.pins.is_empty() {
        put(&mut out, "-c constraints.txt");
    }
    let options = requirements.options.iter();
    options.for_each(|line| put(&mut out, line));
    put(&mut out, AZURE_FUNCTIONS);
    let needed = requirements.needed.iter();
    needed.for_each(|line| put(&mut out, line));
    let tables = requirements
        .needed
        .iter()
        .any(|line| line.to_lowercase().starts_with("pandas"));
    let has_parquet = requirements
        .needed
        .iter()
        .any(|line| line.starts_with("pyarrow"));
    if tables && !has_parquet {
        put(&mut out, "# Tables are handed over as Parquet.\npyarrow");
    }
    for library in &requirements.unnamed {
        put(
            &mut out,
            &format!("# {library} is imported, and no requirement of the monolith names it"),
        );
    }
    if !requirements.secret.is_empty() {
        put(
            &mut out,
            "# A line of the monolith's has a password in its URL, and is left out",
        );
    }
    let mut files = vec![("requirements.txt".to_owned(), out)];
    if !requirements.pins.is_empty() {
        let pins: String = requirements
            .pins
            .iter()
            .map(|pin| format!("{pin}\n"))
            .collect();
        files.push(("constraints.txt".to_owned(), pins));
    }
    files
}

fn host() -> String {
    pretty(&json!({
        "version": "2.0",
        "extensionBundle": {
            "id": "Microsoft.Azure.Functions.ExtensionBundle",
            "version": "[4.*, 5.0.0)",
        },
        // As long as it takes: a training is no request.
        "functionTimeout": "-1",
        // One at a time: the monolith's modules have global variables.
        "extensions": {
            "http": { "routePrefix": "", "maxConcurrentRequests": 1 },
            "queues": { "batchSize": 1, "newBatchThreshold": 0, "maxDequeueCount": 5 },
        },
    }))
}

/// For `func start` and Azurite; secrets are named, and empty.
fn local_settings(settings: &[Setting]) -> String {
    let mut values = json!({
        "AzureWebJobsStorage": "UseDevelopmentStorage=true",
        CONNECTION: "UseDevelopmentStorage=true",
        "FUNCTIONS_WORKER_RUNTIME": "python",
        "PYTHON_THREADPOOL_THREAD_COUNT": "1",
        // The host's own page stands at the root otherwise.
        "AzureWebJobsDisableHomepage": "true",
    });
    for setting in settings {
        // An empty variable is another thing than none, so that those with a
        // default stay away.
        if setting.needed {
            values[&setting.name] = Value::from("");
        }
    }
    pretty(&json!({ "IsEncrypted": false, "Values": values }))
}

const IGNORED: &str = ".git/\n.gitignore\n.venv/\n__pycache__/\nlocal.settings.json\n";

fn pretty(value: &Value) -> String {
    // A value of ours has no key that is no text.
    format!(
        "{}\n",
        serde_json::to_string_pretty(value).unwrap_or_default()
    )
}
