//! `cutline mode`

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use cutline_proxy::route::Mode;
use serde_json::json;

use super::shift::change;
use crate::client::AdminArgs;
use crate::console::Console;
use crate::error::CommandError;

/// Says who answers a stage's requests, and who is mirrored.
///
/// Holds at once for new requests, and until the stage's mode or percent in
/// routes.toml changes.
#[derive(Args)]
pub(crate) struct ModeArgs {
    /// The stage, as routes.toml calls it.
    stage: String,
    /// Who answers it.
    #[arg(value_parser = mode_parser())]
    mode: Mode,
    /// Of what the mode says [default: 100 for the shadow modes, 0 for split].
    #[arg(long)]
    percent: Option<f64>,
    /// Why, for the journal.
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
    #[command(flatten)]
    admin: AdminArgs,
}

fn mode_parser() -> impl TypedValueParser<Value = Mode> {
    let names = Mode::ALL.map(Mode::name);
    PossibleValuesParser::new(names).try_map(|name| Mode::named(&name).ok_or("no such mode"))
}

/// Asks the proxy, and prints what holds now.
pub(crate) fn mode(args: &ModeArgs, console: &Console) -> Result<(), CommandError> {
    let mut wish = json!({ "mode": args.mode.name() });
    if let Some(percent) = args.percent {
        wish["percent"] = json!(percent);
    }
    change(&args.admin, &args.stage, wish, args.why.as_deref(), console)
}
