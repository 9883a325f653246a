//! `host.json`, a `function.json` for each function and face, and
//! `local.settings.json`: an app of Azure Functions whose custom handler is
//! `cutline handler`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::roles::{Role, Scope, roles};
use super::schedule::ncrontab;
use super::settings::{self, CONNECTION, EVENTS, secrets};
use super::{File, ManifestError};
use crate::face::mapping::{HttpWritten, route_parts};
use crate::host::handler::{NEXT, RESPONSE, wrapped};
use crate::pipeline::{EventHub, Function, Pipeline, Place, Trigger, is_hosted};
use crate::queue::retry::Retry;

/// An app of these functions, or of all: what lies beside `functions.toml` and
/// the program.
///
/// # Errors
/// When the pipeline cannot be hosted so.
pub fn functions(pipeline: &Pipeline, only: &[String]) -> Result<Vec<File>, ManifestError> {
    let Place::Azure { kept, .. } = &pipeline.store.place else {
        return Err(ManifestError::Folder);
    };
    let secrets = secrets(pipeline, only)?;
    let mut app = App::default();
    let is_here = |name: &str| is_hosted(only, name);
    let (mut predicts, mut hears) = (false, false);
    let functions = pipeline.functions.iter();
    for function in functions.filter(|function| is_here(&function.name)) {
        match &function.trigger {
            Trigger::Queue(queue) => app.by_queue(function, queue)?,
            Trigger::Events(hub) => {
                hears = true;
                app.by_events(function, hub)?;
            }
            Trigger::Every(every) => app.by_time(function, *every)?,
            Trigger::Http => predicts = true,
        }
    }
    if predicts {
        app.standard()?;
    }
    for face in &pipeline.faces {
        let face: HttpWritten = face.read().map_err(ManifestError::Problem)?;
        if face.function.as_deref().is_none_or(is_here) {
            app.face(&face)?;
        }
    }
    let mut files = vec![
        file("host.json", &host(only, hears))?,
        file(
            "local.settings.json",
            &settings::local(kept, &secrets.variables, hears),
        )?,
        file("roles.json", &needed(pipeline, only, &secrets.asked_for))?,
    ];
    for (name, Entry { written, .. }) in &app.functions {
        files.push(file(&format!("{name}/function.json"), written)?);
    }
    files.push(File {
        path: ".funcignore".into(),
        text: "local.settings.json\nroles.json\n.git*\ncutline-data/\nincoming/\n".to_owned(),
    });
    Ok(files)
}

/// Functions of the app, by their names.
#[derive(Default)]
struct App {
    functions: BTreeMap<String, Entry>,
}

struct Entry {
    /// What it is of.
    of: String,
    written: Value,
}

impl App {
    fn by_queue(&mut self, function: &Function, queue: &str) -> Result<(), ManifestError> {
        let written = bindings(received(queue), function);
        self.add(&function.name, &function.name, written)
    }

    /// Events come once, and what follows of them the program sends; what fails
    /// is tried again from a queue, which the app has a function of that name
    /// for. An invocation that was broken off comes again.
    fn by_events(&mut self, function: &Function, hub: &EventHub) -> Result<(), ManifestError> {
        let heard = json!({
            "bindings": [{
                "name": "events",
                "type": "eventHubTrigger",
                "direction": "in",
                "eventHubName": hub.name,
                "consumerGroup": hub.consumer_group,
                "connection": EVENTS,
                "cardinality": "many",
                "dataType": "string",
            }],
            "retry": again(&Retry::default()),
        });
        self.add(&function.name, &function.name, heard)?;
        let queue = function.queue().unwrap_or_default();
        let written = bindings(received(&queue), function);
        self.add(&queue, &queue, written)
    }

    fn by_time(&mut self, function: &Function, every: Duration) -> Result<(), ManifestError> {
        let schedule = ncrontab(every).ok_or_else(|| ManifestError::Schedule {
            function: function.name.clone(),
            every: humantime::format_duration(every).to_string(),
        })?;
        let trigger = json!({
            "name": "timer",
            "type": "timerTrigger",
            "direction": "in",
            "schedule": schedule,
        });
        self.add(&function.name, &function.name, bindings(trigger, function))
    }

