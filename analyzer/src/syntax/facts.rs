//! What a source file says, in one form for every language.
//!
//! A front end (`python`, `rust`) lowers its syntax tree to [`FileFacts`]; no
//! later room knows the language. The form is small and ordered: scopes hold
//! statements, statements hold expressions, and every expression has an id, so
//! that later rooms can hang what they learn on it.
//!
//! Lowering rules that hold for every front end:
//! - the module is `scopes[0]`; a scope's parent has a smaller id;
//! - statements stand in the order in which they run; a front end whose
//!   language has block expressions hoists their statements in front of the
//!   statement that uses them, through temporaries named `$1`, `$2`, …;
//! - what a front end cannot express becomes [`ExprKind::Opaque`] with its
//!   parts, never nothing: calls inside it must be seen.

use std::collections::BTreeMap;

use smol_str::SmolStr;

/// Index of a scope in [`FileFacts::scopes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ScopeId(pub u32);

/// Index of an expression in [`FileFacts::exprs`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExprId(pub u32);

impl ScopeId {
    /// The scope of the file itself.
    pub const MODULE: ScopeId = ScopeId(0);
}

/// What one file says.
#[derive(Clone, Debug)]
pub struct FileFacts {
    /// Relative to the analysed root, with forward slashes.
    pub path: SmolStr,
    /// Module first; parents before children.
    pub scopes: Vec<Scope>,
    /// Every expression of the file.
    pub exprs: Vec<Expr>,
    /// How names are looked up in this file.
    pub rules: Rules,
    /// Number of lines.
    pub lines: u32,
    /// The expressions of `exprs` that are `name := value`, in order.
    pub walruses: Vec<ExprId>,
    /// The [`ExprKind::Await`]s of `exprs` that leave the function with an
    /// error there may be (`x?`), in order.
    pub tries: Vec<ExprId>,
    /// What is said of a declared field (`#[serde(rename = "x")]`), by the
    /// expression that names it.
    pub field_decorators: BTreeMap<ExprId, Vec<ExprId>>,
}

/// The few ways in which languages differ for the rooms above, as data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// What separates the parts of a qualified name: `.` or `::`.
    pub separator: &'static str,
    /// Separator of a nested function's qualified name: `.<locals>.` or `::`.
    pub nested: &'static str,
    /// How an import finds the file it names.
    pub imports: ImportRule,
    /// The type that every value has besides its own: what the language lets
    /// one do with any of them. Its methods are in the catalog.
    pub root: Option<&'static str>,
    /// Names that need no import, sorted, with what they stand for.
    pub prelude: &'static [(&'static str, &'static str)],
    /// Protocol methods (`__add__`) under the names this language gives them,
    /// sorted.
    pub protocols: &'static [(&'static str, &'static str)],
    /// Iterating a mapping gives pairs of key and value, not keys.
    pub mapping_gives_pairs: bool,
    /// A field and a method may have one name: `x.f()` calls the method.
    pub fields_are_apart: bool,
    /// A lambda is part of the function it stands in: what it does, that does.
    pub lambdas_are_parts: bool,
}

/// How an import finds the file it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportRule {
    /// Packages on a search path; a relative import starts at the folder.
    Packages,
    /// A tree of modules under the root of a crate; a relative import starts
    /// at the module itself.
    Crates,
}

impl Rules {
    /// What the name `name` stands for without an import.
    pub fn prelude(&self, name: &str) -> Option<&'static str> {
        let at = self
            .prelude
            .binary_search_by(|(known, _)| (*known).cmp(name));
        at.ok().map(|at| self.prelude[at].1)
    }

    /// The name of the protocol method `method`.
    pub fn protocol<'m>(&self, method: &'m str) -> &'m str {
        let at = self
            .protocols
            .binary_search_by(|(known, _)| (*known).cmp(method));
        at.map_or(method, |at| self.protocols[at].1)
    }
}

