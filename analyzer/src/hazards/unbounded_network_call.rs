use rustc_hash::FxHashSet;

use super::support::Callers;
use super::support::places::{AllPlaces, Role};
use super::{Context, Finding, Hazard, Severity};
use crate::effects::{Effect, EffectKind};
use crate::graph::FuncId;
use crate::modules::FileId;
use crate::syntax::facts::{ExprId, ExprKind, StmtKind};
use crate::syntax::walk::each_stmt;

/// A request that waits for ever, or fails at the first hitch.
pub(super) struct UnboundedNetworkCall;

const EXPLANATION: &str = r#"
## What it finds
A request over the network without a time limit, as `requests.get(url)` is,
and an HTTP request whose failure nothing handles: no `try` around it or
around its callers' call, no retry. The second is only noted.

## Why it matters at a cut
A stage of its own lives from calls to others. One that does not answer holds
the caller's thread, then all of them; and a queue's message that is not done
in time is delivered again while the first attempt still waits.

## Example
```python
import requests

def fetch(since):  # ingestion
    return requests.get("http://billing.internal/payments", params={"since": since})
```

## What to do
Give every request a time limit shorter than the caller's own, and retry what
may be repeated, a few times, with growing pauses.
"#;

impl Hazard for UnboundedNetworkCall {
    fn name(&self) -> &'static str {
        "unbounded-network-call"
    }

    fn explanation(&self) -> &'static str {
        EXPLANATION
    }

    fn check(&self, ctx: &Context<'_>, found: &mut Vec<Finding>) {
        let callers = Callers::new(ctx);
        let calls = &ctx.call_graph.library_calls;
        let has_call = |name: &str| calls.iter().any(|call| call.path == name);
        let sockets_bounded = has_call("socket.setdefaulttimeout");
        let sessions_retry = has_call("requests.Session.mount");
        let limits = Limits {
            ctx,
            places: AllPlaces::new(ctx.modules),
        };
        let network = ctx.effects.effects.iter();
        for effect in network.filter(|effect| effect.kind == EffectKind::Network) {
            let root = effect.path.split('.').next().unwrap_or_default();
            let by_socket = matches!(root, "urllib" | "smtplib" | "ftplib" | "socket");
            let bounded = effect.bounded
                || (sockets_bounded && by_socket)
                || limits.are_around(effect.function, effect.file, effect.expr);
            let handled = is_handled(ctx, &callers, effect)
                || (sessions_retry && effect.path.starts_with("requests.Session"));
            let is_http = matches!(
                root,
                "requests" | "httpx" | "urllib" | "urllib3" | "aiohttp"
            );
            if !bounded || (is_http && !handled) {
                found.push(finding(ctx, effect, bounded, handled));
            }
        }
    }
}

fn finding(ctx: &Context<'_>, effect: &Effect, bounded: bool, handled: bool) -> Finding {
    let place = ctx.place(effect.file, effect.line);
    let about = effect.about.as_deref().map(without_credentials);
    let to = about.map_or_else(String::new, |about| format!(" to {about}"));
    let what = match (bounded, handled) {
        (false, false) => "has no time limit, and nothing handles its failure",
        (false, true) => "has no time limit",
        _ => "fails at the first hitch: nothing retries it or handles its failure",
    };
    let stage = ctx.stages.stage(effect.function);
    Finding {
        hazard: UnboundedNetworkCall.name(),
        severity: if bounded {
            Severity::Note
        } else {
            Severity::Costs
        },
        file: effect.file,
        line: effect.line,
        function: effect.function,
        message: format!("{}{to} at {place} ({stage}) {what}", effect.path),
        mend: match bounded {
            false => "Give it a time limit shorter than its caller's, and retry it if it may be repeated."
                .to_owned(),
            true => "Retry it a few times with growing pauses, or handle its failure.".to_owned(),
        },
        between: None,
        related: Vec::new(),
        setting: None,
    }
}

/// Calls that give up what they are handed after a while.
const LIMITS: &[&str] = &[
    "tokio.time.timeout",
    "tokio.time.timeout_at",
    "async_std.future.timeout",
    "actix_web.rt.time.timeout",
    "actix_rt.time.timeout",
    "asyncio.wait_for",
];

/// Time limits around asynchronous calls.
struct Limits<'c> {
    ctx: &'c Context<'c>,
    places: AllPlaces<'c>,
}

