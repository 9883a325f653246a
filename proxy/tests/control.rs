//! A running proxy is looked at and told what to do, over real sockets.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there"
)]

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;

use cutline_proxy::control;
use cutline_proxy::{TakeOver, admin};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};
use support::whole::Whole;
use support::{Upstream, eventually, say};

fn folder(monolith: &Upstream, candidate: &Upstream) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (monolith, candidate) = (monolith.url(), candidate.url());
    let text = format!(
        r#"listen = "127.0.0.1:0"
admin = "127.0.0.1:0"

[monolith]
upstream = "{monolith}"

[stage.inference]
routes = ["GET /drift"]
candidate = "{candidate}"
mode = "split"
percent = 0

[stage.training]
routes = ["POST /train"]
"#
    );
    fs::write(folder.path().join("routes.toml"), text).unwrap();
    folder
}

fn both() -> (Upstream, Upstream) {
    (Upstream::named("monolith"), Upstream::named("candidate"))
}

#[test]
fn a_change_holds_for_the_next_request_and_across_a_restart_until_the_file_changes() {
    let (monolith, candidate) = both();
    let folder = folder(&monolith, &candidate);
    let whole = Whole::start(folder.path());
    assert_eq!(whole.answers(), "monolith");
    let wish = json!({ "percent": 100, "who": "anna", "why": "all of it" });
    let (status, answer) = whole.post("inference", &wish);
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["now"], json!({ "mode": "split", "percent": 100.0 }));
    assert_eq!(answer["change"]["from"]["percent"], 0.0);
    assert_eq!(whole.answers(), "candidate");
    let again = whole.post("inference", &wish).1;
    assert_eq!(again["change"], Value::Null, "it is so already");
    whole.stop();

    let whole = Whole::start(folder.path());
    assert_eq!(whole.answers(), "candidate");
    let stage = whole.stage();
    assert_eq!(stage["declared"]["percent"], 0.0);
    assert_eq!(stage["now"]["percent"], 100.0);
    assert_eq!(stage["since"]["who"], "anna");
    assert_eq!(stage["since"]["why"], "all of it");
    assert_eq!(stage["traffic"]["requests"]["candidate"], 1);

    whole.edit("percent = 0", "percent = 0.01");
    eventually("the file wins", || whole.stage()["now"]["percent"] == 0.01);
    let changes = whole.get("/api/changes?stage=inference&limit=2");
    let changes = changes["changes"].as_array().unwrap();
    assert_eq!(
        (&changes[0]["by"], &changes[0]["to"]["percent"]),
        (&json!("file"), &json!(0.01))
    );
    assert_eq!(
        (&changes[1]["by"], &changes[1]["who"]),
        (&json!("admin"), &json!("anna"))
    );
    assert_eq!(changes.len(), 2);
    whole.stop();
}

#[test]
fn a_wrong_file_is_refused_whole_and_a_mended_one_taken() {
    let (monolith, candidate) = both();
    let folder = folder(&monolith, &candidate);
    let whole = Whole::start(folder.path());
    whole.edit("percent = 0", "percent = 101");
    eventually("the problem is shown", || {
        whole.get("/api/status")["file"]["refused"]["line"] == 11
    });
    let refused = &whole.get("/api/status")["file"]["refused"];
    let message = "stage inference: percent: 101 is no percentage: write a number from 0 to 100";
    assert_eq!(refused["message"], message);
    assert_eq!(whole.stage()["now"]["percent"], 0.0);
    assert_eq!(whole.answers(), "monolith");

    whole.edit("percent = 101", "percent = 100");
    eventually("it is taken", || whole.stage()["now"]["percent"] == 100.0);
    assert_eq!(whole.get("/api/status")["file"]["refused"], Value::Null);
    assert_eq!(whole.answers(), "candidate");

    whole.edit(
        "admin = \"127.0.0.1:0\"",
        "admin = \"127.0.0.1:1\"\n[limits]\nrequests = 7",
    );
    eventually("a field that needs a restart is named", || {
        whole.get("/api/status")["file"]["restart_for"] == json!(["admin", "limits"])
    });
    whole.stop();
}

