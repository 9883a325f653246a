//! Azure as far as it can be had on a loopback: a real Azurite over https under
//! the names that Azure's services have, a Key Vault, and who gives tokens.
//!
//! Programs under test are configured as in production. They reach all of it
//! through a proxy (`HTTPS_PROXY`) that knows these names and no others, and
//! believe an authority (`SSL_CERT_FILE`) that was made for the test.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;
use tempfile::TempDir;

use super::azurite::Azurite;

/// The account, and the vault.
pub(crate) const NAME: &str = "churn";
const LOGIN: &str = "login.microsoftonline.com";
const VAULT: &str = "churn.vault.azure.net";
const BLOBS: &str = "churn.blob.core.windows.net";
const QUEUES: &str = "churn.queue.core.windows.net";

/// What the platform says to those who may have its identity.
pub(crate) const FEDERATED: &str = "federated-t0ken-of-the-platform";
const HEADER: &str = "header-s3cret-of-the-platform";

/// Stopped when dropped.
pub(crate) struct Cloud {
    pub(crate) azurite: Azurite,
    pub(crate) folder: TempDir,
    proxy: SocketAddr,
    /// Where a managed identity is asked for, over http as Azure has it.
    identity: SocketAddr,
    told: Arc<Told>,
}

/// What the services know, and what they were asked.
#[derive(Default)]
struct Told {
    secrets: Mutex<BTreeMap<String, String>>,
    tokens: Mutex<Vec<String>>,
    asked: Mutex<Vec<String>>,
}

/// As whom a program asks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Identity {
    Workload,
    Managed,
    Cli,
}

impl Cloud {
    pub(crate) fn start() -> Cloud {
        let folder = TempDir::new().expect("there is a temporary folder");
        let tls = certificates(folder.path());
        let azurite = Azurite::over_https(&folder.path().join("leaf"), NAME);
        let told = Arc::new(Told::default());
        let services = listen();
        let (known, served) = (Arc::clone(&told), services.1);
        thread::spawn(move || {
            for client in served.incoming().map_while(Result::ok) {
                let (tls, known) = (Arc::clone(&tls), Arc::clone(&known));
                thread::spawn(move || {
                    let session = ServerConnection::new(tls).expect("the certificate is right");
                    let mut stream = StreamOwned::new(session, client);
                    // Who goes away has gone away.
                    let _ = answer(&mut stream, &known);
                    stream.conn.send_close_notify();
                    let _ = stream.flush();
                });
            }
        });
        let (identity, platform) = listen();
        let known = Arc::clone(&told);
        thread::spawn(move || {
            for mut client in platform.incoming().map_while(Result::ok) {
                let _ = answer(&mut client, &known);
            }
        });
        let proxy = proxy(BTreeMap::from([
            (BLOBS, azurite.blobs),
            (QUEUES, azurite.queues),
            (LOGIN, services.0),
            (VAULT, services.0),
        ]));
        fs::write(folder.path().join("federated"), FEDERATED).expect("it can be written");
        Cloud {
            azurite,
            folder,
            proxy,
            identity,
            told,
        }
    }

    /// Puts a secret into the vault.
    pub(crate) fn has_secret(&self, name: &str, value: &str) {
        let mut secrets = self
            .told
            .secrets
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        secrets.insert(name.to_owned(), value.to_owned());
    }

    /// Every token that was given.
    pub(crate) fn tokens(&self) -> Vec<String> {
        let tokens = self
            .told
            .tokens
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        tokens.clone()
    }

