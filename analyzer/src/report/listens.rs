//! Where the monolith listens: the port of `app.run(port=5001)`,
//! `uvicorn.run(app, port=8000)`, of addresses that servers in Rust bind to,
//! and of `--port`, `--bind` in the text of configuration. A port is a number, the only value of the name that the call
//! refers to, or what stands where the environment says nothing.

mod address;
mod bound;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use self::bound::Bound;
use crate::modules::At;
use crate::modules::{FileId, ModuleSet};
use crate::source::ConfigFile;
use crate::syntax::FileFacts;
use crate::syntax::facts::{Arg, ArgKind, ExprId, ExprKind, ScopeId};
use crate::syntax::walk::each_expr;

/// Expressions are followed so far.
const MAX_DEPTH: u32 = 32;

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
    let mut ports = Ports {
        bound: Bound::new(modules),
        known: FxHashMap::default(),
    };
    let in_code = modules.iter().find_map(|(file, facts)| {
        starts(facts).into_iter().find_map(|start| {
            let at = |expr| At {
                file,
                scope: start.scope,
                expr,
            };
            let port = match start.port {
                Port::Number(port) => ports.number(at(port), 0)?,
                Port::Address(address) => ports.of_address(at(address), false, 0)?,
            };
            Some(Found {
                port,
                place: Place::Source(file, facts.expr(start.call).line),
            })
        })
    });
    let found = in_code.or_else(|| configs.iter().find_map(in_config));
    found.or_else(|| rocket(modules, configs))
}

/// Where Rocket listens, which its code does not say.
fn rocket(modules: &ModuleSet, configs: &[ConfigFile]) -> Option<Found> {
    modules.iter().find_map(|(file, facts)| {
        let mut started = None;
        for (scope, _) in facts.scopes() {
            each_expr(facts, scope, &mut |expr| {
                if address::is_rocket(facts, expr) {
                    started = started.max(Some(expr));
                }
            });
        }
        let line = facts.expr(started?).line;
        let (port, said) = address::of_rocket(configs);
        let place = match said {
            Some((path, line)) => Place::Config(path, line),
            None => Place::Source(file, line),
        };
        Some(Found { port, place })
    })
}

/// A call that starts a server, and where.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Start {
    call: ExprId,
    port: Port,
    scope: ScopeId,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Port {
    Number(ExprId),
    Address(ExprId),
}

/// Calls that start a server at a port, in the order of the file.
fn starts(facts: &FileFacts) -> Vec<Start> {
    let mut found = Vec::new();
    for (scope, _) in facts.scopes() {
        each_expr(facts, scope, &mut |expr| {
            if let ExprKind::Call { callee, args } = &facts.expr(expr).kind
                && let Some(port) = named(args, "port")
                && STARTS.contains(&last(facts, *callee).as_str())
            {
                let port = Port::Number(port);
                found.push(Start {
                    call: expr,
                    port,
                    scope,
                });
            } else if let Some(address) = address::address(facts, expr) {
                let port = Port::Address(address);
                found.push(Start {
                    call: expr,
                    port,
                    scope,
                });
            }
        });
    }
    found.sort_unstable();
    found
}

/// The last name of what is called by names alone.
fn last(facts: &FileFacts, callee: ExprId) -> SmolStr {
    let path = facts.dotted(callee).unwrap_or_default();
    path.rsplit('.').next().unwrap_or_default().into()
}

fn named(args: &[Arg], name: &str) -> Option<ExprId> {
    let named = |arg: &&Arg| arg.kind == ArgKind::Named && arg.name.as_deref() == Some(name);
    args.iter().find(named).map(|arg| arg.value)
}

/// Expressions to ports; each is looked at once.
struct Ports<'m> {
    bound: Bound<'m>,
    known: FxHashMap<(FileId, ExprId), Option<u16>>,
}

