use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::*;
use crate::outcome::{Captured, Failure};
use crate::route::Side;

pub(super) fn outcome(side: Side, result: Result<Reply, Failure>) -> Outcome {
    Outcome {
        side,
        to_head: Duration::from_millis(1),
        result,
    }
}

pub(super) fn reply(content_type: &str, body: &[u8]) -> Reply {
    let mut headers = HeaderMap::new();
    if !content_type.is_empty() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_str(content_type).unwrap());
    }
    Reply {
        status: StatusCode::OK,
        headers,
        body: Captured::Whole(vec![Bytes::copy_from_slice(body)]),
    }
}

pub(super) fn replies(control: Reply, candidate: Reply, rules: &Rules) -> Comparison {
    compare(
        &outcome(Side::Monolith, Ok(control)),
        &outcome(Side::Candidate, Ok(candidate)),
        rules,
    )
}

pub(super) fn json(control: &str, candidate: &str, rules: &Rules) -> Comparison {
    let of = |text: &str| reply("application/json", text.as_bytes());
    replies(of(control), of(candidate), rules)
}

/// What differs, a line each.
pub(super) fn shown(comparison: &Comparison) -> String {
    let line = |d: &Difference| {
        let noise = if d.noise { " (noise)" } else { "" };
        format!(
            "{} {} {}× {} | {}{noise}",
            d.field,
            d.kind.name(),
            d.count,
            d.control,
            d.candidate
        )
    };
    let lines: Vec<_> = comparison.differences.iter().map(line).collect();
    match comparison.verdict {
        Verdict::Unavailable(why) => format!("{why}"),
        _ => lines.join("\n"),
    }
}

pub(super) fn path(text: &str) -> Path {
    Path::parse(text).unwrap()
}

fn ignoring(fields: &[&str]) -> Rules {
    let mut rules = Rules::default();
    for field in fields {
        rules.ignore(&field.parse().unwrap());
    }
    rules
}

