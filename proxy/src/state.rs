//! What requests share: the table of the moment, and one worker's own things.

use std::cell::{Cell, RefCell};
use std::ops::Deref;
use std::rc::Rc;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::Semaphore;

use crate::config::{Limits, Settings};
use crate::forward::budget::RetryBudget;
use crate::forward::mirror::Load;
use crate::forward::pool::Pools;
use crate::forward::upstream::{Group, Upstream};
use crate::listen::tls::Certificate;
use crate::metrics::{Metrics, TableMetrics};
use crate::route::{RouteTable, Side};
use crate::spans::Tracing;
use crate::verdict::{Tallies, Tally, Verdicts};

/// What all workers share.
pub(crate) struct Shared {
    live: ArcSwap<Live>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) limits: Limits,
    pub(crate) mirrors: Arc<Load>,
    /// Where the answers of both sides go.
    pub(crate) verdicts: Arc<Verdicts>,
    pub(crate) retries: RetryBudget,
    /// Where spans go, if anywhere.
    pub(crate) tracing: OnceLock<Tracing>,
    /// For client connections.
    pub(crate) places: Arc<Semaphore>,
    /// Of the listeners, where they speak TLS.
    pub(crate) certificate: Option<Certificate>,
    /// Another process has the listeners: what is idle may stay until it ends.
    pub(crate) handed_over: AtomicBool,
}

/// The table of the moment with what hangs on it. A request keeps the one it
/// began with.
pub(crate) struct Live {
    pub(crate) table: RouteTable,
    pub(crate) settings: Settings,
    pub(crate) metrics: TableMetrics,
    /// Some stage's key is in the body.
    pub(crate) needs_body: bool,
    /// Of each stage, where a policy wants to know how both sides do.
    tallies: Vec<Option<Arc<Tally>>>,
    monolith: Arc<Group>,
    candidates: Vec<Option<Arc<Group>>>,
}

/// A worker's own hold on a [`Live`]: its requests count among themselves who
/// still needs it, and write to no memory that other workers read.
#[derive(Clone)]
#[expect(
    clippy::redundant_allocation,
    reason = "the outer count is the worker's own, the inner one all workers'"
)]
pub(crate) struct Kept(Rc<Arc<Live>>);

/// One worker: a thread that shares nothing on the way of a request.
pub(crate) struct Worker {
    pub(crate) shared: Arc<Shared>,
    pub(crate) pools: Pools,
    live: RefCell<Kept>,
    random: RefCell<StdRng>,
    /// It accepts nothing more, and each answer is its connection's last.
    pub(crate) draining: Cell<bool>,
}

impl Shared {
    pub(crate) fn new(
        live: Live,
        metrics: Arc<Metrics>,
        verdicts: Arc<Verdicts>,
        limits: Limits,
        certificate: Option<Certificate>,
    ) -> Shared {
        Shared {
            live: ArcSwap::from_pointee(live),
            metrics,
            places: Arc::new(Semaphore::new(
                limits.connections.min(Semaphore::MAX_PERMITS),
            )),
            limits,
            mirrors: Arc::default(),
            verdicts,
            retries: RetryBudget::new(std::time::Instant::now()),
            certificate,
            tracing: OnceLock::new(),
            handed_over: AtomicBool::new(false),
        }
    }

    pub(crate) fn live(&self) -> Arc<Live> {
        self.live.load_full()
    }

    /// Puts another table in place: for the next request of every worker.
    pub(crate) fn put(&self, live: Live) {
        self.live.store(Arc::new(live));
    }
}

impl Live {
    /// `before` is what it takes the place of: upstreams that stay keep their
    /// state and connections. Each stage has its own, even where several name
    /// one process: it may answer one route, and hang on another.
    pub(crate) fn new(
        table: RouteTable,
        settings: Settings,
        metrics: &Metrics,
        tallies: &Tallies,
        before: Option<&Live>,
    ) -> Live {
        let known =
            |group: Option<&Arc<Group>>| group.map_or(Vec::new(), |group| group.upstreams.clone());
        let monolith = known(before.map(|before| &before.monolith));
        let monolith = Group::new(&table.monolith, &monolith);
        let candidates = table.stages.iter().map(|stage| {
            let settings = stage.candidate.as_ref()?;
            let before = before.and_then(|before| before.candidate(&stage.name));
            Some(Arc::new(Group::new(settings, &known(before))))
        });
        let candidates = candidates.collect();
        let tallies = table.stages.iter().map(|stage| {
            let policy = settings.rollouts.get(&*stage.name);
            policy.map(|_| tallies.of(&stage.name, stage.epoch))
        });
        let tallies = tallies.collect();
        let needs_body = table.stages.iter().any(|stage| stage.sticky.needs_body());
        Live {
            metrics: metrics.of_table(&table),
            needs_body,
            tallies,
            monolith: Arc::new(monolith),
            candidates,
            table,
            settings,
        }
    }

