//! Acting on a [`Decision`](crate::Decision): hyper lives here.

pub(crate) mod breaker;
pub(crate) mod budget;
pub(crate) mod connect;
pub(crate) mod exchange;
pub(crate) mod headers;
pub(crate) mod held;
pub(crate) mod mirror;
pub(crate) mod outbound;
pub(crate) mod pool;
pub(crate) mod repeat;
pub(crate) mod reply;
pub(crate) mod soundness;
pub(crate) mod trace;
pub(crate) mod upgrade;
pub(crate) mod upstream;
