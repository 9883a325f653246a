//! Queues in the SQLite database of a data folder.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use rusqlite::{Connection, OptionalExtension, params};

use super::{
    Delivery, LONGEST, MOST_AT_ONCE, Peeked, Queue, QueueError, QueueName, Queues, Receipt, fits,
};
use crate::store::clock::{Clock, Timestamp};
use crate::store::database::{Database, DatabaseError};
use crate::store::seal::{self, Key};

/// Queues in a table; messages sealed where there is a key.
#[derive(Clone, Debug)]
pub struct EmbeddedQueues {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    database: Database,
    key: Option<Key>,
    clock: Arc<dyn Clock>,
}

#[derive(Debug)]
struct EmbeddedQueue {
    name: QueueName,
    shared: Arc<Shared>,
}

/// A message as it lies in the table.
struct Row {
    id: i64,
    pop: i64,
    body: Vec<u8>,
    dequeue_count: u32,
    inserted: u64,
}

impl EmbeddedQueues {
    /// The queues of this database, their messages sealed with this key.
    pub fn new(database: Database, key: Option<Key>, clock: Arc<dyn Clock>) -> EmbeddedQueues {
        EmbeddedQueues {
            shared: Arc::new(Shared {
                database,
                key,
                clock,
            }),
        }
    }
}

impl Queues for EmbeddedQueues {
    fn open(&self, name: &QueueName) -> Arc<dyn Queue> {
        Arc::new(EmbeddedQueue {
            name: name.clone(),
            shared: self.shared.clone(),
        })
    }

    fn names(&self) -> BoxFuture<'_, Result<Vec<QueueName>, QueueError>> {
        Box::pin(async move {
            let read = self.shared.database.read(|connection| {
                let sql = "SELECT DISTINCT queue FROM message ORDER BY queue";
                let mut statement = connection.prepare_cached(sql)?;
                statement.query_map([], |row| row.get(0))?.collect()
            });
            let names: Vec<String> = read.await.map_err(|source| QueueError::Database {
                queue: "*".to_owned(),
                source,
            })?;
            Ok(names.into_iter().map(QueueName).collect())
        })
    }
}

impl EmbeddedQueue {
    fn seal(&self, body: &Bytes) -> Result<Vec<u8>, QueueError> {
        fits(&self.name, body)?;
        match &self.shared.key {
            Some(key) => seal::seal(key, &self.context(), body).map_err(|error| self.broken(error)),
            None => Ok(body.to_vec()),
        }
    }

    /// What cannot be opened is given as it lies there: nobody will take it for
    /// one of ours, and so it does not stand in the way of others.
    fn open(&self, body: Vec<u8>) -> Bytes {
        let Some(key) = &self.shared.key else {
            return body.into();
        };
        match seal::open(key, &self.context(), &body) {
            Ok(opened) => opened.into(),
            Err(error) => {
                tracing::warn!(queue = %self.name, %error, "a message cannot be opened");
                body.into()
            }
        }
    }

    fn context(&self) -> String {
        format!("queue {}", self.name)
    }

    /// After so long, from now.
    fn after(&self, duration: Duration) -> u64 {
        self.now().after(duration.min(LONGEST)).millis()
    }

    fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    async fn write<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, QueueError> {
        let written = self.shared.database.write(act).await;
        written.map_err(|source| self.unusable(source))
    }

    async fn read<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, QueueError> {
        let read = self.shared.database.read(act).await;
        read.map_err(|source| self.unusable(source))
    }

    fn broken(&self, source: seal::SealError) -> QueueError {
        let queue = self.name.clone();
        QueueError::Seal { queue, source }
    }

    fn unusable(&self, source: DatabaseError) -> QueueError {
        let queue = self.name.to_string();
        QueueError::Database { queue, source }
    }

    fn lost(&self) -> QueueError {
        let queue = self.name.clone();
        QueueError::Lost { queue }
    }
}

impl Queue for EmbeddedQueue {
    fn name(&self) -> &QueueName {
        &self.name
    }

