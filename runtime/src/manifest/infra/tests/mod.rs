//! What both formats say, read back from the text that is written.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there"
)]

mod agree;
mod odd;
mod read_bicep;
mod read_terraform;
mod refused;
mod roles;

use std::collections::BTreeMap;

use crate::manifest::sample::{FILE, HEARING};
use crate::manifest::{File, ManifestError, bicep, terraform};
use crate::pipeline::Pipeline;
use crate::stages;

/// Files by their paths.
type Files = BTreeMap<String, String>;

/// The sample and who hears of events, whose requests have to show a token, and
/// whose rows go into a database that the vault knows.
fn sample() -> String {
    let written = "output  = { artifact = \"customers\", queue = \"customers-ready\", table = { sql = \"secret:vault:Churn-DB\", name = \"customers\", key = [\"id\"] } }";
    let file = FILE.replacen(
        "output  = { artifact = \"customers\", queue = \"customers-ready\" }",
        written,
        1,
    );
    assert_ne!(file, FILE, "the sample has such an output");
    format!(
        "[secrets]\nvault = \"https://churn-vault.vault.azure.net\"\n\n[serve]\ntoken = {{ env = \"CHURN_TOKEN\" }}\n{file}{HEARING}"
    )
}

fn in_bicep(text: &str) -> Result<Files, String> {
    written(text, bicep)
}

fn in_terraform(text: &str) -> Result<Files, String> {
    written(text, terraform)
}

fn written(
    text: &str,
    write: fn(&Pipeline) -> Result<Vec<File>, ManifestError>,
) -> Result<Files, String> {
    let pipeline = Pipeline::parse(text, stages::ALL).map_err(|error| error.to_string())?;
    let files = write(&pipeline).map_err(|error| error.to_string())?;
    let files = files
        .into_iter()
        .map(|file| (file.path.display().to_string(), file.text));
    Ok(files.collect())
}
