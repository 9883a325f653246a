//! Tells webhooks of decisions, in the form that Slack reads.
//!
//! Each webhook has a bounded queue and a thread that posts what it holds: a
//! decision never waits for one, nor one webhook for another. What finds the
//! queue full, and what is not taken in time, is lost, counted, and said in the
//! log, without the URL's path, which often is a secret.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use cutline_proxy::config::{Notices, Occasion, Webhook};
use cutline_proxy::control::{Notice, Notify};
use cutline_proxy::route::{Mode, Share};
use serde_json::{Value, json};
use ureq::Agent;

use crate::error::{CommandError, Kind};
use crate::trust::system_tls;
use crate::{private, secrets};

/// Notices that may wait, for each webhook.
const QUEUE: usize = 256;
/// How long one attempt may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait before each attempt but the first.
const AGAIN: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(20),
];
/// How long the end of the process waits for what is still to be told.
const FLUSH: Duration = Duration::from_secs(3);

/// What tells webhooks, until the process ends.
pub(crate) struct Webhooks {
    queues: Vec<Queue>,
    on: BTreeSet<Occasion>,
    /// Each is closed once its thread has ended.
    ended: Vec<Receiver<()>>,
}

/// One webhook's.
#[derive(Clone)]
struct Queue {
    to: Webhook,
    /// None is the last.
    waiting: SyncSender<Option<Arc<Notice>>>,
    lost: Arc<AtomicU64>,
}

/// What a proxy's control holds.
struct Told {
    queues: Vec<Queue>,
    on: BTreeSet<Occasion>,
}

impl Webhooks {
    /// Starts the threads that post.
    pub(crate) fn start(notices: &Notices, home: &Path) -> Result<Webhooks, CommandError> {
        let mut all = notices.webhooks.clone();
        for secret in &notices.secrets {
            let found = found(secret, home);
            all.push(found.map_err(|error| CommandError::new(Kind::Configuration, error))?);
        }
        if let Some(file) = &notices.file {
            let listed = listed(file);
            all.extend(listed.map_err(|error| CommandError::new(Kind::Configuration, error))?);
        }
        let shown: Vec<_> = all.iter().map(ToString::to_string).collect();
        tracing::info!(webhooks = shown.join(", "), "decisions are told");
        Ok(Webhooks::to(all, notices.on.clone(), &AGAIN)?)
    }

    fn to(all: Vec<Webhook>, on: BTreeSet<Occasion>, again: &[Duration]) -> anyhow::Result<Self> {
        let (mut queues, mut ended) = (Vec::new(), Vec::new());
        for to in all {
            let (waiting, notices) = mpsc::sync_channel::<Option<Arc<Notice>>>(QUEUE);
            let (ending, ends) = mpsc::channel::<()>();
            let lost = Arc::new(AtomicU64::new(0));
            let poster = Poster {
                agent: agent(&to),
                to: to.clone(),
                again: again.to_vec(),
                lost: Arc::clone(&lost),
            };
            let work = move || {
                let _ending = ending;
                while let Ok(Some(notice)) = notices.recv() {
                    poster.post(&notice);
                }
            };
            let name = "cutline-webhook".to_owned();
            let thread = thread::Builder::new().name(name).spawn(work);
            thread.context("cannot start")?;
            queues.push(Queue { to, waiting, lost });
            ended.push(ends);
        }
        Ok(Webhooks { queues, on, ended })
    }

    /// For the control that is to tell.
    pub(crate) fn notify(&self) -> Box<dyn Notify> {
        Box::new(Told {
            queues: self.queues.clone(),
            on: self.on.clone(),
        })
    }

    /// Posts what waits, as far as it is taken in time.
    pub(crate) fn flush(self) {
        let until = Instant::now() + FLUSH;
        for queue in &self.queues {
            // Where it is full, its thread is not awaited to the end.
            let _ = queue.waiting.try_send(None);
        }
        for (queue, ended) in self.queues.iter().zip(&self.ended) {
            let left = until.saturating_duration_since(Instant::now());
            if ended.recv_timeout(left) == Err(RecvTimeoutError::Timeout) {
                let webhook = &queue.to;
                tracing::warn!(%webhook, "the last decisions have not reached it");
            }
        }
    }
}

impl Notify for Told {
    fn notify(&self, notice: Notice) {
        if !self.on.contains(&notice.occasion) {
            return;
        }
        let notice = Arc::new(notice);
        for queue in &self.queues {
            if queue.waiting.try_send(Some(Arc::clone(&notice))).is_err() {
                lost(&queue.to, &queue.lost, "too many wait");
            }
        }
    }
}

fn lost(webhook: &Webhook, counted: &AtomicU64, why: &str) {
    let lost = counted.fetch_add(1, Ordering::Relaxed) + 1;
    tracing::warn!(%webhook, why, lost, "a decision was not told");
}