    fn send(&self, body: Bytes, delay: Duration) -> BoxFuture<'_, Result<(), QueueError>> {
        Box::pin(async move {
            let (queue, body) = (self.name.to_string(), self.seal(&body)?);
            let (now, visible) = (self.now().millis(), self.after(delay));
            self.write(move |connection| {
                let sql = "INSERT INTO message (queue, body, inserted, visible, dequeued, receipt)
                           VALUES (?, ?, ?, ?, 0, 0)";
                let mut statement = connection.prepare_cached(sql)?;
                statement
                    .execute(params![queue, body, now, visible])
                    .map(drop)
            })
            .await
        })
    }

    fn receive(
        &self,
        most: usize,
        visibility: Duration,
    ) -> BoxFuture<'_, Result<Vec<Delivery>, QueueError>> {
        Box::pin(async move {
            let queue = self.name.to_string();
            let (now, visible) = (self.now().millis(), self.after(visibility));
            let rows = self.write(move |connection| take(connection, &queue, most, now, visible));
            let deliveries = rows.await?.into_iter().map(|row| Delivery {
                receipt: receipt(row.id, row.pop),
                body: self.open(row.body),
                dequeue_count: row.dequeue_count,
                inserted: Timestamp::from_millis(row.inserted),
            });
            Ok(deliveries.collect())
        })
    }

    fn renew<'a>(
        &'a self,
        old: &'a Receipt,
        visibility: Duration,
        body: Option<Bytes>,
    ) -> BoxFuture<'a, Result<Receipt, QueueError>> {
        Box::pin(async move {
            let (queue, old) = (self.name.to_string(), old.clone());
            let body = body.map(|body| self.seal(&body)).transpose()?;
            let visible = self.after(visibility);
            let renewed = self.write(move |connection| {
                let sql = "UPDATE message
                           SET visible = ?, body = coalesce(?, body), receipt = receipt + 1
                           WHERE id = ? AND queue = ? AND receipt = ? RETURNING id, receipt";
                let mut statement = connection.prepare_cached(sql)?;
                let values = params![visible, body, old.id, queue, old.pop];
                let renewed =
                    statement.query_row(values, |row| Ok(receipt(row.get(0)?, row.get(1)?)));
                renewed.optional()
            });
            renewed.await?.ok_or_else(|| self.lost())
        })
    }

    fn delete<'a>(&'a self, old: &'a Receipt) -> BoxFuture<'a, Result<(), QueueError>> {
        Box::pin(async move {
            let (queue, old) = (self.name.to_string(), old.clone());
            let deleted = self.write(move |connection| {
                let sql = "DELETE FROM message WHERE id = ? AND queue = ? AND receipt = ?";
                let mut statement = connection.prepare_cached(sql)?;
                statement.execute(params![old.id, queue, old.pop])
            });
            match deleted.await? {
                0 => Err(self.lost()),
                _ => Ok(()),
            }
        })
    }

    fn depth(&self) -> BoxFuture<'_, Result<u64, QueueError>> {
        Box::pin(async move {
            let queue = self.name.to_string();
            self.read(move |connection| {
                let sql = "SELECT count(*) FROM message WHERE queue = ?";
                connection
                    .prepare_cached(sql)?
                    .query_row([queue], |row| row.get(0))
            })
            .await
        })
    }

    fn peek(&self, most: usize) -> BoxFuture<'_, Result<Vec<Peeked>, QueueError>> {
        Box::pin(async move {
            let (queue, now) = (self.name.to_string(), self.now().millis());
            let rows = self
                .read(move |connection| look(connection, &queue, most, now))
                .await?;
            let peeked = rows.into_iter().map(|row| Peeked {
                body: self.open(row.body),
                dequeue_count: row.dequeue_count,
                inserted: Timestamp::from_millis(row.inserted),
            });
            Ok(peeked.collect())
        })
    }

    fn purge(&self) -> BoxFuture<'_, Result<u64, QueueError>> {
        Box::pin(async move {
            let queue = self.name.to_string();
            let purged = self.write(move |connection| {
                connection.execute("DELETE FROM message WHERE queue = ?", [queue])
            });
            Ok(purged.await? as u64)
        })
    }
}

/// Those that can be seen by now, hidden until `visible`.
fn take(
    connection: &Connection,
    queue: &str,
    most: usize,
    now: u64,
    visible: u64,
) -> rusqlite::Result<Vec<Row>> {
    let mut rows = look(connection, queue, most, now)?;
    let sql = "UPDATE message SET visible = ?, dequeued = dequeued + 1, receipt = receipt + 1
               WHERE id = ?";
    let mut statement = connection.prepare_cached(sql)?;
    for row in &mut rows {
        statement.execute(params![visible, row.id])?;
        row.dequeue_count += 1;
        row.pop += 1;
    }
    Ok(rows)
}

