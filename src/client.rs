//! Asks the admin interface of a running proxy.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use cutline_proxy::control::{FolderError, StateFolder, token};
use serde::Deserialize;
use serde_json::Value;
use ureq::Agent;
use ureq::http::Uri;

use crate::error::{CommandError, Kind};

/// Where the running proxy is.
#[derive(Args)]
pub(crate) struct AdminArgs {
    /// State folder of the proxy, which says where it is and holds its token.
    #[arg(long, value_name = "DIR", default_value = ".cutline")]
    state: PathBuf,
    /// Its admin interface [default: the one in the state folder].
    #[arg(long, value_name = "URL")]
    admin: Option<String>,
    /// File with its token [default: the one in the state folder].
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

/// Knows where the interface is, and what it wants to see.
pub(crate) struct Client {
    agent: Agent,
    url: String,
    token: String,
}

#[derive(Deserialize)]
struct Refusal {
    stage: Option<String>,
    cause: String,
    mend: String,
}

impl AdminArgs {
    /// Finds the interface and its token.
    pub(crate) fn client(&self) -> Result<Client, CommandError> {
        let folder = StateFolder::at(&self.state);
        let url = match &self.admin {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => folder.address().map_err(|error| self.no_proxy(error))?,
        };
        on_loopback(&url)?;
        let file = self.token_file.clone();
        let token = token(&file.unwrap_or_else(|| folder.token_file()))
            .map_err(|error| CommandError::new(Kind::Configuration, error))?;
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_global(Some(Duration::from_secs(30)))
            .build();
        Ok(Client {
            agent: config.into(),
            url,
            token,
        })
    }

    fn no_proxy(&self, error: FolderError) -> CommandError {
        let shown = self.state.display();
        let context = format!("no proxy runs with the state folder {shown}");
        let error = anyhow::Error::new(error).context(context);
        CommandError::from(error).hint(
            "--state names the folder beside the proxy's routes.toml, --admin the interface itself",
        )
    }
}

/// The token would cross the network in the clear.
fn on_loopback(url: &str) -> Result<(), CommandError> {
    let wrong = |what: &str| {
        let error = CommandError::message(Kind::Usage, format!("{url} {what}"));
        error.hint("write http://127.0.0.1:9901; from elsewhere, forward that port through ssh")
    };
    let uri: Uri = url.parse().map_err(|_| wrong("is not a URL"))?;
    if uri.scheme_str() != Some("http") {
        return Err(wrong("is no http URL"));
    }
    let host = uri.host().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let loopback = bare.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    match loopback || host == "localhost" {
        true => Ok(()),
        false => Err(wrong("is not on this machine's loopback")),
    }
}

impl Client {
    /// What is at `path`.
    pub(crate) fn get(&self, path: &str) -> Result<Value, CommandError> {
        let request = self.agent.get(format!("{}{path}", self.url));
        let response = request.header("authorization", self.bearer()).call();
        self.answer(response)
    }

    /// What comes of sending `document` to `path`.
    pub(crate) fn post(&self, path: &str, document: &Value) -> Result<Value, CommandError> {
        let request = self.agent.post(format!("{}{path}", self.url));
        let response = request
            .header("authorization", self.bearer())
            .header("content-type", "application/json")
            .send(document.to_string());
        self.answer(response)
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }

    fn answer(
        &self,
        response: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<Value, CommandError> {
        let mut response = response
            .with_context(|| format!("no proxy answers at {}", self.url))
            .map_err(|error| {
                CommandError::from(error).hint("is it running? cutline proxy --config routes.toml")
            })?;
        let text = response
            .body_mut()
            .read_to_string()
            .with_context(|| format!("the answer of {} broke off", self.url))?;
        let status = response.status();
        if status.is_success() {
            let answer = serde_json::from_str(&text);
            return Ok(answer.with_context(|| format!("{} answers no JSON", self.url))?);
        }
        let refusal: Refusal = serde_json::from_str(&text)
            .with_context(|| format!("{} answers {status}: is it a cutline proxy?", self.url))?;
        let message = match &refusal.stage {
            Some(stage) => format!("stage {stage}: {}", refusal.cause),
            None => refusal.cause,
        };
        let kind = match status.as_u16() {
            401 | 403 => Kind::Configuration,
            400..500 => Kind::Usage,
            _ => Kind::Internal,
        };
        Err(CommandError::message(kind, message).hint(refusal.mend))
    }
}
