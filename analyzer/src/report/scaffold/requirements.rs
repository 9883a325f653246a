//! Which of the monolith's requirements an app needs.

use std::collections::{BTreeMap, BTreeSet};

use toml::Table;

use super::Wish;

/// What an app installs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Requirements {
    /// From where pip installs.
    pub(super) options: Vec<String>,
    /// The lines of `requirements.txt` that the app needs, or may.
    pub(super) needed: Vec<String>,
    /// Lines with a password, which are not taken over.
    pub(super) secret: Vec<String>,
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

/// What only those need who work on the code.
const TOOLS: &str = "autopep8 bandit black build coverage flake8 hypothesis ipdb ipykernel ipython isort \
    jupyter jupyterlab mkdocs mypy nbconvert notebook nox pip-audit pip-tools pre-commit pylint pyright \
    pytest ruff sphinx tox twine wheel yapf";

/// What an app needs whose code imports `libraries`, of a monolith whose code
/// imports `all`.
///
/// Of the monolith's own list it takes over what is imported, and what is
/// imported nowhere: a driver that a URL names, a parser that a framework asks
/// for. What other parts import is left out.
pub(super) fn requirements(
    wish: &Wish,
    libraries: &BTreeSet<String>,
    all: &BTreeSet<String>,
) -> Requirements {
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
    let others: BTreeSet<String> = all.iter().flat_map(|it| distributions(it)).collect();
    let is_tool = |name: &str| {
        let first = name.split('-').next().unwrap_or_default();
        TOOLS
            .split_whitespace()
            .any(|tool| tool == name || tool == first)
    };
    for line in own_lines(wish) {
        if is_option(&line) {
            found.options.push(line);
            continue;
        }
        match name_of(&line) {
            Some(name) if others.contains(&name) || is_tool(&name) => {}
            Some(name) => needed.extend(said.get(&name).cloned()),
            None if line.contains("://") => drop(needed.insert(line)),
            None => {}
        }
    }
    let (secret, open) = needed.into_iter().partition(|line| has_password(line));
    (found.secret, found.needed) = (secret, open);
    let (secret, open) = found.options.drain(..).partition(|line| has_password(line));
    found.secret.extend::<Vec<String>>(secret);
    found.options = open;
    let pinned = |line: &&String| line.contains("==") && !line.contains(['@', '*']);
    found.pins = said
        .values()
        .filter(pinned)
        .map(|line| without_extras(line))
        .collect();
    found
}

/// The lines of the lists nearest to the root, but for those of people who work
/// on the code.
fn own_lines(wish: &Wish) -> Vec<String> {
    let depth = |path: &str| path.matches('/').count();
    let is_own = |path: &str| {
        let words = path.split(|c: char| !c.is_ascii_alphanumeric());
        let mut words = words.map(str::to_ascii_lowercase);
        !words.any(|word| {
            matches!(
                word.as_str(),
                "dev"
                    | "develop"
                    | "development"
                    | "test"
                    | "tests"
                    | "testing"
                    | "doc"
                    | "docs"
                    | "lint"
                    | "ci"
                    | "build"
                    | "example"
                    | "examples"
            )
        })
    };
    let own = wish.requirements.iter();
    let own: Vec<&(String, String)> = own.filter(|(path, _)| is_own(path)).collect();
    let nearest = own.iter().map(|(path, _)| depth(path)).min();
    let own = own
        .into_iter()
        .filter(|(path, _)| Some(depth(path)) == nearest);
    own.flat_map(|(path, text)| lines_of(path, text))
        .map(|line| bare(&line))
        .collect()
}

/// Options of pip's that say from where it installs.
fn is_option(line: &str) -> bool {
    const OPTIONS: &[&str] = &[
        "-i ",
        "-f ",
        "--index-url",
        "--extra-index-url",
        "--find-links",
        "--trusted-host",
        "--pre",
        "--no-binary",
        "--only-binary",
        "--prefer-binary",
    ];
    OPTIONS.iter().any(|option| line.starts_with(option))
}

