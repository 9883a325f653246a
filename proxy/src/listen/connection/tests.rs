use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{Instant, sleep};

use super::*;
use crate::listen::open::tests::on_a_worker;

/// What the proxy itself answers.
const ASKED: &str = "TRACE / HTTP/1.1\r\nhost: a\r\n\r\n";

struct Client {
    socket: DuplexStream,
    seat: Rc<Seat>,
    served: JoinHandle<Served>,
}

impl Client {
    fn new(open: &Rc<Open>) -> Client {
        let (socket, server) = duplex(4_096);
        let place = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        let connection = Connection::new(open, "127.0.0.1:9".parse().unwrap(), place);
        let seat = Rc::clone(&connection.seat);
        let served = spawn_local(async move {
            let socket = connection.guarded(server, b"");
            http1(&connection, socket).await
        });
        Client {
            socket,
            seat,
            served,
        }
    }

    async fn says(&mut self, text: &str) {
        self.socket.write_all(text.as_bytes()).await.unwrap();
    }

    async fn is_answered(&mut self) {
        let mut read = Vec::new();
        while !read.ends_with(b"\n") || read.ends_with(b"\r\n") {
            assert!(self.socket.read_buf(&mut read).await.unwrap() > 0);
        }
        let text = String::from_utf8(read).unwrap();
        assert!(text.starts_with("HTTP/1.1 405 "), "{text}");
    }
}

#[test]
fn a_connection_that_nobody_uses_rests_and_goes_on() {
    on_a_worker(async |open| {
        let mut client = Client::new(&open);
        for _ in 0..3 {
            client.says(ASKED).await;
            client.is_answered().await;
            assert!(!client.seat.is_at_rest());
            sleep(Duration::from_secs(3)).await;
            assert!(client.seat.is_at_rest());
        }
        // In pieces, and more than one.
        client.says(&ASKED[..9]).await;
        sleep(Duration::from_secs(3)).await;
        client.says(&ASKED[9..]).await;
        client.is_answered().await;
        client.says(ASKED).await;
        client.is_answered().await;
        drop(client.socket);
        client.served.await.unwrap().unwrap();
    });
}

#[test]
fn half_a_head_is_no_rest() {
    on_a_worker(async |open| {
        let mut client = Client::new(&open);
        client.says(ASKED).await;
        client.is_answered().await;
        client.says(&ASKED[..9]).await;
        sleep(Duration::from_secs(3)).await;
        assert!(!client.seat.is_at_rest());
        client.says(&ASKED[9..]).await;
        client.is_answered().await;
    });
}

#[test]
fn who_is_late_with_a_head_is_left() {
    let cases = [&[][..], &[&ASKED[..9]], &[ASKED], &[ASKED, &ASKED[..9]]];
    for said in cases {
        on_a_worker(async |open| {
            let mut client = Client::new(&open);
            let start = Instant::now();
            for text in said {
                client.says(text).await;
                if *text == ASKED {
                    client.is_answered().await;
                }
            }
            assert!(client.served.await.unwrap().is_err());
            let limit = open.worker().shared.limits.header_time;
            let took = start.elapsed();
            let fits = limit <= took && took < limit + Duration::from_secs(1);
            assert!(fits, "{took:?} after {said:?}");
        });
    }
}

#[test]
fn at_the_end_a_connection_that_rests_is_closed() {
    on_a_worker(async |open| {
        let mut client = Client::new(&open);
        client.says(ASKED).await;
        client.is_answered().await;
        sleep(Duration::from_secs(3)).await;
        open.leave(Duration::from_secs(1));
        let start = Instant::now();
        client.served.await.unwrap().unwrap();
        assert!(start.elapsed() <= Duration::from_secs(1));
        drop(client.seat);
        open.none().await;
    });
}
