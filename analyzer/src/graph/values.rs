//! What a name can hold.

use smol_str::SmolStr;

use super::program::ClassId;
use crate::modules::{FileId, ModuleRef};
use crate::syntax::facts::ExprId;

/// Interned text: a name, an attribute, a string constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Sym(pub u32);

/// A value of the abstract heap, interned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ValueId(pub u32);

/// A function together with the context its free names are read in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct InstId(pub u32);

/// A container by where it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct AllocId(pub u32);

/// A node of a configuration document of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ConfigId(pub u32);

/// An abstract value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Value {
    /// A function or lambda.
    Function(InstId),
    /// A function with its first argument filled in.
    Bound(InstId, ValueId),
    /// `staticmethod(f)`.
    Static(InstId),
    /// `classmethod(f)`.
    ClassMethod(InstId),
    /// A property: getter and setter.
    Property(InstId, Option<InstId>),
    /// `x.setter` of a property: called with a function, it adds the setter.
    Setter(InstId),
    /// What calling a generator function, or an async one, gives.
    Generator(InstId),
    /// A class of the tree.
    Class(ClassId),
    /// Any instance of it.
    Instance(ClassId),
    /// `super()` of the class, for the receiver.
    Super(ClassId, ValueId),
    /// A module of the tree.
    Module(ModuleRef),
    /// Something of a library by qualified name: module, function, class.
    External(Sym),
    /// An instance of a library's type; where it is constructed, when it is
    /// constructed by name.
    Object(Sym, Option<(FileId, ExprId)>),
    /// A library's method that an instance of a class of the tree inherits.
    Inherited(Sym, ValueId),
    /// A list, tuple, set or dict.
    Container(AllocId),
    /// A method of a container of the tree.
    ContainerMethod(AllocId, Sym),
    /// `functools.partial(f, …)`, by where it is made.
    Partial(AllocId),
    /// A text constant; `{…}` stands for what is not known.
    Text(Sym),
    /// A file opened at a path.
    Handle(Sym),
    /// A part of a configuration file.
    Config(ConfigId),
    /// `None`.
    Nothing,
}

/// Which element of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum ElemKey {
    /// By a text key.
    Text(Sym),
    /// By a position or number.
    Number(i64),
    /// Any element.
    Any,
    /// The keys of a mapping themselves.
    Keys,
}

/// Kinds of containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ContainerKind {
    List,
    Tuple,
    Set,
    Dict,
}

impl ContainerKind {
    /// The builtin type's name.
    pub(crate) fn type_name(self) -> &'static str {
        match self {
            ContainerKind::List => "list",
            ContainerKind::Tuple => "tuple",
            ContainerKind::Set => "set",
            ContainerKind::Dict => "dict",
        }
    }
}

/// Text to numbers and back.
#[derive(Debug, Default)]
pub(crate) struct Symbols {
    texts: indexmap::IndexSet<SmolStr, rustc_hash::FxBuildHasher>,
}

impl Symbols {
    pub(crate) fn intern(&mut self, text: &str) -> Sym {
        if let Some(idx) = self.texts.get_index_of(text) {
            return Sym(idx as u32);
        }
        Sym(self.texts.insert_full(text.into()).0 as u32)
    }

    pub(crate) fn get(&self, text: &str) -> Option<Sym> {
        self.texts.get_index_of(text).map(|idx| Sym(idx as u32))
    }

    pub(crate) fn text(&self, sym: Sym) -> &SmolStr {
        &self.texts[sym.0 as usize]
    }
}
