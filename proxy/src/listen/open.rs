//! The open connections of one worker, and the clock that looks after them.
//!
//! One task looks at all of them a few times a second, in place of a timer and
//! a watch in each: a request sets no timer, and a connection that nobody uses
//! holds none.

use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval};

use crate::config::Limits;
use crate::state::Worker;

/// How long nobody has to use a connection before it is told to rest. Short:
/// what many new connections hold at once, the allocator keeps for long.
const REST: Duration = Duration::from_millis(250);
/// Between two looks, unless what is waited for is shorter.
const LOOK: Duration = Duration::from_millis(250);
const BUSY: u32 = u32::MAX;

/// What a connection is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// Nobody uses it: it may give back what it holds.
    Rest,
    /// The next head is not there after `limits.header_time`.
    Late,
    /// The worker ends: no more requests.
    Leave,
}

/// The connections that are open on a worker.
pub(super) struct Open {
    worker: Rc<Worker>,
    seats: RefCell<Vec<Weak<Seat>>>,
    closed: Notify,
    /// Between two looks; what follows is counted in looks.
    look: Duration,
    now: Cell<u32>,
    patience: u32,
    rest: u32,
    /// The end began then, and unused connections have as long from there.
    leaving: Cell<Option<(u32, u32)>>,
}

/// One open connection; gone when dropped.
pub(super) struct Seat {
    open: Rc<Open>,
    at: Cell<usize>,
    opened: u32,
    /// It waits for a head since then.
    since: Cell<u32>,
    resting: Cell<bool>,
    /// It is told at once that the worker ends.
    hasty: Cell<bool>,
    told_to_leave: Cell<bool>,
    word: Cell<Option<Word>>,
    waker: RefCell<Option<Waker>>,
}

impl Open {
    pub(super) fn new(worker: &Rc<Worker>) -> Rc<Open> {
        let Limits {
            header_time, drain, ..
        } = worker.shared.limits;
        let look = LOOK.min(header_time / 8).min(drain / 20);
        let look = look.max(Duration::from_millis(5));
        Rc::new(Open {
            worker: Rc::clone(worker),
            seats: RefCell::default(),
            closed: Notify::new(),
            look,
            now: Cell::new(0),
            patience: looks(header_time, look),
            rest: looks(REST, look),
            leaving: Cell::new(None),
        })
    }

    pub(super) fn worker(&self) -> &Rc<Worker> {
        &self.worker
    }

    /// Looks again and again.
    pub(super) async fn watch(self: Rc<Open>) {
        let mut tick = interval(self.look);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            self.now.set(self.now.get() + 1);
            self.tell();
        }
    }

    /// The end begins: connections that nobody uses have `grace` left.
    pub(super) fn leave(&self, grace: Duration) {
        let grace = looks(grace, self.look).saturating_sub(1);
        self.leaving.set(Some((self.now.get(), grace)));
        self.tell();
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.seats.borrow().len()
    }

    /// Waits until there are none.
    pub(super) async fn none(&self) {
        while self.count() > 0 {
            self.closed.notified().await;
        }
    }

    fn tell(&self) {
        for seat in self.seats.borrow().iter().filter_map(Weak::upgrade) {
            if let Some(word) = self.word(&seat) {
                seat.tell(word);
            }
        }
    }

    /// What a connection is to be told now.
    fn word(&self, seat: &Seat) -> Option<Word> {
        let now = self.now.get();
        if let Some((begun, grace)) = self.leaving.get()
            && (seat.hasty.get() || now - begun.max(seat.opened) >= grace)
        {
            return (!seat.told_to_leave.replace(true)).then_some(Word::Leave);
        }
        match seat.since.get() {
            BUSY => None,
            // The look at which it began to wait may have been long ago.
            since if now - since > self.patience => Some(Word::Late),
            since if now - since > self.rest && !seat.resting.get() => Some(Word::Rest),
            _ => None,
        }
    }
}

/// As many looks as take at least as long.
fn looks(time: Duration, look: Duration) -> u32 {
    let looks = time.as_nanos().div_ceil(look.as_nanos());
    u32::try_from(looks).unwrap_or(u32::MAX / 2)
}

impl Seat {
    /// A connection that waits for its first head.
    pub(super) fn new(open: &Rc<Open>) -> Rc<Seat> {
        open.worker.shared.metrics.connections.increment(1);
        let mut seats = open.seats.borrow_mut();
        let seat = Rc::new(Seat {
            open: Rc::clone(open),
            at: Cell::new(seats.len()),
            opened: open.now.get(),
            since: Cell::new(open.now.get()),
            resting: Cell::new(false),
            hasty: Cell::new(false),
            told_to_leave: Cell::new(false),
            word: Cell::new(None),
            waker: RefCell::new(None),
        });
        seats.push(Rc::downgrade(&seat));
        seat
    }

    /// The worker it is on.
    pub(super) fn worker(&self) -> &Rc<Worker> {
        &self.open.worker
    }

    /// A request is on it.
    pub(super) fn busy(&self) {
        self.since.set(BUSY);
    }

    /// Whether no request is on it.
    pub(super) fn is_waiting(&self) -> bool {
        self.since.get() != BUSY
    }

    /// It waits for the next head from now on.
    pub(super) fn waits(&self) {
        self.since.set(self.open.now.get());
    }

    #[cfg(test)]
    pub(super) fn is_at_rest(&self) -> bool {
        self.resting.get()
    }

