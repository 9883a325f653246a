//! Which of the monolith's requirements an app needs.

use std::collections::{BTreeMap, BTreeSet};

use toml::Table;

use super::Wish;

/// What an app installs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Requirements {
    /// The lines of `requirements.txt` that the imports need.
    pub(super) needed: Vec<String>,
    /// Every version that the monolith pins, as constraints.
    pub(super) pins: Vec<String>,
    /// Libraries that are imported, and that no requirement names.
    pub(super) unnamed: Vec<String>,
}

/// Distributions that are not called as what is imported.
const CALLED: &[(&str, &str)] = &[
    ("attr", "attrs"),
    ("bs4", "beautifulsoup4"),
    ("cv2", "opencv-python"),
    ("cv2", "opencv-python-headless"),
    ("dateutil", "python-dateutil"),
    ("dotenv", "python-dotenv"),
    ("faiss", "faiss-cpu"),
    ("flask_sqlalchemy", "flask-sqlalchemy"),
    ("github", "pygithub"),
    ("jose", "python-jose"),
    ("jwt", "pyjwt"),
    ("mysqldb", "mysqlclient"),
    ("pil", "pillow"),
    ("psycopg2", "psycopg2-binary"),
    ("pymysql", "pymysql"),
    ("rest_framework", "djangorestframework"),
    ("serial", "pyserial"),
    ("skimage", "scikit-image"),
    ("sklearn", "scikit-learn"),
    ("tensorflow", "tensorflow-cpu"),
    ("yaml", "pyyaml"),
];

/// Modules of Python's own.
const STANDARD: &str = "__future__ abc argparse array ast asyncio atexit base64 binascii bisect \
    builtins bz2 calendar cmath codecs collections concurrent configparser contextlib contextvars \
    copy copyreg csv ctypes dataclasses datetime decimal difflib dis email enum errno faulthandler \
    fcntl filecmp fileinput fnmatch fractions ftplib functools gc getopt getpass gettext glob grp \
    gzip hashlib heapq hmac html http imaplib importlib inspect io ipaddress itertools json keyword \
    linecache locale logging lzma marshal math mimetypes mmap multiprocessing netrc numbers operator \
    optparse os pathlib pdb pickle pkgutil platform plistlib posixpath pprint profile pstats pwd \
    queue quopri random re readline reprlib resource runpy sched secrets select selectors shelve \
    shlex shutil signal site smtplib socket socketserver sqlite3 ssl stat statistics string \
    stringprep struct subprocess symtable sys sysconfig syslog tarfile telnetlib tempfile termios \
    textwrap threading time timeit tkinter token tokenize tomllib trace traceback tracemalloc types \
    typing unicodedata unittest urllib uuid venv warnings wave weakref webbrowser wsgiref xml \
    xmlrpc zipapp zipfile zipimport zlib zoneinfo";

pub(super) fn requirements(wish: &Wish, libraries: &BTreeSet<String>) -> Requirements {
    let said = said(wish);
    let mut found = Requirements::default();
    let standard: BTreeSet<&str> = STANDARD.split_whitespace().collect();
    let mut needed = BTreeSet::new();
    for library in libraries {
        if standard.contains(library.as_str()) {
            continue;
        }
        let named = distributions(library);
        let lines: Vec<&String> = named.iter().filter_map(|name| said.get(name)).collect();
        match lines.is_empty() {
            true => found.unnamed.push(library.clone()),
            false => needed.extend(lines.into_iter().cloned()),
        }
    }
    found.needed = needed.into_iter().collect();
    let pinned = |line: &&String| line.contains("==") && !line.contains(['@', '*']);
    found.pins = said
        .values()
        .filter(pinned)
        .map(|line| without_extras(line))
        .collect();
    found
}

/// A constraint names no extras.
fn without_extras(line: &str) -> String {
    match (line.find('['), line.find(']')) {
        (Some(from), Some(to)) if from < to => format!("{}{}", &line[..from], &line[to + 1..]),
        _ => line.to_owned(),
    }
}

/// What the distribution of a library may be called.
fn distributions(library: &str) -> Vec<String> {
    let library = normal(library);
    let called = CALLED
        .iter()
        .filter(|(import, _)| normal(import) == library);
    let mut names: Vec<String> = called.map(|(_, name)| normal(name)).collect();
    names.push(library);
    names
}

