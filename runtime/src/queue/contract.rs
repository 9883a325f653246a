//! What every backend has to do: it is right when it passes. Queues are empty
//! at first.
//!
//! Beside the library's own tests, those compile it that need a service to run.

use std::time::Duration;

use bytes::Bytes;
use cutline_runtime::queue::retry::{self, Fate, Next, Retry};
use cutline_runtime::queue::{MOST_BYTES, Message, Queue, QueueError, QueueName, Queues};
use cutline_runtime::store::clock::{Clock, ManualClock, Timestamp};
use futures_util::future::{BoxFuture, FutureExt};

/// How time passes for a backend: with its clock moved, or by waiting.
pub(crate) trait Time: Sync {
    fn now(&self) -> Timestamp;

    fn pass(&self, duration: Duration) -> BoxFuture<'_, ()>;

    /// Whether what is told of a message can be now.
    fn is_about_now(&self, told: Timestamp) -> bool;
}

impl Time for ManualClock {
    fn now(&self) -> Timestamp {
        Clock::now(self)
    }

    fn pass(&self, duration: Duration) -> BoxFuture<'_, ()> {
        self.advance(duration);
        std::future::ready(()).boxed()
    }

    fn is_about_now(&self, told: Timestamp) -> bool {
        told == Clock::now(self)
    }
}

const SECOND: Duration = Duration::from_secs(1);

/// Its parts, each on queues of its own.
pub(crate) fn parts<'a>(queues: &'a dyn Queues, time: &'a dyn Time) -> Vec<BoxFuture<'a, ()>> {
    vec![
        what_is_sent_is_received_once_while_it_is_hidden(queues, time).boxed(),
        what_is_not_deleted_comes_again(queues, time).boxed(),
        an_old_receipt_is_refused(queues, time).boxed(),
        a_renewed_message_stays_hidden_and_may_change(queues, time).boxed(),
        a_delayed_message_waits(queues, time).boxed(),
        about_the_oldest_come_first_and_together(queues).boxed(),
        looking_changes_nothing_and_purging_empties(queues, time).boxed(),
        queues_do_not_see_each_other(queues).boxed(),
        what_is_too_long_is_refused(queues).boxed(),
        what_fails_five_times_is_poison(queues, time).boxed(),
        what_kills_its_worker_is_poison_too(queues, time).boxed(),
        what_is_not_ours_is_poison_and_kept_as_it_is(queues, time).boxed(),
        what_has_no_room_for_its_errors_is_poison_too(queues, time).boxed(),
        what_is_requeued_starts_anew(queues, time).boxed(),
        many_takers_share_without_doubles(queues, time).boxed(),
    ]
}

fn name(text: &str) -> QueueName {
    text.parse().unwrap()
}

async fn send(queue: &dyn Queue, text: &'static str) {
    queue.send(text.into(), Duration::ZERO).await.unwrap();
}

async fn bodies(queue: &dyn Queue, most: usize) -> Vec<Bytes> {
    let received = queue.receive(most, SECOND).await.unwrap();
    received.into_iter().map(|delivery| delivery.body).collect()
}

fn assert_lost<T: std::fmt::Debug>(result: Result<T, QueueError>) {
    assert!(matches!(result, Err(QueueError::Lost { .. })), "{result:?}");
}

async fn what_is_sent_is_received_once_while_it_is_hidden(queues: &dyn Queues, time: &dyn Time) {
    let queue = queues.open(&name("sent"));
    send(&*queue, "a").await;
    let received = queue.receive(8, SECOND).await.unwrap();
    assert_eq!(received.len(), 1);
    assert_eq!(
        (&*received[0].body, received[0].dequeue_count),
        (&b"a"[..], 1)
    );
    assert!(time.is_about_now(received[0].inserted));
    assert_eq!(bodies(&*queue, 8).await, [""; 0]);
    queue.delete(&received[0].receipt).await.unwrap();
    time.pass(2 * SECOND).await;
    assert_eq!(bodies(&*queue, 8).await, [""; 0]);
    assert_eq!(queue.depth().await.unwrap(), 0);
}

async fn what_is_not_deleted_comes_again(queues: &dyn Queues, time: &dyn Time) {
    let queue = queues.open(&name("again"));
    send(&*queue, "a").await;
    for dequeue_count in 1..4 {
        let received = queue.receive(1, SECOND).await.unwrap();
        assert_eq!(received[0].dequeue_count, dequeue_count);
        time.pass(SECOND).await;
    }
}

