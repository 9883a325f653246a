//! Requests that a program of the tree sends to another one of the tree: its
//! URL leads to a route that code of another language answers.
//!
//! Method and path have to fit exactly one handler, and the host must be this
//! machine, a service of the tree's compose file, or not known. A part of the
//! path that is not known fits only a parameter of the route.

use std::collections::BTreeSet;

use smol_str::{SmolStr, format_smolstr};

use super::{HTTP_METHODS, Route, RouteKind};
use crate::catalog::{Catalog, EffectEntry, Matter};
use crate::graph::data::{Flow, Via};
use crate::graph::{CallGraph, ConfigDocs, Held, LibraryCall, Program};
use crate::modules::ModuleSet;
use crate::syntax::facts::ArgKind;

/// Names of the machine that asks.
const OWN_HOSTS: &[&str] = &[
    "localhost",
    "127.0.0.1",
    "0.0.0.0",
    "[::1]",
    "host.docker.internal",
];

/// Flows from who asks to who answers.
pub fn requests(
    modules: &ModuleSet,
    program: &Program,
    catalog: &Catalog,
    call_graph: &CallGraph,
    configs: &ConfigDocs,
    routes: &[Route],
) -> Vec<Flow> {
    let hosts: BTreeSet<SmolStr> = configs.services().into_iter().collect();
    let answered: Vec<&Route> = routes
        .iter()
        .filter(|route| route.kind == RouteKind::Http)
        .collect();
    let mut found = Vec::new();
    if answered.is_empty() {
        return found;
    }
    for call in &call_graph.library_calls {
        let effects = catalog.call(&call.path).map(|entry| &entry.effects);
        for effect in effects.into_iter().flatten() {
            let Some(method) = method(call_graph, call).filter(|_| effect.on == Matter::Network)
            else {
                continue;
            };
            for url in urls(call, effect) {
                let Some(path) = path_of(url, &hosts) else {
                    continue;
                };
                let fits = |route: &&&Route| {
                    let handler = program.function(route.handler);
                    let apart = modules.facts(handler.file).rules != modules.facts(call.file).rules;
                    apart
                        && (route.method == "ANY" || route.method == method)
                        && fits(&route.path, path)
                };
                let handlers: BTreeSet<_> = answered
                    .iter()
                    .filter(fits)
                    .map(|route| (route.handler, route.path.clone()))
                    .collect();
                let mut handlers = handlers.into_iter();
                if let (Some((to, path)), None) = (handlers.next(), handlers.next()) {
                    found.push(Flow {
                        from: call.caller,
                        to,
                        via: Via::Request,
                        name: format_smolstr!("{method} {path}"),
                        file: call.file,
                        line: call.line,
                    });
                }
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// The method of the request, in capitals: the function's name, or what a
/// function for any method is told.
fn method(call_graph: &CallGraph, call: &LibraryCall) -> Option<SmolStr> {
    let name = call.path.rsplit('.').next()?;
    if HTTP_METHODS.contains(&name) {
        return Some(name.to_uppercase().into());
    }
    if !matches!(name, "request" | "stream") {
        return None;
    }
    let named = call
        .args
        .iter()
        .find(|arg| arg.name.as_deref() == Some("method"));
    let given = named.or(call.args.first())?;
    let said = |text: &str| {
        let last = text.rsplit('.').next().unwrap_or(text).to_lowercase();
        HTTP_METHODS
            .contains(&last.as_str())
            .then(|| last.to_uppercase().into())
    };
    if let [text] = given.texts.as_slice() {
        return said(text);
    }
    // `Method::POST`
    let held = call_graph.held(call.file, given.expr).into_iter();
    held.filter_map(|held| match held {
        Held::External(path) => said(&path),
        _ => None,
    })
    .next()
}

fn urls<'c>(call: &'c LibraryCall, effect: &EffectEntry) -> &'c [SmolStr] {
    let named = effect.argument.as_deref();
    let mut args = call.args.iter();
    let found = args.find(|arg| named.is_some() && arg.name.as_deref() == named);
    let mut positional = call
        .args
        .iter()
        .filter(|arg| arg.kind == ArgKind::Positional);
    let by_position = |position: u32| positional.nth(position as usize);
    let found = found.or_else(|| effect.position.and_then(by_position));
    found.map_or(&[], |arg| &arg.texts)
}

/// The path of `url`, if its host may be one of the tree.
fn path_of<'u>(url: &'u str, hosts: &BTreeSet<SmolStr>) -> Option<&'u str> {
    let (host, path) = match url.split_once("://") {
        Some((_, rest)) => rest.split_at(outside_holes(rest, |letter| letter == '/')),
        None if url.starts_with('/') => ("", url),
        None if url.starts_with('{') => url.split_at(outside_holes(url, |letter| letter == '/')),
        None => return None,
    };
    let end = outside_holes(path, |letter| matches!(letter, '?' | '#'));
    let path = &path[..end];
    let unknown = host.is_empty() || host.contains('{');
    let name = host.rsplit('@').next().unwrap_or(host);
    let name = match name.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => name,
    };
    let is_own = OWN_HOSTS.contains(&name) || hosts.contains(name);
    // The root of who knows where says nothing.
    let says = path.len() > 1 || (is_own && !path.is_empty());
    ((unknown || is_own) && says).then_some(path)
}

/// Where the first letter outside holes stands that `ends` knows, or the end.
fn outside_holes(text: &str, ends: impl Fn(char) -> bool) -> usize {
    let mut depth = 0_u32;
    for (at, letter) in text.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ if depth == 0 && ends(letter) => return at,
            _ => {}
        }
    }
    text.len()
}

/// `path` is one that a route at `template` answers.
fn fits(template: &str, path: &str) -> bool {
    let mut asked = parts(path).into_iter();
    for part in parts(template) {
        let rest = part.starts_with("{*") || part.ends_with(":path}");
        if rest {
            return asked.next().is_some();
        }
        let Some(given) = asked.next() else {
            return false;
        };
        let is_param = part.starts_with('{') && part.ends_with('}');
        if !is_param && part != given {
            return false;
        }
    }
    asked.next().is_none()
}

/// What stands between the slashes outside holes.
fn parts(path: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = path.trim_matches('/');
    while !rest.is_empty() {
        let end = outside_holes(rest, |letter| letter == '/');
        parts.push(&rest[..end]);
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    parts
}

#[cfg(test)]
mod tests;
