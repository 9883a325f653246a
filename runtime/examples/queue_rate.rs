//! How fast the embedded queue is, with one sender or taker and with many.
//!
//! `cargo run --release -p cutline-runtime --example queue_rate -- FOLDER [MESSAGES]`
//!
//! The folder must be on the disk that is to be measured, and not be there yet.
//! Messages have 512 bytes; each is on the disk before its sender goes on. The
//! first line is bare SQLite with the same settings, one transaction for each
//! message, in the same run.

#![allow(clippy::print_stdout, reason = "an example prints its result")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cutline_runtime::queue::Queue;
use cutline_runtime::store::clock::SystemClock;
use cutline_runtime::store::folder::DataFolder;
use cutline_runtime::store::seal::Key;
use rusqlite::Connection;

const VISIBILITY: Duration = Duration::from_secs(600);

#[tokio::main]
async fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments
        .next()
        .ok_or("usage: queue_rate FOLDER [MESSAGES]")?;
    let path = PathBuf::from(path);
    let n_messages = arguments.next().map_or(Ok(4_000), |text| text.parse())?;
    println!(
        "{:<8} {:>6} {:>12} {:>18}",
        "", "tasks", "enqueues/s", "claim+delete/s"
    );
    let (sent, taken) = bare(&path, n_messages)?;
    println!("{:<8} {:>6} {sent:>12.0} {taken:>18.0}", "bare", 1);
    for (name, key) in [("plain", None), ("sealed", Some(Key::new([7; 32])))] {
        let folder = DataFolder::open(&path.join(name), key, Arc::new(SystemClock))?;
        for n_tasks in [1, 16, 64] {
            let queue = folder.live().queues().open(&"rate".parse()?);
            let sent = timed(n_tasks, n_messages / n_tasks, &queue, send).await?;
            let taken = timed(n_tasks, n_messages / n_tasks, &queue, take).await?;
            println!("{name:<8} {n_tasks:>6} {sent:>12.0} {taken:>18.0}");
        }
    }
    Ok(())
}

/// Messages a second of SQLite alone.
fn bare(path: &Path, n_messages: usize) -> Result<(f64, f64), Error> {
    std::fs::create_dir_all(path)?;
    let database = Connection::open(path.join("bare.sqlite"))?;
    database.pragma_update(None, "journal_mode", "WAL")?;
    database.pragma_update(None, "synchronous", "FULL")?;
    database.execute_batch(
        "CREATE TABLE message (id INTEGER PRIMARY KEY, body BLOB, visible INTEGER);
         CREATE INDEX next ON message (visible, id);",
    )?;
    let start = Instant::now();
    let mut send = database.prepare("INSERT INTO message (body, visible) VALUES (?, 0)")?;
    for _ in 0..n_messages {
        send.execute([[b'x'; 512]])?;
    }
    let sent = n_messages as f64 / start.elapsed().as_secs_f64();
    let start = Instant::now();
    let mut claim = database.prepare(
        "UPDATE message SET visible = 1 WHERE id =
             (SELECT id FROM message WHERE visible <= 0 ORDER BY visible, id LIMIT 1)
         RETURNING id",
    )?;
    let mut delete = database.prepare("DELETE FROM message WHERE id = ?")?;
    for _ in 0..n_messages {
        let id: i64 = claim.query_row([], |row| row.get(0))?;
        delete.execute([id])?;
    }
    Ok((sent, n_messages as f64 / start.elapsed().as_secs_f64()))
}

/// Messages a second, when so many tasks do this share of the work each.
async fn timed<F: Future<Output = Result<(), Error>> + Send + 'static>(
    n_tasks: usize,
    share: usize,
    queue: &Arc<dyn Queue>,
    work: fn(Arc<dyn Queue>, usize) -> F,
) -> Result<f64, Error> {
    let start = Instant::now();
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
