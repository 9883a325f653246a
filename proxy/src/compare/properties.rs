//! What holds for all answers.

use proptest::prelude::*;
use serde_json::{Map, Value};

use super::tests::{json, path, replies, reply, shown};
use http::header::CONTENT_ENCODING;

use super::*;
use crate::outcome::Captured;

/// Documents with names and values from few, so that they meet.
fn documents() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (-3..3_i64).prop_map(Value::from),
        (-3.0..3.0_f64).prop_map(Value::from),
        "[ab\"\\\\é\n]{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let member = ("[abcd]", inner.clone());
        prop_oneof![
            prop::collection::vec(inner, 0..6).prop_map(Value::Array),
            prop::collection::vec(member, 0..6)
                .prop_map(|members| { Value::Object(members.into_iter().collect()) }),
        ]
    })
}

/// A document and one that differs from it in few places, or in none.
fn pairs() -> impl Strategy<Value = (Value, Value)> {
    let change = (0..40_usize, documents());
    (documents(), prop::option::of(change)).prop_map(|(document, change)| {
        let mut changed = document.clone();
        if let Some((at, new)) = change {
            let mut left = at;
            replace(&mut changed, &mut left, &new);
        }
        (document, changed)
    })
}

/// Puts `new` in the place of the node at which `left` runs out.
fn replace(node: &mut Value, left: &mut usize, new: &Value) -> bool {
    if *left == 0 {
        *node = new.clone();
        return true;
    }
    *left -= 1;
    match node {
        Value::Array(items) => items.iter_mut().any(|item| replace(item, left, new)),
        Value::Object(members) => members.values_mut().any(|node| replace(node, left, new)),
        _ => false,
    }
}