impl Ports<'_> {
    fn number(&mut self, at: At, depth: u32) -> Option<u16> {
        if let Some(known) = self.known.get(&(at.file, at.expr)) {
            return *known;
        }
        // What leads to itself is no number.
        self.known.insert((at.file, at.expr), None);
        let number = match depth > MAX_DEPTH {
            true => None,
            false => self.read(at, depth + 1),
        };
        self.known.insert((at.file, at.expr), number);
        number
    }

    fn read(&mut self, at: At, depth: u32) -> Option<u16> {
        let facts = self.bound.modules.facts(at.file);
        let port = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0);
        match &facts.expr(at.expr).kind {
            ExprKind::Number(text) | ExprKind::Str(text) => port(text),
            ExprKind::Name(_) => {
                let value = self.bound.value(at)?;
                self.number(value, depth)
            }
            // `config.PORT`, `Config.PORT`; `args.port` of
            // `add_argument("--port", default=5001)`.
            ExprKind::Attr { base, name } => {
                let value = self.bound.value(at);
                let value = value.or_else(|| self.bound.option(at.part(*base), name))?;
                self.number(value, depth)
            }
            // `a or 5001`.
            ExprKind::Either(parts) => parts
                .iter()
                .find_map(|part| self.number(at.part(*part), depth)),
            // `int(…)`, `os.getenv("PORT", 5001)`, `os.environ.get("PORT", 5001)`.
            ExprKind::Call { callee, args } => {
                let path = facts.dotted(*callee)?;
                let given = match path.rsplit('.').next()? {
                    "int" | "str" => args.first()?,
                    "getenv" => args.get(1)?,
                    "get" if path.ends_with("environ.get") => args.get(1)?,
                    _ => return None,
                };
                let is_value = match given.kind {
                    ArgKind::Positional => true,
                    ArgKind::Named => given.name.as_deref() == Some("default"),
                    ArgKind::Spread | ArgKind::SpreadNamed => false,
                };
                self.number(at.part(given.value), depth)
                    .filter(|_| is_value)
            }
            _ => None,
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
    use crate::syntax::python;
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
            (
                "p.add_argument('--port', default=6001)\np.parse_args()\napp.run(port=args.port)\n",
                None,
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

    #[test]
    fn servers_in_rust_are_given_addresses() {
        for (text, expected) in [
            (
                "TcpListener::bind(\"0.0.0.0:8080\").await?;",
                Some((8080, 1)),
            ),
            (
                "HttpServer::new(|| App::new()).bind((\"0.0.0.0\", 8081))?.run();",
                Some((8081, 1)),
            ),
            (
                "warp::serve(routes).run(([127, 0, 0, 1], 3030)).await;",
                Some((3030, 1)),
            ),
            (
                "let addr = SocketAddr::from(([0, 0, 0, 0], 3001));\naxum::Server::bind(&addr);",
                Some((3001, 2)),
            ),
            (
                "let port: u16 = std::env::var(\"PORT\").unwrap_or_else(|_| \"3002\".into()).parse().unwrap();\n\
                 TcpListener::bind(format!(\"0.0.0.0:{port}\")).await;",
                Some((3002, 2)),
            ),
            (
                "let addr = \"[::1]:50051\".parse()?;\nServer::builder().add_service(s).serve(addr);",
                Some((50051, 2)),
            ),
            ("rocket::build().mount(\"/\", routes![x])", Some((8000, 1))),
            ("UdpSocket::bind(\"0.0.0.0:8080\");", None),
            ("TcpListener::bind(\"127.0.0.1:0\");", None),
            ("let id = 5;\nquery.bind(id).bind(7);", None),
        ] {
            check(
                &[("src/main.rs", &format!("fn main() {{ {text} }}"))],
                expected,
            );
        }
        let toml = "[default]\nport = 8100\n";
        let main = "fn main() { rocket::build(); }";
        check(
            &[("src/main.rs", main), ("Rocket.toml", toml)],
            Some((8100, 2)),
        );
    }

    #[test]
    fn a_name_is_the_one_that_the_call_refers_to() {
        for (text, expected) in [
            (
                "def other():\n    port = 9999\ndef main():\n    port = 5001\n    app.run(port=port)\n",
                Some((5001, 5)),
            ),
            ("def other():\n    port = 9999\napp.run(port=port)\n", None),
            (
                "class Redis:\n    PORT = 6379\nclass Web:\n    PORT = 5001\napp.run(port=Web.PORT)\n",
                Some((5001, 5)),
            ),
            ("port = 1\nport = 2\napp.run(port=port)\n", None),
            ("for port in (1, 2):\n    app.run(port=port)\n", None),
            (
                "def f():\n    global port\n    port = 7001\ndef g():\n    app.run(port=port)\n",
                Some((7001, 5)),
            ),
            // Its function is called once, or nobody knows.
            (
                "def main(port=1):\n    app.run(port=port)\nmain(5001)\n",
                Some((5001, 2)),
            ),
            (
                "def main(port=5001):\n    app.run(port=port)\nmain()\n",
                Some((5001, 2)),
            ),
            (
                "def main(port):\n    app.run(port=port)\nmain(1)\nmain(2)\n",
                None,
            ),
            (
                "def main(port=1):\n    app.run(port=port)\nmain(**known)\n",
                None,
            ),
            // The options are those of the parser.
            (
                "a = ArgumentParser()\na.add_argument('--port', default=1)\n\
                 b = ArgumentParser()\ng = b.add_argument_group('g')\n\
                 g.add_argument('-p', '--port', default=5001)\n\
                 args = b.parse_args()\napp.run(port=args.port)\n",
                Some((5001, 7)),
            ),
            (
                "def parse():\n    p = ArgumentParser()\n    p.add_argument('--port', default=5001)\n    \
                 return p.parse_args()\ndef main(args):\n    app.run(port=args.port)\nmain(parse())\n",
                Some((5001, 6)),
            ),
            (
                "p.add_argument('--port', default=6001)\napp.run(port=config.port)\n",
                None,
            ),
            // What a mapping holds is not what stands where it holds nothing.
            ("app.run(port=settings.get('port', 5001))\n", None),
        ] {
            check(&[("a.py", text)], expected);
        }
        let main = "import uvicorn\nfrom conf import PORT\nuvicorn.run(app, port=PORT)\n";
        let conf = "PORT = 5001\ndef other():\n    PORT = 9999\n";
        check(&[("a.py", main), ("conf.py", conf)], Some((5001, 3)));
        let main = "import conf\napp.run(port=conf.Config.PORT)\n";
        let conf = "class Config:\n    PORT = 5001\nPORT = 9999\n";
        check(&[("a.py", main), ("conf.py", conf)], Some((5001, 2)));
    }

    #[test]
    fn many_servers_and_circles_come_to_an_end() {
        let many = |line: &dyn Fn(usize) -> String| (0..3_000).map(line).collect::<String>();
        for text in [
            many(&|_| {
                "p.add_argument('--port', default=args.port)\nargs = p.parse_args()\napp.run(port=args.port)\n"
                    .to_owned()
            }),
            many(&|n| format!("P{n} = P{} or P{}\napp.run(port=P{n})\n", n + 1, n + 1)),
            many(&|n| format!("app.run(port=P{n})\nP{n} = P{}\n", n / 2)),
        ] {
            let facts = python::lower("a.py", &text).expect("it is Python");
            let modules = ModuleSet::new(vec![facts], &[], "t", []);
            assert_eq!(listens(&modules, &[]), None);
        }
    }
}