#[test]
fn a_change_by_another_process_on_the_same_journal_is_taken_over() {
    let (monolith, candidate) = both();
    let folder = folder(&monolith, &candidate);
    let (one, other) = (Whole::start(folder.path()), Whole::start(folder.path()));
    one.post("inference", &json!({ "percent": 100 }));
    eventually("the other one follows", || other.answers() == "candidate");
    one.stop();
    other.stop();
}

/// Its file may be an older one than that of the process that takes over: it
/// must not set against it what it last read itself.
#[test]
fn while_another_process_takes_over_it_follows_and_decides_nothing() {
    let (monolith, candidate) = both();
    let folder = folder(&monolith, &candidate);
    let (old, new) = (Whole::start(folder.path()), Whole::start(folder.path()));
    let old_does = old.admin.taking_over();
    old_does(TakeOver::Begun);
    new.edit("percent = 0", "percent = 100");
    eventually("the old one follows", || old.answers() == "candidate");
    new.post("inference", &json!({ "percent": 0, "who": "anna" }));
    eventually("the old one follows", || old.answers() == "monolith");
    let changes = new.get("/api/changes?stage=inference");
    let who = changes["changes"].as_array().unwrap().iter();
    let who: Vec<_> = who.map(|change| &change["who"]).collect();
    assert_eq!(who, ["anna", "routes.toml", "routes.toml"], "and no other");

    std::thread::scope(|scope| {
        let asking = scope.spawn(|| old.stage()["now"]["percent"].clone());
        old_does(TakeOver::Failed);
        assert_eq!(asking.join().unwrap(), 0.0);
    });
    new.stop();
    old.edit("percent = 100", "percent = 50");
    eventually("it reads the file again", || {
        old.stage()["declared"]["percent"] == 50.0
    });
    old.stop();
    let log = folder.path().join(".cutline/journal.sqlite-wal");
    assert!(!log.exists(), "the journal was closed in good order");
    drop(old_does);
}

#[test]
fn a_refusal_names_stage_cause_and_mend() {
    let (monolith, candidate) = both();
    let folder = folder(&monolith, &candidate);
    let whole = Whole::start(folder.path());
    let refused = |stage: &str, wish: Value, status: u16| {
        let (found, answer) = whole.post(stage, &wish);
        assert_eq!(found, status, "{answer}");
        assert_eq!(answer["stage"], stage);
        let of = |field: &str| answer[field].as_str().unwrap().to_owned();
        (of("cause"), of("mend"))
    };
    let (cause, mend) = refused("inferense", json!({ "percent": 1 }), 404);
    assert_eq!(cause, "routes.toml names no stage of that name");
    assert_eq!(mend, "one of inference, training");
    let (cause, _) = refused("training", json!({ "mode": "shadow" }), 409);
    assert!(cause.contains("needs a candidate"), "{cause}");
    let (cause, _) = refused("inference", json!({}), 422);
    assert_eq!(cause, "neither mode nor percent is named");
    let (cause, _) = refused("inference", json!({ "percent": -1 }), 422);
    assert!(cause.contains("is no percentage"), "{cause}");
    let (cause, _) = refused("inference", json!({ "percents": 1 }), 400);
    assert!(cause.contains("unknown field `percents`"), "{cause}");
    let long = "x".repeat(1_001);
    refused("inference", json!({ "percent": 1, "why": long }), 400);
    assert_eq!(
        whole
            .post("inference", &json!({ "why": "x".repeat(20_000) }))
            .0,
        413
    );
    assert_eq!(whole.ask("GET /nothing", "").status, 404);
    assert_eq!(whole.ask("DELETE /api/status", "").status, 405);
    assert_eq!(whole.ask("GET /api/changes?limit=x", "").status, 400);
    assert_eq!(whole.stage()["now"]["percent"], 0.0, "nothing was changed");
    whole.stop();
}

