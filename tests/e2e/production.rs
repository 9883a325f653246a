//! What `docs/production.md` says and `contrib/` holds: units that systemd
//! takes, an image whose every path and flag is there, figures that exist, and a
//! `cutline run` that is replaced without a lost request.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there"
)]

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use crate::behind_the_proxy::{fixture, flask};
use crate::support;
use crate::support::eventually;
use crate::support::page::{Typing, blocks, free_ports, steps};
use crate::support::service::{Proxy, ask, cutline};

const PAGE: &str = include_str!("../../docs/production.md");
const INSTALLED: &str = "/usr/local/bin/cutline";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn units() -> Vec<PathBuf> {
    let files = fs::read_dir(root().join("contrib/systemd")).unwrap();
    let files = files.map(|file| file.unwrap().path());
    files
        .filter(|file| file.extension().is_some_and(|ending| ending == "service"))
        .collect()
}

/// Fails unless cutline knows the subcommand and each flag of a command line
/// without its program.
#[track_caller]
fn is_understood<'a>(line: &str, words: impl IntoIterator<Item = &'a str>) {
    let mut words = words.into_iter();
    let mut help = cutline();
    help.args([words.next().unwrap(), "--help"]);
    let said = support::run(&mut help, &format!("{line} is no command")).stdout;
    let said = String::from_utf8(said).unwrap();
    for flag in words.filter(|word| word.starts_with("--")) {
        let known = said.split_whitespace().any(|word| word == flag);
        assert!(known, "{flag} of {line} is not known");
    }
}

#[test]
fn systemd_takes_the_units() {
    let folder = tempfile::tempdir().unwrap();
    let mut verify = Command::new("systemd-analyze");
    verify.arg("verify");
    let units = units();
    assert_eq!(units.len(), 2);
    for unit in &units {
        let text = fs::read_to_string(unit).unwrap();
        for line in text.lines() {
            let line = line.trim_start_matches("# ");
            if let Some(command) = line.strip_prefix("ExecStart=") {
                let mut words = command.split_whitespace();
                assert_eq!(words.next(), Some(INSTALLED));
                is_understood(line, words);
            }
        }
        for said in [
            "User=cutline",
            "NoNewPrivileges=yes",
            "ProtectSystem=strict",
            "MemoryMax=",
            "Restart=on-failure",
            "StateDirectory=cutline/",
        ] {
            assert!(text.contains(said), "{} lacks {said}", unit.display());
        }
        // It looks for the program, which is installed elsewhere here.
        let there = folder.path().join(unit.file_name().unwrap());
        let text = text.replace(INSTALLED, env!("CARGO_BIN_EXE_cutline"));
        fs::write(&there, text).unwrap();
        verify.arg(there);
    }
    match verify.output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{said}");
            assert!(!said.contains("cutline"), "{said}");
        }
        // No systemd here: each line is a comment, a section or a setting.
        Err(_) => units.iter().for_each(|unit| is_ini(unit)),
    }
}

fn is_ini(unit: &Path) {
    for line in fs::read_to_string(unit).unwrap().lines() {
        let section = line.starts_with('[') && line.ends_with(']');
        let aside = line.is_empty() || line.starts_with('#');
        assert!(section || aside || line.contains('='), "{line}");
    }
}

/// It is not built: that needs a registry of images.
#[test]
fn everything_in_the_containerfile_is_there() {
    let text = fs::read_to_string(root().join("contrib/Containerfile")).unwrap();
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let workspace = &manifest["workspace"];
    let mut copied = Vec::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["COPY", from @ .., _] if !from[0].starts_with("--from") => copied.extend(from),
            ["FROM", image, "AS", "build"] => {
                let version = workspace["package"]["rust-version"].as_str().unwrap();
                let version = format!("rust:{version}-");
                assert!(image.contains(&version), "{image} is not {version}");
            }
            ["ARG", features] => {
                let (_, features) = features.split_once('=').unwrap();
                for feature in features.split(',') {
                    assert!(manifest["features"].get(feature).is_some(), "{feature}");
                }
            }
            ["ENTRYPOINT", rest @ ..] => assert_eq!(rest.concat(), format!("[{INSTALLED:?}]")),
            ["CMD", ..] => {
                let words: Vec<String> =
                    serde_json::from_str(line.trim_start_matches("CMD ")).unwrap();
                is_understood(line, words.iter().map(String::as_str));
            }
            _ => {}
        }
    }
    for path in &copied {
        assert!(root().join(path).exists(), "{path} is not there");
    }
    // What cargo looks for, and what the binary includes.
    let members = workspace["members"].as_array().unwrap().iter();
    let members = members.map(|member| member.as_str().unwrap().split('/').next().unwrap());
    for needed in members.chain(["Cargo.toml", "Cargo.lock", "fixtures", "src", "tests"]) {
        assert!(copied.contains(&needed), "{needed} is not copied");
    }
    assert!(text.contains("USER 65532:65532"));
}

