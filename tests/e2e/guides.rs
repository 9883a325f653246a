//! `docs/guide.md` is typed as it stands there, from the first command to the
//! end of the monolith.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there"
)]

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::behind_the_proxy::flask;
use crate::support::page::{Running, Typing, eventually_says, free_ports, says_so, steps};

const GUIDE: &str = include_str!("../../docs/guide.md");

/// The ports on the page: the monolith's, the functions', the proxy's two.
const PORTS: [&str; 4] = ["5000", "7070", "8080", "9901"];

#[test]
fn the_guide_is_as_it_says() {
    let folder = tempfile::tempdir().unwrap();
    symlink(env!("CARGO_MANIFEST_DIR"), folder.path().join("cutline")).unwrap();
    let mut reader = Reader::new(&folder.path().join("move"));
    let mut rest = GUIDE;
    // Prose and blocks take turns.
    while let Some((prose, block)) = rest.split_once("\n```") {
        let (language, block) = block.split_once('\n').unwrap();
        let (text, after) = block.split_once("```").unwrap();
        reader.reads(prose);
        match language {
            "console" => steps(text).for_each(|(command, says)| reader.types(command, says)),
            "python" => reader.writes("ask.py", text),
            "toml" if text.starts_with("listen") => reader.writes("routes.toml", text),
            "toml" => reader.adds("functions.toml", text),
            _ => panic!("what is to be done with {language}?"),
        }
        rest = after;
    }
    assert!(!reader.running.contains_key(MONOLITH), "it runs still");
}

const MONOLITH: &str = "python -m churn --no-retraining";
const RUN: &str = "cutline run";
const PROXY: &str = "cutline proxy";

/// Somebody who does what the page says, at ports that are free.
struct Reader {
    folder: PathBuf,
    ports: [u16; 4],
    typing: Typing,
    running: HashMap<&'static str, Running>,
}

impl Reader {
    fn new(folder: &Path) -> Reader {
        fs::create_dir(folder).unwrap();
        let ports = free_ports();
        let typing = Typing::with(folder, &flask());
        Reader {
            folder: folder.to_owned(),
            ports,
            typing: typing.env("CHURN_PORT", ports[0].to_string()),
            running: HashMap::new(),
        }
    }

    /// With the ports of here.
    fn here(&self, text: &str) -> String {
        let ports = PORTS.iter().zip(self.ports);
        ports.fold(text.to_owned(), |text, (there, here)| {
            text.replace(&format!("127.0.0.1:{there}"), &format!("127.0.0.1:{here}"))
        })
    }

    fn writes(&self, name: &str, text: &str) {
        fs::write(self.folder.join(name), self.here(text)).unwrap();
    }

    fn adds(&self, name: &str, text: &str) {
        let before = fs::read_to_string(self.folder.join(name)).unwrap();
        self.writes(name, &format!("{before}\n{text}"));
    }

    /// What prose asks for.
    fn reads(&mut self, prose: &str) {
        if prose.contains("Stop `cutline run`") {
            self.running.remove(RUN).unwrap().end();
        }
        if prose.contains("Stop the monolith") {
            drop(self.running.remove(MONOLITH).unwrap());
        }
    }

    fn types(&mut self, command: &str, says: &str) {
        let (typed, says) = (self.here(command), self.here(says));
        let on = [MONOLITH, RUN, PROXY];
        if let Some(program) = on.into_iter().find(|on| command.ends_with(on)) {
            let name = program.rsplit(' ').next().unwrap();
            // The shell gives way to it, so that its end is the program's.
            let typed = typed.replace(program, &format!("exec {program}"));
            let running = self.typing.starts(&typed, name);
            running.starts_with(command, &says);
            self.running.insert(program, running);
            return;
        }
        // What only looks may be asked until what was begun has come so far.
        match looks(command) {
            true => eventually_says(command, &says, || self.typing.says(&typed)),
            false => says_so(command, &says, &self.typing.says(&typed)),
        }
        if command.starts_with("cutline init") {
            self.adds("routes.toml", "");
            let functions = fs::read_to_string(self.folder.join("functions.toml")).unwrap();
            let listen = "[serve]\nlisten = \"127.0.0.1:7070\"\n\n";
            self.writes("functions.toml", &format!("{listen}{functions}"));
        }
    }
}

fn looks(command: &str) -> bool {
    let asks = command.starts_with("curl") && !command.contains("--json");
    asks || ["cutline status", "cutline diff"]
        .iter()
        .any(|looks| command.starts_with(looks))
}
