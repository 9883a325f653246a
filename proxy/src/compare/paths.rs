//! [`Path`]: places of a document, as rules name them; [`Paths`]: all rules
//! that hold at a place, found while a document is walked.

use std::borrow::Cow;

/// Places of a document: a JSON Pointer (RFC 6901) in which `*` is any member
/// or index, and `**` any number of them, none too. The empty pointer is the
/// document itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Path(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Step {
    Name(Box<str>),
    Any,
    Deep,
}

/// What is wrong with a pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPath {
    /// It does not start with `/`.
    #[error("a JSON pointer starts with `/`")]
    NoSlash,
    /// A `~` that is neither `~0` nor `~1`.
    #[error("in a JSON pointer `~` is written ~0 and `/` is written ~1")]
    Tilde,
    /// More steps than any document that is compared is deep.
    #[error("the pointer has more than {MOST_STEPS} steps")]
    TooLong,
}

/// As many as a document may be deep.
const MOST_STEPS: usize = super::node::MOST_DEEP;

impl Path {
    /// Reads a pointer.
    pub fn parse(text: &str) -> Result<Path, NoPath> {
        if text.is_empty() {
            return Ok(Path::default());
        }
        let rest = text.strip_prefix('/').ok_or(NoPath::NoSlash)?;
        let steps: Vec<_> = rest.split('/').map(Step::parse).collect::<Result<_, _>>()?;
        match steps.len() > MOST_STEPS {
            true => Err(NoPath::TooLong),
            false => Ok(Path(steps)),
        }
    }

    /// Whether no other place can be meant.
    pub fn is_one_place(&self) -> bool {
        self.names().is_some()
    }

    /// The names on the way, where the path names exactly one place.
    pub(super) fn names(&self) -> Option<Vec<&str>> {
        let name = |step: &'_ Step| matches!(step, Step::Name(_));
        self.0.iter().all(name).then(|| {
            let names = self.0.iter().filter_map(|step| match step {
                Step::Name(name) => Some(&**name),
                Step::Any | Step::Deep => None,
            });
            names.collect()
        })
    }
}

impl Step {
    fn parse(text: &str) -> Result<Step, NoPath> {
        match text {
            "*" => Ok(Step::Any),
            "**" => Ok(Step::Deep),
            _ => Ok(Step::Name(unescaped(text)?.into())),
        }
    }
}

/// `a/b` of `a~1b`.
fn unescaped(text: &str) -> Result<Cow<'_, str>, NoPath> {
    if !text.contains('~') {
        return Ok(Cow::Borrowed(text));
    }
    let mut parts = text.split('~');
    let mut name = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (c, rest) = match part.as_bytes().first() {
            Some(b'0') => ('~', &part[1..]),
            Some(b'1') => ('/', &part[1..]),
            _ => return Err(NoPath::Tilde),
        };
        name.push(c);
        name.push_str(rest);
    }
    Ok(Cow::Owned(name))
}

/// Adds a member's name to a pointer.
pub(super) fn push_name(pointer: &mut String, name: &str) {
    pointer.push('/');
    for c in name.chars() {
        match c {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            c => pointer.push(c),
        }
    }
}

/// A set of paths, each with what is said at its places: a trie that is walked
/// along with a document.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Paths<T> {
    nodes: Vec<Branch<T>>,
}

#[derive(Clone, Debug, PartialEq)]
struct Branch<T> {
    named: Vec<(Box<str>, u32)>,
    any: Option<u32>,
    deep: Option<u32>,
    /// It stands behind a `**`: every step leads back to it too.
    stays: bool,
    said: T,
}

/// Where in a set of paths a walk is, with all places it came through.
#[derive(Clone, Debug, Default)]
pub(super) struct Trail {
    states: Vec<u32>,
    starts: Vec<usize>,
}

impl<T: Default> Default for Paths<T> {
    fn default() -> Paths<T> {
        Paths {
            nodes: vec![Branch::new(false)],
        }
    }
}

impl<T: Default> Branch<T> {
    fn new(stays: bool) -> Branch<T> {
        Branch {
            named: Vec::new(),
            any: None,
            deep: None,
            stays,
            said: T::default(),
        }
    }
}

impl<T: Default> Paths<T> {
    /// What is said at `path`.
    pub(super) fn at(&mut self, path: &Path) -> &mut T {
        let mut at = 0;
        for step in &path.0 {
            at = self.child(at, step);
        }
        &mut self.nodes[at as usize].said
    }

    fn child(&mut self, at: u32, step: &Step) -> u32 {
        let new = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        let node = &mut self.nodes[at as usize];
        let known = match step {
            Step::Name(name) => match node.named.iter().find(|(own, _)| own == name) {
                Some((_, child)) => Some(*child),
                None => {
                    node.named.push((name.clone(), new));
                    None
                }
            },
            Step::Any => node.any.or_else(|| {
                node.any = Some(new);
                None
            }),
            Step::Deep => node.deep.or_else(|| {
                node.deep = Some(new);
                None
            }),
        };
        known.unwrap_or_else(|| {
            self.nodes.push(Branch::new(*step == Step::Deep));
            new
        })
    }