#[test]
fn every_command_and_figure_on_the_page_is_one() {
    let commands = blocks(PAGE, "console").concat();
    let mut n_commands = 0;
    for line in commands.lines() {
        let words = line.split('#').next().unwrap().split_whitespace();
        let mut words = words
            .skip_while(|word| *word != "cutline")
            .skip(1)
            .peekable();
        let ours = ["status", "run", "backup"];
        if words.peek().is_some_and(|word| ours.contains(word)) {
            is_understood(line, words);
            n_commands += 1;
        }
    }
    assert!(n_commands >= 4, "{n_commands}");
    let known = [
        include_str!("../../docs/proxy.md"),
        include_str!("../../docs/runtime.md"),
    ]
    .concat();
    let names = PAGE.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let figures: Vec<&str> = names.filter(|name| name.starts_with("cutline_")).collect();
    assert!(figures.len() > 8, "{figures:?}");
    for figure in figures {
        assert!(known.contains(figure), "{figure} is no figure");
    }
}

const CUSTOMER: &str = r#"{"customers": [{"customer_id": 1, "age": 31, "plan": "basic", "region": "north", "tenure_months": 3, "monthly_charges": 29.5, "total_charges": 88.5, "support_tickets": 4}]}"#;

/// As the page says under *Upgrade*: a second process on a copy of the data
/// answers meanwhile, and there is no monolith that could.
#[test]
fn a_pipeline_is_restarted_without_a_lost_request() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let typing = Typing::with(folder, &flask()).env("PYTHONPATH", fixture());
    let [first, second] = free_ports();
    let runtime = include_str!("../../docs/runtime.md");
    let functions = blocks(runtime, "toml")[0];
    let write = |name: &str, port: u16, store: &str| {
        let serve = format!("[serve]\nlisten = \"127.0.0.1:{port}\"\n\n");
        fs::write(folder.join(name), format!("{serve}{store}{functions}")).unwrap();
    };
    write("functions.toml", first, "");
    write(
        "bridge.toml",
        second,
        "[store]\nfolder = \"bridge/data\"\n\n",
    );
    typing.says("python -m churn.generate --rows 1000 --seed 7 --out incoming/may");
    typing.says("cutline queue send raw-arrived name=may");
    let serves = |command: &str, name: &str| {
        let running = typing.starts(&format!("exec {command}"), name);
        eventually("it serves", || {
            running.said("serves function=\"inference\"")
        });
        running
    };
    let running = serves("cutline run", "run");
    let [backup, bridge] = {
        let commands = blocks(PAGE, "console").concat();
        let mut typed = steps(&commands).map(|(command, _)| command.to_owned());
        let mut of = |name: &str| typed.find(|command| command.starts_with(name)).unwrap();
        [of("cutline backup"), of("cutline run --config bridge.toml")]
    };
    typing.says(&backup.replace("/var/lib/cutline/", ""));
    let bridging = serves(&bridge, "bridge");

    let nobody = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let routes = |port: u16| {
        format!(
            "listen = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n[monolith]\nupstream = \"http://{nobody}\"\n[stage.inference]\nroutes = [\"POST /predict\"]\ncandidate = \"http://127.0.0.1:{port}\"\nmode = \"candidate\"\n"
        )
    };
    let proxy = Proxy::start(&folder.join("proxy"), &routes(first));
    let to: SocketAddr = proxy.url().trim_start_matches("http://").parse().unwrap();
    let (over, n_answered) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        let client = scope.spawn(|| {
            let fields = format!(
                "content-type: application/json\r\ncontent-length: {}\r\n",
                CUSTOMER.len()
            );
            while !over.load(Ordering::Relaxed) {
                let (status, body) = ask(to, "POST /predict", &fields, CUSTOMER);
                if status != 200 {
                    return Err((status, body));
                }
                n_answered.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        });
        let more = || {
            let before = n_answered.load(Ordering::Relaxed);
            eventually("more are answered", || {
                client.is_finished() || n_answered.load(Ordering::Relaxed) > before + 20
            });
        };
        let asked = |port: u16| {
            let to = SocketAddr::from(([127, 0, 0, 1], port));
            let metrics = ask(to, "GET /metrics", "", "").1;
            metrics.contains("cutline_predictions_total{")
        };
        more();
        proxy.reload(&routes(second));
        eventually("the second is asked", || asked(second));
        more();
        running.end();
        let running = serves("cutline run", "run");
        proxy.reload(&routes(first));
        eventually("the first is asked again", || asked(first));
        more();
        bridging.end();
        more();
        over.store(true, Ordering::Relaxed);
        assert_eq!(client.join().unwrap(), Ok(()));
        running.end();
    });
}
