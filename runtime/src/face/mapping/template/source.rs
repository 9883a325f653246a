//! [`Choice`]: where a place of an answer comes from, and what becomes of it on
//! the way.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::super::pointer::{Pointer, Step};
use super::super::written::{SourceTable, SourceWritten};
use super::derive::{self, Derived};
use super::finish::{Finish, text_of};

/// Where a place comes from where all of `when` is so.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    when: Vec<(Pointer, Value)>,
    pub(super) from: Source,
    /// What makes the values that `from` leads to.
    pub(super) derived: Option<Derived>,
    pub(super) finish: Finish,
}

#[derive(Clone, Debug)]
pub(super) enum Source {
    Document(Pointer),
    /// The same everywhere; at a `*` as often as there are rows.
    Constant(Value),
    /// A list, or an object, of what is in several places.
    Gathered(Gather),
}

/// What is at a pointer with one `*`, as one value.
#[derive(Clone, Debug)]
pub(super) struct Gather {
    from: Pointer,
    /// Where the names of its members are; without, it is a list.
    by: Option<Pointer>,
    /// Where it is true of those that count; without, all do.
    only: Option<Pointer>,
}

const ONE: &str = "it has one of from, value and derive";

/// What of a document has an entry per row: without a `*` it is a slip.
const BY_ROW: [&str; 4] = ["labels", "probabilities", "rows", "scores"];

impl Choice {
    /// Those of a place with so many `*`.
    pub(super) fn each(
        source: &SourceWritten,
        n_stars: usize,
        roots: &[&str],
    ) -> Result<Vec<Choice>, String> {
        let tables = source.tables();
        let one = |table: &Cow<'_, SourceTable>| Choice::new(table, n_stars, roots);
        tables.iter().map(one).collect()
    }

    fn new(table: &SourceTable, n_stars: usize, roots: &[&str]) -> Result<Choice, String> {
        if let Some(derive) = &table.derive {
            return Choice::derived(table, derive, n_stars, roots);
        }
        let from = Source::new(table, roots)?;
        let stars = (n_stars, from.n_stars());
        // What is one stands once, or once per row.
        let is_repeated = stars == (1, 0) && roots.contains(&"count") && !from.has_rows();
        if stars.0 != stars.1 && !is_repeated {
            return Err(match from {
                Source::Document(_) => {
                    format!("it has {} `*`, and what it comes from {}", stars.0, stars.1)
                }
                Source::Constant(_) => "a constant stands once, or once per row".to_owned(),
                Source::Gathered(_) => "what is gathered stands once".to_owned(),
            });
        }
        Ok(Choice {
            when: conditions(table, roots)?,
            from,
            derived: None,
            finish: Finish::new(table)?,
        })
    }

    fn derived(
        table: &SourceTable,
        derive: &str,
        n_stars: usize,
        roots: &[&str],
    ) -> Result<Choice, String> {
        if table.from.is_some() || table.value.is_some() {
            return Err(ONE.to_owned());
        }
        if table.by.is_some() || table.only.is_some() {
            return Err("by and only gather what is at a from, which derive has not".to_owned());
        }
        if !roots.contains(&"labels") {
            return Err("derive is for faces of functions that predict rows".to_owned());
        }
        if n_stars > 1 {
            return Err("what is derived stands once, or once per row".to_owned());
        }
        let derived = Derived::new(derive)?;
        Ok(Choice {
            when: conditions(table, roots)?,
            from: Source::Document(derived.pointer(n_stars)),
            derived: Some(derived),
            finish: Finish::new(table)?,
        })
    }

    /// Whether all of `when` is so.
    pub(super) fn holds(&self, document: &Value) -> bool {
        let is = |(at, value): &(Pointer, Value)| at.all(document) == [Some(value)];
        self.when.iter().all(is)
    }

    /// For each place with an entry per row that it looks at, whether it is of
    /// the first row; how many rows there are is of all.
    pub(super) fn of_rows(&self) -> Vec<bool> {
        let from = match &self.from {
            Source::Document(from) => vec![from],
            Source::Gathered(gather) => vec![&gather.from],
            Source::Constant(_) => Vec::new(),
        };
        let looked_at = self.when.iter().map(|(at, _)| at).chain(from);
        let is_first = |pointer: &Pointer| {
            let (root, entry) = match &*pointer.0 {
                [Step::Name(root), Step::Name(_), entry, ..] if root == derive::ROOT => {
                    (&**root, Some(entry))
                }
                [Step::Name(root), rest @ ..] => (&**root, rest.first()),
                _ => return None,
            };
            let of_rows = root == derive::ROOT || root == "count" || BY_ROW.contains(&root);
            of_rows.then(|| entry == Some(&Step::Name("0".to_owned())))
        };
        looked_at.filter_map(is_first).collect()
    }

