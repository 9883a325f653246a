use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use azure_core::credentials::{AccessToken, TokenRequestOptions};
use azure_core::time::OffsetDateTime;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::*;

const HOST: &str = "churn.vault.azure.net";
const TOKEN: &str = "t0ken-of-churn";

/// A Key Vault: over https, with a certificate of an authority of its own, and
/// with the challenge that Azure's answers to who shows nothing.
struct Stub {
    address: SocketAddr,
    authority: rustls::pki_types::CertificateDer<'static>,
    now: Arc<std::sync::Mutex<Answer>>,
    asked: Arc<std::sync::Mutex<Vec<String>>>,
}

#[derive(Clone)]
enum Answer {
    Secret(&'static str),
    /// As Azure's vaults answer: a status, a message, and the code inside.
    Error(u16, &'static str, &'static str),
    /// Only when somebody lets it.
    Late(Arc<std::sync::Barrier>, &'static str),
    /// The connection ends.
    Nothing,
}

impl Stub {
    fn start() -> Stub {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = params.self_signed(&key).unwrap();
        let issuer = Issuer::new(params, key);
        let own = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec![HOST.to_owned()]).unwrap();
        let leaf = leaf.signed_by(&own, &issuer).unwrap();
        let own = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(own.serialize_der()));
        let tls = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], own)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stub = Stub {
            address: listener.local_addr().unwrap(),
            authority: authority.der().clone(),
            now: Arc::new(std::sync::Mutex::new(Answer::Nothing)),
            asked: Arc::default(),
        };
        let (tls, now, asked) = (Arc::new(tls), stub.now.clone(), stub.asked.clone());
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let session = ServerConnection::new(Arc::clone(&tls)).unwrap();
                // Who goes away has gone away.
                let _ = answer(StreamOwned::new(session, client), &now, &asked);
            }
        });
        stub
    }

    fn says(&self, answer: Answer) {
        *self.now.lock().unwrap() = answer;
    }

    /// What was asked with a token, since the last time.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    fn vault(&self, fresh: Duration, pause: Duration) -> (Vault, Arc<Tokens>) {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .resolve(HOST, self.address)
            .build()
            .unwrap();
        let url = Url::parse(&format!("https://{HOST}:{}", self.address.port())).unwrap();
        let tokens = Arc::new(Tokens::default());
        let stale = STALE;
        let ages = Ages {
            fresh,
            pause,
            stale,
        };
        let vault = Vault::new(url, tokens.clone(), http, ages);
        (vault.map_err(|_| "the URL is right").unwrap(), tokens)
    }
}

fn answer(
    mut stream: StreamOwned<ServerConnection, TcpStream>,
    now: &std::sync::Mutex<Answer>,
    asked: &std::sync::Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte)? == 1 {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let challenge = "www-authenticate: Bearer authorization=\"https://login.microsoftonline.com/t\", resource=\"https://vault.azure.net\"\r\n";
    let is_shown = head.contains(&format!("Bearer {TOKEN}"));
    let said = now.lock().unwrap().clone();
    let (status, more, body) = match said {
        _ if !is_shown => (401, challenge, "{}".to_owned()),
        Answer::Nothing => return Ok(()),
        Answer::Secret(value) => {
            let id = format!("https://{HOST}/secrets/churn-db/43f7");
            let attributes = serde_json::json!({ "enabled": true });
            let secret = serde_json::json!({ "value": value, "id": id, "attributes": attributes });
            (200, "", secret.to_string())
        }
        Answer::Late(until, value) => {
            until.wait();
            (200, "", serde_json::json!({ "value": value }).to_string())
        }
        Answer::Error(status, message, inner) => {
            let code = if status == 403 { "Forbidden" } else { inner };
            let error = serde_json::json!({ "error": {
                "code": code,
                "message": message,
                "innererror": { "code": inner },
            } });
            (status, "", error.to_string())
        }
    };
    if is_shown {
        let line = head.lines().next().unwrap_or_default().to_owned();
        asked.lock().unwrap().push(line);
    }
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status} S\r\ncontent-type: application/json\r\n{more}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )?;
    stream.conn.send_close_notify();
    stream.flush()
}

