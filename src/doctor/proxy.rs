//! `routes.toml`, the addresses in it, and the proxy that runs from it.

use std::net::TcpListener;

use cutline_proxy::control::StateFolder;
use cutline_proxy::route::Upstreams;

use super::{Asked, Finding, reached};
use crate::commands::routes;
use crate::words::counted;

pub(super) fn look(asked: &Asked<'_>) -> Vec<Finding> {
    let file = asked.routes.display().to_string();
    if !asked.routes.exists() {
        let mend = "`cutline init` writes one, --routes names it";
        return vec![Finding::absent(asked.named.routes, file, "not there", mend)];
    }
    let config = match routes::read(asked.routes) {
        Ok((_, config)) => config,
        Err(error) => {
            let said = error.to_string();
            return vec![Finding::wrong(
                file,
                said,
                "write what stands under the place",
            )];
        }
    };
    let table = &config.table;
    let said = format!(
        "{}, {}",
        counted(table.stages.len(), "stage"),
        counted(table.routes.len(), "route")
    );
    let mut found = vec![Finding::good(file, said)];
    found.extend(side(
        "monolith".to_owned(),
        &table.monolith,
        "start it, or write where it listens under [monolith]",
    ));
    for stage in &table.stages {
        let what = format!("candidate of {}", stage.name);
        match &stage.candidate {
            Some(candidate) => found.extend(side(
                what,
                candidate,
                "start it (`cutline run`), or write where it listens",
            )),
            None => found.push(Finding::missing(
                what,
                "none is named: the monolith answers all of it",
            )),
        }
    }
    let home = asked.routes.parent().unwrap_or("".as_ref());
    let state = home.join(".cutline");
    match StateFolder::at(&state).address() {
        Ok(address) => found.push(Finding::good(
            "proxy",
            format!("runs; admin: {}", address.url),
        )),
        Err(_) => {
            found.push(Finding::missing("proxy", "does not run"));
            found.extend(config.settings.listen.iter().filter_map(|listen| {
                let error = TcpListener::bind(listen).err()?;
                let what = format!("listen {listen}");
                let mend = "end who has it, or write another address";
                Some(Finding::wrong(what, error.to_string(), mend))
            }));
        }
    }
    found
}

fn side(what: String, upstreams: &Upstreams, mend: &'static str) -> Vec<Finding> {
    let addresses = upstreams.addresses.iter();
    addresses
        .map(|address| {
            let url = address.to_string();
            let bare = url.split_once("://").map_or(url.as_str(), |(_, bare)| bare);
            let bare = bare.trim_end_matches('/');
            let with_port = match bare.rsplit_once(':') {
                Some((_, port)) if port.chars().all(|c| c.is_ascii_digit()) => bare.to_owned(),
                _ if url.starts_with("https") => format!("{bare}:443"),
                _ => format!("{bare}:80"),
            };
            match reached(&with_port) {
                Ok(()) => Finding::good(what.clone(), format!("{url} takes connections")),
                Err(why) => Finding::wrong(what.clone(), format!("{url}: {why}"), mend),
            }
        })
        .collect()
}
