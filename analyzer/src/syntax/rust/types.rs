//! Paths and types as expressions.
//!
//! A path is a chain of `Attr` on a `Name`; in a type its generic arguments
//! are an `Item` (`Vec<T>` is `Vec[T]`), in a value they are left out, so that
//! a call's callee stays a plain path. References vanish, `[T]` is a `List`,
//! `Fn(A, B) -> C` is `Fn[[A, B], C]`. `Self` is the type it stands for;
//! `<T as Trait>::f` is `T[Trait]::f`. A type parameter, and `impl Bound`, is
//! `impl[Bound]`: some type with that bound, which callers know. `dyn Bound` is
//! `Bound`: any type with it.

use proc_macro2::Span;
use smol_str::SmolStr;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{GenericArgument, PathArguments, QSelf, ReturnType, Type, TypeParamBound};

use super::super::facts::{ExprId, ExprKind, OWN_FILE};
use super::builder::{Lowering, TypeParameter, word};

impl Lowering {
    /// A path where a value is expected: without generic arguments.
    pub(super) fn value_path(&mut self, qself: Option<&QSelf>, path: &syn::Path) -> ExprId {
        self.path(qself, path, false)
    }

    /// A path where a type is expected.
    pub(super) fn type_path(&mut self, qself: Option<&QSelf>, path: &syn::Path) -> ExprId {
        self.path(qself, path, true)
    }

    fn path(&mut self, qself: Option<&QSelf>, path: &syn::Path, generics: bool) -> ExprId {
        let mut segments = path.segments.iter();
        let mut base = None;
        if let Some(qself) = qself {
            base = Some(self.qualified(qself, path));
            segments.by_ref().take(qself.position).for_each(drop);
        } else if path.segments.len() > 1 {
            base = self.module_head(&mut segments);
        }
        for segment in segments {
            let span = segment.ident.span();
            let name = match base {
                None => self.first_segment(&segment.ident),
                Some(base) => self.attr(base, word(&segment.ident), span),
            };
            base = Some(match generics {
                true => self.generics(name, &segment.arguments, span),
                false => name,
            });
        }
        base.unwrap_or_else(|| self.opaque(Vec::new(), Span::call_site()))
    }

    /// `T` of `<T as Trait>::f`, seen through the trait.
    fn qualified(&mut self, qself: &QSelf, path: &syn::Path) -> ExprId {
        let ty = match &*qself.ty {
            Type::Path(inner) => self.path(inner.qself.as_ref(), &inner.path, false),
            ty => self.ty(ty),
        };
        let mut seen_through = path.clone();
        seen_through.segments = path.segments.iter().take(qself.position).cloned().collect();
        if seen_through.segments.is_empty() {
            return ty;
        }
        let index = self.path(None, &seen_through, false);
        self.expr(ExprKind::Item { base: ty, index }, start(&qself.ty))
    }

    /// What `self::` and `super::` at the head of a path mean in this file;
    /// takes them off `segments`.
    fn module_head(
        &mut self,
        segments: &mut syn::punctuated::Iter<'_, syn::PathSegment>,
    ) -> Option<ExprId> {
        let mut ahead = segments.clone();
        let first = ahead.next()?;
        let mut depth = self.modules.len();
        if first.ident == "super" {
            if depth == 0 {
                return None;
            }
            depth -= 1;
        } else if first.ident != "self" {
            return None;
        }
        *segments = ahead.clone();
        while depth > 0 && ahead.next().is_some_and(|next| next.ident == "super") {
            depth -= 1;
            *segments = ahead.clone();
        }
        let file = [SmolStr::new_static(OWN_FILE)];
        let path: Vec<SmolStr> = file.iter().chain(&self.modules[..depth]).cloned().collect();
        Some(self.path_of(&path, first.ident.span()))
    }

    fn first_segment(&mut self, ident: &syn::Ident) -> ExprId {
        if ident == "Self" && !self.self_path.is_empty() {
            let self_path = self.self_path.clone();
            return self.path_of(&self_path, ident.span());
        }
        if let Some(bound) = self.only_bound(&syn::Path::from(ident.clone())) {
            return self.path(None, &bound, false);
        }
        self.name(word(ident), ident.span())
    }