/// A module, class, function, lambda or comprehension.
#[derive(Clone, Debug)]
pub struct Scope {
    /// What kind of scope this is.
    pub kind: ScopeKind,
    /// What a class is to others; `Plain` for what is no class.
    pub form: ClassForm,
    /// The bare name; `<lambda>` and `<module>` where there is none.
    pub name: SmolStr,
    /// Python's `__qualname__`; `A::b` in Rust; `<module>` for the module.
    pub qualname: SmolStr,
    /// The scope around it; `None` for the module.
    pub parent: Option<ScopeId>,
    /// Line of `def`, `class` or `fn`, from 1.
    pub line: u32,
    /// Last line.
    pub end_line: u32,
    /// Parameters in order.
    pub params: Vec<Param>,
    /// Decorators or attributes, outermost first.
    pub decorators: Vec<ExprId>,
    /// Base classes or implemented traits.
    pub bases: Vec<Base>,
    /// Declared type of what a function returns.
    pub returns: Option<ExprId>,
    /// Statements in order.
    pub body: Vec<Stmt>,
    /// Docstring or doc comment.
    pub doc: Option<SmolStr>,
    /// Names declared `global` here.
    pub globals: Vec<SmolStr>,
    /// Names declared `nonlocal` here.
    pub nonlocals: Vec<SmolStr>,
    /// Calling it gives an iterator over what it yields.
    pub is_generator: bool,
    /// `async`.
    pub is_async: bool,
}

/// Kinds of [`Scope`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScopeKind {
    /// The file.
    Module,
    /// A class; in Rust a struct, enum or trait together with its own `impl`s.
    Class,
    /// A function or method.
    Function,
    /// A lambda or closure.
    Lambda,
    /// A comprehension: its body is loops around one [`StmtKind::Expr`] that
    /// holds a [`ExprKind::Yield`] of the element (a `Tuple` of key and value
    /// for a mapping).
    Comprehension,
}

/// What a class is to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClassForm {
    /// A type with instances.
    Plain,
    /// A type without instances of its own: what it declares, others define
    /// (a Rust trait).
    Interface,
    /// Names that belong together (an inline `mod`): what stands in it sees
    /// them.
    Namespace,
    /// Methods of a type that is defined elsewhere (an `impl`). The expression
    /// is that type, as declared types are written; its bases become the
    /// type's.
    Extension(ExprId),
}

/// A parameter of a function or lambda.
#[derive(Clone, Debug)]
pub struct Param {
    /// Its name, without stars.
    pub name: SmolStr,
    /// How arguments reach it.
    pub kind: ParamKind,
    /// Declared type.
    pub annotation: Option<ExprId>,
    /// Default value, evaluated in the scope around the function.
    pub default: Option<ExprId>,
}

/// How arguments reach a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamKind {
    /// The instance (`self`) or class (`cls`) of a method; always first.
    /// Python lowers the first parameter of a method as `Plain`; whether it is
    /// the receiver depends on decorators, which the graph knows.
    Receiver,
    /// By position or by name.
    Plain,
    /// By position only.
    PositionalOnly,
    /// By name only.
    NamedOnly,
    /// `*args`
    Rest,
    /// `**kwargs`
    RestNamed,
}

/// A base class: `Base` or `metaclass=Meta`.
#[derive(Clone, Debug)]
pub struct Base {
    /// `metaclass`, where the base is given by name.
    pub keyword: Option<SmolStr>,
    /// The base.
    pub expr: ExprId,
}

/// A statement and its line.
#[derive(Clone, Debug)]
pub struct Stmt {
    /// What it does.
    pub kind: StmtKind,
    /// Line, from 1.
    pub line: u32,
}

