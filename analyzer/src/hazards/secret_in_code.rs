mod words;

use std::collections::BTreeMap;

use smol_str::{SmolStr, format_smolstr};

use super::support::places::{AllPlaces, Places, Role};
use super::{Context, Finding, Hazard, Severity};
use crate::graph::globals::global_accesses;
use crate::modules::{FileId, ModuleSet};
use crate::syntax::FileFacts;
use crate::syntax::facts::{CompareOp, ExprId, ExprKind};
use words::{is_secret, means_secret, shape};

/// A password, key or token that stands in the code.
pub(super) struct SecretInCode;

const EXPLANATION: &str = r#"
## What it finds
Text given to a name that means a secret (`api_key`, `password`, `token`,
`secret`, a connection string, …) by assignment, argument, default, comparison
or as an environment variable's default; text with a known prefix (`AKIA`,
`ghp_`, `sk-`, a private key's header); URLs with a user's password.
Placeholders and names of variables are not found. What the secret is, is
never printed.

## Why it matters at a cut
Each new stage needs its own secrets with its own rights. What stands in the
code is copied into every stage, cannot be changed without a release, and
stays in the history.

## Example
```python
import requests

API_KEY = "live-5d1f0c77a9e24b3e9b60"

def fetch(since):  # ingestion
    return requests.get("https://billing/payments", headers={"X-Key": API_KEY}, timeout=5)
```

## What to do
Take it from the environment, by the setting that the finding names, or from a
store of secrets; fail when it is missing, and change it: it has been seen.
"#;

impl Hazard for SecretInCode {
    fn name(&self) -> &'static str {
        "secret-in-code"
    }

    fn explanation(&self) -> &'static str {
        EXPLANATION
    }

    fn check(&self, ctx: &Context<'_>, found: &mut Vec<Finding>) {
        let places = AllPlaces::new(ctx.modules);
        let secrets = all(ctx.modules, &places);
        let settings = settings(ctx.modules, &secrets);
        let globals = global_accesses(ctx.modules, ctx.program);
        for (secret, setting) in secrets.iter().zip(&settings) {
            let readers = globals.iter().filter(|access| {
                !access.writes && access.owner == secret.file && access.name == secret.name
            });
            let related = readers.map(|access| {
                let note = format_smolstr!("{} reads it", ctx.qualname(access.function));
                (access.file, access.line, note)
            });
            let related = related.collect();
            found.extend(finding(ctx, &places, secret, setting, related));
        }
    }
}

/// Where a secret stands in the code, and the setting that replaces it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretPlace {
    /// The file.
    pub file: FileId,
    /// The text.
    pub expr: ExprId,
    /// The environment variable, and so an app's setting.
    pub setting: String,
}

/// Every secret that stands in the code, by file.
#[must_use]
pub fn secrets(modules: &ModuleSet) -> Vec<SecretPlace> {
    let places = AllPlaces::new(modules);
    let secrets = all(modules, &places);
    let settings = settings(modules, &secrets);
    let both = secrets.into_iter().zip(settings);
    both.map(|(secret, setting)| SecretPlace {
        file: secret.file,
        expr: secret.expr,
        setting,
    })
    .collect()
}

/// The line of a text that gives a secret to a name, as configuration does
/// (`password: …`, `token = …`).
#[must_use]
pub fn secret_line(text: &str) -> Option<u32> {
    let lines = (1..).zip(text.lines());
    lines
        .into_iter()
        .find_map(|(number, line)| holds_secret(line).then_some(number))
}

/// Whether a word of it looks like one, or some key of it has one.
fn holds_secret(line: &str) -> bool {
    const AROUND: [char; 10] = ['"', '\'', ',', ';', '{', '}', '[', ']', '(', ')'];
    let looks_so = |word: &str| shape(word).is_some();
    let mut words = line.split(|c: char| c.is_whitespace() || AROUND.contains(&c) || c == '=');
    if looks_so(line.trim()) || words.any(looks_so) {
        return true;
    }
    let is_inside = |c: char| c == ',' || c == ';' || c == '{' || c == '}';
    let bare = |text: &str| text.trim().trim_matches(['"', '\'']).trim().to_owned();
    let mut separators = line.match_indices([':', '=']);
    separators.any(|(at, _)| {
        let before = line[..at].rsplit(is_inside).next().unwrap_or_default();
        let behind = line[at + 1..].split(is_inside).next().unwrap_or_default();
        // What is behind a space and a # is a comment.
        let behind = behind.split(" #").next().unwrap_or_default();
        let (key, value) = (bare(before), bare(behind));
        means_secret(&key) && is_secret(&key, &value)
    })
}

