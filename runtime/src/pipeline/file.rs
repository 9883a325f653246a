//! The file as written: which keys there are, and where each value stands.

use std::sync::Arc;

use indexmap::IndexMap;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny, IntoDeserializer};
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::params::{Params, Step};
use super::problem::Problem;
use super::unfinished;
use crate::secret::SecretFrom;

/// `functions.toml`, its functions still as tables.
pub(super) struct File {
    pub(super) store: StoreFile,
    pub(super) serve: ServeFile,
    pub(super) secrets: SecretsFile,
    pub(super) signing: Option<SigningFile>,
    pub(super) databases: Vec<(Spanned<String>, DatabaseFile)>,
    pub(super) functions: Vec<FunctionFile>,
    pub(super) faces: Vec<Params>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoreFile {
    pub(super) folder: Option<Spanned<String>>,
    pub(super) url: Option<Spanned<String>>,
    pub(super) queues: Option<Spanned<String>>,
    pub(super) sas: Option<Spanned<SecretWritten>>,
    pub(super) key: Option<Spanned<SecretWritten>>,
    pub(super) incoming: Option<Spanned<String>>,
    pub(super) keep_shadows: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ServeFile {
    pub(super) listen: Option<Spanned<String>>,
    /// Faces off the loopback interface ask nobody who he is.
    #[serde(default)]
    pub(super) open: bool,
    pub(super) token: Option<Spanned<SecretWritten>>,
    pub(super) tls: Option<TlsFile>,
}

/// With what faces say who they are.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TlsFile {
    pub(super) certificate: String,
    pub(super) key: Spanned<SecretWritten>,
}

/// `[secrets]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SecretsFile {
    pub(super) vault: Option<Spanned<String>>,
}

/// `[signing]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SigningFile {
    pub(super) key: Option<Spanned<SecretWritten>>,
    pub(super) trusted: Spanned<Vec<Spanned<String>>>,
}

/// Whatever else stands there may be the secret, which nothing repeats.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum SecretWritten {
    Reference(SecretFrom),
    Table(SecretFile),
    Other(IgnoredAny),
}

/// `header` is the token's alone.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SecretFile {
    pub(super) env: Option<String>,
    pub(super) file: Option<String>,
    pub(super) vault: Option<String>,
    pub(super) header: Option<String>,
}

/// One `[database.NAME]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DatabaseFile {
    pub(super) stage: String,
    pub(super) monolith: Spanned<String>,
    pub(super) own: Option<Spanned<String>>,
    pub(super) tables: Spanned<Vec<String>>,
}

/// One `[function.NAME]`: the shared keys, and the rest as it stands.
pub(super) struct FunctionFile {
    pub(super) name: Spanned<String>,
    pub(super) shared: SharedFile,
    pub(super) inputs: IndexMap<String, Spanned<BindingFile>>,
    pub(super) params: Params,
}