fn look(connection: &Connection, queue: &str, most: usize, now: u64) -> rusqlite::Result<Vec<Row>> {
    let sql = "SELECT id, receipt, body, dequeued, inserted FROM message
               WHERE queue = ? AND visible <= ? ORDER BY visible, id LIMIT ?";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params![queue, now, most.min(MOST_AT_ONCE)], |row| {
        Ok(Row {
            id: row.get(0)?,
            pop: row.get(1)?,
            body: row.get(2)?,
            dequeue_count: row.get(3)?,
            inserted: row.get(4)?,
        })
    })?;
    rows.collect()
}

/// Ids are never given twice, so a receipt is of one message only.
fn receipt(id: i64, pop: i64) -> Receipt {
    Receipt {
        id: id.to_string(),
        pop: pop.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::retry::{self, Retry};
    use crate::queue::{MemoryQueues, Message, contract, steps};
    use crate::store::clock::ManualClock;
    use proptest::prelude::*;

    async fn check(key: Option<Key>) {
        let folder = tempfile::tempdir().unwrap();
        let clock = ManualClock::default();
        let database = Database::open(&folder.path().join("a.sqlite")).unwrap();
        let queues = EmbeddedQueues::new(database, key, Arc::new(clock.clone()));
        for part in contract::parts(&queues, &clock) {
            part.await;
        }
    }

    #[tokio::test]
    async fn keeps_the_contract() {
        check(None).await;
    }

    #[tokio::test]
    async fn keeps_the_contract_when_sealed() {
        check(Some(Key::new([7; 32]))).await;
    }

    async fn trace_of_both(steps: &[steps::Step]) -> (Vec<String>, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("a.sqlite")).unwrap();
        let clocks = [ManualClock::default(), ManualClock::default()];
        let embedded = EmbeddedQueues::new(database, None, Arc::new(clocks[0].clone()));
        let memory = MemoryQueues::new(Arc::new(clocks[1].clone()));
        (
            steps::trace(&embedded, &clocks[0], steps).await,
            steps::trace(&memory, &clocks[1], steps).await,
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn whatever_is_done_it_does_what_memory_does(steps in steps::steps()) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let (embedded, memory) = runtime.block_on(trace_of_both(&steps));
            prop_assert_eq!(embedded, memory);
        }
    }

    #[tokio::test]
    async fn a_message_that_cannot_be_opened_is_poison_and_the_others_go_on() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("a.sqlite")).unwrap();
        let clock = ManualClock::default();
        let key = Some(Key::new([7; 32]));
        let queues = EmbeddedQueues::new(database.clone(), key, Arc::new(clock.clone()));
        let name: QueueName = "raw-arrived".parse().unwrap();
        for id in ["one", "two"] {
            let body = Message::new(id).to_body().unwrap();
            queues.open(&name).send(body, Duration::ZERO).await.unwrap();
        }
        let sql = "UPDATE message SET body = CAST(substr(body, 2) AS BLOB) WHERE id = 1";
        database
            .write(move |open| open.execute(sql, []))
            .await
            .unwrap();
        let (visibility, retry) = (Duration::from_secs(1), Retry::default());
        let received = retry::receive(&queues, &name, 8, visibility, &retry, clock.now()).await;
        let ids: Vec<_> = received
            .unwrap()
            .next
            .into_iter()
            .map(|next| next.message.id)
            .collect();
        assert_eq!(ids, ["two"]);
        assert_eq!(queues.open(&name).depth().await.unwrap(), 1);
        assert_eq!(queues.open(&name.poison()).depth().await.unwrap(), 1);
    }

    #[tokio::test]
    async fn a_message_survives_and_shows_nothing_on_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sqlite");
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::default());
        let queues = || {
            let database = Database::open(&path).unwrap();
            EmbeddedQueues::new(database, Some(Key::new([7; 32])), clock.clone())
        };
        let name = "raw-arrived".parse().unwrap();
        let body = Bytes::from("customer 10233");
        queues()
            .open(&name)
            .send(body.clone(), Duration::ZERO)
            .await
            .unwrap();
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            assert!(!bytes.windows(8).any(|window| window == b"customer"));
        }
        let peeked = queues().open(&name).peek(1).await.unwrap();
        assert_eq!(peeked[0].body, body);
    }
}
