//! The processes of a side as they are now: which of them take requests.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use super::breaker::Breaker;
use crate::route::{Address, Upstreams};
use crate::tls::{self, Connector};

/// Slots are never used again: a worker may still hold connections to whom one
/// was given first.
static NEXT_SLOT: AtomicUsize = AtomicUsize::new(0);

/// One process of a side.
#[derive(Debug)]
pub(crate) struct Upstream {
    /// Its place in every worker's pools.
    pub(crate) slot: usize,
    /// Where it listens.
    pub(crate) address: Address,
    /// What the file says of its side.
    pub(crate) settings: Arc<Upstreams>,
    /// Whether it takes requests.
    pub(crate) breaker: Breaker,
    connector: OnceLock<Option<Connector>>,
}

impl Upstream {
    /// How TLS is spoken to it; made once. None where its files cannot be used,
    /// which was found before the file was put in place.
    pub(crate) fn connector(&self) -> Option<&Connector> {
        let made = self.connector.get_or_init(|| {
            let made = tls::connector(&self.settings, &self.address);
            made.inspect_err(|error| tracing::error!(%error, "an upstream cannot be reached"))
                .ok()
        });
        made.as_ref()
    }
}

/// The processes of one side.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) upstreams: Vec<Arc<Upstream>>,
    next: AtomicUsize,
}

impl Group {
    /// Those of `settings`; a process that `known` holds with the same settings
    /// keeps its state and its connections.
    pub(crate) fn new(settings: &Arc<Upstreams>, known: &[Arc<Upstream>]) -> Group {
        let same = |address: &Address| {
            let same =
                |known: &&Arc<Upstream>| known.address == *address && known.settings == *settings;
            known.iter().find(same).cloned()
        };
        let make = |address: &Address| {
            Arc::new(Upstream {
                slot: NEXT_SLOT.fetch_add(1, Ordering::Relaxed),
                address: address.clone(),
                settings: Arc::clone(settings),
                breaker: Breaker::new(settings.health.failures),
                connector: OnceLock::new(),
            })
        };
        let addresses = settings.addresses.iter();
        Group {
            upstreams: addresses
                .map(|address| same(address).unwrap_or_else(|| make(address)))
                .collect(),
            next: AtomicUsize::new(0),
        }
    }

    /// The next that takes requests, in turn.
    pub(crate) fn choose(&self) -> Option<&Arc<Upstream>> {
        let n = self.upstreams.len();
        let first = match n {
            1 => 0,
            _ => self.next.fetch_add(1, Ordering::Relaxed),
        };
        let mut turns = (0..n).map(|turn| &self.upstreams[(first.wrapping_add(turn)) % n]);
        turns.find(|upstream| upstream.breaker.admits())
    }

    /// The next in turn, taking requests or not: for the monolith, in whose
    /// place nobody can answer.
    pub(crate) fn choose_any(&self) -> &Arc<Upstream> {
        let any = || {
            let turn = self.next.fetch_add(1, Ordering::Relaxed);
            &self.upstreams[turn % self.upstreams.len()]
        };
        self.choose().unwrap_or_else(any)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::route::{Health, Timeouts};

    fn settings(ports: &[u16]) -> Arc<Upstreams> {
        let second = Duration::from_secs(1);
        Arc::new(Upstreams {
            addresses: ports
                .iter()
                .map(|port| Address {
                    tls: false,
                    host: "127.0.0.1".to_owned(),
                    port: *port,
                })
                .collect(),
            timeouts: Timeouts {
                connect: second,
                first_byte: second,
                idle: second,
                total: None,
            },
            health: Health {
                path: None,
                interval: second,
                failures: 1,
            },
            host: None,
            http2: false,
            tls: None,
        })
    }

    fn ports(group: &Group, n: usize) -> Vec<Option<u16>> {
        (0..n)
            .map(|_| group.choose().map(|upstream| upstream.address.port))
            .collect()
    }

    #[test]
    fn requests_go_to_each_in_turn_and_round_those_that_are_out() {
        let group = Group::new(&settings(&[1, 2, 3]), &[]);
        assert_eq!(ports(&group, 4), [Some(1), Some(2), Some(3), Some(1)]);
        group.upstreams[1].breaker.failed();
        assert!(!ports(&group, 6).contains(&Some(2)));
        group.upstreams[0].breaker.failed();
        group.upstreams[2].breaker.failed();
        assert_eq!(ports(&group, 1), [None]);
    }

    #[test]
    fn a_process_that_stays_keeps_its_state() {
        let both = settings(&[1, 2]);
        let before = Group::new(&both, &[]);
        before.upstreams[0].breaker.failed();
        let after = Group::new(&both, &before.upstreams);
        assert!(Arc::ptr_eq(&before.upstreams[0], &after.upstreams[0]));
        assert_eq!(ports(&after, 1), [Some(2)]);
    }
}