    /// What was asked for, a line each, since the last time.
    pub(crate) fn asked(&self) -> Vec<String> {
        let mut asked = self
            .told
            .asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *asked)
    }

    /// What a program's environment says there.
    pub(crate) fn environment(&self, identity: Identity) -> Vec<(String, String)> {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        let mut said = vec![
            ("HTTPS_PROXY".to_owned(), format!("http://{}", self.proxy)),
            ("SSL_CERT_FILE".to_owned(), path("ca.pem")),
        ];
        let mut say = |name: &str, value: String| said.push((name.to_owned(), value));
        match identity {
            Identity::Workload => {
                say("AZURE_FEDERATED_TOKEN_FILE", path("federated"));
                say("AZURE_TENANT_ID", "tenant".to_owned());
                say("AZURE_CLIENT_ID", "client".to_owned());
            }
            Identity::Managed => {
                say(
                    "IDENTITY_ENDPOINT",
                    format!("http://{}/token", self.identity),
                );
                say("IDENTITY_HEADER", HEADER.to_owned());
                say("AZURE_CLIENT_ID", "client".to_owned());
            }
            Identity::Cli => {
                let token = self.token("https://storage.azure.com");
                let path = self.command_line(&token);
                let paths = std::env::var("PATH").unwrap_or_default();
                say("PATH", format!("{}:{paths}", path.display()));
                say("AZURE_TOKEN_CREDENTIALS", "AzureCliCredential".to_owned());
            }
        }
        said
    }

    fn token(&self, audience: &str) -> String {
        self.told.token(audience)
    }

    /// A folder with an `az` that is logged in.
    fn command_line(&self, token: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let folder = self.folder.path().join("bin");
        let program = folder.join("az");
        let told = json!({
            "accessToken": token,
            "expires_on": now() + 3_600,
            "expiresOn": "2999-01-01 00:00:00.000000",
            "tokenType": "Bearer",
        });
        fs::create_dir_all(&folder).expect("it can be made");
        fs::write(&program, format!("#!/bin/sh\necho '{told}'\n")).expect("it can be written");
        let runs = fs::Permissions::from_mode(0o700);
        fs::set_permissions(&program, runs).expect("it is ours");
        folder
    }
}

impl Told {
    /// As Azurite looks at one: its times, for whom and from whom.
    fn token(&self, audience: &str) -> String {
        let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let token = [
            part(json!({ "alg": "RS256", "typ": "JWT" })),
            part(json!({
                "aud": audience,
                "iss": "https://sts.windows.net/tenant/",
                "iat": now() - 60,
                "nbf": now() - 60,
                "exp": now() + 3_600,
            })),
            URL_SAFE_NO_PAD.encode(format!("signature for {audience}")),
        ];
        let token = token.join(".");
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.push(token.clone());
        token
    }

    fn note(&self, line: String) {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.push(line);
    }

    fn said(&self, request: &Request) -> (u16, String, String) {
        let Request { target, body, .. } = request;
        let host = request.header("host");
        self.note(format!(
            "{host}{}",
            target.split('?').next().unwrap_or_default()
        ));
        let says = |status, body: serde_json::Value| (status, String::new(), body.to_string());
        let storage = "https://storage.azure.com";
        if host == LOGIN && target.ends_with("/oauth2/v2.0/token") {
            let is_known = body.contains(&format!("client_assertion={FEDERATED}"));
            let audience = match body.contains("vault.azure.net") {
                true => "https://vault.azure.net",
                false => storage,
            };
            return match is_known {
                true => says(
                    200,
                    json!({
                        "token_type": "Bearer",
                        "expires_in": 3_600,
                        "access_token": self.token(audience),
                    }),
                ),
                false => says(401, json!({ "error": "invalid_client" })),
            };
        }
        if target.starts_with("/token?") && request.header("x-identity-header") == HEADER {
            let audience = match target.contains("vault.azure.net") {
                true => "https://vault.azure.net",
                false => storage,
            };
            return says(
                200,
                json!({
                    "access_token": self.token(audience),
                    "expires_on": (now() + 3_600).to_string(),
                    "resource": audience,
                    "token_type": "Bearer",
                }),
            );
        }
        if host == VAULT {
            return self.secret(request);
        }
        says(404, json!({ "error": "there is no such thing" }))
    }

    fn secret(&self, request: &Request) -> (u16, String, String) {
        let shown = request.header("authorization");
        let shown = shown.strip_prefix("Bearer ").unwrap_or_default().to_owned();
        let audience = shown.split('.').nth(1).unwrap_or_default();
        let audience = URL_SAFE_NO_PAD.decode(audience).unwrap_or_default();
        if !String::from_utf8_lossy(&audience).contains("vault.azure.net") {
            let challenge = "www-authenticate: Bearer authorization=\"https://login.microsoftonline.com/tenant\", resource=\"https://vault.azure.net\"\r\n";
            return (401, challenge.to_owned(), "{}".to_owned());
        }
        let name = request.target.split(['/', '?']).nth(2).unwrap_or_default();
        let secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        let (status, said) = match secrets.get(name) {
            Some(value) => {
                let id = format!("https://{VAULT}/secrets/{name}/1");
                (200, json!({ "value": value, "id": id }))
            }
            None => (
                404,
                json!({ "error": { "code": "SecretNotFound", "message": name } }),
            ),
        };
        (status, String::new(), said.to_string())
    }
}

