//! `cutline handler` behind a stand-in for the host of Azure Functions, which
//! starts it as `host.json` says, receives messages from a real Azurite, posts
//! them as the host's worker channel writes them, sends what is to be sent, and
//! gives a message up to its poison queue.
//!
//! The host itself cannot be had from a registry; what is known of it is in its
//! public source (Azure/azure-functions-host, `src/WebJobs.Script/Workers/Http`).

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there"
)]

use std::collections::BTreeMap;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use cutline_runtime::azure::Account;
use cutline_runtime::queue::{Delivery, Message, Queue, QueueName, Queues};
use cutline_runtime::store::clock::SystemClock;
use cutline_runtime::store::registry::Alias;
use object_store::ObjectStoreExt;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::azurite::{self, Azurite};
use crate::support::collector::{Collector, SOON, hex, value};
use crate::support::pipeline::Home;
use crate::support::service::{ask, cutline};
use crate::support::{eventually, run};

const ACCOUNT: &str = "first";

/// Longer than any invocation here.
const HIDDEN: Duration = Duration::from_secs(600);

/// A function of the app, as its `function.json` has it.
struct Function {
    name: String,
    /// The queue that triggers it.
    trigger: QueueName,
    /// The queue that it tells.
    next: Option<QueueName>,
}

/// The stand-in, and the handler that it started.
struct Host {
    child: Child,
    address: SocketAddr,
    functions: Vec<Function>,
    tries: u64,
    account: Account,
}

impl Host {
    /// Starts what `host.json` in the folder names, with some variables more.
    fn start(app: &Path, account: Account, environment: &[(&str, &str)]) -> Host {
        let read = |path: &Path| -> Value {
            serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
        };
        let host = read(&app.join("host.json"));
        let description = &host["customHandler"]["description"];
        let program = app.join(description["defaultExecutablePath"].as_str().unwrap());
        let arguments = description["arguments"].as_array().unwrap();
        let port = {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            free.local_addr().unwrap().port()
        };
        let settings = read(&app.join("local.settings.json"));
        let settings = settings["Values"].as_object().unwrap();
        let child = Command::new(program)
            .args(arguments.iter().map(|argument| argument.as_str().unwrap()))
            .current_dir(app)
            .env("FUNCTIONS_CUSTOMHANDLER_PORT", port.to_string())
            .envs(
                settings
                    .iter()
                    .map(|(name, value)| (name, value.as_str().unwrap())),
            )
            .env("STORE_KEY", azurite::key(ACCOUNT))
            .envs(environment.iter().copied())
            .stderr(Stdio::from(
                fs::File::create(app.join("../handler.log")).unwrap(),
            ))
            .spawn()
            .unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut functions = Vec::new();
        for entry in fs::read_dir(app).unwrap() {
            let entry = entry.unwrap();
            let file = entry.path().join("function.json");
            if !file.is_file() {
                continue;
            }
            let written = read(&file);
            let bindings = written["bindings"].as_array().unwrap();
            let queue = |kind: &str| -> Option<QueueName> {
                let found = bindings.iter().find(|binding| binding["type"] == kind);
                found.map(|found| found["queueName"].as_str().unwrap().parse().unwrap())
            };
            if let Some(trigger) = queue("queueTrigger") {
                functions.push(Function {
                    name: entry.file_name().to_str().unwrap().to_owned(),
                    trigger,
                    next: queue("queue"),
                });
            }
        }
        let host = Host {
            child,
            address,
            functions,
            tries: host["extensions"]["queues"]["maxDequeueCount"]
                .as_u64()
                .unwrap(),
            account,
        };
        eventually("the handler is ready", || {
            TcpStream::connect(host.address).is_ok() && ask(host.address, "GET /", "", "").0 == 200
        });
        host
    }

    fn queue(&self, name: &QueueName) -> Arc<dyn Queue> {
        self.account.queues().unwrap().open(name)
    }

    /// Gives functions their messages until none is left; says how often each
    /// was invoked.
    async fn work(&self) -> BTreeMap<String, usize> {
        let mut invoked = BTreeMap::new();
        loop {
            let before: usize = invoked.values().sum();
            for function in &self.functions {
                let queue = self.queue(&function.trigger);
                for delivery in queue.receive(16, HIDDEN).await.unwrap() {
                    *invoked.entry(function.name.clone()).or_default() += 1;
                    self.one(function, &*queue, &delivery).await;
                }
            }
            if invoked.values().sum::<usize>() == before {
                return invoked;
            }
        }
    }

