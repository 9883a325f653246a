//! What a generated file leaves open: a value that is still `"TODO"`.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::Problem;

/// What stands where the code did not say.
const OPEN: &str = "TODO";

/// # Errors
/// The first value that is still open, by its key; the comment behind it says
/// where to look.
pub(super) fn refuse(text: &str, root: &DeTable<'_>) -> Result<(), Problem> {
    match in_table(root, "") {
        None => Ok(()),
        Some((key, at)) => {
            let end = text.get(at.end..).unwrap_or_default();
            let line = end.lines().next().unwrap_or_default();
            let place = line.split_once("# TODO ").map(|(_, place)| place.trim());
            let label = match place {
                Some(place) if is_place(place) => {
                    format!("look at {place}, and write what it says")
                }
                Some(why) => format!("{why}: write what the monolith does there"),
                None => "write what the monolith does there".to_owned(),
            };
            Err(Problem::at(at, format!("{key} is still {OPEN}")).label(label))
        }
    }
}

/// `file:line`, and perhaps what is to be seen there.
fn is_place(said: &str) -> bool {
    let mut parts = said.split(':').skip(1);
    parts.any(|part| part.starts_with(|c: char| c.is_ascii_digit()))
}

type Found = Option<(String, std::ops::Range<usize>)>;

fn in_table(table: &DeTable<'_>, path: &str) -> Found {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(_, value)| value.span().start);
    entries.into_iter().find_map(|(key, value)| {
        let path = match path {
            "" => key.get_ref().to_string(),
            path => format!("{path}.{}", key.get_ref()),
        };
        in_value(value, &path)
    })
}

fn in_value(value: &Spanned<DeValue<'_>>, path: &str) -> Found {
    match value.get_ref() {
        DeValue::String(text) if text == OPEN => Some((path.to_owned(), value.span())),
        DeValue::Table(table) => in_table(table, path),
        DeValue::Array(parts) => parts
            .iter()
            .zip(1..)
            .find_map(|(part, number)| in_value(part, &format!("{path}[{number}]"))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> Option<String> {
        let root = DeTable::parse(text).expect("it is TOML");
        let refused = refuse(text, root.get_ref()).err();
        refused.map(|problem| problem.located(text).to_string())
    }

    #[test]
    fn an_open_value_is_named_with_the_place_to_look_at() {
        assert_eq!(
            refused(
                "[function.training.model]\nkind = \"ridge\"\nalpha = \"TODO\" # TODO a.py:7\n"
            ),
            Some(
                "3:9: function.training.model.alpha is still TODO \
                 (look at a.py:7, and write what it says)"
                    .to_owned()
            )
        );
        assert_eq!(
            refused("[[function.preprocessing.step]]\nkind = \"drop\"\ncolumns = [\"TODO\"]\n"),
            Some(
                "3:12: function.preprocessing.step[1].columns[1] is still TODO \
                 (write what the monolith does there)"
                    .to_owned()
            )
        );
        assert_eq!(
            refused("a = \"TODO\" # TODO nothing in the code says it\n"),
            Some(
                "1:5: a is still TODO \
                 (nothing in the code says it: write what the monolith does there)"
                    .to_owned()
            )
        );
        assert_eq!(refused("a = \"TODO later\"\nTODO = 1\n"), None);
    }
}