/// Gives tokens, and keeps for what.
#[derive(Debug, Default)]
struct Tokens {
    scopes: std::sync::Mutex<Vec<String>>,
    given: AtomicUsize,
}

#[async_trait::async_trait]
impl TokenCredential for Tokens {
    async fn get_token(
        &self,
        scopes: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let scopes = scopes.iter().map(ToString::to_string);
        self.scopes.lock().unwrap().extend(scopes);
        self.given.fetch_add(1, Ordering::Relaxed);
        let until = OffsetDateTime::now_utc() + azure_core::time::Duration::hours(1);
        Ok(AccessToken::new(TOKEN.to_owned(), until))
    }
}

async fn text(vault: &Vault, written: &str) -> Result<String, String> {
    let from: SecretFrom = written.parse().unwrap();
    let SecretFrom::Vault(secret) = &from else {
        panic!("{written} is in a vault");
    };
    let text = vault.text(&from, secret).await;
    text.map(|text| text.to_string())
        .map_err(|error| format!("{:#}", anyhow::Error::new(error)))
}

const CURRENT: &str = "secret:vault:churn-db";

#[tokio::test]
async fn the_challenge_says_for_what_a_token_is() {
    let stub = Stub::start();
    stub.says(Answer::Secret("s3cret"));
    let (vault, tokens) = stub.vault(FRESH, PAUSE);
    assert_eq!(text(&vault, CURRENT).await.as_deref(), Ok("s3cret"));
    let scopes = tokens.scopes.lock().unwrap().clone();
    assert_eq!(scopes, ["https://vault.azure.net/.default"]);
    let asked = stub.asked();
    assert_eq!(asked.len(), 1);
    assert!(asked[0].starts_with("GET /secrets/churn-db"), "{asked:?}");
}

#[tokio::test]
async fn what_was_fetched_is_kept_for_a_while_and_then_fetched_anew() {
    let stub = Stub::start();
    stub.says(Answer::Secret("one"));
    let (kept, _) = stub.vault(FRESH, PAUSE);
    assert_eq!(text(&kept, CURRENT).await.as_deref(), Ok("one"));
    let (fetched, _) = stub.vault(Duration::ZERO, PAUSE);
    assert_eq!(text(&fetched, CURRENT).await.as_deref(), Ok("one"));
    stub.says(Answer::Secret("two"));
    assert_eq!(text(&kept, CURRENT).await.as_deref(), Ok("one"));
    assert_eq!(text(&fetched, CURRENT).await.as_deref(), Ok("two"));
}

#[tokio::test]
async fn a_version_is_asked_for_by_name_and_kept_for_good() {
    let stub = Stub::start();
    stub.says(Answer::Secret("one"));
    let (vault, _) = stub.vault(Duration::ZERO, PAUSE);
    let version = "secret:vault:churn-db/43f7";
    assert_eq!(text(&vault, version).await.as_deref(), Ok("one"));
    stub.says(Answer::Secret("two"));
    assert_eq!(text(&vault, version).await.as_deref(), Ok("one"));
    let asked = stub.asked();
    assert_eq!(asked.len(), 1);
    assert!(asked[0].contains("/secrets/churn-db/43f7?"), "{asked:?}");
}

