//! A real Azurite: Azure Storage on this machine's loopback.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cutline_runtime::azure::{Account, Credential};
use cutline_runtime::store::place::AzurePlace;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tempfile::TempDir;

use super::environment::npm;

/// An exact version, so that all test the same service.
const PACKAGE: &str = "azurite@3.37.0";

/// Each test has an account of its own: nothing of one is seen in another.
const ACCOUNTS: [&str; 4] = ["first", "second", "third", "fourth"];

/// A service with nothing in it; stopped when dropped.
pub(crate) struct Azurite {
    child: Child,
    pub(crate) blobs: SocketAddr,
    pub(crate) queues: SocketAddr,
    folder: TempDir,
}

impl Azurite {
    pub(crate) fn start() -> Azurite {
        Azurite::started("http", &ACCOUNTS, &[])
    }

    /// Over https with the certificate in `TLS.pem` and `TLS.key`, for who shows
    /// a token.
    pub(crate) fn over_https(tls: &Path, account: &str) -> Azurite {
        let file = |ending| tls.with_extension(ending).display().to_string();
        let (certificate, key) = (file("pem"), file("key"));
        let options = ["--oauth", "basic", "--cert", &certificate, "--key", &key];
        Azurite::started("https", &[account], &options)
    }

    fn started(scheme: &str, accounts: &[&str], options: &[&str]) -> Azurite {
        let program = program();
        let folder = TempDir::new().expect("there is a temporary folder");
        let accounts: Vec<String> = accounts
            .iter()
            .map(|account| format!("{account}:{}", key(account)))
            .collect();
        // It ends with whoever holds the other end of its input.
        let mut child = Command::new("sh")
            .args([
                "-c",
                "\"$@\" & cat >/dev/null; kill -9 $!",
                "azurite",
                "node",
            ])
            .arg(program)
            .args(["--blobPort", "0", "--queuePort", "0", "--tablePort", "0"])
            .args(options)
            .args(["--silent", "--skipApiVersionCheck", "--disableTelemetry"])
            .arg("--location")
            .arg(folder.path())
            .env("AZURITE_ACCOUNTS", accounts.join(";"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh can be run");
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let mut listening = |service: &str| {
            let begins =
                format!("Azurite {service} service is successfully listening at {scheme}://");
            loop {
                let line = lines.next().and_then(Result::ok);
                let line = line.expect("Azurite says where it listens");
                if let Some(address) = line.strip_prefix(&begins) {
                    return address.trim().parse().expect("an address follows");
                }
            }
        };
        let (blobs, queues) = (listening("Blob"), listening("Queue"));
        thread::spawn(move || lines.for_each(drop));
        Azurite {
            child,
            blobs,
            queues,
            folder,
        }
    }

    /// A container, asked with the account's key.
    pub(crate) fn by_key(&self, account: &str, container: &str) -> Account {
        self.account(account, container, Credential::Key(key(account).into()))
    }

    /// A container, asked with a credential.
    pub(crate) fn account(&self, account: &str, container: &str, shown: Credential) -> Account {
        let place = AzurePlace::parse(
            &self.url(account, container),
            Some(&self.queue_service(account)),
        );
        let provider = rustls::crypto::ring::default_provider();
        let tls = rustls::ClientConfig::builder_with_provider(provider.into())
            .with_safe_default_protocol_versions()
            .expect("ring has what TLS needs")
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        let http = reqwest::Client::builder().tls_backend_preconfigured(tls);
        let http = http.build().expect("a client can be made");
        Account::new(place.expect("it is one"), shown, http).expect("it can be right")
    }

    /// Where it keeps everything.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// `store.url` of a container.
    pub(crate) fn url(&self, account: &str, container: &str) -> String {
        format!("azure:http://{}/{account}/{container}", self.blobs)
    }

    /// `store.queues` of an account.
    pub(crate) fn queue_service(&self, account: &str) -> String {
        format!("http://{}/{account}", self.queues)
    }

    /// Makes a container.
    pub(crate) fn make_container(&self, account: &str, container: &str) {
        let sas = sas(account, "rwdlacup", "2999-01-01T00:00:00Z");
        let path = format!("/{account}/{container}?restype=container&{sas}");
        let mut stream = TcpStream::connect(self.blobs).expect("Azurite listens");
        let host = self.blobs;
        write!(
            stream,
            "PUT {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        .expect("Azurite reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("Azurite answers");
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    }
}

impl Drop for Azurite {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// The key of an account.
pub(crate) fn key(account: &str) -> String {
    STANDARD.encode(format!(
        "the key of {account}, which opens only what tests made"
    ))
}

/// An account SAS of all services. ("Create an account SAS", Azure Storage REST
/// API, version 2020-12-06.)
pub(crate) fn sas(account: &str, permissions: &str, until: &str) -> String {
    sas_from(account, permissions, "", until)
}

/// The same, not good before a time.
pub(crate) fn sas_from(account: &str, permissions: &str, from: &str, until: &str) -> String {
    const VERSION: &str = "2020-12-06";
    let signed =
        format!("{account}\n{permissions}\nbq\nsco\n{from}\n{until}\n\nhttps,http\n{VERSION}\n\n");
    let key = STANDARD.decode(key(account)).expect("it was encoded");
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("keys have any length");
    mac.update(signed.as_bytes());
    let signature: String = STANDARD
        .encode(mac.finalize().into_bytes())
        .replace('+', "%2B")
        .replace('/', "%2F")
        .replace('=', "%3D");
    let begins = match from.is_empty() {
        true => String::new(),
        false => format!("&st={from}"),
    };
    format!(
        "sv={VERSION}&ss=bq&srt=sco&sp={permissions}{begins}&se={until}&spr=https,http&sig={signature}"
    )
}

/// Installed once.
fn program() -> PathBuf {
    npm("azurite", &[PACKAGE]).join("node_modules/azurite/dist/src/azurite.js")
}
