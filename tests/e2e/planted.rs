//! Candidates of the Flask fixture with planted differences: each is found,
//! named by its field, and stopped; those that say the same go all the way.
//!
//! One pair of processes serves all of them: below the prefix that names a
//! difference, the candidate has it.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there"
)]

use std::env;
use std::path::Path;
use std::thread;

use serde_json::{Value, json};

use crate::behind_the_proxy::{churn, fixture, flask};
use crate::support;
use crate::support::asking::Asking;
use crate::support::eventually;
use crate::support::service::{Proxy, Service};

/// What is done to the candidate's answers, and what has to be told of it.
struct Planted {
    /// Of the plant and of its stage.
    name: &'static str,
    route: &'static str,
    /// What `[stage.X.compare]` says beside that no noise is learnt.
    compare: &'static str,
    /// What it is held to, and nothing else.
    limit: &'static str,
    /// The field that differs, and how; None where no answer does.
    differs: Option<(&'static str, &'static str)>,
    /// What the decision rests on, in its own words.
    why: &'static str,
}

const PREDICT: &str = "POST /predict";
const METRICS: &str = "GET /models/{version}/metrics";

const PLANTED: [Planted; 8] = [
    Planted {
        name: "rounded",
        differs: Some(("/predictions/*/score", "candidate rounds to 3 decimals")),
        ..DIFFERENT
    },
    Planted {
        name: "reordered",
        differs: Some(("/predictions", "same items in another order")),
        ..DIFFERENT
    },
    Planted {
        name: "added",
        differs: Some(("/predictions/*/confidence", "only candidate has it")),
        ..DIFFERENT
    },
    Planted {
        name: "nulled",
        differs: Some(("/segment", "candidate has null where the monolith lacks it")),
        ..DIFFERENT
    },
    Planted {
        name: "garbled",
        route: METRICS,
        differs: Some(("body", "one side's body is not what its headers say")),
        ..DIFFERENT
    },
    Planted {
        name: "flipped",
        compare: "label = \"/predictions/*/label\"",
        limit: "label_flips = 0.001",
        differs: Some(("/predictions/*/label", "labels flip")),
        why: "labels flipped",
        ..DIFFERENT
    },
    Planted {
        name: "failing",
        limit: "errors = 0.1",
        differs: Some(("status", "another value")),
        why: "of the candidate's requests failed, and 0 of",
        ..DIFFERENT
    },
    Planted {
        name: "slow",
        limit: "latency_ratio = 1.5, latency_quantile = 0.5",
        differs: None,
        why: "times as long",
        ..DIFFERENT
    },
];

const DIFFERENT: Planted = Planted {
    name: "",
    route: PREDICT,
    compare: "",
    limit: "mismatch = 0.1",
    differs: None,
    why: "answers differed",
};

/// What says the same in another way, the route of it, and what is remarked.
const ALIKE: [(&str, &str, &str); 2] = [
    ("zipped", PREDICT, "gzip for none"),
    ("in_latin_1", METRICS, "windows-1252 for UTF-8"),
];

/// Both sides answer each request with another time, id and load.
const NOISY: &str = "noisy";

fn stage(candidate: &Service, name: &str, route: &str, compare: &str, rollout: &str) -> String {
    let (method, path) = route.split_once(' ').unwrap();
    format!(
        r#"
[stage.{name}]
routes = ["{method} /{name}{path}"]
candidate = "{}"
mode = "shadow"
sticky = {{ header = "x-customer-id" }}
side_effects = {{ monolith = "none", candidate = "none" }}
[stage.{name}.compare]
{compare}
[stage.{name}.rollout]
sure = 0.9
{rollout}
"#,
        candidate.url
    )
}

/// Limits of which only those count that are given.
fn limits(given: &str) -> String {
    let all = ["mismatch", "errors", "latency_ratio"].into_iter();
    let off = all.filter(|name| !given.contains(name));
    let off: String = off.map(|name| format!(", {name} = \"none\"")).collect();
    format!("limits = {{ {given}{off} }}\n")
}

