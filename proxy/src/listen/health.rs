//! Asks upstreams whether they are well: each in its interval, and those that
//! are left out ten times a second, so that they are back as soon as they are.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use http::header::{HOST, HeaderValue};
use http::{HeaderMap, Method};
use tokio::sync::watch;
use tokio::task::spawn_local;
use tokio::time::{Instant, timeout};

use crate::forward::connect;
use crate::forward::exchange::{self, Head};
use crate::forward::outbound::Outbound;
use crate::forward::pool::Pools;
use crate::forward::repeat::Repeat;
use crate::forward::upstream::Upstream;
use crate::state::Shared;

const TICK: Duration = Duration::from_millis(100);

/// Asks until told to stop.
pub(super) async fn watch(shared: &Shared, mut stopped: watch::Receiver<bool>) {
    let mut due: HashMap<usize, Instant> = HashMap::new();
    let mut tick = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
        let now = Instant::now();
        let live = shared.live();
        let mut asked = HashMap::new();
        for upstream in live.upstreams() {
            let next = due.get(&upstream.slot).copied();
            let left_out = !upstream.breaker.is_closed();
            let interval = upstream.settings.health.interval;
            let next = match next {
                Some(next) if next > now && !left_out => next,
                Some(next) if next > now + interval => next,
                _ => {
                    spawn_local(ask(Arc::clone(&upstream)));
                    now + interval
                }
            };
            asked.insert(upstream.slot, next);
        }
        due = asked;
    }
}

/// A connection to one that is left out lets a request try it; a path that is
/// asked for decides by itself.
async fn ask(upstream: Arc<Upstream>) {
    let health = &upstream.settings.health;
    let patience = health.interval.max(TICK);
    let Some(path) = &health.path else {
        if !upstream.breaker.is_closed() {
            let connected = timeout(patience, connect::tcp(&upstream)).await;
            if matches!(connected, Ok(Ok(_))) {
                upstream.breaker.reachable();
            }
        }
        return;
    };
    let Ok(target) = path.parse() else { return };
    let mut headers = HeaderMap::new();
    let address = &upstream.address;
    let own = HeaderValue::from_str(&format!("{}:{}", address.host, address.port));
    if let Ok(host) = own {
        headers.insert(HOST, host);
    }
    let mut head = Head {
        method: Method::GET,
        target,
        headers,
        upgrade: None,
    };
    // A connection of its own: the question is whether one can be had.
    let pools = Pools::default();
    let asking = exchange::exchange(
        &pools,
        &upstream,
        &mut head,
        Outbound::empty(),
        Repeat::Never,
    );
    let answered = timeout(patience, asking).await;
    let healthy = matches!(answered, Ok(Ok(answer)) if answer.response.status().is_success());
    match healthy {
        true => upstream.breaker.succeeded(),
        false => {
            upstream.breaker.failed();
        }
    }
}
