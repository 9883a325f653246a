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
    let found = scaffolded(
        &[LOAD, TRAIN, ("run.py", run), ("odd.py", "import flask\n")],
        &ALL,
    )
    .unwrap();
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
    let again = scaffolded(
        &[LOAD, TRAIN, ("run.py", run), ("odd.py", "import flask\n")],
        &ALL,
    );
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
fn a_step_of_no_stage_that_changes_something_runs_in_one_app() {
    // Both are asked on one line, and the step through a decorator.
    let steps = "import functools\nfrom load import load\nfrom train import fit\nfrom judge import early, judge\n\n\
                 def timed(func):\n    @functools.wraps(func)\n    def wrapper(*args):\n\
                 \x20       return func(*args)\n    return wrapper\n\n\
                 def look(path):\n    return path.strip()\n\n\
                 @timed\ndef note(path):\n    open('notes.txt', 'a').write(look(path))\n\n\
                 def again(path):\n    fit(path)\n    fit(path)\n\n\
                 STEPS = {'load': load, 'again': again, 'judge': judge}\n\n\
                 def main(path):\n    early(path)\n    note(path)\n    for name, step in STEPS.items():\n\
                 \x20       step(path)\n";
    // Asked too early for its stage.
    let judge = "def judge(path):\n    return open(path).read()\n\n\
                 def early(path):\n    open('early.txt', 'a').write(path)\n";
    let files = [LOAD, TRAIN, ("judge.py", judge), ("steps.py", steps)];
    let stages = [Stage::Ingestion, Stage::Training, Stage::Evaluation];
    let found = scaffolded(&files, &stages).unwrap();
    let app = text(&found, Stage::Training, "function_app.py");
    let entries = app.find("entries=[").expect("it has entries");
    for entry in [
        "(\"judge\", \"judge.py\", \"early\", \"ingestion\"),",
        "(\"steps\", \"steps.py\", \"note\", \"ingestion\"),",
        "(\"steps\", \"steps.py\", \"again\", \"training\"),",
        "(\"judge\", \"judge.py\", \"judge\", \"evaluation\"),",
    ] {
        assert!(app[entries..].contains(entry), "{entry} is not in {app}");
    }
    assert!(!app.contains("\"look\""), "{app}");
    assert!(
        !found.left.iter().any(|left| left.contains("note itself")),
        "{:?}",
        found.left
    );
}

#[test]
fn what_scores_anew_in_the_flask_monolith_runs_with_inference() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/churn_flask");
    let tree = SourceTree::read(&root, &crate::SourceOptions::default()).unwrap();
    let options = Options {
        catalog: Catalog::built_in(),
        pins: Vec::new(),
    };
    let (analysis, report) = survey(&tree, &options);
    let wish = Wish {
        python: stages(&analysis),
        ..Wish::default()
    };
    let found = scaffold(&tree, &analysis, &report, &wish).unwrap();
    let app = text(&found, Stage::Monitoring, "function_app.py");
    let step = "(\"churn.pipeline\", \"churn/pipeline.py\", \"step_rescore\", \"inference\"),";
    assert!(app.contains(step), "{app}");
}