/// The same document, its members in another order; its items too, where told.
fn shuffled(node: &Value, turn: usize, items_too: bool) -> Value {
    match node {
        Value::Array(items) => {
            let items = items.iter().map(|item| shuffled(item, turn, items_too));
            let mut items: Vec<_> = items.collect();
            if items_too && !items.is_empty() {
                let by = turn % items.len();
                items.rotate_left(by);
            }
            Value::Array(items)
        }
        Value::Object(members) => {
            let members = members.iter();
            let mut members: Vec<_> = members
                .map(|(name, node)| (name.clone(), shuffled(node, turn, items_too)))
                .collect();
            if !members.is_empty() {
                let by = turn % members.len();
                members.rotate_left(by);
            }
            Value::Object(members.into_iter().collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}

fn without(node: &Value, names: &[&str]) -> Value {
    let mut node = node.clone();
    let mut at = &mut node;
    for (index, name) in names.iter().enumerate() {
        let Value::Object(members) = at else {
            return node;
        };
        if index + 1 == names.len() {
            members.shift_remove(*name);
            return node;
        }
        match members.get_mut(*name) {
            Some(next) => at = next,
            None => return node,
        }
    }
    node
}

fn verdict(control: &Value, candidate: &Value, rules: &Rules) -> Verdict {
    json(&control.to_string(), &candidate.to_string(), rules).verdict
}

fn lenient(abs: f64) -> Rules {
    let mut rules = Rules::default();
    rules.tolerance.abs = abs;
    rules.unordered(&path("/**/a"), None);
    rules.null_is_missing_at(&path("/**/b"));
    rules
}

proptest! {
    #[test]
    fn an_answer_is_the_same_as_itself(document in documents(), turn in 0..5_usize) {
        let rules = Rules::default();
        let (compact, pretty) = (document.to_string(), format!("{:#}", shuffled(&document, turn, false)));
        let comparison = json(&compact, &pretty, &rules);
        prop_assert_eq!(comparison.verdict, Verdict::Match, "{}", shown(&comparison));
    }

    #[test]
    fn the_verdict_is_the_same_the_other_way_round((control, candidate) in pairs(), abs in prop_oneof![Just(0.0), 0.0..2.0_f64]) {
        for rules in [Rules::default(), lenient(abs)] {
            prop_assert_eq!(verdict(&control, &candidate, &rules), verdict(&candidate, &control, &rules));
        }
    }

    #[test]
    fn a_mismatch_has_a_difference_and_a_match_none((control, candidate) in pairs(), abs in 0.0..1.0_f64) {
        let comparison = json(&control.to_string(), &candidate.to_string(), &lenient(abs));
        prop_assert_eq!(comparison.verdict == Verdict::Match, comparison.differences.is_empty());
        if control == candidate {
            prop_assert_eq!(comparison.verdict, Verdict::Match);
        }
        let text = serde_json::to_string(&comparison).unwrap();
        prop_assert!(serde_json::from_str::<Comparison>(&text).is_ok());
    }

    #[test]
    fn to_ignore_a_member_is_to_remove_it((control, candidate) in pairs(), names in prop::collection::vec("[abcd]", 1..3)) {
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let mut rules = Rules::default();
        rules.ignore(&format!("/{}", names.join("/")).parse().unwrap());
        prop_assert_eq!(
            verdict(&control, &candidate, &rules),
            verdict(&without(&control, &names), &without(&candidate, &names), &Rules::default())
        );
    }

    #[test]
    fn a_wider_tolerance_finds_no_more((control, candidate) in pairs(), abs in 0.0..2.0_f64, more in 0.0..2.0_f64) {
        let narrow = verdict(&control, &candidate, &lenient(abs));
        let wide = verdict(&control, &candidate, &lenient(abs + more));
        prop_assert!(narrow == Verdict::Mismatch || wide == Verdict::Match);
    }

    #[test]
    fn where_order_does_not_count_every_order_is_the_same(document in documents(), turn in 0..7_usize) {
        let mut rules = Rules::default();
        rules.unordered(&path("/**"), None);
        let comparison = json(&document.to_string(), &shuffled(&document, turn, true).to_string(), &rules);
        prop_assert_eq!(comparison.verdict, Verdict::Match, "{}", shown(&comparison));
    }

    /// With PROPTEST_CASES it is a fuzz test of the whole room.
    #[test]
    fn no_bytes_break_it_and_what_comes_is_bounded(
        control in bodies(),
        candidate in bodies(),
        types in prop::array::uniform2(prop::sample::select(TYPES)),
        codings in prop::array::uniform2(prop::sample::select(vec!["", "", "", "gzip", "br", "zstd", "deflate"])),
        named in prop::option::of(prop::sample::select(Rules::comparators().collect::<Vec<_>>())),
    ) {
        let mut rules = lenient(0.5);
        rules.comparator = named;
        rules.label(&path("/**/a"));
        rules.score(&path("/**"));
        rules.redact.name("/**/d").unwrap();
        let answer = |body: &[u8], at: usize| {
            let mut reply = reply(types[at], body);
            if !codings[at].is_empty() {
                let coding = http::HeaderValue::from_static(codings[at]);
                reply.headers.insert(CONTENT_ENCODING, coding);
            }
            reply
        };
        let (control, candidate) = (answer(&control, 0), answer(&candidate, 1));
        let comparison = replies(control.clone(), candidate, &rules);
        prop_assert!(comparison.differences.len() <= MOST_DIFFERENCES);
        for difference in &comparison.differences {
            prop_assert!(difference.control.len() < 1_000 && difference.candidate.len() < 1_000);
        }
        let text = serde_json::to_string(&comparison).unwrap();
        prop_assert!(serde_json::from_str::<Comparison>(&text).is_ok());
        let itself = replies(control.clone(), control.clone(), &rules);
        prop_assert!(itself.verdict != Verdict::Mismatch, "{}", shown(&itself));
        if let Captured::Whole(pieces) = &control.body {
            rules.redact.answer(&control.headers, &pieces.concat(), &rules);
        }
    }
}

const TYPES: &[&str] = &[
    "",
    "application/json",
    "application/x-ndjson",
    "application/x-www-form-urlencoded",
    "application/octet-stream",
    "application/x-npy",
    "application/grpc",
    "image/png",
    "image/jpeg",
    "multipart/form-data; boundary=x",
    "text/csv",
    "text/html",
    "text/plain; charset=utf-16",
    "text/plain; charset=latin1",
];

/// Bytes, and documents with some bytes exchanged.
fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let changed = (documents(), 0..200_usize, any::<u8>()).prop_map(|(document, at, with)| {
        let mut bytes = document.to_string().into_bytes();
        if let Some(byte) = bytes.get_mut(at) {
            *byte = with;
        }
        bytes
    });
    let starts = prop::sample::select(vec![
        &b""[..],
        b"\x93NUMPY\x01\x00\x40\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff",
        b"\x1f\x8b\x08\x00",
        b"\x28\xb5\x2f\xfd",
    ]);
    let begun = (starts, prop::collection::vec(any::<u8>(), 0..80))
        .prop_map(|(start, rest)| [start, &rest].concat());
    prop_oneof![changed, begun]
}
