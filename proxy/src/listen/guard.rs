//! A client's HTTP/1 socket with [`Framing`] before the HTTP library.
//!
//! Bytes that came in one piece go through uncopied. What is not judged yet is
//! held back; in place of a head that is refused, the library is given one that
//! stands for it, so that the refusal is answered in its turn, after whatever
//! was asked before it.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;
use tokio::time::{Sleep, sleep};

use super::framing::{Bounds, Broken, Framing, Step};
use crate::refuse::Refusal;

/// The method of what stands for a refused head. A client may use it too: it
/// means this only where something was refused.
pub(super) const REFUSED: &str = "REFUSED";
const IN_ITS_PLACE: &[u8] = b"REFUSED / HTTP/1.1\r\nhost: -\r\nconnection: close\r\n\r\n";
/// What is still read of a client that has not seen its answer yet: closing
/// while it sends would take the answer away from it (RFC 9112 §9.6).
const LINGER_BYTES: usize = 256 << 10;
const LINGER_TIME: Duration = Duration::from_secs(1);
/// What is read at once where no library has made a place for it.
const PIECE: usize = 4_096;
/// How long a client may take nothing of its answer.
const STALL: Duration = Duration::from_secs(60);

/// What the socket and the requests on it tell each other.
#[derive(Debug, Default)]
pub(crate) struct Wire {
    /// The place of a refusal in [`Refusal::ALL`], from 1.
    refused: AtomicU8,
    upgrade: AtomicU8,
    /// All that came was given on, all that was written went out, and the
    /// library waits for the next head.
    between: AtomicBool,
    waiting: Mutex<Option<Waker>>,
    joined: Mutex<Option<oneshot::Receiver<()>>>,
}

const UNDECIDED: u8 = 0;
const DECLINED: u8 = 1;
const SWITCHED: u8 = 2;

impl Wire {
    /// What is wrong with what the client sent, if it is.
    pub(crate) fn refused(&self) -> Option<Refusal> {
        let place = usize::from(self.refused.load(Ordering::Relaxed));
        Refusal::ALL.get(place.checked_sub(1)?).copied()
    }

    /// Whether neither the socket nor the library holds any of a message: the
    /// library can be let go and a new one take its place.
    pub(super) fn is_between(&self) -> bool {
        self.between.load(Ordering::Relaxed)
    }

    fn between(&self, between: bool) {
        self.between.store(between, Ordering::Relaxed);
    }

    /// A request that asked for an upgrade was answered.
    pub(super) fn answered(&self, switched: bool) {
        let decision = if switched { SWITCHED } else { DECLINED };
        self.upgrade.store(decision, Ordering::Release);
        let waiting = self.waiting.lock();
        if let Some(waker) = waiting.unwrap_or_else(PoisonError::into_inner).take() {
            waker.wake();
        }
    }

    /// The connection is now one half of two: until what this returns is
    /// dropped.
    pub(crate) fn joined(&self) -> oneshot::Sender<()> {
        let (open, ended) = oneshot::channel();
        let joined = self.joined.lock();
        *joined.unwrap_or_else(PoisonError::into_inner) = Some(ended);
        open
    }

    /// Waits for the end of what the connection was joined with, if it was.
    pub(super) async fn parted(&self) {
        let joined = self.joined.lock();
        let joined = joined.unwrap_or_else(PoisonError::into_inner).take();
        if let Some(ended) = joined {
            // The end is that the other half is dropped.
            let _ = ended.await;
        }
    }

    fn refuse(&self, refusal: Refusal) {
        let place = Refusal::ALL.iter().position(|known| *known == refusal);
        let place = place.and_then(|place| u8::try_from(place + 1).ok());
        self.refused.store(place.unwrap_or(1), Ordering::Relaxed);
    }

    /// Whether the upgrade was done, once that is known.
    fn poll_switched(&self, cx: &mut Context<'_>) -> Poll<bool> {
        let waiting = self.waiting.lock();
        let mut waiting = waiting.unwrap_or_else(PoisonError::into_inner);
        match self.upgrade.swap(UNDECIDED, Ordering::Acquire) {
            UNDECIDED => {
                *waiting = Some(cx.waker().clone());
                Poll::Pending
            }
            decision => Poll::Ready(decision == SWITCHED),
        }
    }
}

/// The socket, guarded.
pub(super) struct Guarded<S> {
    io: S,
    framing: Framing,
    wire: Arc<Wire>,
    /// Bytes of the client that did not go on yet.
    held: BytesMut,
    /// As many of them may go on.
    ready: usize,
    after: After,
    lingering: Option<(Pin<Box<Sleep>>, usize)>,
    /// Set while the client takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
}

/// What comes after what is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    More,
    /// The body is broken.
    Broken(Refusal),
    /// Nothing ever.
    Silence,
}

