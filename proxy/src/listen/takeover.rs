//! A new process takes the place of an old one, and no request is lost.
//!
//! The old one offers its listeners over a Unix socket. The new one asks for
//! them, starts to accept from the very same queues, and says so; only then does
//! the old one stop accepting and end what it has begun. Closing a listener and
//! binding another would reset whatever waits in its queue.
//!
//! ```text
//! new: connects            old: sends the listeners, with a letter for each
//! new: serves, sends `S`   old: takes its offer away, answers `D`, drains
//! ```
//!
//! Whichever of the two dies on the way, the other goes on: the old one as if
//! nobody had asked, the new one with the listeners that it has.

use std::fs::{self, File, Permissions};
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, Shutdown, recvmsg, sendmsg, shutdown,
};

use super::{Proxy, Running};
use crate::config::Config;

/// What a listener is for. Letters that a process does not know are those of a
/// later version; it leaves such a listener alone.
const CLIENTS: u8 = b'c';
const ADMIN: u8 = b'a';
const SERVING: &[u8] = b"S";
const DRAINING: &[u8] = b"D";
/// How long either process waits for the other's next word. Less than the
/// command line waits for an answer, which it gets only afterwards.
const PATIENCE: Duration = Duration::from_secs(20);
/// Listeners that one message can hold.
const MOST: usize = 64;
/// Bytes of a path that the address of a Unix socket can hold (unix(7)).
const LONGEST: usize = 107;

/// How far another process has come on its way to take over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakeOver {
    /// It asks, and gets the listeners next.
    Begun,
    /// It died, or never served: nothing has changed.
    Failed,
    /// It serves. Now [`Running::hand_over`] is to be called.
    Done,
}

/// An old process's offer. Dropping it takes it back.
pub struct Offer {
    socket: Arc<UnixListener>,
    place: Place,
    over: Arc<AtomicBool>,
}

/// What a new process was handed.
pub struct Handed {
    listeners: Vec<TcpListener>,
    admin: Vec<TcpListener>,
    old: UnixStream,
}

impl Running {
    /// Offers the listeners, and the admin interface's, at `path` to whoever
    /// runs as the same user. `told` hears on a thread of its own how it goes,
    /// each step before the other process does. A socket that an earlier
    /// process left there is replaced.
    pub fn offer(
        &self,
        path: &Path,
        admin: Option<TcpListener>,
        told: impl FnMut(TakeOver) + Send + 'static,
    ) -> io::Result<Offer> {
        let mut listeners = Vec::new();
        for listener in &self.listeners {
            listeners.push((CLIENTS, listener.try_clone()?));
        }
        listeners.extend(admin.map(|admin| (ADMIN, admin)));
        if listeners.len() > MOST {
            let text = format!("more than {MOST} listeners cannot be handed over");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        if fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket()) {
            fs::remove_file(path)?;
        }
        let socket = short(path).and_then(|(_folder, short)| UnixListener::bind(short));
        let socket = Arc::new(socket.map_err(|error| at(path, &error))?);
        fs::set_permissions(path, Permissions::from_mode(0o600))?;
        let place = Place::of(path)?;
        let over = Arc::new(AtomicBool::new(false));
        let offered = Offered {
            socket: Arc::clone(&socket),
            place: place.clone(),
            over: Arc::clone(&over),
            listeners,
        };
        let name = "cutline-offer".to_owned();
        thread::Builder::new()
            .name(name)
            .spawn(move || offered.until_taken(told))?;
        Ok(Offer {
            socket,
            place,
            over,
        })
    }

    /// Ends like [`stop`](Running::stop), for a process whose listeners another
    /// one has: connections that nobody uses stay open for most of
    /// `limits.drain`, so that a request on its way finds them open.
    pub fn hand_over(self) {
        self.shared.handed_over.store(true, Ordering::Relaxed);
        self.stop();
    }
}

impl Drop for Offer {
    fn drop(&mut self) {
        if !self.over.swap(true, Ordering::Relaxed) {
            // Wakes its thread, which sees that it is over.
            let _ = shutdown(&*self.socket, Shutdown::Both);
            let _ = self.place.clear();
        }
    }
}