impl Limits<'_> {
    /// True if the call is handed to something that gives it up after a while,
    /// or every call of the function that makes it is.
    fn are_around(&self, function: FuncId, file: FileId, expr: ExprId) -> bool {
        let mut seen = FxHashSet::default();
        let mut todo = vec![(function, file, expr)];
        while let Some((function, file, expr)) = todo.pop() {
            if self.is_limited(file, expr) || !seen.insert(function) {
                continue;
            }
            let edges = &self.ctx.call_graph.calls;
            let before = todo.len();
            let calls = edges.iter().filter(|edge| edge.callee == function);
            todo.extend(calls.map(|edge| (edge.caller, edge.file, edge.expr)));
            if todo.len() == before {
                return false;
            }
        }
        true
    }

    fn is_limited(&self, file: FileId, expr: ExprId) -> bool {
        let places = self.places.of(file);
        let facts = places.facts;
        let mut todo = vec![(expr, false)];
        let mut seen = FxHashSet::default();
        while let Some((at, done)) = todo.pop() {
            if !seen.insert((at, done)) {
                continue;
            }
            let Some(parent) = places.parent(at) else {
                if let (Role::Assigned(targets), false) = (places.role(at), done) {
                    // Begun here, awaited there.
                    for target in targets {
                        if let ExprKind::Name(name) = &facts.expr(*target).kind {
                            let uses = places.uses(places.owner(*target), name).iter();
                            todo.extend(uses.map(|at| (*at, false)));
                        }
                    }
                }
                let lambda = places.lambda(places.owner(at));
                todo.extend(lambda.map(|lambda| (lambda, true)));
                continue;
            };
            let mut calls = self.ctx.call_graph.library_calls_at(file, parent);
            if calls.any(|call| LIMITS.contains(&call.path.as_str())) {
                return true;
            }
            let awaits = matches!(facts.expr(parent).kind, ExprKind::Await(_))
                && !facts.tries.contains(&parent);
            todo.push((parent, done || awaits));
        }
        false
    }
}

/// A URL without its user and password.
fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let host = rest.split('/').next().unwrap_or(rest);
    match host.rsplit_once('@') {
        Some((user, _)) => format!("{scheme}://{}", &rest[user.len() + 1..]),
        None => url.to_owned(),
    }
}

/// True if a `try` or a retry is around the call, or around every call of the
/// function that makes it.
fn is_handled(ctx: &Context<'_>, callers: &Callers<'_>, effect: &Effect) -> bool {
    handled_at(
        ctx,
        callers,
        effect.function,
        effect.line,
        &mut FxHashSet::default(),
    )
}

fn handled_at(
    ctx: &Context<'_>,
    callers: &Callers<'_>,
    func: FuncId,
    line: u32,
    seen: &mut FxHashSet<FuncId>,
) -> bool {
    if retries(ctx, func) || in_try(ctx, func, line) {
        return true;
    }
    if !seen.insert(func) {
        return true;
    }
    let callers_of = callers.of(func);
    !callers_of.is_empty()
        && callers_of
            .iter()
            .all(|(caller, line)| handled_at(ctx, callers, *caller, *line, seen))
}

/// True if a decorator of `func` retries: `tenacity.retry`,
/// `backoff.on_exception`, `task(retries=3)`.
fn retries(ctx: &Context<'_>, func: FuncId) -> bool {
    let function = ctx.program.function(func);
    let facts = ctx.modules.facts(function.file);
    let name = |expr: ExprId| match &facts.expr(expr).kind {
        ExprKind::Call { callee, .. } => facts.dotted(*callee),
        _ => facts.dotted(expr),
    };
    let is_on = |expr: ExprId| match &facts.expr(expr).kind {
        ExprKind::Bool(on) => *on,
        ExprKind::None => false,
        ExprKind::Number(text) => text != "0",
        _ => true,
    };
    let asked = |expr: ExprId| match &facts.expr(expr).kind {
        ExprKind::Call { args, .. } => args.iter().any(|arg| {
            let name = arg.name.as_deref().unwrap_or_default();
            let asks = matches!(name, "retries" | "autoretry_for" | "retry" | "enable_retry");
            asks && is_on(arg.value)
        }),
        _ => false,
    };
    let mut decorators = facts.scope(function.scope).decorators.iter();
    decorators.any(|decorator| {
        let name = name(*decorator).unwrap_or_default();
        name.contains("retry") || name.contains("backoff") || asked(*decorator)
    })
}