/// Kinds of [`Stmt`].
#[derive(Clone, Debug)]
pub enum StmtKind {
    /// An expression whose value is dropped.
    Expr(ExprId),
    /// `a = b = value`, `a: T = value`, `let a: T = value`. A target is a
    /// `Name`, `Attr`, `Item`, `Tuple`, `List` or `Starred` expression.
    Assign {
        /// Targets, left to right.
        targets: Vec<ExprId>,
        /// What is assigned.
        value: ExprId,
        /// Declared type.
        annotation: Option<ExprId>,
    },
    /// `target op= value`.
    Augment {
        /// What is changed.
        target: ExprId,
        /// The operator.
        op: BinaryOp,
        /// The right-hand side.
        value: ExprId,
    },
    /// `target: T` without a value.
    Declare {
        /// What is declared.
        target: ExprId,
        /// Its type.
        annotation: ExprId,
    },
    /// An import.
    Import(Import),
    /// `return value`.
    Return(Option<ExprId>),
    /// `raise value`.
    Raise(Option<ExprId>),
    /// `assert test`.
    Assert(ExprId),
    /// `break` or `continue`: what follows in the loop's body is left out.
    Leave,
    /// `del targets`.
    Delete(Vec<ExprId>),
    /// A function definition: binds its name here.
    Function(ScopeId),
    /// A class definition: its body runs here and its name is bound.
    Class(ScopeId),
    /// `if test: then else: other`; also `match` arms, one inside the other.
    If {
        /// The condition.
        test: ExprId,
        /// Run when it holds.
        then: Vec<Stmt>,
        /// Run otherwise.
        other: Vec<Stmt>,
    },
    /// `for target in iter`, or `while test`.
    Loop {
        /// What drives it.
        head: LoopHead,
        /// The body.
        body: Vec<Stmt>,
        /// `else:` of a loop.
        other: Vec<Stmt>,
    },
    /// `with context as target, …`.
    With {
        /// Context expressions and their targets.
        items: Vec<(ExprId, Option<ExprId>)>,
        /// The body.
        body: Vec<Stmt>,
    },
    /// `try … except … else … finally`.
    Try {
        /// The guarded body.
        body: Vec<Stmt>,
        /// The handlers in order.
        handlers: Vec<Handler>,
        /// Run when nothing was raised.
        other: Vec<Stmt>,
        /// Run in any case.
        finally: Vec<Stmt>,
    },
}

/// What drives a loop.
#[derive(Clone, Debug)]
pub enum LoopHead {
    /// `for target in iter`.
    For {
        /// Bound to each element.
        target: ExprId,
        /// What is iterated.
        iter: ExprId,
    },
    /// `while test`.
    While(ExprId),
}

/// `except Type as name: body`.
#[derive(Clone, Debug)]
pub struct Handler {
    /// The type that is caught; `None` catches all.
    pub caught: Option<ExprId>,
    /// The name bound to the exception.
    pub name: Option<SmolStr>,
    /// The body.
    pub body: Vec<Stmt>,
}

/// An import as written. Rust's `use a::b::{c, d as e}` is `module: "a.b"`
/// with two names: paths are dotted in every language.
#[derive(Clone, Debug)]
pub struct Import {
    /// Dotted path: `a.b` in `from a.b import c` and in `import a.b`.
    pub module: SmolStr,
    /// Leading dots of a relative import (`super::` in Rust likewise; 1 is
    /// the module's own package).
    pub level: u32,
    /// What is bound.
    pub binds: ImportBinds,
}

/// What an import binds.
#[derive(Clone, Debug)]
pub enum ImportBinds {
    /// `import a.b` binds `a`; `import a.b as c` binds `c` to `a.b`.
    Module {
        /// The alias.
        alias: Option<SmolStr>,
    },
    /// `from m import x, y as z`.
    Names(Vec<(SmolStr, Option<SmolStr>)>),
    /// `from m import *`.
    Star,
}

/// The head of a path that starts at the file itself, whatever hides its
/// names here (Rust's `self::`).
pub const OWN_FILE: &str = "$self";

/// An expression and where it starts.
#[derive(Clone, Debug)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters of the line, from 1.
    pub column: u32,
}

