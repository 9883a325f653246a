//! `cutline registry`

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use cutline_runtime::host::Opened;
use cutline_runtime::pipeline::{Input, Pipeline};
use cutline_runtime::store::registry::{
    self, ModelName, Move, PublicKey, Registered, Registry, RegistryError, VersionNumber,
};
use serde_json::{Value, json};

use super::pipeline::{PipelineArgs, block_on};
use crate::console::Console;
use crate::error::{CommandError, Kind};
use crate::table::table;

/// Shows the versions of models, and says which one serves.
///
/// No `cutline run` may use the data folder meanwhile.
#[derive(Args)]
pub(crate) struct RegistryArgs {
    #[command(flatten)]
    pipeline: PipelineArgs,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Lists the versions with their metrics, and which aliases point to them.
    List {
        /// Only of this model [default: of all that the functions name].
        model: Option<ModelName>,
        /// Prints JSON instead of the table.
        #[arg(long)]
        json: bool,
    },
    /// Points an alias to a version.
    Promote {
        /// The model.
        model: ModelName,
        /// The version, as v3.
        version: VersionNumber,
        #[command(flatten)]
        alias: AliasArgs,
    },
    /// Points an alias back to the version before.
    Rollback {
        /// The model.
        model: ModelName,
        #[command(flatten)]
        alias: AliasArgs,
    },
    /// Signs a version with signing.key: vouches for one that nobody trusted
    /// signed, or signs anew when a key is replaced.
    Sign {
        /// The model.
        model: ModelName,
        /// The version, as v3 [default: each that a trusted key signed].
        version: Option<VersionNumber>,
    },
    /// Copies versions to the store of another functions.toml, with their
    /// model, preprocessing, data, card, signatures and lineage. No alias is
    /// moved there.
    Copy {
        /// The model.
        model: ModelName,
        /// The version, as v3 [default: all].
        version: Option<VersionNumber>,
        /// The other functions.toml.
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
        /// The file with the key of the other data folder [default: no
        /// key; CUTLINE_KEY is this one's].
        #[arg(long, value_name = "FILE")]
        to_key_file: Option<PathBuf>,
    },
}

#[derive(Args)]
struct AliasArgs {
    /// Which alias.
    #[arg(long, value_enum, default_value_t = Alias::Champion)]
    alias: Alias,
    /// Why, for the history.
    #[arg(long, value_name = "TEXT", default_value = "by hand")]
    why: String,
}

#[derive(Clone, Copy, ValueEnum)]
enum Alias {
    Champion,
    Candidate,
}

/// Who moves an alias here.
const BY: &str = "cutline registry";

/// Looks, or moves an alias.
pub(crate) fn registry(args: &RegistryArgs, console: &Console) -> Result<(), CommandError> {
    block_on(act(args, console))?
}

async fn act(args: &RegistryArgs, console: &Console) -> Result<(), CommandError> {
    let Opened {
        services, pipeline, ..
    } = args.pipeline.open().await?;
    let registry = services.space.registry();
    match &args.action {
        Action::List { model, json } => {
            let models = match model {
                Some(model) => vec![model.clone()],
                None => models(&pipeline),
            };
            let mut versions = Vec::new();
            for model in &models {
                let listed = listed(&registry, model).await;
                versions.extend(listed.context("the registry cannot be read")?);
            }
            match json {
                true => console.print(&as_json(&versions)?),
                false => console.print(&as_table(&versions)),
            }
        }
        Action::Promote {
            model,
            version,
            alias,
        } => {
            let seen = registry.alias(model, alias.alias.into()).await;
            let seen = seen.context("the registry cannot be read")?;
            let moved = registry
                .point(
                    model,
                    alias.alias.into(),
                    seen.as_ref(),
                    *version,
                    BY,
                    &alias.why,
                )
                .await;
            told(console, model, alias.alias, moved)
        }
        Action::Sign { model, version } => sign(&registry, model, *version, console).await,
        Action::Copy {
            model,
            version,
            to,
            to_key_file,
        } => {
            let to = PipelineArgs::at(to.clone(), to_key_file.clone());
            copy(&registry, model, *version, &to, console).await
        }
        Action::Rollback { model, alias } => {
            let moved = registry
                .roll_back(model, alias.alias.into(), BY, &alias.why)
                .await;
            told(console, model, alias.alias, moved)
        }
    }
}

async fn sign(
    registry: &Registry,
    model: &ModelName,
    number: Option<VersionNumber>,
    console: &Console,
) -> Result<(), CommandError> {
    let versions = chosen(registry, model, number).await?;
    for version in &versions {
        let signed = registry.signed_by(model, &version.id).await;
        let signed = signed.context("the registry cannot be read")?;
        if number.is_none() && signed.is_empty() {
            console.note(&format!(
                "{model} {number}: no trusted key signed it; name it to vouch for it\n",
                number = version.number
            ));
            continue;
        }
        let key = registry.sign(version).await.map_err(refused)?;
        console.print(&format!(
            "{model} {} ({}) is signed by {key}\n",
            version.number,
            version.id.short()
        ))?;
    }
    Ok(())
}

