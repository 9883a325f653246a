use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use http::HeaderValue;
use http::header::HeaderName;
use proptest::prelude::*;

use super::*;
use crate::route::{Address, Check, Effects, Health, Share, Testers, Timeouts, Upstreams, Weight};

fn upstreams(port: u16) -> Upstreams {
    Upstreams {
        addresses: vec![Address {
            tls: false,
            host: "127.0.0.1".to_owned(),
            port,
        }],
        timeouts: Timeouts {
            connect: Duration::from_secs(1),
            first_byte: Duration::from_secs(1),
            idle: Duration::from_secs(1),
            total: None,
        },
        health: Health {
            path: None,
            interval: Duration::from_secs(1),
            failures: 5,
        },
        host: None,
        http2: false,
        tls: None,
    }
}

/// One stage that owns `/predict` (POST, no effects), `/train` (POST),
/// `/drift` (GET) and `/wipe` (GET, declared real).
fn table(mode: Mode, percent: f64, sticky: Sticky) -> RouteTable {
    checked_table(mode, percent, sticky, Check::default())
}

/// The same, with requests asked twice.
fn checked_table(mode: Mode, percent: f64, sticky: Sticky, check: Check) -> RouteTable {
    let stage = Stage {
        name: "inference".into(),
        candidate: Some(Arc::new(upstreams(7070))),
        sticky: Arc::new(sticky),
        share: Share {
            mode,
            weight: Weight::from_percent(percent).unwrap(),
        },
        epoch: 0,
        doubted: false,
    };
    let both = |effect| Effects {
        monolith: Some(effect),
        candidate: Some(effect),
    };
    let route = |method, template: &str, effects| StageRoute {
        stage: 0,
        method: Some(method),
        template: template.into(),
        host: None,
        header: None,
        effects,
        idempotent: template == "/pay",
        alone: template == "/keep",
        check,
    };
    let routes = [
        route(Method::POST, "/predict", both(Effect::None)),
        route(Method::POST, "/train", Effects::default()),
        route(Method::POST, "/pay", Effects::default()),
        route(Method::GET, "/drift", Effects::default()),
        route(Method::GET, "/wipe", both(Effect::Real)),
        route(Method::POST, "/notify", both(Effect::HonoursShadow)),
        route(Method::POST, "/keep", both(Effect::None)),
    ];
    RouteTable::new(upstreams(5000), vec![stage], routes).unwrap()
}

/// A request, for the tests to change.
struct Asked {
    method: Method,
    path: &'static str,
    query: Option<&'static str>,
    headers: HeaderMap,
    body: Option<Vec<u8>>,
    client: IpAddr,
    id: u128,
    time: SystemTime,
}

fn post(path: &'static str) -> Asked {
    Asked {
        method: Method::POST,
        path,
        query: None,
        headers: HeaderMap::new(),
        body: None,
        client: IpAddr::from([127, 0, 0, 1]),
        id: 7,
        time: UNIX_EPOCH + Duration::from_secs(1_000),
    }
}

impl Asked {
    fn get(path: &'static str) -> Asked {
        Asked {
            method: Method::GET,
            ..post(path)
        }
    }

    fn with(mut self, name: &'static str, value: &str) -> Asked {
        let value = HeaderValue::from_str(value).unwrap();
        self.headers.append(HeaderName::from_static(name), value);
        self
    }

    fn decided<'t>(&self, table: &'t RouteTable) -> Decision<'t> {
        decide(
            table,
            &RequestHead {
                id: self.id,
                time: self.time,
                method: &self.method,
                host: Some("churn.example"),
                path: self.path,
                query: self.query,
                headers: &self.headers,
                client: self.client,
                body: self.body.as_deref(),
            },
        )
    }
}

#[test]
fn what_no_stage_owns_is_the_monoliths() {
    let table = table(Mode::Candidate, 100.0, Sticky::Request);
    let decision = post("/other").decided(&table);
    assert!(decision.route.is_none());
    assert_eq!(
        (decision.side, decision.why),
        (Side::Monolith, Why::NoStage)
    );
}

