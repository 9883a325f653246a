//! [`decide()`]: which side answers a request, and what is mirrored.
//!
//! Pure: the same table and head give the same decision, on every proxy of a
//! fleet. The head carries the request's id and time; nothing is drawn here.

mod bucket;
mod key;
mod tester;

use std::net::IpAddr;
use std::time::SystemTime;

use http::{HeaderMap, Method};

use crate::route::{Effect, Mode, RouteTable, Side, Stage, StageRoute, Sticky, Weight};

pub use bucket::bucket;
pub(crate) use bucket::bucket_of;
use bucket::place;
pub use key::OWN_COOKIE;
pub(crate) use key::cookie_value;
pub use tester::{TesterError, sign};

/// What a decision is made from.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    /// Unique, unpredictable: what a keyless request is drawn by.
    pub id: u128,
    /// When it came.
    pub time: SystemTime,
    /// Its method.
    pub method: &'a Method,
    /// Host and port as the client named them.
    pub host: Option<&'a str>,
    /// The path, as sent.
    pub path: &'a str,
    /// The query, as sent, without its question mark.
    pub query: Option<&'a str>,
    /// Its fields.
    pub headers: &'a HeaderMap,
    /// Who sent it.
    pub client: IpAddr,
    /// Its whole body, where the stage's key is a field of it.
    pub body: Option<&'a [u8]>,
}

/// Where a request goes.
#[derive(Clone, Debug)]
pub struct Decision<'t> {
    /// The route that owns it, by its place in [`RouteTable::routes`]; None:
    /// the monolith's own.
    pub route: Option<usize>,
    /// The stage of that route.
    pub stage: Option<&'t Stage>,
    /// Who answers.
    pub side: Side,
    /// Why that side.
    pub why: Why,
    /// Who gets a copy, if anyone.
    pub mirror: Option<Side>,
    /// A copy was due, but that side's effects forbid it.
    pub unmirrorable: bool,
    /// The monolith, which answers, gets a copy too: in what it differs from
    /// itself is noise.
    pub again: bool,
    /// The monolith may answer where the candidate does not.
    pub fallback: Fallback,
    /// Set this cookie's value on the answer, so that the client stays.
    pub own_cookie: Option<u128>,
    /// Where the request's key lies at the stage, the same for all requests of
    /// a client that has one; of a request without a key, its own place.
    pub place: u64,
    /// The place is that of a key.
    pub keyed: bool,
}

/// Why a side answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// No stage owns the route.
    NoStage,
    /// The mode sends all one way.
    Mode,
    /// The client's key lies below or above the weight.
    Key,
    /// The request has no key: its id does.
    Draw,
    /// A tester chose.
    Override,
}

/// When the monolith may answer instead of a failed candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fallback {
    /// The candidate does not answer this.
    Never,
    /// When the candidate never received a byte of it.
    Unsent,
    /// Whenever the request can be sent again: repeating it does no harm.
    Repeatable,
}

/// Decides.
pub fn decide<'t>(table: &'t RouteTable, head: &RequestHead<'_>) -> Decision<'t> {
    let Some(index) = table.route(head.method, head.host, head.path, head.headers) else {
        return Decision::unowned();
    };
    let route = &table.routes[index];
    let stage = &table.stages[route.stage];
    let drawn = draw(stage, route, head);
    let chosen = table
        .testers
        .as_deref()
        .filter(|_| stage.candidate.is_some())
        .and_then(|testers| tester::chosen(testers, &stage.name, head));
    let (side, why) = match (chosen, stage.share.mode) {
        (Some(side), _) => (side, Why::Override),
        (None, Mode::Monolith | Mode::Shadow) => (Side::Monolith, Why::Mode),
        (None, Mode::Candidate | Mode::ReverseShadow) => (Side::Candidate, Why::Mode),
        (None, Mode::Split) => (drawn.side(), drawn.why()),
    };
    let due = chosen.is_none()
        && match stage.share.mode {
            Mode::Monolith => false,
            Mode::Shadow | Mode::ReverseShadow => drawn.below,
            Mode::Split | Mode::Candidate => {
                is_drawn(&stage.name, b"other", head, route.check.other)
            }
        };
    let (mirror, unmirrorable) = match due {
        true => mirror(route, side.other(), head.method),
        false => (None, false),
    };
    Decision {
        route: Some(index),
        stage: Some(stage),
        side,
        why,
        mirror,
        unmirrorable,
        again: chosen.is_none() && again(stage, route, side, head),
        fallback: fallback(route, side, head.method),
        own_cookie: drawn.own_cookie,
        place: drawn.place,
        keyed: drawn.keyed || drawn.own_cookie.is_some(),
    }
}

