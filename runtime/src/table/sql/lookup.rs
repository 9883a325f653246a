//! What lookups of SQLite and PostgreSQL share: parameters `:name`, and what is
//! wrong with them.

use crate::table::TableError;

pub(super) fn no_value(shown: &str, parameter: &str) -> TableError {
    TableError::Declaration {
        place: format!("{shown}: the query's parameter {parameter:?}"),
        problem: "has no value; write parameters as :name, and name a value of the request"
            .to_owned(),
    }
}

pub(super) fn too_many(shown: &str, most: usize) -> TableError {
    TableError::Declaration {
        place: format!("{shown}: the query"),
        problem: format!("answers more than {most} rows; give it a LIMIT"),
    }
}

/// The names of a query's parameters.
#[must_use]
pub fn parameters(query: &str) -> Vec<String> {
    numbered(query).1
}

/// A query with `$1`, `$2`, … in the place of `:name`, and the names in this
/// order. What is quoted, a comment or a cast (`::`) stays as it is.
pub(super) fn numbered(query: &str) -> (String, Vec<String>) {
    let (mut text, mut names) = (String::with_capacity(query.len()), Vec::<String>::new());
    let mut rest = query;
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '\'' | '"' => quoted_end(rest, first),
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            ':' if rest.starts_with("::") => 2,
            ':' => {
                let name = parameter(&rest[1..]);
                if !name.is_empty() {
                    let known = names.iter().position(|known| known == name);
                    let place = known.unwrap_or_else(|| {
                        names.push(name.to_owned());
                        names.len() - 1
                    });
                    text.push_str(&format!("${}", place + 1));
                    rest = &rest[1 + name.len()..];
                    continue;
                }
                1
            }
            // A name or a number goes as a whole, with what stands right behind
            // it: in `a[i:j]` is a slice of an array, and no parameter.
            other if other.is_alphanumeric() || other == '_' => {
                let end = word_end(rest);
                match rest[end..].strip_prefix(':') {
                    Some(behind) if !behind.starts_with(':') => end + 1 + word_end(behind),
                    _ => end,
                }
            }
            other => other.len_utf8(),
        };
        text.push_str(&rest[..end]);
        rest = &rest[end..];
    }
    (text, names)
}

/// Behind the closing quote, which is doubled where it stands for itself.
fn quoted_end(text: &str, quote: char) -> usize {
    text[1..].find(quote).map_or(text.len(), |end| end + 2)
}

fn word_end(text: &str) -> usize {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_'));
    end.unwrap_or(text.len())
}

fn parameter(text: &str) -> &str {
    match text.starts_with(|c: char| c.is_alphabetic() || c == '_') {
        true => &text[..word_end(text)],
        false => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_numbered_and_the_rest_stays() {
        let (text, names) = numbered(
            "SELECT ':a', \"b:c\", x::text, y -- :no\n /* :no */ FROM t WHERE a = :id AND b = :n_2 OR c = :id;",
        );
        assert_eq!(
            text,
            "SELECT ':a', \"b:c\", x::text, y -- :no\n /* :no */ FROM t WHERE a = $1 AND b = $2 OR c = $1;"
        );
        assert_eq!(names, ["id", "n_2"]);
        assert_eq!(numbered("SELECT 'it''s :x', ':").0, "SELECT 'it''s :x', ':");
        assert_eq!(numbered("ü :ü :1 :").0, "ü $1 :1 :");
        assert_eq!(
            numbered("SELECT a[i:j], b::text FROM t WHERE c=:c").0,
            "SELECT a[i:j], b::text FROM t WHERE c=$1"
        );
    }

    #[test]
    fn whatever_stands_there_it_is_read_to_its_end() {
        proptest::proptest!(|(query in "[a:'\"*/ \n-]{0,40}|\\PC{0,40}")| {
            proptest::prop_assume!(!query.contains('$'));
            let (mut text, names) = numbered(&query);
            // The highest first: $1 is a part of $10.
            for (place, name) in names.iter().enumerate().rev() {
                text = text.replace(&format!("${}", place + 1), &format!(":{name}"));
            }
            proptest::prop_assert_eq!(text, query);
        });
    }
}