#[test]
fn each_mode_says_who_answers_and_who_is_mirrored() {
    let modes = [
        (Mode::Monolith, Side::Monolith, None),
        (Mode::Shadow, Side::Monolith, Some(Side::Candidate)),
        (Mode::Split, Side::Candidate, None),
        (Mode::Candidate, Side::Candidate, None),
        (Mode::ReverseShadow, Side::Candidate, Some(Side::Monolith)),
    ];
    for (mode, side, mirror) in modes {
        let table = table(mode, 100.0, Sticky::Request);
        let decision = post("/predict").decided(&table);
        assert_eq!((decision.side, decision.mirror), (side, mirror), "{mode:?}");
    }
}

/// Of 2,000 requests in that mode, how many are answered by the candidate,
/// copied to the other side, and asked of the monolith again.
fn checked(mode: Mode, path: &'static str) -> (u32, u32, u32) {
    let tenth = Weight::from_percent(10.0).unwrap();
    let check = Check {
        other: tenth,
        again: tenth,
    };
    let table = checked_table(mode, 50.0, Sticky::Request, check);
    let (mut candidate, mut copied, mut again) = (0, 0, 0);
    for id in 0..2_000 {
        let asked = Asked { id, ..post(path) };
        let decision = asked.decided(&table);
        candidate += u32::from(decision.side == Side::Candidate);
        copied += u32::from(decision.mirror == Some(decision.side.other()));
        again += u32::from(decision.again);
        assert!(!decision.again || decision.side == Side::Monolith);
    }
    (candidate, copied, again)
}

#[test]
fn some_requests_are_asked_twice_so_that_answers_can_be_compared() {
    let (candidate, copied, again) = checked(Mode::Split, "/predict");
    assert!((900..1_100).contains(&candidate), "{candidate}");
    assert!((150..250).contains(&copied), "{copied}");
    assert!((70..130).contains(&again), "{again}");
    let (candidate, copied, again) = checked(Mode::Candidate, "/predict");
    assert_eq!(
        (candidate, again),
        (2_000, 0),
        "the monolith answers nothing"
    );
    assert!((150..250).contains(&copied), "{copied}");
    let (_, copied, again) = checked(Mode::Shadow, "/predict");
    assert!((900..1_100).contains(&copied), "shadow has its own percent");
    assert!((150..250).contains(&again), "{again}");
    assert_eq!(checked(Mode::Monolith, "/predict"), (0, 0, 0));
}

#[test]
fn in_doubt_every_safe_request_is_asked_twice_unless_that_is_off() {
    let again = |percent, path| {
        let check = Check {
            other: Weight::ZERO,
            again: Weight::from_percent(percent).unwrap(),
        };
        let mut table = checked_table(Mode::Shadow, 0.0, Sticky::Request, check);
        table.stages[0].doubted = true;
        let twice = |id: &u128| {
            Asked {
                id: *id,
                ..post(path)
            }
            .decided(&table)
            .again
        };
        (0..100).filter(twice).count()
    };
    assert_eq!(again(1.0, "/predict"), 100);
    assert_eq!(again(0.0, "/predict"), 0);
    assert_eq!(again(1.0, "/train"), 0, "it has effects");
}

#[test]
fn nothing_with_effects_is_asked_twice() {
    for path in ["/train", "/notify"] {
        let (_, _, again) = checked(Mode::Split, path);
        assert_eq!(again, 0, "{path}");
    }
    let (_, copied, _) = checked(Mode::Split, "/train");
    assert_eq!(copied, 0);
}

#[test]
fn nothing_with_effects_is_mirrored() {
    for mode in [Mode::Shadow, Mode::ReverseShadow] {
        let table = table(mode, 100.0, Sticky::Request);
        for asked in [post("/train"), Asked::get("/wipe")] {
            let decision = asked.decided(&table);
            assert_eq!(decision.mirror, None, "{} in {mode:?}", asked.path);
            assert!(decision.unmirrorable);
        }
        for asked in [post("/predict"), post("/notify"), Asked::get("/drift")] {
            let decision = asked.decided(&table);
            assert!(decision.mirror.is_some(), "{} in {mode:?}", asked.path);
        }
    }
}