/// An offer, as its thread has it.
struct Offered {
    socket: Arc<UnixListener>,
    place: Place,
    over: Arc<AtomicBool>,
    listeners: Vec<(u8, TcpListener)>,
}

impl Offered {
    fn until_taken(self, mut told: impl FnMut(TakeOver)) {
        for asking in self.socket.incoming() {
            if self.over.load(Ordering::Relaxed) {
                return;
            }
            let asking = asking.and_then(known);
            let handed = asking.and_then(|asking| {
                told(TakeOver::Begun);
                let handed = self.hand(asking, &mut told);
                handed.inspect_err(|_| told(TakeOver::Failed))
            });
            match handed {
                Ok(()) => return,
                Err(error) => tracing::warn!(%error, "a take-over was not finished"),
            }
        }
    }

    /// Sends the listeners and waits until they are served.
    fn hand(&self, mut asking: UnixStream, told: &mut impl FnMut(TakeOver)) -> io::Result<()> {
        asking.set_read_timeout(Some(PATIENCE))?;
        let letters: Vec<u8> = self.listeners.iter().map(|(letter, _)| *letter).collect();
        let descriptors = self.listeners.iter().map(|(_, listener)| listener.as_fd());
        let descriptors: Vec<BorrowedFd<'_>> = descriptors.collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
        let mut rights = SendAncillaryBuffer::new(&mut space);
        // It was seen before that they are not too many.
        let _ = rights.push(SendAncillaryMessage::ScmRights(&descriptors));
        let text = [IoSlice::new(&letters)];
        sendmsg(&asking, &text, &mut rights, SendFlags::NOSIGNAL)?;
        heard(&mut asking, SERVING)?;
        self.over.store(true, Ordering::Relaxed);
        // Before the new process makes an offer of its own at the same place.
        let cleared = self.place.clear();
        told(TakeOver::Done);
        // It serves, whether or not it still hears of this.
        if let Err(error) = cleared.and_then(|()| asking.write_all(DRAINING)) {
            tracing::warn!(%error, "the new process was not told");
        }
        Ok(())
    }
}

/// Who asks, where it runs as the same user.
fn known(asking: UnixStream) -> io::Result<UnixStream> {
    let peer = rustix::net::sockopt::socket_peercred(&asking)?;
    match peer.uid == rustix::process::getuid() {
        true => Ok(asking),
        false => Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "another user asked for the listeners",
        )),
    }
}

/// A socket's file: which one it is, so that another process's at the same path
/// is left alone.
#[derive(Clone)]
struct Place {
    path: PathBuf,
    file: (u64, u64),
}

impl Place {
    fn of(path: &Path) -> io::Result<Place> {
        let found = fs::symlink_metadata(path)?;
        Ok(Place {
            path: path.to_owned(),
            file: (found.dev(), found.ino()),
        })
    }

    fn clear(&self) -> io::Result<()> {
        match Place::of(&self.path) {
            Ok(now) if now.file == self.file => fs::remove_file(&self.path),
            _ => Ok(()),
        }
    }
}

