//! Whatever is done to two backends, they must not be told apart.

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use proptest::sample::Index;

use super::{Delivery, Queues};
use crate::store::clock::ManualClock;

const SECOND: Duration = Duration::from_secs(1);

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
    let queue = queues.open(&"steps".parse().unwrap());
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
