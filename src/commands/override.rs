//! `cutline override`

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::{Args, ValueEnum};
use cutline_proxy::decide::sign;
use cutline_proxy::route::Side;

use super::routes::{read, shown};
use crate::console::Console;
use crate::error::{CommandError, Kind};

/// Prints a token that sends its bearer to one side of a stage.
///
/// It is signed with the key that [override] in routes.toml names; the proxy
/// need not run.
#[derive(Args)]
pub(crate) struct OverrideArgs {
    /// The stage, as routes.toml calls it, or `*` for all.
    stage: String,
    /// Who answers.
    side: SideArg,
    /// How long it is worth something, such as 1h or 30m.
    #[arg(long = "for", value_name = "TIME", default_value = "1h")]
    #[arg(value_parser = humantime::parse_duration)]
    time: Duration,
    /// The proxy's file.
    #[arg(long, value_name = "FILE", default_value = "routes.toml")]
    config: PathBuf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SideArg {
    Monolith,
    Candidate,
}

/// Signs, and prints the token; how to send it stands on standard error.
pub(crate) fn override_(args: &OverrideArgs, console: &Console) -> Result<(), CommandError> {
    let (_, config) = read(&args.config)?;
    let file = shown(&args.config);
    let table = &config.table;
    if args.stage != "*" && table.stage(&args.stage).is_none() {
        let stages: Vec<_> = table.stages.iter().map(|stage| &*stage.name).collect();
        let message = format!("{file} names no stage `{}`", args.stage);
        let hint = format!("one of {}, or *", stages.join(", "));
        return Err(CommandError::message(Kind::Usage, message).hint(hint));
    }
    let Some(testers) = &table.testers else {
        let message = format!("{file} lets nobody choose a side");
        let hint = "add [override] with key_file = \"override.key\"; make that with: openssl rand -hex 32 > override.key";
        return Err(CommandError::message(Kind::Configuration, message).hint(hint));
    };
    let side = match args.side {
        SideArg::Monolith => Side::Monolith,
        SideArg::Candidate => Side::Candidate,
    };
    let until = SystemTime::now() + args.time;
    let token = sign(&testers.key, &args.stage, side, until)
        .map_err(|error| CommandError::new(Kind::Configuration, error))?;
    console.print(&format!("{token}\n"))?;
    console.note(&format!(
        "send it as the field {} or the cookie {}, until {}\n",
        testers.header,
        testers.cookie,
        humantime::format_rfc3339_seconds(until)
    ));
    Ok(())
}