    async fn one(&self, function: &Function, queue: &dyn Queue, delivery: &Delivery) {
        let text = String::from_utf8(delivery.body.to_vec()).unwrap();
        let payload = payload(&function.name, &text, delivery.dequeue_count);
        let (status, answered) = self.invoke(&function.name, &payload);
        if status == 200 {
            let answered: Value = serde_json::from_str(&answered).unwrap();
            for message in answered["Outputs"]["next"].as_array().into_iter().flatten() {
                assert!(
                    message.is_object(),
                    "a text may be taken for base64: {message}"
                );
                let next = self.queue(function.next.as_ref().unwrap());
                next.send(message.to_string().into(), Duration::ZERO)
                    .await
                    .unwrap();
            }
            queue.delete(&delivery.receipt).await.unwrap();
        } else if u64::from(delivery.dequeue_count) < self.tries {
            queue
                .renew(&delivery.receipt, Duration::ZERO, None)
                .await
                .unwrap();
        } else {
            let poison = self.queue(&function.trigger.poison());
            poison
                .send(delivery.body.clone(), Duration::ZERO)
                .await
                .unwrap();
            queue.delete(&delivery.receipt).await.unwrap();
        }
    }

    fn invoke(&self, function: &str, payload: &Value) -> (u16, String) {
        self.invoke_within("", function, payload)
    }

    /// As the host does where it keeps a trace: with a field of its own.
    fn invoke_within(&self, field: &str, function: &str, payload: &Value) -> (u16, String) {
        let body = payload.to_string();
        let fields = format!(
            "content-type: application/json\r\nx-azure-functions-invocationid: 1\r\n{field}content-length: {}\r\n",
            body.len()
        );
        ask(self.address, &format!("POST /{function}"), &fields, &body)
    }
}

