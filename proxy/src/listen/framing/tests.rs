use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

const BOUNDS: Bounds = Bounds {
    head_bytes: 512,
    fields: 8,
};

/// What comes of bytes: what went on, where messages ended, and what was
/// wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Verdict {
    released: usize,
    ends: Vec<usize>,
    broken: Option<Broken>,
}

/// Gives the bytes in pieces of these lengths, over and over.
fn judged(bytes: &[u8], cuts: &[usize]) -> Verdict {
    let mut framing = Framing::new(BOUNDS);
    let mut verdict = Verdict {
        released: 0,
        ends: Vec::new(),
        broken: None,
    };
    let (mut given, mut turn) = (0, 0);
    while given < bytes.len() && verdict.broken.is_none() {
        let cut = cuts[turn % cuts.len()].max(1);
        turn += 1;
        given = (given + cut).min(bytes.len());
        let step = framing.advance(&bytes[verdict.released..given]);
        verdict.released += step.released;
        verdict.broken = step.broken;
        let whole = framing.is_between() && framing.lines == 0;
        if whole && step.released > 0 {
            verdict.ends.push(verdict.released);
        }
    }
    verdict
}

fn one_by_one(bytes: &[u8]) -> Verdict {
    judged(bytes, &[1])
}

fn refusal(text: &str) -> Option<Refusal> {
    match one_by_one(text.as_bytes()).broken? {
        Broken::Head(refusal) | Broken::Body(refusal) => Some(refusal),
    }
}

#[test]
fn messages_end_where_they_say() {
    let pieces = [
        "GET / HTTP/1.1\r\nhost: a\r\n\r\n",
        "\r\nPOST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc",
        "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n2;x=\"\\\"\"\r\n\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx-y: z\r\n\r\n",
        "HEAD / HTTP/1.0\r\nupgrade: x\r\n\r\n",
        "GET / HTTP/1.1\r\nupgrade: x\r\n\r\n",
    ];
    let mut ends = Vec::new();
    for piece in pieces {
        ends.push(ends.last().copied().unwrap_or(0) + piece.len());
    }
    let verdict = one_by_one(pieces.concat().as_bytes());
    assert_eq!(verdict.ends, ends);
    assert_eq!(verdict.broken, None);
}

#[test]
fn lengths_that_exclude_each_other_are_refused() {
    let head = |fields: &str| refusal(&format!("POST / HTTP/1.1\r\nhost: a\r\n{fields}\r\n"));
    let (length, chunked) = ("content-length: 3\r\n", "transfer-encoding: chunked\r\n");
    assert_eq!(
        head(&format!("{length}{chunked}")),
        Some(Refusal::TwoLengths)
    );
    assert_eq!(
        head(&format!("{chunked}{length}")),
        Some(Refusal::TwoLengths)
    );
    assert_eq!(head(&format!("{length}{length}")), Some(Refusal::Length));
    assert_eq!(
        head(&format!("{chunked}{chunked}")),
        Some(Refusal::Unending)
    );
    assert_eq!(head(length), None);
    assert_eq!(head(chunked), None);
}

#[test]
fn lines_end_in_cr_lf() {
    for text in [
        "GET / HTTP/1.1\n",
        "GET / HTTP/1.1\r\nhost: a\n",
        "GET / HTTP/1.1\r\nhost: a\rb: c\r\n",
        "GET / HTTP/1.1\r\n\n",
        "\nGET / HTTP/1.1\r\n",
        "GET / HTTP/1.1\r\r\n",
        "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\na\r\n",
        "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\n",
    ] {
        assert_eq!(refusal(text), Some(Refusal::LineEnd), "{text:?}");
    }
}

