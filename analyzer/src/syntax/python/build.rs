//! The facts while they are being made, and the walk that all constructs share.

use smol_str::SmolStr;
use tree_sitter::{Node, TreeCursor};

use super::kinds::{Field, Kind, field, kind};
use super::text::Places;
use super::{MAX_DEPTH, RULES};
use crate::syntax::SyntaxError;
use crate::syntax::facts::{
    ClassForm, Expr, ExprId, ExprKind, FileFacts, Scope, ScopeId, ScopeKind, Stmt,
};

/// A file on its way to [`FileFacts`].
pub(super) struct Lower<'t> {
    pub(super) text: &'t str,
    cursor: TreeCursor<'t>,
    places: Places<'t>,
    pub(super) scopes: Vec<Scope>,
    pub(super) exprs: Vec<Expr>,
    /// The scope whose body is being lowered.
    pub(super) scope: ScopeId,
    /// `(x)` where `type(x).y = z` is to the grammar an alias named `(x).y`.
    pub(super) type_argument: Option<Node<'t>>,
    temporaries: u32,
    depth: u32,
    too_deep: Option<u32>,
}

impl<'t> Lower<'t> {
    pub(super) fn new(text: &'t str, root: Node<'t>) -> Self {
        Lower {
            text,
            cursor: root.walk(),
            places: Places::new(text),
            scopes: Vec::new(),
            exprs: Vec::with_capacity(text.len() / 8),
            scope: ScopeId::MODULE,
            type_argument: None,
            temporaries: 0,
            depth: 0,
            too_deep: None,
        }
    }

    /// Lowers the whole file.
    pub(super) fn file(mut self, path: &str, root: Node<'t>) -> Result<FileFacts, SyntaxError> {
        let lines = self.text.lines().count() as u32;
        self.open_scope(ScopeKind::Module, "<module>", 1, lines.max(1));
        let doc = self.docstring(root);
        let body = self.block(root);
        let module = self.scope_mut(ScopeId::MODULE);
        module.doc = doc;
        module.body = body;
        if let Some(line) = self.too_deep {
            return Err(SyntaxError::TooDeep {
                limit: MAX_DEPTH,
                line,
            });
        }
        Ok(FileFacts::new(path, self.scopes, self.exprs, RULES, lines))
    }

