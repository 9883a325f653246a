//! What is known of libraries: a folder of TOML files, one per library.
//!
//! An entry says what a call does outside the process (its effects), what it
//! returns, which of its arguments it calls, and which stage it hints at. The
//! files are compiled in; users add their own with `--catalog FILE`, and a
//! later file's entry wins over an earlier one's.

mod document;

use std::borrow::Cow;
use std::collections::BTreeMap;

use include_dir::{Dir, include_dir};
use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

pub use document::{
    Access, ArgumentRef, Blocks, CallEntry, CatalogFile, CatalogLanguage, EffectEntry, Matter,
    Mode, TypeEntry,
};

static BUILT_IN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/catalog");

/// The catalog, ready to be looked up.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    calls: FxHashMap<SmolStr, CallEntry>,
    /// Entries whose last part is `*`, by what stands before it.
    any_calls: FxHashMap<SmolStr, CallEntry>,
    types: FxHashMap<SmolStr, TypeEntry>,
    any_types: FxHashMap<SmolStr, TypeEntry>,
    aliases: FxHashMap<SmolStr, SmolStr>,
    /// First parts of the aliased names: most paths have no alias.
    alias_heads: FxHashSet<SmolStr>,
    libraries: FxHashMap<SmolStr, Library>,
    /// Types that have a method of this name, for receivers nothing types.
    /// Those of Rust's libraries are not among them: a compiler typed them.
    by_method: FxHashMap<SmolStr, Vec<SmolStr>>,
}

/// A library as a whole.
#[derive(Clone, Debug)]
pub struct Library {
    /// Its name as people write it.
    pub name: SmolStr,
    /// It comes with the language.
    pub standard: bool,
    /// It is made for `async`.
    pub asynchronous: bool,
    /// Stage evidence of any call into it that has no entry of its own.
    pub stages: BTreeMap<SmolStr, f64>,
}

/// Why a catalog file was refused.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// Not TOML, or not of the documented shape.
    #[error("{file}: {message}")]
    Shape {
        /// The file.
        file: String,
        /// What is wrong, with line and column.
        message: String,
    },
    /// A weight names no stage.
    #[error("{file}: `{entry}` gives weight to `{stage}`, which is no stage; the stages are {}", STAGES.join(", "))]
    UnknownStage {
        /// The file.
        file: String,
        /// The entry.
        entry: String,
        /// The word.
        stage: String,
    },
}

const STAGES: [&str; 9] = [
    "ingestion",
    "preprocessing",
    "training",
    "evaluation",
    "deployment",
    "inference",
    "monitoring",
    "shared",
    "none",
];

impl Catalog {
    /// The catalog that comes with cutline.
    ///
    /// # Panics
    /// Never: a test loads every file.
    pub fn built_in() -> Catalog {
        let mut catalog = Catalog::default();
        for file in BUILT_IN.files() {
            let name = file.path().display().to_string();
            let text = file.contents_utf8().unwrap_or_default();
            catalog
                .add(&name, text)
                .expect("every file of the catalog loads, as its test shows");
        }
        catalog
    }