/// True if `line` of `func` stands in a `try` that has a handler.
fn in_try(ctx: &Context<'_>, func: FuncId, line: u32) -> bool {
    let function = ctx.program.function(func);
    let facts = ctx.modules.facts(function.file);
    let mut found = false;
    each_stmt(&facts.scope(function.scope).body, &mut |stmt| {
        if let StmtKind::Try { body, handlers, .. } = &stmt.kind {
            let ends = handlers.iter().filter_map(|handler| {
                let caught = handler.caught.map(|caught| facts.expr(caught).line);
                caught.or_else(|| handler.body.first().map(|stmt| stmt.line))
            });
            // `except: pass` leaves no line of its own.
            let mut last = stmt.line;
            each_stmt(body, &mut |stmt| last = last.max(stmt.line));
            let end = ends.min().unwrap_or(last + 1);
            found |= !handlers.is_empty() && (stmt.line..end).contains(&line);
        }
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hazards::support::testing::check;

    #[test]
    fn a_request_without_a_limit_costs() {
        check(
            &UnboundedNetworkCall,
            "
import requests
def fetch():  # ingestion
    return requests.get('http://user:pw@host/payments')
def send():  # deployment
    try:
        requests.post('http://host/hook')
    except requests.RequestException:
        pass
",
            &[
                "app.py:3 costs requests.get to http://host/payments at app.py:3 (ingestion) has no time limit, and nothing handles its failure",
                "app.py:6 costs requests.post to http://host/hook at app.py:6 (deployment) has no time limit",
            ],
        );
    }

    #[test]
    fn a_limit_without_a_retry_is_noted_and_both_are_fine() {
        check(
            &UnboundedNetworkCall,
            "
import requests
from tenacity import retry
def fetch():  # ingestion
    return requests.get('http://host', timeout=3)
@retry()
def again():  # ingestion
    return requests.get('http://host', timeout=3)
@task(retries=3)
def thrice():  # ingestion
    return requests.get('http://host', timeout=3)
@task(retries=0)
def once():  # ingestion
    return requests.get('http://host', timeout=3)
def inner():  # ingestion
    return requests.get('http://host', timeout=3)
def outer():  # ingestion
    try:
        return inner()
    except ValueError:
        return None
",
            &["app.py:4 note", "app.py:13 note"],
        );
    }

    #[test]
    fn requests_of_rust_are_bounded_by_their_client_request_or_a_timeout_around() {
        check(
            &UnboundedNetworkCall,
            r#"
// --- src/main.rs
use std::time::Duration;
async fn plain() -> String { // ingestion
    reqwest::get("http://host/a").await.unwrap().text().await.unwrap()
}
async fn unbounded(body: String) { // deployment
    let client = reqwest::Client::new();
    client.post("http://host/b").body(body).send().await.unwrap();
}
async fn by_client() { // ingestion
    let client = reqwest::Client::builder().timeout(Duration::from_secs(5)).build().unwrap();
    client.get("http://host/c").send().await.unwrap();
}
async fn by_request() { // ingestion
    let client = reqwest::Client::new();
    client.get("http://host/d").timeout(Duration::from_secs(5)).send().await.unwrap();
}
async fn around() { // ingestion
    let client = reqwest::Client::new();
    tokio::time::timeout(Duration::from_secs(5), client.get("http://host/e").send()).await.unwrap();
    tokio::time::timeout(Duration::from_secs(5), reqwest::get("http://host/f")).await.unwrap();
    tokio::time::timeout(Duration::from_secs(5), async {
        reqwest::get("http://host/g").await
    }).await.unwrap();
}
fn agent() { // ingestion
    ureq::get("http://host/h").call().unwrap();
}
fn bounded_agent() { // ingestion
    let agent = ureq::AgentBuilder::new().timeout(Duration::from_secs(5)).build();
    agent.get("http://host/i").call().unwrap();
}
fn blocking() { // ingestion
    reqwest::blocking::get("http://host/j").unwrap();
}
fn main() {}
"#,
            &[
                "src/main.rs:3 costs reqwest.get to http://host/a at src/main.rs:3 (ingestion) has no time limit",
                "src/main.rs:7 costs reqwest.RequestBuilder.send",
                "src/main.rs:26 costs ureq.Request.call",
            ],
        );
    }
}
