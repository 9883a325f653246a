//! `routes.toml`: [`RoutesFile`] as written, and what it is once checked.
//!
//! ```toml
//! listen = "127.0.0.1:8080"
//! admin  = "127.0.0.1:9901"
//!
//! [monolith]
//! upstream = ["http://127.0.0.1:5000"]
//!
//! [stage.inference]
//! routes    = ["POST /predict", "POST /score"]
//! candidate = ["http://127.0.0.1:7070"]
//! mode      = "split"
//! percent   = 10
//! sticky    = { header = "x-customer-id" }
//! side_effects = { monolith = "none", candidate = "none" }
//! ```
//!
//! A key that is not known is an error: a misspelt one would silently do
//! nothing. The first problem is reported, with its place.

mod check;
mod compare;
mod file;
mod notify;
mod problem;
mod rollout;
mod values;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

pub(crate) use check::default_weight;
pub use file::RoutesFile;
pub use notify::{Notices, Occasion, Webhook};
pub use problem::Problem;

use crate::compare::Rules;
use crate::rollout::Policy;
use crate::route::RouteTable;

/// A checked file.
#[derive(Clone, Debug)]
pub struct Config {
    /// Who answers what.
    pub table: RouteTable,
    /// Everything else.
    pub settings: Settings,
}

/// What the file says beside the table. Only `forwarded`, `budget`, `mirror`,
/// `rollouts` and `compare` may change while the proxy runs; the rest is read
/// at start.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Where clients connect.
    pub listen: Vec<SocketAddr>,
    /// Where the admin interface is.
    pub admin: SocketAddr,
    /// Certificate chain and key of the listeners.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// How the admin interface shows who it is.
    pub admin_tls: Option<AdminTls>,
    /// What one client, and all together, may use.
    pub limits: Limits,
    /// Networks whose `X-Forwarded-*` and `Forwarded` fields are believed.
    pub trusted: Vec<IpNet>,
    /// How much is sent twice.
    pub budget: Budget,
    /// What mirroring may use.
    pub mirror: MirrorLimits,
    /// Bytes of pairs of answers that the journal keeps.
    pub journal: u64,
    /// How stages go to their candidates, by name; people alone move the others.
    pub rollouts: BTreeMap<String, Arc<Policy>>,
    /// Who is told of decisions.
    pub notify: Option<Notices>,
    /// What counts as a difference, for each of [`RouteTable::routes`].
    pub compare: Arc<[Arc<Rules>]>,
}

/// How the admin interface shows who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminTls {
    /// Its certificate chain and key.
    pub files: (PathBuf, PathBuf),
    /// The authority by which the command line on this machine knows it, where
    /// the chain alone does not tell.
    pub authority: Option<PathBuf>,
}

/// What one client, and all together, may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open connections; more wait to be accepted.
    pub connections: usize,
    /// Requests at once; more are answered 503.
    pub requests: usize,
    /// Bytes of a request's head; more is answered 431.
    pub header_bytes: usize,
    /// Fields of a request; more is answered 431.
    pub headers: usize,
    /// For a request's head to arrive; the connection is closed then.
    pub header_time: Duration,
    /// Bytes of a request's body that are kept, so that it can be sent again
    /// or its key be read.
    pub held_body: usize,
    /// For requests in flight to end after SIGTERM.
    pub drain: Duration,
}

/// How many requests may be sent again because the candidate failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Of the requests of the last ten seconds, in percent.
    pub percent: u32,
    /// At any time, whatever the percentage gives.
    pub least: u32,
}

/// What mirroring may use, over all workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MirrorLimits {
    /// Copies in flight; more are dropped and counted.
    pub in_flight: usize,
    /// Bytes of bodies kept for copies in flight.
    pub memory: usize,
    /// Bytes of one body; a longer one is served and not mirrored.
    pub body: usize,
}

impl Config {
    /// The same, with the certificates and keys that it names looked for in
    /// `folder`, where their paths are relative.
    #[must_use]
    pub fn beside(mut self, folder: &Path) -> Config {
        let within = |path: &mut PathBuf| *path = folder.join(&*path);
        let settings = &mut self.settings;
        if let Some((certificate, key)) = &mut settings.tls {
            within(certificate);
            within(key);
        }
        if let Some(tls) = &mut settings.admin_tls {
            within(&mut tls.files.0);
            within(&mut tls.files.1);
            tls.authority.iter_mut().for_each(within);
        }
        let webhooks = settings.notify.as_mut();
        let webhooks = webhooks.and_then(|notify| notify.file.as_mut());
        webhooks.into_iter().for_each(within);
        let candidates = self.table.stages.iter_mut();
        let candidates = candidates.filter_map(|stage| stage.candidate.as_mut());
        for side in candidates.chain([&mut self.table.monolith]) {
            if let Some(tls) = &mut Arc::make_mut(side).tls {
                tls.authority.iter_mut().for_each(within);
                if let Some((certificate, key)) = &mut tls.identity {
                    within(certificate);
                    within(key);
                }
            }
        }
        self
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 10_240,
            requests: 4_096,
            header_bytes: 32 << 10,
            headers: 100,
            header_time: Duration::from_secs(10),
            held_body: 64 << 10,
            drain: Duration::from_secs(30),
        }
    }
}

impl Default for Budget {
    fn default() -> Budget {
        Budget {
            percent: 20,
            least: 100,
        }
    }
}

impl Default for MirrorLimits {
    fn default() -> MirrorLimits {
        MirrorLimits {
            in_flight: 512,
            memory: 64 << 20,
            body: 1 << 20,
        }
    }
}

#[cfg(test)]
mod tests;