#[derive(Debug, Deserialize)]
pub(super) struct SharedFile {
    pub(super) stage: Option<Spanned<String>>,
    pub(super) trigger: Option<Spanned<TriggerFile>>,
    pub(super) output: Option<Spanned<OutputFile>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TriggerFile {
    pub(super) queue: Option<Spanned<String>>,
    pub(super) event_hub: Option<Spanned<String>>,
    pub(super) consumer_group: Option<Spanned<String>>,
    pub(super) every: Option<Spanned<String>>,
    pub(super) http: Option<Spanned<bool>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BindingFile {
    pub(super) blob: Option<Spanned<String>>,
    pub(super) artifact: Option<String>,
    pub(super) sql: Option<Spanned<String>>,
    pub(super) query: Option<String>,
    pub(super) model: Option<Spanned<String>>,
    pub(super) log: Option<Spanned<String>>,
    pub(super) optional: Option<Spanned<bool>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OutputFile {
    pub(super) artifact: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) artifacts: IndexMap<String, Spanned<String>>,
    pub(super) queue: Option<Spanned<String>>,
    pub(super) alias: Option<Spanned<String>>,
    pub(super) table: Option<Spanned<TableFile>>,
    #[serde(default)]
    pub(super) tables: IndexMap<Spanned<String>, Spanned<TableFile>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TableFile {
    pub(super) sql: Spanned<String>,
    pub(super) name: String,
    #[serde(default)]
    pub(super) key: Vec<String>,
    #[serde(default)]
    pub(super) append: bool,
}

/// What may stand in a binding, so that `input = { blob = … }` is one binding
/// and `input = { calls = { … }, … }` several.
const BINDING: [&str; 7] = [
    "blob", "artifact", "sql", "query", "model", "log", "optional",
];

/// The keys that mean the same in every function.
const SHARED: [&str; 4] = ["stage", "trigger", "input", "output"];

/// # Errors
/// The first problem, not yet located.
pub(super) fn read(text: &Arc<str>) -> Result<File, Problem> {
    let root = DeTable::parse(text).map_err(|error| Problem::of_syntax(&error))?;
    unfinished::refuse(text, root.get_ref())?;
    let mut file = File {
        store: StoreFile::default(),
        serve: ServeFile::default(),
        secrets: SecretsFile::default(),
        signing: None,
        databases: Vec::new(),
        functions: Vec::new(),
        faces: Vec::new(),
    };
    for (key, value) in root.into_inner() {
        match key.get_ref().as_ref() {
            "store" => file.store = typed("store", value)?,
            "serve" => file.serve = typed("serve", value)?,
            "secrets" => file.secrets = typed("secrets", value)?,
            "signing" => file.signing = Some(typed("signing", value)?),
            "database" => file.databases = databases(value)?,
            "function" => file.functions = functions(text, value)?,
            "http" => file.faces = faces(text, &value)?,
            other => {
                let message = format!("there is no key {other}");
                return Err(Problem::at(key.span(), message).label(
                    "the file has [store], [serve], [secrets], [signing], [database.NAME], [function.NAME] and [[http]]",
                ));
            }
        }
    }
    Ok(file)
}

fn databases(value: Spanned<DeValue<'_>>) -> Result<Vec<(Spanned<String>, DatabaseFile)>, Problem> {
    let named = table("database", value)?.into_inner().into_iter();
    let mut databases = named
        .map(|(name, value)| {
            let name = Spanned::new(name.span(), name.get_ref().to_string());
            let owner = format!("database {}", name.get_ref());
            Ok((name, typed(&owner, value)?))
        })
        .collect::<Result<Vec<_>, Problem>>()?;
    databases.sort_by_key(|(name, _)| name.span().start);
    Ok(databases)
}

fn functions(text: &Arc<str>, value: Spanned<DeValue<'_>>) -> Result<Vec<FunctionFile>, Problem> {
    let named = table("function", value)?.into_inner().into_iter();
    let mut functions = named
        .map(|(name, value)| {
            let name = Spanned::new(name.span(), name.get_ref().to_string());
            function(text, name, value)
        })
        .collect::<Result<Vec<_>, _>>()?;
    functions.sort_by_key(|function| function.name.span().start);
    Ok(functions)
}

fn function(
    text: &Arc<str>,
    name: Spanned<String>,
    value: Spanned<DeValue<'_>>,
) -> Result<FunctionFile, Problem> {
    let owner = format!("function {}", name.get_ref());
    let whole = table(&owner, value)?;
    let span = whole.span();
    let mut shared = DeTable::new();
    let mut inputs = IndexMap::new();
    for (key, value) in whole.into_inner() {
        match key.get_ref().as_ref() {
            "input" => inputs = bindings(&owner, value)?,
            known if SHARED.contains(&known) => {
                shared.insert(key, value);
            }
            _ => {}
        }
    }
    let path = ["function", name.get_ref()].map(|key| Step::Key(key.to_owned()));
    Ok(FunctionFile {
        shared: typed(&owner, Spanned::new(span, DeValue::Table(shared)))?,
        inputs,
        params: Params::new(owner, text, path.to_vec(), &SHARED),
        name,
    })
}

fn faces(text: &Arc<str>, value: &Spanned<DeValue<'_>>) -> Result<Vec<Params>, Problem> {
    let DeValue::Array(faces) = value.get_ref() else {
        return Err(
            Problem::at(value.span(), "http is not a list of tables").label("write [[http]]")
        );
    };
    let each = faces.iter().enumerate().map(|(index, face)| {
        if !face.get_ref().is_table() {
            return Err(
                Problem::at(face.span(), "http is not a list of tables").label("write [[http]]")
            );
        }
        let path = vec![Step::Key("http".to_owned()), Step::Index(index)];
        Ok(Params::new("http".to_owned(), text, path, &[]))
    });
    each.collect()
}

fn bindings(
    owner: &str,
    value: Spanned<DeValue<'_>>,
) -> Result<IndexMap<String, Spanned<BindingFile>>, Problem> {
    let owner = format!("{owner}: input");
    let whole = table(&owner, value)?;
    let span = whole.span();
    let is_binding = |(key, value): (&Spanned<DeString<'_>>, &Spanned<DeValue<'_>>)| {
        BINDING.contains(&key.get_ref().as_ref()) && !value.get_ref().is_table()
    };
    if whole.get_ref().iter().any(is_binding) {
        let value = Spanned::new(span.clone(), DeValue::Table(whole.into_inner()));
        let binding = Spanned::new(span, typed(&owner, value)?);
        return Ok(IndexMap::from([("input".to_owned(), binding)]));
    }
    let named = whole.into_inner().into_iter().map(|(name, value)| {
        let (name, span) = (name.into_inner().into_owned(), value.span());
        let binding = typed(&format!("{owner}.{name}"), value)?;
        Ok((name, Spanned::new(span, binding)))
    });
    named.collect()
}

fn table<'a>(owner: &str, value: Spanned<DeValue<'a>>) -> Result<Spanned<DeTable<'a>>, Problem> {
    let span = value.span();
    match value.into_inner() {
        DeValue::Table(table) => Ok(Spanned::new(span, table)),
        other => {
            let message = format!("{owner} is a {}, not a table", other.type_str());
            Err(Problem::at(span, message))
        }
    }
}

fn typed<T: DeserializeOwned>(owner: &str, value: Spanned<DeValue<'_>>) -> Result<T, Problem> {
    let span = value.span();
    T::deserialize(value.into_deserializer()).map_err(|error| {
        let problem = Problem::of_syntax(&error);
        Problem {
            message: format!("{owner}: {}", problem.message),
            span: problem.span.or(Some(span)),
            ..problem
        }
    })
}
