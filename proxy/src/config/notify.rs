//! `[notify]`: who is told of decisions.
//!
//! ```toml
//! [notify]
//! webhook_file = "webhooks"
//! on = ["advance", "roll-back", "await-confirmation", "finish", "people"]
//! ```

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use http::Uri;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::Problem;
use super::file::OneOrManyText;
use super::values::Texts;

/// What stands for a secret begins with it; whoever opens it knows the rest.
const SECRET: &str = "secret:";

/// Who is told of decisions.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NotifyFile {
    /// Where each decision is posted to, in the form that Slack reads: a URL, or
    /// `secret:env:VARIABLE` or `secret:file:PATH`, where it is.
    #[schemars(with = "Option<OneOrManyText>")]
    webhook: Option<Spanned<Texts>>,
    /// A file with such URLs, one per line, that its owner alone can read: they
    /// often are secrets.
    webhook_file: Option<PathBuf>,
    /// What is told of; everything that the evidence decides unless said.
    on: Option<BTreeSet<Occasion>>,
}

/// What somebody may want to be told of.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Occasion {
    /// A stage enters its next step.
    Advance,
    /// A candidate's share is taken back.
    RollBack,
    /// A person has to confirm the next step.
    AwaitConfirmation,
    /// The last step is passed.
    Finish,
    /// A person changed a share, or steered a rollout.
    People,
}

/// Who is told, and of what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notices {
    /// Where to post to.
    pub webhooks: Vec<Webhook>,
    /// What says where more of them are, beginning with `secret:`.
    pub secrets: Vec<String>,
    /// A file with more of them, one per line.
    pub file: Option<PathBuf>,
    /// What is told of.
    pub on: BTreeSet<Occasion>,
}

/// Where notices are posted to. Shown as its scheme and host alone: the path is
/// often the secret that lets one in.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook(Uri);

impl Webhook {
    /// None where it is neither an `http` nor an `https` URL with a host.
    pub fn parse(text: &str) -> Option<Webhook> {
        let uri: Uri = text.parse().ok()?;
        let known = matches!(uri.scheme_str(), Some("http" | "https"));
        let named = uri.host().is_some_and(|host| !host.is_empty());
        (known && named).then_some(Webhook(uri))
    }

    /// All of it.
    pub fn uri(&self) -> &Uri {
        &self.0
    }
}

impl fmt::Display for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.0.scheme_str().unwrap_or_default();
        write!(f, "{scheme}://{}/…", self.0.host().unwrap_or_default())
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

pub(super) fn notices(written: &Spanned<NotifyFile>) -> Result<Notices, Problem> {
    let file = written.get_ref();
    let (mut webhooks, mut secrets) = (Vec::new(), Vec::new());
    if let Some(texts) = &file.webhook {
        for (span, text) in &texts.get_ref().0 {
            if text.starts_with(SECRET) {
                secrets.push(text.clone());
                continue;
            }
            let span = span.clone().unwrap_or_else(|| texts.span());
            // What it is, is not said: it may be a secret all the same.
            let wrong = || {
                let problem = Problem::at(span, "notify: the webhook is no URL");
                problem.label("write https://host/path")
            };
            webhooks.push(Webhook::parse(text).ok_or_else(wrong)?);
        }
    }
    if webhooks.is_empty() && secrets.is_empty() && file.webhook_file.is_none() {
        let problem = Problem::at(written.span(), "notify names no webhook");
        return Err(problem.label("add webhook_file = \"webhooks\", one URL per line"));
    }
    let all = [
        Occasion::Advance,
        Occasion::RollBack,
        Occasion::AwaitConfirmation,
        Occasion::Finish,
    ];
    Ok(Notices {
        webhooks,
        secrets,
        file: file.webhook_file.clone(),
        on: file.on.clone().unwrap_or_else(|| all.into()),
    })
}

#[cfg(test)]
mod tests {
    use super::super::RoutesFile;
    use super::*;

    fn checked(notify: &str) -> Result<Option<Notices>, Problem> {
        let text = format!(
            "listen = \"127.0.0.1:0\"\n[monolith]\nupstream = \"http://127.0.0.1:1\"\n[notify]\n{notify}"
        );
        let config = RoutesFile::check(&text, |_| Ok(Vec::new()))?;
        Ok(config.settings.notify)
    }

    #[test]
    fn a_webhook_is_told_of_what_the_evidence_decides_unless_said() {
        let notices = checked("webhook = \"https://hooks.example/T0/secret\"").unwrap();
        let notices = notices.unwrap();
        assert_eq!(notices.webhooks[0].uri().path(), "/T0/secret");
        assert_eq!(notices.on.len(), 4);
        assert!(!notices.on.contains(&Occasion::People));
        let shown = format!("{notices:?} {}", notices.webhooks[0]);
        assert!(!shown.contains("T0"), "{shown}");

        let notices = checked("webhook = \"secret:env:ON_CALL\"")
            .unwrap()
            .unwrap();
        assert_eq!(notices.secrets, ["secret:env:ON_CALL"]);
        assert!(notices.webhooks.is_empty());

        let notices = checked("webhook_file = \"hooks\"\non = [\"people\"]").unwrap();
        let notices = notices.unwrap();
        assert_eq!(notices.file, Some("hooks".into()));
        assert_eq!(notices.on, [Occasion::People].into());
    }

    #[test]
    fn what_is_wrong_is_said_without_the_url() {
        for (notify, message) in [
            (
                "webhook = \"hooks.example/secret\"",
                "notify: the webhook is no URL",
            ),
            (
                "webhook = [\"ftp://a/secret\"]",
                "notify: the webhook is no URL",
            ),
            ("webhook = []", "notify names no webhook"),
            ("on = [\"advance\"]", "notify names no webhook"),
        ] {
            let problem = checked(notify).unwrap_err();
            assert_eq!(problem.message, message);
            assert!(!problem.label.contains("secret"));
        }
    }
}
