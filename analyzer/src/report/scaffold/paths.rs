//! Paths of routes, as Azure Functions take them.

use crate::syntax::FileFacts;
use crate::syntax::facts::ExprKind;

/// The host keeps these for itself, and takes no function there.
pub(super) fn is_reserved(path: &str) -> bool {
    let path = path.trim_start_matches('/').to_ascii_lowercase();
    path.starts_with("admin") || path.split('/').next() == Some("runtime")
}

/// The path of a route that `facts` declares: without its first slash, and with
/// a last parameter that takes slashes marked as such. An empty one would be the
/// function's name.
pub(super) fn azure(path: &str, facts: &FileFacts) -> String {
    let bare = path.trim_start_matches('/');
    if bare.is_empty() {
        return "/".to_owned();
    }
    let last = bare.rsplit('/').next().unwrap_or_default();
    let name = last
        .strip_prefix('{')
        .and_then(|last| last.strip_suffix('}'));
    match name {
        Some(name) if takes_slashes(name, facts) => {
            format!("{}{{*{name}}}", &bare[..bare.len() - last.len()])
        }
        _ => bare.to_owned(),
    }
}

/// A path in the file says so of its parameter, as Flask, Django, Bottle,
/// FastAPI or Starlette spell it.
fn takes_slashes(name: &str, facts: &FileFacts) -> bool {
    let says = [
        format!("<path:{name}>"),
        format!("<{name}:path>"),
        format!("{{{name}:path}}"),
    ];
    facts.exprs.iter().any(|expr| match &expr.kind {
        ExprKind::Str(text) => says.iter().any(|said| text.contains(said.as_str())),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_own_paths_are_known() {
        for path in [
            "/admin",
            "/Admin/users",
            "/administration",
            "/runtime/webhooks",
        ] {
            assert!(is_reserved(path), "{path}");
        }
        for path in ["/", "/runtimes", "/api/admin"] {
            assert!(!is_reserved(path), "{path}");
        }
    }
}
