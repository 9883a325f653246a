//! `cutline telemetry`

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, ValueEnum};
use cutline_runtime::manifest::ALERTS;
use serde_json::json;

use crate::console::Console;
use crate::dashboards::{grafana, rules, workbook};
use crate::error::CommandError;

/// Prints what shows and watches a migration: a dashboard, a workbook, alerts.
///
/// The dashboard and the rules read the figures that Prometheus asks the proxy
/// and the functions for; the workbook and the alerts read the spans that both
/// send to Application Insights.
#[derive(Args)]
pub(crate) struct TelemetryArgs {
    /// What.
    #[arg(value_enum)]
    what: What,
    /// Writes it there instead.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    /// A dashboard, as Grafana imports it.
    Grafana,
    /// Alerting rules for Prometheus, in YAML.
    Rules,
    /// A workbook of Azure Monitor, as its editor takes it.
    Workbook,
    /// Alerts of Azure Monitor, as data for scheduled query rules.
    Alerts,
}

/// Prints it, or writes the file.
pub(crate) fn telemetry(args: &TelemetryArgs, console: &Console) -> Result<(), CommandError> {
    let text = match args.what {
        What::Grafana => pretty(&grafana()),
        What::Rules => rules(),
        What::Workbook => pretty(&workbook()),
        What::Alerts => pretty(&json!(ALERTS)),
    };
    match &args.out {
        None => console.print(&text),
        Some(out) => {
            Ok(fs::write(out, text).with_context(|| format!("cannot write {}", out.display()))?)
        }
    }
}

fn pretty(document: &serde_json::Value) -> String {
    format!("{document:#}\n")
}