fn routes(monolith: &Service, candidate: &Service) -> String {
    let mut routes = format!(
        "listen = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n[monolith]\nupstream = \"{}\"\n",
        monolith.url
    );
    let steps = "steps = [\"shadow\", 100]\n";
    for own in &PLANTED {
        let compare = format!("noise = \"off\"\n{}", own.compare);
        let rollout = limits(own.limit) + steps;
        routes += &stage(candidate, own.name, own.route, &compare, &rollout);
    }
    for (name, route, _) in ALIKE {
        let rollout = limits("mismatch = 0.3") + steps;
        routes += &stage(candidate, name, route, "noise = \"off\"", &rollout);
    }
    let rollout = limits("mismatch = 0.2, errors = 0.3")
        + "steps = [\"shadow\", 20, 50, 100, \"reverse-shadow\"]\n";
    routes + &stage(candidate, NOISY, PREDICT, "noise = 20", &rollout)
}

/// Customers that no two of are alike.
fn customers(ids: std::ops::RangeInclusive<u32>) -> String {
    let plans = ["basic", "standard", "premium"];
    let customer = |id: u32| {
        json!({
            "customer_id": id,
            "plan": plans[id as usize % 3],
            "tenure_months": id * 7 % 60,
            "monthly_charges": f64::from(id * 13 % 90) + 10.5,
        })
    };
    let customers: Vec<_> = ids.map(customer).collect();
    json!({ "customers": customers }).to_string()
}

/// What clients ask for: of each stage, and most of what goes farthest.
fn kinds() -> Vec<Value> {
    let predict = |name: &str, body: String| json!({ "method": "POST", "path": format!("/{name}/predict"), "body": body });
    let of = |name: &str, route: &str| match (name, route) {
        (_, METRICS) => vec![json!({
            "method": "GET",
            "path": format!("/{name}/models/Z%C3%BCrich/metrics"),
        })],
        // Of one category, and of none that fails.
        ("failing", _) => vec![
            predict(name, customers(2..=2)),
            predict(name, customers(3..=4)),
        ],
        ("flipped", _) => vec![predict(name, customers(1..=200))],
        (NOISY, _) => vec![predict(name, customers(1..=3)); 4],
        _ => vec![predict(name, customers(1..=3))],
    };
    let planted = PLANTED.iter().map(|own| (own.name, own.route));
    let alike = ALIKE.map(|(name, route, _)| (name, route));
    let all = planted.chain(alike).chain([(NOISY, PREDICT)]);
    all.flat_map(|(name, route)| of(name, route)).collect()
}

fn starts(python: &Path, folder: &Path, side: &str) -> Service {
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/programs");
    let modules = env::join_paths([fixture(), programs]).unwrap();
    let mut command = churn(python, &folder.join(side), &["planted", side]);
    let command = command.arg(folder.join("data")).env("PYTHONPATH", modules);
    Service::start(command, "Running on ")
}

/// A stage as the board has it.
fn on<'b>(board: &'b Value, stage: &str) -> &'b Value {
    let mut stages = board["stages"].as_array().unwrap().iter();
    stages.find(|own| own["name"] == stage).unwrap()
}

#[test]
fn each_planted_difference_is_named_and_stopped_and_what_is_equal_goes_all_the_way() {
    let python = &flask();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let generate = ["churn.generate", "--rows", "300", "--seed", "7", "--out"];
    support::run(
        churn(python, folder, &generate).arg(folder.join("data")),
        "no data were made",
    );
    let (monolith, candidate) = thread::scope(|scope| {
        let candidate = scope.spawn(|| starts(python, folder, "candidate"));
        (
            starts(python, folder, "monolith"),
            candidate.join().unwrap(),
        )
    });
    let proxy = Proxy::start(folder, &routes(&monolith, &candidate));
    let asking = Asking::start(python, proxy.url(), &kinds());

    for own in &PLANTED {
        is_stopped(&proxy, own);
    }
    one_in_two_hundred_flips(&proxy);
    for (name, _, remark) in ALIKE {
        goes_to(&proxy, name, "candidate");
        let diff = differences(&proxy, name, |diff| {
            diff["compared"]["answers"].as_u64() > Some(0)
        });
        let said = diff["remarks"][0].as_str().unwrap();
        assert!(said.contains(remark), "{said}");
        assert_eq!(diff["compared"]["mismatches"], 0, "{diff:#}");
    }
    goes_to(&proxy, NOISY, "reverse-shadow");
    assert_eq!(n_advances(&proxy, NOISY), 4);
    is_noise(&proxy, &["/load", "/request_id", "/served_at"]);

    for asked in asking.end() {
        let as_asked = match asked.path.ends_with("/metrics") {
            true => 404,
            false => 200,
        };
        assert_eq!((asked.status, &*asked.failed), (as_asked, ""), "{asked:?}");
    }
    proxy.end();
}

