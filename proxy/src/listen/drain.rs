//! The end of a worker.

use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::watch;

use crate::state::Worker;

/// How long a connection that nobody uses stays open, so that a request that
/// is on its way then is answered, and told that it was the last.
const IDLE: Duration = Duration::from_secs(1);

/// Whether and how a worker ends.
#[derive(Clone)]
pub(super) struct Drain {
    worker: Rc<Worker>,
    stopped: watch::Receiver<bool>,
}

impl Drain {
    pub(super) fn new(worker: &Rc<Worker>, stopped: watch::Receiver<bool>) -> Drain {
        Drain {
            worker: Rc::clone(worker),
            stopped,
        }
    }

    /// Waits for the beginning of the end.
    pub(super) async fn begun(&self) {
        let mut stopped = self.stopped.clone();
        // An error is the end too: whoever could tell is gone.
        let _ = stopped.wait_for(|stopped| *stopped).await;
        self.worker.draining.set(true);
    }

    /// How long a connection that nobody uses stays open from then on.
    pub(super) fn grace(&self) -> Duration {
        let limit = self.worker.shared.limits.drain;
        match self.is_handed_over() {
            // Nobody waits for this process: its clients leave when they like.
            true => limit.mul_f32(0.9),
            false => IDLE.min(limit / 2),
        }
    }

    pub(super) fn is_handed_over(&self) -> bool {
        self.worker.shared.handed_over.load(Ordering::Relaxed)
    }
}
