//! A process that answers every request with the same 200 bytes of JSON, for
//! as little CPU as can be, or accepts and never answers.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Parser;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// An upstream that costs next to nothing.
#[derive(Clone, Parser)]
struct Args {
    /// Where it listens.
    #[arg(long)]
    listen: SocketAddr,
    /// Said in `x-side` and in the body.
    #[arg(long, default_value = "monolith")]
    name: String,
    /// Milliseconds before each answer.
    #[arg(long, default_value_t = 0)]
    delay: u64,
    /// Reads and never answers.
    #[arg(long)]
    hang: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let answer: &'static [u8] = answer(&args.name).leak();
    let listener = TcpListener::bind(args.listen).await?;
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let args = args.clone();
        tokio::spawn(async move { serve(socket, &args, answer).await });
    }
}

fn answer(name: &str) -> Vec<u8> {
    let body = format!(
        r#"{{"side":"{name}","predictions":[{{"label":1,"score":0.81734}}],"filler":"{}"}}"#,
        "-".repeat(120)
    );
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-side: {name}\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Answers once per request until the connection ends.
async fn serve(mut socket: TcpStream, args: &Args, answer: &[u8]) {
    let mut read = Vec::with_capacity(4_096);
    loop {
        while let Some(length) = request(&read) {
            read.drain(..length);
            if args.hang {
                continue;
            }
            if args.delay > 0 {
                tokio::time::sleep(Duration::from_millis(args.delay)).await;
            }
            if socket.write_all(answer).await.is_err() {
                return;
            }
        }
        match socket.read_buf(&mut read).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
}

/// The length of the first request, once it is there as a whole.
fn request(read: &[u8]) -> Option<usize> {
    let head = read.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
    let lines = std::str::from_utf8(&read[..head]).ok()?.lines();
    let mut chunked = false;
    let mut length = 0;
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok()?;
        }
        chunked |= name.eq_ignore_ascii_case("transfer-encoding");
    }
    let end = match chunked {
        true => {
            read[head..]
                .windows(5)
                .position(|end| end == b"0\r\n\r\n")?
                + 5
        }
        false => length,
    };
    (read.len() >= head + end).then_some(head + end)
}
