//! The access log: one event per request, once it has ended, where somebody
//! listens.

use std::net::IpAddr;
use std::time::Duration;

use http::{Method, StatusCode, Uri};
use tracing::Level;

use crate::decide::Why;
use crate::metrics::End;
use crate::route::{RouteTable, Side};

/// The target of its events; each is of level INFO.
pub const ACCESS_LOG: &str = "cutline_proxy::access";

/// What is known of a request before it has ended.
pub(crate) struct Entry {
    method: Method,
    uri: Uri,
    client: IpAddr,
    trace: u128,
    /// Its own, where it is recorded.
    span: Option<u64>,
    why: Option<Why>,
    status: Option<StatusCode>,
}

/// How it ended.
pub(crate) struct Ended<'a> {
    pub(crate) table: &'a RouteTable,
    pub(crate) route: Option<usize>,
    pub(crate) side: Side,
    pub(crate) end: End,
    pub(crate) took: Duration,
}

impl Entry {
    /// None where nobody listens: that costs a look at one number.
    pub(crate) fn begin(method: &Method, uri: &Uri, client: IpAddr) -> Option<Box<Entry>> {
        tracing::enabled!(target: ACCESS_LOG, Level::INFO).then(|| {
            Box::new(Entry {
                method: method.clone(),
                uri: uri.clone(),
                client,
                trace: 0,
                span: None,
                why: None,
                status: None,
            })
        })
    }

    pub(crate) fn decided(&mut self, why: Why) {
        self.why = Some(why);
    }

    pub(crate) fn traced(&mut self, trace: u128, span: Option<u64>) {
        (self.trace, self.span) = (trace, span);
    }

    pub(crate) fn answered(&mut self, status: StatusCode) {
        self.status = Some(status);
    }

    /// The query is left out: people put secrets there.
    pub(crate) fn log(&self, ended: &Ended<'_>) {
        let route = ended.route.map(|route| &ended.table.routes[route]);
        let stage = route.map(|route| &*ended.table.stages[route.stage].name);
        tracing::info!(
            target: ACCESS_LOG,
            id = format_args!("{:032x}", self.trace),
            trace_id = format_args!("{:032x}", self.trace),
            span_id = self.span.map(|span| format!("{span:016x}")),
            client = %self.client,
            method = self.method.as_str(),
            path = self.uri.path(),
            stage,
            route = route.map(|route| &*route.template),
            side = ended.side.name(),
            why = self.why.map(Why::name),
            end = ended.end.name(),
            status = self.status.map(|status| status.as_u16()),
            milliseconds = ended.took.as_secs_f64() * 1_000.0,
        );
    }
}