/// The URL that is a secret.
fn found(secret: &str, home: &Path) -> anyhow::Result<Webhook> {
    let text = secrets::referred(secret, home).context("notify: webhook")?;
    Webhook::parse(&text).with_context(|| {
        format!("notify: webhook: what {secret} says is no URL: write https://host/path")
    })
}

/// The URLs in a file, one per line; lines that begin with # are not read.
fn listed(file: &Path) -> anyhow::Result<Vec<Webhook>> {
    let shown = file.display();
    let text = private::read(file).context("notify: webhook_file")?;
    let mut webhooks = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let webhook = Webhook::parse(line).with_context(|| {
            format!(
                "notify: {shown}:{}: the line is no URL: write https://host/path",
                at + 1
            )
        })?;
        webhooks.push(webhook);
    }
    anyhow::ensure!(!webhooks.is_empty(), "notify: {shown} names no webhook");
    Ok(webhooks)
}

fn agent(to: &Webhook) -> Agent {
    let mut config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(TIMEOUT));
    if to.uri().scheme_str() == Some("https") {
        config = config.tls_config(system_tls());
    }
    config.build().into()
}

struct Poster {
    agent: Agent,
    to: Webhook,
    again: Vec<Duration>,
    lost: Arc<AtomicU64>,
}

/// Why a notice was not taken.
struct NotTaken {
    why: String,
    /// It may be the next time.
    again: bool,
}

impl Poster {
    fn post(&self, notice: &Notice) {
        let body = message(notice).to_string();
        let mut waits = self.again.iter();
        while let Err(not) = self.once(&body) {
            match waits.next() {
                Some(wait) if not.again => thread::sleep(*wait),
                _ => return lost(&self.to, &self.lost, &not.why),
            }
        }
    }

    fn once(&self, body: &str) -> Result<(), NotTaken> {
        let request = self.agent.post(self.to.uri().clone());
        let answer = request
            .header("content-type", "application/json")
            .send(body);
        let status = match answer {
            Ok(answer) => answer.status(),
            Err(error) => {
                let why = match error {
                    // Its words may repeat the URL.
                    ureq::Error::BadUri(_) | ureq::Error::Http(_) => "no such URL".to_owned(),
                    error => error.to_string(),
                };
                return Err(NotTaken { why, again: true });
            }
        };
        if status.is_success() {
            return Ok(());
        }
        Err(NotTaken {
            why: format!("it answers {status}"),
            again: status.is_server_error() || matches!(status.as_u16(), 408 | 429),
        })
    }
}

/// What is posted: `text` is what Slack shows, `cutline` is for machines.
fn message(notice: &Notice) -> Value {
    let share =
        |share: Share| json!({ "mode": share.mode.name(), "percent": share.weight.percent() });
    json!({
        "text": sentence(notice),
        "cutline": {
            "occasion": notice.occasion,
            "stage": notice.stage,
            "time": humantime::format_rfc3339_millis(notice.time).to_string(),
            "from": notice.from.map(share),
            "to": notice.to.map(share),
            "who": notice.who,
            "why": notice.why,
        },
    })
}

