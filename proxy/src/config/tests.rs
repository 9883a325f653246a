use super::*;
use crate::route::{Mode, Sticky};

const PLAIN: &str = r#"
listen = "127.0.0.1:8080"

[monolith]
upstream = "http://127.0.0.1:5000"

[stage.inference]
routes    = ["POST /predict", { route = "GET /score/{id}", side_effects = { monolith = "real" } }]
candidate = ["http://127.0.0.1:7070"]
mode      = "split"
percent   = 12.5
sticky    = { header = "x-customer-id" }
"#;

fn read(text: &str) -> Result<Config, Problem> {
    RoutesFile::check(text, |_| Ok(vec![b'k'; 32]))
}

/// Replaces `old` by `new` in a good file and returns what is wrong with it.
fn wrong(old: &str, new: &str) -> String {
    assert!(PLAIN.contains(old), "{old}");
    read(&PLAIN.replacen(old, new, 1)).unwrap_err().to_string()
}

#[test]
fn a_plain_file_is_read() {
    let config = read(PLAIN).unwrap();
    let stage = config.table.stage("inference").unwrap();
    assert_eq!(stage.share.mode, Mode::Split);
    assert_eq!(stage.share.weight.basis_points(), 1_250);
    assert!(matches!(*stage.sticky, Sticky::Header(_)));
    assert_eq!(config.settings.admin.to_string(), "127.0.0.1:9901");
    assert_eq!(config.settings.limits, Limits::default());
}

#[test]
fn a_problem_names_line_stage_and_field() {
    insta::assert_snapshot!(
        [
            wrong("http://127.0.0.1:7070", "localhost:7070"),
            wrong("12.5", "101"),
            wrong("12.5", "0.001"),
            wrong("\"split\"", "\"halves\""),
            wrong("candidate =", "candidates ="),
            wrong("candidate = [\"http://127.0.0.1:7070\"]", ""),
            wrong("POST /predict", "POST predict"),
            wrong("POST /predict", "post /predict"),
            wrong("POST /predict", "GET /score/{customer}"),
            wrong("{ header = \"x-customer-id\" }", "{ header = \"x customer\" }"),
            wrong("{ header = \"x-customer-id\" }", "{ json = \"id\" }"),
            wrong("{ header = \"x-customer-id\" }", "\"adress\""),
            wrong("127.0.0.1:8080", "localhost"),
            wrong("[monolith]", "admin = \"0.0.0.0:9901\"\n[monolith]"),
            wrong("[monolith]", "limits = { drain = \"soon\" }\n[monolith]"),
            wrong("[monolith]", "forwarded = { trust = [\"10.0.0.0/99\"] }\n[monolith]"),
            wrong("\"http://127.0.0.1:5000\"", "[]"),
            wrong("[stage.inference]", "[stage.\"in ference\"]"),
        ]
        .join("\n"),
        @r#"
        9:14: stage inference: candidate "localhost:7070" is not a URL (write http://localhost:7070, or https:// with a certificate)
        11:13: stage inference: percent: 101 is no percentage: write a number from 0 to 100
        11:13: stage inference: percent: 0.001 % is finer than a hundredth of a percent, which is the finest step
        10:13: unknown variant `halves`, expected one of `monolith`, `shadow`, `split`, `candidate`, `reverse-shadow`
        9:1: unknown field `candidates`, expected one of `routes`, `candidate`, `mode`, `percent`, `sticky`, `side_effects`, `idempotency`, `timeouts`, `health`, `host`, `http2`, `tls`, `rollout`, `compare`
        10:13: stage inference: mode split needs a candidate (add candidate = ["http://host:port"])
        8:14: stage inference: route: a path template starts with `/` (write "POST /predict")
        8:14: stage inference: route: `post` is no method
        8:39: stage inference: the route is already owned by stage inference (one stage owns a route)
        12:13: stage inference: sticky: `x customer` is no name of a header
        12:13: stage inference: sticky: `id` is no JSON pointer (write /id)
        12:13: unknown variant `adress`, expected one of `header`, `cookie`, `query`, `jwt`, `json`, `client-address`, `own-cookie`, `request`
        2:10: listen: "localhost" is not an address to listen on (write 127.0.0.1:8080)
        4:9: admin: 0.0.0.0:9901 is not on the loopback, and admin_tls is not set (write 127.0.0.1:9901, or add admin_tls)
        4:20: `soon` is no time; write 250ms, 2s or 1m 30s
        4:24: forwarded: `10.0.0.0/99` is no network (write 10.0.0.0/8)
        5:12: monolith names no upstream (write ["http://host:port"])
        7:8: `in ference` is no name of a stage (letters, digits, `-` and `_`)
        "#
    );
}

#[test]
fn a_short_key_signs_nothing() {
    let text = format!("{PLAIN}\n[override]\nkey_file = \"k\"");
    let problem = RoutesFile::check(&text, |_| Ok(b"short".to_vec())).unwrap_err();
    assert!(problem.message.contains("less than 32 bytes"), "{problem}");
}

#[test]
fn certificates_lie_beside_the_file() {
    let text = format!(
        "tls = {{ certificate = \"c.pem\", key = \"/etc/k.pem\" }}\n{PLAIN}\
         tls = {{ authority = \"ca.pem\" }}\n"
    );
    let config = read(&text).unwrap().beside(Path::new("/srv"));
    let (certificate, key) = config.settings.tls.unwrap();
    assert_eq!(certificate, Path::new("/srv/c.pem"));
    assert_eq!(key, Path::new("/etc/k.pem"));
    let candidate = config.table.stages[0].candidate.clone().unwrap();
    let authority = candidate.tls.clone().unwrap().authority.unwrap();
    assert_eq!(authority, Path::new("/srv/ca.pem"));
}

#[test]
fn every_default_is_documented_as_it_is() {
    let schema = serde_json::to_string(&schemars::schema_for!(RoutesFile)).unwrap();
    for said in [
        "10240 unless told",
        "4096 unless told",
        "32KiB",
        "512 unless told",
        "64MiB",
        "`1MiB` unless told",
    ] {
        assert!(schema.contains(said), "{said}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_breaks_the_check(at in 0..PLAIN.len(), cut in 0..40_usize, put in "\\PC{0,12}") {
        if PLAIN.is_char_boundary(at) {
            let end = (at + cut).min(PLAIN.len());
            let text = format!("{}{put}{}", &PLAIN[..at], PLAIN.get(end..).unwrap_or(""));
            if let Err(problem) = read(&text) {
                proptest::prop_assert!(problem.line >= 1 && !problem.message.is_empty());
            }
        }
    }
}
