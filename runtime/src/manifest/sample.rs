//! A pipeline on Azure, for tests.

/// Beside it, a function that events start.
pub(super) const HEARING: &str = r#"
[function.hearing]
stage   = "ingestion"
trigger = { event_hub = "Customer.events", consumer_group = "cutline" }
input   = { blob = "{name}.csv" }
output  = { artifact = "heard", queue = "heard" }
"#;

pub(super) const FILE: &str = r#"
[store]
url = "azure:https://churn.blob.core.windows.net/kept"

[function.ingestion]
trigger = { queue = "raw-arrived" }
input   = { blob = "{name}.csv" }
output  = { artifact = "customers", queue = "customers-ready" }

[function.training]
trigger = { queue = "customers-ready" }
input   = { artifact = "customers" }
label   = "churned"
model   = { kind = "logistic-regression" }
output  = { artifact = "model", queue = "model-trained" }

[function.monitoring]
trigger = { every = "15m" }
input   = { reference = { model = "churn@champion" }, current = { log = "inference" } }
output  = { artifact = "drift" }

[function.inference]
trigger = { http = true }
input   = { model = { model = "churn@champion" } }

[[http]]
route    = "POST /customers/{id}/score"
function = "inference"
response = { "/label" = "/labels/0" }

[[http]]
route    = "POST /pipeline/run"
function = "ingestion"
"#;
