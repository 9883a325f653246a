//! [`Handle`]: what is asked of, and told to, a proxy that serves.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::compare::Noise;
use crate::config::Config;
use crate::rollout::Health;
use crate::route::{Address, RouteTable, Share, Side};
use crate::state::{Live, Shared};
use crate::verdict::Gathered;

/// Of a running proxy; there may be any number. It does not keep it running.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
    addresses: Arc<[SocketAddr]>,
}

/// A process that may be asked, as it stands at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Of which stage it is the candidate; None for the monolith.
    pub stage: Option<Arc<str>>,
    /// Where it listens.
    pub address: Address,
    /// It has not failed too often: requests are sent to it.
    pub healthy: bool,
}

impl Handle {
    pub(super) fn new(shared: Arc<Shared>, addresses: Vec<SocketAddr>) -> Handle {
        Handle {
            shared,
            addresses: addresses.into(),
        }
    }

    /// Where it listens.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The table of the moment.
    pub fn table(&self) -> RouteTable {
        self.shared.live().table.clone()
    }

    /// What was counted, in Prometheus' text format.
    pub fn metrics(&self) -> String {
        self.shared.metrics.render()
    }

    /// What came of comparing answers since the last time it was asked for.
    pub(crate) fn gathered(&self) -> Gathered {
        self.shared.verdicts.take()
    }

    /// In what the monolith of a stage differs from itself.
    pub(crate) fn noise(&self, stage: &str) -> Noise {
        self.shared.verdicts.noise(stage)
    }

    /// In what the monolith was found to differ from itself before.
    pub(crate) fn learn(&self, noise: Vec<(String, Noise)>) {
        self.shared.verdicts.learn(noise);
    }

    /// How the candidate of a stage does right now.
    pub(crate) fn health(&self, stage: &str) -> Health {
        let live = self.shared.live();
        let place = live.table.stages.iter().position(|own| *own.name == *stage);
        let candidate = place.map(|place| live.group(Some(place), Side::Candidate));
        let is_open = candidate.is_some_and(|group| {
            let mut all = group.upstreams.iter();
            all.all(|upstream| !upstream.breaker.is_closed())
        });
        self.shared.verdicts.health(stage, is_open)
    }

    /// The processes of the monolith, then those of each candidate.
    pub fn upstreams(&self) -> Vec<Known> {
        let live = self.shared.live();
        let of = |stage: Option<usize>, side| {
            let name = stage.map(|stage| Arc::clone(&live.table.stages[stage].name));
            let known = live.group(stage, side).upstreams.iter();
            let known = known.map(|upstream| Known {
                stage: name.clone(),
                address: upstream.address.clone(),
                healthy: upstream.breaker.is_closed(),
            });
            known.collect::<Vec<_>>()
        };
        let mut all = of(None, Side::Monolith);
        for (index, stage) in live.table.stages.iter().enumerate() {
            if stage.candidate.is_some() {
                all.extend(of(Some(index), Side::Candidate));
            }
        }
        all
    }

    /// Puts another checked file in place for all requests to come. Listeners,
    /// limits and certificates stay as they were at the start. Not to be called
    /// twice at once: the later call would not know of the earlier.
    pub fn replace(&self, config: Config) {
        let before = self.shared.live();
        let metrics = &self.shared.metrics;
        for gone in before.table.stages.iter() {
            if config.table.stage(&gone.name).is_none() {
                metrics.share(&gone.name, None);
            }
        }
        let tallies = &self.shared.verdicts.tallies;
        let live = Live::new(
            config.table,
            config.settings,
            metrics,
            tallies,
            Some(&before),
        );
        self.shared.put(live);
    }

    /// Gives a stage another share for all requests to come; false where there
    /// is no such stage.
    pub fn shift(&self, stage: &str, share: Share) -> bool {
        let table = self.table();
        match table.stage(stage) {
            Some(known) => self.enter(stage, share, known.epoch),
            None => false,
        }
    }

    /// The same, since the change `epoch`.
    pub(crate) fn enter(&self, stage: &str, share: Share, epoch: u64) -> bool {
        let before = self.shared.live();
        let mut stages = before.table.stages.iter();
        let Some(index) = stages.position(|known| *known.name == *stage) else {
            return false;
        };
        self.replace(Config {
            table: before.table.with_share(index, share, epoch),
            settings: before.settings.clone(),
        });
        true
    }
}
