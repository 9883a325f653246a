//! What a person adds to a generated file: one committed file for each, laid
//! over it key by key and shown as a difference.

use std::fs;

use anyhow::Context;
use similar::TextDiff;
use toml_edit::{DocumentMut, Item, Table, TableLike, value};

use super::files::Folder;
use crate::error::CommandError;

const FUNCTIONS: &str = include_str!("functions.overlay.toml");
const ROUTES: &str = include_str!("routes.overlay.toml");

/// A generated file with what was added.
pub(super) struct Overlaid {
    name: &'static str,
    generated: String,
    text: String,
}

impl Overlaid {
    pub(super) fn functions(generated: &str) -> Result<Overlaid, CommandError> {
        Overlaid::of("functions.toml", generated, FUNCTIONS)
    }

    /// Told fast, the step of one percent is left out: so few requests take
    /// longest to say anything.
    pub(super) fn routes(generated: &str, fast: bool) -> Result<Overlaid, CommandError> {
        let overlay = match fast {
            true => super::replaced(ROUTES, "1, 10, 50, 100", "50, 100")?,
            false => ROUTES.to_owned(),
        };
        Overlaid::of("routes.toml", generated, &overlay)
    }

    fn of(name: &'static str, generated: &str, overlay: &str) -> Result<Overlaid, CommandError> {
        let wrong = || format!("the generated {name} cannot be read");
        let mut document: DocumentMut = generated.parse().with_context(wrong)?;
        let added: DocumentMut = overlay.parse().context("the overlay cannot be read")?;
        lay(document.as_table_mut(), added.as_table());
        Ok(Overlaid {
            name,
            generated: generated.to_owned(),
            text: document.to_string(),
        })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// With the monolith's address.
    pub(super) fn with_monolith(mut self, url: &str) -> Result<Overlaid, CommandError> {
        self.set(&["monolith"], "upstream", url)?;
        Ok(self)
    }

    /// The text with a stage's candidate.
    pub(super) fn with_candidate(&self, stage: &str, url: &str) -> Result<String, CommandError> {
        let mut with = Overlaid {
            name: self.name,
            generated: String::new(),
            text: self.text.clone(),
        };
        with.set(&["stage", stage], "candidate", url)?;
        Ok(with.text)
    }

    fn set(&mut self, path: &[&str], key: &str, url: &str) -> Result<(), CommandError> {
        let mut document: DocumentMut = self
            .text
            .parse()
            .with_context(|| format!("{} cannot be read", self.name))?;
        let mut table = document.as_table_mut();
        for part in path {
            let next = table.entry(part).or_insert(Item::Table(Table::new()));
            table = next
                .as_table_mut()
                .with_context(|| format!("{part} is no table in {}", self.name))?;
        }
        let mut urls = toml_edit::Array::new();
        urls.push(url);
        table[key] = value(urls);
        self.text = document.to_string();
        Ok(())
    }

    /// The policy of a stage, as it is written.
    pub(super) fn policy(&self, stage: &str) -> String {
        let head = format!("[stage.{stage}.rollout]");
        let lines = self.text.lines().skip_while(|line| *line != head);
        let lines = lines.take_while(|line| !line.is_empty());
        lines.map(|line| format!("  {line}\n")).collect()
    }

    /// What was added and taken away.
    pub(super) fn diff(&self) -> String {
        let diff = TextDiff::from_lines(&self.generated, &self.text);
        let unified = diff
            .unified_diff()
            .context_radius(1)
            .header(&format!("generated {}", self.name), self.name)
            .to_string();
        let lines = unified.lines().map(|line| {
            let colour = match line.chars().next() {
                Some('+') => "\x1b[32m",
                Some('-') => "\x1b[31m",
                _ => "\x1b[2m",
            };
            format!("  {colour}{line}\x1b[0m\n")
        });
        lines.collect()
    }
}

/// Each key of `over` is set in `under`; tables are gone into.
fn lay(under: &mut dyn TableLike, over: &Table) {
    for (key, item) in over {
        let both = under
            .get_mut(key)
            .and_then(Item::as_table_like_mut)
            .zip(item.as_table());
        match both {
            Some((under, over)) => lay(under, over),
            None => {
                let mut item = item.clone();
                match &mut item {
                    Item::Value(value) => value.decor_mut().clear(),
                    // It stands behind what is there, not where it stood.
                    Item::Table(table) => table.set_position(None),
                    _ => {}
                }
                under.insert(key, item);
            }
        }
    }
}

/// What the pipeline calls its model.
pub(super) fn model(folder: &Folder) -> Result<String, CommandError> {
    let path = folder.path().join("functions.toml");
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let document: DocumentMut = text.parse().context("functions.toml cannot be read")?;
    let alias = document["function"]["deployment"]["output"]["alias"].as_str();
    let name = alias.and_then(|alias| alias.split('@').next());
    Ok(name.context("functions.toml deploys no model")?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_replaces_and_joins_what_is_there() {
        let generated = "# kept\na = 1\n\n[b.c]\nd = \"TODO\" # TODO a.py:3\ne = 2\n";
        let mut document: DocumentMut = generated.parse().unwrap();
        let over: DocumentMut = "f = 3\n[b.c]\nd = 0.5\n[g]\nh = 4\n".parse().unwrap();
        lay(document.as_table_mut(), over.as_table());
        assert_eq!(
            document.to_string(),
            "# kept\na = 1\nf = 3\n\n[b.c]\nd = 0.5\ne = 2\n[g]\nh = 4\n"
        );
    }
}
