//! The monolith's modules as an app has them: without the secrets that stand in
//! them, which the app's settings hold instead.

use std::collections::BTreeSet;

use crate::hazards::{SecretPlace, secret_line, secrets};
use crate::line::Analysis;
use crate::modules::FileId;
use crate::syntax::facts::ExprKind;

use super::ScaffoldError;
use super::lexed::{in_utf8, pieces};

/// A secret that was taken out, and the setting that holds it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TakenOut {
    pub(super) setting: String,
    /// `file:line`
    pub(super) place: String,
}

/// The values of all secrets in the code.
#[derive(Clone, Default)]
pub struct Secrets(BTreeSet<String>);

impl Secrets {
    /// Those of `analysis`.
    #[must_use]
    pub fn of(analysis: &Analysis) -> Secrets {
        let mut values = BTreeSet::new();
        for secret in secrets(&analysis.modules) {
            let expr = analysis.modules.facts(secret.file).expr(secret.expr);
            if let ExprKind::Str(value) = &expr.kind {
                values.insert(value.to_string());
            }
        }
        Secrets(values)
    }

    /// The line of a text on which one stands.
    #[must_use]
    pub fn line(&self, text: &str) -> Option<u32> {
        self.0.iter().find_map(|value| again(text, value))
    }
}

/// The text of a module in which each secret is read from its setting.
///
/// # Errors
/// When one cannot be taken out, or stands there a second time.
pub(super) fn copied(
    analysis: &Analysis,
    secrets: &[SecretPlace],
    file: FileId,
    text: &str,
) -> Result<(String, Vec<TakenOut>), ScaffoldError> {
    let facts = analysis.modules.facts(file);
    let mut here: Vec<(usize, &SecretPlace, &str)> = Vec::new();
    for secret in secrets.iter().filter(|secret| secret.file == file) {
        let expr = facts.expr(secret.expr);
        let ExprKind::Str(value) = &expr.kind else {
            continue;
        };
        let at = offset(text, expr.line, expr.column);
        let at = at.ok_or_else(|| ScaffoldError::secret(&facts.path, expr.line))?;
        here.push((at, secret, value));
    }
    here.sort_by_key(|(at, ..)| std::cmp::Reverse(*at));
    let mut out = text.to_owned();
    let mut taken = Vec::new();
    for (at, secret, value) in &here {
        let line = facts.expr(secret.expr).line;
        let length = literal(&out[*at..], value);
        let length = length.ok_or_else(|| ScaffoldError::secret(&facts.path, line))?;
        let read = format!("__import__(\"os\").environ[\"{}\"]", secret.setting);
        out.replace_range(*at..at + length, &read);
        taken.push(TakenOut {
            setting: secret.setting.clone(),
            place: format!("{}:{line}", facts.path),
        });
    }
    // One of another module may stand here in a comment.
    for secret in secrets {
        let expr = analysis.modules.facts(secret.file).expr(secret.expr);
        if let ExprKind::Str(value) = &expr.kind
            && let Some(line) = again(&out, value)
        {
            return Err(ScaffoldError::secret(&facts.path, line));
        }
    }
    let out = blackened(&facts.path, &out)?;
    taken.sort();
    Ok((in_utf8(&out), taken))
}

/// The text without comments in which a secret stands, which no code reads.
///
/// # Errors
/// When one stands in bytes.
fn blackened(path: &str, text: &str) -> Result<String, ScaffoldError> {
    let mut out = text.to_owned();
    for piece in pieces(text).into_iter().rev() {
        let inside = &text[piece.at.clone()];
        let start = text[..piece.at.start].rfind('\n').map_or(0, |at| at + 1);
        let named = match piece.is_comment {
            true => inside.trim_start_matches('#').to_owned(),
            // As a text would be given to the name.
            false => format!("{}{inside}", name_before(&text[start..piece.at.start])),
        };
        if secret_line(&named).is_none() {
            continue;
        }
        if !piece.is_comment {
            let line = text[..piece.at.start].matches('\n').count() + 1;
            return Err(ScaffoldError::secret(
                path,
                u32::try_from(line).unwrap_or(0),
            ));
        }
        out.replace_range(piece.at, "# (a secret stood here)");
    }
    Ok(out)
}

/// `name = ` of `name = b"`, or nothing.
fn name_before(line: &str) -> String {
    let is_mark = |c: char| matches!(c, '"' | '\'' | 'b' | 'B' | 'r' | 'R');
    let bare = line.trim_end_matches(is_mark).trim_end();
    let name = bare.strip_suffix(['=', ':']).unwrap_or_default().trim();
    let name = name.trim_matches(['"', '\'']);
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let name = &name[name.trim_end_matches(is_part).len()..];
    match name {
        "" => String::new(),
        name => format!("{name} = "),
    }
}

