//! What grows while a file is lowered, and the small steps that grow it.

use std::collections::BTreeMap;

use proc_macro2::Span;
use smol_str::{SmolStr, format_smolstr};
use syn::ext::IdentExt;

use super::super::facts::{
    Arg, ArgKind, ClassForm, Expr, ExprId, ExprKind, Scope, ScopeId, ScopeKind, Stmt, StmtKind,
};
use super::expand::Expander;
use super::patterns::Place;

/// A file being lowered: the facts so far and where we stand in them.
pub(super) struct Lowering {
    pub(super) exprs: Vec<Expr>,
    pub(super) scopes: Vec<Scope>,
    /// Statements of the block at hand.
    pub(super) body: Vec<Stmt>,
    /// The scope at hand.
    pub(super) scope: ScopeId,
    /// Inline modules around the place at hand, outermost first.
    pub(super) modules: Vec<SmolStr>,
    /// How `Self` is spelled here, as a path that can be looked up.
    pub(super) self_path: Vec<SmolStr>,
    /// Type parameters in scope with their bounds, innermost last.
    pub(super) generics: Vec<TypeParameter>,
    /// Locals that point into something else, with what they point to.
    pub(super) pointers: Vec<(SmolStr, Place)>,
    /// What `?` made, in order.
    pub(super) tries: Vec<ExprId>,
    /// Attributes of fields, by what names the field.
    pub(super) field_decorators: BTreeMap<ExprId, Vec<ExprId>>,
    /// Loops and labelled blocks around the place at hand.
    pub(super) loops: Vec<Breakable>,
    /// Macros that are expanded.
    pub(super) expander: Expander,
    n_temporaries: u32,
}

/// How much there was at some time, to go back to.
pub(super) struct Mark {
    n_exprs: usize,
    n_scopes: usize,
    n_stmts: usize,
    n_pointers: usize,
}

/// A type parameter.
pub(super) struct TypeParameter {
    pub(super) name: SmolStr,
    pub(super) bounds: Vec<syn::TypeParamBound>,
    /// What it is when nothing is said.
    pub(super) default: Option<syn::Type>,
}

/// A loop or labelled block that `break` can leave.
pub(super) struct Breakable {
    pub(super) label: Option<SmolStr>,
    /// Where `break value` puts the value.
    pub(super) result: SmolStr,
    /// An unlabelled `break` leaves it.
    pub(super) is_loop: bool,
}

impl Lowering {
    pub(super) fn new(n_lines: u32) -> Self {
        let mut lowering = Lowering {
            exprs: Vec::new(),
            scopes: Vec::new(),
            body: Vec::new(),
            scope: ScopeId::MODULE,
            modules: Vec::new(),
            self_path: Vec::new(),
            generics: Vec::new(),
            pointers: Vec::new(),
            tries: Vec::new(),
            field_decorators: BTreeMap::new(),
            loops: Vec::new(),
            expander: Expander::default(),
            n_temporaries: 0,
        };
        let module = "<module>".into();
        lowering.push_scope(ScopeKind::Module, module, "<module>".into(), (1, n_lines));
        lowering.scopes[0].parent = None;
        lowering
    }

    pub(super) fn expr(&mut self, kind: ExprKind, span: Span) -> ExprId {
        let start = span.start();
        let id = ExprId(self.exprs.len() as u32);
        self.exprs.push(Expr {
            kind,
            // What stands nowhere stands in the first line.
            line: start.line.max(1) as u32,
            column: start.column as u32 + 1,
        });
        id
    }

    pub(super) fn name(&mut self, name: impl Into<SmolStr>, span: Span) -> ExprId {
        self.expr(ExprKind::Name(name.into()), span)
    }

    pub(super) fn attr(&mut self, base: ExprId, name: impl Into<SmolStr>, span: Span) -> ExprId {
        let name = name.into();
        self.expr(ExprKind::Attr { base, name }, span)
    }

    /// The path `names` as a chain of `Attr` on a `Name`.
    pub(super) fn path_of(&mut self, names: &[SmolStr], span: Span) -> ExprId {
        let (first, rest) = names.split_first().expect("a path has a first part");
        let first = self.name(first.clone(), span);
        rest.iter()
            .fold(first, |base, name| self.attr(base, name.clone(), span))
    }

    pub(super) fn call(&mut self, callee: ExprId, args: Vec<Arg>, span: Span) -> ExprId {
        let args = args.into_boxed_slice();
        self.expr(ExprKind::Call { callee, args }, span)
    }

    pub(super) fn opaque(&mut self, parts: Vec<ExprId>, span: Span) -> ExprId {
        self.expr(ExprKind::Opaque(parts.into()), span)
    }

