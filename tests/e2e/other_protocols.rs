//! WebSocket and gRPC, each between a client and a server of a library that
//! many use: alike through the proxy as without it.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there"
)]

use std::process::Command;

use crate::behind_the_proxy::{certificate, nothing_differs};
use crate::support;
use crate::support::service::{Proxy, Service, program};

/// A file whose stage `talk` owns `route`, and whose monolith and candidate are
/// both at `url`.
fn routes(route: &str, url: &str, more: &str) -> String {
    format!(
        r#"listen = "127.0.0.1:0"
admin = "127.0.0.1:0"
{more}
[monolith]
upstream = "{url}"
http2 = HTTP2

[stage.talk]
routes = ["{route}"]
candidate = "{url}"
http2 = HTTP2
mode = "monolith"
side_effects = {{ monolith = "real", candidate = "real" }}
"#
    )
}

#[test]
fn a_websocket_passes_through_the_proxy_as_without_it() {
    let clients = support::clients();
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&mut program(&clients, "websocket_service.py"), "on ");
    let routes = routes("GET /chat", &service.url, "").replace("HTTP2", "false");
    let proxy = Proxy::start(folder.path(), &routes);
    for mode in ["monolith", "candidate"] {
        proxy.told(&["mode", "talk", mode]);
        let mut client = program(&clients, "websocket_client.py");
        nothing_differs(client.args([&service.url, proxy.url()]));
    }
}

/// Over HTTP/2 all the way, in the clear and over TLS to the proxy. A client
/// understands the proxy's own answer, too.
#[test]
fn grpc_passes_through_the_proxy_as_without_it() {
    let clients = support::clients();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let service = Service::start(&mut program(&clients, "grpc_service.py"), "on ");
    let routes =
        |more| routes("POST /churn.Echo/{method}", &service.url, more).replace("HTTP2", "true");
    let client = |url: &str| -> Command {
        let mut client = program(&clients, "grpc_client.py");
        client.args([&service.url, url]);
        client
    };
    let plain = Proxy::start(folder, &routes(""));
    nothing_differs(&mut client(plain.url()));

    let over_tls = folder.join("over-tls");
    let authority = certificate(&over_tls);
    let tls = routes("tls = { certificate = \"certificate.pem\", key = \"key.pem\" }");
    let proxy = Proxy::start(&over_tls, &tls);
    proxy.told(&["mode", "talk", "candidate"]);
    let url = format!("https://localhost:{}", proxy.port());
    nothing_differs(client(&url).env("AUTHORITY", authority));

    drop(service);
    let mut single = program(&clients, "grpc_client.py");
    let ended = support::run(single.arg(plain.url()), "the client failed").stdout;
    assert_eq!(String::from_utf8_lossy(&ended), "UNAVAILABLE\n");
}