impl<S> Guarded<S> {
    /// `first` has been read from the socket already.
    pub(super) fn new(io: S, first: &[u8], bounds: Bounds, wire: Arc<Wire>) -> Guarded<S> {
        let mut guarded = Guarded {
            io,
            framing: Framing::new(bounds),
            wire,
            held: BytesMut::from(first),
            ready: 0,
            after: After::More,
            lingering: None,
            stalled: None,
        };
        guarded.judge();
        guarded
    }

    /// Judges what is held.
    fn judge(&mut self) {
        let step = self.framing.advance(&self.held[self.ready..]);
        self.ready += step.released;
        self.heed(step);
    }

    fn heed(&mut self, step: Step) {
        match step.broken {
            None => {}
            Some(Broken::Head(refusal)) => {
                self.wire.refuse(refusal);
                self.held.truncate(self.ready);
                self.held.extend_from_slice(IN_ITS_PLACE);
                self.ready = self.held.len();
                self.after = After::Silence;
            }
            Some(Broken::Body(refusal)) => {
                self.wire.refuse(refusal);
                self.held.truncate(self.ready);
                self.after = After::Broken(refusal);
            }
        }
    }

    /// Whether nothing of a message is here.
    fn is_at_rest(&self) -> bool {
        self.framing.is_at_start()
            && self.held.is_empty()
            && self.after == After::More
            && self.stalled.is_none()
    }

    /// Gives on what is ready.
    fn give(&mut self, buffer: &mut ReadBuf<'_>) {
        let n = self.ready.min(buffer.remaining());
        buffer.put_slice(&self.held[..n]);
        self.held.advance(n);
        self.ready -= n;
        if self.held.is_empty() {
            self.held = BytesMut::new();
        }
    }

    /// Judges what was read behind `before`; true where some of it goes on.
    fn take(&mut self, buffer: &mut ReadBuf<'_>, before: usize) -> bool {
        let fresh = &buffer.filled()[before..];
        if !self.held.is_empty() {
            self.held.extend_from_slice(fresh);
            buffer.set_filled(before);
            self.judge();
            return false;
        }
        let step = self.framing.advance(fresh);
        if step.released < fresh.len() {
            self.held.extend_from_slice(&fresh[step.released..]);
            buffer.set_filled(before + step.released);
        }
        self.heed(step);
        step.released > 0
    }
}

impl<S: AsyncRead + Unpin> Guarded<S> {
    /// Reads while no library does, until there is a head to give it; false
    /// where the client has gone.
    pub(super) async fn more(&mut self) -> io::Result<bool> {
        poll_fn(|cx| {
            while self.ready == 0 {
                let mut piece = [const { MaybeUninit::uninit() }; PIECE];
                let mut buffer = ReadBuf::uninit(&mut piece);
                ready!(Pin::new(&mut self.io).poll_read(cx, &mut buffer))?;
                if buffer.filled().is_empty() {
                    return Poll::Ready(Ok(false));
                }
                self.held.extend_from_slice(buffer.filled());
                self.judge();
            }
            Poll::Ready(Ok(true))
        })
        .await
    }

    fn poll_given(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self;
        loop {
            if this.ready > 0 {
                this.give(buffer);
                return Poll::Ready(Ok(()));
            }
            match this.after {
                After::More => {}
                After::Silence => return Poll::Pending,
                After::Broken(refusal) => {
                    this.after = After::Silence;
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, refusal)));
                }
            }
            if this.framing.is_asking() {
                match ready!(this.wire.poll_switched(cx)) {
                    true => this.framing.switched(),
                    false => this.framing.declined(),
                }
                this.judge();
                continue;
            }
            if this.framing.is_through() && this.held.is_empty() {
                return Pin::new(&mut this.io).poll_read(cx, buffer);
            }
            let before = buffer.filled().len();
            ready!(Pin::new(&mut this.io).poll_read(cx, buffer))?;
            if buffer.filled().len() == before || this.take(buffer, before) {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let given = self.poll_given(cx, buffer);
        // It is the read after the last write that waits for a head: during
        // an answer, the library reads too, to see whether the client leaves.
        let waits = given.is_pending() && self.is_at_rest();
        self.wire.between(waits);
        given
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Guarded<S> {
    /// Reads on for a while where the client may still be sending.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.framing.is_between() && self.after == After::More {
            return Poll::Ready(());
        }
        let (alarm, left) = self
            .lingering
            .get_or_insert_with(|| (Box::pin(sleep(LINGER_TIME)), LINGER_BYTES));
        let mut piece = [0; 4_096];
        while alarm.as_mut().poll(cx).is_pending() {
            let mut buffer = ReadBuf::new(&mut piece);
            let read = ready!(Pin::new(&mut self.io).poll_read(cx, &mut buffer));
            let n = buffer.filled().len();
            if read.is_err() || n == 0 || n > *left {
                break;
            }
            *left -= n;
        }
        Poll::Ready(())
    }
}