/// A URL in it says who asks, and with which password or token.
fn has_password(line: &str) -> bool {
    line.split("://").skip(1).any(|behind| {
        let host = behind.split(['/', ' ']).next().unwrap_or_default();
        host.contains('@') && !host.starts_with("git@") && !host.contains('$')
    })
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

/// Requirements by their names; of several files the first wins.
fn said(wish: &Wish) -> BTreeMap<String, String> {
    let mut said = BTreeMap::new();
    for (path, text) in &wish.requirements {
        for line in lines_of(path, text) {
            let line = bare(&line);
            if let Some(name) = name_of(&line) {
                said.entry(name).or_insert(line);
            }
        }
    }
    said
}

/// A line of pip's without its comment and hashes.
fn bare(line: &str) -> String {
    let line = line.split(" #").next().unwrap_or_default().trim();
    let line = line.split(" --hash").next().unwrap_or_default();
    line.trim_end_matches('\\').trim().to_owned()
}

/// The distribution that a line names; nothing where it is but a URL or option.
fn name_of(line: &str) -> Option<String> {
    let end = line.find(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c));
    let (name, behind) = line.split_at(end.unwrap_or(line.len()));
    let is_named = line.starts_with(|c: char| c.is_ascii_alphanumeric());
    (is_named && !behind.starts_with([':', '/', '+'])).then(|| normal(name))
}

/// The requirements in a file, as lines of pip's.
fn lines_of(path: &str, text: &str) -> Vec<String> {
    match path.rsplit('/').next().unwrap_or_default() {
        "Pipfile" => in_pipfile(text),
        "setup.py" => in_setup(text),
        "setup.cfg" => in_settings(text),
        name if name.ends_with(".toml") => in_project(text),
        name if name.ends_with(".yml") || name.ends_with(".yaml") => in_environment(text),
        _ => text.lines().map(str::to_owned).collect(),
    }
}

fn in_pipfile(text: &str) -> Vec<String> {
    let file = text.parse::<Table>().unwrap_or_default();
    let packages = file.get("packages").and_then(toml::Value::as_table);
    let packages = packages.into_iter().flatten();
    packages
        .filter_map(|(name, value)| poetry_line(name, version_of(value)?))
        .collect()
}

fn version_of(value: &toml::Value) -> Option<&str> {
    value
        .as_str()
        .or(value.get("version").and_then(|it| it.as_str()))
}

/// The list that `setup()` is given, or that a variable of that name holds.
fn in_setup(text: &str) -> Vec<String> {
    let Some((_, behind)) = text.split_once("install_requires") else {
        return Vec::new();
    };
    let behind = behind
        .trim_start()
        .trim_start_matches(['=', ':'])
        .trim_start();
    let list = match behind.strip_prefix('[') {
        Some(list) => Some(list),
        None => {
            let end = behind.find(|c: char| !c.is_alphanumeric() && c != '_');
            let name = &behind[..end.unwrap_or(behind.len())];
            let said = text.split_once(&format!("{name} = ["));
            said.filter(|_| !name.is_empty()).map(|(_, list)| list)
        }
    };
    let mut lines = Vec::new();
    let mut rest = list.unwrap_or_default();
    while let Some(at) = rest.find(['"', '\'', ']', '#']) {
        let mark = &rest[at..=at];
        let end = if mark == "#" { "\n" } else { mark };
        let behind = &rest[at + 1..];
        let Some((inside, after)) = behind.split_once(end).filter(|_| mark != "]") else {
            break;
        };
        if mark != "#" {
            lines.push(inside.to_owned());
        }
        rest = after;
    }
    lines
}

fn in_settings(text: &str) -> Vec<String> {
    let mut lines = text
        .lines()
        .skip_while(|line| !line.starts_with("install_requires"));
    let first = lines.next().and_then(|line| line.split_once('='));
    let first = first.map(|(_, line)| line.trim().to_owned());
    let more = lines.take_while(|line| line.starts_with([' ', '\t']));
    let more = more.map(|line| line.trim().to_owned());
    first.into_iter().chain(more).collect()
}