    /// Whether it looks at `root`.
    pub(super) fn names(&self, root: &str) -> bool {
        let from = match &self.from {
            Source::Document(from) | Source::Gathered(Gather { from, .. }) => Some(from),
            Source::Constant(_) => None,
        };
        let root = Step::Name(root.to_owned());
        let mut looked_at = self.when.iter().map(|(at, _)| at).chain(from);
        looked_at.any(|pointer| pointer.0.first() == Some(&root))
    }
}

impl Source {
    fn new(table: &SourceTable, roots: &[&str]) -> Result<Source, String> {
        let from = match (&table.from, &table.value) {
            (Some(from), None) => rooted(from, roots)?,
            (None, Some(value)) => return Ok(Source::Constant(value.clone())),
            (Some(_), Some(_)) | (None, None) => {
                return Err(ONE.to_owned());
            }
        };
        if table.by.is_none() && table.only.is_none() {
            return Ok(Source::Document(from));
        }
        let beside = |key: &str, at: &Option<String>| {
            let Some(at) = at else { return Ok(None) };
            let pointer = rooted(at, roots)?;
            match pointer.n_stars() == 1 && pointer.list() == from.list() {
                true => Ok(Some(pointer)),
                false => Err(format!("{key}: {at:?} is not of the list that from is of")),
            }
        };
        if from.n_stars() != 1 {
            return Err("what is gathered has one `*` in from".to_owned());
        }
        let (by, only) = (beside("by", &table.by)?, beside("only", &table.only)?);
        Ok(Source::Gathered(Gather { from, by, only }))
    }

    fn has_rows(&self) -> bool {
        match self {
            Source::Document(from) => {
                matches!(from.0.first(), Some(Step::Name(root)) if BY_ROW.contains(&&**root))
            }
            Source::Gathered(_) => true,
            Source::Constant(_) => false,
        }
    }

    /// What is gathered is one value.
    fn n_stars(&self) -> usize {
        match self {
            Source::Document(from) => from.n_stars(),
            Source::Constant(_) | Source::Gathered(_) => 0,
        }
    }
}

/// What has to be so for a choice to count.
fn conditions(table: &SourceTable, roots: &[&str]) -> Result<Vec<(Pointer, Value)>, String> {
    let conditions = table.when.iter().map(|(at, value)| {
        let pointer = rooted(at, roots)?;
        match pointer.n_stars() {
            0 => Ok((pointer, value.clone())),
            _ => Err(format!("when: {at:?} has a `*`")),
        }
    });
    conditions.collect()
}

fn rooted(text: &str, roots: &[&str]) -> Result<Pointer, String> {
    let pointer = Pointer::parse(text).map_err(|error| format!("{text:?}: {error}"))?;
    match pointer.0.first() {
        Some(Step::Name(root)) if roots.contains(&&**root) => Ok(pointer),
        _ => Err(format!(
            "{text:?} starts with none of /{}",
            roots.join(", /")
        )),
    }
}

impl Gather {
    pub(super) fn of(&self, document: &Value, finish: &Finish) -> Value {
        let values = self.from.all(document);
        let all = |pointer: &Option<Pointer>| {
            let found = pointer.as_ref().map(|pointer| pointer.all(document));
            found.unwrap_or_else(|| vec![None; values.len()])
        };
        let (names, counts) = (all(&self.by), all(&self.only));
        let each = values.iter().zip(names).zip(counts);
        let counting =
            each.filter(|(_, counts)| self.only.is_none() || *counts == Some(&Value::Bool(true)));
        let finished = counting
            .map(|((value, name), _)| (name, value.map_or(Value::Null, |value| finish.of(value))));
        match self.by {
            None => finished.map(|(_, value)| value).collect(),
            Some(_) => {
                let named = finished.filter_map(|(name, value)| Some((text_of(name?), value)));
                Value::Object(named.collect::<Map<_, _>>())
            }
        }
    }
}
