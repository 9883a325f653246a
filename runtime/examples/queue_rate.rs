//! How fast the embedded queue is, with one sender or taker and with many.
//!
//! `cargo run --release -p cutline-runtime --example queue_rate -- FOLDER`
//!
//! The folder must be on the disk that is to be measured, and not be there yet.
//! Messages have 512 bytes; each is on the disk before its sender goes on.

#![allow(clippy::print_stdout, reason = "an example prints its result")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cutline_runtime::queue::Queue;
use cutline_runtime::store::clock::SystemClock;
use cutline_runtime::store::folder::DataFolder;
use cutline_runtime::store::seal::Key;

const MESSAGES: usize = 8_000;
const VISIBILITY: Duration = Duration::from_secs(600);

#[tokio::main]
async fn main() -> Result<(), Error> {
    let path = std::env::args().nth(1).ok_or("usage: queue_rate FOLDER")?;
    let path = PathBuf::from(path);
    println!(
        "{:<8} {:>6} {:>12} {:>18}",
        "", "tasks", "enqueues/s", "claim+delete/s"
    );
    for (name, key) in [("plain", None), ("sealed", Some(Key::new([7; 32])))] {
        let folder = DataFolder::open(&path.join(name), key, Arc::new(SystemClock))?;
        for n_tasks in [1, 16, 64] {
            let queue = folder.live().queues().open(&"rate".parse()?);
            let sent = timed(n_tasks, &queue, send).await?;
            let taken = timed(n_tasks, &queue, take).await?;
            println!("{name:<8} {n_tasks:>6} {sent:>12.0} {taken:>18.0}");
        }
    }
    Ok(())
}

/// Messages a second, when so many tasks share the work.
async fn timed<F: Future<Output = Result<(), Error>> + Send + 'static>(
    n_tasks: usize,
    queue: &Arc<dyn Queue>,
    work: fn(Arc<dyn Queue>, usize) -> F,
) -> Result<f64, Error> {
    let start = Instant::now();
    let share = MESSAGES / n_tasks;
    let tasks: Vec<_> = (0..n_tasks)
        .map(|_| tokio::spawn(work(queue.clone(), share)))
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok((share * n_tasks) as f64 / start.elapsed().as_secs_f64())
}

type Error = Box<dyn std::error::Error + Send + Sync>;

async fn send(queue: Arc<dyn Queue>, share: usize) -> Result<(), Error> {
    let body = Bytes::from(vec![b'x'; 512]);
    for _ in 0..share {
        queue.send(body.clone(), Duration::ZERO).await?;
    }
    Ok(())
}

async fn take(queue: Arc<dyn Queue>, share: usize) -> Result<(), Error> {
    for _ in 0..share {
        for delivery in queue.receive(1, VISIBILITY).await? {
            queue.delete(&delivery.receipt).await?;
        }
    }
    Ok(())
}
