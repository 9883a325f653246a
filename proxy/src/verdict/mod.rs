//! What becomes of the answers of both sides.
//!
//! ```text
//! Answers -> Comparison -> what is gathered -> (control) journal, rollout
//! ```
//!
//! All of it is away from the requests' way: a worker puts [`Answers`] into a
//! bounded queue and goes on, or drops and counts them where it is full. One
//! thread compares, and adds up what comes of it; whoever keeps the journal
//! takes that from time to time.

mod answers;
mod gathered;
mod kept;
mod run;
mod tally;
mod work;

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

pub(crate) use answers::{Answers, Request};
pub(crate) use gathered::{Gathered, STRETCH, Trend};
pub(crate) use kept::{KeptAnswer, KeptBody, KeptPair, KeptRequest};
pub(crate) use tally::{Tallies, Tally};
pub(crate) use work::WARM_UP;

use crate::compare::Noise;
use crate::metrics::Dropped;
use crate::rollout::Health;

/// As many answers wait to be compared.
const QUEUE: usize = 4_096;

/// Where answers go, and where what came of them is taken from.
pub(crate) struct Verdicts {
    queue: SyncSender<Task>,
    /// Until a thread takes it.
    receiver: Mutex<Option<Receiver<Task>>>,
    /// Bytes of bodies in the queue.
    waiting: AtomicUsize,
    gathered: Mutex<Gathered>,
    /// In what the monolith differs from itself, by stage.
    noise: Mutex<BTreeMap<Arc<str>, Noise>>,
    pub(crate) tallies: Tallies,
}

enum Task {
    Look(Box<Answers>),
    End,
}

impl Verdicts {
    pub(crate) fn new() -> Verdicts {
        let (queue, receiver) = mpsc::sync_channel(QUEUE);
        Verdicts {
            queue,
            receiver: Mutex::new(Some(receiver)),
            waiting: AtomicUsize::new(0),
            gathered: Mutex::default(),
            noise: Mutex::default(),
            tallies: Tallies::default(),
        }
    }

    /// Has them compared. They are dropped where too many, or too large ones,
    /// wait already: more than `memory` bytes of bodies.
    pub(crate) fn look_at(&self, answers: Answers, memory: usize) -> Result<(), Dropped> {
        let bytes = answers.bytes();
        let waiting = self.waiting.fetch_add(bytes, Ordering::Relaxed);
        let sent = match waiting + bytes > memory {
            true => Err(Dropped::ComparisonMemory),
            false => self
                .queue
                .try_send(Task::Look(Box::new(answers)))
                .map_err(|_| Dropped::ComparisonQueue),
        };
        if sent.is_err() {
            self.waiting.fetch_sub(bytes, Ordering::Relaxed);
        }
        sent
    }

    /// Starts the thread that compares; it ends, once it has looked at what
    /// waits, by [`Verdicts::end`].
    pub(crate) fn start(self: &Arc<Verdicts>) -> io::Result<JoinHandle<()>> {
        let receiver = lock(&self.receiver).take();
        let receiver = receiver.ok_or_else(|| io::Error::other("started twice"))?;
        let own = Arc::clone(self);
        let name = "cutline-compare".to_owned();
        thread::Builder::new().name(name).spawn(move || {
            while let Ok(Task::Look(answers)) = receiver.recv() {
                work::look(&answers, &own);
                own.waiting.fetch_sub(answers.bytes(), Ordering::Relaxed);
            }
        })
    }

    /// Ends the thread, behind what waits.
    pub(crate) fn end(&self) {
        // Fails where it has ended already.
        let _ = self.queue.send(Task::End);
    }

    /// What came of the answers since the last time.
    pub(crate) fn take(&self) -> Gathered {
        let mut gathered = std::mem::take(&mut *self.gathered());
        for (stage, epoch, evidence) in self.tallies.take(Instant::now()) {
            gathered.counted(stage, epoch, &evidence);
        }
        gathered
    }

    /// In what the monolith of a stage differs from itself.
    pub(crate) fn noise(&self, stage: &str) -> Noise {
        lock(&self.noise).get(stage).cloned().unwrap_or_default()
    }

    /// In what the monolith was found to differ from itself before.
    pub(crate) fn learn(&self, noise: Vec<(String, Noise)>) {
        let noise = noise
            .into_iter()
            .map(|(stage, noise)| (stage.into(), noise));
        lock(&self.noise).extend(noise);
    }

    /// How the candidate of a stage does right now.
    pub(crate) fn health(&self, stage: &str, circuit_open: bool) -> Health {
        self.tallies.health(stage, circuit_open)
    }

    fn gathered(&self) -> MutexGuard<'_, Gathered> {
        lock(&self.gathered)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