    /// What inference functions answer beside their faces.
    fn standard(&mut self) -> Result<(), ManifestError> {
        let routes = [
            ("open-inference", "v2/{*rest}", &["get", "post"][..]),
            ("invocations", "invocations", &["post"]),
        ];
        for (name, route, methods) in routes {
            self.add(name, "inference", asked(route, methods))?;
        }
        Ok(())
    }

    fn face(&mut self, face: &HttpWritten) -> Result<(), ManifestError> {
        let (method, path) = route_parts(&face.route).unwrap_or_default();
        let route = path.trim_start_matches('/');
        if let Some(taken) = self.functions.get(route).filter(|taken| taken.of == route) {
            return Err(ManifestError::Taken {
                route: face.route.to_string(),
                function: taken.of.clone(),
            });
        }
        let method = method.to_ascii_lowercase();
        self.add(
            &wrapped::name(&method, path),
            &face.route,
            asked(route, &[&method]),
        )
    }

    fn add(&mut self, name: &str, of: &str, written: Value) -> Result<(), ManifestError> {
        let entry = Entry {
            of: of.to_owned(),
            written,
        };
        match self.functions.insert(name.to_owned(), entry) {
            None => Ok(()),
            Some(before) => Err(ManifestError::Twice {
                name: name.to_owned(),
                one: before.of,
                other: of.to_owned(),
            }),
        }
    }
}

/// By messages of this queue.
fn received(queue: &str) -> Value {
    json!({
        "name": "message",
        "type": "queueTrigger",
        "direction": "in",
        "queueName": queue,
        "connection": CONNECTION,
    })
}

/// How the host is to try again what has no queue to be tried again from.
fn again(retry: &Retry) -> Value {
    json!({
        "strategy": "exponentialBackoff",
        "maxRetryCount": retry.tries.saturating_sub(1),
        "minimumInterval": clock(retry.first),
        "maximumInterval": clock(retry.most),
    })
}

/// A time as the host reads it.
fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}", seconds % 60)
}

/// A trigger, and the queue that is told.
fn bindings(trigger: Value, function: &Function) -> Value {
    let mut bindings = vec![trigger];
    if let Some(queue) = &function.output.queue {
        bindings.push(json!({
            "name": NEXT,
            "type": "queue",
            "direction": "out",
            "queueName": queue,
            "connection": CONNECTION,
        }));
    }
    json!({ "bindings": bindings })
}

/// Requests, which the host forwards as they are: so it does where there is
/// nothing but a trigger and an answer.
fn asked(route: &str, methods: &[&str]) -> Value {
    json!({ "bindings": [
        {
            "name": "req",
            "type": "httpTrigger",
            "direction": "in",
            "authLevel": "function",
            "methods": methods,
            "route": route,
        },
        { "name": RESPONSE, "type": "http", "direction": "out" },
    ] })
}

fn host(only: &[String], hears: bool) -> Value {
    // In lines of JSON, which tell traces.
    let mut arguments = ["handler", "--log-format", "json"]
        .map(ToOwned::to_owned)
        .to_vec();
    for name in only {
        arguments.extend(["--only".to_owned(), name.clone()]);
    }
    let mut host = json!({
        "version": "2.0",
        "customHandler": {
            "description": {
                "defaultExecutablePath": "cutline",
                "workingDirectory": "",
                "arguments": arguments,
            },
            "enableForwardingHttpRequest": true,
        },
        "extensionBundle": {
            "id": "Microsoft.Azure.Functions.ExtensionBundle",
            "version": "[4.*, 5.0.0)",
        },
        // As long as it takes: a training is no request.
        "functionTimeout": "-1",
        "extensions": {
            "http": { "routePrefix": "" },
            "queues": {
                "batchSize": 1,
                "newBatchThreshold": 0,
                "maxDequeueCount": Retry::default().tries,
                "messageEncoding": "base64",
                "visibilityTimeout": "00:00:10",
            },
        },
        "telemetryMode": "OpenTelemetry",
    });
    if hears {
        // Worked on one after the other; by the port that private endpoints have
        // open.
        host["extensions"]["eventHubs"] = json!({
            "maxEventBatchSize": 16,
            "transportType": "amqpWebSockets",
        });
    }
    host
}

