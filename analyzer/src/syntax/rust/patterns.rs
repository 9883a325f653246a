//! Patterns: what they bind, and what they test.
//!
//! What is matched is first put where it can be named again: a [`Place`]. A
//! name in a wrapper is bound to the place itself (`Some(x)` binds `x` to what
//! is matched), one in another struct or variant to that attribute of it.

use proc_macro2::Span;
use smol_str::SmolStr;
use syn::spanned::Spanned;
use syn::{Expr, Member, Pat};

use super::super::facts::{CompareOp, ExprId, ExprKind, StmtKind};
use super::builder::{Lowering, word};

/// A value that can be spelled again: names joined by dots.
#[derive(Clone)]
pub(super) struct Place(pub(super) Vec<SmolStr>);

impl Place {
    fn position(&self, idx: usize) -> Place {
        let mut path = self.0.clone();
        path.push(idx.to_string().into());
        Place(path)
    }

    fn field(&self, member: &Member) -> Place {
        let mut path = self.0.clone();
        path.push(member_name(member));
        Place(path)
    }
}

/// A field's name, or its number.
pub(super) fn member_name(member: &Member) -> SmolStr {
    match member {
        Member::Named(ident) => word(ident),
        Member::Unnamed(index) => index.index.to_string().into(),
    }
}

/// The place `value` already is.
pub(super) fn place_of(mut value: &Expr) -> Option<Place> {
    let mut path = Vec::new();
    loop {
        value = match value {
            Expr::Field(field) => {
                path.push(member_name(&field.member));
                &field.base
            }
            Expr::Reference(reference) => &reference.expr,
            Expr::Paren(paren) => &paren.expr,
            Expr::Group(group) => &group.expr,
            Expr::Path(root) => {
                path.push(word(root.path.get_ident().filter(|name| *name != "Self")?));
                path.reverse();
                return Some(Place(path));
            }
            _ => return None,
        };
    }
}

impl Lowering {
    /// `value` as a place, through a temporary if it is none.
    pub(super) fn place(&mut self, value: &Expr, span: Span) -> Place {
        if let Some(place) = place_of(value) {
            return place;
        }
        let value = self.value(value);
        let name = self.temporary();
        let target = self.name(name.clone(), span);
        self.assign(target, value, span);
        Place(vec![name])
    }

    pub(super) fn read(&mut self, place: &Place, span: Span) -> ExprId {
        self.path_of(&place.0, span)
    }

    /// `target: annotation = value`, or as much of it as there is.
    pub(super) fn bind(
        &mut self,
        target: ExprId,
        value: Option<ExprId>,
        annotation: Option<ExprId>,
        span: Span,
    ) {
        let kind = match (value, annotation) {
            (Some(value), annotation) => StmtKind::Assign {
                targets: vec![target],
                value,
                annotation,
            },
            (None, Some(annotation)) => StmtKind::Declare { target, annotation },
            (None, None) => return,
        };
        self.stmt(kind, span);
    }

    pub(super) fn bind_params(&mut self, patterns: Vec<(SmolStr, &Pat)>) {
        for (name, pat) in patterns {
            self.bind_pattern(pat, &Place(vec![name]));
        }
    }

    /// Binds the names of `pat`, matched against `place`.
    pub(super) fn bind_pattern(&mut self, pat: &Pat, place: &Place) {
        match pat {
            Pat::Struct(pat) => {
                let place = self.narrowed(&pat.path, place);
                for field in &pat.fields {
                    self.bind_pattern(&field.pat, &place.field(&field.member));
                }
            }
            Pat::Ident(pat) if is_constant(pat) => {}
            Pat::Ident(pat) => {
                let span = pat.ident.span();
                let value = self.read(place, span);
                let target = self.name(word(&pat.ident), span);
                self.assign(target, value, span);
                if let Some((_, inner)) = &pat.subpat {
                    self.bind_pattern(inner, place);
                }
            }
            Pat::Paren(pat) => self.bind_pattern(&pat.pat, place),
            Pat::Reference(pat) => self.bind_pattern(&pat.pat, place),
            Pat::Type(pat) => self.bind_pattern(&pat.pat, place),
            Pat::Guard(pat) => self.bind_pattern(&pat.pat, place),
            Pat::Or(pat) => pat
                .cases
                .iter()
                .for_each(|case| self.bind_pattern(case, place)),
            Pat::TupleStruct(tuple) if is_wrapper(tuple) => {
                self.bind_pattern(&tuple.elems[0], place);
            }
            Pat::TupleStruct(tuple) if binds(pat) => {
                let place = self.narrowed(&tuple.path, place);
                for (idx, elem) in tuple.elems.iter().enumerate() {
                    if matches!(elem, Pat::Rest(_)) {
                        break;
                    }
                    self.bind_pattern(elem, &place.position(idx));
                }
            }
            Pat::Tuple(_) | Pat::Slice(_) if binds(pat) => {
                let span = pat.span();
                let value = self.read(place, span);
                let mut inner = Vec::new();
                let target = self.target(pat, &mut inner);
                self.assign(target, value, span);
                self.bind_inner(inner);
            }
            _ => {}
        }
    }