impl Handed {
    /// Asks whoever offers its listeners at `path` for them; None where nobody
    /// does.
    pub fn ask(path: &Path) -> io::Result<Option<Handed>> {
        let asked = short(path).and_then(|(_folder, short)| UnixStream::connect(short));
        let old = match asked {
            Ok(old) => old,
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
                ) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(at(path, &error)),
        };
        old.set_read_timeout(Some(PATIENCE))?;
        let mut letters = [0; MOST];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
        let mut rights = RecvAncillaryBuffer::new(&mut space);
        let mut slices = [IoSliceMut::new(&mut letters)];
        let received = recvmsg(&old, &mut slices, &mut rights, RecvFlags::CMSG_CLOEXEC);
        let received = received.map_err(|error| at(path, &io::Error::from(error)))?;
        let mut handed = Handed {
            listeners: Vec::new(),
            admin: Vec::new(),
            old,
        };
        let mut letters = letters[..received.bytes].iter();
        for message in rights.drain() {
            let RecvAncillaryMessage::ScmRights(descriptors) = message else {
                continue;
            };
            for descriptor in descriptors {
                match letters.next() {
                    Some(&CLIENTS) => handed.listeners.push(descriptor.into()),
                    Some(&ADMIN) => handed.admin.push(descriptor.into()),
                    _ => {}
                }
            }
        }
        match handed.listeners.is_empty() {
            true => Err(at(
                path,
                &"the process there gave nothing: it ends, or another one takes its place",
            )),
            false => Ok(Some(handed)),
        }
    }

    /// Where the listeners listen.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let addresses = self.listeners.iter().map(TcpListener::local_addr);
        addresses.filter_map(Result::ok).collect()
    }

    /// The id of the process whose place is taken.
    pub fn process(&self) -> Option<u32> {
        let peer = rustix::net::sockopt::socket_peercred(&self.old).ok()?;
        u32::try_from(peer.pid.as_raw_nonzero().get()).ok()
    }

    /// The admin interface's listener, where that is for `address`.
    pub(crate) fn admin(&mut self, address: SocketAddr) -> Option<TcpListener> {
        taken(&mut self.admin, address)
    }

    /// Tells the old process that this one serves; back once that one drains.
    /// To be called after [`Proxy::start`]. Dropped without it, the old one
    /// goes on as if nobody had asked. An error says that the old one is gone,
    /// or does not answer; this one has the listeners all the same.
    pub fn serving(mut self) -> io::Result<()> {
        self.old.write_all(SERVING)?;
        heard(&mut self.old, DRAINING)
    }
}

impl Proxy {
    /// Takes the listeners that were handed over, as far as the file names
    /// their addresses, and binds the others.
    pub fn take_over(config: Config, handed: &mut Handed) -> io::Result<Proxy> {
        let addresses = &config.settings.listen;
        let mut listeners: Vec<Option<TcpListener>> = addresses.iter().map(|_| None).collect();
        // Port 0 takes what is left.
        for any in [false, true] {
            for (listener, address) in listeners.iter_mut().zip(addresses) {
                if (address.port() == 0) == any {
                    *listener = taken(&mut handed.listeners, *address);
                }
            }
        }
        let listeners = listeners.into_iter().zip(addresses);
        let listeners = listeners.map(|(listener, address)| match listener {
            Some(listener) => Ok(listener),
            None => super::listener(*address),
        });
        Proxy::on(listeners.collect::<io::Result<_>>()?, config)
    }
}

/// The one for that address. Port 0 asks for any port, so any port will do.
fn taken(listeners: &mut Vec<TcpListener>, address: SocketAddr) -> Option<TcpListener> {
    let is_for = |listener: &TcpListener| {
        listener.local_addr().is_ok_and(|known| {
            known == address || address.port() == 0 && known.ip() == address.ip()
        })
    };
    let place = listeners.iter().position(is_for)?;
    Some(listeners.remove(place))
}

/// A name of `path` that fits into the address of a socket: where it is too
/// long itself, one through its folder's descriptor (proc(5), `/proc/self/fd`),
/// which is to be held open meanwhile.
fn short(path: &Path) -> io::Result<(Option<File>, PathBuf)> {
    if path.as_os_str().as_bytes().len() <= LONGEST {
        return Ok((None, path.to_owned()));
    }
    let folder = File::open(path.parent().unwrap_or(Path::new(".")))?;
    let short = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd()));
    let short = short.join(path.file_name().unwrap_or_default());
    Ok((Some(folder), short))
}

fn heard(from: &mut UnixStream, word: &[u8]) -> io::Result<()> {
    let mut byte = [0];
    from.read_exact(&mut byte)?;
    match byte == word {
        true => Ok(()),
        false => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the other process said something else",
        )),
    }
}

fn at(path: &Path, what: &dyn std::fmt::Display) -> io::Error {
    io::Error::other(format!("{}: {what}", path.display()))
}
