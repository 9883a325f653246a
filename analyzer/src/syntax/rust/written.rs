//! What an assignment through a pointer writes.
//!
//! `*self.live.write().unwrap() = model` writes `self.live`, and so does
//! `*live = model` after `let mut live = self.live.write().unwrap()`.

use proc_macro2::Span;
use smol_str::SmolStr;
use syn::{Expr, UnOp};

use super::super::facts::{ExprId, ExprKind, StmtKind};
use super::builder::Lowering;
use super::patterns::{Place, place_of};

/// Methods that give what a wrapper holds, to be changed.
const GUARDS: &[&str] = &[
    "as_deref_mut",
    "as_mut",
    "blocking_lock",
    "blocking_write",
    "borrow_mut",
    "deref_mut",
    "expect",
    "get_mut",
    "lock",
    "unwrap",
    "write",
];

impl Lowering {
    /// The target of an assignment to `left`.
    pub(super) fn written(&mut self, left: &Expr, span: Span) -> ExprId {
        let Some(place) = self.behind(left) else {
            return self.value(left);
        };
        // What is called on the way is called all the same.
        if !is_plain(left) {
            let whole = self.value(left);
            self.stmt(StmtKind::Expr(whole), span);
        }
        self.read(&place, span)
    }

    /// The place that `left` writes, where a pointer stands between.
    fn behind(&self, left: &Expr) -> Option<Place> {
        if let Expr::Unary(unary) = left
            && matches!(unary.op, UnOp::Deref(_))
        {
            let place = held(&unary.expr)?;
            return Some(self.pointed(place));
        }
        None
    }

    fn pointed(&self, place: Place) -> Place {
        let Some((first, rest)) = place.0.split_first() else {
            return place;
        };
        let known = self.pointers.iter().rev();
        match known.clone().find(|(name, _)| name == first) {
            Some((_, to)) => Place(to.0.iter().chain(rest).cloned().collect()),
            None => place,
        }
    }

    /// A name that by its case is a static's is none of the function's own.
    pub(super) fn note_static(&mut self, target: ExprId) {
        if let ExprKind::Name(name) = &self.exprs[target.0 as usize].kind
            && is_static(name)
        {
            let name = name.clone();
            let scope = self.scope;
            let globals = &mut self.scope_mut(scope).globals;
            if !globals.contains(&name) {
                globals.push(name);
            }
        }
    }

    /// Notes what the local `name`, bound to `init`, points to.
    pub(super) fn note_pointer(&mut self, name: &SmolStr, init: &Expr) {
        self.pointers.retain(|(known, _)| known != name);
        let points = matches!(init, Expr::Reference(reference) if reference.mutability.is_some())
            || !is_plain(init);
        if let Some(place) =
            held(init).filter(|place| points && (place.0.len() > 1 || is_static(&place.0[0])))
        {
            let place = self.pointed(place);
            self.pointers.push((name.clone(), place));
        }
    }
}

fn is_static(name: &str) -> bool {
    name.chars().any(char::is_alphabetic) && !name.chars().any(char::is_lowercase)
}

/// The place whose content `value` gives.
fn held(value: &Expr) -> Option<Place> {
    match value {
        Expr::Paren(inner) => held(&inner.expr),
        Expr::Reference(inner) => held(&inner.expr),
        Expr::Try(inner) => held(&inner.expr),
        Expr::Await(inner) => held(&inner.base),
        Expr::Unary(inner) if matches!(inner.op, UnOp::Deref(_)) => held(&inner.expr),
        Expr::MethodCall(call) => {
            let is_guard = GUARDS.iter().any(|guard| call.method == guard);
            is_guard.then(|| held(&call.receiver)).flatten()
        }
        _ => place_of(value),
    }
}

/// Nothing is called in it.
fn is_plain(value: &Expr) -> bool {
    match value {
        Expr::Path(_) => true,
        Expr::Paren(inner) => is_plain(&inner.expr),
        Expr::Reference(inner) => is_plain(&inner.expr),
        Expr::Unary(inner) => is_plain(&inner.expr),
        Expr::Field(inner) => is_plain(&inner.base),
        _ => false,
    }
}
