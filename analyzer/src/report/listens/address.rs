//! Ports of addresses, as servers in Rust are given them:
//! `TcpListener::bind("0.0.0.0:8080")`, `.bind(("0.0.0.0", port))`,
//! `run(([127, 0, 0, 1], 3030))`.

use super::{Ports, last};
use crate::modules::At;
use crate::source::ConfigFile;
use crate::syntax::FileFacts;
use crate::syntax::facts::{ExprId, ExprKind, StmtKind};
use crate::syntax::walk::each_stmt;

/// Where Rocket listens if nothing else is said.
const ROCKET: u16 = 8000;

/// Calls that hand on what they are called on, or are made of.
const SAME: [&str; 16] = [
    "as_ref",
    "as_str",
    "clone",
    "context",
    "expect",
    "from",
    "into",
    "parse",
    "to_owned",
    "to_socket_addrs",
    "to_string",
    "unwrap",
    "unwrap_or_default",
    "Ok",
    "Some",
    "String",
];

/// The address that a call listens at.
pub(super) fn address(facts: &FileFacts, call: ExprId) -> Option<ExprId> {
    if facts.rules.separator != "::" {
        return None;
    }
    let ExprKind::Call { callee, args } = &facts.expr(call).kind else {
        return None;
    };
    let given = args.first().map(|arg| arg.value);
    let ExprKind::Attr { base, name } = &facts.expr(*callee).kind else {
        return None;
    };
    let path = facts.dotted(*callee).unwrap_or_default();
    match name.as_str() {
        "bind" if !path.contains("Udp") => given,
        // warp's `serve(routes).run(…)`, tonic's `….serve(…)`.
        "run" if is_call(facts, *base, "serve") => given,
        "serve" if is_call(facts, *base, "add_service") => given,
        _ => None,
    }
}

fn is_call(facts: &FileFacts, expr: ExprId, name: &str) -> bool {
    match &facts.expr(expr).kind {
        ExprKind::Call { callee, .. } => match &facts.expr(*callee).kind {
            ExprKind::Attr { name: own, .. } | ExprKind::Name(own) => own == name,
            _ => false,
        },
        _ => false,
    }
}

/// True for `rocket::build()`.
pub(super) fn is_rocket(facts: &FileFacts, call: ExprId) -> bool {
    match &facts.expr(call).kind {
        ExprKind::Call { callee, .. } => {
            let path = facts.dotted(*callee).unwrap_or_default();
            matches!(path.as_str(), "rocket.build" | "rocket.ignite")
        }
        _ => false,
    }
}

/// `port = 8001` of `Rocket.toml`, with its line, or what Rocket takes.
pub(super) fn of_rocket(configs: &[ConfigFile]) -> (u16, Option<(String, u32)>) {
    let own = configs
        .iter()
        .filter(|config| config.path.ends_with("Rocket.toml"));
    let said = own.flat_map(|config| {
        config.text.lines().zip(1..).filter_map(|(line, number)| {
            let (key, value) = line.split_once('=')?;
            let port = value.trim().parse().ok().filter(|port: &u16| *port > 0)?;
            (key.trim() == "port").then(|| (port, Some((config.path.to_string(), number))))
        })
    });
    said.into_iter().next().unwrap_or((ROCKET, None))
}

impl Ports<'_> {
    /// The port of an address; `is_port` where it stands alone.
    pub(super) fn of_address(&mut self, at: At, is_port: bool, depth: u32) -> Option<u16> {
        let depth = depth + 1;
        if depth > super::MAX_DEPTH {
            return None;
        }
        let facts = self.bound.modules.facts(at.file);
        let port = |text: &str| {
            let port = match text.rsplit_once(':') {
                Some((_, port)) => port,
                None if is_port => text,
                None => return None,
            };
            port.parse::<u16>().ok().filter(|port| *port > 0)
        };
        match &facts.expr(at.expr).kind {
            ExprKind::Str(text) | ExprKind::Number(text) => port(text),
            ExprKind::Tuple(parts) => match &**parts {
                [_, port] => self.of_address(at.part(*port), true, depth),
                _ => None,
            },
            ExprKind::Format(parts) => self.of_address(at.part(*parts.last()?), true, depth),
            ExprKind::Await(inner) => self.of_address(at.part(*inner), is_port, depth),
            ExprKind::Name(_) | ExprKind::Attr { .. } => {
                let value = self.bound.value(at)?;
                self.of_address(value, is_port, depth)
            }
            ExprKind::Lambda(scope) => {
                let mut returned = Vec::new();
                each_stmt(&facts.scope(*scope).body, &mut |stmt| {
                    if let StmtKind::Return(Some(value)) = stmt.kind {
                        returned.push(value);
                    }
                });
                match returned.as_slice() {
                    [only] => {
                        let (scope, expr) = (*scope, *only);
                        self.of_address(At { scope, expr, ..at }, is_port, depth)
                    }
                    _ => None,
                }
            }
            ExprKind::Call { callee, args } => {
                let name = match &facts.expr(*callee).kind {
                    ExprKind::Attr { name, .. } => name.clone(),
                    _ => last(facts, *callee),
                };
                let given = args.first().map(|arg| at.part(arg.value));
                match name.as_str() {
                    // What stands where the environment says nothing.
                    "unwrap_or" | "unwrap_or_else" => self.of_address(given?, is_port, depth),
                    "map" | "and_then" | "ok" | "map_err" => {
                        self.of_base(at, *callee, is_port, depth)
                    }
                    "new" if facts.dotted(*callee)?.contains("SocketAddr") => {
                        let port = args.get(1)?;
                        self.of_address(at.part(port.value), true, depth)
                    }
                    name if SAME.contains(&name) => {
                        let below = self.of_base(at, *callee, is_port, depth);
                        below.or_else(|| self.of_address(given?, is_port, depth))
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn of_base(&mut self, at: At, callee: ExprId, is_port: bool, depth: u32) -> Option<u16> {
        match self.bound.modules.facts(at.file).expr(callee).kind {
            ExprKind::Attr { base, .. } => self.of_address(at.part(base), is_port, depth),
            _ => None,
        }
    }
}