    /// It waits for nothing of its own, and is told at once that the worker
    /// ends.
    pub(super) fn hasten(&self) {
        self.busy();
        self.hasty.set(true);
    }

    /// What `future` gives, unless there is a word before.
    pub(super) async fn unless_told<T>(&self, future: impl Future<Output = T>) -> Result<T, Word> {
        let mut future = pin!(future);
        std::future::poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(given) => Poll::Ready(Ok(given)),
            Poll::Pending => self.poll_word(cx).map(Err),
        })
        .await
    }

    /// The same where there is nothing that [`Word::Rest`] could free: that is
    /// not said then.
    pub(super) async fn resting<T>(&self, future: impl Future<Output = T>) -> Result<T, Word> {
        self.resting.set(true);
        if self.word.get() == Some(Word::Rest) {
            self.word.set(None);
        }
        let given = self.unless_told(future).await;
        self.resting.set(false);
        given
    }

    fn poll_word(&self, cx: &Context<'_>) -> Poll<Word> {
        if let Some(word) = self.word.take() {
            return Poll::Ready(word);
        }
        let mut waker = self.waker.borrow_mut();
        let known = waker.as_ref();
        if !known.is_some_and(|known| known.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    fn tell(&self, word: Word) {
        self.word.set(Some(word));
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.open.seats.borrow_mut();
        let at = self.at.get();
        seats.swap_remove(at);
        if let Some(moved) = seats.get(at).and_then(Weak::upgrade) {
            moved.at.set(at);
        }
        self.open.worker.shared.metrics.connections.decrement(1);
        self.open.closed.notify_one();
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::future::pending;
    use std::sync::Arc;

    use tokio::runtime::{Builder, LocalOptions};
    use tokio::task::spawn_local;
    use tokio::time::{Instant, sleep};

    use super::*;
    use crate::config::RoutesFile;
    use crate::metrics::Metrics;
    use crate::state::{Live, Shared};
    use crate::verdict::Verdicts;

    /// Runs `act` on a worker whose clock stands still while there is work.
    pub(in crate::listen) fn on_a_worker<F: Future>(act: impl FnOnce(Rc<Open>) -> F) {
        let text = "listen = \"127.0.0.1:0\"\n[monolith]\nupstream = \"http://127.0.0.1:1\"\n";
        let config = RoutesFile::check(text, |_| Err(std::io::ErrorKind::NotFound.into())).unwrap();
        let metrics = Arc::new(Metrics::new());
        let limits = config.settings.limits.clone();
        let verdicts = Arc::new(Verdicts::new());
        let tallies = &verdicts.tallies;
        let live = Live::new(config.table, config.settings, &metrics, tallies, None);
        let shared = Shared::new(live, metrics, verdicts, limits, None);
        let mut builder = Builder::new_current_thread();
        let builder = builder.enable_all().start_paused(true);
        let runtime = builder.build_local(LocalOptions::default()).unwrap();
        runtime.block_on(async {
            let open = Open::new(&Rc::new(Worker::new(Arc::new(shared))));
            spawn_local(Rc::clone(&open).watch());
            act(open).await;
        });
    }

    /// The next word, and how long it took, in quarters of a second.
    async fn told(seat: &Seat) -> (Word, u128) {
        let start = Instant::now();
        let word = seat.unless_told(pending::<()>()).await.unwrap_err();
        (word, start.elapsed().as_millis().div_ceil(250))
    }

    #[test]
    fn who_waits_may_rest_and_is_late_in_the_end() {
        on_a_worker(async |open| {
            let seat = Seat::new(&open);
            let (word, after) = told(&seat).await;
            assert!(
                word == Word::Rest && (1..=2).contains(&after),
                "{word:?} {after}"
            );
            // It did not rest: it is told again.
            let (word, after) = told(&seat).await;
            assert_eq!((word, after), (Word::Rest, 1));
            let start = Instant::now();
            let word = seat.resting(pending::<()>()).await.unwrap_err();
            let after = start.elapsed();
            assert!(
                word == Word::Late && after > Duration::from_secs(8),
                "{word:?} {after:?}"
            );
            // A request in between, however long, and it waits anew.
            seat.busy();
            let future = seat.unless_told(sleep(Duration::from_secs(3_600)));
            assert_eq!(future.await, Ok(()));
            seat.waits();
            assert!((1..=2).contains(&told(&seat).await.1));
        });
    }

    #[test]
    fn the_end_is_told_once_and_with_grace() {
        on_a_worker(async |open| {
            let [waiting, busy, hasty] = [0; 3].map(|_| Seat::new(&open));
            busy.busy();
            hasty.hasten();
            sleep(Duration::from_millis(600)).await;
            open.leave(Duration::from_secs(1));
            assert_eq!(told(&hasty).await, (Word::Leave, 0));
            assert_eq!(told(&busy).await.0, Word::Leave);
            let word = waiting.resting(pending::<()>()).await;
            assert_eq!(word, Err(Word::Leave));
            let late = Seat::new(&open);
            late.busy();
            let (word, after) = told(&late).await;
            assert!(
                word == Word::Leave && (3..=4).contains(&after),
                "{word:?} {after}"
            );
            let future = busy.unless_told(sleep(Duration::from_secs(60)));
            assert_eq!(future.await, Ok(()));
            assert_eq!(open.count(), 4);
            drop((waiting, hasty, late));
            assert_eq!(open.count(), 1);
            drop(busy);
            open.none().await;
        });
    }
}
