//! Real clients get the same answers through the proxy as without it: of the
//! Flask fixture, on the routes that the analyzer wrote, and of a small service
//! for what the fixture has no route for.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use crate::support;
use crate::support::service::{Proxy, Service, cutline, program};

/// The fixture, which is never changed.
pub(crate) fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/churn_flask")
}

/// The interpreter of the fixture.
pub(crate) fn flask() -> PathBuf {
    support::python_env(&fixture().join("requirements.txt"))
}

/// The fixture's package, run by `python` in a folder that is its home.
pub(crate) fn churn(python: &Path, home: &Path, args: &[&str]) -> Command {
    fs::create_dir_all(home).unwrap();
    let mut command = Command::new(python);
    command
        .arg("-m")
        .args(args)
        .current_dir(home)
        .env("PYTHONPATH", fixture())
        .envs([("PYTHONDONTWRITEBYTECODE", "1"), ("PYTHONUNBUFFERED", "1")])
        .envs([("CHURN_SEED", "7"), ("CHURN_PORT", "0")])
        // Nobody answers there, at once.
        .env("CHURN_BILLING_URL", "http://127.0.0.1:1");
    command
}

pub(crate) fn churn_service(python: &Path, home: &Path, port: &str) -> Service {
    let mut command = churn(python, home, &["churn", "--no-retraining"]);
    Service::start(command.env("CHURN_PORT", port), "Running on ")
}

/// The routes that the analyzer writes for the fixture, with real addresses.
fn analyzed(monolith: &Service, candidate: &Service) -> String {
    let mut analyze = cutline();
    analyze
        .arg("analyze")
        .arg(fixture())
        .args(["--format", "routes"]);
    let routes = support::run(&mut analyze, "the analysis failed").stdout;
    String::from_utf8(routes)
        .unwrap()
        .replace("127.0.0.1:8080", "127.0.0.1:0")
        .replace("127.0.0.1:9901", "127.0.0.1:0")
        .replace("http://127.0.0.1:5000", &monolith.url)
        .replace(
            "# candidate = [\"http://127.0.0.1:7070\"]",
            &format!("candidate = [\"{}\"]", candidate.url),
        )
}

/// Runs a program that prints what is not as it should be.
#[track_caller]
pub(crate) fn nothing_differs(command: &mut Command) {
    let said = support::run(command, "the client failed").stdout;
    assert_eq!(String::from_utf8_lossy(&said), "", "{command:?}");
}

#[test]
fn every_fixtures_first_routes_are_what_the_proxy_takes() {
    let folder = tempfile::tempdir().unwrap();
    for fixture in fs::read_dir(fixture().parent().unwrap()).unwrap() {
        let fixture = fixture.unwrap().path();
        let file = folder.path().join("routes.toml");
        let mut analyze = cutline();
        analyze
            .arg("analyze")
            .arg(&fixture)
            .args(["--format", "routes"]);
        let routes = support::run(&mut analyze, "the analysis failed").stdout;
        fs::write(&file, routes).unwrap();
        let mut check = cutline();
        check.args(["proxy", "check", "--config"]).arg(&file);
        support::run(&mut check, &format!("{} is refused", fixture.display()));
    }
}

/// Every route, those that write too, on two copies that are in the same state:
/// asked directly, and through the proxy. Then what changes nothing, by every
/// client and version of HTTP, over TLS too, and in every mode.
#[test]
fn a_flask_service_answers_through_the_proxy_as_without_it() {
    let (flask, clients) = (flask(), support::clients());
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let data = folder.join("data");
    let generate = ["churn.generate", "--rows", "300", "--seed", "7", "--out"];
    support::run(
        churn(&flask, folder, &generate).arg(&data),
        "no data were made",
    );
    let (monolith, candidate) = thread::scope(|scope| {
        let start = |side: &str| churn_service(&flask, &folder.join(side), "0");
        let candidate = scope.spawn(move || start("candidate"));
        (start("monolith"), candidate.join().unwrap())
    });
    let routes = analyzed(&monolith, &candidate);
    let proxy = Proxy::start(folder, &routes);

    let mut listed = churn(&flask, folder, &["churn", "--routes"]);
    let listed = support::run(&mut listed, "the routes are not listed").stdout;
    let listed = String::from_utf8(listed).unwrap();
    let listed = listed.lines().filter(|route| !route.contains("/static/"));
    let mut every_route = program(&clients, "every_route.py");
    nothing_differs(
        every_route
            .args([&candidate.url, proxy.url()])
            .arg(&data)
            .args(listed),
    );

    let same = || {
        let mut command = program(&clients, "same_answers.py");
        command.arg(&monolith.url);
        command
    };
    nothing_differs(same().arg(proxy.url()));
    for mode in [
        &["shadow"][..],
        &["split", "--percent", "100"],
        &["candidate"],
        &["reverse-shadow"],
    ] {
        proxy.told(&[&["mode", "inference"], mode].concat());
        nothing_differs(same().args([proxy.url(), "requests", "httpx-h2"]));
    }
    let answered = proxy.counted("cutline_requests_total", "end=\"candidate\"");
    assert!(answered > 0, "the candidate answered nothing");

    let over_tls = folder.join("over-tls");
    let authority = certificate(&over_tls);
    let tls = "tls = { certificate = \"certificate.pem\", key = \"key.pem\" }\n";
    let proxy = Proxy::start(&over_tls, &(tls.to_owned() + &routes));
    let url = format!("https://localhost:{}", proxy.port());
    nothing_differs(same().arg(url).env("AUTHORITY", authority));
}

#[test]
fn uploads_ranges_and_streams_pass_through_the_proxy_as_without_it() {
    let (flask, clients) = (flask(), support::clients());
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let file = folder.join("files/numbers.bin");
    fs::create_dir(file.parent().unwrap()).unwrap();
    // More than any buffer on the way, and no two places alike.
    let numbers: Vec<u8> = (0..500_000_u32).flat_map(u32::to_be_bytes).collect();
    fs::write(&file, numbers).unwrap();
    let mut files = program(&flask, "files.py");
    let files = Service::start(files.arg(file.parent().unwrap()), "listening on ");
    let routes = format!(
        "listen = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n[monolith]\nupstream = \"{}\"\n",
        files.url
    );
    let proxy = Proxy::start(folder, &routes);
    let mut transfers = program(&clients, "transfers.py");
    nothing_differs(transfers.args([&files.url, proxy.url()]).arg(&file));
}

/// A certificate for localhost, and its key, in a folder; the path of whom to
/// believe it.
pub(crate) fn certificate(folder: &Path) -> PathBuf {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let file = folder.join("certificate.pem");
    fs::create_dir_all(folder).unwrap();
    fs::write(&file, made.cert.pem()).unwrap();
    fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    file
}