    /// Adds a scope inside the current one and gives its id. The current scope
    /// stays what it is.
    pub(super) fn open_scope(
        &mut self,
        kind: ScopeKind,
        name: &str,
        line: u32,
        end_line: u32,
    ) -> ScopeId {
        let id = ScopeId(self.scopes.len() as u32);
        let parent = (kind != ScopeKind::Module).then_some(self.scope);
        self.scopes.push(Scope {
            kind,
            form: ClassForm::Plain,
            name: SmolStr::new(name),
            qualname: self.qualname(parent, name),
            parent,
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

    /// Python's `__qualname__` for `name` in `parent`.
    fn qualname(&self, parent: Option<ScopeId>, name: &str) -> SmolStr {
        let Some(parent) = parent.map(|id| &self.scopes[id.0 as usize]) else {
            return SmolStr::new(name);
        };
        let separator = match parent.kind {
            ScopeKind::Module => return SmolStr::new(name),
            _ if parent.globals.iter().any(|global| global == name) => return SmolStr::new(name),
            ScopeKind::Function | ScopeKind::Lambda => RULES.nested,
            ScopeKind::Class | ScopeKind::Comprehension => RULES.separator,
        };
        smol_str::format_smolstr!("{}{separator}{name}", parent.qualname)
    }

    pub(super) fn scope_mut(&mut self, id: ScopeId) -> &mut Scope {
        &mut self.scopes[id.0 as usize]
    }

    /// Runs `lower` with `scope` as the current scope.
    pub(super) fn within<T>(&mut self, scope: ScopeId, lower: impl FnOnce(&mut Self) -> T) -> T {
        let around = std::mem::replace(&mut self.scope, scope);
        let lowered = lower(self);
        self.scope = around;
        lowered
    }

    /// Runs `lower` one level deeper, or not at all below the last level: every
    /// recursion goes through here.
    pub(super) fn deeper<T: Default>(
        &mut self,
        node: Node<'t>,
        lower: impl FnOnce(&mut Self) -> T,
    ) -> T {
        if self.depth == MAX_DEPTH {
            self.stop(node);
            return T::default();
        }
        self.depth += 1;
        let lowered = lower(self);
        self.depth -= 1;
        lowered
    }

    /// Checks that `n` arms at `node`, one nested in the other, are not too deep.
    pub(super) fn nest(&mut self, node: Node<'t>, n: usize) {
        if self.depth as usize + n > MAX_DEPTH as usize {
            self.stop(node);
        }
    }

    fn stop(&mut self, node: Node<'t>) {
        self.too_deep.get_or_insert(line(node));
    }

    /// Adds an expression that starts where `node` does.
    pub(super) fn push(&mut self, node: Node<'t>, kind: ExprKind) -> ExprId {
        let id = ExprId(self.exprs.len() as u32);
        let (line, column) = self.places.of(node);
        self.exprs.push(Expr { kind, line, column });
        id
    }

    /// Adds a name that no program can spell.
    pub(super) fn temporary(&mut self) -> SmolStr {
        self.temporaries += 1;
        smol_str::format_smolstr!("${}", self.temporaries)
    }

    /// The text of `node`.
    pub(super) fn text_of(&self, node: Node<'t>) -> &'t str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }

    /// The text of `node` as a name.
    pub(super) fn name(&self, node: Node<'t>) -> SmolStr {
        SmolStr::new(self.text_of(node))
    }

    /// All children of `node` but comments and continued lines.
    pub(super) fn tokens(&mut self, node: Node<'t>) -> Vec<Node<'t>> {
        self.collect(node, |_| true)
    }

    /// The named children of `node`.
    pub(super) fn children(&mut self, node: Node<'t>) -> Vec<Node<'t>> {
        self.collect(node, |child| child.is_named())
    }

    /// The first named child of `node`.
    pub(super) fn first_child(&mut self, node: Node<'t>) -> Option<Node<'t>> {
        self.cursor.reset(node);
        let mut more = self.cursor.goto_first_child();
        while more {
            let child = self.cursor.node();
            if child.is_named() && !child.is_extra() {
                return Some(child);
            }
            more = self.cursor.goto_next_sibling();
        }
        None
    }

    fn collect(&mut self, node: Node<'t>, keep: impl Fn(Node<'t>) -> bool) -> Vec<Node<'t>> {
        let mut found = Vec::new();
        self.cursor.reset(node);
        let mut more = self.cursor.goto_first_child();
        while more {
            let child = self.cursor.node();
            if keep(child) && !child.is_extra() {
                found.push(child);
            }
            more = self.cursor.goto_next_sibling();
        }
        found
    }

    /// All children of `node` under `wanted`.
    pub(super) fn fields(&mut self, node: Node<'t>, wanted: Field) -> Vec<Node<'t>> {
        let Some(id) = wanted.id() else {
            return Vec::new();
        };
        let mut found = Vec::new();
        self.cursor.reset(node);
        let mut more = self.cursor.goto_first_child();
        while more {
            let child = self.cursor.node();
            if self.cursor.field_id() == Some(id) && child.is_named() && !child.is_extra() {
                found.push(child);
            }
            more = self.cursor.goto_next_sibling();
        }
        found
    }

    /// The statements of the block under `wanted`.
    pub(super) fn block_of(&mut self, node: Node<'t>, wanted: Field) -> Vec<Stmt> {
        match field(node, wanted) {
            Some(block) => self.block(block),
            None => Vec::new(),
        }
    }

    /// The statements of the first block among the children of `node`.
    pub(super) fn inner_block(&mut self, node: Node<'t>) -> Vec<Stmt> {
        let children = self.children(node);
        match children
            .into_iter()
            .find(|child| kind(*child) == Kind::Block)
        {
            Some(block) => self.block(block),
            None => Vec::new(),
        }
    }
}

/// The line where `node` starts, from 1.
pub(super) fn line(node: Node<'_>) -> u32 {
    node.start_position().row as u32 + 1
}

/// The line where `node` ends, from 1.
pub(super) fn end_line(node: Node<'_>) -> u32 {
    let end = node.end_position();
    let row = match end.column {
        0 if end.row > node.start_position().row => end.row - 1,
        _ => end.row,
    };
    row as u32 + 1
}
