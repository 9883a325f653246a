//! `cutline rollout`

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::shift::{named, who};
use super::status::share;
use crate::client::AdminArgs;
use crate::console::Console;
use crate::error::CommandError;

/// Says how a stage's rollout is to go on.
///
/// The stage's policy stands in routes.toml under [stage.NAME.rollout]; what
/// people say is kept beside what the evidence decides.
#[derive(Args)]
pub(crate) struct RolloutArgs {
    /// The stage, as routes.toml calls it.
    stage: String,
    /// What is to happen.
    #[arg(value_enum)]
    action: Action,
    /// Why, for the journal.
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
    #[command(flatten)]
    admin: AdminArgs,
}

#[derive(Clone, Copy, ValueEnum)]
enum Action {
    /// Enters the first step.
    Start,
    /// Goes no further; back, where it must.
    Pause,
    /// Goes on, where it was paused or rolled back.
    Resume,
    /// Agrees to the next step, which is entered once the evidence suffices.
    Confirm,
    /// Enters the next step now, whatever the evidence says.
    Advance,
    /// Takes the candidate's share back now.
    RollBack,
}

/// Asks the proxy, and prints what holds now.
pub(crate) fn rollout(args: &RolloutArgs, console: &Console) -> Result<(), CommandError> {
    let stage = &args.stage;
    named(stage)?;
    let value = args.action.to_possible_value();
    let action = value.as_ref().map(|value| value.get_name());
    let wish = json!({
        "action": action,
        "who": who(),
        "why": args.why.as_deref().unwrap_or_default(),
    });
    let path = format!("/api/stages/{stage}/rollout");
    let answer = args.admin.client()?.post(&path, &wish)?;
    console.print(&shown(stage, args.action, &answer))
}

fn shown(stage: &str, action: Action, answer: &Value) -> String {
    let now = share(&answer["now"]);
    let change = &answer["change"];
    let was = match change["from"] == change["to"] {
        true => String::new(),
        false => format!(", was {}", share(&change["from"])),
    };
    let (what, next) = match action {
        Action::Start => ("started", None),
        Action::Pause => ("paused", Some("resume")),
        Action::Resume => ("goes on", None),
        Action::Confirm => ("confirmed, and goes on once the evidence suffices", None),
        Action::Advance => ("advanced", None),
        Action::RollBack => ("rolled back", Some("resume")),
    };
    let next = next.map(|next| format!("; next: cutline rollout {stage} {next}"));
    format!(
        "{stage}: {now}{was}\nthe rollout {}{}\n",
        is(what),
        next.unwrap_or_default()
    )
}

/// `is paused`, `goes on`.
fn is(what: &str) -> String {
    match what.starts_with("goes") {
        true => what.to_owned(),
        false => format!("is {what}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_now_is_said() {
        let (shadow, split) = (
            json!({ "mode": "shadow", "percent": 100.0 }),
            json!({ "mode": "split", "percent": 5.0 }),
        );
        let back = json!({ "now": shadow, "change": { "from": split, "to": shadow } });
        assert_eq!(
            shown("inference", Action::RollBack, &back),
            "inference: shadow 100 %, was split 5 %\nthe rollout is rolled back; next: cutline rollout inference resume\n"
        );
        let on = json!({ "now": split, "change": { "from": split, "to": split } });
        assert_eq!(
            shown("inference", Action::Resume, &on),
            "inference: split 5 %\nthe rollout goes on\n"
        );
    }
}
