use std::io;

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
        9:1: unknown field `candidates`, expected one of `routes`, `candidate`, `mode`, `percent`, `sticky`, `side_effects`, `idempotency`, `fallback`, `timeouts`, `health`, `host`, `http2`, `tls`, `rollout`, `compare`
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
fn what_counts_as_a_difference_is_read() {
    let text = format!(
        "{PLAIN}{}",
        r#"
[stage.inference.compare]
as        = "json"
headers   = ["location"]
ignore    = ["/request_id", "/timing", "status", "header:content-type"]
number    = [{ abs = 1e-9 }, { path = "/customers/*/score", abs = 1e-6, rel = 0.001, ulps = 4 }]
unordered = ["/reasons", { path = "/items", key = "/id" }]
null_is_missing = true
label     = "/label"
score     = ["/score", "/scores/*"]
redact    = ["/customer/email", "header:x-user", "query:email"]
noise     = "off"
strict    = ["/score"]
sample    = 0.5
body      = "64KiB"
whitespace = "collapse"
image     = { max = 2, mean = 0.5 }
"#
    );
    let text = text.replace(
        "GET /score/{id}\",",
        "GET /score/{id}\", compare = { null_is_missing = [\"/a\"] },",
    );
    let config = read(&text).unwrap();
    let [first, second] = &config.settings.compare[..] else {
        panic!("{:?}", config.settings.compare);
    };
    assert_eq!(config.table.routes.len(), 2);
    assert_eq!(first.comparator, Some("json"));
    assert_eq!(first.headers, ["location"]);
    assert!(first.ignore_status && first.null_is_missing && !second.ignore_status);
    assert_eq!(
        (first.noise.sample, first.sample, first.body),
        (0, 50, 64 << 10)
    );
    assert_eq!(first.tolerance.abs, 1e-9);
    assert_eq!(second.headers, ["content-type"]);
}

