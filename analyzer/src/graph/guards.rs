//! What stands behind a guard: `STATE.lock().unwrap()` is what `STATE` holds.

use crate::syntax::FileFacts;
use crate::syntax::facts::{ExprId, ExprKind};

/// Methods that give what a wrapper holds, to be looked at or changed.
const GUARDS: &[&str] = &[
    "as_deref",
    "as_deref_mut",
    "as_mut",
    "as_ref",
    "blocking_lock",
    "blocking_read",
    "blocking_write",
    "borrow",
    "borrow_mut",
    "deref",
    "deref_mut",
    "expect",
    "get_or_init",
    "into_inner",
    "lock",
    "read",
    "try_lock",
    "try_read",
    "try_write",
    "unwrap",
    "unwrap_or_else",
    "write",
];

/// Methods of Rust's collections, cells and atomics that change them.
const MUTATORS: &[&str] = &[
    "append",
    "clear",
    "compare_exchange",
    "compare_exchange_weak",
    "dedup",
    "drain",
    "entry",
    "extend",
    "extend_from_slice",
    "fetch_add",
    "fetch_and",
    "fetch_max",
    "fetch_min",
    "fetch_or",
    "fetch_sub",
    "fetch_update",
    "get_mut",
    "get_or_insert_with",
    "insert",
    "iter_mut",
    "pop",
    "pop_back",
    "pop_front",
    "push",
    "push_back",
    "push_front",
    "rcu",
    "remove",
    "replace",
    "resize",
    "retain",
    "set",
    "sort",
    "sort_by",
    "store",
    "swap",
    "swap_remove",
    "take",
    "truncate",
    "values_mut",
];

/// `expr` without guards, where the language has them.
pub(crate) fn behind(facts: &FileFacts, mut expr: ExprId) -> ExprId {
    if facts.rules.root.is_none() {
        return expr;
    }
    loop {
        expr = match &facts.expr(expr).kind {
            ExprKind::Await(inner) => *inner,
            ExprKind::Call { callee, .. } => match &facts.expr(*callee).kind {
                ExprKind::Attr { base, name } if GUARDS.contains(&name.as_str()) => *base,
                _ => return expr,
            },
            _ => return expr,
        };
    }
}

/// The method `name` changes what it is called on.
pub(crate) fn changes(facts: &FileFacts, name: &str) -> bool {
    facts.rules.root.is_some() && MUTATORS.contains(&name)
}

/// The method `name` only opens what it is called on.
pub(crate) fn opens(facts: &FileFacts, name: &str) -> bool {
    facts.rules.root.is_some() && GUARDS.contains(&name)
}

#[cfg(test)]
mod tests {
    #[test]
    fn lists_are_sorted() {
        assert!(super::GUARDS.is_sorted());
        assert!(super::MUTATORS.is_sorted());
    }
}