#[test]
fn what_is_counted_is_shown_to_who_holds_the_token() {
    let (monolith, candidate) = both();
    let folder = folder(&monolith, &candidate);
    let whole = Whole::start(folder.path());
    let to = whole.admin.address();
    let bare = |path: &str| {
        say(
            to,
            &format!("GET {path} HTTP/1.1\r\nhost: {to}\r\nconnection: close\r\n\r\n"),
        )
    };
    for closed in ["/api/status", "/metrics", "/api/changes"] {
        let read = bare(closed);
        assert!(read.starts_with("HTTP/1.1 401"), "{read}");
        assert!(read.contains("www-authenticate: Bearer"), "{read}");
    }
    for open in ["/livez", "/readyz", "/openapi.json"] {
        let read = bare(open);
        assert!(read.starts_with("HTTP/1.1 200"), "{read}");
    }
    let metrics = whole.ask("GET /metrics", "").body;
    let percent = r#"cutline_stage_percent{stage="inference",mode="split"} 0"#;
    assert!(metrics.contains(percent), "{metrics}");
    whole.post("inference", &json!({ "mode": "shadow", "percent": 12.5 }));
    let metrics = whole.ask("GET /metrics", "").body;
    let percent = r#"cutline_stage_percent{stage="inference",mode="shadow"} 12.5"#;
    assert!(metrics.contains(percent), "{metrics}");
    whole.stop();
}

#[test]
fn it_is_ready_while_the_monolith_can_be_reached_and_it_does_not_drain() {
    let candidate = Upstream::named("candidate");
    let place = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = place.local_addr().unwrap();
    drop(place);
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "listen = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n[monolith]\nupstream = \"http://{address}\"\n[stage.a]\nroutes = [\"GET /x\"]\ncandidate = \"{}\"\n",
        candidate.url()
    );
    fs::write(folder.path().join("routes.toml"), text).unwrap();
    let whole = Whole::start(folder.path());
    assert_eq!(whole.ask("GET /readyz", "").status, 503);
    let listener = std::net::TcpListener::bind(address).unwrap();
    let _monolith = Upstream::on(listener, |_, socket| {
        support::respond(socket, "200 OK", "", "monolith")
    });
    eventually("it is ready", || whole.ask("GET /readyz", "").status == 200);
    whole.admin.draining();
    assert_eq!(whole.ask("GET /readyz", "").status, 503);
    assert_eq!(whole.ask("GET /livez", "").status, 200);
    whole.stop();
}

#[test]
fn off_the_loopback_it_does_not_start_without_tls() {
    let text = "listen = \"127.0.0.1:0\"\n[monolith]\nupstream = \"http://127.0.0.1:1\"\n";
    let mut config = control::check(Path::new("routes.toml"), text).unwrap();
    config.settings.admin = "0.0.0.0:0".parse().unwrap();
    let error = admin::bind(&config.settings, None).unwrap_err().to_string();
    assert!(error.contains("must not leave the loopback"), "{error}");
}

/// Says exactly `text` over TLS, to whom a certificate in `ca` vouches for as
/// `name`.
fn say_secretly(to: SocketAddr, ca: &Path, name: &str, text: &str) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(ca).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = name.to_owned().try_into().unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = StreamOwned::new(connection, TcpStream::connect(to)?);
    stream.write_all(text.as_bytes())?;
    let mut read = Vec::new();
    // Its end may come without a farewell.
    let _ = stream.read_to_end(&mut read);
    Ok(String::from_utf8_lossy(&read).into_owned())
}