    /// Lowers with the type parameters of `generics` in scope.
    pub(super) fn with_generics(
        &mut self,
        generics: &syn::Generics,
        lower: impl FnOnce(&mut Self),
    ) {
        let n_outer = self.generics.len();
        for param in generics.type_params() {
            let bounds = param.bounds.iter().cloned().collect();
            self.generics.push(TypeParameter {
                name: word(&param.ident),
                bounds,
                default: param.default.as_ref().map(|(_, ty)| ty.clone()),
            });
        }
        let predicates = generics.where_clause.iter();
        for predicate in predicates.flat_map(|clause| &clause.predicates) {
            if let syn::WherePredicate::Type(predicate) = predicate
                && let Type::Path(path) = &predicate.bounded_ty
                && let Some(name) = path.path.get_ident()
            {
                let name = word(name);
                let known = self.generics[n_outer..].iter_mut();
                if let Some(known) = known.rev().find(|known| known.name == name) {
                    known.bounds.extend(predicate.bounds.iter().cloned());
                }
            }
        }
        lower(self);
        self.generics.truncate(n_outer);
    }

    /// The bounds of the type parameter that `path` names.
    fn parameter(&self, path: &syn::Path) -> Option<(usize, &TypeParameter)> {
        let name = path.get_ident()?;
        let mut known = self.generics.iter().enumerate().rev();
        known.find(|(_, known)| *name == known.name.as_str())
    }

    /// The one trait that bounds the type parameter `path`.
    pub(super) fn only_bound(&self, path: &syn::Path) -> Option<syn::Path> {
        let (_, parameter) = self.parameter(path)?;
        let mut telling = parameter.bounds.iter().filter_map(trait_path);
        let first = telling.find(|path| !is_marker(path))?;
        Some(first.clone())
    }

    /// A type parameter as its default or `impl[Bound]`.
    fn parameter_type(&mut self, path: &syn::Path, span: Span) -> Option<ExprId> {
        let (idx, parameter) = self.parameter(path)?;
        let bounds = parameter.bounds.iter().cloned();
        let bounds: Punctuated<TypeParamBound, syn::Token![+]> = bounds.collect();
        let default = parameter.default.clone();
        // A bound may name the parameter itself: `T: Add<T>`.
        let inner = self.generics.split_off(idx);
        let some = match default {
            Some(default) => self.ty(&default),
            None => self.some_type(&bounds, span),
        };
        self.generics.extend(inner);
        Some(some)
    }

    /// Some type with `bounds`, which callers know.
    fn some_type<T>(&mut self, bounds: &Punctuated<TypeParamBound, T>, span: Span) -> ExprId {
        let index = self.bounds(bounds, span);
        let base = self.name("impl", span);
        self.expr(ExprKind::Item { base, index }, span)
    }

    fn generics(&mut self, base: ExprId, arguments: &PathArguments, span: Span) -> ExprId {
        match arguments {
            PathArguments::None => base,
            PathArguments::AngleBracketed(list) => {
                let args = list.args.iter();
                let args = args.filter_map(|arg| self.generic(arg)).collect();
                self.item(base, args, span)
            }
            PathArguments::Parenthesized(list) => {
                let inputs = list.inputs.iter().map(|input| &input.ty);
                self.function_type(base, inputs, &list.output, span)
            }
        }
    }

    fn generic(&mut self, argument: &GenericArgument) -> Option<ExprId> {
        match argument {
            GenericArgument::Type(ty) => Some(self.ty(ty)),
            GenericArgument::Const(value) => Some(self.value(value)),
            GenericArgument::AssocType(assoc) => Some(self.ty(&assoc.ty)),
            GenericArgument::AssocConst(assoc) => Some(self.value(&assoc.value)),
            GenericArgument::Constraint(constraint) => {
                Some(self.bounds(&constraint.bounds, constraint.ident.span()))
            }
            _ => None,
        }
    }

    fn item(&mut self, base: ExprId, mut args: Vec<ExprId>, span: Span) -> ExprId {
        let index = match args.len() {
            0 => return base,
            1 => args.remove(0),
            _ => self.expr(ExprKind::Tuple(args.into()), span),
        };
        self.expr(ExprKind::Item { base, index }, span)
    }

