//! Prefixes that add up, and paths as routes print them.

use rustc_hash::FxHashMap;
use smol_str::{SmolStr, format_smolstr};

use super::{Key, MAX_ELEMENTS};

/// Routers that are climbed through for one; those in a circle have more ways
/// than can be gone.
const MAX_CLIMBED: usize = 10_000;

/// Which router hangs on which, and below what.
#[derive(Debug, Default)]
pub(in crate::routes) struct Mounts {
    above: FxHashMap<Key, Vec<(Key, SmolStr)>>,
}

impl Mounts {
    /// `child` answers below `prefix` of `parent`.
    pub(in crate::routes) fn add(&mut self, child: Key, parent: Key, prefix: &str) {
        let above = self.above.entry(child).or_default();
        let edge = (parent, SmolStr::from(prefix));
        if !above.contains(&edge) && child != parent {
            above.push(edge);
        }
    }

    /// Everything that can stand before the paths of `key`: one prefix per way
    /// it hangs on an application; `alone` if it hangs on nothing.
    pub(in crate::routes) fn prefixes(&self, key: Key, alone: &str) -> Vec<SmolStr> {
        match self.above.get(&key) {
            Some(_) => {
                let mut found = Vec::new();
                let mut left = MAX_CLIMBED;
                self.climb(key, "", &mut vec![], &mut left, &mut found);
                found.sort_unstable();
                found.dedup();
                found
            }
            None => vec![alone.into()],
        }
    }

    /// True if the router hangs on another.
    pub(in crate::routes) fn hangs(&self, key: Key) -> bool {
        self.above.contains_key(&key)
    }

    /// The prefixes of all of these; none if there is nobody to ask.
    pub(in crate::routes) fn all_prefixes(&self, keys: &[Key]) -> Vec<SmolStr> {
        let prefixes = keys.iter().flat_map(|key| self.prefixes(*key, ""));
        let mut found: Vec<SmolStr> = prefixes.collect();
        found.sort_unstable();
        found.dedup();
        if found.is_empty() {
            found.push(SmolStr::default());
        }
        found
    }

    fn climb(
        &self,
        key: Key,
        below: &str,
        seen: &mut Vec<Key>,
        left: &mut usize,
        found: &mut Vec<SmolStr>,
    ) {
        if seen.contains(&key) || found.len() >= MAX_ELEMENTS || *left == 0 {
            return;
        }
        *left -= 1;
        seen.push(key);
        match self.above.get(&key) {
            Some(above) => {
                for (parent, prefix) in above {
                    self.climb(*parent, &join(prefix, below), seen, left, found);
                }
            }
            None => found.push(below.into()),
        }
        seen.pop();
    }
}

/// `prefix` and `path` with one slash between them.
pub(in crate::routes) fn join(prefix: &str, path: &str) -> SmolStr {
    match (prefix.trim_end_matches('/'), path) {
        ("", path) => path.into(),
        (_, "") => prefix.into(),
        (prefix, path) => format_smolstr!("{prefix}/{}", path.trim_start_matches('/')),
    }
}

/// The same where a nested `/` is the prefix itself.
pub(in crate::routes) fn join_nested(prefix: &str, path: &str) -> SmolStr {
    match (prefix, path) {
        ("", _) => path.into(),
        (_, "/") => prefix.into(),
        _ => join(prefix, path),
    }
}

/// `/:id` and `/*rest` of a template are `/{id}` and `/{rest}`.
pub(in crate::routes) fn colons(path: &str) -> SmolStr {
    let part = |part: &str| match part.strip_prefix([':', '*']) {
        Some(name) if !name.is_empty() => format!("{{{name}}}"),
        _ => part.to_owned(),
    };
    let parts: Vec<String> = path.split('/').map(part).collect();
    parts.join("/").into()
}

/// A path template as routes print it: with a leading slash, parameters in
/// braces, bare. `<int:x>`, `{x:path}`, `{*x}` and `:x` are known; with
/// `name_first` also `<x:int>`.
pub(in crate::routes) fn template(path: &str, name_first: bool) -> SmolStr {
    let mut out = String::from(if path.starts_with('/') { "" } else { "/" });
    let mut rest = path;
    while let Some(at) = rest.find(['<', '{']) {
        let close = if rest[at..].starts_with('<') {
            '>'
        } else {
            '}'
        };
        let Some(len) = rest[at..].find(close) else {
            break;
        };
        let inner = &rest[at + 1..at + len];
        let name = match (close, name_first) {
            ('>', false) => inner.rsplit(':').next(),
            _ => inner.split(':').next(),
        };
        out.push_str(&rest[..at]);
        out.push('{');
        out.push_str(name.unwrap_or(inner).trim().trim_start_matches('*'));
        out.push('}');
        rest = &rest[at + len + 1..];
    }
    out.push_str(rest);
    out.into()
}