fn all(modules: &ModuleSet, places: &AllPlaces<'_>) -> Vec<Secret> {
    let mut secrets = Vec::new();
    for (file, facts) in modules.iter() {
        in_file(file, &places.of(file), &mut secrets);
        in_defaults(file, facts, &mut secrets);
    }
    secrets
}

/// The setting of each secret: as it is called in the code, with its module's
/// name in front where another secret is called the same.
fn settings(modules: &ModuleSet, secrets: &[Secret]) -> Vec<String> {
    let text = |secret: &Secret| match &modules.facts(secret.file).expr(secret.expr).kind {
        ExprKind::Str(text) => text.clone(),
        _ => SmolStr::default(),
    };
    let mut of: BTreeMap<String, BTreeMap<SmolStr, FileId>> = BTreeMap::new();
    for secret in secrets {
        let named = of.entry(variable_name(&secret.name)).or_default();
        named.entry(text(secret)).or_insert(secret.file);
    }
    let setting = |secret: &Secret| {
        let name = variable_name(&secret.name);
        let others = &of[&name];
        if others.len() < 2 {
            return name;
        }
        let own = text(secret);
        let stem = |file: FileId| variable_name(stem(&modules.facts(file).path));
        let file = others.get(&own).copied().unwrap_or(secret.file);
        let beside = others
            .iter()
            .filter(|(_, other)| stem(**other) == stem(file));
        match beside.map(|(text, _)| text).position(|text| *text == own) {
            None | Some(0) => format!("{}_{name}", stem(file)),
            Some(number) => format!("{}_{name}_{}", stem(file), number + 1),
        }
    };
    secrets.iter().map(setting).collect()
}

/// `config` of `churn/config.py`, `churn` of `churn/__init__.py`.
fn stem(path: &str) -> &str {
    let path = path.rsplit_once('.').map_or(path, |(path, _)| path);
    let path = path.strip_suffix("/__init__").unwrap_or(path);
    path.rsplit('/').next().unwrap_or(path)
}

