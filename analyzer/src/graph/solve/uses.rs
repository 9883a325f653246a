//! The words of the solver: places, nodes' names, and what a node's values
//! are used for.

use std::rc::Rc;

use super::Node;
use crate::graph::program::ClassId;
use crate::graph::values::{AllocId, ElemKey, InstId, Sym, ValueId};
use crate::modules::FileId;
use crate::syntax::facts::{ArgKind, ExprId, ScopeId};

/// Place of an expression in a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct At {
    pub inst: InstId,
    pub file: FileId,
    pub expr: ExprId,
}

/// The expression of what hangs on none, such as an import.
pub(crate) const NOWHERE: ExprId = ExprId(u32::MAX);

/// Names of nodes that more than one place refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    /// Everything a name of a scope ever holds.
    Var(InstId, ScopeId, Sym),
    Attr(ValueId, Sym),
    Elem(AllocId, ElemKey),
    Return(InstId),
    Yield(InstId),
}

/// What is done with each value that reaches a node.
#[derive(Clone, Debug)]
pub(crate) enum Use {
    Load {
        name: Sym,
        dst: Node,
        at: At,
    },
    /// As `Load`, of a field or a method alone.
    LoadPart {
        name: Sym,
        dst: Node,
        at: At,
        part: Part,
    },
    /// What is called by `x?` in a function that gives errors of type `into`.
    Tried {
        into: ClassId,
        at: At,
    },
    Bind {
        receiver: ValueId,
        dst: Node,
        at: At,
    },
    Store {
        name: Sym,
        src: Node,
        at: At,
    },
    ItemLoad {
        key: ItemKey,
        dst: Node,
        at: At,
    },
    ItemStore {
        key: ItemKey,
        src: Node,
        at: At,
    },
    /// A key of `key`'s node arrived: the container waits.
    KeyedLoad {
        base: ValueId,
        dst: Node,
    },
    KeyedStore {
        base: ValueId,
        src: Node,
    },
    /// `list(value)`: the container holds what iterating gives.
    CopyInto {
        into: ValueId,
        at: At,
    },
    /// A value handed to a library of which nothing is known.
    Handed {
        at: At,
    },
    /// Anything but an instance of a class of the tree.
    NotInstance {
        dst: Node,
    },
    /// `type(value)`.
    ClassOf {
        dst: Node,
    },
    /// `open(value)`.
    Opened {
        dst: Node,
    },
    /// The configuration document in the opened file.
    Document {
        dst: Node,
    },
    /// What the value holds, the container holds.
    Merge {
        into: AllocId,
    },
    /// The value becomes a direct base of the class.
    Base {
        class: ClassId,
    },
    Call {
        site: SiteId,
    },
    Elements {
        dst: Node,
        at: At,
    },
    /// `next(value)`.
    Next {
        dst: Node,
        at: At,
    },
    Position {
        index: usize,
        dst: Node,
        at: At,
    },
    /// The value is a type: instances of it go to `dst`.
    Typed {
        dst: Node,
    },
    /// The value is of a type that has a bound, which callers know better.
    SomeOf {
        dst: Node,
        inst: InstId,
    },
    /// `base`, seen through the interface that the value is.
    SeenThrough {
        base: ValueId,
        dst: Node,
    },
    /// The receiver of an interface's method, called by the interface's name.
    Dispatch {
        inst: InstId,
        at: At,
        args: Rc<[SiteArg]>,
        result: Node,
    },
    Enter {
        dst: Node,
        at: At,
    },
    Operator {
        method: Sym,
        dst: Node,
        at: At,
        arg: Option<Node>,
    },
    Text {
        op: u32,
    },
    Spread {
        inst: InstId,
        from: usize,
    },
    SpreadNamed {
        inst: InstId,
    },
    /// A call made by a library of something it was handed.
    Callback {
        at: At,
        args: Rc<[Node]>,
        result: Node,
    },
}

/// Which attributes of an instance are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Any,
    Field,
    Method,
}

/// Which item is meant.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ItemKey {
    Known(ElemKey),
    Node(Node),
}

/// Index of a call site in a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SiteId(pub u32);

/// A call in a context.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub at: At,
    pub callee: Node,
    pub args: Rc<[SiteArg]>,
    pub result: Node,
    /// A decorator's call: a library's decorator gives the function back.
    pub decorates: bool,
}

/// An argument of a site.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SiteArg {
    pub kind: ArgKind,
    pub name: Option<Sym>,
    pub node: Node,
}

/// What a call reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Target {
    Func(InstId),
    External(Sym),
}

/// How sure an edge is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Certainty {
    /// From a name alone: the only classes with such a method.
    Guessed,
    /// From a declared type, or the class a method stands in.
    Inferred,
    /// From values that reach the call.
    Certain,
}

/// A read or write of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Touch {
    pub at: At,
    pub owner: Owner,
    pub name: Sym,
    pub writes: bool,
}

/// Whose attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Owner {
    Class(ClassId),
    Module(FileId),
    /// A container by where it is made: its items.
    Container(AllocId),
    /// All instances of a library's type that keeps what is put into it.
    Keeper(Sym),
}
