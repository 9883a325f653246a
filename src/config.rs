//! `cutline.toml`: what the flags set, and functions pinned to stages.
//!
//! ```toml
//! [analyze]
//! name = "churn"
//! exclude = ["legacy/"]
//! include_tests = false
//! include_venvs = false
//! no_ignore = false
//! max_file_size = "2MiB"
//! catalog = ["our_feature_store.toml"]
//! out = "docs/split"
//!
//! [stages]
//! "churn/util.py:build_frame" = "preprocessing"
//! "legacy/**" = "none"
//! ```
//!
//! Paths are relative to the file's folder. A key that is not known is an
//! error: a misspelt one would silently do nothing.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde::Deserialize;
use serde::de::Error as _;
use toml::Spanned;

use crate::error::{CommandError, Kind};
use crate::problem::Problem;

const FILE_NAME: &str = "cutline.toml";

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

/// The file, or nothing where there is none.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    #[serde(default)]
    pub(crate) analyze: Analyze,
    #[serde(default)]
    stages: IndexMap<String, Spanned<String>>,
    /// The folder it lies in.
    #[serde(skip)]
    folder: PathBuf,
}

/// What the flags of `cutline analyze` set.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Analyze {
    /// What the report is called, whatever the folder is.
    #[serde(default, deserialize_with = "folder_name")]
    pub(crate) name: Option<String>,
    #[serde(default)]
    pub(crate) exclude: Vec<String>,
    pub(crate) include_tests: Option<bool>,
    pub(crate) include_venvs: Option<bool>,
    pub(crate) no_ignore: Option<bool>,
    max_file_size: Option<Size>,
    #[serde(default)]
    catalog: Vec<PathBuf>,
    out: Option<PathBuf>,
}

impl Analyze {
    pub(crate) fn max_file_bytes(&self) -> Option<u64> {
        self.max_file_size.as_ref().map(|size| size.0)
    }
}

/// A name that a folder of reports can have.
fn folder_name<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let name = String::deserialize(from)?;
    let is_path = matches!(name.as_str(), "" | "." | "..") || name.contains(['/', '\\', '\0']);
    match is_path {
        true => Err(D::Error::custom(format!(
            "`{name}` cannot be the name of a report: it names a folder in reports/"
        ))),
        false => Ok(Some(name)),
    }
}

#[derive(Debug)]
struct Size(u64);

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Size, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_size(&text).map(Size).map_err(D::Error::custom)
    }
}

/// Bytes in `512`, `500kB`, `2MiB`.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no size; write 500kB, 2MiB or a number of bytes");
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = match text[digits.len()..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "kib" => 1 << 10,
        "m" | "mb" => 1_000_000,
        "mib" => 1 << 20,
        "g" | "gb" => 1_000_000_000,
        "gib" => 1 << 30,
        _ => return Err(wrong()),
    };
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    number.checked_mul(unit).ok_or_else(wrong)
}

impl Config {
    /// The `cutline.toml` in the folder `path`, or beside the file `path`.
    pub(crate) fn beside(path: &Path) -> Result<Config, CommandError> {
        let folder = match path.is_dir() {
            true => path,
            false => path.parent().unwrap_or(path),
        };
        let file = folder.join(FILE_NAME);
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            // A path that does not exist is for the analyzer to say.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Config::default()),
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                return Ok(Config::default());
            }
            Err(error) => {
                let context = format!("cannot read {}", file.display());
                let error = anyhow::Error::new(error).context(context);
                return Err(CommandError::new(Kind::Configuration, error));
            }
        };
        let mut config = Config::parse(&text).map_err(|problem| {
            let message = problem.shown(&file.display().to_string(), &text);
            CommandError::message(Kind::Configuration, message)
        })?;
        config.folder = folder.to_owned();
        Ok(config)
    }

    fn parse(text: &str) -> Result<Config, Problem> {
        let config: Config = toml::from_str(text).map_err(|error| Problem {
            message: error.message().to_owned(),
            span: error.span(),
            label: String::new(),
        })?;
        for stage in config.stages.values() {
            if !STAGES.contains(&stage.as_ref().as_str()) {
                return Err(Problem {
                    message: format!("`{}` is no stage", stage.as_ref()),
                    span: Some(stage.span()),
                    label: format!("one of {}", STAGES.join(", ")),
                });
            }
        }
        Ok(config)
    }

    /// Functions whose stage is given, in the file's order.
    pub(crate) fn pins(&self) -> Vec<(String, String)> {
        self.stages
            .iter()
            .map(|(pattern, stage)| (pattern.clone(), stage.as_ref().clone()))
            .collect()
    }

    pub(crate) fn catalogs(&self) -> Vec<PathBuf> {
        let files = self.analyze.catalog.iter();
        files.map(|file| self.folder.join(file)).collect()
    }

    pub(crate) fn out(&self) -> Option<PathBuf> {
        let out = self.analyze.out.as_ref()?;
        Some(self.folder.join(out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &str) {
        let shown = match Config::parse(text) {
            Ok(_) => "fine".to_owned(),
            Err(problem) => problem.shown("cutline.toml", text),
        };
        assert_eq!(shown, expect);
    }

    #[test]
    fn a_good_file_is_read_in_order() {
        let text =
            "[analyze]\nmax_file_size = \"1MiB\"\n[stages]\n\"b\" = \"none\"\n\"a\" = \"training\"";
        let config = Config::parse(text).unwrap();
        assert_eq!(config.analyze.max_file_bytes(), Some(1 << 20));
        let pins = config.pins();
        let pins: Vec<_> = pins.iter().map(|(p, s)| (p.as_str(), s.as_str())).collect();
        assert_eq!(pins, [("b", "none"), ("a", "training")]);
    }

    #[test]
    fn a_problem_is_shown_where_it_is() {
        check(
            "[stages]\n\"a.py:f\" = \"trainning\"\n",
            "`trainning` is no stage\n --> cutline.toml:2:12\n  |\n2 | \"a.py:f\" = \"trainning\"\n  |            ^^^^^^^^^^^ one of ingestion, preprocessing, training, evaluation, deployment, inference, monitoring, shared, none",
        );
        check(
            "[analyze]\nexcludes = []\n",
            "unknown field `excludes`, expected one of `name`, `exclude`, `include_tests`, `include_venvs`, `no_ignore`, `max_file_size`, `catalog`, `out`\n --> cutline.toml:2:1\n  |\n2 | excludes = []\n  | ^^^^^^^^",
        );
    }

    #[test]
    fn problems_at_the_edges_do_not_panic() {
        for text in [
            "[",
            "a",
            "é = ",
            "[analyze]\nout = 'é",
            "\u{feff}[x]",
            "x = 1\r\n\r\ny",
        ] {
            if let Err(problem) = Config::parse(text) {
                problem.shown("cutline.toml", text);
            }
        }
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(parse_size("512"), Ok(512));
        assert_eq!(parse_size("2 MiB"), Ok(2 << 20));
        assert_eq!(parse_size("500kB"), Ok(500_000));
        for wrong in [
            "",
            "MiB",
            "-1",
            "1.5MB",
            "2 parsecs",
            "99999999999999999999",
            "9999999999999999GB",
        ] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
    }
}
