//! [`Outcome`]: one upstream's reply, or why there is none.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};

use crate::route::Side;

/// What came of sending a request to one side.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Who was asked.
    pub side: Side,
    /// From the first byte sent to the reply's head, or to the failure.
    pub to_head: Duration,
    /// The reply, or why there is none.
    pub result: Result<Reply, Failure>,
}

/// One upstream's reply.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// Its fields, hop-by-hop ones left out.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Captured,
}

/// A body as far as it was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Captured {
    /// All of it, in the pieces in which it came.
    Whole(Vec<Bytes>),
    /// It was longer than what is kept.
    TooLong,
    /// It ended before its end.
    Broken,
}

/// Why an upstream gave no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Failure {
    /// Every upstream of the side is left out.
    Unavailable,
    /// No connection: refused, no route, unknown name, TLS.
    Connect,
    /// No connection in time.
    ConnectTimeout,
    /// No head in time.
    FirstByteTimeout,
    /// Nothing came, or could be sent, for too long.
    IdleTimeout,
    /// The whole exchange took too long.
    TotalTimeout,
    /// The connection ended before the reply's head.
    Closed,
    /// What came is no HTTP.
    NotHttp,
    /// The client's own body ended before its end.
    ClientBody,
}

/// Whose fault a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The client's.
    Downstream,
    /// The upstream's.
    Upstream,
}

impl Failure {
    /// All of them.
    pub const ALL: [Failure; 9] = [
        Failure::Unavailable,
        Failure::Connect,
        Failure::ConnectTimeout,
        Failure::FirstByteTimeout,
        Failure::IdleTimeout,
        Failure::TotalTimeout,
        Failure::Closed,
        Failure::NotHttp,
        Failure::ClientBody,
    ];

    /// Whose fault it is.
    pub fn fault(self) -> Fault {
        match self {
            Failure::ClientBody => Fault::Downstream,
            _ => Fault::Upstream,
        }
    }

    /// The answer to the client, where nobody else answers (RFC 9110 §15.6).
    pub fn status(self) -> StatusCode {
        match self {
            Failure::Unavailable | Failure::Connect => StatusCode::SERVICE_UNAVAILABLE,
            Failure::ConnectTimeout
            | Failure::FirstByteTimeout
            | Failure::IdleTimeout
            | Failure::TotalTimeout => StatusCode::GATEWAY_TIMEOUT,
            Failure::Closed | Failure::NotHttp => StatusCode::BAD_GATEWAY,
            Failure::ClientBody => StatusCode::BAD_REQUEST,
        }
    }

    /// As it is counted, logged and kept.
    pub fn name(self) -> &'static str {
        match self {
            Failure::Unavailable => "unavailable",
            Failure::Connect => "connect",
            Failure::ConnectTimeout => "connect-timeout",
            Failure::FirstByteTimeout => "first-byte-timeout",
            Failure::IdleTimeout => "idle-timeout",
            Failure::TotalTimeout => "total-timeout",
            Failure::Closed => "closed",
            Failure::NotHttp => "not-http",
            Failure::ClientBody => "client-body",
        }
    }
}
