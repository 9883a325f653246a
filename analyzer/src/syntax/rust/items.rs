//! Items: functions, types with their `impl`s, modules, constants.
//!
//! A type and its own `impl`s in one list of items are one class, standing
//! where the type does. An `impl` of a trait, or of a type that is defined
//! elsewhere, is an extension of the type. An inline module is a class too, so
//! that `m::f` is an attribute of `m`. A variant with fields is a class derived
//! from its enum; one without is a value of it.
//!
//! A method is called `Type::method`, whichever `impl` it stands in; where
//! several traits of a list define it, or a trait and the type itself, those of
//! traits are `<Type as Trait>::method`.

use std::collections::{HashMap, HashSet};

use proc_macro2::Span;
use smol_str::{SmolStr, format_smolstr};
use syn::spanned::Spanned;
use syn::{FnArg, ImplItem, Item, Pat, Signature, TraitItem, Type};

use super::super::facts::{
    Base, ClassForm, ExprId, Param, ParamKind, ScopeId, ScopeKind, StmtKind,
};
use super::attributes::{doc, for_tests};
use super::builder::{Lowering, lines, word};
use super::control::Sink;
use super::types::path_words;

/// Classes of one list of items, by the name of the type.
type Classes = HashMap<SmolStr, ScopeId>;