async fn an_old_receipt_is_refused(queues: &dyn Queues, time: &dyn Time) {
    let queue = queues.open(&name("old"));
    send(&*queue, "a").await;
    let first = queue.receive(1, SECOND).await.unwrap().remove(0).receipt;
    time.pass(2 * SECOND).await;
    let second = queue.receive(1, SECOND).await.unwrap().remove(0).receipt;
    assert_lost(queue.delete(&first).await);
    assert_lost(queue.renew(&first, SECOND, None).await);
    let third = queue.renew(&second, SECOND, None).await.unwrap();
    assert_lost(queue.delete(&second).await);
    // Nobody else has it: a receipt whose time is over is still good.
    time.pass(2 * SECOND).await;
    queue.delete(&third).await.unwrap();
    assert_lost(queue.delete(&third).await);
}

async fn a_renewed_message_stays_hidden_and_may_change(queues: &dyn Queues, time: &dyn Time) {
    let queue = queues.open(&name("renewed"));
    send(&*queue, "a").await;
    let receipt = queue.receive(1, SECOND).await.unwrap().remove(0).receipt;
    let receipt = queue
        .renew(&receipt, 5 * SECOND, Some("b".into()))
        .await
        .unwrap();
    time.pass(4 * SECOND).await;
    assert_eq!(bodies(&*queue, 1).await, [""; 0]);
    queue.renew(&receipt, Duration::ZERO, None).await.unwrap();
    assert_eq!(bodies(&*queue, 1).await, ["b"]);
}

async fn a_delayed_message_waits(queues: &dyn Queues, time: &dyn Time) {
    let queue = queues.open(&name("delayed"));
    queue.send("a".into(), 10 * SECOND).await.unwrap();
    time.pass(9 * SECOND).await;
    assert_eq!(bodies(&*queue, 1).await, [""; 0]);
    assert_eq!(queue.depth().await.unwrap(), 1);
    time.pass(SECOND).await;
    assert_eq!(bodies(&*queue, 1).await, ["a"]);
}

async fn about_the_oldest_come_first_and_together(queues: &dyn Queues) {
    let queue = queues.open(&name("order"));
    for text in ["a", "b", "c", "d"] {
        send(&*queue, text).await;
    }
    assert_eq!(bodies(&*queue, 3).await, ["a", "b", "c"]);
    assert_eq!(bodies(&*queue, 0).await, [""; 0]);
    assert_eq!(bodies(&*queue, 100).await, ["d"]);
}

async fn looking_changes_nothing_and_purging_empties(queues: &dyn Queues, time: &dyn Time) {
    let queue = queues.open(&name("look"));
    send(&*queue, "a").await;
    send(&*queue, "b").await;
    assert_eq!(bodies(&*queue, 1).await, ["a"]);
    for _ in 0..2 {
        let peeked = queue.peek(9).await.unwrap();
        assert_eq!(peeked.len(), 1);
        assert_eq!((&*peeked[0].body, peeked[0].dequeue_count), (&b"b"[..], 0));
    }
    assert!(queues.names().await.unwrap().contains(&name("look")));
    assert_eq!(queue.purge().await.unwrap(), 2);
    assert!(!queues.names().await.unwrap().contains(&name("look")));
    time.pass(2 * SECOND).await;
    assert_eq!(bodies(&*queue, 1).await, [""; 0]);
}

async fn queues_do_not_see_each_other(queues: &dyn Queues) {
    let (one, other) = (queues.open(&name("one")), queues.open(&name("other")));
    send(&*one, "a").await;
    assert_eq!(bodies(&*other, 1).await, [""; 0]);
    assert_eq!(other.purge().await.unwrap(), 0);
    let receipt = one.receive(1, SECOND).await.unwrap().remove(0).receipt;
    assert_lost(other.delete(&receipt).await);
    one.delete(&receipt).await.unwrap();
}

async fn what_is_too_long_is_refused(queues: &dyn Queues) {
    let queue = queues.open(&name("long"));
    let longest = Bytes::from(vec![b'x'; MOST_BYTES]);
    queue.send(longest.clone(), Duration::ZERO).await.unwrap();
    assert_eq!(bodies(&*queue, 1).await, [longest]);
    let longer = vec![b'x'; MOST_BYTES + 1].into();
    let error = queue
        .send(longer, Duration::ZERO)
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("put the data into an artifact"), "{error}");
}

/// Five tries, a second apart.
fn quick() -> Retry {
    Retry {
        most: SECOND,
        ..Retry::default()
    }
}

/// Receives what is next, once there is something.
async fn next(queues: &dyn Queues, time: &dyn Time, queue: &QueueName) -> Vec<Next> {
    time.pass(2 * SECOND).await;
    let retry = quick();
    retry::receive(queues, queue, 8, SECOND, &retry, time.now())
        .await
        .unwrap()
        .next
}

