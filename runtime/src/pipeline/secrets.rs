//! `[secrets]`, and everything of a file that stands for a secret.

use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use url::Url;

use super::file::{SecretFile, SecretWritten, SecretsFile, SigningFile};
use super::problem::Problem;
use super::{Input, Pipeline, Place, Shows, Trigger, is_hosted};
use crate::secret::{SCHEME, SecretFrom, VaultSecret};
use crate::store::owners::SharedDatabase;
use crate::store::registry::{NoPublicKey, PublicKey, Signing};

const WRITE: &str = "write { env = \"VARIABLE\" }, { file = \"PATH\" } or { vault = \"NAME\" }, never the secret itself";

/// Where a secret is; `owner` says what for.
pub(super) fn found(written: Spanned<SecretWritten>, owner: &str) -> Result<SecretFrom, Problem> {
    let span = written.span();
    let wrong = |why: &str, label: &str| {
        Err(Problem::at(span, format!("{owner}: {why}")).label(label.to_owned()))
    };
    let once = "it says where the secret is, once";
    let table = match written.into_inner() {
        SecretWritten::Reference(from) => return Ok(from),
        SecretWritten::Table(table) => table,
        SecretWritten::Other(_) => return wrong(once, WRITE),
    };
    match table {
        SecretFile {
            header: Some(_), ..
        } => wrong("only a token is shown in a header", WRITE),
        SecretFile {
            env: Some(env),
            file: None,
            vault: None,
            ..
        } => Ok(SecretFrom::Env(env)),
        SecretFile {
            env: None,
            file: Some(file),
            vault: None,
            ..
        } => Ok(SecretFrom::File(file)),
        SecretFile {
            env: None,
            file: None,
            vault: Some(vault),
            ..
        } => match VaultSecret::parse(&vault) {
            Ok(secret) => Ok(SecretFrom::Vault(secret)),
            Err(why) => wrong("vault names no secret", &why.to_string()),
        },
        _ => wrong(once, WRITE),
    }
}

/// The Key Vault, which is asked over https.
pub(super) fn vault(file: &SecretsFile) -> Result<Option<Url>, Problem> {
    let Some(written) = &file.vault else {
        return Ok(None);
    };
    let url = Url::parse(written.get_ref()).ok();
    let url = url.filter(|url| {
        let plain = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        url.scheme() == "https" && url.has_host() && url.username().is_empty() && plain
    });
    url.map(Some).ok_or_else(|| {
        let message = "secrets: vault: it is the URL of no Key Vault";
        Problem::at(written.span(), message).label("write https://NAME.vault.azure.net")
    })
}

/// Whose signatures are asked for: somebody's, or nobody could serve.
pub(super) fn signing(file: Option<SigningFile>) -> Result<Signing, Problem> {
    let Some(file) = file else {
        return Ok(Signing::default());
    };
    let mut trusted: Vec<PublicKey> = Vec::new();
    for written in file.trusted.get_ref() {
        let key = written.get_ref().parse().map_err(|error: NoPublicKey| {
            Problem::at(written.span(), format!("signing: trusted: {error}"))
        })?;
        trusted.push(key);
    }
    if trusted.is_empty() {
        let message = "signing: trusted: nobody is trusted, so that no version could serve";
        return Err(Problem::at(file.trusted.span(), message)
            .label("write the public half of the key, or leave [signing] out"));
    }
    let key = file.key.map(|key| found(key, "signing: key")).transpose()?;
    Ok(Signing::new(trusted, key))
}

/// Where a secret of a Key Vault is meant, the file, which is this text, says of
/// which.
pub(super) fn have_a_vault(pipeline: &Pipeline, text: &str) -> Result<(), Problem> {
    let secrets = pipeline.secrets(&[]);
    let in_a_vault = |(_, from): &&(String, SecretFrom)| matches!(from, SecretFrom::Vault(_));
    match secrets.iter().find(in_a_vault) {
        Some((key, from)) if pipeline.vault.is_none() => {
            let message = format!("{key}: {from}: the file names no Key Vault");
            let root = DeTable::parse(text).ok();
            let place = root.and_then(|root| place(root.get_ref(), &from.to_string()));
            Err(Problem::at(place.unwrap_or_default(), message)
                .label("write [secrets] with vault = \"https://NAME.vault.azure.net\""))
        }
        _ => Ok(()),
    }
}