#[test]
fn limits_hold_for_what_has_not_ended_too() {
    let long = "x".repeat(600);
    for end in ["", "\r\n", "\n"] {
        let line = format!("GET /{long}{end}");
        assert_eq!(refusal(&line), Some(Refusal::LongLine));
        let field = format!("GET / HTTP/1.1\r\na: {long}{end}");
        assert_eq!(refusal(&field), Some(Refusal::LargeHead));
        let body = "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n";
        let chunk = format!("{body}1;{long}{long}{end}");
        assert_eq!(refusal(&chunk), Some(Refusal::Chunk));
        let trailer = format!("{body}0\r\na: {long}{end}");
        assert_eq!(refusal(&trailer), Some(Refusal::LargeTrailers));
    }
    let many = "a: b\r\n".repeat(9);
    assert_eq!(
        refusal(&format!("GET / HTTP/1.1\r\n{many}")),
        Some(Refusal::ManyFields)
    );
    let empty = "\r\n".repeat(5);
    assert_eq!(refusal(&empty), Some(Refusal::RequestLine));
    let spread = "1;extension=value\r\na\r\n".repeat(700);
    let body = format!("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n{spread}");
    assert_eq!(refusal(&body), Some(Refusal::Chunk));
}

#[test]
fn nothing_of_a_refused_head_goes_on() {
    let good = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
    let verdict = one_by_one(format!("{good}GET / HTTP/1.1\r\n a: b\r\n\r\n").as_bytes());
    assert_eq!(verdict.released, good.len());
    assert_eq!(verdict.broken, Some(Broken::Head(Refusal::Folded)));
}

/// Messages much like those of real clients, with what attackers change.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let line = prop::sample::select(vec![
        "GET / HTTP/1.1",
        "POST /a?b=c HTTP/1.1",
        "HEAD / HTTP/1.0",
        "PUT http://a/b HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "DELETE /%41 HTTP/1.1",
        "GET /\"{}|~ HTTP/1.1",
    ]);
    let field = prop::sample::select(vec![
        "host: a",
        "Host:b ",
        "x: \u{e9}\t",
        "connection: keep-alive",
        "connection: close",
        "content-length: 0",
        "expect: 100-continue",
        "te: trailers",
        "a:",
        "Cookie: a=b; c=\"d\"",
    ]);
    let body = prop_oneof![
        Just((String::new(), Vec::new())),
        "[a-z\r\n]{0,12}".prop_map(|body| {
            (
                format!("content-length: {}\r\n", body.len()),
                body.into_bytes(),
            )
        }),
        (prop::collection::vec("[a-z\r\n]{1,9}", 0..4), any::<bool>()).prop_map(
            |(chunks, more)| {
                let mut body = String::new();
                for chunk in chunks {
                    let extension = if more { ";a=\"b\"" } else { "" };
                    body.push_str(&format!("{:X}{extension}\r\n{chunk}\r\n", chunk.len()));
                }
                let trailer = if more { "x-sum: 1\r\n" } else { "" };
                body.push_str(&format!("0\r\n{trailer}\r\n"));
                (
                    "transfer-encoding: chunked\r\n".to_owned(),
                    body.into_bytes(),
                )
            }
        ),
    ];
    (line, prop::collection::vec(field, 0..4), body).prop_map(|(line, fields, (length, body))| {
        let mut text = format!("{line}\r\n");
        for field in fields {
            text.push_str(field);
            text.push_str("\r\n");
        }
        text.push_str(&length);
        text.push_str("\r\n");
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(&body);
        bytes
    })
}

/// Some messages one after the other, of which a few bytes were changed.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        prop::sample::select(b"\r\n\t :;,=\"\\0\0\x7f\x80aF%#*+-".to_vec()),
        any::<u8>(),
    ];
    let change = (
        any::<prop::sample::Index>(),
        0..3_usize,
        prop::collection::vec(byte, 0..3),
    );
    let messages = prop::collection::vec(message(), 1..4);
    (messages, prop::collection::vec(change, 0..3)).prop_map(|(messages, changes)| {
        let mut bytes = messages.concat();
        for (at, cut, put) in changes {
            let at = at.index(bytes.len());
            let end = (at + cut).min(bytes.len());
            bytes.splice(at..end, put);
            if bytes.is_empty() {
                bytes.push(b'G');
            }
        }
        bytes
    })
}