/// Conda's `numpy=1.26.4=py311` is `numpy==1.26.4`; what it has pip install is as
/// it is.
fn in_environment(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut pip = None;
    let listed = text
        .lines()
        .skip_while(|line| !line.starts_with("dependencies:"));
    for line in listed.skip(1) {
        let depth = line.len() - line.trim_start().len();
        let Some(item) = line.trim_start().strip_prefix("- ") else {
            match line.starts_with(|c: char| c.is_alphanumeric()) {
                true => break,
                false => continue,
            }
        };
        let item = item.split(" #").next().unwrap_or_default();
        let item = item.trim().trim_matches(['"', '\'']);
        if item == "pip:" {
            pip = Some(depth);
        } else if pip.is_some_and(|outer| depth > outer) {
            lines.push(item.to_owned());
        } else {
            pip = None;
            lines.extend(conda_line(item));
        }
    }
    lines
}

fn conda_line(item: &str) -> Option<String> {
    let item = item.rsplit("::").next().unwrap_or(item).replace(' ', "");
    let end = item.find(['=', '<', '>', '!']).unwrap_or(item.len());
    let (name, version) = item.split_at(end);
    let name = match name {
        "python" | "pip" | "cudatoolkit" => return None,
        "pytorch" => "torch",
        name => name,
    };
    let is_fuzzy = version.starts_with('=') && !version.starts_with("==");
    Some(match is_fuzzy {
        true => {
            let version = version[1..].split('=').next().unwrap_or_default();
            let is_whole = version.matches('.').count() >= 2 && !version.contains('*');
            let fuzzy = version.trim_end_matches(['*', '.']);
            match is_whole {
                true => format!("{name}=={version}"),
                false => format!("{name}=={fuzzy}.*"),
            }
        }
        false => format!("{name}{version}"),
    })
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
        lines.extend(version_of(value).and_then(|version| poetry_line(name, version)));
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
        let all = libraries_of(&["flask"])
            .union(&libraries)
            .cloned()
            .collect();
        requirements(&wish, &libraries, &all)
    }

    fn libraries_of(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn what_other_parts_import_is_left_out_and_all_that_is_pinned_holds() {
        let text = "# direct\nscikit-learn==1.5.2\nPyYAML==6.0.2  # config\nFlask>=3\n\
                    idna[all]==3.20\n-r other.txt\ngit+https://host/x\npytest-cov==6.0\n\
                    --extra-index-url https://host/simple\n\
                    --index-url https://me:secret@host/simple\n";
        let found = of(
            "requirements.txt",
            text,
            &["sklearn", "yaml", "json", "odd"],
        );
        assert_eq!(
            found.needed,
            [
                "PyYAML==6.0.2",
                "git+https://host/x",
                "idna[all]==3.20",
                "scikit-learn==1.5.2"
            ]
        );
        assert_eq!(found.options, ["--extra-index-url https://host/simple"]);
        assert_eq!(found.secret, ["--index-url https://me:secret@host/simple"]);
        assert_eq!(
            found.pins,
            [
                "idna==3.20",
                "pytest-cov==6.0",
                "PyYAML==6.0.2",
                "scikit-learn==1.5.2"
            ]
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
    #[test]
    fn other_files_say_it_too() {
        let setup = "from setuptools import setup\nNEEDS = [\n  'pandas>=2',  # it's old\n  \"redis\",\n]\n\
                     setup(name='x', install_requires=NEEDS)\n";
        assert_eq!(of("setup.py", setup, &[]).needed, ["pandas>=2", "redis"]);
        let settings = "[options]\ninstall_requires =\n  pandas>=2\n  redis\npackages = x\n";
        assert_eq!(
            of("setup.cfg", settings, &[]).needed,
            ["pandas>=2", "redis"]
        );
        let pipfile =
            "[packages]\npandas = \"==2.2.3\"\nredis = \"*\"\n[dev-packages]\nx = \"*\"\n";
        assert_eq!(
            of("Pipfile", pipfile, &[]).needed,
            ["pandas==2.2.3", "redis"]
        );
        let environment = "name: x\ndependencies:\n  - python=3.11\n  - numpy=1.26.4=py311\n\
                           \x20 - scipy=1.14\n  - pip:\n    - redis==5.0.1\n  - conda-forge::pandas>=2\nprefix: /x\n";
        assert_eq!(
            of("environment.yml", environment, &[]).needed,
            [
                "numpy==1.26.4",
                "pandas>=2",
                "redis==5.0.1",
                "scipy==1.14.*"
            ]
        );
        let dev = of("requirements-dev.txt", "odd\npandas\n", &["pandas"]);
        assert_eq!(dev.needed, ["pandas"]);
    }
}