async fn what_fails_five_times_is_poison(queues: &dyn Queues, time: &dyn Time) {
    let queue = name("failing");
    let body = Message::new("run-1").to_body().unwrap();
    queues
        .open(&queue)
        .send(body, Duration::ZERO)
        .await
        .unwrap();
    let retry = quick();
    for try_number in 1..=5 {
        let received = next(queues, time, &queue).await.remove(0);
        let error = format!("no. {try_number}");
        let fate = retry::fail(queues, &received, &error, &retry, time.now(), 0.5)
            .await
            .unwrap();
        match try_number {
            5 => assert_eq!(fate, Fate::Poisoned),
            _ => assert!(matches!(fate, Fate::Again { .. }), "{fate:?}"),
        }
    }
    assert!(next(queues, time, &queue).await.is_empty());
    assert_eq!(queues.open(&queue).depth().await.unwrap(), 0);
    let poison = queues.open(&queue.poison()).peek(8).await.unwrap();
    let poisoned = Message::from_body(&poison[0].body).unwrap();
    assert_eq!(poisoned.id, "run-1");
    let errors: Vec<_> = poisoned
        .failures
        .iter()
        .map(|failure| &*failure.error)
        .collect();
    assert_eq!(errors, ["no. 1", "no. 2", "no. 3", "no. 4", "no. 5"]);
}

async fn what_kills_its_worker_is_poison_too(queues: &dyn Queues, time: &dyn Time) {
    let queue = name("killing");
    let body = Message::new("run-2").to_body().unwrap();
    queues
        .open(&queue)
        .send(body, Duration::ZERO)
        .await
        .unwrap();
    for _ in 1..=5 {
        assert_eq!(next(queues, time, &queue).await.len(), 1);
    }
    assert!(next(queues, time, &queue).await.is_empty());
    let poison = queues.open(&queue.poison()).peek(8).await.unwrap();
    let poisoned = Message::from_body(&poison[0].body).unwrap();
    let error = &poisoned.failures[0].error;
    assert!(
        error.contains("was received 5 times and never finished"),
        "{error}"
    );
}

async fn what_is_not_ours_is_poison_and_kept_as_it_is(queues: &dyn Queues, time: &dyn Time) {
    let queue = name("foreign");
    send(&*queues.open(&queue), "<xml/>").await;
    let ours = Message::new("run-3").to_body().unwrap();
    queues
        .open(&queue)
        .send(ours, Duration::ZERO)
        .await
        .unwrap();
    let received = next(queues, time, &queue).await;
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].message.id, "run-3");
    let poison = queues.open(&queue.poison()).peek(8).await.unwrap();
    assert_eq!(poison[0].body, "<xml/>");
}

async fn what_has_no_room_for_its_errors_is_poison_too(queues: &dyn Queues, time: &dyn Time) {
    let queue = name("crowded");
    let values = "x".repeat(MOST_BYTES - 60);
    let body = format!("{{\"cutline\":1,\"id\":\"x\",\"values\":{{\"a\":\"{values}\"}}}}");
    let body = Bytes::from(body);
    queues
        .open(&queue)
        .send(body.clone(), Duration::ZERO)
        .await
        .unwrap();
    let retry = quick();
    for _ in 1..=5 {
        let received = next(queues, time, &queue).await.remove(0);
        retry::fail(queues, &received, "no", &retry, time.now(), 0.5)
            .await
            .unwrap();
    }
    let poison = queues.open(&queue.poison()).peek(1).await.unwrap();
    assert_eq!(poison[0].body, body);
}

async fn what_is_requeued_starts_anew(queues: &dyn Queues, time: &dyn Time) {
    let queue = name("requeued");
    let message = Message::new("run-4").failed(5, time.now(), "no");
    let poison = queues.open(&queue.poison());
    poison
        .send(message.to_body().unwrap(), Duration::ZERO)
        .await
        .unwrap();
    send(&*poison, "<xml/>").await;
    assert_eq!(retry::requeue(queues, &queue.poison()).await.unwrap(), 1);
    assert_eq!(queues.open(&queue.poison()).depth().await.unwrap(), 1);
    let received = next(queues, time, &queue).await.remove(0);
    assert_eq!(received.delivery.dequeue_count, 1);
    assert_eq!(received.message, Message::new("run-4"));
    let error = retry::requeue(queues, &queue)
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("is no poison queue"), "{error}");
}

async fn many_takers_share_without_doubles(queues: &dyn Queues, time: &dyn Time) {
    let queue = queues.open(&name("shared"));
    for number in 0..60 {
        let body = format!("{number}").into();
        queue.send(body, Duration::ZERO).await.unwrap();
    }
    time.pass(SECOND).await;
    let takers = (0..10).map(|_| queue.receive(8, 60 * SECOND));
    let taken = futures_util::future::try_join_all(takers).await.unwrap();
    let mut bodies: Vec<_> = taken
        .into_iter()
        .flatten()
        .map(|delivery| delivery.body)
        .collect();
    assert_eq!(bodies.len(), 60);
    bodies.sort();
    bodies.dedup();
    assert_eq!(bodies.len(), 60);
}
