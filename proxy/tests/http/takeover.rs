//! One proxy takes another's place under load, and no request fails.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use cutline_proxy::{Config, Handed, Proxy};

use crate::http2::NOBODY;
use crate::support::{Upstream, config, eventually, respond};
use crate::{counted, next_answer};

/// Asks over and over; keeps its connection for `uses` requests as long as the
/// proxy does not close it. Repeats nothing.
fn asking(to: SocketAddr, uses: usize, over: &AtomicBool, done: &AtomicUsize) {
    let mut socket: Option<TcpStream> = None;
    let mut used = 0;
    while !over.load(Ordering::Relaxed) {
        let open = socket.get_or_insert_with(|| TcpStream::connect(to).expect("it is accepted"));
        let patience = Some(Duration::from_secs(30));
        open.set_read_timeout(patience).unwrap();
        let text = b"POST /train HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}";
        open.write_all(text).expect("it can be sent");
        let answer = next_answer(open, false).expect("it is answered");
        assert_eq!((answer.status, &*answer.text()), (200, "ok"));
        done.fetch_add(1, Ordering::Relaxed);
        used += 1;
        if used % uses == 0 || answer.field("connection") == Some("close") {
            socket = None;
        }
    }
}

fn file(upstream: &Upstream, listen: Option<SocketAddr>) -> Config {
    let limits = "[limits]\ndrain = \"3s\"";
    let mut config = config(&upstream.url(), NOBODY, "", limits);
    if let Some(address) = listen {
        config.settings.listen = vec![address];
    }
    config
}

#[test]
fn a_new_process_takes_over_and_no_request_fails() {
    let upstream = Upstream::new(|_, socket| respond(socket, "200 OK", "", "ok"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("takeover.sock");
    let mut running = Proxy::bind(file(&upstream, None))
        .unwrap()
        .start(2)
        .unwrap();
    let address = running.addresses()[0];
    let (over, done) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let clients: Vec<_> = [1, 3, 10, usize::MAX]
        .into_iter()
        .map(|uses| {
            let (over, done) = (Arc::clone(&over), Arc::clone(&done));
            thread::spawn(move || asking(address, uses, &over, &done))
        })
        .collect();
    let more = |n| {
        let before = done.load(Ordering::Relaxed);
        eventually("they go on", || done.load(Ordering::Relaxed) > before + n);
    };
    for _ in 0..3 {
        more(200);
        let offer = running.offer(&path).unwrap();
        let mut handed = Handed::ask(&path).unwrap().unwrap();
        assert_eq!(handed.addresses(), [address]);
        let next = file(&upstream, Some(address));
        let next = Proxy::take_over(next, &mut handed)
            .unwrap()
            .start(2)
            .unwrap();
        handed.serving().unwrap();
        assert!(offer.is_taken(Duration::from_secs(30)));
        let old = std::mem::replace(&mut running, next);
        let metrics = thread::spawn(move || old.hand_over());
        more(200);
        metrics.join().unwrap();
        more(200);
    }
    over.store(true, Ordering::Relaxed);
    for client in clients {
        client.join().unwrap();
    }
    let served = counted(
        &running.metrics(),
        "cutline_requests_total",
        "end=\"monolith\"",
    );
    assert!(served > 0);
    let aborted = counted(
        &running.metrics(),
        "cutline_requests_total",
        "end=\"aborted\"",
    );
    assert_eq!(aborted, 0);
    assert_eq!(
        upstream.seen().len(),
        done.load(Ordering::Relaxed),
        "none was sent twice"
    );
    running.stop();
}

#[test]
fn a_new_process_that_fails_leaves_the_old_one_as_it_was() {
    let upstream = Upstream::new(|_, socket| respond(socket, "200 OK", "", "ok"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("takeover.sock");
    assert!(Handed::ask(&path).unwrap().is_none(), "nobody offers");
    let running = Proxy::bind(file(&upstream, None))
        .unwrap()
        .start(1)
        .unwrap();
    let offer = running.offer(&path).unwrap();
    for _ in 0..3 {
        drop(Handed::ask(&path).unwrap().unwrap());
    }
    assert!(!offer.is_taken(Duration::from_millis(50)));
    let asked = crate::support::ask(running.addresses()[0], "GET /", &[], "");
    assert_eq!(
        (&*asked.body, asked.field("via")),
        ("ok", Some("1.1 cutline"))
    );
    drop(offer);
    assert!(!path.exists());
    assert!(Handed::ask(&path).unwrap().is_none());
    running.stop();
}

#[test]
fn an_offer_is_for_its_own_user() {
    use std::os::unix::fs::PermissionsExt;
    let upstream = Upstream::named("a");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("takeover.sock");
    let running = Proxy::bind(file(&upstream, None))
        .unwrap()
        .start(1)
        .unwrap();
    let offer = running.offer(&path).unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    drop(offer);
    running.stop();
}
