//! A new process takes the place of an old one, and no request is lost.
//!
//! The old one offers its listeners over a Unix socket. The new one asks for
//! them, starts to accept from the very same queues, and says so; only then does
//! the old one stop accepting and end what it has begun. Closing a listener and
//! binding another would reset whatever waits in its queue.
//!
//! ```text
//! new: connects            old: sends the listeners
//! new: serves, sends `S`   old: takes its offer away, answers `D`, drains
//! ```

use std::fs::{self, Permissions};
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

use super::{Proxy, Running};
use crate::config::Config;

const LISTENERS: &[u8] = b"L";
const SERVING: &[u8] = b"S";
const DRAINING: &[u8] = b"D";
/// How long either process waits for the other's next word.
const PATIENCE: Duration = Duration::from_secs(60);
/// Listeners that one message can hold.
const MOST: usize = 64;

/// An old process's offer. Dropping it takes it back.
pub struct Offer {
    path: PathBuf,
    over: Arc<AtomicBool>,
    taken: Mutex<Receiver<()>>,
}

/// What a new process was handed.
pub struct Handed {
    listeners: Vec<TcpListener>,
    old: UnixStream,
}

impl Running {
    /// Offers the listeners at `path` to whoever runs as the same user. A
    /// socket that an earlier process left there is replaced.
    pub fn offer(&self, path: &Path) -> io::Result<Offer> {
        let listeners = self.listeners.iter().map(TcpListener::try_clone);
        let listeners = listeners.collect::<io::Result<Vec<_>>>()?;
        if fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket()) {
            fs::remove_file(path)?;
        }
        let socket = UnixListener::bind(path).map_err(|error| at(path, &error))?;
        fs::set_permissions(path, Permissions::from_mode(0o600))?;
        let (told, taken) = mpsc::channel();
        let over = Arc::new(AtomicBool::new(false));
        let (ended, owned) = (Arc::clone(&over), path.to_owned());
        let name = "cutline-offer".to_owned();
        thread::Builder::new().name(name).spawn(move || {
            for asking in socket.incoming() {
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                let handed = asking.and_then(|asking| hand(asking, &listeners, &owned));
                match handed {
                    Ok(()) => {
                        ended.store(true, Ordering::Relaxed);
                        let _ = told.send(());
                        return;
                    }
                    Err(error) => tracing::warn!(%error, "a take-over was not finished"),
                }
            }
        })?;
        Ok(Offer {
            path: path.to_owned(),
            over,
            taken: Mutex::new(taken),
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

impl Offer {
    /// Whether a new process serves, after waiting no longer than `patience`
    /// for one. Then call [`Running::hand_over`].
    pub fn is_taken(&self, patience: Duration) -> bool {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        match taken.recv_timeout(patience) {
            Ok(()) => true,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => false,
        }
    }
}

impl Drop for Offer {
    fn drop(&mut self) {
        if !self.over.swap(true, Ordering::Relaxed) {
            // Its thread sees that it is over when it is asked.
            let _ = UnixStream::connect(&self.path);
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Sends the listeners and waits until they are served.
fn hand(mut asking: UnixStream, listeners: &[TcpListener], path: &Path) -> io::Result<()> {
    let peer = rustix::net::sockopt::socket_peercred(&asking)?;
    if peer.uid != rustix::process::getuid() {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "another user asked for the listeners",
        ));
    }
    asking.set_read_timeout(Some(PATIENCE))?;
    let descriptors: Vec<BorrowedFd<'_>> = listeners.iter().map(AsFd::as_fd).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut rights = SendAncillaryBuffer::new(&mut space);
    if !rights.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        let text = format!("more than {MOST} listeners cannot be handed over");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    sendmsg(
        &asking,
        &[IoSlice::new(LISTENERS)],
        &mut rights,
        SendFlags::empty(),
    )?;
    heard(&mut asking, SERVING)?;
    // Before the new process makes an offer of its own at the same place.
    fs::remove_file(path)?;
    asking.write_all(DRAINING)
}

impl Handed {
    /// Asks whoever offers its listeners at `path` for them; None where nobody
    /// does.
    pub fn ask(path: &Path) -> io::Result<Option<Handed>> {
        let old = match UnixStream::connect(path) {
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
        let mut byte = [0];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
        let mut rights = RecvAncillaryBuffer::new(&mut space);
        let mut slices = [IoSliceMut::new(&mut byte)];
        let received = recvmsg(&old, &mut slices, &mut rights, RecvFlags::CMSG_CLOEXEC)?;
        if received.bytes == 0 {
            return Err(at(path, &"the old process gave nothing"));
        }
        let mut listeners = Vec::new();
        for message in rights.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                listeners.extend(descriptors.map(TcpListener::from));
            }
        }
        Ok(Some(Handed { listeners, old }))
    }

    /// Where the listeners listen.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let addresses = self.listeners.iter().map(TcpListener::local_addr);
        addresses.filter_map(Result::ok).collect()
    }

    /// Tells the old process that this one serves; back once that one drains.
    /// To be called after [`Proxy::start`]. Dropped without it, the old one
    /// goes on as if nobody had asked.
    pub fn serving(mut self) -> io::Result<()> {
        self.old.write_all(SERVING)?;
        heard(&mut self.old, DRAINING)
    }
}

impl Proxy {
    /// Takes the listeners that were handed over, as far as the file names
    /// their addresses, and binds the others.
    pub fn take_over(config: Config, handed: &mut Handed) -> io::Result<Proxy> {
        let mut listeners = Vec::new();
        for address in &config.settings.listen {
            let mut known = handed.listeners.iter();
            let same = known.position(|known| is_for(known, *address));
            listeners.push(match same {
                Some(place) => handed.listeners.swap_remove(place),
                None => super::listener(*address)?,
            });
        }
        Proxy::on(listeners, config)
    }
}

/// Port 0 asks for any port, so any port will do.
fn is_for(listener: &TcpListener, address: SocketAddr) -> bool {
    listener
        .local_addr()
        .is_ok_and(|known| known == address || address.port() == 0 && known.ip() == address.ip())
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