#[test]
fn relative_imports_make_a_package_of_a_folder() {
    let run = "from .load import load\nfrom .train import fit\n\n\
               def main():\n    fit(load('a.csv'))\n";
    let files = [
        ("shop/load.py", LOAD.1),
        ("shop/train.py", TRAIN.1),
        ("shop/run.py", run),
    ];
    let tree = SourceTree::from_texts("small", files);
    let pins = [("shop/load.py", "ingestion"), ("shop/train.py", "training")];
    let options = Options {
        catalog: Catalog::built_in(),
        pins: pins
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
    assert!(app.contains("roots=[\".\"]"), "{app}");
    assert!(
        app.contains("(\"function\", \"shop.run\", \"main\", [])"),
        "{app}"
    );
}

#[test]
fn files_that_only_configuration_names_are_copied_and_folders_are_there() {
    let run = "import yaml\nfrom load import load\nfrom train import fit\n\n\
               def main():\n    conf = yaml.safe_load(open('conf.yaml'))\n\
               \x20   fit(load(conf['rows']))\n    open('big/out.csv', 'w').write('')\n";
    let files = [
        LOAD,
        TRAIN,
        ("run.py", run),
        ("conf.yaml", "rows: \"raw/rows.csv\"\n"),
        ("raw/rows.csv", "a\n1\n"),
        ("big/other.csv", "a\n1\n"),
    ];
    let found = scaffolded(&files, &ALL).unwrap();
    assert_eq!(found.apps[0].copies, ["conf.yaml", "raw/rows.csv"]);
    let app = text(&found, Stage::Ingestion, "function_app.py");
    assert!(
        app.contains("folders=[\n        \"big\",\n        \"raw\",\n"),
        "{app}"
    );
}

#[test]
fn a_secret_in_a_comment_is_blackened_and_one_in_bytes_refused() {
    let token = "ghp_16C7e42F292c6912E7710c838347Ae178B4a";
    let run = "from load import load\nfrom train import fit\n\ndef main():\n    fit(load('a'))\n";
    let load = format!(
        "# coding: latin-1\n# password = hunter22x\nx = 1  # {token}\n{}",
        LOAD.1
    );
    let files = [("load.py", load.as_str()), TRAIN, ("run.py", run)];
    let found = scaffolded(&files, &ALL).unwrap();
    let copy = text(&found, Stage::Training, "monolith/load.py");
    assert!(
        copy.starts_with(
            "# coding: utf-8\n# (a secret stood here)\nx = 1  # (a secret stood here)\nimport"
        ),
        "{copy}"
    );
    for bytes in [
        format!("KEY = b'{token}'\n"),
        "PASSWORD = b'hunter22x'\n".to_owned(),
    ] {
        let load = format!("{bytes}{}", LOAD.1);
        let files = [("load.py", load.as_str()), TRAIN, ("run.py", run)];
        let refused = scaffolded(&files, &ALL).unwrap_err().to_string();
        assert!(
            refused.starts_with("load.py:1: a secret stands here"),
            "{refused}"
        );
    }
}

#[test]
fn routes_have_the_paths_that_azure_takes() {
    let serve = "import joblib\nfrom flask import Flask\n\napp = Flask('x')\n\n\
                 def score():\n    return joblib.load('model.pkl').predict([[1]])\n\n\
                 @app.get('/')\ndef home():\n    return score()\n\n\
                 @app.get('/files/<path:name>')\ndef of_file(name):\n    return score()\n\n\
                 @app.get('/admin/scores')\ndef scores():\n    return score()\n";
    let found = scaffolded(&[("serve.py", serve)], &[Stage::Inference]).unwrap();
    let written = text(&found, Stage::Inference, "function_app.py");
    assert!(
        written.contains("@app.route(route=\"/\", methods=[\"GET\"])"),
        "{written}"
    );
    assert!(
        written.contains("@app.route(route=\"files/{*name}\", "),
        "{written}"
    );
    assert!(!written.contains("admin"), "{written}");
    assert!(
        found
            .left
            .iter()
            .any(|left| left.starts_with("GET /admin/scores: the host keeps")),
        "{:?}",
        found.left
    );
}

#[test]
fn djangos_settings_are_named_to_each_app() {
    let manage = "import os\n\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site.settings')\n";
    let urls = "from django.urls import path\nimport views\n\n\
                urlpatterns = [path('rows/', views.rows)]\n";
    let views = "from django.http import JsonResponse\nfrom load import load\n\n\
                 def rows(request):\n    return JsonResponse(load('a').to_dict())\n";
    let run = "from load import load\nfrom train import fit\n\ndef main():\n    fit(load('a'))\n";
    let files = [
        LOAD,
        TRAIN,
        ("run.py", run),
        ("manage.py", manage),
        ("urls.py", urls),
        ("views.py", views),
        (
            "site/settings.py",
            "ROOT_URLCONF = 'urls'\nINSTALLED_APPS = []\n",
        ),
        ("listed.py", "x = 1\n"),
    ];
    let found = scaffolded(&files, &ALL).unwrap();
    let app = text(&found, Stage::Training, "function_app.py");
    assert!(app.contains("    django=\"site.settings\",\n"), "{app}");
    assert!(found.apps[1].modules.contains(&"listed.py".to_owned()));
}

#[test]
fn nothing_to_start_is_said() {
    let refused = scaffolded(&[LOAD], &ALL).unwrap_err();
    assert_eq!(refused, ScaffoldError::Nothing);
    assert!(refused.to_string().starts_with("nothing to scaffold"));
}
