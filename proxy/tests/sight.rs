//! What one can follow of a request, over real sockets.

mod support;

use support::{Upstream, ask, eventually, proxy};

const SENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[test]
fn a_request_and_its_copy_have_the_same_trace() {
    let (monolith, candidate) = (Upstream::named("monolith"), Upstream::named("candidate"));
    let proxy = proxy(&monolith.url(), &candidate.url(), "mode = \"shadow\"", "");
    let to = proxy.addresses()[0];
    ask(to, "GET /drift", &[&format!("traceparent: {SENT}")], "");
    ask(to, "GET /drift", &[], "");
    eventually("both copies came", || candidate.seen().len() == 2);
    let parents = |upstream: &Upstream| {
        let seen = upstream.seen();
        let mut parents: Vec<_> = seen
            .iter()
            .map(|seen| seen.field("traceparent").unwrap().to_owned())
            .collect();
        parents.sort();
        parents
    };
    let asked = parents(&monolith);
    assert_eq!(asked, parents(&candidate));
    assert!(asked.contains(&SENT.to_owned()), "{asked:?}");
    assert_ne!(asked[0], asked[1], "one was made");
    proxy.stop();
}
