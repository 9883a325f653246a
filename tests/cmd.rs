//! Runs the command-line cases under `tests/cmd/`.
//!
//! A case is a file: arguments in, text and exit code out. They run in a
//! folder made here, because some of what they need (an empty folder, a link
//! that leads back to itself) cannot be checked in. To accept new output, run
//! with `TRYCMD=overwrite`.

use std::fs;
use std::path::Path;

/// Files the cases find, by path.
const FILES: [(&str, &str); 15] = [
    ("scaffolded/azure/mine.txt", "somebody's\n"),
    ("churn/train.py", "def fit():\n    pass\n"),
    ("text_only/notes.txt", "nothing to run\n"),
    ("tests_only/tests/test_a.py", "x = 1\n"),
    ("broken_config/a.py", "x = 1\n"),
    (
        "broken_config/cutline.toml",
        "[analyze]\nexclude = [\"a\"\nout = \"x\"\n",
    ),
    ("unknown_key/a.py", "x = 1\n"),
    (
        "unknown_key/cutline.toml",
        "[analyze]\ninclude_test = true\n",
    ),
    ("unknown_stage/a.py", "x = 1\n"),
    (
        "unknown_stage/cutline.toml",
        "[stages]\n\"a.py:f\" = \"trainning\"\n",
    ),
    ("routes/routes.toml", ROUTES),
    (
        "migration/report.json",
        r#"{"order": [{"stage": "inference"}], "stages": [{"stage": "training", "functions": 3}, {"stage": "monitoring", "functions": 1}]}"#,
    ),
    (
        "migration/functions.toml",
        "[serve]\nlisten = \"127.0.0.1:1\"\n[function.inference]\n[function.training]\nmodel = \"TODO\"\n",
    ),
    (
        "no_webhook/routes.toml",
        "listen = \"127.0.0.1:8080\"\n[monolith]\nupstream = [\"http://127.0.0.1:5000\"]\n[notify]\non = [\"roll-back\"]\n",
    ),
    (
        "no_url/routes.toml",
        "listen = \"127.0.0.1:8080\"\n[monolith]\nupstream = [\"localhost:5000\"]\n",
    ),
];

const ROUTES: &str = r#"listen = "127.0.0.1:8080"

[monolith]
upstream = ["http://127.0.0.1:5000"]

[stage.inference]
routes = ["POST /predict", "/score/{id}"]
candidate = ["http://127.0.0.1:7070"]
mode = "split"
percent = 0.5

[stage.training]
routes = ["POST /train"]
"#;

#[test]
fn command_line_cases() {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cmd");
    let _ = fs::remove_dir_all(&root);
    for (path, text) in FILES {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    fs::create_dir_all(root.join("empty")).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("loop", root.join("loop")).unwrap();

    std::env::set_current_dir(&root).unwrap();
    trycmd::TestCases::new()
        .register_bin("cutline", Path::new(env!("CARGO_BIN_EXE_cutline")))
        .case(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cmd/*.toml"))
        .run();
}