/// A message of a queue, as the host writes it.
fn payload(function: &str, text: &str, dequeue_count: u32) -> Value {
    json!({
        "Data": { "message": Value::from(text).to_string() },
        "Metadata": {
            "DequeueCount": dequeue_count.to_string(),
            "Id": "\"a-message\"",
            "PopReceipt": "\"a-receipt\"",
            "sys": { "MethodName": function, "UtcNow": "2026-11-29T22:00:00Z" },
        },
    })
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder, a storage account with what came in, and an app.
struct Place {
    home: Home,
    service: Azurite,
    _apart: TempDir,
    app: PathBuf,
}

impl Place {
    async fn new() -> Place {
        let service = Azurite::start();
        let (url, queues) = (service.url(ACCOUNT, "kept"), service.queue_service(ACCOUNT));
        let store = format!(
            "\n[store]\nurl = {url:?}\nqueues = {queues:?}\nkey = {{ env = \"STORE_KEY\" }}\n"
        );
        let home = Home::new(&store);
        for container in ["kept", "incoming"] {
            service.make_container(ACCOUNT, container);
        }
        let apart = TempDir::new().unwrap();
        let app = apart.path().join("app");
        let place = Place {
            home,
            service,
            _apart: apart,
            app,
        };
        place.comes("may").await;
        let out = place.app.to_str().unwrap();
        let binary = cutline().get_program().to_owned();
        let mut manifest = place.home.command(&["manifest", "--out", out, "--binary"]);
        run(manifest.arg(binary), "no app is written");
        place
    }

    fn account(&self, container: &str) -> Account {
        self.service.by_key(ACCOUNT, container)
    }

    async fn comes(&self, name: &str) {
        let file = self.home.path().join("incoming/may.csv");
        let blobs = self.account("incoming").blobs().unwrap();
        let name = format!("{name}.csv").as_str().into();
        blobs
            .put(&name, fs::read(file).unwrap().into())
            .await
            .unwrap();
    }

    fn host(&self) -> Host {
        self.host_in(&[])
    }

    fn host_in(&self, environment: &[(&str, &str)]) -> Host {
        Host::start(&self.app, self.account("kept"), environment)
    }
}

fn said(body: &Value) -> Value {
    serde_json::from_str(&body.to_string()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_goes_through_the_app_to_a_model_that_answers() {
    let place = Place::new().await;
    let host = place.host();
    let mut asks = Message::new("may");
    asks.values.insert("name".to_owned(), "may".to_owned());
    let first = host.queue(&"raw-arrived".parse().unwrap());
    first
        .send(asks.to_body().unwrap(), Duration::ZERO)
        .await
        .unwrap();
    let invoked = host.work().await;
    for stage in [
        "ingestion",
        "preprocessing",
        "training",
        "evaluation",
        "deployment",
    ] {
        assert_eq!(invoked.get(stage), Some(&1), "{invoked:?}");
    }
    let storage = host.account.storage(Arc::new(SystemClock)).await.unwrap();
    let registry = storage.live().registry();
    let serving = registry
        .serving(&"churn".parse().unwrap(), Alias::Champion)
        .await;
    assert!(serving.unwrap().is_some());

    // The same again is done, and not done twice.
    first
        .send(asks.to_body().unwrap(), Duration::ZERO)
        .await
        .unwrap();
    host.work().await;
    let versions = registry.versions(&"churn".parse().unwrap()).await.unwrap();
    assert_eq!(versions.len(), 1);

    // A request as the host forwards it, and as it unwraps it.
    eventually("the model is seen", || {
        ask(host.address, "GET /v2/models/inference/ready", "", "").0 == 200
    });
    let customer = r#"{"customer_id":7,"age":41}"#;
    let fields = format!(
        "content-type: application/json\r\nx-azure-functions-invocationid: 1\r\ncontent-length: {}\r\n",
        customer.len()
    );
    let (status, forwarded) = ask(host.address, "POST /predict", &fields, customer);
    assert_eq!(status, 200, "{forwarded}");
    let (status, wrapped) = host.invoke(
        "post-predict",
        &json!({
            "Data": { "req": {
                "Url": "https://churn.azurewebsites.net/predict",
                "Method": "POST",
                "Query": "{}",
                "Headers": { "Content-Type": ["application/json"], "Content-Length": ["3"] },
                "Params": {},
                "Identities": [],
                "Body": customer,
            }},
            "Metadata": {},
        }),
    );
    assert_eq!(status, 200, "{wrapped}");
    let wrapped: Value = serde_json::from_str(&wrapped).unwrap();
    let answered = &wrapped["Outputs"]["res"];
    assert_eq!(answered["statusCode"], "200", "{wrapped}");
    let forwarded: Value = serde_json::from_str(&forwarded).unwrap();
    assert_eq!(said(&answered["body"]), forwarded);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_poison_with_its_errors_and_what_is_not_ours_as_it_is() {
    let place = Place::new().await;
    let host = place.host();
    let first: QueueName = "raw-arrived".parse().unwrap();
    let queue = host.queue(&first);
    let mut asks = Message::new("june");
    asks.values.insert("name".to_owned(), "june".to_owned());
    queue
        .send(asks.to_body().unwrap(), Duration::ZERO)
        .await
        .unwrap();
    queue.send("<xml/>".into(), Duration::ZERO).await.unwrap();
    let invoked = host.work().await;
    // Another try of either would end the same.
    assert_eq!(invoked.get("ingestion"), Some(&2), "{invoked:?}");
    let poisoned = host.queue(&first.poison()).peek(8).await.unwrap();
    let mut bodies: Vec<_> = poisoned.iter().map(|peeked| peeked.body.clone()).collect();
    bodies.sort();
    assert_eq!(bodies.len(), 2, "{bodies:?}");
    assert_eq!(bodies[0], "<xml/>");
    let failed = Message::from_body(&bodies[1]).unwrap();
    let error = &failed.failures.last().unwrap().error;
    assert!(error.contains("june.csv"), "{error}");
    assert_eq!(queue.depth().await.unwrap(), 0);

    // It comes, and is put back.
    place.comes("june").await;
    let mut requeue = place
        .home
        .command(&["queue", "requeue", "raw-arrived-poison"]);
    run(
        requeue.env("STORE_KEY", azurite::key(ACCOUNT)),
        "it is not put back",
    );
    let invoked = host.work().await;
    assert_eq!(invoked.get("deployment"), Some(&1), "{invoked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_that_arrives_starts_it_by_its_name() {
    let place = Place::new().await;
    let host = place.host();
    let queue = host.queue(&"raw-arrived".parse().unwrap());
    let event = json!({
        "topic": "/subscriptions/x/resourceGroups/y/providers/Microsoft.Storage/storageAccounts/churn",
        "subject": "/blobServices/default/containers/incoming/blobs/may.csv",
        "eventType": "Microsoft.Storage.BlobCreated",
        "id": "831e1650-001e-001b-66ab-eeb76e069631",
        "data": { "api": "PutBlob", "contentLength": 524_288 },
        "dataVersion": "",
        "metadataVersion": "1",
        "eventTime": "2026-11-29T22:00:00.000Z",
    });
    queue
        .send(event.to_string().into(), Duration::ZERO)
        .await
        .unwrap();
    let invoked = host.work().await;
    assert_eq!(invoked.get("deployment"), Some(&1), "{invoked:?}");
    // Another container is nobody's business here.
    let mut elsewhere = event.clone();
    elsewhere["subject"] = json!("/blobServices/default/containers/kept/blobs/may.csv");
    queue
        .send(elsewhere.to_string().into(), Duration::ZERO)
        .await
        .unwrap();
    let invoked = host.work().await;
    assert_eq!(invoked.get("ingestion"), Some(&1));
    assert_eq!(invoked.get("preprocessing"), None);
    // A batch of events: one is done, one is none, and the next is done all the same.
    let event =
        |id: &str, name: &str| json!({ "cutline": 1, "id": id, "values": { "name": name } });
    let batch = json!([event("e1", "may"), "<xml/>", event("e2", "may")]);
    let (status, answered) = host.invoke(
        "ingestion",
        &json!({ "Data": { "events": batch.to_string() }, "Metadata": { "PartitionContext": {} } }),
    );
    assert_eq!(status, 200, "{answered}");
    assert_eq!(host.work().await.get("deployment"), Some(&2));
    let poison = host.queue(&"raw-arrived-poison".parse().unwrap());
    assert_eq!(poison.peek(8).await.unwrap()[0].body, "<xml/>");
    // Another face than the function's own is not to be had by its name.
    let (status, answered) = host.invoke(
        "post-predict",
        &json!({ "Data": { "req": { "Url": "http://x/functions/runs/may", "Method": "GET" } } }),
    );
    assert_eq!(status, 500);
    assert!(answered.contains("is no POST /predict"), "{answered}");
    // As a blob trigger has it, whose content nobody looks at.
    let (status, answered) = host.invoke(
        "ingestion",
        &json!({
            "Data": { "file": "bm90aGluZw==" },
            "Metadata": { "BlobTrigger": "\"incoming/may.csv\"" },
        }),
    );
    assert_eq!(status, 200, "{answered}");
    let (status, answered) = host.invoke(
        "ingestion",
        &json!({
            "Data": { "file": "bm90aGluZw==" },
            "Metadata": { "BlobTrigger": "\"incoming/deep/may.txt\"" },
        }),
    );
    assert_eq!(status, 500);
    assert!(
        answered.contains("ingestion reads {name}.csv"),
        "{answered}"
    );
}

/// What the host says of recording it says for its own telemetry.
#[tokio::test(flavor = "multi_thread")]
async fn the_trace_that_the_host_names_is_gone_on_with() {
    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const HOST: &str = "00f067aa0ba902b7";
    let (place, collector) = (Place::new().await, Collector::new());
    let url = collector.url();
    let host = place.host_in(&[SOON, ("OTEL_EXPORTER_OTLP_ENDPOINT", &url)]);
    let within = format!("traceparent: 00-{TRACE}-{HOST}-00\r\n");
    let mut asks = Message::new("may");
    asks.values.insert("name".to_owned(), "may".to_owned());
    let text = String::from_utf8(asks.to_body().unwrap().to_vec()).unwrap();
    let payload = payload("ingestion", &text, 1);
    let (status, answered) = host.invoke_within(&within, "ingestion", &payload);
    assert_eq!(status, 200, "{answered}");
    // A request that the host unwraps says the client's span; the host is nearer.
    let client = format!("00-{TRACE}-00000000000000c1-01");
    let (status, wrapped) = host.invoke_within(
        &within,
        "post-predict",
        &json!({ "Data": { "req": {
            "Url": "https://churn.azurewebsites.net/predict",
            "Method": "POST",
            "Headers": { "Traceparent": [client], "Content-Type": ["application/json"] },
            "Body": "{}",
        }}}),
    );
    assert_eq!(status, 200, "{wrapped}");

    let spans = collector.once(3);
    assert!(
        spans.iter().all(|span| hex(&span.trace_id) == TRACE),
        "{spans:#?}"
    );
    let named = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
    let (ingestion, sent) = (named("ingestion"), named("send customers-ready"));
    assert_eq!(hex(&ingestion.parent_span_id), HOST);
    assert_eq!(value(ingestion, "cutline.end").as_deref(), Some("done"));
    assert_eq!(hex(&named("POST /predict").parent_span_id), HOST);
    // The message that the host sends on is the next one's parent.
    let answered: Value = serde_json::from_str(&answered).unwrap();
    let told = answered["Outputs"]["next"][0]["traceparent"].as_str();
    let parent = format!("00-{TRACE}-{}-01", hex(&sent.span_id));
    assert_eq!(told, Some(&*parent), "{answered}");
}