/// The place of a line and column, both from 1, in bytes.
fn offset(text: &str, line: u32, column: u32) -> Option<usize> {
    let mut start = 0;
    for _ in 1..line {
        start += text[start..].find('\n')? + 1;
    }
    let in_line = text[start..].char_indices().nth(column as usize - 1)?;
    Some(start + in_line.0)
}

/// How long the literal is that `text` begins with and that means `value`;
/// adjacent ones are one. `None` where that cannot be told for sure: what is left
/// behind would be a part of the secret.
fn literal(text: &str, value: &str) -> Option<usize> {
    let mut read = String::new();
    let mut end = 0;
    loop {
        let (inside, length) = one_literal(&text[end..])?;
        read.push_str(inside);
        end += length;
        let rest = text[end..].trim_start_matches(|c: char| c.is_whitespace() || c == '\\');
        let ends = one_literal(rest).is_none();
        match (
            ends,
            read == value || unescaped(&read).as_deref() == Some(value),
        ) {
            (true, true) => return Some(end),
            (true, false) => return None,
            (false, _) => end = text.len() - rest.len(),
        }
    }
}

/// With the escapes that a secret may have; `None` for any other.
fn unescaped(text: &str) -> Option<String> {
    let mut read = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        read.push(match c {
            '\\' => match chars.next()? {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                '\n' => continue,
                c @ ('\\' | '\'' | '"') => c,
                _ => return None,
            },
            c => c,
        });
    }
    Some(read)
}

/// What stands in the quotes, and the length with them.
fn one_literal(text: &str) -> Option<(&str, usize)> {
    let prefix = text.find(['"', '\''])?;
    let is_prefix = |c: char| matches!(c, 'r' | 'R' | 'b' | 'B' | 'u' | 'U');
    if prefix > 2 || !text[..prefix].chars().all(is_prefix) {
        return None;
    }
    let quote = &text[prefix..];
    let mark = match quote {
        _ if quote.starts_with("\"\"\"") || quote.starts_with("'''") => &quote[..3],
        _ => &quote[..1],
    };
    let inside = &quote[mark.len()..];
    let mut at = 0;
    while !inside[at..].starts_with(mark) {
        let mut chars = inside[at..].chars();
        let first = chars.next()?;
        at += first.len_utf8();
        if first == '\\' {
            at += chars.next()?.len_utf8();
        }
    }
    Some((&inside[..at], prefix + at + 2 * mark.len()))
}

/// The line on which the value stands again. A short word of letters is one only
/// as a whole literal: it may be a word of the code.
fn again(text: &str, value: &str) -> Option<u32> {
    const LONG: usize = 12;
    let stands = |line: &str| match value.len() {
        LONG.. => line.contains(value),
        _ if value.contains(|c: char| !c.is_alphabetic() && c != '_') => {
            line.split_whitespace().any(|word| {
                word.trim_matches(|c: char| !c.is_alphanumeric() && !value.contains(c)) == value
            })
        }
        _ => line.contains(&format!("\"{value}\"")) || line.contains(&format!("'{value}'")),
    };
    // One of several lines is none of these.
    if value.contains('\n') && text.contains(value) {
        return Some(1);
    }
    let lines = (1..).zip(text.lines());
    lines
        .into_iter()
        .find_map(|(number, line)| stands(line).then_some(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_is_as_long_as_it_is() {
        assert_eq!(literal("\"abc\" + x", "abc"), Some(5));
        assert_eq!(literal("r'a\\'c', 3", "a\\'c"), Some(7));
        assert_eq!(literal("\"\"\"a\nb\"\"\")", "a\nb"), Some(9));
        assert_eq!(literal("\"ab\"\n    'cd')", "abcd"), Some(13));
        let key = "(\"-- KEY --\\n\"\n    \"abc\\n\")";
        assert_eq!(literal(&key[1..], "-- KEY --\nabc\n"), Some(key.len() - 2));
        assert_eq!(literal("\"ab\" \"cd\"", "ab"), None);
        assert_eq!(literal("\"a\\x62\"", "ab"), None);
        assert_eq!(literal("f\"ab\"", "ab"), None);
        assert_eq!(literal("name", "ab"), None);
        assert_eq!(literal("\"never ends", "never ends"), None);
    }

    #[test]
    fn a_place_counts_characters() {
        assert_eq!(offset("a\nüb = 'x'", 2, 6), Some(8));
        assert_eq!(offset("a", 3, 1), None);
    }
}
