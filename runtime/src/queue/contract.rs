//! What every backend has to do: it is right when it passes. Queues are empty
//! at first, and time passes only by the clock handed in.

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use proptest::sample::Index;

use super::retry::{self, Fate, Next, Retry};
use super::{Delivery, MOST_BYTES, Message, Queue, QueueError, QueueName, Queues};
use crate::store::clock::{Clock, ManualClock};

const SECOND: Duration = Duration::from_secs(1);

pub(super) async fn check(queues: &dyn Queues, clock: &ManualClock) {
    what_is_sent_is_received_once_while_it_is_hidden(queues, clock).await;
    what_is_not_deleted_comes_again(queues, clock).await;
    an_old_receipt_is_refused(queues, clock).await;
    a_renewed_message_stays_hidden_and_may_change(queues, clock).await;
    a_delayed_message_waits(queues, clock).await;
    about_the_oldest_come_first_and_together(queues).await;
    looking_changes_nothing_and_purging_empties(queues, clock).await;
    queues_do_not_see_each_other(queues).await;
    what_is_too_long_is_refused(queues).await;
    what_fails_five_times_is_poison(queues, clock).await;
    what_kills_its_worker_is_poison_too(queues, clock).await;
    what_is_not_ours_is_poison_and_kept_as_it_is(queues, clock).await;
    what_has_no_room_for_its_errors_is_poison_too(queues, clock).await;
    what_is_requeued_starts_anew(queues, clock).await;
    many_takers_share_without_doubles(queues, clock).await;
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

async fn what_is_sent_is_received_once_while_it_is_hidden(
    queues: &dyn Queues,
    clock: &ManualClock,
) {
    let queue = queues.open(&name("sent"));
    send(&*queue, "a").await;
    let received = queue.receive(8, SECOND).await.unwrap();
    assert_eq!(received.len(), 1);
    assert_eq!(
        (&*received[0].body, received[0].dequeue_count),
        (&b"a"[..], 1)
    );
    assert_eq!(received[0].inserted, clock.now());
    assert_eq!(bodies(&*queue, 8).await, [""; 0]);
    queue.delete(&received[0].receipt).await.unwrap();
    clock.advance(2 * SECOND);
    assert_eq!(bodies(&*queue, 8).await, [""; 0]);
    assert_eq!(queue.depth().await.unwrap(), 0);
}

async fn what_is_not_deleted_comes_again(queues: &dyn Queues, clock: &ManualClock) {
    let queue = queues.open(&name("again"));
    send(&*queue, "a").await;
    for dequeue_count in 1..4 {
        let received = queue.receive(1, SECOND).await.unwrap();
        assert_eq!(received[0].dequeue_count, dequeue_count);
        clock.advance(SECOND);
    }
}

async fn an_old_receipt_is_refused(queues: &dyn Queues, clock: &ManualClock) {
    let queue = queues.open(&name("old"));
    send(&*queue, "a").await;
    let first = queue.receive(1, SECOND).await.unwrap().remove(0).receipt;
    clock.advance(2 * SECOND);
    let second = queue.receive(1, SECOND).await.unwrap().remove(0).receipt;
    assert_lost(queue.delete(&first).await);
    assert_lost(queue.renew(&first, SECOND, None).await);
    let third = queue.renew(&second, SECOND, None).await.unwrap();
    assert_lost(queue.delete(&second).await);
    // Nobody else has it: a receipt whose time is over is still good.
    clock.advance(2 * SECOND);
    queue.delete(&third).await.unwrap();
    assert_lost(queue.delete(&third).await);
}

async fn a_renewed_message_stays_hidden_and_may_change(queues: &dyn Queues, clock: &ManualClock) {
    let queue = queues.open(&name("renewed"));
    send(&*queue, "a").await;
    let receipt = queue.receive(1, SECOND).await.unwrap().remove(0).receipt;
    let receipt = queue
        .renew(&receipt, 5 * SECOND, Some("b".into()))
        .await
        .unwrap();
    clock.advance(4 * SECOND);
    assert_eq!(bodies(&*queue, 1).await, [""; 0]);
    queue.renew(&receipt, Duration::ZERO, None).await.unwrap();
    assert_eq!(bodies(&*queue, 1).await, ["b"]);
}

async fn a_delayed_message_waits(queues: &dyn Queues, clock: &ManualClock) {
    let queue = queues.open(&name("delayed"));
    queue.send("a".into(), 10 * SECOND).await.unwrap();
    clock.advance(9 * SECOND);
    assert_eq!(bodies(&*queue, 1).await, [""; 0]);
    assert_eq!(queue.depth().await.unwrap(), 1);
    clock.advance(SECOND);
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

async fn looking_changes_nothing_and_purging_empties(queues: &dyn Queues, clock: &ManualClock) {
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
    clock.advance(2 * SECOND);
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

/// Receives what is next, moving the clock until there is something.
async fn next(queues: &dyn Queues, clock: &ManualClock, queue: &QueueName) -> Vec<Next> {
    clock.advance(Duration::from_secs(600));
    let retry = Retry::default();
    retry::receive(queues, queue, 8, SECOND, &retry, clock.now())
        .await
        .unwrap()
}

async fn what_fails_five_times_is_poison(queues: &dyn Queues, clock: &ManualClock) {
    let queue = name("failing");
    let body = Message::new("run-1").to_body().unwrap();
    queues
        .open(&queue)
        .send(body, Duration::ZERO)
        .await
        .unwrap();
    let retry = Retry::default();
    for try_number in 1..=5 {
        let received = next(queues, clock, &queue).await.remove(0);
        let error = format!("no. {try_number}");
        let fate = retry::fail(queues, &received, &error, &retry, clock.now(), 0.5)
            .await
            .unwrap();
        match try_number {
            5 => assert_eq!(fate, Fate::Poisoned),
            _ => assert!(matches!(fate, Fate::Again { .. }), "{fate:?}"),
        }
    }
    assert!(next(queues, clock, &queue).await.is_empty());
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

async fn what_kills_its_worker_is_poison_too(queues: &dyn Queues, clock: &ManualClock) {
    let queue = name("killing");
    let body = Message::new("run-2").to_body().unwrap();
    queues
        .open(&queue)
        .send(body, Duration::ZERO)
        .await
        .unwrap();
    for _ in 1..=5 {
        assert_eq!(next(queues, clock, &queue).await.len(), 1);
    }
    assert!(next(queues, clock, &queue).await.is_empty());
    let poison = queues.open(&queue.poison()).peek(8).await.unwrap();
    let poisoned = Message::from_body(&poison[0].body).unwrap();
    let error = &poisoned.failures[0].error;
    assert!(
        error.contains("was received 5 times and never finished"),
        "{error}"
    );
}

async fn what_is_not_ours_is_poison_and_kept_as_it_is(queues: &dyn Queues, clock: &ManualClock) {
    let queue = name("foreign");
    send(&*queues.open(&queue), "<xml/>").await;
    let ours = Message::new("run-3").to_body().unwrap();
    queues
        .open(&queue)
        .send(ours, Duration::ZERO)
        .await
        .unwrap();
    let received = next(queues, clock, &queue).await;
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].message.id, "run-3");
    let poison = queues.open(&queue.poison()).peek(8).await.unwrap();
    assert_eq!(poison[0].body, "<xml/>");
}

async fn what_has_no_room_for_its_errors_is_poison_too(queues: &dyn Queues, clock: &ManualClock) {
    let queue = name("crowded");
    let values = "x".repeat(MOST_BYTES - 60);
    let body = format!("{{\"cutline\":1,\"id\":\"x\",\"values\":{{\"a\":\"{values}\"}}}}");
    let body = Bytes::from(body);
    queues
        .open(&queue)
        .send(body.clone(), Duration::ZERO)
        .await
        .unwrap();
    let retry = Retry::default();
    for _ in 1..=5 {
        let received = next(queues, clock, &queue).await.remove(0);
        retry::fail(queues, &received, "no", &retry, clock.now(), 0.5)
            .await
            .unwrap();
    }
    let poison = queues.open(&queue.poison()).peek(1).await.unwrap();
    assert_eq!(poison[0].body, body);
}

async fn what_is_requeued_starts_anew(queues: &dyn Queues, clock: &ManualClock) {
    let queue = name("requeued");
    let message = Message::new("run-4").failed(5, clock.now(), "no");
    let poison = queues.open(&queue.poison());
    poison
        .send(message.to_body().unwrap(), Duration::ZERO)
        .await
        .unwrap();
    send(&*poison, "<xml/>").await;
    assert_eq!(retry::requeue(queues, &queue.poison()).await.unwrap(), 1);
    assert_eq!(queues.open(&queue.poison()).depth().await.unwrap(), 1);
    let received = next(queues, clock, &queue).await.remove(0);
    assert_eq!(received.delivery.dequeue_count, 1);
    assert_eq!(received.message, Message::new("run-4"));
    let error = retry::requeue(queues, &queue)
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("is no poison queue"), "{error}");
}

/// Something done to a queue; what is renewed or deleted is one of the receipts
/// that there were.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Send {
        delay: u64,
    },
    Receive {
        most: usize,
        visibility: u64,
    },
    Renew {
        which: Index,
        visibility: u64,
        anew: bool,
    },
    Delete {
        which: Index,
    },
    Wait {
        seconds: u64,
    },
}

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let seconds = || 0..4_u64;
    let step = prop_oneof![
        3 => seconds().prop_map(|delay| Step::Send { delay }),
        3 => (0..4_usize, seconds())
            .prop_map(|(most, visibility)| Step::Receive { most, visibility }),
        2 => (any::<Index>(), seconds(), any::<bool>())
            .prop_map(|(which, visibility, anew)| Step::Renew { which, visibility, anew }),
        2 => any::<Index>().prop_map(|which| Step::Delete { which }),
        2 => seconds().prop_map(|seconds| Step::Wait { seconds }),
    ];
    prop::collection::vec(step, 1..40)
}