    pub(super) fn stmt(&mut self, kind: StmtKind, span: Span) {
        let line = span.start().line.max(1) as u32;
        self.body.push(Stmt { kind, line });
    }

    pub(super) fn assign(&mut self, target: ExprId, value: ExprId, span: Span) {
        let kind = StmtKind::Assign {
            targets: vec![target],
            value,
            annotation: None,
        };
        self.stmt(kind, span);
    }

    /// What there is now.
    pub(super) fn mark(&self) -> Mark {
        Mark {
            n_exprs: self.exprs.len(),
            n_scopes: self.scopes.len(),
            n_stmts: self.body.len(),
            n_pointers: self.pointers.len(),
        }
    }

    /// Takes back all that was made since `mark`, which was of the same block:
    /// no list may name what is gone.
    pub(super) fn go_back(&mut self, mark: &Mark) {
        self.exprs.truncate(mark.n_exprs);
        self.tries.retain(|id| (id.0 as usize) < mark.n_exprs);
        self.field_decorators
            .retain(|id, _| (id.0 as usize) < mark.n_exprs);
        self.pointers.truncate(mark.n_pointers);
        self.scopes.truncate(mark.n_scopes);
        self.body.truncate(mark.n_stmts);
    }

    /// A temporary's name, new in the file.
    pub(super) fn temporary(&mut self) -> SmolStr {
        self.n_temporaries += 1;
        format_smolstr!("${}", self.n_temporaries)
    }

    /// The statements that `lower` makes, instead of adding them here.
    pub(super) fn block<T>(&mut self, lower: impl FnOnce(&mut Self) -> T) -> (Vec<Stmt>, T) {
        let outer = std::mem::take(&mut self.body);
        let result = lower(self);
        (std::mem::replace(&mut self.body, outer), result)
    }

    /// Opens a scope inside the one at hand.
    pub(super) fn open(&mut self, kind: ScopeKind, name: SmolStr, lines: (u32, u32)) -> ScopeId {
        let last = match kind {
            ScopeKind::Lambda => "{closure}",
            _ => name.as_str(),
        };
        let qualname = self.qualname(last);
        self.push_scope(kind, name, qualname, lines)
    }

    /// How `name` is called from outside, when it is defined here.
    pub(super) fn qualname(&self, name: &str) -> SmolStr {
        match self.scope {
            ScopeId::MODULE => SmolStr::new(name),
            outer => format_smolstr!("{}::{name}", self.scopes[outer.0 as usize].qualname),
        }
    }

    fn push_scope(
        &mut self,
        kind: ScopeKind,
        name: SmolStr,
        qualname: SmolStr,
        (line, end_line): (u32, u32),
    ) -> ScopeId {
        let id = ScopeId(self.scopes.len() as u32);
        self.scopes.push(Scope {
            kind,
            form: ClassForm::Plain,
            name,
            qualname,
            parent: Some(self.scope),
            line,
            end_line,
            params: Vec::new(),
            decorators: Vec::new(),
            bases: Vec::new(),
            returns: None,
            body: Vec::new(),
            doc: None,
            globals: Vec::new(),
            nonlocals: Vec::new(),
            is_generator: false,
            is_async: false,
        });
        id
    }

    pub(super) fn scope_mut(&mut self, id: ScopeId) -> &mut Scope {
        &mut self.scopes[id.0 as usize]
    }

    /// Adds what `lower` makes to the body of `scope`.
    pub(super) fn within(&mut self, scope: ScopeId, lower: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.scope, scope);
        let loops = std::mem::take(&mut self.loops);
        let n_pointers = self.pointers.len();
        let (body, ()) = self.block(lower);
        self.pointers.truncate(n_pointers);
        self.scope_mut(scope).body.extend(body);
        self.loops = loops;
        self.scope = outer;
    }
}

/// An argument by position.
pub(super) fn positional(value: ExprId) -> Arg {
    Arg {
        kind: ArgKind::Positional,
        name: None,
        value,
    }
}

/// An argument by name.
pub(super) fn named(name: SmolStr, value: ExprId) -> Arg {
    Arg {
        kind: ArgKind::Named,
        name: Some(name),
        value,
    }
}

/// The identifier without `r#`.
pub(super) fn word(ident: &syn::Ident) -> SmolStr {
    ident.unraw().to_string().into()
}

/// First and last line.
pub(super) fn lines(from: Span, to: Span) -> (u32, u32) {
    let first = from.start().line.max(1) as u32;
    // What a macro made may begin in an argument and end in the call.
    (first, first.max(to.end().line as u32))
}
