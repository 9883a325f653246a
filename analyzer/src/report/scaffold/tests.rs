//! Small monoliths, and what is written for them.

use super::*;
use crate::{Catalog, Options, survey};

fn scaffolded(files: &[(&str, &str)], python: &[Stage]) -> Result<Scaffold, ScaffoldError> {
    let tree = SourceTree::from_texts("small", files.iter().copied());
    let options = Options {
        catalog: Catalog::built_in(),
        pins: [
            ("load.py", "ingestion"),
            ("train.py", "training"),
            ("judge.py", "evaluation"),
            ("serve.py", "inference"),
        ]
        .map(|(file, stage)| (file.to_owned(), stage.to_owned()))
        .into(),
    };
    let (analysis, report) = survey(&tree, &options);
    let wish = Wish {
        python: python.iter().copied().collect(),
        requirements: vec![(
            "requirements.txt".into(),
            "pandas==2.2.3\njoblib\nflask\n".into(),
        )],
    };
    scaffold(&tree, &analysis, &report, &wish)
}

fn text<'s>(scaffold: &'s Scaffold, stage: Stage, path: &str) -> &'s str {
    let app = scaffold.apps.iter().find(|app| app.stage == stage);
    let files = &app.expect("the stage has an app").files;
    let file = files.iter().find(|(name, _)| name == path);
    &file.unwrap_or_else(|| panic!("{stage} has no {path}")).1
}

const LOAD: (&str, &str) = (
    "load.py",
    "import pandas as pd\n\ndef load(path):\n    return pd.read_csv(path)\n",
);
const TRAIN: (&str, &str) = (
    "train.py",
    "import joblib\n\ndef fit(frame):\n    joblib.dump(frame, 'model.pkl')\n    return frame\n",
);
const ALL: [Stage; 2] = [Stage::Ingestion, Stage::Training];

#[test]
fn a_run_goes_the_way_of_the_function_that_asks_the_stages() {
    let run = "from load import load\nfrom train import fit\n\n\
               def main(path, rate=0.1):\n    fit(load(path))\n";
    let found = scaffolded(&[LOAD, TRAIN, ("run.py", run), ("odd.py", "x = 1\n")], &ALL).unwrap();
    assert_eq!(found.run.as_deref(), Some("run.py:main"));
    assert_eq!(found.values, ["path"]);
    assert_eq!(found.begins.as_deref(), Some("small-to-ingestion"));
    let app = text(&found, Stage::Training, "function_app.py");
    assert!(
        app.contains("queue_name=\"small-ingestion-to-training\""),
        "{app}"
    );
    assert!(
        app.contains("path=\"small-ingestion-to-training/runs/{run}.zip\""),
        "{app}"
    );
    assert!(
        app.contains("(\"function\", \"run\", \"main\", [(\"path\", \"value\", \"\")])"),
        "{app}"
    );
    assert!(
        app.contains("(\"load\", \"load.py\", \"load\", \"ingestion\"),"),
        "{app}"
    );
    let modules = &found.apps[0].modules;
    assert_eq!(*modules, ["load.py", "run.py", "train.py"]);
    let needs = text(&found, Stage::Ingestion, "requirements.txt");
    assert!(
        needs.contains("pandas==2.2.3\n") && !needs.contains("flask"),
        "{needs}"
    );
    assert_eq!(
        text(&found, Stage::Ingestion, "constraints.txt"),
        "pandas==2.2.3\n"
    );
    let settings: Vec<&str> = found.apps[0]
        .settings
        .iter()
        .map(|it| it.name.as_str())
        .collect();
    assert_eq!(settings, ["CUTLINE_VALUE_PATH"]);
    let again = scaffolded(&[LOAD, TRAIN, ("run.py", run), ("odd.py", "x = 1\n")], &ALL);
    assert_eq!(again.unwrap(), found);
}

