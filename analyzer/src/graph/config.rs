//! Configuration files of the tree as values, so that
//! `yaml.safe_load(open("config.yaml"))["data"]["path"]` is known.

use indexmap::IndexMap;
use smol_str::SmolStr;

use super::values::ConfigId;

/// A configuration document, whatever its format was.
#[derive(Clone, Debug, PartialEq)]
pub enum ConfigValue {
    /// Text, number or boolean, as written.
    Scalar(SmolStr),
    /// A list.
    List(Vec<ConfigValue>),
    /// A mapping.
    Map(IndexMap<SmolStr, ConfigValue>),
}

#[derive(Debug)]
enum Entry {
    Scalar(SmolStr),
    List(Vec<ConfigId>),
    Map(IndexMap<SmolStr, ConfigId>),
}

/// The configuration documents of a tree.
#[derive(Debug, Default)]
pub struct ConfigDocs {
    entries: Vec<Entry>,
    roots: Vec<(SmolStr, ConfigId)>,
}

impl ConfigDocs {
    /// Adds the document at `path`.
    pub fn add(&mut self, path: &str, value: &ConfigValue) {
        let root = self.enter(value, 0);
        self.roots.push((path.into(), root));
    }

    fn enter(&mut self, value: &ConfigValue, depth: u32) -> ConfigId {
        let entry = match value {
            ConfigValue::Scalar(text) => Entry::Scalar(text.clone()),
            _ if depth > 32 => Entry::List(Vec::new()),
            ConfigValue::List(items) => Entry::List(
                items
                    .iter()
                    .map(|item| self.enter(item, depth + 1))
                    .collect(),
            ),
            ConfigValue::Map(map) => {
                let entries = map.iter();
                Entry::Map(
                    entries
                        .map(|(key, value)| (key.clone(), self.enter(value, depth + 1)))
                        .collect(),
                )
            }
        };
        self.entries.push(entry);
        ConfigId(self.entries.len() as u32 - 1)
    }

    /// The document whose path ends as `path` does. The longest common tail
    /// wins; a path with nothing in common but the folder finds none.
    pub(crate) fn root(&self, path: &str) -> Option<ConfigId> {
        let tail = |root: &str| {
            let mut common = 0;
            for (a, b) in root.rsplit('/').zip(path.rsplit('/')) {
                if a != b {
                    break;
                }
                common += 1;
            }
            common
        };
        let best = self
            .roots
            .iter()
            .map(|(root, id)| (tail(root), id))
            .filter(|(common, _)| *common > 0)
            .max_by_key(|(common, id)| (*common, std::cmp::Reverse(**id)))?;
        Some(*best.1)
    }

    /// The file of Kedro's data set `name`, as `conf/**/catalog*.yml` says.
    pub(crate) fn dataset_path(&self, name: &str) -> Option<SmolStr> {
        let is_catalog = |path: &str| {
            let file = path.rsplit('/').next().unwrap_or(path);
            file.starts_with("catalog") || path.contains("/catalog/")
        };
        let mut catalogs = self.roots.iter().filter(|(path, _)| is_catalog(path));
        catalogs.find_map(|(_, root)| {
            let entry = self.child(*root, name)?;
            let path = self
                .child(entry, "filepath")
                .or_else(|| self.child(entry, "path"))?;
            Some(self.scalar(path)?.into())
        })
    }

    /// Names of the services of compose files, by which they reach each other.
    pub(crate) fn services(&self) -> Vec<SmolStr> {
        let is_compose = |path: &str| {
            let file = path.rsplit('/').next().unwrap_or(path);
            file.starts_with("compose.") || file.starts_with("docker-compose")
        };
        let files = self.roots.iter().filter(|(path, _)| is_compose(path));
        let services = files.filter_map(|(_, root)| self.child(*root, "services"));
        services
            .flat_map(|services| match &self.entries[services.0 as usize] {
                Entry::Map(map) => map.keys().cloned().collect(),
                _ => Vec::new(),
            })
            .collect()
    }

    pub(crate) fn scalar(&self, id: ConfigId) -> Option<&str> {
        match &self.entries[id.0 as usize] {
            Entry::Scalar(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn child(&self, id: ConfigId, key: &str) -> Option<ConfigId> {
        match &self.entries[id.0 as usize] {
            Entry::Map(map) => map.get(key).copied(),
            _ => None,
        }
    }

    pub(crate) fn children(&self, id: ConfigId) -> Vec<ConfigId> {
        match &self.entries[id.0 as usize] {
            Entry::Map(map) => map.values().copied().collect(),
            Entry::List(items) => items.clone(),
            Entry::Scalar(_) => Vec::new(),
        }
    }
}

mod read;