    /// `place`, known to be of the type or variant that `path` names.
    fn narrowed(&mut self, path: &syn::Path, place: &Place) -> Place {
        let span = path.segments[0].ident.span();
        let annotation = self.value_path(None, path);
        let value = self.read(place, span);
        let name = self.temporary();
        let target = self.name(name.clone(), span);
        self.bind(target, Some(value), Some(annotation), span);
        Place(vec![name])
    }

    pub(super) fn bind_inner(&mut self, inner: Vec<(SmolStr, &Pat)>) {
        for (name, pat) in inner {
            self.bind_pattern(pat, &Place(vec![name]));
        }
    }

    /// `pat` as the target of an assignment; parts that no target expresses
    /// are temporaries, to be bound from `inner` afterwards.
    pub(super) fn target<'a>(
        &mut self,
        pat: &'a Pat,
        inner: &mut Vec<(SmolStr, &'a Pat)>,
    ) -> ExprId {
        let span = pat.span();
        match pat {
            Pat::Ident(pat) if pat.subpat.is_none() && !is_constant(pat) => {
                self.name(word(&pat.ident), span)
            }
            Pat::Ident(ident) => match &ident.subpat {
                Some((_, rest)) if matches!(**rest, Pat::Rest(_)) => {
                    let name = self.name(word(&ident.ident), span);
                    self.expr(ExprKind::Starred(name), span)
                }
                Some(_) => self.inner_target(pat, inner),
                None => self.name("_", span),
            },
            Pat::Paren(pat) => self.target(&pat.pat, inner),
            Pat::Reference(pat) => self.target(&pat.pat, inner),
            Pat::Type(pat) => self.target(&pat.pat, inner),
            Pat::TupleStruct(tuple) if is_wrapper(tuple) => self.target(&tuple.elems[0], inner),
            Pat::Tuple(syn::PatTuple { elems, .. }) => {
                let elems = elems.iter().map(|pat| self.target(pat, inner)).collect();
                self.expr(ExprKind::Tuple(elems), span)
            }
            Pat::Slice(slice) => {
                let elems = slice
                    .elems
                    .iter()
                    .map(|pat| self.target(pat, inner))
                    .collect();
                self.expr(ExprKind::List(elems), span)
            }
            Pat::Rest(_) => {
                let rest = self.name("_", span);
                self.expr(ExprKind::Starred(rest), span)
            }
            Pat::Struct(_) | Pat::TupleStruct(_) | Pat::Or(_) => self.inner_target(pat, inner),
            _ => self.name("_", span),
        }
    }

    fn inner_target<'a>(&mut self, pat: &'a Pat, inner: &mut Vec<(SmolStr, &'a Pat)>) -> ExprId {
        let name = self.temporary();
        inner.push((name.clone(), pat));
        self.name(name, pat.span())
    }

