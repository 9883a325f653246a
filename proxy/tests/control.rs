//! A running proxy is looked at and told what to do, over real sockets.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there"
)]

mod support;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use cutline_proxy::control::{self, Control};
use cutline_proxy::{Admin, Journal, Proxy, Running, StateFolder, admin};
use serde_json::{Value, json};
use support::whole::Whole;
use support::{Upstream, ask, eventually, say};

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
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path(), "admin", &["localhost"]);
    let text = "listen = \"127.0.0.1:0\"\nadmin = \"0.0.0.0:0\"\nadmin_tls = { certificate = \"admin.pem\", key = \"admin.key\" }\n[monolith]\nupstream = \"http://127.0.0.1:1\"\n";
    let file = folder.path().join("routes.toml");
    let config = control::check(&file, text).unwrap();
    let error = admin::bind(&config.settings, None).unwrap_err().to_string();
    assert!(error.contains("speaks no TLS yet"), "{error}");
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
