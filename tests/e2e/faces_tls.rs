//! Faces over TLS, as clients and the proxy in front of them reach them.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use rcgen::generate_simple_self_signed;

use crate::support::pipeline::{Home, Running};
use crate::support::{eventually, run};

/// Puts a certificate and its key there.
fn shows(folder: &Path) {
    let names = vec!["localhost".to_owned()];
    let made = generate_simple_self_signed(names).unwrap();
    let key = folder.join("faces.key");
    fs::write(folder.join("faces.pem"), made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
}

/// Whether it is ready, to who believes only this certificate.
fn is_ready(running: &Running, certificate: &Path) -> bool {
    let url = format!(
        "https://localhost:{}/v2/health/live",
        running.address.port()
    );
    let mut curl = Command::new("curl");
    curl.args([
        "--silent",
        "--fail",
        "--output",
        "/dev/null",
        "--noproxy",
        "*",
        "--cacert",
    ]);
    curl.arg(certificate).arg(&url).status().unwrap().success()
}

#[test]
fn faces_speak_tls_and_read_their_certificate_again() {
    let home = Home::new("");
    let file = home.path().join("functions.toml");
    let text = fs::read_to_string(&file).unwrap();
    let tls = "[serve]\ntls = { certificate = \"faces.pem\", key = \"secret:file:faces.key\" }";
    fs::write(&file, text.replacen("[serve]", tls, 1)).unwrap();
    shows(home.path());
    let running = home.run(&[], &[]);
    let shown = home.path().join("faces.pem");
    assert!(is_ready(&running, &shown));

    let before = home.path().join("before.pem");
    fs::copy(&shown, &before).unwrap();
    shows(home.path());
    let id = running.id().to_string();
    run(Command::new("kill").args(["-HUP", &id]), "it is gone");
    eventually("another certificate is shown", || {
        is_ready(&running, &shown)
    });
    assert!(!is_ready(&running, &before));

    // What cannot be used changes nothing.
    fs::copy(&shown, &before).unwrap();
    fs::write(&shown, "no certificate").unwrap();
    run(Command::new("kill").args(["-HUP", &id]), "it is gone");
    running.says(1, "the certificate of the faces stays as it was");
    assert!(is_ready(&running, &before));
    running.end();
}