#[test]
fn a_problem_of_a_comparison_names_its_field() {
    let wrong = |old: &str, new: &str| {
        let text = "[stage.inference.compare]\nignore = [\"/id\"]\nnumber = [{ path = \"/a\", abs = 0.1 }]\n";
        assert!(text.contains(old), "{old}");
        let text = format!("{PLAIN}{}", text.replacen(old, new, 1));
        read(&text).unwrap_err().to_string()
    };
    insta::assert_snapshot!(
        [
            wrong("\"/id\"", "\"id\""),
            wrong("\"/id\"", "\"/id\", \"header:a b\""),
            wrong("ignore", "ingore"),
            wrong("abs = 0.1", "abs = -1"),
            wrong("abs = 0.1", "abs = nan"),
            wrong("abs = 0.1", "absolute = 1"),
            wrong("\"/a\"", "\"a\""),
            wrong("\"/a\"", "\"/a~\""),
            wrong("ignore = [\"/id\"]", "as = \"yaml\""),
            wrong("ignore = [\"/id\"]", "as = \"protobuf\""),
            wrong("ignore = [\"/id\"]", "unordered = [{ path = \"/a\", keys = \"/b\" }]"),
            wrong("ignore = [\"/id\"]", "unordered = [{ path = \"/a\", key = \"/*\" }]"),
            wrong("ignore = [\"/id\"]", "unordered = [7]"),
            wrong("ignore = [\"/id\"]", "null_is_missing = \"yes\""),
            wrong("ignore = [\"/id\"]", "noise = \"on\""),
            wrong("ignore = [\"/id\"]", "noise = 101"),
            wrong("ignore = [\"/id\"]", "sample = 0.001"),
            wrong("ignore = [\"/id\"]", "redact = [\"email\"]"),
            wrong("ignore = [\"/id\"]", "redact = [\"query:\"]"),
            wrong("ignore = [\"/id\"]", "label = [\"/a\", \"b\"]"),
            wrong("ignore = [\"/id\"]", "headers = [\"a b\"]"),
            wrong("ignore = [\"/id\"]", "strict = [\"score\"]"),
            wrong("ignore = [\"/id\"]", "image = { max = -1 }"),
        ]
        .join("\n"),
        @r##"
    14:11: stage inference: compare: ignore: `id` is no field: write /a/b, header:name, status or body
    14:18: stage inference: compare: ignore: `header:a b` is no field: write /a/b, header:name, status or body
    14:1: unknown field `ingore`, expected one of `enabled`, `as`, `headers`, `ignore`, `number`, `unordered`, `null_is_missing`, `whitespace`, `image`, `protobuf`, `label`, `score`, `redact`, `noise`, `other_side`, `strict`, `sample`, `body`
    15:32: stage inference: compare: number: abs is -1 (write a number from 0 up)
    15:32: stage inference: compare: number: abs is NaN (write a number from 0 up)
    15:26: unknown field `absolute`, expected one of `path`, `abs`, `rel`, `ulps`
    15:20: stage inference: compare: number: `a`: a JSON pointer starts with `/` (write /a)
    15:20: stage inference: compare: number: `/a~`: in a JSON pointer `~` is written ~0 and `/` is written ~1
    14:6: stage inference: compare: as: `yaml` is no comparator (one of bytes, csv, form, image, json, ndjson, npy, protobuf, text)
    14:6: stage inference: compare: as: protobuf needs to know the message (add protobuf = { descriptors = "api.binpb", message = "a.b.C" })
    14:29: unknown field `keys`, expected `path` or `key`
    14:14: stage inference: compare: unordered: a key names one place (leave `*` out)
    14:14: invalid type: integer `7`, expected a string or a table
    14:19: write true, or a list of places such as ["/a/*"]
    14:9: write a percentage such as 1, or "off"
    14:9: stage inference: compare: noise: 101 is no percentage: write a number from 0 to 100
    14:10: stage inference: compare: sample: 0.001 % is finer than a hundredth of a percent, which is the finest step
    14:11: stage inference: compare: redact: `email`: a JSON pointer starts with `/` (write /a/b, header:name or query:name)
    14:11: stage inference: compare: redact: `query:`: behind `query:` stands no name (write /a/b, header:name or query:name)
    14:16: stage inference: compare: label: `b`: a JSON pointer starts with `/` (write /b)
    14:12: stage inference: compare: headers: `a b` is no name of a header
    14:11: stage inference: compare: strict: `score` is no field: write /a/b, header:name, status or body
    14:17: stage inference: compare: image: max is -1 (write a number from 0 up)
    "##
    );
}

#[test]
fn descriptors_are_read_where_the_file_names_them() {
    let check = |message: &str, bytes: &'static [u8]| {
        let table = format!("protobuf = {{ descriptors = \"a.binpb\", message = \"{message}\" }}");
        let text = format!("{PLAIN}[stage.inference.compare]\n{table}");
        RoutesFile::check(&text, |path| match path.to_str() {
            Some("a.binpb") => Ok(bytes.to_vec()),
            _ => Err(io::Error::other("no such file")),
        })
    };
    // A file of one message, scoring.v1.Answer, without fields.
    let right = b"\x0a\x1f\x0a\x07a.proto\x12\x0ascoring.v1\x22\x08\x0a\x06Answer";
    let config = check("scoring.v1.Answer", right).unwrap();
    assert!(config.settings.compare[0].protobuf.is_some());
    let wrong = |message, bytes| check(message, bytes).unwrap_err().to_string();
    insta::assert_snapshot!(
        [wrong("scoring.v1.Reply", right), wrong("scoring.v1.Answer", b"\x0a\x1f")].join("\n"),
        @r##"
    14:49: stage inference: compare: protobuf: no message `scoring.v1.Reply` (there is scoring.v1.Answer)
    14:28: stage inference: compare: protobuf: descriptors a.binpb: are none: failed to decode file descriptor set (made by: protoc --include_imports --descriptor_set_out=FILE)
    "##
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