    /// The processes of a side; those of the monolith where there is no
    /// candidate.
    pub(crate) fn group(&self, stage: Option<usize>, side: Side) -> &Arc<Group> {
        let candidate = || self.candidates.get(stage?)?.as_ref();
        match side {
            Side::Monolith => &self.monolith,
            Side::Candidate => candidate().unwrap_or(&self.monolith),
        }
    }

    /// The processes of a stage's candidate, where it is known and has one.
    fn candidate(&self, stage: &str) -> Option<&Arc<Group>> {
        let place = self.table.stages.iter().position(|own| *own.name == *stage);
        self.candidates.get(place?)?.as_ref()
    }

    /// Where requests of a stage count how both sides do, if anybody wants to
    /// know.
    pub(crate) fn tally(&self, stage: Option<usize>) -> Option<&Arc<Tally>> {
        self.tallies.get(stage?)?.as_ref()
    }

    /// All processes of all sides.
    pub(crate) fn upstreams(&self) -> impl Iterator<Item = Arc<Upstream>> {
        let candidates = self.candidates.iter().flatten();
        let groups = candidates.chain([&self.monolith]);
        groups.flat_map(|group| group.upstreams.iter().cloned())
    }
}

impl Kept {
    /// For another thread.
    pub(crate) fn shared(&self) -> Arc<Live> {
        Arc::clone(&self.0)
    }
}

impl Deref for Kept {
    type Target = Live;

    fn deref(&self) -> &Live {
        &self.0
    }
}

impl Worker {
    pub(crate) fn new(shared: Arc<Shared>) -> Worker {
        Worker {
            live: RefCell::new(Kept(Rc::new(shared.live()))),
            shared,
            pools: Pools::default(),
            random: RefCell::new(StdRng::from_os_rng()),
            draining: Cell::new(false),
        }
    }

    /// The table of the moment, for one request.
    pub(crate) fn live(&self) -> Kept {
        let mut kept = self.live.borrow_mut();
        let now = self.shared.live.load();
        if !Arc::ptr_eq(&now, &kept.0) {
            *kept = Kept(Rc::new(Arc::clone(&now)));
        }
        kept.clone()
    }

    /// An id that nobody can foresee.
    pub(crate) fn id(&self) -> u128 {
        self.random.borrow_mut().random()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::RoutesFile;

    const FILE: &str = r#"
listen = "127.0.0.1:0"
[monolith]
upstream = "http://127.0.0.1:5000"
[stage.scoring]
routes = ["POST /score"]
candidate = "http://127.0.0.1:7070"
[stage.ranking]
routes = ["POST /rank"]
candidate = "http://127.0.0.1:7070"
"#;

    fn live(file: &str, before: Option<&Live>) -> Live {
        let config = RoutesFile::check(file, |_| Ok(Vec::new())).unwrap();
        let tallies = Tallies::default();
        Live::new(
            config.table,
            config.settings,
            &Metrics::new(),
            &tallies,
            before,
        )
    }

    /// Of the candidate of each stage: whether it takes requests.
    fn well(live: &Live) -> Vec<bool> {
        let candidates = live.candidates.iter().flatten();
        let upstreams = candidates.flat_map(|group| &group.upstreams);
        upstreams
            .map(|upstream| upstream.breaker.is_closed())
            .collect()
    }

    #[test]
    fn a_process_that_fails_one_stage_is_left_out_there_alone() {
        let before = live(FILE, None);
        let scoring = before.candidate("scoring").unwrap();
        let failures = scoring.upstreams[0].settings.health.failures;
        for _ in 0..failures {
            scoring.upstreams[0].breaker.failed();
        }
        assert_eq!(well(&before), [false, true]);
        let shifted = FILE.replace("[stage.ranking]", "[stage.ranking]\nmode = \"shadow\"");
        let after = live(&shifted, Some(&before));
        assert_eq!(well(&after), [false, true]);
        let gone = FILE.replace("stage.scoring", "stage.another");
        assert_eq!(well(&live(&gone, Some(&after))), [true, true]);
    }
}