/// The differences of a stage, once they are as they should be.
fn differences(proxy: &Proxy, stage: &str, right: impl Fn(&Value) -> bool) -> Value {
    let mut told = Value::Null;
    eventually(&format!("the differences of {stage} are told"), || {
        told = serde_json::from_str(&proxy.says(&["diff", stage, "--json"])).unwrap();
        right(&told)
    });
    told
}

/// No client has seen it, and it is told what it was.
fn is_stopped(proxy: &Proxy, own: &Planted) {
    let mut last = Value::Null;
    eventually(&format!("{} is stopped", own.name), || {
        let board = proxy.board();
        let stage = on(&board, own.name);
        assert_eq!(stage["now"]["mode"], "shadow", "{stage:#}");
        last = stage["last"].clone();
        last["judged"] == "rolled-back"
    });
    let why = last["why"].as_str().unwrap();
    assert!(why.contains(own.why), "{why}");
    let Some((path, how)) = own.differs else {
        return;
    };
    if own.limit == DIFFERENT.limit {
        assert!(why.contains(path), "{why}");
    }
    let diff = differences(proxy, own.name, |diff| !diff["fields"][0].is_null());
    let mut fields = diff["fields"].as_array().unwrap().iter();
    let field = fields.find(|field| field["path"] == path);
    let said = field.and_then(|field| field["how"].as_str());
    let is_told = said.is_some_and(|said| said.contains(how));
    assert!(is_told, "{path} {how}: {diff:#}");
}

/// One customer in two hundred gets the other label.
fn one_in_two_hundred_flips(proxy: &Proxy) {
    let diff = differences(proxy, "flipped", |diff| !diff["predictions"].is_null());
    let count = |what: &str| diff["predictions"][what].as_u64().unwrap();
    assert_eq!(count("labels"), 200 * count("flipped"), "{diff:#}");
}

/// That the two sides differ in these does not count, for the monolith differs
/// from itself.
fn is_noise(proxy: &Proxy, paths: &[&str]) {
    let diff = differences(proxy, NOISY, |diff| {
        diff["compared"]["answers"].as_u64() > Some(0)
    });
    assert_eq!(diff["compared"]["mismatches"], 0, "{diff:#}");
    for path in paths {
        let mut fields = diff["fields"].as_array().unwrap().iter();
        let learnt = fields.find(|own| own["path"] == *path && !own["noise"].is_null());
        assert!(learnt.is_some(), "{path}: {diff:#}");
    }
}

/// It is promoted by the evidence alone, step by step, to its last one.
fn goes_to(proxy: &Proxy, name: &str, mode: &str) {
    eventually(&format!("{name} goes to {mode}"), || {
        let board = proxy.board();
        let stage = on(&board, name);
        let judged = &stage["rollout"]["judged"];
        assert_ne!(judged, "rolled-back", "{stage:#}");
        judged == "done" && stage["now"]["mode"] == mode
    });
}

/// How often the evidence took a stage a step further.
fn n_advances(proxy: &Proxy, name: &str) -> usize {
    let board = proxy.board();
    let history = board["history"].as_array().unwrap().iter();
    let own = history.filter(|entry| entry["stage"] == name);
    own.filter(|entry| entry["judged"] == "advance").count()
}