/// What hyper makes of bytes: how many requests with whole bodies, and the
/// statuses it answers.
async fn as_hyper_sees(bytes: &[u8]) -> (usize, Vec<String>) {
    let whole = Arc::new(Mutex::new(0));
    let count = Arc::clone(&whole);
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let count = Arc::clone(&count);
        async move {
            if request.into_body().collect().await.is_ok() {
                *count.lock().unwrap() += 1;
            }
            Ok::<_, Infallible>(Response::new(Full::new(bytes::Bytes::new())))
        }
    });
    let (client, server) = tokio::io::duplex(1 << 20);
    let (mut reader, mut writer) = tokio::io::split(client);
    let serving = hyper::server::conn::http1::Builder::new()
        .half_close(true)
        .max_buf_size(8_192)
        .serve_connection(TokioIo::new(server), service);
    writer.write_all(bytes).await.unwrap();
    writer.shutdown().await.unwrap();
    let _ = serving.await;
    drop(writer);
    let mut answers = Vec::new();
    let _ = reader.read_to_end(&mut answers).await;
    let answers = String::from_utf8_lossy(&answers);
    let statuses = answers
        .lines()
        .filter_map(|line| line.strip_prefix("HTTP/1."));
    let statuses = statuses
        .map(|line| line[2..5].to_owned())
        .filter(|status| status != "100");
    let statuses = statuses.collect();
    let whole = *whole.lock().unwrap();
    (whole, statuses)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
}

/// What went on of `bytes` means the same to hyper: as many whole requests,
/// and nothing it finds fault with itself.
fn agrees(runtime: &tokio::runtime::Runtime, bytes: &[u8]) -> Result<(), TestCaseError> {
    let verdict = one_by_one(bytes);
    // hyper closes after these; what follows is judged here and not there.
    let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
    let closes = text.contains("close") || text.contains("http/1.0");
    let (whole, statuses) = runtime.block_on(as_hyper_sees(&bytes[..verdict.released]));
    let broken = matches!(verdict.broken, Some(Broken::Body(_)));
    match closes {
        false => prop_assert_eq!(whole, verdict.ends.len(), "{:?} {:?}", verdict, statuses),
        true => prop_assert!(whole <= verdict.ends.len(), "{verdict:?} {statuses:?}"),
    }
    // A body that breaks off is the test service's to answer, or hyper's to
    // close on.
    let cut_short = broken || verdict.ends.last() != Some(&verdict.released);
    let known = |status: &String| status == "200" || cut_short;
    prop_assert!(statuses.iter().all(known), "{verdict:?} {statuses:?}");
    Ok(())
}

proptest! {
    #[test]
    fn the_verdict_does_not_depend_on_how_bytes_are_cut(
        bytes in stream(),
        cuts in prop::collection::vec(1..40_usize, 1..6),
    ) {
        let (whole, cut) = (judged(&bytes, &[bytes.len()]), judged(&bytes, &cuts));
        let single = one_by_one(&bytes);
        prop_assert_eq!((whole.released, whole.broken), (single.released, single.broken));
        prop_assert_eq!((cut.released, cut.broken), (single.released, single.broken));
    }

    #[test]
    fn hyper_agrees_on_where_messages_end(bytes in stream()) {
        agrees(&runtime(), &bytes)?;
    }
}

/// The same for as long as `CUTLINE_FUZZ_SECONDS` says, which is not at all
/// unless told; half of it on the cuts, half on hyper.
#[test]
fn fuzz_for_a_while() {
    use proptest::test_runner::{Config, TestRunner};
    let seconds = std::env::var("CUTLINE_FUZZ_SECONDS").ok();
    let seconds: u64 = seconds
        .and_then(|seconds| seconds.parse().ok())
        .unwrap_or(0);
    let end = std::time::Instant::now() + std::time::Duration::from_secs(seconds);
    let (runtime, mut cases) = (runtime(), 0_u64);
    while std::time::Instant::now() < end {
        let mut runner = TestRunner::new(Config {
            cases: 2_000,
            failure_persistence: None,
            ..Config::default()
        });
        let strategy = (stream(), prop::collection::vec(1..40_usize, 1..6));
        let result = runner.run(&strategy, |(bytes, cuts)| {
            let (cut, single) = (judged(&bytes, &cuts), one_by_one(&bytes));
            prop_assert_eq!((cut.released, cut.broken), (single.released, single.broken));
            agrees(&runtime, &bytes)
        });
        result.unwrap();
        cases += 2_000;
    }
    let mut out = std::io::stderr();
    std::io::Write::write_fmt(&mut out, format_args!("{cases} cases in {seconds} s\n")).unwrap();
}