#[test]
fn each_kind_of_difference_is_named_by_its_field() {
    let control = r#"{"id": 7, "score": 0.81734, "label": "a", "why": ["x", "y"], "n": 1, "gone": true, "left": null}"#;
    let candidate = r#"{"label": "b", "id": 7.0, "score": 0.817, "why": ["y", "x"], "n": "1", "new": 2, "left": 3}"#;
    let comparison = json(control, candidate, &Rules::default());
    assert_eq!(comparison.verdict, Verdict::Mismatch);
    insta::assert_snapshot!(shown(&comparison), @r##"
    /gone missing 1× true | 
    /label value 1× "a" | "b"
    /left not-null 1× null | 3
    /n quoted 1× 1 | "1"
    /new extra 1×  | 2
    /score number 1× 0.81734 | 0.817
    /why order 1× ["x", "y"] | ["y", "x"]
    "##);
    assert!((comparison.differences[5].magnitude().unwrap() - 3.4e-4).abs() < 1e-9);
}

#[test]
fn an_order_of_its_own_white_space_and_spelling_of_numbers_are_the_same() {
    let comparison = json(
        r#"{"a":1,"b":[true]}"#,
        "{ \"b\": [ true ],\n\"a\": 1.0e0 }",
        &Rules::default(),
    );
    assert_eq!(comparison.verdict, Verdict::Match);
}

#[test]
fn items_of_arrays_are_one_field() {
    let row = |score: f64| format!(r#"{{"id": 1, "score": {score}}}"#);
    let rows = |scores: &[f64]| {
        let rows: Vec<_> = scores.iter().map(|score| row(*score)).collect();
        format!("[{}]", rows.join(","))
    };
    let comparison = json(
        &rows(&[0.5, 0.25, 0.75]),
        &rows(&[0.5, 0.5, 0.25]),
        &Rules::default(),
    );
    assert_eq!(shown(&comparison), "/*/score number 2× 0.25 | 0.5");
    let difference = &comparison.differences[0];
    assert_eq!(difference.place, "/1/score");
    let numbers = difference.numbers.unwrap();
    assert_eq!((numbers.least, numbers.greatest), (-0.5, 0.25));
}

#[test]
fn one_item_more_is_one_difference() {
    let comparison = json("[1,2,3,4]", "[9,1,2,3,4]", &Rules::default());
    assert_eq!(shown(&comparison), "/* extra 1×  | 9");
    let comparison = json("[1,2,3,4]", "[1,3,4]", &Rules::default());
    assert_eq!(shown(&comparison), "/* missing 1× 2 | ");
}

#[test]
fn members_that_are_items_are_one_field() {
    let control = r#"{"10233": {"score": 1}, "10234": {"score": 2}}"#;
    let candidate = r#"{"10233": {"score": 3}, "10234": {"score": 4}}"#;
    let comparison = json(control, candidate, &Rules::default());
    assert_eq!(shown(&comparison), "/*/score number 2× 1 | 3");
    assert_eq!(comparison.differences[0].place, "/10233/score");
}

#[test]
fn ignored_fields_do_not_count() {
    let rules = ignoring(&[
        "/id",
        "/rows/*/at",
        "status",
        "header:content-type",
        "/**/trace",
    ]);
    let control = reply(
        "application/json",
        br#"{"id": 1, "rows": [{"at": 1, "x": {"trace": 1}}]}"#,
    );
    let mut candidate = reply(
        "text/json",
        br#"{"rows": [{"x": {}, "at": "b"}], "trace": 2}"#,
    );
    candidate.status = StatusCode::CREATED;
    let comparison = replies(control, candidate, &rules);
    assert_eq!(comparison.verdict, Verdict::Match, "{}", shown(&comparison));
}

#[test]
fn a_body_can_be_ignored_as_a_whole() {
    let rules = ignoring(&["body"]);
    let mut broken = reply("image/png", b"a");
    broken.body = Captured::Broken;
    let comparison = replies(reply("text/plain", b"b"), broken, &rules);
    assert_eq!(comparison.verdict, Verdict::Match, "{}", shown(&comparison));
}

#[test]
fn numbers_within_a_tolerance_of_their_path() {
    let mut rules = Rules::default();
    rules.tolerance.abs = 1e-9;
    rules.tolerate(
        &path("/rows/*/score"),
        Tolerance {
            abs: 1e-3,
            ..Tolerance::default()
        },
    );
    rules.tolerate(
        &path("/rows/0/score"),
        Tolerance {
            rel: 0.5,
            ..Tolerance::default()
        },
    );
    let same =
        |control: &str, candidate: &str| json(control, candidate, &rules).verdict == Verdict::Match;
    assert!(same(r#"{"a": 1}"#, r#"{"a": 1.0000000001}"#));
    assert!(!same(r#"{"a": 1}"#, r#"{"a": 1.001}"#));
    assert!(same(
        r#"{"rows": [{"score": 2}, {"score": 0.1}]}"#,
        r#"{"rows": [{"score": 3}, {"score": 0.1005}]}"#
    ));
    assert!(!same(
        r#"{"rows": [{"score": 2}, {"score": 0.1}]}"#,
        r#"{"rows": [{"score": 2}, {"score": 0.102}]}"#
    ));
}

#[test]
fn unordered_arrays_by_what_they_hold_and_by_key() {
    let mut rules = Rules::default();
    rules.unordered(&path("/why"), None);
    rules.unordered(&path("/items"), Some(&path("/id")));
    rules.tolerance.abs = 0.01;
    let comparison = json(
        r#"{"why": ["x", "y", "y"], "items": [{"id": 1, "v": "a"}, {"id": 2, "v": "b"}]}"#,
        r#"{"why": ["y", "x", "y"], "items": [{"id": 2.0, "v": "c"}, {"id": 1, "v": "a"}]}"#,
        &rules,
    );
    assert_eq!(shown(&comparison), "/items/*/v value 1× \"b\" | \"c\"");
    assert_eq!(comparison.differences[0].place, "/items/1/v");
    let comparison = json(
        r#"{"why": ["x", "y"]}"#,
        r#"{"why": ["y", "x", "x"]}"#,
        &rules,
    );
    assert_eq!(shown(&comparison), "/why/* extra 1×  | \"x\"");
    // 0.500 goes with either, but only one choice leaves 0.492 a partner.
    let comparison = json(
        r#"{"why": [0.5, 0.492]}"#,
        r#"{"why": [0.509, 0.501]}"#,
        &rules,
    );
    assert_eq!(comparison.verdict, Verdict::Match, "{}", shown(&comparison));
}

#[test]
fn many_items_in_another_order_within_a_tolerance() {
    let mut rules = Rules::default();
    rules.unordered(&path(""), None);
    rules.tolerance.abs = 1e-6;
    let list = |shift: f64, turn: usize| {
        let mut items: Vec<_> = (0..5_000)
            .map(|i| format!("{:.9}", f64::from(i) + shift))
            .collect();
        items.rotate_left(turn);
        format!("[{}]", items.join(","))
    };
    let comparison = json(&list(0.0, 0), &list(1e-7, 1_234), &rules);
    assert_eq!(comparison.verdict, Verdict::Match, "{}", shown(&comparison));
    assert_eq!(
        json(&list(0.0, 0), &list(1e-3, 7), &rules).verdict,
        Verdict::Mismatch
    );
}

#[test]
fn missing_against_null() {
    let (control, candidate) = (r#"{"a": null, "b": {"c": null}}"#, r#"{"b": {}}"#);
    assert_eq!(
        shown(&json(control, candidate, &Rules::default())),
        "/a missing-for-null 1× null | \n/b/c missing-for-null 1× null | "
    );
    let mut rules = Rules::default();
    rules.null_is_missing_at(&path("/b/*"));
    assert_eq!(
        shown(&json(control, candidate, &rules)),
        "/a missing-for-null 1× null | "
    );
    rules.null_is_missing = true;
    assert_eq!(json(control, candidate, &rules).verdict, Verdict::Match);
}

#[test]
fn status_and_chosen_headers() {
    let mut rules = Rules::default();
    rules.headers.push(http::header::LOCATION);
    let mut control = reply("application/json; charset=utf-8", b"{}");
    let mut candidate = reply("application/json", b"{}");
    assert_eq!(
        replies(control.clone(), candidate.clone(), &rules).verdict,
        Verdict::Match
    );
    control
        .headers
        .insert("location", HeaderValue::from_static("/a"));
    candidate
        .headers
        .insert("x-other", HeaderValue::from_static("1"));
    candidate.status = StatusCode::IM_A_TEAPOT;
    let comparison = replies(control, candidate, &rules);
    assert_eq!(
        shown(&comparison),
        "status value 1× 200 | 418\nheader:location missing 1× /a | "
    );
}

#[test]
fn media_types() {
    let of = |media: &str| reply(media, b"{\"a\": 1}");
    let comparison = replies(of("application/json"), of("text/json"), &Rules::default());
    assert_eq!(comparison.verdict, Verdict::Match);
    assert_eq!(comparison.remarks[0].what, Aspect::MediaType);
    let comparison = replies(
        of("application/json"),
        of("application/octet-stream"),
        &Rules::default(),
    );
    insta::assert_snapshot!(shown(&comparison), @r##"
    header:content-type encoding 1× application/json | application/octet-stream
    body encoding 1× a document | bytes
    "##);
    let comparison = replies(
        of("application/json"),
        reply("application/json", b"{\"a\": "),
        &Rules::default(),
    );
    assert_eq!(
        shown(&comparison),
        "body unreadable 1× can be read as json | cannot be read as json"
    );
}

#[test]
fn what_cannot_be_compared() {
    let fine = || reply("application/json", b"[1]");
    let with = |body: Captured| Reply { body, ..fine() };
    let shown_of = |control, candidate| {
        let comparison = compare(
            &outcome(Side::Monolith, control),
            &outcome(Side::Candidate, candidate),
            &Rules::default(),
        );
        shown(&comparison)
    };
    assert_eq!(
        shown_of(Ok(fine()), Err(Failure::Connect)),
        "the candidate: no reply (connect)"
    );
    assert_eq!(
        shown_of(Err(Failure::TotalTimeout), Err(Failure::Connect)),
        "the monolith: no reply (total-timeout); the candidate: no reply (connect)"
    );
    assert_eq!(
        shown_of(Ok(with(Captured::TooLong)), Ok(with(Captured::TooLong))),
        "both: the body is too long"
    );
    assert_eq!(
        shown_of(Ok(fine()), Ok(with(Captured::Broken))),
        "the candidate: the body broke off"
    );
    let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
    assert_eq!(
        shown_of(Ok(fine()), Ok(reply("application/json", deep.as_bytes()))),
        "the candidate: the document is nested too deep"
    );
    // A status tells, whatever the bodies are.
    let mut failed = with(Captured::TooLong);
    failed.status = StatusCode::INTERNAL_SERVER_ERROR;
    assert_eq!(
        shown_of(Ok(fine()), Ok(failed)),
        "status value 1× 200 | 500"
    );
}

#[test]
fn labels_and_scores_are_set_side_by_side() {
    let mut rules = Rules::default();
    rules.label(&path("/rows/*/label"));
    rules.score(&path("/rows/*/score"));
    rules.unordered(&path("/rows"), Some(&path("/id")));
    let comparison = json(
        r#"{"rows": [{"id": 1, "label": "yes", "score": 0.9}, {"id": 2, "label": 0, "score": 0.2}]}"#,
        r#"{"rows": [{"id": 2, "label": 0.0, "score": 0.25}, {"id": 1, "label": "no", "score": "0.4"}]}"#,
        &rules,
    );
    let predictions = comparison.predictions.unwrap();
    assert_eq!((predictions.labels, predictions.flipped), (2, 1));
    assert_eq!(predictions.flips[0].to, "no");
    assert_eq!(predictions.pairs, [(0.9, 0.4), (0.2, 0.25)]);
    let same = json(
        r#"{"rows": [{"label": 1}]}"#,
        r#"{"rows": [{"label": 1}]}"#,
        &rules,
    );
    assert_eq!(same.predictions.unwrap().labels, 1);
}

#[test]
fn a_comparison_is_kept_as_json() {
    let mut rules = Rules::default();
    rules.label(&path("/label"));
    let comparison = json(
        r#"{"label": 1, "s": 0.5}"#,
        r#"{"label": 2, "s": 0.25}"#,
        &rules,
    );
    let text = serde_json::to_string(&comparison).unwrap();
    assert_eq!(
        serde_json::from_str::<Comparison>(&text).unwrap(),
        comparison
    );
}

#[test]
fn compressed_bodies_are_compared_by_what_they_hold() {
    let text = br#"{"score": 0.5}"#;
    let plain = reply("application/json", text);
    let mut zipped = reply("application/json", &super::coding::tests::gzip(text));
    let gzip = HeaderValue::from_static("gzip");
    zipped.headers.insert(CONTENT_ENCODING, gzip.clone());
    let comparison = replies(plain.clone(), zipped.clone(), &Rules::default());
    assert_eq!(comparison.verdict, Verdict::Match, "{}", shown(&comparison));
    let remark = &comparison.remarks[0];
    assert_eq!(
        (remark.what, &*remark.candidate),
        (Aspect::ContentCoding, "gzip")
    );

    let mut broken = plain.clone();
    broken.headers.insert(CONTENT_ENCODING, gzip);
    let comparison = replies(plain.clone(), broken, &Rules::default());
    assert_eq!(
        shown(&comparison),
        "body unreadable 1× can be decompressed | cannot be decompressed"
    );

    let mut unknown = plain.clone();
    unknown
        .headers
        .insert(CONTENT_ENCODING, HeaderValue::from_static("compress"));
    let comparison = replies(unknown, plain.clone(), &Rules::default());
    assert_eq!(
        shown(&comparison),
        "the monolith: the body is in an unknown coding"
    );

    let bomb = super::coding::tests::gzip(&vec![b' '; 32 << 20]);
    let mut large = reply("application/json", &bomb);
    large.headers = zipped.headers;
    let comparison = replies(plain.clone(), large, &Rules::default());
    assert_eq!(shown(&comparison), "the candidate: the body is too long");
    let rules = Rules {
        body: 4,
        ..Rules::default()
    };
    assert_eq!(
        shown(&replies(plain.clone(), plain, &rules)),
        "both: the body is too long"
    );
}

#[test]
fn the_same_in_another_format_or_charset() {
    let json = || reply("application/json", br#"[{"id": 7, "score": 0.5}]"#);
    let rules = ignoring(&["header:content-type"]);
    for (media, body) in [
        ("application/x-ndjson", &b"{\"score\":5e-1,\"id\":7}\n"[..]),
        ("text/csv", b"id,score\n7,0.50\n"),
        ("text/html", b"[{\"id\": 7, \"score\": 0.5}]"),
        ("", b"[{\"id\": 7, \"score\": 0.5}]"),
    ] {
        let comparison = replies(json(), reply(media, body), &rules);
        assert_eq!(
            comparison.verdict,
            Verdict::Match,
            "{media}: {}",
            shown(&comparison)
        );
        assert_eq!(comparison.remarks[0].what, Aspect::MediaType);
        let strict = replies(json(), reply(media, body), &Rules::default());
        assert!(
            shown(&strict).starts_with("header:content-type encoding"),
            "{}",
            shown(&strict)
        );
    }
    let latin = reply("text/plain; charset=latin1", b"caf\xe9");
    let utf8 = reply("text/plain; charset=utf-8", "café".as_bytes());
    let comparison = replies(latin, utf8, &Rules::default());
    assert_eq!(comparison.verdict, Verdict::Match, "{}", shown(&comparison));
    assert_eq!(comparison.remarks[0].what, Aspect::Charset);
}

#[test]
fn text_by_lines_and_bytes_as_they_are() {
    let text = |body: &[u8]| reply("text/html", body);
    let comparison = replies(
        text(b"<p>\na\n</p>"),
        text(b"<p>\r\nb\r\n</p>"),
        &Rules::default(),
    );
    assert_eq!(shown(&comparison), "/* value 1× \"a\" | \"b\"");
    assert_eq!(comparison.differences[0].place, "/1");
    let bytes = |body: &[u8]| reply("application/octet-stream", body);
    let comparison = replies(bytes(b"ab\0c"), bytes(b"abd"), &Rules::default());
    assert_eq!(
        shown(&comparison),
        "body value 1× 4 bytes, from 2: \\0c | 3 bytes, from 2: d"
    );
}

#[test]
fn pictures_within_a_tolerance() {
    use super::formats::tests::png_of;
    let of = |level| reply("image/png", &png_of(level));
    let mut rules = Rules::default();
    assert!(shown(&replies(of(7), of(9), &rules)).starts_with("/red number 1×"));
    rules.image.max = Some(2.0);
    assert_eq!(replies(of(7), of(9), &rules).verdict, Verdict::Match);
    let broken = reply("image/png", b"\x89PNG");
    assert_eq!(
        shown(&replies(of(7), broken, &rules)),
        "body unreadable 1× can be read as image | cannot be read as image"
    );
}

#[test]
fn a_named_comparator_reads_whatever_the_type_says() {
    let rules = Rules {
        comparator: Some("json"),
        ..Rules::default()
    };
    let of = |media: &str, body: &[u8]| reply(media, body);
    let comparison = replies(
        of("application/vnd.x", b"[1]"),
        of("application/vnd.y", b"[1.0]"),
        &rules,
    );
    assert_eq!(comparison.verdict, Verdict::Match, "{}", shown(&comparison));
}

#[test]
fn secrets_do_not_stand_in_differences() {
    let mut rules = Rules::default();
    rules.redact.name("/customer/email").unwrap();
    rules.redact.name("/pin").unwrap();
    rules.headers.push(http::header::SET_COOKIE);
    let control = r#"{"customer": {"email": "a@x"}, "pin": 1234, "password": "p1", "t": "Bearer abcdefgh1", "gone": {"customer": 1, "api_key": "k"}}"#;
    let candidate =
        r#"{"customer": {"email": "b@x"}, "pin": 1235, "password": "p2", "t": "Bearer abcdefgh2"}"#;
    let mut own = reply("application/json", control.as_bytes());
    own.headers
        .insert("set-cookie", HeaderValue::from_static("session=1"));
    let comparison = replies(own, reply("application/json", candidate.as_bytes()), &rules);
    insta::assert_snapshot!(shown(&comparison), @r##"
    header:set-cookie missing 1× [redacted] | 
    /customer/email value 1× "[redacted]" | "[redacted]"
    /gone missing 1× {"customer": 1, "api_key": "[redacted]"} | 
    /password value 1× "[redacted]" | "[redacted]"
    /pin number 1× [redacted] | [redacted]
    /t value 1× "Bearer [redacted]" | "Bearer [redacted]"
    "##);
    assert_eq!(comparison.differences[4].numbers, None);
    let bytes = |body: &[u8]| reply("application/octet-stream", body);
    let broken = replies(
        bytes(b"Bearer abcdefgh1"),
        bytes(b"Bearer abcdefgh2!"),
        &Rules::default(),
    );
    assert_eq!(
        shown(&broken),
        "body value 1× 16 bytes, other ones from 15 | 17 bytes, other ones from 15"
    );
    let mut whole = Rules::default();
    whole.redact.name("/*").unwrap();
    assert_eq!(
        shown(&json("[1, 2]", "[1]", &whole)),
        "/* missing 1× \"[redacted]\" | "
    );
}

#[test]
fn every_kind_is_documented() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/compare.md");
    let page = std::fs::read_to_string(page).unwrap();
    for kind in Kind::ALL {
        assert!(
            page.contains(&format!("`{}`", kind.name())),
            "{}",
            kind.name()
        );
    }
}
