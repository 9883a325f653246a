//! WebSocket and other upgrades: two connections joined.

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;

use crate::service::Exchange;

/// Joins the client's and the upstream's connection until both have ended.
pub(crate) async fn join(client: OnUpgrade, upstream: OnUpgrade, exchange: Exchange) {
    // Whichever end leaves first, the other is told by its connection's end.
    if let (Ok(client), Ok(upstream)) = tokio::join!(client, upstream) {
        let mut client = TokioIo::new(client);
        let mut upstream = TokioIo::new(upstream);
        if copy_bidirectional(&mut client, &mut upstream).await.is_ok() {
            exchange.finish();
        }
    }
}
