//! Secrets, found where a file of configuration says that they are.

#[cfg(feature = "runtime")]
mod known;
mod places;
#[cfg(feature = "azure")]
mod vault;

#[cfg(feature = "proxy")]
use std::path::Path;

#[cfg(feature = "runtime")]
pub(crate) use known::Known;
#[cfg(feature = "proxy")]
use zeroize::Zeroizing;

/// What `secret:env:VARIABLE` or `secret:file:PATH` of a `routes.toml` stands
/// for. It names no Key Vault: what hosts the proxy puts secrets of one into the
/// environment.
#[cfg(feature = "proxy")]
pub(crate) fn referred(reference: &str, home: &Path) -> anyhow::Result<Zeroizing<String>> {
    let place = reference.strip_prefix("secret:");
    match place.and_then(|place| place.split_once(':')) {
        Some(("env", name)) if !name.is_empty() => places::env(name),
        Some(("file", path)) if !path.is_empty() => places::file(&home.join(path)),
        _ => anyhow::bail!("it is neither secret:env:VARIABLE nor secret:file:PATH"),
    }
}