/// Kinds of [`Expr`].
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// A name.
    Name(SmolStr),
    /// `base.name`; in Rust also a path's `base::name`.
    Attr {
        /// The object.
        base: ExprId,
        /// The attribute.
        name: SmolStr,
    },
    /// `base[index]`.
    Item {
        /// The container.
        base: ExprId,
        /// Key, position, `Slice`, or `Tuple` of these.
        index: ExprId,
    },
    /// `callee(args)`.
    Call {
        /// What is called.
        callee: ExprId,
        /// Arguments in order.
        args: Box<[Arg]>,
    },
    /// Text, unescaped, adjacent literals joined.
    Str(SmolStr),
    /// Bytes.
    Bytes,
    /// A number as written, without underscores.
    Number(SmolStr),
    /// `True`, `False`.
    Bool(bool),
    /// `None`, `()`.
    None,
    /// Parts of a format string: `Str` for text, anything else for a hole.
    Format(Box<[ExprId]>),
    /// `[a, b]`.
    List(Box<[ExprId]>),
    /// `a, b`.
    Tuple(Box<[ExprId]>),
    /// `{a, b}`.
    Set(Box<[ExprId]>),
    /// `{k: v}`; a missing key is `**v`. Rust's struct literal is a `Call` of
    /// the type with named arguments.
    Dict(Box<[(Option<ExprId>, ExprId)]>),
    /// A lambda or closure.
    Lambda(ScopeId),
    /// A comprehension.
    Comprehension {
        /// What it builds.
        builds: Builds,
        /// Its scope.
        scope: ScopeId,
    },
    /// `left op right`.
    Binary {
        /// The operator.
        op: BinaryOp,
        /// The left operand.
        left: ExprId,
        /// The right operand.
        right: ExprId,
    },
    /// `not x`, `-x`, `~x`, `+x`.
    Unary {
        /// The operator.
        op: UnaryOp,
        /// The operand.
        operand: ExprId,
    },
    /// `a and b or c`: one of these.
    Either(Box<[ExprId]>),
    /// `a < b < c`.
    Compare {
        /// The operands, one more than operators.
        operands: Box<[ExprId]>,
        /// The operators.
        ops: Box<[CompareOp]>,
    },
    /// `then if test else other`.
    Conditional {
        /// The condition.
        test: ExprId,
        /// When it holds.
        then: ExprId,
        /// Otherwise.
        other: ExprId,
    },
    /// `await x`; in Rust also `x?`.
    Await(ExprId),
    /// `yield x`.
    Yield(Option<ExprId>),
    /// `yield from x`.
    YieldFrom(ExprId),
    /// `(target := value)`.
    Walrus {
        /// A `Name`.
        target: ExprId,
        /// Its value.
        value: ExprId,
    },
    /// `lower:upper:step` inside an item.
    Slice(Box<[Option<ExprId>; 3]>),
    /// `*x` in a list, tuple or target.
    Starred(ExprId),
    /// Anything else, with its parts.
    Opaque(Box<[ExprId]>),
}

/// One argument of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgKind {
    /// By position.
    Positional,
    /// By name.
    Named,
    /// `*args`
    Spread,
    /// `**kwargs`
    SpreadNamed,
}

/// One argument of a call.
#[derive(Clone, Debug)]
pub struct Arg {
    /// How it is given.
    pub kind: ArgKind,
    /// Its name, when [`ArgKind::Named`].
    pub name: Option<SmolStr>,
    /// Its value.
    pub value: ExprId,
}

/// What a comprehension builds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Builds {
    /// `[x for …]`
    List,
    /// `{x for …}`
    Set,
    /// `{k: v for …}`
    Dict,
    /// `(x for …)`
    Generator,
}

/// Binary operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names of the operators say what they are")]
pub enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
    FloorDiv,
    Mod,
    Pow,
    MatMul,
    BitAnd,
    BitOr,
    BitXor,
    Shl,
    Shr,
}

/// Unary operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names of the operators say what they are")]
pub enum UnaryOp {
    Not,
    Neg,
    Pos,
    Invert,
}

/// Comparison operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names of the operators say what they are")]
pub enum CompareOp {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    In,
    NotIn,
    Is,
    IsNot,
}

