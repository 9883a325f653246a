//! [`Admin`]: where a running proxy is looked at and told what to do.
//!
//! On a thread of its own: nothing that is asked here delays a request. Only
//! who holds the token sees or changes anything; a person shows it once, to the
//! page.

mod board;
mod differences;
mod document;
mod door;
mod guard;
mod live;
mod openapi;
mod orders;
mod page;
mod pairs;
mod ready;
mod rollout;
mod scrape;
mod session;
mod sessions;
mod status;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use axum::extract::rejection::QueryRejection;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router, middleware};
use serde::Deserialize;
use tokio::runtime::Builder;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::config::Settings;
use crate::control::{AdminAddress, Control, JUDGE, SecureAddress};
use crate::journal::JournalError;
use crate::listen::tls::Certificate;
use crate::listen::{Handed, TakeOver};
use crate::tls::HTTP11;
use document::{Changes, ErrorDocument, told};
use door::Door;
use guard::Guard;
use live::Live;
use ready::Readiness;

/// The admin interface of a running proxy.
pub struct Admin {
    address: SocketAddr,
    /// To be handed over.
    listener: TcpListener,
    shared: Arc<Shared>,
    told: watch::Sender<Told>,
    thread: JoinHandle<()>,
}

/// What the thread is told.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    /// How often the file was asked to be read.
    reloads: u64,
    draining: bool,
    /// Nobody is let in for now.
    held: bool,
    /// Nobody will be let in any more.
    left: bool,
    stop: bool,
}

struct Shared {
    control: Control,
    certificate: Option<Arc<Certificate>>,
    readiness: Readiness,
    live: Live,
    told: watch::Receiver<Told>,
}

/// Longest body of a request, and longest text of a change.
const BODY: usize = 16 << 10;

/// How long somebody who was let in just before another process took over may
/// take to ask.
const GRACE: Duration = Duration::from_secs(1);