    /// Adds the catalog file `text`, called `file` in errors.
    pub fn add(&mut self, file: &str, text: &str) -> Result<(), CatalogError> {
        let document: CatalogFile = toml::from_str(text).map_err(|error| CatalogError::Shape {
            file: file.to_owned(),
            message: error.to_string(),
        })?;
        check_stages(file, &document.library, &document.stages)?;
        for import in &document.imports {
            self.libraries.insert(
                import.clone(),
                Library {
                    name: document.library.clone(),
                    standard: document.standard,
                    asynchronous: document.asynchronous,
                    stages: document.stages.clone(),
                },
            );
        }
        let heads = document.alias.keys().map(|alias| head(alias).into());
        self.alias_heads.extend(heads);
        self.aliases.extend(document.alias);
        for entry in document.types {
            for name in entry.name.iter() {
                match name.strip_suffix(".*") {
                    Some(prefix) => self.any_types.insert(prefix.into(), entry.clone()),
                    None => self.types.insert(name.clone(), entry.clone()),
                };
            }
        }
        for entry in document.calls {
            for name in entry.name.iter() {
                check_stages(file, name, &entry.stages)?;
                match name.strip_suffix(".*") {
                    Some(prefix) => {
                        self.any_calls.insert(prefix.into(), entry.clone());
                    }
                    None => {
                        self.calls.insert(name.clone(), entry.clone());
                        if document.language == CatalogLanguage::Python {
                            self.index_method(name);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// What is known of calling `path`: its own entry, one of its type's
    /// bases, or the nearest `*`.
    pub fn call(&self, path: &str) -> Option<&CallEntry> {
        self.call_inner(&self.canonical(path), &mut Vec::new())
    }

    fn call_inner<'a>(
        &'a self,
        path: &str,
        seen: &mut Vec<&'a TypeEntry>,
    ) -> Option<&'a CallEntry> {
        if let Some(entry) = self.calls.get(path) {
            return Some(entry);
        }
        let (owner, member) = path.rsplit_once('.')?;
        let ty = self.ty(owner).filter(|ty| !ty.bases.is_empty());
        let from_base = ty.and_then(|ty| {
            if seen.iter().any(|before| std::ptr::eq(*before, ty)) {
                return None;
            }
            seen.push(ty);
            let mut bases = ty.bases.iter();
            bases.find_map(|base| self.call_inner(&format!("{base}.{member}"), seen))
        });
        from_base.or_else(|| self.any_calls.get(owner))
    }

    /// `path` has an entry of its own, as a call, a type or another's name.
    pub fn names(&self, path: &str) -> bool {
        let canonical = self.canonical(path);
        self.calls.contains_key(&*canonical)
            || self.types.contains_key(&*canonical)
            || matches!(canonical, Cow::Owned(_))
    }

    /// `path` has an entry of its own or of one of its type's bases, not just
    /// a `*` that covers it.
    pub fn knows_call(&self, path: &str) -> bool {
        let canonical = self.canonical(path);
        let Some((owner, member)) = canonical.rsplit_once('.') else {
            return self.calls.contains_key(&*canonical);
        };
        let mut ancestors = self.ancestors(owner).into_iter();
        ancestors.any(|ty| self.calls.contains_key(&*format!("{ty}.{member}")))
    }

    /// What calling `path` makes its thread stand still for: what its entry
    /// says, or what its effects are on, unless the library is made for
    /// `async`.
    pub fn blocks(&self, path: &str) -> Option<Blocks> {
        let entry = self.call(path)?;
        let owner = path.rsplit_once('.').map_or(path, |(owner, _)| owner);
        let ancestors = self.ancestors(owner);
        let mut by_type = ancestors.iter();
        let by_type = by_type.find_map(|ty| self.ty(ty)?.asynchronous);
        if by_type == Some(true) {
            return None;
        }
        if let Some(blocks) = entry.blocks {
            return Some(blocks).filter(|blocks| *blocks != Blocks::Nothing);
        }
        let canonical = self.canonical(path);
        let by_library = self.library(&canonical).is_some_and(|l| l.asynchronous);
        if by_library && by_type.is_none() {
            return None;
        }
        entry.effects.iter().find_map(|effect| match effect.on {
            Matter::File | Matter::Model => Some(Blocks::File),
            Matter::Table | Matter::Sql | Matter::Cache => Some(Blocks::Database),
            Matter::Network | Matter::Blob => Some(Blocks::Network),
            Matter::Process => Some(Blocks::Process),
            // A connection is made when it is used; a queue or tracker takes
            // what it is given and sends it later.
            Matter::Database
            | Matter::Queue
            | Matter::Tracking
            | Matter::Secret
            | Matter::Environment
            | Matter::Clock
            | Matter::Randomness
            | Matter::Thread
            | Matter::Log => None,
        })
    }

    /// What is known of the type `path`.
    pub fn ty(&self, path: &str) -> Option<&TypeEntry> {
        let path = self.canonical(path);
        if let Some(entry) = self.types.get(&*path) {
            return Some(entry);
        }
        let (owner, name) = path.rsplit_once('.')?;
        let is_class = name.starts_with(|first: char| first.is_ascii_uppercase());
        is_class.then(|| self.any_types.get(owner)).flatten()
    }

    /// True if `path` is, or derives from, the type `base`.
    pub fn is_a(&self, path: &str, base: &str) -> bool {
        self.ancestors(path).iter().any(|ancestor| ancestor == base)
    }

    /// The type and all its bases, nearest first.
    pub fn ancestors(&self, path: &str) -> Vec<SmolStr> {
        let mut found = vec![SmolStr::from(&*self.canonical(path))];
        let mut next = 0;
        while next < found.len() {
            if let Some(ty) = self.ty(&found[next].clone()) {
                for base in &ty.bases {
                    if !found.contains(base) {
                        found.push(base.clone());
                    }
                }
            }
            next += 1;
        }
        found
    }

    /// The type of attribute `name` of an instance of `path`.
    pub fn attribute(&self, path: &str, name: &str) -> Option<&SmolStr> {
        self.ancestors(path)
            .iter()
            .find_map(|ty| self.ty(ty)?.attributes.get(name))
    }

    /// The library that the dotted `path` belongs to.
    pub fn library(&self, path: &str) -> Option<&Library> {
        let mut prefix = path;
        loop {
            if let Some(library) = self.libraries.get(prefix) {
                return Some(library);
            }
            prefix = prefix.rsplit_once('.')?.0;
        }
    }

    /// Types with a catalogued method `name`, sorted.
    pub fn types_with_method(&self, name: &str) -> &[SmolStr] {
        self.by_method.get(name).map_or(&[], Vec::as_slice)
    }

    /// The name under which `path` has its entry: the longest aliased part of
    /// it replaced by what it stands for.
    pub fn canonical<'a>(&self, path: &'a str) -> Cow<'a, str> {
        if !self.alias_heads.contains(head(path)) {
            return path.into();
        }
        let mut prefix = path;
        loop {
            if let Some(canonical) = self.aliases.get(prefix) {
                return format!("{canonical}{}", &path[prefix.len()..]).into();
            }
            match prefix.rsplit_once('.') {
                Some((shorter, _)) => prefix = shorter,
                None => return path.into(),
            }
        }
    }

    /// The catalogued libraries by import name, sorted.
    pub fn libraries(&self) -> BTreeMap<SmolStr, &Library> {
        let by_import = self.libraries.iter();
        by_import
            .map(|(import, library)| (import.clone(), library))
            .collect()
    }

    /// Every call entry by qualified name, sorted.
    pub fn calls(&self) -> BTreeMap<SmolStr, &CallEntry> {
        let exact = self.calls.iter().map(|(name, entry)| (name.clone(), entry));
        let any = self.any_calls.iter();
        exact
            .chain(any.map(|(prefix, entry)| (format!("{prefix}.*").into(), entry)))
            .collect()
    }

    fn index_method(&mut self, name: &str) {
        let Some((owner, method)) = name.rsplit_once('.') else {
            return;
        };
        let class = owner.rsplit('.').next().unwrap_or(owner);
        if class.starts_with(|first: char| first.is_ascii_uppercase()) {
            let types = self.by_method.entry(method.into()).or_default();
            let owner = SmolStr::from(owner);
            if let Err(at) = types.binary_search(&owner) {
                types.insert(at, owner);
            }
        }
    }
}

fn head(path: &str) -> &str {
    path.split_once('.').map_or(path, |(head, _)| head)
}

fn check_stages(
    file: &str,
    entry: &str,
    stages: &BTreeMap<SmolStr, f64>,
) -> Result<(), CatalogError> {
    match stages
        .keys()
        .find(|stage| !STAGES.contains(&stage.as_str()))
    {
        None => Ok(()),
        Some(stage) => Err(CatalogError::UnknownStage {
            file: file.to_owned(),
            entry: entry.to_owned(),
            stage: stage.to_string(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_catalog_loads() {
        let mut catalog = Catalog::default();
        for file in BUILT_IN.files() {
            let text = file.contents_utf8().expect("a catalog file is UTF-8");
            catalog
                .add(&file.path().display().to_string(), text)
                .expect("a catalog file loads");
        }
    }

    #[test]
    fn a_method_is_found_through_the_bases_of_its_type() {
        let catalog = Catalog::built_in();
        let fit = catalog.call("sklearn.linear_model.LogisticRegression.fit");
        assert!(fit.is_some_and(|entry| entry.stages.contains_key("training")));
    }

    /// The parsed files, by name.
    fn files() -> Vec<(String, CatalogFile)> {
        let files = BUILT_IN.files().map(|file| {
            let text = file.contents_utf8().expect("a catalog file is UTF-8");
            let name = file.path().display().to_string();
            (name, toml::from_str(text).expect("a catalog file loads"))
        });
        files.collect()
    }

    #[test]
    fn what_a_library_of_rust_does_is_told_once_where_it_is_found() {
        let catalog = Catalog::built_in();
        let mut told: BTreeMap<SmolStr, String> = BTreeMap::new();
        for (file, document) in files() {
            let is_rust = document.language == CatalogLanguage::Rust;
            let types = document.types.iter().flat_map(|entry| entry.name.iter());
            let types = types.map(|name| format!("type {name}"));
            let calls = document.calls.iter().flat_map(|entry| entry.name.iter());
            for name in types.chain(calls.map(|name| name.to_string())) {
                let before = told.insert(name.as_str().into(), file.clone());
                let before = before.filter(|before| is_rust || before.starts_with("rust_"));
                assert_eq!(before, None, "{file}: {name} again");
                let path = name.trim_start_matches("type ");
                assert!(
                    !is_rust || catalog.canonical(path) == path,
                    "{file}: {name} is aliased"
                );
            }
            for entry in document.calls.iter().filter(|_| is_rust) {
                let returns = entry.returns.as_deref().unwrap_or("self");
                assert_eq!(catalog.canonical(returns), returns, "{file}");
            }
        }
    }

    #[test]
    fn a_library_of_rust_takes_no_import_or_alias_from_one_of_python() {
        let (rust, python): (Vec<_>, Vec<_>) = files()
            .into_iter()
            .partition(|(_, document)| document.language == CatalogLanguage::Rust);
        let imports: FxHashSet<SmolStr> = python
            .iter()
            .flat_map(|(_, document)| document.imports.clone())
            .collect();
        for (file, document) in &rust {
            for import in &document.imports {
                assert!(!imports.contains(import), "{file}: {import}");
            }
            let calls = python.iter().flat_map(|(_, document)| &document.calls);
            for name in calls.flat_map(|entry| entry.name.iter()) {
                let hides = document.alias.keys().any(|alias| {
                    let rest = name.strip_prefix(alias.as_str());
                    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
                });
                assert!(!hides, "{file}: an alias hides {name}");
            }
        }
    }

    #[test]
    fn methods_of_rusts_libraries_say_nothing_of_untyped_receivers() {
        let catalog = Catalog::built_in();
        let types = catalog.types_with_method("fit");
        assert!(types.iter().any(|ty| ty == "sklearn.Estimator"));
        assert!(types.iter().all(|ty| !ty.starts_with("linfa")));
    }

    #[test]
    fn a_crate_is_known_by_its_prelude_and_its_parts() {
        let catalog = Catalog::built_in();
        for path in [
            "polars.prelude.LazyFrame.scan_parquet",
            "polars.lazy.frame.LazyFrame.scan_parquet",
            "polars.frame.DataFrame.with_column",
            "linfa.prelude.Dataset.split_with_ratio",
            "linfa_logistic.LogisticRegression.fit",
            "ndarray.Array2.from_shape_vec",
            "sqlx.PgPool.connect",
            "redis.aio.MultiplexedConnection.set_ex",
            "redis.aio.MultiplexedConnection.get",
            "ort.Session.builder",
            "reqwest.blocking.Client.get",
            "aws_sdk_s3.Reading.bucket",
        ] {
            assert!(catalog.call(path).is_some(), "{path}");
        }
    }

    #[test]
    fn a_weight_for_an_unknown_stage_is_refused_by_name() {
        let text =
            "library = 'x'\nimports = ['x']\n[[call]]\nname = 'x.f'\nstages = { trainig = 1 }";
        let error = Catalog::default().add("mine.toml", text);
        let message = error.map_err(|error| error.to_string());
        assert!(message.is_err_and(|message| message.contains("`x.f` gives weight to `trainig`")));
    }
}
