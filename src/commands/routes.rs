//! What `proxy` and `override` share: `routes.toml` read, checked and shown.

use std::fs;
use std::path::Path;

use anyhow::Context;
use cutline_proxy::route::{Mode, RouteTable, Share, Upstreams};
use cutline_proxy::{Config, control};

use crate::error::{CommandError, Kind};
use crate::problem::Problem;
use crate::table::table;

/// Reads and checks a file.
pub(crate) fn read(path: &Path) -> Result<(String, Config), CommandError> {
    let wrong = |error: anyhow::Error| CommandError::new(Kind::Configuration, error);
    let text = fs::read_to_string(path)
        .with_context(|| format!("cannot read {}", shown(path)))
        .map_err(|error| wrong(error).hint("--config names the file"))?;
    match control::check(path, &text) {
        Ok(config) => Ok((text, config)),
        Err(problem) => {
            let problem = Problem {
                message: problem.message,
                span: problem.span,
                label: problem.label,
            };
            let message = problem.shown(&shown(path), &text);
            Err(CommandError::message(Kind::Configuration, message))
        }
    }
}

pub(super) fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// A row per stage.
pub(super) fn stages(routes: &RouteTable) -> String {
    let rows = routes.stages.iter().enumerate().map(|(index, stage)| {
        let own = routes.routes.iter().filter(|route| route.stage == index);
        let own: Vec<_> = own
            .map(|route| match &route.method {
                Some(method) => format!("{method} {}", route.template),
                None => route.template.to_string(),
            })
            .collect();
        let candidate = stage.candidate.as_deref();
        vec![
            stage.name.to_string(),
            stage.share.mode.name().to_owned(),
            percent(stage.share),
            candidate.map_or("–".to_owned(), addresses),
            own.join(", "),
        ]
    });
    let rows: Vec<_> = rows.collect();
    table(&["STAGE", "MODE", "SHARE>", "CANDIDATE", "ROUTES"], &rows)
}

pub(super) fn addresses(upstreams: &Upstreams) -> String {
    let addresses = upstreams.addresses.iter();
    let addresses: Vec<_> = addresses.map(ToString::to_string).collect();
    addresses.join(", ")
}

/// `split 10 %`, `monolith`.
pub(super) fn share(share: Share) -> String {
    match share.mode {
        Mode::Monolith | Mode::Candidate => share.mode.name().to_owned(),
        mode => format!("{} {}", mode.name(), share.weight),
    }
}

fn percent(share: Share) -> String {
    match share.mode {
        Mode::Monolith | Mode::Candidate => "–".to_owned(),
        _ => share.weight.to_string(),
    }
}