/// All that can be seen of a queue to which these steps are done: two backends
/// must not be told apart.
pub(super) async fn trace(queues: &dyn Queues, clock: &ManualClock, steps: &[Step]) -> Vec<String> {
    let queue = queues.open(&name("steps"));
    let (mut receipts, mut seen) = (Vec::new(), Vec::new());
    for (number, step) in steps.iter().enumerate() {
        let body = || Bytes::from(number.to_string());
        let seconds = |seconds: u64| Duration::from_secs(seconds);
        match step {
            Step::Send { delay } => queue.send(body(), seconds(*delay)).await.unwrap(),
            Step::Receive { most, visibility } => {
                for delivery in queue.receive(*most, seconds(*visibility)).await.unwrap() {
                    let Delivery {
                        receipt,
                        body,
                        dequeue_count,
                        inserted,
                    } = delivery;
                    receipts.push(receipt);
                    seen.push(format!("{body:?} {dequeue_count} {inserted}"));
                }
            }
            Step::Renew {
                which,
                visibility,
                anew,
            } if !receipts.is_empty() => {
                let body = anew.then(body);
                let renewed = queue
                    .renew(which.get(&receipts), seconds(*visibility), body)
                    .await;
                seen.push(format!("renewed {}", renewed.is_ok()));
                receipts.extend(renewed);
            }
            Step::Delete { which } if !receipts.is_empty() => {
                let deleted = queue.delete(which.get(&receipts)).await;
                seen.push(format!("deleted {}", deleted.is_ok()));
            }
            Step::Wait { seconds } => clock.advance(SECOND * *seconds as u32),
            Step::Renew { .. } | Step::Delete { .. } => {}
        }
        let peeked = queue.peek(8).await.unwrap();
        seen.push(format!("{:?} of {}", peeked, queue.depth().await.unwrap()));
    }
    seen
}

async fn many_takers_share_without_doubles(queues: &dyn Queues, clock: &ManualClock) {
    let queue = queues.open(&name("shared"));
    for number in 0..60 {
        let body = format!("{number}").into();
        queue.send(body, Duration::ZERO).await.unwrap();
    }
    clock.advance(SECOND);
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