#[test]
fn over_tls_it_is_known_by_its_certificate_and_asked_by_its_names() {
    let (monolith, candidate) = both();
    let folder = folder(&monolith, &candidate);
    let path = folder.path();
    certificate(
        path,
        "admin",
        &["proxy.example", "*.wild.example", "10.0.0.7"],
    );
    let file = fs::read_to_string(path.join("routes.toml")).unwrap();
    let tls =
        "admin = \"0.0.0.0:0\"\nadmin_tls = { certificate = \"admin.pem\", key = \"admin.key\" }";
    let file = file.replace("admin = \"127.0.0.1:0\"", tls);
    fs::write(path.join("routes.toml"), file).unwrap();
    let whole = Whole::start(path);
    let to = SocketAddr::from(([127, 0, 0, 1], whole.admin.address().port()));
    let ca = path.join("admin.pem");
    let get = |path: &str, host: &str, more: &str| {
        let text =
            format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n{more}connection: close\r\n\r\n");
        say_secretly(to, &ca, "proxy.example", &text).map(|read| {
            let status = read.split(' ').nth(1).and_then(|code| code.parse().ok());
            status.unwrap_or(0)
        })
    };
    let token = format!("authorization: Bearer {}\r\n", whole.token);
    let here = format!("127.0.0.1:{}", to.port());
    for own in [
        "proxy.example:9901",
        "proxy.example",
        "a.wild.example",
        "10.0.0.7:1",
        &here,
    ] {
        assert_eq!(get("/api/status", own, &token).unwrap(), 200, "{own}");
    }
    for foreign in [
        "other.example",
        "wild.example",
        "127.0.0.1:1",
        "10.0.0.8",
        "",
    ] {
        assert_eq!(
            get("/api/status", foreign, &token).unwrap(),
            403,
            "{foreign}"
        );
    }
    assert_eq!(get("/api/status", "proxy.example", "").unwrap(), 401);
    let page = format!("{token}origin: https://proxy.example\r\n");
    assert_eq!(get("/api/status", "proxy.example", &page).unwrap(), 200);
    let page = format!("{token}origin: http://proxy.example\r\n");
    assert_eq!(get("/api/status", "proxy.example", &page).unwrap(), 403);
    let plain = say(
        to,
        "GET /livez HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    );
    assert!(!plain.contains("alive"), "nothing in the clear: {plain}");

    // A handshake that goes on for long is in nobody's way.
    let _slow: Vec<_> = (0..10).map(|_| TcpStream::connect(to).unwrap()).collect();
    assert_eq!(get("/livez", "proxy.example", "").unwrap(), 200);

    fs::copy(&ca, path.join("old.pem")).unwrap();
    certificate(path, "admin", &["proxy.example"]);
    whole.admin.reload();
    eventually("the new certificate is shown", || {
        get("/livez", "proxy.example", "").is_ok_and(|status| status == 200)
    });
    let asked = "GET /livez HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    say_secretly(to, &path.join("old.pem"), "proxy.example", asked).unwrap_err();
    assert_eq!(
        get("/api/status", "10.0.0.7", &token).unwrap(),
        403,
        "no longer its name"
    );
    whole.stop();
}

#[test]
fn over_tls_its_url_has_what_the_certificate_names() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("routes.toml");
    let url = |listens: &str, names: &[&str]| {
        certificate(folder.path(), "admin", names);
        let text = format!(
            "listen = \"127.0.0.1:0\"\nadmin = \"{listens}\"\nadmin_tls = {{ certificate = \"admin.pem\", key = \"admin.key\" }}\n[monolith]\nupstream = \"http://127.0.0.1:1\"\n"
        );
        let settings = control::check(&file, &text).unwrap().settings;
        let found = admin::address(&settings, settings.admin).unwrap();
        let secure = found.secure.unwrap();
        assert!(secure.trusted.is_absolute() && secure.trusted.ends_with("admin.pem"));
        (found.url, secure.connect.to_string())
    };
    let (named, own) = ("proxy.example", "10.0.0.7:9901");
    let found = |url: &str, connect: &str| (url.to_owned(), connect.to_owned());
    assert_eq!(url(own, &[named]), found("https://proxy.example:9901", own));
    assert_eq!(
        url(own, &[named, "10.0.0.7"]),
        found("https://10.0.0.7:9901", own)
    );
    assert_eq!(
        url("0.0.0.0:9901", &["*.example", named]),
        found("https://proxy.example:9901", "127.0.0.1:9901")
    );
    assert_eq!(
        url("[::]:9901", &["::1"]),
        found("https://[::1]:9901", "[::1]:9901")
    );
    assert_eq!(
        url("127.0.0.1:9901", &["*.example"]).0,
        "https://127.0.0.1:9901"
    );
}

/// `{name}.pem` and `{name}.key` in `folder`: a certificate that signs itself.
fn certificate(folder: &Path, name: &str, names: &[&str]) {
    let names: Vec<_> = names.iter().map(ToString::to_string).collect();
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    fs::write(folder.join(format!("{name}.pem")), made.cert.pem()).unwrap();
    let key = made.signing_key.serialize_pem();
    fs::write(folder.join(format!("{name}.key")), key).unwrap();
}

