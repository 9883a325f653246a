//! One proxy takes another's place under load, and no request fails.

use std::cell::Cell;
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use cutline_proxy::{Config, Handed, Offer, Proxy, Running, TakeOver};

use crate::http2::NOBODY;
use crate::support::{Upstream, config, respond};
use crate::{counted, next_answer};

/// Asks over and over; keeps its connection for `uses` requests as long as the
/// proxy does not close it. Repeats nothing.
fn asking(to: SocketAddr, uses: usize, over: &AtomicBool, done: &Sender<()>) {
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
        done.send(()).unwrap();
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

/// An offer, and the steps of those who take it.
fn offer(running: &Running, path: &Path) -> (Offer, Receiver<TakeOver>) {
    let (said, steps) = mpsc::channel();
    let told = move |step| said.send(step).unwrap();
    (running.offer(path, None, told).unwrap(), steps)
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
    let over = Arc::new(AtomicBool::new(false));
    let (done, answered) = mpsc::channel();
    let clients: Vec<_> = [1, 3, 10, usize::MAX]
        .into_iter()
        .map(|uses| {
            let (over, done) = (Arc::clone(&over), done.clone());
            thread::spawn(move || asking(address, uses, &over, &done))
        })
        .collect();
    drop(done);
    let n_answered = Cell::new(0);
    let more = |n| {
        let answered = answered.iter().take(n).count();
        assert_eq!(answered, n, "they go on");
        n_answered.set(n_answered.get() + n);
    };
    for _ in 0..3 {
        more(200);
        let (_offer, steps) = offer(&running, &path);
        let mut handed = Handed::ask(&path).unwrap().unwrap();
        assert_eq!(handed.addresses(), [address]);
        let next = file(&upstream, Some(address));
        let next = Proxy::take_over(next, &mut handed)
            .unwrap()
            .start(2)
            .unwrap();
        handed.serving().unwrap();
        let steps: Vec<_> = steps.try_iter().collect();
        assert_eq!(
            steps,
            [TakeOver::Begun, TakeOver::Done],
            "before it is told"
        );
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
        n_answered.get() + answered.iter().count(),
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
    let (offer, steps) = offer(&running, &path);
    for _ in 0..3 {
        drop(Handed::ask(&path).unwrap().unwrap());
        assert_eq!(steps.recv(), Ok(TakeOver::Begun));
        assert_eq!(steps.recv(), Ok(TakeOver::Failed));
    }
    let asked = crate::support::ask(running.addresses()[0], "GET /", &[], "");
    assert_eq!(
        (&*asked.body, asked.field("via")),
        ("ok", Some("1.1 cutline"))
    );
    drop(offer);
    assert!(steps.recv().is_err(), "its thread has ended");
    assert!(!path.exists());
    assert!(Handed::ask(&path).unwrap().is_none());
    running.stop();
}

#[test]
fn an_old_process_that_gives_nothing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("takeover.sock");
    let old = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let silent = thread::spawn(move || drop(old.accept().unwrap()));
    let error = Handed::ask(&path).err().unwrap().to_string();
    assert!(
        error.contains("takeover.sock: the process there gave nothing"),
        "{error}"
    );
    silent.join().unwrap();
}

/// The one that started last is the one whose place is taken.
#[test]
fn an_offer_leaves_that_of_another_process_alone() {
    let upstream = Upstream::named("a");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("takeover.sock");
    let start = || {
        Proxy::bind(file(&upstream, None))
            .unwrap()
            .start(1)
            .unwrap()
    };
    let (one, other) = (start(), start());
    let (first, first_steps) = offer(&one, &path);
    let (second, _steps) = offer(&other, &path);
    drop(first);
    assert!(first_steps.recv().is_err(), "its thread has ended");
    let handed = Handed::ask(&path).unwrap().unwrap();
    assert_eq!(handed.addresses(), other.addresses());
    assert_eq!(handed.process(), Some(std::process::id()));
    drop((handed, second));
    assert!(!path.exists());
    one.stop();
    other.stop();
}

/// The address of a Unix socket holds about a hundred bytes, a path thousands.
#[test]
fn an_offer_may_lie_deep() {
    let upstream = Upstream::named("a");
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("d".repeat(120)).join("e".repeat(120));
    std::fs::create_dir_all(&deep).unwrap();
    let path = deep.join("takeover.sock");
    let running = Proxy::bind(file(&upstream, None))
        .unwrap()
        .start(1)
        .unwrap();
    assert!(Handed::ask(&path).unwrap().is_none(), "nobody offers");
    let (offer, _steps) = offer(&running, &path);
    let handed = Handed::ask(&path).unwrap().unwrap();
    assert_eq!(handed.addresses(), running.addresses());
    drop((handed, offer));
    assert!(!path.exists());
    running.stop();
}

/// Port 0 takes what no other address asks for.
#[test]
fn each_address_gets_its_own_listener() {
    let upstream = Upstream::named("a");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("takeover.sock");
    let bound = || TcpListener::bind("127.0.0.1:0").unwrap();
    let listeners = vec![bound(), bound()];
    let both: Vec<_> = listeners.iter().map(|l| l.local_addr().unwrap()).collect();
    for listener in &listeners {
        listener.set_nonblocking(true).unwrap();
    }
    let running = Proxy::on(listeners, file(&upstream, None))
        .unwrap()
        .start(1)
        .unwrap();
    let (_offer, _steps) = offer(&running, &path);
    let mut handed = Handed::ask(&path).unwrap().unwrap();
    let mut config = file(&upstream, None);
    config.settings.listen = vec!["127.0.0.1:0".parse().unwrap(), both[0]];
    let next = Proxy::take_over(config, &mut handed)
        .unwrap()
        .start(1)
        .unwrap();
    assert_eq!(next.addresses(), [both[1], both[0]]);
    handed.serving().unwrap();
    running.hand_over();
    next.stop();
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
    let (offer, _steps) = offer(&running, &path);
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    drop(offer);
    running.stop();
}