    /// A walk's beginning, at the document itself.
    pub(super) fn start(&self) -> Trail {
        let mut trail = Trail::default();
        trail.starts.push(0);
        self.put(&mut trail.states, 0, 0);
        trail
    }

    /// Adds a state and those that are reached from it without a step.
    fn put(&self, states: &mut Vec<u32>, start: usize, state: u32) {
        let mut next = Some(state);
        while let Some(state) = next {
            if states[start..].contains(&state) {
                return;
            }
            states.push(state);
            next = self.nodes[state as usize].deep;
        }
    }

    /// A step down; [`Trail::leave`] is the step back.
    pub(super) fn enter(&self, trail: &mut Trail, name: &str) {
        let from = trail.starts.last().copied().unwrap_or(0);
        let to = trail.states.len();
        trail.starts.push(to);
        for at in from..to {
            let state = trail.states[at];
            let node = &self.nodes[state as usize];
            if node.stays {
                self.put(&mut trail.states, to, state);
            }
            if let Some(any) = node.any {
                self.put(&mut trail.states, to, any);
            }
            if let Some((_, child)) = node.named.iter().find(|(own, _)| **own == *name) {
                self.put(&mut trail.states, to, *child);
            }
        }
    }

    /// What is said where the walk is.
    pub(super) fn here<'p, 't>(
        &'p self,
        trail: &'t Trail,
    ) -> impl Iterator<Item = &'p T> + use<'p, 't, T> {
        let start = trail.starts.last().copied().unwrap_or(0);
        trail.states[start..]
            .iter()
            .map(|state| &self.nodes[*state as usize].said)
    }
}

impl Trail {
    /// Nothing is said here or below.
    pub(super) fn is_empty(&self) -> bool {
        let start = self.starts.last().copied().unwrap_or(0);
        self.states.len() == start
    }

    /// Back to where the last [`Paths::enter`] came from.
    pub(super) fn leave(&mut self) {
        if let Some(start) = self.starts.pop() {
            self.states.truncate(start);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which of `paths` hold at the place that `names` lead to.
    fn holding(paths: &[&str], names: &[&str]) -> String {
        let mut set = Paths::<Vec<usize>>::default();
        for (index, path) in paths.iter().enumerate() {
            set.at(&Path::parse(path).unwrap()).push(index);
        }
        let mut trail = set.start();
        for name in names {
            set.enter(&mut trail, name);
        }
        let mut all: Vec<_> = set.here(&trail).flatten().copied().collect();
        all.sort_unstable();
        let all: Vec<_> = all.into_iter().map(|index| paths[index]).collect();
        all.join(" ")
    }

    #[test]
    fn names_stars_and_double_stars() {
        let paths = ["/a/b", "/a/*", "/**/b", "/**", "/*", "/a~1b", "/x/**/y"];
        assert_eq!(holding(&paths, &["a"]), "/** /*");
        assert_eq!(holding(&paths, &["a", "b"]), "/a/b /a/* /**/b /**");
        assert_eq!(holding(&paths, &["a", "c"]), "/a/* /**");
        assert_eq!(holding(&paths, &["a/b"]), "/** /* /a~1b");
        assert_eq!(holding(&paths, &["b"]), "/**/b /** /*");
        assert_eq!(holding(&paths, &["x", "y"]), "/** /x/**/y");
        assert_eq!(holding(&paths, &["x", "0", "1", "y"]), "/** /x/**/y");
        assert_eq!(holding(&["", "/a"], &[]), "");
        assert_eq!(holding(&["/a"], &["a"]), "/a");
    }

    #[test]
    fn a_step_back_is_where_one_was() {
        let mut set = Paths::<bool>::default();
        *set.at(&Path::parse("/a/b").unwrap()) = true;
        let mut trail = set.start();
        set.enter(&mut trail, "a");
        set.enter(&mut trail, "c");
        assert!(trail.is_empty());
        trail.leave();
        set.enter(&mut trail, "b");
        assert!(set.here(&trail).any(|said| *said));
    }

    #[test]
    fn what_is_no_pointer_is_said() {
        assert_eq!(Path::parse("a"), Err(NoPath::NoSlash));
        assert_eq!(Path::parse("/a~"), Err(NoPath::Tilde));
        assert_eq!(Path::parse("/~2"), Err(NoPath::Tilde));
        assert!(Path::parse(&"/a".repeat(1_000)).is_err());
        let path = Path::parse("/~01/b").unwrap();
        assert_eq!(path.names(), Some(vec!["~1", "b"]));
        assert_eq!(Path::parse("/a/*").unwrap().names(), None);
    }
}