/// Each certificate and key that the file names is opened before it counts.
#[test]
fn a_file_it_names_that_cannot_be_used_is_shown_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a", "b"] {
        certificate(folder.path(), name, &["localhost"]);
    }
    fs::write(folder.path().join("empty"), "").unwrap();
    let file = folder.path().join("routes.toml");
    let wrong = |tls: &str, side: &str| {
        let text = format!(
            "listen = \"127.0.0.1:0\"\n{tls}\n[monolith]\nupstream = \"http://127.0.0.1:1\"\n[stage.a]\nroutes = [\"GET /\"]\ncandidate = \"https://localhost:1\"\n{side}\n"
        );
        let problem = control::check(&file, &text).err().unwrap().to_string();
        let shown = format!("{}{}", folder.path().display(), std::path::MAIN_SEPARATOR);
        problem.replace(&shown, "")
    };
    let good = "tls.authority = \"a.pem\"";
    let files = |at: &str, certificate: &str, key: &str| {
        format!("{at} = {{ certificate = \"{certificate}\", key = \"{key}\" }}")
    };
    for (tls, side, expected) in [
        (
            files("tls", "none.pem", "a.key"),
            good.to_owned(),
            "2:23: tls: certificate none.pem: cannot be read: ",
        ),
        (
            files("tls", "empty", "a.key"),
            good.to_owned(),
            "2:23: tls: certificate empty: holds no certificate in PEM",
        ),
        (
            files("admin_tls", "a.pem", "a.pem"),
            good.to_owned(),
            "2:44: admin_tls: key a.pem: holds no private key in PEM",
        ),
        (
            files("admin_tls", "a.pem", "b.key"),
            good.to_owned(),
            "2:44: admin_tls: key b.key: is not the key of a.pem",
        ),
        (
            "admin_tls = { certificate = \"a.pem\", key = \"a.key\", authority = \"empty\" }"
                .to_owned(),
            good.to_owned(),
            "2:65: admin_tls: authority empty: holds no certificate in PEM",
        ),
        (
            String::new(),
            "tls.authority = \"none.pem\"".to_owned(),
            "8:17: stage a: candidate: tls: authority none.pem: cannot be read: ",
        ),
        (
            String::new(),
            "[stage.a.tls]\nauthority = \"a.pem\"\ncertificate = \"a.pem\"\nkey = \"b.key\""
                .to_owned(),
            "11:7: stage a: candidate: tls: key b.key: is not the key of a.pem",
        ),
        (
            String::new(),
            "tls = { authority = \"a.pem\", server_name = \"no name\" }".to_owned(),
            "8:44: stage a: candidate: tls: server_name no name: is no name of a server",
        ),
    ] {
        let problem = wrong(&tls, &side);
        assert!(problem.starts_with(expected), "{problem}");
        assert!(problem.ends_with(')'), "it says what to do: {problem}");
    }
}

/// What the command line could not know the interface by is said at once.
#[test]
fn a_certificate_that_no_client_would_know_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let write = |name: &str, certificates: &[&rcgen::Certificate], key: &rcgen::KeyPair| {
        let chain: String = certificates.iter().map(|one| one.pem()).collect();
        fs::write(path.join(format!("{name}.pem")), chain).unwrap();
        fs::write(path.join(format!("{name}.key")), key.serialize_pem()).unwrap();
    };
    let names = || vec!["proxy.example".to_owned()];
    let mut params = rcgen::CertificateParams::new(names()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().unwrap();
    let authority = params.self_signed(&key).unwrap();
    write("ca", &[&authority], &key);
    let issuer = rcgen::Issuer::new(params, key);
    let mut params = rcgen::CertificateParams::new(names()).unwrap();
    params.not_after = rcgen::date_time_ymd(2001, 1, 1);
    let key = rcgen::KeyPair::generate().unwrap();
    let expired = params.signed_by(&key, &issuer).unwrap();
    write("expired", &[&expired, &authority], &key);
    params.not_after = rcgen::date_time_ymd(2999, 1, 1);
    let leaf = params.signed_by(&key, &issuer).unwrap();
    write("leaf", &[&leaf], &key);
    write("chain", &[&leaf, &authority], &key);

    let check = |name: &str, more: &str| {
        let text = format!(
            "listen = \"127.0.0.1:0\"\nadmin_tls = {{ certificate = \"{name}.pem\", key = \"{name}.key\"{more} }}\n[monolith]\nupstream = \"http://127.0.0.1:1\"\n"
        );
        let checked = control::check(&path.join("routes.toml"), &text);
        checked.map_or_else(|problem| problem.to_string(), |_| String::new())
    };
    let problem = check("ca", "");
    assert!(
        problem.starts_with("2:29: admin_tls: certificate"),
        "{problem}"
    );
    assert!(
        problem.contains("ca.pem: is an authority's own"),
        "{problem}"
    );
    let problem = check("leaf", "");
    assert!(
        problem.contains("leaf.pem: is signed by an authority that is not known"),
        "{problem}"
    );
    for (name, more) in [
        ("chain", ""),
        ("leaf", ", authority = \"ca.pem\""),
        ("expired", ""),
    ] {
        assert_eq!(check(name, more), "", "{name}");
    }
}