/// Requirements by their names: `requirements.txt` before `pyproject.toml`.
fn said(wish: &Wish) -> BTreeMap<String, String> {
    let mut said = BTreeMap::new();
    for (path, text) in &wish.requirements {
        let lines: Vec<String> = match path.ends_with(".toml") {
            true => in_project(text),
            false => text.lines().map(str::to_owned).collect(),
        };
        for line in lines {
            let line = line.split(" #").next().unwrap_or_default().trim();
            let line = line.split(" --hash").next().unwrap_or_default();
            let line = line.trim_end_matches('\\').trim();
            let end = line.find(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c));
            let name = normal(&line[..end.unwrap_or(line.len())]);
            let is_named = line.starts_with(|c: char| c.is_ascii_alphanumeric());
            if is_named && !line.contains("://") {
                said.entry(name).or_insert_with(|| line.to_owned());
            }
        }
    }
    said
}

/// The dependencies of a `pyproject.toml`, Poetry's too.
fn in_project(text: &str) -> Vec<String> {
    let Ok(file) = text.parse::<Table>() else {
        return Vec::new();
    };
    let at = |path: &[&str]| {
        let mut found = Some(&toml::Value::Table(file.clone())).cloned();
        for key in path {
            found = found.and_then(|value| value.get(key).cloned());
        }
        found
    };
    let listed = at(&["project", "dependencies"]);
    let mut lines: Vec<String> = listed
        .iter()
        .filter_map(toml::Value::as_array)
        .flatten()
        .filter_map(|line| line.as_str().map(str::to_owned))
        .collect();
    let poetry = at(&["tool", "poetry", "dependencies"]);
    for (name, value) in poetry.iter().filter_map(toml::Value::as_table).flatten() {
        let version = value
            .as_str()
            .or(value.get("version").and_then(|it| it.as_str()));
        lines.extend(version.and_then(|version| poetry_line(name, version)));
    }
    lines
}

/// Poetry's `^1.2` is `>=1.2`: what it locks is not in this file.
fn poetry_line(name: &str, version: &str) -> Option<String> {
    if name == "python" {
        return None;
    }
    let first = version.chars().next()?;
    Some(match first {
        '*' => name.to_owned(),
        '^' | '~' => format!("{name}>={}", version.trim_start_matches(['^', '~', '='])),
        '0'..='9' => format!("{name}=={version}"),
        _ => format!("{name}{version}"),
    })
}

fn normal(name: &str) -> String {
    name.to_ascii_lowercase().replace(['_', '.'], "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str, text: &str, libraries: &[&str]) -> Requirements {
        let wish = Wish {
            requirements: vec![(path.to_owned(), text.to_owned())],
            ..Wish::default()
        };
        let libraries = libraries.iter().map(|name| (*name).to_owned()).collect();
        requirements(&wish, &libraries)
    }

    #[test]
    fn only_what_is_imported_is_needed_and_all_that_is_pinned_holds() {
        let text = "# direct\nscikit-learn==1.5.2\nPyYAML==6.0.2  # config\nFlask>=3\n\
                    idna[all]==3.20\n-r other.txt\ngit+https://host/x\n";
        let found = of(
            "requirements.txt",
            text,
            &["sklearn", "yaml", "json", "odd"],
        );
        assert_eq!(found.needed, ["PyYAML==6.0.2", "scikit-learn==1.5.2"]);
        assert_eq!(
            found.pins,
            ["idna==3.20", "PyYAML==6.0.2", "scikit-learn==1.5.2"]
        );
        assert_eq!(found.unnamed, ["odd"]);
    }

    #[test]
    fn a_project_says_it_in_its_own_ways() {
        let text = "[project]\ndependencies = [\"pandas>=2\"]\n\
                    [tool.poetry.dependencies]\npython = \"^3.11\"\nfastapi = \"^0.110\"\n\
                    joblib = { version = \"1.4.2\" }\n";
        let found = of("pyproject.toml", text, &["pandas", "fastapi", "joblib"]);
        assert_eq!(
            found.needed,
            ["fastapi>=0.110", "joblib==1.4.2", "pandas>=2"]
        );
    }
}
