//! The monolith: one real process that is trained before anything else.

use std::path::Path;

use anyhow::Context;
use serde_json::{Value, json};

use super::files::{Folder, generate, python_module, token};
use super::process::Process;
use super::stop::Stop;
use crate::error::{CommandError, Kind};

pub(super) struct Monolith {
    process: Process,
    version: String,
}

impl Monolith {
    /// Starts it, and has it take in data, train and deploy.
    pub(super) fn start(
        folder: &Folder,
        python: &Path,
        rows: u32,
        stop: &Stop,
    ) -> Result<Monolith, CommandError> {
        generate(folder, python, rows)?;
        let mut command = python_module(folder, python, &["churn", "--no-retraining"]);
        let process = Process::start(
            "monolith",
            &mut command,
            &folder.log("monolith"),
            "Running on ",
            stop,
        )?;
        let data = |name: &str| format!("may/{name}.csv");
        let request = json!({
            "customers": data("customers"), "calls": data("calls"), "payments": data("payments"),
        });
        let mut answer = super::agent()
            .post(format!("{}/pipeline/run", process.url()))
            .header("content-type", "application/json")
            .header("x-admin-token", token())
            .send(request.to_string())
            .context("the monolith cannot be trained")?;
        let text = answer
            .body_mut()
            .read_to_string()
            .context("the monolith's answer broke off")?;
        let report: Value = serde_json::from_str(&text).context("the monolith answers no JSON")?;
        let version = report["trained"]["version"].as_str();
        let version = version.map(str::to_owned).ok_or_else(|| {
            let message = format!("the monolith deployed no model: {text}");
            CommandError::message(Kind::Internal, message)
        })?;
        Ok(Monolith { process, version })
    }

    /// The ids of those customers whom it scores.
    pub(super) fn known(&self, customers: &[Value]) -> Result<Vec<u64>, CommandError> {
        let asks = |customer: &&Value| {
            let has = |name: &str| !customer[name].is_null();
            ["customer_id", "plan", "tenure_months", "monthly_charges"]
                .into_iter()
                .all(has)
        };
        let asked: Vec<&Value> = customers.iter().filter(asks).collect();
        let mut answer = super::agent()
            .post(format!("{}/predict", self.process.url()))
            .header("content-type", "application/json")
            .send(json!({ "customers": asked }).to_string())
            .context("the monolith does not predict")?;
        let text = answer.body_mut().read_to_string();
        let text = text.context("the monolith's answer broke off")?;
        let said: Value = serde_json::from_str(&text).context("the monolith answers no JSON")?;
        let scored = said["predictions"].as_array().into_iter().flatten();
        Ok(scored
            .filter_map(|scored| scored["customer_id"].as_u64())
            .collect())
    }

    pub(super) fn what(&self) -> &'static str {
        "a churn service (Flask, pandas, scikit-learn, SQLite)"
    }

    pub(super) fn url(&self) -> &str {
        self.process.url()
    }

    /// Which of its models is live.
    pub(super) fn version(&self) -> &str {
        &self.version
    }
}
