//! `cutline lineage`

use anyhow::Context;
use clap::Args;
use cutline_runtime::host::Opened;
use cutline_runtime::store::artifact::{ArtifactId, Artifacts};

use super::pipeline::{PipelineArgs, block_on};
use crate::console::Console;
use crate::error::{CommandError, Kind};

/// Shows from what an artifact was made, back to the first.
///
/// No `cutline run` may use the data folder meanwhile.
#[derive(Args)]
pub(crate) struct LineageArgs {
    #[command(flatten)]
    pipeline: PipelineArgs,
    /// The artifact: its id, the beginning of it, or its name in messages, of
    /// which the newest is meant. A model's name means its newest version.
    artifact: String,
    /// Prints JSON instead of the tree.
    #[arg(long)]
    json: bool,
}

/// Prints the tree.
pub(crate) fn lineage(args: &LineageArgs, console: &Console) -> Result<(), CommandError> {
    block_on(show(args, console))?
}

async fn show(args: &LineageArgs, console: &Console) -> Result<(), CommandError> {
    let Opened { services, .. } = args.pipeline.open().await?;
    let id = find(services.space.artifacts(), &args.artifact).await?;
    let lineage = services.space.lineages().of(&id).await;
    let lineage = lineage.context("the lineage cannot be told")?;
    match args.json {
        true => {
            let json = serde_json::to_string_pretty(&lineage).context("it cannot be written")?;
            console.print(&(json + "\n"))
        }
        false => console.print(&lineage.to_string()),
    }
}

/// The artifact that is meant: of several of a name, the newest.
async fn find(artifacts: &Artifacts, meant: &str) -> Result<ArtifactId, CommandError> {
    let failed = "the artifacts cannot be listed";
    let mut begins = Vec::new();
    let mut newest = None;
    for id in artifacts.list().await.context(failed)? {
        if id.to_string().starts_with(meant) {
            begins.push(id);
        }
        let Some(artifact) = artifacts.find(&id).await.context(failed)? else {
            continue;
        };
        if artifact.description.name == meant {
            newest = newest.max(Some((artifact.made.at, id)));
        }
    }
    match (newest, &begins[..]) {
        (Some((_, id)), _) => Ok(id),
        (None, [id]) => Ok(*id),
        (None, []) => Err(CommandError::message(
            Kind::Usage,
            format!("there is no artifact {meant}"),
        )
        .hint("name one by its id or by its name in functions.toml")),
        (None, several) => Err(CommandError::message(
            Kind::Usage,
            format!("{meant} is the beginning of {} artifacts", several.len()),
        )
        .hint("write more of the id")),
    }
}