#[test]
fn a_package_below_a_folder_is_imported_as_its_code_imports_it() {
    let run = "from shop.load import load\nfrom shop.train import fit\n\n\
               def main():\n    fit(load('data/raw.csv'))\n";
    let files = [
        ("src/shop/__init__.py", ""),
        ("src/shop/load.py", LOAD.1),
        ("src/shop/train.py", TRAIN.1),
        ("src/shop/run.py", run),
        ("data/raw.csv", "a\n1\n"),
        ("data/other.csv", "a\n1\n"),
    ];
    let tree = SourceTree::from_texts("small", files);
    let options = Options {
        catalog: Catalog::built_in(),
        pins: [
            ("src/shop/load.py", "ingestion"),
            ("src/shop/train.py", "training"),
        ]
        .map(|(file, stage)| (file.to_owned(), stage.to_owned()))
        .into(),
    };
    let (analysis, report) = survey(&tree, &options);
    let wish = Wish {
        python: ALL.into(),
        ..Wish::default()
    };
    let found = scaffold(&tree, &analysis, &report, &wish).unwrap();
    let app = text(&found, Stage::Ingestion, "function_app.py");
    assert!(app.contains("roots=[\"src\", \".\"]"), "{app}");
    assert!(
        app.contains("(\"shop.load\", \"src/shop/load.py\", \"load\", \"ingestion\")"),
        "{app}"
    );
    assert!(
        found.apps[0]
            .modules
            .contains(&"src/shop/__init__.py".to_owned())
    );
    assert_eq!(found.apps[0].copies, ["data/raw.csv"]);
}

#[test]
fn a_secret_is_read_from_its_setting_in_the_copy() {
    let value = "live-5d1f0c77a9e24b3e9b60";
    let load = format!("API_KEY = \"{value}\"  # billing\n{}", LOAD.1);
    let run = "from load import load\nfrom train import fit\n\ndef main():\n    fit(load('a'))\n";
    let files = [("load.py", load.as_str()), TRAIN, ("run.py", run)];
    let found = scaffolded(&files, &ALL).unwrap();
    let copy = text(&found, Stage::Training, "monolith/load.py");
    assert!(
        copy.starts_with("API_KEY = __import__(\"os\").environ[\"API_KEY\"]  # billing\n"),
        "{copy}"
    );
    let app = text(&found, Stage::Training, "function_app.py");
    assert!(
        app.contains("(\"API_KEY\", \"it replaces the secret of load.py:1\")"),
        "{app}"
    );
    let local = text(&found, Stage::Training, "local.settings.json");
    assert!(local.contains("\"API_KEY\": \"\""), "{local}");
    let written = found.apps.iter().flat_map(|app| &app.files);
    assert!(written.into_iter().all(|(_, text)| !text.contains(value)));

    let twice = format!("{load}# was {value}\n");
    let files = [("load.py", twice.as_str()), TRAIN, ("run.py", run)];
    let refused = scaffolded(&files, &ALL).unwrap_err();
    assert!(
        refused
            .to_string()
            .starts_with("load.py:6: a secret stands here"),
        "{refused}"
    );
}

#[test]
fn routes_are_answered_by_the_application_that_is_made() {
    let serve = "import joblib\nfrom flask import Blueprint\n\nbp = Blueprint('a', __name__)\n\n\
                 @bp.post('/predict/<int:number>')\ndef predict(number):\n\
                 \x20   return joblib.load('model.pkl').predict([[number]])\n";
    let app = "from flask import Flask\nfrom serve import bp\n\n\
               def create_app(testing=False):\n    app = Flask('x')\n\
               \x20   app.register_blueprint(bp)\n    return app\n";
    let found = scaffolded(&[("serve.py", serve), ("app.py", app)], &[Stage::Inference]).unwrap();
    let written = text(&found, Stage::Inference, "function_app.py");
    assert!(
        written.contains("web=(\"wsgi\", \"app:create_app\", True, [\"app\", \"serve\"])"),
        "{written}"
    );
    assert!(
        written.contains("@app.route(route=\"predict/{number}\", methods=[\"POST\"])"),
        "{written}"
    );
    assert!(found.run.is_none() && found.begins.is_none());
}

#[test]
fn nothing_to_start_is_said() {
    let refused = scaffolded(&[LOAD], &ALL).unwrap_err();
    assert_eq!(refused, ScaffoldError::Nothing);
    assert!(refused.to_string().starts_with("nothing to scaffold"));
}
