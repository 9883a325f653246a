//! The three parts as they are found: the proxy is asked, the report and
//! `functions.toml` are read, and who runs the functions is asked whether he
//! does.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;
use toml::Table;

use super::StatusArgs;
use super::stands::{Functions, Known};
use crate::error::{CommandError, Kind};
use crate::trust::system_tls;

/// How long the functions have to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where functions are unless `serve.listen` says so.
const LISTEN: &str = "127.0.0.1:7070";

/// What was found, and a line for each part that was not.
pub(super) struct Found {
    pub(super) known: Known,
    pub(super) missing: Vec<String>,
    /// Why there is no proxy, if there is none.
    pub(super) no_proxy: Option<CommandError>,
}

/// # Errors
/// When a file that is named or there cannot be read, or what is said of the
/// proxy is wrong; not when a part is missing or down.
pub(super) fn find(args: &StatusArgs) -> Result<Found, CommandError> {
    let mut missing = Vec::new();
    let routes = first(&["cutline/routes.toml", "routes.toml"]);
    let routes = routes.unwrap_or_else(|| PathBuf::from("routes.toml"));
    let stages = stages(&routes);
    let routes = routes.display().to_string();
    let asked = args
        .admin
        .client()
        .and_then(|client| client.get("/api/board"));
    let (board, no_proxy) = match asked {
        Ok(board) => (Some(board), None),
        Err(error) if error.kind != Kind::Internal => return Err(error),
        Err(error) => {
            missing.push(format!(
                "proxy: {}; start it: cutline proxy --config {routes}",
                error.told()
            ));
            (None, Some(error))
        }
    };
    let report = report(args.report.as_deref(), &mut missing)?;
    let functions = functions(args.functions.as_deref(), &mut missing)?;
    Ok(Found {
        known: Known {
            board,
            report,
            functions,
            routes,
            stages,
        },
        missing,
        no_proxy,
    })
}

fn report(named: Option<&Path>, missing: &mut Vec<String>) -> Result<Option<Value>, CommandError> {
    let file = match named {
        Some(folder) if folder.is_dir() => folder.join("report.json"),
        Some(file) => file.to_owned(),
        None => PathBuf::from("cutline/report.json"),
    };
    if named.is_none() && !file.exists() {
        let shown = file.display();
        missing.push(format!(
            "report: there is no {shown}; make it: cutline init ."
        ));
        return Ok(None);
    }
    let document: Value = serde_json::from_str(&read(&file)?).map_err(|error| {
        let error = anyhow::Error::new(error).context(format!("{} is no report", file.display()));
        CommandError::new(Kind::Configuration, error)
            .hint("`cutline init` and `cutline analyze` write one: report.json")
    })?;
    Ok(Some(document))
}

fn functions(
    named: Option<&Path>,
    missing: &mut Vec<String>,
) -> Result<Option<Functions>, CommandError> {
    let there = || first(&["cutline/functions.toml", "functions.toml"]);
    let Some(path) = named.map(Path::to_owned).or_else(there) else {
        missing.push(
            "functions: there is no cutline/functions.toml; make it: cutline init .".to_owned(),
        );
        return Ok(None);
    };
    let file = path.display().to_string();
    let table: Table = toml::from_str(&read(&path)?).map_err(|error| {
        let error = anyhow::Error::new(error).context(format!("{file} is no TOML"));
        CommandError::new(Kind::Configuration, error)
    })?;
    let listen = table.get("serve").and_then(|serve| serve.get("listen"));
    let listen = listen.and_then(toml::Value::as_str).unwrap_or(LISTEN);
    let is_tls = table
        .get("serve")
        .is_some_and(|serve| serve.get("tls").is_some());
    let scheme = if is_tls { "https" } else { "http" };
    let ready = ready(scheme, listen);
    let of_tls = match is_tls {
        true => "; or SSL_CERT_FILE names who vouches for their certificate",
        false => "",
    };
    match &ready {
        None => missing.push(format!(
            "functions: nobody answers at {scheme}://{listen}; start them: cutline run --config {file}{of_tls}"
        )),
        Some(said) => {
            let trouble = said["trouble"].as_object().into_iter().flatten();
            missing.extend(trouble.map(|(function, why)| {
                let why = why.as_str().unwrap_or_default();
                format!("functions: {function}: {why}")
            }));
        }
    }
    Ok(Some(Functions {
        file,
        table,
        runs: ready.is_some(),
    }))
}

/// What who runs the functions says of them; whoever else answers there is
/// nobody.
fn ready(scheme: &str, listen: &str) -> Option<Value> {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .tls_config(system_tls())
        .timeout_global(Some(PATIENCE));
    let agent: ureq::Agent = config.build().into();
    let mut answer = agent
        .get(format!("{scheme}://{}/v2/health/ready", reached_at(listen)))
        .call()
        .ok()?;
    let text = answer.body_mut().read_to_string().ok()?;
    let said: Value = serde_json::from_str(&text).ok()?;
    said["ready"].is_boolean().then_some(said)
}

/// An address that stands for all of them is reached on this machine.
fn reached_at(listen: &str) -> String {
    let ip = |address: SocketAddr| match address.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    match listen.parse::<SocketAddr>() {
        Ok(address) => SocketAddr::new(ip(address), address.port()).to_string(),
        Err(_) => listen.to_owned(),
    }
}

/// The stages of the proxy's file; nothing where it cannot be read.
fn stages(routes: &Path) -> Option<BTreeSet<String>> {
    let routes: Table = toml::from_str(&fs::read_to_string(routes).ok()?).ok()?;
    let stages = routes.get("stage").and_then(toml::Value::as_table);
    Some(
        stages
            .into_iter()
            .flatten()
            .map(|(name, _)| name.clone())
            .collect(),
    )
}

fn first(files: &[&str]) -> Option<PathBuf> {
    let mut files = files.iter().map(PathBuf::from);
    files.find(|file| file.exists())
}

fn read(file: &Path) -> Result<String, CommandError> {
    let text = fs::read_to_string(file);
    let text = text.with_context(|| format!("cannot read {}", file.display()));
    text.map_err(|error| CommandError::new(Kind::Configuration, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_listens_everywhere_is_reached_here() {
        for (listen, expected) in [
            ("0.0.0.0:7070", "127.0.0.1:7070"),
            ("[::]:7070", "[::1]:7070"),
            ("10.0.0.0:7070", "10.0.0.0:7070"),
            ("127.0.0.1:7070", "127.0.0.1:7070"),
            ("functions:7070", "functions:7070"),
        ] {
            assert_eq!(reached_at(listen), expected);
        }
    }
}