#[tokio::test]
async fn a_vault_that_is_away_is_bridged_and_one_that_says_no_is_believed() {
    let stub = Stub::start();
    stub.says(Answer::Secret("one"));
    let (vault, _) = stub.vault(Duration::ZERO, PAUSE);
    assert_eq!(text(&vault, CURRENT).await.as_deref(), Ok("one"));
    stub.says(Answer::Error(501, "Not now.", "NotNow"));
    stub.asked();
    assert_eq!(text(&vault, CURRENT).await.as_deref(), Ok("one"));
    // For a while it is left alone.
    let asked = stub.asked().len();
    assert!(asked >= 1);
    assert_eq!(text(&vault, CURRENT).await.as_deref(), Ok("one"));
    assert_eq!(stub.asked().len(), 0);

    let (vault, _) = stub.vault(Duration::ZERO, Duration::ZERO);
    stub.says(Answer::Secret("one"));
    assert_eq!(text(&vault, CURRENT).await.as_deref(), Ok("one"));
    stub.says(Answer::Error(
        404,
        "A secret with (name/id) churn-db was not found in this key vault.",
        "SecretNotFound",
    ));
    let gone = text(&vault, CURRENT).await.unwrap_err();
    assert!(gone.contains("there is no such secret"), "{gone}");
    assert!(
        gone.starts_with("secret:vault:churn-db: https://churn.vault.azure.net"),
        "{gone}"
    );
    // It is used no longer, even if the vault is away then.
    stub.says(Answer::Error(501, "Not now.", "NotNow"));
    let away = text(&vault, CURRENT).await.unwrap_err();
    assert!(away.contains("the vault does not answer"), "{away}");
    assert!(!away.contains(TOKEN), "{away}");
}

#[tokio::test]
async fn what_a_vault_has_against_it_is_said_with_what_to_do() {
    let stub = Stub::start();
    for (status, message, code, told) in [
        (
            403,
            "Caller is not authorized to perform action on resource.",
            "ForbiddenByRbac",
            "give it Key Vault Secrets User on the secret",
        ),
        (
            403,
            "Client address is not authorized and caller is not a trusted service.",
            "ForbiddenByFirewall",
            "its network rules and private endpoints",
        ),
        (
            403,
            "Operation get is not allowed on a disabled secret.",
            "SecretDisabled",
            "the secret is disabled",
        ),
        (
            400,
            "The name is not valid.",
            "BadParameter",
            "takes no such question",
        ),
    ] {
        stub.says(Answer::Error(status, message, code));
        let (vault, _) = stub.vault(FRESH, PAUSE);
        let said = text(&vault, CURRENT).await.unwrap_err();
        assert!(said.contains(told), "{code}: {said}");
    }
    let (vault, _) = stub.vault(FRESH, PAUSE);
    stub.says(Answer::Secret(" "));
    let said = text(&vault, CURRENT).await.unwrap_err();
    assert!(said.contains("the secret is empty"), "{said}");
}

#[tokio::test]
async fn a_slow_vault_keeps_nobody_waiting_who_can_go_on() {
    let stub = Stub::start();
    stub.says(Answer::Secret("one"));
    let (vault, _) = stub.vault(Duration::ZERO, PAUSE);
    assert_eq!(text(&vault, CURRENT).await.as_deref(), Ok("one"));
    let until = Arc::new(std::sync::Barrier::new(2));
    stub.says(Answer::Late(Arc::clone(&until), "two"));
    stub.asked();
    let (first, second) = tokio::join!(text(&vault, CURRENT), text(&vault, CURRENT));
    assert_eq!(
        (first.as_deref(), second.as_deref()),
        (Ok("one"), Ok("one"))
    );
    // Both were one question, which is answered for who asks then.
    tokio::task::spawn_blocking(move || until.wait())
        .await
        .unwrap();
    stub.says(Answer::Nothing);
    while text(&vault, CURRENT).await.as_deref() != Ok("two") {
        tokio::task::yield_now().await;
    }
    assert_eq!(stub.asked().len(), 1);
}

#[tokio::test]
async fn of_several_that_have_nothing_one_asks() {
    let stub = Stub::start();
    let (vault, _) = stub.vault(FRESH, PAUSE);
    for (answer, said) in [
        (Answer::Error(501, "Not now.", "NotNow"), None),
        (Answer::Secret("one"), Some("one")),
    ] {
        stub.says(answer);
        vault.forget();
        let asking = (0..5).map(|_| text(&vault, CURRENT));
        for answer in futures_util::future::join_all(asking).await {
            assert_eq!(answer.as_deref().ok(), said, "{answer:?}");
        }
        assert_eq!(stub.asked().len(), 1);
    }
}
