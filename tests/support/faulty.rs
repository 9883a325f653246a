//! What stands between a client and a service and lets little go well: requests
//! that are turned away, answers that are lost or late.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Stopped when dropped.
pub(crate) struct Faulty {
    pub(crate) address: SocketAddr,
    counts: Arc<Counts>,
    over: Arc<AtomicBool>,
}

#[derive(Debug, Default)]
struct Counts {
    passed: AtomicU64,
    busy: AtomicU64,
    throttled: AtomicU64,
    lost: AtomicU64,
    late: AtomicU64,
}

#[derive(Clone, Copy)]
enum Fault {
    None,
    /// 503, and nothing is done.
    Busy,
    /// 429, likewise.
    Throttled,
    /// It is done, and the connection closed without an answer.
    Lost,
    /// It is done, and answered late.
    Late,
}

const LATE: Duration = Duration::from_millis(250);

impl Faulty {
    /// Before the service at `target`: a fifth of the requests goes wrong, which
    /// ones is drawn from the seed.
    pub(crate) fn before(target: SocketAddr, seed: u64) -> Faulty {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
        let address = listener.local_addr().expect("it is bound");
        let counts: Arc<Counts> = Arc::default();
        let over: Arc<AtomicBool> = Arc::default();
        let drawn = Arc::new(Mutex::new(StdRng::seed_from_u64(seed)));
        let (counting, is_over) = (Arc::clone(&counts), Arc::clone(&over));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if is_over.load(Ordering::Relaxed) {
                    return;
                }
                let (drawn, counts) = (Arc::clone(&drawn), Arc::clone(&counting));
                thread::spawn(move || {
                    let number = drawn.lock().expect("nobody panics").random_range(0..100);
                    let fault = match number {
                        0..4 => Fault::Busy,
                        4..8 => Fault::Throttled,
                        8..14 => Fault::Lost,
                        14..20 => Fault::Late,
                        _ => Fault::None,
                    };
                    // A client that leaves is no fault of ours.
                    let _ = one(client, target, fault, &counts);
                });
            }
        });
        Faulty {
            address,
            counts,
            over,
        }
    }

    /// What there was of each.
    pub(crate) fn said(&self) -> String {
        format!("{:?}", self.counts)
    }

    /// Whether there was any.
    pub(crate) fn has_any(&self) -> bool {
        let counts = &self.counts;
        let each = [&counts.busy, &counts.throttled, &counts.lost, &counts.late];
        each.iter().any(|count| count.load(Ordering::Relaxed) > 0)
    }

    /// Whether each fault was there.
    pub(crate) fn has_all(&self) -> bool {
        let counts = &self.counts;
        let each = [&counts.busy, &counts.throttled, &counts.lost, &counts.late];
        each.iter().all(|count| count.load(Ordering::Relaxed) > 0)
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
    }
}

/// One request of a connection, which is closed behind it.
fn one(mut client: TcpStream, target: SocketAddr, fault: Fault, counts: &Counts) -> io::Result<()> {
    let request = read(&mut client)?;
    let count = match fault {
        Fault::None => &counts.passed,
        Fault::Busy => &counts.busy,
        Fault::Throttled => &counts.throttled,
        Fault::Lost => &counts.lost,
        Fault::Late => &counts.late,
    };
    count.fetch_add(1, Ordering::Relaxed);
    let refused = |status: &str| {
        format!(
            "HTTP/1.1 {status}\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
    };
    match fault {
        Fault::Busy => client.write_all(refused("503 Server Busy").as_bytes()),
        Fault::Throttled => client.write_all(refused("429 Too Many Requests").as_bytes()),
        Fault::Lost => asked(target, &request).map(drop),
        Fault::Late => {
            let answer = asked(target, &request)?;
            thread::sleep(LATE);
            client.write_all(&answer)
        }
        Fault::None => client.write_all(&asked(target, &request)?),
    }
}

/// What the service answers. It closes the connection then.
fn asked(target: SocketAddr, request: &[u8]) -> io::Result<Vec<u8>> {
    let mut service = TcpStream::connect(target)?;
    service.write_all(request)?;
    let mut answer = Vec::new();
    service.read_to_end(&mut answer)?;
    Ok(answer)
}

/// A whole request, which asks that the connection be closed.
fn read(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let mut piece = [0; 16 * 1024];
    let head = loop {
        if let Some(end) = text.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        match client.read(&mut piece)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => text.extend_from_slice(&piece[..n]),
        }
    };
    let lines = String::from_utf8_lossy(&text[..head]).into_owned();
    let length = lines.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse::<usize>().ok())?
    });
    while text.len() < head + length.unwrap_or_default() {
        match client.read(&mut piece)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => text.extend_from_slice(&piece[..n]),
        }
    }
    let (first, rest) = lines.split_once("\r\n").unwrap_or((&lines, ""));
    let mut request = format!("{first}\r\nConnection: close\r\n{rest}").into_bytes();
    request.extend_from_slice(&text[head..]);
    Ok(request)
}
