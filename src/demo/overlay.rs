//! What a person adds to a generated file: one committed file for each, laid
//! over it key by key and shown as a difference.

use std::fs;

use anyhow::Context;
use similar::TextDiff;
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, TableLike, value};

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

    /// The text with a stage's candidate, and that of all others.
    pub(super) fn with_candidates(
        &self,
        stage: &str,
        url: &str,
        others: &str,
    ) -> Result<String, CommandError> {
        let mut with = Overlaid {
            name: self.name,
            generated: String::new(),
            text: self.text.clone(),
        };
        for known in self.stages()? {
            let url = if known == stage { url } else { others };
            with.set(&["stage", &known], "candidate", url)?;
        }
        Ok(with.text)
    }

    fn document(&self) -> Result<DocumentMut, CommandError> {
        let read = self.text.parse();
        Ok(read.with_context(|| format!("{} cannot be read", self.name))?)
    }

    fn stages(&self) -> Result<Vec<String>, CommandError> {
        let document = self.document()?;
        let stages = document.get("stage").and_then(Item::as_table_like);
        let names = stages.into_iter().flat_map(TableLike::iter);
        Ok(names.map(|(name, _)| name.to_owned()).collect())
    }

    /// Which of these routes no stage owns.
    pub(super) fn unowned(&self, routes: &[String]) -> Result<Vec<String>, CommandError> {
        let document = self.document()?;
        let mut owned = Vec::new();
        for stage in self.stages()? {
            let listed = document["stage"][&stage]["routes"].as_array();
            for route in listed.into_iter().flatten() {
                let table = route.as_inline_table().and_then(|table| table.get("route"));
                owned.extend(table.unwrap_or(route).as_str().map(str::to_owned));
            }
        }
        let is_left = |route: &&String| !owned.contains(route);
        Ok(routes.iter().filter(is_left).cloned().collect())
    }

    fn set(&mut self, path: &[&str], key: &str, url: &str) -> Result<(), CommandError> {
        let mut document = self.document()?;
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

    /// The policy of a stage, in a line.
    pub(super) fn policy(&self, stage: &str) -> Result<String, CommandError> {
        let document = self.document()?;
        let rollout = &document["stage"][stage]["rollout"];
        let keys = rollout
            .as_table_like()
            .into_iter()
            .flat_map(TableLike::iter);
        let keys = keys.map(|(key, value)| format!("{key} = {}", value.to_string().trim()));
        Ok(keys.collect::<Vec<_>>().join(", "))
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

/// Each key of `over` is set in `under`; tables are gone into. Of `[[http]]`, an
/// entry is laid over the one of its route, or comes behind all others.
fn lay(under: &mut dyn TableLike, over: &Table) {
    for (key, item) in over {
        if let Some(list) = item.as_array_of_tables()
            && let Some(under) = under.get_mut(key).and_then(Item::as_array_of_tables_mut)
        {
            list.iter().for_each(|over| lay_entry(under, over));
            continue;
        }
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

fn lay_entry(under: &mut ArrayOfTables, over: &Table) {
    let route = |table: &Table| table.get("route")?.as_str().map(str::to_owned);
    let wanted = route(over);
    let known = under
        .iter_mut()
        .find(|known| wanted.is_some() && route(known) == wanted);
    match known {
        Some(known) => lay(known, over),
        None => {
            let mut entry = Table::new();
            lay(&mut entry, over);
            under.push(entry);
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
    fn an_entry_is_laid_over_the_one_of_its_route() {
        let generated = "[[http]] # a.py:3\nroute = \"POST /a\"\nfunction = \"x\"\n\n[http.response]\n\"/b\" = \"/c\"\n";
        let mut document: DocumentMut = generated.parse().unwrap();
        let over: DocumentMut = "[[http]]\nroute = \"POST /a\"\nstatus = 201\n\n[[http]]\nroute = \"GET /d\"\n[http.response]\n\"/e\" = 1\n"
            .parse()
            .unwrap();
        lay(document.as_table_mut(), over.as_table());
        assert_eq!(
            document.to_string(),
            "[[http]] # a.py:3\nroute = \"POST /a\"\nfunction = \"x\"\nstatus = 201\n\n[http.response]\n\"/b\" = \"/c\"\n\n[[http]]\nroute = \"GET /d\"\n[http.response]\n\"/e\" = 1\n"
        );
    }

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