fn sentence(notice: &Notice) -> String {
    let shown = |share: Option<Share>| match share {
        None => "nothing".to_owned(),
        Some(share) if matches!(share.mode, Mode::Monolith | Mode::Candidate) => {
            share.mode.name().to_owned()
        }
        Some(share) => format!("{} {}", share.mode.name(), share.weight),
    };
    let (from, to) = (shown(notice.from), shown(notice.to));
    let moved = match from == to {
        true => format!("stays at {to}"),
        false => format!("goes from {from} to {to}"),
    };
    let stage = &notice.stage;
    let said = match notice.occasion {
        Occasion::Advance => format!("{stage} advances from {from} to {to}"),
        Occasion::RollBack => format!("{stage} is rolled back from {from} to {to}"),
        Occasion::AwaitConfirmation => format!("{stage} waits for a person to confirm {to}"),
        Occasion::Finish => format!("{stage} has passed its last step, {to}"),
        Occasion::People => format!("{stage} {moved}, by {}", notice.who),
    };
    let text = match notice.why.is_empty() {
        true => said,
        false => format!("{said}: {}", notice.why),
    };
    // The three that Slack reads as its own marks.
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;
    use std::time::SystemTime;

    use cutline_proxy::route::Weight;

    use super::*;

    fn notice(why: &str) -> Notice {
        Notice {
            occasion: Occasion::RollBack,
            stage: "inference".to_owned(),
            time: SystemTime::UNIX_EPOCH,
            from: Some(Share {
                mode: Mode::Split,
                weight: Weight::from_basis_points(2_500),
            }),
            to: Some(Share {
                mode: Mode::Shadow,
                weight: Weight::FULL,
            }),
            who: "cutline".to_owned(),
            why: why.to_owned(),
        }
    }

    /// A server that answers with these statuses, one after the other; what it
    /// is sent comes out at the other end.
    fn server(statuses: &'static [u16]) -> (Webhook, Receiver<Value>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/T0/secret", listener.local_addr().unwrap());
        let (send, heard) = mpsc::channel();
        thread::spawn(move || {
            for status in statuses {
                let (mut socket, _) = listener.accept().unwrap();
                let mut reader = BufReader::new(socket.try_clone().unwrap());
                let (mut length, mut line) = (0, String::new());
                while reader.read_line(&mut line).unwrap() > 2 {
                    let lower = line.to_ascii_lowercase();
                    if let Some(value) = lower.strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                    line.clear();
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                let answer = format!(
                    "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
                );
                socket.write_all(answer.as_bytes()).unwrap();
                send.send(serde_json::from_slice(&body).unwrap()).unwrap();
            }
        });
        (Webhook::parse(&url).unwrap(), heard)
    }

    fn telling(to: Webhook, on: Occasion) -> Webhooks {
        Webhooks::to(vec![to], [on].into(), &[Duration::ZERO; 2]).unwrap()
    }

    #[test]
    fn a_decision_is_posted_until_it_is_taken() {
        let (to, heard) = server(&[503, 429, 200]);
        let webhooks = telling(to, Occasion::RollBack);
        let notify = webhooks.notify();
        notify.notify(Notice {
            occasion: Occasion::People,
            ..notice("")
        });
        notify.notify(notice("41 of 8,113 differ, <all> & more"));
        for _ in 0..3 {
            let posted = heard.recv().unwrap();
            assert_eq!(
                posted["text"],
                "inference is rolled back from split 25 % to shadow 100 %: 41 of 8,113 differ, &lt;all&gt; &amp; more"
            );
            let fields = &posted["cutline"];
            assert_eq!(fields["occasion"], "roll-back");
            assert_eq!(fields["from"], json!({ "mode": "split", "percent": 25.0 }));
            assert_eq!(fields["time"], "1970-01-01T00:00:00.000Z");
        }
        let lost = Arc::clone(&webhooks.queues[0].lost);
        webhooks.flush();
        assert_eq!(lost.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn what_is_refused_or_never_taken_is_counted() {
        for statuses in [&[404][..], &[500, 500, 500]] {
            let (to, heard) = server(statuses);
            let webhooks = telling(to, Occasion::RollBack);
            webhooks.notify().notify(notice(""));
            for _ in statuses {
                heard.recv().unwrap();
            }
            let lost = Arc::clone(&webhooks.queues[0].lost);
            webhooks.flush();
            assert_eq!(lost.load(Ordering::Relaxed), 1);
        }
    }

    #[test]
    fn what_finds_the_queue_full_is_counted_at_once() {
        // It accepts, and never answers.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let webhooks = telling(Webhook::parse(&url).unwrap(), Occasion::RollBack);
        let notify = webhooks.notify();
        for _ in 0..QUEUE + 10 {
            notify.notify(notice(""));
        }
        // One at most is on its way.
        assert!(webhooks.queues[0].lost.load(Ordering::Relaxed) >= 9);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_read_is_refused_and_none_of_it_told() {
        use std::fs;
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("webhooks");
        let mode = |mode| fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        fs::write(&file, "# on call\nhttps://hooks.example/secret\n\n").unwrap();
        mode(0o644);
        let referred = || found("secret:file:webhooks", folder.path());
        let refused = format!("{:#}", referred().unwrap_err());
        let begins = "notify: webhook: others can read";
        assert!(refused.starts_with(begins), "{refused}");
        let refused = format!("{:#}", listed(&file).unwrap_err());
        assert!(
            refused.starts_with("notify: webhook_file: others can read"),
            "{refused}"
        );
        mode(0o600);
        assert_eq!(listed(&file).unwrap().len(), 1);
        fs::write(&file, "https://a/b\nhooks.example/secret\n").unwrap();
        let refused = format!("{:#}", listed(&file).unwrap_err());
        assert!(
            refused.contains("webhooks:2: the line is no URL"),
            "{refused}"
        );
        assert!(!refused.contains("secret"), "{refused}");
    }

    #[test]
    fn what_stands_for_a_url_is_opened_and_never_told() {
        let home = Path::new("");
        for (reference, says) in [
            (
                "secret:env:CUTLINE_NO_SUCH_SECRET",
                "CUTLINE_NO_SUCH_SECRET cannot be read",
            ),
            (
                "secret:vault:on-call",
                "neither secret:env:VARIABLE nor secret:file:PATH",
            ),
            ("secret:env:PATH", "what secret:env:PATH says is no URL"),
        ] {
            let refused = format!("{:#}", found(reference, home).unwrap_err());
            assert!(refused.contains(says), "{refused}");
            assert!(!refused.contains("/bin"), "{refused}");
        }
    }
}
