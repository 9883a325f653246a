//! A client that asks at a steady rate, never asks twice, and writes down what
//! came of each request, one line each:
//!
//! ```text
//! milliseconds-since-start microseconds customer status side
//! ```
//!
//! A status of 0 is a connection that could not be made, or broke.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A client that asks at a steady rate and never asks twice.
#[derive(Parser)]
struct Args {
    /// Whom to ask.
    #[arg(long)]
    to: SocketAddr,
    /// How many requests.
    #[arg(long)]
    requests: usize,
    /// Requests per second.
    #[arg(long)]
    rate: f64,
    /// Connections that are kept.
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// `GET` or `POST`.
    #[arg(long, default_value = "POST")]
    method: String,
    /// The target.
    #[arg(long, default_value = "/predict")]
    path: String,
    /// Different values of `x-customer-id`, in turn.
    #[arg(long, default_value_t = 500)]
    customers: usize,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let args = Arc::new(Args::parse());
    let next = Arc::new(AtomicUsize::new(0));
    let start = Instant::now();
    let clients: Vec<_> = (0..args.connections)
        .map(|_| tokio::spawn(client(Arc::clone(&args), Arc::clone(&next), start)))
        .collect();
    let mut out = std::io::stdout().lock();
    for client in clients {
        for line in client.await? {
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}

/// Takes the next request that is due until there is none.
async fn client(args: Arc<Args>, next: Arc<AtomicUsize>, start: Instant) -> Vec<String> {
    let mut lines = Vec::new();
    let mut socket = None;
    loop {
        let n = next.fetch_add(1, Ordering::Relaxed);
        if n >= args.requests {
            return lines;
        }
        let due = Duration::from_secs_f64(n as f64 / args.rate);
        tokio::time::sleep_until((start + due).into()).await;
        let customer = format!("customer-{}", n % args.customers);
        let sent = Instant::now();
        let (status, side) = match ask(&args, &customer, &mut socket).await {
            Ok(answered) => answered,
            Err(_) => {
                socket = None;
                (0, String::new())
            }
        };
        let (at, took) = ((sent - start).as_millis(), sent.elapsed().as_micros());
        lines.push(format!("{at} {took} {customer} {status} {side}"));
    }
}

async fn ask(
    args: &Args,
    customer: &str,
    kept: &mut Option<TcpStream>,
) -> anyhow::Result<(u16, String)> {
    let socket = match kept {
        Some(socket) => socket,
        None => {
            let socket = TcpStream::connect(args.to).await?;
            socket.set_nodelay(true)?;
            kept.insert(socket)
        }
    };
    let body = match args.method.as_str() {
        "GET" => "",
        _ => r#"{"customers": [{"age": 41, "plan": "basic"}]}"#,
    };
    let request = format!(
        "{} {} HTTP/1.1\r\nhost: churn.example\r\nx-customer-id: {customer}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        args.method,
        args.path,
        body.len()
    );
    socket.write_all(request.as_bytes()).await?;
    let mut read = Vec::new();
    let head = loop {
        if socket.read_buf(&mut read).await? == 0 {
            anyhow::bail!("closed before the head's end");
        }
        if let Some(end) = read.windows(4).position(|end| end == b"\r\n\r\n") {
            break String::from_utf8_lossy(&read[..end]).into_owned();
        }
    };
    let length: usize = field(&head, "content-length").map_or(Ok(0), str::parse)?;
    while read.len() < head.len() + 4 + length {
        if socket.read_buf(&mut read).await? == 0 {
            anyhow::bail!("closed before the body's end");
        }
    }
    let status = head.split(' ').nth(1).map_or(Ok(0), str::parse)?;
    let side = field(&head, "x-side").unwrap_or("-").to_owned();
    if field(&head, "connection").is_some_and(|value| value.eq_ignore_ascii_case("close")) {
        *kept = None;
    }
    Ok((status, side))
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.find_map(|(found, value)| found.eq_ignore_ascii_case(name).then(|| value.trim()))
}
