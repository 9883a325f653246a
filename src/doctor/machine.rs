//! This machine: what every part needs of it.

use super::{Asked, Finding};

/// Below this a proxy or a server has too few connections.
const FEW_FILES: u64 = 1_024;

pub(super) fn look(_: &Asked<'_>) -> Vec<Finding> {
    files().into_iter().collect()
}

/// Each connection is an open file.
#[cfg(all(unix, feature = "demo"))]
fn files() -> Option<Finding> {
    use rustix::process::{Resource, getrlimit};
    let limit = getrlimit(Resource::Nofile).current;
    let (what, said) = (
        "open files",
        limit.map_or("no limit".to_owned(), |n| format!("{n} at most")),
    );
    Some(match limit {
        Some(limit) if limit < FEW_FILES => Finding::wrong(
            what,
            said,
            "ulimit -n 65536, or LimitNOFILE=65536 in the systemd unit",
        ),
        _ => Finding::good(what, said),
    })
}

#[cfg(not(all(unix, feature = "demo")))]
fn files() -> Option<Finding> {
    let _ = FEW_FILES;
    None
}