impl Decision<'_> {
    fn unowned() -> Decision<'static> {
        Decision {
            route: None,
            stage: None,
            side: Side::Monolith,
            why: Why::NoStage,
            mirror: None,
            unmirrorable: false,
            again: false,
            fallback: Fallback::Never,
            own_cookie: None,
            place: 0,
            keyed: false,
        }
    }
}

impl Why {
    /// As it is logged.
    pub fn name(self) -> &'static str {
        match self {
            Why::NoStage => "no-stage",
            Why::Mode => "mode",
            Why::Key => "key",
            Why::Draw => "draw",
            Why::Override => "override",
        }
    }
}

/// Where a request's key lies.
struct Drawn {
    place: u64,
    below: bool,
    keyed: bool,
    own_cookie: Option<u128>,
}

impl Drawn {
    fn side(&self) -> Side {
        match self.below {
            true => Side::Candidate,
            false => Side::Monolith,
        }
    }

    fn why(&self) -> Why {
        match self.keyed {
            true => Why::Key,
            false => Why::Draw,
        }
    }
}

fn draw(stage: &Stage, route: &StageRoute, head: &RequestHead<'_>) -> Drawn {
    let own = *stage.sticky == Sticky::OwnCookie;
    let matters = match stage.share.mode {
        Mode::Monolith => false,
        Mode::Candidate => route.check.other != Weight::ZERO,
        Mode::Shadow | Mode::Split | Mode::ReverseShadow => true,
    };
    // A key may be dear to find: it stands in a token, or in the body.
    let key = match own || matters {
        true => key::of(&stage.sticky, head),
        false => None,
    };
    let place = match &key {
        _ if !matters => 0,
        Some(key) => place(&stage.name, key),
        // A client that gets the cookie with this answer is where the cookie
        // will keep it.
        None if own => place(&stage.name, key::cookie_value(head.id).as_bytes()),
        None => place(&stage.name, &head.id.to_be_bytes()),
    };
    Drawn {
        place,
        below: matters && bucket_of(place) < stage.share.weight.basis_points(),
        keyed: key.is_some(),
        own_cookie: (own && key.is_none()).then_some(head.id),
    }
}

/// Whether the monolith is asked twice.
fn again(stage: &Stage, route: &StageRoute, side: Side, head: &RequestHead<'_>) -> bool {
    side == Side::Monolith
        && may_be_asked_again(stage, route, head.method)
        && (stage.doubted || is_drawn(&stage.name, b"again", head, route.check.again))
}

/// Whether the monolith may be asked such a request twice: never what does
/// anything outside its process, and not while nobody compares.
pub(crate) fn may_be_asked_again(stage: &Stage, route: &StageRoute, method: &Method) -> bool {
    matches!(stage.share.mode, Mode::Shadow | Mode::Split)
        && route.check.again != Weight::ZERO
        && route.effect(Side::Monolith, method) == Effect::None
}

/// Draws by the request's id, for each purpose by itself.
fn is_drawn(stage: &str, purpose: &[u8; 5], head: &RequestHead<'_>, weight: Weight) -> bool {
    let mut key = [0; 21];
    key[..16].copy_from_slice(&head.id.to_be_bytes());
    key[16..].copy_from_slice(purpose);
    weight != Weight::ZERO && bucket(stage, &key) < weight.basis_points()
}

/// Some request of the route can be copied to that side.
pub(crate) fn may_be_copied(route: &StageRoute, to: Side) -> bool {
    let method = route.method.as_ref().unwrap_or(&Method::GET);
    mirror(route, to, method).0.is_some()
}

fn mirror(route: &StageRoute, to: Side, method: &Method) -> (Option<Side>, bool) {
    match route.effect(to, method) {
        Effect::None | Effect::HonoursShadow => (Some(to), false),
        Effect::Real => (None, true),
    }
}

/// What was declared of the candidate counts before what its method promises:
/// a GET that is declared `real` is not safe to repeat.
fn fallback(route: &StageRoute, side: Side, method: &Method) -> Fallback {
    match side {
        Side::Monolith => Fallback::Never,
        Side::Candidate if route.alone => Fallback::Never,
        Side::Candidate if route.idempotent => Fallback::Repeatable,
        Side::Candidate => match route.effect(Side::Candidate, method) {
            Effect::None => Fallback::Repeatable,
            Effect::HonoursShadow | Effect::Real => Fallback::Unsent,
        },
    }
}

#[cfg(test)]
mod tests;
