//! Requests through a running proxy, over real sockets.

#![allow(clippy::unwrap_used, reason = "a test may fail here")]

mod support;

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;

use support::{Upstream, ask, eventually, proxy, respond, say};

#[test]
fn what_the_client_said_reaches_the_monolith_and_its_answer_comes_back() {
    let monolith = Upstream::new(|seen, socket| {
        let body = String::from_utf8_lossy(&seen.body).into_owned();
        respond(socket, "201 Created", "x-made: yes\r\n", &body)
    });
    let proxy = proxy(&monolith.url(), "http://127.0.0.1:1", "", "");
    let fields = ["x-customer: 7", "accept: application/json"];
    let response = ask(
        proxy.addresses()[0],
        "POST /other?a=%2F&b",
        &fields,
        "{\"a\": 1}",
    );
    assert_eq!((response.status, &*response.body), (201, "{\"a\": 1}"));
    assert_eq!(response.field("x-made"), Some("yes"));
    assert_eq!(response.field("via"), Some("1.1 cutline"));
    let seen = &monolith.seen()[0];
    assert_eq!(seen.line(), "POST /other?a=%2F&b HTTP/1.1");
    assert_eq!(seen.field("host"), Some("churn.example"));
    assert_eq!(seen.field("x-customer"), Some("7"));
    assert_eq!(seen.field("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(seen.field("connection"), None);
    proxy.stop();
}

#[test]
fn each_mode_asks_whom_it_says() {
    for (stage, answered) in [
        ("mode = \"monolith\"", "monolith"),
        ("mode = \"split\"\npercent = 100", "candidate"),
        ("mode = \"split\"\npercent = 0", "monolith"),
        ("mode = \"candidate\"", "candidate"),
    ] {
        let (monolith, candidate) = (Upstream::named("monolith"), Upstream::named("candidate"));
        let proxy = proxy(&monolith.url(), &candidate.url(), stage, "");
        let response = ask(proxy.addresses()[0], "POST /predict", &[], "{}");
        assert_eq!(
            (response.status, &*response.body),
            (200, answered),
            "{stage}"
        );
        assert_eq!(monolith.seen().len() + candidate.seen().len(), 1, "{stage}");
        proxy.stop();
    }
}

#[test]
fn the_mirror_gets_the_same_request_marked_as_shadow() {
    let (monolith, candidate) = (Upstream::named("monolith"), Upstream::named("candidate"));
    let proxy = proxy(&monolith.url(), &candidate.url(), "mode = \"shadow\"", "");
    let response = ask(
        proxy.addresses()[0],
        "POST /predict?a=1",
        &["x-a: 1"],
        "{\"b\": 2}",
    );
    assert_eq!(response.body, "monolith");
    candidate.asked(1);
    let both = r#"route="POST /predict",primary="reply",mirrored="reply"} 1"#;
    eventually("the two outcomes meet", || proxy.metrics().contains(both));
    let (asked, copied) = (&monolith.seen()[0], &candidate.seen()[0]);
    assert_eq!(copied.line(), asked.line());
    assert_eq!(copied.body, asked.body);
    assert_eq!(copied.field("x-a"), Some("1"));
    assert_eq!(copied.field("x-cutline-shadow"), Some("1"));
    assert_eq!(asked.field("x-cutline-shadow"), None);
    proxy.stop();
}

#[test]
fn what_has_effects_is_never_mirrored() {
    let (monolith, candidate) = (Upstream::named("monolith"), Upstream::named("candidate"));
    let proxy = proxy(&monolith.url(), &candidate.url(), "mode = \"shadow\"", "");
    let response = ask(proxy.addresses()[0], "POST /train", &[], "{}");
    assert_eq!(response.body, "monolith");
    ask(proxy.addresses()[0], "GET /drift", &[], "");
    eventually("the other route is mirrored", || {
        !candidate.seen().is_empty()
    });
    assert_eq!(candidate.seen()[0].line(), "GET /drift HTTP/1.1");
    assert!(proxy.metrics().contains(
        r#"cutline_mirror_dropped_total{stage="inference",route="POST /train",reason="effects"} 1"#
    ));
    proxy.stop();
}

#[test]
fn a_hanging_candidate_does_not_hold_up_the_monoliths_answer() {
    let monolith = Upstream::named("monolith");
    // Accepts, reads, and never answers: its thread ends with the test.
    let candidate = Upstream::new(|_, socket| socket.read(&mut [0]).is_ok_and(|n| n > 0));
    let proxy = proxy(&monolith.url(), &candidate.url(), "mode = \"shadow\"", "");
    for _ in 0..20 {
        let response = ask(proxy.addresses()[0], "POST /predict", &[], "{}");
        assert_eq!(response.body, "monolith");
    }
    drop(candidate);
    proxy.stop();
}

#[test]
fn the_monolith_answers_where_the_candidate_cannot() {
    for failing in ["refused", "closed", "503"] {
        let monolith = Upstream::named("monolith");
        let candidate = Upstream::new(move |_, socket| {
            failing == "503" && respond(socket, "503 Service Unavailable", "", "no")
        });
        let url = match failing {
            "refused" => "http://127.0.0.1:1".to_owned(),
            _ => candidate.url(),
        };
        let proxy = proxy(&monolith.url(), &url, "mode = \"candidate\"", "");
        for _ in 0..12 {
            let response = ask(proxy.addresses()[0], "POST /predict", &[], "{\"n\": 1}");
            assert_eq!(
                (response.status, &*response.body),
                (200, "monolith"),
                "{failing}"
            );
        }
        assert!(
            monolith
                .seen()
                .iter()
                .all(|seen| seen.body == b"{\"n\": 1}")
        );
        let fell_back = r#"route="POST /predict",end="fallback"} 12"#;
        assert!(proxy.metrics().contains(fell_back), "{}", proxy.metrics());
        proxy.stop();
    }
}

#[test]
fn what_has_effects_is_sent_twice_only_if_nobody_got_it() {
    let monolith = Upstream::named("monolith");
    let candidate = Upstream::new(|_, _| false);
    let closing = proxy(
        &monolith.url(),
        &candidate.url(),
        "mode = \"candidate\"",
        "",
    );
    let response = ask(closing.addresses()[0], "POST /train", &[], "{}");
    assert_eq!(response.status, 502);
    assert_eq!(response.field("x-cutline-answer"), Some("cutline"));
    assert!(monolith.seen().is_empty());
    closing.stop();

    let refusing = proxy(
        &monolith.url(),
        "http://127.0.0.1:1",
        "mode = \"candidate\"",
        "",
    );
    let response = ask(refusing.addresses()[0], "POST /train", &[], "{}");
    assert_eq!((response.status, &*response.body), (200, "monolith"));
    refusing.stop();
}

/// As uvicorn does after an exception that nobody handled: the answer says
/// nothing of it, and the connection closes a moment later.
#[test]
fn a_connection_that_carried_a_failure_is_not_used_again() {
    let failed = Mutex::new(HashSet::new());
    let monolith = Upstream::new(move |seen, socket| {
        let connection = socket.peer_addr().unwrap();
        match seen.line().contains("/broken") {
            _ if failed.lock().unwrap().contains(&connection) => false,
            true => {
                failed.lock().unwrap().insert(connection);
                respond(socket, "500 Internal Server Error", "", "oh")
            }
            false => respond(socket, "200 OK", "", "good"),
        }
    });
    let proxy = proxy(&monolith.url(), "http://127.0.0.1:1", "", "");
    for line in ["POST /other", "POST /broken", "POST /other", "POST /train"] {
        let status = if line.contains("broken") { 500 } else { 200 };
        let response = ask(proxy.addresses()[0], line, &[], "{}");
        assert_eq!(response.status, status, "{line}");
    }
    proxy.stop();
}

#[test]
fn what_a_kept_connection_lost_is_sent_again_where_that_does_no_harm() {
    for (line, status, asked) in [
        ("POST /predict", 200, 3),
        ("GET /drift", 200, 3),
        ("PUT /other", 200, 3),
        ("POST /other", 502, 2),
        ("POST /train", 502, 2),
    ] {
        let open = Mutex::new(HashSet::new());
        let monolith = Upstream::new(move |seen, socket| {
            let is_first = open.lock().unwrap().insert(socket.peer_addr().unwrap());
            is_first && respond(socket, "200 OK", "", &String::from_utf8_lossy(&seen.body))
        });
        let proxy = proxy(&monolith.url(), "http://127.0.0.1:1", "", "");
        ask(proxy.addresses()[0], "GET /first", &[], "");
        let response = ask(proxy.addresses()[0], line, &["x-a: 1"], "{\"n\": 1}");
        assert_eq!(response.status, status, "{line}");
        let seen = monolith.seen();
        assert_eq!(seen.len(), asked, "{line}");
        for again in &seen[1..] {
            assert!(again.line().starts_with(line));
            assert_eq!(again.body, b"{\"n\": 1}");
            assert_eq!(again.field("x-a"), Some("1"));
        }
        proxy.stop();
    }
}

#[test]
fn what_a_new_connection_lost_or_an_answer_had_begun_for_is_not_sent_again() {
    let open = Mutex::new(HashSet::new());
    let monolith = Upstream::new(move |seen, socket| {
        match open.lock().unwrap().insert(socket.peer_addr().unwrap()) {
            _ if seen.line().contains("/new") => false,
            true => respond(socket, "200 OK", "", ""),
            false => {
                let _ = socket.write_all(b"HTTP/1.1 20");
                false
            }
        }
    });
    let proxy = proxy(&monolith.url(), "http://127.0.0.1:1", "", "");
    for (line, status, asked) in [
        ("GET /new", 502, 1),
        ("GET /first", 200, 2),
        ("GET /begun", 502, 3),
    ] {
        let response = ask(proxy.addresses()[0], line, &[], "");
        assert_eq!(
            (response.status, monolith.seen().len()),
            (status, asked),
            "{line}"
        );
    }
    proxy.stop();
}

#[test]
fn a_long_body_streams_and_is_not_lost_where_it_cannot_be_kept() {
    let echo = |seen: &support::Seen, socket: &mut TcpStream| {
        respond(socket, "200 OK", "", &seen.body.len().to_string())
    };
    let (monolith, candidate) = (Upstream::new(echo), Upstream::new(echo));
    let stage = "mode = \"shadow\"";
    let proxy = proxy(
        &monolith.url(),
        &candidate.url(),
        stage,
        "[mirror]\nbody = \"100kB\"\n",
    );
    let body = "x".repeat(3_000_000);
    let response = ask(proxy.addresses()[0], "POST /predict", &[], &body);
    assert_eq!((response.status, &*response.body), (200, "3000000"));
    assert!(
        proxy.metrics().contains(r#"reason="body-too-long"} 1"#),
        "{}",
        proxy.metrics()
    );
    assert!(candidate.seen().is_empty());
    proxy.stop();
}

#[test]
fn a_candidate_that_comes_back_gets_its_share_back() {
    let monolith = Upstream::named("monolith");
    let place = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = place.local_addr().unwrap();
    drop(place);
    let proxy = proxy(
        &monolith.url(),
        &format!("http://{address}"),
        "mode = \"candidate\"",
        "",
    );
    for _ in 0..20 {
        assert_eq!(
            ask(proxy.addresses()[0], "GET /drift", &[], "").body,
            "monolith"
        );
    }
    let listener = std::net::TcpListener::bind(address).unwrap();
    let _candidate = Upstream::on(listener, |_, socket| {
        respond(socket, "200 OK", "", "candidate")
    });
    eventually("the candidate answers again", || {
        ask(proxy.addresses()[0], "GET /drift", &[], "").body == "candidate"
    });
    proxy.stop();
}

#[test]
fn a_new_share_holds_for_the_next_request_on_an_open_connection() {
    use cutline_proxy::route::{Mode, Share, Weight};
    let (monolith, candidate) = (Upstream::named("monolith"), Upstream::named("candidate"));
    let proxy = proxy(&monolith.url(), &candidate.url(), "mode = \"split\"", "");
    let mut socket = TcpStream::connect(proxy.addresses()[0]).unwrap();
    let mut asked = |expected: &str| {
        socket
            .write_all(b"GET /drift HTTP/1.1\r\nhost: a\r\n\r\n")
            .unwrap();
        let mut read = Vec::new();
        let mut piece = [0; 1024];
        while !read.ends_with(expected.as_bytes()) {
            let n = socket.read(&mut piece).unwrap();
            assert_ne!(n, 0, "{}", String::from_utf8_lossy(&read));
            read.extend_from_slice(&piece[..n]);
        }
    };
    asked("monolith");
    let all = Share {
        mode: Mode::Split,
        weight: Weight::FULL,
    };
    assert!(proxy.shift("inference", all));
    asked("candidate");
    assert!(!proxy.shift("training", all), "there is no such stage");
    proxy.stop();
}

#[test]
fn requests_in_flight_end_before_the_proxy_does() {
    let (send, receive) = std::sync::mpsc::channel::<()>();
    let receive = std::sync::Mutex::new(receive);
    let monolith = Upstream::new(move |_, socket| {
        let _ = receive.lock().unwrap().recv();
        respond(socket, "200 OK", "", "done")
    });
    let proxy = proxy(&monolith.url(), "http://127.0.0.1:1", "", "");
    let address = proxy.addresses()[0];
    let client = std::thread::spawn(move || ask(address, "GET /slow", &[], ""));
    monolith.asked(1);
    let stopping = std::thread::spawn(move || proxy.stop());
    eventually("nothing more is accepted", || {
        TcpStream::connect(address).is_err()
    });
    send.send(()).unwrap();
    assert_eq!(client.join().unwrap().body, "done");
    stopping.join().unwrap();
}

#[test]
fn an_upgrade_joins_both_ends() {
    let monolith = Upstream::new(|seen, socket| {
        assert_eq!(seen.field("upgrade"), Some("echo"));
        let switch =
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";
        socket.write_all(switch.as_bytes()).unwrap();
        let mut piece = [0; 5];
        socket.read_exact(&mut piece).unwrap();
        socket.write_all(&piece).unwrap();
        false
    });
    let proxy = proxy(&monolith.url(), "http://127.0.0.1:1", "", "");
    let text = "GET /ws HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: echo\r\n\r\nhello";
    let read = say(proxy.addresses()[0], text);
    assert!(read.starts_with("HTTP/1.1 101"), "{read}");
    assert!(read.ends_with("\r\n\r\nhello"), "{read}");
    proxy.stop();
}

#[test]
fn an_upgrade_nobody_asked_for_is_refused() {
    let monolith = Upstream::new(|_, socket| {
        let switch =
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n";
        socket.write_all(switch.as_bytes()).is_ok()
    });
    let proxy = proxy(&monolith.url(), "http://127.0.0.1:1", "", "");
    assert_eq!(ask(proxy.addresses()[0], "GET /x", &[], "").status, 502);
    proxy.stop();
}

#[test]
fn every_request_ends_in_exactly_one_way() {
    let (monolith, candidate) = (Upstream::named("monolith"), Upstream::named("candidate"));
    let proxy = proxy(
        &monolith.url(),
        &candidate.url(),
        "mode = \"split\"\npercent = 50",
        "",
    );
    for n in 0..60 {
        let line = ["POST /predict", "GET /other", "TRACE /x"][n % 3];
        ask(proxy.addresses()[0], line, &[], "");
    }
    let metrics = proxy.metrics();
    let total: u64 = metrics
        .lines()
        .filter(|line| line.starts_with("cutline_requests_total"))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
        .sum();
    assert_eq!(total, 60, "{metrics}");
    assert!(
        metrics.contains(r#"stage="none",route="*",end="refused"} 20"#),
        "{metrics}"
    );
    assert!(
        metrics.contains("cutline_requests_in_flight 0"),
        "{metrics}"
    );
    proxy.stop();
}