async fn copy(
    registry: &Registry,
    model: &ModelName,
    number: Option<VersionNumber>,
    to: &PipelineArgs,
    console: &Console,
) -> Result<(), CommandError> {
    let there = to.open().await?.services.space.registry();
    for version in &chosen(registry, model, number).await? {
        let copied = registry.copy_to(&there, version, BY).await;
        let copied = copied.map_err(refused)?;
        console.print(&format!(
            "{model} {} is {} there; {} artifacts were copied\n",
            version.number, copied.registered.number, copied.artifacts
        ))?;
    }
    Ok(())
}

/// The version, or each, signed or not.
async fn chosen(
    registry: &Registry,
    model: &ModelName,
    number: Option<VersionNumber>,
) -> Result<Vec<Registered>, CommandError> {
    let found = match number {
        Some(number) => registry
            .any_version(model, number)
            .await
            .map(|one| vec![one]),
        None => registry.versions(model).await,
    };
    let found = found.map_err(refused)?;
    if found.is_empty() {
        let message = format!("there is no version of {model}");
        return Err(CommandError::message(Kind::Usage, message)
            .hint("`cutline registry list` shows what there is"));
    }
    Ok(found)
}

fn refused(error: RegistryError) -> CommandError {
    let kind = match &error {
        RegistryError::NoVersion { .. }
        | RegistryError::NothingBefore { .. }
        | RegistryError::Unsigned { .. } => Kind::Usage,
        RegistryError::Signing(_) => Kind::Configuration,
        _ => Kind::Internal,
    };
    CommandError::new(kind, error)
}

/// A version, and what is said of it.
struct Listed {
    version: Registered,
    /// Those that point to it.
    aliases: Vec<registry::Alias>,
    /// The trusted keys that signed it, where signatures are asked for.
    signed: Option<Vec<PublicKey>>,
}

async fn listed(registry: &Registry, model: &ModelName) -> Result<Vec<Listed>, RegistryError> {
    let mut versions = Vec::new();
    for version in registry.versions(model).await? {
        let signed = match registry.asks_for_signatures() {
            true => Some(registry.signed_by(model, &version.id).await?),
            false => None,
        };
        versions.push(Listed {
            version,
            aliases: Vec::new(),
            signed,
        });
    }
    for alias in registry::Alias::ALL {
        let Some(last) = registry.alias(model, alias).await? else {
            continue;
        };
        let points = versions
            .iter_mut()
            .filter(|listed| listed.version.number == last.to);
        points.for_each(|listed| listed.aliases.push(alias));
    }
    Ok(versions)
}

/// Every model that a function reads or moves, in the order of the file.
fn models(pipeline: &Pipeline) -> Vec<ModelName> {
    let mut models: Vec<ModelName> = Vec::new();
    for function in &pipeline.functions {
        let read = function.inputs.values().filter_map(|input| match input {
            Input::Model(alias) => Some(alias),
            _ => None,
        });
        for alias in read.chain(&function.output.alias) {
            if !models.contains(&alias.model) {
                models.push(alias.model.clone());
            }
        }
    }
    models
}

fn as_table(versions: &[Listed]) -> String {
    let asks = versions.iter().any(|listed| listed.signed.is_some());
    let rows = versions.iter().map(|listed| {
        let version = &listed.version;
        let aliases: Vec<&str> = listed.aliases.iter().map(|alias| alias.name()).collect();
        let metrics = version.version.metrics.iter();
        let metrics: Vec<String> = metrics
            .map(|(name, value)| format!("{name} {value:.4}"))
            .collect();
        let mut row = vec![
            version.model.to_string(),
            version.number.to_string(),
            aliases.join(", "),
            version.at.to_string(),
            version.by.clone(),
        ];
        if let Some(signed) = &listed.signed {
            row.push(if signed.is_empty() { "no" } else { "yes" }.to_owned());
        }
        row.push(metrics.join(", "));
        row
    });
    let rows: Vec<Vec<String>> = rows.collect();
    match asks {
        true => table(
            &[
                "MODEL", "VERSION", "ALIASES", "SINCE", "BY", "SIGNED", "METRICS",
            ],
            &rows,
        ),
        false => table(
            &["MODEL", "VERSION", "ALIASES", "SINCE", "BY", "METRICS"],
            &rows,
        ),
    }
}

fn as_json(versions: &[Listed]) -> Result<String, CommandError> {
    let mut all = Vec::new();
    for listed in versions {
        let written = serde_json::to_value(&listed.version);
        let mut written = written.context("it cannot be written")?;
        if let Value::Object(members) = &mut written {
            members.insert("aliases".to_owned(), json!(listed.aliases));
            if let Some(signed) = &listed.signed {
                members.insert("signed_by".to_owned(), json!(signed));
            }
        }
        all.push(written);
    }
    Ok(format!("{:#}\n", Value::Array(all)))
}

fn told(
    console: &Console,
    model: &ModelName,
    alias: Alias,
    moved: Result<Move, RegistryError>,
) -> Result<(), CommandError> {
    let moved = moved.map_err(refused)?;
    let alias = registry::Alias::from(alias);
    let before = moved
        .from
        .map_or_else(String::new, |from| format!(", before {from}"));
    console.print(&format!("the {alias} of {model} is {}{before}\n", moved.to))
}

impl From<Alias> for registry::Alias {
    fn from(alias: Alias) -> registry::Alias {
        match alias {
            Alias::Champion => registry::Alias::Champion,
            Alias::Candidate => registry::Alias::Candidate,
        }
    }
}