#[test]
fn a_file_whose_certificate_is_missing_is_refused_until_it_is_there() {
    let (monolith, candidate) = both();
    let folder = folder(&monolith, &candidate);
    let whole = Whole::start(folder.path());
    let tls = "[monolith]\ntls = { authority = \"ca.pem\" }";
    whole.edit("[monolith]", tls);
    let monolith = format!("\"http://{}", monolith.address);
    whole.edit(&monolith, &monolith.replace("http:", "https:"));
    eventually("the problem is shown", || {
        whole.get("/api/status")["file"]["refused"]["line"] == 5
    });
    assert_eq!(whole.answers(), "monolith", "what was in place stays");
    certificate(folder.path(), "ca", &["localhost"]);
    eventually("it is taken", || {
        whole.get("/api/status")["file"]["refused"] == Value::Null
    });
    whole.stop();
}

/// A page that hears of the board.
struct Hearing(BufReader<TcpStream>);

impl Hearing {
    fn begin(whole: &Whole) -> Hearing {
        let (to, token) = (whole.admin.address(), &whole.token);
        let mut socket = TcpStream::connect(to).unwrap();
        let patience = std::time::Duration::from_secs(30);
        socket.set_read_timeout(Some(patience)).unwrap();
        let text = format!(
            "GET /api/live HTTP/1.1\r\nhost: {to}\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
        );
        socket.write_all(text.as_bytes()).unwrap();
        Hearing(BufReader::new(socket))
    }

    /// The next line that holds `text`.
    fn until(&mut self, text: &str) -> String {
        let mut seen = String::new();
        loop {
            let mut line = String::new();
            assert_ne!(self.0.read_line(&mut line).unwrap(), 0, "the end: {seen}");
            if line.contains(text) {
                return line;
            }
            seen += &line;
        }
    }

    fn rest(mut self) -> String {
        let mut rest = Vec::new();
        // A connection that is cut has an end, too.
        let _ = self.0.read_to_end(&mut rest);
        String::from_utf8_lossy(&rest).into_owned()
    }
}

#[test]
fn a_page_hears_the_board_whenever_it_changed_and_then_its_end() {
    let (monolith, candidate) = both();
    let folder = folder(&monolith, &candidate);
    let whole = Whole::start(folder.path());
    let mut page = Hearing::begin(&whole);
    page.until("HTTP/1.1 200");
    page.until("event: board");
    let first = page.until("data: ");
    let board: Value = serde_json::from_str(first.trim_start_matches("data: ")).unwrap();
    assert_eq!(board, whole.get("/api/board"));
    assert_eq!(board["stages"][0]["routes"], json!(["GET /drift"]));
    assert_eq!(board["stages"][0]["rollout"], Value::Null);

    let wish = json!({ "percent": 10, "who": "anna", "why": "first customers" });
    assert_eq!(whole.post("inference", &wish).0, 200);
    let changed = page.until("\"percent\":10.0");
    let board: Value = serde_json::from_str(changed.trim_start_matches("data: ")).unwrap();
    let last = &board["stages"][0]["last"];
    assert_eq!(
        (&last["who"], &last["why"]),
        (&json!("anna"), &json!("first customers"))
    );
    assert_eq!(board["history"][0], *last);

    whole.admin.draining();
    page.until("event: end");
    assert!(!page.rest().contains("event: board"));
    let late = whole.ask("GET /api/live", "");
    assert_eq!(late.status, 503);
    assert!(late.body.contains("shutting down"), "{}", late.body);
    assert_eq!(whole.get("/api/board")["draining"], true);
    whole.stop();
}

