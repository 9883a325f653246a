//! The stages that are asked rarely: each of their requests is a run on both
//! sides, and somebody confirms.

use anyhow::Context;
use serde_json::{Value, json};

use super::files::token;
use crate::error::{CommandError, Kind};

/// Stages that move together, and the databases that are handed over then.
pub(super) struct Group {
    pub(super) stages: &'static [&'static str],
    pub(super) why: &'static str,
    pub(super) hands_over: Option<&'static str>,
}

/// In the order in which nobody reads what another writes elsewhere.
pub(super) const GROUPS: [Group; 4] = [
    Group {
        stages: &["deployment", "evaluation", "preprocessing", "training"],
        why: "they share files, so they move together",
        hands_over: None,
    },
    Group {
        stages: &["pipeline", "service"],
        why: "the route that spans all stages, and those of none",
        hands_over: None,
    },
    Group {
        stages: &["ingestion"],
        why: "nothing else reads its tables out of the monolith any more",
        hands_over: Some("ingestion"),
    },
    Group {
        stages: &["monitoring"],
        why: "the last one",
        hands_over: Some("monitoring"),
    },
];

/// How often each request is sent: three runs are asked for.
pub(super) const RUNS: u64 = 3;

/// One request.
pub(super) struct Request {
    method: &'static str,
    path: String,
    body: Option<Value>,
}

/// The requests of a stage, the `round`th time.
pub(super) fn requests(stage: &str, round: u64) -> Vec<Request> {
    match stage {
        "deployment" => vec![get("/models"), post("/models/v1/deploy", json!({}))],
        "evaluation" => vec![
            get("/models/v1/metrics"),
            post("/models/v1/evaluate", json!({})),
        ],
        "preprocessing" => vec![get("/prepare/profile"), post("/prepare/run", json!({}))],
        "training" => vec![post("/train", json!({}))],
        "pipeline" => vec![post(
            "/pipeline/run",
            json!({ "customers": "may/customers.csv" }),
        )],
        "service" => vec![get("/health")],
        "ingestion" => vec![
            post("/ingest/customers", json!({ "rows": [customer(round)] })),
            post("/ingest/calls", json!({ "path": "may/calls.csv" })),
            post("/ingest/billing", json!({ "path": "may/payments.csv" })),
            get("/ingest/status"),
        ],
        "monitoring" => vec![
            post("/monitor/outcomes", json!({ "outcomes": outcomes(round) })),
            get("/drift"),
            get("/monitor/quality"),
        ],
        _ => Vec::new(),
    }
}

/// Every route of the service once, when nobody is left but the stages.
pub(super) fn all() -> Vec<Request> {
    let stages = GROUPS.iter().flat_map(|group| group.stages);
    let customer = customer(1);
    let mut all = vec![
        post(
            "/predict",
            json!({ "customers": [{
            "customer_id": customer["customer_id"], "plan": customer["plan"],
            "tenure_months": customer["tenure_months"], "monthly_charges": customer["monthly_charges"],
        }] }),
        ),
        get(&format!("/customers/{}/score", customer["customer_id"])),
    ];
    let others = stages
        .flat_map(|stage| requests(stage, RUNS))
        .filter(|request| request.path != "/models/v1/deploy");
    all.extend(others);
    // What was trained last is deployed, and taken back.
    all.extend([
        get("/pipeline/last"),
        post("/models/v1/deploy", json!({ "force": true })),
        post("/models/rollback", json!({})),
    ]);
    all
}

/// A customer who is new.
fn customer(round: u64) -> Value {
    json!({
        "customer_id": 900_000 + round, "signup_date": "2026-01-15", "age": 41.0,
        "plan": "standard", "region": "north", "tenure_months": 11.0, "monthly_charges": 42.5,
        "total_charges": 467.5, "support_tickets": 1.0, "churned": round % 2,
    })
}

/// Of some customers it is known what became of them.
fn outcomes(round: u64) -> Vec<Value> {
    let some = (1..=20).map(|number| 20 * round + number);
    some.map(|id| json!({ "customer_id": id, "churned": id % 2 }))
        .collect()
}

fn get(path: &str) -> Request {
    Request {
        method: "GET",
        path: path.to_owned(),
        body: None,
    }
}

fn post(path: &str, body: Value) -> Request {
    Request {
        method: "POST",
        path: path.to_owned(),
        body: Some(body),
    }
}

impl Request {
    /// `POST /train`
    pub(super) fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// Asks, as a client who may change something; a refusal is an error.
    pub(super) fn ask(&self, url: &str) -> Result<u16, CommandError> {
        let agent = super::agent();
        let url = format!("{url}{}", self.path);
        let answer = match &self.body {
            None => agent.get(url).call(),
            Some(body) => agent
                .post(url)
                .header("content-type", "application/json")
                .header("x-admin-token", token())
                .send(body.to_string()),
        };
        let mut answer = answer.with_context(|| format!("{} is not answered", self.line()))?;
        // Whoever does not wait for all of it has seen no answer.
        let body = answer.body_mut().read_to_vec();
        body.with_context(|| format!("the answer to {} broke off", self.line()))?;
        let status = answer.status().as_u16();
        match status {
            200..300 => Ok(status),
            _ => {
                let message = format!("{} is answered {status}", self.line());
                Err(CommandError::message(Kind::Internal, message))
            }
        }
    }
}