    fn function_type<'a>(
        &mut self,
        base: ExprId,
        inputs: impl Iterator<Item = &'a Type>,
        output: &ReturnType,
        span: Span,
    ) -> ExprId {
        let inputs = inputs.map(|input| self.ty(input)).collect();
        let inputs = self.expr(ExprKind::List(inputs), span);
        let output = match self.returned(output) {
            Some(output) => output,
            None => self.expr(ExprKind::None, span),
        };
        self.item(base, vec![inputs, output], span)
    }

    /// The declared type of what is returned.
    pub(super) fn returned(&mut self, output: &ReturnType) -> Option<ExprId> {
        match output {
            ReturnType::Default => None,
            ReturnType::Type(_, ty) => Some(self.ty(ty)),
        }
    }

    /// A type.
    pub(super) fn ty(&mut self, ty: &Type) -> ExprId {
        match ty {
            Type::Path(path) => {
                let span = path.path.segments.first().map(|part| part.ident.span());
                let span = span.unwrap_or_else(Span::call_site);
                match self.parameter_type(&path.path, span) {
                    Some(parameter) => parameter,
                    None => self.type_path(path.qself.as_ref(), &path.path),
                }
            }
            Type::Reference(reference) => self.ty(&reference.elem),
            Type::Ptr(pointer) => self.ty(&pointer.elem),
            Type::Paren(paren) => self.ty(&paren.elem),
            Type::Group(group) => self.ty(&group.elem),
            Type::Slice(slice) => self.list_of(&slice.elem, slice.bracket_token.span.open()),
            Type::Array(array) => self.array_type(array),
            Type::Tuple(tuple) => self.tuple_type(tuple),
            Type::TraitObject(object) => self.bounds(&object.bounds, start(ty)),
            Type::ImplTrait(object) => self.some_type(&object.bounds, start(ty)),
            Type::Macro(mac) => self.macro_value(&mac.mac),
            Type::FnPtr(pointer) => {
                let span = pointer.fn_token.span;
                let base = self.name("fn", span);
                let inputs = pointer.inputs.iter().map(|input| &input.ty);
                self.function_type(base, inputs, &pointer.output, span)
            }
            _ => self.opaque(Vec::new(), start(ty)),
        }
    }

    fn list_of(&mut self, ty: &Type, span: Span) -> ExprId {
        let element = self.ty(ty);
        self.expr(ExprKind::List([element].into()), span)
    }

    fn array_type(&mut self, array: &syn::TypeArray) -> ExprId {
        let span = array.bracket_token.span.open();
        let list = self.list_of(&array.elem, span);
        self.with_length(list, &array.len, span)
    }

    /// `list`, and its length where that is more than a number or a name.
    pub(super) fn with_length(&mut self, list: ExprId, len: &syn::Expr, span: Span) -> ExprId {
        if matches!(
            len,
            syn::Expr::Lit(_) | syn::Expr::Path(_) | syn::Expr::Infer(_)
        ) {
            return list;
        }
        let len = self.value(len);
        self.opaque(vec![list, len], span)
    }

    fn tuple_type(&mut self, tuple: &syn::TypeTuple) -> ExprId {
        let span = tuple.paren_token.span.open();
        if tuple.elems.is_empty() {
            return self.expr(ExprKind::None, span);
        }
        let elems = tuple.elems.iter().map(|ty| self.ty(ty)).collect();
        self.expr(ExprKind::Tuple(elems), span)
    }

    /// The one trait that `bounds` name beside markers and lifetimes, or all.
    pub(super) fn bounds<T>(
        &mut self,
        bounds: &Punctuated<TypeParamBound, T>,
        span: Span,
    ) -> ExprId {
        let mut traits = self.traits(bounds);
        match traits.len() {
            1 => traits.remove(0),
            _ => self.opaque(traits, span),
        }
    }

    /// The traits that `bounds` name; markers only where there is nothing else.
    pub(super) fn traits<T>(&mut self, bounds: &Punctuated<TypeParamBound, T>) -> Vec<ExprId> {
        let all: Vec<&syn::Path> = bounds.iter().filter_map(trait_path).collect();
        let telling = all.iter().filter(|path| !is_marker(path)).count();
        all.into_iter()
            .filter(|path| telling == 0 || !is_marker(path))
            .map(|path| self.type_path(None, path))
            .collect()
    }
}

fn trait_path(bound: &TypeParamBound) -> Option<&syn::Path> {
    match bound {
        TypeParamBound::Trait(bound) if bound.maybe.is_none() => Some(&bound.path),
        _ => None,
    }
}

fn is_marker(path: &syn::Path) -> bool {
    let markers = ["Send", "Sync", "Sized", "Unpin", "Copy", "UnwindSafe"];
    let last = path.segments.last();
    last.is_some_and(|last| markers.iter().any(|marker| last.ident == marker))
}

fn start(ty: &Type) -> Span {
    match ty {
        Type::TraitObject(object) => match &object.dyn_token {
            Some(token) => token.span,
            None => object.bounds.span(),
        },
        Type::ImplTrait(object) => object.impl_token.span,
        Type::Infer(infer) => infer.underscore_token.spans[0],
        Type::Never(never) => never.bang_token.spans[0],
        _ => Span::call_site(),
    }
}

/// The parts of a path, without generic arguments.
pub(super) fn path_words(path: &syn::Path) -> Vec<SmolStr> {
    path.segments.iter().map(|part| word(&part.ident)).collect()
}