impl FileFacts {
    /// Puts together what a front end found.
    pub(crate) fn new(
        path: &str,
        scopes: Vec<Scope>,
        exprs: Vec<Expr>,
        rules: Rules,
        lines: u32,
    ) -> FileFacts {
        let numbered = (0..).map(ExprId).zip(&exprs);
        let walruses = numbered
            .filter(|(_, expr)| matches!(expr.kind, ExprKind::Walrus { .. }))
            .map(|(id, _)| id)
            .collect();
        FileFacts {
            path: path.into(),
            scopes,
            exprs,
            rules,
            lines,
            walruses,
            tries: Vec::new(),
            field_decorators: BTreeMap::new(),
        }
    }

    /// The expression `id`.
    pub fn expr(&self, id: ExprId) -> &Expr {
        &self.exprs[id.0 as usize]
    }

    /// The scope `id`.
    pub fn scope(&self, id: ScopeId) -> &Scope {
        &self.scopes[id.0 as usize]
    }

    /// Scopes with their ids, module first.
    pub fn scopes(&self) -> impl Iterator<Item = (ScopeId, &Scope)> {
        self.scopes
            .iter()
            .enumerate()
            .map(|(idx, scope)| (ScopeId(idx as u32), scope))
    }

    /// The dotted path that `id` spells (`a.b.c`), if it is only names.
    pub fn dotted(&self, id: ExprId) -> Option<String> {
        match &self.expr(id).kind {
            ExprKind::Name(name) => Some(name.to_string()),
            ExprKind::Attr { base, name } => {
                let mut path = self.dotted(*base)?;
                path.push('.');
                path.push_str(name);
                Some(path)
            }
            _ => None,
        }
    }

    /// The nearest enclosing scope of `id` (itself included) that is a
    /// function, lambda, class or module: comprehensions belong to it.
    pub fn owner(&self, mut id: ScopeId) -> ScopeId {
        while self.scope(id).kind == ScopeKind::Comprehension {
            match self.scope(id).parent {
                Some(parent) => id = parent,
                None => break,
            }
        }
        id
    }
}

impl ExprKind {
    /// Calls `visit` with each direct part of the expression, in order of
    /// evaluation. Scopes of lambdas and comprehensions are not entered.
    pub fn parts(&self, mut visit: impl FnMut(ExprId)) {
        match self {
            ExprKind::Name(_)
            | ExprKind::Str(_)
            | ExprKind::Bytes
            | ExprKind::Number(_)
            | ExprKind::Bool(_)
            | ExprKind::None
            | ExprKind::Lambda(_)
            | ExprKind::Comprehension { .. }
            | ExprKind::Yield(None) => {}
            ExprKind::Attr { base, .. } => visit(*base),
            ExprKind::Item { base, index } => {
                visit(*base);
                visit(*index);
            }
            ExprKind::Call { callee, args } => {
                visit(*callee);
                args.iter().for_each(|arg| visit(arg.value));
            }
            ExprKind::Format(parts)
            | ExprKind::List(parts)
            | ExprKind::Tuple(parts)
            | ExprKind::Set(parts)
            | ExprKind::Either(parts)
            | ExprKind::Opaque(parts) => parts.iter().copied().for_each(visit),
            ExprKind::Dict(entries) => {
                for (key, value) in entries {
                    key.iter().copied().for_each(&mut visit);
                    visit(*value);
                }
            }
            ExprKind::Binary { left, right, .. } => {
                visit(*left);
                visit(*right);
            }
            ExprKind::Unary { operand, .. } => visit(*operand),
            ExprKind::Compare { operands, .. } => operands.iter().copied().for_each(visit),
            ExprKind::Conditional { test, then, other } => {
                visit(*test);
                visit(*then);
                visit(*other);
            }
            ExprKind::Await(inner)
            | ExprKind::Yield(Some(inner))
            | ExprKind::YieldFrom(inner)
            | ExprKind::Starred(inner) => visit(*inner),
            ExprKind::Walrus { target, value } => {
                visit(*value);
                visit(*target);
            }
            ExprKind::Slice(parts) => parts.iter().flatten().copied().for_each(visit),
        }
    }
}