    /// What must hold for `pat` to match `place`; `None` if it always does.
    pub(super) fn pattern_test(&mut self, pat: &Pat, place: &Place) -> Option<ExprId> {
        let span = pat.span();
        match pat {
            Pat::Lit(literal) => {
                let value = self.literal(&literal.lit);
                Some(self.compare(place, CompareOp::Eq, value, span))
            }
            Pat::Ident(pat) if is_constant(pat) => {
                let value = self.name(word(&pat.ident), span);
                Some(self.compare(place, CompareOp::Eq, value, span))
            }
            Pat::Ident(pat) => self.pattern_test(&pat.subpat.as_ref()?.1, place),
            Pat::Path(path) => {
                let value = self.value_path(path.qself.as_ref(), &path.path);
                Some(self.compare(place, CompareOp::Eq, value, span))
            }
            Pat::TupleStruct(pat) => {
                let inner = pat.elems.iter().filter(|_| is_wrapper(pat));
                let inner = inner.map(|pat| (pat, place.clone()));
                self.variant_test(&pat.path, inner, place, span)
            }
            Pat::Struct(pat) => {
                let inner = pat.fields.iter();
                let inner = inner.map(|field| (&*field.pat, place.field(&field.member)));
                self.variant_test(&pat.path, inner, place, span)
            }
            Pat::Paren(pat) => self.pattern_test(&pat.pat, place),
            Pat::Reference(pat) => self.pattern_test(&pat.pat, place),
            Pat::Type(pat) => self.pattern_test(&pat.pat, place),
            Pat::Guard(pat) => {
                let test = self.pattern_test(&pat.pat, place);
                let guard = self.value(&pat.guard);
                Some(self.all(test.into_iter().chain([guard]).collect(), span))
            }
            Pat::Or(pat) => self.or_test(pat, place, span),
            Pat::Tuple(_) | Pat::Slice(_) | Pat::Range(_) | Pat::Const(_) | Pat::Macro(_) => {
                let value = self.read(place, span);
                Some(self.opaque(vec![value], span))
            }
            _ => None,
        }
    }

    fn or_test(&mut self, pat: &syn::PatOr, place: &Place, span: Span) -> Option<ExprId> {
        let tests: Option<Vec<ExprId>> = pat
            .cases
            .iter()
            .map(|case| self.pattern_test(case, place))
            .collect();
        Some(self.all(tests?, span))
    }

    fn variant_test<'a>(
        &mut self,
        path: &syn::Path,
        inner: impl Iterator<Item = (&'a Pat, Place)>,
        place: &Place,
        span: Span,
    ) -> Option<ExprId> {
        let class = self.value_path(None, path);
        let mut tests = vec![self.compare(place, CompareOp::Is, class, span)];
        for (pat, place) in inner {
            tests.extend(self.pattern_test(pat, &place));
        }
        Some(self.all(tests, span))
    }

    fn compare(&mut self, place: &Place, op: CompareOp, value: ExprId, span: Span) -> ExprId {
        let operands = [self.read(place, span), value].into();
        let ops = [op].into();
        self.expr(ExprKind::Compare { operands, ops }, span)
    }

    /// `tests` joined as `Either`.
    pub(super) fn all(&mut self, mut tests: Vec<ExprId>, span: Span) -> ExprId {
        match tests.len() {
            1 => tests.remove(0),
            _ => self.expr(ExprKind::Either(tests.into()), span),
        }
    }
}

/// Wrappers that, as far as names go, are what they hold.
const WRAPPERS: &[&str] = &[
    "Data",
    "Err",
    "Extension",
    "Form",
    "Header",
    "Json",
    "Ok",
    "Path",
    "Query",
    "ReqData",
    "Reverse",
    "Some",
    "State",
    "TypedHeader",
];

fn is_wrapper(pat: &syn::PatTupleStruct) -> bool {
    let last = pat.path.segments.last();
    let named = last.is_some_and(|last| WRAPPERS.iter().any(|wrapper| last.ident == wrapper));
    named && pat.elems.len() == 1
}

/// A bare name that, by its case, is a constant or a unit variant.
fn is_constant(pat: &syn::PatIdent) -> bool {
    let plain = pat.by_ref.is_none() && pat.mutability.is_none() && pat.subpat.is_none();
    plain && pat.ident.to_string().starts_with(char::is_uppercase)
}

/// `pat` binds a name.
fn binds(pat: &Pat) -> bool {
    match pat {
        Pat::Ident(pat) => !is_constant(pat),
        Pat::Tuple(pat) => pat.elems.iter().any(binds),
        Pat::TupleStruct(pat) => pat.elems.iter().any(binds),
        Pat::Slice(pat) => pat.elems.iter().any(binds),
        Pat::Struct(pat) => pat.fields.iter().any(|field| binds(&field.pat)),
        Pat::Paren(pat) => binds(&pat.pat),
        Pat::Reference(pat) => binds(&pat.pat),
        Pat::Type(pat) => binds(&pat.pat),
        Pat::Guard(pat) => binds(&pat.pat),
        Pat::Or(pat) => pat.cases.iter().any(binds),
        _ => false,
    }
}
