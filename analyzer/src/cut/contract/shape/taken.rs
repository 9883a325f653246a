//! What is taken of the request's data: which fields, of which types, whether
//! as they came, and whether others would be noticed.

use smol_str::{SmolStr, format_smolstr};

use super::{Columns, Follow, Shape, Taken};
use crate::modules::FileId;

/// Calls to which a request's further fields do not matter.
const HARMLESS: [&str; 16] = [
    "append",
    "bool",
    "critical",
    "debug",
    "error",
    "exception",
    "float",
    "info",
    "int",
    "isinstance",
    "jsonify",
    "print",
    "repr",
    "str",
    "warn",
    "warning",
];

impl Follow<'_, '_> {
    /// Says of the request's data at `path` that it is of this type.
    pub(super) fn note(&mut self, path: &SmolStr, ty: &str, weak: bool) {
        if let Some(taken) = self.taken.get_mut(path)
            && (taken.ty.is_none()
                || (taken.weak && !weak)
                // Any value can be tested: the weakest of weak hints.
                || (taken.weak && taken.ty.as_deref() == Some("bool")))
        {
            taken.ty = Some(ty.into());
            taken.weak = weak;
        }
    }

    pub(super) fn note_shape(&mut self, shape: &Shape, ty: &str, weak: bool) {
        if let Shape::Request(path) = shape {
            let path = path.clone();
            self.note(&path, ty, weak);
        }
    }

    /// The field `key` of the request's data at `path` is used.
    pub(in crate::cut::contract) fn take(
        &mut self,
        path: &str,
        key: &str,
        file: FileId,
        line: u32,
    ) -> SmolStr {
        let path = below(path, key);
        self.taken.entry(path.clone()).or_insert(Taken {
            ty: None,
            weak: true,
            file,
            line,
        });
        path
    }

    /// The value is another from here on, or may be.
    pub(super) fn change(&mut self, shape: &Shape) {
        if let Shape::Request(path) = shape
            && !path.is_empty()
        {
            self.changed.insert(path.clone());
        }
    }

    /// `value` is used in one case, and `other` in another. Where that is
    /// empty, or gives the same data another form, it says nothing else.
    pub(super) fn replaced(&mut self, value: &Shape, other: &Shape) {
        let same = match other {
            other if value == other => true,
            Shape::Const(value) => value.is_null(),
            Shape::Dict(id) => self.dicts[*id].is_empty(),
            Shape::List(Some(element)) => !element.is_value(),
            Shape::List(None) | Shape::Refused | Shape::Rows(..) => true,
            _ => false,
        };
        if !same {
            self.change(value);
        }
    }

    /// It, or what it is a part of, does not always pass on as it came.
    pub(super) fn is_changed(&self, path: &str) -> bool {
        let mut changed = self.changed.iter();
        changed.any(|changed| is_within(path, changed))
    }

    /// The code replaces a field of the request's data or, unless it does so
    /// only where it is missing, adds one.
    pub(super) fn add_to_request(&mut self, path: &str, key: &str, always: bool) {
        let path = below(path, key);
        match self.taken.contains_key(&path) || !always {
            true => self.changed.insert(path),
            false => self.added.insert(path),
        };
    }

    /// The field is one that the code adds.
    pub(super) fn is_added(&self, path: &str, key: &str) -> bool {
        self.added.contains(&below(path, key))
    }

    /// All of it goes where nobody follows.
    pub(super) fn hand_on(&mut self, shape: &Shape) {
        match shape {
            Shape::Request(path) => {
                self.whole.insert(path.clone());
            }
            Shape::Rows(path, Columns::All) => {
                self.whole.insert(path.clone());
            }
            Shape::List(Some(element)) => self.hand_on(element),
            Shape::Tuple(parts) => parts.iter().for_each(|part| self.hand_on(part)),
            _ => {}
        }
    }

    /// Its elements are gone over or counted, which are the names of a mapping.
    pub(super) fn go_over(&mut self, shape: &Shape) {
        if let Shape::Request(path) = shape {
            self.iterated.insert(path.clone());
        }
    }

    /// A function that is not entered is called with this.
    pub(super) fn hand_to(&mut self, name: &str, shapes: &[Shape]) {
        if !HARMLESS.contains(&name) {
            shapes.iter().for_each(|shape| self.hand_on(shape));
        }
    }

    /// Fields are taken by name, and what they are taken of goes nowhere else.
    pub(in crate::cut::contract) fn picks(&self) -> bool {
        let mut picked = self.taken.keys().map(|name| parent(name)).peekable();
        let seen = |picked: &str| {
            self.iterated.contains(picked)
                || self.whole.iter().any(|whole| is_within(picked, whole))
        };
        picked.peek().is_some() && !picked.any(seen)
    }
}

/// The path of a field.
fn below(path: &str, key: &str) -> SmolStr {
    match path.is_empty() {
        true => key.into(),
        false => format_smolstr!("{path}.{key}"),
    }
}

/// The path of what has the field.
fn parent(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(parent, _)| parent)
}

/// `path` is what is at `around`, or a part of it.
fn is_within(path: &str, around: &str) -> bool {
    around.is_empty()
        || path
            .strip_prefix(around)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}