impl Lowering {
    /// Items of a file, module or block.
    pub(super) fn items<'a>(&mut self, items: impl Iterator<Item = &'a Item> + Clone) {
        let (unfolded, levels) = self.unfolded(items);
        self.with_levels(levels, |s| {
            s.unfolded_items(unfolded.iter().map(|item| &**item))
        });
    }

    fn unfolded_items<'a>(&mut self, items: impl Iterator<Item = &'a Item> + Clone) {
        let items = items.filter(|item| !for_tests(attributes(item)));
        let defined: Vec<SmolStr> = items.clone().filter_map(defined_type).collect();
        let twice = defined_twice(items.clone());
        let mut classes = Classes::new();
        let mut waiting: HashMap<SmolStr, Vec<&syn::ItemImpl>> = HashMap::new();
        for item in items {
            match item {
                Item::Impl(block) if block.trait_.is_none() => {
                    let name = impl_name(block);
                    match classes.get(&name) {
                        Some(class) => self.own_impl(*class, block),
                        None if defined.contains(&name) => {
                            waiting.entry(name).or_default().push(block);
                        }
                        None => self.extension(block, &twice),
                    }
                }
                Item::Impl(block) => self.extension(block, &twice),
                _ => self.item_of(item, &mut classes),
            }
            let Some(name) = defined_type(item) else {
                continue;
            };
            for block in waiting.remove(&name).into_iter().flatten() {
                if let Some(class) = classes.get(&name) {
                    self.own_impl(*class, block);
                }
            }
        }
    }

    fn item_of(&mut self, item: &Item, classes: &mut Classes) {
        match item {
            Item::Fn(func) => self.function(&func.attrs, &func.sig, Some(&func.block)),
            Item::Struct(item) => self.structure(item, classes),
            Item::Union(item) => {
                let class = self.class(&item.ident, &item.attrs, item.fields.span(), classes);
                self.in_class(class, |s| s.fields(item.fields.named.iter()));
            }
            Item::Enum(item) => self.enumeration(item, classes),
            Item::Trait(item) => self.lower_trait(item, classes),
            Item::Mod(module) => self.module(module),
            Item::Use(item) => self.lower_use(item),
            Item::ExternCrate(item) => self.extern_crate(item),
            Item::Const(item) => self.constant(&item.ident, &item.ty, Some(&item.expr)),
            Item::Static(item) => self.constant(&item.ident, &item.ty, Some(&item.expr)),
            Item::Type(item) => {
                self.with_generics(&item.generics, |s| s.alias(&item.ident, &item.ty));
            }
            Item::Macro(item) => self.item_macro(&item.mac),
            Item::ForeignMod(block) => self.foreign(block),
            _ => {}
        }
    }

    fn foreign(&mut self, block: &syn::ItemForeignMod) {
        for item in &block.items {
            match item {
                syn::ForeignItem::Fn(func) => self.function(&func.attrs, &func.sig, None),
                syn::ForeignItem::Static(item) => self.constant(&item.ident, &item.ty, None),
                _ => {}
            }
        }
    }

    fn module(&mut self, module: &syn::ItemMod) {
        let Some((braces, items)) = &module.content else {
            return self.import_file(module);
        };
        let span = module.mod_token.span;
        let name = word(&module.ident);
        let class = self.open(
            ScopeKind::Class,
            name.clone(),
            lines(span, braces.span.close()),
        );
        self.scope_mut(class).doc = doc(&module.attrs);
        self.scope_mut(class).form = ClassForm::Namespace;
        self.stmt(StmtKind::Class(class), span);
        self.modules.push(name);
        self.within(class, |s| s.items(items.iter()));
        self.modules.pop();
    }

    fn constant(&mut self, ident: &syn::Ident, ty: &Type, value: Option<&syn::Expr>) {
        let span = ident.span();
        let value = value.map(|value| self.value(value));
        let annotation = self.ty(ty);
        let target = self.name(word(ident), span);
        self.bind(target, value, Some(annotation), span);
    }

    fn alias(&mut self, ident: &syn::Ident, ty: &Type) {
        let value = self.ty(ty);
        let target = self.name(word(ident), ident.span());
        self.assign(target, value, ident.span());
    }

    fn structure(&mut self, item: &syn::ItemStruct, classes: &mut Classes) {
        let end = match &item.fields {
            syn::Fields::Named(fields) => fields.brace_token.span.close(),
            _ => item.ident.span(),
        };
        let class = self.class(&item.ident, &item.attrs, end, classes);
        self.with_generics(&item.generics, |s| {
            s.in_class(class, |s| s.fields(item.fields.iter()));
        });
    }

    fn fields<'a>(&mut self, fields: impl Iterator<Item = &'a syn::Field>) {
        for (idx, field) in fields.enumerate() {
            if for_tests(&field.attrs) {
                continue;
            }
            let annotation = self.ty(&field.ty);
            let (name, span) = match &field.ident {
                Some(ident) => (word(ident), ident.span()),
                None => (idx.to_string().into(), field.ty.span()),
            };
            let target = self.name(name, span);
            let decorators = self.decorators(&field.attrs);
            if !decorators.is_empty() {
                self.field_decorators.insert(target, decorators);
            }
            self.stmt(StmtKind::Declare { target, annotation }, span);
        }
    }

    fn enumeration(&mut self, item: &syn::ItemEnum, classes: &mut Classes) {
        let end = item.brace_token.span.close();
        let class = self.class(&item.ident, &item.attrs, end, classes);
        self.with_generics(&item.generics, |s| {
            s.in_class(class, |s| {
                for variant in &item.variants {
                    s.variant(variant);
                }
            });
        });
    }

    fn variant(&mut self, variant: &syn::Variant) {
        let span = variant.ident.span();
        let self_path = self.self_path.clone();
        let base = self.path_of(&self_path, span);
        if matches!(variant.fields, syn::Fields::Unit) {
            let value = variant
                .discriminant
                .as_ref()
                .map(|(_, value)| self.value(value));
            let target = self.name(word(&variant.ident), span);
            return self.bind(target, value, Some(base), span);
        }
        let class = self.open(ScopeKind::Class, word(&variant.ident), lines(span, span));
        self.scope_mut(class).doc = doc(&variant.attrs);
        self.add_base(class, base);
        self.stmt(StmtKind::Class(class), span);
        self.within(class, |s| s.fields(variant.fields.iter()));
    }

    fn lower_trait(&mut self, item: &syn::ItemTrait, classes: &mut Classes) {
        let end = item.brace_token.span.close();
        let class = self.class(&item.ident, &item.attrs, end, classes);
        self.scope_mut(class).form = ClassForm::Interface;
        for base in self.traits(&item.supertraits) {
            self.add_base(class, base);
        }
        self.with_generics(&item.generics, |s| {
            s.in_class(class, |s| {
                for item in &item.items {
                    s.trait_item(item);
                }
            });
        });
    }

    fn trait_item(&mut self, item: &TraitItem) {
        match item {
            TraitItem::Fn(func) if !for_tests(&func.attrs) => {
                self.function(&func.attrs, &func.sig, func.default.as_ref());
            }
            TraitItem::Const(item) => {
                let value = item.default.as_ref().map(|(_, value)| value);
                self.constant(&item.ident, &item.ty, value);
            }
            TraitItem::Type(item) => {
                if let Some((_, ty)) = &item.default {
                    return self.alias(&item.ident, ty);
                }
                let annotation = self.bounds(&item.bounds, item.ident.span());
                let target = self.name(word(&item.ident), item.ident.span());
                self.stmt(StmtKind::Declare { target, annotation }, item.ident.span());
            }
            TraitItem::Macro(item) => self.member_macro(&item.mac),
            _ => {}
        }
    }

    /// An `impl` of a type's own, beside the type.
    fn own_impl(&mut self, class: ScopeId, block: &syn::ItemImpl) {
        let outer = self.enter_self(class);
        self.with_generics(&block.generics, |s| {
            s.within(class, |s| {
                for item in &block.items {
                    s.impl_item(item);
                }
            });
        });
        self.self_path = outer;
    }

    /// An `impl` of a trait, or of a type that is defined elsewhere.
    fn extension(&mut self, block: &syn::ItemImpl, twice: &Twice) {
        let ty = impl_name(block);
        let called = ty.rsplit("::").next().unwrap_or(&ty);
        let (span, end) = (block.impl_token.span, block.brace_token.span.close());
        let full = match &block.trait_ {
            Some((path, _)) => format_smolstr!("<{} as {}>", unbracketed(called), written(path)),
            None => format_smolstr!("<{}>", unbracketed(called)),
        };
        let class = self.open(ScopeKind::Class, full, lines(span, end));
        let is_twice = methods(block).any(|method| twice.contains(&(ty.clone(), method)));
        if !is_twice || block.trait_.is_none() {
            let qualname = self.qualname(called);
            self.scope_mut(class).qualname = qualname;
        }
        self.stmt(StmtKind::Class(class), span);
        self.with_generics(&block.generics, |s| {
            let subject = s.ty(&block.self_ty);
            s.scope_mut(class).form = ClassForm::Extension(subject);
            if let Some((path, _)) = &block.trait_ {
                let base = s.type_path(None, path);
                s.add_base(class, base);
            }
            let path = s.subject_path(&block.self_ty);
            let outer = std::mem::replace(&mut s.self_path, path);
            s.within(class, |s| {
                for item in &block.items {
                    s.impl_item(item);
                }
            });
            s.self_path = outer;
        });
    }

    /// How `Self` is spelled in an `impl` of `ty`: its path, or the bound of
    /// the type parameter that it is.
    fn subject_path(&mut self, ty: &Type) -> Vec<SmolStr> {
        let mut ty = ty;
        while let Type::Reference(syn::TypeReference { elem, .. })
        | Type::Paren(syn::TypeParen { elem, .. }) = ty
        {
            ty = elem;
        }
        match ty {
            Type::Path(path) if path.qself.is_none() => {
                let bound = self.only_bound(&path.path);
                path_words(bound.as_ref().unwrap_or(&path.path))
            }
            Type::TraitObject(object) => match object.bounds.first() {
                Some(syn::TypeParamBound::Trait(bound)) => path_words(&bound.path),
                _ => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    fn impl_item(&mut self, item: &ImplItem) {
        match item {
            ImplItem::Fn(func) if !for_tests(&func.attrs) => {
                self.function(&func.attrs, &func.sig, Some(&func.block));
            }
            ImplItem::Const(item) => self.constant(&item.ident, &item.ty, Some(&item.expr)),
            ImplItem::Type(item) => self.alias(&item.ident, &item.ty),
            ImplItem::Macro(item) => self.member_macro(&item.mac),
            _ => {}
        }
    }

    fn class(
        &mut self,
        ident: &syn::Ident,
        attrs: &[syn::Attribute],
        end: Span,
        classes: &mut Classes,
    ) -> ScopeId {
        let class = self.new_class(word(ident), (ident.span(), end), classes);
        let decorators = self.decorators(attrs);
        let scope = self.scope_mut(class);
        scope.decorators = decorators;
        scope.doc = doc(attrs);
        class
    }

    fn new_class(&mut self, name: SmolStr, at: (Span, Span), classes: &mut Classes) -> ScopeId {
        let class = self.open(ScopeKind::Class, name.clone(), lines(at.0, at.1));
        self.stmt(StmtKind::Class(class), at.0);
        classes.insert(name, class);
        class
    }

    fn in_class(&mut self, class: ScopeId, lower: impl FnOnce(&mut Self)) {
        let outer = self.enter_self(class);
        self.within(class, lower);
        self.self_path = outer;
    }

    /// Makes `Self` mean `class`; gives what it meant before.
    fn enter_self(&mut self, class: ScopeId) -> Vec<SmolStr> {
        let mut path = Vec::new();
        let mut scope = &self.scopes[class.0 as usize];
        while scope.kind == ScopeKind::Class {
            path.push(scope.name.clone());
            let Some(parent) = scope.parent else { break };
            scope = &self.scopes[parent.0 as usize];
        }
        path.reverse();
        std::mem::replace(&mut self.self_path, path)
    }

    fn add_base(&mut self, class: ScopeId, expr: ExprId) {
        let keyword = None;
        self.scope_mut(class).bases.push(Base { keyword, expr });
    }

    pub(super) fn function(
        &mut self,
        attrs: &[syn::Attribute],
        sig: &Signature,
        block: Option<&syn::Block>,
    ) {
        let span = sig.fn_token.span;
        let end = block.map_or(sig.paren_token.span.close(), |block| {
            block.brace_token.span.close()
        });
        let func = self.open(ScopeKind::Function, word(&sig.ident), lines(span, end));
        let decorators = self.decorators(attrs);
        self.with_generics(&sig.generics, |s| {
            s.function_body(func, decorators, attrs, sig, block);
        });
    }

    fn function_body(
        &mut self,
        func: ScopeId,
        decorators: Vec<ExprId>,
        attrs: &[syn::Attribute],
        sig: &Signature,
        block: Option<&syn::Block>,
    ) {
        let span = sig.fn_token.span;
        let returns = self.returned(&sig.output);
        let mut patterns = Vec::new();
        let params = sig
            .inputs
            .iter()
            .map(|arg| self.fn_arg(arg, &mut patterns))
            .collect();
        let scope = self.scope_mut(func);
        scope.decorators = decorators;
        scope.returns = returns;
        scope.params = params;
        scope.doc = doc(attrs);
        scope.is_async = sig.asyncness.is_some();
        self.stmt(StmtKind::Function(func), span);
        self.within(func, |s| {
            s.bind_params(patterns);
            if let Some(block) = block {
                s.block_into(block, &Sink::Return);
            }
        });
    }

    fn fn_arg<'a>(&mut self, arg: &'a FnArg, patterns: &mut Vec<(SmolStr, &'a Pat)>) -> Param {
        match arg {
            FnArg::Receiver(receiver) => {
                let self_path = self.self_path.clone();
                let span = receiver.self_token.span;
                let own = (!self_path.is_empty()).then(|| self.path_of(&self_path, span));
                Param {
                    name: "self".into(),
                    kind: ParamKind::Receiver,
                    annotation: own,
                    default: None,
                }
            }
            FnArg::Typed(typed) => self.param(&typed.pat, Some(&typed.ty), patterns),
        }
    }

    /// A parameter; a pattern other than a name is bound in the body.
    pub(super) fn param<'a>(
        &mut self,
        pat: &'a Pat,
        ty: Option<&Type>,
        patterns: &mut Vec<(SmolStr, &'a Pat)>,
    ) -> Param {
        let annotation = ty.map(|ty| self.ty(ty));
        let name = match pat {
            Pat::Ident(ident) if ident.subpat.is_none() => word(&ident.ident),
            Pat::Wild(_) => "_".into(),
            _ => {
                let name = self.temporary();
                patterns.push((name.clone(), pat));
                name
            }
        };
        Param {
            name,
            kind: ParamKind::Plain,
            annotation,
            default: None,
        }
    }
}

fn defined_type(item: &Item) -> Option<SmolStr> {
    match item {
        Item::Struct(item) => Some(word(&item.ident)),
        Item::Enum(item) => Some(word(&item.ident)),
        Item::Union(item) => Some(word(&item.ident)),
        Item::Trait(item) => Some(word(&item.ident)),
        _ => None,
    }
}

/// Methods that `impl`s of several traits define, with their type.
type Twice = HashSet<(SmolStr, SmolStr)>;

fn defined_twice<'a>(items: impl Iterator<Item = &'a Item>) -> Twice {
    let mut by: HashMap<(SmolStr, SmolStr), Option<SmolStr>> = HashMap::new();
    let mut twice = Twice::new();
    for item in items {
        let Item::Impl(block) = item else { continue };
        let ty = impl_name(block);
        let last = |(path, _): &(syn::Path, _)| path_words(path).pop();
        let interface = block.trait_.as_ref().and_then(last);
        for method in methods(block) {
            let method = (ty.clone(), method);
            // One trait for several types, `From<A>` and `From<B>`, is one.
            let known = by
                .entry(method.clone())
                .or_insert_with(|| interface.clone());
            if *known != interface {
                twice.insert(method);
            }
        }
    }
    twice
}

fn methods(block: &syn::ItemImpl) -> impl Iterator<Item = SmolStr> {
    let items = block.items.iter();
    items.filter_map(|item| match item {
        ImplItem::Fn(func) if !for_tests(&func.attrs) => Some(word(&func.sig.ident)),
        _ => None,
    })
}

/// The name under which an `impl` is filed: its type's path. A type that has
/// none is put in angle brackets as written.
fn impl_name(block: &syn::ItemImpl) -> SmolStr {
    let mut ty = &*block.self_ty;
    while let Type::Reference(syn::TypeReference { elem, .. })
    | Type::Paren(syn::TypeParen { elem, .. }) = ty
    {
        ty = elem;
    }
    match ty {
        Type::Path(path) if path.qself.is_none() && !is_parameter(&path.path, block) => {
            path_words(&path.path).join("::").into()
        }
        Type::TraitObject(object) => match object.bounds.first() {
            Some(syn::TypeParamBound::Trait(bound)) => path_words(&bound.path).join("::").into(),
            _ => bracketed(ty),
        },
        _ => bracketed(ty),
    }
}

fn is_parameter(path: &syn::Path, block: &syn::ItemImpl) -> bool {
    path.get_ident().is_some_and(|name| {
        let mut params = block.generics.type_params();
        params.any(|param| param.ident == *name)
    })
}

/// `path` as written, on one line.
fn written(path: &syn::Path) -> SmolStr {
    let text = path.span().source_text();
    let text = text.unwrap_or_else(|| path_words(path).join("::"));
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").into()
}

fn unbracketed(name: &str) -> &str {
    let inner = name
        .strip_prefix('<')
        .and_then(|name| name.strip_suffix('>'));
    inner.unwrap_or(name)
}

fn bracketed(ty: &Type) -> SmolStr {
    let text = ty.span().source_text().unwrap_or_default();
    let words: Vec<&str> = text.split_whitespace().collect();
    format!("<{}>", words.join(" ")).into()
}

fn attributes(item: &Item) -> &[syn::Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
