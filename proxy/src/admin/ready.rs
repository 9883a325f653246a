//! Whether requests can be served: some process of the monolith accepts
//! connections.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::listen::Handle;

/// Connections are tried at most once in this time, however often it is asked.
const FRESH: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(1);

/// What was found last.
#[derive(Default)]
pub(super) struct Readiness(Mutex<Option<(Instant, bool)>>);

impl Readiness {
    pub(super) async fn of(&self, running: &Handle) -> bool {
        let mut last = self.0.lock().await;
        if let Some((at, ready)) = *last
            && at.elapsed() < FRESH
        {
            return ready;
        }
        let ready = some_monolith_accepts(running).await;
        *last = Some((Instant::now(), ready));
        ready
    }
}

async fn some_monolith_accepts(running: &Handle) -> bool {
    for known in running.upstreams() {
        let address = (&*known.address.host, known.address.port);
        if known.stage.is_none()
            && let Ok(Ok(_)) = timeout(PATIENCE, TcpStream::connect(address)).await
        {
            return true;
        }
    }
    false
}
