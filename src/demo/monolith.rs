//! The monolith: one real process that is trained before anything else.

use std::fs;
use std::path::Path;

use anyhow::Context;
use serde_json::{Value, json};

use super::files::{Folder, generate, python_module};
use super::process::Process;
use super::stop::Stop;
use crate::error::{CommandError, Kind};

pub(super) struct Monolith {
    process: Process,
    version: String,
    threshold: f64,
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
        let data = |name: &str| format!("incoming/may/{name}.csv");
        let request = json!({
            "customers": data("customers"), "calls": data("calls"), "payments": data("payments"),
        });
        let mut answer = super::agent()
            .post(format!("{}/pipeline/run", process.url()))
            .header("content-type", "application/json")
            // The service's own default, which its report finds in its code.
            .header("x-admin-token", "letmein")
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
        let thresholds = folder.path().join("var/thresholds.json");
        let thresholds = fs::read_to_string(&thresholds)
            .with_context(|| format!("cannot read {}", thresholds.display()))?;
        let thresholds: Value =
            serde_json::from_str(&thresholds).context("thresholds.json is no JSON")?;
        Ok(Monolith {
            process,
            threshold: thresholds[&version].as_f64().unwrap_or(0.5),
            version,
        })
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

    /// From which score on it says that a customer leaves.
    pub(super) fn threshold(&self) -> f64 {
        self.threshold
    }
}