impl<S: AsyncWrite + Unpin> Guarded<S> {
    /// Writes, unless the client has taken nothing for too long. Joined
    /// connections may be as slow as they like.
    fn poll_moving(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        self.wire.between(false);
        let written = write(Pin::new(&mut self.io), cx);
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        if !self.framing.is_through() {
            let alarm = self.stalled.get_or_insert_with(|| Box::pin(sleep(STALL)));
            ready!(alarm.as_mut().poll(cx));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Poll::Pending
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_moving(cx, |io, cx| io.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_moving(cx, |io, cx| io.poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            ready!(Pin::new(&mut self.io).poll_shutdown(cx))?;
        }
        self.poll_linger(cx).map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const BOUNDS: Bounds = Bounds {
        head_bytes: 1_024,
        fields: 10,
    };

    async fn through(pieces: &[&str]) -> (String, Option<Refusal>) {
        let (mut client, server) = tokio::io::duplex(4_096);
        let wire = Arc::new(Wire::default());
        let mut guarded = Guarded::new(server, b"", BOUNDS, Arc::clone(&wire));
        let mut read = Vec::new();
        for piece in pieces {
            client.write_all(piece.as_bytes()).await.unwrap();
            let mut some = [0; 4_096];
            let reading = guarded.read(&mut some);
            let tried = tokio::time::timeout(Duration::from_secs(1), reading).await;
            if let Ok(Ok(n)) = tried {
                read.extend_from_slice(&some[..n]);
            }
        }
        (String::from_utf8(read).unwrap(), wire.refused())
    }

    #[tokio::test(start_paused = true)]
    async fn half_a_head_is_held_back() {
        let (read, refused) = through(&["GET / HTTP/1.1\r\nho"]).await;
        assert_eq!((&*read, refused), ("", None));
        let (read, refused) = through(&["GET / HTTP/1.1\r\nho", "st: a\r\n\r\n"]).await;
        assert_eq!(
            (&*read, refused),
            ("GET / HTTP/1.1\r\nhost: a\r\n\r\n", None)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_head_is_replaced_and_nothing_follows() {
        let good = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
        let bad = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1, 1\r\n\r\nx";
        let (read, refused) = through(&[&format!("{good}{bad}{good}"), good, good]).await;
        let replaced = String::from_utf8_lossy(IN_ITS_PLACE);
        assert_eq!(read, format!("{good}{replaced}"));
        assert_eq!(refused, Some(Refusal::Length));
    }

    #[tokio::test(start_paused = true)]
    async fn what_follows_an_upgrade_waits_for_the_answer() {
        let ask = "GET / HTTP/1.1\r\nhost: a\r\nupgrade: echo\r\n\r\n";
        for switched in [true, false] {
            let (mut client, server) = tokio::io::duplex(4_096);
            let wire = Arc::new(Wire::default());
            let mut guarded = Guarded::new(server, b"", BOUNDS, Arc::clone(&wire));
            let more = "\0\n no http\r\n\r\n";
            let text = format!("{ask}{more}");
            client.write_all(text.as_bytes()).await.unwrap();
            let mut some = [0; 4_096];
            let n = guarded.read(&mut some).await.unwrap();
            assert_eq!(&some[..n], ask.as_bytes());
            let waiting = tokio::time::timeout(Duration::from_secs(1), guarded.read(&mut some));
            assert!(waiting.await.is_err());
            wire.answered(switched);
            let n = guarded.read(&mut some).await.unwrap();
            let expected = if switched {
                more.as_bytes()
            } else {
                IN_ITS_PLACE
            };
            assert_eq!(&some[..n], expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_is_left() {
        let (mut client, server) = tokio::io::duplex(1_024);
        let mut guarded = Guarded::new(server, b"", BOUNDS, Arc::default());
        guarded.write_all(&[b'x'; 1_024]).await.unwrap();
        // One that takes a little now and then is not.
        for _ in 0..5 {
            let (written, ()) = tokio::join!(guarded.write_all(&[b'z'; 1_024]), async {
                for _ in 0..4 {
                    tokio::time::sleep(STALL / 2).await;
                    client.read_exact(&mut [0; 256]).await.unwrap();
                }
            });
            written.unwrap();
        }
        let start = tokio::time::Instant::now();
        let more = guarded.write_all(b"y").await;
        assert_eq!(more.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(start.elapsed(), STALL);
    }

    #[tokio::test(start_paused = true)]
    async fn a_broken_body_is_an_error_after_its_good_part() {
        let head = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
        let (mut client, server) = tokio::io::duplex(4_096);
        let wire = Arc::new(Wire::default());
        let mut guarded = Guarded::new(server, b"", BOUNDS, Arc::clone(&wire));
        let text = format!("{head}1\r\na\r\nzz\r\n");
        client.write_all(text.as_bytes()).await.unwrap();
        let mut some = [0; 4_096];
        let n = guarded.read(&mut some).await.unwrap();
        assert_eq!(&some[..n], format!("{head}1\r\na\r\n").as_bytes());
        assert!(guarded.read(&mut some).await.is_err());
        assert_eq!(wire.refused(), Some(Refusal::Chunk));
    }
}
