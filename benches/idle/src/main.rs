//! Who owns the memory of the proxy's idle connections.
//!
//! ```text
//! cargo run -p cutline-proxy-idle
//! ```
//!
//! Each connection carries one request and is then left alone. What was
//! allocated meanwhile and is still there is counted by the place that
//! allocated it (dhat), and told per connection. The allocator's own share, and
//! what it keeps of what was freed, is not in it: `benches/proxy_idle.py`
//! measures the whole.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;
use std::{fs, thread};

use anyhow::Context;
use clap::Parser;
use cutline_proxy::{Proxy, RoutesFile};
use serde_json::Value;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// Who owns the memory of the proxy's idle connections.
#[derive(Parser)]
struct Args {
    /// How many connections.
    #[arg(long, default_value_t = 1_000)]
    connections: usize,
    /// Seconds that nobody uses them before they are counted.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
}

/// The first of these that is on an allocation's stack owns it. With the names
/// of a build that is not optimised: others are inlined away.
const OWNERS: [(&str, &str); 8] = [
    ("task::core::Cell<", "the task and its future"),
    (
        "RegistrationSet::allocate",
        "the socket's readiness (tokio)",
    ),
    ("guarded<", "the guard: socket and framing"),
    (
        "forward::headers::Client>",
        "what is said of the client, and its wire",
    ),
    ("headers.rs", "what is said of the client, and its wire"),
    (
        "<cutline_proxy::listen::open::Seat",
        "the seat: since when it waits, whom to wake",
    ),
    (
        "connection::Connection>",
        "the connection: pointers to these",
    ),
    ("hyper", "the library (hyper)"),
];

const REQUEST: &[u8] = b"GET /predict HTTP/1.1\r\nhost: churn.example\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

#[allow(clippy::print_stdout, reason = "it is what the program is for")]
fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let upstream = TcpListener::bind("127.0.0.1:0")?;
    let text = format!(
        "listen = \"127.0.0.1:0\"\n[monolith]\nupstream = \"http://{}\"\n\
         [limits]\nconnections = 100000\nheader_time = \"10m\"\n",
        upstream.local_addr()?
    );
    thread::spawn(move || answer(&upstream));
    let config = RoutesFile::check(&text, |path| fs::read(path));
    let config = config.map_err(|problem| anyhow::anyhow!("{problem}"))?;
    let running = Proxy::bind(config)?.start(1)?;
    let proxy = running.addresses()[0];
    let mut clients = Vec::with_capacity(args.connections);
    // What is made once is not theirs.
    ask(proxy)?;
    let file = std::env::temp_dir().join(format!("cutline-idle-{}.json", std::process::id()));
    let profiler = dhat::Profiler::builder().file_name(&file);
    let profiler = profiler.trim_backtraces(None).build();
    for _ in 0..args.connections {
        clients.push(ask(proxy)?);
    }
    thread::sleep(Duration::from_secs(args.seconds));
    drop(profiler);
    let owned = owned(&file)?;
    fs::remove_file(&file)?;
    let each = |n: u64| n as f64 / args.connections as f64;
    println!("| owner | bytes per connection | blocks |\n|---|---|---|");
    for (owner, (bytes, blocks)) in &owned {
        println!("| {owner} | {:.0} | {:.2} |", each(*bytes), each(*blocks));
    }
    let all: u64 = owned.values().map(|(bytes, _)| bytes).sum();
    println!("| all | {:.0} | |", each(all));
    drop(clients);
    running.stop();
    Ok(())
}

/// A connection that has carried one request.
fn ask(proxy: SocketAddr) -> anyhow::Result<TcpStream> {
    let mut client = TcpStream::connect(proxy)?;
    client.write_all(REQUEST)?;
    let mut read = [0; 1_024];
    let mut n = 0;
    while !read[..n].ends_with(b"{}") {
        let more = client.read(&mut read[n..])?;
        anyhow::ensure!(more > 0, "the proxy closed a connection");
        n += more;
    }
    Ok(client)
}

/// Answers every request alike; one connection at a time is enough.
fn answer(listener: &TcpListener) {
    for socket in listener.incoming() {
        let Ok(mut socket) = socket else { return };
        thread::spawn(move || {
            let mut read = [0; 4_096];
            while socket.read(&mut read).is_ok_and(|n| n > 0) {
                if socket.write_all(ANSWER).is_err() {
                    return;
                }
            }
        });
    }
}

/// Bytes and blocks that are there at the end, by owner.
fn owned(file: &Path) -> anyhow::Result<BTreeMap<&'static str, (u64, u64)>> {
    let found: Value = serde_json::from_slice(&fs::read(file)?)?;
    let frames = found["ftbl"].as_array().context("no frames")?;
    let frames: Vec<_> = frames.iter().filter_map(Value::as_str).collect();
    let mut owned = BTreeMap::new();
    for place in found["pps"].as_array().context("no places")? {
        let number = |key: &str| place[key].as_u64().unwrap_or(0);
        let stack = place["fs"].as_array().context("no stack")?;
        let stack = stack.iter().filter_map(Value::as_u64);
        let stack = stack.filter_map(|at| frames.get(usize::try_from(at).ok()?));
        let stack: Vec<_> = stack.collect();
        let is_in = |part: &str| stack.iter().any(|frame| frame.contains(part));
        let owner = OWNERS.iter().find(|(part, _)| is_in(part));
        let owner = owner.map(|(_, owner)| *owner);
        let (bytes, blocks): &mut (u64, u64) = owned.entry(owner.unwrap_or("other")).or_default();
        *bytes += number("eb");
        *blocks += number("ebk");
    }
    Ok(owned)
}
