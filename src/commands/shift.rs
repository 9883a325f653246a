//! `cutline shift`, and what `cutline mode` shares with it.

use clap::Args;
use serde_json::{Value, json};

use super::status::share;
use crate::client::AdminArgs;
use crate::console::Console;
use crate::error::{CommandError, Kind};

/// Lets the candidate answer a percentage of a stage's requests.
///
/// Holds at once for new requests, and until the stage's mode or percent in
/// routes.toml changes. Whatever the stage's mode was, it is `split` then.
#[derive(Args)]
pub(crate) struct ShiftArgs {
    /// The stage, as routes.toml calls it.
    stage: String,
    /// Of its requests, with up to two decimals.
    percent: f64,
    /// Why, for the journal.
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
    #[command(flatten)]
    admin: AdminArgs,
}

/// Asks the proxy, and prints what holds now.
pub(crate) fn shift(args: &ShiftArgs, console: &Console) -> Result<(), CommandError> {
    let wish = json!({ "mode": "split", "percent": args.percent });
    change(&args.admin, &args.stage, wish, args.why.as_deref(), console)
}

/// Sends a wish with who and why, and prints what came of it.
pub(super) fn change(
    admin: &AdminArgs,
    stage: &str,
    mut wish: Value,
    why: Option<&str>,
    console: &Console,
) -> Result<(), CommandError> {
    named(stage)?;
    wish["who"] = json!(who());
    wish["why"] = json!(why.unwrap_or_default());
    let answer = admin
        .client()?
        .post(&format!("/api/stages/{stage}"), &wish)?;
    console.print(&shown(stage, &answer))
}

/// Fails where no stage can be called so: what is put into a path is checked.
pub(super) fn named(stage: &str) -> Result<(), CommandError> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !stage.is_empty() && stage.chars().all(fits) {
        return Ok(());
    }
    let message = format!("`{stage}` is no name of a stage");
    Err(CommandError::message(Kind::Usage, message).hint("`cutline status` lists the stages"))
}

/// Whoever is logged in: said for the journal, proved by nothing.
pub(super) fn who() -> String {
    let names = ["USER", "LOGNAME", "USERNAME"];
    let mut known = names.iter().filter_map(|name| std::env::var(name).ok());
    known
        .find(|name| !name.is_empty())
        .unwrap_or_else(|| "command line".to_owned())
}

fn shown(stage: &str, answer: &Value) -> String {
    let now = share(&answer["now"]);
    let change = &answer["change"];
    let note = answer["note"].as_str();
    let note = note.map_or(String::new(), |note| format!("{note}\n"));
    if change.is_null() {
        return format!("{stage}: {now}, as before\n{note}");
    }
    let mut text = format!("{stage}: {now}, was {}\n", share(&change["from"]));
    if change["declared"] != change["to"] {
        text.push_str(&format!(
            "routes.toml says {}; this holds until it says something else\n",
            share(&change["declared"])
        ));
    }
    text + &note
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_is_said_beside_what_the_file_says() {
        let (split, shadow) = (
            json!({ "mode": "split", "percent": 0.5 }),
            json!({ "mode": "shadow", "percent": 100.0 }),
        );
        let change = json!({ "from": shadow, "to": split, "declared": shadow });
        let answer = json!({ "now": split, "change": change });
        assert_eq!(
            shown("inference", &answer),
            "inference: split 0.5 %, was shadow 100 %\nroutes.toml says shadow 100 %; this holds until it says something else\n"
        );
        let change = json!({ "from": shadow, "to": split, "declared": split });
        let answer = json!({ "now": split, "change": change });
        assert_eq!(
            shown("inference", &answer),
            "inference: split 0.5 %, was shadow 100 %\n"
        );
        let answer = json!({ "now": { "mode": "monolith", "percent": 0.0 }, "change": null });
        assert_eq!(
            shown("inference", &answer),
            "inference: monolith, as before\n"
        );
        let answer = json!({ "now": shadow, "change": null, "note": "nothing can be copied" });
        assert_eq!(
            shown("inference", &answer),
            "inference: shadow 100 %, as before\nnothing can be copied\n"
        );
    }
}