struct Request {
    target: String,
    headers: String,
    body: String,
}

impl Request {
    fn header(&self, name: &str) -> &str {
        let lines = self.headers.lines().filter_map(|line| line.split_once(':'));
        let mut named = lines.filter(|(known, _)| known.eq_ignore_ascii_case(name));
        named.next().map_or("", |(_, value)| value.trim())
    }
}

/// One request, one answer.
fn answer(stream: &mut (impl Read + Write), told: &Told) -> io::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte)? == 1 {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let (line, headers) = head.split_once("\r\n").unwrap_or_default();
    let mut request = Request {
        target: line.split(' ').nth(1).unwrap_or_default().to_owned(),
        headers: headers.to_owned(),
        body: String::new(),
    };
    let length = request.header("content-length").parse().unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    request.body = String::from_utf8_lossy(&body).into_owned();
    let (status, more, said) = told.said(&request);
    let length = said.len();
    write!(
        stream,
        "HTTP/1.1 {status} S\r\ncontent-type: application/json\r\n{more}content-length: {length}\r\nconnection: close\r\n\r\n{said}"
    )?;
    stream.flush()
}

/// `ca.pem` of an authority, `leaf.pem` and `leaf.key` of what it says is all of
/// these services.
fn certificates(folder: &Path) -> Arc<ServerConfig> {
    let key = KeyPair::generate().expect("ring makes keys");
    let mut params = CertificateParams::new(Vec::new()).expect("no name is wrong");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // A leaf of the same name would be taken to have signed itself.
    let name = &mut params.distinguished_name;
    name.push(DnType::CommonName, "an authority of tests");
    let authority = params.self_signed(&key).expect("it can sign");
    let issuer = Issuer::new(params, key);
    let own = KeyPair::generate().expect("ring makes keys");
    let names = [LOGIN, VAULT, BLOBS, QUEUES].map(ToOwned::to_owned);
    let leaf = CertificateParams::new(names.to_vec()).expect("the names are right");
    let leaf = leaf.signed_by(&own, &issuer).expect("it can sign");
    for (name, text) in [
        ("ca.pem", authority.pem()),
        ("leaf.pem", leaf.pem()),
        ("leaf.key", own.serialize_pem()),
    ] {
        fs::write(folder.join(name), text).expect("it can be written");
    }
    let own = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(own.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has what TLS needs")
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], own);
    Arc::new(config.expect("the key is the certificate's"))
}

/// Takes `CONNECT` to these hosts, and refuses all others.
fn proxy(hosts: BTreeMap<&'static str, SocketAddr>) -> SocketAddr {
    let (address, listener) = listen();
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let hosts = hosts.clone();
            thread::spawn(move || connect(client, &hosts));
        }
    });
    address
}

fn connect(mut client: TcpStream, hosts: &BTreeMap<&str, SocketAddr>) -> io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let host = line.split([' ', ':']).nth(1).unwrap_or_default();
    let target = hosts.get(host).copied();
    while !matches!(line.as_str(), "\r\n" | "") {
        line.clear();
        reader.read_line(&mut line)?;
    }
    let Some(target) = target else {
        return client.write_all(b"HTTP/1.1 403 S\r\ncontent-length: 0\r\n\r\n");
    };
    let server = TcpStream::connect(target)?;
    client.write_all(b"HTTP/1.1 200 S\r\n\r\n")?;
    let (mut back, mut to_client) = (server.try_clone()?, client);
    thread::spawn(move || {
        let _ = io::copy(&mut back, &mut to_client);
        let _ = to_client.shutdown(Shutdown::Both);
    });
    let mut to_server = server;
    let _ = io::copy(&mut reader, &mut to_server);
    to_server.shutdown(Shutdown::Both)
}

fn listen() -> (SocketAddr, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
    let address = listener.local_addr().expect("it is bound");
    (address, listener)
}

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.expect("it is after 1970").as_secs()
}