/// What has to be there, and what the app's identity may do with it.
fn needed(pipeline: &Pipeline, only: &[String], asked_for: &[String]) -> Value {
    let of_vault = asked_for.iter().map(|secret| {
        let role = Role::SecretsUser;
        json!({ "secret": secret, "role": role, "roleDefinitionId": role.id() })
    });
    let needed = roles(pipeline, only).into_iter().map(|needed| {
        let (kind, name) = match &needed.scope {
            Scope::Container(name) => ("container", name),
            Scope::Hub(name) => ("eventHub", name),
            Scope::Queue(name) => ("queue", name),
        };
        json!({ kind: name, "role": needed.role, "roleDefinitionId": needed.role.id() })
    });
    needed.chain(of_vault).collect::<Vec<_>>().into()
}

fn file(path: &str, written: &Value) -> Result<File, ManifestError> {
    let text = serde_json::to_string_pretty(written);
    let text = text.map_err(|source| ManifestError::Json {
        path: path.to_owned(),
        source,
    })?;
    Ok(File {
        path: path.into(),
        text: text + "\n",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::sample::{FILE, HEARING};
    use crate::stages;

    fn written(text: &str, only: &[&str]) -> Result<BTreeMap<String, Value>, String> {
        let pipeline = Pipeline::parse(text, stages::ALL).map_err(|error| error.to_string())?;
        let only: Vec<String> = only.iter().map(ToString::to_string).collect();
        let files = functions(&pipeline, &only).map_err(|error| error.to_string())?;
        let files = files.into_iter().filter_map(|file| {
            let text = serde_json::from_str(&file.text).ok()?;
            Some((file.path.display().to_string(), text))
        });
        Ok(files.collect())
    }

    #[test]
    fn each_function_and_face_is_one_of_the_app() {
        let files = written(FILE, &[]).unwrap();
        let names: Vec<&str> = files.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "host.json",
                "ingestion/function.json",
                "invocations/function.json",
                "local.settings.json",
                "monitoring/function.json",
                "open-inference/function.json",
                "post-customers-id-score/function.json",
                "post-pipeline-run/function.json",
                "roles.json",
                "training/function.json",
            ]
        );
        let bindings = &files["ingestion/function.json"]["bindings"];
        assert_eq!(bindings[0]["queueName"], "raw-arrived");
        assert_eq!(bindings[1]["queueName"], "customers-ready");
        let timer = &files["monitoring/function.json"]["bindings"];
        assert_eq!(timer[0]["schedule"], "0 */15 * * * *");
        assert_eq!(timer.as_array().unwrap().len(), 1);
        let face = &files["post-customers-id-score/function.json"]["bindings"];
        assert_eq!(face[0]["route"], "customers/{id}/score");
        assert_eq!(face[0]["authLevel"], "function");
    }

    #[test]
    fn an_app_of_one_function_has_its_faces_only() {
        let files = written(FILE, &["ingestion"]).unwrap();
        let names: Vec<&str> = files.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "host.json",
                "ingestion/function.json",
                "local.settings.json",
                "post-pipeline-run/function.json",
                "roles.json",
            ]
        );
        assert_eq!(
            files["host.json"]["customHandler"]["description"]["arguments"],
            json!(["handler", "--log-format", "json", "--only", "ingestion"])
        );
    }

    #[test]
    fn events_start_a_function_and_what_fails_of_them_is_tried_again_from_its_queue() {
        let files = written(&format!("{FILE}{HEARING}"), &["hearing"]).unwrap();
        let names: Vec<&str> = files.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "hearing-events/function.json",
                "hearing/function.json",
                "host.json",
                "local.settings.json",
                "roles.json",
            ]
        );
        assert_eq!(
            files["hearing/function.json"],
            json!({
                "bindings": [{
                    "name": "events",
                    "type": "eventHubTrigger",
                    "direction": "in",
                    "eventHubName": "Customer.events",
                    "consumerGroup": "cutline",
                    "connection": "CUTLINE_EVENTS",
                    "cardinality": "many",
                    "dataType": "string",
                }],
                "retry": {
                    "strategy": "exponentialBackoff",
                    "maxRetryCount": 4,
                    "minimumInterval": "00:00:01",
                    "maximumInterval": "00:05:00",
                },
            })
        );
        let again = &files["hearing-events/function.json"]["bindings"];
        assert_eq!(again[0]["queueName"], "hearing-events");
        assert_eq!(again[1]["queueName"], "heard");
        let events = &files["host.json"]["extensions"]["eventHubs"];
        assert_eq!(events["transportType"], "amqpWebSockets");
        let values = &files["local.settings.json"]["Values"];
        assert_eq!(values["CUTLINE_EVENTS__fullyQualifiedNamespace"], "");
        let roles = files["roles.json"].as_array().unwrap();
        let hub = roles.iter().find(|role| role["eventHub"].is_string());
        assert_eq!(
            hub.unwrap(),
            &json!({
                "eventHub": "Customer.events",
                "role": "Azure Event Hubs Data Receiver",
                "roleDefinitionId": "a638d3c7-ab3a-418d-83e6-5f17a39d4fde",
            })
        );
        let others = written(FILE, &[]).unwrap();
        assert_eq!(others["host.json"]["extensions"].get("eventHubs"), None);
    }

    #[test]
    fn what_cannot_be_hosted_is_said() {
        let folder = FILE.replace(
            "url = \"azure:https://churn.blob.core.windows.net/kept\"",
            "",
        );
        assert!(written(&folder, &[]).unwrap_err().contains("store.url"));
        let odd = FILE.replace("15m", "7m");
        let told = written(&odd, &[]).unwrap_err();
        assert!(
            told.contains("every 7m cannot be said as NCRONTAB"),
            "{told}"
        );
        let taken = FILE.replace("/pipeline/run", "/ingestion");
        let told = written(&taken, &[]).unwrap_err();
        assert!(
            told.contains("the host invokes the function ingestion there"),
            "{told}"
        );
    }

    #[test]
    fn what_answers_for_inference_takes_no_functions_name() {
        let named = FILE.replace(
            "[function.ingestion]",
            "[function.invocations]\nstage = \"ingestion\"",
        );
        let named = named.replace("function = \"ingestion\"", "function = \"invocations\"");
        let told = written(&named, &[]).unwrap_err();
        assert!(
            told.contains("would both be the function invocations"),
            "{told}"
        );
    }

    #[test]
    fn settings_name_secrets_and_never_say_them() {
        let shows = |from: &str| {
            let token = "[serve]\ntoken = { env = \"CHURN_TOKEN\" }\n";
            FILE.replace("[store]", &format!("{token}[store]\nsas = {from}"))
        };
        let text = shows("{ env = \"CHURN_SAS\" }");
        let files = written(&text, &[]).unwrap();
        let values = &files["local.settings.json"]["Values"];
        assert_eq!(values["CHURN_SAS"], "");
        assert_eq!(values["CHURN_TOKEN"], "");
        // Nobody asks training anything.
        let files = written(&text, &["training"]).unwrap();
        let values = &files["local.settings.json"]["Values"];
        assert_eq!(values["CHURN_SAS"], "");
        assert_eq!(values.get("CHURN_TOKEN"), None);
        let told = written(&shows("{ file = \"sas\" }"), &[]).unwrap_err();
        assert!(
            told.contains("store.sas: an app carries no file with a secret"),
            "{told}"
        );
    }
}