#[test]
fn only_what_does_no_harm_twice_may_be_sent_twice() {
    let table = table(Mode::Candidate, 100.0, Sticky::Request);
    let fallback = |asked: Asked| asked.decided(&table).fallback;
    assert_eq!(fallback(post("/predict")), Fallback::Repeatable);
    assert_eq!(fallback(post("/train")), Fallback::Unsent);
    assert_eq!(fallback(post("/pay")), Fallback::Repeatable);
    assert_eq!(fallback(post("/notify")), Fallback::Unsent);
    assert_eq!(fallback(post("/keep")), Fallback::Never);
    assert_eq!(fallback(Asked::get("/drift")), Fallback::Repeatable);
    assert_eq!(fallback(Asked::get("/wipe")), Fallback::Unsent);
}

/// Whether two requests with the same key and other ids land in one bucket,
/// at every weight.
fn sticks(sticky: &Sticky, mut asked: Asked) -> bool {
    (0..=100).all(|percent| {
        let table = table(Mode::Split, f64::from(percent), sticky.clone());
        asked.id = 7;
        let first = asked.decided(&table);
        asked.id = 8;
        let second = asked.decided(&table);
        first.side == second.side && first.why == Why::Key
    })
}

#[test]
fn every_kind_of_key_keeps_a_client_on_its_side() {
    let jwt = "Bearer e30.eyJzdWIiOiI0MiJ9.x"; // {"sub":"42"}
    let mut with_query = post("/predict");
    with_query.query = Some("a=1&customer=4%32");
    let mut with_body = post("/predict");
    with_body.body = Some(br#"{"customer": {"id": 42}}"#.to_vec());
    let cases = [
        (
            Sticky::Header(HeaderName::from_static("x-customer")),
            post("/predict").with("x-customer", "42"),
        ),
        (
            Sticky::Cookie("customer".to_owned()),
            post("/predict").with("cookie", "a=1; customer=42"),
        ),
        (
            Sticky::OwnCookie,
            post("/predict").with("cookie", "cutline_client=42"),
        ),
        (
            Sticky::JwtClaim("sub".to_owned()),
            post("/predict").with("authorization", jwt),
        ),
        (Sticky::Query("customer".to_owned()), with_query),
        (Sticky::JsonField("/customer/id".to_owned()), with_body),
        (Sticky::ClientAddress, post("/predict")),
    ];
    for (sticky, asked) in cases {
        assert!(sticks(&sticky, asked), "{sticky:?}");
    }
}

#[test]
fn the_same_key_is_the_same_client_wherever_it_stands() {
    let key = |sticky, asked: Asked| {
        let table = table(Mode::Split, 50.0, sticky);
        asked.decided(&table).side
    };
    let mut in_body = post("/predict");
    for customer in 0..50 {
        let text = customer.to_string();
        in_body.body = Some(format!(r#"{{"id": {customer}}}"#).into_bytes());
        let by_body = Sticky::JsonField("/id".to_owned());
        let table = table(Mode::Split, 50.0, by_body);
        let by_header = Sticky::Header(HeaderName::from_static("x-customer"));
        let asked = post("/predict").with("x-customer", &text);
        assert_eq!(in_body.decided(&table).side, key(by_header, asked));
    }
}

#[test]
fn a_new_client_gets_a_cookie_that_keeps_it_where_it_is() {
    for id in 0..100 {
        let table = table(Mode::Split, 50.0, Sticky::OwnCookie);
        let mut asked = post("/predict");
        asked.id = id;
        let first = asked.decided(&table);
        let value = key::cookie_value(first.own_cookie.expect("a cookie is set"));
        let mut again = post("/predict").with("cookie", &format!("cutline_client={value}"));
        again.id = id + 1_000;
        let second = again.decided(&table);
        assert_eq!(second.side, first.side);
        assert_eq!(second.own_cookie, None);
    }
}

#[test]
fn a_key_that_cannot_be_read_is_no_key() {
    let sticky = Sticky::JsonField("/id".to_owned());
    let table = table(Mode::Split, 50.0, sticky);
    for body in [
        &b"{"[..],
        b"{}",
        br#"{"id": null}"#,
        br#"{"id": []}"#,
        b"\xff",
    ] {
        let mut asked = post("/predict");
        asked.body = Some(body.to_vec());
        assert_eq!(asked.decided(&table).why, Why::Draw);
    }
}

fn with_testers(mode: Mode) -> RouteTable {
    let mut table = table(mode, 0.0, Sticky::Request);
    table.testers = Some(Arc::new(Testers {
        header: HeaderName::from_static("x-cutline-side"),
        cookie: "cutline_side".to_owned(),
        key: b"secret".to_vec(),
    }));
    table
}

fn until(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

#[test]
fn a_tester_chooses_a_side_by_header_or_cookie() {
    let table = with_testers(Mode::Split);
    for stage in ["inference", "*"] {
        let token = sign(b"secret", stage, Side::Candidate, until(1_001)).unwrap();
        let by_header = post("/predict").with("x-cutline-side", &token);
        let by_cookie = post("/predict").with("cookie", &format!("cutline_side={token}"));
        for asked in [by_header, by_cookie] {
            let decision = asked.decided(&table);
            assert_eq!(
                (decision.side, decision.why),
                (Side::Candidate, Why::Override)
            );
        }
    }
}

#[test]
fn a_token_that_is_late_forged_or_anothers_is_worth_nothing() {
    let table = with_testers(Mode::Split);
    let late = sign(b"secret", "inference", Side::Candidate, until(1_000)).unwrap();
    let forged = sign(b"guess", "inference", Side::Candidate, until(2_000)).unwrap();
    let other = sign(b"secret", "training", Side::Candidate, until(2_000)).unwrap();
    let changed = sign(b"secret", "inference", Side::Monolith, until(2_000))
        .unwrap()
        .replace("monolith", "candidate");
    for token in [
        late,
        forged,
        other,
        changed,
        String::new(),
        "a.b.c.d".to_owned(),
    ] {
        let decision = post("/predict")
            .with("x-cutline-side", &token)
            .decided(&table);
        assert_eq!(decision.why, Why::Draw, "{token}");
    }
}

#[test]
fn an_empty_key_signs_nothing() {
    assert_eq!(
        sign(b"", "*", Side::Candidate, until(2_000)),
        Err(TesterError::EmptyKey)
    );
}

proptest! {
    #[test]
    fn a_greater_weight_only_moves_clients_to_the_candidate(
        customer in "[a-z0-9]{1,12}",
        lower in 0_u16..=10_000,
        more in 0_u16..=10_000,
    ) {
        let higher = lower.saturating_add(more).min(10_000);
        let side = |basis_points| {
            let sticky = Sticky::Header(HeaderName::from_static("x-customer"));
            let mut table = table(Mode::Split, 0.0, sticky);
            table.stages[0].share.weight = Weight::from_basis_points(basis_points);
            post("/predict").with("x-customer", &customer).decided(&table).side
        };
        if side(lower) == Side::Candidate {
            prop_assert_eq!(side(higher), Side::Candidate);
        }
    }

    #[test]
    fn no_header_breaks_a_decision(value in "\\PC{0,40}") {
        let Ok(value) = HeaderValue::from_str(&value) else { return Ok(()) };
        let table = with_testers(Mode::Split);
        for name in ["x-cutline-side", "cookie", "authorization"] {
            let mut asked = post("/predict");
            asked.headers.insert(HeaderName::from_static(name), value.clone());
            let decision = asked.decided(&table);
            prop_assert_ne!(decision.why, Why::Override);
        }
    }
}