/// Binds the address where the file says the admin interface is; where the
/// process before handed that over, it is that very listener.
pub fn bind(settings: &Settings, handed: Option<&mut Handed>) -> io::Result<TcpListener> {
    let address = settings.admin;
    if settings.admin_tls.is_none() && !address.ip().is_loopback() {
        return Err(io::Error::new(
            io::ErrorKind::Unsupported,
            format!(
                "the admin interface must not leave the loopback without TLS, and {address} does: add admin_tls, or write admin = \"127.0.0.1:9901\""
            ),
        ));
    }
    if let Some(listener) = handed.and_then(|handed| handed.admin(address)) {
        return Ok(listener);
    }
    let listener = TcpListener::bind(address).map_err(|error| {
        let message = format!("the admin interface cannot listen on {address}: {error}");
        io::Error::new(error.kind(), message)
    })?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn certificate(settings: &Settings) -> io::Result<Option<Certificate>> {
    let files = settings.admin_tls.as_ref().map(|tls| &tls.files);
    files
        .map(|files| Certificate::read("the admin interface", files, &[HTTP11]))
        .transpose()
}

/// How the interface that listens at `at` is found from this machine. Over TLS
/// the URL has the address, if the certificate is one of that, or else a name
/// that the certificate is of.
pub fn address(settings: &Settings, at: SocketAddr) -> io::Result<AdminAddress> {
    let Some((tls, certificate)) = settings.admin_tls.as_ref().zip(certificate(settings)?) else {
        let url = format!("http://{at}");
        return Ok(AdminAddress { url, secure: None });
    };
    let mut connect = at;
    match at.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => connect.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => connect.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    let url = match certificate.name() {
        Some(name) if !certificate.is_of(&connect.ip().to_string()) => {
            format!("https://{name}:{}", connect.port())
        }
        _ => format!("https://{connect}"),
    };
    let trusted = tls.authority.as_ref().unwrap_or(&tls.files.0);
    Ok(AdminAddress {
        url,
        secure: Some(SecureAddress {
            connect,
            trusted: std::path::absolute(trusted)?,
        }),
    })
}

impl Admin {
    /// Serves on `listener`, and looks after the file and the journal.
    pub fn start(control: Control, listener: TcpListener, token: String) -> io::Result<Admin> {
        let address = listener.local_addr()?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (told, hears) = watch::channel(Told::default());
        let certificate = certificate(&control.at_start)?.map(Arc::new);
        let shared = Arc::new(Shared {
            certificate: certificate.clone(),
            control,
            readiness: Readiness::default(),
            live: Live::new(),
            told: hears.clone(),
        });
        let guard = Guard::new(token, address, certificate);
        let (kept, known) = (listener.try_clone()?, Arc::clone(&shared));
        let thread = thread::Builder::new()
            .name("cutline-admin".to_owned())
            .spawn(move || {
                runtime.block_on(serve(known, listener, guard, hears));
            })?;
        Ok(Admin {
            address,
            listener: kept,
            shared,
            told,
            thread,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Reads the file and the interface's certificate now, changed or not.
    pub fn reload(&self) {
        self.told.send_modify(|told| told.reloads += 1);
    }

    /// Says from now on that the proxy is not ready.
    pub fn draining(&self) {
        self.told.send_modify(|told| told.draining = true);
    }

    /// Its listener, to be handed over with the others.
    pub fn listener(&self) -> io::Result<TcpListener> {
        self.listener.try_clone()
    }

    /// What is to be done here when another process takes over: from the
    /// moment it asks, nobody is let in and nothing is decided, so that it
    /// finds the journal as it stays; who waits is let in by it. Where it
    /// fails, all goes on as before.
    pub fn taking_over(&self) -> impl Fn(TakeOver) + Send + use<> {
        // Whoever is told last must not keep the journal open.
        let (told, shared) = (self.told.clone(), Arc::downgrade(&self.shared));
        move |step| {
            if let Some(shared) = shared.upgrade() {
                shared.control.follow(step != TakeOver::Failed);
            }
            told.send_modify(|told| {
                told.held = step != TakeOver::Failed;
                told.left = step == TakeOver::Done;
            });
        }
    }

    /// Ends it, and waits for that.
    pub fn stop(self) {
        self.told.send_modify(|told| told.stop = true);
        // A thread that panicked has said so.
        let _ = self.thread.join();
    }
}

async fn serve(
    shared: Arc<Shared>,
    listener: TcpListener,
    guard: Guard,
    mut hears: watch::Receiver<Told>,
) {
    let door = match Door::new(listener, hears.clone(), shared.certificate.clone()) {
        Ok(door) => door,
        Err(error) => return tracing::error!(%error, "the admin interface cannot listen"),
    };
    let left = left(hears.clone());
    let serving = axum::serve(door, router(Arc::clone(&shared), guard))
        .with_graceful_shutdown(left)
        .into_future();
    let serving = async {
        match serving.await {
            // Everybody was answered; the journal is still to be followed.
            Ok(()) => std::future::pending().await,
            Err(error) => tracing::error!(%error, "the admin interface ended"),
        }
    };
    let looking = look(&shared, hears.clone());
    let telling = live::gather(&shared);
    tokio::select! {
        () = serving => {}
        () = looking => {}
        () = telling => {}
        _ = hears.wait_for(|told| told.stop) => {}
    }
    // What the last requests came to.
    shared.control.keep();
}

/// Waits until nobody will be let in, and who was has had the time to ask.
async fn left(mut hears: watch::Receiver<Told>) {
    match hears.wait_for(|told| told.left).await {
        Ok(_) => {}
        Err(_) => return,
    }
    tokio::time::sleep(GRACE).await;
}

async fn look(shared: &Shared, mut hears: watch::Receiver<Told>) {
    let control = &shared.control;
    // What was done, and at which pace: both are heard of at once.
    let mut known = (0, false);
    let mut judging = tokio::time::interval(JUDGE);
    judging.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = judging.tick() => control.judge(),
            () = tokio::time::sleep(control.pace()) => {
                control.look();
                if let Some(certificate) = &shared.certificate {
                    certificate.follow();
                }
            }
            told = hears.wait_for(|told| (told.reloads, told.held) != known) => {
                let Ok(told) = told else { return };
                let before = std::mem::replace(&mut known, (told.reloads, told.held));
                drop(told);
                if before.0 != known.0 {
                    control.reload();
                    if let Some(certificate) = &shared.certificate {
                        certificate.read_again();
                    }
                }
            }
        }
    }
}

/// Where something is, and whether it is shown without a token. A test holds
/// the document and the router to it.
const ROUTES: [(&str, &str, bool); 19] = [
    ("get", "/", true),
    ("get", "/api/board", false),
    ("get", "/api/changes", false),
    ("get", "/api/differences", false),
    ("get", "/api/live", false),
    ("get", "/api/pairs", false),
    ("get", "/api/sessions", false),
    ("post", "/api/stages/{stage}", false),
    ("post", "/api/stages/{stage}/rollout", false),
    ("post", "/api/stages/{stage}/runs", false),
    ("get", "/api/status", false),
    ("get", "/assets/vendor/{file}", true),
    ("get", "/assets/{file}", true),
    ("get", "/livez", true),
    ("get", "/metrics", false),
    ("get", "/openapi.json", true),
    ("get", "/readyz", true),
    ("post", "/session", true),
    ("delete", "/session", false),
];

fn router(shared: Arc<Shared>, guard: Guard) -> Router {
    let guard = Arc::new(guard);
    let session = post(session::log_in).delete(session::log_out);
    let looking = (Arc::clone(&shared), Arc::clone(&guard));
    Router::new()
        .route("/", get(page::file))
        .route("/api/board", get(board))
        .route("/api/changes", get(changes))
        .route("/api/differences", get(differences))
        .route("/api/live", get(live::live).with_state(looking))
        .route("/api/pairs", get(pairs::pairs))
        .route("/api/sessions", get(sessions::sessions))
        .route("/api/stages/{stage}", post(orders::change))
        .route("/api/stages/{stage}/rollout", post(orders::steer))
        .route("/api/stages/{stage}/runs", post(orders::ran))
        .route("/api/status", get(status))
        .route("/assets/vendor/{file}", get(page::file))
        .route("/assets/{file}", get(page::file))
        .route("/livez", get(async || "alive\n"))
        .route("/metrics", get(metrics))
        .route("/openapi.json", get(async || Json(openapi::document())))
        .route("/readyz", get(readyz))
        .route("/session", session.with_state(Arc::clone(&guard)))
        .fallback(any(nothing))
        .method_not_allowed_fallback(not_so)
        .layer(DefaultBodyLimit::max(BODY))
        .layer(middleware::from_fn_with_state(guard, guard::check))
        .layer(middleware::map_response(page::sealed))
        .with_state(shared)
}

async fn status(State(shared): State<Arc<Shared>>) -> Response {
    match status::of(&shared.control) {
        Ok(status) => Json(status).into_response(),
        Err(error) => journal(&error),
    }
}

async fn board(State(shared): State<Arc<Shared>>) -> Response {
    let draining = shared.told.borrow().draining;
    match board::of(&shared.control, draining) {
        Ok(board) => Json(board).into_response(),
        Err(error) => journal(&error),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfStage {
    stage: String,
}

async fn differences(
    State(shared): State<Arc<Shared>>,
    of: Result<Query<OfStage>, QueryRejection>,
) -> Response {
    let stage = match of {
        Ok(Query(OfStage { stage })) => stage,
        Err(error) => return wrong_stage(&error),
    };
    match differences::of(&shared.control, &stage) {
        Ok(Some(differences)) => Json(differences).into_response(),
        Ok(None) => no_stage(&stage),
        Err(error) => journal(&error),
    }
}

/// Where not one stage is asked for.
fn wrong_stage(error: &QueryRejection) -> Response {
    let mend = "?stage=inference";
    ErrorDocument::new(None, error.body_text(), mend).with(StatusCode::BAD_REQUEST)
}

fn no_stage(stage: &str) -> Response {
    let cause = "routes.toml names no stage of that name".to_owned();
    let mend = "GET /api/board names them";
    ErrorDocument::new(Some(stage), cause, mend).with(StatusCode::NOT_FOUND)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    stage: Option<String>,
    limit: Option<usize>,
}

async fn changes(
    State(shared): State<Arc<Shared>>,
    which: Result<Query<Which>, QueryRejection>,
) -> Response {
    let Query(which) = match which {
        Ok(which) => which,
        Err(error) => {
            let mend = "?stage=inference&limit=50";
            return ErrorDocument::new(None, error.body_text(), mend).with(StatusCode::BAD_REQUEST);
        }
    };
    let limit = which.limit.unwrap_or(50).min(1_000);
    match shared.control.changes(which.stage.as_deref(), limit) {
        Ok(changes) => Json(Changes {
            changes: changes.iter().map(told).collect(),
        })
        .into_response(),
        Err(error) => journal(&error),
    }
}

async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(CONTENT_TYPE, kind)], shared.control.running.metrics()).into_response()
}

async fn readyz(State(shared): State<Arc<Shared>>) -> Response {
    if shared.told.borrow().draining {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining\n").into_response();
    }
    match shared.readiness.of(&shared.control.running).await {
        true => "ready\n".into_response(),
        false => (
            StatusCode::SERVICE_UNAVAILABLE,
            "no process of the monolith can be reached\n",
        )
            .into_response(),
    }
}

async fn nothing(uri: Uri) -> Response {
    let cause = format!("there is nothing at {}", uri.path());
    ErrorDocument::new(None, cause, "GET /openapi.json says what there is")
        .with(StatusCode::NOT_FOUND)
}

async fn not_so(uri: Uri) -> Response {
    let cause = format!("{} is not asked with that method", uri.path());
    ErrorDocument::new(None, cause, "GET /openapi.json says how to ask")
        .with(StatusCode::METHOD_NOT_ALLOWED)
}

fn journal(error: &JournalError) -> Response {
    let cause = std::error::Error::source(error).map(|cause| format!("{error}: {cause}"));
    let cause = cause.unwrap_or_else(|| error.to_string());
    ErrorDocument::new(None, cause, error.mend()).with(StatusCode::INTERNAL_SERVER_ERROR)
}

/// As the documents show a time.
fn shown(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(time).to_string()
}