#[test]
fn only_so_many_pages_are_told() {
    let (monolith, candidate) = both();
    let folder = folder(&monolith, &candidate);
    let whole = Whole::start(folder.path());
    let mut pages: Vec<_> = (0..32).map(|_| Hearing::begin(&whole)).collect();
    for page in &mut pages {
        page.until("event: board");
    }
    let one_more = whole.ask("GET /api/live", "");
    assert_eq!(one_more.status, 503);
    assert!(
        one_more.body.contains("close one of them"),
        "{}",
        one_more.body
    );
    pages.pop();
    eventually("there is room for another", || {
        let mut line = String::new();
        Hearing::begin(&whole).0.read_line(&mut line).unwrap();
        line.contains("200")
    });
    whole.stop();
}

#[test]
fn what_differs_is_asked_of_a_stage_that_there_is() {
    let (monolith, candidate) = both();
    let folder = folder(&monolith, &candidate);
    let whole = Whole::start(folder.path());
    let told = whole.get("/api/differences?stage=inference");
    assert_eq!(
        (&told["stage"], &told["compared"]),
        (&json!("inference"), &Value::Null)
    );
    let nothing = whole.ask("GET /api/differences?stage=nothing", "");
    assert_eq!(nothing.status, 404);
    assert!(
        nothing.body.contains("names no stage of that name"),
        "{}",
        nothing.body
    );
    assert_eq!(whole.ask("GET /api/differences", "").status, 400);
    let shown = whole.ask("GET /", "");
    assert_eq!(shown.status, 200);
    let policy = shown.field("content-security-policy").unwrap();
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self'"),
        "{policy}"
    );
    whole.stop();
}

/// Off the loopback the cookie is one that browsers send over TLS alone.
#[test]
fn over_tls_the_cookie_of_a_login_never_leaves_it() {
    let (monolith, candidate) = both();
    let folder = folder(&monolith, &candidate);
    let path = folder.path();
    certificate(path, "admin", &["proxy.example"]);
    let file = fs::read_to_string(path.join("routes.toml")).unwrap();
    let tls =
        "admin = \"0.0.0.0:0\"\nadmin_tls = { certificate = \"admin.pem\", key = \"admin.key\" }";
    let file = file.replace("admin = \"127.0.0.1:0\"", tls);
    fs::write(path.join("routes.toml"), file).unwrap();
    let whole = Whole::start(path);
    let to = SocketAddr::from(([127, 0, 0, 1], whole.admin.address().port()));
    let ca = path.join("admin.pem");
    let body = json!({ "token": whole.token }).to_string();
    let length = body.len();
    let login = format!(
        "POST /session HTTP/1.1\r\nhost: proxy.example\r\norigin: https://proxy.example\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    let read = say_secretly(to, &ca, "proxy.example", &login).unwrap();
    assert!(read.starts_with("HTTP/1.1 204 "), "{read}");
    let cookie = support::field(&read, "set-cookie").unwrap();
    let prefix = format!("__Host-cutline_session_{}=", to.port());
    assert!(
        cookie.starts_with(&prefix) && cookie.ends_with("; Secure"),
        "{cookie}"
    );

    let cookie = cookie.split(';').next().unwrap();
    let board = format!(
        "GET /api/board HTTP/1.1\r\nhost: proxy.example\r\ncookie: {cookie}\r\nconnection: close\r\n\r\n"
    );
    let read = say_secretly(to, &ca, "proxy.example", &board).unwrap();
    assert!(read.starts_with("HTTP/1.1 200"), "{read}");
    whole.stop();
}