/// Where a table first refers to that secret: as `secret:vault:NAME`, or as
/// `{ vault = "NAME" }`.
fn place(table: &DeTable<'_>, reference: &str) -> Option<Range<usize>> {
    let places = table.iter().filter_map(|(key, value)| {
        let is_meant = |text: &str| {
            let is_vault = key.get_ref() == "vault";
            text == reference || is_vault && format!("{SCHEME}vault:{text}") == reference
        };
        match value.get_ref() {
            DeValue::String(text) => is_meant(text).then(|| value.span()),
            DeValue::Table(inner) => place(inner, reference),
            DeValue::Array(parts) => {
                let mut tables = parts.iter().filter_map(|part| part.get_ref().as_table());
                tables.find_map(|inner| place(inner, reference))
            }
            _ => None,
        }
    });
    places.min_by_key(|place| place.start)
}

/// Of a face, what may stand for a secret.
#[derive(Deserialize)]
struct FaceFile {
    function: Option<String>,
    lookup: Option<LookupFile>,
    #[serde(default)]
    request: RequestFile,
}

#[derive(Default, Deserialize)]
struct RequestFile {
    lookup: Option<LookupFile>,
}

#[derive(Deserialize)]
struct LookupFile {
    sql: String,
}

impl Pipeline {
    /// Whether clients may ask an app of these functions, or of all: whether one of
    /// them answers requests, or a face is theirs or nobody's.
    #[must_use]
    pub fn has_faces(&self, only: &[String]) -> bool {
        let mut functions = self.functions.iter();
        let answers = functions
            .any(|function| function.trigger == Trigger::Http && is_hosted(only, &function.name));
        let mut faces = self.faces.iter().filter_map(|face| face.read().ok());
        answers
            || faces.any(|face: FaceFile| {
                let function = face.function.as_deref();
                function.is_none_or(|name| is_hosted(only, name))
            })
    }

    /// Where each secret is that these functions need, or all: each with the
    /// key that refers to it.
    #[must_use]
    pub fn secrets(&self, only: &[String]) -> Vec<(String, SecretFrom)> {
        let mut found = Vec::new();
        if let Place::Azure { shows, .. } = &self.store.place {
            match shows {
                Shows::Identity => {}
                Shows::Sas(from) => found.push(("store.sas".to_owned(), from.clone())),
                Shows::Key(from) => found.push(("store.key".to_owned(), from.clone())),
            }
        }
        if let Some(tls) = &self.tls {
            found.push(("serve.tls.key".to_owned(), tls.key.clone()));
        }
        if let Some(token) = &self.token {
            found.push(("serve.token".to_owned(), token.from.clone()));
        }
        let mut functions = self.functions.iter();
        let registers = functions
            .any(|function| is_hosted(only, &function.name) && function.output.alias.is_some());
        if let Some(key) = self.signing.key().filter(|_| registers) {
            found.push(("signing.key".to_owned(), key.clone()));
        }
        let used = self.databases_of(only);
        let referred = used
            .into_iter()
            .filter_map(|(key, url)| Some((key, SecretFrom::parse(&url)?.ok()?)));
        found.extend(referred);
        found
    }

    /// The URL of each database that they use, with the key that says it.
    fn databases_of(&self, only: &[String]) -> Vec<(String, String)> {
        let mut used = Vec::new();
        let functions = self.functions.iter();
        for function in functions.filter(|function| is_hosted(only, &function.name)) {
            for (name, input) in &function.inputs {
                if let Input::Sql { url, .. } = input {
                    let key = format!("function {}: input {name}: sql", function.name);
                    used.push((key, url.clone()));
                }
            }
            for table in function.output.tables.values() {
                let key = format!("function {}: table {}: sql", function.name, table.name);
                used.push((key, table.url.clone()));
            }
        }
        let faces = self.faces.iter().filter_map(|face| face.read().ok());
        for face in faces.filter(|face: &FaceFile| {
            let function = face.function.as_deref();
            function.is_none_or(|name| is_hosted(only, name))
        }) {
            let lookups = face.lookup.into_iter().chain(face.request.lookup);
            used.extend(lookups.map(|lookup| ("http: lookup: sql".to_owned(), lookup.sql)));
        }
        for (key, url) in &mut used {
            let named = |shared: &&SharedDatabase| shared.name == *url;
            if let Some(shared) = self.databases.iter().find(named) {
                *key = format!("database {}: monolith", shared.name);
                *url = shared.monolith.clone();
            }
        }
        used
    }
}
