//! Where the monolith listens: the port of `app.run(port=5001)`,
//! `uvicorn.run(app, port=8000)`, and of `--port`, `--bind` in the text of
//! configuration. A port is a number, a number that is a name's only value in
//! its file, or what stands where the environment says nothing.

use crate::modules::FileId;
use crate::modules::ModuleSet;
use crate::source::ConfigFile;
use crate::syntax::FileFacts;
use crate::syntax::facts::{Arg, ArgKind, ExprId, ExprKind, StmtKind};

/// Names and expressions are followed so far.
const MAX_DEPTH: u32 = 6;

/// The end of what starts a server.
const STARTS: [&str; 4] = ["run", "run_app", "run_simple", "serve"];

/// A port, with where it is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) port: u16,
    pub(super) place: Place,
}

/// A line of a source file, or of a file of configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Source(FileId, u32),
    Config(String, u32),
}

/// The first that is said: by the code, then by configuration.
pub(super) fn listens(modules: &ModuleSet, configs: &[ConfigFile]) -> Option<Found> {
    let in_code = modules.iter().find_map(|(file, facts)| {
        let calls = facts.exprs.iter();
        calls
            .filter_map(|expr| match &expr.kind {
                ExprKind::Call { callee, args } => Some((expr.line, *callee, args)),
                _ => None,
            })
            .find_map(|(line, callee, args)| {
                let path = facts.dotted(callee)?;
                let (_, name) = path.rsplit_once('.').unwrap_or(("", &path));
                let port = named(args, "port").filter(|_| STARTS.contains(&name))?;
                Some(Found {
                    port: number(facts, port, 0)?,
                    place: Place::Source(file, line),
                })
            })
    });
    in_code.or_else(|| configs.iter().find_map(in_config))
}

fn named(args: &[Arg], name: &str) -> Option<ExprId> {
    let named = |arg: &&Arg| arg.kind == ArgKind::Named && arg.name.as_deref() == Some(name);
    args.iter().find(named).map(|arg| arg.value)
}

fn number(facts: &FileFacts, expr: ExprId, depth: u32) -> Option<u16> {
    if depth > MAX_DEPTH {
        return None;
    }
    let port = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0);
    match &facts.expr(expr).kind {
        ExprKind::Number(text) => port(text),
        ExprKind::Str(text) => port(text),
        ExprKind::Name(name) => {
            let mut values = values(facts, name);
            let first = values.next()?;
            match values.next() {
                None => number(facts, first, depth + 1),
                Some(_) => None,
            }
        }
        // `args.port` of `add_argument("--port", default=5001)`.
        ExprKind::Attr { name, .. } => {
            let option = format!("--{}", name.replace('_', "-"));
            facts.exprs.iter().find_map(|known| match &known.kind {
                ExprKind::Call { args, .. }
                    if args.iter().any(|arg| {
                        matches!(&facts.expr(arg.value).kind, ExprKind::Str(text) if *text == option)
                    }) =>
                {
                    number(facts, named(args, "default")?, depth + 1)
                }
                _ => None,
            })
        }
        // `a or 5001`.
        ExprKind::Either(parts) => parts
            .iter()
            .find_map(|part| number(facts, *part, depth + 1)),
        // `int(…)`, `os.getenv("PORT", 5001)`, `os.environ.get("PORT", 5001)`.
        ExprKind::Call { callee, args } => {
            let path = facts.dotted(*callee)?;
            let given = match path.rsplit('.').next()? {
                "int" | "str" => args.first()?.value,
                "getenv" | "get" => args.get(1)?.value,
                _ => return None,
            };
            number(facts, given, depth + 1)
        }
        _ => None,
    }
}

/// What the name is assigned in the file, in whatever scope.
fn values<'f>(facts: &'f FileFacts, name: &'f str) -> impl Iterator<Item = ExprId> + 'f {
    let statements = facts.scopes().flat_map(|(_, scope)| {
        let mut found = Vec::new();
        each(&scope.body, &mut found);
        found
    });
    statements.filter_map(move |(targets, value)| {
        let is_name = |target: &ExprId| matches!(&facts.expr(*target).kind, ExprKind::Name(known) if known == name);
        targets.iter().any(is_name).then_some(value)
    })
}

/// Assignments, those of blocks too.
fn each<'f>(body: &'f [crate::syntax::facts::Stmt], found: &mut Vec<(&'f [ExprId], ExprId)>) {
    for stmt in body {
        match &stmt.kind {
            StmtKind::Assign { targets, value, .. } => found.push((targets, *value)),
            StmtKind::If { then, other, .. } => {
                each(then, found);
                each(other, found);
            }
            StmtKind::Try { body, .. } | StmtKind::With { body, .. } => each(body, found),
            _ => {}
        }
    }
}

/// `--port 8000`, `--bind 0.0.0.0:8000`, `-b :8000` in a command.
fn in_config(config: &ConfigFile) -> Option<Found> {
    let starts = [
        "uvicorn",
        "gunicorn",
        "flask run",
        "hypercorn",
        "waitress-serve",
    ];
    let lines = config.text.lines().zip(1..);
    lines
        .filter(|(line, _)| starts.iter().any(|start| line.contains(start)))
        .find_map(|(line, number)| {
            let words = line.split(|c: char| c.is_whitespace() || "\"',[]=".contains(c));
            let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
            let port = words.windows(2).find_map(|pair| match pair {
                ["--port" | "-p" | "--bind" | "-b", given] => {
                    given.rsplit(':').next()?.parse().ok()
                }
                _ => None,
            })?;
            Some(Found {
                port,
                place: Place::Config(config.path.to_string(), number),
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceTree;
    use crate::{Catalog, Options, examine};

    fn check(files: &[(&str, &str)], expected: Option<(u16, u32)>) {
        let tree = SourceTree::from_texts("t", files.iter().copied());
        let options = Options {
            catalog: Catalog::built_in(),
            pins: Vec::new(),
        };
        let analysis = examine(&tree, &options);
        let found = listens(&analysis.modules, &tree.configs).map(|found| match found.place {
            Place::Source(_, line) | Place::Config(_, line) => (found.port, line),
        });
        assert_eq!(found, expected, "{files:?}");
    }

    #[test]
    fn the_port_is_where_the_code_or_its_configuration_says_it() {
        for (text, expected) in [
            ("app.run(host='0.0.0.0', port=5001)\n", Some((5001, 1))),
            (
                "import uvicorn\nuvicorn.run(app, port=8080)\n",
                Some((8080, 2)),
            ),
            (
                "import os\nPORT = int(os.environ.get('PORT', 9000))\napp.run(port=PORT)\n",
                Some((9000, 3)),
            ),
            (
                "import os\napp.run(port=os.getenv('PORT', '7001'))\n",
                Some((7001, 2)),
            ),
            (
                "p.add_argument('--port', type=int, default=6001)\nargs = p.parse_args()\napp.run(port=args.port)\n",
                Some((6001, 3)),
            ),
            ("app.run()\n", None),
            ("app.run(port=int(os.environ['PORT']))\n", None),
            ("job.start(port=5001)\n", None),
        ] {
            check(&[("a.py", text)], expected);
        }
        let compose =
            "services:\n  api:\n    command: uvicorn app:app --host 0.0.0.0 --port 8010\n";
        check(
            &[("a.py", "app.run()\n"), ("compose.yaml", compose)],
            Some((8010, 3)),
        );
        let bound = "run: gunicorn -b 0.0.0.0:8020 app:app\n";
        check(&[("a.py", ""), ("ci.yml", bound)], Some((8020, 1)));
    }
}