struct Secret {
    file: FileId,
    expr: ExprId,
    name: SmolStr,
    why: Why,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    /// A name that means a secret holds it.
    Named,
    /// It is what an environment variable falls back to.
    Fallback,
    /// It is compared with such a name.
    Compared,
    /// It looks like one.
    Shape(&'static str),
}

fn finding(
    ctx: &Context<'_>,
    places: &AllPlaces<'_>,
    secret: &Secret,
    setting: &str,
    related: Vec<(FileId, u32, SmolStr)>,
) -> Option<Finding> {
    let places = places.of(secret.file);
    let facts = places.facts;
    let line = facts.expr(secret.expr).line;
    let place = ctx.place(secret.file, line);
    let name = &secret.name;
    let message = match secret.why {
        Why::Named => format!("{name} at {place} is a secret that stands in the code"),
        Why::Fallback => {
            format!("{name} at {place} falls back to a secret that stands in the code")
        }
        Why::Compared => {
            format!("{name} at {place} is compared with a secret that stands in the code")
        }
        Why::Shape(what) => format!("{what} stands in the code at {place}"),
    };
    let mend = match secret.why {
        Why::Fallback => format!(
            "Leave out the default, fail when the setting {setting} is missing, and change the secret."
        ),
        _ => format!(
            "Read it from the setting {setting}, an environment variable, and change the secret."
        ),
    };
    let mut scope = places.owner(secret.expr);
    let function = loop {
        match ctx.program.func_at(secret.file, scope) {
            Some(func) => break func,
            None => scope = facts.scope(scope).parent?,
        }
    };
    Some(Finding {
        hazard: SecretInCode.name(),
        severity: Severity::Costs,
        file: secret.file,
        line,
        function,
        message,
        mend,
        between: None,
        related,
        setting: Some(setting.to_owned()),
    })
}

/// `apiKey` and `db.password` as environment variables are called.
fn variable_name(name: &str) -> String {
    let name = name.rsplit('.').next().unwrap_or(name);
    let mut variable = String::new();
    let mut lower = false;
    for c in name.chars() {
        if c.is_uppercase() && lower {
            variable.push('_');
        }
        lower = c.is_lowercase();
        variable.push(match c.to_ascii_uppercase() {
            c if c.is_ascii_alphanumeric() => c,
            _ => '_',
        });
    }
    match variable.chars().next() {
        None => "SECRET".to_owned(),
        Some('0'..='9') => format!("SECRET_{variable}"),
        Some(_) => variable,
    }
}

fn in_file(file: FileId, places: &Places<'_>, found: &mut Vec<Secret>) {
    let facts = places.facts;
    for (idx, expr) in facts.exprs.iter().enumerate() {
        let ExprKind::Str(text) = &expr.kind else {
            continue;
        };
        let expr = ExprId(idx as u32);
        // A docstring or a dropped literal does nothing.
        if places.parent(expr).is_none() && places.role(expr) == Role::Dropped {
            continue;
        }
        if is_example(places, expr) || is_label(places, expr, text) {
            continue;
        }
        let holder = holder(places, expr);
        let name = |fallback: &str| match &holder {
            Some((name, _)) => name.clone(),
            None => SmolStr::from(fallback),
        };
        let (name, why) = match (shape(text), &holder) {
            (Some((what, fallback)), _) => (name(fallback), Why::Shape(what)),
            (None, Some((name, why))) if means_secret(name) && is_secret(name, text) => {
                (name.clone(), *why)
            }
            _ => continue,
        };
        found.push(Secret {
            file,
            expr,
            name,
            why,
        });
    }
}

/// True if the mapping gives the same text to other keys too: it sorts its keys
/// into classes (`{"password": "confidential", "ssn": "confidential"}`).
fn is_label(places: &Places<'_>, expr: ExprId, text: &str) -> bool {
    let facts = places.facts;
    let is_same =
        |expr: ExprId| matches!(&facts.expr(expr).kind, ExprKind::Str(own) if own == text);
    let Some(parent) = places.parent(expr) else {
        return false;
    };
    match &facts.expr(parent).kind {
        ExprKind::Dict(entries) => {
            let plain = entries.iter().any(|(key, value)| {
                let key = key.map(|key| &facts.expr(key).kind);
                *value != expr
                    && is_same(*value)
                    && matches!(key, Some(ExprKind::Str(key)) if !means_secret(key))
            });
            plain && entries.iter().any(|(_, value)| *value == expr)
        }
        _ => false,
    }
}

/// True below `"example": …` or `examples=…`: what a schema shows its readers.
fn is_example(places: &Places<'_>, expr: ExprId) -> bool {
    let facts = places.facts;
    let shows = |name: &str| matches!(name, "example" | "examples" | "openapi_examples");
    let mut at = expr;
    while let Some(parent) = places.parent(at) {
        let shown = match &facts.expr(parent).kind {
            ExprKind::Dict(entries) => entries.iter().any(|(key, value)| {
                let key = key.map(|key| &facts.expr(key).kind);
                *value == at && matches!(key, Some(ExprKind::Str(key)) if shows(key))
            }),
            ExprKind::Call { args, .. } => args
                .iter()
                .any(|arg| arg.value == at && arg.name.as_deref().is_some_and(shows)),
            _ => false,
        };
        if shown {
            return true;
        }
        at = parent;
    }
    false
}

/// Defaults of parameters, which stand outside the body.
fn in_defaults(file: FileId, facts: &FileFacts, found: &mut Vec<Secret>) {
    for (_, scope) in facts.scopes() {
        for param in &scope.params {
            let Some(default) = param.default else {
                continue;
            };
            if let ExprKind::Str(text) = &facts.expr(default).kind
                && shape(text).is_none()
                && means_secret(&param.name)
                && is_secret(&param.name, text)
            {
                found.push(Secret {
                    file,
                    expr: default,
                    name: param.name.clone(),
                    why: Why::Named,
                });
            }
        }
    }
}

/// The name that the text at `expr` is given to.
fn holder(places: &Places<'_>, expr: ExprId) -> Option<(SmolStr, Why)> {
    let facts = places.facts;
    let mut why = Why::Named;
    let mut at = expr;
    loop {
        let Some(parent) = places.parent(at) else {
            return match places.role(at) {
                // What a lambda gives back is what it is handed over for.
                Role::Returned => {
                    at = places.lambda(places.owner(at))?;
                    continue;
                }
                Role::Assigned(targets) => {
                    let name = targets.iter().find_map(|target| name_of(facts, *target));
                    name.map(|name| (name, why))
                }
                _ => None,
            };
        };
        match &facts.expr(parent).kind {
            ExprKind::Call { callee, args } => {
                let named = args.iter().find(|arg| arg.value == at);
                if let Some(name) = named.and_then(|arg| arg.name.clone()) {
                    let wraps = matches!(name.as_str(), "default" | "default_value" | "value");
                    if !wraps {
                        return Some((name, why));
                    }
                }
                let position = args.iter().position(|arg| arg.value == at);
                let last = match &facts.expr(*callee).kind {
                    ExprKind::Attr { name, .. } | ExprKind::Name(name) => name.as_str(),
                    _ => "",
                };
                match (last, position) {
                    // `os.environ.get("TOKEN", "…")`
                    ("get" | "getenv" | "setdefault" | "config" | "env", Some(1..)) => {
                        if let ExprKind::Str(key) = &facts.expr(args[0].value).kind
                            && means_secret(key)
                        {
                            return Some((key.clone(), Why::Fallback));
                        }
                        why = Why::Fallback;
                        at = parent;
                    }
                    // `SecretStr("…")`, `Field("…")`, `str("…")`
                    ("SecretStr" | "SecretBytes" | "Field" | "str" | "field" | "Secret", _) => {
                        at = parent;
                    }
                    ("encode" | "strip", None) => at = parent,
                    (
                        "into" | "to_string" | "to_owned" | "as_str" | "as_bytes" | "as_ref"
                        | "to_vec" | "clone" | "unwrap" | "expect" | "parse",
                        None,
                    ) => at = parent,
                    ("Some" | "from" | "from_static" | "from_str" | "new", Some(0)) => at = parent,
                    // `env::var("TOKEN").unwrap_or("…")`
                    ("unwrap_or" | "unwrap_or_else" | "or" | "or_else" | "map_or", Some(0)) => {
                        why = Why::Fallback;
                        if let Some(key) = variable_read(facts, *callee)
                            && means_secret(&key)
                        {
                            return Some((key, why));
                        }
                        at = parent;
                    }
                    // `.header("X-Key", "…")`
                    (
                        "header" | "insert_header" | "append_header" | "insert" | "append" | "set",
                        Some(1),
                    ) => return text_of(facts, args[0].value).map(|key| (key, why)),
                    ("bearer_auth", Some(0)) => return Some(("token".into(), why)),
                    ("basic_auth", Some(1)) => return Some(("password".into(), why)),
                    // `PgConnectOptions::new().password("…")`
                    (
                        "password" | "api_key" | "secret_key" | "auth_token" | "access_token"
                        | "with_password" | "with_api_key",
                        Some(0),
                    ) => {
                        let name = last.strip_prefix("with_").unwrap_or(last);
                        return Some((name.into(), why));
                    }
                    _ => return None,
                }
            }
            ExprKind::Attr { .. } => at = parent,
            ExprKind::Either(_) => {
                why = Why::Fallback;
                at = parent;
            }
            ExprKind::Conditional { test, .. } if *test != at => at = parent,
            // `("X-Key", "…")`, one of a list of pairs
            ExprKind::Tuple(parts) if parts.len() == 2 && parts[1] == at => {
                return text_of(facts, parts[0]).map(|key| (key, why));
            }
            ExprKind::Dict(entries) => {
                let (key, _) = entries.iter().find(|(_, value)| *value == at)?;
                return match &facts.expr((*key)?).kind {
                    ExprKind::Str(key) => Some((key.clone(), why)),
                    _ => None,
                };
            }
            ExprKind::Compare { operands, ops } => {
                let is_equality = ops
                    .iter()
                    .all(|op| matches!(op, CompareOp::Eq | CompareOp::Ne));
                let other = operands.iter().find(|operand| **operand != at)?;
                return name_of(facts, *other)
                    .filter(|_| is_equality)
                    .map(|name| (name, Why::Compared));
            }
            _ => return None,
        }
    }
}

fn text_of(facts: &FileFacts, expr: ExprId) -> Option<SmolStr> {
    match &facts.expr(expr).kind {
        ExprKind::Str(text) => Some(text.clone()),
        _ => None,
    }
}

/// The environment variable that a chain of calls begins with.
fn variable_read(facts: &FileFacts, callee: ExprId) -> Option<SmolStr> {
    let mut at = callee;
    loop {
        at = match &facts.expr(at).kind {
            ExprKind::Attr { base, .. } => *base,
            ExprKind::Await(inner) => *inner,
            ExprKind::Call { callee, args } => {
                let name = match &facts.expr(*callee).kind {
                    ExprKind::Attr { name, .. } | ExprKind::Name(name) => name.as_str(),
                    _ => return None,
                };
                let read = matches!(name, "var" | "var_os" | "get" | "option_env!");
                match args.first().filter(|_| read) {
                    Some(key) => return text_of(facts, key.value),
                    None => *callee,
                }
            }
            _ => return None,
        };
    }
}

/// The name that an assignment to, or a look at, `expr` goes by.
fn name_of(facts: &FileFacts, expr: ExprId) -> Option<SmolStr> {
    match &facts.expr(expr).kind {
        ExprKind::Name(name) | ExprKind::Attr { name, .. } => Some(name.clone()),
        ExprKind::Item { index, .. } => match &facts.expr(*index).kind {
            ExprKind::Str(key) => Some(key.clone()),
            _ => None,
        },
        ExprKind::Call { callee, args } => {
            // `headers.get("X-Token")`
            let called = facts.dotted(*callee)?;
            let key = args.first().filter(|_| called.ends_with(".get"))?;
            match &facts.expr(key.value).kind {
                ExprKind::Str(key) => Some(key.clone()),
                _ => None,
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hazards::support::testing::{check, findings};

    #[test]
    fn switches_and_examples_are_no_secrets() {
        check(
            &SecretInCode,
            "
import os
checks = os.getenv('REQUIRE_API_KEY', 'false').lower() == 'true'
class User:
    config = ConfigDict(json_schema_extra={'example': {'password': 'SecurePass123!'}})
    password = Field(examples=['hunter22'])
    new_password = Field('hunter23')
",
            &["app.py:6 costs new_password at app.py:6 is a secret"],
        );
    }

    #[test]
    fn a_class_that_a_mapping_gives_to_many_keys_is_no_secret() {
        check(
            &SecretInCode,
            "
CLASSES = {'password': 'confidential', 'ssn': 'confidential', 'name': 'public'}
LOGIN = {'password': 'hunter22', 'user': 'ada'}
",
            &["app.py:2 costs password at app.py:2 is a secret"],
        );
    }

    #[test]
    fn names_that_mean_secrets_hold_them() {
        check(
            &SecretInCode,
            "
import os
API_KEY = 'live-5d1f0c77'
TOKEN = os.environ.get('SERVICE_TOKEN', 'letmein')
def login(user, password='hunter22'):
    return connect(secret='hunter22'), {'db_password': 'hunter22'}
def check(token):
    return token == 'hunter22'
class Settings:
    adminToken: str = SecretStr('hunter22')
",
            &[
                "app.py:2 costs API_KEY at app.py:2 is a secret that stands in the code",
                "app.py:3 costs SERVICE_TOKEN at app.py:3 falls back to a secret that stands in the code",
                "app.py:4 costs password at app.py:4",
                "app.py:5 costs secret at app.py:5",
                "app.py:7 costs token at app.py:7 is compared with",
                "app.py:9 costs adminToken",
            ],
        );
    }

    #[test]
    fn shapes_are_known_whatever_they_are_called() {
        let key = format!("AKIA{}", "ABCDEFGHIJKLMNO7");
        check(
            &SecretInCode,
            &format!(
                "
engine = create_engine('postgresql://app:hunter22@db/app')
client = connect('{key}')
pem = '''-----BEGIN RSA PRIVATE KEY-----
'''
"
            ),
            &[
                "app.py:1 costs a URL with a password stands in the code",
                "app.py:2 costs an AWS access key",
                "app.py:3 costs a private key",
            ],
        );
    }

    #[test]
    fn placeholders_names_and_words_of_texts_are_not_found() {
        check(
            &SecretInCode,
            "
import os
API_KEY = os.environ['API_KEY']
PASSWORD = ''
SECRET = 'changeme'
TOKEN = '<token>'
API_TOKEN = '{TOKEN}'
token_url = 'https://host/oauth/token'
password_field = 'inputPassword3'
pad_token = '[PAD]'
eos_token = 'endoftext'
KEYS = {'password': 'DB_PASSWORD'}
URL = 'postgresql://{user}:{password}@db/app'
OTHER = 'postgresql://user:<password>@db/app'
secret_key = os.getenv('SECRET_KEY', 'your-secret-key')
\"\"\"sk-not-a-key\"\"\"
",
            &[],
        );
    }

    #[test]
    fn the_secret_is_never_printed() {
        let found = findings(
            &SecretInCode,
            "PASSWORD = 'hunter22'\nURL = 'amqp://u:hunter22@host'\n",
        );
        assert_eq!(found.len(), 2);
        assert!(!format!("{found:?}").contains("hunter22"));
    }

    #[test]
    fn a_line_of_configuration_holds_a_secret_wherever_it_stands() {
        let key = "ghp_0123456789abcdefghijklmnopqrstuvwxyz";
        for text in [
            "user: x\npassword: hunter22\n",
            "password = hunter22  # of production",
            "{\"user\": \"x\", \"password\": \"hunter22\"}",
            "db: {user: x, password: hunter22}",
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE",
            key,
            &format!("see ({key}) there"),
        ] {
            assert!(secret_line(text).is_some(), "{text}");
        }
        for text in [
            "user: x",
            "password: ${PASSWORD}",
            "token_count: 3",
            "a,b,c\n1,2,3",
            "path = data/raw.csv",
        ] {
            assert_eq!(secret_line(text), None, "{text}");
        }
    }

    #[test]
    fn secrets_of_rust_are_found() {
        check(
            &SecretInCode,
            r#"
// --- src/main.rs
use std::env;
const API_TOKEN: &str = "live-5d1f0c77";
static DB_PASSWORD: &str = "hunter22";
fn settings() -> Settings {
    let token = env::var("SERVICE_TOKEN").unwrap_or("letmein99".into());
    let key = env::var("API_KEY").unwrap_or_else(|_| "letmein99".to_string());
    Settings { token, secret_key: "hunter22".to_string(), ..Default::default() }
}
async fn fetch(client: &reqwest::Client) {
    client.get("http://billing").header("X-Api-Key", "live-5d1f0c77").send().await.unwrap();
    client.get("http://billing").bearer_auth("live-5d1f0c77").send().await.unwrap();
    client.get("http://billing").basic_auth("ada", Some("hunter22")).send().await.unwrap();
}
fn connect() {
    let pool = PgPool::connect("postgres://app:hunter22@db/app");
}
fn check(password: &str) -> bool {
    password == "hunter22"
}
fn main() {}
"#,
            &[
                "src/main.rs:2 costs API_TOKEN at src/main.rs:2 is a secret",
                "src/main.rs:3 costs DB_PASSWORD at src/main.rs:3 is a secret",
                "src/main.rs:5 costs SERVICE_TOKEN at src/main.rs:5 falls back to a secret",
                "src/main.rs:6 costs API_KEY at src/main.rs:6 falls back to a secret",
                "src/main.rs:7 costs secret_key at src/main.rs:7 is a secret",
                "src/main.rs:10 costs X-Api-Key at src/main.rs:10 is a secret",
                "src/main.rs:11 costs token at src/main.rs:11 is a secret",
                "src/main.rs:12 costs password at src/main.rs:12 is a secret",
                "src/main.rs:15 costs a URL with a password",
                "src/main.rs:18 costs password at src/main.rs:18 is compared",
            ],
        );
    }

    #[test]
    fn names_and_placeholders_of_rust_are_no_secrets() {
        check(
            &SecretInCode,
            r#"
// --- src/main.rs
const TOKEN_HEADER: &str = "X-Token";
const PASSWORD_VARIABLE: &str = "DB_PASSWORD";
fn token() -> String {
    std::env::var("API_TOKEN").expect("API_TOKEN is set")
}
fn secret() -> String {
    std::env::var("SECRET_KEY").unwrap_or_else(|_| "changeme".into())
}
async fn fetch(client: &reqwest::Client, token: &str) {
    client.get("http://billing").header("X-Api-Key", token).header("Accept", "text/plain").send().await.unwrap();
}
fn main() {}
"#,
            &[],
        );
    }
}
